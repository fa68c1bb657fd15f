//! Pane 3: discover and sync of the selected account: how far, how fast, how long still, what it costs.
//!
//! A number says what it counts, a bar is of what stands beside it, and a wait is shown as a wait.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::put::{self, Part, part};
use super::{Hits, View, bar, stored};
use crate::engine::api::{CatalogCounts, IntegrationView, JobState, JobView, PartView, Phase};
use crate::stripe::kind::Kind;
use crate::tui::fmt::{self, count};

/// One row of the pane; the highest `drops` goes first when there is no room.
struct Row {
    drops: u8,
    left: Line<'static>,
    right: Line<'static>,
}

impl Row {
    fn new(drops: u8, left: Line<'static>) -> Row {
        Row { drops, left, right: Line::default() }
    }

    fn blank(drops: u8) -> Row {
        Row::new(drops, Line::default())
    }
}

/// Draws the pane; `whole` when it has the screen for itself.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool, whole: bool, hits: &mut Hits) {
    let theme = view.theme;
    let key = |name: &'static str| Span::styled(name, theme.accent().patch(theme.strong()));
    let mut title = vec![
        Span::styled("3 ", theme.accent().patch(theme.strong())),
        Span::styled("Discover & sync", theme.strong()),
    ];
    let mut keys = Vec::new();
    if let Some(one) = view.state.current() {
        title.push(Span::raw(format!(" · {}", fmt::fit(&fmt::clean(&one.name), 24))));
        let words = [" lists what is at Stripe   ", " stores it here"].map(Span::raw);
        let [lists, stores] = words;
        keys.push(part(1, vec![key("d"), lists, key("s"), stores]));
    }
    let inner = put::frame(buf, area, theme, focused, title, keys);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    hits.sync_rows = usize::from(inner.height);
    hits.sync_scroll_max = 0;
    let Some(one) = view.state.current() else {
        let text = match view.state.snapshot.phase {
            Phase::Opening => "opening the store …",
            Phase::Failed { .. } => "nothing can run while the store can't be used",
            Phase::Ready => "with an account connected, d lists what is at Stripe, s stores it here",
        };
        put::notice(buf, inner, &[(text.to_owned(), theme.faint())]);
        return;
    };
    let cells = usize::from(inside.width);
    let height = usize::from(inside.height);
    let mut rows =
        if height <= 3 && !whole { compact(view, one, cells) } else { full(view, one, cells, whole) };
    let mut first = 0;
    if whole {
        hits.sync_scroll_max = rows.len().saturating_sub(height);
        first = view.state.dashboard.scroll.min(hits.sync_scroll_max);
    } else {
        while rows.len() > height {
            let Some((index, _)) = rows.iter().enumerate().max_by_key(|(index, row)| (row.drops, *index))
            else {
                break;
            };
            rows.remove(index);
        }
    }
    for (y, row) in rows.iter().skip(first).take(height).enumerate() {
        put::line(buf, inside, y as u16, &row.left);
        if row.left.width() + 3 + row.right.width() <= cells {
            put::right(buf, inside, y as u16, &row.right);
        }
    }
}

fn compact(view: &View<'_>, one: &IntegrationView, cells: usize) -> Vec<Row> {
    let theme = view.theme;
    let label = |text: &str| put::padded(text, 9, theme.strong());
    let bar_cells = (cells * 2 / 5).saturating_sub(2);
    let mut rows = Vec::new();
    for (name, line) in [("Discover", discover_line(view, one)), ("Sync", sync_line(view, one))] {
        let mut spans = vec![label(name)];
        let mut room = cells.saturating_sub(9);
        if let Some((fraction, style)) = line.bar {
            spans.extend(bar::bar(fraction, bar_cells, style, theme.faint()));
            spans.push(Span::raw("  "));
            room = room.saturating_sub(bar_cells + 2);
        }
        spans.extend(put::fit_parts(line.parts, room, 2).spans);
        rows.push(Row::new(0, Line::from(spans)));
    }
    rows
}

