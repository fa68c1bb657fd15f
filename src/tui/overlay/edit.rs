//! Changing an integration: its name, description, what is kept, how it stays current.
//!
//! Only what was changed is sent. It stays open, with the reason, when the engine refuses.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::Overlay;
use super::wizard::{delivery, every, ways};
use crate::engine::api::{Answer, Delivery, Edit, IntegrationId, IntegrationView, Level, Request};
use crate::tui::effects::Effect;
use crate::tui::fmt;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::state::State;
use crate::tui::widgets::form::{self, Rows};
use crate::tui::widgets::{View, header};

/// What can be changed, in order, and the button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The name.
    Name,
    /// The description.
    Description,
    /// Payments only, or invoices too.
    Billing,
    /// By what.
    Delivery,
    /// How often.
    Every,
    /// Save.
    Go,
}

const FIELDS: [Field; 6] =
    [Field::Name, Field::Description, Field::Billing, Field::Delivery, Field::Every, Field::Go];

/// The form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditForm {
    /// Which integration.
    pub id: IntegrationId,
    /// What has the keys.
    pub focus: Field,
    name: LineEdit,
    description: LineEdit,
    billing: bool,
    delivery: Delivery,
    every_s: u64,
    waiting: Option<u64>,
    wrong: Option<String>,
}

impl EditForm {
    /// The form, filled with what is.
    pub fn of(view: &IntegrationView) -> EditForm {
        EditForm {
            id: view.id,
            focus: Field::Name,
            name: LineEdit::new(&view.name),
            description: LineEdit::new(&view.description),
            billing: view.billing,
            delivery: view.delivery,
            every_s: view.poll.every_s,
            waiting: None,
            wrong: None,
        }
    }

    /// Where keys have their meaning.
    pub fn context(&self) -> Context {
        match self.focus {
            Field::Name | Field::Description => Context::Typing,
            Field::Billing | Field::Delivery | Field::Every | Field::Go => Context::Form,
        }
    }

    /// What was changed; none when nothing was.
    fn changes(&self, view: &IntegrationView) -> Option<Edit> {
        let name = self.name.text().trim();
        let description = self.description.text().trim();
        let edit = Edit {
            name: (name != view.name).then(|| name.to_owned()),
            description: (description != view.description).then(|| description.to_owned()),
            billing: (self.billing != view.billing).then_some(self.billing),
            delivery: (self.delivery != view.delivery).then_some(self.delivery),
            poll_every_s: (self.every_s != view.poll.every_s).then_some(self.every_s),
            public_url: None,
            by_hand: None,
        };
        (edit != Edit::default()).then_some(edit)
    }

    fn step(&mut self, by: isize) {
        let here = FIELDS.iter().position(|field| *field == self.focus).unwrap_or(0) as isize;
        let next = (here + by).rem_euclid(FIELDS.len() as isize) as usize;
        self.focus = FIELDS.get(next).copied().unwrap_or(Field::Name);
    }

    fn turn(&mut self, demo: bool, by: isize) {
        match self.focus {
            Field::Billing => self.billing = !self.billing,
            Field::Delivery => {
                let usable: Vec<_> = delivery::ways().into_iter().filter(|way| way.usable).collect();
                let here = usable.iter().position(|way| way.delivery == self.delivery).unwrap_or(0) as isize;
                let next = (here + by).rem_euclid(usable.len().max(1) as isize) as usize;
                if let Some(way) = usable.get(next) {
                    self.delivery = way.delivery;
                }
            }
            Field::Every => self.every_s = delivery::step(demo, self.every_s, by),
            Field::Name | Field::Description | Field::Go => {}
        }
    }
}

fn top(state: &mut State) -> Option<&mut EditForm> {
    match state.overlays.last_mut() {
        Some(Overlay::Edit(form)) => Some(form),
        _ => None,
    }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let demo = state.snapshot.demo;
    let Some(form) = top(state) else { return Vec::new() };
    match action {
        Action::Complete | Action::NextPane | Action::Down => form.step(1),
        Action::CompleteBack | Action::PreviousPane | Action::Up => form.step(-1),
        Action::Right | Action::Toggle => form.turn(demo, 1),
        Action::Left => form.turn(demo, -1),
        Action::Back | Action::Cancel => {
            state.overlays.pop();
        }
        Action::Accept | Action::Open => return save(state, now_ms),
        _ => {}
    }
    Vec::new()
}

