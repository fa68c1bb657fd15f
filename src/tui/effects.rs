//! What `update` wants done, as plain data that the runtime carries out.
//!
//! Nothing in here does anything; a test compares it.

use crate::engine::api::Request;

/// Something for the runtime to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send this to the engine; its answer comes back under the same number.
    Request {
        /// Tells answers apart, and stale ones from wanted ones.
        generation: u64,
        /// What to ask.
        request: Request,
    },
    /// Put this text on the terminal's clipboard (OSC 52).
    Copy(String),
    /// Hand the terminal back to the shell until it is continued.
    Suspend,
    /// End the program.
    Quit,
}
