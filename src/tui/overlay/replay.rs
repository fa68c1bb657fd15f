//! Sending a stored event again: to a target, or to any address. It is stored as an attempt, like every other.
//!
//! One request is one delivery: Enter held down sends once.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::Overlay;
use super::guard::{Guard, Said};
use crate::engine::api::{Answer, IntegrationId, Level, ReplayTo, Request, TargetId, TargetView};
use crate::tui::effects::Effect;
use crate::tui::fmt;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::screens::deliveries::attempt::sentence;
use crate::tui::state::State;
use crate::tui::widgets::attempts::short_url;
use crate::tui::widgets::form::{self, Rows};
use crate::tui::widgets::{View, header};

/// The form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Whose event.
    pub integration: IntegrationId,
    /// `evt_…`
    pub event: String,
    /// `invoice.paid`
    event_type: String,
    /// The chosen target; none: the address.
    pub target: Option<TargetId>,
    url: LineEdit,
    /// The question that has to be answered first.
    pub guard: Option<Guard>,
    waiting: Option<u64>,
    wrong: Option<String>,
}

/// Opens the form, with a target chosen: the one that it went to, else the first.
pub fn open(
    state: &mut State,
    integration: IntegrationId,
    event: &str,
    event_type: &str,
    target: Option<TargetId>,
) -> Vec<Effect> {
    let all = &state.snapshot.targets;
    let there = target.filter(|id| all.iter().any(|one| one.id == *id));
    let it = Replay {
        integration,
        event: event.to_owned(),
        event_type: event_type.to_owned(),
        target: there.or_else(|| all.first().map(|one| one.id)),
        url: LineEdit::default(),
        guard: None,
        waiting: None,
        wrong: None,
    };
    state.overlays.push(Overlay::Replay(Box::new(it)));
    Vec::new()
}

impl Replay {
    /// Where keys have their meaning.
    pub fn context(&self) -> Context {
        match (&self.guard, self.target) {
            (Some(guard), _) => guard.context(),
            (None, Some(_)) => Context::Form,
            (None, None) => Context::Typing,
        }
    }

    fn to(&self, confirmed: Option<String>) -> ReplayTo {
        match self.target {
            Some(id) => ReplayTo::Target { id },
            None => ReplayTo::Url { url: self.url.text().trim().to_owned(), confirmed },
        }
    }

    /// The target before or after; the address is the last of them.
    fn step(&mut self, all: &[TargetView], by: isize) {
        let here = self.target.and_then(|id| all.iter().position(|one| one.id == id)).unwrap_or(all.len());
        let next = (here as isize + by).rem_euclid(all.len() as isize + 1) as usize;
        self.target = all.get(next).map(|one| one.id);
        self.wrong = None;
    }
}

