//! What this screen does with actions and answers. Pure: everything it wants done is an effect.

use super::pane::{Tab, Then};
use super::state::{EventsState, Focus};
use crate::clock::Zone;
use crate::engine::api::{Answer, EventRow, IntegrationId, Level, Link, Phase, Request};
use crate::filter::{Ctx, Subject};
use crate::tui::effects::Effect;
use crate::tui::feed;
use crate::tui::input::actions::Action;
use crate::tui::input::line::Typed;
use crate::tui::overlay::replay;
use crate::tui::screens::{ScreenId, dashboard, deliveries, records};
use crate::tui::state::{Purpose, State};
use crate::tui::widgets::detail::Body;
use crate::tui::widgets::detail::{Outcome, customer_of};
use crate::tui::widgets::filter_line::{Came, Lens};

/// Types that are worth offering before any was seen: those that Stripe sends most, and of which most depends.
const TYPES: &[&str] = &[
    "charge.dispute.created",
    "charge.failed",
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.completed",
    "customer.created",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.updated",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payout.failed",
    "payout.paid",
];

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    if state.events.filter.is_typing() {
        let came = with_filter(state, now_ms, |filter, lens| filter.act(action, lens));
        return if came == Came::Applied { refresh(state) } else { Vec::new() };
    }
    let effects = match action {
        Action::AllAccounts => {
            state.all_accounts = !state.all_accounts;
            Vec::new()
        }
        Action::Freeze => {
            state.events.feed.toggle_freeze();
            state.events.pane.unpin();
            Vec::new()
        }
        Action::Star => return star(state, now_ms),
        Action::Timeline => {
            enter(state);
            state.events.pane.tab = Tab::Timeline;
            Vec::new()
        }
        Action::Customer => then(state, Then::Customer, now_ms),
        Action::OpenInStripe => then(state, Then::Stripe, now_ms),
        Action::Replay => match selected_row(state) {
            Some((integration, id, event_type)) => {
                return replay::open(state, integration, &id, &event_type, None);
            }
            None => Vec::new(),
        },
        Action::CopyId => copy_id(state, now_ms),
        _ => match state.events.focus {
            Focus::List => list(state, action, now_ms),
            Focus::Detail => detail(state, action, now_ms),
        },
    };
    // Another screen may have been opened by now; it asks for itself.
    if state.screen == ScreenId::Events { and(effects, refresh(state)) } else { effects }
}

fn and(mut first: Vec<Effect>, then: Vec<Effect>) -> Vec<Effect> {
    first.extend(then);
    first
}

fn list(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let page = state.hits.feed_rows.saturating_sub(1).clamp(1, 10_000) as isize;
    let events = &mut state.events;
    match action {
        Action::Down => events.feed.step(1),
        Action::Up => events.feed.step(-1),
        Action::PageDown => events.feed.step(page),
        Action::PageUp => events.feed.step(-page),
        Action::First => events.feed.follow(),
        Action::Last => events.feed.last(),
        Action::Open | Action::Right | Action::NextPane | Action::PreviousPane => {
            enter(state);
            return Vec::new();
        }
        Action::Find => {
            with_filter(state, now_ms, crate::tui::widgets::filter_line::FilterLine::open);
            return Vec::new();
        }
        Action::Back => {
            if !events.filter.clear() {
                state.go_back();
            }
            return Vec::new();
        }
        _ => return dashboard::update::work(state, action, now_ms).unwrap_or_default(),
    }
    state.events.pane.unpin();
    Vec::new()
}

/// Into the detail: what one reads there must not go away by itself.
fn enter(state: &mut State) {
    if let Some(row) = state.events.feed.selected() {
        let (integration, id) = (row.integration, row.id.clone());
        let events = &mut state.events;
        if !events.pane.pinned {
            events.pane.show(integration, &id);
        }
        events.focus = Focus::Detail;
        events.feed.hold();
    }
}

fn detail(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let rows = state.hits.detail_rows;
    let tab = state.events.pane.tab;
    match action {
        Action::NextPane => {
            state.events.pane.turn(true, true);
            return Vec::new();
        }
        Action::PreviousPane => {
            state.events.pane.turn(false, true);
            return Vec::new();
        }
        Action::Back => {
            back(state);
            return Vec::new();
        }
        _ => {}
    }
    if tab == Tab::Timeline {
        return timeline(state, action, rows, now_ms);
    }
    if tab == Tab::Sent {
        return sent(state, action, rows, now_ms);
    }
    let Some(sheet) = state.events.pane.sheet() else { return Vec::new() };
    match sheet.act(action, rows) {
        // None of its sheets has a way to something else.
        Outcome::Done | Outcome::To(_) => Vec::new(),
        Outcome::Go(link) => go(state, &link),
        Outcome::Copy(text) => {
            let shown = crate::tui::fmt::fit(&crate::tui::fmt::clean(&text), 60);
            state.tell(Level::Info, format!("{shown} was sent to the terminal's clipboard"), now_ms);
            vec![Effect::Copy(text)]
        }
        Outcome::Say(text) => {
            state.tell(Level::Info, text, now_ms);
            Vec::new()
        }
        Outcome::Ignored => turn_or_work(state, action, now_ms),
    }
}

