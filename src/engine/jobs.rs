//! Starting, resuming, stopping and ending discover and sync.
//!
//! One job of a kind runs for an integration; a second is told which one does. It must never start a job that
//! spends reads against a key that is known to be refused.

use std::sync::Arc;

use super::api::{
    Answer, DiscoverSpec, IntegrationId, JobId, JobKind, JobOutcome, JobState, JobView, Level, Pace, SyncSpec,
};
use super::runtime::Running;
use super::{Engine, history, poller, publish, refused};
use crate::clock;
use crate::events::poll::{self, Cursor};
use crate::integration::Integration;
use crate::store::{Batch, Durability, Store};
use crate::stripe::{Client, Error};
use crate::sync::job::{Ctx, End, JobDoc, Progress, Stop, What, at_rest};
use crate::sync::{discover, run};

/// Starts (or goes on with) a discover.
pub async fn discover(engine: &Engine, id: IntegrationId, spec: DiscoverSpec) -> Answer {
    if let Err(reason) = discover::check_statuses(&spec.statuses) {
        return refused(reason);
    }
    start(engine, id, What::Discover(spec)).await
}

/// Starts (or goes on with) a sync.
pub async fn sync(engine: &Engine, id: IntegrationId, spec: SyncSpec) -> Answer {
    start(engine, id, What::Sync(spec)).await
}

/// Takes up what the process before this one was doing when it ended.
pub async fn resume(engine: &Engine, id: IntegrationId, what: What) {
    if let Answer::Refused { reason } = start(engine, id, what).await {
        engine.message(Level::Warning, Some(id), reason);
    }
}

/// Stops a job where it is.
pub fn cancel(engine: &Engine, job: JobId) -> Answer {
    let state = engine.state();
    for runtime in state.runtimes.values() {
        for slot in [&runtime.discover, &runtime.sync] {
            if let Some(running) = slot.running.as_ref().filter(|running| running.id == job) {
                running.cancel.cancel();
                return Answer::Done;
            }
        }
    }
    refused(format!("{job} does not run"))
}

async fn start(engine: &Engine, id: IntegrationId, what: What) -> Answer {
    let kind = match what {
        What::Discover(_) => JobKind::Discover,
        What::Sync(_) => JobKind::Sync,
    };
    let Some(store) = engine.store() else { return refused("the store is still opening") };
    let config = {
        let mut state = engine.state();
        let Some(runtime) = state.runtimes.get_mut(&id) else {
            return refused("there is no such integration");
        };
        if let Some(running) = &runtime.slot(kind).running {
            return Answer::Busy { job: running.id };
        }
        runtime.config.clone()
    };
    if let Some(reason) = obstacle(&config, &what) {
        return refused(reason);
    }
    let client = match engine.client(id).await {
        Ok(client) => client,
        Err(reason) => return refused(reason),
    };
    let cancel = engine.inner.cancel.child_token();
    let client = client.with_pace(pace_of(&what), cancel.clone());
    let (mut doc, resumed) = match prepare(engine, &store, &config, what, client.pace()).await {
        Ok(prepared) => prepared,
        Err(reason) => return refused(reason),
    };
    let job = doc.view.id;
    let progress = Progress::new(doc.view.clone(), engine.inner.changed.clone());
    progress.watch(&client);
    let leaving = {
        let mut state = engine.state();
        let Some(runtime) = state.runtimes.get_mut(&id) else {
            return refused("there is no such integration");
        };
        // Between the look above and now it may have been disconnected (its schedule ends first), or got another key.
        let leaving = runtime.config.off_since.is_some()
            || runtime.config.key != config.key
            || runtime.poll.stop.is_cancelled();
        let slot = runtime.slot(kind);
        // And another request may have been faster.
        if let Some(running) = &slot.running {
            return Answer::Busy { job: running.id };
        }
        if !leaving {
            slot.cut_off = None;
            slot.running = Some(Running { id: job, progress: progress.clone(), cancel: cancel.clone() });
        }
        leaving
    };
    if leaving {
        // At the end of the process it stays as running: the next one takes it up.
        if !engine.inner.cancel.is_cancelled() {
            not_begun(engine, &store, id, &mut doc).await;
        }
        return refused(format!("{} was just changed: start it again", config.name));
    }
    let now = engine.inner.options.now.clone();
    let ctx = Ctx { store, client, integration: config, now, progress, cancel };
    let task = engine.clone();
    engine.spawn(async move { carry_out(&task, ctx, doc).await });
    // Until now the snapshot tells of the run that was cut off, under the same number: whoever follows it
    // would take it for ended.
    publish::now(engine);
    Answer::Started { job, resumed }
}

/// A run that was stored as running and does not run after all.
async fn not_begun(engine: &Engine, store: &Store, id: IntegrationId, doc: &mut JobDoc) {
    let now = engine.now();
    doc.view.state = JobState::Cancelled;
    doc.view.finished_at = Some(now);
    at_rest(&mut doc.view);
    let mut batch = Batch::new();
    batch.meta(JobDoc::name(id, doc.view.kind), &*doc);
    if let Err(error) = store.commit(batch, Durability::Applied, now).await {
        tracing::warn!(%error, "a run that was not begun is kept as running");
    }
}