fn full(view: &View<'_>, one: &IntegrationView, cells: usize, whole: bool) -> Vec<Row> {
    let theme = view.theme;
    let mut rows = vec![Row::blank(20)];
    let discover = discover_line(view, one);
    let mut head = vec![Span::styled("Discover", theme.strong()), Span::raw(" invoices")];
    if let Some(job) = &one.discover {
        head.push(Span::styled(format!(" · {}", scope(job)), theme.text()));
    }
    rows.push(Row { drops: 4, left: Line::from(head), right: pace(view, one.discover.as_ref()) });
    rows.push(Row::new(0, bar_line(view, discover, cells)));
    rows.extend(troubles(view, one.discover.as_ref(), cells));
    if whole {
        rows.extend(facts(view, one, one.discover.as_ref(), cells));
    }
    rows.push(Row::blank(18));

    let sync = sync_line(view, one);
    let right = match &one.sync {
        Some(job) if active(job) => pace(view, Some(job)),
        _ => to_do(view, one),
    };
    rows.push(Row { drops: 3, left: catalog(view, one.catalog, cells, right.width()), right });
    rows.push(Row::new(0, bar_line(view, sync, cells)));
    rows.extend(troubles(view, one.sync.as_ref(), cells));
    if whole {
        rows.extend(facts(view, one, one.sync.as_ref(), cells));
        rows.push(Row::new(0, by_status(view, one.catalog)));
    }
    if let Some(job) = one.sync.as_ref().filter(|job| whole && active(job)) {
        rows.push(Row::blank(17));
        rows.extend(job.parts.iter().map(|kind| Row::new(12, part_line(view, kind, None, cells))));
    }
    if !one.stored.is_empty() {
        rows.push(Row::blank(16));
        rows.push(Row::new(10, Line::styled("stored here", theme.faint())));
        rows.push(Row::blank(19));
        for (index, [counts, times]) in stored::grid(view, one, cells).into_iter().enumerate() {
            if index > 0 {
                rows.push(Row::blank(15));
            }
            let later = u8::from(index > 0) * 5;
            rows.push(Row::new(6 + later, counts));
            rows.push(Row::new(7 + later, times));
        }
    }
    rows
}

/// A bar's share and what stands beside it.
struct Told {
    bar: Option<(f64, Style)>,
    parts: Vec<Part>,
}

fn active(job: &JobView) -> bool {
    matches!(job.state, JobState::Queued | JobState::Running)
}

