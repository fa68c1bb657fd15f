//! Connecting, by hand: tickets, checks and profiles as the engine serves them.

use super::canned::{Fake, integration};
use crate::engine::api::*;
use crate::vault::secret::Secret;
use std::sync::Arc;

fn permission(resource: &str, group: PermissionGroup, billing_only: bool) -> PermissionView {
    PermissionView {
        resource: resource.into(),
        permission: format!("rak_{}_read", resource.trim_end_matches('s').replace(' ', "_")),
        costs: format!("no {resource} records"),
        group,
        billing_only,
        state: PermissionState::Waiting,
    }
}

/// A check that has just begun.
pub fn check(ticket: KeyTicket, kind: &str, livemode: bool) -> KeyCheckView {
    use PermissionGroup::{Endpoint, Poll, Read, Relay};
    KeyCheckView {
        ticket,
        integration: None,
        masked: "rk_test_…4242".into(),
        kind: kind.into(),
        livemode,
        state: KeyCheckState::Checking,
        account: None,
        permissions: vec![
            permission("account", Read, false),
            permission("events", Poll, false),
            permission("payment intents", Read, false),
            permission("invoices", Read, true),
            permission("subscriptions", Read, true),
            permission("disputes", Read, false),
            permission("relay socket", Relay, false),
            permission("webhook endpoints", Endpoint, false),
        ],
        form_url: "https://dashboard.stripe.com/test/apikeys/create?name=tillwatch".into(),
        connected_as: None,
        expires: None,
    }
}

pub fn account(id: &str, name: &str) -> AccountView {
    AccountView { id: id.into(), name: name.into(), currency: "eur".into(), timezone: "Europe/Berlin".into() }
}

impl Fake {
    /// Changes the checks in the snapshot.
    pub fn checks(&self, change: impl FnOnce(&mut Vec<KeyCheckView>)) {
        self.snapshots.send_modify(|snapshot| change(&mut Arc::make_mut(snapshot).key_checks));
    }

    /// What becomes of the next webhook endpoint.
    pub fn hook(&self, view: EndpointView) {
        *self.endpoint.lock().unwrap() = view;
    }

    /// Ends the check of a ticket: everything is allowed but what is named.
    pub fn checked(&self, ticket: KeyTicket, account: &AccountView, missing: &[&str]) {
        self.checks(|all| {
            for check in all.iter_mut().filter(|check| check.ticket == ticket) {
                check.state = KeyCheckState::Done;
                check.account = Some(account.clone());
                for one in &mut check.permissions {
                    one.state = if missing.contains(&one.resource.as_str()) {
                        PermissionState::Missing
                    } else {
                        PermissionState::Allowed
                    };
                }
            }
        });
    }

    /// Takes a key: what it is follows from how it begins.
    pub fn offered(&self, key: &Secret) -> Answer {
        let text = key.expose().trim().to_owned();
        let mut keys = self.keys.lock().unwrap();
        keys.push(text);
        Answer::Ticket { ticket: KeyTicket(keys.len() as u64) }
    }

    /// What the engine answers to what belongs to connecting.
    pub fn connecting(&self, request: &Request) -> Option<Answer> {
        Some(match request {
            Request::TryKey { ticket, .. } => {
                let text = self.keys.lock().unwrap()[ticket.0 as usize - 1].clone();
                let kind = if text.starts_with("rk_") { "restricted" } else { "secret" };
                let mut view = check(*ticket, kind, text.contains("_live_"));
                if text.starts_with("pk_") {
                    view.state =
                        KeyCheckState::Refused { reason: "This is a publishable key (pk_…).".into() };
                }
                self.checks(|all| {
                    all.retain(|one| one.ticket != *ticket);
                    all.push(view);
                });
                Answer::Done
            }
            Request::DropKey { ticket } => {
                self.checks(|all| all.retain(|one| one.ticket != *ticket));
                Answer::Done
            }
            Request::Check { integration } => {
                let mut view = check(KeyTicket(99), "restricted", true);
                view.integration = Some(*integration);
                self.checks(|all| all.push(view));
                Answer::Done
            }
            Request::Connect { spec, .. } => {
                let name = spec.name.clone().unwrap_or_else(|| "Harbour Books".into());
                if name == "taken" {
                    return Some(Answer::Refused { reason: "the name `taken` is taken".into() });
                }
                if let Some(url) = &spec.public_url
                    && let Err(reason) = crate::integration::endpoint::public_url(url, false, false)
                {
                    return Some(Answer::Refused { reason });
                }
                let endpoint = spec.public_url.as_ref().map(|_| self.endpoint.lock().unwrap().clone());
                self.snapshots.send_modify(|snapshot| {
                    let snapshot = Arc::make_mut(snapshot);
                    let mut one = integration(9, &name, false);
                    one.delivery = spec.delivery;
                    one.endpoint = endpoint;
                    snapshot.integrations.push(one);
                    snapshot.key_checks.clear();
                });
                Answer::Connected { integration: IntegrationId(9) }
            }
            Request::NewKey { .. } | Request::Edit { .. } | Request::Endpoint { .. } => Answer::Done,
            Request::Disconnect { .. } => Answer::Disconnected { left: EndpointLeft::Nothing },
            Request::CliProfiles => Answer::CliProfiles(vec![
                CliProfile {
                    name: "default".into(),
                    file: "/home/ada/.config/stripe/config.toml".into(),
                    account: "acct_1Default".into(),
                    display_name: "Acme".into(),
                    test: Some("2027-02-21".into()),
                    live: None,
                    note: Some("its live key is in the system's keyring".into()),
                },
                CliProfile {
                    name: "shop".into(),
                    file: "/home/ada/.config/stripe/config.toml".into(),
                    account: "acct_1Shop".into(),
                    display_name: "Shop".into(),
                    test: Some(String::new()),
                    live: Some("2027-01-01".into()),
                    note: None,
                },
            ]),
            Request::CliProfileKey { livemode, .. } => {
                let text = if *livemode { "rk_live_" } else { "rk_test_" };
                self.offered(&Secret::new(format!("{text}51FromTheCliForTests")))
            }
            _ => return None,
        })
    }
}
