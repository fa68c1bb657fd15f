//! From a page of raw JSON to records that can be stored.
//!
//! Parsing, hashing and packing happen here, off the writer's thread. The JSON is stored as Stripe sent it:
//! this must never rewrite an object. The one thing it does cut is an expanded sub-object that we asked for
//! to save a read: it becomes a record of its own, and the id takes its place again.

use sha2::{Digest, Sha256};

use crate::engine::api::IntegrationId;
use crate::store::batch::RecordWrite;
use crate::store::codec::{Content, Packer};
use crate::store::merge::Via;
use crate::store::{Header, State, Store, StoreError};
use crate::stripe::kind::Kind;
use crate::stripe::view::InvoiceHead;
use crate::stripe::{RowHead, summary};
use crate::text;

/// Texts in a header are for rows on a screen: longer ones are cut.
const MOST_TEXT: usize = 80;
/// Stripe's ids are at most so long.
const MOST_ID: usize = 255;

/// First eight bytes of the SHA-256 of a JSON text: tells whether content changed.
pub fn hash(json: &str) -> u64 {
    let digest = Sha256::digest(json.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(bytes)
}

/// Packs objects of one kind for one integration.
pub struct Records<'a> {
    integration: IntegrationId,
    kind: Kind,
    packer: Packer<'a>,
}

impl<'a> Records<'a> {
    /// For one page.
    pub fn new(store: &'a Store, integration: IntegrationId, kind: Kind) -> Result<Self, StoreError> {
        Ok(Self { integration, kind, packer: store.codec().packer(Content::Object(kind))? })
    }

    /// One object as received. `as_of`: Stripe's time at which it looked like this.
    pub fn record(&mut self, id: &str, json: &str, as_of: i64, via: Via) -> Result<RecordWrite, StoreError> {
        let row = summary(self.kind, json);
        let more_lines = self.kind == Kind::Invoice && has_more_lines(json);
        Ok(RecordWrite {
            integration: self.integration,
            kind: self.kind,
            id: id.to_owned(),
            header: header(self.kind, &row, hash(json), as_of, more_lines),
            packed: self.packer.pack(json.as_bytes())?,
            via,
        })
    }
}

fn has_more_lines(json: &str) -> bool {
    serde_json::from_str::<InvoiceHead>(json).is_ok_and(|head| head.lines.has_more)
}

fn header(kind: Kind, row: &RowHead, hash: u64, as_of: i64, more_lines: bool) -> Header {
    // An invoice payment's texts are ids: never cut.
    let most = if kind == Kind::InvoicePayment { MOST_ID } else { MOST_TEXT };
    Header {
        // Decided by the writer, with the stored one at hand.
        state: State::Pending,
        as_of,
        created: row.created,
        hash,
        discovered_at: 0,
        last_seen_at: 0,
        synced_at: 0,
        attempts: 0,
        livemode: row.livemode,
        more_lines,
        line_pages: 0,
        amount: row.amount,
        status: text::clean_max(&row.status, MOST_TEXT),
        currency: text::clean_max(&row.currency, 8),
        customer: text::clean_max(&row.customer, MOST_ID),
        who: text::clean_max(&row.who, most),
        label: text::clean_max(&row.label, most),
        last_error: String::new(),
    }
}

/// The header of something that Stripe says does not exist: nothing is known of it but its id.
pub fn tombstone(integration: IntegrationId, kind: Kind, id: &str, as_of: i64) -> RecordWrite {
    let json =
        format!(r#"{{"id":{},"object":"{}","deleted":true}}"#, serde_json::Value::from(id), kind.object());
    RecordWrite {
        integration,
        kind,
        id: id.to_owned(),
        header: header(kind, &RowHead::default(), hash(&json), as_of, false),
        packed: crate::store::codec::Packed {
            codec: 0,
            raw_len: json.len() as u32,
            bytes: json.into_bytes(),
        },
        via: Via::Deleted,
    }
}

#[derive(serde::Deserialize)]
struct Id {
    id: String,
}

/// Takes an expanded field out of an object: the object with the id in its place, and the sub-object.
/// `None` when the field is not expanded (null, an id, or not there).
pub fn take_expanded<'j>(json: &'j str, field: &str) -> Option<(String, String, &'j str)> {
    let fields: std::collections::HashMap<&str, &'j serde_json::value::RawValue> =
        serde_json::from_str(json).ok()?;
    let inner = fields.get(field)?.get();
    if !inner.starts_with('{') {
        return None;
    }
    let id = serde_json::from_str::<Id>(inner).ok()?.id;
    // The raw value is a part of `json`: its place is the distance between the two.
    let start = (inner.as_ptr() as usize).checked_sub(json.as_ptr() as usize)?;
    let (before, rest) = (json.get(..start)?, json.get(start + inner.len()..)?);
    let plain = format!("{before}{}{rest}", serde_json::Value::from(id.as_str()));
    Some((plain, id, inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expanded_charge_becomes_an_object_of_its_own() {
        let json = r#"{"id":"pi_1","latest_charge": {"id":"ch_1","amount":5},"status":"succeeded"}"#;
        let (plain, id, charge) = take_expanded(json, "latest_charge").unwrap();
        assert_eq!(plain, r#"{"id":"pi_1","latest_charge": "ch_1","status":"succeeded"}"#);
        assert_eq!((id.as_str(), charge), ("ch_1", r#"{"id":"ch_1","amount":5}"#));
        assert!(take_expanded(r#"{"latest_charge":null}"#, "latest_charge").is_none());
        assert!(take_expanded(r#"{"latest_charge":"ch_1"}"#, "latest_charge").is_none());
        assert!(take_expanded(r"{}", "latest_charge").is_none());
    }
}
