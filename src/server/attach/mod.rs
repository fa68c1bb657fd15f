//! Attach: whoever holds the data folder listens on a Unix socket, and every other tillwatch on it talks to that one
//! running system instead of being turned away.
//!
//! Two ways to use it. A screen watches: snapshots come to it, requests go back ([`remote`]). A command is carried out
//! as a whole by the holder, which sends back what it prints and asks back what only the caller's terminal can answer
//! ([`run`]). It must never answer another user, and never let a slow or dead caller hold the engine up.

pub mod host;
pub mod place;
pub mod remote;
pub mod run;
pub mod wire;
