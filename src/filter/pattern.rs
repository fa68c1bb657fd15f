//! Text patterns that ignore case: equal, contains, and globs with `*` and `?`.
//!
//! Compiled once, then run over every row of a table: matching must never allocate. Case is folded one
//! character at a time, so that a pattern and what it matches have the same number of characters.

use memchr::memchr2_iter;

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    shape: Shape,
    /// Folded; of prefixes and suffixes without the star.
    needle: String,
    /// Index of the byte of an ASCII needle that is rarest in our texts: it is looked for first.
    rare: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Equal,
    Contains,
    Prefix,
    Suffix,
    Glob(Vec<Part>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Char(char),
}

/// Whether unquoted text is a glob.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// One character without its case; those whose lower case is not one character, or which would become ASCII
/// (the Kelvin sign), stay as they are.
fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) if !one.is_ascii() => one,
        _ => c,
    }
}

impl Pattern {
    /// The whole text, whatever its case.
    pub fn equal(text: &str) -> Pattern {
        Pattern::new(Shape::Equal, text)
    }

    /// Somewhere in the text.
    pub fn contains(text: &str) -> Pattern {
        Pattern::new(Shape::Contains, text)
    }

    /// `*` stands for any run of characters, also an empty one; `?` for exactly one. It matches the whole text.
    pub fn glob(text: &str) -> Pattern {
        let inner = text.trim_matches('*');
        if is_glob(inner) || inner.is_empty() {
            let mut parts: Vec<Part> = Vec::with_capacity(text.len());
            for c in text.chars() {
                match c {
                    '*' if parts.last() == Some(&Part::Any) => {}
                    '*' => parts.push(Part::Any),
                    '?' => parts.push(Part::One),
                    other => parts.push(Part::Char(fold(other))),
                }
            }
            return Pattern::new(Shape::Glob(parts), "");
        }
        match (text.starts_with('*'), text.ends_with('*')) {
            (true, true) => Pattern::new(Shape::Contains, inner),
            (true, false) => Pattern::new(Shape::Suffix, inner),
            (false, true) => Pattern::new(Shape::Prefix, inner),
            (false, false) => Pattern::new(Shape::Equal, inner),
        }
    }

    fn new(shape: Shape, text: &str) -> Pattern {
        let needle: String = text.chars().map(fold).collect();
        // Roughly from frequent to rare in ids, types and names.
        let rank =
            |byte: u8| b"eiantsro_ldcuph.mf0123456789".iter().position(|one| *one == byte).unwrap_or(99);
        let rare = (0..needle.len()).max_by_key(|index| rank(needle.as_bytes()[*index])).unwrap_or(0);
        Pattern { shape, needle, rare }
    }

    /// The text it must be equal to (folded), if that is what it asks.
    pub fn exact(&self) -> Option<&str> {
        (self.shape == Shape::Equal).then_some(self.needle.as_str())
    }

    /// Whether a text matches.
    pub fn matches(&self, hay: &str) -> bool {
        let needle = self.needle.as_bytes();
        if let Shape::Glob(parts) = &self.shape {
            return glob_matches(parts, hay);
        }
        if self.needle.is_ascii() {
            // An ASCII character is equal to no other character but its own other case: bytes suffice.
            let hay = hay.as_bytes();
            return match self.shape {
                Shape::Equal => hay.eq_ignore_ascii_case(needle),
                Shape::Prefix => {
                    hay.get(..needle.len()).is_some_and(|start| start.eq_ignore_ascii_case(needle))
                }
                Shape::Suffix => hay
                    .len()
                    .checked_sub(needle.len())
                    .is_some_and(|cut| hay[cut..].eq_ignore_ascii_case(needle)),
                Shape::Contains | Shape::Glob(_) => contains_ascii(hay, needle, self.rare),
            };
        }
        if hay.is_ascii() {
            return false;
        }
        let folded = hay.chars().map(fold);
        match self.shape {
            Shape::Equal => folded.eq(self.needle.chars()),
            Shape::Prefix => starts(folded, &self.needle),
            Shape::Suffix => {
                let mut back = hay.chars().rev().map(fold);
                self.needle.chars().rev().all(|c| back.next() == Some(c))
            }
            Shape::Contains | Shape::Glob(_) => {
                hay.char_indices().any(|(at, _)| starts(hay[at..].chars().map(fold), &self.needle))
            }
        }
    }
}

