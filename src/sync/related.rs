//! The objects that invoices refer to, by the cheaper of a list walk and single reads.
//!
//! Only what is wanted is kept, so that a run that was cut off and taken up again ends with the same records
//! as an undisturbed one. A missing object becomes a tombstone, a kind that may not be read a warning:
//! neither may fail an invoice.

use std::collections::HashSet;

use futures::StreamExt;

use super::job::{Ctx, End, JobDoc, Stop};
use super::pack::{Records, take_expanded, tombstone};
use super::reader::{PAGE, Reading, WantedBy, read};
use crate::engine::api::PartView;
use crate::store::batch::RecordWrite;
use crate::store::merge::Via;
use crate::store::{Batch, Durability};
use crate::stripe::Error;
use crate::stripe::kind::Kind;
use crate::stripe::view::ObjectHead;

/// Single reads stored together.
const STORED_TOGETHER: usize = 50;

/// What is wanted of one kind.
pub struct Wanted {
    /// The kind.
    pub kind: Kind,
    /// Ids, or invoices' ids for invoice payments.
    pub ids: HashSet<String>,
    /// What the ids stand for.
    pub by: WantedBy,
    /// A field to expand, and its kind.
    pub expanded: Option<(&'static str, Kind)>,
    /// List pages that a walk would likely take.
    pub pages: u64,
    /// Most reads of the job.
    pub max_reads: Option<u64>,
}

/// A list walk over so many pages is likely cheaper than so many single reads.
pub fn by_list(wanted: u64, pages: u64) -> bool {
    wanted > list_reads(pages)
}

/// What a walk over so many pages likely costs: a long list is cut into about a dozen windows, each of which
/// ends in a page that is not full.
pub fn list_reads(pages: u64) -> u64 {
    let pages = pages.max(1);
    if pages > 3 { pages + pages.min(12) } else { pages }
}

/// Brings what is wanted. Returns whether all of it could be asked for.
pub async fn bring(ctx: &Ctx, doc: &mut JobDoc, wanted: Wanted) -> Result<End, Stop> {
    let kind = wanted.kind;
    let total = wanted.ids.len() as u64;
    let mut part = PartView { total: Some(total), ..PartView::new(kind) };
    if !ctx.integration.may(kind.permission()) || !ctx.integration.offered(kind.path()) {
        if total > 0 {
            ctx.progress
                .warn(format!("{kind} were left out: the key may not read them ({})", kind.permission()));
        }
        part.not_allowed = true;
        ctx.progress.part(part);
        return Ok(End::Done);
    }
    ctx.progress.part(part.clone());
    let result = fetch(ctx, doc, wanted, &mut part).await;
    part.finished = result.is_ok();
    match result {
        Ok(()) => {
            ctx.progress.part(part);
            Ok(End::Done)
        }
        Err(Stop::Stripe(error @ Error::MissingPermission { .. })) => {
            // Known to be missing, it would not have been asked for: withdrawn in mid-run.
            ctx.progress.warn(error.to_string());
            ctx.progress.withdrawn(kind);
            part.not_allowed = true;
            ctx.progress.part(part);
            Ok(End::Partly)
        }
        Err(stop) => Err(stop),
    }
}

async fn fetch(ctx: &Ctx, doc: &mut JobDoc, mut wanted: Wanted, part: &mut PartView) -> Result<(), Stop> {
    if wanted.ids.is_empty() {
        return Ok(());
    }
    let walked = doc.walks.contains_key(wanted.kind.list_name());
    let by_list = by_list(wanted.ids.len() as u64, wanted.pages);
    let ids = std::mem::take(&mut wanted.ids);
    let left = if walked || by_list {
        let mut reading = Reading {
            wanted: Some(ids.into_iter().map(|id| (id.into_boxed_str(), false)).collect()),
            wanted_by: wanted.by,
            expanded: wanted.expanded,
            may_give_up: true,
            max_reads: wanted.max_reads,
            ..Reading::whole(wanted.kind)
        };
        if let Some((field, _)) = wanted.expanded {
            reading.params.push(("expand[]", format!("data.{field}")));
        }
        let brought = read(ctx, doc, reading).await?;
        part.done = brought.stored;
        // Not in the whole list: these invoices have no payments.
        let settled = wanted.by == WantedBy::Invoice && brought.whole;
        if settled { Vec::new() } else { brought.missing }
    } else {
        ids.into_iter().map(String::into_boxed_str).collect()
    };
    singles(ctx, doc, &wanted, left, part).await
}

async fn singles(
    ctx: &Ctx,
    doc: &mut JobDoc,
    wanted: &Wanted,
    mut ids: Vec<Box<str>>,
    part: &mut PartView,
) -> Result<(), Stop> {
    // In a fixed order, so that runs are alike.
    ids.sort_unstable();
    // No more are begun than may be read: an answer that comes too late would be read again.
    let may = usize::try_from(ctx.reads_left(wanted.max_reads)).unwrap_or(usize::MAX);
    let mut failure = (ids.len() > may).then(|| Stop::MaxReads(wanted.max_reads.unwrap_or_default()));
    ids.truncate(may);
    let mut answers = futures::stream::iter(ids)
        .map(|id| async move {
            ctx.check(wanted.max_reads)?;
            one(ctx, wanted, &id).await
        })
        .buffer_unordered(ctx.client.concurrency());
    let mut batch = Batch::new();
    let mut unreadable = 0_u64;
    let mut held = 0;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Some(writes)) => {
                for write in writes {
                    batch.record(write);
                }
                part.done += 1;
            }
            Ok(None) => unreadable += 1,
            // What is under way is waited for and kept.
            Err(stop @ Stop::MaxReads(_)) => failure = Some(stop),
            Err(stop) => {
                failure = Some(stop);
                break;
            }
        }
        held += 1;
        if held == STORED_TOGETHER {
            held = 0;
            store(ctx, doc, std::mem::take(&mut batch)).await?;
            ctx.progress.part(part.clone());
            ctx.progress.tick(&ctx.client, None);
        }
    }
    drop(answers);
    store(ctx, doc, batch).await?;
    if unreadable > 0 {
        ctx.progress.warn(format!(
            "{unreadable} {} could not be read; what refers to them is stored all the same",
            wanted.kind
        ));
    }
    failure.map_or(Ok(()), Err)
}

