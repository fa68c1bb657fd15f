//! What this screen does with actions and answers. Pure: everything it wants done is an effect.

use crate::engine::api::IntegrationId;
use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::screens::ScreenId;
use crate::tui::state::State;

/// Carries an action out.
pub fn act(state: &mut State, action: Action, _now_ms: i64) -> Vec<Effect> {
    if action == Action::Back {
        state.go_back();
    }
    Vec::new()
}

/// Opens an event in detail.
pub fn open_event(state: &mut State, _integration: IntegrationId, _id: String) -> Vec<Effect> {
    state.go(ScreenId::Events);
    Vec::new()
}
