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
    let widest = one
        .stored
        .iter()
        .map(|kind| fmt::width(&word(kind.kind)) + 1 + fmt::width(&number(kind)))
        .max()
        .unwrap_or(0);
    let each = (widest + 3).max(18);
    let columns = (cells / each).clamp(1, one.stored.len().max(1));
    // Spread over the whole width, but not so far that the eye loses the row.
    let each = (cells / columns).min(each + 6);
    one.stored
        .chunks(columns)
        .map(|kinds| {
            let mut lines = [Line::default(), Line::default()];
            for kind in kinds {
                let (first, second) = cell(view, one, kind, each);
                lines[0].spans.extend(first);
                lines[1].spans.push(second);
            }
            lines
        })
        .collect()
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
    let second = match (kind.allowed, kind.synced_at) {
        (false, _) => put::padded("not allowed", cells, theme.warn()),
        (true, Some(at)) => {
            let text = format!("✓ {}", fmt::stamp(at, view.now, &one.timezone, false));
            put::padded(&text, cells, theme.good())
        }
        (true, None) => put::padded("no full run yet", cells, theme.faint()),
    };
    (first, second)
}
