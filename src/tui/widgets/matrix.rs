//! The permission matrix: what a key may read, what is being tried, and what is lost without the rest.
//!
//! A permission that nothing needs is a dash, never a failure. Shown by the wizard and by the integrations' screen.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{View, put};
use crate::engine::api::{Delivery, PermissionGroup, PermissionState, PermissionView};
use crate::tui::fmt;
use crate::tui::overlay::wizard::delivery;

/// What the matrix is read for.
#[derive(Debug, Clone, Copy)]
pub struct Wants {
    /// Invoices and subscriptions too.
    pub billing: bool,
    /// How the account stays current.
    pub delivery: Delivery,
    /// A person is asked what to do about what is missing.
    pub asks: bool,
}

impl Wants {
    /// It is needed for this.
    pub fn needs(self, one: &PermissionView) -> bool {
        (self.billing || !one.billing_only) && delivery::needs(self.delivery, one.group)
    }

    /// The key lacks it, and it is needed.
    pub fn lacks(self, one: &PermissionView) -> bool {
        one.state == PermissionState::Missing && self.needs(one)
    }
}

/// How many of the needed ones the key may, how many are needed, and how many are still to be tried.
pub fn tally(all: &[PermissionView], wants: Wants) -> (usize, usize, usize) {
    let needed = || all.iter().filter(|one| wants.needs(one) && !is_dash(&one.state));
    let allowed = needed().filter(|one| one.state == PermissionState::Allowed).count();
    let open = needed()
        .filter(|one| matches!(one.state, PermissionState::Waiting | PermissionState::Trying))
        .count();
    (allowed, needed().count(), open)
}

fn is_dash(state: &PermissionState) -> bool {
    matches!(state, PermissionState::NotOffered | PermissionState::NotTried)
}

fn missing(view: &View<'_>, wants: Wants) -> Style {
    if wants.asks { view.theme.bad() } else { view.theme.warn() }
}

fn glyph(view: &View<'_>, one: &PermissionView, wants: Wants) -> (&'static str, Style, Style) {
    let theme = view.theme;
    match &one.state {
        _ if !wants.needs(one) => ("–", theme.faint(), theme.faint()),
        PermissionState::Waiting => ("·", theme.faint(), theme.faint()),
        PermissionState::Trying => ("↻", theme.warn(), theme.text()),
        PermissionState::Allowed => ("✓", theme.good(), theme.text()),
        PermissionState::Missing => ("✗", missing(view, wants), missing(view, wants)),
        PermissionState::NotOffered | PermissionState::NotTried => ("–", theme.faint(), theme.faint()),
        PermissionState::Unknown { .. } => ("?", theme.warn(), theme.text()),
    }
}

/// What can be read, side by side in as many columns as fit.
pub fn grid(view: &View<'_>, all: &[PermissionView], wants: Wants, cells: usize) -> Vec<Line<'static>> {
    let reads: Vec<&PermissionView> = all.iter().filter(|one| one.group == PermissionGroup::Read).collect();
    let widest = reads.iter().map(|one| fmt::width(&one.resource)).max().unwrap_or(0) + 4;
    let columns = (cells / widest.max(1)).clamp(1, 4);
    let each = (cells / columns).min(widest + 8);
    reads
        .chunks(columns)
        .map(|row| {
            let mut spans = Vec::new();
            for one in row {
                let (glyph, style, text) = glyph(view, one, wants);
                spans.push(Span::styled(glyph, style));
                spans.push(Span::raw(" "));
                spans.push(put::padded(&one.resource, each.saturating_sub(2), text));
            }
            Line::from(spans)
        })
        .collect()
}

/// What staying current needs: one line. Of a way that was not chosen one permission stands for all.
pub fn current(view: &View<'_>, all: &[PermissionView], wants: Wants, cells: usize) -> Line<'static> {
    let mut parts = Vec::new();
    let mut named: Vec<PermissionGroup> = Vec::new();
    for (index, one) in all.iter().filter(|one| one.group != PermissionGroup::Read).enumerate() {
        let needed = wants.needs(one);
        if !needed && named.contains(&one.group) {
            continue;
        }
        named.push(one.group);
        let (glyph, style, text) = glyph(view, one, wants);
        let mut name = fmt::clean(&one.resource).into_owned();
        if !needed && one.group == PermissionGroup::Endpoint {
            name.push_str(": only for an endpoint of your own");
        }
        let spans = vec![Span::styled(glyph, style), Span::raw(" "), Span::styled(name, text)];
        parts.push(put::part(if needed { 0 } else { index as u8 + 1 }, spans));
    }
    put::fit_parts(parts, cells, 4)
}

/// What is lost without the permissions that are needed and missing, and what could not be tried.
pub fn lost(view: &View<'_>, all: &[PermissionView], wants: Wants, cells: usize) -> Vec<Line<'static>> {
    let theme = view.theme;
    let mut out = Vec::new();
    for one in all.iter().filter(|one| wants.needs(one)) {
        let (glyph, style, second, costs) = match &one.state {
            PermissionState::Missing => {
                ("✗", missing(view, wants), one.permission.clone(), one.costs.clone())
            }
            PermissionState::Unknown { reason } => {
                ("?", theme.warn(), "not tried".to_owned(), reason.clone())
            }
            _ => continue,
        };
        let mut spans = vec![
            Span::styled(glyph, style),
            Span::raw(" "),
            put::padded(&one.resource, 18, style),
            Span::raw(" "),
        ];
        if cells >= 84 {
            spans.push(put::padded(&second, 28, theme.accent()));
        }
        let used: usize = spans.iter().map(Span::width).sum();
        let room = cells.saturating_sub(used).max(8);
        for (index, piece) in put::wrap(&costs, room).into_iter().enumerate() {
            let mut line = if index == 0 { spans.clone() } else { vec![Span::raw(" ".repeat(used))] };
            line.push(Span::raw(piece));
            out.push(Line::from(line));
        }
    }
    out
}
