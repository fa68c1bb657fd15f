//! What this screen does with actions and answers. Pure: everything it wants done is an effect.

use super::object;
use super::state::{Errand, Going};
use crate::clock::Zone;
use crate::engine::api::{Answer, IntegrationId, Level, Phase, Request, Sort};
use crate::filter::{Ctx, Subject};
use crate::stripe::kind::Kind;
use crate::tui::effects::Effect;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::Typed;
use crate::tui::screens::ScreenId;
use crate::tui::screens::dashboard::update::work;
use crate::tui::state::State;
use crate::tui::table::{self, TableSpec};
use crate::tui::widgets::filter_line::{Came, Lens};

pub use object::{open_object, open_timeline};

const NOTHING: &str = "nothing is selected";

/// The kinds that can be looked at, with how many there are of each: what is stored for whom one looks at.
pub fn kinds(state: &State) -> Vec<(Kind, u64, bool)> {
    let shown = state.snapshot.integrations.iter();
    let shown = shown.filter(|one| state.all_accounts || Some(one.id) == state.selected);
    let mut out: Vec<(Kind, u64, bool)> = Vec::new();
    for stored in shown.flat_map(|one| one.stored.iter()) {
        match out.iter_mut().find(|(kind, ..)| *kind == stored.kind) {
            Some((_, count, allowed)) => {
                *count += stored.count;
                *allowed |= stored.allowed;
            }
            None => out.push((stored.kind, stored.count, stored.allowed)),
        }
    }
    out.sort_by_key(|(kind, ..)| *kind);
    out
}

/// The kind that is looked at.
pub fn kind(state: &State) -> Kind {
    let chosen = state.records.kind;
    chosen.or_else(|| kinds(state).first().map(|(kind, ..)| *kind)).unwrap_or(Kind::Invoice)
}

/// Where keys have their meaning.
pub fn context(state: &State) -> Context {
    let typing = match state.records.open() {
        Some(open) => open.detail.is_typing() && !open.on_timeline,
        None => state.records.order.is_none() && state.records.is_filtering(kind(state)),
    };
    if typing { Context::Typing } else { Context::Main }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    if !state.records.opened.is_empty() {
        return object::act(state, action, now_ms);
    }
    if state.records.order.is_some() {
        choose_order(state, action);
        return refresh(state);
    }
    if state.records.is_filtering(kind(state)) {
        with_filter(state, now_ms, |filter, lens| filter.act(action, lens));
        return refresh(state);
    }
    match action {
        Action::Down => state.records.table.step(1),
        Action::Up => state.records.table.step(-1),
        Action::PageDown => state.records.table.page(true),
        Action::PageUp => state.records.table.page(false),
        Action::First => state.records.table.edge(false),
        Action::Last => state.records.table.edge(true),
        Action::NextPane | Action::Right => next_kind(state, true),
        Action::PreviousPane | Action::Left => next_kind(state, false),
        Action::AllAccounts => state.all_accounts = !state.all_accounts,
        Action::Find => with_filter(state, now_ms, |filter, lens| {
            filter.open(lens);
            Came::Nothing
        }),
        Action::Order => {
            let sort = state.records.table.spec().and_then(|spec| spec.sort.clone());
            let name = sort.map_or_else(|| "created".to_owned(), |sort| sort.column);
            let columns = &state.records.table.window.columns;
            state.records.order = Some(columns.iter().position(|one| one.name == name).unwrap_or(0));
        }
        Action::Back => return back(state),
        Action::Open | Action::Timeline => {
            let Some(row) = state.records.table.selected() else { return Vec::new() };
            let (integration, id) = (row.integration, row.id.clone());
            return object::push(state, integration, &id, action == Action::Timeline);
        }
        Action::Customer => return errand(state, Errand::Customer, now_ms),
        Action::CopyLink => return errand(state, Errand::PaymentLink, now_ms),
        Action::OpenInStripe => return errand(state, Errand::Page, now_ms),
        Action::CopyId => {
            let id = state.records.table.selected().map(|row| row.id.clone());
            return copy(state, id, now_ms);
        }
        Action::CopyValue => {
            let text = first_text(state);
            return copy(state, text, now_ms);
        }
        _ => return work(state, action, now_ms).unwrap_or_default(),
    }
    refresh(state)
}

/// The first step back takes the filter away, the next one leaves the screen.
fn back(state: &mut State) -> Vec<Effect> {
    let kind = kind(state);
    if state.records.looks.get_mut(&kind).is_some_and(|look| look.filter.clear()) {
        return refresh(state);
    }
    state.go_back();
    Vec::new()
}

