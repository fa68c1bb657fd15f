//! Integrations: connect, key check and permissions, edit, disconnect.

pub mod check;
pub mod config;
pub mod connect;

pub use config::Integration;
