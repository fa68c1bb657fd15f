//! The profiles of the Stripe CLI on this machine, to take a key from.
//!
//! It knows names, accounts and days, never a key: the engine reads the file again when one is taken.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::engine::api::CliProfile;
use crate::tui::input::actions::{Action, Context};
use crate::tui::widgets::{View, form, header, put};

/// The list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profiles {
    /// Asked for.
    Loading,
    /// Could not be read: one sentence.
    Failed(String),
    /// What there is, and the line that is selected.
    List {
        /// One line a key.
        lines: Vec<ProfileLine>,
        /// Which.
        selected: usize,
    },
}

/// One key of one profile, or the word that it has none that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileLine {
    /// The profile.
    pub profile: CliProfile,
    /// Its live key.
    pub livemode: bool,
    /// The day it ends; empty: not said. None: the key can't be had from there.
    pub expires: Option<String>,
}

impl Profiles {
    /// The lines of these profiles.
    pub fn of(profiles: &[CliProfile]) -> Profiles {
        let mut lines = Vec::new();
        for profile in profiles {
            let mut add = |livemode, expires: Option<String>| {
                lines.push(ProfileLine { profile: profile.clone(), livemode, expires });
            };
            if profile.live.is_some() || profile.note.is_some() {
                add(true, profile.live.clone());
            }
            if profile.test.is_some() {
                add(false, profile.test.clone());
            }
        }
        let selected = lines.iter().position(|line| line.expires.is_some()).unwrap_or(0);
        Profiles::List { lines, selected }
    }

    /// Moves the selection.
    pub fn step(&mut self, by: isize) {
        if let Profiles::List { lines, selected } = self {
            *selected = selected.saturating_add_signed(by).min(lines.len().saturating_sub(1));
        }
    }

    /// The selected line.
    pub fn chosen(&self) -> Option<&ProfileLine> {
        match self {
            Profiles::List { lines, selected } => lines.get(*selected),
            Profiles::Loading | Profiles::Failed(_) => None,
        }
    }
}

/// Draws the list in the place of the step.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, profiles: &Profiles) {
    let theme = view.theme;
    let cells = usize::from(area.width);
    let mut rows = form::Rows::default();
    rows.push(Line::styled("Keys that the Stripe CLI has on this machine", theme.strong()));
    rows.may_go(
        5,
        Line::styled("read only; the key is read again there should Stripe refuse it", theme.faint()),
    );
    rows.gap();
    let mut hints = vec![(Action::Back, "back to the key")];
    match profiles {
        Profiles::Loading => rows.push(Line::styled("reading …", theme.faint())),
        Profiles::Failed(reason) => rows.text(0, reason, cells, theme.warn()),
        Profiles::List { lines, .. } if lines.is_empty() => {
            let text = "The Stripe CLI has no key on this machine: run `stripe login`, or paste a key.";
            rows.text(0, text, cells, theme.text());
        }
        Profiles::List { lines, selected } => {
            hints = vec![
                (Action::Accept, "take this key"),
                (Action::Down, "next"),
                (Action::Up, "before"),
                (Action::Back, "back to the key"),
            ];
            let fits = usize::from(area.height).saturating_sub(8).max(1);
            let first = selected.saturating_sub(fits / 2).min(lines.len().saturating_sub(fits));
            for (index, line) in lines.iter().enumerate().skip(first).take(fits) {
                rows.push(row(view, line, index == *selected, cells));
            }
            if let Some(line) = lines.get(*selected) {
                rows.gap();
                let text = format!("from {}", line.profile.file);
                rows.may_go(4, Line::styled(put::wrap(&text, cells).join(" "), theme.faint()));
                if let Some(note) = line.profile.note.as_ref().filter(|_| line.expires.is_none()) {
                    rows.text(1, note, cells, theme.warn());
                }
            }
        }
    }
    form::place(buf, area, rows, &form::hints(view, Context::Typing, cells, &hints));
}

fn row(view: &View<'_>, line: &ProfileLine, selected: bool, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let ends = match line.expires.as_deref() {
        None => "not in a file".to_owned(),
        Some("") => "end not said".to_owned(),
        Some(day) => format!("ends {day}"),
    };
    let style = if selected {
        theme.reversed()
    } else if line.expires.is_none() {
        theme.faint()
    } else {
        theme.text()
    };
    let marker = if selected { "▌" } else { " " };
    let name = (cells / 4).clamp(10, 24);
    let account = if cells >= 84 { 24 } else { 0 };
    let who = cells.saturating_sub(name + account + 8 + 18 + 4).max(6);
    let mut spans = vec![
        Span::styled(marker, theme.accent()),
        put::padded(&line.profile.name, name, style),
        Span::styled(" ", style),
        put::padded(&line.profile.display_name, who, style),
        Span::styled(" ", style),
    ];
    if account > 0 {
        spans.push(put::padded(&line.profile.account, account, style));
    }
    let mode = header::mode(theme, line.livemode);
    spans.push(if selected { Span::styled(mode.content.into_owned(), style) } else { mode });
    spans.push(Span::styled(" ", style));
    spans.push(put::padded(&ends, 18, style));
    Line::from(spans)
}
