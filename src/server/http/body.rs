//! Bodies of requests: read whole up to a limit, in a limited time; what is beyond it is taken off the wire and forgotten,
//! so that a client that sends first and reads later still gets its answer.
//!
//! It must never hold more of a body than its limit.

use std::time::Duration;

use axum::http::header;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::Limits;
use super::lines::State;

/// Bytes that are reserved on a client's word alone.
const FIRST: usize = 16 * 1024;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Larger than the limit.
    TooLarge,
    /// It did not come to its end in time.
    TooSlow,
    /// The client broke off.
    Broken,
}

/// The whole body. While it comes, the connection counts as one that is not at work.
pub async fn read(parts: &Parts, mut body: Incoming, limits: &Limits) -> Result<Bytes, Unread> {
    let _resting = parts.extensions.get::<State>().map(State::resting);
    let declared = body.size_hint().lower();
    if declared > limits.body_bytes as u64 {
        discard(parts, body, limits.body_time).await;
        return Err(Unread::TooLarge);
    }
    let deadline = tokio::time::Instant::now() + limits.body_time;
    let mut whole = BytesMut::with_capacity((declared as usize).min(FIRST));
    loop {
        let frame = tokio::time::timeout_at(deadline, body.frame()).await.map_err(|_| Unread::TooSlow)?;
        let Some(frame) = frame else { return Ok(whole.freeze()) };
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if whole.len() + data.len() > limits.body_bytes {
            drop(whole);
            discard(parts, body, limits.body_time).await;
            return Err(Unread::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
}

/// Takes a body that nobody wants off the wire, for at most so long. A client that asked first (`Expect`) sends none.
pub async fn discard(parts: &Parts, mut body: Incoming, most: Duration) {
    let _resting = parts.extensions.get::<State>().map(State::resting);
    if parts.headers.contains_key(header::EXPECT) {
        return;
    }
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(most, all).await;
}
