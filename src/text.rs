//! Outside text made safe for a terminal, and measured in columns.
//!
//! Whatever comes from Stripe, from a file name or from a person passes through [`clean`] before it is
//! drawn or printed. It must never let a control character, an escape sequence or a character that turns
//! the direction of text through, and [`fit`] must never return more columns than asked for.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Combining marks kept on one character; more is "zalgo" that smears over the lines around it.
const MARKS_KEPT: usize = 4;

/// Strips what could disturb a terminal; newlines and tabs become one space. Borrows when nothing changes.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| matches!(c, ' '..='~')) {
        return Cow::Borrowed(text);
    }
    let cleaned = rebuild(text, usize::MAX);
    if cleaned == text { Cow::Borrowed(text) } else { Cow::Owned(cleaned) }
}

/// [`clean`] with at most `max` characters; what is cut is marked with `…` (counted in `max`).
pub fn clean_max(text: &str, max: usize) -> String {
    // One more than asked is enough to know whether anything has to be cut.
    let cleaned = rebuild(text, max.saturating_add(1));
    if cleaned.chars().count() <= max {
        return cleaned;
    }
    let mut cut: String = cleaned.chars().take(max.saturating_sub(1)).collect();
    if max > 0 {
        cut.push('…');
    }
    cut
}

fn rebuild(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(4096));
    let mut chars = text.chars().peekable();
    let mut kept = 0_usize;
    let mut marks = 0_usize;
    while let Some(c) = chars.next() {
        if kept >= max {
            break;
        }
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            // DCS, SOS, OSC, PM and APC in their one-character form.
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                    kept += 1;
                }
                marks = 0;
            }
            _ if c.is_control() || is_hidden(c) => {}
            _ => {
                if c.width() == Some(0) {
                    marks += 1;
                    if marks > MARKS_KEPT {
                        continue;
                    }
                } else {
                    marks = 0;
                }
                out.push(c);
                kept += 1;
            }
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// After ESC: a control sequence, a string, or intermediates and one final character.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_control_sequence(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        _ => {
            while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '0'..='~'));
        }
    }
}

/// Parameters and intermediates, then one final character (ECMA-48 §5.4).
fn skip_control_sequence(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// To BEL or ST. A line break ends it too, so that a missing end can't swallow the following lines.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(&c) = chars.peek() {
        match c {
            '\n' | '\r' => return,
            '\u{7}' | '\u{9c}' => {
                chars.next();
                return;
            }
            '\u{1b}' => {
                chars.next();
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {
                chars.next();
            }
        }
    }
}

/// Characters that take no column, turn the direction of text, or are measured differently by terminals.
/// Joiners and variation selectors are among them: an emoji sequence then shows as its parts, but every
/// terminal agrees on how wide it is.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Columns that the text takes, as [`fit`] and the screen count them.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Exactly `width` columns: cleaned, cut with `…` or padded with spaces on the right.
pub fn fit(text: &str, width: usize) -> String {
    let cleaned = clean(text);
    let mut out = String::with_capacity(width + 4);
    let mut used = 0;
    // Where the text would be cut, if it turns out to be too long: one column is kept for the `…`.
    let mut cut = (0, 0);
    for grapheme in cleaned.graphemes(true) {
        let columns = UnicodeWidthStr::width(grapheme);
        if used + columns > width {
            out.truncate(cut.0);
            used = cut.1;
            if used < width {
                out.push('…');
                used += 1;
            }
            break;
        }
        out.push_str(grapheme);
        used += columns;
        if used < width {
            cut = (out.len(), used);
        }
    }
    out.extend(std::iter::repeat_n(' ', width - used));
    out
}

/// An id shortened in its middle, so that both its kind and its end stay readable: `in_1QxAbR…7Kp`.
/// At most `width` columns, not padded.
pub fn middle(id: &str, width: usize) -> String {
    let cleaned = clean(id);
    if self::width(&cleaned) <= width {
        return cleaned.into_owned();
    }
    if width == 0 {
        return String::new();
    }
    let tail_columns = if width >= 8 { 3 } else { (width - 1) / 3 };
    let mut tail = Vec::new();
    let mut used = 0;
    for grapheme in cleaned.graphemes(true).rev() {
        let columns = UnicodeWidthStr::width(grapheme);
        if used + columns > tail_columns {
            break;
        }
        tail.push(grapheme);
        used += columns;
    }
    let mut out = String::new();
    for grapheme in cleaned.graphemes(true) {
        let columns = UnicodeWidthStr::width(grapheme);
        if used + columns + 1 > width {
            break;
        }
        out.push_str(grapheme);
        used += columns;
    }
    out.push('…');
    out.extend(tail.into_iter().rev());
    out
}

