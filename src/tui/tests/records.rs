//! The records' screen: kinds, table, filter, order, objects one from another.

use super::{Desk, SIZES};
use crate::engine::api::*;
use crate::stripe::kind::Kind;
use crate::tui::effects::Effect;
use crate::tui::input::actions::{Action, Context};
use crate::tui::msg::Msg;
use crate::tui::screens::ScreenId;
use crate::tui::screens::records::update::open_object;

fn desk(name: &str, size: (u16, u16), keys: &[&str]) -> Desk {
    let mut desk = Desk::new(name, size);
    desk.key("4");
    desk.draw();
    for key in keys {
        desk.key(key);
        desk.draw();
    }
    desk
}

fn queries(desk: &Desk) -> Vec<RecordQuery> {
    let asked = desk.engine.asked.lock().unwrap();
    let queries = asked.iter().filter_map(|request| match request {
        Request::Records(query) => Some(query.clone()),
        _ => None,
    });
    queries.collect()
}

#[test]
fn the_table_shows_what_is_stored_at_every_size() {
    for size in SIZES {
        let mut desk = desk("data", size, &[]);
        let wanted = ["Records › Invoices", "number", "INV-39280", "paid or due", "row 1 of"];
        desk.has(&wanted);
        desk.has(&["customers", "8 113", "newest first", "created↓"]);
        assert!(!desk.draw().contains("[2J"));
    }
    let mut all = desk("data", (200, 50), &["A"]);
    all.has(&["account", "Acme sandbox", "all accounts › Records", "one account"]);
    assert_eq!(queries(&all).last().unwrap().integration, None);
}

#[test]
fn every_state_of_it_is_drawn() {
    for size in SIZES {
        desk("opening", size, &[]).has(&["opening the store …"]);
        desk("failed", size, &[]).has(&["the store can't be used", "newer tillwatch"]);
        desk("empty", size, &[]).has(&["no account connected yet"]);
        desk("data", size, &["tab"]).has(&["no customers are stored here yet", "s stores them"]);
        desk("data", size, &["h"]).has(&["the key may not read disputes", "rak_dispute_read"]);
        desk("demo", size, &[]).has(&["INV-39280"]);
    }
    let mut waiting = desk("data", (80, 24), &[]);
    let integration = Some(IntegrationId(2));
    waiting.state.selected = integration;
    let effects = crate::tui::screens::records::update::refresh(&mut waiting.state);
    waiting.has(&["reading …"]);
    let Some(Effect::Request { generation, .. }) = effects.first() else { panic!("{effects:?}") };
    let answer = Answer::Refused { reason: "the disk is gone".into() };
    waiting.send(Msg::Answer { generation: *generation, answer });
    waiting.has(&["could not be read", "the disk is gone"]);
}

#[test]
fn kinds_are_switched_and_each_keeps_its_own_filter_and_order() {
    let mut desk = desk("data", (120, 36), &["O", "k", "enter"]);
    let sort = queries(&desk).last().unwrap().sort.clone().unwrap();
    assert_eq!((sort.column.as_str(), sort.descending), ("amount", true));
    desk.has(&["by paid or due ↓", "paid or due↓"]);
    // The same again reverses.
    desk.key("O");
    desk.has(&["Order by", "↓ greatest first", "again reverses"]);
    desk.key("enter");
    assert!(!queries(&desk).last().unwrap().sort.as_ref().unwrap().descending);
    desk.key("l");
    assert_eq!(queries(&desk).last().unwrap().kind, Kind::Customer);
    assert_eq!(queries(&desk).last().unwrap().sort, None);
    desk.key("backtab");
    assert!(queries(&desk).last().unwrap().sort.is_some());
    desk.key("O");
    desk.key("esc");
    assert_eq!((desk.state.records.order, desk.state.screen), (None, ScreenId::Records));
}

#[test]
fn the_filter_is_typed_applied_and_taken_away() {
    let mut desk = desk("data", (120, 36), &["/"]);
    assert_eq!(desk.state.context(), Context::Typing);
    desk.send(Msg::Paste("status:open".into()));
    let before = queries(&desk).len();
    desk.key("enter");
    assert_eq!(queries(&desk)[before..].last().unwrap().filter, "status:open");
    desk.has(&["12 matches in 13 094", "status:open"]);
    assert_eq!(desk.state.context(), Context::Main);
    desk.key("esc");
    assert_eq!(queries(&desk).last().unwrap().filter, "");
    desk.key("esc");
    assert_eq!(desk.state.screen, ScreenId::Dashboard);
}

