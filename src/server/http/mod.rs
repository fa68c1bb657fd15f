//! Listening for HTTP on this machine, so that no client can hurt us: a slow one is let go, a large one is refused, many
//! idle ones make room, and an end is orderly. The API and the receiver of deliveries stand on it.
//!
//! It knows nothing of what is served. It must never let the memory in use grow with what clients send.

pub mod body;
mod lines;
pub mod listen;
mod patient;

pub use body::{Unread, discard, read};
pub use listen::{Connections, Limits, Listening};
