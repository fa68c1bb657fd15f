//! Keys and secrets at rest.

pub mod secret;
