//! What keys do, one by one and any of them in any order at any size.

use proptest::prelude::*;

use super::{Desk, canned};
use crate::engine::api::*;
use crate::tui::effects::Effect;
use crate::tui::input::actions::{Action, Context, TABLE};
use crate::tui::msg::Msg;
use crate::tui::overlay::Overlay;
use crate::tui::screens::dashboard::Pane as DashboardPane;
use crate::tui::screens::sync::state::Pane;
use crate::tui::screens::{SCREENS, ScreenId};

fn requests(desk: &Desk) -> Vec<Request> {
    let all = desk.engine.asked.lock().unwrap();
    let rows = |request: &&Request| {
        !matches!(
            request,
            Request::Events(_)
                | Request::Records(_)
                | Request::Plan { .. }
                | Request::Remember { .. }
                | Request::Cases(_)
                | Request::Attempts(_)
        )
    };
    all.iter().filter(rows).cloned().collect()
}

/// States in which some key might have something to do.
fn desks(context: Context) -> Vec<Desk> {
    let mut out = Vec::new();
    let ways: &[&[&str]] = &[
        &[],
        &["j", "j", "j"],
        &["1"],
        &["1", "j"],
        &["3"],
        &["3", "j"],
        &["1", "1"],
        &["2", "2"],
        &["3", "3"],
        &["3", "3", "j"],
        &["3", "3", "backtab", "j"],
        &["3", "3", "H"],
        &["4"],
        &["4", "j", "j"],
        &["4", "l"],
        &["4", "O"],
        &["4", "enter", "j"],
        &["4", "enter", "t", "j"],
        &["4", "enter", "/", "a", "enter"],
        &["7"],
        &["5"],
        &["5", "j", "j", "j"],
        &["5", "enter", "j"],
        &["5", "/", "i", "enter"],
        &["6"],
        &["6", "j", "j"],
        &["6", "tab", "j", "j"],
        &["6", "tab", "enter"],
        &["6", "tab", "j", "enter", "j", "j"],
        &["6", "tab", "j", "enter", "/", "a", "enter"],
        &["2", "2", "enter"],
        &["2", "2", "j", "enter", "tab"],
        &["2", "2", "t", "j"],
        &["2", "2", "enter", "tab", "G"],
        &["2", "2", "enter", "tab", "/", "a", "enter"],
        &["d", "E", "s", "7", "j"],
    ];
    for prepare in ways {
        let mut desk = Desk::new("running", (80, 24));
        for key in *prepare {
            desk.key(key);
            desk.draw();
        }
        match context {
            Context::Main => {}
            Context::Typing if desk.state.screen == ScreenId::Events => {
                desk.key("/");
                desk.key("t");
            }
            Context::Typing if desk.state.screen == ScreenId::Sync => {
                desk.key("/");
                desk.key("s");
            }
            Context::Typing if desk.state.screen == ScreenId::Payments => {
                desk.key("/");
                desk.key("i");
            }
            Context::Typing if desk.state.screen == ScreenId::Deliveries && prepare.len() == 1 => {
                desk.key("a");
                desk.key("3");
            }
            Context::Typing if desk.state.screen == ScreenId::Records => {
                desk.key("S");
                desk.send(Msg::Paste("INV".into()));
                desk.draw();
                desk.key("down");
            }
            Context::Typing => {
                // Lists that are typed into, and fields of a form.
                desk.key(if prepare.len() == 1 { "c" } else { ":" });
                desk.draw();
                desk.key("down");
                if desk.state.context() != Context::Typing {
                    desk.key("down");
                }
            }
            Context::Form if desk.state.screen == ScreenId::Deliveries && prepare.len() > 1 => {
                desk.key("R");
                desk.key("j");
            }
            Context::Form if desk.state.screen == ScreenId::Sync => {
                if desk.state.sync.focus != Pane::What {
                    continue;
                }
                desk.key("enter");
                desk.key("j");
            }
            Context::Form => super::integrations::to_a_form(&mut desk, prepare.len()),
            Context::Reading => {
                desk.key("?");
                desk.draw();
                if !prepare.is_empty() {
                    desk.key("j");
                }
            }
            Context::Confirm if desk.state.screen == ScreenId::Deliveries && prepare.len() == 3 => {
                desk.key("X");
            }
            Context::Confirm => {
                if desk.state.screen != ScreenId::Dashboard {
                    continue;
                }
                desk.engine = canned::Fake::new("idle");
                desk.snapshot();
                desk.key("s");
            }
        }
        desk.draw();
        out.push(desk);
    }
    out
}

