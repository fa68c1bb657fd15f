//! Sync: what is pending or stale in the catalog becomes records.
//!
//! First what the invoices refer to, then the invoices themselves: a run that is cut off leaves its invoices
//! pending, never a record whose customer was forgotten. It must make no single read for an invoice whose
//! lines are all in the list's answer.

use std::time::Duration;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::job::{Ctx, End, JobDoc, Stop};
use super::reader::{PAGE, Reading, WantedBy, read, whole_walk};
use super::related::{Wanted, bring};
use super::walk::Walk;
use super::work::{Item, Work, collect, payments_of};
use crate::engine::api::{PartView, SyncSpec};
use crate::store::batch::{Outcome, StateChange};
use crate::store::codec::{Content, Packed};
use crate::store::{Batch, Durability, StoreError};
use crate::stripe::Error;
use crate::stripe::kind::Kind;
use crate::stripe::view::InvoiceHead;

/// Invoices that become records in one batch.
const TOGETHER: usize = 200;
/// The document that tells when the last whole sync of payments (billing off) began.
pub const PAYMENTS_SINCE: &str = "payments_since";
/// The document that tells where a sync of payments ended because its batch was full.
const PAYMENTS_LEFT: &str = "payments_left";
/// Longest error kept with an entry.
const MOST_ERROR: usize = 300;

/// Runs (or goes on with) a sync.
pub async fn run(ctx: &Ctx, doc: &mut JobDoc, spec: &SyncSpec) -> Result<End, Stop> {
    if !ctx.integration.billing {
        return payments_only(ctx, doc, spec).await;
    }
    let mut work = blocking(ctx, {
        let spec = SyncSpec { batch_size: left(doc, spec), ..spec.clone() };
        move |ctx| collect(&ctx.store, ctx.integration.id, &spec)
    })
    .await?;
    let digest = work.items.iter().fold(0, |all, item| all ^ mark(&item.id, item.hash));
    if doc.work != digest || work.items.is_empty() {
        // Walks look for what certain invoices refer to. With others (listed or changed since the run was
        // stopped, or the next of a batch) what was passed over before may be wanted now.
        doc.walks.retain(|name, _| spec.resources.iter().any(|kind| whole_walk(*kind) == *name));
        doc.gte = None;
        doc.work = digest;
    }
    if doc.gte.is_none() && !work.items.is_empty() {
        // Payments of an invoice are as young as the invoice.
        doc.gte = Some(work.oldest);
    }
    let total = work.items.len() as u64;
    ctx.progress.update(|view| {
        view.total = Some(view.done + view.errors + total);
        view.remaining = total;
    });
    announce(ctx, &work);
    let mut end = refer(ctx, doc, spec, &mut work).await?;
    // Asked for by name: all of them, not only what is as young as the invoices.
    let since = doc.gte.take();
    let whole = super::discover::resources(ctx, doc, &spec.resources, spec.max_reads).await;
    doc.gte = since;
    end = worse(end, whole?);
    end = worse(end, invoices(ctx, doc, spec, work.items).await?);
    Ok(end)
}

/// What is left of a batch: a run that is taken up again has some of it behind it.
fn left(doc: &JobDoc, spec: &SyncSpec) -> Option<u64> {
    let behind = doc.view.done + doc.failed;
    spec.batch_size.map(|most| most.saturating_sub(behind))
}

/// All kinds that the run will bring, so that its share of the whole can be told from the beginning.
fn announce(ctx: &Ctx, work: &Work) {
    let payable = work.payable.len() as u64;
    for (kind, total) in [
        (Kind::Customer, work.customers.len() as u64),
        (Kind::Product, work.products.len() as u64),
        (Kind::InvoicePayment, payable),
        // One payment an invoice, until it is known.
        (Kind::PaymentIntent, payable),
        (Kind::Invoice, work.items.len() as u64),
    ] {
        let not_allowed = !ctx.integration.may(kind.permission()) || !ctx.integration.offered(kind.path());
        ctx.progress.part(PartView { total: Some(total), not_allowed, ..PartView::new(kind) });
    }
}

fn worse(a: End, b: End) -> End {
    if a == End::Partly || b == End::Partly { End::Partly } else { End::Done }
}

