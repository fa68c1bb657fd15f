//! The events' screen: what its keys do and what stands on it.

use super::{Desk, canned};
use crate::engine::api::*;
use crate::tui::effects::Effect;
use crate::tui::input::actions::Context;
use crate::tui::msg::Msg;
use crate::tui::screens::ScreenId;
use crate::tui::screens::events::pane::Tab;
use crate::tui::screens::events::state::Focus;

const SIZES: [(u16, u16); 5] = [(80, 24), (100, 30), (120, 36), (140, 40), (200, 50)];

fn desk(name: &str, size: (u16, u16), keys: &[&str]) -> Desk {
    let mut desk = Desk::new(name, size);
    desk.key("2");
    desk.key("2");
    desk.draw();
    press(&mut desk, keys);
    desk
}

fn press(desk: &mut Desk, keys: &[&str]) {
    for key in keys {
        desk.key(key);
        desk.draw();
    }
}

fn write(desk: &mut Desk, text: &str) {
    for c in text.chars() {
        desk.key(&if c == ' ' { "space".to_owned() } else { c.to_string() });
    }
    desk.draw();
}

fn shows(desk: &mut Desk, wanted: &[&str]) -> String {
    let text = desk.draw();
    for word in wanted {
        assert!(text.contains(word), "no {word:?} at {:?}:\n{text}", desk.state.size);
    }
    text
}

#[test]
fn the_list_and_the_event_stand_side_by_side_or_in_turn() {
    for size in [(120, 36), (140, 40), (200, 50)] {
        let mut it = desk("data", size, &["G"]);
        let text = shows(
            &mut it,
            &[
                "Acme Inc › Events",
                "334 events",
                "── Friday, Nov 21 ──",
                "customer.updated",
                "evt_1Qx",
                "What changed",
            ],
        );
        assert!(text.contains("frozen"), "{text}");
    }
    let mut it = desk("data", (80, 24), &[]);
    let text = shows(&mut it, &["334 events", "following", "invoice.paid", "$1,240.00"]);
    assert!(!text.contains("What changed"), "{text}");
    press(&mut it, &["enter"]);
    let text = shows(&mut it, &["What changed", "data.object", "evt_1Qx999999"]);
    assert!(!text.contains("334 events"), "{text}");
    press(&mut it, &["esc"]);
    shows(&mut it, &["334 events"]);
}

#[test]
fn what_changed_says_what_it_rests_on() {
    let mut it = desk("data", (140, 40), &[]);
    let failed = it.state.events.feed.window.rows.iter().position(|row| row.event_type.ends_with("failed"));
    for _ in 0..failed.unwrap() {
        it.key("j");
    }
    shows(
        &mut it,
        &[
            "Payment of INV-2041 by Initech GmbH failed: insufficient_funds",
            "stored 1",
            "by poll",
            "next Stripe tries again Nov 25 09:00",
            "compared with our copy of 2025-11-22 09:02:13",
            "attempt_count",
            "- 1",
            "+ 2",
            "customer  → Initech GmbH",
            "not stored here",
        ],
    );
}

#[test]
fn tabs_turn_and_the_json_folds_and_is_searched() {
    let mut it = desk("data", (120, 36), &["enter", "tab"]);
    assert_eq!(it.state.events.pane.tab, Tab::Json);
    let text = shows(&mut it, &["amount_due: 124000", "lines: {2}", "2025-11-25 14:02"]);
    assert!(!text.contains("[31m"), "{text}");
    press(&mut it, &["/"]);
    assert_eq!(it.state.context(), Context::Typing);
    write(&mut it, "il_7");
    shows(&mut it, &["il_7", "1 match"]);
    press(&mut it, &["enter"]);
    assert_eq!(it.state.context(), Context::Main);
    press(&mut it, &["w"]);
    assert_eq!(it.effects.last(), Some(&Effect::Copy("data.object.lines.data[7].id".into())));
    press(&mut it, &["Y"]);
    assert_eq!(it.effects.last(), Some(&Effect::Copy("il_7".into())));
    press(&mut it, &["esc"]);
    assert_eq!(it.state.events.focus, Focus::Detail, "the search goes first");
    press(&mut it, &["tab"]);
    shows(&mut it, &["as of", "synced", "€89.00", "12 events"]);
    press(&mut it, &["tab", "tab", "tab"]);
    assert_eq!(it.state.events.pane.tab, Tab::Changed);
    press(&mut it, &["h"]);
    assert_eq!(it.state.events.focus, Focus::List);
}

