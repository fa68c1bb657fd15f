//! What this screen does with actions and answers. Pure: everything it wants done is an effect.

use super::case::{CasePane, Entry};
use super::list::Look;
use super::state::{Errand, next_order};
use crate::engine::api::{Answer, CaseRow, CaseState, IntegrationId, Level, Phase, Request};
use crate::tui::effects::Effect;
use crate::tui::fmt;
use crate::tui::input::actions::Action;
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::screens::dashboard::update::work;
use crate::tui::screens::{ScreenId, events, records};
use crate::tui::state::State;

const NOTHING: &str = "no case is selected";

/// The case that actions are about: the open one, else the selected one.
fn row(state: &State) -> Option<&CaseRow> {
    match &state.payments.open {
        Some(open) => open.case().map(|case| &case.row),
        None => state.payments.list.selected(),
    }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let payments = &mut state.payments;
    match action {
        Action::Customer => {
            let Some((integration, id)) = row(state).map(|row| (row.integration, row.customer.clone()))
            else {
                return Vec::new();
            };
            return records::update::open_object(state, integration, &id);
        }
        Action::Timeline => {
            let Some((integration, id)) = row(state).map(|row| (row.integration, row.id.clone())) else {
                return Vec::new();
            };
            return records::update::open_timeline(state, integration, &id);
        }
        Action::CopyLink => {
            let link = row(state).map(pay_link);
            return match link {
                Some(Ok(link)) => {
                    state.tell(Level::Info, "the payment link was sent to the terminal's clipboard", now_ms);
                    vec![Effect::Copy(link)]
                }
                Some(Err(reason)) => say(state, &reason, now_ms),
                None => say(state, NOTHING, now_ms),
            };
        }
        Action::CopyId => {
            let id = match &payments.open {
                Some(open) => Some(open.id_to_copy()),
                None => payments.list.selected().map(|row| row.id.clone()),
            };
            let Some(id) = id else { return say(state, NOTHING, now_ms) };
            let shown = fmt::fit(&fmt::clean(&id), 60);
            state.tell(Level::Info, format!("{shown} was sent to the terminal's clipboard"), now_ms);
            return vec![Effect::Copy(id)];
        }
        Action::OpenInStripe => return page(state, now_ms),
        _ => {}
    }
    if payments.open.is_some() {
        return in_case(state, action, now_ms);
    }
    match action {
        Action::Down => payments.list.step(1),
        Action::Up => payments.list.step(-1),
        Action::PageDown => payments.list.page(true),
        Action::PageUp => payments.list.page(false),
        Action::First => payments.list.edge(false),
        Action::Last => payments.list.edge(true),
        Action::AllAccounts => state.all_accounts = !state.all_accounts,
        Action::OnlyOpen => payments.all = !payments.all,
        Action::Order => payments.order = next_order(payments.order),
        Action::Find => {
            payments.typing = true;
            payments.before = payments.find.text().to_owned();
        }
        Action::Accept => payments.typing = false,
        Action::Cancel => {
            payments.typing = false;
            payments.find = LineEdit::new(&payments.before);
        }
        Action::Back if !payments.find.text().is_empty() => payments.find = LineEdit::default(),
        Action::Back => {
            state.go_back();
            return Vec::new();
        }
        Action::Open => {
            let Some((integration, id)) = row(state).map(|row| (row.integration, row.id.clone())) else {
                return Vec::new();
            };
            return open_case(state, integration, &id);
        }
        _ => return work(state, action, now_ms).unwrap_or_default(),
    }
    refresh(state)
}

/// Opens a case, from anywhere.
pub fn open_case(state: &mut State, integration: IntegrationId, id: &str) -> Vec<Effect> {
    state.go(ScreenId::Payments);
    // Whose it is stands in the header with its mode: it must not show another account's.
    if state.integration(integration).is_some() {
        state.selected = Some(integration);
    }
    state.payments.open = Some(CasePane::of(integration, id, state.snapshot.cases_version));
    refresh(state)
}

fn in_case(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let rows = state.hits.detail_rows;
    let Some(open) = &mut state.payments.open else { return Vec::new() };
    if open.act(action, rows) {
        return Vec::new();
    }
    match action {
        Action::Back => {
            state.payments.open = None;
            refresh(state)
        }
        Action::Open => {
            let integration = open.integration;
            let (entry, case) = (open.selected(), open.case());
            match (entry, case) {
                (Some(Entry::Link(index)), Some(case)) => {
                    let id = case.links.get(index).map(|link| link.id.clone()).unwrap_or_default();
                    records::update::open_object(state, integration, &id)
                }
                (Some(Entry::Try(index)), Some(case)) => {
                    match case.tries.get(index).map(|one| one.event.clone()).filter(|id| !id.is_empty()) {
                        Some(event) => events::update::open_event(state, integration, event),
                        None => say(state, "no event of this try is kept here", now_ms),
                    }
                }
                _ => say(state, "the case is not here", now_ms),
            }
        }
        _ => work(state, action, now_ms).unwrap_or_default(),
    }
}

fn say(state: &mut State, text: &str, now_ms: i64) -> Vec<Effect> {
    state.tell(Level::Info, text, now_ms);
    Vec::new()
}

