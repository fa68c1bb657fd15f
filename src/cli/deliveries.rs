//! What `listen --forward-to` adds: passing targets before anything comes in, and a line for each delivery.
//!
//! It must never print a delivery that is not stored.

use super::context::Context;
use super::forward::{Agree, added, off_the_list, removed};
use super::out::Fail;
use crate::clock::{Zone, format_time};
use crate::engine::api::{AttemptId, AttemptRow, EventRow, IntegrationId, Outcome, TargetId, TargetSpec};
use crate::engine::forwarding;
use crate::forward::attempts;
use crate::forward::target::Target;
use crate::integration::Integration;
use crate::store::batch::Lane;
use crate::store::{Store, StoreError};
use crate::text::{clean, count};

/// The deliveries of this process.
pub(super) struct Deliveries {
    last: Option<AttemptId>,
    accounts: Vec<IntegrationId>,
    targets: Vec<(TargetId, String)>,
    zone: Zone,
}

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) urls: &'a [String],
    pub(super) events: Vec<String>,
    pub(super) timeout_s: u32,
    pub(super) integration: Option<&'a Integration>,
    pub(super) agree: &'a Agree,
}

impl Deliveries {
    /// Adds the targets and says what their events are signed with. Before the engine is started.
    pub(super) async fn begin(
        context: &Context,
        store: &Store,
        wanted: Wanted<'_>,
    ) -> Result<Deliveries, Fail> {
        let vault = context.vault()?;
        let mut targets = Vec::new();
        for url in wanted.urls {
            let spec = TargetSpec {
                url: url.clone(),
                integration: wanted.integration.map(|one| one.id),
                events: wanted.events.clone(),
                timeout_s: wanted.timeout_s,
                confirmed: None,
                passing: true,
            };
            let target = added(context, store, &vault, spec, wanted.agree).await?;
            off_the_list(context, store, &target)?;
            let secret = forwarding::secret_of(&vault, &target)?;
            context.out.say(format!(
                "events go to {}; your signing secret is {}",
                clean(&target.url),
                secret.expose()
            ));
            targets.push((target.id, target.url));
        }
        let all = Integration::all(store)?;
        let zone =
            wanted.integration.or(all.first()).map_or_else(Zone::utc, |one| Zone::named(&one.timezone));
        let accounts = all.iter().map(|one| one.id).collect();
        let mut deliveries = Deliveries { last: None, accounts, targets, zone };
        deliveries.last = deliveries.newest(store)?;
        Ok(deliveries)
    }

    fn newest(&self, store: &Store) -> Result<Option<AttemptId>, StoreError> {
        let mut newest = None;
        store.each_attempt(&self.accounts, |one| {
            newest = Some(one.id);
            Ok(false)
        })?;
        Ok(newest)
    }

    /// An event that came.
    pub(super) fn came(&self, row: &EventRow) -> String {
        format!("{}   --> {} [{}]", format_time(row.received, &self.zone), row.event_type, row.id)
    }

    /// Prints the attempts since the last time, in their order.
    pub(super) fn news(&mut self, context: &Context, store: &Store) -> Result<(), StoreError> {
        let mut rows: Vec<AttemptRow> = Vec::new();
        store.each_attempt(&self.accounts, |one| {
            if self.last.is_some_and(|last| one.id <= last) {
                return Ok(false);
            }
            rows.push(attempts::decode(&one)?);
            Ok(true)
        })?;
        for row in rows.iter().rev() {
            self.last = Some(row.id);
            if !row.target.is_some_and(|target| self.targets.iter().any(|(id, _)| *id == target)) {
                continue;
            }
            if context.out.json {
                context.out.json(&serde_json::json!({ "delivery": row }));
            } else {
                context.out.line(clean(&delivery(row, &self.zone)));
            }
        }
        Ok(())
    }

    /// What still waits when it ends.
    pub(super) async fn left(&self, context: &Context, store: &Store) {
        for (id, url) in &self.targets {
            let waiting: u64 = store.in_lane(Lane::Waiting, *id).iter().map(|(_, count)| count).sum();
            if waiting > 0 {
                context.out.warn(format!(
                    "{} events still wait for {}: the same command sends what is younger than 15 minutes then",
                    count(waiting),
                    clean(url)
                ));
            }
            // An engine that goes on without this command would go on sending.
            if context.within.is_some()
                && let Ok(Some(target)) =
                    Target::all(store).map(|all| all.into_iter().find(|one| one.id == *id))
                && let Err(fail) = removed(context, store, &target).await
            {
                context.out.warn(fail.text);
            }
        }
    }
}

/// An attempt on one line, as the Stripe CLI has it.
pub(super) fn delivery(row: &AttemptRow, zone: &Zone) -> String {
    let (status, why) = match &row.outcome {
        Outcome::Delivered { status } | Outcome::Refused { status } => (status.to_string(), String::new()),
        Outcome::Failed { reason } => ("ERROR".to_owned(), format!("; {reason}")),
        Outcome::Expired => {
            ("EXPIRED".to_owned(), "; it waited for 15 minutes and is left for a replay".to_owned())
        }
    };
    let again = match row.next_at {
        Some(at) => format!("; again in {} s", (at - row.at).max(0)),
        None => String::new(),
    };
    format!(
        "{}  <--  [{status}] POST {} [{}] ({} ms){why}{again}",
        format_time(row.at, zone),
        row.url,
        row.event,
        row.took_ms
    )
}
