//! Adding a target: where to, which events, whose. LIVE events are asked about before the first one goes.
//!
//! It stays open, with the reason, when the engine refuses. It must never hold a signing secret.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::Overlay;
use super::guard::{Guard, Said};
use crate::engine::api::{Answer, IntegrationId, Level, Request, TargetSpec};
use crate::tui::effects::Effect;
use crate::tui::fmt;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::state::State;
use crate::tui::widgets::form::{self, Rows};
use crate::tui::widgets::{View, header};

/// What has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Where to.
    Url,
    /// Which events.
    Events,
    /// Whose.
    Whose,
    /// Add it.
    Go,
}

const FIELDS: [Field; 4] = [Field::Url, Field::Events, Field::Whose, Field::Go];

/// The form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetForm {
    /// What has the keys.
    pub focus: Field,
    url: LineEdit,
    events: LineEdit,
    /// Whose events; none: everybody's.
    pub whose: Option<IntegrationId>,
    /// The question that has to be answered first.
    pub guard: Option<Guard>,
    waiting: Option<u64>,
    wrong: Option<String>,
}

/// Opens the form: for the selected account, since that is the one that is looked at.
pub fn open(state: &mut State) -> Vec<Effect> {
    let form = TargetForm {
        focus: Field::Url,
        url: LineEdit::default(),
        events: LineEdit::default(),
        whose: if state.all_accounts { None } else { state.selected },
        guard: None,
        waiting: None,
        wrong: None,
    };
    state.overlays.push(Overlay::Target(Box::new(form)));
    Vec::new()
}

impl TargetForm {
    /// Where keys have their meaning.
    pub fn context(&self) -> Context {
        match (&self.guard, self.focus) {
            (Some(guard), _) => guard.context(),
            (None, Field::Url | Field::Events) => Context::Typing,
            (None, Field::Whose | Field::Go) => Context::Form,
        }
    }

    fn step(&mut self, by: isize) {
        let here = FIELDS.iter().position(|field| *field == self.focus).unwrap_or(0) as isize;
        let next = (here + by).rem_euclid(FIELDS.len() as isize) as usize;
        self.focus = FIELDS.get(next).copied().unwrap_or(Field::Url);
    }

    fn spec(&self, confirmed: Option<String>) -> TargetSpec {
        let events = self.events.text().split([' ', ',']).map(str::trim).filter(|one| !one.is_empty());
        TargetSpec {
            url: self.url.text().trim().to_owned(),
            integration: self.whose,
            events: events.filter(|one| *one != "*").map(str::to_owned).collect(),
            confirmed,
            ..TargetSpec::default()
        }
    }
}

fn top(state: &mut State) -> Option<&mut TargetForm> {
    match state.overlays.last_mut() {
        Some(Overlay::Target(form)) => Some(form),
        _ => None,
    }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let all: Vec<IntegrationId> = state.snapshot.integrations.iter().map(|one| one.id).collect();
    let Some(form) = top(state) else { return Vec::new() };
    if let Some(guard) = &mut form.guard {
        match guard.act(action) {
            Said::Nothing => {}
            Said::No => form.guard = None,
            Said::Yes(text) => return send(state, Some(text)),
        }
        return Vec::new();
    }
    match action {
        Action::Complete | Action::NextPane | Action::Down => form.step(1),
        Action::CompleteBack | Action::PreviousPane | Action::Up => form.step(-1),
        Action::Toggle | Action::Left | Action::Right if form.focus == Field::Whose => {
            // Everybody's, then one after the other.
            let here = form.whose.and_then(|id| all.iter().position(|one| *one == id)).map_or(0, |at| at + 1);
            let step = if action == Action::Left { all.len() } else { 1 };
            let next = (here + step) % (all.len() + 1);
            form.whose = next.checked_sub(1).and_then(|at| all.get(at)).copied();
            form.wrong = None;
        }
        Action::Back | Action::Cancel => {
            state.overlays.pop();
        }
        Action::Accept | Action::Open => return send(state, None),
        _ => {}
    }
    Vec::new()
}

fn send(state: &mut State, confirmed: Option<String>) -> Vec<Effect> {
    let generation = state.next_generation();
    let Some(form) = top(state) else { return Vec::new() };
    if form.waiting.is_some() {
        return Vec::new();
    }
    if form.url.text().trim().is_empty() {
        form.wrong =
            Some("It needs an address: a port such as 3000, or http://localhost:3000/webhooks.".to_owned());
        form.focus = Field::Url;
        return Vec::new();
    }
    form.waiting = Some(generation);
    form.wrong = None;
    vec![Effect::Request { generation, request: Request::AddTarget(form.spec(confirmed)) }]
}

