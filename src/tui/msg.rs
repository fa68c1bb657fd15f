//! Everything that can happen to the screen, as one type.
//!
//! Whatever changes the state comes through here; nothing else may.

use std::sync::Arc;

use crossterm::event::KeyEvent;

use super::widgets::Hits;
use crate::engine::api::{Answer, Snapshot};
use crate::vault::secret::Secret;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key was pressed (or repeats).
    Key(KeyEvent),
    /// Text was pasted. Never run as keys; it may be an API key, so it prints as dots.
    Paste(Secret),
    /// The terminal's size: columns, rows.
    Resize(u16, u16),
    /// The engine's newest snapshot.
    Snapshot(Arc<Snapshot>),
    /// What the engine answered to the request of that number.
    Answer {
        /// The number of the request.
        generation: u64,
        /// The answer.
        answer: Answer,
    },
    /// A frame was drawn; this is where things are on it.
    Drawn(Hits),
    /// Time has passed.
    Tick,
    /// The engine is gone: no snapshot will come any more.
    EngineGone,
    /// Another part of the program panicked; the screen goes on.
    Panicked(String),
    /// Something was done that is worth a line.
    Told(String),
    /// The terminal could not be handed back to a shell.
    NotSuspended(String),
}
