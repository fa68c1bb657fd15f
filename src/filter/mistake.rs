//! What is wrong in a filter, where, and what to write instead.
//!
//! It must never print the filter's text to a terminal uncleaned.

use std::fmt;

use crate::text::{clean, width};

/// Characters shown on each side of a mistake in a long filter.
const AROUND: usize = 40;

/// A mistake in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it begins, in characters from the start of the text. At most the text's length.
    pub at: usize,
    /// How many characters are wrong; 0 when something is missing at `at`.
    pub len: usize,
    /// What is wrong, without a full stop at the end; free of control characters.
    pub text: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl Mistake {
    pub(super) fn new(
        range: &std::ops::Range<usize>,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) -> Mistake {
        let clean = |text: String| clean(&text).into_owned();
        Mistake {
            at: range.start,
            len: range.end.saturating_sub(range.start),
            text: clean(text.into()),
            hint: clean(hint.into()),
        }
    }

    /// The sentence, and below it [`Mistake::carets`].
    pub fn pointed(&self, filter: &str) -> String {
        format!("{self}\n{}", self.carets(filter))
    }

    /// Two lines: the filter, and carets under the mistake. `filter` is the text that was parsed.
    pub fn carets(&self, filter: &str) -> String {
        let chars: Vec<char> = filter.chars().collect();
        let at = self.at.min(chars.len());
        let end = (at + self.len).min(chars.len());
        let part = |from: usize, to: usize| -> String {
            clean(&chars[from..to].iter().collect::<String>()).into_owned()
        };
        let begin = at.saturating_sub(AROUND);
        let shown_end = end.min(at + AROUND);
        let stop = (shown_end + AROUND).min(chars.len());
        let before = format!("{}{}", if begin > 0 { "…" } else { "" }, part(begin, at));
        let wrong = part(at, shown_end);
        let after = format!("{}{}", part(shown_end, stop), if stop < chars.len() { "…" } else { "" });
        format!(
            "  {before}{wrong}{after}\n  {}{}",
            " ".repeat(width(&before)),
            "^".repeat(width(&wrong).max(1))
        )
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hint.is_empty() { f.write_str(&self.text) } else { write!(f, "{}: {}", self.text, self.hint) }
    }
}

impl std::error::Error for Mistake {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_mistake() {
        let mistake = Mistake::new(&(3..6), "wrong", "write x");
        assert_eq!(mistake.pointed("日本 abc d"), "wrong: write x\n  日本 abc d\n       ^^^");
        let missing = Mistake::new(&(2..2), "missing", "");
        assert_eq!(missing.pointed("ab"), "missing\n  ab\n    ^");
        let long = format!("{}wrong{}", "a".repeat(100), "b".repeat(100));
        let shown = Mistake::new(&(100..105), "x", "").pointed(&long);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[2].trim_start(), "^^^^^");
        let column = width(lines[2]) - 5;
        assert_eq!(lines[1].chars().skip(column).take(5).collect::<String>(), "wrong");
        assert!(width(lines[1]) < 100);
        assert!(!Mistake::new(&(0..1), "\u{1b}[31mx", "").pointed("\u{1b}[2Jx").contains('\u{1b}'));
    }
}
