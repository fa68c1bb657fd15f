//! Days and times in an account's IANA time zone.
//!
//! Everything is pure: the present moment is a parameter (Unix seconds). It must never read the clock, and
//! an unknown zone is UTC, never an error: Stripe may name a zone that our tables don't know yet.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Where the time comes from: the system's clock, or a test's. Unix seconds.
pub type Now = std::sync::Arc<dyn Fn() -> i64 + Send + Sync>;

/// The system's clock.
pub fn system() -> Now {
    std::sync::Arc::new(|| Timestamp::now().as_second())
}

/// A time zone, looked up once. Functions here take it, or just the zone's name.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of that IANA name; UTC when the name is unknown or empty.
    pub fn named(name: &str) -> Zone {
        Zone(TimeZone::get(name).unwrap_or(TimeZone::UTC))
    }

    /// Coordinated universal time.
    pub fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// For date arithmetic that has no function here.
    pub(crate) fn tz(&self) -> TimeZone {
        self.0.clone()
    }
}

impl From<&str> for Zone {
    fn from(name: &str) -> Zone {
        Zone::named(name)
    }
}

impl From<&String> for Zone {
    fn from(name: &String) -> Zone {
        Zone::named(name)
    }
}

impl From<&Zone> for Zone {
    fn from(zone: &Zone) -> Zone {
        zone.clone()
    }
}

/// A day written `YYYY-MM-DD`. The error is one sentence for a person.
pub fn parse_day(text: &str) -> Result<Date, String> {
    let text = text.trim();
    let shown = crate::text::clean_max(text, 40);
    let malformed = || format!("“{shown}” is not a day; write it as YYYY-MM-DD, for example 2026-01-31.");
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return Err(malformed());
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().map_err(|_| malformed());
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let why =
        if (1..=12).contains(&month) { "that month does not have it" } else { "months go from 01 to 12" };
    Date::new(year, month as i8, day as i8).map_err(|_| format!("There is no day {shown}: {why}."))
}

/// The moments that two days, both inclusive, span in the zone: from (`created[gte]`) and up to but not
/// including (`created[lt]`), in Unix seconds. A day left out leaves that side open.
pub fn day_range(
    from: Option<&str>,
    to: Option<&str>,
    tz: impl Into<Zone>,
) -> Result<(Option<i64>, Option<i64>), String> {
    let zone = tz.into();
    let first = from.map(parse_day).transpose()?;
    let last = to.map(parse_day).transpose()?;
    if let (Some(first), Some(last)) = (first, last)
        && last < first
    {
        return Err(format!("The last day, {last}, is before the first, {first}."));
    }
    let gte = first.map(|day| day_start(day, &zone)).transpose()?;
    let lt = last
        .map(|day| day.tomorrow().map_err(|_| format!("The day {day} is too far away.")))
        .transpose()?
        .map(|day| day_start(day, &zone))
        .transpose()?;
    Ok((gte, lt))
}

/// The first second of a day in the zone. Where clocks skip midnight, the first moment that exists.
pub fn day_start(day: Date, tz: impl Into<Zone>) -> Result<i64, String> {
    let zoned = day.to_zoned(tz.into().0).map_err(|_| format!("The day {day} is too far away."))?;
    Ok(zoned.timestamp().as_second())
}

/// The day it is in the zone.
pub fn today(now: i64, tz: impl Into<Zone>) -> Date {
    zoned(now, tz).date()
}