/// Takes text.
pub fn typed(state: &mut State, typed: &Typed) {
    let Some(form) = top(state) else { return };
    if let Some(guard) = &mut form.guard {
        guard.typed(typed);
        return;
    }
    let changed = match form.focus {
        Field::Url => form.url.take(typed),
        Field::Events => form.events.take(typed),
        Field::Whose | Field::Go => false,
    };
    if changed {
        form.wrong = None;
    }
}

/// Takes the answer that it waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer, now_ms: i64) -> Option<Vec<Effect>> {
    let at = state
        .overlays
        .iter()
        .position(|one| matches!(one, Overlay::Target(form) if form.waiting == Some(generation)))?;
    let Some(Overlay::Target(form)) = state.overlays.get_mut(at) else { return None };
    form.waiting = None;
    match answer {
        Answer::NeedsYes { question, name } => form.guard = Some(Guard::new(question, name.as_deref())),
        Answer::Refused { reason } => {
            form.guard = None;
            form.wrong = Some(reason.clone());
        }
        Answer::Target { id } => {
            let url = form.url.text().trim().to_owned();
            let id = *id;
            state.overlays.remove(at);
            state.deliveries.added = Some(id);
            state.tell(Level::Info, format!("events go on to {url} as they come in"), now_ms);
            return Some((state.screen.row().refresh)(state));
        }
        _ => form.wrong = Some("the engine answered something else: quit and start again".to_owned()),
    }
    Some(Vec::new())
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, it: &TargetForm) {
    let theme = view.theme;
    super::dim(buf, area);
    let high = if it.guard.is_some() { 12 } else { 20 };
    let inside = super::panel(view, buf, area, (88, high), "Forward events to");
    let cells = usize::from(inside.width);
    let mut rows = Rows::default();
    if let Some(guard) = &it.guard {
        guard.rows(view, &mut rows, cells);
        let hints = form::hints(view, it.context(), cells, guard.hints());
        form::place(buf, inside, rows, &hints);
        return;
    }
    let at = |field| it.focus == field;
    rows.push(form::field(
        view,
        "Address",
        &it.url,
        at(Field::Url),
        cells,
        "3000, localhost:3000/hook, https://…",
    ));
    rows.gap();
    rows.push(form::field(
        view,
        "Events",
        &it.events,
        at(Field::Events),
        cells,
        "invoice.* charge.*; empty: all kept",
    ));
    rows.gap();
    let chosen = it.whose.and_then(|id| view.state.integration(id));
    let mut line = vec![form::label(view, "Whose")];
    let name = chosen.map_or_else(|| "every account".to_owned(), |one| fmt::fit(&fmt::clean(&one.name), 40));
    line.extend(form::choice(view, &name, true, at(Field::Whose), true));
    if let Some(one) = chosen {
        line.push(Span::raw(" "));
        line.push(header::mode(theme, one.livemode));
    }
    let others = view.state.snapshot.integrations.len();
    let hint =
        if others > 0 { format!("  space changes it, {} to choose from", others + 1) } else { String::new() };
    line.push(Span::styled(hint, theme.faint()));
    rows.push(Line::from(line));
    rows.gap();
    for text in [
        "Each event goes there as it came, with its headers and signature; an event that was polled is signed with the target's own secret.",
        "While it is down events wait, in their order; after 15 minutes they are parked and go when somebody sends them. LIVE events are asked about first.",
    ] {
        rows.labelled(5, Span::raw(" ".repeat(form::LABEL)), text, cells, theme.faint());
    }
    rows.gap();
    if let Some(wrong) = &it.wrong {
        rows.labelled(0, Span::styled("✗ ", theme.bad()), wrong, cells, theme.bad().patch(theme.strong()));
        rows.gap();
    }
    let name = if it.waiting.is_some() { "a moment …" } else { "Forward" };
    rows.push(Line::from(vec![form::button(view, name, at(Field::Go))]));
    let hints = form::hints(
        view,
        it.context(),
        cells,
        &[
            (Action::Accept, "add it"),
            (Action::Back, "leave"),
            (Action::Complete, "next field"),
            (Action::Toggle, "change a choice"),
        ],
    );
    form::place(buf, inside, rows, &hints);
}
