//! A catalog entry as it is served: the fixed fields of the sync API reference, §1.4.
//!
//! It must never show more of an invoice than those fields.

use serde::Serialize;

use crate::engine::api::{IntegrationId, RecordRow};
use crate::engine::status::time;
use crate::store::{Store, StoreError};
use crate::stripe::kind::Kind;
use crate::stripe::view::InvoiceHead;

/// One entry. Times are RFC 3339 in UTC, amounts minor units.
#[derive(Debug, Serialize)]
pub struct Entry {
    id: String,
    account: String,
    stripe_invoice_id: String,
    stripe_status: Option<String>,
    number: Option<String>,
    customer: Option<String>,
    customer_email: Option<String>,
    currency: Option<String>,
    total: Option<i64>,
    created: Option<String>,
    discovered_at: Option<String>,
    last_seen_at: Option<String>,
    processing_status: &'static str,
    attempts: u16,
    last_error: Option<String>,
    synced_at: Option<String>,
    content_hash: String,
}

/// The entry of a row; none: it is gone meanwhile.
pub fn entry(store: &Store, account: &str, row: &RecordRow) -> Result<Option<Entry>, StoreError> {
    let Some(record) = store.record(row.integration, Kind::Invoice, &row.id)? else { return Ok(None) };
    let header = record.header;
    // A tombstone has no JSON: what the header knows is told.
    let json = String::from_utf8_lossy(&record.json);
    let head: Option<InvoiceHead> = serde_json::from_str(&json).ok();
    let of_head = |pick: fn(&InvoiceHead) -> Option<String>| head.as_ref().and_then(pick);
    Ok(Some(Entry {
        id: number(row.integration, &row.id),
        account: account.to_owned(),
        stripe_invoice_id: row.id.clone(),
        stripe_status: some(header.status),
        number: of_head(|head| head.number.as_ref().map(ToString::to_string)),
        customer: some(header.customer),
        customer_email: of_head(|head| head.customer_email.as_ref().map(ToString::to_string)),
        currency: some(header.currency),
        total: head.as_ref().map(|head| head.total),
        created: moment(header.created),
        discovered_at: moment(header.discovered_at),
        last_seen_at: moment(header.last_seen_at),
        processing_status: header.state.word(),
        attempts: header.attempts,
        last_error: some(crate::text::clean(&header.last_error).into_owned()),
        synced_at: moment(header.synced_at),
        content_hash: format!("{:016x}", header.hash),
    }))
}

/// Unique in this data folder: one account can be connected in both modes.
fn number(integration: IntegrationId, id: &str) -> String {
    format!("{}/{id}", integration.0)
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn moment(at: i64) -> Option<String> {
    (at > 0).then(|| time(at))
}
