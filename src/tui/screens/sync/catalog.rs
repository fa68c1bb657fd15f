//! The catalog's pane: the table of what was listed, its filter, and which entries the next sync takes up.
//!
//! Marking many goes by what the filter shows: their ids are collected window by window, then marked at once. It must
//! never mark more than the engine takes, and never without having asked.

use crate::clock::Zone;
use crate::engine::api::{Answer, IntegrationId, Level, Mark, Place, RecordQuery, RecordRow, Request, Sort};
use crate::filter::{Ctx, Subject};
use crate::stripe::kind::Kind;
use crate::tui::effects::Effect;
use crate::tui::fmt::count;
use crate::tui::input::actions::Action;
use crate::tui::input::line::Typed;
use crate::tui::overlay::{MarkAll, Overlay, Question, Yes};
use crate::tui::screens::dashboard::update::{send, usable};
use crate::tui::screens::{ScreenId, records};
use crate::tui::state::{Purpose, State};
use crate::tui::table::{TableSpec, TableState};
use crate::tui::widgets::filter_line::{FilterLine, Lens};

/// Entries that can be marked at once, as the engine takes them.
pub const MOST: u64 = 10_000;
/// Rows of one window while ids are collected.
const WINDOW: usize = 500;

/// The pane's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalog {
    /// The rows.
    pub table: TableState,
    /// The filter.
    pub line: FilterLine,
    /// What to order by; none: newest first.
    pub sort: Option<Sort>,
    /// Ids that are being collected, to be marked.
    marking: Option<Marking>,
}

/// Entries on their way to being marked.
#[derive(Debug, Clone, PartialEq)]
struct Marking {
    integration: IntegrationId,
    filter: String,
    mark: Mark,
    ids: Vec<String>,
    at: u64,
    in_flight: Option<u64>,
}

/// The next sync takes this entry up; none: it can't be said of it.
pub fn marked(row: &RecordRow) -> Option<bool> {
    match row.state.as_str() {
        "pending" | "stale" | "processing" => Some(true),
        "gone" => None,
        _ => Some(false),
    }
}

/// What marking this row means.
fn other(row: &RecordRow) -> Option<Mark> {
    marked(row).map(|on| if on { Mark::Skip } else { Mark::Sync })
}

/// What the filter is read with. The catalog holds invoices.
pub const SUBJECT: Subject = Subject::Records(Kind::Invoice);

/// Values in use, to complete with.
fn known(field: &str) -> Vec<String> {
    let words: &[&str] = match field {
        "state" => &["pending", "processing", "synced", "stale", "error", "skipped", "gone"],
        "status" => &["draft", "open", "paid", "uncollectible", "void"],
        _ => &[],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Works on the line with what it is read with.
fn with<T>(state: &mut State, act: impl FnOnce(&mut FilterLine, &Lens<'_>) -> T) -> T {
    let zone = Zone::named(state.timezone());
    let ctx = Ctx { now: state.now_ms.div_euclid(1000), zone };
    act(&mut state.sync.catalog.line, &Lens { subject: SUBJECT, ctx, known: &known })
}

/// Begins to type the filter.
pub fn begin_typing(state: &mut State) {
    with(state, FilterLine::open);
}

/// Carries an action out while the filter is typed.
pub fn act_typing(state: &mut State, action: Action) {
    with(state, |line, lens| line.act(action, lens));
}

/// Takes typed text into the filter.
pub fn typed(state: &mut State, typed: &Typed) {
    with(state, |line, lens| line.typed(typed, lens));
}

/// Opens the selected entry's invoice.
pub fn open(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some((integration, id)) =
        state.sync.catalog.table.selected().map(|row| (row.integration, row.id.clone()))
    else {
        state.tell(Level::Info, "no entry of the catalog is selected", now_ms);
        return Vec::new();
    };
    records::update::open_object(state, integration, &id)
}

/// Asks for the rows that the pane should show and does not.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    let Some(integration) = state.selected else { return Vec::new() };
    let catalog = &mut state.sync.catalog;
    catalog.table.look_at(TableSpec {
        integration: Some(integration),
        kind: Kind::Invoice,
        catalog: true,
        filter: catalog.line.applied.clone(),
        sort: catalog.sort.clone(),
    });
    let version = state.snapshot.records_version;
    let mut effects = crate::tui::table::update::ask(&mut catalog.table, &mut state.generation, version);
    effects.extend(collect(state));
    effects
}

/// Takes an answer that the rows or the collecting wait for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    if state.sync.catalog.table.take(generation, answer) {
        if let Answer::BadFilter { at, length, reason } = answer {
            state.sync.catalog.line.refused(*at, *length, reason);
        }
        let shown = state.screen == ScreenId::Sync;
        return Some(if shown { super::update::refresh(state) } else { Vec::new() });
    }
    let marking = state.sync.catalog.marking.as_mut()?;
    if marking.in_flight != Some(generation) {
        return None;
    }
    marking.in_flight = None;
    match answer {
        Answer::Records(window) if window.loading.is_none() => {
            marking
                .ids
                .extend(window.rows.iter().filter(|row| row.state != "gone").map(|row| row.id.clone()));
            marking.at = window.first + window.rows.len() as u64;
            if window.rows.is_empty() || marking.at >= window.matching || marking.ids.len() as u64 >= MOST {
                return Some(mark_collected(state));
            }
            Some(collect(state))
        }
        other => {
            let reason = match other {
                Answer::Refused { reason } | Answer::BadFilter { reason, .. } => reason.clone(),
                _ => "the catalog is still being read: try again in a moment".to_owned(),
            };
            state.sync.catalog.marking = None;
            let now_ms = state.now_ms;
            state.tell(Level::Warning, format!("nothing was marked: {reason}"), now_ms);
            Some(Vec::new())
        }
    }
}

