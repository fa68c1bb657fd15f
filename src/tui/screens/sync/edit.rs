//! Changing a line of `What`: a list of options in the pane's place, and two lines for typed days.
//!
//! What is changed is a copy; it counts once it is taken, and Esc leaves everything as it was.

use jiff::civil::Date;

use super::choice::{ALSO, Choice, PRESETS, STATUSES, Span, days_mistake};
use crate::clock;
use crate::engine::api::{IntegrationView, Level, Pace};
use crate::tui::fmt;
use crate::tui::input::actions::Action;
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::state::State;
use crate::tui::widgets::stored;

/// A line that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Which invoices.
    Statuses,
    /// Created when.
    Created,
    /// Further kinds.
    Also,
    /// Drafts.
    Drafts,
    /// How fast.
    Pace,
}

/// The lines, from above.
pub const FIELDS: [Field; 5] = [Field::Statuses, Field::Created, Field::Also, Field::Drafts, Field::Pace];

impl Field {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Field::Statuses => "Statuses",
            Field::Created => "Created",
            Field::Also => "Also",
            Field::Drafts => "Drafts",
            Field::Pace => "Pace",
        }
    }
}

/// A line that is being changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Editing {
    /// Which.
    pub field: Field,
    /// The option under the cursor.
    pub at: usize,
    /// As it will be.
    pub choice: Choice,
    /// Days are being typed.
    pub typing: Option<Typing>,
}

/// Two days that are being typed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Typing {
    /// The first.
    pub from: LineEdit,
    /// The last.
    pub to: LineEdit,
    /// The last has the cursor.
    pub on_to: bool,
    /// What is wrong with them.
    pub mistake: Option<String>,
}

/// One option of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opt {
    /// What it is called.
    pub label: String,
    /// It is chosen.
    pub on: bool,
    /// What there is to know of it.
    pub note: String,
}

/// The options of the line that is being changed.
pub fn options(editing: &Editing, view: &IntegrationView, demo: bool, today: Date) -> Vec<Opt> {
    let choice = &editing.choice;
    let opt = |label: &str, on: bool, note: &str| Opt { label: label.to_owned(), on, note: note.to_owned() };
    match editing.field {
        Field::Statuses => {
            let wanted = choice.statuses();
            STATUSES.iter().map(|status| opt(status, wanted.contains(status), "")).collect()
        }
        Field::Created => {
            let mut all: Vec<Opt> = PRESETS
                .iter()
                .map(|span| opt(&span.name(), choice.span == *span, &span.range(today)))
                .collect();
            let typed = matches!(choice.span, Span::Days { .. });
            let note = if typed { choice.span.range(today) } else { "type the days".to_owned() };
            all.push(opt("from … to …", typed, &note));
            all
        }
        Field::Also => ALSO
            .iter()
            .map(|kind| {
                let barred = view.stored.iter().any(|known| known.kind == *kind && !known.allowed);
                let note = if barred { "this key may not read them" } else { "" };
                opt(&stored::word(*kind), choice.also.contains(kind), note)
            })
            .collect(),
        Field::Drafts => Vec::new(),
        Field::Pace => paces(demo)
            .iter()
            .map(|pace| opt(pace_word(*pace), choice.pace == *pace, pace_note(*pace, view.livemode)))
            .collect(),
    }
}

/// The paces that can be chosen: no limit at all is for a Stripe of one's own.
fn paces(demo: bool) -> &'static [Pace] {
    if demo {
        &[Pace::Auto, Pace::Polite, Pace::Full, Pace::None]
    } else {
        &[Pace::Auto, Pace::Polite, Pace::Full]
    }
}

/// What a pace is called.
pub fn pace_word(pace: Pace) -> &'static str {
    match pace {
        Pace::Auto => "auto",
        Pace::Polite => "polite",
        Pace::Full => "full",
        Pace::None => "none",
        Pace::PerEndpoint(_) => "as given",
    }
}

/// What a pace comes to. Stripe's limits: 25 GET/s an endpoint; overall 100 live and 25 in test mode.
pub fn pace_note(pace: Pace, livemode: bool) -> &'static str {
    match (pace, livemode) {
        (Pace::Auto | Pace::Polite, true) => "15 GET/s, 40 overall",
        (Pace::Polite, false) => "15 GET/s, 25 overall",
        (Pace::Full, true) => "25 GET/s, 100 overall",
        (Pace::Auto | Pace::Full, false) => "25 GET/s, test's limit",
        (Pace::None, _) => "no limit of ours",
        (Pace::PerEndpoint(_), _) => "GET/s as given",
    }
}

/// Begins to change the selected line. Drafts are two values only: they change at once.
pub fn begin(state: &mut State, now_ms: i64) {
    let Some(view) = state.current().cloned() else { return };
    let field = FIELDS[state.sync.line.min(FIELDS.len() - 1)];
    let mut choice = state.sync.choice(view.id);
    if field == Field::Drafts {
        choice.drafts = !choice.drafts;
        state.sync.choices.insert(view.id, choice);
        return;
    }
    let mut editing = Editing { field, at: 0, choice, typing: None };
    let all = options(&editing, &view, state.snapshot.demo, today(&view, now_ms));
    // On what is chosen, where only one can be.
    if matches!(field, Field::Created | Field::Pace) {
        editing.at = all.iter().position(|opt| opt.on).unwrap_or(0);
    }
    state.sync.editing = Some(editing);
}

fn today(view: &IntegrationView, now_ms: i64) -> Date {
    clock::today(now_ms.div_euclid(1000), view.timezone.as_str())
}

