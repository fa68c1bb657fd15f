//! What could stand at the cursor: names of fields, comparisons, presets, and values that are known.
//!
//! Pure: values that are in the store come from the caller. It must never offer what would not parse.

use std::ops::Range;

use super::field::{self, Def, Origin, Sort};
use super::lex::{Op, Piece, Term, What, lex};
use super::print::literal;
use super::{Ctx, Subject, time};

/// Offers in one list: more than anybody reads.
const MOST: usize = 50;

/// One offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The characters that it takes the place of.
    pub replace: Range<usize>,
    /// What to put there.
    pub insert: String,
    /// What it means, for a person; may be empty.
    pub help: String,
}

/// What fits at the cursor (in characters), best first. `known` gives the values of a field (by its printed name)
/// that are in use: types, statuses, currencies, accounts; none for fields whose values are not worth listing.
pub fn complete(
    text: &str,
    cursor: usize,
    subject: Subject,
    ctx: &Ctx,
    known: &dyn Fn(&str) -> Vec<String>,
) -> Vec<Completion> {
    let tokens = lex(text);
    let cursor = cursor.min(text.chars().count());
    // A token is being written if the cursor is in it or right behind it.
    let here = tokens.iter().rposition(|token| token.range.start < cursor && cursor <= token.range.end);
    let mut offers = match here.map(|at| (at, &tokens[at].what)) {
        Some((_, What::Term(term))) => match (&term.field, &term.op) {
            (Some(name), Some((_, op))) if cursor >= op.end => {
                values(term, name, cursor, subject, ctx, known)
            }
            (Some(name), _) => names(name, cursor, subject, false),
            (None, _) => match term.values.first() {
                Some(piece) if !piece.quoted => {
                    let first = here.is_none_or(|at| at == 0);
                    names(piece, cursor, subject, !first)
                }
                _ => Vec::new(),
            },
        },
        // A keyword may yet become the name of a field.
        Some((at, What::And | What::Or | What::Not)) => {
            let range = tokens[at].range.clone();
            let text = text.chars().skip(range.start).take(range.len()).collect();
            names(&Piece { text, range, quoted: false, closed: true }, cursor, subject, true)
        }
        _ => {
            // Behind an operator and blanks, a value is still to come.
            let before = tokens.iter().rev().find(|token| token.range.end <= cursor).map(|token| &token.what);
            match before {
                Some(What::Term(term)) if lacks_value(term) => {
                    let empty = empty_at(cursor);
                    let term = Term { values: vec![empty], ..term.clone() };
                    match &term.field {
                        Some(name) => values(&term, name, cursor, subject, ctx, known),
                        None => Vec::new(),
                    }
                }
                Some(What::Term(_) | What::Close) => names(&empty_at(cursor), cursor, subject, true),
                _ => names(&empty_at(cursor), cursor, subject, false),
            }
        }
    };
    offers.truncate(MOST);
    offers
}

fn empty_at(cursor: usize) -> Piece {
    Piece { text: String::new(), range: cursor..cursor, quoted: false, closed: true }
}

fn lacks_value(term: &Term) -> bool {
    let apart = term.op.as_ref().is_some_and(|(op, _)| *op != Op::Has);
    apart && term.values.last().is_none_or(|piece| piece.text.is_empty() && !piece.quoted)
}

/// Names of fields that begin so; of a name that is whole, its comparisons.
fn names(piece: &Piece, cursor: usize, subject: Subject, keywords: bool) -> Vec<Completion> {
    let typed = before(piece, cursor).to_ascii_lowercase();
    let offer = |insert: String, help: &str| Completion {
        replace: piece.range.clone(),
        insert,
        help: help.to_owned(),
    };
    let mut out = Vec::new();
    if let Some(def) = field::find(subject, &typed) {
        for (sign, help) in signs(def) {
            out.push(offer(format!("{}{sign}", def.name), help));
        }
    }
    for def in field::all(subject) {
        let begins = |name: &str| name.starts_with(&typed) && name != typed;
        if begins(def.name) || (!typed.is_empty() && def.also.iter().any(|name| begins(name))) {
            out.push(offer(format!("{}:", def.name), def.help));
        }
    }
    let words = [("and", "both, as without it"), ("or", "either"), ("not", "turns the next condition round")];
    for (word, help) in words {
        if word.starts_with(&typed) && (keywords || word == "not") {
            out.push(offer(format!("{word} "), help));
        }
    }
    out
}

/// What was typed of a piece up to the cursor.
fn before(piece: &Piece, cursor: usize) -> String {
    piece.text.chars().take(cursor.saturating_sub(piece.range.start)).collect()
}

fn signs(def: &Def) -> &'static [(&'static str, &'static str)] {
    match def.sort {
        Sort::Amount | Sort::Time => &[
            (":", "is; a range: from..to"),
            (">", "above"),
            (">=", "at least"),
            ("<", "below"),
            ("<=", "at most"),
            ("!=", "is not"),
        ],
        Sort::Text => &[(":", "contains"), ("=", "is the whole text"), ("!=", "is not")],
        Sort::Flag => &[(":", "is")],
        _ => &[(":", "is; * and ? stand for any text, a comma for or"), ("!=", "is not")],
    }
}

fn values(
    term: &Term,
    name: &Piece,
    cursor: usize,
    subject: Subject,
    ctx: &Ctx,
    known: &dyn Fn(&str) -> Vec<String>,
) -> Vec<Completion> {
    let Some(def) = field::find(subject, &name.text) else { return Vec::new() };
    let found = term.values.iter().find(|piece| piece.range.start <= cursor && cursor <= piece.range.end);
    let Some(piece) = found else { return Vec::new() };
    let typed = before(piece, if piece.quoted { cursor.saturating_sub(1) } else { cursor }).to_lowercase();
    let mut all: Vec<(String, String)> = match def.sort {
        Sort::Time => presets(ctx),
        Sort::Flag => vec![("true".into(), String::new()), ("false".into(), String::new())],
        Sort::Choice(choices) => choices.iter().map(|one| ((*one).to_owned(), String::new())).collect(),
        Sort::Amount => Vec::new(),
        Sort::Word | Sort::Text | Sort::Type | Sort::Currency => {
            let mut known = known(def.name);
            known.retain(|one| !one.is_empty() && !one.contains(char::is_control));
            known.sort();
            known.dedup();
            known.into_iter().map(|one| (literal(&one), String::new())).collect()
        }
    };
    let plain = |value: &str| value.trim_start_matches('"').to_lowercase();
    all.retain(|(value, _)| plain(value).contains(&typed));
    // What begins with the text comes before what holds it somewhere.
    all.sort_by_key(|(value, _)| !plain(value).starts_with(&typed));
    if typed.is_empty() && !matches!(def.from, Origin::Starred | Origin::Created | Origin::Received) {
        all.push(("*".to_owned(), "there is one".to_owned()));
    }
    all.into_iter().map(|(insert, help)| Completion { replace: piece.range.clone(), insert, help }).collect()
}

fn presets(ctx: &Ctx) -> Vec<(String, String)> {
    let day = crate::clock::today(ctx.now, &ctx.zone).to_string();
    let presets = time::PRESETS.iter().map(|(name, help)| ((*name).to_owned(), (*help).to_owned()));
    presets.chain([(day, "a day: YYYY-MM-DD, in the account's time zone".to_owned())]).collect()
}
