//! How an attempt is stored: a compact row for lists, and what was sent and answered beside it.
//!
//! It must never hold a secret: signatures are no secrets, what they are made with never gets here.

use serde::{Deserialize, Serialize};

use crate::engine::api::{AttemptDetail, AttemptRow, Outcome, TargetId};
use crate::store::Store;
use crate::store::StoreError;
use crate::store::batch::ForwardChange;
use crate::store::codec::{Content, Packed};
use crate::store::forwards::StoredAttempt;
use crate::store::record::{Reader, put_text};

const LAYOUT: u8 = 1;
const REPLAY: u8 = 1;
const HAS_TARGET: u8 = 2;
const HAS_NEXT: u8 = 4;

/// What was sent and answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Exchange {
    /// What was sent, in order.
    pub request_headers: Vec<(String, String)>,
    /// Bytes of the body that was sent.
    pub request_bytes: u64,
    /// What came back, in order.
    pub response_headers: Vec<(String, String)>,
    /// The first 64 KB of the answer, cleaned.
    pub response_body: String,
    /// There was more.
    pub response_cut: bool,
}

/// A row as it is stored; its number and integration stand in the key.
pub fn encode(row: &AttemptRow) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    out.push(LAYOUT);
    let bit = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(
        bit(row.replay, REPLAY)
            | bit(row.target.is_some(), HAS_TARGET)
            | bit(row.next_at.is_some(), HAS_NEXT),
    );
    out.extend_from_slice(&row.at.to_le_bytes());
    out.extend_from_slice(&row.took_ms.to_le_bytes());
    out.extend_from_slice(&row.target.map_or(0, |id| id.0).to_le_bytes());
    out.extend_from_slice(&row.number.to_le_bytes());
    out.extend_from_slice(&row.next_at.unwrap_or(0).to_le_bytes());
    let (tag, status, reason) = match &row.outcome {
        Outcome::Delivered { status } => (0u8, *status, ""),
        Outcome::Refused { status } => (1, *status, ""),
        Outcome::Failed { reason } => (2, 0, reason.as_str()),
        Outcome::Expired => (3, 0, ""),
    };
    out.push(tag);
    out.extend_from_slice(&status.to_le_bytes());
    for text in [&row.url, &row.event, &row.event_type, &row.object] {
        put_text(&mut out, text);
    }
    put_text(&mut out, reason);
    out
}

/// The row of a stored attempt.
pub fn decode(stored: &StoredAttempt) -> Result<AttemptRow, StoreError> {
    let mut reader = Reader { rest: &stored.row };
    let layout = reader.byte()?;
    if layout != LAYOUT {
        return Err(StoreError::Value(format!("attempt layout {layout}")));
    }
    let bits = reader.byte()?;
    let (at, took_ms) = (reader.i64()?, reader.u32()?);
    let (target, number, next_at) = (reader.u32()?, reader.u32()?, reader.i64()?);
    let (tag, status) = (reader.byte()?, reader.u16()?);
    let (url, event) = (reader.text()?, reader.text()?);
    let (event_type, object, reason) = (reader.text()?, reader.text()?, reader.text()?);
    let outcome = match tag {
        0 => Outcome::Delivered { status },
        1 => Outcome::Refused { status },
        2 => Outcome::Failed { reason },
        3 => Outcome::Expired,
        other => return Err(StoreError::Value(format!("attempt outcome {other}"))),
    };
    Ok(AttemptRow {
        id: stored.id,
        at,
        took_ms,
        target: (bits & HAS_TARGET != 0).then_some(TargetId(target)),
        url,
        integration: stored.integration,
        event,
        event_type,
        object,
        number,
        outcome,
        next_at: (bits & HAS_NEXT != 0).then_some(next_at),
        replay: bits & REPLAY != 0,
    })
}

/// The change that keeps an attempt. `row.id` is the writer's.
pub fn change(
    store: &Store,
    row: &AttemptRow,
    exchange: Option<&Exchange>,
) -> Result<ForwardChange, StoreError> {
    let detail = exchange.map(|exchange| pack(store, exchange)).transpose()?;
    Ok(ForwardChange::Attempt {
        integration: row.integration,
        event: row.event.clone(),
        row: encode(row),
        detail,
    })
}

