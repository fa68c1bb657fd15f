//! The grammar: `or` binds least, then `and` (written or not), then `not` and `-`; parentheses group.
//!
//! It must never recurse deeper than [`DEEPEST`], whatever the text.

use std::ops::Range;

use super::compile::compile;
use super::lex::{Token, What, lex};
use super::{Ctx, Filter, Mistake, Node, Subject};

/// Parentheses and negations inside each other.
const DEEPEST: usize = 50;
/// Characters of a filter.
const LONGEST: usize = 4_000;

/// Parses a filter. An empty text is the filter that everything passes.
pub fn parse(text: &str, subject: Subject, ctx: &Ctx) -> Result<Filter, Mistake> {
    let length = text.chars().count();
    if length > LONGEST {
        return Err(Mistake::new(
            &(LONGEST..LONGEST),
            "this filter is too long",
            format!("{LONGEST} characters are taken"),
        ));
    }
    let tokens = lex(text);
    if tokens.is_empty() {
        return Ok(Filter::everything());
    }
    let mut parser = Parser { tokens: &tokens, at: 0, end: length, subject, ctx };
    let node = parser.or(0)?;
    match parser.tokens.get(parser.at) {
        None => Ok(Filter { node }),
        Some(token) => Err(Mistake::new(&token.range, "this parenthesis closes nothing", "")),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    end: usize,
    subject: Subject,
    ctx: &'a Ctx,
}

impl Parser<'_> {
    fn what(&self) -> Option<&What> {
        self.tokens.get(self.at).map(|token| &token.what)
    }

    fn or(&mut self, depth: usize) -> Result<Node, Mistake> {
        let mut all = vec![self.and(depth)?];
        while self.what() == Some(&What::Or) {
            self.at += 1;
            all.push(self.and(depth)?);
        }
        Ok(one_or(all, Node::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Node, Mistake> {
        let mut all = vec![self.unary(depth)?];
        loop {
            match self.what() {
                None | Some(What::Or | What::Close) => return Ok(one_or(all, Node::And)),
                Some(What::And) => self.at += 1,
                Some(_) => {}
            }
            all.push(self.unary(depth)?);
        }
    }

    fn unary(&mut self, depth: usize) -> Result<Node, Mistake> {
        let Some(token) = self.tokens.get(self.at) else { return Err(self.missing(self.end..self.end)) };
        if depth > DEEPEST {
            return Err(Mistake::new(&token.range, "this is nested too deep", "use fewer parentheses"));
        }
        match &token.what {
            What::Minus | What::Not => {
                self.at += 1;
                Ok(Node::Not(Box::new(self.unary(depth + 1)?)))
            }
            What::Open => {
                self.at += 1;
                if self.what() == Some(&What::Close) {
                    return Err(Mistake::new(
                        &(token.range.start..self.tokens[self.at].range.end),
                        "there is nothing in these parentheses",
                        "",
                    ));
                }
                let node = self.or(depth + 1)?;
                if self.what() != Some(&What::Close) {
                    return Err(Mistake::new(&token.range, "this parenthesis is never closed", "add `)`"));
                }
                self.at += 1;
                Ok(node)
            }
            What::Close | What::And | What::Or => Err(self.missing(token.range.clone())),
            What::Term(term) => {
                self.apart(token)?;
                self.at += 1;
                compile(term, self.subject, self.ctx)
            }
        }
    }

    /// A condition is missing before what stands at `found`, or at the end.
    fn missing(&self, found: Range<usize>) -> Mistake {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map(|token| &token.what);
        let word = |what: Option<&What>| match what {
            Some(What::And) => "`and`",
            Some(What::Or) => "`or`",
            Some(What::Not) => "`not`",
            Some(What::Minus) => "`-`",
            Some(What::Open) => "`(`",
            _ => "`)`",
        };
        match (before, self.what()) {
            (None, Some(What::Close)) => Mistake::new(&found, "this parenthesis closes nothing", ""),
            (None, here) => Mistake::new(
                &found,
                format!("a condition is missing before {}", word(here)),
                "put the word in quotes to look for it as text",
            ),
            (before, _) => Mistake::new(
                &found,
                format!("a condition is missing behind {}", word(before)),
                "write one, like status:paid",
            ),
        }
    }

    /// Text glued to quoted text is most likely a quote that was forgotten.
    fn apart(&self, token: &Token) -> Result<(), Mistake> {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        match before {
            Some(before) if matches!(before.what, What::Term(_)) && before.range.end == token.range.start => {
                Err(Mistake::new(
                    &token.range,
                    "a blank is missing before this",
                    "a quote inside quotes is written \\\"",
                ))
            }
            _ => Ok(()),
        }
    }
}

fn one_or(mut all: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (all.len(), all.pop()) {
        (1, Some(one)) => one,
        (_, last) => many(all.into_iter().chain(last).collect()),
    }
}
