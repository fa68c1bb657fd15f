//! The sync screen: what it draws, what its keys do, what it asks for and what it never does.

use super::{Desk, canned, canned_sync};
use crate::engine::api::*;
use crate::stripe::kind::Kind;
use crate::tui::fmt::width;
use crate::tui::input::actions::Context;
use crate::tui::msg::Msg;
use crate::tui::overlay::Overlay;
use crate::tui::screens::ScreenId;
use crate::tui::screens::sync::choice::Span;
use crate::tui::screens::sync::state::Pane;

const SIZES: [(u16, u16); 5] = [(80, 24), (100, 30), (120, 36), (140, 40), (200, 50)];

fn open(name: &str, size: (u16, u16)) -> Desk {
    let mut desk = Desk::new(name, size);
    desk.keys(&["3", "3"]);
    assert_eq!(desk.state.screen, ScreenId::Sync);
    desk.draw();
    desk
}

impl Desk {
    fn keys(&mut self, keys: &[&str]) {
        for key in keys {
            self.key(key);
            self.draw();
        }
    }

    fn write(&mut self, text: &str) {
        for c in text.chars() {
            self.key(&if c == ' ' { "space".to_owned() } else { c.to_string() });
        }
    }

    /// What was asked of the engine besides rows and events.
    fn sent(&self) -> Vec<Request> {
        let all = self.engine.asked.lock().unwrap();
        let rows = |request: &&Request| !matches!(request, Request::Events(_) | Request::Records(_));
        all.iter().filter(rows).cloned().collect()
    }

    fn last_plan(&self) -> (DiscoverSpec, bool) {
        let plans = self.sent().into_iter().rev().find_map(|request| match request {
            Request::Plan { discover, look, .. } => Some((discover.unwrap(), look)),
            _ => None,
        });
        plans.expect("a plan was asked for")
    }

    fn job(&mut self, change: impl FnOnce(&mut IntegrationView)) {
        self.engine.snapshots.send_modify(|snapshot| {
            change(&mut std::sync::Arc::make_mut(snapshot).integrations[0]);
        });
        self.snapshot();
    }
}

