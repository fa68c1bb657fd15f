//! Reads a list to its end: pages side by side, packed off the main thread, stored with the walk's state.
//!
//! It must never start a page whose batch is durable again, and never hold more than a few pages: reading
//! waits for the store.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::job::{Ctx, JobDoc, Stop};
use super::pack::{Records, take_expanded};
use super::plain;
use super::walk::{Ask, Walk};
use crate::store::batch::RecordWrite;
use crate::store::merge::Via;
use crate::store::{Batch, Durability, StoreError};
use crate::stripe::kind::Kind;
use crate::stripe::view::ObjectHead;
use crate::stripe::{Error, Page};

/// Rows a page: Stripe's most.
pub const PAGE: usize = 100;

/// What to read, and what of it to keep.
pub struct Reading {
    /// The list.
    pub kind: Kind,
    /// Filters and expansions beyond the walk's own.
    pub params: Vec<(&'static str, String)>,
    /// Only rows with these ids are kept; the walk ends when all have been seen. None: all rows. One set for
    /// the whole reading: at a million invoices a second copy would be felt.
    pub wanted: Option<WantedIds>,
    /// What an id in `wanted` stands for.
    pub wanted_by: WantedBy,
    /// Only rows with these statuses are kept; empty: all.
    pub statuses: Vec<String>,
    /// A field that was expanded to save reads, and the kind of what it holds.
    pub expanded: Option<(&'static str, Kind)>,
    /// Give the list up when it brings too little: single reads are cheaper then.
    pub may_give_up: bool,
    /// Most reads of the job.
    pub max_reads: Option<u64>,
    /// Whether its progress is the job's (discover) or a part's.
    pub leads: bool,
    /// Most rows that are stored; the walk stays where it is then, and can be gone on with.
    pub most: Option<u64>,
    /// Between a page and the next, for each row of it. Its pages follow one another then.
    pub pause: Duration,
}

/// Ids that are wanted, and whether each has been seen.
pub type WantedIds = HashMap<Box<str>, bool>;

/// How rows are matched with what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedBy {
    /// The row's own id.
    Id,
    /// The id of the invoice that an invoice payment belongs to. Several rows may belong to one.
    Invoice,
}

impl Reading {
    /// All of a list.
    pub fn whole(kind: Kind) -> Self {
        Self {
            kind,
            params: Vec::new(),
            wanted: None,
            wanted_by: WantedBy::Id,
            statuses: Vec::new(),
            expanded: None,
            may_give_up: false,
            max_reads: None,
            leads: false,
            most: None,
            pause: Duration::ZERO,
        }
    }

    /// Its pages follow one another: how many rows may be asked for depends on those that came.
    fn in_turn(&self) -> bool {
        self.most.is_some() || !self.pause.is_zero()
    }

    /// Rows that a page is asked for, when so many are stored; 0: there are enough.
    fn page(&self, stored: u64) -> usize {
        let left = self.most.map_or(u64::MAX, |most| most.saturating_sub(stored));
        usize::try_from(left).unwrap_or(usize::MAX).min(PAGE)
    }
}

/// The name of the walk that keeps all of a list.
pub fn whole_walk(kind: Kind) -> String {
    format!("all {}", kind.list_name())
}

/// What a reading brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brought {
    /// Rows stored.
    pub stored: u64,
    /// Ids that were wanted and not seen, in no order.
    pub missing: Vec<Box<str>>,
    /// The whole list was read (so what is missing is not in it).
    pub whole: bool,
}

