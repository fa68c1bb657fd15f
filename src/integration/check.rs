//! The key check: what a key may read, as a matrix of resources, with what each missing permission costs.
//!
//! Every probe is one GET of one row, five at once. It must never write at Stripe, and never read a failure
//! of the network as a permission: what could not be tried is `Unknown`.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};

use crate::engine::api::PermissionGroup;
use crate::stripe::kind::Kind;
use crate::stripe::view::{AccountHead, BalanceHead};
use crate::stripe::{ApiKey, Client, Error, Page};

use super::probes::{ACCOUNT, probes};
pub use super::probes::{form_link, wanted_permissions};

/// Probes under way at once: far below any limit.
const AT_ONCE: usize = 5;

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The key may read it.
    Allowed,
    /// The key may not.
    Missing,
    /// The server has no such resource (a Stripe-like server with gaps).
    NotOffered,
    /// Trying it would write at Stripe.
    NotTried,
    /// It could not be tried.
    Unknown,
}

/// One row of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// For people: `invoice lines and payments`.
    pub resource: String,
    /// Stripe's name of the permission.
    pub permission: String,
    /// What was asked.
    pub path: String,
    /// What is lost without it.
    pub costs: String,
    /// What it is for.
    #[serde(default = "reading")]
    pub group: PermissionGroup,
    /// Matters only with billing on.
    pub billing_only: bool,
    /// What the probe found.
    pub verdict: Verdict,
    /// Why it could not be tried.
    pub note: Option<String>,
}

fn reading() -> PermissionGroup {
    PermissionGroup::Read
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `acct_…`; `unknown-…` when neither `/v1/account` nor a 403 told it.
    pub id: String,
    /// What Stripe calls it; its id if it may not be read.
    pub name: String,
    /// ISO code in lower case; empty if it may not be read.
    pub currency: String,
    /// IANA name; UTC if it may not be read.
    pub timezone: String,
}

/// What a key turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCheck {
    /// Whose it is.
    pub account: Account,
    /// Live money or test mode.
    pub livemode: bool,
    /// The matrix.
    pub matrix: Vec<Checked>,
}

