//! Search anywhere: by e-mail, number, id, last four digits or amount, over all accounts, offline.

use serde::{Deserialize, Serialize};

use super::{Cell, IntegrationId};
use crate::stripe::kind::Kind;

/// What was found, exact matches first, then newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SearchResult {
    /// The text that was searched for.
    pub text: String,
    /// What it was taken for: `an e-mail`, `an invoice number`, `an amount in any currency`.
    pub taken_for: String,
    /// At most as many as asked for.
    pub hits: Vec<SearchHit>,
    /// How many there are altogether.
    pub total: u64,
    /// Percent searchable so far, while tables are being built.
    pub loading: Option<u8>,
}

/// One object that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// Whose it is.
    pub integration: IntegrationId,
    /// Its kind; none: an event.
    pub kind: Option<Kind>,
    /// Stripe's id.
    pub id: String,
    /// Number, name, or event type.
    pub title: String,
    /// Who: customer's name or e-mail.
    pub who: String,
    /// Stripe's status.
    pub status: String,
    /// Its amount, if it has one.
    pub amount: Cell,
    /// Stripe's `created`.
    pub created: i64,
    /// What matched: `e-mail`, `number`, `last4`.
    pub matched: String,
    /// The whole of it matched.
    pub exact: bool,
    /// Stored events about it.
    pub events: u64,
}