/// Why a job can't be started at all.
fn obstacle(config: &Integration, what: &What) -> Option<String> {
    let name = &config.name;
    if config.off_since.is_some() {
        return Some(format!("{name} is disconnected: connect it again with `tillwatch connect`"));
    }
    if let Some(refusal) = &config.refused {
        return Some(format!(
            "{} Give {name} a new key: `tillwatch integrations edit {} --api-key-file F`",
            refusal.reason, config.id.0
        ));
    }
    if let What::Discover(spec) = what
        && !config.billing
        && spec.resources.is_empty()
    {
        return Some(format!(
            "{name} is connected without billing, so there are no invoices to discover: `tillwatch sync` keeps its payments, `tillwatch integrations edit {} --billing on` adds invoices",
            config.id.0
        ));
    }
    let needed = if config.billing { "rak_invoice_read" } else { "rak_payment_intent_read" };
    if !config.may(needed) {
        return Some(format!(
            "the key of {name} may not read what this needs ({needed}): tick it in Stripe, then `tillwatch integrations check {}`",
            config.id.0
        ));
    }
    None
}

/// The unfinished run of the same kind and range, or a new one; stored before anything is asked of Stripe.
async fn prepare(
    engine: &Engine,
    store: &Store,
    config: &Integration,
    what: What,
    pace: String,
) -> Result<(JobDoc, bool), String> {
    let now = engine.now();
    let text = |error: crate::store::StoreError| error.to_string();
    let kind = match what {
        What::Discover(_) => JobKind::Discover,
        What::Sync(_) => JobKind::Sync,
    };
    let name = JobDoc::name(config.id, kind);
    let known: Option<JobDoc> = store.meta(&name).map_err(text)?;
    let (doc, resumed) = match known {
        Some(mut doc) if doc.is_unfinished() && doc.what.same_work(&what) => {
            // What came since is part of the work, unless a last day was named.
            if !matches!(&what, What::Discover(spec) if spec.to.is_some()) {
                doc.reach(now + 1);
            }
            doc.what = what;
            let view = &mut doc.view;
            view.state = JobState::Running;
            view.outcome = None;
            view.finished_at = None;
            view.error = None;
            view.warnings.clear();
            view.errors = 0;
            view.retries = 0;
            view.pace = pace;
            (doc, true)
        }
        known => {
            let range = range(config, &what, now)?;
            let next: u64 = store.meta("next/job").map_err(text)?.unwrap_or(1);
            let mut batch = Batch::new();
            // A run that the process before this one was cut off in, and that nobody takes up.
            if let Some(mut cut_off) = known.filter(|doc| doc.view.state == JobState::Running) {
                cut_off.view.state = JobState::Cancelled;
                cut_off.view.finished_at = Some(now);
                cut_off.view.error = Some("cut off; another run took its place".into());
                at_rest(&mut cut_off.view);
                history::add(store, &mut batch, config.id, &cut_off.view).map_err(text)?;
            }
            batch.meta("next/job", &(next + 1));
            store.commit(batch, Durability::Applied, now).await.map_err(text)?;
            (JobDoc::new(JobId(next), what, range, now, pace), false)
        }
    };
    let mut batch = Batch::new();
    batch.meta(name, &doc);
    // Whoever is told the number may ask for it after a kill, and no other run gets it.
    store.commit(batch, Durability::Synced, now).await.map_err(text)?;
    Ok((doc, resumed))
}

/// First second and the second after the last, of the days asked for in the account's time zone.
fn range(config: &Integration, what: &What, now: i64) -> Result<(Option<i64>, i64), String> {
    let What::Discover(spec) = what else { return Ok((None, now + 1)) };
    let (gte, lt) = clock::day_range(spec.from.as_deref(), spec.to.as_deref(), config.timezone.as_str())?;
    // An open end is this second: what comes later is an event's business.
    Ok((gte, lt.unwrap_or(now + 1)))
}

/// A wrong clock shifts days and ages on the screen, and what counts as today.
fn skew(seconds: i64) -> String {
    let (ahead, side) = if seconds > 0 { (seconds, "behind") } else { (-seconds, "ahead of") };
    format!(
        "this machine's clock is {} {side} Stripe's: set it, or days and ages are shown wrong",
        clock::duration_left(ahead.unsigned_abs())
    )
}

/// The work itself, with the progress told each second.
async fn work(ctx: &Ctx, doc: &mut JobDoc, what: &What) -> Result<End, Stop> {
    let work = async {
        match what {
            What::Discover(spec) => discover::run(ctx, doc, spec).await,
            What::Sync(spec) => run::run(ctx, doc, spec).await,
        }
    };
    let mut work = std::pin::pin!(work);
    let mut seconds = tokio::time::interval(std::time::Duration::from_secs(1));
    loop {
        tokio::select! {
            result = &mut work => break result,
            _ = seconds.tick() => ctx.progress.refresh(&ctx.client),
        }
    }
}

