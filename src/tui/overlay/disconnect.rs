//! Disconnecting an account: exactly what goes at Stripe, what goes here and what stays, before it is done.
//!
//! Enter held down must not disconnect, and records are only removed when the integration's name is typed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::Overlay;
use crate::engine::api::{
    Answer, Delivery, EndpointLeft, Health, IntegrationId, IntegrationView, Level, Request,
};
use crate::tui::effects::Effect;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::state::State;
use crate::tui::widgets::form::{self, Rows};
use crate::tui::widgets::{View, header};

/// What has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Keep the records, or remove them.
    Purge,
    /// The name, typed.
    Name,
    /// Do it.
    Go,
}

/// The question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// Which integration.
    pub id: IntegrationId,
    /// What has the keys.
    pub focus: Field,
    /// Remove the records and events, too.
    pub purge: bool,
    name: LineEdit,
    waiting: Option<u64>,
    wrong: Option<String>,
}

/// Nothing of it is left but its records. One whose key could not be wiped is not off yet.
fn is_off(view: &IntegrationView) -> bool {
    view.health == Health::Off && view.key.is_empty()
}

impl Disconnect {
    /// The question about an integration. One that is off can only be purged.
    pub fn of(view: &IntegrationView) -> Disconnect {
        Disconnect {
            id: view.id,
            focus: Field::Purge,
            purge: is_off(view),
            name: LineEdit::default(),
            waiting: None,
            wrong: None,
        }
    }

    /// Where keys have their meaning.
    pub fn context(&self) -> Context {
        if self.focus == Field::Name { Context::Typing } else { Context::Form }
    }

    fn fields(&self) -> &'static [Field] {
        if self.purge { &[Field::Purge, Field::Name, Field::Go] } else { &[Field::Purge, Field::Go] }
    }

    fn step(&mut self, by: isize) {
        let fields = self.fields();
        let here = fields.iter().position(|field| *field == self.focus).unwrap_or(0) as isize;
        let next = (here + by).rem_euclid(fields.len() as isize) as usize;
        self.focus = fields.get(next).copied().unwrap_or(Field::Purge);
    }
}

/// Records of every kind, and events.
fn kept(view: &IntegrationView) -> (u64, u64) {
    (view.stored.iter().map(|kind| kind.count).sum(), view.events_kept)
}

/// What is removed at Stripe: by how it stays current.
fn at_stripe(view: &IntegrationView) -> &'static str {
    match view.delivery {
        Delivery::Poll => {
            "Nothing is removed there: this account is polled, and tillwatch has made nothing at Stripe. The key goes on being valid; revoke it in Stripe's dashboard."
        }
        Delivery::Relay => {
            "The relay session ends by itself; nothing else of ours is there. The key goes on being valid; revoke it in Stripe's dashboard."
        }
        Delivery::Endpoint if view.endpoint.as_ref().is_some_and(|it| it.by_hand) => {
            "The webhook endpoint was made by hand and stays: remove it in Stripe's dashboard. The key goes on being valid; revoke it there, too."
        }
        Delivery::Endpoint => {
            "The webhook endpoint that tillwatch made is removed. The key goes on being valid; revoke it in Stripe's dashboard."
        }
    }
}

fn top(state: &mut State) -> Option<&mut Disconnect> {
    match state.overlays.last_mut() {
        Some(Overlay::Disconnect(it)) => Some(it),
        _ => None,
    }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let off = top(state).map(|it| it.id).and_then(|id| state.integration(id)).map(is_off);
    let Some(it) = top(state) else { return Vec::new() };
    match action {
        Action::Complete | Action::NextPane | Action::Down => it.step(1),
        Action::CompleteBack | Action::PreviousPane | Action::Up => it.step(-1),
        Action::Toggle | Action::Left | Action::Right
            if it.focus == Field::Purge && off == Some(false) && it.waiting.is_none() =>
        {
            it.purge = !it.purge;
            it.wrong = None;
        }
        Action::Back | Action::Cancel => {
            state.overlays.pop();
        }
        Action::OpenInStripe => {
            let id = it.id;
            let live = state.integration(id).is_some_and(|view| view.livemode);
            return vec![Effect::OpenPage(crate::integration::connect::revoke_link(live).to_owned())];
        }
        Action::Accept | Action::Open => match it.focus {
            // Held down it goes nowhere.
            Field::Purge => {}
            Field::Name => it.step(1),
            Field::Go => return go(state, now_ms),
        },
        _ => {}
    }
    Vec::new()
}

fn go(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(it) = top(state).cloned() else { return Vec::new() };
    if it.waiting.is_some() {
        return Vec::new();
    }
    let Some(view) = state.integration(it.id) else {
        state.overlays.pop();
        state.tell(Level::Info, "it is gone already", now_ms);
        return Vec::new();
    };
    if it.purge && it.name.text().trim() != view.name.trim() {
        let reason = format!("To remove its records, type its name: {}", view.name);
        if let Some(it) = top(state) {
            it.wrong = Some(reason);
            it.focus = Field::Name;
        }
        return Vec::new();
    }
    let generation = state.next_generation();
    if let Some(it) = top(state) {
        it.waiting = Some(generation);
    }
    vec![Effect::Request { generation, request: Request::Disconnect { integration: it.id, purge: it.purge } }]
}