/// One cell of a CSV file: quoted when needed (RFC 4180), and with a `'` in front of what a spreadsheet
/// would take for a formula. A plain number is none, also when it is negative.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(text);
    let quote = text.contains([',', '"', '\n', '\r']);
    if !formula && !quote {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 3);
    if quote {
        out.push('"');
    }
    if formula {
        out.push('\'');
    }
    if quote {
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
    Cow::Owned(out)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.matches('.').count() <= 1
}

/// `8.1 MB`, in powers of a thousand.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let (mut value, mut unit) = (n as f64 / 1000.0, 0);
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A count with its digits in groups of three: `41 200`.
pub fn count(n: u64) -> String {
    group(&n.to_string(), ' ')
}

/// Puts `mark` between groups of three digits, counted from the right. `digits` holds digits only.
pub(crate) fn group(digits: &str, mark: char) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// So many GETs, in words: `1 read`, `41 200 reads`.
pub fn reads(n: u64) -> String {
    if n == 1 { "1 read".to_owned() } else { format!("{} reads", count(n)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_go_whole() {
        assert_eq!(clean("a\u{1b}[31;1mred\u{1b}[0m b"), "ared b");
        assert_eq!(clean("\u{1b}]0;title\u{7}x"), "x");
        assert_eq!(clean("\u{1b}]8;;http://evil\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link");
        assert_eq!(clean("\u{9b}2Jx\u{9d}0;t\u{9c}y"), "xy");
        assert_eq!(clean("\u{1b}(Bx\u{1b}cy\u{1b}"), "xy");
        assert_eq!(clean("a\u{1b}]0;never ends\nnext"), "a next");
    }

    #[test]
    fn breaks_and_hidden_characters() {
        assert_eq!(clean("a\r\n\tb"), "a b");
        assert_eq!(clean("user\u{202e}txt.exe\u{2066}\u{200b}\u{feff}"), "usertxt.exe");
        assert!(matches!(clean("Zoë ☃ 日本"), Cow::Borrowed(_)));
        assert_eq!(clean(&format!("e{}x", "\u{301}".repeat(40))).chars().count(), 2 + MARKS_KEPT);
        assert_eq!(clean_max("abcdef", 4), "abc…");
        assert_eq!(clean_max("abcd", 4), "abcd");
        assert_eq!(clean_max("abcd", 0), "");
    }

    #[test]
    fn columns() {
        assert_eq!(width("日本"), 4);
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 1), "…");
        assert_eq!(fit("abcd", 0), "");
        assert_eq!(middle("in_1QxAbRcdefghij7Kp", 13), "in_1QxAbR…7Kp");
        assert_eq!(middle("in_1", 13), "in_1");
        assert_eq!(middle("in_1QxAb", 1), "…");
    }

    #[test]
    fn cells_are_no_formulas() {
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("@x,y"), "\"'@x,y\"");
        assert_eq!(csv_cell("-12.50"), "-12.50");
        assert_eq!(csv_cell("-1+2"), "'-1+2");
        assert_eq!(csv_cell("+49 30"), "'+49 30");
        assert_eq!(csv_cell("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(csv_cell("plain"), "plain");
    }

    #[test]
    fn sizes() {
        let told = [0, 999, 1000, 8_149_000, 999_949, 999_950, 3_000_000_000_000_000].map(bytes);
        assert_eq!(told, ["0 B", "999 B", "1.0 kB", "8.1 MB", "999.9 kB", "1.0 MB", "3000.0 TB"]);
    }

    #[test]
    fn counts() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(41_200), "41 200");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(
            (reads(0), reads(1), reads(1000)),
            ("0 reads".into(), "1 read".into(), "1 000 reads".into())
        );
    }

    proptest! {
        #[test]
        fn never_a_control_character(text in any::<String>()) {
            let cleaned = clean(&text);
            prop_assert!(!cleaned.chars().any(|c| c.is_control() || is_hidden(c)));
            prop_assert_eq!(clean(&cleaned), cleaned.as_ref());
        }

        #[test]
        fn never_wider_than_asked(text in any::<String>(), columns in 0_usize..60) {
            let fitted = fit(&text, columns);
            prop_assert_eq!(width(&fitted), columns);
            prop_assert!(!fitted.chars().any(char::is_control));
            prop_assert!(width(&middle(&text, columns)) <= columns);
        }
    }
}
