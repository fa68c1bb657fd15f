//! (to come)

pub mod sandbox;
