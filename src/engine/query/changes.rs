//! What changed in an object: from `previous_attributes`, or between two versions of it.
//!
//! Nested fields are told by their path, amounts in the currency of the object around them, times as dates. It
//! must never tell of a field as changed that reads the same before and after.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::clock::{self, Zone};
use crate::engine::api::Change;
use crate::stripe::money;
use crate::text;

/// Characters of one side of a change: an address has some hundred.
const MOST_TEXT: usize = 2000;
/// Changes told of one event.
const MOST: usize = 400;

/// JSON whose fields stay in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// An object.
    Object(Vec<(String, Node)>),
    /// An array.
    Array(Vec<Node>),
    /// Anything else.
    Leaf(Value),
}

impl Node {
    /// Reads JSON; what can't be read is null.
    pub fn read(json: &str) -> Node {
        serde_json::from_str(json).unwrap_or(Node::Leaf(Value::Null))
    }

    fn get(&self, name: &str) -> Option<&Node> {
        match self {
            Node::Object(fields) => fields.iter().find(|field| field.0 == name).map(|field| &field.1),
            _ => None,
        }
    }

    fn json(&self) -> Value {
        match self {
            Node::Object(fields) => {
                Value::Object(fields.iter().map(|(name, node)| (name.clone(), node.json())).collect())
            }
            Node::Array(items) => Value::Array(items.iter().map(Node::json).collect()),
            Node::Leaf(value) => value.clone(),
        }
    }

    fn is_null(&self) -> bool {
        *self == Node::Leaf(Value::Null)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Node, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Node::Object(fields))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::Array(items))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Leaf(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Leaf(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Leaf(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Leaf(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Leaf(value.into()))
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Leaf(Value::Null))
            }
        }
        from.deserialize_any(Reads)
    }
}

struct Teller<'a> {
    zone: &'a Zone,
    out: Vec<Change>,
}

/// The changes that `previous_attributes` names: it holds only what changed, arrays whole.
pub fn from_previous(object: &Node, previous: &Node, zone: &Zone) -> Vec<Change> {
    let mut teller = Teller { zone, out: Vec::new() };
    teller.partly("", previous, object, "");
    teller.out
}

/// The changes between two versions of an object.
pub fn between(before: &Node, after: &Node, zone: &Zone) -> Vec<Change> {
    let mut teller = Teller { zone, out: Vec::new() };
    teller.wholly("", Some(before), Some(after), "");
    teller.out
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn currency<'a>(node: &'a Node, around: &'a str) -> &'a str {
    match node.get("currency") {
        Some(Node::Leaf(Value::String(code))) => code,
        _ => around,
    }
}

impl Teller<'_> {
    /// `previous` names only the fields that changed.
    fn partly(&mut self, path: &str, previous: &Node, now: &Node, money: &str) {
        let (Node::Object(old), Node::Object(new)) = (previous, now) else {
            return self.wholly(path, Some(previous), Some(now), money);
        };
        let money = currency(now, money).to_owned();
        // In the order of the object's fields; what it has no more comes last.
        for (name, node) in new {
            if let Some(before) = previous.get(name) {
                self.partly(&below(path, name), before, node, &money);
            }
        }
        for (name, before) in old {
            if now.get(name).is_none() {
                self.wholly(&below(path, name), Some(before), None, &money);
            }
        }
    }

    fn wholly(&mut self, path: &str, before: Option<&Node>, after: Option<&Node>, money: &str) {
        if before == after || self.out.len() >= MOST {
            return;
        }
        match (before, after) {
            (Some(Node::Object(old)), Some(now @ Node::Object(new))) => {
                let money = currency(now, money).to_owned();
                for (name, node) in new {
                    let was = before.and_then(|before| before.get(name));
                    self.wholly(&below(path, name), was, Some(node), &money);
                }
                for (name, was) in old {
                    if now.get(name).is_none() {
                        self.wholly(&below(path, name), Some(was), None, &money);
                    }
                }
            }
            (Some(Node::Array(old)), Some(Node::Array(new)))
                if old.iter().chain(new).any(|item| matches!(item, Node::Object(_))) =>
            {
                for at in 0..old.len().max(new.len()) {
                    self.wholly(&format!("{path}[{at}]"), old.get(at), new.get(at), money);
                }
            }
            _ => {
                let (before, after) = (self.shown(path, before, money), self.shown(path, after, money));
                if before != after {
                    self.out.push(Change { path: text::clean_max(path, 200), before, after });
                }
            }
        }
    }

    /// A value for a person; null is as if it were not there.
    fn shown(&self, path: &str, node: Option<&Node>, money: &str) -> Option<String> {
        let node = node.filter(|node| !node.is_null())?;
        let name = path.rsplit('.').next().unwrap_or(path);
        if let Node::Leaf(Value::Number(number)) = node
            && let Some(number) = number.as_i64()
        {
            if is_amount(name) && !money.is_empty() {
                return Some(money::format(number, money));
            }
            if is_time(name, number) {
                return Some(clock::format_time(number, self.zone.clone()));
            }
        }
        Some(text::clean_max(&node.json().to_string(), MOST_TEXT))
    }
}

