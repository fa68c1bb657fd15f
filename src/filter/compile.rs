//! Turns one term into a condition: looks up the field, reads the values, and says what is wrong with them.
//!
//! It must never guess: an amount that could be read in two ways is a mistake.

use std::ops::Range;

use super::eval::{Amounts, Check, Clock, Edge, Path, Test};
use super::field::{self, Def, Origin, Sort};
use super::lex::{Op, Piece, Term};
use super::pattern::{Pattern, is_glob};
use super::print::{in_quotes, literal};
use super::value::{amount, is_grouped, number, split_range, when, written};
use super::{Ctx, Leaf, Mistake, Node, Subject};

/// Compiles a term.
pub(super) fn compile(term: &Term, subject: Subject, ctx: &Ctx) -> Result<Node, Mistake> {
    let Some((name, (op, op_range))) = term.field.as_ref().zip(term.op.as_ref()) else {
        return bare(term, subject);
    };
    if name.text.is_empty() {
        return Err(Mistake::new(
            op_range,
            format!("a field is missing before `{}`", op.sign()),
            "write for example status:paid or amount>50",
        ));
    }
    for piece in &term.values {
        check_piece(piece, name, *op)?;
    }
    if op.is_order() && term.values.len() > 1 {
        let all = whole(term);
        let hint = match is_grouped(&term.values) {
            Some(plain) => format!("write {plain}"),
            None => "decimals take a point: 50.5".to_owned(),
        };
        return Err(Mistake::new(&all, format!("`{}` takes one value, without commas", op.sign()), hint));
    }
    let (negated, op) = if *op == Op::Unequal { (true, Op::Equal) } else { (false, *op) };
    let given = Given { name, op, term, ctx };
    let leaf = match field::find(subject, &name.text) {
        Some(def) => given.known(def)?,
        None if name.text.contains('.') => given.path(subject)?,
        None => return Err(unknown(name, subject)),
    };
    let node = Node::Leaf(Box::new(leaf));
    Ok(if negated { Node::Not(Box::new(node)) } else { node })
}

fn bare(term: &Term, subject: Subject) -> Result<Node, Mistake> {
    let Some(piece) = term.values.first() else { return Ok(Node::All) };
    if !piece.closed {
        return Err(unclosed(piece));
    }
    if piece.text.is_empty() {
        return Err(Mistake::new(&piece.range, "this text is empty", "every row has it: leave it out"));
    }
    let glob = !piece.quoted && is_glob(&piece.text);
    let pattern = if glob { Pattern::glob(&piece.text) } else { Pattern::contains(&piece.text) };
    // As a value a glob may hold signs that would make it something else when it stands alone; alone it can't.
    let value = if glob { piece.text.clone() } else { literal(&piece.text) };
    Ok(Node::Leaf(Box::new(Leaf {
        field: None,
        op: Op::Has,
        values: vec![value],
        moves: false,
        test: Test::Words { columns: field::texts(subject), patterns: vec![pattern], own: false },
    })))
}

fn unclosed(piece: &Piece) -> Mistake {
    Mistake::new(&(piece.range.start..piece.range.start + 1), "this quote is never closed", "add `\"`")
}

fn check_piece(piece: &Piece, name: &Piece, op: Op) -> Result<(), Mistake> {
    if !piece.closed {
        return Err(unclosed(piece));
    }
    let field = written(&name.text);
    if piece.text.is_empty() && piece.quoted {
        let hint = format!("write -{field}:* for rows without it");
        return Err(Mistake::new(&piece.range, "this text is empty", hint));
    }
    if piece.text.is_empty() {
        let hint = format!("write {field}:* for any, -{field}:* for none");
        let text = format!("a value is missing behind `{field}{}`", op.sign());
        return Err(Mistake::new(&piece.range, text, hint));
    }
    if !piece.quoted && piece.text.starts_with(['<', '>', '=']) {
        return Err(Mistake::new(
            &(piece.range.start..piece.range.start + 1),
            "there is one sign too many",
            "the signs are : = != > >= < <=",
        ));
    }
    Ok(())
}

