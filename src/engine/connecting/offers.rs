//! Keys that were handed over and not saved yet, each under a ticket, and how their checks go.
//!
//! Keys live here in memory only, as secrets, and few at a time. It must never put a key into a view.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::engine::api::{
    AccountView, IntegrationId, KeyCheckState, KeyCheckView, KeyTicket, PermissionState, PermissionView,
};
use crate::integration::check::{Account, Checked, KeyCheck, Verdict, form_link, wanted_permissions};
use crate::integration::connect::kind_of;
use crate::integration::probes;
use crate::integration::stripe_cli::Origin;
use crate::stripe::{ApiKey, KeyProblem};
use crate::vault::secret::Secret;

/// Keys and checks held at once; the oldest makes room.
const MOST: usize = 8;

const NO_SECRET: &str = "no signing secret was given";

/// One key, or the check of a connected one.
pub struct Offer {
    /// The key; or why the text is none; or nothing, for a connected key, which stays in its vault.
    pub key: Option<Result<ApiKey, KeyProblem>>,
    /// What was handed over, as a webhook endpoint's signing secret; the error says what it is instead.
    pub signing: Result<Secret, String>,
    /// The profile of the Stripe CLI that it was taken from.
    pub origin: Option<Origin>,
    /// What front-ends see of its check, once there is one.
    pub view: Option<KeyCheckView>,
    /// What the last check found, and what it was asked for.
    pub found: Option<Found>,
    /// Reads that its checks took and that are not counted yet.
    pub reads: u64,
    /// Ends its check.
    pub stop: CancellationToken,
    /// Cancelled when its check has ended.
    pub ended: CancellationToken,
}

/// What a check found.
#[derive(Clone)]
pub struct Found {
    /// The matrix and the account.
    pub check: KeyCheck,
    /// Billing's rows are in it.
    pub billing: bool,
    /// Where it was tried.
    pub base: String,
}

/// All of them.
#[derive(Default)]
pub struct Offers {
    last: u64,
    all: BTreeMap<u64, Offer>,
}

impl Offers {
    /// Takes a key, or room for a check, under a new ticket.
    pub fn add(&mut self, key: Option<Result<ApiKey, KeyProblem>>, origin: Option<Origin>) -> KeyTicket {
        while self.all.len() >= MOST {
            if let Some((_, oldest)) = self.all.pop_first() {
                oldest.stop.cancel();
            }
        }
        self.last += 1;
        let offer = Offer {
            key,
            signing: Err(NO_SECRET.to_owned()),
            origin,
            view: None,
            found: None,
            reads: 0,
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        };
        self.all.insert(self.last, offer);
        KeyTicket(self.last)
    }

    /// One of them.
    pub fn get(&mut self, ticket: KeyTicket) -> Option<&mut Offer> {
        self.all.get_mut(&ticket.0)
    }

    /// Takes out a signing secret that was handed over. The error is a sentence.
    pub fn take_signing(&mut self, ticket: KeyTicket) -> Result<Secret, String> {
        match self.all.remove(&ticket.0) {
            Some(offer) => offer.signing,
            None => Err("that secret is no longer held: paste it again".to_owned()),
        }
    }

    /// Forgets a key and ends its check; false: there was none.
    pub fn remove(&mut self, ticket: KeyTicket) -> bool {
        let gone = self.all.remove(&ticket.0);
        if let Some(offer) = &gone {
            offer.stop.cancel();
        }
        gone.is_some()
    }

    /// Forgets checks of a connected integration.
    pub fn remove_checks_of(&mut self, id: IntegrationId) {
        self.all.retain(|_, offer| {
            let of_it = offer.view.as_ref().is_some_and(|view| view.integration == Some(id));
            if of_it {
                offer.stop.cancel();
            }
            !of_it
        });
    }

    /// What front-ends are shown.
    pub fn views(&self) -> Vec<KeyCheckView> {
        self.all.values().filter_map(|offer| offer.view.clone()).collect()
    }
}

/// The view of a check that begins.
pub fn begun(ticket: KeyTicket, key: &ApiKey, origin: Option<&Origin>, billing: bool) -> KeyCheckView {
    KeyCheckView {
        ticket,
        integration: None,
        masked: key.masked(),
        kind: kind_of(key).to_owned(),
        livemode: key.livemode,
        state: KeyCheckState::Checking,
        account: None,
        permissions: probes::rows(billing)
            .map(|probe| {
                let state = if probe.writes { PermissionState::NotTried } else { PermissionState::Waiting };
                permission(&probe.row(), state)
            })
            .collect(),
        form_url: form_link(key.livemode, &wanted_permissions(billing)),
        connected_as: None,
        expires: origin.and_then(|origin| origin.expires.clone()),
    }
}

/// The view of a text that is no key.
pub fn no_key(ticket: KeyTicket, problem: KeyProblem, billing: bool) -> KeyCheckView {
    KeyCheckView {
        ticket,
        integration: None,
        masked: String::new(),
        kind: String::new(),
        livemode: false,
        state: KeyCheckState::Refused { reason: problem.to_string() },
        account: None,
        permissions: Vec::new(),
        form_url: form_link(true, &wanted_permissions(billing)),
        connected_as: None,
        expires: None,
    }
}

/// An account for a front-end.
pub fn account(account: &Account) -> AccountView {
    AccountView {
        id: account.id.clone(),
        name: account.name.clone(),
        currency: account.currency.clone(),
        timezone: account.timezone.clone(),
    }
}

/// A row for a front-end.
pub fn permission(row: &Checked, state: PermissionState) -> PermissionView {
    PermissionView {
        resource: row.resource.clone(),
        permission: row.permission.clone(),
        costs: row.costs.clone(),
        group: row.group,
        billing_only: row.billing_only,
        state,
    }
}

/// What came of a row.
pub fn state(row: &Checked) -> PermissionState {
    match row.verdict {
        Verdict::Allowed => PermissionState::Allowed,
        Verdict::Missing => PermissionState::Missing,
        Verdict::NotOffered => PermissionState::NotOffered,
        Verdict::NotTried => PermissionState::NotTried,
        Verdict::Unknown => PermissionState::Unknown {
            reason: row.note.clone().unwrap_or_else(|| "it could not be tried".to_owned()),
        },
    }
}
