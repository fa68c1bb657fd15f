//! Windows, details and timelines of the canned feed, as the engine would answer them.

use crate::clock::Zone;
use crate::engine::api::*;
use crate::filter::{self, Ctx, EventFields, Subject};
use crate::stripe::kind::Kind;

use super::canned::NOW;

/// Answers a question about the feed from `rows`.
pub fn window(rows: &[EventRow], query: &EventQuery, version: u64) -> Answer {
    let ctx = Ctx { now: NOW, zone: Zone::named("Europe/Berlin") };
    let wanted = match filter::parse(&query.filter, Subject::Events, &ctx) {
        Ok(filter) => filter,
        Err(mistake) => {
            return Answer::BadFilter { at: mistake.at, length: mistake.len, reason: mistake.to_string() };
        }
    };
    let all: Vec<&EventRow> =
        rows.iter().filter(|row| query.integration.is_none_or(|id| id == row.integration)).collect();
    let passes = |row: &&EventRow| {
        let fields = EventFields { row, account: "Acme Inc", account_id: "acct_1Qx1", starred: row.starred };
        wanted.test(&fields, || Some(json(row).into_bytes()))
    };
    let mine: Vec<&EventRow> = all.iter().copied().filter(passes).collect();
    let start = match &query.from {
        _ if query.oldest => mine.len().saturating_sub(query.limit),
        None => 0,
        Some(from) => mine.iter().filter(|row| (row.created, &row.id) > (from.created, &from.id)).count(),
    };
    let first = start.saturating_sub(query.before);
    Answer::Events(EventWindow {
        rows: mine.iter().skip(first).take(start - first + query.limit).map(|row| (*row).clone()).collect(),
        newer: first as u64,
        total: all.len() as u64,
        matching: (!query.filter.is_empty()).then_some(mine.len() as u64),
        looked_to: None,
        version,
    })
}

fn json(row: &EventRow) -> String {
    let amount = row.amount.as_ref().map_or(0, |(amount, _)| *amount);
    let lines: Vec<String> = (0..40).map(|n| format!(r#"{{"id":"il_{n}","amount":1{n}}}"#)).collect();
    format!(
        r#"{{"id":"{}","object":"event","type":"{}","created":{},"data":{{"object":{{"id":"{}","object":"invoice",
        "amount_due":{amount},"attempt_count":2,"attempted":true,"currency":"eur","customer":"cus_Pq12XyAbCdEf9a",
        "customer_address":{{"city":"Berlin","country":"DE","line1":"Unter den Linden 1","postal_code":"10117"}},
        "description":"日本語 🎉 \u001b[31mred {}","lines":{{"data":[{}],"has_more":false}},
        "next_payment_attempt":{},"number":"INV-2041","status":"open"}},
        "previous_attributes":{{"attempt_count":1}}}},"livemode":true}}"#,
        row.id,
        row.event_type,
        row.created,
        row.object,
        "long ".repeat(200),
        lines.join(","),
        NOW + 259_200,
    )
}

/// One event, whole.
pub fn event(rows: &[EventRow], integration: IntegrationId, id: &str) -> Answer {
    let Some(row) = rows.iter().find(|row| row.integration == integration && row.id == id) else {
        return Answer::NotHere;
    };
    let link = |role: &str, kind, id: &str, title: &str, stored| Link {
        role: role.into(),
        kind,
        id: id.into(),
        title: title.into(),
        stored,
    };
    let change = |path: &str, before: Option<&str>, after: Option<&str>| Change {
        path: path.into(),
        before: before.map(Into::into),
        after: after.map(Into::into),
    };
    let failed = row.event_type.ends_with("failed");
    let now = (!row.object.is_empty()).then(|| object(integration, &row.object));
    Answer::Event(Box::new(EventDetail {
        row: row.clone(),
        what: if failed {
            "Payment of INV-2041 by Initech GmbH failed: insufficient_funds".into()
        } else {
            format!("INV-2041 of Initech GmbH: {}", row.event_type)
        },
        facts: vec![
            Fact {
                name: "next".into(),
                value: Cell::Text { text: "Stripe tries again Nov 25 09:00".into() },
            },
            Fact { name: "tries".into(), value: Cell::Text { text: "2".into() } },
        ],
        json: json(row),
        changes: if failed {
            Changes {
                basis: Basis::OurCopy { as_of: NOW - 18_000 },
                items: vec![
                    change("attempt_count", Some("1"), Some("2")),
                    change("next_payment_attempt", Some("Nov 22 14:00"), Some("Nov 25 09:00")),
                    change("lines.data[0].amount", None, Some("8900")),
                ],
            }
        } else {
            Changes { basis: Basis::Created, items: vec![] }
        },
        now,
        links: if row.object.is_empty() {
            vec![]
        } else {
            vec![
                link("invoice", Kind::Invoice, "in_1QxAaQ2eZvKYlo2C5Hn", "INV-2041", true),
                link("customer", Kind::Customer, "cus_Pq12XyAbCdEf9a", "Initech GmbH", false),
            ]
        },
        url: failed.then(|| format!("https://dashboard.stripe.com/acct_1Qx1/events/{}", row.id)),
    }))
}

/// One object, whole.
pub fn object(integration: IntegrationId, id: &str) -> ObjectDetail {
    ObjectDetail {
        integration,
        kind: Kind::from_id(id).unwrap_or(Kind::Invoice),
        id: id.into(),
        title: "INV-2041".into(),
        json: r#"{"id":"in_1","amount_due":8900,"status":"open","created":1763816531}"#.into(),
        as_of: NOW - 4,
        stored_at: NOW - 3,
        state: "synced".into(),
        error: String::new(),
        facts: vec![
            Fact { name: "status".into(), value: Cell::Word { word: "open".into() } },
            Fact { name: "due".into(), value: Cell::Money { amount: 8900, currency: "eur".into() } },
            Fact { name: "finalized".into(), value: Cell::Time { at: NOW - 90_000 } },
        ],
        links: vec![Link {
            role: "customer".into(),
            kind: Kind::Customer,
            id: "cus_Pq12XyAbCdEf9a".into(),
            title: "Initech GmbH".into(),
            stored: true,
        }],
        url: None,
        events: 12,
    }
}

/// The events of an object.
pub fn timeline(rows: &[EventRow], integration: IntegrationId, object: &str, limit: usize) -> Answer {
    let mine = rows.iter().filter(|row| row.integration == integration && row.object == object);
    Answer::Timeline(mine.take(limit).cloned().collect())
}
