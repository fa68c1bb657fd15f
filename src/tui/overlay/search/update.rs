//! What the search does with keys, text and answers. Pure: everything it wants done is an effect.

use super::SearchState;
use crate::engine::api::{Answer, Level, Phase, Request, SearchResult};
use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::input::line::Typed;
use crate::tui::overlay::Overlay;
use crate::tui::screens::{events, records};
use crate::tui::state::State;
use crate::tui::widgets::timeline::Timeline;

/// Hits asked for: more than fit on a screen; the text is made longer before one walks through more.
const HITS: usize = 200;

/// Opens it as it was left.
pub fn open(state: &mut State) -> Vec<Effect> {
    if !state.overlays.contains(&Overlay::Search) {
        state.overlays.push(Overlay::Search);
    }
    refresh(state)
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let page = state.hits.overlay_rows.saturating_sub(1).max(1) as isize;
    match action {
        Action::Cancel | Action::Back => {
            // Back to the hits first; what was typed stays for the next time.
            if state.search.events.take().is_none() {
                close(state);
            }
        }
        Action::Complete | Action::CompleteBack => return switch(state, now_ms),
        Action::Accept | Action::Open => return enter(state, now_ms),
        _ => {
            if let Some(events) = &mut state.search.events {
                events.act(action, state.hits.timeline_rows);
                return refresh(state);
            }
            match action {
                Action::Down => step(&mut state.search, 1),
                Action::Up => step(&mut state.search, -1),
                Action::PageDown => step(&mut state.search, page),
                Action::PageUp => step(&mut state.search, -page),
                _ => {}
            }
        }
    }
    Vec::new()
}

fn close(state: &mut State) {
    state.overlays.retain(|open| *open != Overlay::Search);
}

/// Takes text in and searches for it.
pub fn typed(state: &mut State, typed: &Typed) -> Vec<Effect> {
    if !state.search.line.take(typed) {
        return Vec::new();
    }
    state.search.events = None;
    refresh(state)
}

/// Asks for what should be shown and is not.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    if state.snapshot.phase != Phase::Ready || state.engine_gone || !state.overlays.contains(&Overlay::Search)
    {
        return Vec::new();
    }
    let text = state.search.line.text().trim().to_owned();
    if text.is_empty() {
        state.search = SearchState {
            line: state.search.line.clone(),
            in_flight: state.search.in_flight.take(),
            ..SearchState::default()
        };
        return Vec::new();
    }
    if let Some(events) = &mut state.search.events {
        events.notice(state.snapshot.events_version);
        let generation = state.generation + 1;
        if let Some(request) = events.next_request(generation) {
            state.generation = generation;
            return vec![Effect::Request { generation, request }];
        }
        return Vec::new();
    }
    let wanted = (text, state.snapshot.records_version, state.snapshot.events_version);
    if state.search.in_flight.is_some() || state.search.asked.as_ref() == Some(&wanted) {
        return Vec::new();
    }
    let generation = state.next_generation();
    let text = wanted.0.clone();
    state.search.asked = Some(wanted);
    state.search.in_flight = Some((generation, text.clone()));
    vec![Effect::Request { generation, request: Request::Search { text, limit: HITS } }]
}

/// Takes an answer that it waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    if state.search.in_flight.as_ref().is_some_and(|(number, _)| *number == generation) {
        let (_, text) = state.search.in_flight.take()?;
        match answer {
            // An answer to what was emptied meanwhile shows nothing.
            Answer::Found(_) if state.search.line.text().trim().is_empty() => {}
            Answer::Found(result) => found(&mut state.search, result.clone(), &text),
            Answer::Refused { reason } => state.search.error = Some(reason.clone()),
            _ => state.search.error = Some("the engine answered something else".to_owned()),
        }
        return Some(refresh(state));
    }
    let taken = state.search.events.as_mut()?.take(generation, answer);
    taken.then(|| refresh(state))
}

fn found(search: &mut SearchState, result: SearchResult, text: &str) {
    // Another text begins at its best hit; the same one again keeps the selection, wherever it stands now.
    let same = search.result.as_ref().is_some_and(|old| old.text.trim() == text);
    search.error = None;
    search.result = Some(result);
    if !same || search.cursor_index().is_none() {
        search.cursor = search.hits().first().map(|hit| (hit.integration, hit.id.clone()));
        search.top = 0;
    }
}

fn step(search: &mut SearchState, rows: isize) {
    let to = |index: Option<usize>, len: usize| {
        let last = len.checked_sub(1)?;
        Some(index.map_or(0, |index| index.saturating_add_signed(rows)).min(last))
    };
    if let Some(hit) = to(search.cursor_index(), search.hits().len()).and_then(|at| search.hits().get(at)) {
        search.cursor = Some((hit.integration, hit.id.clone()));
    }
}

/// The hits, or the events of the selected one.
fn switch(state: &mut State, now_ms: i64) -> Vec<Effect> {
    if state.search.events.take().is_some() {
        return Vec::new();
    }
    let Some(hit) = state.search.selected().cloned() else {
        state.tell(Level::Info, "nothing is selected", now_ms);
        return Vec::new();
    };
    let version = state.snapshot.events_version;
    state.search.events = Some(Timeline::of(hit.integration, &hit.id, &hit.title, version));
    refresh(state)
}

/// Opens what is selected on its screen.
fn enter(state: &mut State, now_ms: i64) -> Vec<Effect> {
    if let Some(events) = &state.search.events {
        let Some(row) = events.selected() else { return Vec::new() };
        let (integration, id) = (row.integration, row.id.clone());
        close(state);
        return events::update::open_event(state, integration, id);
    }
    let Some(hit) = state.search.selected() else {
        let text = if state.search.line.text().trim().is_empty() {
            "type or paste what you look for"
        } else {
            "nothing is selected"
        };
        state.tell(Level::Info, text, now_ms);
        return Vec::new();
    };
    let (integration, id, event) = (hit.integration, hit.id.clone(), hit.kind.is_none());
    close(state);
    if event {
        events::update::open_event(state, integration, id)
    } else {
        records::update::open_object(state, integration, &id)
    }
}

/// Remembers which rows showed, so that nothing moves before the next key.
pub fn drawn(state: &mut State) {
    if state.overlays.last() != Some(&Overlay::Search) {
        return;
    }
    match &mut state.search.events {
        Some(events) => events.drawn(state.hits.timeline_top),
        None => state.search.top = state.hits.overlay_top,
    }
}
