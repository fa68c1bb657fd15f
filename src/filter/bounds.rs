//! What a filter can match at all: a span of `created` and a set of types.
//!
//! A bound may be wider than the filter, never narrower.

use super::eval::{Clock, Test};
use super::time::Span;
use super::{Column, Node};

/// Limits outside of which no row passes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bounds {
    /// `created` is at least this, Unix seconds.
    pub gte: Option<i64>,
    /// `created` is below this.
    pub lt: Option<i64>,
    /// The event's type is one of these (in lower case).
    pub types: Option<Vec<String>>,
}

impl Bounds {
    /// Whether nothing can pass.
    pub fn is_empty(&self) -> bool {
        let no_time = matches!((self.gte, self.lt), (Some(gte), Some(lt)) if gte >= lt);
        no_time || self.types.as_ref().is_some_and(Vec::is_empty)
    }

    fn nothing() -> Bounds {
        Bounds { gte: Some(0), lt: Some(0), types: None }
    }

    fn and(self, other: Bounds) -> Bounds {
        let types = match (self.types, other.types) {
            (Some(mut a), Some(b)) => {
                a.retain(|one| b.contains(one));
                Some(a)
            }
            (a, b) => a.or(b),
        };
        // None sorts first, which is right for the lower edge only.
        let lt = match (self.lt, other.lt) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Bounds { gte: self.gte.max(other.gte), lt, types }
    }

    fn or(self, other: Bounds) -> Bounds {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let types = self.types.zip(other.types).map(|(mut a, b)| {
            for one in b {
                if !a.contains(&one) {
                    a.push(one);
                }
            }
            a
        });
        Bounds {
            gte: self.gte.zip(other.gte).map(|(a, b)| a.min(b)),
            lt: self.lt.zip(other.lt).map(|(a, b)| a.max(b)),
            types,
        }
    }
}

/// The bounds of a node, or of its opposite.
pub(super) fn of(node: &Node, negated: bool) -> Bounds {
    match node {
        Node::All if negated => Bounds::nothing(),
        Node::All => Bounds::default(),
        Node::Not(inner) => of(inner, !negated),
        Node::And(all) | Node::Or(all) => {
            let each = all.iter().map(|one| of(one, negated));
            let both = matches!(node, Node::And(_)) != negated;
            let joined = each.reduce(|a, b| if both { a.and(b) } else { a.or(b) });
            joined.unwrap_or_default()
        }
        Node::Leaf(leaf) => match &leaf.test {
            Test::Times(Clock::Created, spans) => times(spans, negated),
            Test::Words { columns: [Column::Type], patterns, .. } if !negated => {
                let types: Option<Vec<String>> =
                    patterns.iter().map(|one| one.exact().map(str::to_owned)).collect();
                Bounds { types, ..Bounds::default() }
            }
            _ => Bounds::default(),
        },
    }
}

fn times(spans: &[Span], negated: bool) -> Bounds {
    let edges = |from: i64, to: i64| Bounds {
        gte: (from != i64::MIN).then_some(from),
        lt: (to != i64::MAX).then_some(to),
        types: None,
    };
    match (negated, spans) {
        (false, spans) => {
            spans.iter().map(|span| edges(span.from, span.to)).reduce(Bounds::or).unwrap_or_default()
        }
        // Outside of a span that is open on one side lies a span, outside of a closed one two.
        (true, [span]) if span.from == i64::MIN => edges(span.to, i64::MAX),
        (true, [span]) if span.to == i64::MAX => edges(i64::MIN, span.from),
        _ => Bounds::default(),
    }
}
