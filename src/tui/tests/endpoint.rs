//! Webhook endpoints on the screen: asked for, shown in every state, set right, and a secret that is given.

use super::integrations::{at, key, paste, requests, tried, wizard};
use super::{Desk, SIZES, canned, canned_endpoint};
use crate::engine::api::*;
use crate::tui::effects::Effect;
use crate::tui::input::actions::Context;
use crate::tui::msg::Msg;
use crate::tui::overlay::Overlay;
use crate::tui::overlay::wizard::{Field, Step};
use crate::tui::screens::ScreenId;
use crate::tui::state::State;
use std::sync::Arc;

const URL: &str = "https://till.example.com";

/// A wizard at its last step, the endpoint chosen, the address in the field.
fn asked(prefix: &str, size: (u16, u16)) -> Desk {
    let mut desk = tried("data", size, prefix, &[]);
    desk.key("enter");
    desk.key("enter");
    for key in ["k", "right", "right", "tab"] {
        desk.key(key);
    }
    assert_eq!((wizard(&desk).step, wizard(&desk).focus), (Step::Current, Field::Url));
    desk
}

fn spec(desk: &Desk) -> ConnectSpec {
    let found = requests(desk).into_iter().rev().find_map(|request| match request {
        Request::Connect { spec, .. } => Some(spec),
        _ => None,
    });
    found.expect("nothing was connected")
}

fn select(desk: &mut Desk, down: usize) {
    for _ in 0..down {
        desk.key("j");
    }
}

/// What is asked about an endpoint.
fn actions(desk: &Desk) -> Vec<(u32, EndpointAction)> {
    let of = |request| match request {
        Request::Endpoint { integration, action } => Some((integration.0, action)),
        _ => None,
    };
    requests(desk).into_iter().filter_map(of).collect()
}

#[test]
fn the_wizard_asks_for_the_address_and_tells_what_became_of_it() {
    let mut desk = asked("rk_test_", (120, 36));
    desk.has(&["● endpoint", "leads to the receiver", "37 types of event", "https://till.example.com"]);
    desk.key("enter");
    desk.has(&["needs a public URL"]);
    assert!(!requests(&desk).iter().any(|request| matches!(request, Request::Connect { .. })));
    paste(&mut desk, "http://localhost");
    desk.key("enter");
    // The engine's sentence, where it is put right.
    desk.has(&["is an address that Stripe cannot reach"]);
    assert_eq!(wizard(&desk).focus, Field::Url);
    desk.key("ctrl-u");
    paste(&mut desk, URL);
    desk.key("enter");
    let spec = spec(&desk);
    assert_eq!(
        (spec.delivery, spec.public_url.as_deref(), spec.by_hand),
        (Delivery::Endpoint, Some(URL), false)
    );
    desk.snapshot();
    desk.has(&[
        "The webhook endpoint is there",
        "https://till.example.com/in/…",
        "listens on http://127.0.0.1:8456",
    ]);
    desk.key("y");
    assert!(matches!(desk.effects.last(), Some(Effect::Copy(url)) if url.ends_with("5f5f")));
    desk.key("enter");
    assert!(desk.state.overlays.is_empty());
}

#[test]
fn a_live_account_is_asked_about_and_by_hand_nothing_is_written() {
    let mut desk = asked("rk_live_", (120, 36));
    paste(&mut desk, URL);
    for key in ["enter", "enter", "enter"] {
        // Held down it never agrees.
        desk.key(key);
    }
    assert_eq!(desk.state.context(), Context::Confirm);
    desk.has(&["Harbour Books is LIVE.", "is made at Stripe"]);
    desk.key("n");
    assert!(!requests(&desk).iter().any(|request| matches!(request, Request::Connect { .. })));
    desk.key("enter");
    desk.key("y");
    assert_eq!(spec(&desk).public_url.as_deref(), Some(URL));

    let mut desk = asked("rk_live_", (120, 36));
    paste(&mut desk, URL);
    for key in ["tab", "space", "enter"] {
        desk.key(key);
    }
    assert!(spec(&desk).by_hand, "nothing is made at Stripe: nothing to ask");
}

