//! Forwarding of stored events to targets: HTTP addresses, mostly of programs on this machine.
//!
//! The queue is on disk: an event is put into it in the batch that stores the event (`store/forwards.rs`), and taken
//! out in the batch that stores the attempt which delivered it. So a kill loses nothing, and what may come twice is
//! what was on its way. A task per target sends (`run.rs`); what it decides is pure (`plan.rs`). It must never follow
//! a redirect, change a byte of an event, or hold up whoever stores events.

pub mod attempts;
pub mod pattern;
pub mod plan;
pub mod routes;
pub mod run;
pub mod send;
pub mod sign;
pub mod target;

/// Events older than this, in seconds, are not sent by themselves any more.
pub const EXPIRES_S: i64 = 15 * 60;
/// Seconds that an answer may take unless the target says otherwise; what the Stripe CLI gives.
pub const TIMEOUT_S: u32 = 30;
/// The longest that may be asked for: a person who steps through a handler needs minutes.
pub const LONGEST_TIMEOUT_S: u32 = 3_600;
