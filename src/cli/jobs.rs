//! What discover and sync share on the command line: flags, asking before a costly run, the progress line,
//! the end.
//!
//! Ctrl-c stops a job where it is; the next run goes on there.

use clap::Args;
use serde_json::json;

use super::context::{Context, Working, title};
use super::out::{DONE, FAILED, Fail, INTERRUPTED, NOT_CONNECTED, Out, Outcome, PARTLY};
use crate::clock;
use crate::engine::Engine;
use crate::engine::api::{
    Answer, IntegrationView, JobId, JobKind, JobOutcome, JobState, JobView, Pace, Request,
};
use crate::engine::publish::{READ_FLOOR, build};
use crate::integration::Integration;
use crate::stripe::BaseUrl;
use crate::stripe::kind::Kind;
use crate::text::{clean, count, reads};

/// A run that would use more than this share of the read floor is asked about.
const ASK_ABOVE: u64 = READ_FLOOR / 10;
/// Cells of the progress bar.
const BAR: usize = 24;

/// Flags of both commands.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// Number, name or account; may be left out when there is one
    #[arg(short, long, value_name = "NAME")]
    pub integration: Option<String>,
    /// Further kinds to keep whole, by Stripe's list names
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', num_args = 1.., value_parser = kind)]
    pub resources: Vec<Kind>,
    /// polite (15 GET/s an endpoint), full (Stripe's limits), none (loopback only), or a number of GET/s
    #[arg(long, value_name = "PACE", default_value = "auto", value_parser = pace)]
    pub pace: Pace,
    /// Print what would be done and what it costs; do nothing
    #[arg(long)]
    pub plan: bool,
    /// Stop after this many reads; the run can be taken up again
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_reads: Option<u64>,
    /// Do not ask before a costly run
    #[arg(long)]
    pub yes: bool,
}

fn kind(word: &str) -> Result<Kind, String> {
    Kind::parse(word).ok_or_else(|| {
        let names: Vec<&str> = Kind::all().map(Kind::list_name).collect();
        format!("`{}` is no kind that tillwatch keeps: {}", clean(word), names.join(", "))
    })
}

fn pace(word: &str) -> Result<Pace, String> {
    match word {
        "auto" => Ok(Pace::Auto),
        "polite" => Ok(Pace::Polite),
        "full" => Ok(Pace::Full),
        "none" => Ok(Pace::None),
        number => match number.parse::<u32>() {
            Ok(rate @ 1..=10_000) => Ok(Pace::PerEndpoint(rate)),
            _ => Err("use polite, full, none, or a whole number of GET/s".into()),
        },
    }
}

/// `--pace none` is for a server of one's own.
pub fn check_pace(context: &Context, integration: &Integration, pace: Pace) -> Result<(), Fail> {
    if pace != Pace::None {
        return Ok(());
    }
    let loopback = match &context.api_base {
        Some(base) => base.is_loopback(),
        None => BaseUrl::parse(&integration.base_url).is_ok_and(|base| base.is_loopback()),
    };
    if loopback {
        Ok(())
    } else {
        Err(Fail::usage("--pace none is for a local server only: use polite or full"))
    }
}

/// GETs a second that a run may send to one endpoint, for telling how long it takes.
pub fn rate(integration: &Integration, pace: Pace) -> f64 {
    crate::sync::plan::rate(pace, integration.livemode)
}

/// Asks before a run that would use more than a tenth of the read floor.
pub fn may_cost(out: &Out, args: &JobArgs, reads: u64, exact: bool) -> Result<(), Fail> {
    let reads = args.max_reads.map_or(reads, |most| reads.min(most));
    if args.yes || reads <= ASK_ABOVE {
        return Ok(());
    }
    let share = reads * 100 / READ_FLOOR;
    let what = format!(
        "{}{} reads, {share} % of the {} that every account may send in 30 days",
        if exact { "" } else { "about " },
        count(reads),
        count(READ_FLOOR)
    );
    match out.confirm(&format!("This takes {what}. Go on?")) {
        Some(true) => Ok(()),
        Some(false) => Err(Fail::new(FAILED, "nothing was done")),
        None => {
            Err(Fail::usage(format!("this takes {what}: give --yes, or --max-reads N to do it in parts")))
        }
    }
}