/// Carries an action out while a line is being changed.
pub fn act(state: &mut State, action: Action, now_ms: i64) {
    let Some(view) = state.current().cloned() else {
        state.sync.editing = None;
        return;
    };
    let day = today(&view, now_ms);
    let demo = state.snapshot.demo;
    let Some(editing) = state.sync.editing.as_mut() else { return };
    if editing.typing.is_some() {
        if act_typing(editing, action, day) {
            take(state, &view);
        }
        return;
    }
    let len = options(editing, &view, demo, day).len();
    let last = len.saturating_sub(1);
    match action {
        Action::Down | Action::NextPane => editing.at = (editing.at + 1).min(last),
        Action::Up | Action::PreviousPane => editing.at = editing.at.saturating_sub(1),
        Action::First => editing.at = 0,
        Action::Last => editing.at = last,
        Action::Back | Action::Cancel => state.sync.editing = None,
        Action::Toggle | Action::Accept | Action::Open => {
            let accept = action != Action::Toggle;
            let at = editing.at;
            match editing.field {
                Field::Statuses if !accept => {
                    let status = STATUSES.get(at).copied().unwrap_or_default();
                    if !editing.choice.toggle_status(status) {
                        state.tell(Level::Info, "one status has to stay", now_ms);
                    }
                    return;
                }
                Field::Also if !accept => {
                    if let Some(kind) = ALSO.get(at) {
                        editing.choice.toggle_kind(*kind);
                    }
                    return;
                }
                Field::Created => {
                    if let Some(span) = PRESETS.get(at) {
                        editing.choice.span = span.clone();
                    } else {
                        editing.typing = Some(begin_typing(&editing.choice, day));
                        return;
                    }
                }
                Field::Pace => {
                    if let Some(pace) = paces(demo).get(at) {
                        editing.choice.pace = *pace;
                    }
                }
                _ => {}
            }
            take(state, &view);
        }
        _ => {}
    }
}

fn begin_typing(choice: &Choice, today: Date) -> Typing {
    // What is chosen now is the beginning, so that only what differs has to be typed.
    let (from, to) = choice.span.days(today);
    Typing {
        from: LineEdit::new(&from.unwrap_or_default()),
        to: LineEdit::new(&to.unwrap_or_default()),
        ..Typing::default()
    }
}

/// Carries an action out while days are typed; true when they are to be taken.
fn act_typing(editing: &mut Editing, action: Action, today: Date) -> bool {
    let Some(typing) = editing.typing.as_mut() else { return false };
    match action {
        Action::Cancel | Action::Back => editing.typing = None,
        Action::Complete | Action::CompleteBack | Action::Down | Action::Up => {
            typing.on_to = !typing.on_to;
        }
        // First the one day, then the other.
        Action::Accept | Action::Open if !typing.on_to => {
            typing.mistake = days_mistake(typing.from.text(), typing.to.text(), today, false);
            typing.on_to = typing.mistake.is_none();
        }
        Action::Accept | Action::Open => {
            typing.mistake = days_mistake(typing.from.text(), typing.to.text(), today, true);
            if typing.mistake.is_none() {
                let day = |line: &LineEdit| Some(line.text().trim().to_owned()).filter(|day| !day.is_empty());
                let (from, to) = (day(&typing.from), day(&typing.to));
                editing.choice.span =
                    if from.is_none() && to.is_none() { Span::All } else { Span::Days { from, to } };
                return true;
            }
        }
        _ => {}
    }
    false
}

/// Takes typed text into the day that has the cursor; a mistake is said at once.
pub fn typed(state: &mut State, typed: &Typed, now_ms: i64) {
    let Some(day) = state.current().map(|view| today(view, now_ms)) else { return };
    let Some(typing) = state.sync.editing.as_mut().and_then(|editing| editing.typing.as_mut()) else {
        return;
    };
    let line = if typing.on_to { &mut typing.to } else { &mut typing.from };
    if line.take(typed) {
        typing.mistake = days_mistake(typing.from.text(), typing.to.text(), day, false);
    }
}

fn take(state: &mut State, view: &IntegrationView) {
    if let Some(editing) = state.sync.editing.take() {
        state.sync.choices.insert(view.id, editing.choice);
    }
}

/// The value of a line, in words.
pub fn value(field: Field, choice: &Choice, view: &IntegrationView, today: Date) -> String {
    match field {
        Field::Statuses if !view.billing => "no invoices: connected without billing".to_owned(),
        Field::Statuses => choice.statuses().join("  "),
        Field::Created => match (&choice.span, choice.span.length(today)) {
            (Span::All, _) => "the beginning → today".to_owned(),
            (span @ Span::Days { .. }, Some(length)) => format!("{}   ({length})", span.range(today)),
            (span @ Span::Days { .. }, None) => span.range(today),
            (span, _) => format!("{}   ({})", span.range(today), span.name()),
        },
        Field::Also if choice.also.is_empty() => "nothing more".to_owned(),
        Field::Also => {
            let words: Vec<String> = choice.also.iter().map(|kind| stored::word(*kind)).collect();
            words.join("  ")
        }
        Field::Drafts => if choice.drafts { "included" } else { "not included" }.to_owned(),
        Field::Pace => match choice.pace {
            Pace::PerEndpoint(n) => format!("{} GET/s an endpoint", fmt::count(u64::from(n))),
            pace => format!("{}: {}", pace_word(pace), pace_note(pace, view.livemode)),
        },
    }
}