fn unknown(name: &Piece, subject: Subject) -> Mistake {
    let near = field::near(subject, &name.text);
    let quoted = near.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(" or ");
    let hint = if near.is_empty() {
        let all: Vec<&str> = field::all(subject).map(|def| def.name).collect();
        format!(
            "fields are {}; a field of the JSON is written with a dot: .{}",
            all.join(", "),
            written(&name.text)
        )
    } else {
        format!("did you mean {quoted}? A field of the JSON is written with a dot: .{}", written(&name.text))
    };
    Mistake::new(&name.range, format!("there is no field `{}`", written(&name.text)), hint)
}

/// All values, from the first to the last.
fn whole(term: &Term) -> Range<usize> {
    let start = term.values.first().map_or(0, |piece| piece.range.start);
    start..term.values.last().map_or(start, |piece| piece.range.end)
}

/// A term whose operator and values are well-formed.
struct Given<'a> {
    name: &'a Piece,
    op: Op,
    term: &'a Term,
    ctx: &'a Ctx,
}

impl Given<'_> {
    fn leaf(&self, field: &str, values: Vec<String>, test: Test) -> Leaf {
        Leaf { field: Some(field.to_owned()), op: self.op, values, moves: false, test }
    }

    /// `field:*`: there is something.
    fn is_any(&self) -> bool {
        !self.op.is_order() && self.term.values.iter().any(|piece| !piece.quoted && piece.text == "*")
    }

    fn known(&self, def: &Def) -> Result<Leaf, Mistake> {
        if self.is_any() {
            let test = match def.from {
                Origin::Columns(columns) => Test::Present { columns, own: false },
                Origin::OwnLabel => Test::Present { columns: &[super::Column::Label], own: true },
                Origin::Json(all) => Test::Json { paths: paths(all), checks: vec![Check::Present] },
                Origin::Amount => Test::AmountPresent,
                Origin::Created => {
                    Test::Times(Clock::Created, vec![super::time::Span { from: 1, to: i64::MAX }])
                }
                Origin::Received => {
                    Test::Times(Clock::Received, vec![super::time::Span { from: 1, to: i64::MAX }])
                }
                Origin::Starred => Test::Starred(true),
            };
            return Ok(self.leaf(def.name, vec!["*".to_owned()], test));
        }
        match def.sort {
            Sort::Amount => self.amounts(def),
            Sort::Time => self.times(def),
            Sort::Flag => self.flag(def),
            Sort::Word | Sort::Text | Sort::Type | Sort::Currency | Sort::Choice(_) => self.words(def),
        }
    }

    fn no_order(&self, name: &str) -> Result<(), Mistake> {
        let Some((_, range)) = self.term.op.as_ref().filter(|_| self.op.is_order()) else { return Ok(()) };
        Err(Mistake::new(
            range,
            format!("{name} is text, which `{}` can't compare", self.op.sign()),
            format!("use {name}: or {name}="),
        ))
    }

    fn words(&self, def: &Def) -> Result<Leaf, Mistake> {
        self.no_order(def.name)?;
        let mut values = Vec::new();
        let mut patterns = Vec::new();
        for piece in &self.term.values {
            if !piece.quoted && is_glob(&piece.text) {
                values.push(piece.text.clone());
                patterns.push(Pattern::glob(&piece.text));
                continue;
            }
            let text = checked_word(def, piece)?;
            values.push(literal(&text));
            let contains = def.sort == Sort::Text && self.op == Op::Has;
            patterns.push(if contains { Pattern::contains(&text) } else { Pattern::equal(&text) });
        }
        let test = match def.from {
            Origin::Columns(columns) => Test::Words { columns, patterns, own: false },
            Origin::Json(all) => {
                Test::Json { paths: paths(all), checks: patterns.into_iter().map(Check::Pattern).collect() }
            }
            _ => Test::Words { columns: &[super::Column::Label], patterns, own: true },
        };
        Ok(self.leaf(def.name, values, test))
    }

    fn flag(&self, def: &Def) -> Result<Leaf, Mistake> {
        self.no_order(def.name)?;
        let is =
            |piece: &Piece, words: &[&str]| words.iter().any(|word| piece.text.eq_ignore_ascii_case(word));
        let wanted = match self.term.values.as_slice() {
            [piece] if is(piece, &["true", "yes"]) => true,
            [piece] if is(piece, &["false", "no"]) => false,
            _ => {
                return Err(Mistake::new(
                    &whole(self.term),
                    format!("{} is true or false", def.name),
                    format!("write {}:true or -{}:true", def.name, def.name),
                ));
            }
        };
        Ok(self.leaf(def.name, vec![wanted.to_string()], Test::Starred(wanted)))
    }

    fn amounts(&self, def: &Def) -> Result<Leaf, Mistake> {
        if let Some(plain) = is_grouped(&self.term.values) {
            return Err(Mistake::new(
                &whole(self.term),
                "numbers are written without commas between thousands",
                format!("write {plain}"),
            ));
        }
        let mut values = Vec::new();
        let mut ranges = Vec::new();
        for piece in &self.term.values {
            if let Some((low, high)) = split_range(piece, self.op)? {
                let low = low.map(|part| amount(&part)).transpose()?;
                let high = high.map(|part| amount(&part)).transpose()?;
                if low.zip(high).is_some_and(|(low, high)| low > high) {
                    return Err(turned(piece));
                }
                let shown = |edge: Option<_>| edge.map_or_else(String::new, |edge| format!("{edge}"));
                values.push(format!("{}..{}", shown(low), shown(high)));
                ranges.push(Amounts::new(low.map(|edge| (edge, true)), high.map(|edge| (edge, true))));
                continue;
            }
            let number = amount(piece)?;
            let (low, high) = edges(self.op, number);
            values.push(number.to_string());
            ranges.push(Amounts::new(low, high));
        }
        Ok(self.leaf(def.name, values, Test::Amounts(ranges)))
    }

    fn times(&self, def: &Def) -> Result<Leaf, Mistake> {
        let clock = if def.from == Origin::Received { Clock::Received } else { Clock::Created };
        let mut values = Vec::new();
        let mut spans = Vec::new();
        let mut moves = false;
        for piece in &self.term.values {
            let (value, span, moving) = when(piece, self.op, self.ctx)?;
            values.push(value);
            spans.push(span);
            moves |= moving;
        }
        Ok(Leaf { moves, ..self.leaf(def.name, values, Test::Times(clock, spans)) })
    }

    /// A path into the JSON, whose values may be anything.
    fn path(&self, subject: Subject) -> Result<Leaf, Mistake> {
        let typed = self.name.text.as_str();
        let keys = typed.strip_prefix('.').unwrap_or(typed);
        if keys.split('.').any(str::is_empty) {
            return Err(Mistake::new(
                &self.name.range,
                "there is a dot too many in this path",
                "write for example metadata.order or .attempt_count",
            ));
        }
        let paths = vec![Path { keys: rooted(keys, subject), start: "" }];
        if self.is_any() {
            let test = Test::Json { paths, checks: vec![Check::Present] };
            return Ok(self.leaf(typed, vec!["*".to_owned()], test));
        }
        let mut checks = Vec::new();
        let mut values = Vec::new();
        let mut moves = false;
        for piece in &self.term.values {
            values.push(if piece.quoted { in_quotes(&piece.text) } else { piece.text.clone() });
            moves |= self.path_value(piece, &mut checks)?;
        }
        Ok(Leaf { moves, ..self.leaf(typed, values, Test::Json { paths, checks }) })
    }

    /// What one value can mean; whether that moves with the present.
    fn path_value(&self, piece: &Piece, checks: &mut Vec<Check>) -> Result<bool, Mistake> {
        if piece.quoted && !self.op.is_order() {
            checks.push(Check::Pattern(Pattern::equal(&piece.text)));
            return Ok(false);
        }
        if let Some(number) = number(&piece.text) {
            let (low, high) = edges(self.op, number);
            checks.push(Check::Number(low, high));
            // `07` is also the text 07.
            if !self.op.is_order() {
                checks.push(Check::Pattern(Pattern::equal(&piece.text)));
            }
            return Ok(false);
        }
        if let Ok(Some((low, high))) = split_range(piece, self.op) {
            let edge = |part: &Option<Piece>| part.as_ref().map(|part| number(&part.text));
            if let (None | Some(Some(_)), None | Some(Some(_))) = (edge(&low), edge(&high)) {
                let with = |part: &Option<Piece>| edge(part).flatten().map(|number| (number, true));
                if with(&low).zip(with(&high)).is_some_and(|(low, high)| low.0 > high.0) {
                    return Err(turned(piece));
                }
                checks.push(Check::Number(with(&low), with(&high)));
                return Ok(false);
            }
        }
        // A year alone, or seconds, is a number here: taken care of above.
        if let Ok((_, span, moves)) = when(piece, self.op, self.ctx) {
            checks.push(Check::Time(span));
            if !self.op.is_order() && !moves {
                checks.push(Check::Pattern(Pattern::equal(&piece.text)));
            }
            return Ok(moves);
        }
        if self.op.is_order() {
            return Err(Mistake::new(
                &piece.range,
                format!("`{}` needs a number or a time", self.op.sign()),
                "numbers are written like 2 or 12.5, times like 2026-01-31 or last7d",
            ));
        }
        checks.push(match piece.text.as_str() {
            "null" => Check::Null,
            text if is_glob(text) => Check::Pattern(Pattern::glob(text)),
            text => Check::Pattern(Pattern::equal(text)),
        });
        Ok(false)
    }
}