/// What the row is known by: its number, name or e-mail.
fn first_text(state: &State) -> Option<String> {
    use crate::engine::api::Cell;
    let row = state.records.table.selected()?;
    row.cells.iter().find_map(|cell| match cell {
        Cell::Text { text } if !text.is_empty() => Some(text.clone()),
        Cell::Id { id } => Some(id.clone()),
        _ => None,
    })
}

/// Puts text on the clipboard and says so.
pub(super) fn copy(state: &mut State, text: Option<String>, now_ms: i64) -> Vec<Effect> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        state.tell(Level::Info, NOTHING, now_ms);
        return Vec::new();
    };
    let shown = crate::tui::fmt::fit(&crate::tui::fmt::clean(&text), 40);
    state.tell(Level::Info, format!("{shown} was sent to the terminal's clipboard"), now_ms);
    vec![Effect::Copy(text)]
}

fn next_kind(state: &mut State, forward: bool) {
    let all = kinds(state);
    let here = kind(state);
    let at = all.iter().position(|(kind, ..)| *kind == here).unwrap_or(0);
    let step = if forward { 1 } else { all.len().saturating_sub(1) };
    if let Some((kind, ..)) = all.get((at + step) % all.len().max(1)) {
        state.records.kind = Some(*kind);
    }
}

/// Does something with the filter line of the kind that is looked at.
fn with_filter(
    state: &mut State,
    now_ms: i64,
    work: impl FnOnce(&mut crate::tui::widgets::filter_line::FilterLine, &Lens<'_>) -> Came,
) {
    let kind = kind(state);
    let known = known(state, kind);
    let values = |field: &str| {
        let found = known.iter().find(|(name, _)| *name == field);
        found.map(|(_, values)| values.clone()).unwrap_or_default()
    };
    let ctx = Ctx { now: now_ms.div_euclid(1000), zone: Zone::named(state.timezone()) };
    let lens = Lens { subject: Subject::Records(kind), ctx, known: &values };
    let look = state.records.looks.entry(kind).or_default();
    work(&mut look.filter, &lens);
}

/// Values in use, for completion: Stripe's own statuses, and what is in the rows that are loaded.
fn known(state: &State, kind: Kind) -> Vec<(&'static str, Vec<String>)> {
    use crate::engine::api::Cell;
    let statuses: &[&str] = match kind {
        Kind::Invoice => &["draft", "open", "paid", "uncollectible", "void"],
        Kind::Subscription => &[
            "active",
            "canceled",
            "incomplete",
            "incomplete_expired",
            "past_due",
            "paused",
            "trialing",
            "unpaid",
        ],
        Kind::PaymentIntent => &[
            "canceled",
            "processing",
            "requires_action",
            "requires_capture",
            "requires_confirmation",
            "requires_payment_method",
            "succeeded",
        ],
        Kind::Charge => &["failed", "pending", "succeeded"],
        Kind::Refund => &["canceled", "failed", "pending", "requires_action", "succeeded"],
        Kind::Dispute => &[
            "lost",
            "needs_response",
            "prevented",
            "under_review",
            "warning_closed",
            "warning_needs_response",
            "warning_under_review",
            "won",
        ],
        Kind::CreditNote => &["issued", "void"],
        Kind::Payout => &["canceled", "failed", "in_transit", "paid", "pending"],
        Kind::BalanceTransaction => &["available", "pending"],
        Kind::InvoicePayment => &["canceled", "open", "paid"],
        Kind::Customer | Kind::Product | Kind::Price => &[],
    };
    let cells = || state.records.table.window.rows.iter().flat_map(|row| row.cells.iter());
    let mut currencies: Vec<String> = cells()
        .filter_map(|cell| match cell {
            Cell::Money { currency, .. } => Some(currency.clone()),
            _ => None,
        })
        .collect();
    currencies.sort();
    currencies.dedup();
    let accounts = state.snapshot.integrations.iter().map(|one| one.name.clone()).collect();
    let statuses = statuses.iter().map(|word| (*word).to_owned()).collect();
    vec![("status", statuses), ("currency", currencies), ("account", accounts)]
}

/// The columns to order by are open.
fn choose_order(state: &mut State, action: Action) {
    let records = &mut state.records;
    let Some(at) = records.order else { return };
    let columns = &records.table.window.columns;
    let last = columns.len().saturating_sub(1);
    match action {
        Action::Down => records.order = Some((at + 1).min(last)),
        Action::Up => records.order = Some(at.saturating_sub(1)),
        Action::First => records.order = Some(0),
        Action::Last => records.order = Some(last),
        Action::Open | Action::Order => {
            records.order = None;
            let Some(column) = columns.get(at).filter(|column| column.sortable) else { return };
            // The order in force reversed; else what is greatest or newest first, and names from A on.
            let now = records.table.spec().and_then(|spec| spec.sort.clone());
            let now = now.unwrap_or(Sort { column: "created".to_owned(), descending: true });
            let descending = if now.column == column.name {
                !now.descending
            } else {
                column.right || matches!(column.name.as_str(), "created" | "listed")
            };
            let sort = Sort { column: column.name.clone(), descending };
            let kind = records.table.spec().map(|spec| spec.kind);
            if let Some(kind) = kind {
                records.looks.entry(kind).or_default().sort = Some(sort);
            }
        }
        _ => records.order = None,
    }
}

/// Reads the selected object for something that needs more of it than its row.
fn errand(state: &mut State, errand: Errand, asked_ms: i64) -> Vec<Effect> {
    let Some(row) = state.records.table.selected() else { return Vec::new() };
    let request = Request::Object { integration: row.integration, id: row.id.clone() };
    let generation = state.next_generation();
    // The newest wish wins: an answer to an earlier one finds nobody who waits.
    state.records.errand = Some(Going { generation, errand, asked_ms });
    vec![Effect::Request { generation, request }]
}

/// Takes text into the line that is open.
pub fn typed(state: &mut State, typed: &Typed, now_ms: i64) -> Vec<Effect> {
    if let Some(open) = state.records.opened.last_mut() {
        open.detail.typed(typed);
        return Vec::new();
    }
    with_filter(state, now_ms, |filter, lens| {
        filter.typed(typed, lens);
        Came::Nothing
    });
    refresh(state)
}

/// Why an action can't be done just now.
pub fn can(state: &State, action: Action) -> Result<(), String> {
    let trouble = match &state.snapshot.phase {
        Phase::Opening => Some("the store is still being opened"),
        Phase::Failed { .. } => Some("the store can't be used"),
        Phase::Ready => None,
    };
    let of_the_row = matches!(
        action,
        Action::Open
            | Action::Timeline
            | Action::Customer
            | Action::CopyLink
            | Action::CopyId
            | Action::CopyValue
            | Action::OpenInStripe
    );
    let reads = of_the_row || matches!(action, Action::Order | Action::Find);
    if let Some(trouble) = trouble.filter(|_| reads) {
        return Err(trouble.to_owned());
    }
    if !state.records.opened.is_empty() {
        return object::can(state, action);
    }
    match action {
        Action::Freeze => Err("only the feed can be frozen".to_owned()),
        Action::NextMatch | Action::PreviousMatch => Err("open an object first: Enter".to_owned()),
        Action::Order if state.records.table.window.columns.is_empty() => {
            Err("there is nothing to order yet".to_owned())
        }
        Action::Open if state.records.order.is_some() => Ok(()),
        _ if of_the_row && state.records.table.selected().is_none() => Err(NOTHING.to_owned()),
        _ => Ok(()),
    }
}

/// Asks for what the screen should show and does not.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    if state.snapshot.phase != Phase::Ready || state.engine_gone {
        return Vec::new();
    }
    if !state.records.opened.is_empty() {
        return object::refresh(state);
    }
    let integration = if state.all_accounts { None } else { state.selected };
    if integration.is_none() && state.snapshot.integrations.is_empty() {
        return Vec::new();
    }
    let spec = spec(state, integration);
    state.records.table.look_at(spec);
    let version = state.snapshot.records_version;
    table::update::ask(&mut state.records.table, &mut state.generation, version)
}

