//! The pane `Running`: every kind with its bar, count, rate and what is left; what ran last while nothing runs.
//!
//! A wait is shown as a wait with its reason, never as slowness, and a bar is full only when its kind is done.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{inside, key, no_account};
use crate::engine::api::{IntegrationView, JobKind, JobOutcome, JobState, JobView, PartView};
use crate::stripe::kind::Kind;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::screens::dashboard::update::{is_active, job_word};
use crate::tui::widgets::jobs;
use crate::tui::widgets::put::{self, part};
use crate::tui::widgets::{Hits, View};

/// The job that runs, and was begun last.
pub fn current(one: &IntegrationView) -> Option<&JobView> {
    [&one.discover, &one.sync].into_iter().flatten().filter(|job| is_active(job)).max_by_key(|job| job.id.0)
}

/// Rows that the pane would like to have, its frame among them.
pub fn wants(view: &View<'_>) -> u16 {
    let Some(one) = view.state.current() else { return 4 };
    let lines = lines(view, one, 100).len();
    lines as u16 + 2
}

/// Rows it needs beside another pane on a small screen: none while nothing runs.
pub fn least(view: &View<'_>) -> u16 {
    let Some(one) = view.state.current() else { return 0 };
    let active = [&one.discover, &one.sync].into_iter().flatten().filter(|job| is_active(job));
    // Its frame, the kind that moves, the facts, and why it waits, be it that it does not just now: a pane that
    // grows and shrinks with every wait would move what is above it.
    match active.count() {
        0 => 0,
        1 => 5,
        _ => 7,
    }
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let one = view.state.current();
    let job = one.and_then(current);
    let mut title = Vec::new();
    let mut edge = Vec::new();
    if let (Some(one), Some(job)) = (one, job) {
        let both = [&one.discover, &one.sync].into_iter().flatten().filter(|job| is_active(job)).count() > 1;
        let words = if both { "discover and sync" } else { job_word(job.kind) };
        let since = fmt::stamp(job.started_at, view.now, &one.timezone, true);
        title.push(Span::styled("Running", theme.strong()));
        title.push(Span::styled(format!(" {words} · since {since}"), theme.faint()));
        let stops = vec![key(view, Action::Stop), Span::raw(" stops, safely")];
        edge.push(part(0, stops));
    } else {
        title.push(Span::styled("Nothing runs", theme.strong()));
        edge.push(part(1, vec![key(view, Action::History), Span::styled(" history", theme.faint())]));
    }
    let inner = put::frame(buf, area, theme, focused, title, edge);
    if no_account(view, buf, inner) {
        return;
    }
    let Some(one) = one else { return };
    let area = inside(inner);
    let mut lines = lines(view, one, usize::from(area.width));
    let height = usize::from(area.height);
    // Air goes first, then what is least: kinds that are done.
    while lines.len() > height
        && let Some(at) =
            lines.iter().enumerate().max_by_key(|(at, line)| (line.drops, *at)).map(|(at, _)| at)
        && lines[at].drops > 0
    {
        lines.remove(at);
    }
    let hidden = lines.len().saturating_sub(height);
    let scroll = if focused { view.state.sync.scroll.min(hidden) } else { 0 };
    if focused {
        hits.sync_scroll_max = hidden;
        hits.sync_rows = height;
    }
    for (row, line) in lines.iter().skip(scroll).take(height).enumerate() {
        put::line(buf, area, row as u16, &line.text);
    }
}

/// One line of the pane; the highest `drops` goes first, 0 never.
struct Row {
    drops: u8,
    text: Line<'static>,
}