/// Asks for the next ids.
fn collect(state: &mut State) -> Vec<Effect> {
    let next = state.generation + 1;
    let Some(marking) = state.sync.catalog.marking.as_mut().filter(|marking| marking.in_flight.is_none())
    else {
        return Vec::new();
    };
    marking.in_flight = Some(next);
    let query = RecordQuery {
        integration: Some(marking.integration),
        kind: Kind::Invoice,
        catalog: true,
        filter: marking.filter.clone(),
        sort: None,
        at: Place::Index { index: marking.at },
        limit: WINDOW,
    };
    state.generation = next;
    vec![Effect::Request { generation: next, request: Request::Records(query) }]
}

fn mark_collected(state: &mut State) -> Vec<Effect> {
    let Some(marking) = state.sync.catalog.marking.take() else { return Vec::new() };
    let Marking { integration, mark, mut ids, .. } = marking;
    // Rows that moved between two windows were seen twice.
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MOST as usize);
    let now_ms = state.now_ms;
    if ids.is_empty() {
        state.tell(Level::Info, "the filter shows nothing that could be marked", now_ms);
        return Vec::new();
    }
    let purpose = Purpose::Mark(integration, mark, ids.len());
    send(state, Request::Mark { integration, ids, mark }, purpose, now_ms)
}

/// Marks the selected entry: to be synced, or to be left out.
pub fn mark(state: &mut State, now_ms: i64) -> Vec<Effect> {
    if usable(state, now_ms).is_none() {
        return Vec::new();
    }
    let chosen = state.sync.catalog.table.selected().map(|row| (row.integration, row.id.clone(), other(row)));
    match chosen {
        None => state.tell(Level::Info, "no entry of the catalog is selected", now_ms),
        Some((_, _, None)) => {
            state.tell(Level::Info, "it was deleted at Stripe: there is nothing to sync", now_ms);
        }
        Some((integration, id, Some(mark))) => {
            let request = Request::Mark { integration, ids: vec![id], mark };
            let effects = send(state, request, Purpose::Mark(integration, mark, 1), now_ms);
            state.sync.catalog.table.step(1);
            return effects;
        }
    }
    Vec::new()
}

/// Asks whether all that the filter shows is to be marked, as the selected entry would be.
pub fn mark_all(state: &mut State, now_ms: i64) {
    let Some(view) = usable(state, now_ms) else { return };
    let table = &state.sync.catalog.table;
    let shown = table.window.matching;
    let Some(mark) = table.selected().and_then(other) else {
        state.tell(Level::Info, "no entry of the catalog is selected", now_ms);
        return;
    };
    if table.stale || table.bad_filter.is_some() || table.window.loading.is_some() {
        state.tell(Level::Info, "the filter's rows are not all here yet", now_ms);
        return;
    }
    if shown > MOST {
        let text = format!(
            "{} entries are shown and {} can be marked at once: filter them",
            count(shown),
            count(MOST)
        );
        state.tell(Level::Info, text, now_ms);
        return;
    }
    let entries = if shown == 1 { "entry" } else { "entries" };
    let title = match mark {
        Mark::Sync => format!("Sync {} {entries} next time, of", count(shown)),
        Mark::Skip => format!("Leave out {} {entries}, of", count(shown)),
    };
    let filter = state.sync.catalog.line.applied.trim();
    let which = if filter.is_empty() { "the whole catalog".to_owned() } else { format!("filter: {filter}") };
    let agreed = MarkAll { integration: view.id, filter: state.sync.catalog.line.applied.clone(), mark };
    let yes = Yes::MarkAll(Box::new(agreed));
    let confirm = Question::of(title, &view).asks(which, "nothing is sent to Stripe".to_owned(), yes);
    state.overlays.push(Overlay::Confirm(Box::new(confirm)));
}

/// Marks them all, agreed to.
pub fn mark_all_now(state: &mut State, agreed: MarkAll) -> Vec<Effect> {
    let MarkAll { integration, filter, mark } = agreed;
    state.sync.catalog.marking =
        Some(Marking { integration, filter, mark, ids: Vec::new(), at: 0, in_flight: None });
    collect(state)
}

/// Orders by the same column the other way round, then by the next column.
pub fn order(state: &mut State, now_ms: i64) {
    let catalog = &mut state.sync.catalog;
    let columns: Vec<_> = catalog.table.window.columns.iter().filter(|column| column.sortable).collect();
    let newest = Sort { column: "created".to_owned(), descending: true };
    let now = catalog.sort.as_ref().unwrap_or(&newest);
    let Some(first) = columns.first() else { return };
    let next = match columns.iter().position(|column| column.name == now.column) {
        Some(_) if now.descending => Sort { descending: false, ..now.clone() },
        Some(at) => {
            let column = columns.get(at + 1).unwrap_or(first);
            Sort { column: column.name.clone(), descending: true }
        }
        None => Sort { column: first.name.clone(), descending: true },
    };
    let label = columns.iter().find(|column| column.name == next.column).map(|column| column.label.clone());
    let way = if next.descending { "greatest or newest first" } else { "least or oldest first" };
    let text = format!("by {}, {way}", label.unwrap_or_else(|| next.column.clone()));
    catalog.sort = Some(next);
    let text = crate::tui::fmt::clean(&text).into_owned();
    state.flash(Level::Info, text, now_ms);
}

/// Copies the selected entry's id.
pub fn copy(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(id) = state.sync.catalog.table.selected().map(|row| row.id.clone()) else {
        state.tell(Level::Info, "nothing is selected", now_ms);
        return Vec::new();
    };
    state.tell(Level::Info, format!("{id} was sent to the terminal's clipboard"), now_ms);
    vec![Effect::Copy(id)]
}
