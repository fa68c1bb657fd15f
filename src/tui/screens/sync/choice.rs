//! What a person chose to discover and sync, and what that means today.
//!
//! Pure. A preset (`last 30 days`) is kept as such and becomes days only when it is used, so that it slides along;
//! it must never reach the engine as anything but days.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::clock::parse_day;
use crate::engine::api::{DiscoverSpec, Pace, SyncSpec};
use crate::stripe::kind::Kind;

/// The statuses that can be left out, in an invoice's order of life. Drafts are chosen apart.
pub const STATUSES: [&str; 4] = ["open", "paid", "uncollectible", "void"];

/// Kinds that are listed whole only when asked for.
pub const ALSO: [Kind; 7] = [
    Kind::Subscription,
    Kind::Refund,
    Kind::Dispute,
    Kind::CreditNote,
    Kind::Price,
    Kind::Payout,
    Kind::BalanceTransaction,
];

/// The stretch of time in which an object was created.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "span", rename_all = "snake_case")]
pub enum Span {
    /// From the beginning to today.
    #[default]
    All,
    /// Today and the days before it, so many altogether.
    Last {
        /// How many.
        days: u16,
    },
    /// From the first of this month.
    ThisMonth,
    /// The month before this one.
    LastMonth,
    /// From January 1st.
    ThisYear,
    /// The year before this one.
    LastYear,
    /// Typed days, inclusive.
    Days {
        /// `YYYY-MM-DD`; none: from the beginning.
        from: Option<String>,
        /// `YYYY-MM-DD`; none: to today.
        to: Option<String>,
    },
}

/// The presets, in the order in which they are offered.
pub const PRESETS: [Span; 8] = [
    Span::All,
    Span::Last { days: 7 },
    Span::Last { days: 30 },
    Span::Last { days: 90 },
    Span::ThisMonth,
    Span::LastMonth,
    Span::ThisYear,
    Span::LastYear,
];

/// What is to be discovered and synced of one account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Statuses that are left out.
    pub without: Vec<String>,
    /// Created when.
    pub span: Span,
    /// Kinds that are listed whole besides.
    pub also: Vec<Kind>,
    /// Drafts too.
    pub drafts: bool,
    /// How fast.
    pub pace: Pace,
}

impl Span {
    /// First and last day, both inclusive; none: open.
    pub fn days(&self, today: Date) -> (Option<String>, Option<String>) {
        let text = |day: Date| Some(day.to_string());
        let month = today.first_of_month();
        let year = today.first_of_year();
        match self {
            Span::All => (None, None),
            Span::Last { days } => {
                let back = i64::from(days.saturating_sub(1));
                (text(today.checked_sub(back.days()).unwrap_or(today)), None)
            }
            Span::ThisMonth => (text(month), None),
            Span::LastMonth => {
                let last = month.yesterday().unwrap_or(month);
                (text(last.first_of_month()), text(last))
            }
            Span::ThisYear => (text(year), None),
            Span::LastYear => {
                let last = year.yesterday().unwrap_or(year);
                (text(last.first_of_year()), text(last))
            }
            Span::Days { from, to } => (from.clone(), to.clone()),
        }
    }

    /// What the preset is called.
    pub fn name(&self) -> String {
        match self {
            Span::All => "everything".to_owned(),
            Span::Last { days } => format!("last {days} days"),
            Span::ThisMonth => "this month".to_owned(),
            Span::LastMonth => "last month".to_owned(),
            Span::ThisYear => "this year".to_owned(),
            Span::LastYear => "last year".to_owned(),
            Span::Days { .. } => "from … to …".to_owned(),
        }
    }

    /// Its days: `2025-01-01 → today`.
    pub fn range(&self, today: Date) -> String {
        let (from, to) = self.days(today);
        let from = from.unwrap_or_else(|| "the beginning".to_owned());
        format!("{from} → {}", to.unwrap_or_else(|| "today".to_owned()))
    }

    /// How long it is: `2 years`; none without a beginning.
    pub fn length(&self, today: Date) -> Option<String> {
        let (from, to) = self.days(today);
        let from = parse_day(&from?).ok()?;
        let to = to.and_then(|day| parse_day(&day).ok()).unwrap_or(today);
        let days = from.until(to).ok()?.get_days() + 1;
        Some(match days {
            ..=0 => return None,
            1 => "1 day".to_owned(),
            2..=90 => format!("{days} days"),
            91..=729 => format!("{} months", (days + 15) * 12 / 365),
            _ => format!("{} years", (days + 90) / 365),
        })
    }
}

impl Choice {
    /// The statuses that are wanted.
    pub fn statuses(&self) -> Vec<&'static str> {
        STATUSES.into_iter().filter(|status| !self.without.iter().any(|out| out == status)).collect()
    }

    /// With or without a status; false when it is the last one, which stays.
    pub fn toggle_status(&mut self, status: &str) -> bool {
        match self.without.iter().position(|out| out == status) {
            Some(at) => {
                self.without.remove(at);
            }
            None if self.statuses() == [status] => return false,
            None => self.without.push(status.to_owned()),
        }
        true
    }

    /// With or without a kind; kept in the order of the table.
    pub fn toggle_kind(&mut self, kind: Kind) {
        if let Some(at) = self.also.iter().position(|one| *one == kind) {
            self.also.remove(at);
        } else {
            self.also.push(kind);
            self.also.sort();
        }
    }

    /// What discover is asked to do, as of `today` in the account's zone.
    pub fn discover(&self, today: Date) -> DiscoverSpec {
        let (from, to) = self.span.days(today);
        let statuses = self.statuses();
        // All of them is what Stripe's list gives by itself.
        let statuses = if statuses.len() == STATUSES.len() { Vec::new() } else { statuses };
        DiscoverSpec {
            statuses: statuses.into_iter().map(str::to_owned).collect(),
            from,
            to,
            include_draft: self.drafts,
            resources: self.also.clone(),
            pace: self.pace,
            max_reads: None,
        }
    }

    /// What sync is asked to do. The further kinds are discover's: twice listed would be twice paid.
    pub fn sync(&self, retry_errors: bool) -> SyncSpec {
        SyncSpec { retry_errors, pace: self.pace, ..SyncSpec::default() }
    }

    /// As remembered from another time, by another version perhaps: what can't be used is left out.
    #[must_use]
    pub fn checked(mut self) -> Choice {
        self.without.retain(|status| STATUSES.contains(&status.as_str()));
        if self.statuses().is_empty() {
            self.without.clear();
        }
        self.also.retain(|kind| ALSO.contains(kind));
        self.also.sort();
        self.also.dedup();
        if let Span::Days { from, to } = &self.span
            && crate::clock::day_range(from.as_deref(), to.as_deref(), "UTC").is_err()
        {
            self.span = Span::All;
        }
        self
    }
}