/// A client with the key that the integration has now. The reads of the one before are stored first.
async fn other_key(engine: &Engine, ctx: &Ctx, what: &What) -> Option<(Client, Arc<Integration>)> {
    let id = ctx.integration.id;
    let mut batch = Batch::new();
    ctx.add_reads(&mut batch);
    ctx.store.commit(batch, Durability::Applied, engine.now()).await.ok()?;
    let client = engine.client(id).await.ok()?;
    let integration = engine.state().runtimes.get(&id)?.config.clone();
    Some((client.with_pace(pace_of(what), ctx.cancel.clone()), integration))
}

fn pace_of(what: &What) -> Pace {
    match what {
        What::Discover(spec) => spec.pace,
        What::Sync(spec) => spec.pace,
    }
}

async fn carry_out(engine: &Engine, mut ctx: Ctx, mut doc: JobDoc) {
    let id = ctx.integration.id;
    let what = doc.what.clone();
    // The newest event is noted before a backfill begins, so that what changes meanwhile is caught up with.
    let noted = ctx.store.meta::<Cursor>(&Cursor::name(id)).ok().flatten().is_some();
    if !noted && poll::possible(&ctx.integration) {
        poller::once(engine, id).await;
    }
    let mut again = false;
    let result = loop {
        let result = work(&ctx, &mut doc, &what).await;
        let Err(Stop::Stripe(error)) = &result else { break result };
        if !error.is_key_refused() || !engine.note_error(&ctx.integration, error).await || again {
            break result;
        }
        again = true;
        // Another key of the same account took its place: the run goes on where it is.
        match other_key(engine, &ctx, &what).await {
            Some((client, integration)) => {
                ctx.progress.watch(&client);
                ctx.client = client;
                ctx.integration = integration;
            }
            None => break result,
        }
    };
    if result.is_ok() && poll::possible(&ctx.integration) && !ctx.cancel.is_cancelled() {
        poller::once(engine, id).await;
    }
    match &result {
        Ok(_) => engine.note_answer(id),
        Err(Stop::Stripe(Error::Cancelled)) => {}
        Err(Stop::Stripe(error)) => {
            // A refused key was told above.
            if !error.is_key_refused() {
                engine.note_error(&ctx.integration, error).await;
            }
        }
        Err(stop) => engine.message(Level::Warning, Some(id), stop.to_string()),
    }
    let withdrawn = ctx.progress.take_withdrawn();
    if !withdrawn.is_empty() {
        engine
            .change_integration(id, |config| {
                for kind in withdrawn {
                    crate::integration::check::withdraw(&mut config.permissions, kind);
                }
            })
            .await;
    }
    if let Some(warning) = ctx.client.clock_skew_s().map(skew) {
        ctx.progress.warn(warning);
    }
    let now = engine.now();
    ctx.progress.tick(&ctx.client, None);
    doc.view = ctx.progress.view();
    let ended = engine.inner.cancel.is_cancelled() && matches!(result, Err(Stop::Stripe(Error::Cancelled)));
    if !ended {
        doc.close(&result, now);
    }
    // At the end of the process the job is left as running: the next one takes it up.
    let mut batch = Batch::new();
    ctx.add_reads(&mut batch);
    batch.meta(JobDoc::name(id, doc.view.kind), &doc);
    if !ended && let Err(error) = history::add(&ctx.store, &mut batch, id, &doc.view) {
        tracing::warn!(%error, "the run is not in the history");
    }
    if let Err(error) = ctx.store.commit(batch, Durability::Synced, now).await {
        doc.close(&Err(Stop::Store(error)), now);
    }
    if ended {
        doc.close(&result, now);
    }
    if let Some((level, text)) = ending(&doc.view) {
        engine.message(level, Some(id), text);
    }
    let mut state = engine.state();
    if let Some(runtime) = state.runtimes.get_mut(&id) {
        let slot = runtime.slot(doc.view.kind);
        slot.running = None;
        slot.view = Some(doc.view);
    }
    drop(state);
    engine.inner.changed.notify_one();
}

/// How a run ended, for a person who looks elsewhere meanwhile; one that a person stopped says nothing.
fn ending(view: &JobView) -> Option<(Level, String)> {
    use crate::text::{count, reads};
    let (word, done) = match view.kind {
        JobKind::Discover => ("discover", "listed"),
        JobKind::Sync => ("sync", "stored"),
    };
    let seconds = view.finished_at.map_or(0, |end| (end - view.started_at).max(0));
    let sums = format!("{} {done}, {}, {seconds} s", count(view.done), reads(view.reads));
    match view.outcome? {
        JobOutcome::Done => Some((Level::Info, format!("the {word} is done: {sums}"))),
        JobOutcome::Partly => Some((Level::Warning, format!("the {word} is done in part: {sums}"))),
        JobOutcome::Failed => {
            let why = view.error.as_deref().unwrap_or("the log says why");
            Some((Level::Error, format!("the {word} failed: {why}")))
        }
        // A refused key was told already.
        JobOutcome::KeyRefused | JobOutcome::Stopped => None,
    }
}