#[test]
fn what_could_not_be_made_is_said_on_the_last_page_and_tried_again() {
    for size in SIZES {
        let mut desk = asked("rk_test_", size);
        paste(&mut desk, URL);
        desk.engine.hook(canned_endpoint::with(EndpointState::Unmade {
            reason: "Stripe allows 16 webhook endpoints for an account and mode, and all are taken".into(),
        }));
        desk.key("enter");
        desk.snapshot();
        desk.has(&["No webhook endpoint was made", "16 webhook", "Events are polled every 15m", "Close"]);
        desk.key("t");
        assert_eq!(actions(&desk), [(9, EndpointAction::Enable)]);
        desk.key("o");
        assert!(
            matches!(desk.effects.last(), Some(Effect::OpenPage(url)) if url.contains("rak_webhook_write"))
        );
        desk.key("esc");
        desk.has(&["no endpoint"]);
    }
}

#[test]
fn one_by_hand_shows_address_events_and_steps_and_takes_the_secret() {
    for size in SIZES {
        let mut desk = asked("rk_test_", size);
        paste(&mut desk, URL);
        desk.key("tab");
        desk.key("space");
        desk.engine.hook(canned_endpoint::by_hand());
        desk.key("enter");
        desk.snapshot();
        desk.has(&[
            "Add destination",
            "37 types of event",
            "customer.created .updated .deleted",
            "price.created",
            "5f5f5f",
            "Reveal",
            "whsec_…",
            "Keep the secret",
            "polled every 15m",
            "y copies it",
        ]);
        desk.key("y");
        assert!(matches!(desk.effects.last(), Some(Effect::Copy(url)) if url.ends_with("5f5f")));
        desk.key("o");
        assert!(matches!(desk.effects.last(), Some(Effect::OpenPage(url)) if url.ends_with("/webhooks")));
        desk.key("enter");
        desk.has(&["There is no secret yet"]);
        for (text, named) in [
            (key("sk_live_"), "that is an API key"),
            (key("rk_test_"), "that is an API key"),
            ("we_1QxHook".to_owned(), "the endpoint's id"),
            ("whsec_x".to_owned(), "cut off"),
        ] {
            paste(&mut desk, &text);
            desk.key("enter");
            desk.has(&[named]);
        }
        assert!(!desk.effects.iter().any(
            |effect| matches!(effect, Effect::OfferKey { key, .. } if !key.expose().contains("51Hxyz"))
        ));
        let secret = format!("whsec_{}", "k3".repeat(16));
        paste(&mut desk, &secret);
        let text = desk.draw();
        assert!(text.contains("whsec_••••") && !text.contains("k3k3k3"), "{text}");
        desk.key("enter");
        assert_eq!(desk.engine.keys.lock().unwrap().last(), Some(&secret));
        assert_eq!(actions(&desk), [(9, EndpointAction::Secret { ticket: KeyTicket(2) })]);
        assert!(desk.state.overlays.is_empty());
        assert!(!format!("{:?}", desk.state).contains("k3k3k3"));
    }
}

#[test]
fn every_state_is_told_on_the_screen_in_the_header_and_in_the_list() {
    let told: [(&str, usize, &[&str]); 8] = [
        (
            "hooks",
            0,
            &[
                "enabled",
                "made by tillwatch",
                "till.example.com/in/…",
                "delivered 2 m ago",
                "no event of the last 3",
            ],
        ),
        ("hooks", 1, &["endpoint disabled since 12:01", "e sets it right", "polled every 15m"]),
        (
            "hooks",
            2,
            &["made by hand", "U takes it", "signing secret is", "`tillwatch serve` does", "no delivery yet"],
        ),
        (
            "hooks",
            3,
            &["100 or more", "invoice.paid .voided", "payout.paid", "12 with a wrong", "other.example.com"],
        ),
        ("down", 0, &["endpoint disabled since 12:01", "e sets it right"]),
        ("down", 1, &["endpoint gone since Nov 21", "e sets it right"]),
        ("down", 2, &["no endpoint", "rak_webhook_write", "not made"]),
        ("down", 3, &["being removed since 13:57", "as soon as Stripe"]),
    ];
    for size in SIZES {
        for (name, row, wanted) in told {
            let mut desk = at(name, (size.0, 60));
            select(&mut desk, row);
            desk.key("enter");
            desk.has(wanted);
            let text = desk.draw();
            assert!(!text.contains("5f5f") && !text.contains("[31m"), "{name} {row}:\n{text}");
        }
        let mut desk = Desk::new("down", size);
        desk.has(&["3 need you", "endpoint disabled"]);
        desk.key("1");
        desk.key("1");
        desk.has(&["3 need you", "endpoint gone since"]);
        // Red, and not by its colour alone.
        let buf = desk.buffer(false);
        let red =
            buf.content.iter().any(|cell| cell.fg == ratatui::style::Color::Red && cell.symbol() == "!");
        assert!(red, "{}", super::text(&buf));
    }
}

