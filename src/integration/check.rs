//! The key check: what a key may read, as a matrix of resources, with what each missing permission costs.
//!
//! Every probe is one GET of one row, five at once. It must never write at Stripe, and never read a failure
//! of the network as a permission: what could not be tried is `Unknown`.
//! Facts: the permission names are those in Stripe's 403 answers; see the table in `stripe/kind.rs`.

use std::fmt::Write;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::stripe::kind::Kind;
use crate::stripe::view::{AccountHead, BalanceHead};
use crate::stripe::{ApiKey, Client, Error};

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
    /// Matters only with billing on.
    pub billing_only: bool,
    /// What the probe found.
    pub verdict: Verdict,
    /// Why it could not be tried.
    pub note: Option<String>,
}

struct Probe {
    resource: &'static str,
    permission: &'static str,
    path: &'static str,
    costs: &'static str,
    billing_only: bool,
}

const fn probe(
    resource: &'static str,
    permission: &'static str,
    path: &'static str,
    billing_only: bool,
    costs: &'static str,
) -> Probe {
    Probe { resource, permission, path, costs, billing_only }
}

const PROBES: &[Probe] = &[
    probe(
        "events",
        "rak_event_read",
        "/v1/events",
        false,
        "no live events: changes show only at the next discover",
    ),
    probe(
        "payment intents",
        "rak_payment_intent_read",
        "/v1/payment_intents",
        false,
        "no payments and no decline reasons",
    ),
    probe(
        "charges",
        "rak_charge_read",
        "/v1/charges",
        false,
        "payments without their charges and decline details",
    ),
    probe(
        "customers",
        "rak_customer_read",
        "/v1/customers",
        false,
        "no customer records, only what invoices name",
    ),
    probe("invoices", "rak_invoice_read", "/v1/invoices", true, "no discover and no invoice records"),
    probe(
        "invoice payments",
        "rak_invoice_read",
        "/v1/invoice_payments",
        true,
        "invoices are not linked to what paid them",
    ),
    probe("products", "rak_product_read", "/v1/products", true, "no product records, only what lines name"),
    probe("prices", "rak_plan_read", "/v1/prices", true, "no price records"),
    probe("subscriptions", "rak_subscription_read", "/v1/subscriptions", true, "no subscription records"),
    probe("refunds", "rak_charge_read", "/v1/refunds", false, "no refund records"),
    probe("disputes", "rak_dispute_read", "/v1/disputes", false, "no disputes and no answer-by dates"),
];

struct Account {
    id: String,
    display_name: String,
    timezone: String,
}

/// What a key turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCheck {
    /// `acct_…`; `unknown-…` when neither `/v1/account` nor a 403 told it.
    pub account: String,
    /// What Stripe calls the account; its id if it may not be read.
    pub account_name: String,
    /// IANA name; UTC if it may not be read.
    pub timezone: String,
    /// Live money or test mode.
    pub livemode: bool,
    /// The matrix.
    pub matrix: Vec<Checked>,
}

impl KeyCheck {
    /// Every permission in the matrix: the boxes of the restricted-key form.
    pub fn wanted_permissions(billing: bool) -> Vec<&'static str> {
        let mut out = vec!["rak_accounts_kyc_basic_read"];
        for probe in PROBES.iter().filter(|probe| billing || !probe.billing_only) {
            if !out.contains(&probe.permission) {
                out.push(probe.permission);
            }
        }
        out
    }
}

/// The link that opens Stripe's restricted-key form with the right boxes ticked.
pub fn form_link(livemode: bool, permissions: &[&str]) -> String {
    let mode = if livemode { "" } else { "test/" };
    let mut link = format!("https://dashboard.stripe.com/{mode}apikeys/create?name=tillwatch");
    for (index, permission) in permissions.iter().enumerate() {
        let _ = write!(link, "&permissions[{index}]={permission}");
    }
    link
}

