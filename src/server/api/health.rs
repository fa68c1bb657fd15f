//! Whether the process answers, and whether it can do its work.

use std::sync::Arc;

use axum::extract::State;

use super::Shared;
use super::fault::answer;
use super::routes::Reply;

/// The process answers.
pub async fn healthz() -> Reply {
    Ok(answer(200, "application/json", r#"{"status":"ok"}"#))
}

/// The store is open and did not fail.
pub async fn readyz(State(shared): State<Arc<Shared>>) -> Reply {
    shared.snapshot()?;
    shared.store()?;
    Ok(answer(200, "application/json", r#"{"status":"ready"}"#))
}
