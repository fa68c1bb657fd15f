//! An integration as it is stored: one connected account and mode, and how it is kept current.
//!
//! It must never hold a key: only what the key looks like and where the vault put it.

use serde::{Deserialize, Serialize};

use crate::engine::api::{Delivery, Health, IntegrationId, Missing, PermissionGroup};
use crate::store::{Store, StoreError};
use crate::stripe::DEFAULT_BASE;
use crate::vault::Place;

use super::check::{Checked, Verdict};
use super::endpoint::EndpointNote;
use super::stripe_cli::Origin;

/// The key of an integration: enough to recognise it, not enough to use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyNote {
    /// `rk_live_…4242`
    pub masked: String,
    /// Tells whether two keys are the same.
    pub fingerprint: String,
    /// `restricted`, `secret`.
    pub kind: String,
    /// Where the vault put it.
    pub place: Place,
    /// The profile of the Stripe CLI that it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl KeyNote {
    /// Where it is kept and came from, for a person.
    pub fn kept(&self) -> String {
        match &self.origin {
            Some(origin) => format!("{}; {origin}", self.place),
            None => self.place.to_string(),
        }
    }
}

/// Stripe refused the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Unix seconds.
    pub since: i64,
    /// One sentence.
    pub reason: String,
}

/// One connected account and mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// Its number; never reused.
    pub id: IntegrationId,
    /// Unique in the data folder.
    pub name: String,
    /// What the operator says about it.
    pub description: Option<String>,
    /// `acct_…`
    pub account: String,
    /// What Stripe calls the account.
    pub account_name: String,
    /// Live money or test mode.
    pub livemode: bool,
    /// Invoices and subscriptions too, or payments only.
    pub billing: bool,
    /// How it stays current.
    pub delivery: Delivery,
    /// Seconds between polls.
    pub poll_every_s: u64,
    /// Events of every type are stored, not only those that are about what is kept.
    #[serde(default)]
    pub all_events: bool,
    /// IANA name.
    pub timezone: String,
    /// Where its API is.
    pub base_url: String,
    /// None once disconnected.
    pub key: Option<KeyNote>,
    /// The last key check.
    pub permissions: Vec<Checked>,
    /// When that was.
    pub checked_at: i64,
    /// When it was connected.
    pub connected_at: i64,
    /// When it was disconnected.
    pub off_since: Option<i64>,
    /// Stripe refused the key.
    pub refused: Option<Refused>,
    /// Its webhook endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointNote>,
}

impl Integration {
    /// The name of its document in the store.
    pub fn document(id: IntegrationId) -> String {
        format!("integration/{:08}", id.0)
    }

    /// The name of one of its own documents (jobs, cursors): all of them go with it on a purge.
    pub fn own_document(id: IntegrationId, what: &str) -> String {
        format!("of/{:08}/{what}", id.0)
    }

    /// The name of its key in the vault.
    pub fn vault_name(id: IntegrationId) -> String {
        format!("integration/{:08}/api_key", id.0)
    }

    /// All of them, in the order of their numbers.
    pub fn all(store: &Store) -> Result<Vec<Integration>, StoreError> {
        Ok(store.metas("integration/")?.into_iter().map(|(_, integration)| integration).collect())
    }

    /// The permissions that were missing at the last check (or since).
    pub fn missing(&self) -> Vec<Missing> {
        let mut out: Vec<Missing> = Vec::new();
        for row in &self.permissions {
            // What the chosen delivery does not use is no loss. Polling goes on beside the other ways.
            let used = match row.group {
                PermissionGroup::Read | PermissionGroup::Poll => true,
                PermissionGroup::Relay => self.delivery == Delivery::Relay,
                PermissionGroup::Endpoint => self.delivery == Delivery::Endpoint,
            };
            if row.verdict != Verdict::Missing || (row.billing_only && !self.billing) || !used {
                continue;
            }
            // Several resources can hang on one permission: named once.
            match out.iter_mut().find(|missing| missing.permission == row.permission) {
                Some(missing) => {
                    missing.resource = format!("{}, {}", missing.resource, row.resource);
                    missing.costs = format!("{}; {}", missing.costs, row.costs);
                }
                None => out.push(Missing {
                    permission: row.permission.clone(),
                    resource: row.resource.clone(),
                    costs: row.costs.clone(),
                }),
            }
        }
        out
    }

    /// Whether the key may read what is behind this permission, as far as is known.
    pub fn may(&self, permission: &str) -> bool {
        !self.permissions.iter().any(|row| row.permission == permission && row.verdict == Verdict::Missing)
    }

    /// Whether the server offers a path at all (other servers than Stripe may not).
    pub fn offered(&self, path: &str) -> bool {
        !self.permissions.iter().any(|row| row.path == path && row.verdict == Verdict::NotOffered)
    }

    /// Connected to a server on this machine.
    pub fn is_local(&self) -> bool {
        crate::stripe::BaseUrl::parse(&self.base_url).is_ok_and(|base| base.is_loopback())
    }

    /// Connected to Stripe itself, not to a stand-in for it.
    pub fn is_stripe(&self) -> bool {
        self.base_url.starts_with(DEFAULT_BASE)
    }

    /// What works, apart from the network.
    pub fn health(&self) -> Health {
        if let Some(since) = self.off_since {
            // The key is wiped when nothing is left to be done with it.
            let busy =
                self.key.is_some() && self.endpoint.as_ref().is_some_and(|note| note.leaving.is_some());
            return if busy { Health::Disconnecting { since } } else { Health::Off };
        }
        if let Some(refused) = &self.refused {
            return Health::KeyRefused { since: refused.since, reason: refused.reason.clone() };
        }
        let missing = self.missing();
        if missing.is_empty() { Health::Connected } else { Health::Degraded { missing } }
    }

    /// `LIVE` or `TEST`.
    pub fn mode(&self) -> &'static str {
        if self.livemode { "LIVE" } else { "TEST" }
    }
}

/// Why an integration could not be picked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// There is none.
    #[error("no account is connected yet: run `tillwatch connect`, or `tillwatch demo` to look around")]
    None,
    /// More than one, and none named.
    #[error("more than one account is connected: name one with -i ({0})")]
    Many(String),
    /// Not known.
    #[error("there is no integration `{0}`; connected are: {1}")]
    Unknown(String, String),
}

/// Picks by number, name or account; without a word, the only one (those that are off count last).
pub fn pick<'a>(all: &'a [Integration], word: Option<&str>) -> Result<&'a Integration, PickError> {
    let names = || {
        let names: Vec<String> = all.iter().map(|one| format!("{} {}", one.name, one.mode())).collect();
        names.join(", ")
    };
    if all.is_empty() {
        return Err(PickError::None);
    }
    let Some(word) = word.map(str::trim) else {
        let active: Vec<&Integration> = all.iter().filter(|one| one.off_since.is_none()).collect();
        return match (active.as_slice(), all) {
            ([one], _) => Ok(*one),
            ([], [one]) => Ok(one),
            _ => Err(PickError::Many(names())),
        };
    };
    let by_id = |one: &&Integration| one.id.0.to_string() == word;
    let by_name = |one: &&Integration| one.name.eq_ignore_ascii_case(word);
    if let Some(one) = all.iter().find(by_id).or_else(|| all.iter().find(by_name)) {
        return Ok(one);
    }
    // One account can be connected in both modes.
    let by_account: Vec<&Integration> = all.iter().filter(|one| one.account == word).collect();
    match by_account.as_slice() {
        [one] => Ok(one),
        [] => Err(PickError::Unknown(crate::text::clean(word).into_owned(), names())),
        _ => Err(PickError::Many(names())),
    }
}