async fn blocking<T: Send + 'static>(
    ctx: &Ctx,
    work: impl FnOnce(&Ctx) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Stop> {
    let ctx = ctx.clone();
    match tokio::task::spawn_blocking(move || work(&ctx)).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Stop::Store(StoreError::Value("the catalog could not be read".into()))),
    }
}

/// Customers, products, invoice payments, payment intents and charges.
async fn refer(ctx: &Ctx, doc: &mut JobDoc, spec: &SyncSpec, work: &mut Work) -> Result<End, Stop> {
    let max_reads = spec.max_reads;
    let by_id = WantedBy::Id;
    let payment_pages = work.payment_pages();
    let customers = Wanted {
        kind: Kind::Customer,
        ids: std::mem::take(&mut work.customers),
        by: by_id,
        expanded: None,
        pages: work.customer_pages(),
        max_reads,
    };
    // Customers and products are older than their invoices: their lists are walked from the beginning.
    let since = doc.gte.take();
    let mut end = bring(ctx, doc, customers).await?;
    let pages = (work.products.len() as u64).div_ceil(PAGE as u64);
    let ids = std::mem::take(&mut work.products);
    let products = Wanted { kind: Kind::Product, ids, by: by_id, expanded: None, pages, max_reads };
    end = worse(end, bring(ctx, doc, products).await?);
    doc.gte = since;
    let payable = std::mem::take(&mut work.payable);
    let links = Wanted {
        kind: Kind::InvoicePayment,
        ids: payable.clone(),
        by: WantedBy::Invoice,
        expanded: None,
        pages: payment_pages,
        max_reads,
    };
    end = worse(end, bring(ctx, doc, links).await?);
    let changed = std::mem::take(&mut work.changed);
    let (intents, charges) =
        blocking(ctx, move |ctx| payments_of(&ctx.store, ctx.integration.id, &payable, &changed)).await?;
    let with_charge = may_expand_charge(ctx);
    if !with_charge && !intents.is_empty() {
        ctx.progress.warn("charges were left out: the key may not read them (rak_charge_read)");
    }
    let expanded = with_charge.then_some(("latest_charge", Kind::Charge));
    let kind = Kind::PaymentIntent;
    let intents = Wanted { kind, ids: intents, by: by_id, expanded, pages: payment_pages, max_reads };
    end = worse(end, bring(ctx, doc, intents).await?);
    if !charges.is_empty() {
        let kind = Kind::Charge;
        let charges =
            Wanted { kind, ids: charges, by: by_id, expanded: None, pages: payment_pages, max_reads };
        end = worse(end, bring(ctx, doc, charges).await?);
    }
    Ok(end)
}

fn may_expand_charge(ctx: &Ctx) -> bool {
    ctx.integration.may(Kind::Charge.permission()) && ctx.integration.offered(Kind::Charge.path())
}