fn save(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(form) = top(state).cloned() else { return Vec::new() };
    if form.waiting.is_some() {
        return Vec::new();
    }
    let Some(view) = state.integration(form.id) else {
        state.overlays.pop();
        return Vec::new();
    };
    let Some(edit) = form.changes(view) else {
        state.overlays.pop();
        state.tell(Level::Info, "nothing was changed", now_ms);
        return Vec::new();
    };
    if edit.name.as_ref().is_some_and(String::is_empty) {
        if let Some(form) = top(state) {
            form.wrong = Some("A name needs at least one letter.".to_owned());
            form.focus = Field::Name;
        }
        return Vec::new();
    }
    let generation = state.next_generation();
    if let Some(form) = top(state) {
        form.waiting = Some(generation);
        form.wrong = None;
    }
    vec![Effect::Request { generation, request: Request::Edit { integration: form.id, edit } }]
}

/// Takes text.
pub fn typed(state: &mut State, typed: &Typed) {
    let Some(form) = top(state) else { return };
    let changed = match form.focus {
        Field::Name => form.name.take(typed),
        Field::Description => form.description.take(typed),
        Field::Billing | Field::Delivery | Field::Every | Field::Go => false,
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
        .position(|overlay| matches!(overlay, Overlay::Edit(form) if form.waiting == Some(generation)))?;
    let Some(Overlay::Edit(form)) = state.overlays.get_mut(at) else { return None };
    form.waiting = None;
    if let Answer::Refused { reason } = answer {
        form.wrong = Some(reason.clone());
    } else {
        let name = form.name.text().trim().to_owned();
        state.overlays.remove(at);
        state.tell(Level::Info, format!("{name} is changed"), now_ms);
    }
    Some(Vec::new())
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, edit: &EditForm) {
    let theme = view.theme;
    let title = format!("Edit {}", fmt::fit(&fmt::clean(&view.state.name_of(edit.id)), 40));
    super::dim(buf, area);
    let inside = super::panel(view, buf, area, (96, 25), &title);
    let cells = usize::from(inside.width);
    let mut rows = Rows::default();
    if let Some(one) = view.state.integration(edit.id) {
        rows.may_go(
            7,
            Line::from(vec![
                Span::styled(fmt::clean(&one.account).into_owned(), theme.faint()),
                Span::raw(" "),
                header::mode(theme, one.livemode),
            ]),
        );
        rows.gap();
    }
    rows.push(form::field(view, "Name", &edit.name, edit.focus == Field::Name, cells, "unique here"));
    let at = edit.focus == Field::Description;
    rows.push(form::field(view, "About", &edit.description, at, cells, "a line of your own"));
    rows.gap();
    let mut line = vec![form::label(view, "Keep")];
    for (on, name) in [(true, "billing too"), (false, "payments only")] {
        line.extend(form::choice(view, name, edit.billing == on, edit.focus == Field::Billing, true));
        line.push(Span::raw("   "));
    }
    rows.push(Line::from(line));
    let what = "What is stored stays; the key is checked again when this is changed.";
    rows.labelled(6, Span::raw(" ".repeat(form::LABEL)), what, cells, theme.faint());
    rows.gap();
    ways(view, &mut rows, edit.delivery, edit.focus == Field::Delivery, cells);
    rows.gap();
    every(view, &mut rows, edit.every_s, edit.focus == Field::Every, cells);
    rows.gap();
    if let Some(wrong) = &edit.wrong {
        let mark = Span::styled("✗ ", theme.bad());
        rows.labelled(0, mark, wrong, cells, theme.bad().patch(theme.strong()));
        rows.gap();
    }
    let name = if edit.waiting.is_some() { "saving …" } else { "Save" };
    rows.push(Line::from(vec![form::button(view, name, edit.focus == Field::Go)]));
    let hints = form::hints(
        view,
        edit.context(),
        cells,
        &[
            (Action::Accept, "save"),
            (Action::Back, "leave it as it was"),
            (Action::Complete, "next field"),
            (Action::Toggle, "change a choice"),
        ],
    );
    form::place(buf, inside, rows, &hints);
}