/// A step of a check, told while it goes on. Rows are counted as in [`super::probes::rows`].
#[derive(Debug)]
pub enum Step<'a> {
    /// Whose key it is.
    Account(&'a Account),
    /// This row is being tried.
    Trying(usize),
    /// This row has been tried.
    Tried(usize, &'a Checked),
}

/// Tries the key. `Err` only when nothing can be said about it: refused, Stripe out of reach, or at Stripe itself no
/// answer about whose it is.
pub async fn check(client: &Client, key: &ApiKey, billing: bool) -> Result<KeyCheck, Error> {
    check_and_tell(client, key, billing, &|_| {}).await
}

/// [`check`], with each step told.
pub async fn check_and_tell(
    client: &Client,
    key: &ApiKey,
    billing: bool,
    tell: &(dyn Fn(Step<'_>) + Sync),
) -> Result<KeyCheck, Error> {
    let mut account_row = ACCOUNT.row();
    tell(Step::Trying(0));
    let mut account = None;
    let mut named = None;
    let stripe = client.is_stripe();
    match client.get(ACCOUNT.path, &[]).await {
        Ok(object) => {
            account_row.verdict = Verdict::Allowed;
            account =
                serde_json::from_str::<AccountHead>(object.text()).ok().and_then(|head| account_of(&head));
            if stripe && account.is_none() {
                let message = "it tells no account".to_owned();
                return Err(Error::BadAnswer { message, request_id: None });
            }
        }
        // Refused, or out of reach: nothing else would fare better.
        Err(error) if stops(&error, stripe) => return Err(error),
        Err(error) => {
            if let Error::MissingPermission { account, .. } = &error {
                named.clone_from(account);
            }
            settle(&mut account_row, &error, stripe);
        }
    }
    if let Some(account) = &account {
        tell(Step::Account(account));
    }
    tell(Step::Tried(0, &account_row));
    let mut matrix: Vec<Checked> = Vec::new();
    matrix.push(account_row);
    matrix.extend(probes(billing).map(super::probes::Probe::row));
    let wanted: Vec<(usize, &'static str)> = probes(billing)
        .enumerate()
        .filter(|(_, probe)| !probe.writes)
        .map(|(at, probe)| (at + 1, probe.path))
        .collect();
    let asked: Vec<BoxFuture<'_, (usize, Result<Page, Error>)>> =
        wanted.into_iter().map(|(at, path)| probe(client, tell, at, path).boxed()).collect();
    let mut answers = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some((at, answer)) = answers.next().await {
        let Some(row) = matrix.get_mut(at) else { continue };
        match answer {
            Ok(_) => row.verdict = Verdict::Allowed,
            Err(error) => {
                if error.is_key_refused() || matches!(error, Error::Cancelled) {
                    return Err(error);
                }
                if let Error::MissingPermission { account: Some(account), .. } = &error {
                    named.get_or_insert_with(|| account.clone());
                }
                settle(row, &error, stripe);
            }
        }
        tell(Step::Tried(at, row));
    }
    drop(answers);
    let account = account.unwrap_or_else(|| {
        let id = named.unwrap_or_else(|| format!("unknown-{}", key.fingerprint()));
        let account = Account { name: id.clone(), id, currency: String::new(), timezone: "UTC".to_owned() };
        tell(Step::Account(&account));
        account
    });
    Ok(KeyCheck { account, livemode: key.livemode, matrix })
}

async fn probe(
    client: &Client,
    tell: &(dyn Fn(Step<'_>) + Sync),
    at: usize,
    path: &'static str,
) -> (usize, Result<Page, Error>) {
    tell(Step::Trying(at));
    (at, client.list(path, &[("limit", "1".to_owned())]).await)
}

fn account_of(head: &AccountHead<'_>) -> Option<Account> {
    let clean = |text: &str| crate::text::clean(text).trim().to_owned();
    let id = clean(&head.id);
    let name = Some(clean(head.display_name())).filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone());
    let currency =
        head.default_currency.as_deref().map(|code| clean(code).to_lowercase()).unwrap_or_default();
    (!id.is_empty()).then(|| Account { id, name, currency, timezone: head.timezone().to_owned() })
}

fn settle(row: &mut Checked, error: &Error, stripe: bool) {
    row.verdict = verdict(error, stripe);
    row.note = (row.verdict == Verdict::Unknown).then(|| error.to_string());
}

/// Compares the mode that the key's prefix tells with an object's. `None`: could not be read.
pub async fn livemode_of(client: &Client) -> Option<bool> {
    let balance = client.get("/v1/balance", &[]).await.ok()?;
    serde_json::from_str::<BalanceHead>(balance.text()).ok()?.livemode
}

/// Whether a check ends with this answer to whose the key is. Stripe itself tells it or says that the key may not read
/// it: anything else passes, and must not make an account of its own of the key. Another server may not know the path.
fn stops(error: &Error, stripe: bool) -> bool {
    error.is_key_refused()
        || matches!(
            error,
            Error::Network { .. }
                | Error::Timeout
                | Error::Certificate { .. }
                | Error::Cancelled
                | Error::RateLimited { .. }
                | Error::LockTimeout
        )
        || stripe && !matches!(error, Error::MissingPermission { .. })
}

fn verdict(error: &Error, stripe: bool) -> Verdict {
    match error {
        Error::MissingPermission { .. } => Verdict::Missing,
        // At Stripe: cut off, or not Stripe's but a proxy's or a login page's. That passes.
        Error::BadAnswer { .. } if stripe => Verdict::Unknown,
        // A server that is not Stripe may not know the path, or know it and not the list.
        Error::NotFound { .. } | Error::BadRequest { .. } | Error::BadAnswer { .. } => Verdict::NotOffered,
        _ => Verdict::Unknown,
    }
}

/// Marks a permission as missing after Stripe refused it in mid-run; true if that is news.
pub fn withdraw(matrix: &mut [Checked], kind: Kind) -> bool {
    let mut news = false;
    for row in matrix.iter_mut().filter(|row| row.path == kind.path()) {
        news |= row.verdict != Verdict::Missing;
        row.verdict = Verdict::Missing;
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_stripe_itself_an_answer_that_is_none_says_nothing_of_a_key() {
        let bad = Error::BadAnswer { message: "it was cut off".into(), request_id: None };
        let fault = Error::Fault { status: 503, request_id: None };
        let missing =
            Error::MissingPermission { permission: None, account: None, path: "/v1/account".into() };
        let none = Error::NotFound { param: None, message: "no such path".into() };
        assert_eq!((verdict(&bad, true), verdict(&bad, false)), (Verdict::Unknown, Verdict::NotOffered));
        assert_eq!(verdict(&fault, true), Verdict::Unknown);
        for (error, at_stripe, elsewhere) in
            [(&bad, true, false), (&fault, true, false), (&none, true, false), (&missing, false, false)]
        {
            assert_eq!((stops(error, true), stops(error, false)), (at_stripe, elsewhere), "{error}");
        }
        assert!(stops(&Error::Timeout, false) && stops(&Error::LockTimeout, false));
    }

    #[test]
    fn a_matrix_of_an_older_version_reads_as_one_of_reading() {
        let text = r#"{"resource":"events","permission":"rak_event_read","path":"/v1/events","costs":"","billing_only":false,"verdict":"missing","note":null}"#;
        let row: Checked = serde_json::from_str(text).unwrap();
        assert_eq!((row.group, row.verdict), (PermissionGroup::Read, Verdict::Missing));
    }
}