#[test]
fn every_key_of_the_table_does_something_and_is_in_the_help() {
    let mut help = Desk::new("data", (200, 160));
    help.key("?");
    let help = help.draw();
    for row in TABLE {
        let words = row.help.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        assert!(help.contains(&words), "{:?} is not in the help:\n{help}", row.action);
        for context in row.contexts {
            for name in row.keys {
                let alive = desks(*context).into_iter().any(|mut desk| {
                    if desk.state.context() != *context || !row.is_on(desk.state.screen) {
                        return false;
                    }
                    let before = desk.state.clone();
                    desk.key(name) > 0 || desk.state != before
                });
                assert!(alive, "{name} ({:?}) is dead in {context:?}", row.action);
            }
        }
    }
}

#[test]
fn every_action_is_in_the_palette_and_does_there_what_its_key_does() {
    for screen in SCREENS {
        let rows: Vec<_> = TABLE.iter().filter(|row| row.contexts.contains(&Context::Main)).collect();
        for row in rows {
            if row.action == Action::Palette {
                continue;
            }
            let open = || {
                let mut desk = Desk::new("running", (120, 36));
                desk.state.go(screen.id);
                desk.draw();
                desk
            };
            let mut by_key = open();
            by_key.key(row.keys[0]);
            let mut by_name = open();
            by_name.key(":");
            by_name.send(Msg::Paste(row.hint.into()));
            let Some(Overlay::Palette(palette)) = by_name.state.overlays.last_mut() else {
                panic!("no palette")
            };
            palette.selected = Some(row.action);
            let listed = crate::tui::overlay::palette::rows(&by_name.state, row.hint);
            let (_, can) = listed.iter().find(|(one, _)| one.action == row.action).unwrap_or_else(|| {
                panic!("{:?} is not in the palette by its own name on {:?}", row.action, screen.id)
            });
            if can.is_ok() {
                by_name.key("enter");
                assert_eq!(by_name.effects, by_key.effects, "{:?} on {:?}", row.action, screen.id);
                assert_eq!(by_name.state.screen, by_key.state.screen, "{:?} on {:?}", row.action, screen.id);
                assert_eq!(
                    by_name.state.overlays, by_key.state.overlays,
                    "{:?} on {:?}",
                    row.action, screen.id
                );
            } else {
                by_name.key("enter");
                assert!(by_name.state.toast.is_some(), "{:?} on {:?}", row.action, screen.id);
            }
        }
    }
}

#[test]
fn the_list_of_keys_in_the_docs_is_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/KEYS.md");
    let wanted = crate::tui::input::actions::as_markdown();
    if std::env::var_os("UPDATE_KEYS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == wanted,
        "docs/KEYS.md is not what the table says: UPDATE_KEYS=1 cargo test --lib docs writes it"
    );
}

#[test]
fn quitting_is_at_once_whatever_runs_or_is_open() {
    for keys in [&[][..], &["?"], &["M"]] {
        let mut desk = Desk::new("running", (80, 24));
        for key in keys {
            desk.key(key);
        }
        desk.key("q");
        assert_eq!(desk.effects.last(), Some(&Effect::Quit));
    }
    let mut desk = Desk::new("idle", (80, 24));
    desk.key("s");
    desk.key("ctrl-c");
    assert_eq!(desk.effects.last(), Some(&Effect::Quit));
    let mut desk = Desk::new("data", (80, 24));
    for _ in 0..5 {
        desk.key("esc");
    }
    assert!(!desk.effects.contains(&Effect::Quit));
}

#[test]
fn live_accounts_ask_first_and_only_y_is_yes() {
    for no in ["n", "enter", "esc", "q"] {
        let mut desk = Desk::new("idle", (80, 24));
        desk.key("s");
        let text = desk.draw();
        assert!(text.contains("Sync Acme Inc  LIVE ?") && text.contains("about 14 reads"), "{text}");
        desk.key(no);
        assert!(desk.state.overlays.is_empty() && requests(&desk).is_empty(), "{no}");
    }
    let mut desk = Desk::new("idle", (80, 24));
    desk.key("d");
    assert!(desk.draw().contains("Discover Acme Inc  LIVE ?"));
    desk.key("y");
    assert!(matches!(requests(&desk)[..], [Request::Discover { integration: IntegrationId(1), .. }]));
    assert!(desk.draw().contains("the discover of Acme Inc goes on where it stopped"));
}