#[test]
fn one_key_enables_again_and_what_makes_or_rotates_is_asked_first() {
    // Disabled, LIVE, from the dashboard: one key.
    let mut desk = Desk::new("down", (120, 36));
    desk.has(&["e enable endpoint"]);
    desk.key("e");
    assert_eq!(actions(&desk), [(1, EndpointAction::Enable)]);
    // Gone, TEST: at once. Not made, LIVE: asked first.
    let mut desk = at("down", (120, 36));
    select(&mut desk, 1);
    desk.key("e");
    assert_eq!(actions(&desk), [(2, EndpointAction::Enable)]);
    desk.key("j");
    desk.key("e");
    desk.has(&["Make a webhook endpoint at Stripe for Acme EU  LIVE ?"]);
    desk.key("enter");
    assert_eq!(actions(&desk).len(), 1);
    desk.key("e");
    desk.key("y");
    assert_eq!(actions(&desk).last(), Some(&(3, EndpointAction::Enable)));
    desk.key("j");
    desk.key("e");
    desk.has(&["is being removed"]);
    // A new secret is asked about, in TEST too.
    let mut desk = at("hooks", (120, 36));
    desk.key("e");
    desk.has(&["enabled at Stripe as it should be"]);
    desk.key("U");
    desk.has(&["Take a new signing secret for Acme Inc  LIVE ?", "good for one day more"]);
    desk.key("y");
    desk.key("W");
    assert_eq!(actions(&desk), [(1, EndpointAction::Rotate), (1, EndpointAction::Look)]);
    desk.has(&["the webhook endpoint of Acme Inc: enabled"]);
    desk.key("Y");
    assert!(matches!(desk.effects.last(), Some(Effect::Copy(url)) if url.ends_with("5f5f")));
    // By hand both open the page.
    select(&mut desk, 2);
    for key in ["e", "U"] {
        desk.key(key);
        assert!(matches!(desk.state.overlays.last(), Some(Overlay::Endpoint(_))));
        desk.key("esc");
    }
    let mut desk = at("data", (120, 36));
    for key in ["e", "U", "W", "Y", "o"] {
        desk.key(key);
        desk.has(&["Acme Inc has no webhook endpoint: i"]);
    }
    assert!(actions(&desk).is_empty());
    desk.engine.snapshots.send_modify(|snapshot| {
        let snapshot = Arc::make_mut(snapshot);
        canned_endpoint::fill(&mut snapshot.integrations, "down");
        snapshot.read_only = true;
    });
    desk.snapshot();
    desk.key("e");
    desk.has(&["read-only"]);
    assert!(actions(&desk).is_empty());
}

#[test]
fn what_stripe_does_to_it_is_told_at_once_with_the_key() {
    let mut desk = Desk::new("hooks", (160, 40));
    let alert = Alert {
        seq: 1,
        at: 1,
        level: Level::Error,
        integration: IntegrationId(1),
        reason: AlertReason::EndpointDown,
        over: false,
        case: None,
        text: "Acme Inc (LIVE): the webhook endpoint is disabled at Stripe; events are polled".into(),
    };
    desk.engine.snapshots.send_modify(|snapshot| {
        let snapshot = Arc::make_mut(snapshot);
        snapshot.integrations[0].endpoint = Some(canned_endpoint::with(EndpointState::Disabled { since: 5 }));
        snapshot.alerts.push(alert);
    });
    desk.snapshot();
    desk.has(&[
        "the webhook endpoint is disabled at Stripe; events are polled; e sets it right",
        "! endpoint disabled",
    ]);
}

