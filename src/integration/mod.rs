//! Integrations: connect, key check and permissions, edit, disconnect.

pub mod check;
pub mod config;
pub mod connect;
pub mod probes;
pub mod stripe_cli;

pub use config::Integration;
