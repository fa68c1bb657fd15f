//! Changing an integration: its name, description, what is kept, how it stays current.
//!
//! Only what was changed is sent. It stays open, with the reason, when the engine refuses.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::guard::{Guard, Said};
use super::wizard::{address, delivery, every, ways};
use super::{Overlay, endpoint};
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
    /// Where a webhook endpoint's deliveries reach this machine.
    Url,
    /// Who makes it.
    Made,
    /// The page about one that is made by hand, with its secret.
    Secret,
    /// How often.
    Every,
    /// Save.
    Go,
}

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
    url: LineEdit,
    by_hand: bool,
    /// It is made by hand as it stands.
    was_by_hand: bool,
    guard: Option<Guard>,
    /// What was sent has to do with the endpoint.
    brings: bool,
    every_s: u64,
    waiting: Option<u64>,
    wrong: Option<String>,
}

impl EditForm {
    /// The form, filled with what is.
    pub fn of(view: &IntegrationView) -> EditForm {
        let by_hand = view.endpoint.as_ref().is_some_and(|it| it.by_hand);
        EditForm {
            id: view.id,
            focus: Field::Name,
            name: LineEdit::new(&view.name),
            description: LineEdit::new(&view.description),
            billing: view.billing,
            delivery: view.delivery,
            url: LineEdit::new(&public_url(view)),
            by_hand,
            was_by_hand: by_hand && view.delivery == Delivery::Endpoint,
            guard: None,
            brings: false,
            every_s: view.poll.every_s,
            waiting: None,
            wrong: None,
        }
    }

    /// Where keys have their meaning.
    pub fn context(&self) -> Context {
        match (&self.guard, self.focus) {
            (Some(guard), _) => guard.context(),
            (None, Field::Name | Field::Description | Field::Url) => Context::Typing,
            (None, _) => Context::Form,
        }
    }

    /// What can be reached with Tab, in order.
    fn fields(&self) -> Vec<Field> {
        let mut out = vec![Field::Name, Field::Description, Field::Billing, Field::Delivery];
        if self.delivery == Delivery::Endpoint {
            out.extend([Field::Url, Field::Made]);
            if self.by_hand && self.was_by_hand {
                out.push(Field::Secret);
            }
        }
        out.extend([Field::Every, Field::Go]);
        out
    }

    /// What was changed; none when nothing was.
    fn changes(&self, view: &IntegrationView) -> Option<Edit> {
        let name = self.name.text().trim();
        let description = self.description.text().trim();
        let url = self.url.text().trim();
        let (is, was) = (self.delivery == Delivery::Endpoint, view.delivery == Delivery::Endpoint);
        let before = view.endpoint.as_ref().is_some_and(|it| it.by_hand);
        let edit = Edit {
            name: (name != view.name).then(|| name.to_owned()),
            description: (description != view.description).then(|| description.to_owned()),
            billing: (self.billing != view.billing).then_some(self.billing),
            delivery: (self.delivery != view.delivery).then_some(self.delivery),
            poll_every_s: (self.every_s != view.poll.every_s).then_some(self.every_s),
            public_url: (is && (!was || url != public_url(view))).then(|| url.to_owned()),
            by_hand: (is && (!was || self.by_hand != before)).then_some(self.by_hand),
        };
        (edit != Edit::default()).then_some(edit)
    }