fn starts(mut hay: impl Iterator<Item = char>, needle: &str) -> bool {
    needle.chars().all(|c| hay.next() == Some(c))
}

fn contains_ascii(hay: &[u8], needle: &[u8], rare: usize) -> bool {
    let Some(&byte) = needle.get(rare) else { return true };
    if hay.len() < needle.len() {
        return false;
    }
    // The rare byte can only stand where the needle still fits around it.
    let last = hay.len() - (needle.len() - rare);
    memchr2_iter(byte, byte.to_ascii_uppercase(), &hay[rare..=last])
        .any(|at| hay[at..at + needle.len()].eq_ignore_ascii_case(needle))
}

/// Goes back to the last star only, so it takes no more than length × length steps.
fn glob_matches(parts: &[Part], hay: &str) -> bool {
    let mut rest = hay.chars();
    let mut at = 0;
    let mut back: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        match parts.get(at) {
            Some(Part::Any) => {
                back = Some((at, rest.clone()));
                at += 1;
                continue;
            }
            None if rest.as_str().is_empty() => return true,
            part => {
                let mut ahead = rest.clone();
                let fits = match (part, ahead.next()) {
                    (Some(Part::One), Some(_)) => true,
                    (Some(Part::Char(c)), Some(found)) => fold(found) == *c,
                    _ => false,
                };
                if fits {
                    rest = ahead;
                    at += 1;
                    continue;
                }
            }
        }
        let Some((star, mut from)) = back.take() else { return false };
        if from.next().is_none() {
            return false;
        }
        rest = from.clone();
        at = star + 1;
        back = Some((star, from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shapes() {
        for (glob, yes, no) in [
            ("*failed", "invoice.payment_FAILED", "failed.x"),
            ("invoice.*", "Invoice.paid", "xinvoice.paid"),
            ("*pay*", "invoice.Payment_failed", "invoice.paid"),
            ("in?oice", "INVOICE", "inoice"),
            ("a*b*c", "a--b--b-c", "a--b--b-"),
            ("*ë?", "Zoëx", "Zoë"),
            ("Ü*", "übung", "ubung"),
            ("*Ü", "xü", "üx"),
            ("?", "日", "日本"),
            ("a*", "A", "ba"),
        ] {
            let pattern = Pattern::glob(glob);
            assert!(pattern.matches(yes) && !pattern.matches(no), "{glob}");
        }
        assert!(Pattern::glob("**").matches("") && !Pattern::glob("*?").matches(""));
        assert!(Pattern::equal("ZOË").matches("zoë") && !Pattern::equal("zoë").matches("zoe"));
        assert!(Pattern::contains("OË").matches("Zoë") && Pattern::contains("x").matches("aX"));
        assert!(!Pattern::contains("k").matches("\u{212a}"), "the Kelvin sign is no k");
    }

    proptest! {
        #[test]
        fn contains_agrees_with_the_plain_way(hay in "[aAbBé_.]{0,12}", needle in "[aAbBé_.]{1,3}") {
            let plain = hay.to_lowercase().contains(&needle.to_lowercase());
            prop_assert_eq!(Pattern::contains(&needle).matches(&hay), plain);
            prop_assert_eq!(Pattern::glob(&format!("*{needle}*")).matches(&hay), plain);
            // The general matcher says the same as the quick ones.
            prop_assert_eq!(Pattern::glob(&format!("*{needle}*?")).matches(&format!("{hay}x")), plain);
        }
    }
}
