//! Front-ends without a screen of their own: what other processes on this machine talk to.
//!
//! They know only the engine's requests and snapshots. They must never answer anybody but this machine's own user
//! without a token.

pub mod api;
pub mod attach;
pub mod http;
pub mod receiver;
pub mod service;
pub mod settings;
