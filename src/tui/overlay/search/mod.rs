//! Search anywhere: whatever was pasted, the object and its events, of all accounts, without a network.
//!
//! `update` asks and moves, `view` draws. One request is under way at most and the newest text wins. The state is
//! kept while the overlay is closed, so that it opens as it was left. It must never act on a hit that is not the
//! one that was shown: the selection is an object.

pub mod update;
pub mod view;

use crate::engine::api::{IntegrationId, SearchHit, SearchResult};
use crate::tui::input::line::LineEdit;
use crate::tui::widgets::timeline::Timeline;

/// What the search remembers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchState {
    /// What was typed or pasted.
    pub line: LineEdit,
    /// The newest answer; of an earlier text while the next one is under way.
    pub result: Option<SearchResult>,
    /// Why the last search failed.
    pub error: Option<String>,
    /// The selected hit.
    pub cursor: Option<(IntegrationId, String)>,
    /// The first hit that shows.
    pub top: usize,
    /// The events of the selected hit are shown instead of the hits.
    pub events: Option<Timeline>,
    pub(super) in_flight: Option<(u64, String)>,
    /// The text and the versions (records, events) that were asked for last.
    pub(super) asked: Option<(String, u64, u64)>,
}

impl SearchState {
    /// Index of the selected hit.
    pub fn cursor_index(&self) -> Option<usize> {
        let (integration, id) = self.cursor.as_ref()?;
        self.hits().iter().position(|hit| hit.integration == *integration && hit.id == *id)
    }

    /// The hits that are shown.
    pub fn hits(&self) -> &[SearchHit] {
        self.result.as_ref().map(|result| result.hits.as_slice()).unwrap_or_default()
    }

    /// The selected hit.
    pub fn selected(&self) -> Option<&SearchHit> {
        self.cursor_index().and_then(|index| self.hits().get(index))
    }
}
