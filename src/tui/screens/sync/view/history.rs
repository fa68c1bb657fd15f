//! The history of runs as a list, and one run in detail.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{inside, key, no_account, running};
use crate::clock::duration_left;
use crate::engine::api::{IntegrationView, JobKind, JobView};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::screens::dashboard::update::{is_active, job_word};
use crate::tui::screens::sync::history::History;
use crate::tui::widgets::put::{self, part};
use crate::tui::widgets::{Hits, View, jobs, stored};

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let theme = view.theme;
    let Some(history) = &view.state.sync.history else { return };
    let chosen = history.selected().filter(|_| history.detail.is_some());
    let mut title = vec![Span::styled("History", theme.strong())];
    match chosen {
        Some(run) => title.push(Span::raw(format!(" › {} {}", job_word(run.kind), run.id))),
        None if history.loaded => {
            let runs = if history.runs.len() == 1 { "run" } else { "runs" };
            title
                .push(Span::styled(format!(" · {} {runs}", count(history.runs.len() as u64)), theme.faint()));
        }
        None => {}
    }
    let mut edge = vec![key(view, Action::Back), Span::styled(" back", theme.faint())];
    if chosen.is_none() && !history.runs.is_empty() {
        let opens = [key(view, Action::Open), Span::styled(" the run in detail   ", theme.faint())];
        edge.splice(0..0, opens);
    }
    let inner = put::frame(buf, area, theme, true, title, vec![part(1, edge)]);
    if no_account(view, buf, inner) {
        return;
    }
    let Some(one) = view.state.current() else { return };
    match chosen {
        Some(run) => detail(view, buf, inner, one, run, history.detail.unwrap_or(0), hits),
        None => list(view, buf, inner, one, history, hits),
    }
}

fn list(
    view: &View<'_>,
    buf: &mut Buffer,
    inner: Rect,
    one: &IntegrationView,
    history: &History,
    hits: &mut Hits,
) {
    let theme = view.theme;
    let height = usize::from(inner.height.saturating_sub(1));
    hits.sync_rows = height;
    hits.sync_scroll_max = 0;
    if history.runs.is_empty() {
        let [d, s] = [Action::Discover, Action::Sync].map(|action| view.state.keymap.label(action));
        let lines = match &history.error {
            Some(reason) => vec![
                ("✗ the runs could not be read".to_owned(), theme.bad().patch(theme.strong())),
                (reason.clone(), theme.text()),
            ],
            None if history.loaded => vec![
                ("no run has ended yet".to_owned(), theme.text()),
                (format!("{d} lists what is at Stripe, {s} stores it here"), theme.faint()),
            ],
            None => vec![("reading …".to_owned(), theme.faint())],
        };
        put::notice(buf, inner, &lines);
        return;
    }
    let area = inside(inner);
    let cells = usize::from(area.width);
    let columns = columns(cells);
    let mut heading = Vec::new();
    for column in &columns {
        heading.push(column.fits(column.label, theme.faint()));
        heading.push(Span::raw("  "));
    }
    put::line(buf, area, 0, &Line::from(heading));
    let selected = history.index();
    let top = selected.saturating_sub(height.saturating_sub(1) / 2);
    let top = top.min(history.runs.len().saturating_sub(height));
    for (slot, (index, run)) in history.runs.iter().enumerate().skip(top).take(height).enumerate() {
        let mut spans = Vec::new();
        for column in &columns {
            let (text, style) = (column.cell)(view, one, run);
            spans.push(column.fits(&text, style));
            spans.push(Span::raw("  "));
        }
        if index == selected {
            for span in &mut spans {
                span.style = theme.reversed();
            }
            let mark = Rect { x: inner.x, ..area };
            put::line(buf, mark, slot as u16 + 1, &Line::styled("▌", theme.accent()));
        }
        put::line(buf, area, slot as u16 + 1, &Line::from(spans));
    }
}

/// One column of the list.
struct ListColumn {
    label: &'static str,
    cells: usize,
    right: bool,
    /// Goes by this when there is no room, highest first.
    drops: u8,
    cell: fn(&View<'_>, &IntegrationView, &JobView) -> (String, Style),
}

impl ListColumn {
    fn fits(&self, text: &str, style: Style) -> Span<'static> {
        if self.right {
            put::padded_left(text, self.cells, style)
        } else {
            put::padded(text, self.cells, style)
        }
    }
}

fn columns(cells: usize) -> Vec<ListColumn> {
    let column = |label, cells, right, drops, cell| ListColumn { label, cells, right, drops, cell };
    let mut all = vec![
        column("when", 12, false, 0, |view, one, run| {
            (fmt::stamp(run.started_at, view.now, &one.timezone, false), view.theme.text())
        }),
        column("what", 8, false, 0, |view, _, run| (job_word(run.kind).to_owned(), view.theme.text())),
        column("range", 28, false, 4, |view, _, run| (range(run), view.theme.faint())),
        column("done", 10, true, 1, |view, _, run| (count(run.done), view.theme.strong())),
        column("reads", 8, true, 3, |view, _, run| (count(run.reads), view.theme.text())),
        column("time", 12, true, 5, |view, _, run| (took(run), view.theme.text())),
        column("outcome", 25, false, 0, |view, _, run| {
            let (word, style) = running::outcome(view, run);
            (word.to_owned(), style)
        }),
        column("failed", 7, true, 2, |view, _, run| {
            let style = if run.errors > 0 { view.theme.bad() } else { view.theme.faint() };
            (count(run.errors), style)
        }),
        column("warnings", 9, true, 6, |view, _, run| {
            let style = if run.warnings.is_empty() { view.theme.faint() } else { view.theme.warn() };
            (count(run.warnings.len() as u64), style)
        }),
    ];
    while all.iter().map(|column| column.cells + 2).sum::<usize>() > cells + 2
        && let Some(at) = (0..all.len()).max_by_key(|at| all[*at].drops)
        && all[at].drops > 0
    {
        all.remove(at);
    }
    all
}

