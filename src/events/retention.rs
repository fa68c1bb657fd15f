//! How long events are kept in the log. Pure: what the setting says, and which events are too old by it.
//!
//! It must never name a moment younger than [`YOUNGEST_S`]: Stripe lists an event for 30 days, and one that is
//! removed while it is still listed would come back as new.

use std::fmt;

/// Nothing younger is ever removed, whatever the setting says; in seconds.
pub const YOUNGEST_S: i64 = 31 * 86_400;
/// A year, and the month that is compared with it.
const MONTHS: u16 = 13;
/// The most that the setting takes.
pub const MOST_MONTHS: u16 = 1200;

/// What the setting says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// So many calendar months.
    Months(u16),
    /// Nothing is removed.
    Forever,
    /// The setting cannot be read: nothing is removed until it can.
    Unread,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep::Months(MONTHS)
    }
}

impl Keep {
    /// Events created before this moment are too old; none: no event is.
    pub fn before(self, now: i64) -> Option<i64> {
        let Keep::Months(months) = self else { return None };
        let span = jiff::Span::new().try_months(i64::from(months)).ok()?;
        let zoned = jiff::Timestamp::from_second(now).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        let before = zoned.checked_sub(span).ok()?.timestamp().as_second();
        Some(before.min(now - YOUNGEST_S))
    }
}

/// `13 months`, for a person.
impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::Months(1) => f.write_str("1 month"),
            Keep::Months(months) => write!(f, "{months} months"),
            Keep::Forever => f.write_str("for ever"),
            Keep::Unread => f.write_str("for now, since config.toml is wrong"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_calendar_months_and_never_less_than_31_days() {
        // 31 March 2026, noon.
        let now = 1_774_958_400;
        let before =
            |keep: Keep| keep.before(now).map(|at| jiff::Timestamp::from_second(at).unwrap().to_string());
        assert_eq!(before(Keep::default()).as_deref(), Some("2025-02-28T12:00:00Z"));
        assert_eq!(before(Keep::Months(2)).as_deref(), Some("2026-01-31T12:00:00Z"));
        let now = now - 3 * 86_400;
        assert_eq!(Keep::Months(1).before(now), Some(now - 31 * 86_400), "and not 28 days");
        assert_eq!(Keep::Months(0).before(now), Some(now - YOUNGEST_S));
        assert_eq!((Keep::Forever.before(now), Keep::Unread.before(now)), (None, None));
        // Before 1970 there is nothing, and nothing to stumble over.
        assert!(Keep::Months(MOST_MONTHS).before(now).is_some_and(|at| at < 0));
    }
}