/// Further lines, and the change from pending to synced.
async fn invoices(ctx: &Ctx, doc: &mut JobDoc, spec: &SyncSpec, items: Vec<Item>) -> Result<End, Stop> {
    let mut end = End::Done;
    let total = items.len() as u64;
    let (long, short): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| item.more_lines);
    let begun_with = ctx.progress.view().done;
    let mut done = 0_u64;
    let mut part = PartView { done, total: Some(total), ..PartView::new(Kind::Invoice) };
    let pause = Duration::from_millis(spec.delay_ms);
    let together = if pause.is_zero() { TOGETHER } else { 1 };
    for group in short.chunks(together) {
        ctx.check(None)?;
        let changes = group.iter().map(|item| change(ctx, item, Outcome::Synced, Vec::new())).collect();
        done += group.len() as u64;
        store(ctx, doc, changes, (begun_with + done, 0)).await?;
        part.done = done;
        tell(ctx, &part, begun_with + done, total - done);
        if !pause.is_zero() {
            ctx.wait(pause).await?;
        }
    }
    // No more are begun than may be read: an answer that comes too late would be read again.
    let may = usize::try_from(ctx.reads_left(spec.max_reads)).unwrap_or(usize::MAX);
    let mut enough = (long.len() > may).then(|| Stop::MaxReads(spec.max_reads.unwrap_or_default()));
    let at_once = if pause.is_zero() { ctx.client.concurrency() } else { 1 };
    let mut answers = futures::stream::iter(long.into_iter().take(may))
        .map(|item| async move {
            ctx.check(spec.max_reads)?;
            let lines = further_lines(ctx, &item).await;
            if !pause.is_zero() {
                ctx.wait(pause).await?;
            }
            Ok::<_, Stop>((item, lines))
        })
        .buffer_unordered(at_once);
    let mut errors = 0_u64;
    while let Some(answer) = answers.next().await {
        let (item, lines) = match answer {
            Ok(answer) => answer,
            // What is under way is waited for and kept.
            Err(stop @ Stop::MaxReads(_)) => {
                enough = Some(stop);
                continue;
            }
            Err(stop) => return Err(stop),
        };
        let (outcome, lines) = match lines {
            Ok(lines) => (Outcome::Synced, lines),
            Err(Stop::Stripe(Error::NotFound { .. })) => (Outcome::Gone, Vec::new()),
            // These concern every invoice, not this one.
            Err(stop) if concerns_all(&stop) => {
                if matches!(stop, Stop::Stripe(Error::MissingPermission { .. })) {
                    ctx.progress.withdrawn(Kind::Invoice);
                }
                return Err(stop);
            }
            Err(stop) => {
                let reason = crate::text::clean_max(&format!("its further lines: {stop}"), MOST_ERROR);
                (Outcome::Failed(reason), Vec::new())
            }
        };
        let failed = matches!(outcome, Outcome::Failed(_));
        if failed {
            errors += 1;
            end = End::Partly;
        } else {
            done += 1;
        }
        let changes = vec![change(ctx, &item, outcome, lines)];
        store(ctx, doc, changes, (begun_with + done, u64::from(failed))).await?;
        if failed {
            ctx.progress.update(|view| view.errors += 1);
        }
        part.done = done;
        tell(ctx, &part, begun_with + done, total - done - errors);
    }
    if let Some(stop) = enough {
        return Err(stop);
    }
    part.finished = true;
    ctx.progress.part(part);
    Ok(end)
}

