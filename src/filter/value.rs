//! Reads single values: amounts, numbers, times, and ranges of them.
//!
//! It must never take a number with marks between thousands: `1,000` is a list, and `1.000` one with decimals.

use super::compile::turned;
use super::decimal::Decimal;
use super::lex::{Op, Piece};
use super::time::{self, Span};
use super::{Ctx, Mistake};
use crate::text::clean_max;

/// What a person wrote, for a message.
pub(super) fn written(text: &str) -> String {
    clean_max(text, 40)
}

/// A plain number.
pub(super) fn number(text: &str) -> Option<Decimal> {
    Decimal::parse(text)
}

/// Whether a list is rather a number with commas between thousands: then the number without them.
pub(super) fn is_grouped(values: &[Piece]) -> Option<String> {
    let (first, rest) = values.split_first()?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let head = first.text.strip_prefix('-').unwrap_or(&first.text);
    let last = rest.len().checked_sub(1)?;
    let fits = |(index, piece): (usize, &Piece)| {
        let text = piece.text.as_str();
        let whole = if index == last { text.split_once('.').map_or(text, |(whole, _)| whole) } else { text };
        !piece.quoted && digits(whole) && whole.len() == 3
    };
    let grouped = !first.quoted && digits(head) && head.len() <= 3 && rest.iter().enumerate().all(fits);
    grouped.then(|| values.iter().map(|piece| piece.text.as_str()).collect())
}

/// An amount in a currency's own units.
pub(super) fn amount(piece: &Piece) -> Result<Decimal, Mistake> {
    if let Some(number) = number(&piece.text) {
        return Ok(number);
    }
    let text = &piece.text;
    let shown = written(text);
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
    let plain = number(&digits).filter(|_| !text.is_empty());
    let marks = text.chars().any(|c| matches!(c, '_' | '\'' | '’' | ',') || c.is_whitespace());
    let hint = match plain {
        Some(plain) if marks => format!("write {plain}: no marks between thousands, decimals take a point"),
        Some(plain) => format!("write {plain}, and the currency apart: currency:eur"),
        None => "write it like 50 or 12.50, with at most 18 digits and 8 decimals".to_owned(),
    };
    Err(Mistake::new(&piece.range, format!("`{shown}` is no amount"), hint))
}

/// Two optional pieces around `..`.
pub(super) type Ends = (Option<Piece>, Option<Piece>);

/// The ends of a range, if the value is one.
pub(super) fn split_range(piece: &Piece, op: Op) -> Result<Option<Ends>, Mistake> {
    let Some((low, high)) = piece.text.split_once("..").filter(|_| !piece.quoted) else { return Ok(None) };
    if op.is_order() {
        return Err(Mistake::new(
            &piece.range,
            format!("`{}` takes one value, not a range", op.sign()),
            "write the range behind `:`",
        ));
    }
    if low.is_empty() && high.is_empty() {
        return Err(Mistake::new(&piece.range, "this range has no ends", "write 10..50, 10.. or ..50"));
    }
    let start = piece.range.start;
    let middle = start + low.chars().count();
    let part = |text: &str, range: std::ops::Range<usize>| {
        (!text.is_empty()).then(|| Piece { text: text.to_owned(), range, quoted: false, closed: true })
    };
    Ok(Some((part(low, start..middle), part(high, middle + 2..piece.range.end))))
}

/// A time or a range of times: as it is printed, what it spans under the operator, and whether it moves.
pub(super) fn when(piece: &Piece, op: Op, ctx: &Ctx) -> Result<(String, Span, bool), Mistake> {
    if let Some((low, high)) = split_range(piece, op)? {
        let low = low.map(|part| read(&part, ctx).map(|when| (shown(&part), when))).transpose()?;
        let high = high.map(|part| read(&part, ctx).map(|when| (shown(&part), when))).transpose()?;
        let span = Span {
            from: low.as_ref().map_or(i64::MIN, |(_, when)| when.span.from),
            to: high.as_ref().map_or(i64::MAX, |(_, when)| when.span.to),
        };
        if span.from >= span.to {
            return Err(turned(piece));
        }
        let moves = low.as_ref().is_some_and(|(_, when)| when.moves)
            || high.as_ref().is_some_and(|(_, when)| when.moves);
        let text = |end: Option<(String, time::When)>| end.map(|(text, _)| text).unwrap_or_default();
        return Ok((format!("{}..{}", text(low), text(high)), span, moves));
    }
    let when = read(piece, ctx)?;
    let Span { from, to } = when.span;
    // "Since then" has one edge only.
    let end = if when.rolling { from } else { to };
    let span = match op {
        Op::Has | Op::Equal | Op::Unequal => when.span,
        Op::Above => Span { from: end, to: i64::MAX },
        Op::AtLeast => Span { from, to: i64::MAX },
        Op::Below => Span { from: i64::MIN, to: from },
        Op::AtMost => Span { from: i64::MIN, to: end },
    };
    Ok((shown(piece), span, when.moves))
}

fn read(piece: &Piece, ctx: &Ctx) -> Result<time::When, Mistake> {
    time::read(&piece.text, ctx).map_err(|what| {
        let what = if what.is_empty() { format!("`{}` is no time", written(&piece.text)) } else { what };
        let what = what.trim_end_matches('.').to_owned();
        Mistake::new(&piece.range, what, time::FORMS)
    })
}

/// A time in its normal form, which needs no quotes.
fn shown(piece: &Piece) -> String {
    let text = &piece.text;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        text.to_ascii_uppercase().replace(' ', "T")
    } else {
        text.to_ascii_lowercase()
    }
}
