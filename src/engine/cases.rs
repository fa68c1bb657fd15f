//! Failed payments: the engine's side of `recovery/`.
//!
//! It must never add up money over currencies, nor count a case twice.

use super::api::{Answer, Request};
use super::{Engine, refused};

/// Answers what is asked of failed payments.
pub async fn answer(_engine: &Engine, _request: Request) -> Answer {
    refused("failed payments are not in this version")
}
