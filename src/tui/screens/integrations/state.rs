//! What this screen remembers: whether one is open whole, and how far its detail is scrolled.

use crate::engine::api::IntegrationId;

/// Its state. Which integration is selected is the whole program's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IntegrationsState {
    /// Where there is no room for both: the detail, not the list.
    pub detail: bool,
    /// First line shown of the detail.
    pub scroll: usize,
    /// Whose detail that is: another one begins at its top.
    pub shown: Option<IntegrationId>,
}

impl IntegrationsState {
    /// Another one is shown, from its top.
    pub fn opened(&mut self) {
        self.scroll = 0;
    }
}