async fn store(ctx: &Ctx, doc: &mut JobDoc, mut batch: Batch) -> Result<(), Stop> {
    doc.view = ctx.progress.view();
    ctx.add_reads(&mut batch);
    batch.meta(JobDoc::name(ctx.integration.id, doc.view.kind), doc);
    ctx.store.commit(batch, Durability::Applied, (ctx.now)()).await?;
    Ok(())
}

/// One single read; `None` when the object can't be read for a reason of its own.
async fn one(ctx: &Ctx, wanted: &Wanted, id: &str) -> Result<Option<Vec<RecordWrite>>, Stop> {
    let integration = ctx.integration.id;
    if wanted.by == WantedBy::Invoice {
        let params = [("invoice", id.to_owned()), ("limit", PAGE.to_string())];
        let page = ctx.client.list(wanted.kind.path(), &params).await?;
        let mut records = Records::new(&ctx.store, integration, wanted.kind)?;
        let mut writes = Vec::new();
        for json in page.iter() {
            let Ok(head) = serde_json::from_str::<ObjectHead>(json) else { continue };
            writes.push(records.record(&head.id, json, page.date, Via::Listed)?);
        }
        return Ok(Some(writes));
    }
    let params: Vec<(&str, String)> =
        wanted.expanded.iter().map(|(field, _)| ("expand[]", (*field).to_owned())).collect();
    let object = match ctx.client.get(&format!("{}/{id}", wanted.kind.path()), &params).await {
        Ok(object) => object,
        Err(Error::NotFound { .. }) => {
            // In Stripe's time, like every `as_of`.
            let date = (ctx.now)() + ctx.client.clock_skew_s().unwrap_or(0);
            return Ok(Some(vec![tombstone(integration, wanted.kind, id, date)]));
        }
        Err(Error::WrongMode { .. } | Error::BadRequest { .. } | Error::BadAnswer { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let json = object.text();
    let mut writes = Vec::with_capacity(2);
    let mut plain = None;
    if let Some((field, kind)) = wanted.expanded
        && let Some((without, inner_id, inner)) = take_expanded(json, field)
    {
        writes.push(Records::new(&ctx.store, integration, kind)?.record(
            &inner_id,
            inner,
            object.date,
            Via::Listed,
        )?);
        plain = Some(without);
    }
    let deleted = serde_json::from_str::<ObjectHead>(json).is_ok_and(|head| head.deleted);
    let via = if deleted { Via::Deleted } else { Via::Listed };
    let json = plain.as_deref().unwrap_or(json);
    writes.push(Records::new(&ctx.store, integration, wanted.kind)?.record(id, json, object.date, via)?);
    Ok(Some(writes))
}
