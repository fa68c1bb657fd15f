//! Stripe's API.

pub mod kind;