fn lines(view: &View<'_>, one: &IntegrationView, cells: usize) -> Vec<Row> {
    let active: Vec<&JobView> =
        [&one.discover, &one.sync].into_iter().flatten().filter(|job| is_active(job)).collect();
    let mut out = Vec::new();
    let air = |out: &mut Vec<Row>| out.push(Row { drops: 9, text: Line::default() });
    if active.is_empty() {
        let mut any = false;
        for job in [&one.discover, &one.sync].into_iter().flatten() {
            any = true;
            out.extend(told(view, one, job, cells));
        }
        if !any {
            let text = vec![
                Span::raw("nothing has run yet: "),
                key(view, Action::Discover),
                Span::raw(" lists what is at Stripe, "),
                key(view, Action::Sync),
                Span::raw(" stores it here"),
            ];
            out.push(Row { drops: 0, text: Line::from(text) });
        }
        return out;
    }
    air(&mut out);
    let both = active.len() > 1;
    for job in active {
        out.extend(kinds(view, job, cells));
        if !both {
            air(&mut out);
        }
        out.push(Row { drops: 0, text: facts(view, job, both, cells) });
        // Where there is no room for it beside the bar, a kind's wait is told here.
        let of_kind = || job.parts.iter().find_map(|one| one.waiting.as_ref()).filter(|_| cells < 100);
        let beside = |why: &&String| {
            let alone = job.kind == JobKind::Discover && job.parts.is_empty();
            cells >= 100 && (alone || job.parts.iter().any(|one| one.waiting.as_ref() == Some(why)))
        };
        match job.waiting.as_ref().or_else(of_kind).filter(|why| !beside(why)) {
            Some(why) => {
                let text = fmt::fit(&fmt::clean(why), cells.saturating_sub(7));
                let lead = if text.starts_with("waits") { "" } else { "waits: " };
                let text = Line::styled(format!("{lead}{text}"), view.theme.warn());
                out.push(Row { drops: 0, text });
            }
            // Its place, so that nothing moves when it does.
            None => air(&mut out),
        }
        for warning in job.warnings.iter().take(3) {
            let text = fmt::fit(&fmt::clean(warning), cells.saturating_sub(2));
            out.push(Row { drops: 5, text: Line::styled(format!("! {text}"), view.theme.warn()) });
        }
    }
    out
}

/// A bar for each kind; of discover, whose list is one, for that.
fn kinds(view: &View<'_>, job: &JobView, cells: usize) -> Vec<Row> {
    let mut parts: Vec<PartView> = job.parts.clone();
    let known = parts.iter().any(|one| one.kind == Kind::Invoice);
    let mut out = Vec::new();
    if !known && (job.kind == JobKind::Discover || parts.is_empty()) {
        parts.insert(
            0,
            PartView {
                done: job.done,
                total: job.total,
                rate: job.rate,
                eta_s: job.eta_s,
                waiting: job.waiting.clone(),
                ..PartView::new(Kind::Invoice)
            },
        );
    }
    for one in &parts {
        // How many there are is not known before the end, but how much of the time range is listed is.
        let of_range = job.kind == JobKind::Discover && one.kind == Kind::Invoice;
        let share = if of_range { job.fraction } else { None };
        let drops = match (one.finished, one.done) {
            (true, _) => 4,
            (false, 0) => 3,
            _ => 0,
        };
        out.push(Row { drops, text: jobs::part_line(view, one, share, cells) });
    }
    out
}

/// `26 GET/s of 40 · 2 tried again · 0 failed`
fn facts(view: &View<'_>, job: &JobView, named: bool, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let faint = |text: String| vec![Span::styled(text, theme.faint())];
    let gets = format!("{} GET/s", count(job.gets_per_s.max(0.0).round() as u64));
    let gets =
        if job.gets_limit > 0 { format!("{gets} of {}", count(u64::from(job.gets_limit))) } else { gets };
    let failed = format!("{} failed", count(job.errors));
    let bad = if job.errors > 0 { theme.bad().patch(theme.strong()) } else { theme.faint() };
    let mut parts = Vec::new();
    if named {
        parts.push(part(0, vec![Span::styled(job_word(job.kind), theme.strong())]));
    }
    if job.state == JobState::Queued {
        parts.push(part(0, vec![Span::styled("waits for its turn", theme.warn())]));
    }
    parts.extend([
        part(0, faint(gets)),
        part(2, faint(format!("{} tried again", count(job.retries)))),
        part(1, vec![Span::styled(failed, bad)]),
        part(3, faint(format!("{} so far", crate::text::reads(job.reads)))),
    ]);
    if let Some(share) = job.fraction {
        let of = if job.kind == JobKind::Discover { "of the time range" } else { "of the run" };
        parts.push(part(4, faint(format!("{} % {of}", jobs::percent(share.min(0.99))))));
    }
    if let Some(left) = job.eta_s.filter(|left| *left > 0) {
        let left = fmt::span(left.min(i64::MAX as u64) as i64);
        parts.push(part(1, vec![Span::styled(format!("{left} left"), theme.strong())]));
    }
    if !job.pace.is_empty() {
        parts.push(part(5, faint(fmt::clean(&job.pace).into_owned())));
    }
    let mut line = put::fit_parts(parts, cells, 3);
    for span in &mut line.spans {
        if span.content == "   " {
            *span = Span::styled(" · ", theme.faint());
        }
    }
    line
}

