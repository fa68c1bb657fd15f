//! `tillwatch serve` as other programs use it: the real program, over real HTTP, against a local Stripe.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

#[path = "../cli/bench.rs"]
#[allow(dead_code, reason = "the command line's tests use the rest")]
mod bench;

mod endpoints;
mod floods;
mod lists;
mod operating;
mod process;
mod refusals;
mod restart;
mod service;