/// Left and right turn the tabs where they have no other use; left of the first one is the list.
fn turn_or_work(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    match action {
        Action::Right => {
            state.events.pane.turn(true, false);
        }
        Action::Left => {
            if !state.events.pane.turn(false, false) {
                state.events.focus = Focus::List;
            }
        }
        Action::Find | Action::NextMatch | Action::PreviousMatch => {
            state.tell(Level::Info, "/ looks in the JSON here; in the list it filters the events", now_ms);
        }
        _ => return dashboard::update::work(state, action, now_ms).unwrap_or_default(),
    }
    Vec::new()
}

fn timeline(state: &mut State, action: Action, rows: usize, now_ms: i64) -> Vec<Effect> {
    let pane = &mut state.events.pane;
    let Some((integration, shown)) = pane.subject().map(|(whose, id)| (whose, id.to_owned())) else {
        return Vec::new();
    };
    let far = rows.saturating_sub(1).clamp(1, 10_000) as isize;
    let by = match action {
        Action::Down => 1,
        Action::Up => -1,
        Action::PageDown => far,
        Action::PageUp => -far,
        Action::First => isize::MIN,
        Action::Last => 1_000_000,
        Action::Open => {
            let index = pane.timeline.index(&shown);
            if let Some(id) = pane.timeline.rows.get(index).map(|row| row.id.clone())
                && id != shown
            {
                pane.open(integration, &id, true);
                pane.tab = Tab::Changed;
            }
            return Vec::new();
        }
        _ => return turn_or_work(state, action, now_ms),
    };
    pane.timeline.step(&shown, by);
    Vec::new()
}

/// The attempts to deliver the event.
fn sent(state: &mut State, action: Action, rows: usize, now_ms: i64) -> Vec<Effect> {
    let far = rows.saturating_sub(1).clamp(1, 10_000) as isize;
    let list = &mut state.events.pane.sent;
    match action {
        Action::Down => list.step(1),
        Action::Up => list.step(-1),
        Action::PageDown => list.step(far),
        Action::PageUp => list.step(-far),
        Action::First => list.first(),
        Action::Last => list.last(),
        Action::Open => {
            return match list.selected().map(|row| row.id) {
                Some(id) => deliveries::update::open_attempt(state, id),
                None => Vec::new(),
            };
        }
        _ => return turn_or_work(state, action, now_ms),
    }
    Vec::new()
}

fn back(state: &mut State) {
    let events = &mut state.events;
    if let Some(sheet) = events.pane.sheet()
        && !sheet.tree.sought().is_empty()
    {
        sheet.tree.find("");
    } else if !events.pane.go_back() {
        events.focus = Focus::List;
        events.pane.unpin();
    }
}

/// To another object.
fn go(state: &mut State, link: &Link) -> Vec<Effect> {
    let Some((integration, _)) = state.events.pane.subject() else { return Vec::new() };
    records::update::open_object(state, integration, &link.id)
}

/// The selected event: the one in detail where that is read, else the list's.
fn selected(state: &State) -> Option<(IntegrationId, String)> {
    let events = &state.events;
    let in_pane = events.pane.subject().map(|(integration, id)| (integration, id.to_owned()));
    match events.focus {
        Focus::Detail => in_pane,
        Focus::List => events.feed.selected().map(|row| (row.integration, row.id.clone())),
    }
}

/// The same, with its type.
fn selected_row(state: &State) -> Option<(IntegrationId, String, String)> {
    let (integration, id) = selected(state)?;
    let events = &state.events;
    let here = |row: &&EventRow| row.integration == integration && row.id == id;
    let in_pane = events.pane.event().map(|event| &event.row).filter(here);
    let row = in_pane.or_else(|| events.feed.window.rows.iter().find(here));
    let event_type = row.map(|row| row.event_type.clone()).unwrap_or_default();
    Some((integration, id, event_type))
}

fn star(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some((integration, event)) = selected(state) else { return Vec::new() };
    let here = |row: &&EventRow| row.integration == integration && row.id == event;
    let starred = match state.events.focus {
        Focus::Detail => state.events.pane.event().map(|one| one.row.starred),
        Focus::List => None,
    };
    let in_list = state.events.feed.window.rows.iter().find(here).map(|row| row.starred);
    let on = !starred.or(in_list).unwrap_or(false);
    dashboard::update::send(state, Request::Star { integration, event, on }, Purpose::Star { on }, now_ms)
}

