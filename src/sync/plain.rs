//! Reads a list from servers that cannot filter by creation time, as stand-ins for Stripe often cannot: one
//! page after the other, with the range and the statuses sorted out here.
//!
//! It must never be used at Stripe itself, where it would read whole histories for a week's worth.

use std::collections::HashSet;

use super::job::{Ctx, JobDoc, Stop};
use super::reader::{Brought, PAGE, Prepared, Reading, WantedIds, not_seen, page};
use super::walk::Walk;
use crate::store::{Batch, Durability};
use crate::stripe::Error;
use crate::stripe::kind::Kind;

/// Whether a list refused its first page for the filters alone.
pub async fn applies(ctx: &Ctx, kind: Kind, stop: &Stop) -> bool {
    if ctx.integration.is_stripe() {
        return false;
    }
    match stop {
        Stop::Stripe(Error::BadRequest { param, message, .. }) => {
            param.as_deref().unwrap_or(message).contains("created")
        }
        // Some fall over what they don't know instead of refusing it; asked plainly they answer.
        Stop::Stripe(Error::Fault { .. }) => {
            ctx.client.list(kind.path(), &[("limit", "1".to_owned())]).await.is_ok()
        }
        _ => false,
    }
}

/// Reads the list. A stop in the middle begins again the next time: there is nothing to go on by.
pub async fn read(
    ctx: &Ctx,
    doc: &mut JobDoc,
    reading: &Reading,
    mut wanted: Option<WantedIds>,
) -> Result<Brought, Stop> {
    let kind = reading.kind;
    ctx.progress.warn(format!("this server cannot list {kind} by time: the whole list is read"));
    let mut statuses = reading.statuses.clone();
    let mut base: Vec<(&'static str, String)> =
        kind.list_params().iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    for (key, value) in &reading.params {
        if kind == Kind::Invoice && *key == "status" {
            statuses.push(value.clone());
        } else {
            base.push((*key, value.clone()));
        }
    }
    let shared = std::sync::Arc::new((kind, reading.expanded, reading.wanted_by));
    let mut brought = Brought::default();
    let mut cursors: HashSet<String> = HashSet::new();
    let mut after: Option<String> = None;
    loop {
        ctx.check(reading.max_reads)?;
        let mut params = base.clone();
        params.push(("limit", PAGE.to_string()));
        params.extend(after.take().map(|id| ("starting_after", id)));
        let Prepared { rows, created, last_id, has_more } = page(ctx, &shared, params).await?;
        let mut batch = Batch::new();
        let mut hits = 0;
        for (row, created) in rows.into_iter().zip(created) {
            let in_range = created < doc.lt && doc.gte.is_none_or(|gte| created >= gte);
            let keep = in_range
                && match &mut wanted {
                    Some(wanted) => wanted.get_mut(row.key.as_str()).is_some_and(|seen| {
                        *seen = true;
                        true
                    }),
                    None => statuses.is_empty() || statuses.contains(&row.status),
                };
            if keep {
                hits += 1;
                for write in row.writes {
                    batch.record(write);
                }
            }
        }
        brought.stored += hits;
        ctx.progress.update(|view| {
            view.pages += 1;
            if reading.leads {
                view.done += hits;
            }
        });
        // A cursor that comes twice: the server does not page at all, and would answer the same for ever.
        after = last_id.filter(|id| has_more && cursors.insert(id.clone()));
        if after.is_none() {
            let mut walk = Walk::new(doc.gte, doc.lt);
            walk.page(0, &[], None, false);
            doc.walks.insert(kind.list_name().to_owned(), walk);
        }
        doc.view = ctx.progress.view();
        ctx.add_reads(&mut batch);
        batch.meta(JobDoc::name(ctx.integration.id, doc.view.kind), doc);
        ctx.store.commit(batch, Durability::Applied, (ctx.now)()).await.map_err(Stop::Store)?;
        if after.is_none() {
            brought.whole = true;
            brought.missing = not_seen(wanted);
            return Ok(brought);
        }
    }
}