/// How a run ended, in words, and what to do about it.
fn told(view: &View<'_>, one: &IntegrationView, job: &JobView, cells: usize) -> Vec<Row> {
    let theme = view.theme;
    let (word, style) = outcome(view, job);
    let action = if job.kind == JobKind::Discover { Action::Discover } else { Action::Sync };
    let at = job.finished_at.unwrap_or(job.started_at);
    let took = fmt::span(at.saturating_sub(job.started_at));
    let did = if job.kind == JobKind::Discover { "listed" } else { "stored" };
    let text = |text: String| vec![Span::raw(text)];
    let mut parts = vec![
        part(
            0,
            vec![
                Span::raw(format!("the last {} ", job_word(job.kind))),
                Span::styled(word, style.patch(theme.strong())),
                Span::raw(format!(" {}", fmt::stamp(at, view.now, &one.timezone, false))),
            ],
        ),
        part(1, text(format!("{} {did}", count(job.done)))),
        part(4, text(format!("in {took}"))),
        part(3, text(crate::text::reads(job.reads))),
    ];
    if job.errors > 0 {
        let spans = vec![
            Span::styled(format!("{} failed", count(job.errors)), theme.bad().patch(theme.strong())),
            Span::raw(", "),
            key(view, Action::RetryFailed),
            Span::raw(" tries again"),
        ];
        parts.push(part(1, spans));
    }
    if matches!(job.state, JobState::Failed | JobState::Cancelled) {
        parts.push(part(1, vec![key(view, action), Span::raw(" goes on from there")]));
    }
    let mut out = vec![Row { drops: 0, text: put::fit_parts(parts, cells, 2) }];
    if let Some(error) = &job.error {
        let style = if job.state == JobState::Failed { theme.bad() } else { theme.warn() };
        let pieces = put::wrap(error, cells.saturating_sub(2));
        for (index, piece) in pieces.into_iter().take(2).enumerate() {
            out.push(Row { drops: 2 + index as u8 * 4, text: Line::styled(format!("  {piece}"), style) });
        }
    }
    let more = job.warnings.len().saturating_sub(1);
    if let Some(warning) = job.warnings.first() {
        let tail = if more > 0 { format!(" · and {more} more") } else { String::new() };
        let text = fmt::fit(&fmt::clean(warning), cells.saturating_sub(4 + fmt::width(&tail)));
        out.push(Row { drops: 5, text: Line::styled(format!("  ! {text}{tail}"), theme.warn()) });
    }
    out
}

/// How a run ended, in a word or two, and its style.
pub fn outcome(view: &View<'_>, job: &JobView) -> (&'static str, Style) {
    let theme = view.theme;
    match (job.state, job.outcome) {
        (JobState::Queued, _) => ("waits", theme.warn()),
        (JobState::Running, _) => ("runs", theme.accent()),
        (_, Some(JobOutcome::Done)) | (JobState::Completed, None) => ("ended well", theme.good()),
        (_, Some(JobOutcome::Partly)) => ("ended, not all of it done", theme.warn()),
        (_, Some(JobOutcome::KeyRefused)) => ("ended: key refused", theme.bad()),
        (_, Some(JobOutcome::Stopped)) | (JobState::Cancelled, None) => ("was stopped", theme.warn()),
        (_, Some(JobOutcome::Failed)) | (JobState::Failed, None) => ("failed", theme.bad()),
    }
}
