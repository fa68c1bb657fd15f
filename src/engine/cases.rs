//! Failed payments: the engine's side of `recovery/`. The index is `query/cases.rs`; here is what of it is in snapshots.
//!
//! It must never add up money over currencies, nor count a case twice.

use super::api::{Answer, IntegrationId, Request};
use super::query::{Query, Today};
use super::runtime;
use super::{Engine, data};

/// Answers what is asked of failed payments.
pub async fn answer(engine: &Engine, request: Request) -> Answer {
    data::ask(engine, request).await
}

/// Today's sums as they were last worked out, and of what.
#[derive(Default)]
pub struct Known {
    of: Option<(u64, i64, i64)>,
    today: Today,
}

impl Known {
    /// Today's sums of an integration; worked out again only when a case changed, a day began, or an hour passed.
    pub fn get(&mut self, query: &Query, id: IntegrationId, timezone: &str, now: i64) -> Today {
        let day = runtime::day_start(now, timezone);
        let of = Some((query.cases_version(), day, now.div_euclid(3600)));
        if self.of != of {
            self.today = query.today(id, day, now);
            self.of = of;
        }
        self.today.clone()
    }
}
