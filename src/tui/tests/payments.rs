//! The screen of failed payments: totals, cases, one case, where it leads.

use super::Desk;
use crate::engine::api::*;
use crate::tui::effects::Effect;
use crate::tui::input::actions::{Action, Context};
use crate::tui::msg::Msg;
use crate::tui::screens::ScreenId;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 50)];

fn desk(name: &str, size: (u16, u16), keys: &[&str]) -> Desk {
    let mut desk = Desk::new(name, size);
    desk.key("5");
    desk.draw();
    for key in keys {
        desk.key(key);
        desk.draw();
    }
    desk
}

fn has(desk: &mut Desk, wanted: &[&str]) -> String {
    let text = desk.draw();
    for word in wanted {
        assert!(text.contains(word), "no {word:?}:\n{text}");
    }
    text
}

fn queries(desk: &Desk) -> Vec<CaseQuery> {
    let asked = desk.engine.asked.lock().unwrap();
    let queries = asked.iter().filter_map(|request| match request {
        Request::Cases(query) => Some(query.clone()),
        _ => None,
    });
    queries.collect()
}

#[test]
fn totals_stand_by_currency_with_their_period_and_the_cases_below() {
    for size in SIZES {
        let mut desk = desk("data", size, &[]);
        let wanted =
            ["Failed payments", "cases opened in the last 90 days", "At risk", "Recovered", "Lost", "stuck"];
        has(&mut desk, &wanted);
        let wanted =
            ["€18,420.00", "$55,260.00", "Open cases  300", "at risk", "€2,400.00", "insufficient_funds"];
        let text = has(&mut desk, &wanted);
        assert!(!text.contains("[2J") && !text.contains("recovered 1"), "{text}");
        has(
            &mut desk,
            &["Nov 25 14:02", "due now", "the card has too little · Stripe tries again by itself"],
        );
        has(&mut desk, &["waits for"]);
    }
    has(
        &mut desk("data", (200, 50), &[]),
        &["INV-2041", "tries", "class", "soft", "Stripe waits for a new card"],
    );
    // Where there is little room the invoice's number goes; the money and what comes next stay.
    let small = has(&mut desk("data", (80, 24), &[]), &["next", "customer", "last answer"]);
    assert!(!small.contains("INV-2041"), "{small}");
}

#[test]
fn amounts_are_aligned_and_never_cut() {
    for size in SIZES {
        let text = desk("data", size, &[]).draw();
        let row = |word: &str| text.lines().find(|line| line.contains(word)).unwrap().to_owned();
        let edge =
            |line: &str, word: &str| crate::tui::fmt::width(&line[..line.find(word).unwrap() + word.len()]);
        let at = edge(&row("€2,400.00 "), "€2,400.00");
        assert_eq!(edge(&row("$89.00"), "$89.00"), at, "{text}");
        assert!(!text.contains("…KWD") && !text.contains("123,456,789.…"), "{text}");
    }
}

#[test]
fn every_state_of_it_is_drawn() {
    for size in SIZES {
        has(&mut desk("opening", size, &[]), &["opening the store …"]);
        has(&mut desk("failed", size, &[]), &["the store can't be used", "newer tillwatch"]);
        has(&mut desk("empty", size, &[]), &["no account connected yet"]);
        has(&mut desk("nothing", size, &[]), &["no payment has failed", "payment_intent.payment_failed"]);
        has(&mut desk("refused", size, &[]), &["could not be read", "the disk is gone", "next event"]);
        has(&mut desk("demo", size, &[]), &["putting the cases together"]);
        has(&mut desk("running", size, &[]), &["still being put together"]);
        // Of another account there are none, though its money is counted.
        has(&mut desk("data", size, &["]"]), &["no payment waits for anything", "F shows those"]);
    }
    let mut waiting = desk("data", (80, 24), &[]);
    waiting.state.selected = Some(IntegrationId(2));
    crate::tui::screens::payments::update::refresh(&mut waiting.state);
    has(&mut waiting, &["reading the failed payments …"]);
}

#[test]
fn orders_go_round_and_all_or_open_ones_are_shown() {
    let mut desk = desk("data", (120, 36), &["O"]);
    assert_eq!(queries(&desk).last().unwrap().order, CaseOrder::Amount);
    has(&mut desk, &["O most money first"]);
    for (order, words) in [
        (CaseOrder::Oldest, "longest open first"),
        (CaseOrder::Next, "next try first"),
        (CaseOrder::Newest, "newest failure first"),
    ] {
        desk.key("O");
        assert_eq!(queries(&desk).last().unwrap().order, order);
        has(&mut desk, &[words]);
    }
    desk.key("F");
    assert!(queries(&desk).last().unwrap().all);
    has(&mut desk, &["All cases  400", "recovered 13:12", "lost: uncollectible", "F open ones"]);
    desk.key("A");
    assert_eq!(queries(&desk).last().unwrap().integration, None);
    has(&mut desk, &["account", "Acme Inc", "all accounts › Failed payments"]);
}

