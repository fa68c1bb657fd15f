//! The integrations' screen and what is opened from it: the wizard, editing, disconnecting.

use proptest::prelude::*;

use super::{Desk, canned, canned_connect};
use crate::engine::api::*;
use crate::tui::effects::Effect;
use crate::tui::input::actions::Context;
use crate::tui::msg::Msg;
use crate::tui::overlay::Overlay;
use crate::tui::overlay::wizard::{Field, Step, Wizard};
use crate::tui::screens::ScreenId;

const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (120, 36), (200, 50)];

// Put together so that scanners for leaked keys don't take tests for leaks.
pub fn key(prefix: &str) -> String {
    format!("{prefix}51HxyzABCDEFghijkl4242")
}

pub fn at(name: &str, size: (u16, u16)) -> Desk {
    let mut desk = Desk::new(name, size);
    desk.state.go(ScreenId::Integrations);
    desk.draw();
    desk
}

pub fn wizard(desk: &Desk) -> &Wizard {
    match desk.state.overlays.last() {
        Some(Overlay::Wizard(wizard)) => wizard,
        other => panic!("no wizard but {other:?}"),
    }
}

pub fn paste(desk: &mut Desk, text: &str) {
    desk.send(Msg::Paste(text.into()));
}

/// A wizard whose key has been tried.
pub fn tried(name: &str, size: (u16, u16), prefix: &str, missing: &[&str]) -> Desk {
    let mut desk = at(name, size);
    desk.key("c");
    paste(&mut desk, &key(prefix));
    desk.key("enter");
    desk.snapshot();
    desk.engine.checked(KeyTicket(1), &canned_connect::account("acct_1New", "Harbour Books"), missing);
    desk.snapshot();
    desk
}

/// Some form, by number, that has the keys and takes no text.
pub fn to_a_form(desk: &mut Desk, number: usize) {
    desk.key("c");
    if number == 0 {
        desk.key("tab");
        return;
    }
    paste(desk, &key("rk_test_"));
    desk.key("enter");
    desk.snapshot();
    desk.engine.checked(KeyTicket(1), &canned_connect::account("acct_1New", "Harbour Books"), &[]);
    desk.snapshot();
    if number > 1 {
        desk.key("enter");
    }
    if number > 3 {
        desk.key("enter");
    }
}

pub fn requests(desk: &Desk) -> Vec<Request> {
    let all = desk.engine.asked.lock().unwrap();
    all.iter()
        .filter(|request| !matches!(request, Request::Events(_) | Request::Remember { .. }))
        .cloned()
        .collect()
}

#[test]
fn a_key_is_pasted_tried_and_connected() {
    let mut desk = at("data", (120, 36));
    desk.key("c");
    assert_eq!(desk.state.context(), Context::Typing);
    paste(&mut desk, &format!("  {}\r\n", key("rk_test_")));
    let text = desk.draw();
    assert!(text.contains("rk_test_••••") && text.contains("••4242") && !text.contains("51Hxyz"), "{text}");
    desk.key("enter");
    assert!(matches!(&desk.effects[..], [.., Effect::OfferKey { .. }, Effect::Request { .. }]));
    assert_eq!(requests(&desk), [Request::TryKey { ticket: KeyTicket(1), billing: true }]);
    assert!(!format!("{:?}", desk.state).contains("51Hxyz"), "a key in a debug text");
    // It fills in live.
    desk.snapshot();
    assert!(desk.draw().contains("asking Stripe whose key it is"));
    desk.engine.checks(|all| {
        all[0].account = Some(canned_connect::account("acct_1New", "Harbour Books"));
        all[0].permissions[0].state = PermissionState::Allowed;
        all[0].permissions[3].state = PermissionState::Trying;
    });
    desk.snapshot();
    let text = desk.draw();
    assert!(text.contains("Harbour Books") && text.contains("↻ invoices"), "{text}");
    assert!(
        text.contains("1 of 6, 5 still being tried") && text.contains("Continue (5 checks left)"),
        "{text}"
    );
    assert!(text.contains("– relay socket") && text.contains("– webhook endpoints"), "{text}");
    desk.engine.checked(KeyTicket(1), &canned_connect::account("acct_1New", "Harbour Books"), &[]);
    desk.snapshot();
    desk.key("enter");
    assert_eq!(wizard(&desk).step, Step::Keep);
    desk.key("space");
    desk.key("enter");
    assert_eq!(wizard(&desk).step, Step::Current);
    assert!(desk.draw().contains("2 880 reads in 30 days"));
    desk.key("right");
    desk.key("enter");
    let asked = requests(&desk);
    let Some(Request::Connect { ticket, spec }) = asked.last() else { panic!("{asked:?}") };
    assert_eq!(*ticket, KeyTicket(1));
    assert_eq!((spec.billing, spec.delivery, spec.poll_every_s), (false, Delivery::Poll, 1800));
    assert_eq!((&spec.name, &spec.confirmed), (&None, &None), "the account's own name, nothing to confirm");
    desk.snapshot();
    assert_eq!(desk.state.selected, Some(IntegrationId(9)));
    assert!(desk.state.overlays.is_empty());
    assert!(desk.draw().contains("Harbour Books is connected; d lists what is at Stripe"));
}