/// Takes text.
pub fn typed(state: &mut State, typed: &Typed) {
    if let Some(it) = top(state)
        && it.focus == Field::Name
        && it.name.take(typed)
    {
        it.wrong = None;
    }
}

/// Takes the answer that it waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer, now_ms: i64) -> Option<Vec<Effect>> {
    let at = state
        .overlays
        .iter()
        .position(|one| matches!(one, Overlay::Disconnect(it) if it.waiting == Some(generation)))?;
    let Some(Overlay::Disconnect(it)) = state.overlays.get_mut(at) else { return None };
    it.waiting = None;
    if let Answer::Refused { reason } = answer {
        it.wrong = Some(reason.clone());
    } else {
        let (id, purge) = (it.id, it.purge);
        let name = state.name_of(id);
        state.overlays.remove(at);
        let (level, text) = match answer {
            Answer::Disconnected { left: EndpointLeft::Later(_) } => (
                Level::Warning,
                format!("{name} is being disconnected; it is finished as soon as Stripe answers"),
            ),
            _ if purge => (Level::Info, format!("{name} is disconnected; its records are removed")),
            _ => (Level::Info, format!("{name} is disconnected; its records stay")),
        };
        state.tell(level, text, now_ms);
    }
    Some(Vec::new())
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, it: &Disconnect) {
    let theme = view.theme;
    super::dim(buf, area);
    let inside = super::panel(view, buf, area, (88, 24), "Disconnect");
    let cells = usize::from(inside.width);
    let mut rows = Rows::default();
    let Some(one) = view.state.integration(it.id) else {
        rows.push(Line::styled("It is gone already.", theme.faint()));
        form::place(buf, inside, rows, &form::hints(view, it.context(), cells, &[(Action::Back, "close")]));
        return;
    };
    let off = is_off(one);
    rows.push(Line::from(vec![
        Span::styled(fmt::fit(&fmt::clean(&one.name), 40), theme.strong()),
        Span::raw(" "),
        header::mode(theme, one.livemode),
        Span::raw(" "),
        Span::styled(fmt::clean(&one.account).into_owned(), theme.faint()),
    ]));
    rows.gap();
    let (records, events) = kept(one);
    let label = |text: &str| form::label(view, text);
    if off {
        rows.labelled(0, label("At Stripe"), "Nothing: it is disconnected already.", cells, theme.text());
    } else {
        rows.labelled(0, label("At Stripe"), at_stripe(one), cells, theme.text());
        rows.gap();
        let key = fmt::clean(&one.key).into_owned();
        let text = format!("The key {key} is wiped, running jobs are stopped, nothing polls it any more.");
        rows.labelled(0, label("Here goes"), &text, cells, theme.text());
    }
    rows.gap();
    let numbers = format!("{} records and {} events", count(records), count(events));
    let mut choices = vec![(true, format!("remove {numbers} from this machine, too"))];
    if !off {
        choices.insert(0, (false, format!("keep {numbers}")));
    }
    for (purge, name) in choices {
        rows.push(Line::from(form::choice(view, &name, it.purge == purge, it.focus == Field::Purge, true)));
    }
    if it.purge {
        let text =
            "They can be synced again once the account is connected again; events older than 30 days cannot.";
        rows.labelled(2, Span::raw("   "), text, cells, theme.warn());
        rows.gap();
        let remark = format!("type {} to remove them", fmt::fit(&fmt::clean(&one.name), 28));
        rows.push(form::field(view, "Name", &it.name, it.focus == Field::Name, cells, &remark));
    } else {
        let text = "Connected again later, the account goes on with them.";
        rows.labelled(5, Span::raw("   "), text, cells, theme.faint());
    }
    rows.gap();
    if let Some(wrong) = &it.wrong {
        let mark = Span::styled("✗ ", theme.bad());
        rows.labelled(0, mark, wrong, cells, theme.bad().patch(theme.strong()));
        rows.gap();
    }
    let name = match (it.waiting, it.purge, off) {
        (Some(_), ..) => "a moment …",
        (None, true, true) => "Remove its records",
        (None, true, false) => "Disconnect and remove",
        (None, false, _) => "Disconnect",
    };
    rows.push(Line::from(vec![form::button(view, name, it.focus == Field::Go)]));
    let mut hints = vec![
        (Action::Back, "leave it"),
        (Action::Complete, if it.purge { "next field" } else { "to the button" }),
    ];
    if it.focus == Field::Go {
        hints.insert(0, (Action::Accept, "do it"));
    } else if !off && it.focus == Field::Purge {
        hints.push((Action::Toggle, "keep or remove"));
    }
    if it.focus != Field::Name {
        hints.push((Action::OpenInStripe, "the keys at Stripe"));
    }
    form::place(buf, inside, rows, &form::hints(view, it.context(), cells, &hints));
}