#[test]
fn the_edit_form_turns_it_on_and_off_and_moves_it() {
    let edits = |desk: &Desk| -> Vec<Edit> {
        let of = |request| match request {
            Request::Edit { edit, .. } => Some(edit),
            _ => None,
        };
        requests(desk).into_iter().filter_map(of).collect()
    };
    // On, for a TEST account: at once.
    let mut desk = at("data", (120, 36));
    desk.key("j");
    desk.key("i");
    for key in ["tab", "tab", "tab", "right", "right", "tab"] {
        desk.key(key);
    }
    desk.key("enter");
    desk.has(&["needs a public URL"]);
    paste(&mut desk, URL);
    desk.key("enter");
    let on = Edit {
        delivery: Some(Delivery::Endpoint),
        public_url: Some(URL.into()),
        by_hand: Some(false),
        ..Edit::default()
    };
    assert_eq!(edits(&desk), [on]);
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Endpoint(_))));
    // Moved, for a LIVE one: asked first. Its secret part is not shown.
    let mut desk = at("hooks", (120, 36));
    desk.key("i");
    let text = desk.draw();
    assert!(text.contains("https://till.example.com/in") && !text.contains("5f5f"), "{text}");
    for key in ["tab", "tab", "tab", "tab"] {
        desk.key(key);
    }
    paste(&mut desk, "2");
    desk.key("enter");
    desk.has(&["Acme Inc is LIVE.", "is changed at Stripe"]);
    desk.key("enter");
    assert!(edits(&desk).is_empty());
    desk.key("enter");
    desk.key("y");
    let moved = Edit { public_url: Some(format!("{URL}/in2")), ..Edit::default() };
    assert_eq!(edits(&desk), [moved]);
    // Off.
    let mut desk = at("hooks", (120, 36));
    desk.key("i");
    for key in ["tab", "tab", "tab", "right", "enter"] {
        desk.key(key);
    }
    desk.has(&["is removed at Stripe"]);
    desk.key("y");
    assert_eq!(edits(&desk), [Edit { delivery: Some(Delivery::Poll), ..Edit::default() }]);
    assert!(desk.state.overlays.is_empty());
    // By hand: its secret has a page, and nothing but a name asks nobody.
    let mut desk = at("hooks", (120, 36));
    select(&mut desk, 2);
    desk.key("i");
    paste(&mut desk, "2");
    for _ in 0..6 {
        desk.key("tab");
    }
    desk.has(&["Give its signing secret"]);
    desk.key("enter");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Endpoint(_))));
    desk.key("esc");
    desk.key("tab");
    desk.key("enter");
    assert_eq!(edits(&desk), [Edit { name: Some("Acme EU2".into()), ..Edit::default() }]);
}

#[test]
fn all_of_it_fits_the_smallest_terminal_and_ascii() {
    for size in [(60, 16), (80, 24), (120, 36), (200, 50)] {
        let mut desk = asked("rk_live_", size);
        paste(&mut desk, URL);
        desk.has(&["● endpoint", "URL", "Made", "Poll", "Connect, and make"]);
        desk.key("enter");
        desk.has(&["is LIVE", "y yes"]);
        let mut desk = at("hooks", size);
        select(&mut desk, 2);
        desk.key("U");
        desk.has(&["“Add", "Reveal", "whsec_", "Keep the secret", "y copies it", "5f5f"]);
        let ascii = super::text(&desk.buffer(true));
        assert!(ascii.is_ascii(), "{ascii}");
        desk.key("esc");
        desk.key("i");
        desk.has(&["● endpoint", "URL", "Made", "Secret", "Poll", "Save"]);
        let mut desk = at("down", size);
        select(&mut desk, 2);
        desk.key("enter");
        desk.has(&["no endpoint"]);
        desk.key("i");
        desk.has(&["Save"]);
    }
    assert_eq!(at("hooks", (80, 24)).state.screen, ScreenId::Integrations);
}

#[test]
fn a_screen_that_attaches_is_not_called_for_what_the_holder_has_called_for_before() {
    let called = |attached: bool| {
        let mut desk = Desk {
            state: State::new((120, 36)),
            engine: canned::Fake::new("data"),
            effects: Vec::new(),
            now_ms: canned::NOW * 1000,
        };
        desk.state.calls.bell = true;
        let attached = attached.then_some(Attached { pid: 7, lost: None });
        let first = Snapshot { attached: attached.clone(), phase: Phase::Opening, ..Snapshot::default() };
        desk.send(Msg::Snapshot(Arc::new(first)));
        desk.engine.snapshots.send_modify(|snapshot| {
            let snapshot = Arc::make_mut(snapshot);
            snapshot.attached = attached;
            snapshot.alerts.push(Alert {
                seq: 1,
                at: 1,
                level: Level::Error,
                integration: IntegrationId(1),
                reason: AlertReason::KeyRefused,
                over: false,
                case: None,
                text: "the key is refused".into(),
            });
        });
        desk.snapshot();
        desk.effects.iter().any(|effect| matches!(effect, Effect::Ring))
    };
    assert!(called(false), "seen from its beginning it is news");
    assert!(!called(true));
}