#[test]
fn test_accounts_start_at_once_and_a_refusal_is_told() {
    let mut desk = Desk::new("idle", (120, 36));
    desk.key("1");
    desk.key("j");
    desk.key("E");
    let asked = requests(&desk);
    assert!(
        matches!(&asked[..], [Request::Sync { integration: IntegrationId(2), spec }] if spec.retry_errors),
        "{asked:?}"
    );
    assert!(desk.draw().contains("no sync of Acme sandbox: the catalog is empty: discover first"));
    desk.now_ms += 5_000;
    desk.send(Msg::Tick);
    assert!(desk.state.toast.is_none());
    desk.key("M");
    assert!(desk.draw().contains("the catalog is empty: discover first"));
}

#[test]
fn what_runs_is_not_started_twice_and_can_be_stopped() {
    let mut desk = Desk::new("running", (120, 36));
    desk.key("d");
    assert!(desk.draw().contains("a discover of Acme Inc is running already"));
    assert!(requests(&desk).is_empty());
    desk.key("x");
    assert_eq!(requests(&desk), [Request::Cancel { job: JobId(4) }]);
    assert!(desk.draw().contains("the sync of Acme Inc stops; s takes it up again"));
}

#[test]
fn copying_sends_the_event_or_the_account() {
    let mut desk = Desk::new("data", (120, 36));
    desk.key("y");
    assert_eq!(desk.effects.last(), Some(&Effect::Copy("evt_1Qx999999".into())));
    desk.key("1");
    desk.key("y");
    assert_eq!(desk.effects.last(), Some(&Effect::Copy("acct_1Qx1".into())));
}

#[test]
fn a_digit_focuses_and_again_opens_the_screen() {
    let mut desk = Desk::new("data", (140, 40));
    desk.key("3");
    assert_eq!((desk.state.dashboard.focus, desk.state.screen), (DashboardPane::Sync, ScreenId::Dashboard));
    desk.key("3");
    assert_eq!(desk.state.screen, ScreenId::Sync);
    assert!(desk.draw().contains("Acme Inc › Sync"));
    desk.key("4");
    assert_eq!((desk.state.screen, desk.state.trail.len()), (ScreenId::Records, 2));
    desk.key("esc");
    assert_eq!(desk.state.screen, ScreenId::Sync);
    desk.key("z");
    assert_eq!((desk.state.screen, desk.state.trail.len()), (ScreenId::Dashboard, 0));
    assert!(desk.draw().contains("Live events"));
}

#[test]
fn the_feed_freezes_counts_and_follows_again() {
    let mut desk = Desk::new("data", (140, 40));
    desk.key("space");
    let newest = desk.engine.rows.lock().unwrap()[0].clone();
    {
        let mut rows = desk.engine.rows.lock().unwrap();
        for n in 0..37 {
            let id = format!("evt_2{n:04}");
            rows.insert(0, EventRow { id, created: newest.created + n, ..newest.clone() });
        }
    }
    desk.engine.snapshots.send_modify(|snapshot| std::sync::Arc::make_mut(snapshot).events_version += 1);
    desk.snapshot();
    assert!(desk.draw().contains("frozen · 37 new above   Space follows again"));
    assert_eq!(desk.state.dashboard.feed.selected().unwrap().id, newest.id);
    desk.key("g");
    assert!(desk.draw().contains("following"));
    assert_eq!(desk.state.dashboard.feed.selected().unwrap().id, "evt_20036");
}

#[test]
fn new_messages_are_told_and_old_ones_are_not() {
    let mut desk = Desk::new("data", (120, 36));
    assert!(desk.state.toast.is_none());
    let message = Message {
        seq: 2,
        at: canned::NOW,
        level: Level::Error,
        integration: None,
        text: "the disk is full\u{1b}[2J".into(),
    };
    desk.engine.snapshots.send_modify(|snapshot| std::sync::Arc::make_mut(snapshot).messages.push(message));
    desk.snapshot();
    let text = desk.draw();
    assert!(text.contains("the disk is full") && !text.contains("[2J"), "{text}");
    desk.key("M");
    assert!(matches!(desk.state.overlays[..], [Overlay::Messages { .. }]));
}

#[test]
fn an_engine_that_is_gone_is_told_and_not_asked() {
    let mut desk = Desk::new("data", (120, 36));
    desk.send(Msg::EngineGone);
    assert!(desk.draw().contains("the engine has stopped"));
    desk.key("d");
    assert!(requests(&desk).is_empty());
}