/// A star came or went: whatever shows it is read again.
pub fn starred(state: &mut State) -> Vec<Effect> {
    state.dashboard.feed.read_again();
    state.events.feed.read_again();
    state.events.pane.read_again();
    (state.screen.row().refresh)(state)
}

fn copy_id(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some((_, id)) = selected(state) else { return Vec::new() };
    state.tell(Level::Info, format!("{id} was sent to the terminal's clipboard"), now_ms);
    vec![Effect::Copy(id)]
}

/// Does what needs the whole event, now or as soon as it is here.
fn then(state: &mut State, then: Then, now_ms: i64) -> Vec<Effect> {
    let Some((integration, id)) = selected(state) else { return Vec::new() };
    let pane = &mut state.events.pane;
    pane.show(integration, &id);
    if pane.event().is_none() {
        pane.then = Some((then, now_ms));
        return Vec::new();
    }
    match carry_on(state, then) {
        Ok(effects) => effects,
        Err(reason) => {
            state.tell(Level::Info, reason, now_ms);
            Vec::new()
        }
    }
}

fn carry_on(state: &mut State, then: Then) -> Result<Vec<Effect>, String> {
    let Some(event) = state.events.pane.event() else { return Ok(Vec::new()) };
    match then {
        Then::Stripe => match &event.url {
            Some(url) => Ok(vec![Effect::OpenPage(url.clone())]),
            None if state.snapshot.demo => {
                Err("the local Stripe of the demo has no pages to open".to_owned())
            }
            None => Err("this Stripe has no page for the event: it is a local one".to_owned()),
        },
        Then::Customer => {
            let integration = event.row.integration;
            let own = Some(event.row.object.clone()).filter(|id| id.starts_with("cus_"));
            match customer_of(&event.links).or(own) {
                Some(id) => Ok(records::update::open_object(state, integration, &id)),
                None => Err("the event names no customer".to_owned()),
            }
        }
    }
}