/// What is wrong with a day that is being typed; `None` while it can still become one.
pub fn day_mistake(text: &str, whole: bool) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let shaped = text.len() <= 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shaped || whole || text.len() == 10 {
        return parse_day(text).err();
    }
    // A month that does not exist is wrong before the day is there.
    let month = text.get(5..7).and_then(|month| month.parse::<u8>().ok());
    month.filter(|month| !(1..=12).contains(month)).map(|month| format!("There is no month {month:02}."))
}

/// What is wrong with typed days; `whole` when they are to be taken as they are.
pub fn days_mistake(from: &str, to: &str, today: Date, whole: bool) -> Option<String> {
    if let Some(mistake) = day_mistake(from, whole).or_else(|| day_mistake(to, whole)) {
        return Some(mistake);
    }
    let (first, last) = (parse_day(from).ok(), parse_day(to).ok());
    match (first, last) {
        (Some(first), Some(last)) if last < first => {
            Some(format!("The last day, {last}, is before the first, {first}."))
        }
        (Some(first), _) if first > today => Some(format!("{first} is still to come: today is {today}.")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = Date::constant(2026, 3, 1);

    #[test]
    fn presets_become_days_of_the_calendar() {
        let days = |span: Span| {
            let (from, to) = span.days(TODAY);
            (from.unwrap_or_default(), to.unwrap_or_default())
        };
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(days(Span::All), pair("", ""));
        assert_eq!(days(Span::Last { days: 7 }), pair("2026-02-23", ""));
        assert_eq!(days(Span::ThisMonth), pair("2026-03-01", ""));
        assert_eq!(days(Span::LastMonth), pair("2026-02-01", "2026-02-28"));
        assert_eq!(days(Span::ThisYear), pair("2026-01-01", ""));
        assert_eq!(days(Span::LastYear), pair("2025-01-01", "2025-12-31"));
        assert_eq!(Span::LastYear.length(TODAY).as_deref(), Some("12 months"));
        assert_eq!(Span::Last { days: 7 }.length(TODAY).as_deref(), Some("7 days"));
        assert_eq!(Span::All.length(TODAY), None);
    }

    #[test]
    fn the_last_status_stays_and_all_of_them_is_no_filter() {
        let mut choice = Choice::default();
        assert!(choice.discover(TODAY).statuses.is_empty());
        for status in ["open", "uncollectible", "void"] {
            assert!(choice.toggle_status(status));
        }
        assert!(!choice.toggle_status("paid"));
        assert_eq!(choice.discover(TODAY).statuses, ["paid"]);
        choice.toggle_status("open");
        assert_eq!(choice.statuses(), ["open", "paid"]);
    }

    #[test]
    fn a_mistake_in_a_day_is_said_as_soon_as_it_is_one() {
        for fine in ["", "2", "2025-", "2025-1", "2025-12-3", "2025-12-31"] {
            assert_eq!(day_mistake(fine, false), None, "{fine}");
        }
        for wrong in ["x", "2025/", "2025-13", "2025-00", "2025-02-30", "2025-01-011"] {
            assert!(day_mistake(wrong, false).is_some(), "{wrong}");
        }
        assert!(day_mistake("2025-1", true).is_some());
        assert!(days_mistake("2025-02-02", "2025-02-01", TODAY, false).unwrap().contains("before the first"));
        assert!(days_mistake("2026-03-02", "", TODAY, false).unwrap().contains("still to come"));
        assert_eq!(days_mistake("2025-02-02", "", TODAY, true), None);
    }

    #[test]
    fn what_is_remembered_comes_back_and_nonsense_does_not() {
        let mut choice = Choice { drafts: true, pace: Pace::Full, ..Choice::default() };
        choice.toggle_kind(Kind::Refund);
        choice.toggle_kind(Kind::Subscription);
        choice.span = Span::Days { from: Some("2025-01-01".into()), to: None };
        let text = serde_json::to_string(&choice).unwrap();
        assert_eq!(serde_json::from_str::<Choice>(&text).unwrap().checked(), choice);
        assert_eq!(choice.also, [Kind::Subscription, Kind::Refund]);
        let odd = Choice {
            without: ["open", "paid", "uncollectible", "void", "lost"].map(str::to_owned).to_vec(),
            span: Span::Days { from: Some("soon".into()), to: None },
            also: vec![Kind::Invoice, Kind::Refund, Kind::Refund],
            ..Choice::default()
        };
        let mended = odd.checked();
        assert_eq!(mended, Choice { also: vec![Kind::Refund], ..Choice::default() });
    }
}
