//! Cuts a filter's text into parentheses, words of the grammar, and terms (`field`, operator, values).
//!
//! It never fails: highlighting and completion work on half-written text. What is wrong is left for the
//! parser to say. All positions are characters.

use std::ops::Range;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `:`
    Has,
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Op {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Op::Has => ":",
            Op::Equal => "=",
            Op::Unequal => "!=",
            Op::Above => ">",
            Op::AtLeast => ">=",
            Op::Below => "<",
            Op::AtMost => "<=",
        }
    }

    /// One of the four that need an order.
    pub fn is_order(self) -> bool {
        matches!(self, Op::Above | Op::AtLeast | Op::Below | Op::AtMost)
    }
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Without quotes and escapes.
    pub text: String,
    /// With them.
    pub range: Range<usize>,
    /// It stood in quotes.
    pub quoted: bool,
    /// Its closing quote is there.
    pub closed: bool,
}

/// `field op value,value` or a bare text (then the only value).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Empty text if an operator stands alone; none for bare text.
    pub field: Option<Piece>,
    /// Present exactly if `field` is.
    pub op: Option<(Op, Range<usize>)>,
    /// Empty texts where a value is missing.
    pub values: Vec<Piece>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `-` in front of something
    Minus,
    /// `and`
    And,
    /// `or`
    Or,
    /// `not`
    Not,
    /// A condition.
    Term(Term),
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub what: What,
    /// Where.
    pub range: Range<usize>,
}

/// Whether a word means something to the grammar when it stands alone.
pub fn is_keyword(word: &str) -> bool {
    keyword(word).is_some()
}

fn keyword(word: &str) -> Option<What> {
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    match word {
        _ if is("and") => Some(What::And),
        _ if is("or") => Some(What::Or),
        _ if is("not") => Some(What::Not),
        _ => None,
    }
}

/// Cuts the text.
pub fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.blanks();
        let start = lexer.at;
        let Some(c) = lexer.peek() else { return tokens };
        let what = match c {
            '(' => lexer.take(What::Open),
            ')' => lexer.take(What::Close),
            '-' => lexer.take(What::Minus),
            _ => lexer.word_or_term(),
        };
        tokens.push(Token { what, range: start..lexer.at });
    }
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, what: What) -> What {
        self.at += 1;
        what
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn op_at(&self, at: usize) -> Option<(Op, usize)> {
        let next = self.chars.get(at + 1);
        Some(match (self.chars.get(at)?, next) {
            ('>', Some('=')) => (Op::AtLeast, 2),
            ('<', Some('=')) => (Op::AtMost, 2),
            ('!', Some('=')) => (Op::Unequal, 2),
            ('>', _) => (Op::Above, 1),
            ('<', _) => (Op::Below, 1),
            ('=', _) => (Op::Equal, 1),
            // `amount:>50`, as other tools write it.
            (':', Some('>' | '<' | '=')) => self.op_at(at + 1).map(|(op, length)| (op, length + 1))?,
            (':', _) => (Op::Has, 1),
            _ => return None,
        })
    }

    fn word_or_term(&mut self) -> What {
        if self.peek() == Some('"') {
            let piece = self.quoted();
            return What::Term(Term { field: None, op: None, values: vec![piece] });
        }
        let start = self.at;
        while let Some(c) = self.peek() {
            if c.is_whitespace() || matches!(c, '(' | ')' | '"') || self.op_at(self.at).is_some() {
                break;
            }
            self.at += 1;
        }
        let word = self.piece(start);
        let mut op_at = self.at;
        if self.op_at(op_at).is_none() {
            if let Some(what) = keyword(&word.text) {
                return what;
            }
            // `amount > 50`; but a colon never stands apart: `type: paid` would eat the term behind it while a value
            // is being written.
            while self.chars.get(op_at).is_some_and(|c| c.is_whitespace()) {
                op_at += 1;
            }
            if self.chars.get(op_at) == Some(&':') {
                op_at = self.chars.len();
            }
        }
        let Some((op, length)) = self.op_at(op_at) else {
            return What::Term(Term { field: None, op: None, values: vec![word] });
        };
        self.at = op_at + length;
        let colon = self.chars.get(op_at) == Some(&':');
        let op = Some((op, op_at..self.at));
        What::Term(Term { field: Some(word), op, values: self.values(!colon) })
    }

    fn values(&mut self, apart: bool) -> Vec<Piece> {
        let behind = self.at;
        if apart {
            self.blanks();
        }
        if self.peek().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')')) {
            // Blanks at the end belong to nobody.
            self.at = behind;
            return vec![self.piece(behind)];
        }
        let mut values = Vec::new();
        loop {
            let start = self.at;
            if self.peek() == Some('"') {
                values.push(self.quoted());
            } else {
                while self.peek().is_some_and(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"' | ',')) {
                    self.at += 1;
                }
                values.push(self.piece(start));
            }
            if self.peek() != Some(',') {
                return values;
            }
            self.at += 1;
        }
    }

    fn piece(&self, start: usize) -> Piece {
        Piece {
            text: self.chars[start..self.at].iter().collect(),
            range: start..self.at,
            quoted: false,
            closed: true,
        }
    }

    /// `"…"`, with `\"` and `\\` inside.
    fn quoted(&mut self) -> Piece {
        let start = self.at;
        let mut text = String::new();
        let mut closed = false;
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '"' => {
                    closed = true;
                    break;
                }
                '\\' if matches!(self.peek(), Some('"' | '\\')) => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                other => text.push(other),
            }
        }
        Piece { text, range: start..self.at, quoted: true, closed }
    }
}