fn pack(store: &Store, exchange: &Exchange) -> Result<Packed, StoreError> {
    let json = serde_json::to_vec(exchange).map_err(|error| StoreError::Value(error.to_string()))?;
    store.codec().packer(Content::Exchange)?.pack(&json)
}

/// A stored attempt, whole.
pub fn detail(store: &Store, stored: &StoredAttempt) -> Result<AttemptDetail, StoreError> {
    let row = decode(stored)?;
    let exchange: Exchange = match store.attempt_detail(stored)? {
        Some(json) => serde_json::from_slice(&json)
            .map_err(|error| StoreError::Value(format!("an attempt's answer: {error}")))?,
        None => Exchange::default(),
    };
    Ok(AttemptDetail {
        row,
        request_headers: exchange.request_headers,
        request_bytes: exchange.request_bytes,
        response_headers: exchange.response_headers,
        response_body: exchange.response_body,
        response_cut: exchange.response_cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::api::{AttemptId, IntegrationId};
    use crate::store::{Batch, Durability, OpenOptions};

    fn row(outcome: Outcome) -> AttemptRow {
        AttemptRow {
            id: AttemptId(1),
            at: 1_700_000_000,
            took_ms: 12,
            target: Some(TargetId(3)),
            url: "http://localhost:3000/".into(),
            integration: IntegrationId(2),
            event: "evt_1".into(),
            event_type: "invoice.paid".into(),
            object: "in_1".into(),
            number: 2,
            outcome,
            next_at: Some(1_700_000_002),
            replay: false,
        }
    }

    #[tokio::test]
    async fn an_attempt_comes_back_whole_and_is_forgotten_whole() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &OpenOptions::default()).unwrap();
        let two = IntegrationId(2);
        let outcomes = [
            Outcome::Delivered { status: 200 },
            Outcome::Refused { status: 503 },
            Outcome::Failed { reason: "connection refused".into() },
            Outcome::Expired,
        ];
        let mut seed = 7_u64;
        // Does not pack: stored in parts.
        let noise: String = (0..65_536)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'!' + (seed >> 33) as u8 % 90)
            })
            .collect();
        let exchange = Exchange {
            request_headers: vec![("stripe-signature".into(), "t=1".into())],
            request_bytes: 5,
            response_headers: vec![("x".into(), "y".into())],
            response_body: noise,
            response_cut: true,
        };
        for outcome in &outcomes {
            let mut batch = Batch::new();
            batch.forward(change(&store, &row(outcome.clone()), Some(&exchange)).unwrap());
            store.commit(batch, Durability::Applied, 1).await.unwrap();
        }
        assert_eq!(store.attempts_kept(), 4);
        let found = store.attempts_of(two, "evt_1", 10).unwrap();
        assert_eq!(found.iter().map(|one| one.id.0).collect::<Vec<_>>(), [4, 3, 2, 1]);
        for (stored, outcome) in found.iter().rev().zip(&outcomes) {
            let whole = detail(&store, stored).unwrap();
            assert_eq!(whole.row, AttemptRow { id: stored.id, ..row(outcome.clone()) });
            assert_eq!((whole.response_body, whole.response_cut), (exchange.response_body.clone(), true));
            assert!(stored.parts() > 1);
        }
        for stored in store.attempts_to(two, AttemptId(u64::MAX), 10).unwrap() {
            let mut batch = Batch::new();
            let (id, parts) = (stored.id, stored.parts());
            batch.forward(ForwardChange::Forget { integration: two, event: "evt_1".into(), id, parts });
            store.commit(batch, Durability::Applied, 1).await.unwrap();
        }
        assert_eq!(store.attempts_kept(), 0);
        let left: Vec<Vec<u8>> = store.tree().iter().keys().map(|key| key.unwrap().to_vec()).collect();
        let tables =
            [crate::store::keys::ATTEMPT, crate::store::keys::ANSWER, crate::store::keys::ATTEMPT_OF];
        assert!(left.iter().all(|key| !tables.contains(&key[0])), "{left:?}");
        store.close();
    }
}