#[test]
fn enter_before_the_key_has_been_tried_saves_it_once_it_has() {
    let mut desk = at("data", (120, 36));
    desk.key("c");
    paste(&mut desk, &key("rk_test_"));
    desk.key("enter");
    desk.engine.checks(|all| all[0].account = Some(canned_connect::account("acct_1New", "Harbour Books")));
    desk.snapshot();
    let connects = |desk: &Desk| {
        requests(desk).iter().filter(|request| matches!(request, Request::Connect { .. })).count()
    };
    for _ in 0..3 {
        desk.key("enter");
    }
    assert!(desk.draw().contains("saved as soon as the key has been tried"), "{}", desk.draw());
    // Any other key takes it back.
    desk.key("tab");
    assert!(!desk.draw().contains("as soon as"));
    desk.key("enter");
    assert_eq!(connects(&desk), 0);
    desk.engine.checked(KeyTicket(1), &canned_connect::account("acct_1New", "Harbour Books"), &[]);
    desk.snapshot();
    assert_eq!(connects(&desk), 1);
    desk.snapshot();
    assert!(desk.draw().contains("Harbour Books is connected; d lists what is at Stripe"));
}

#[test]
fn a_refused_key_is_corrected_in_place() {
    let mut desk = at("data", (120, 36));
    desk.key("c");
    paste(&mut desk, &key("pk_test_"));
    desk.key("enter");
    desk.snapshot();
    assert_eq!(wizard(&desk).focus, Field::Key);
    let text = desk.draw();
    assert!(text.contains("This is a publishable key") && text.contains("pk_test_••••"), "{text}");
    // The field stays; pasting replaces it and the old ticket is given up.
    paste(&mut desk, &key("rk_test_"));
    assert!(!desk.draw().contains("publishable key"));
    desk.key("enter");
    desk.snapshot();
    let asked = requests(&desk);
    assert_eq!(
        asked[1..],
        [Request::DropKey { ticket: KeyTicket(1) }, Request::TryKey { ticket: KeyTicket(2), billing: true },]
    );
    assert_eq!(wizard(&desk).focus, Field::Go);
    // Refused by the network, tried again with t.
    desk.engine
        .checks(|all| all[0].state = KeyCheckState::Refused { reason: "Stripe does not answer.".into() });
    desk.snapshot();
    assert!(desk.draw().contains("Stripe does not answer."));
    desk.key("tab");
    desk.key("t");
    assert_eq!(requests(&desk).last(), Some(&Request::TryKey { ticket: KeyTicket(2), billing: true }));
    desk.snapshot();
    assert!(!desk.draw().contains("Stripe does not answer."));
}

#[test]
fn without_a_key_nothing_is_sent() {
    let mut desk = at("data", (120, 36));
    desk.key("c");
    desk.key("enter");
    assert!(desk.draw().contains("There is no key yet"));
    assert!(requests(&desk).is_empty() && !desk.effects.iter().any(|e| matches!(e, Effect::OfferKey { .. })));
}