    fn step(&mut self, by: isize) {
        let fields = self.fields();
        let here = fields.iter().position(|field| *field == self.focus).unwrap_or(0) as isize;
        let next = (here + by).rem_euclid(fields.len() as isize) as usize;
        self.focus = fields.get(next).copied().unwrap_or(Field::Name);
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
            Field::Made => self.by_hand = !self.by_hand,
            Field::Every => self.every_s = delivery::step(demo, self.every_s, by),
            Field::Name | Field::Description | Field::Url | Field::Secret | Field::Go => {}
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
    if let Some(guard) = &mut form.guard {
        match guard.act(action) {
            Said::Nothing => {}
            Said::No => form.guard = None,
            Said::Yes(_) => return save(state, true, now_ms),
        }
        return Vec::new();
    }
    match action {
        Action::Accept | Action::Open if form.focus == Field::Secret => {
            let id = form.id;
            endpoint::open(state, id, true);
        }
        Action::Complete | Action::NextPane | Action::Down => form.step(1),
        Action::CompleteBack | Action::PreviousPane | Action::Up => form.step(-1),
        Action::Right | Action::Toggle => form.turn(demo, 1),
        Action::Left => form.turn(demo, -1),
        Action::Back | Action::Cancel => {
            state.overlays.pop();
        }
        Action::Accept | Action::Open => return save(state, false, now_ms),
        _ => {}
    }
    Vec::new()
}

fn save(state: &mut State, agreed: bool, now_ms: i64) -> Vec<Effect> {
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
    if edit.public_url.as_ref().is_some_and(String::is_empty) {
        if let Some(form) = top(state) {
            form.wrong = Some(address::NO_URL.to_owned());
            form.focus = Field::Url;
        }
        return Vec::new();
    }
    if let Some(question) = writes(&edit, view).filter(|_| !agreed && view.livemode) {
        let question = address::question(&view.name, question);
        if let Some(form) = top(state) {
            form.wrong = None;
            form.guard = Some(Guard::writes(&question));
        }
        return Vec::new();
    }
    let generation = state.next_generation();
    if let Some(form) = top(state) {
        form.waiting = Some(generation);
        form.guard = None;
        form.brings = edit.delivery.is_some() || edit.public_url.is_some() || edit.by_hand.is_some();
        form.wrong = None;
    }
    vec![Effect::Request { generation, request: Request::Edit { integration: form.id, edit } }]
}

/// Where deliveries reach this machine, as it is now.
fn public_url(view: &IntegrationView) -> String {
    let url = view.endpoint.as_ref().map(|it| it.url.as_str()).unwrap_or_default();
    // The last part is the endpoint's own.
    url.rsplit_once('/').map_or(url, |(before, _)| before).to_owned()
}

/// What is changed at Stripe by this, as a question; none: nothing is.
fn writes(edit: &Edit, view: &IntegrationView) -> Option<&'static str> {
    let before = view.endpoint.as_ref().filter(|it| view.delivery == Delivery::Endpoint && !it.by_hand);
    let is = edit.delivery.unwrap_or(view.delivery) == Delivery::Endpoint;
    let by_hand = edit.by_hand.unwrap_or_else(|| view.endpoint.as_ref().is_some_and(|it| it.by_hand));
    let ours = is && !by_hand;
    let other = edit.public_url.is_some() || edit.billing.is_some();
    match (before.is_some(), ours) {
        (true, false) => Some("The webhook endpoint that tillwatch made is removed at Stripe. Remove it?"),
        (true, true) if other => Some("Its webhook endpoint is changed at Stripe. Change it?"),
        (false, true) if other || edit.delivery.is_some() || edit.by_hand.is_some() => {
            Some("A webhook endpoint is made at Stripe for it. Make it?")
        }
        _ => None,
    }
}

/// Takes text.
pub fn typed(state: &mut State, typed: &Typed) {
    let Some(form) = top(state) else { return };
    if let Some(guard) = &mut form.guard {
        guard.typed(typed);
        return;
    }
    let changed = match form.focus {
        Field::Name => form.name.take(typed),
        Field::Description => form.description.take(typed),
        Field::Url => form.url.take(typed),
        _ => false,
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
        if address::is_about_url(reason) && form.delivery == Delivery::Endpoint {
            form.focus = Field::Url;
        }
    } else {
        let name = form.name.text().trim().to_owned();
        let (id, by_hand) = (form.id, form.by_hand);
        // What became of it, and the next steps when it is made by hand.
        let sheet = form.delivery == Delivery::Endpoint && form.brings;
        state.overlays.remove(at);
        if sheet {
            endpoint::open(state, id, by_hand);
        }
        state.tell(Level::Info, format!("{name} is changed"), now_ms);
    }
    Some(Vec::new())
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, edit: &EditForm) {
    let theme = view.theme;
    let title = format!("Edit {}", fmt::fit(&fmt::clean(&view.state.name_of(edit.id)), 40));
    super::dim(buf, area);
    let inside = super::panel(view, buf, area, (96, 32), &title);
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
    if edit.delivery == Delivery::Endpoint {
        let at = address::Address {
            url: &edit.url,
            by_hand: edit.by_hand,
            at_url: edit.focus == Field::Url,
            at_made: edit.focus == Field::Made,
            billing: edit.billing,
        };
        address::rows(view, &mut rows, at, cells);
        if edit.by_hand && edit.was_by_hand {
            let at = edit.focus == Field::Secret;
            rows.push(Line::from(vec![
                form::label(view, "Secret"),
                form::button(view, "Give its signing secret …", at),
            ]));
        }
        rows.gap();
    }
    every(view, &mut rows, edit.every_s, edit.focus == Field::Every, cells);
    rows.gap();
    if let Some(wrong) = &edit.wrong {
        let mark = Span::styled("✗ ", theme.bad());
        rows.labelled(0, mark, wrong, cells, theme.bad().patch(theme.strong()));
        rows.gap();
    }
    if let Some(guard) = &edit.guard {
        guard.rows(view, &mut rows, cells);
    }
    let name = if edit.waiting.is_some() { "saving …" } else { "Save" };
    let focused = edit.focus == Field::Go && edit.guard.is_none();
    rows.push(Line::from(vec![form::button(view, name, focused)]));
    let accept = if edit.focus == Field::Secret { "open the page for it" } else { "save" };
    let usual = [
        (Action::Accept, accept),
        (Action::Back, "leave it as it was"),
        (Action::Complete, "next field"),
        (Action::Toggle, "change a choice"),
    ];
    let wanted = edit.guard.as_ref().map_or(&usual[..], |guard| guard.hints());
    let hints = form::hints(view, edit.context(), cells, wanted);
    form::place(buf, inside, rows, &hints);
}
