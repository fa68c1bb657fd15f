//! Search anywhere: what is typed, what is found, where it leads.

use super::{Desk, SIZES};
use crate::engine::api::*;
use crate::tui::effects::Effect;
use crate::tui::input::actions::Context;
use crate::tui::msg::Msg;
use crate::tui::overlay::Overlay;
use crate::tui::screens::ScreenId;
use crate::tui::update::update;

fn searched(size: (u16, u16), text: &str) -> Desk {
    let mut desk = Desk::new("data", size);
    desk.key("/");
    desk.draw();
    desk.send(Msg::Paste(text.into()));
    desk.draw();
    desk
}

fn texts(desk: &Desk) -> Vec<String> {
    let asked = desk.engine.asked.lock().unwrap();
    let texts = asked.iter().filter_map(|request| match request {
        Request::Search { text, .. } => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn it_says_what_can_be_pasted_and_opens_on_any_screen() {
    for size in SIZES {
        let mut desk = Desk::new("data", size);
        desk.key("/");
        assert_eq!(desk.state.context(), Context::Typing);
        desk.has(&["Search anywhere", "e-mail", "INV-2041", "last four digits", "49.00", "Esc closes"]);
        desk.key("esc");
        for screen in ["4", "7"] {
            desk.key(screen);
            desk.key("S");
            desk.has(&["Search anywhere"]);
            desk.key("esc");
            assert!(desk.state.overlays.is_empty());
        }
    }
    for (name, wanted) in [("opening", "opening the store"), ("failed", "the store can't be used")] {
        let mut desk = Desk::new(name, (80, 24));
        desk.key("S");
        desk.send(Msg::Paste("x".into()));
        desk.has(&[wanted]);
        assert!(texts(&desk).is_empty());
    }
}

#[test]
fn what_is_found_stands_with_its_account_amount_and_what_it_was_taken_for() {
    for size in SIZES {
        let mut desk = searched(size, " INV-2041\n");
        assert_eq!(texts(&desk), ["INV-2041"]);
        desk.has(&["searched as an invoice number", "4 found", "invoice", "€89.00", "Acme Inc"]);
        desk.has(&["customer", "event", "open", "Enter opens it", "Tab its events"]);
    }
    searched((200, 50), "x").has(&["in number", "Acme sandbox", "12:05", "Acme EU", "payment"]);
    searched((80, 24), "nothing").has(&["nothing found for nothing", "d lists what is at Stripe"]);
    searched((80, 24), "loading").has(&["45 % searchable so far"]);
}

#[test]
fn the_newest_text_wins_and_nothing_piles_up() {
    let mut desk = Desk::new("data", (120, 36));
    desk.key("S");
    let mut asked = Vec::new();
    for c in ["a", "b", "c", "d"] {
        let key = crate::tui::input::keys::Key::parse(c).unwrap();
        let event = crossterm::event::KeyEvent::new(key.code, crossterm::event::KeyModifiers::NONE);
        asked.extend(update(&mut desk.state, Msg::Key(event), 0));
    }
    let [Effect::Request { generation, request: Request::Search { text, .. } }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(text, "a");
    // An answer to nobody is not taken.
    let found = super::canned_records::search("zzz", 9);
    update(&mut desk.state, Msg::Answer { generation: generation + 50, answer: found }, 0);
    assert!(desk.state.search.result.is_none());
    let answer = super::canned_records::search("a", 9);
    let next = update(&mut desk.state, Msg::Answer { generation: *generation, answer }, 0);
    assert!(
        matches!(&next[..], [Effect::Request { request: Request::Search { text, .. }, .. }] if text == "abcd"),
        "{next:?}"
    );
}

#[test]
fn it_is_kept_while_closed_and_the_selection_is_an_object() {
    let mut desk = searched((120, 36), "INV-2041");
    desk.key("down");
    let before = desk.state.search.selected().unwrap().id.clone();
    assert_eq!(before, "cus_1");
    desk.key("esc");
    desk.key("S");
    desk.has(&["INV-2041", "4 found"]);
    assert_eq!(desk.state.search.selected().unwrap().id, before);
    let asked = texts(&desk).len();
    desk.engine.snapshots.send_modify(|snapshot| std::sync::Arc::make_mut(snapshot).records_version += 1);
    desk.snapshot();
    assert_eq!(texts(&desk).len(), asked + 1, "what is stored meanwhile is found");
    assert_eq!(desk.state.search.selected().unwrap().id, before);
    desk.key("ctrl-u");
    desk.has(&["type or paste"]);
    assert!(desk.state.search.result.is_none());
}

#[test]
fn it_leads_to_the_object_its_events_and_the_event() {
    let mut desk = searched((120, 36), "INV-2041");
    desk.key("enter");
    assert!(desk.state.overlays.is_empty());
    desk.has(&["Records › INV-2041"]);
    desk.key("esc");
    assert_eq!(desk.state.screen, ScreenId::Dashboard);

    let mut desk = searched((120, 36), "INV-2041");
    desk.key("tab");
    desk.has(&["events about INV-2041, newest first", "invoice.paid", "Enter event"]);
    desk.key("down");
    desk.key("tab");
    desk.has(&["4 found"]);
    desk.key("tab");
    desk.key("esc");
    assert_eq!(desk.state.overlays, [Overlay::Search]);
    desk.key("tab");
    desk.key("enter");
    assert_eq!(desk.state.screen, ScreenId::Events);

    let mut desk = searched((120, 36), "INV-2041");
    desk.key("down");
    desk.key("down");
    desk.key("enter");
    assert_eq!(desk.state.screen, ScreenId::Events);
    assert!(desk.state.overlays.is_empty());
}

#[test]
fn any_size_draws_it() {
    for text in ["", "INV-2041", "nothing"] {
        let mut desk = searched((120, 36), text);
        for size in [(60, 16), (61, 17), (219, 16), (60, 70), (1, 1), (0, 0), (80, 24)] {
            desk.draw_at(size);
            desk.key("tab");
            desk.draw_at(size);
        }
    }
}