fn spec(state: &State, integration: Option<IntegrationId>) -> TableSpec {
    let kind = kind(state);
    let look = state.records.look(kind);
    TableSpec {
        integration,
        kind,
        catalog: false,
        filter: look.map(|look| look.filter.applied.clone()).unwrap_or_default(),
        sort: look.and_then(|look| look.sort.clone()),
    }
}

/// Takes an answer that this screen waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    if state.records.table.take(generation, answer) {
        if let (Some(bad), Some(kind)) =
            (state.records.table.bad_filter.clone(), state.records.table.spec().map(|spec| spec.kind))
        {
            let look = state.records.looks.entry(kind).or_default();
            look.filter.refused(bad.at, bad.length, &bad.reason);
        }
        // Behind another screen nothing more is asked for.
        return Some(if state.screen == ScreenId::Records { refresh(state) } else { Vec::new() });
    }
    object::answer(state, generation, answer)
}

/// Remembers the frame, so that nothing moves before the next key.
pub fn drawn(state: &mut State) {
    match state.records.opened.last_mut() {
        Some(open) => {
            open.detail.drawn(&state.hits);
            if let Some(timeline) = &mut open.timeline {
                timeline.drawn(state.hits.timeline_top);
            }
        }
        None => state.records.table.drawn(&state.hits),
    }
}
