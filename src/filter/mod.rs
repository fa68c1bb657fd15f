//! The filter language: one grammar for the feed, the tables of records and the command line.
//!
//! `type:*failed amount>50 currency:eur -customer:cus_test created:last7d`. The whole reference is
//! `docs/filters.md`, whose examples are tested. [`parse()`] makes a [`Filter`], which tests rows ([`Fields`]);
//! [`complete()`] and [`highlight()`] serve a line in which one is written. Positions are counted in characters.
//!
//! Everything here is pure: it must never read the store, the clock or the screen, never panic on any text,
//! never use floating point for money, and never compare amounts of different currencies as if they were one.

mod bounds;
mod compile;
mod complete;
mod decimal;
mod eval;
mod field;
mod fields;
mod highlight;
mod lex;
mod mistake;
mod parse;
mod pattern;
mod print;
#[cfg(test)]
mod tests;
mod time;
mod value;

pub use bounds::Bounds;
pub use complete::{Completion, complete};
pub use fields::{Column, EventFields, Fields};
pub use highlight::{Class, highlight};
pub use mistake::Mistake;
pub use parse::parse;

use crate::clock::Zone;
use crate::stripe::kind::Kind;
use eval::Test;
use lex::Op;

/// What is filtered: it decides which fields there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The event log.
    Events,
    /// Records of a kind.
    Records(Kind),
}

/// What a filter's words depend on.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The present, Unix seconds.
    pub now: i64,
    /// The account's time zone: days are its days.
    pub zone: Zone,
}

/// A parsed filter. It prints in a normal form that parses to an equal filter (given the same [`Ctx`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    node: Node,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// The empty filter.
    All,
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Leaf(Box<Leaf>),
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leaf {
    /// As it is printed; none for bare text.
    field: Option<String>,
    op: Op,
    /// As they are printed.
    values: Vec<String>,
    /// It moves with the present.
    moves: bool,
    test: Test,
}

impl Filter {
    /// The filter that everything passes.
    pub fn everything() -> Filter {
        Filter { node: Node::All }
    }

    /// Whether everything passes.
    pub fn is_everything(&self) -> bool {
        self.node == Node::All
    }

    /// Whether some condition reads the object's JSON. For a single row [`Filter::quick`] often can do without.
    pub fn needs_json(&self) -> bool {
        self.node.any(&|leaf| matches!(leaf.test, Test::Json { .. }))
    }

    /// Whether some condition asks for stars.
    pub fn needs_stars(&self) -> bool {
        self.node.any(&|leaf| matches!(leaf.test, Test::Starred(_)))
    }

    /// Whether it moves with the present (`today`, `last7d`): then it has to be parsed again now and then.
    pub fn moves(&self) -> bool {
        self.node.any(&|leaf| leaf.moves)
    }

    /// Whether a row passes, told from its columns alone; none: the JSON decides. Never allocates.
    pub fn quick<F: Fields + ?Sized>(&self, row: &F) -> Option<bool> {
        eval::eval(&self.node, row, eval::Json::Unread)
    }

    /// Whether a row passes. `json` (the object as received, for an event the whole event) is asked for only if
    /// the columns don't decide; without JSON its fields count as absent.
    pub fn test<F: Fields + ?Sized>(&self, row: &F, json: impl FnOnce() -> Option<Vec<u8>>) -> bool {
        self.quick(row).unwrap_or_else(|| {
            let value = json().and_then(|text| serde_json::from_slice(&text).ok());
            let json = value.as_ref().map_or(eval::Json::Absent, eval::Json::Here);
            eval::eval(&self.node, row, json).unwrap_or(false)
        })
    }

    /// Limits outside of which nothing can pass, so that a scan can seek and stop early.
    pub fn bounds(&self) -> Bounds {
        bounds::of(&self.node, false)
    }
}

impl Node {
    fn any(&self, is: &dyn Fn(&Leaf) -> bool) -> bool {
        match self {
            Node::All => false,
            Node::Not(inner) => inner.any(is),
            Node::And(all) | Node::Or(all) => all.iter().any(|one| one.any(is)),
            Node::Leaf(leaf) => is(leaf),
        }
    }
}
