//! A webhook endpoint in words, the same in header, lists, detail and forms.
//!
//! It must never show the whole of an endpoint's address by itself: who knows it can knock.

use crate::engine::api::{EndpointState, EndpointView, Health, IntegrationView, Remedy};
use crate::tui::fmt;
use crate::tui::input::actions::Action;
use crate::tui::state::State;

/// How it is, in two words.
pub fn word(state: &EndpointState) -> &'static str {
    match state {
        EndpointState::Unmade { .. } => "not made",
        EndpointState::NoSecret => "its signing secret is missing",
        EndpointState::Enabled => "enabled",
        EndpointState::Disabled { .. } => "disabled",
        EndpointState::Gone { .. } => "gone",
        EndpointState::Leaving { .. } => "being removed",
        EndpointState::Unknown => "not looked at yet",
    }
}

/// Since when it is so, where that is known.
pub fn since(state: &EndpointState) -> Option<i64> {
    match state {
        EndpointState::Disabled { since }
        | EndpointState::Gone { since }
        | EndpointState::Leaving { since } => Some(*since),
        EndpointState::Unmade { .. }
        | EndpointState::NoSecret
        | EndpointState::Enabled
        | EndpointState::Unknown => None,
    }
}

/// The endpoint of an integration that needs a person, and the words for that; none: it does not.
pub fn down(one: &IntegrationView) -> Option<&'static str> {
    if matches!(one.health, Health::Off | Health::Disconnecting { .. }) {
        return None;
    }
    Some(match one.endpoint.as_ref().filter(|it| it.is_down())?.state {
        EndpointState::Disabled { .. } => "endpoint disabled",
        EndpointState::Gone { .. } => "endpoint gone",
        EndpointState::Unmade { .. } => "no endpoint",
        _ => "endpoint without secret",
    })
}

/// It is there, and less than it could be.
pub fn is_less(one: &IntegrationView) -> bool {
    one.endpoint.as_ref().is_some_and(|it| !it.is_down() && it.wrong().is_some())
}

/// What is wrong, with the key that sets it right.
pub fn problem(state: &State, it: &EndpointView) -> Option<String> {
    let key = |action: Action| state.keymap.label(action);
    it.problem_by(|remedy| match remedy {
        Remedy::Enable => format!("{} sets it right", key(Action::EnableEndpoint)),
        Remedy::GiveSecret => format!("{} takes it", key(Action::RotateSecret)),
        Remedy::Rotate => format!("{} takes a new one", key(Action::RotateSecret)),
        Remedy::Serve => "`tillwatch serve` does".to_owned(),
    })
}

/// The address without its last part: `https://till.example.com/hooks/…`.
pub fn shown(url: &str) -> String {
    let before = url.rsplit_once('/').map_or(url, |(before, _)| before);
    format!("{}/…", fmt::clean(before))
}

/// Types of event, those of one kind together: `customer.created .updated .deleted · price.created`.
pub fn grouped(events: &[&str]) -> String {
    let mut out = String::new();
    let mut before = "";
    for event in events {
        let (kind, what) = event.rsplit_once('.').unwrap_or((event, ""));
        if !what.is_empty() && kind == before {
            out.push_str(" .");
            out.push_str(what);
        } else {
            if !out.is_empty() {
                out.push_str(" · ");
            }
            out.push_str(if *event == "*" { "all events" } else { event });
        }
        before = kind;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_makes_it_secret() {
        assert_eq!(shown("https://till.example.com/in/abcdef"), "https://till.example.com/in/…");
        assert_eq!(shown("https://till.example.com/abcdef"), "https://till.example.com/…");
        assert_eq!(shown("abcdef\u{1b}"), "abcdef/…");
    }

    #[test]
    fn events_of_a_kind_stand_together() {
        let all = ["customer.created", "customer.deleted", "customer.subscription.created", "price.created"];
        assert_eq!(
            grouped(&all),
            "customer.created .deleted · customer.subscription.created · price.created"
        );
        assert_eq!(grouped(&["*"]), "all events");
        let every = crate::integration::endpoint::events(true, false);
        assert_eq!(grouped(&every).split([' ', '·']).filter(|word| !word.is_empty()).count(), every.len());
    }
}
