//! Integrations: connect, key check and permissions, edit, disconnect.

pub mod check;
pub mod config;

pub use config::Integration;
