//! Draws this screen.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::tui::widgets::{Hits, View};

/// Draws it.
pub fn draw(_view: &View<'_>, _buf: &mut Buffer, _area: Rect, _hits: &mut Hits) {}
