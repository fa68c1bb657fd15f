//! Webhook endpoints by hand: one of each state, at the canned moment.

use super::canned::NOW;
use crate::engine::api::*;

/// One that works.
pub fn enabled() -> EndpointView {
    EndpointView {
        id: Some("we_1QxHook".into()),
        url: format!("https://till.example.com/in/{}", "5f".repeat(24)),
        by_hand: false,
        state: EndpointState::Enabled,
        listening: Some("http://127.0.0.1:8456".into()),
        trouble: None,
        last_delivery_at: Some(NOW - 120),
        missed_at: None,
        checked_at: Some(NOW - 60),
        undelivered: Some(0),
        less: Vec::new(),
        more: Vec::new(),
        unsigned: 0,
        untimely: 0,
        all_events: false,
        others: Vec::new(),
        passing: false,
        astray: None,
    }
}

/// One in that state.
pub fn with(state: EndpointState) -> EndpointView {
    EndpointView { state, ..enabled() }
}

/// One that a person makes and whose secret nobody gave yet.
pub fn by_hand() -> EndpointView {
    EndpointView {
        id: None,
        by_hand: true,
        listening: None,
        last_delivery_at: None,
        checked_at: None,
        undelivered: None,
        ..with(EndpointState::NoSecret)
    }
}

/// One that is there and less than it could be, in every way.
pub fn less() -> EndpointView {
    EndpointView {
        missed_at: Some(NOW - 900),
        undelivered: Some(100),
        less: vec!["invoice.paid".into(), "invoice.voided".into()],
        more: vec!["payout.\u{1b}[31mpaid".into()],
        unsigned: 12,
        untimely: 3,
        others: vec!["other.example.com (we_1Other), made 2026-05-03".into()],
        ..enabled()
    }
}

/// Puts an endpoint in every integration.
pub fn fill(all: &mut [IntegrationView], name: &str) {
    let reason = "the key may not make webhook endpoints (rak_webhook_write): allow “Webhook Endpoints: write” for it, or make the endpoint by hand";
    let views = if name == "hooks" {
        [enabled(), with(EndpointState::Disabled { since: NOW - 7273 }), by_hand(), less()]
    } else {
        [
            with(EndpointState::Disabled { since: NOW - 7273 }),
            with(EndpointState::Gone { since: NOW - 90_000 }),
            EndpointView { id: None, ..with(EndpointState::Unmade { reason: reason.into() }) },
            with(EndpointState::Leaving { since: NOW - 300 }),
        ]
    };
    for (one, it) in all.iter_mut().zip(views) {
        one.health = Health::Connected;
        one.delivery = Delivery::Endpoint;
        one.endpoint = Some(it);
    }
}
