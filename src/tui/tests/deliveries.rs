//! The screen of deliveries.
