//! What the log's screen does with actions. Pure.

use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::screens::dashboard::update::work;
use crate::tui::state::State;

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let page = state.hits.screen_rows.saturating_sub(1).max(1);
    let max = state.hits.screen_scroll_max;
    let log = &mut state.log;
    match action {
        Action::Down => log.scroll += 1,
        Action::Up => log.scroll = log.scroll.saturating_sub(1),
        Action::PageDown => log.scroll += page,
        Action::PageUp => log.scroll = log.scroll.saturating_sub(page),
        Action::First => log.scroll = 0,
        Action::Last => log.scroll = max,
        Action::Find => {
            log.typing = true;
            log.before = log.wanted.text().to_owned();
        }
        Action::Accept => log.typing = false,
        Action::Cancel => {
            log.typing = false;
            log.wanted = LineEdit::new(&log.before);
        }
        Action::Back if !log.wanted.text().is_empty() => log.wanted = LineEdit::default(),
        Action::Back => {
            state.go_back();
            return Vec::new();
        }
        _ => return work(state, action, now_ms).unwrap_or_default(),
    }
    log.scroll = log.scroll.min(max);
    Vec::new()
}

/// Takes text into the line.
pub fn typed(state: &mut State, typed: &Typed, _now_ms: i64) -> Vec<Effect> {
    if state.log.wanted.take(typed) {
        state.log.scroll = 0;
    }
    Vec::new()
}

/// Nothing of it is selected, so nothing of it can be copied.
pub fn can(_state: &State, action: Action) -> Result<(), String> {
    match action {
        Action::CopyId | Action::Freeze | Action::NextPane | Action::PreviousPane | Action::AllAccounts => {
            Err("not on the log".to_owned())
        }
        _ => Ok(()),
    }
}

/// Keeps the scroll within what was drawn.
pub fn drawn(state: &mut State) {
    state.log.scroll = state.log.scroll.min(state.hits.screen_scroll_max);
}
