//! Counts of what is stored, kept in the same batch as the change, because counting a sled tree walks it.
//!
//! They must change only where the change itself is applied (the writer), so that they can be rebuilt by
//! a scan and compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{Header, State};
use crate::engine::api::CatalogCounts;
use crate::stripe::kind::Kind;

/// Days of read counts that are kept: Stripe's allocation looks back 30 days; two more for time zones.
const READ_DAYS: i64 = 32;

/// The counters of one integration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Objects by kind tag that are records (synced, stale or gone).
    pub records: BTreeMap<u8, u64>,
    /// The catalog.
    pub catalog: CatalogCounts,
    /// Events in the log.
    pub events: u64,
    /// Events that ever arrived: the order of the next one. Never falls.
    #[serde(default)]
    pub arrived: u64,
    /// Bytes of the log as they are stored: keys, packed values, and the keys that tell which ids are known. The
    /// database's own overhead is not in it.
    #[serde(default)]
    pub event_bytes: u64,
    /// GETs sent by UTC day number since 1970.
    pub reads: BTreeMap<i64, u64>,
    /// Those of them that nobody asked for, beyond one for each scheduled poll, by the same days.
    #[serde(default)]
    pub automatic: BTreeMap<i64, u64>,
    /// Events that wait for a target, by its number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting: BTreeMap<u32, u64>,
    /// Events that are parked at a target, by its number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parked: BTreeMap<u32, u64>,
    /// Attempts that are kept.
    #[serde(default)]
    pub attempts: u64,
}

impl Counters {
    /// Takes one object's change into account. `None` on a side: it did not, or does not, exist.
    pub fn change(&mut self, kind: Kind, before: Option<&Header>, after: Option<&Header>) {
        let is_record = |header: Option<&Header>| header.is_some_and(|header| header.state.is_record());
        match (is_record(before), is_record(after)) {
            (false, true) => *self.records.entry(kind.tag()).or_default() += 1,
            (true, false) => {
                let count = self.records.entry(kind.tag()).or_default();
                *count = count.saturating_sub(1);
            }
            _ => {}
        }
        if kind == Kind::Invoice {
            if let Some(header) = before {
                self.catalog_slots(header, |count| *count = count.saturating_sub(1));
            }
            if let Some(header) = after {
                self.catalog_slots(header, |count| *count += 1);
            }
        }
    }

    fn catalog_slots(&mut self, header: &Header, change: impl Fn(&mut u64)) {
        let catalog = &mut self.catalog;
        change(&mut catalog.total);
        change(match header.state {
            State::Pending => &mut catalog.pending,
            State::Processing => &mut catalog.processing,
            State::Synced => &mut catalog.synced,
            State::Skipped => &mut catalog.skipped,
            State::Error => &mut catalog.error,
            State::Stale => &mut catalog.stale,
            State::Gone => &mut catalog.gone,
        });
        match header.status.as_str() {
            "open" => change(&mut catalog.open),
            "paid" => change(&mut catalog.paid),
            "uncollectible" => change(&mut catalog.uncollectible),
            "void" => change(&mut catalog.void),
            "draft" => change(&mut catalog.draft),
            // A status that Stripe adds later counts in the total only.
            _ => {}
        }
    }

    /// Records of a kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.records.get(&kind.tag()).copied().unwrap_or(0)
    }

    /// Adds GETs to a day and forgets days that no longer matter.
    pub fn add_reads(&mut self, day: i64, reads: u64) {
        *self.reads.entry(day).or_default() += reads;
        self.reads.retain(|kept, _| *kept > day - READ_DAYS);
    }

    /// Adds to the GETs that nobody asked for.
    pub fn add_automatic(&mut self, day: i64, reads: u64) {
        *self.automatic.entry(day).or_default() += reads;
        self.automatic.retain(|kept, _| *kept > day - READ_DAYS);
    }

    /// GETs that nobody asked for in the 30 days up to and including `today` (UTC day number).
    pub fn automatic_30_days(&self, today: i64) -> u64 {
        self.automatic.range(today - 29..=today).map(|(_, count)| count).sum()
    }

    /// GETs in the 30 days up to and including `today` (UTC day number).
    pub fn reads_30_days(&self, today: i64) -> u64 {
        self.reads.range(today - 29..=today).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_of_an_invoice_ends_where_it_began() {
        let mut counters = Counters::default();
        let pending = super::super::record::sample();
        let synced = Header { state: State::Synced, status: "paid".into(), ..pending.clone() };
        counters.change(Kind::Invoice, None, Some(&pending));
        assert_eq!(
            (counters.catalog.pending, counters.catalog.open, counters.count(Kind::Invoice)),
            (1, 1, 0)
        );
        counters.change(Kind::Invoice, Some(&pending), Some(&synced));
        assert_eq!(
            (counters.catalog.synced, counters.catalog.paid, counters.count(Kind::Invoice)),
            (1, 1, 1)
        );
        assert_eq!((counters.catalog.total, counters.catalog.open), (1, 0));
        counters.change(Kind::Invoice, Some(&synced), None);
        assert_eq!(counters.catalog, CatalogCounts::default());
        assert_eq!(counters.count(Kind::Invoice), 0);
    }

    #[test]
    fn reads_fall_out_after_thirty_days() {
        let mut counters = Counters::default();
        counters.add_reads(100, 5);
        counters.add_reads(129, 2);
        assert_eq!(counters.reads_30_days(129), 7);
        assert_eq!(counters.reads_30_days(130), 2);
        counters.add_reads(200, 1);
        assert_eq!(counters.reads.len(), 1);
    }
}
