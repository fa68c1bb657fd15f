//! What a written time means: presets, days, months and moments, in the account's zone.
//!
//! Every one of them is a span of time, so that a day means the whole day. It must never read the clock.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan, Zoned};

use super::Ctx;
use crate::clock::{day_start, today};

/// From (inclusive) and to (exclusive), Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First second.
    pub from: i64,
    /// First second behind it; `i64::MAX`: open.
    pub to: i64,
}

/// A written time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// What it spans.
    pub span: Span,
    /// It moves with the present (`today`), so a filter with it has to be parsed again now and then.
    pub moves: bool,
    /// It means "since then" (`last7d`): its only edge is its beginning.
    pub rolling: bool,
}

/// The presets with what they mean, for completion and the reference.
pub const PRESETS: &[(&str, &str)] = &[
    ("today", "since midnight"),
    ("yesterday", "the whole day before today"),
    ("last24h", "since 24 hours ago; any number of min, h, d or w"),
    ("last7d", "since this time of day 7 days ago"),
    ("last30d", "since this time of day 30 days ago"),
    ("thisweek", "since Monday"),
    ("lastweek", "Monday to Sunday before this week"),
    ("thismonth", "since the first of the month"),
    ("lastmonth", "the whole month before this one"),
    ("thisyear", "since January 1"),
    ("lastyear", "the whole year before this one"),
];

/// How a time is written, for messages.
pub const FORMS: &str =
    "write 2026-01-31, 2026-01, 2026-01-31T14:02 or a preset like today, last7d, thismonth";

/// Reads a time. The error says what is wrong; empty when it is just no time.
pub fn read(text: &str, ctx: &Ctx) -> Result<When, String> {
    let text = text.to_ascii_lowercase();
    if let Some(rest) = text.strip_prefix("last")
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        return rolling(rest, ctx);
    }
    if let Some((first, next)) = preset(&text, today(ctx.now, &ctx.zone)) {
        return Ok(When { span: days(first, next, ctx)?, moves: true, rolling: false });
    }
    let span = absolute(&text, ctx)?;
    Ok(When { span, moves: false, rolling: false })
}

/// The first day of a preset and the first one behind it; a day out of the calendar's range reads as no preset.
fn preset(text: &str, day: Date) -> Option<(Date, Date)> {
    let monday = day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok()?;
    let month = day.first_of_month();
    let year = day.first_of_year();
    let after = |day: Date, span: jiff::Span| day.checked_add(span).ok();
    Some(match text {
        "today" => (day, after(day, 1.day())?),
        "yesterday" => (after(day, -1.day())?, day),
        "thisweek" => (monday, after(monday, 1.week())?),
        "lastweek" => (after(monday, -1.week())?, monday),
        "thismonth" => (month, after(month, 1.month())?),
        "lastmonth" => (after(month, -1.month())?, month),
        "thisyear" => (year, after(year, 1.year())?),
        "lastyear" => (after(year, -1.year())?, year),
        _ => return None,
    })
}

fn days(first: Date, next: Date, ctx: &Ctx) -> Result<Span, String> {
    Ok(Span { from: day_start(first, &ctx.zone)?, to: day_start(next, &ctx.zone)? })
}

/// `24h`, `7d`: hours are counted, days go back to the same time of day in the zone.
fn rolling(text: &str, ctx: &Ctx) -> Result<When, String> {
    let cut = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(cut);
    let wrong = || format!("“last{text}” is no time span; write lastN with min, h, d or w, like last7d");
    let number: i64 =
        number.parse().ok().filter(|number| (1..=100_000).contains(number)).ok_or_else(wrong)?;
    let far = || format!("“last{text}” goes back too far");
    let now = Timestamp::from_second(ctx.now).map_err(|_| far())?;
    let from = match unit {
        "min" => ctx.now - number * 60,
        "h" => ctx.now - number * 3_600,
        "d" | "w" => {
            let span = if unit == "d" { number.days() } else { number.weeks() };
            let before: Zoned = now.to_zoned(ctx.zone.tz()).checked_sub(span).map_err(|_| far())?;
            before.timestamp().as_second()
        }
        _ => return Err(wrong()),
    };
    Ok(When { span: Span { from, to: i64::MAX }, moves: true, rolling: true })
}

fn absolute(text: &str, ctx: &Ctx) -> Result<Span, String> {
    let bytes = text.as_bytes();
    let digits = !text.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    if digits && (9..=11).contains(&text.len()) {
        let from: i64 = text.parse().map_err(|_| String::new())?;
        return Ok(Span { from, to: from + 1 });
    }
    let number = |part: Option<&str>| -> Option<i16> {
        part.filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    };
    let first = |year: i16, month: i16| {
        Date::new(year, i8::try_from(month).unwrap_or(0), 1).map_err(|_| format!("there is no month {text}"))
    };
    let far = |_| format!("“{text}” is too far away");
    match text.len() {
        4 if digits => {
            let day = first(number(Some(text)).unwrap_or(0), 1)?;
            days(day, day.checked_add(1.year()).map_err(far)?, ctx)
        }
        7 if bytes[4] == b'-' => {
            let (year, month) = (number(text.get(..4)), number(text.get(5..)));
            let day = first(year.ok_or_else(String::new)?, month.ok_or_else(String::new)?)?;
            days(day, day.checked_add(1.month()).map_err(far)?, ctx)
        }
        10 if bytes[4] == b'-' => {
            let day = crate::clock::parse_day(text).map_err(|error| {
                if error.contains("no day") { format!("there is no day {text}") } else { String::new() }
            })?;
            days(day, day.tomorrow().map_err(far)?, ctx)
        }
        _ => moment(text, ctx),
    }
}

