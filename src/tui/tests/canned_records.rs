//! Records, objects, timelines and search results made by hand, as the fake engine serves them.

use crate::engine::api::*;
use crate::stripe::kind::Kind;

use super::canned::NOW;

/// Invoices there are.
const INVOICES: u64 = 39_280;

fn column(name: &str, label: &str, right: bool, width: (u16, u16)) -> Column {
    Column { name: name.into(), label: label.into(), right, sortable: true, width }
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text { text: text.into() }
}

fn word(word: &str) -> Cell {
    Cell::Word { word: word.into() }
}

const PEOPLE: &[&str] =
    &["Initech GmbH", "ソイレント株式会社", "Wonka 🍫", "Ada\u{301} Lovelace", "a\u{1b}[2Jb"];
const STATUSES: &[&str] = &["paid", "open", "void", "uncollectible", "draft"];

fn invoice_id(n: u64) -> String {
    format!("in_1Qx{n:08}2eZvKYlo2C")
}

fn invoice(n: u64) -> RecordRow {
    let currency = ["eur", "jpy", "kwd", "usd"][n as usize % 4];
    RecordRow {
        integration: IntegrationId(1 + (n % 3) as u32),
        kind: Kind::Invoice,
        id: invoice_id(n),
        cells: vec![
            text(format!("INV-{:05}", INVOICES - n)),
            word(STATUSES[n as usize % STATUSES.len()]),
            text(PEOPLE[n as usize % PEOPLE.len()]),
            Cell::Money { amount: (n * n % 9_000_000) as i64, currency: currency.into() },
            Cell::Time { at: NOW - 60 - n as i64 * 4000 },
            Cell::Id { id: invoice_id(n) },
        ],
        state: "synced".into(),
        error: if n == 4 { "Stripe answered 500 three times · E tries again".into() } else { String::new() },
    }
}

/// A table's rows.
pub fn records(query: &RecordQuery, version: u64) -> Answer {
    if query.filter.contains("bad") {
        return Answer::BadFilter { at: 0, length: 3, reason: "`bad` is no field".into() };
    }
    let mine = |n: &u64| query.integration.is_none_or(|id| u64::from(id.0) == 1 + n % 3);
    let total = if query.kind == Kind::Invoice { INVOICES } else { 0 };
    let matching: Vec<u64> = if query.filter.is_empty() {
        (0..total).filter(mine).collect()
    } else {
        (0..total).filter(mine).take(12).collect()
    };
    let all = matching.len() as u64;
    let first = match &query.at {
        Place::Index { index } => *index,
        Place::Around { id, before, index, .. } => {
            let found = matching.iter().position(|n| invoice_id(*n) == *id).map(|at| at as u64);
            found.unwrap_or(*index).saturating_sub(*before)
        }
        Place::End => all.saturating_sub(query.limit as u64),
    };
    let first = first.min(all);
    Answer::Records(RecordWindow {
        columns: vec![
            column("number", "number", false, (10, 28)),
            column("status", "status", false, (8, 16)),
            column("who", "customer", false, (12, 40)),
            column("amount", "paid or due", true, (10, 18)),
            column("created", "created", false, (10, 19)),
            column("id", "id", false, (12, 28)),
        ],
        rows: matching.iter().skip(first as usize).take(query.limit).map(|n| invoice(*n)).collect(),
        first,
        matching: all,
        total: (0..total).filter(mine).count() as u64,
        loading: None,
        version,
    })
}

fn link(role: &str, kind: Kind, id: &str, title: &str, stored: bool) -> Link {
    Link { role: role.into(), kind, id: id.into(), title: title.into(), stored }
}

/// An object: any customer, any invoice.
pub fn object(integration: IntegrationId, id: &str) -> Answer {
    let kind = if id.starts_with("cus_") { Kind::Customer } else { Kind::Invoice };
    if id.starts_with("pi_") {
        return Answer::NotHere;
    }
    let customer = kind == Kind::Customer;
    let json = if customer {
        r#"{"id":"cus_1","object":"customer","name":"Initech GmbH","address":{"city":"Berlin"}}"#.to_owned()
    } else {
        format!(
            r#"{{"id":"{id}","object":"invoice","status":"open","amount_due":8900,"currency":"eur",
            "hosted_invoice_url":"https://invoice.stripe.com/i/1","lines":{{"data":[{{"id":"il_1"}}]}}}}"#
        )
    };
    Answer::Object(Box::new(ObjectDetail {
        integration,
        kind,
        id: id.into(),
        title: if customer { "Initech GmbH".into() } else { "INV-2041".into() },
        json,
        as_of: NOW - 60,
        stored_at: NOW - 50,
        state: "synced".into(),
        error: String::new(),
        facts: vec![
            Fact { name: "status".into(), value: word("open") },
            Fact { name: "due".into(), value: Cell::Money { amount: 8900, currency: "eur".into() } },
            Fact { name: "created".into(), value: Cell::Time { at: NOW - 90_000 } },
        ],
        links: if customer {
            vec![link("invoice", Kind::Invoice, "in_2", "INV-2042", true)]
        } else {
            vec![
                link("customer", Kind::Customer, "cus_1", "Initech GmbH", true),
                link("paid by", Kind::PaymentIntent, "pi_1", "", false),
            ]
        },
        url: (!customer).then(|| format!("https://dashboard.stripe.com/invoices/{id}")),
        events: 3,
    }))
}

/// Events about an object.
pub fn timeline(rows: &[EventRow], from: Option<&EventPos>, limit: usize) -> Answer {
    let skip = from.and_then(|from| rows.iter().position(|row| row.id == from.id)).unwrap_or(0);
    Answer::Timeline(rows.iter().skip(skip).take(limit).cloned().collect())
}

/// What is found: nothing for `nothing`.
pub fn search(text: &str, limit: usize) -> Answer {
    let hit = |n: u32, kind: Option<Kind>, id: &str, title: &str, exact: bool| SearchHit {
        integration: IntegrationId(n),
        kind,
        id: id.into(),
        title: title.into(),
        who: "Initech GmbH".into(),
        status: if kind == Some(Kind::Invoice) { "open".into() } else { String::new() },
        amount: match kind {
            Some(Kind::Invoice) => Cell::Money { amount: 8900, currency: "eur".into() },
            _ => Cell::Empty,
        },
        created: NOW - 7000,
        matched: "number".into(),
        exact,
        events: 3,
    };
    let hits = if text == "nothing" {
        Vec::new()
    } else {
        vec![
            hit(1, Some(Kind::Invoice), "in_2041", "INV-2041", true),
            hit(2, Some(Kind::Customer), "cus_1", "Initech GmbH", false),
            hit(1, None, "evt_1Qx999999", "invoice.paid", false),
            hit(3, Some(Kind::PaymentIntent), "pi_1QxAbR2eZvKYlo2C7Kp", "pi_1QxAbR2eZvKYlo2C7Kp", false),
        ]
    };
    Answer::Found(SearchResult {
        text: text.to_owned(),
        taken_for: "an invoice number".into(),
        total: hits.len() as u64,
        hits: hits.into_iter().take(limit).collect(),
        loading: (text == "loading").then_some(45),
    })
}
