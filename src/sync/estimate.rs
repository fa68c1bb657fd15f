//! How much a discover will cost, by looking at a few pages: a page's hundred rows span a stretch of time, and
//! that tells how dense the list is there.
//!
//! It must stay cheap (at most [`LOOKS`] reads) and say whether its number is exact.

use serde::Serialize;

use super::reader::PAGE;
use crate::stripe::kind::Kind;
use crate::stripe::view::ObjectHead;
use crate::stripe::{Client, Error};

/// Reads at most.
pub const LOOKS: usize = 7;
const DAY: i64 = 86_400;
/// Where an open range is looked at, in days before its end.
const OPEN: [i64; LOOKS - 1] = [30, 90, 180, 365, 730, 1460];

/// What a discover will likely cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Objects in the range.
    pub rows: u64,
    /// Counted, not estimated.
    pub exact: bool,
    /// Reads that a discover takes.
    pub reads: u64,
    /// Reads that the estimate took.
    pub looks: u64,
}

impl Estimate {
    fn new(rows: f64, exact: bool, looks: u64) -> Self {
        let pages = (rows / PAGE as f64).ceil().max(1.0) as u64;
        // Each window costs up to a page; there are about a dozen.
        let windows = if pages > 3 { 12.min(pages) } else { 0 };
        Self { rows: rows.round() as u64, exact, reads: pages + windows, looks }
    }

    /// Seconds at so many reads a second.
    pub fn seconds(&self, rate: f64) -> u64 {
        (self.reads as f64 / rate.max(0.1)).ceil() as u64
    }
}

/// One look: the newest page before `lt`.
struct Look {
    lt: i64,
    rows: usize,
    oldest: i64,
    more: bool,
}

impl Look {
    /// Rows a second.
    fn density(&self, lt: i64) -> f64 {
        self.rows as f64 / (self.lt.min(lt) - self.oldest).max(1) as f64
    }
}

/// The harmonic mean: near the lower of two that are far apart.
fn mean(a: f64, b: f64) -> f64 {
    if a > 0.0 && b > 0.0 { 2.0 / (1.0 / a + 1.0 / b) } else { 0.0 }
}

/// Estimates a list within a range; `gte` none: from the beginning.
pub async fn estimate(client: &Client, kind: Kind, gte: Option<i64>, lt: i64) -> Result<Estimate, Error> {
    estimate_of(client, kind, &[], gte, lt).await
}

/// The same with filters of Stripe's own.
pub async fn estimate_of(
    client: &Client,
    kind: Kind,
    filters: &[(&'static str, String)],
    gte: Option<i64>,
    lt: i64,
) -> Result<Estimate, Error> {
    let mut at = vec![lt];
    match gte {
        Some(gte) => at.extend((1..5).map(|part| lt - (lt - gte) / 5 * part)),
        None => at.extend(OPEN.iter().map(|days| lt - days * DAY)),
    }
    at.retain(|moment| gte.is_none_or(|gte| *moment > gte));
    let mut looks = Vec::new();
    for moment in at {
        // The page before already reached further back than this.
        if looks.last().is_some_and(|look: &Look| look.oldest <= moment) {
            continue;
        }
        let mut params = vec![("limit", PAGE.to_string()), ("created[lt]", moment.to_string())];
        params.extend_from_slice(filters);
        if let Some(gte) = gte {
            params.push(("created[gte]", gte.to_string()));
        }
        let page = client.list(kind.path(), &params).await?;
        let oldest = page
            .iter()
            .next_back()
            .and_then(|json| serde_json::from_str::<ObjectHead>(json).ok())
            .and_then(|head| head.created)
            .unwrap_or(moment);
        looks.push(Look { lt: moment, rows: page.len(), oldest, more: page.has_more });
        if !page.has_more {
            break;
        }
    }
    Ok(sum(&looks, gte, lt))
}

fn sum(looks: &[Look], gte: Option<i64>, lt: i64) -> Estimate {
    let count = looks.len() as u64;
    if let [only] = looks
        && !only.more
    {
        return Estimate::new(only.rows as f64, true, count);
    }
    let mut rows = 0.0;
    for (index, look) in looks.iter().enumerate() {
        let end = looks.get(index + 1).map(|next| next.lt);
        // A page can fall into a burst (a billing run): the neighbour's density keeps that from being stretched
        // over months.
        let own = look.density(lt);
        let density = match (looks.get(index + 1), index.checked_sub(1).and_then(|before| looks.get(before)))
        {
            // A page that is not full says where the list ends, not how dense it is.
            (Some(next), _) if next.more => mean(own, next.density(lt)),
            (None, Some(before)) => own.min(mean(own, before.density(lt))),
            _ => own,
        };
        rows += match (end, look.more) {
            // Up to where the next look begins, as dense as here.
            (Some(end), _) => look.rows as f64 + density * (look.oldest - end).max(0) as f64,
            (None, false) => look.rows as f64,
            // The last one: down to the beginning of the range, or two years more of the same.
            (None, true) => density * (look.lt - gte.unwrap_or(look.lt - 730 * DAY)) as f64,
        };
    }
    Estimate::new(rows, false, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_short_page_is_exact_and_even_lists_come_out_right() {
        let short = [Look { lt: 1000, rows: 40, oldest: 10, more: false }];
        assert_eq!(sum(&short, None, 1000), Estimate { rows: 40, exact: true, reads: 1, looks: 1 });
        // A row every ten seconds over 100 000 seconds.
        let looks: Vec<Look> = (0..5)
            .map(|part| {
                let lt = 100_000 - part * 20_000;
                Look { lt, rows: 100, oldest: lt - 1000, more: true }
            })
            .collect();
        let estimate = sum(&looks, Some(0), 100_000);
        assert_eq!(estimate.rows, 10_000);
        assert!(!estimate.exact && estimate.reads > 100 && estimate.reads < 120);
    }
}