/// Whether a field of that name holds minor units of its object's currency.
pub fn is_amount(name: &str) -> bool {
    const WHOLE: &[&str] = &[
        "total",
        "subtotal",
        "balance",
        "starting_balance",
        "ending_balance",
        "tax",
        "fee",
        "net",
        "total_excluding_tax",
        "subtotal_excluding_tax",
        "pre_payment_credit_notes_amount",
        "post_payment_credit_notes_amount",
        "unit_amount",
    ];
    let name = name.split('[').next().unwrap_or(name);
    WHOLE.contains(&name) || name == "amount" || name.starts_with("amount_") || name.ends_with("_amount")
}

/// Whether a field of that name, with that value, holds Unix seconds.
pub fn is_time(name: &str, value: i64) -> bool {
    const WHOLE: &[&str] = &[
        "created",
        "date",
        "due_date",
        "next_payment_attempt",
        "start",
        "end",
        "start_date",
        "arrival_date",
        "available_on",
        "due_by",
        "billing_cycle_anchor",
        "cancel_at",
    ];
    let named =
        WHOLE.contains(&name) || name.ends_with("_at") || name.ends_with("_start") || name.ends_with("_end");
    named && value > 100_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(items: &[Change]) -> Vec<(&str, Option<&str>, Option<&str>)> {
        items.iter().map(|one| (one.path.as_str(), one.before.as_deref(), one.after.as_deref())).collect()
    }

    #[test]
    fn previous_attributes_are_told_in_the_objects_order_with_amounts_and_times() {
        let object = Node::read(
            r#"{"currency":"eur","status":"paid","amount_paid":1240,"next_payment_attempt":null,
                "status_transitions":{"paid_at":1700000000,"voided_at":null},
                "lines":{"data":[{"amount":5,"currency":"jpy"},{"amount":7}]},"metadata":{"a":"1"},"same":1}"#,
        );
        let previous = Node::read(
            r#"{"gone":1,"metadata":{"b":"2"},"lines":{"data":[{"amount":4,"currency":"jpy"}]},"status":"open",
                "status_transitions":{"paid_at":null},"amount_paid":0,"next_payment_attempt":1700000000,"same":1}"#,
        );
        let items = from_previous(&object, &previous, &Zone::utc());
        let time = clock::format_time(1_700_000_000, Zone::utc());
        assert_eq!(
            told(&items),
            [
                ("status", Some("\"open\""), Some("\"paid\"")),
                ("amount_paid", Some("€0.00"), Some("€12.40")),
                ("next_payment_attempt", Some(time.as_str()), None),
                ("status_transitions.paid_at", None, Some(time.as_str())),
                ("lines.data[0].amount", Some("¥4"), Some("¥5")),
                ("lines.data[1]", None, Some("{\"amount\":7}")),
                ("metadata.b", Some("\"2\""), None),
                ("gone", Some("1"), None),
            ]
        );
    }

    #[test]
    fn two_versions_are_compared_field_by_field_and_texts_are_cleaned() {
        let before = Node::read(r#"{"a":1,"tags":["x"],"deep":{"n":1},"old":true}"#);
        let after = Node::read("{\"a\":1,\"tags\":[\"x\",\"\u{9b}2Jy\"],\"deep\":{\"n\":2},\"new\":null}");
        let items = between(&before, &after, &Zone::utc());
        assert_eq!(
            told(&items),
            [
                ("tags", Some("[\"x\"]"), Some("[\"x\",\"y\"]")),
                ("deep.n", Some("1"), Some("2")),
                ("old", Some("true"), None),
            ]
        );
        assert!(between(&after, &after, &Zone::utc()).is_empty());
    }
}