fn range(run: &JobView) -> String {
    if run.kind == JobKind::Sync {
        return "the catalog".to_owned();
    }
    let from = run.from.as_deref().unwrap_or("the beginning");
    fmt::clean(&format!("{from} → {}", run.to.as_deref().unwrap_or("today"))).into_owned()
}

fn took(run: &JobView) -> String {
    match run.finished_at {
        Some(at) => duration_left(at.saturating_sub(run.started_at).max(0) as u64),
        None => "–".to_owned(),
    }
}

fn detail(
    view: &View<'_>,
    buf: &mut Buffer,
    inner: Rect,
    one: &IntegrationView,
    run: &JobView,
    scroll: usize,
    hits: &mut Hits,
) {
    let area = inside(inner);
    let lines = facts(view, one, run, usize::from(area.width));
    let height = usize::from(area.height);
    hits.sync_rows = height;
    hits.sync_scroll_max = lines.len().saturating_sub(height);
    let first = scroll.min(hits.sync_scroll_max);
    for (row, line) in lines.iter().skip(first).take(height).enumerate() {
        put::line(buf, area, row as u16, line);
    }
}

fn facts(view: &View<'_>, one: &IntegrationView, run: &JobView, cells: usize) -> Vec<Line<'static>> {
    let theme = view.theme;
    let (word, style) = running::outcome(view, run);
    let mut out = vec![Line::default()];
    let mut fact = |name: &str, value: String, style: Style| {
        for (index, piece) in put::wrap(&value, cells.saturating_sub(16)).into_iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            out.push(Line::from(vec![put::padded(name, 16, theme.faint()), Span::styled(piece, style)]));
        }
    };
    let text = theme.text();
    let stamp = |at: i64| fmt::stamp(at, view.now, &one.timezone, true);
    fact("Outcome", word.to_owned(), style.patch(theme.strong()));
    if let Some(error) = &run.error {
        fact("Why", error.clone(), style);
    }
    fact("Began", stamp(run.started_at), text);
    if let Some(at) = run.finished_at {
        fact("Ended", format!("{}, after {}", stamp(at), took(run)), text);
    }
    if run.kind == JobKind::Discover {
        let statuses = run.statuses.join(" ");
        let all = "open paid uncollectible void".to_owned();
        fact("Statuses", if statuses.is_empty() { all } else { statuses }, text);
        fact("Created", range(run), text);
        fact("Listed", count(run.done), theme.strong());
    } else {
        let of = run.total.map(|total| format!(" of {}", count(total))).unwrap_or_default();
        fact("Stored", format!("{}{of} invoices", count(run.done)), theme.strong());
        fact("Left out", count(run.skipped), text);
        let failed = if run.errors > 0 { theme.bad() } else { text };
        fact("Failed", count(run.errors), failed);
        fact("Still to do", count(run.remaining), text);
    }
    fact("Reads", format!("{}, {} of them list pages", count(run.reads), count(run.pages)), text);
    fact("Tried again", count(run.retries), text);
    fact("Pace", run.pace.clone(), text);
    if !run.parts.is_empty() {
        out.push(Line::default());
        for kind in &run.parts {
            out.push(if is_active(run) {
                jobs::part_line(view, kind, None, cells)
            } else {
                ended(view, kind)
            });
        }
    }
    if !run.warnings.is_empty() {
        out.push(Line::default());
        for warning in &run.warnings {
            for (index, piece) in put::wrap(warning, cells.saturating_sub(2)).into_iter().enumerate() {
                let sign = if index == 0 { "! " } else { "  " };
                out.push(Line::styled(format!("{sign}{piece}"), theme.warn()));
            }
        }
    }
    out
}

/// A kind of a run that has ended: nothing of it moves any more.
fn ended(view: &View<'_>, kind: &crate::engine::api::PartView) -> Line<'static> {
    let theme = view.theme;
    let name = put::padded(&stored::word(kind.kind), 22, theme.faint());
    if kind.not_allowed {
        return Line::from(vec![name, Span::styled("not allowed: this key may not read them", theme.warn())]);
    }
    let of = match kind.total {
        Some(total) if total != kind.done => format!(" of {}", count(total)),
        _ => String::new(),
    };
    let reads = match kind.reads {
        0 => String::new(),
        n => format!(" · {}", crate::text::reads(n)),
    };
    let rest = if kind.finished { "" } else { " · not finished" };
    Line::from(vec![
        name,
        Span::styled(count(kind.done), theme.strong()),
        Span::styled(format!("{of}{reads}{rest}"), theme.faint()),
    ])
}