#[test]
fn a_filter_is_completed_checked_applied_and_taken_away() {
    for size in SIZES {
        let mut it = desk("data", size, &["/"]);
        assert_eq!(it.state.context(), Context::Typing);
        write(&mut it, "ty");
        shows(&mut it, &["type:", "Tab completes"]);
        press(&mut it, &["tab"]);
        write(&mut it, "invoice.payment_f");
        press(&mut it, &["tab"]);
        write(&mut it, " amoun>5 x:y");
        let text = shows(&mut it, &["▲"]);
        let pointed = text.lines().find(|line| line.contains('▲')).unwrap();
        let column = |line: &str, word: &str| crate::tui::fmt::width(&line[..line.find(word).unwrap()]);
        let line = text.lines().find(|line| line.contains("amoun>5")).unwrap();
        assert_eq!(column(pointed, "▲"), column(line, "amoun"), "{text}");
        press(&mut it, &["enter"]);
        assert!(it.state.events.is_typing(), "a mistake is not applied");
        for _ in 0.." amoun>5 x:y".len() {
            it.key("end");
            it.key("backspace");
        }
        write(&mut it, " created:last7d");
        press(&mut it, &["enter"]);
        assert_eq!(it.state.events.filter.applied, "type:invoice.payment_failed created:last7d");
        let all: Vec<&EventRow> = it.state.events.feed.window.rows.iter().collect();
        assert!(!all.is_empty() && all.iter().all(|row| row.event_type.ends_with("failed")));
        shows(&mut it, &["in the last 7 days", "type:invoice.payment_failed"]);
        press(&mut it, &["esc"]);
        assert_eq!(it.state.screen, ScreenId::Events, "the filter goes first");
        shows(&mut it, &["334 events"]);
        press(&mut it, &["esc"]);
        assert_eq!(it.state.screen, ScreenId::Dashboard);
    }
}

#[test]
fn a_filter_that_the_engine_refuses_is_shown_at_its_place() {
    let mut it = desk("data", (120, 36), &[]);
    it.state.events.filter.apply("nonsense:5");
    it.key("j");
    shows(&mut it, &["the filter can't be read", "▲"]);
    press(&mut it, &["esc"]);
    shows(&mut it, &["334 events"]);
}

#[test]
fn nothing_that_passes_says_so() {
    let mut it = desk("data", (120, 36), &["/"]);
    write(&mut it, "type:nothing.at_all");
    press(&mut it, &["enter"]);
    shows(&mut it, &["no event passes the filter", "334 are kept here", "Esc takes the filter away"]);
}

#[test]
fn the_oldest_is_one_key_away_and_the_newest_another() {
    let mut it = desk("data", (120, 36), &["G"]);
    let oldest =
        canned::events("data").iter().filter(|row| row.integration.0 == 1).map(|row| row.created).min();
    assert_eq!(it.state.events.feed.selected().map(|row| row.created), oldest);
    press(&mut it, &["g"]);
    assert!(it.state.events.feed.following);
}

#[test]
fn what_is_read_stays_while_events_come_in() {
    let mut it = desk("data", (140, 40), &["enter"]);
    let read = it.state.events.pane.subject().map(|(_, id)| id.to_owned());
    let newest = it.engine.rows.lock().unwrap()[0].clone();
    for n in 0..37 {
        let row = EventRow { id: format!("evt_2{n:04}"), created: newest.created + n, ..newest.clone() };
        it.engine.rows.lock().unwrap().insert(0, row);
    }
    it.engine.snapshots.send_modify(|snapshot| std::sync::Arc::make_mut(snapshot).events_version += 1);
    it.snapshot();
    shows(&mut it, &["frozen · 37 new above · Space follows again"]);
    assert_eq!(it.state.events.pane.subject().map(|(_, id)| id.to_owned()), read);
    press(&mut it, &["space"]);
    shows(&mut it, &["following"]);
}

#[test]
fn the_timeline_opens_another_event_in_place_and_esc_comes_back() {
    let mut it = desk("data", (120, 36), &["t"]);
    shows(&mut it, &["events name in_1QxAbR"]);
    let first = it.state.events.pane.subject().map(|(_, id)| id.to_owned()).unwrap();
    press(&mut it, &["j", "enter"]);
    let second = it.state.events.pane.subject().map(|(_, id)| id.to_owned()).unwrap();
    assert_ne!(first, second);
    assert_eq!(it.state.events.pane.event().unwrap().row.id, second);
    press(&mut it, &["esc"]);
    assert_eq!(it.state.events.pane.event().unwrap().row.id, first);
    press(&mut it, &["esc"]);
    assert_eq!((it.state.screen, it.state.events.focus), (ScreenId::Events, Focus::List));
}

#[test]
fn a_star_shows_in_the_list_and_goes_again() {
    let mut it = desk("data", (120, 36), &["*"]);
    shows(&mut it, &["★"]);
    let asked = it.engine.asked.lock().unwrap().clone();
    assert!(
        asked.iter().any(
            |request| matches!(request, Request::Star { event, on: true, .. } if event == "evt_1Qx999999")
        )
    );
    press(&mut it, &["*"]);
    assert!(!it.draw().contains('★'));
}