#[test]
fn what_a_restricted_key_lacks_is_told_with_stripes_form() {
    let mut desk = tried("data", (120, 36), "rk_test_", &["invoices", "disputes"]);
    let text = desk.draw();
    for wanted in ["✗ invoices", "no disputes records", "rak_dispute_read", "4 of 6", "o opens Stripe's form"]
    {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    desk.key("o");
    assert!(matches!(desk.effects.last(), Some(Effect::OpenPage(url)) if url.contains("apikeys/create")));
    desk.key("y");
    assert!(matches!(desk.effects.last(), Some(Effect::Copy(url)) if url.contains("apikeys/create")));
    // With payments only, invoices are not needed: a dash, no failure.
    desk.key("enter");
    desk.key("space");
    desk.key("esc");
    let text = desk.draw();
    assert!(text.contains("– invoices") && text.contains("3 of 4"), "{text}");
}

#[test]
fn a_secret_live_key_needs_the_accounts_name() {
    let mut desk = tried("data", (120, 36), "sk_live_", &[]);
    let text = desk.draw();
    assert!(text.contains("This key can move money; tillwatch only needs to read."), "{text}");
    assert_eq!(wizard(&desk).focus, Field::Confirm);
    desk.key("enter");
    assert_eq!(wizard(&desk).step, Step::Key);
    assert!(desk.draw().contains("type the account's name: Harbour Books"));
    paste(&mut desk, "Harbour Books");
    desk.key("enter");
    desk.key("enter");
    desk.key("enter");
    let asked = requests(&desk);
    let Some(Request::Connect { spec, .. }) = asked.last() else { panic!("{asked:?}") };
    assert_eq!(spec.confirmed.as_deref(), Some("Harbour Books"));
}

#[test]
fn an_account_that_is_there_gets_a_new_key_instead() {
    let mut desk = tried("data", (120, 36), "rk_live_", &[]);
    desk.engine.checks(|all| all[0].connected_as = Some(IntegrationId(2)));
    desk.snapshot();
    let text = desk.draw();
    assert!(text.contains("is connected already, as Acme sandbox") && !text.contains("1 of 3"), "{text}");
    desk.key("enter");
    assert_eq!(
        requests(&desk).last(),
        Some(&Request::NewKey { integration: IntegrationId(2), ticket: KeyTicket(1), confirmed: None })
    );
    assert!(desk.state.overlays.is_empty());
    assert!(desk.draw().contains("Acme sandbox has its new key"));
}

#[test]
fn a_new_key_of_another_account_is_refused_before_it_is_sent() {
    let mut desk = at("data", (120, 36));
    desk.key("K");
    assert!(desk.draw().contains("New key for Acme Inc"));
    paste(&mut desk, &key("rk_test_"));
    desk.key("enter");
    desk.engine.checked(KeyTicket(1), &canned_connect::account("acct_1Other", "Other"), &[]);
    desk.snapshot();
    desk.key("enter");
    assert!(desk.draw().contains("This key is of Other (TEST), not of Acme Inc (LIVE)"));
    assert!(!requests(&desk).iter().any(|request| matches!(request, Request::NewKey { .. })));
}

#[test]
fn escape_goes_back_a_step_and_leaves_no_key_behind() {
    let mut desk = tried("data", (120, 36), "rk_test_", &[]);
    desk.key("enter");
    desk.key("enter");
    for step in [Step::Keep, Step::Key] {
        desk.key("esc");
        assert_eq!(wizard(&desk).step, step);
    }
    desk.key("esc");
    assert!(desk.state.overlays.is_empty());
    assert_eq!(requests(&desk).last(), Some(&Request::DropKey { ticket: KeyTicket(1) }));
    assert!(!requests(&desk).iter().any(|request| matches!(request, Request::Connect { .. })));
    // A ticket that comes after the wizard was left is given up, too.
    desk.send(Msg::Answer { generation: 4711, answer: Answer::Ticket { ticket: KeyTicket(7) } });
    assert_eq!(requests(&desk).last(), Some(&Request::DropKey { ticket: KeyTicket(7) }));
}

#[test]
fn a_key_of_the_stripe_cli_is_taken_and_a_pasted_one_closes_the_list() {
    let mut desk = at("data", (120, 36));
    desk.key("c");
    desk.key("p");
    let text = desk.draw();
    assert!(
        text.contains("default") && text.contains("ends 2027-02-21") && text.contains("not in a file"),
        "{text}"
    );
    // The first one that can be had is selected; the next but one is a live key.
    desk.key("down");
    desk.key("enter");
    let asked = requests(&desk);
    assert_eq!(
        asked[..2],
        [Request::CliProfiles, Request::CliProfileKey { profile: "shop".into(), livemode: true }]
    );
    assert_eq!(asked.last(), Some(&Request::TryKey { ticket: KeyTicket(1), billing: true }));
    assert!(desk.draw().contains("from the Stripe CLI: shop"));
    let mut desk = at("data", (120, 36));
    desk.key("c");
    desk.key("p");
    paste(&mut desk, &key("rk_test_"));
    assert!(desk.draw().contains("rk_test_••••"));
    // Without bracketed paste a publishable key's first letter opens the list: it still arrives whole.
    let mut desk = at("data", (120, 36));
    desk.key("c");
    for c in key("pk_test_").chars() {
        desk.key(&c.to_string());
    }
    desk.key("enter");
    assert_eq!(desk.engine.keys.lock().unwrap()[..], [key("pk_test_")]);
}

#[test]
fn a_name_that_is_taken_is_told_where_it_is_typed() {
    let mut desk = tried("data", (120, 36), "rk_test_", &[]);
    desk.key("backtab");
    assert_eq!(wizard(&desk).focus, Field::Name);
    desk.key("ctrl-u");
    paste(&mut desk, "acme inc");
    desk.key("enter");
    assert_eq!(wizard(&desk).step, Step::Key);
    assert!(desk.draw().contains("The name `acme inc` is taken here"));
    desk.key("ctrl-u");
    paste(&mut desk, "taken");
    for _ in 0..3 {
        desk.key("enter");
    }
    assert!(desk.draw().contains("the name `taken` is taken"), "what the engine refuses is told, too");
    assert_eq!(wizard(&desk).step, Step::Current);
}

#[test]
fn editing_sends_only_what_was_changed() {
    let mut desk = at("data", (120, 36));
    desk.key("i");
    desk.key("enter");
    assert!(requests(&desk).is_empty() && desk.state.overlays.is_empty());
    desk.key("i");
    paste(&mut desk, "2");
    desk.key("tab");
    desk.key("tab");
    desk.key("space");
    desk.key("enter");
    let edit = Edit { name: Some("Acme Inc2".into()), billing: Some(false), ..Edit::default() };
    assert_eq!(requests(&desk), [Request::Edit { integration: IntegrationId(1), edit }]);
    assert!(desk.draw().contains("Acme Inc2 is changed"));
}

#[test]
fn disconnecting_says_what_goes_and_a_held_enter_does_nothing() {
    let mut desk = at("data", (120, 36));
    desk.key("D");
    let text = desk.draw();
    for wanted in ["Nothing is removed there", "is wiped", "107 488 records and 412 019 events"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    for _ in 0..9 {
        desk.key("enter");
    }
    assert!(requests(&desk).is_empty());
    desk.key("tab");
    desk.key("enter");
    assert_eq!(requests(&desk), [Request::Disconnect { integration: IntegrationId(1), purge: false }]);
    assert!(desk.draw().contains("Acme Inc is disconnected; its records stay"));
}

#[test]
fn records_are_only_removed_when_the_name_is_typed() {
    let mut desk = at("data", (120, 36));
    desk.key("D");
    desk.key("space");
    for key in ["tab", "enter", "enter"] {
        desk.key(key);
    }
    assert!(desk.draw().contains("To remove its records, type its name: Acme Inc"));
    assert!(requests(&desk).is_empty());
    paste(&mut desk, "Acme Inc");
    desk.key("enter");
    desk.key("enter");
    assert_eq!(requests(&desk), [Request::Disconnect { integration: IntegrationId(1), purge: true }]);
}

#[test]
fn a_check_fills_in_and_every_state_is_told() {
    let mut desk = at("data", (120, 36));
    assert!(desk.draw().contains("next in 42 s"));
    desk.key("C");
    desk.snapshot();
    assert!(desk.draw().contains("0 of 6, 6 still being tried"));
    assert_eq!(requests(&desk), [Request::Check { integration: IntegrationId(1) }]);
    desk.engine.checked(KeyTicket(99), &canned_connect::account("acct_1Qx1", "Acme"), &["disputes"]);
    desk.snapshot();
    assert!(desk.draw().contains("5 of 6 that it needs"));
    let told = [(2, "its key may not read disputes"), (3, "key refused since 12:01")];
    for (row, wanted) in told {
        let mut desk = at("data", (120, 36));
        for _ in 0..row {
            desk.key("j");
        }
        let text = desk.draw();
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    let mut off = at("data", (120, 36));
    off.engine.snapshots.send_modify(|snapshot| {
        let one = &mut std::sync::Arc::make_mut(snapshot).integrations[0];
        one.health = Health::Off;
        one.key.clear();
    });
    off.snapshot();
    assert!(off.draw().contains("off: disconnected; its records stay"));
    off.key("C");
    assert!(off.draw().contains("Acme Inc is disconnected: c connects the account again"));
    off.key("D");
    assert!(off.draw().contains("Remove its records"));
}

#[test]
fn on_a_narrow_terminal_enter_opens_the_detail() {
    let mut desk = at("data", (80, 24));
    let text = desk.draw();
    assert!(text.contains("Acme sandbox") && !text.contains("Our reads"), "{text}");
    desk.key("enter");
    let text = desk.draw();
    assert!(text.contains("Our reads") && !text.contains("Acme sandbox"), "{text}");
    desk.key("G");
    assert!(desk.draw().contains("Stored here"));
    desk.key("esc");
    assert!(desk.draw().contains("Acme sandbox"));
    desk.key("y");
    assert_eq!(desk.effects.last(), Some(&Effect::Copy("acct_1Qx1".into())));
}

#[test]
fn without_an_account_it_says_what_to_press_and_loading_and_failing_show() {
    for size in SIZES {
        for (name, wanted) in [
            ("empty", "c connects one"),
            ("opening", "opening the store"),
            ("failed", "the store can't be used"),
        ] {
            let text = at(name, size).draw();
            assert!(text.contains(wanted), "{name} {size:?}:\n{text}");
        }
    }
    let mut desk = at("opening", (80, 24));
    desk.key("c");
    assert!(desk.state.overlays.is_empty() && desk.draw().contains("still being opened"));
}

#[test]
fn every_step_fits_the_smallest_terminal() {
    for size in SIZES {
        let mut desk = tried("data", size, "sk_live_", &["invoices", "subscriptions", "disputes"]);
        for wanted in
            ["API key", "Harbour Books", "can move money", "Confirm", "3 of 6", "✗ disputes", "Continue"]
        {
            let text = desk.draw();
            if size.1 < 24 && wanted.starts_with('✗') {
                // There the count tells that something is missing.
                continue;
            }
            assert!(text.contains(wanted), "{wanted} {size:?}:\n{text}");
        }
        paste(&mut desk, "Harbour Books");
        desk.key("enter");
        assert!(desk.draw().contains("payments only"), "{size:?}:\n{}", desk.draw());
        desk.key("enter");
        let text = desk.draw();
        for wanted in ["● poll", "relay", "endpoint", "every 15m", "Connect"] {
            assert!(text.contains(wanted), "{wanted} {size:?}:\n{text}");
        }
        for (open, wanted) in [("D", "Disconnect"), ("i", "Save")] {
            let mut desk = at("data", size);
            desk.key(open);
            let text = desk.draw();
            assert!(text.contains(wanted) && text.contains("Esc"), "{open} {size:?}:\n{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_in_any_form_at_any_size(
        name in 0..canned::NAMES.len(),
        opened in 0..4_usize,
        steps in proptest::collection::vec((0..30_usize, 0..220_u16, 0..70_u16), 1..40),
        ascii: bool,
    ) {
        let keys = [
            "tab", "backtab", "enter", "esc", "space", "j", "k", "left", "right", "t", "o", "y", "p", "x", "down",
            "up", "backspace", "ctrl-u", "G", "g", "pgdn", "D", "i", "K", "C",
        ];
        let mut desk = at(canned::NAMES[name], (80, 24));
        desk.key(["c", "K", "i", "D"][opened]);
        for (step, (key, width, height)) in steps.into_iter().enumerate() {
            match keys.get(key) {
                Some(key) => { desk.key(key); }
                None if key == 29 => paste(&mut desk, &super::integrations::key("sk_live_")),
                None => { desk.send(Msg::Resize(width, height)); }
            }
            if step % 5 == 0 {
                let tickets = desk.engine.keys.lock().unwrap().len() as u64;
                let account = canned_connect::account("acct_日本", "日本語\u{202e} 🎉 with quite a long name");
                desk.engine.checked(KeyTicket(tickets), &account, &["disputes"]);
                desk.snapshot();
            }
            let buf = desk.buffer(ascii);
            prop_assert_eq!(buf.area.width, desk.state.size.0);
        }
    }
}