/// What the rows of a list are: their kind, a field that is expanded and its kind, what they are matched by.
pub(super) type Shape = (Kind, Option<(&'static str, Kind)>, WantedBy);

pub(super) struct Row {
    pub(super) key: String,
    pub(super) status: String,
    pub(super) writes: Vec<RecordWrite>,
}

pub(super) struct Prepared {
    pub(super) rows: Vec<Row>,
    pub(super) created: Vec<i64>,
    pub(super) last_id: Option<String>,
    pub(super) has_more: bool,
}

/// Pages that are being read: the window of each, and what came.
type Pages = JoinSet<(usize, Result<Prepared, Stop>)>;

/// Pages over which it is judged whether a list brings enough.
const JUDGED_PAGES: u64 = 8;

/// Reads. The walk's state lives in `doc.walks[kind]` and is stored with every page.
pub async fn read(ctx: &Ctx, doc: &mut JobDoc, mut reading: Reading) -> Result<Brought, Stop> {
    // What is read whole and what is only looked through for some ids are walks of their own.
    let name = match reading.wanted {
        Some(_) => reading.kind.list_name().to_owned(),
        None => whole_walk(reading.kind),
    };
    let name = name.as_str();
    let mut walk = doc.walks.get(name).cloned().unwrap_or_else(|| Walk::new(doc.gte, doc.lt));
    walk.reset();
    let mut wanted = reading.wanted.take();
    let total = wanted.as_ref().map(|wanted| wanted.len() as u64);
    let mut unseen = total.unwrap_or_default();
    let mut brought = Brought::default();
    let mut under_way = Pages::new();
    let shared = Arc::new((reading.kind, reading.expanded, reading.wanted_by));
    let base: Vec<(&'static str, String)> = reading
        .kind
        .list_params()
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .chain(reading.params.clone())
        .collect();
    let result = loop {
        if let Err(stop) = ctx.check(None) {
            break Err(stop);
        }
        if reading.page(brought.stored) == 0 {
            break Ok(());
        }
        ask_on(ctx, &reading, &shared, &base, &mut walk, &mut under_way, brought.stored);
        let Some(joined) = under_way.join_next().await else {
            // Nothing is under way: either all is read, or no more may be.
            break if walk.is_done() { Ok(()) } else { ctx.check(reading.max_reads) };
        };
        // A page task can only end early by a panic in a parser.
        let Ok((window, prepared)) = joined else {
            break Err(Stop::Store(StoreError::Value("a page could not be read".into())));
        };
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(Stop::Stripe(Error::BadCursor)) => {
                walk.lost_cursor(window);
                continue;
            }
            Err(stop) => break Err(stop),
        };
        let ours = walk.page(window, &prepared.created, prepared.last_id.as_deref(), prepared.has_more);
        prepared.rows.truncate(ours);
        // The next pages are asked for before this one is stored.
        if !reading.in_turn() {
            ask_on(ctx, &reading, &shared, &base, &mut walk, &mut under_way, brought.stored);
        }
        let mut batch = Batch::new();
        let mut hits = 0;
        for row in prepared.rows {
            let keep = match &mut wanted {
                Some(wanted) => wanted.get_mut(row.key.as_str()).is_some_and(|seen| {
                    unseen -= u64::from(!*seen);
                    *seen = true;
                    true
                }),
                None => reading.statuses.is_empty() || reading.statuses.contains(&row.status),
            };
            if keep {
                hits += 1;
                for write in row.writes {
                    batch.record(write);
                }
            }
        }
        brought.stored += hits;
        let enough = wanted.is_some() && unseen == 0 && reading.wanted_by == WantedBy::Id;
        let poor = reading.may_give_up
            && walk.pages >= JUDGED_PAGES
            && brought.stored < walk.pages
            && (unseen as f64) < walk.rows_left() / PAGE as f64;
        let stop_early = (enough || poor) && !walk.is_done();
        if stop_early {
            walk.finish();
        }
        tell(ctx, &reading, &walk, hits, (brought.stored, total));
        let durable = doc.walks.insert(name.to_owned(), walk.clone());
        doc.view = ctx.progress.view();
        ctx.add_reads(&mut batch);
        batch.meta(JobDoc::name(ctx.integration.id, doc.view.kind), doc);
        if let Err(error) = ctx.store.commit(batch, Durability::Applied, (ctx.now)()).await {
            // The page is not stored, so the walk has not got past it: on a full disk the job's document may
            // still find room where the page did not.
            match durable {
                Some(durable) => doc.walks.insert(name.to_owned(), durable),
                None => doc.walks.remove(name),
            };
            return Err(Stop::Store(error));
        }
        if stop_early {
            under_way.abort_all();
            brought.missing = not_seen(wanted);
            doc.walks.insert(name.to_owned(), walk);
            return Ok(brought);
        }
        if !reading.pause.is_zero()
            && !walk.is_done()
            && reading.page(brought.stored) > 0
            && let Err(stop) =
                ctx.wait(reading.pause.saturating_mul(u32::try_from(hits).unwrap_or(u32::MAX))).await
        {
            break Err(stop);
        }
    };
    under_way.abort_all();
    if let Err(stop) = &result
        && walk.pages == 0
        && plain::applies(ctx, reading.kind, stop).await
    {
        return plain::read(ctx, doc, &reading, wanted).await;
    }
    brought.whole = result.is_ok() && walk.is_done() && !walk.ended_early;
    brought.missing = not_seen(wanted);
    walk.reset();
    doc.walks.insert(name.to_owned(), walk);
    result.map(|()| brought)
}

pub(super) fn not_seen(wanted: Option<WantedIds>) -> Vec<Box<str>> {
    wanted.unwrap_or_default().into_iter().filter(|(_, seen)| !seen).map(|(id, _)| id).collect()
}

/// Asks for as many pages as may be under way. Near the job's last read it asks for fewer, so that none is
/// sent whose answer would have to be thrown away.
fn ask_on(
    ctx: &Ctx,
    reading: &Reading,
    shared: &Arc<Shape>,
    base: &[(&'static str, String)],
    walk: &mut Walk,
    under_way: &mut Pages,
    stored: u64,
) {
    let readers = if reading.in_turn() { 1 } else { ctx.client.concurrency() };
    while ctx.reads_left(reading.max_reads) > under_way.len() as u64 {
        let Some(ask) = walk.ask(readers) else { break };
        let (ctx, shared, params) = (ctx.clone(), shared.clone(), query(base, &ask, reading.page(stored)));
        under_way.spawn(async move { (ask.window, page(&ctx, &shared, params).await) });
    }
}

fn query(base: &[(&'static str, String)], ask: &Ask, rows: usize) -> Vec<(&'static str, String)> {
    let mut params = base.to_vec();
    params.push(("limit", rows.to_string()));
    if let Some(gte) = ask.gte {
        params.push(("created[gte]", gte.to_string()));
    }
    params.push(("created[lt]", ask.lt.to_string()));
    if let Some(after) = &ask.after {
        params.push(("starting_after", after.clone()));
    }
    params
}

pub(super) async fn page(
    ctx: &Ctx,
    shared: &Arc<Shape>,
    params: Vec<(&'static str, String)>,
) -> Result<Prepared, Stop> {
    let page = ctx.client.list(shared.0.path(), &params).await?;
    let (ctx, shared) = (ctx.clone(), shared.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&ctx, *shared, &page)).await;
    match prepared {
        Ok(result) => result.map_err(Stop::Store),
        Err(_) => Err(Stop::Store(StoreError::Value("a page could not be read".into()))),
    }
}

fn prepare(ctx: &Ctx, (kind, expanded, wanted_by): Shape, page: &Page) -> Result<Prepared, StoreError> {
    let integration = ctx.integration.id;
    let mut packer = Records::new(&ctx.store, integration, kind)?;
    let mut inner = expanded
        .map(|(field, kind)| Records::new(&ctx.store, integration, kind).map(|records| (field, records)))
        .transpose()?;
    let mut rows = Vec::with_capacity(page.len());
    let mut created = Vec::with_capacity(page.len());
    let mut last_id = None;
    for json in page.iter() {
        let Ok(head) = serde_json::from_str::<ObjectHead>(json) else { continue };
        if head.id.is_empty() {
            continue;
        }
        let id = head.id.into_owned();
        let mut writes = Vec::with_capacity(2);
        let mut plain = None;
        if let Some((field, records)) = &mut inner
            && let Some((without, inner_id, inner_json)) = take_expanded(json, field)
        {
            writes.push(records.record(&inner_id, inner_json, page.date, Via::Listed)?);
            plain = Some(without);
        }
        let write = packer.record(&id, plain.as_deref().unwrap_or(json), page.date, Via::Listed)?;
        let key = match wanted_by {
            WantedBy::Id => id.clone(),
            // The label of an invoice payment is its invoice (see `summary`).
            WantedBy::Invoice => write.header.label.clone(),
        };
        created.push(head.created.unwrap_or_default());
        last_id = Some(id);
        let status = write.header.status.clone();
        writes.push(write);
        rows.push(Row { key, status, writes });
    }
    Ok(Prepared { rows, created, last_id, has_more: page.has_more })
}

fn tell(ctx: &Ctx, reading: &Reading, walk: &Walk, hits: u64, (stored, total): (u64, Option<u64>)) {
    ctx.progress.update(|view| {
        view.pages += 1;
        if reading.leads {
            view.done += hits;
            view.fraction = Some(walk.fraction());
        }
    });
    if !reading.leads {
        ctx.progress.part(crate::engine::api::PartView {
            done: stored,
            total,
            ..crate::engine::api::PartView::new(reading.kind)
        });
    }
    ctx.progress.tick(&ctx.client, reading.leads.then(|| walk.rows_left()));
}
