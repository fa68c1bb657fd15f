//! The running system: requests in, snapshots out.

pub mod api;