fn bar_line(view: &View<'_>, told: Told, cells: usize) -> Line<'static> {
    let mut spans = Vec::new();
    let mut room = cells;
    if let Some((fraction, style)) = told.bar {
        let bar_cells = (cells / 2).min(72);
        spans = bar::bar(fraction, bar_cells, style, view.theme.faint());
        spans.push(Span::raw("  "));
        room = cells.saturating_sub(bar_cells + 2);
    }
    spans.extend(put::fit_parts(told.parts, room, 3).spans);
    Line::from(spans)
}

/// A whole percentage; 100 only when all is done.
pub fn percent(fraction: f64) -> u64 {
    let whole = (fraction.clamp(0.0, 1.0) * 100.0).floor();
    whole as u64
}

fn discover_line(view: &View<'_>, one: &IntegrationView) -> Told {
    let theme = view.theme;
    let Some(job) = &one.discover else {
        let text = vec![Span::raw("not yet: "), strong(view, "d"), Span::raw(" lists what is at Stripe")];
        return Told { bar: None, parts: vec![part(0, text)] };
    };
    let mut parts = vec![part(0, vec![strong(view, &count(job.done)), Span::raw(" listed")])];
    let of = "of the time range";
    parts.extend(progress(view, one, job, of, "d"));
    let share = if job.state == JobState::Completed { Some(1.0) } else { job.fraction };
    Told { bar: share.map(|share| (share, theme.accent())), parts }
}

fn sync_line(view: &View<'_>, one: &IntegrationView) -> Told {
    let theme = view.theme;
    let c = one.catalog;
    let mut parts = Vec::new();
    let mut share = None;
    match &one.sync {
        Some(job) if active(job) => {
            let mut spans = vec![strong(view, &count(job.done))];
            // Until the invoices' own turn comes, what they refer to is what moves.
            let current = job.parts.iter().find(|part| !part.finished && !part.not_allowed);
            match job.total {
                _ if job.done == 0 && current.is_some_and(|part| part.kind != Kind::Invoice) => {
                    let part = current.map(|part| {
                        let of = part.total.map(|total| format!(" of {}", count(total))).unwrap_or_default();
                        (format!("{} ", stored::word(part.kind)), format!("{}{of}", count(part.done)))
                    });
                    let (word, counts) = part.unwrap_or_default();
                    spans = vec![Span::raw(word), strong(view, &counts)];
                }
                Some(total) => spans.push(Span::raw(format!(" of {} stored", count(total)))),
                None => spans.push(Span::raw(" stored")),
            }
            parts.push(part(0, spans));
            if job.errors > 0 {
                parts.push(failed(view, job.errors));
            }
            parts.extend(progress(view, one, job, "done", "s"));
            share = job.fraction;
        }
        last => {
            if c.total == 0 && last.is_none() {
                let text = vec![Span::raw("the catalog is empty: discover fills it")];
                return Told { bar: None, parts: vec![part(0, text)] };
            }
            let wanted = c.total.saturating_sub(c.skipped + c.gone);
            let done = if wanted == 0 { 1.0 } else { c.synced as f64 / wanted as f64 };
            share = share.or(Some(done));
            let todo = c.pending + c.stale + c.processing;
            if todo > 0 {
                parts.push(part(0, vec![strong(view, &count(todo)), Span::raw(" to store")]));
            } else if !discovered(one) {
                // What events brought says nothing of the rest: only a whole discover does.
                let text =
                    vec![Span::raw("discover first: "), strong(view, "d"), Span::raw(" lists the rest")];
                return Told { bar: None, parts: vec![part(0, text)] };
            } else if c.error == 0 {
                parts.push(part(0, vec![Span::styled("✓ all stored", theme.good())]));
            }
            if c.error > 0 {
                parts.push(failed(view, c.error));
            }
            parts.push(part(6, vec![Span::styled(format!("{} %", percent(done)), theme.faint())]));
            if let Some(job) = last {
                parts.extend(progress(view, one, job, "done", "s"));
            }
        }
    }
    Told { bar: share.map(|share| (share, theme.good())), parts }
}

/// A discover has come to its end: the catalog is more than what events happened to bring.
fn discovered(one: &IntegrationView) -> bool {
    one.discover.as_ref().is_some_and(|job| job.state == JobState::Completed)
}

fn strong(view: &View<'_>, text: &str) -> Span<'static> {
    Span::styled(text.to_owned(), view.theme.strong())
}

fn failed(view: &View<'_>, n: u64) -> Part {
    let style = view.theme.bad().patch(view.theme.strong());
    part(1, vec![Span::styled(count(n), style), Span::raw(" failed")])
}

/// What there is to tell of a job beside its count.
fn progress(view: &View<'_>, one: &IntegrationView, job: &JobView, of: &str, key: &str) -> Vec<Part> {
    let theme = view.theme;
    let mut parts = Vec::new();
    let ended = job.finished_at.map(|at| fmt::stamp(at, view.now, &one.timezone, false)).unwrap_or_default();
    match job.state {
        JobState::Queued => parts.push(part(1, vec![Span::styled("waits for its turn", theme.warn())])),
        JobState::Running => {
            if job.waiting.is_some() {
                parts.push(part(1, vec![Span::styled("waits", theme.warn().patch(theme.strong()))]));
            } else {
                parts
                    .push(part(4, vec![Span::raw(format!("{}/s", count(job.rate.max(0.0).round() as u64)))]));
            }
            if let Some(share) = job.fraction {
                // It runs still: 100 % would say that it is done.
                let share = format!("{} %", percent(share.min(0.99)));
                parts.push(part(3, vec![strong(view, &share), Span::raw(format!(" {of}"))]));
            }
            if let Some(left) = job.eta_s.filter(|left| *left > 0) {
                let left = fmt::span(left.min(i64::MAX as u64) as i64);
                parts.push(part(2, vec![strong(view, &format!("{left} left"))]));
            }
            parts.push(part(5, vec![Span::raw(crate::text::reads(job.reads))]));
        }
        JobState::Completed => {
            let took = job.finished_at.unwrap_or(job.started_at).saturating_sub(job.started_at);
            let text = format!("last run {ended}, {} in {}", count(job.done), fmt::span(took));
            parts.push(part(3, vec![Span::styled(text, theme.faint())]));
        }
        JobState::Failed => {
            let word = Span::styled("✗ failed", theme.bad().patch(theme.strong()));
            let at = if ended.is_empty() { String::new() } else { format!(" {ended}") };
            parts.push(part(1, vec![word, Span::raw(at)]));
            parts.push(part(2, vec![strong(view, key), Span::raw(" goes on from there")]));
        }
        JobState::Cancelled => {
            let at = if ended.is_empty() { String::new() } else { format!(" {ended}") };
            parts.push(part(1, vec![Span::styled(format!("stopped{at}"), theme.warn())]));
            parts.push(part(2, vec![strong(view, key), Span::raw(" goes on from there")]));
        }
    }
    parts
}

/// Why a job failed, and what it could not do.
fn troubles(view: &View<'_>, job: Option<&JobView>, cells: usize) -> Vec<Row> {
    let theme = view.theme;
    let Some(job) = job else { return Vec::new() };
    let mut rows = Vec::new();
    if let Some(why) = job.waiting.as_ref().filter(|_| active(job)) {
        let text = fmt::fit(&fmt::clean(why), cells.saturating_sub(7));
        rows.push(Row::new(1, Line::styled(format!("waits: {text}"), theme.warn())));
    }
    if let Some(error) = job.error.as_ref().filter(|_| job.state == JobState::Failed) {
        let text = fmt::fit(&fmt::clean(error), cells.saturating_sub(2));
        rows.push(Row::new(2, Line::styled(format!("✗ {text}"), theme.bad())));
    }
    for (index, warning) in job.warnings.iter().take(5).enumerate() {
        let text = fmt::fit(&fmt::clean(warning), cells.saturating_sub(2));
        let drops = if index == 0 { 8 } else { 14 };
        rows.push(Row::new(drops, Line::styled(format!("! {text}"), theme.warn())));
    }
    rows
}

/// The rest of what is known of a run, for the whole screen.
fn facts(view: &View<'_>, one: &IntegrationView, job: Option<&JobView>, cells: usize) -> Option<Row> {
    let job = job?;
    let begun = fmt::stamp(job.started_at, view.now, &one.timezone, true);
    let mut parts = vec![part(0, vec![Span::styled(format!("begun {begun}"), view.theme.faint())])];
    for (drops, n, word) in [
        (5, job.pages, "pages"),
        (1, job.reads, "reads"),
        (2, job.retries, "tried again"),
        (4, job.skipped, "skipped"),
        (3, job.errors, "failed"),
    ] {
        let text = format!("{} {word}", count(n));
        parts.push(part(drops, vec![Span::styled(text, view.theme.faint())]));
    }
    Some(Row::new(0, put::fit_parts(parts, cells, 3)))
}

fn by_status(view: &View<'_>, c: CatalogCounts) -> Line<'static> {
    let text = format!(
        "at Stripe: {} open · {} paid · {} uncollectible · {} void · {} draft",
        count(c.open),
        count(c.paid),
        count(c.uncollectible),
        count(c.void),
        count(c.draft)
    );
    Line::styled(text, view.theme.faint())
}

/// One kind's bar with its count, rate and what is left. `share` is how much of it is done, where its total is not
/// known.
pub fn part_line(view: &View<'_>, kind: &PartView, share: Option<f64>, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let wide = cells >= 100;
    let name = if wide { 22 } else { 17 };
    let mut spans = vec![put::padded(&stored::word(kind.kind), name, theme.text())];
    if kind.not_allowed {
        spans.push(Span::styled("not allowed: this key may not read them", theme.warn()));
        return Line::from(spans);
    }
    let share = match (kind.finished, kind.total) {
        (true, _) => 1.0,
        (false, Some(total)) if total > 0 => kind.done as f64 / total as f64,
        _ => share.unwrap_or(0.0),
    };
    // Full is for what is finished; until then the last piece is missing.
    let share = if kind.finished { share } else { share.min(0.999) };
    let style = match (kind.finished, &kind.waiting) {
        (true, _) => theme.good(),
        (false, Some(_)) => theme.warn(),
        (false, None) => theme.accent(),
    };
    // What is told beside the bar: the count, the rate or a wait, and what is left.
    let beside = if wide { 62 } else { 39 };
    let bar_cells = cells.saturating_sub(name + beside).min(72);
    spans.extend(bar::bar(share, bar_cells, style, theme.faint()));
    spans.push(put::padded_left(&count(kind.done), 10, theme.strong()));
    let rest = cells.saturating_sub(name + bar_cells + 10);
    if kind.finished {
        spans.push(put::padded_left("done", 10.min(rest), theme.good()));
        return Line::from(spans);
    }
    if let Some(why) = &kind.waiting {
        let why = fmt::clean(why);
        // With no room for the reason it is told in a line of its own.
        let why = if wide || fmt::width(&why) + 2 <= rest { why.as_ref() } else { "waits" };
        let text = fmt::fit(why, rest.saturating_sub(2));
        spans.push(Span::styled(format!("  {text}"), theme.warn()));
        return Line::from(spans);
    }
    let mut parts = Vec::new();
    if kind.rate >= 0.5 {
        let rate = format!("{}/s", count(kind.rate.round() as u64));
        parts.push(part(1, vec![put::padded_left(&rate, 8, theme.text())]));
    }
    if let Some(left) = kind.eta_s.filter(|left| *left > 0) {
        let left = fmt::span(left.min(i64::MAX as u64) as i64);
        parts.push(part(0, vec![Span::styled(format!("{left} left"), theme.faint())]));
    }
    let of = match kind.total {
        Some(total) => format!("of {}", count(total)),
        None if kind.done > 0 => "so far".to_owned(),
        None => "to come".to_owned(),
    };
    parts.push(part(2, vec![Span::styled(of, theme.faint())]));
    spans.push(Span::raw("  "));
    spans.extend(put::fit_parts(parts, rest.saturating_sub(2), 2).spans);
    Line::from(spans)
}

fn scope(job: &JobView) -> String {
    let statuses = if job.statuses.is_empty() {
        "open paid uncollectible void".to_owned()
    } else {
        job.statuses.join(" ")
    };
    let from = job.from.as_deref().unwrap_or("the beginning");
    let to = job.to.as_deref().unwrap_or("today");
    format!("{} · {from} → {to}", fmt::clean(&statuses))
}

fn pace(view: &View<'_>, job: Option<&JobView>) -> Line<'static> {
    match job.filter(|job| active(job)) {
        Some(job) => {
            let pace = fmt::clean(&job.pace).into_owned();
            let gap = if pace.is_empty() { "" } else { " · " };
            Line::from(vec![
                Span::styled(format!("{pace}{gap}"), view.theme.faint()),
                Span::styled("x", view.theme.accent().patch(view.theme.strong())),
                Span::styled(" stops", view.theme.faint()),
            ])
        }
        None => Line::default(),
    }
}

fn to_do(view: &View<'_>, one: &IntegrationView) -> Line<'static> {
    let todo = one.catalog.pending + one.catalog.stale;
    if todo == 0 {
        return Line::default();
    }
    Line::from(vec![
        Span::styled("s", view.theme.accent().patch(view.theme.strong())),
        Span::raw(format!(
            " syncs {} · uses about {}",
            count(todo),
            crate::text::reads(one.sync_estimate_reads)
        )),
    ])
}

fn catalog(view: &View<'_>, c: CatalogCounts, cells: usize, right: usize) -> Line<'static> {
    let theme = view.theme;
    let mut parts = vec![part(0, vec![Span::styled("Sync    ", theme.strong())])];
    if c.total > 0 {
        let of = vec![Span::raw("of "), strong(view, &count(c.total)), Span::raw(" in the catalog:")];
        parts[0].spans.extend(of);
    }
    let mut counted = |drops: u8, n: u64, word: &str, style: Style, always: bool| {
        if c.total > 0 && (n > 0 || always) {
            let spans =
                vec![Span::styled(count(n), style.patch(theme.strong())), Span::raw(format!(" {word}"))];
            parts.push(part(drops, spans));
        }
    };
    counted(2, c.synced, "synced", theme.good(), true);
    counted(1, c.pending, "pending", theme.warn(), false);
    counted(6, c.processing, "under way", theme.accent(), false);
    counted(3, c.stale, "changed since", theme.warn(), false);
    counted(1, c.error, "failed", theme.bad(), false);
    counted(7, c.skipped, "skipped", theme.text(), false);
    counted(8, c.gone, "deleted at Stripe", theme.text(), false);
    let room = if right > 0 && cells > right + 60 { cells - right - 3 } else { cells };
    put::fit_parts(parts, room, 2)
}