/// `2026-01-31 14:02:09` in the zone.
pub fn format_time(at: i64, tz: impl Into<Zone>) -> String {
    zoned(at, tz).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `14:02:09` in the zone.
pub fn hh_mm_ss(at: i64, tz: impl Into<Zone>) -> String {
    zoned(at, tz).strftime("%H:%M:%S").to_string()
}

/// `14:02` in the zone.
pub fn hh_mm(at: i64, tz: impl Into<Zone>) -> String {
    zoned(at, tz).strftime("%H:%M").to_string()
}

/// `2026-01-31` in the zone.
pub fn format_date(at: i64, tz: impl Into<Zone>) -> String {
    zoned(at, tz).strftime("%Y-%m-%d").to_string()
}

pub(crate) fn zoned(at: i64, tz: impl Into<Zone>) -> Zoned {
    // A moment beyond year 9999 can only be garbage: it shows as the epoch.
    Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(tz.into().0)
}

/// How long something is ago, in its largest unit: `2 s`, `3 min`, `5 h`, `2 days`. Below zero is `0 s`.
pub fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long something still takes, with two units where the second one matters: `3 min 20 s`, `2 h 5 min`.
pub fn duration_left(seconds: u64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{} min {} s", seconds / 60, seconds % 60),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 if !(seconds / 60).is_multiple_of(60) => {
            format!("{} h {} min", seconds / 3_600, seconds / 60 % 60)
        }
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..172_800 => format!("1 day {} h", seconds / 3_600 - 24),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_refused() {
        assert_eq!(parse_day(" 2026-01-31 ").unwrap(), Date::constant(2026, 1, 31));
        assert_eq!(parse_day("2024-02-29").unwrap(), Date::constant(2024, 2, 29));
        assert!(parse_day("2026-02-29").unwrap_err().contains("There is no day 2026-02-29"));
        for wrong in
            ["", "2026-1-31", "31.01.2026", "2026-01-31T00", "2026/01/31", "२०२६-01-31", "-026-01-01"]
        {
            assert!(parse_day(wrong).unwrap_err().contains("YYYY-MM-DD"), "{wrong}");
        }
    }

    #[test]
    fn ranges_are_inclusive_and_follow_the_zone() {
        let day = 86_400;
        assert_eq!(day_range(None, None, "UTC"), Ok((None, None)));
        assert_eq!(day_range(Some("1970-01-02"), Some("1970-01-02"), "UTC"), Ok((Some(day), Some(2 * day))));
        // Berlin's clocks go forward on 2026-03-29: that day has 23 hours.
        let (gte, lt) = day_range(Some("2026-03-29"), Some("2026-03-29"), "Europe/Berlin").unwrap();
        assert_eq!(lt.unwrap() - gte.unwrap(), 23 * 3_600);
        assert_eq!(format_time(gte.unwrap(), "Europe/Berlin"), "2026-03-29 00:00:00");
        assert!(day_range(Some("2026-03-02"), Some("2026-03-01"), "UTC").unwrap_err().contains("before"));
        assert!(day_range(None, Some("9999-12-31"), "UTC").unwrap_err().contains("too far"));
    }

    #[test]
    fn a_skipped_midnight_still_begins_the_day() {
        // Beirut skipped midnight on 2023-03-26.
        let start = day_start(Date::constant(2023, 3, 26), "Asia/Beirut").unwrap();
        assert_eq!(hh_mm(start, "Asia/Beirut"), "01:00");
    }

    #[test]
    fn unknown_zones_are_utc() {
        assert_eq!(format_time(0, "Mars/Olympus"), "1970-01-01 00:00:00");
        assert_eq!(hh_mm_ss(1_700_000_000, Zone::named("Asia/Tokyo")), "07:13:20");
        assert_eq!(today(1_700_000_000, "Asia/Tokyo").to_string(), "2023-11-15");
        assert_eq!(format_date(i64::MAX, Zone::utc()), "1970-01-01");
    }

    #[test]
    fn durations_for_people() {
        assert_eq!(ago(-5), "0 s");
        assert_eq!(ago(59), "59 s");
        assert_eq!(ago(180), "3 min");
        assert_eq!(ago(5 * 3_600 + 10), "5 h");
        assert_eq!(ago(2 * 86_400), "2 days");
        assert_eq!(duration_left(200), "3 min 20 s");
        assert_eq!(duration_left(1_200), "20 min");
        assert_eq!(duration_left(7_500), "2 h 5 min");
        assert_eq!(duration_left(90_000), "1 day 1 h");
    }
}