/// Does what waited for the event, if it is here; says so if it never will be.
fn now_do(state: &mut State) -> Vec<Effect> {
    let pane = &mut state.events.pane;
    let Some((then, asked_at)) = pane.then else { return Vec::new() };
    let trouble = match &pane.body {
        _ if pane.event().is_some() => None,
        Body::NotHere => Some("the event is not stored here".to_owned()),
        Body::Failed(reason) => Some(reason.clone()),
        Body::Nothing | Body::Loading | Body::Here(_) => return Vec::new(),
    };
    pane.then = None;
    match trouble.map_or_else(|| carry_on(state, then), Err) {
        Ok(effects) => effects,
        Err(reason) => {
            state.tell(Level::Info, reason, asked_at);
            Vec::new()
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as for objects: whoever calls has an id to give away")]
/// Opens this screen with an event in detail. Esc leads to the list, then back to where one came from.
pub fn open_event(state: &mut State, integration: IntegrationId, id: String) -> Vec<Effect> {
    state.go(ScreenId::Events);
    state.selected = Some(integration);
    let events = &mut state.events;
    events.pane.open(integration, &id, false);
    events.pane.tab = Tab::Changed;
    events.focus = Focus::Detail;
    events.feed.hold();
    refresh(state)
}

/// Opens this screen at the event that is selected on the dashboard.
pub fn open_from_dashboard(state: &mut State) -> Vec<Effect> {
    let Some(row) = state.dashboard.feed.selected() else { return Vec::new() };
    let (integration, id) = (row.integration, row.id.clone());
    // The filter might hide it.
    state.events.filter.clear();
    state.events.feed.continue_from(&state.dashboard.feed);
    state.events.pane.open(integration, &id, false);
    state.events.pane.unpin();
    state.events.focus = Focus::Detail;
    state.go(ScreenId::Events);
    Vec::new()
}

/// Takes text into the line that has the keys.
pub fn typed(state: &mut State, typed: &Typed, now_ms: i64) -> Vec<Effect> {
    if state.events.filter.is_typing() {
        with_filter(state, now_ms, |filter, lens| filter.typed(typed, lens));
    } else {
        state.events.pane.typed(typed);
    }
    Vec::new()
}

/// Lends the filter's line what it needs to know of the rest.
fn with_filter<T>(
    state: &mut State,
    now_ms: i64,
    act: impl FnOnce(&mut crate::tui::widgets::filter_line::FilterLine, &Lens<'_>) -> T,
) -> T {
    let mut filter = std::mem::take(&mut state.events.filter);
    let out = {
        let known = |field: &str| known(state, field);
        let zone = Zone::named(state.timezone());
        let ctx = Ctx { now: now_ms.div_euclid(1000), zone };
        act(&mut filter, &Lens { subject: Subject::Events, ctx, known: &known })
    };
    state.events.filter = filter;
    out
}

/// Values of a field that are in use, as far as the screen knows them.
fn known(state: &State, field: &str) -> Vec<String> {
    let rows = || state.events.feed.window.rows.iter().chain(&state.dashboard.feed.window.rows);
    match field {
        "type" => {
            let common = TYPES.iter().map(|name| (*name).to_owned());
            rows().map(|row| row.event_type.clone()).chain(common).collect()
        }
        "currency" => rows().filter_map(|row| row.amount.as_ref().map(|(_, code)| code.clone())).collect(),
        "account" => state.snapshot.integrations.iter().map(|view| view.name.clone()).collect(),
        _ => Vec::new(),
    }
}

/// Why an action can't be done just now.
pub fn can(state: &State, action: Action) -> Result<(), String> {
    let list = state.events.focus == Focus::List;
    match action {
        Action::Open
        | Action::Timeline
        | Action::Star
        | Action::Customer
        | Action::OpenInStripe
        | Action::CopyId
        | Action::Replay
            if selected(state).is_none() =>
        {
            Err("no event is selected".to_owned())
        }
        Action::NextPane | Action::PreviousPane | Action::Right if list && selected(state).is_none() => {
            Err("no event is selected".to_owned())
        }
        Action::CopyValue | Action::CopyPath | Action::NextMatch | Action::PreviousMatch
            if list || matches!(state.events.pane.tab, Tab::Timeline | Tab::Sent) =>
        {
            let open = state.keymap.label(Action::Open);
            Err(format!("this is for what is read in detail: {open} opens an event"))
        }
        _ => Ok(()),
    }
}

/// Asks for what the screen should show and does not.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    if state.snapshot.phase != Phase::Ready || state.engine_gone || state.snapshot.integrations.is_empty() {
        return Vec::new();
    }
    let scope = if state.all_accounts { None } else { state.selected };
    let (version, records) = (state.snapshot.events_version, state.snapshot.records_version);
    let deliveries = state.snapshot.deliveries_version;
    let wide = EventsState::is_wide(state.size);
    let events = &mut state.events;
    if events.feed.look_at(scope, &events.filter.applied) && !events.pane.pinned {
        events.focus = Focus::List;
        events.pane.clear();
    }
    if let Some((whose, _)) = events.pane.subject()
        && scope.is_some_and(|scope| scope != whose)
    {
        events.focus = Focus::List;
        events.pane.clear();
    }
    events.feed.notice(version);
    let mut next = state.generation;
    let mut number = || {
        next += 1;
        next
    };
    let mut effects = Vec::new();
    if let Some((generation, query)) = events.feed.next_query(version, &mut number) {
        effects.push(Effect::Request { generation, request: Request::Events(query) });
    }
    // On a narrow screen nobody sees the detail of what the list goes over.
    if !events.pane.pinned && (wide || events.focus == Focus::Detail) {
        match events.feed.selected() {
            Some(row) => events.pane.show(row.integration, &row.id),
            None if events.feed.loaded => events.pane.clear(),
            None => {}
        }
    }
    events.pane.notice(records);
    for (generation, request) in events.pane.next_requests(deliveries, &mut number) {
        effects.push(Effect::Request { generation, request });
    }
    state.generation = next;
    effects
}

/// Takes an answer that the feed or the detail waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    let tz = match answer {
        Answer::Event(event) => {
            state.integration(event.row.integration).map_or("UTC", |one| one.timezone.as_str())
        }
        _ => "UTC",
    }
    .to_owned();
    let rows = match answer {
        Answer::Events(window) => Some(Ok(window.clone())),
        Answer::BadFilter { reason, .. } | Answer::Refused { reason } => Some(Err(reason.clone())),
        _ => None,
    };
    let events = &mut state.events;
    let mut effects = Vec::new();
    if rows.is_some_and(|rows| events.feed.take(generation, rows)) {
        if let Answer::BadFilter { at, length, reason } = answer {
            events.filter.refused(*at, *length, reason);
        }
    } else if events.pane.take(generation, answer, &tz) {
        effects = now_do(state);
    } else {
        return None;
    }
    if state.screen == ScreenId::Events {
        effects.extend(refresh(state));
    }
    Some(effects)
}

/// Remembers the first visible rows, so that nothing moves before the next key.
pub fn drawn(state: &mut State) {
    let hits = &state.hits;
    let events = &mut state.events;
    if hits.feed_rows > 0
        && let Some(row) = events.feed.window.rows.get(hits.feed_top)
    {
        events.feed.top = Some(feed::place(row));
    }
    if hits.detail_rows > 0 {
        let top = hits.detail_top;
        match events.pane.tab {
            Tab::Sent => events.pane.sent.drawn(top),
            Tab::Timeline => events.pane.timeline.top = top,
            _ => {
                if let Some(sheet) = events.pane.sheet() {
                    sheet.top = top;
                }
            }
        }
    }
}
