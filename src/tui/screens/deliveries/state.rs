//! What this screen remembers: which pane has the keys, the selected target, the attempts, and the one that is open.

use super::attempt::AttemptPane;
use crate::engine::api::TargetId;
use crate::tui::attempts::Attempts;

/// What the keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// The targets.
    #[default]
    Targets,
    /// The attempts.
    Attempts,
}

/// Its state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeliveriesState {
    /// What the keys go to.
    pub focus: Focus,
    /// The selected target; none: all of them.
    pub target: Option<TargetId>,
    /// A target that was just added: selected as soon as it is there.
    pub added: Option<TargetId>,
    /// The attempts at it.
    pub list: Attempts,
    /// Only those that were not delivered.
    pub failed_only: bool,
    /// The attempt that is open.
    pub open: Option<AttemptPane>,
    /// It was opened from another screen, to which the way back leads.
    pub from_elsewhere: bool,
}