#[test]
fn the_next_start_looks_as_the_last_one_did() {
    let mut desk = Desk::new("data", (140, 40));
    desk.key("]");
    desk.key("2");
    desk.key("2");
    desk.key("/");
    for c in ["t", "y", "p", "e", ":", "*", "f", "a", "i", "l", "e", "d", "enter"] {
        desk.key(c);
    }
    let asked = desk.engine.asked.lock().unwrap().clone();
    let kept = asked.iter().rev().find_map(|request| match request {
        Request::Remember { text } => Some(text.clone()),
        _ => None,
    });
    let kept = kept.unwrap();
    let fresh = |kept: &str| {
        let engine = canned::Fake::new("data");
        engine.snapshots.send_modify(|snapshot| {
            std::sync::Arc::make_mut(snapshot).remembered = Some(kept.to_owned());
        });
        let mut next = Desk::new("opening", (140, 40));
        next.engine = engine;
        next
    };
    let mut next = fresh(&kept);
    next.snapshot();
    assert_eq!((next.state.screen, next.state.selected), (ScreenId::Events, Some(IntegrationId(2))));
    assert_eq!(next.state.events.filter.applied, "type:*failed");
    assert!(
        next.effects
            .iter()
            .all(|effect| !matches!(effect, Effect::Request { request: Request::Remember { .. }, .. }))
    );
    // A key that was pasted into a line by mistake is kept nowhere.
    let key = format!("sk_live_{}", "a1".repeat(16));
    desk.state.events.filter.apply(&key);
    desk.key("7");
    let asked = desk.engine.asked.lock().unwrap().clone();
    let kept_key =
        asked.iter().any(|request| matches!(request, Request::Remember { text } if text.contains(&key)));
    assert!(!kept_key);
    // Who has pressed a key meanwhile stays where that led.
    let mut next = fresh(&kept);
    next.key("7");
    next.snapshot();
    assert_eq!(next.state.screen, ScreenId::Log);
    for broken in ["", "{", "[1]", "{\"screen\":\"Nowhere\",\"account\":99}"] {
        let mut next = fresh(broken);
        next.snapshot();
        assert_eq!((next.state.screen, next.state.selected), (ScreenId::Dashboard, Some(IntegrationId(1))));
    }
}

#[test]
fn every_action_is_in_the_table() {
    for action in [Action::Down, Action::Quit, Action::Yes, Action::Suspend] {
        assert!(crate::tui::input::actions::row(action).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_at_any_size_with_any_keys(
        name in 0..canned::NAMES.len(),
        steps in proptest::collection::vec((0..90_usize, 0..220_u16, 0..70_u16), 1..40),
        ascii: bool,
    ) {
        let keys: Vec<&str> = TABLE.iter().flat_map(|row| row.keys.iter().copied()).collect();
        let mut desk = Desk::new(canned::NAMES[name], (80, 24));
        for (key, width, height) in steps {
            if let Some(key) = keys.get(key) {
                desk.key(key);
            } else {
                desk.send(Msg::Resize(width, height));
            }
            desk.now_ms += 700;
            desk.send(Msg::Tick);
            let buf = desk.buffer(ascii);
            prop_assert_eq!(buf.area.width, desk.state.size.0);
        }
    }

    #[test]
    fn every_size_draws(width in 0..220_u16, height in 0..70_u16, name in 0..canned::NAMES.len()) {
        let mut desk = Desk::new(canned::NAMES[name], (width, height));
        for key in [
            "1", "3", "3", "2", "2", "A", "?", "M", "esc", "esc", "s", "n", "5", "F", "j", "enter", "j", "6", "j", "a",
            "tab", "esc", "j", "tab", "enter", "R", "esc",
        ] {
            desk.key(key);
            desk.draw();
        }
    }
}

#[test]
fn the_tiniest_sizes_draw() {
    for name in canned::NAMES {
        for size in [(0, 0), (1, 1), (0, 9), (9, 0), (59, 16), (60, 15), (60, 16), (219, 16), (60, 69)] {
            let mut desk = Desk::new(name, size);
            for key in [
                "2", "?", "esc", "s", "n", "1", "3", "3", "G", "5", "enter", "esc", "6", "a", "esc", "tab",
                "enter",
            ] {
                desk.key(key);
                desk.draw_at(size);
            }
        }
    }
}