/// The page on which the customer can pay what is open.
fn pay_link(row: &CaseRow) -> Result<String, String> {
    match &row.state {
        CaseState::Recovered { .. } => return Err("it is paid already".to_owned()),
        CaseState::Lost { why, .. } => return Err(format!("it can't be paid any more: {}", fmt::clean(why))),
        CaseState::Active => {}
    }
    // What goes to the clipboard is an address and nothing else.
    let plain = |link: &&String| {
        (link.starts_with("https://") || link.starts_with("http://127.0.0.1"))
            && !link.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    row.pay_url.as_ref().filter(plain).cloned().ok_or_else(|| "Stripe gave no payment link for it".to_owned())
}

const NO_PAGE: &str = "it has no page at Stripe (a local Stripe has none)";

/// Its page at Stripe; in the list the case is read for it first.
fn page(state: &mut State, now_ms: i64) -> Vec<Effect> {
    if let Some(open) = &state.payments.open {
        return match open.case().map(|case| case.url.clone()) {
            Some(Some(url)) => vec![Effect::OpenPage(url)],
            Some(None) => say(state, NO_PAGE, now_ms),
            None => say(state, "the case is not here", now_ms),
        };
    }
    let Some((integration, id)) = row(state).map(|row| (row.integration, row.id.clone())) else {
        return say(state, NOTHING, now_ms);
    };
    let generation = state.next_generation();
    // The newest wish wins: an answer to an earlier one finds nobody who waits.
    state.payments.errand = Some(Errand { generation, integration, asked_ms: now_ms });
    vec![Effect::Request { generation, request: Request::Case { integration, id } }]
}

/// Takes text into the line.
pub fn typed(state: &mut State, typed: &Typed, _now_ms: i64) -> Vec<Effect> {
    if state.payments.find.take(typed) { refresh(state) } else { Vec::new() }
}

/// Why an action can't be done just now.
pub fn can(state: &State, action: Action) -> Result<(), String> {
    let trouble = match &state.snapshot.phase {
        Phase::Opening => Some("the store is still being opened"),
        Phase::Failed { .. } => Some("the store can't be used"),
        Phase::Ready => None,
    };
    let open = state.payments.open.is_some();
    let selected = row(state);
    match action {
        Action::Freeze => Err("only the feed can be frozen".to_owned()),
        Action::Order | Action::OnlyOpen | Action::Find | Action::AllAccounts if open => {
            Err("this is for the list of cases: Esc goes back to it".to_owned())
        }
        Action::Order | Action::OnlyOpen | Action::Find if trouble.is_some() => {
            Err(trouble.unwrap_or_default().to_owned())
        }
        Action::Open
        | Action::Timeline
        | Action::Customer
        | Action::OpenInStripe
        | Action::CopyLink
        | Action::CopyId
            if selected.is_none() =>
        {
            Err(trouble.unwrap_or(if open { "the case is not here" } else { NOTHING }).to_owned())
        }
        Action::Customer if selected.is_some_and(|row| row.customer.is_empty()) => {
            Err("it has no customer".to_owned())
        }
        Action::CopyLink => selected.map_or(Ok(()), |row| pay_link(row).map(|_| ())),
        _ => Ok(()),
    }
}

/// Asks for what the screen should show and does not.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    let snapshot = &state.snapshot;
    if snapshot.phase != Phase::Ready || state.engine_gone || snapshot.integrations.is_empty() {
        return Vec::new();
    }
    let version = snapshot.cases_version;
    let integration = if state.all_accounts { None } else { state.selected };
    let mut generation = state.generation;
    let payments = &mut state.payments;
    let mut effects = Vec::new();
    // The header tells whose screen it is: another account's case must not stay under it.
    if payments.open.as_ref().is_some_and(|open| state.selected.is_some_and(|id| id != open.integration)) {
        payments.open = None;
    }
    if let Some(open) = &mut payments.open {
        open.notice(version);
        if let Some(request) = open.next_request(generation + 1) {
            generation += 1;
            effects.push(Effect::Request { generation, request });
        }
    } else {
        payments.list.look_at(Look {
            integration,
            all: payments.all,
            find: payments.find.text().trim().to_owned(),
            order: payments.order,
        });
        if let Some(query) = payments.list.next_query(version, generation + 1) {
            generation += 1;
            effects.push(Effect::Request { generation, request: Request::Cases(query) });
        }
    }
    state.generation = generation;
    effects
}

/// Takes an answer that this screen waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    if let Some(errand) = state.payments.errand.clone().filter(|errand| errand.generation == generation) {
        state.payments.errand = None;
        return Some(match answer {
            Answer::Case(case) if case.url.is_some() => {
                vec![Effect::OpenPage(case.url.clone().unwrap_or_default())]
            }
            Answer::Case(_) => say(state, NO_PAGE, errand.asked_ms),
            Answer::Refused { reason } => say(state, reason, errand.asked_ms),
            _ => say(state, "the case is not here any more", errand.asked_ms),
        });
    }
    let payments = &mut state.payments;
    let taken = payments.list.take(generation, answer)
        || payments.open.as_mut().is_some_and(|open| open.take(generation, answer));
    // Behind another screen nothing more is asked for.
    taken.then(|| if state.screen == ScreenId::Payments { refresh(state) } else { Vec::new() })
}

/// Remembers the frame, so that nothing moves before the next key.
pub fn drawn(state: &mut State) {
    match &mut state.payments.open {
        Some(open) => open.top = state.hits.detail_top,
        None => state.payments.list.drawn(state.hits.table_rows, state.hits.table_offset),
    }
}