fn has(text: &str, wanted: &[&str]) {
    for word in wanted {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
}

#[test]
fn every_state_is_whole_at_every_size() {
    let ways: &[&[&str]] = &[
        &[],
        &["tab"],
        &["tab", "tab"],
        &["backtab"],
        &["backtab", "/"],
        &["enter"],
        &["j", "enter"],
        &["j", "enter", "G", "enter"],
        &["j", "j", "enter"],
        &["H"],
        &["H", "enter"],
        &["V"],
        &["p"],
    ];
    for name in canned::NAMES {
        for size in SIZES {
            for way in ways {
                let mut desk = open(name, size);
                desk.keys(way);
                let text = desk.draw();
                for line in text.lines() {
                    assert_eq!(width(line), usize::from(size.0), "{name} {size:?} {way:?}:\n{text}");
                }
                let edges = |corner: char| text.chars().filter(|c| *c == corner).count();
                assert_eq!(edges('╭'), edges('╮'), "{name} {size:?} {way:?}:\n{text}");
                assert_eq!(edges('╰'), edges('╯'), "{name} {size:?} {way:?}:\n{text}");
                let buf = desk.buffer(true);
                assert!(buf.content.iter().all(|cell| cell.symbol().is_ascii()));
            }
        }
    }
}

#[test]
fn the_four_panes_show_what_is_known() {
    for size in [(120, 36), (140, 40), (200, 50)] {
        let text = open("running", size).draw();
        has(
            &text,
            &[
                "Acme Inc › Sync",
                "open  paid  uncollectible  void",
                "the beginning → today",
                "auto: 15 GET/s, 40 overall",
                "leaves your own traffic 10 of",
                "retry 9 failed",
                "Next run, before it runs",
                "nothing sent yet",
                "52 000",
                "1 226 reads, 12 % of the",
                "about 48 s",
                "26 % after it",
                "Running discover and sync · since",
                "stops, safely",
                "waits: Stripe said slow down (endpoint-rate), 2 s",
                "41 200",
                "1 909 pending",
                "9 failed",
                "INV-9000",
                "$1,240.00",
            ],
        );
    }
}

#[test]
fn a_small_screen_shows_one_pane_and_what_runs() {
    let mut desk = open("running", (80, 24));
    has(
        &desk.draw(),
        &["What", "Next run", "Running 95 %", "Statuses", "GET/s of 40", "Catalog", "waits: Stripe said"],
    );
    desk.key("tab");
    has(&desk.draw(), &["1 226 reads", "after it"]);
    desk.keys(&["tab", "tab"]);
    has(&desk.draw(), &["INV-9000", "pending"]);
}

#[test]
fn empty_loading_and_error_say_what_to_do() {
    for size in SIZES {
        has(&open("empty", size).draw(), &["no account connected yet"]);
        has(&open("opening", size).draw(), &["opening the store …"]);
        has(&open("failed", size).draw(), &["the store can't be used"]);
        let mut desk = open("demo", size);
        desk.key("tab");
        has(&desk.draw(), &["not known yet", "looks at a few pages"]);
        desk.key("tab");
        has(&desk.draw(), &["nothing has run yet: d lists what is at Stripe"]);
        desk.key("tab");
        has(&desk.draw(), &["nothing is listed yet", "d lists what is at Stripe"]);
        desk.key("H");
        has(&desk.draw(), &["no run has ended yet"]);
    }
    let mut desk = open("idle", (120, 36));
    desk.keys(&["tab", "tab"]);
    has(&desk.draw(), &["the last discover failed 13:31", "Stripe answered 500 three times", "d goes on"]);
}

#[test]
fn what_is_chosen_is_planned_for_and_sent() {
    let mut desk = open("idle", (120, 36));
    desk.key("]");
    let one = desk.state.selected.unwrap();
    // Statuses: all but void; Esc takes nothing.
    desk.keys(&["enter", "G", "space", "esc"]);
    assert_eq!(desk.state.sync.choice(one).statuses().len(), 4);
    desk.keys(&["enter", "G", "space", "enter"]);
    assert_eq!(desk.last_plan().0.statuses, ["open", "paid", "uncollectible"]);
    // Last 30 days.
    desk.keys(&["j", "enter", "g", "j", "j", "enter"]);
    assert_eq!(desk.state.sync.choice(one).span, Span::Last { days: 30 });
    assert_eq!(desk.last_plan().0.from.as_deref(), Some("2025-10-24"));
    // Refunds besides; drafts; polite.
    desk.keys(&["j", "enter", "j", "space", "enter", "j", "enter", "j", "enter", "j", "enter"]);
    let (spec, look) = desk.last_plan();
    assert_eq!(
        (spec.resources.as_slice(), spec.include_draft, spec.pace),
        (&[Kind::Refund][..], true, Pace::Polite)
    );
    assert!(!look, "nothing is sent to Stripe by choosing");
    desk.key("d");
    let Some(Request::Discover { spec: sent, .. }) = desk.sent().pop() else { panic!("{:?}", desk.sent()) };
    assert_eq!(sent, spec);
    // It is this account's alone, and is still there after looking at another.
    desk.keys(&["[", "]"]);
    assert_eq!(desk.state.sync.choices.len(), 1);
    has(&desk.draw(), &["2025-10-24 → today (last 30 days)", "included", "polite: 15 GET/s"]);
}

#[test]
fn typed_days_are_checked_while_they_are_typed() {
    let mut desk = open("idle", (120, 36));
    desk.keys(&["j", "enter", "G", "enter"]);
    assert_eq!(desk.state.context(), Context::Typing);
    desk.write("2025-13");
    has(&desk.draw(), &["There is no month 13."]);
    desk.keys(&["ctrl-u"]);
    desk.write("2025-02-30");
    has(&desk.draw(), &["2025-02-30"]);
    assert!(desk.state.sync.editing.as_ref().unwrap().typing.as_ref().unwrap().mistake.is_some());
    desk.key("enter");
    assert_eq!(desk.state.context(), Context::Typing, "a mistake is not taken");
    desk.keys(&["ctrl-u"]);
    desk.write("2025-02-01");
    desk.key("tab");
    desk.write("2025-01-01");
    has(&desk.draw(), &["The last day, 2025-01-01, is before"]);
    desk.key("ctrl-u");
    desk.send(Msg::Paste(" 2025-03-31\n".into()));
    desk.key("enter");
    let (spec, _) = desk.last_plan();
    assert_eq!((spec.from.as_deref(), spec.to.as_deref()), (Some("2025-02-01"), Some("2025-03-31")));
    has(&desk.draw(), &["2025-02-01 → 2025-03-31", "59 days"]);
}

#[test]
fn looking_asks_on_a_live_account_and_says_what_it_costs() {
    let mut desk = open("idle", (120, 36));
    desk.key("p");
    has(&desk.draw(), &["Look at a few pages of Acme Inc  LIVE ?", "up to 7 reads"]);
    desk.key("n");
    assert!(!desk.last_plan().1);
    desk.keys(&["p", "y"]);
    assert!(desk.last_plan().1);
    has(&desk.draw(), &["7 reads sent to look"]);
    // A test account is looked at straight away.
    desk.keys(&["]", "p"]);
    assert!(desk.last_plan().1 && desk.state.overlays.is_empty());
    assert!(desk.state.notes.iter().any(|note| note.text.contains("up to 7 reads")));
    // Choosing something else is a plan without a look again.
    desk.keys(&["g", "j", "j", "j", "enter"]);
    assert!(!desk.last_plan().1);
}

#[test]
fn a_costly_run_of_a_test_account_asks_and_a_cheap_one_does_not() {
    let mut desk = open("idle", (120, 36));
    desk.key("]");
    desk.key("d");
    assert!(matches!(desk.sent().last(), Some(Request::Discover { .. })), "520 reads are under a tenth");
    let mut desk = open("idle", (120, 36));
    desk.engine.snapshots.send_modify(|snapshot| {
        std::sync::Arc::make_mut(snapshot).integrations[1].sync_estimate_reads = 1001;
    });
    desk.snapshot();
    desk.keys(&["]", "s"]);
    has(&desk.draw(), &["Sync Acme sandbox  TEST ?", "about 1 001 reads, 10 % of the floor"]);
    assert!(!matches!(desk.sent().last(), Some(Request::Sync { .. })));
    desk.key("y");
    assert!(matches!(desk.sent().last(), Some(Request::Sync { .. })));
}

#[test]
fn a_sync_of_nothing_is_not_asked_about_but_explained() {
    for keys in [&["s"][..], &["3", "3", "s"]] {
        let mut desk = Desk::new("idle", (120, 36));
        desk.job(|one| one.catalog = CatalogCounts::default());
        desk.keys(keys);
        assert!(desk.state.overlays.is_empty());
        has(&desk.draw(), &["nothing of Acme Inc is listed yet: d (discover) comes first"]);
    }
}

#[test]
fn the_plan_is_asked_for_once_until_something_ends_or_changes() {
    let mut desk = open("idle", (120, 36));
    let plans = |desk: &Desk| desk.sent().iter().filter(|one| matches!(one, Request::Plan { .. })).count();
    assert_eq!(plans(&desk), 1);
    for n in 0..5 {
        desk.job(|one| one.catalog.stale += n);
    }
    assert_eq!(plans(&desk), 1, "a few entries more are no other plan");
    desk.job(|one| one.discover = Some(canned::job(JobKind::Discover, JobState::Running)));
    desk.job(|one| one.catalog.pending += 9000);
    assert_eq!(plans(&desk), 1, "while it runs the plan stands");
    desk.job(|one| one.discover = Some(canned::job(JobKind::Discover, JobState::Completed)));
    assert_eq!(plans(&desk), 2);
}

#[test]
fn marking_goes_by_what_the_row_is_and_all_asks_first() {
    let mut desk = open("idle", (140, 40));
    desk.key("backtab");
    assert_eq!(desk.state.sync.focus, Pane::Catalog);
    desk.key("v");
    let Some(Request::Mark { ids, mark, .. }) = desk.sent().pop() else { panic!("{:?}", desk.sent()) };
    assert_eq!((ids.len(), mark), (1, Mark::Skip), "it was to be synced");
    desk.keys(&["j", "v"]);
    let Some(Request::Mark { mark, .. }) = desk.sent().pop() else { panic!("{:?}", desk.sent()) };
    assert_eq!(mark, Mark::Sync, "it had failed");
    desk.key("/");
    desk.write("state:synced");
    desk.keys(&["enter", "g", "V"]);
    has(&desk.draw(), &["Sync 571 entries next time, of Acme Inc  LIVE ?", "filter: state:synced"]);
    desk.key("n");
    assert!(!matches!(desk.sent().last(), Some(Request::Mark { ids, .. }) if ids.len() > 1));
    desk.keys(&["V", "y"]);
    let Some(Request::Mark { ids, mark, .. }) = desk.sent().pop() else { panic!("{:?}", desk.sent()) };
    assert_eq!((ids.len(), mark), (571, Mark::Sync));
    assert!(desk.state.notes.iter().any(|note| note.text.starts_with("571 entries of Acme Inc")));
    desk.key("esc");
    assert_eq!(
        desk.state.sync.catalog.table.window.matching,
        canned_sync::ENTRIES,
        "Esc takes the filter away"
    );
}

#[test]
fn the_catalog_moves_orders_copies_and_tells_why_it_failed() {
    let mut desk = open("idle", (140, 40));
    desk.keys(&["backtab", "j", "j"]);
    has(&desk.draw(), &["└ page 3 of its 41 pages of lines: Stripe answered 500 three times"]);
    desk.key("y");
    let copied = crate::tui::effects::Effect::Copy("in_1Qx00000022eZvKYlo2C7Kp".into());
    assert!(desk.effects.contains(&copied), "{:?}", desk.effects.last());
    desk.key("O");
    let sort = desk.state.sync.catalog.sort.clone().unwrap();
    assert_eq!((sort.column.as_str(), sort.descending), ("created", false));
    desk.key("G");
    assert_eq!(desk.state.sync.catalog.table.row_number(), Some(canned_sync::ENTRIES - 1));
    desk.key("enter");
    assert_eq!(desk.state.screen, ScreenId::Records);
}

#[test]
fn the_history_lists_runs_and_tells_of_one() {
    let mut desk = open("data", (120, 36));
    desk.key("H");
    has(
        &desk.draw(),
        &["Sync › History", "4 runs", "not all of it done", "was stopped", "failed", "2025-01-01"],
    );
    desk.keys(&["G", "enter"]);
    has(
        &desk.draw(),
        &["job_17", "Stripe answered 500 three times", "Tried again", "412 of them list pages"],
    );
    desk.keys(&["esc", "g", "enter"]);
    has(&desk.draw(), &["! disputes: not allowed for this key", "39 280 of 41 200 invoices"]);
    desk.keys(&["esc", "esc"]);
    assert!(desk.state.sync.history.is_none());
    assert_eq!(desk.state.screen, ScreenId::Sync);
    desk.key("esc");
    assert_eq!(desk.state.screen, ScreenId::Dashboard);
}

#[test]
fn what_runs_is_stopped_and_a_stopped_one_goes_on() {
    let mut desk = open("running", (120, 36));
    desk.key("x");
    assert!(matches!(desk.sent().last(), Some(Request::Cancel { job: JobId(4) })));
    desk.job(|one| {
        one.sync = Some(canned::job(JobKind::Sync, JobState::Cancelled));
        one.discover = Some(canned::job(JobKind::Discover, JobState::Completed));
    });
    has(&desk.draw(), &["Nothing runs", "the last sync was stopped 13:31", "s goes on from there"]);
}

#[test]
fn a_wait_of_one_kind_is_shown_on_its_bar() {
    let mut desk = open("running", (140, 40));
    desk.job(|one| {
        let sync = one.sync.as_mut().unwrap();
        sync.parts[0].waiting = Some("waits 2 s, Stripe said slow down (endpoint-rate)".into());
        sync.parts[1].rate = 1440.0;
        sync.parts[1].eta_s = Some(19);
        sync.parts[1].finished = false;
    });
    desk.keys(&["tab", "tab"]);
    has(
        &desk.draw(),
        &["waits 2 s, Stripe said slow down (endpoint-rate)", "1 440/s", "19 s left", "GET/s of 40"],
    );
}

#[test]
fn a_question_stays_with_the_account_it_was_asked_about() {
    let mut desk = open("idle", (120, 36));
    desk.key("d");
    assert!(matches!(desk.state.overlays[..], [Overlay::Confirm(_)]));
    desk.keys(&["]", "y"]);
    assert!(matches!(desk.sent().last(), Some(Request::Discover { integration: IntegrationId(1), .. })));
}