/// `2026-01-31t14:02`, with seconds or without, a blank instead of the `t`, and perhaps `z` or `+01:00`.
fn moment(text: &str, ctx: &Ctx) -> Result<Span, String> {
    let text = text.to_ascii_uppercase();
    let civil = |end: usize| -> Option<DateTime> {
        let part = text.get(..end)?;
        let shaped = part.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            10 => byte == b'T' || byte == b' ',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
        part.parse().ok().filter(|_| shaped)
    };
    let (time, rest, length) = civil(19)
        .map(|time| (time, &text[19..], 1))
        .or_else(|| civil(16).map(|time| (time, &text[16..], 60)))
        .ok_or_else(String::new)?;
    let far = |_| format!("“{text}” is too far away");
    let from = match rest {
        "" => time.to_zoned(ctx.zone.tz()).map_err(far)?.timestamp().as_second(),
        "Z" => time.to_zoned(jiff::tz::TimeZone::UTC).map_err(far)?.timestamp().as_second(),
        offset => {
            let seconds = offset_seconds(offset).ok_or_else(String::new)?;
            time.to_zoned(jiff::tz::TimeZone::UTC).map_err(far)?.timestamp().as_second() - seconds
        }
    };
    Ok(Span { from, to: from + length })
}

/// `+01:00`
fn offset_seconds(text: &str) -> Option<i64> {
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let two = |part: &str| part.parse::<i64>().ok().filter(|_| part.len() == 2 && !part.starts_with('+'));
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Zone, format_time};

    fn ctx(now: i64, zone: &str) -> Ctx {
        Ctx { now, zone: Zone::named(zone) }
    }

    /// 2026-03-30 12:00:00 in Berlin, the day after the clocks went forward. A Monday.
    const NOW: i64 = 1_774_864_800;

    #[test]
    fn spans_are_days_of_the_zone_also_across_a_change_of_the_clocks() {
        let berlin = ctx(NOW, "Europe/Berlin");
        let shown = |text: &str| {
            let when = read(text, &berlin).unwrap();
            let to = if when.rolling { "…".to_owned() } else { format_time(when.span.to, &berlin.zone) };
            format!("{} {to}", format_time(when.span.from, &berlin.zone))
        };
        for (text, span) in [
            ("today", "2026-03-30 00:00:00 2026-03-31 00:00:00"),
            ("YESTERDAY", "2026-03-29 00:00:00 2026-03-30 00:00:00"),
            ("last24h", "2026-03-29 12:00:00 …"),
            ("last2d", "2026-03-28 12:00:00 …"),
            ("last48h", "2026-03-28 11:00:00 …"),
            ("last1w", "2026-03-23 12:00:00 …"),
            ("last90min", "2026-03-30 10:30:00 …"),
            ("thisweek", "2026-03-30 00:00:00 2026-04-06 00:00:00"),
            ("lastweek", "2026-03-23 00:00:00 2026-03-30 00:00:00"),
            ("thismonth", "2026-03-01 00:00:00 2026-04-01 00:00:00"),
            ("lastmonth", "2026-02-01 00:00:00 2026-03-01 00:00:00"),
            ("thisyear", "2026-01-01 00:00:00 2027-01-01 00:00:00"),
            ("lastyear", "2025-01-01 00:00:00 2026-01-01 00:00:00"),
            ("2025", "2025-01-01 00:00:00 2026-01-01 00:00:00"),
            ("2024-02", "2024-02-01 00:00:00 2024-03-01 00:00:00"),
            ("2026-03-29", "2026-03-29 00:00:00 2026-03-30 00:00:00"),
            ("2026-01-31T14:02", "2026-01-31 14:02:00 2026-01-31 14:03:00"),
            ("2026-01-31 14:02:09", "2026-01-31 14:02:09 2026-01-31 14:02:10"),
            ("2026-01-31T14:02z", "2026-01-31 15:02:00 2026-01-31 15:03:00"),
            ("2026-01-31T14:02:09-05:30", "2026-01-31 20:32:09 2026-01-31 20:32:10"),
            ("1774864800", "2026-03-30 12:00:00 2026-03-30 12:00:01"),
        ] {
            assert_eq!(shown(text), span, "{text}");
        }
        let span = read("2026-03-29", &berlin).unwrap().span;
        assert_eq!(span.to - span.from, 23 * 3_600);
        let span = read("2026-10-25", &berlin).unwrap().span;
        assert_eq!(span.to - span.from, 25 * 3_600);
        assert!(!read("2026-03-29", &berlin).unwrap().moves && read("last7d", &berlin).unwrap().moves);
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        let utc = ctx(NOW, "UTC");
        for wrong in [
            "",
            "x",
            "last",
            "last0d",
            "last7y",
            "last999999999d",
            "2026-13",
            "2026-02-30",
            "31.01.2026",
            "9999",
            "2026-1-1",
            "2026-01-31T25:00",
            "2026-01-31T14",
            "2026-01-31T14:02+1:00",
            "2026-01-31T14:02+25:00",
            "2026-01-31T14:02:09.5",
            "日本日本",
            "20260131",
            "+123456789",
            "last100001d",
        ] {
            assert!(read(wrong, &utc).is_err(), "{wrong}");
        }
        // A clock far out of range is no reason to fail.
        for now in [i64::MIN, i64::MAX, 0] {
            for (preset, _) in PRESETS {
                let _ = read(preset, &ctx(now, "Pacific/Apia"));
            }
        }
    }
}