/// Runs a job in this process until it ends.
pub async fn run(
    context: &Context,
    engine: &Working,
    integration: &Integration,
    kind: JobKind,
    request: Request,
) -> Outcome {
    let out = &context.out;
    let (job, resumed) = match engine.request(request).await {
        Answer::Started { job, resumed } => (job, resumed),
        Answer::Refused { reason } => {
            engine.shutdown().await;
            return Err(Fail::new(refusal_code(integration, kind), reason));
        }
        Answer::Busy { job } => {
            engine.shutdown().await;
            return Err(Fail::new(FAILED, format!("{job} is running already")));
        }
        _ => return Err(Fail::new(FAILED, "the engine gave no answer")),
    };
    if resumed {
        out.say(format!("going on with {job} where it was"));
    }
    let ended = follow(engine, out, integration, kind, job).await;
    if ended.is_none() && out.holder_ends() {
        // Not stopped: the job stays stored as running, and the next start goes on with it.
        return Err(Fail::new(
            FAILED,
            format!("the tillwatch that runs {job} ends: it goes on with it when it is started again"),
        ));
    }
    if ended.is_none() {
        engine.stop(job).await;
    }
    let view = build(engine).integrations.into_iter().find(|one| one.id == integration.id);
    engine.shutdown().await;
    let Some(ended) = ended else {
        out.say("stopped; run it again to go on where it is");
        return Ok(INTERRUPTED);
    };
    report(out, integration, &ended, view.as_ref());
    Ok(match ended.outcome {
        Some(JobOutcome::Done) => DONE,
        Some(JobOutcome::Partly) => PARTLY,
        Some(JobOutcome::KeyRefused) => NOT_CONNECTED,
        Some(JobOutcome::Stopped) => INTERRUPTED,
        Some(JobOutcome::Failed) | None => FAILED,
    })
}

/// What the key or the missing connection stands in the way of is not wrong usage, and neither is a vault that stays
/// shut or a full disk. Flags were looked at before the engine was asked.
fn refusal_code(integration: &Integration, kind: JobKind) -> u8 {
    let needed = if integration.billing { Kind::Invoice } else { Kind::PaymentIntent };
    let connected = integration.off_since.is_none() && integration.refused.is_none();
    if connected && kind == JobKind::Discover && !integration.billing {
        super::out::USAGE
    } else if connected && integration.may(needed.permission()) {
        FAILED
    } else {
        NOT_CONNECTED
    }
}

/// Waits for the end; `None` when a signal came first.
async fn follow(
    engine: &Engine,
    out: &Out,
    integration: &Integration,
    kind: JobKind,
    job: JobId,
) -> Option<JobView> {
    let mut snapshots = engine.snapshots();
    let mut interrupt = std::pin::pin!(out.interrupted());
    let shows = out.shows_progress();
    let ended = loop {
        let view = {
            // Made now: the published one may be older than the start of a job that was taken up again, and
            // would still tell how it ended before.
            snapshots.mark_unchanged();
            let snapshot = build(engine);
            let one = snapshot.integrations.iter().find(|one| one.id == integration.id);
            one.and_then(|one| match kind {
                JobKind::Discover => one.discover.clone(),
                JobKind::Sync => one.sync.clone(),
            })
            .filter(|view| view.id == job)
        };
        if let Some(view) = view {
            if !matches!(view.state, JobState::Running | JobState::Queued) {
                break Some(view);
            }
            if shows {
                out.progress(&progress_line(out, &view));
            }
        }
        tokio::select! {
            () = &mut interrupt => break None,
            changed = snapshots.changed() => {
                if changed.is_err() {
                    break None;
                }
            }
        }
    };
    if shows {
        out.progress("");
    }
    ended
}

