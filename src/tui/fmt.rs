//! Numbers, times and text as the screen writes them: the program's own (`crate::text`, `crate::clock`,
//! `crate::stripe::money`) under short names, and what only a screen needs.
//!
//! It must never cut by bytes or `char`s (names hold emoji and CJK) and never let a control character through
//! to the terminal.

use jiff::tz::TimeZone;

use crate::clock::zoned;

pub use crate::clock::{hh_mm as hm, hh_mm_ss as hms};
pub use crate::stripe::money::format as money;
pub use crate::text::{clean, count, middle, width};

/// `text` in at most `cells` cells; what was cut ends in `…`. Never padded.
pub fn fit(text: &str, cells: usize) -> String {
    crate::text::fit(text, cells).trim_end().to_owned()
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
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c"), "abc");
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