#[test]
fn rows_are_walked_and_stay_selected_when_more_is_stored() {
    let mut desk = desk("data", (120, 36), &["j", "pgdn", "j"]);
    let before = desk.state.records.table.selected().unwrap().id.clone();
    let asked = queries(&desk).len();
    desk.engine.snapshots.send_modify(|snapshot| std::sync::Arc::make_mut(snapshot).records_version += 1);
    desk.snapshot();
    assert_eq!(queries(&desk).len(), asked + 1);
    assert_eq!(desk.state.records.table.selected().unwrap().id, before);
    desk.key("G");
    desk.draw();
    desk.has(&["row 13 094 of 13 094"]);
    desk.key("g");
    desk.has(&["row 1 of 13 094"]);
}

#[test]
fn objects_are_opened_one_from_another_and_closed_again() {
    for size in SIZES {
        let mut desk = desk("data", size, &["j", "enter"]);
        desk.has(&["Records › INV-2041", "status", "€89.00", "customer", "→ Initech GmbH", "JSON"]);
        desk.key("enter");
        desk.has(&["Records › INV-2041 › Initech GmbH", "INV-2042"]);
        desk.key("enter");
        desk.has(&["INV-2041 › Initech GmbH › INV-2041"]);
        for _ in 0..2 {
            desk.key("esc");
        }
        desk.has(&["Records › INV-2041 "]);
        desk.key("j");
        desk.key("enter");
        desk.has(&["not stored here"]);
        desk.key("esc");
        desk.key("esc");
        desk.has(&["Records › Invoices", "row 2 of"]);
    }
}

#[test]
fn the_timeline_is_beside_the_object_or_in_its_place() {
    for size in SIZES {
        let mut desk = desk("data", size, &["enter", "t"]);
        desk.has(&["Events about it", "invoice.paid", "› timeline"]);
        let beside = size.0 >= 120;
        assert_eq!(desk.draw().contains("→ Initech GmbH"), beside);
        desk.key("tab");
        desk.has(&["→ Initech GmbH"]);
        desk.key("tab");
        desk.key("j");
        desk.key("y");
        assert_eq!(desk.effects.last(), Some(&Effect::Copy("evt_1Qx999998".into())));
        desk.key("esc");
        assert!(!desk.draw().contains("Events about it"));
        desk.key("t");
        desk.key("enter");
        assert_eq!(desk.state.screen, ScreenId::Events);
    }
}

#[test]
fn ids_values_links_and_pages_go_where_they_are_wanted() {
    for opened in [&[][..], &["enter"]] {
        let mut desk = desk("data", (120, 36), opened);
        let id = "in_1Qx000000002eZvKYlo2C";
        desk.key("y");
        assert_eq!(desk.effects.last(), Some(&Effect::Copy(id.into())));
        desk.key("P");
        let link = "https://invoice.stripe.com/i/1";
        assert_eq!(desk.effects.last(), Some(&Effect::Copy(link.into())));
        desk.key("o");
        let page = format!("https://dashboard.stripe.com/invoices/{id}");
        assert_eq!(desk.effects.last(), Some(&Effect::OpenPage(page)));
        desk.key("u");
        desk.has(&["› Initech GmbH"]);
        desk.key("P");
        desk.has(&["only an invoice has a payment link"]);
        desk.key("o");
        desk.has(&["it has no page at Stripe"]);
    }
    let mut table = desk("data", (120, 36), &["Y"]);
    assert_eq!(table.effects.last(), Some(&Effect::Copy("INV-39280".into())));
    table.key("l");
    table.draw();
    table.key("y");
    table.has(&["nothing is selected"]);
    assert!(table.state.can(Action::Open).is_err());
}

#[test]
fn text_is_looked_for_in_an_object() {
    let mut desk = desk("data", (120, 36), &["enter", "/"]);
    assert_eq!(desk.state.context(), Context::Typing);
    desk.send(Msg::Paste("il_1".into()));
    desk.has(&["1 match"]);
    desk.key("enter");
    desk.key("Y");
    assert_eq!(desk.effects.last(), Some(&Effect::Copy("il_1".into())));
    desk.key("n");
    desk.key("esc");
    assert!(desk.state.records.opened.is_empty());
}

#[test]
fn an_object_opened_from_elsewhere_leads_back_there() {
    let mut desk = Desk::new("data", (120, 36));
    desk.key("7");
    let effects = open_object(&mut desk.state, IntegrationId(2), "in_9");
    let Some(Effect::Request { generation, request }) = effects.first() else { panic!("{effects:?}") };
    let answer = desk.engine.answer(request);
    desk.send(Msg::Answer { generation: *generation, answer });
    desk.has(&["Acme sandbox › Records › INV-2041"]);
    desk.key("enter");
    desk.key("esc");
    desk.key("esc");
    assert_eq!(desk.state.screen, ScreenId::Log);
    // Over what is open it is one step further.
    desk.key("4");
    desk.key("enter");
    open_object(&mut desk.state, IntegrationId(1), "cus_1");
    assert_eq!(desk.state.records.opened.len(), 2);
}