#[test]
fn what_is_looked_for_is_found_while_it_is_typed() {
    let mut desk = desk("data", (120, 36), &["/"]);
    assert_eq!(desk.state.context(), Context::Typing);
    desk.send(Msg::Paste("PIED".into()));
    assert_eq!(queries(&desk).last().unwrap().find, "PIED");
    has(&mut desk, &["found", "Pied Piper SA", "/ PIED"]);
    desk.key("x");
    has(&mut desk, &["no open case has “PIEDx”"]);
    desk.key("enter");
    desk.key("esc");
    assert_eq!(queries(&desk).last().unwrap().find, "");
    desk.key("/");
    desk.key("q");
    desk.key("esc");
    assert_eq!((desk.state.context(), queries(&desk).last().unwrap().find.as_str()), (Context::Main, ""));
    desk.key("esc");
    assert_eq!(desk.state.screen, ScreenId::Dashboard);
}

#[test]
fn a_case_leads_to_its_invoice_its_customer_its_events_and_back() {
    for size in SIZES {
        let mut desk = desk("data", size, &["enter"]);
        let wanted = [
            "Failed payments › INV-2041 · Northwind",
            "at risk",
            "€2,400.00",
            "what to do",
            "Stripe tries again",
        ];
        has(&mut desk, &wanted);
        has(&mut desk, &["→ INV-2041", "→ Initech GmbH", "Tries, newest first", "expired_card", "next"]);
        has(&mut desk, &["P copies the link"]);
        desk.key("enter");
        assert_eq!(desk.state.screen, ScreenId::Records);
        desk.key("esc");
        has(&mut desk, &["Failed payments › INV-2041"]);
        for _ in 0..3 {
            desk.key("j");
        }
        desk.key("y");
        assert_eq!(desk.effects.last(), Some(&Effect::Copy("pi_3QyCdT2eZvKYlo2C0Lm".into())));
        desk.key("enter");
        assert_eq!(desk.state.screen, ScreenId::Events);
        assert_eq!(desk.state.events.pane.subject(), Some((IntegrationId(1), "evt_1Qx999999")));
        desk.key("esc");
        desk.key("esc");
        has(&mut desk, &["Failed payments › INV-2041"]);
        desk.key("G");
        desk.draw();
        desk.key("enter");
        has(&mut desk, &["no event of this try is kept here"]);
        desk.key("esc");
        has(&mut desk, &["Open cases"]);
    }
}

#[test]
fn keys_of_the_list_act_on_the_selected_case() {
    for opened in [&[][..], &["enter"]] {
        let mut desk = desk("data", (120, 36), opened);
        desk.key("P");
        assert_eq!(desk.effects.last(), Some(&Effect::Copy("https://invoice.stripe.com/i/0".into())));
        desk.key("o");
        let page = "https://dashboard.stripe.com/invoices/in_1Qx000000000eZvKYlo2C";
        assert_eq!(desk.effects.last(), Some(&Effect::OpenPage(page.into())));
        desk.key("t");
        has(&mut desk, &["Events about it", "› timeline"]);
        desk.key("5");
        desk.key("u");
        assert_eq!(desk.state.screen, ScreenId::Records);
    }
    let mut desk = desk("data", (120, 36), &["j", "j"]);
    assert!(desk.state.can(Action::CopyLink).unwrap_err().contains("no payment link"));
    desk.key("o");
    has(&mut desk, &["it has no page at Stripe"]);
    desk.key("y");
    assert_eq!(desk.effects.last(), Some(&Effect::Copy("in_1Qx000000002eZvKYlo2C".into())));
    for _ in 0..3 {
        desk.key("j");
    }
    assert!(desk.state.can(Action::Customer).unwrap_err().contains("no customer"));
    desk.key("F");
    desk.draw();
    desk.key("G");
    desk.draw();
    assert!(desk.state.can(Action::CopyLink).unwrap_err().contains("can't be paid any more"));
}

#[test]
fn rows_are_walked_and_stay_selected_when_cases_change() {
    let mut desk = desk("data", (120, 36), &["j", "pgdn", "j"]);
    let before = desk.state.payments.list.selected().unwrap().id.clone();
    let asked = queries(&desk).len();
    desk.engine.snapshots.send_modify(|snapshot| std::sync::Arc::make_mut(snapshot).cases_version += 1);
    desk.snapshot();
    assert_eq!(queries(&desk).len(), asked + 1);
    assert_eq!(queries(&desk).last().unwrap().around.as_ref().unwrap().1, before);
    assert_eq!(desk.state.payments.list.selected().unwrap().id, before);
    desk.key("F");
    desk.draw();
    desk.key("G");
    desk.draw();
    assert_eq!(desk.state.payments.list.row_number(), Some(399));
    desk.key("g");
    assert_eq!(desk.state.payments.list.row_number(), Some(0));
}

#[test]
fn the_dashboard_tells_what_failed_today_by_currency() {
    let mut desk = Desk::new("data", (140, 40));
    has(&mut desk, &["Acme Inc, payments today", "18 failed", "€1,204.00", "6 recovered", "€402.00"]);
    // LIVE accounts together, and nothing of TEST.
    desk.key("A");
    has(&mut desk, &["all LIVE accounts, payments today", "20 failed", "€1,304.00"]);
    desk.key("]");
    assert!(!desk.draw().contains("payments today"));
    has(&mut Desk::new("data", (80, 24)), &["18 failed"]);
}