fn top(state: &mut State) -> Option<&mut Replay> {
    match state.overlays.last_mut() {
        Some(Overlay::Replay(it)) => Some(it),
        _ => None,
    }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let snapshot = std::sync::Arc::clone(&state.snapshot);
    let Some(it) = top(state) else { return Vec::new() };
    if let Some(guard) = &mut it.guard {
        match guard.act(action) {
            Said::Nothing => {}
            Said::No => it.guard = None,
            Said::Yes(text) => return send(state, Some(text)),
        }
        return Vec::new();
    }
    match action {
        Action::Complete | Action::NextPane | Action::Down | Action::Right | Action::Toggle => {
            it.step(&snapshot.targets, 1);
        }
        Action::CompleteBack | Action::PreviousPane | Action::Up | Action::Left => {
            it.step(&snapshot.targets, -1);
        }
        Action::First => it.target = snapshot.targets.first().map(|one| one.id),
        Action::Last => it.target = None,
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
    let Some(it) = top(state) else { return Vec::new() };
    if it.waiting.is_some() {
        return Vec::new();
    }
    if it.target.is_none() && it.url.text().trim().is_empty() {
        it.wrong =
            Some("It needs an address: a port such as 3000, or http://localhost:3000/webhooks.".to_owned());
        return Vec::new();
    }
    it.waiting = Some(generation);
    it.wrong = None;
    let request =
        Request::Replay { integration: it.integration, event: it.event.clone(), to: it.to(confirmed) };
    vec![Effect::Request { generation, request }]
}

/// Takes text.
pub fn typed(state: &mut State, typed: &Typed) {
    let Some(it) = top(state) else { return };
    if let Some(guard) = &mut it.guard {
        guard.typed(typed);
    } else if it.target.is_none() && it.url.take(typed) {
        it.wrong = None;
    }
}

/// Takes the answer that it waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer, now_ms: i64) -> Option<Vec<Effect>> {
    let at = state
        .overlays
        .iter()
        .position(|one| matches!(one, Overlay::Replay(it) if it.waiting == Some(generation)))?;
    let Some(Overlay::Replay(it)) = state.overlays.get_mut(at) else { return None };
    it.waiting = None;
    let told = match answer {
        Answer::NeedsYes { question, name } => {
            it.guard = Some(Guard::new(question, name.as_deref()));
            return Some(Vec::new());
        }
        Answer::Refused { reason } => {
            it.guard = None;
            it.wrong = Some(reason.clone());
            return Some(Vec::new());
        }
        Answer::NotHere => {
            it.wrong = Some("The event is not stored here any more.".to_owned());
            return Some(Vec::new());
        }
        Answer::Attempt(attempt) => {
            let level = if attempt.row.outcome.is_delivered() { Level::Info } else { Level::Warning };
            (level, format!("{} again: {}", attempt.row.event_type, sentence(attempt)))
        }
        _ => {
            let name = state.screen.row().name;
            let where_to = if name == "Deliveries" { "it shows below" } else { "6 shows how it ends" };
            (Level::Info, format!("{} is sent again; {where_to}", it.event_type))
        }
    };
    state.overlays.remove(at);
    state.tell(told.0, fmt::clean(&told.1).into_owned(), now_ms);
    Some((state.screen.row().refresh)(state))
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, it: &Replay) {
    let theme = view.theme;
    super::dim(buf, area);
    let all = &view.state.snapshot.targets;
    let high = (all.len() as u16 + 11).clamp(13, 24);
    let inside = super::panel(view, buf, area, (84, high), "Send again");
    let cells = usize::from(inside.width);
    let mut rows = Rows::default();
    if let Some(guard) = &it.guard {
        guard.rows(view, &mut rows, cells);
        let hints = form::hints(view, it.context(), cells, guard.hints());
        form::place(buf, inside, rows, &hints);
        return;
    }
    let one = view.state.integration(it.integration);
    let mut first = vec![
        Span::styled(fmt::clean(&it.event_type).into_owned(), theme.strong()),
        Span::styled(format!("  {}", fmt::clean(&it.event)), theme.faint()),
    ];
    if let Some(one) = one.filter(|_| cells >= 70) {
        first.push(Span::raw("  "));
        first.push(header::mode(theme, one.livemode));
    }
    rows.push(Line::from(first));
    rows.gap();
    // Of many targets those around the chosen one are shown.
    let room = usize::from(inside.height).saturating_sub(7).max(1);
    let here = it.target.and_then(|id| all.iter().position(|one| one.id == id)).unwrap_or(all.len());
    let from = (here + 1).saturating_sub(room);
    for one in all.iter().skip(from).take(room) {
        let name = fmt::fit(&short_url(&one.url), cells.saturating_sub(8));
        rows.push(Line::from(form::choice(view, &name, it.target == Some(one.id), true, true)));
    }
    let mut line = form::choice(view, "another address", it.target.is_none(), true, true);
    line.push(Span::raw("  "));
    let wide = cells.saturating_sub(24).min(44);
    let text = it.url.draw(theme, wide, it.target.is_none(), |_| theme.text());
    line.extend(form::strip(view, text, wide, it.target.is_none()));
    rows.push(Line::from(line));
    if it.target.is_none() {
        rows.may_go(4, Line::styled("    3000, localhost:3000/hook, http://…, https://…", theme.faint()));
    }
    rows.gap();
    if let Some(wrong) = &it.wrong {
        rows.labelled(0, Span::styled("✗ ", theme.bad()), wrong, cells, theme.bad().patch(theme.strong()));
    } else if it.waiting.is_some() {
        rows.push(Line::styled("sending …", theme.faint()));
    }
    let hints = form::hints(
        view,
        it.context(),
        cells,
        &[
            (Action::Accept, "send it"),
            (Action::Back, "leave"),
            (Action::Complete, "next"),
            (Action::CompleteBack, "before"),
        ],
    );
    form::place(buf, inside, rows, &hints);
}