/// Tries the key. `Err` only when nothing can be said about it: refused, or Stripe out of reach.
pub async fn check(client: &Client, key: &ApiKey, billing: bool) -> Result<KeyCheck, Error> {
    let mut matrix = Vec::with_capacity(PROBES.len() + 1);
    let mut account_row = Checked {
        resource: "account".into(),
        permission: "rak_accounts_kyc_basic_read".into(),
        path: "/v1/account".into(),
        costs: "the account's name and time zone: days are counted in UTC".into(),
        billing_only: false,
        verdict: Verdict::Allowed,
        note: None,
    };
    let mut head: Option<Account> = None;
    let mut named = None;
    match client.get("/v1/account", &[]).await {
        Ok(object) => {
            head = serde_json::from_str::<AccountHead>(object.text()).ok().map(|head| Account {
                id: head.id.clone().into_owned(),
                display_name: head.display_name().to_owned(),
                timezone: head.timezone().to_owned(),
            });
        }
        // Refused, or out of reach: nothing else would fare better.
        Err(error) if stops(&error) => return Err(error),
        Err(error) => {
            if let Error::MissingPermission { account, .. } = &error {
                named.clone_from(account);
            }
            account_row.verdict = verdict(&error);
            account_row.note = (account_row.verdict == Verdict::Unknown).then(|| error.to_string());
        }
    }
    matrix.push(account_row);
    let wanted = PROBES.iter().filter(|probe| billing || !probe.billing_only);
    let mut answers = futures::stream::iter(wanted.map(|probe| async move {
        let answer = client.list(probe.path, &[("limit", "1".to_owned())]).await;
        (probe, answer)
    }))
    .buffered(AT_ONCE);
    while let Some((probe, answer)) = answers.next().await {
        let mut row = Checked {
            resource: probe.resource.into(),
            permission: probe.permission.into(),
            path: probe.path.into(),
            costs: probe.costs.into(),
            billing_only: probe.billing_only,
            verdict: Verdict::Allowed,
            note: None,
        };
        if let Err(error) = answer {
            if error.is_key_refused() || matches!(error, Error::Cancelled) {
                return Err(error);
            }
            if let Error::MissingPermission { account: Some(account), .. } = &error {
                named.get_or_insert_with(|| account.clone());
            }
            row.verdict = verdict(&error);
            row.note = (row.verdict == Verdict::Unknown).then(|| error.to_string());
        }
        matrix.push(row);
    }
    let account = head
        .as_ref()
        .map(|head| head.id.clone())
        .filter(|id| !id.is_empty())
        .or(named)
        .unwrap_or_else(|| format!("unknown-{}", key.fingerprint()));
    let account_name = head
        .as_ref()
        .map(|head| crate::text::clean(&head.display_name).trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| account.clone());
    let timezone = head.map_or_else(|| "UTC".to_owned(), |head| head.timezone);
    Ok(KeyCheck { account, account_name, timezone, livemode: key.livemode, matrix })
}

/// Compares the mode that the key's prefix tells with an object's. `None`: could not be read.
pub async fn livemode_of(client: &Client) -> Option<bool> {
    let balance = client.get("/v1/balance", &[]).await.ok()?;
    serde_json::from_str::<BalanceHead>(balance.text()).ok()?.livemode
}

fn stops(error: &Error) -> bool {
    error.is_key_refused()
        || matches!(
            error,
            Error::Network { .. } | Error::Timeout | Error::Certificate { .. } | Error::Cancelled
        )
}

fn verdict(error: &Error) -> Verdict {
    match error {
        Error::MissingPermission { .. } => Verdict::Missing,
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
    fn the_form_link_names_every_permission_once() {
        let all = KeyCheck::wanted_permissions(true);
        let link = form_link(false, &all);
        assert!(
            link.starts_with(
                "https://dashboard.stripe.com/test/apikeys/create?name=tillwatch&permissions[0]="
            )
        );
        for permission in &all {
            assert_eq!(link.matches(&format!("={permission}")).count(), 1, "{permission}");
        }
        assert!(!KeyCheck::wanted_permissions(false).contains(&"rak_invoice_read"));
    }

    #[test]
    fn every_probed_list_belongs_to_the_permission_of_its_kind() {
        for kind in Kind::all() {
            for probe in PROBES.iter().filter(|probe| probe.path == kind.path()) {
                assert_eq!(probe.permission, kind.permission());
            }
        }
    }
}
