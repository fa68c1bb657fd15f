//! Tests a row against a compiled filter.
//!
//! On columns alone it must never allocate. Three answers: yes, no, and "the JSON decides", so that JSON is
//! unpacked only for rows that need it.

use serde_json::Value;

use super::decimal::Decimal;
use super::pattern::Pattern;
use super::time::Span;
use super::{Column, Fields, Node};
use crate::stripe::money;

/// What a condition checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Any of the columns matches any of the patterns. `own`: a text that is only the row's id counts as none.
    Words { columns: &'static [Column], patterns: Vec<Pattern>, own: bool },
    /// Any of the columns holds something.
    Present { columns: &'static [Column], own: bool },
    /// The amount lies in one of the ranges.
    Amounts(Vec<Amounts>),
    /// There is an amount.
    AmountPresent,
    /// The time lies in one of the spans.
    Times(Clock, Vec<Span>),
    /// The star.
    Starred(bool),
    /// A text or number in the JSON, by any of the paths, passes any of the checks.
    Json { paths: Vec<Path>, checks: Vec<Check> },
}

/// Which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Stripe's.
    Created,
    /// Ours.
    Received,
}

/// A range of amounts, inclusive, in minor units: for currencies with no, two and three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    none: (i128, i128),
    two: (i128, i128),
    three: (i128, i128),
}

/// One edge of a range of numbers, and whether the number itself is in.
pub type Edge = Option<(Decimal, bool)>;

impl Amounts {
    /// Between two edges; an edge left out leaves that side open.
    pub fn new(low: Edge, high: Edge) -> Amounts {
        let range =
            |exponent: u32| {
                let low = low.map_or(i128::MIN, |(number, with)| {
                    if with { number.ceil(exponent) } else { number.floor(exponent) + 1 }
                });
                let high = high.map_or(i128::MAX, |(number, with)| {
                    if with { number.floor(exponent) } else { number.ceil(exponent) - 1 }
                });
                (low, high)
            };
        Amounts { none: range(0), two: range(2), three: range(3) }
    }

    fn holds(&self, amount: i64, currency: &str) -> bool {
        // The common ones first: the tables of exceptions are walked for the others only.
        let exponent = match currency {
            "usd" | "eur" | "gbp" => 2,
            other => money::exponent(other),
        };
        let (low, high) = match exponent {
            0 => self.none,
            3 => self.three,
            _ => self.two,
        };
        (low..=high).contains(&i128::from(amount))
    }
}

/// A path into the JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Keys with dots between them; a number picks from an array, and any other key looks in all of its objects.
    pub keys: String,
    /// What is found counts only if it begins so.
    pub start: &'static str,
}

/// What is asked of a value in the JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// It is there, and neither null nor empty.
    Present,
    /// It is null or not there.
    Null,
    /// Its text matches.
    Pattern(Pattern),
    /// It is a number between these.
    Number(Edge, Edge),
    /// It is a time (Unix seconds) in the span.
    Time(Span),
}

/// What is known of a row's JSON.
#[derive(Clone, Copy)]
pub enum Json<'a> {
    /// Not read yet.
    Unread,
    /// There is none.
    Absent,
    /// This.
    Here(&'a Value),
}

/// Whether a row passes; none if the JSON decides and is not read.
pub(super) fn eval<F: Fields + ?Sized>(node: &Node, row: &F, json: Json<'_>) -> Option<bool> {
    match node {
        Node::All => Some(true),
        Node::Not(inner) => eval(inner, row, json).map(|passes| !passes),
        Node::And(all) => decide(all, row, json, false),
        Node::Or(all) => decide(all, row, json, true),
        Node::Leaf(leaf) => leaf.test.passes(row, json),
    }
}

