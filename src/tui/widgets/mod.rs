//! What the screens are put together from: header, footer, the three panes, bars, and how text gets into cells.
//!
//! A widget reads, draws, and says where things are in [`Hits`]; it never changes state and never draws outside
//! the area it was given, whatever its size.

pub mod attempts;
pub mod bar;
pub mod detail;
pub mod endpoint;
pub mod feed;
pub mod filter_line;
pub mod footer;
pub mod form;
pub mod header;
pub mod integrations;
pub mod jobs;
pub mod json;
pub mod matrix;
pub mod put;
pub mod stored;
pub mod timeline;

use super::fmt;
use super::state::State;
use super::style::Theme;

/// The states of the catalog that read better in other words than the filter's, as the titles have them.
pub fn state_word(word: &str) -> &str {
    match word {
        "stale" => "changed since",
        "error" => "failed",
        "skipped" => "left out",
        "gone" => "deleted",
        word => word,
    }
}

/// What every widget draws from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The state.
    pub state: &'a State,
    /// Styles by meaning.
    pub theme: Theme,
    /// ASCII only.
    pub ascii: bool,
    /// Unix seconds.
    pub now: i64,
}

/// How soon the frame is out of date by the clock alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Wake {
    /// Never.
    #[default]
    Never,
    /// With the next minute.
    Minute,
    /// With the next second.
    Second,
}

/// Where things are on the last frame, and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// Rows of the feed that fit.
    pub feed_rows: usize,
    /// Index, in the window, of the first visible one.
    pub feed_top: usize,
    /// Integrations that fit.
    pub list_rows: usize,
    /// Lines of pane 3 that fit.
    pub sync_rows: usize,
    /// How far pane 3 can be scrolled.
    pub sync_scroll_max: usize,
    /// Rows of the table that fit; 0: no table was drawn.
    pub table_rows: usize,
    /// On which of them the selection is.
    pub table_offset: usize,
    /// Lines of the detail that fit.
    pub detail_rows: usize,
    /// Its first line that is shown.
    pub detail_top: usize,
    /// Rows of the timeline that fit.
    pub timeline_rows: usize,
    /// Index of its first visible row.
    pub timeline_top: usize,
    /// Rows of the open screen's main list that fit.
    pub screen_rows: usize,
    /// How far that can be scrolled.
    pub screen_scroll_max: usize,
    /// Lines of the overlay that fit.
    pub overlay_rows: usize,
    /// Index of its first visible row.
    pub overlay_top: usize,
    /// How far the overlay can be scrolled.
    pub overlay_scroll_max: usize,
    /// When the clock alone makes it old.
    pub wake: Wake,
}

impl Hits {
    /// Something on the frame changes with the clock.
    pub fn changes_every(&mut self, wake: Wake) {
        self.wake = self.wake.max(wake);
    }

    /// How long ago, and so much of the clock that it needs.
    pub fn ago(&mut self, now: i64, then: i64) -> String {
        let seconds = now.saturating_sub(then).max(0);
        self.changes_every(if seconds < 60 { Wake::Second } else { Wake::Minute });
        fmt::ago(seconds)
    }
}

/// An amount, in ASCII if nothing else can be shown.
pub fn money(amount: i64, currency: &str, ascii: bool) -> String {
    let text = fmt::money(amount, currency);
    if ascii { super::style::ascii::money(&text, currency) } else { text }
}

impl View<'_> {
    /// An amount as the terminal can show it.
    pub fn money(&self, amount: i64, currency: &str) -> String {
        money(amount, currency, self.ascii)
    }
}
