//! What `update` wants done, as plain data that the runtime carries out.
//!
//! Nothing in here does anything; a test compares it.

use crate::engine::api::Request;
use crate::vault::secret::Secret;

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
    /// Hand a key to the engine; its ticket comes back under the same number.
    OfferKey {
        /// As with requests.
        generation: u64,
        /// The key, as typed or pasted.
        key: Secret,
    },
    /// Open this page in a browser; where there is none, put its address on the clipboard and say so.
    OpenPage(String),
    /// Put this text on the terminal's clipboard (OSC 52).
    Copy(String),
    /// Ring the terminal's bell.
    Ring,
    /// Have the terminal show a notification (OSC 9). Free of control characters.
    Notify(String),
    /// Hand the terminal back to the shell until it is continued.
    Suspend,
    /// End the program.
    Quit,
}
