//! The command line as people use it: the real program, over real HTTP, against a local Stripe.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod backup;
mod bad_input;
mod bench;
mod connect;
mod data_dir;
mod disconnect;
mod edit;
mod filters;
mod midrun;
mod plan;
mod reads;
mod records;
mod recovery;
mod upkeep;
mod walk;