/// `end` decides as soon as one says it; else one that is open leaves the whole open.
fn decide<F: Fields + ?Sized>(all: &[Node], row: &F, json: Json<'_>, end: bool) -> Option<bool> {
    let mut open = false;
    for one in all {
        match eval(one, row, json) {
            Some(answer) if answer == end => return Some(end),
            Some(_) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(!end) }
}

impl Test {
    fn passes<F: Fields + ?Sized>(&self, row: &F, json: Json<'_>) -> Option<bool> {
        let text = |column: Column, own: bool| {
            let text = row.text(column);
            if own && text == row.text(Column::Id) { "" } else { text }
        };
        Some(match self {
            Test::Words { columns, patterns, own } => columns.iter().any(|column| {
                let text = text(*column, *own);
                patterns.iter().any(|pattern| pattern.matches(text))
            }),
            Test::Present { columns, own } => columns.iter().any(|column| !text(*column, *own).is_empty()),
            Test::Amounts(ranges) => row.amount().is_some_and(|amount| {
                let currency = row.text(Column::Currency);
                ranges.iter().any(|range| range.holds(amount, currency))
            }),
            Test::AmountPresent => row.amount().is_some(),
            Test::Times(clock, spans) => {
                let at = match clock {
                    Clock::Created => row.created(),
                    Clock::Received => row.received(),
                };
                spans.iter().any(|span| span.holds(at))
            }
            Test::Starred(wanted) => row.starred() == *wanted,
            Test::Json { paths, checks } => {
                let value = match json {
                    Json::Unread => return None,
                    Json::Absent => &Value::Null,
                    Json::Here(value) => value,
                };
                checks.iter().any(|check| check.passes(value, paths))
            }
        })
    }
}

impl Check {
    fn passes(&self, root: &Value, paths: &[Path]) -> bool {
        let any = |is: &dyn Fn(&Value) -> bool| {
            paths.iter().any(|path| {
                visit(root, &path.keys, &mut |value| {
                    let counts = path.start.is_empty()
                        || value.as_str().is_some_and(|text| text.starts_with(path.start));
                    // Of a list of texts any one will do.
                    counts && (is(value) || value.as_array().is_some_and(|all| all.iter().any(is)))
                })
            })
        };
        match self {
            Check::Present => any(&|value| match value {
                Value::Null => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(all) => !all.is_empty(),
                Value::Object(all) => !all.is_empty(),
                Value::Bool(_) | Value::Number(_) => true,
            }),
            Check::Null => !any(&|value| !value.is_null()),
            Check::Pattern(pattern) => any(&|value| match value {
                Value::String(text) => pattern.matches(text),
                Value::Bool(flag) => pattern.matches(if *flag { "true" } else { "false" }),
                Value::Number(number) => pattern.matches(&number.to_string()),
                // An expanded object stands where its id would.
                Value::Object(all) => {
                    all.get("id").and_then(Value::as_str).is_some_and(|id| pattern.matches(id))
                }
                Value::Null | Value::Array(_) => false,
            }),
            Check::Number(low, high) => any(&|value| {
                let number = match value {
                    Value::Number(number) => Decimal::parse(&number.to_string()),
                    // Metadata holds numbers as text.
                    Value::String(text) => Decimal::parse(text),
                    _ => None,
                };
                number.is_some_and(|number| {
                    low.is_none_or(|(edge, with)| number > edge || (with && number == edge))
                        && high.is_none_or(|(edge, with)| number < edge || (with && number == edge))
                })
            }),
            Check::Time(span) => any(&|value| value.as_i64().is_some_and(|at| span.holds(at))),
        }
    }
}

impl Span {
    fn holds(self, at: i64) -> bool {
        at >= self.from && at < self.to
    }
}

/// Calls `is` for each value at the path until it says yes. A key with dots in it (as in metadata) is found by
/// the whole rest of the path.
fn visit(value: &Value, path: &str, is: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Object(all) => {
            if all.get(path).is_some_and(&mut *is) {
                return true;
            }
            let Some((head, rest)) = path.split_once('.') else { return false };
            all.get(head).is_some_and(|inner| visit(inner, rest, is))
        }
        Value::Array(all) => {
            let (head, rest) = path.split_once('.').unwrap_or((path, ""));
            match head.parse::<usize>() {
                Ok(index) if rest.is_empty() => all.get(index).is_some_and(is),
                Ok(index) => all.get(index).is_some_and(|inner| visit(inner, rest, is)),
                Err(_) => all.iter().any(|inner| visit(inner, path, is)),
            }
        }
        _ => false,
    }
}
