//! Integrations: connect, key check and permissions, edit, webhook endpoint, disconnect.

pub mod check;
pub mod config;
pub mod connect;
pub mod endpoint;
pub mod probes;
pub mod stripe_cli;

pub use config::Integration;
