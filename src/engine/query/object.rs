//! One object, whole: its JSON with all lines, what matters of it, and where it leads.
//!
//! It must never make up content: a tombstone has none.

use serde_json::Value;

use super::filtering::Accounts;
use super::links::Links;
use super::{Shared, columns, facts};
use crate::engine::api::{Answer, Fact, IntegrationId, ObjectDetail};
use crate::integration::Integration;
use crate::store::{Record, State, StoreError};
use crate::stripe::BaseUrl;
use crate::stripe::kind::Kind;
use crate::sync::lines::join;
use crate::text;

/// Answers `Request::Object`.
pub fn answer(
    shared: &Shared,
    integration: IntegrationId,
    id: &str,
    accounts: &Accounts,
) -> Result<Answer, StoreError> {
    shared.catch_up()?;
    let found = detail(shared, integration, id, accounts)?;
    Ok(found.map_or(Answer::NotHere, |detail| Answer::Object(Box::new(detail))))
}

/// The stored object with an id, of whatever kind.
pub fn find(
    shared: &Shared,
    integration: IntegrationId,
    id: &str,
) -> Result<Option<(Kind, Record)>, StoreError> {
    let likely = Kind::from_id(id);
    for kind in likely.into_iter().chain(Kind::all().filter(|kind| Some(*kind) != likely)) {
        if let Some(record) = shared.store.record(integration, kind, id)? {
            return Ok(Some((kind, record)));
        }
    }
    Ok(None)
}

/// One object as it is stored now.
pub fn detail(
    shared: &Shared,
    integration: IntegrationId,
    id: &str,
    accounts: &Accounts,
) -> Result<Option<ObjectDetail>, StoreError> {
    let Some((kind, record)) = find(shared, integration, id)? else { return Ok(None) };
    let header = record.header;
    let json = String::from_utf8(record.json).map_err(|_| StoreError::Value(format!("the text of {id}")))?;
    let json = if kind == Kind::Invoice && header.line_pages > 0 {
        join(&json, &shared.store.lines(integration, id, header.line_pages)?)
    } else {
        json
    };
    let object: Value = serde_json::from_str(&json).unwrap_or_default();
    let tombstone = header.state == State::Gone && is_stub(&object);
    let mut links = Links::new(shared, integration, id);
    links.named(kind, &object, &json)?;
    links.naming(kind)?;
    let mut told = facts::of(kind, &object);
    if kind == Kind::Customer {
        for (name, of) in [
            ("invoices", Kind::Invoice),
            ("payments", Kind::PaymentIntent),
            ("subscriptions", Kind::Subscription),
        ] {
            let count = links.count_of_customer(of, id);
            if count > 0 {
                told.push(Fact { name: name.to_owned(), value: columns::plain(&text::count(count)) });
            }
        }
    }
    let title = match kind {
        Kind::Customer if !header.who.is_empty() => &header.who,
        _ if !header.label.is_empty() => &header.label,
        _ => id,
    };
    Ok(Some(ObjectDetail {
        integration,
        kind,
        id: id.to_owned(),
        title: text::clean(title).into_owned(),
        json: if tombstone { String::new() } else { json },
        as_of: header.as_of,
        stored_at: if header.synced_at > 0 { header.synced_at } else { header.last_seen_at },
        state: if kind == Kind::Invoice || header.state == State::Gone {
            header.state.word().to_owned()
        } else {
            String::new()
        },
        error: text::clean(&header.last_error).into_owned(),
        facts: told,
        links: links.finish(),
        url: accounts.iter().find(|one| one.id == integration).and_then(|one| url(one, section(kind)?, id)),
        events: shared.mentions.count(integration, id),
    }))
}

/// Nothing but that it is deleted.
fn is_stub(object: &Value) -> bool {
    object.get("deleted") == Some(&Value::Bool(true)) && object.as_object().is_some_and(|all| all.len() <= 3)
}

/// Where the dashboard shows objects of a kind; none: it has no page for one.
fn section(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Invoice => "invoices",
        Kind::Customer => "customers",
        Kind::Product => "products",
        Kind::Price => "prices",
        Kind::Subscription => "subscriptions",
        Kind::PaymentIntent | Kind::Charge => "payments",
        Kind::Dispute => "disputes",
        Kind::CreditNote => "credit_notes",
        Kind::Payout => "payouts",
        Kind::InvoicePayment | Kind::Refund | Kind::BalanceTransaction => return None,
    })
}

/// A page of Stripe's dashboard; none for an account at anything but Stripe, or an id that is no plain id.
pub fn url(integration: &Integration, section: &str, id: &str) -> Option<String> {
    let base = BaseUrl::parse(&integration.base_url).ok()?;
    let is_plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if !base.is_stripe() || !is_plain(id) {
        return None;
    }
    // With the account's id the page opens for whoever is signed in to several.
    let account = Some(integration.account.as_str())
        .filter(|account| account.starts_with("acct_") && is_plain(account))
        .map_or_else(String::new, |account| format!("{account}/"));
    let mode = if integration.livemode { "" } else { "test/" };
    Some(format!("https://dashboard.stripe.com/{account}{mode}{section}/{id}"))
}