fn progress_line(out: &Out, view: &JobView) -> String {
    let what = match view.kind {
        JobKind::Discover => "discover",
        JobKind::Sync => "sync    ",
    };
    let mut parts = Vec::new();
    if let Some(waiting) = &view.waiting {
        parts.push(clean(waiting).into_owned());
    }
    match (view.kind, view.total) {
        (JobKind::Sync, Some(total)) if view.done > 0 => {
            parts.push(format!("{} of {} synced", count(view.done), count(total)));
        }
        (JobKind::Sync, _) => {
            if let Some(part) = view.parts.iter().rev().find(|part| !part.finished && !part.not_allowed) {
                let of = part.total.map(|total| format!(" of {}", count(total))).unwrap_or_default();
                parts.push(format!("{} {}{of}", part.kind, count(part.done)));
            }
        }
        (JobKind::Discover, _) => parts.push(format!("{} listed", count(view.done))),
    }
    if view.rate >= 1.0 {
        parts.push(format!("{}/s", count(view.rate as u64)));
    }
    if let Some(left) = view.eta_s {
        parts.push(format!("{} left", clock::duration_left(left)));
    }
    parts.push(format!("{} reads", count(view.reads)));
    let share = view.fraction.unwrap_or(0.0).clamp(0.0, 1.0);
    let full = (share * BAR as f64) as usize;
    let (on, off) = if out.ascii { ("#", "-") } else { ("█", "─") };
    format!(
        "{what} {}{} {:>3.0} %  {}",
        on.repeat(full),
        off.repeat(BAR - full),
        share * 100.0,
        parts.join("  ")
    )
}

fn report(out: &Out, integration: &Integration, job: &JobView, view: Option<&IntegrationView>) {
    use std::fmt::Write;
    for warning in &job.warnings {
        out.warn(clean(warning));
    }
    let seconds = job.finished_at.map_or(0, |end| (end - job.started_at).max(0));
    if out.json {
        out.json(&json!({
            "job": job,
            "account": integration.account,
            "livemode": integration.livemode,
            "seconds": seconds,
            "catalog": view.map(|view| view.catalog),
            "stored": view.map(|view| &view.stored),
            "missing_permissions": integration.missing().iter().map(|m| &m.permission).collect::<Vec<_>>(),
        }));
        return;
    }
    let verb = match job.kind {
        JobKind::Discover => "listed",
        JobKind::Sync => "synced",
    };
    let noun = if integration.billing { "invoices" } else { "payments" };
    let state = match job.state {
        JobState::Completed if job.outcome == Some(JobOutcome::Partly) => "partly done",
        JobState::Completed => "done",
        JobState::Cancelled => "stopped",
        _ => "failed",
    };
    let mut line = format!("{state}: {} {noun} {verb}, {}, {seconds} s", count(job.done), reads(job.reads));
    if job.errors > 0 {
        let _ = write!(line, ", {} failed (--retry-errors takes them up again)", count(job.errors));
    }
    if job.retries > 0 {
        let requests = if job.retries == 1 { "request" } else { "requests" };
        let _ = write!(line, ", {} {requests} tried again", count(job.retries));
    }
    out.line(line);
    if let Some(error) = &job.error {
        out.warn(clean(error));
    }
    if let Some(view) = view {
        let catalog = &view.catalog;
        if job.kind == JobKind::Discover && catalog.pending + catalog.stale > 0 {
            out.line(format!(
                "catalog: {} invoices, {} pending, {} changed since; `tillwatch sync` stores them, about {}",
                count(catalog.total),
                count(catalog.pending),
                count(catalog.stale),
                reads(view.sync_estimate_reads)
            ));
        }
        if job.kind == JobKind::Sync {
            let kinds: Vec<String> = view
                .stored
                .iter()
                .map(|one| {
                    if one.allowed {
                        format!("{} {}", one.kind, count(one.count))
                    } else {
                        format!("{} not allowed", one.kind)
                    }
                })
                .collect();
            out.line(format!("stored: {}", kinds.join(" · ")));
        }
    }
}

/// Says what is about to be done, for whom, in which time zone.
pub fn announce(context: &Context, integration: &Integration, what: &str) {
    context.out.say(format!("{} · {what}", title(integration)));
}
