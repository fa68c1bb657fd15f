//! What is stored here, kind by kind: how many, since when, or that the key may not read it.

use ratatui::text::{Line, Span};

use super::{View, put};
use crate::engine::api::{IntegrationView, StoredKind};
use crate::stripe::kind::Kind;
use crate::tui::fmt::{self, count};

/// What a person calls a kind.
pub fn word(kind: Kind) -> String {
    match kind {
        Kind::PaymentIntent => "payments".to_owned(),
        other => other.list_name().replace('_', " "),
    }
}

/// The kinds side by side, two lines for each row of them.
pub fn grid(view: &View<'_>, one: &IntegrationView, cells: usize) -> Vec<[Line<'static>; 2]> {
    let widths: Vec<usize> = one.stored.iter().map(|kind| wants(view, one, kind) + 2).collect();
    let (sum, count) = (widths.iter().sum::<usize>(), widths.len());
    if count == 0 || cells == 0 {
        return Vec::new();
    }
    let (columns, widths) = if sum <= cells {
        // All in one row, spread out, but not so far that the eye loses it.
        let spare = ((cells - sum) / count).min(8);
        (count, widths.iter().map(|wide| wide + spare).collect())
    } else {
        let widest = widths.iter().copied().max().unwrap_or(1);
        let columns = (cells / widest.max(1)).clamp(1, count);
        (columns, vec![(cells / columns).min(widest + 6); count])
    };
    one.stored
        .chunks(columns)
        .zip(widths.chunks(columns))
        .map(|(kinds, widths)| {
            let mut lines = [Line::default(), Line::default()];
            for (kind, cells) in kinds.iter().zip(widths) {
                let (first, second) = cell(view, one, kind, *cells);
                lines[0].spans.extend(first);
                lines[1].spans.push(second);
            }
            lines
        })
        .collect()
}

/// Cells that a kind's two lines take.
fn wants(view: &View<'_>, one: &IntegrationView, kind: &StoredKind) -> usize {
    let first = fmt::width(&word(kind.kind)) + 1 + fmt::width(&number(kind));
    first.max(fmt::width(&since(view, one, kind)))
}

/// Since when it is up to date, or why it is not.
fn since(view: &View<'_>, one: &IntegrationView, kind: &StoredKind) -> String {
    match (kind.allowed, kind.synced_at) {
        (false, _) => "not allowed".to_owned(),
        (true, Some(at)) => format!("✓ {}", fmt::stamp(at, view.now, &one.timezone, false)),
        (true, None) => "no full run yet".to_owned(),
    }
}

fn number(kind: &StoredKind) -> String {
    if kind.allowed || kind.count > 0 { count(kind.count) } else { "–".to_owned() }
}

fn cell(
    view: &View<'_>,
    one: &IntegrationView,
    kind: &StoredKind,
    cells: usize,
) -> (Vec<Span<'static>>, Span<'static>) {
    let theme = view.theme;
    let name = word(kind.kind);
    let rest = cells.saturating_sub(fmt::width(&name) + 1);
    let first = vec![
        Span::styled(format!("{name} "), theme.faint()),
        put::padded(&number(kind), rest, theme.strong()),
    ];
    let style = match (kind.allowed, kind.synced_at) {
        (false, _) => theme.warn(),
        (true, Some(_)) => theme.good(),
        (true, None) => theme.faint(),
    };
    let second = put::padded(&since(view, one, kind), cells, style);
    (first, second)
}