#[test]
fn links_customer_and_page_lead_away_or_say_why_not() {
    for keys in [&["enter", "enter"][..], &["u"]] {
        let it = desk("data", (120, 36), keys);
        assert_eq!(it.state.screen, ScreenId::Records, "{keys:?}");
    }
    let mut it = desk("data", (80, 24), &["o"]);
    shows(&mut it, &["no page"]);
    let failed = it.state.events.feed.window.rows.iter().position(|row| row.event_type.ends_with("failed"));
    for _ in 0..failed.unwrap() {
        it.key("j");
    }
    press(&mut it, &["o"]);
    assert!(it.effects.iter().any(|one| matches!(one, Effect::OpenPage(_))));
}

#[test]
fn the_dashboard_opens_its_selected_event() {
    let mut it = Desk::new("data", (120, 36));
    press(&mut it, &["j", "j", "enter"]);
    assert_eq!(it.state.screen, ScreenId::Events);
    let chosen = it.state.dashboard.feed.selected().unwrap().id.clone();
    assert_eq!(it.state.events.pane.event().unwrap().row.id, chosen);
    assert_eq!(it.state.events.feed.selected().unwrap().id, chosen);
    press(&mut it, &["esc", "esc"]);
    assert_eq!(it.state.screen, ScreenId::Dashboard);
}

#[test]
fn all_accounts_name_theirs() {
    let mut it = desk("data", (200, 50), &["A"]);
    shows(&mut it, &["all accounts › Events", "1 000 events", "account", "Acme sandbox", "A one account"]);
}

#[test]
fn every_state_is_drawn() {
    for size in SIZES {
        shows(&mut desk("opening", size, &[]), &["opening the store …"]);
        shows(&mut desk("failed", size, &[]), &["the store can't be used"]);
        shows(&mut desk("nothing", size, &[]), &["no events yet"]);
        shows(&mut desk("empty", size, &[]), &["no account connected yet"]);
        shows(&mut desk("offline", size, &[]), &["invoice.paid"]);
    }
    let mut it = desk("data", (120, 36), &[]);
    it.engine.rows.lock().unwrap().clear();
    press(&mut it, &["j"]);
    shows(&mut it, &["this event is not stored here"]);
}

#[test]
fn frames_are_whole_whatever_is_open() {
    let keys: &[&[&str]] = &[
        &[],
        &["enter"],
        &["enter", "tab", "/", "a"],
        &["enter", "tab", "tab"],
        &["t"],
        &["/", "t", "y"],
        &["/", "x", ":", "enter"],
        &["A"],
        &["G"],
        &["?"],
    ];
    for name in canned::NAMES {
        for size in SIZES {
            for keys in keys {
                for ascii in [false, true] {
                    let mut it = desk(name, size, keys);
                    let buf = it.buffer(ascii);
                    let text = super::text(&buf);
                    for line in text.lines() {
                        assert_eq!(
                            crate::tui::fmt::width(line),
                            usize::from(size.0),
                            "{name} {keys:?}:\n{text}"
                        );
                    }
                    if ascii {
                        assert!(text.is_ascii(), "{text}");
                    } else if !it.state.events.filter.is_typing() {
                        // What could stand at the cursor covers corners of what is below it.
                        let edges = |corner: char| text.chars().filter(|c| *c == corner).count();
                        assert_eq!(edges('╭'), edges('╮'), "{name} {size:?} {keys:?}:\n{text}");
                    }
                }
            }
        }
    }
}

#[test]
fn any_size_holds_any_state_of_it() {
    for size in [(0, 0), (1, 1), (60, 16), (61, 17), (99, 26), (100, 16), (219, 16), (60, 69)] {
        let mut it =
            desk("data", (140, 40), &["j", "enter", "tab", "G", "/", "a", "enter", "tab", "tab", "j"]);
        it.draw_at(size);
        press(&mut it, &["esc", "esc", "esc", "/", "t", "tab", "tab"]);
        it.draw_at((140, 40));
        it.draw_at(size);
    }
}

#[test]
fn an_error_is_shown_and_what_is_known_stays() {
    let mut it = desk("data", (120, 36), &["j"]);
    let generation = it.state.generation + 1;
    it.state.events.feed.read_again();
    let effects = crate::tui::screens::events::update::refresh(&mut it.state);
    assert!(!effects.is_empty());
    it.send(Msg::Answer { generation, answer: Answer::Refused { reason: "the disk is gone".into() } });
    shows(&mut it, &["not read again: the disk is gone", "invoice.paid"]);
}