/// An invoice and its content, as a number whose sums by XOR tell sets of them apart.
fn mark(id: &str, hash: u64) -> u64 {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new().chain_update(hash.to_le_bytes()).chain_update(id).finalize();
    digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

fn concerns_all(stop: &Stop) -> bool {
    match stop {
        Stop::Stripe(error) => {
            error.is_key_refused()
                || matches!(
                    error,
                    Error::Cancelled
                        | Error::MissingPermission { .. }
                        | Error::Network { .. }
                        | Error::Certificate { .. }
                        | Error::RateLimited { .. }
                )
        }
        Stop::Store(_) | Stop::Key(_) | Stop::MaxReads(_) => true,
    }
}

fn change(ctx: &Ctx, item: &Item, outcome: Outcome, lines: Vec<Packed>) -> StateChange {
    StateChange {
        integration: ctx.integration.id,
        id: item.id.to_string(),
        if_hash: item.hash,
        outcome,
        lines,
    }
}

/// Stores changes, and in the same batch how many are done with them and how many more failed: a run that is killed behind it
/// must not take up as many again.
async fn store(
    ctx: &Ctx,
    doc: &mut JobDoc,
    changes: Vec<StateChange>,
    (done, failed): (u64, u64),
) -> Result<(), Stop> {
    let mut batch = Batch::new();
    for change in changes {
        doc.work ^= mark(&change.id, change.if_hash);
        batch.state(change);
    }
    doc.view = ctx.progress.view();
    doc.view.done = done;
    doc.view.errors += failed;
    ctx.add_reads(&mut batch);
    batch.meta(JobDoc::name(ctx.integration.id, doc.view.kind), doc);
    ctx.store.commit(batch, Durability::Applied, (ctx.now)()).await?;
    Ok(())
}

fn tell(ctx: &Ctx, part: &PartView, done: u64, remaining: u64) {
    ctx.progress.update(|view| {
        view.done = done;
        view.remaining = remaining;
    });
    ctx.progress.part(part.clone());
    ctx.progress.tick(&ctx.client, None);
}

/// The lines beyond the inline ones: the `data` arrays of their pages as received, packed.
async fn further_lines(ctx: &Ctx, item: &Item) -> Result<Vec<Packed>, Stop> {
    let integration = ctx.integration.id;
    let Some(record) = ctx.store.record(integration, Kind::Invoice, &item.id)? else { return Ok(Vec::new()) };
    let json =
        std::str::from_utf8(&record.json).map_err(|_| StoreError::Value("an invoice's text".into()))?;
    let mut after = serde_json::from_str::<InvoiceHead>(json)
        .ok()
        .and_then(|head| head.lines.data.last().map(|line| line.id.clone().into_owned()));
    let mut pages = Vec::new();
    loop {
        let mut params = vec![("limit", PAGE.to_string())];
        if let Some(after) = &after {
            params.push(("starting_after", after.clone()));
        }
        let page = ctx.client.list(&format!("/v1/invoices/{}/lines", item.id), &params).await?;
        let lines: Vec<&str> = page.iter().collect();
        after = lines
            .last()
            .and_then(|json| serde_json::from_str::<crate::stripe::view::ObjectHead>(json).ok())
            .map(|head| head.id.into_owned());
        let array = format!("[{}]", lines.join(","));
        pages.push(ctx.store.codec().packer(Content::Lines)?.pack(array.as_bytes())?);
        if !page.has_more || after.is_none() {
            return Ok(pages);
        }
    }
}

/// Where a sync of payments goes on.
#[derive(Serialize, Deserialize)]
struct Left {
    /// When the first of its runs began: from then on events tell.
    begun: i64,
    gte: Option<i64>,
    walk: Walk,
}

/// With billing off: payment intents with their latest charge. After the first whole run, events keep them
/// current; a day's overlap covers what they may have missed.
async fn payments_only(ctx: &Ctx, doc: &mut JobDoc, spec: &SyncSpec) -> Result<End, Stop> {
    let own = |name| crate::integration::Integration::own_document(ctx.integration.id, name);
    let (name, left_name) = (own(PAYMENTS_SINCE), own(PAYMENTS_LEFT));
    let walk_name = whole_walk(Kind::PaymentIntent);
    let before = ctx.store.meta::<Left>(&left_name)?;
    let begun = before.as_ref().map_or(doc.view.started_at, |left| left.begun);
    if doc.gte.is_none() && doc.walks.is_empty() {
        if let Some(Left { gte, mut walk, .. }) = before {
            // What came since is part of it.
            walk.extend(doc.lt);
            doc.gte = gte;
            doc.walks.insert(walk_name.clone(), walk);
        } else {
            doc.gte = ctx.store.meta::<i64>(&name)?.map(|since| since - 86_400);
        }
    }
    let with_charge = may_expand_charge(ctx);
    let mut reading = Reading {
        expanded: with_charge.then_some(("latest_charge", Kind::Charge)),
        leads: true,
        max_reads: spec.max_reads,
        most: left(doc, spec),
        pause: Duration::from_millis(spec.delay_ms),
        ..Reading::whole(Kind::PaymentIntent)
    };
    if with_charge {
        reading.params.push(("expand[]", "data.latest_charge".into()));
    } else {
        ctx.progress.warn("charges were left out: the key may not read them (rak_charge_read)");
    }
    read(ctx, doc, reading).await.inspect_err(|stop| {
        if matches!(stop, Stop::Stripe(Error::MissingPermission { .. })) {
            ctx.progress.withdrawn(Kind::PaymentIntent);
        }
    })?;
    let end = super::discover::resources(ctx, doc, &spec.resources, spec.max_reads).await?;
    let mut batch = Batch::new();
    match doc.walks.get(&walk_name).filter(|walk| !walk.is_done()) {
        // The batch is full: the next run goes on there.
        Some(walk) => batch.meta(left_name, &Left { begun, gte: doc.gte, walk: walk.clone() }),
        None => batch.meta(name, &begun).remove_meta(left_name),
    };
    ctx.store.commit(batch, Durability::Applied, (ctx.now)()).await?;
    Ok(end)
}