/// A word that its field can have.
fn checked_word(def: &Def, piece: &Piece) -> Result<String, Mistake> {
    let text = &piece.text;
    let shown = written(text);
    let wrong = |what: String, hint: String| Err(Mistake::new(&piece.range, what, hint));
    match def.sort {
        Sort::Type if !text.contains('.') => wrong(
            format!("`{shown}` is no whole type of event"),
            format!("types have a dot: write {name}:{shown}.* or {name}:*{shown}", name = def.name),
        ),
        Sort::Currency if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            wrong(format!("`{shown}` is no currency"), "write its ISO code, like currency:eur".to_owned())
        }
        Sort::Choice(all) if !all.iter().any(|one| one.eq_ignore_ascii_case(text)) => {
            wrong(format!("{} is never `{shown}`", def.name), format!("it is one of {}", all.join(", ")))
        }
        Sort::Type | Sort::Currency | Sort::Choice(_) => Ok(text.to_ascii_lowercase()),
        _ => Ok(text.clone()),
    }
}

pub(super) fn turned(piece: &Piece) -> Mistake {
    Mistake::new(&piece.range, "this range ends before it begins", "write the smaller value first")
}

/// Where a comparison with a number begins and ends.
fn edges(op: Op, number: super::decimal::Decimal) -> (Edge, Edge) {
    match op {
        Op::Above => (Some((number, false)), None),
        Op::AtLeast => (Some((number, true)), None),
        Op::Below => (None, Some((number, false))),
        Op::AtMost => (None, Some((number, true))),
        Op::Has | Op::Equal | Op::Unequal => (Some((number, true)), Some((number, true))),
    }
}

fn paths(all: &[(&str, &'static str)]) -> Vec<Path> {
    all.iter().map(|(keys, start)| Path { keys: (*keys).to_owned(), start }).collect()
}

/// Of an event, a path begins at the event where that has such a field, else at the object in it.
fn rooted(keys: &str, subject: Subject) -> String {
    const TOP: [&str; 11] = [
        "id",
        "object",
        "api_version",
        "account",
        "context",
        "created",
        "data",
        "livemode",
        "pending_webhooks",
        "request",
        "type",
    ];
    let head = keys.split('.').next().unwrap_or(keys);
    match subject {
        Subject::Records(_) => keys.to_owned(),
        Subject::Events if TOP.contains(&head) => keys.to_owned(),
        Subject::Events if head == "previous_attributes" => format!("data.{keys}"),
        Subject::Events => format!("data.object.{keys}"),
    }
}
