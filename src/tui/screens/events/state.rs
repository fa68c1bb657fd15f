//! What this screen remembers.

/// Its state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventsState {}
