//! Starting and stopping discover and sync, for this screen and the dashboard alike.
//!
//! A live account always asks, and any account when a run would use more than a tenth of the floor of reads. It must
//! never start what is known to do nothing.

use crate::clock;
use crate::engine::api::{IntegrationView, JobKind, JobState, JobView, Level, Request};
use crate::tui::effects::Effect;
use crate::tui::fmt::count;
use crate::tui::overlay::{Overlay, Question, Yes};
use crate::tui::screens::dashboard::update::{is_active, job_word, send, usable};
use crate::tui::state::{Purpose, State};

/// Reads that the look of a plan may take.
pub const LOOKS: u64 = 7;

/// Starts discover or sync for the selected account, with what is chosen for it.
pub fn start(state: &mut State, kind: JobKind, retry_errors: bool, now_ms: i64) -> Vec<Effect> {
    let Some(view) = usable(state, now_ms) else { return Vec::new() };
    let word = job_word(kind);
    let running = match kind {
        JobKind::Discover => view.discover.as_ref(),
        JobKind::Sync => view.sync.as_ref(),
    };
    if running.is_some_and(is_active) {
        let stop = state.keymap.label(crate::tui::input::actions::Action::Stop);
        let text = format!("a {word} of {} is running already; {stop} stops it", view.name);
        state.tell(Level::Info, text, now_ms);
        return Vec::new();
    }
    if let Some(text) = nothing_to_do(state, &view, kind, retry_errors) {
        state.tell(Level::Info, text, now_ms);
        return Vec::new();
    }
    let integration = view.id;
    let choice = state.sync.choice(integration);
    let request = match kind {
        JobKind::Discover => {
            let today = clock::today(now_ms.div_euclid(1000), view.timezone.as_str());
            Request::Discover { integration, spec: choice.discover(today) }
        }
        JobKind::Sync => Request::Sync { integration, spec: choice.sync(retry_errors) },
    };
    let purpose = Purpose::Start(kind, integration);
    let reads = reads(state, &view, kind, now_ms);
    let floor = view.reads.floor;
    let dear = reads.is_some_and(|reads| reads > floor / 10);
    if view.livemode || dear {
        let question = Question::of(title(kind, retry_errors), &view);
        let cost = cost(&view, kind, retry_errors, reads);
        let confirm = question.asks(cost, used(&view), Yes::Send(Box::new((request, purpose))));
        state.overlays.push(Overlay::Confirm(Box::new(confirm)));
        return Vec::new();
    }
    send(state, request, purpose, now_ms)
}

/// Why a run would do nothing at all.
fn nothing_to_do(state: &State, view: &IntegrationView, kind: JobKind, retry_errors: bool) -> Option<String> {
    let c = view.catalog;
    // One that was cut off has its end to come to.
    let cut_off = |job: &JobView| matches!(job.state, JobState::Failed | JobState::Cancelled);
    let again = view.sync.as_ref().is_some_and(cut_off);
    if kind == JobKind::Discover || !view.billing || again {
        return None;
    }
    let d = state.keymap.label(crate::tui::input::actions::Action::Discover);
    let name = &view.name;
    if c.total == 0 {
        return Some(format!("nothing of {name} is listed yet: {d} (discover) comes first"));
    }
    let todo = c.pending + c.stale + c.processing + if retry_errors { c.error } else { 0 };
    (todo == 0).then(|| format!("nothing of {name} is pending or has changed: {d} looks for what is new"))
}

/// Reads that a run would take, if that is known.
fn reads(state: &State, view: &IntegrationView, kind: JobKind, now_ms: i64) -> Option<u64> {
    match kind {
        JobKind::Sync => Some(view.sync_estimate_reads),
        JobKind::Discover => {
            let wanted = state.sync.wanted(view, now_ms.div_euclid(1000));
            let plan = state.sync.planning.of(&wanted)?.ok()?;
            let mut sum = None;
            for row in plan.rows.iter().filter(|row| row.discover && row.allowed) {
                row.about?;
                sum = Some(sum.unwrap_or(0) + row.list_pages + row.single_reads);
            }
            sum
        }
    }
}

fn title(kind: JobKind, retry_errors: bool) -> &'static str {
    match (kind, retry_errors) {
        (JobKind::Discover, _) => "Discover",
        (JobKind::Sync, false) => "Sync",
        (JobKind::Sync, true) => "Sync and retry what failed",
    }
}

/// What was used of the floor, for a question.
pub fn used(view: &IntegrationView) -> String {
    let (used, floor) = (count(view.reads.last_30_days), count(view.reads.floor));
    format!("{used} of the floor of {floor} reads used in 30 days")
}

/// A share of the floor, never rounded down to nothing.
pub fn share(reads: u64, floor: u64) -> String {
    if floor == 0 {
        return "all".to_owned();
    }
    match reads.saturating_mul(100) / floor {
        0 if reads > 0 => "under 1 %".to_owned(),
        share => format!("{share} %"),
    }
}

fn cost(view: &IntegrationView, kind: JobKind, retry_errors: bool, reads: Option<u64>) -> String {
    let Some(reads) = reads else {
        return "how many reads is not known: one per 100 invoices, and a few".to_owned();
    };
    let about =
        format!("about {}, {} of the floor", crate::text::reads(reads), share(reads, view.reads.floor));
    if kind == JobKind::Sync && retry_errors && view.catalog.error > 0 {
        return format!("{about}, and those for {} failed", count(view.catalog.error));
    }
    about
}

/// Looks at a few pages for the plan; a live account is asked first.
pub fn look(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(view) = usable(state, now_ms) else { return Vec::new() };
    if state.sync.planning.is_looking() {
        return Vec::new();
    }
    if view.livemode {
        let question = Question::of("Look at a few pages of", &view);
        let confirm = question.asks(format!("up to {LOOKS} reads"), used(&view), Yes::Look);
        state.overlays.push(Overlay::Confirm(Box::new(confirm)));
        return Vec::new();
    }
    let text = format!("looking at a few pages of {}: up to {LOOKS} reads", view.name);
    state.tell(Level::Info, text, now_ms);
    look_now(state)
}

/// The look itself, agreed to.
pub fn look_now(state: &mut State) -> Vec<Effect> {
    if let Some(wanted) = super::state::wanted(state) {
        state.sync.planning.look(wanted);
    }
    super::update::refresh(state)
}

/// Stops what runs for the selected account; with both running, the one that was begun last.
pub fn stop(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(view) = usable(state, now_ms) else { return Vec::new() };
    let newest = [view.discover.as_ref(), view.sync.as_ref()]
        .into_iter()
        .flatten()
        .filter(|job| is_active(job))
        .max_by_key(|job| job.id.0);
    let Some(job) = newest else {
        state.tell(Level::Info, format!("nothing is running for {}", view.name), now_ms);
        return Vec::new();
    };
    let purpose = Purpose::Cancel(job.kind, view.id);
    send(state, Request::Cancel { job: job.id }, purpose, now_ms)
}
