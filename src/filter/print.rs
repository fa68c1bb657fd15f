//! Prints a filter in its normal form, which parses to an equal one.

use std::fmt;

use super::lex::is_keyword;
use super::{Filter, Node};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        node(&self.node, f)
    }
}

fn node(one: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match one {
        Node::All => Ok(()),
        Node::Not(inner) => {
            f.write_str("-")?;
            nested(inner, matches!(**inner, Node::And(_) | Node::Or(_)), f)
        }
        Node::And(all) => joined(all, " ", |one| matches!(one, Node::And(_) | Node::Or(_)), f),
        Node::Or(all) => joined(all, " or ", |one| matches!(one, Node::Or(_)), f),
        Node::Leaf(leaf) => {
            if let Some(field) = &leaf.field {
                write!(f, "{field}{}", leaf.op.sign())?;
            }
            f.write_str(&leaf.values.join(","))
        }
    }
}

fn joined(
    all: &[Node],
    between: &str,
    wrapped: impl Fn(&Node) -> bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (index, one) in all.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        nested(one, wrapped(one), f)?;
    }
    Ok(())
}

fn nested(one: &Node, wrapped: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if wrapped {
        f.write_str("(")?;
        node(one, f)?;
        f.write_str(")")
    } else {
        node(one, f)
    }
}

/// Text in quotes.
pub fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Text as it has to be written to be taken literally: in quotes where the grammar would see something else.
pub fn literal(text: &str) -> String {
    let special = |c: char| c.is_whitespace() || c.is_control() || "()\",:=<>!*?\\".contains(c);
    let bare = !text.is_empty()
        && !text.contains(special)
        && !text.contains("..")
        && !text.starts_with('-')
        && !is_keyword(text);
    if bare { text.to_owned() } else { in_quotes(text) }
}
