//! What each part of a filter's text is, so that a line editor can colour it.
//!
//! It must never fail: half-written text is coloured as far as it is understood.

use std::ops::Range;

use super::lex::{What, lex};
use super::{Ctx, Subject, parse};

/// What a part of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The name of a field.
    Field,
    /// A comparison, `-`, or a parenthesis.
    Operator,
    /// What is compared with.
    Value,
    /// `and`, `or`, `not`.
    Keyword,
    /// Text that is looked for anywhere.
    Text,
    /// What [`parse()`] refuses.
    Mistake,
}

/// The parts that have a class, in order, in characters; what lies between is blank. A mistake replaces what it
/// covers; one of something missing covers nothing and is not in the list.
pub fn highlight(text: &str, subject: Subject, ctx: &Ctx) -> Vec<(Range<usize>, Class)> {
    let mut parts = Vec::new();
    for token in lex(text) {
        match token.what {
            What::Open | What::Close | What::Minus => parts.push((token.range, Class::Operator)),
            What::And | What::Or | What::Not => parts.push((token.range, Class::Keyword)),
            What::Term(term) => {
                let bare = term.field.is_none();
                parts.extend(term.field.map(|piece| (piece.range, Class::Field)));
                parts.extend(term.op.map(|(_, range)| (range, Class::Operator)));
                let class = if bare { Class::Text } else { Class::Value };
                // Commas between the values belong to them.
                if let (Some(first), Some(last)) = (term.values.first(), term.values.last()) {
                    parts.push((first.range.start..last.range.end, class));
                }
            }
        }
    }
    parts.retain(|(range, _)| !range.is_empty());
    if let Err(mistake) = parse(text, subject, ctx)
        && mistake.len > 0
    {
        return with_mistake(&parts, mistake.at..mistake.at + mistake.len);
    }
    parts
}

fn with_mistake(parts: &[(Range<usize>, Class)], wrong: Range<usize>) -> Vec<(Range<usize>, Class)> {
    let mut out = Vec::with_capacity(parts.len() + 2);
    for (range, class) in parts {
        out.push((range.start..range.end.min(wrong.start), *class));
        out.push((range.start.max(wrong.end)..range.end, *class));
    }
    out.push((wrong, Class::Mistake));
    out.retain(|(range, _)| range.start < range.end);
    out.sort_by_key(|(range, _)| range.start);
    out
}
