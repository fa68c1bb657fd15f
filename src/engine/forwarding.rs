//! Forwarding of events to targets: the engine's side of `forward/`.
//!
//! It must never delay what comes in, nor send LIVE events where nobody agreed to.

use super::api::{Answer, Request};
use super::{Engine, refused};

/// Answers what is asked of targets, attempts and replays.
pub async fn answer(_engine: &Engine, _request: Request) -> Answer {
    refused("forwarding is not in this version")
}
