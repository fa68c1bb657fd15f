//! Numbers, times and text as the screen writes them.
//!
//! A stand-in with the names of `crate::text`, `crate::clock` and `crate::stripe::money`, so that moving over
//! to those is a matter of `use` lines; [`stamp`] and [`span`] are the screen's own. It must never cut by
//! bytes or `char`s (names hold emoji and CJK) and never let a control character through to the terminal.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Outside text without what could command a terminal or turn the direction of writing.
pub fn clean(text: &str) -> Cow<'_, str> {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if text.chars().any(bad) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !bad(*c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Screen cells that `text` takes.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// `text` in at most `cells` cells; what was cut ends in `…`.
pub fn fit(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    if cells == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = UnicodeWidthStr::width(grapheme);
        if used + wide > cells - 1 {
            break;
        }
        used += wide;
        out.push_str(grapheme);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// An id in at most `cells` cells: its beginning and its last three characters, `in_1QxAbR…7Kp`.
pub fn middle(id: &str, cells: usize) -> String {
    if width(id) <= cells {
        return id.to_owned();
    }
    if cells < 8 {
        return fit(id, cells);
    }
    let all: Vec<&str> = id.graphemes(true).collect();
    let tail = all.len().saturating_sub(3);
    let head = fit(&all[..tail].concat(), cells - 3);
    format!("{head}{}", all[tail..].concat())
}

/// A count with its thousands apart: `41 200`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Minor units in their currency, the ISO code where the symbol is shared or there is none: `€89.00`.
pub fn money(amount: i64, currency: &str) -> String {
    let code = currency.to_ascii_lowercase();
    let exponent = match code.as_str() {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "ugx" | "vnd"
        | "vuv" | "xaf" | "xof" | "xpf" => 0,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
        _ => 2,
    };
    let scale = 10_u64.pow(exponent);
    let whole = (amount.unsigned_abs() / scale).to_string();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let rest = if exponent == 0 {
        String::new()
    } else {
        format!(".{:0pad$}", amount.unsigned_abs() % scale, pad = exponent as usize)
    };
    let sign = if amount < 0 { "-" } else { "" };
    match code.as_str() {
        "usd" => format!("{sign}${grouped}{rest}"),
        "eur" => format!("{sign}€{grouped}{rest}"),
        "gbp" => format!("{sign}£{grouped}{rest}"),
        "jpy" => format!("{sign}¥{grouped}{rest}"),
        _ => format!("{sign}{grouped}{rest} {}", code.to_ascii_uppercase()),
    }
}

fn zoned(unix: i64, tz: &str) -> jiff::Zoned {
    let zone = TimeZone::get(tz).unwrap_or(TimeZone::UTC);
    Timestamp::from_second(unix).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone)
}

/// The time of day, `14:02:11`.
pub fn hms(unix: i64, tz: &str) -> String {
    zoned(unix, tz).strftime("%H:%M:%S").to_string()
}

/// The time of day without seconds, `14:02`.
pub fn hm(unix: i64, tz: &str) -> String {
    zoned(unix, tz).strftime("%H:%M").to_string()
}

/// How long ago: `2 s ago`, `5 m ago`, `3 h ago`, `2 d ago`.
pub fn ago(seconds: i64) -> String {
    format!("{} ago", span(seconds.max(0)))
}

/// A length of time in its largest whole unit, `17 s`, `4 m`; minutes below ten keep their seconds.
pub fn span(seconds: i64) -> String {
    let s = seconds.max(0);
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} m", s / 60),
        3600..172_800 => format!("{} h", s / 3600),
        _ => format!("{} d", s / 86_400),
    }
}

/// A moment: the time when it is of today, else with its day, so that yesterday never looks like today.
pub fn stamp(unix: i64, now: i64, tz: &str, seconds: bool) -> String {
    let (then, today) = (zoned(unix, tz), zoned(now, tz));
    if then.date() == today.date() {
        if seconds { hms(unix, tz) } else { hm(unix, tz) }
    } else if then.year() == today.year() {
        then.strftime("%b %d %H:%M").to_string()
    } else {
        then.strftime("%Y-%m-%d").to_string()
    }
}

/// The day of a moment in few cells: `Nov 21`, or the year when it is another one.
pub fn day(unix: i64, now: i64, tz: &str) -> Option<String> {
    let (then, today) = (zoned(unix, tz), zoned(now, tz));
    if then.date() == today.date() {
        None
    } else if then.year() == today.year() {
        Some(then.strftime("%b %d").to_string())
    } else {
        Some(then.strftime("%Y-%m").to_string())
    }
}

/// The last part of a zone's name, which is a city: `Berlin` of `Europe/Berlin`.
pub fn city(tz: &str) -> String {
    match TimeZone::get(tz) {
        Ok(_) => tz.rsplit('/').next().unwrap_or(tz).replace('_', " "),
        // Times of a zone that nobody knows are shown in UTC, and must say so.
        Err(_) => "UTC".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_cells_and_never_holds_control_characters() {
        assert_eq!(fit("Northwind Traders", 8), "Northwi…");
        assert_eq!(fit("日本語テスト", 5), "日本…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(middle("in_1QxAbR2eZvKYlo2C7Kp", 13), "in_1QxAbR…7Kp");
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c"), "a [31mbc");
    }

    #[test]
    fn numbers_and_money_read_as_a_person_writes_them() {
        assert_eq!(count(0), "0");
        assert_eq!(count(41_200), "41 200");
        assert_eq!(money(-2000, "usd"), "-$20.00");
        assert_eq!(money(12_400, "jpy"), "¥12,400");
        assert_eq!(money(1_234_567, "kwd"), "1,234.567 KWD");
        assert_eq!(money(i64::MIN, "eur"), "-€92,233,720,368,547,758.08");
    }

    #[test]
    fn times_are_of_the_zone_and_other_days_show_their_day() {
        assert_eq!(hms(1_763_816_531, "Europe/Berlin"), "14:02:11");
        assert_eq!(stamp(1_763_816_531 - 86_400, 1_763_816_531, "Europe/Berlin", true), "Nov 21 14:02");
        assert_eq!(stamp(i64::MAX, i64::MIN, "Nowhere/No", true), "00:00:00");
        assert_eq!(span(125), "2 m");
        assert_eq!(city("America/New_York"), "New York");
    }
}
