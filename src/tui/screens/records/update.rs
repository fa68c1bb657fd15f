//! What this screen does with actions and answers. Pure: everything it wants done is an effect.

use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::state::State;

/// Carries an action out.
pub fn act(state: &mut State, action: Action, _now_ms: i64) -> Vec<Effect> {
    if action == Action::Back {
        state.go_back();
    }
    Vec::new()
}
