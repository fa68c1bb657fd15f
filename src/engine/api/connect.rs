//! Connecting: a key that is being tried, what it may read, and what is asked for once it has been.
//!
//! The key itself is never in here: the engine holds it under a ticket until it is used or dropped.

use serde::{Deserialize, Serialize};

use super::{Delivery, IntegrationId};

/// A key that was handed to the engine and not saved yet. Forgotten when used, replaced or the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyTicket(pub u64);

/// A key that is being tried, or was: of a wizard, or a connected one that is checked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCheckView {
    /// Whose check it is.
    pub ticket: KeyTicket,
    /// The integration, when a connected key is checked again or a new one is offered for it.
    pub integration: Option<IntegrationId>,
    /// The key as a person may see it: `rk_live_••••4242`.
    pub masked: String,
    /// Restricted, secret, an organisation's: for a person.
    pub kind: String,
    /// Live money or test mode, as the key says.
    pub livemode: bool,
    /// How far it is.
    pub state: KeyCheckState,
    /// The account, once it is known.
    pub account: Option<AccountView>,
    /// What was tried, in display order; all of it from the beginning.
    pub permissions: Vec<PermissionView>,
    /// Stripe's page that makes a restricted key with the right boxes ticked.
    pub form_url: String,
    /// This account and mode is connected already, under this number.
    pub connected_as: Option<IntegrationId>,
    /// When the key stops working, if it is known to (a key of the Stripe CLI): `YYYY-MM-DD`.
    pub expires: Option<String>,
}

/// How far a key check is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KeyCheckState {
    /// Probes are under way.
    Checking,
    /// All was tried.
    Done,
    /// It can't be used: one sentence, what to do. Another key may be offered in its place.
    Refused {
        /// For a person.
        reason: String,
    },
}

/// The account a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// `acct_…`
    pub id: String,
    /// Its name at Stripe; the id when it has none. Free of control characters.
    pub name: String,
    /// Its default currency, ISO in lower case; empty when not known.
    pub currency: String,
    /// IANA zone.
    pub timezone: String,
}

/// One row of the permission matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionView {
    /// For people: `invoice payments`.
    pub resource: String,
    /// Stripe's name of it, `rak_invoice_read`.
    pub permission: String,
    /// What is lost without it.
    pub costs: String,
    /// What it is for.
    pub group: PermissionGroup,
    /// Matters only with billing on.
    pub billing_only: bool,
    /// What came of it.
    pub state: PermissionState,
}

/// What a permission is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionGroup {
    /// Reading objects.
    Read,
    /// Polling `/v1/events`.
    Poll,
    /// The relay socket.
    Relay,
    /// A webhook endpoint of our own.
    Endpoint,
}

/// What came of trying a permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PermissionState {
    /// Not tried yet.
    Waiting,
    /// Being tried.
    Trying,
    /// The key may.
    Allowed,
    /// The key may not.
    Missing,
    /// The server has no such resource.
    NotOffered,
    /// Trying it would write at Stripe, or nothing needs it: not tried.
    NotTried,
    /// It could not be tried: why.
    Unknown {
        /// For a person.
        reason: String,
    },
}

/// What to connect with a key that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectSpec {
    /// None: the account's own.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Invoices and subscriptions too, or payments only.
    pub billing: bool,
    /// How it stays current.
    pub delivery: Delivery,
    /// Seconds between polls.
    pub poll_every_s: u64,
    /// The account's name as typed by a person: needed for a secret live key, which can move money.
    pub confirmed: Option<String>,
    /// With a webhook endpoint: where deliveries reach this machine.
    #[serde(default)]
    pub public_url: Option<String>,
    /// With a webhook endpoint: a person makes it in the Dashboard.
    #[serde(default)]
    pub by_hand: bool,
}

/// What of an integration is to be changed; none: as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Edit {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Invoices and subscriptions too.
    pub billing: Option<bool>,
    /// How it stays current.
    pub delivery: Option<Delivery>,
    /// Seconds between polls.
    pub poll_every_s: Option<u64>,
    /// With a webhook endpoint: where deliveries reach this machine.
    #[serde(default)]
    pub public_url: Option<String>,
    /// With a webhook endpoint: a person makes it in the Dashboard, or tillwatch does.
    #[serde(default)]
    pub by_hand: Option<bool>,
}

/// A profile of the Stripe CLI on this machine, read only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CliProfile {
    /// Its name in that file.
    pub name: String,
    /// The file.
    pub file: String,
    /// `acct_…`, if it says so.
    pub account: String,
    /// The account's name, if it says so.
    pub display_name: String,
    /// It has a test key that expires on this day (`YYYY-MM-DD`; empty: not said).
    pub test: Option<String>,
    /// It has a live key that expires on this day.
    pub live: Option<String>,
    /// Where a key is when it is not in the file (a keyring), for a person.
    pub note: Option<String>,
}
