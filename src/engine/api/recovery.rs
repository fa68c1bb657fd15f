//! Failed payments as cases: one invoice, or one payment without an invoice, from its first failed try until it is
//! paid or given up. Sums are never over currencies. Definitions: shared reference, recovery.md §4.1.

use serde::{Deserialize, Serialize};

use super::{IntegrationId, Link};

/// How a decline is to be treated (assets/declines.toml).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineClass {
    /// The same card may work later.
    Soft,
    /// The same card will not work.
    Hard,
    /// Hard, and the reason is not told to the customer.
    Fraud,
    /// The customer's data is wrong; then the same card may work.
    Fix,
    /// The customer has to authenticate.
    Auth,
    /// On the merchant's or the test's side.
    Config,
    /// Not in the table.
    Unknown,
}

/// Why the last try failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// `insufficient_funds`; `unknown` when Stripe says nothing.
    pub code: String,
    /// The issuer's advice for this charge, `do_not_try_again`; it stands above the code.
    pub advice: Option<String>,
    /// How it is to be treated.
    pub class: DeclineClass,
    /// What it means, a few words.
    pub means: String,
    /// What to do, a few words.
    pub todo: String,
    /// Stripe does not send it to the network again until the payment method changes.
    pub needs_new_method: bool,
}

/// What comes next in an open case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "next", rename_all = "snake_case")]
pub enum Next {
    /// Stripe tries again.
    At {
        /// Unix seconds.
        at: i64,
    },
    /// Stripe would try again, but waits for a new card.
    WaitsForCard,
    /// The customer has to act (authenticate, correct data).
    WaitsForCustomer,
    /// No further try is planned.
    Nothing,
    /// It is over.
    Over,
}

/// How a case stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CaseState {
    /// Not paid yet.
    Active,
    /// Paid.
    Recovered {
        /// When.
        at: i64,
    },
    /// Given up.
    Lost {
        /// When.
        at: i64,
        /// `void`, `uncollectible`, `canceled`, `no_more_tries`
        why: String,
    },
}

/// One case, as a row. Times are Unix seconds, in Stripe's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRow {
    /// Whose.
    pub integration: IntegrationId,
    /// The invoice's id, or the payment intent's when there is no invoice.
    pub id: String,
    /// The invoice's number, if it has one.
    pub number: String,
    /// `cus_…`; may be empty.
    pub customer: String,
    /// The customer's name or e-mail; may be empty. Free of control characters.
    pub who: String,
    /// Still to be paid in an open case, paid in a recovered one, given up in a lost one; minor units, ISO code in lower case.
    pub amount: (i64, String),
    /// The first failed try.
    pub opened_at: i64,
    /// The last failed try.
    pub failed_at: i64,
    /// Tries so far, as Stripe counts them where it does.
    pub tries: u32,
    /// Why the last one failed.
    pub decline: Decline,
    /// What comes next.
    pub next: Next,
    /// How it stands.
    pub state: CaseState,
    /// The page on which the customer can pay, if there is one.
    pub pay_url: Option<String>,
}

/// The order of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOrder {
    /// The newest failure first.
    #[default]
    Newest,
    /// By currency, most money first.
    Amount,
    /// The longest open first.
    Oldest,
    /// The next try first.
    Next,
}

/// Which cases are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CaseQuery {
    /// One integration, or all.
    pub integration: Option<IntegrationId>,
    /// Recovered and lost ones, too.
    #[serde(default)]
    pub all: bool,
    /// Only those whose number, name, e-mail, customer, id or decline code contains this; empty: all.
    #[serde(default)]
    pub find: String,
    /// In which order.
    #[serde(default)]
    pub order: CaseOrder,
    /// Rows to leave out at the beginning.
    pub skip: usize,
    /// Put the row of this case (with `integration` of it) into the window, wherever it is now.
    #[serde(default)]
    pub around: Option<(IntegrationId, String)>,
    /// Rows wanted; at most 500.
    pub limit: usize,
}

/// A window of cases.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CaseWindow {
    /// In the order asked for.
    pub rows: Vec<CaseRow>,
    /// Place of the first row.
    pub skipped: usize,
    /// Cases that match.
    pub matching: usize,
    /// Money per currency over the asked integrations, whatever `find` and `all` say.
    pub totals: Vec<CaseTotals>,
    /// The cases are still being put together from the log.
    #[serde(default)]
    pub building: bool,
    /// The snapshot's `cases_version` at the time of reading.
    pub version: u64,
}

/// Counts and sums of one currency: cases opened in the last 90 days.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CaseTotals {
    /// ISO code in lower case.
    pub currency: String,
    /// Open cases, and what is still to be paid in them.
    pub open: Money,
    /// Recovered cases, and what was paid.
    pub recovered: Money,
    /// Lost cases, and what was given up.
    pub lost: Money,
    /// Open cases that wait for a new card or for the customer.
    pub stuck: Money,
}

/// A count with its sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Money {
    /// How many cases.
    pub cases: u64,
    /// Their sum in minor units.
    pub amount: i64,
}

/// What failed and what came back today (account's time zone), in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PaymentsToday {
    /// ISO code in lower case.
    pub currency: String,
    /// Cases with a failed try today, each counted once.
    pub failed: Money,
    /// Cases recovered today.
    pub recovered: Money,
}

/// One try of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseTry {
    /// When.
    pub at: i64,
    /// The amount, in minor units with ISO code.
    pub amount: (i64, String),
    /// Why it failed; none: it went through.
    pub decline: Option<Decline>,
    /// `pi_…`; may be empty.
    pub payment: String,
    /// `visa •••• 4242`; empty when not known.
    pub method: String,
    /// The event that told.
    pub event: String,
}

/// One case, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseDetail {
    /// As a row.
    pub row: CaseRow,
    /// Newest first; those that we have events of.
    pub tries: Vec<CaseTry>,
    /// The invoice, the customer, the payment, the subscription.
    pub links: Vec<Link>,
    /// The invoice's or payment's page in Stripe's dashboard.
    pub url: Option<String>,
}
