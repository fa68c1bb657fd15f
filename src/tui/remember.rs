//! What the screen looks like the next time: the last screen and account, filters and orders, what was chosen to sync.
//!
//! It is one small text that the engine keeps. Ids and filters only: never rows, never a key, and nothing that would
//! start anything. What can't be read (another version wrote it) is the usual.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::effects::Effect;
use super::input::actions::Context;
use super::screens::ScreenId;
use super::screens::dashboard::Pane;
use super::screens::records::state::Look;
use super::screens::sync::choice::Choice;
use super::state::State;
use super::widgets::filter_line::FilterLine;
use crate::engine::api::{CaseOrder, IntegrationId, Phase, Request, Sort};
use crate::stripe::kind::Kind;

/// A filter line: what is in force, and earlier ones, newest last.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Line {
    applied: String,
    earlier: Vec<String>,
}

/// How a kind of record is looked at.
#[derive(Debug, Serialize, Deserialize)]
struct KindLook {
    kind: Kind,
    #[serde(default)]
    filter: Line,
    #[serde(default)]
    sort: Option<Sort>,
}

/// All of it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Remembered {
    screen: String,
    account: Option<IntegrationId>,
    all_accounts: bool,
    pane: u8,
    events: Line,
    catalog: Line,
    catalog_sort: Option<Sort>,
    kind: Option<Kind>,
    records: Vec<KindLook>,
    sync: BTreeMap<u32, Choice>,
    cases_all: bool,
    cases_order: CaseOrder,
}

const PANES: [Pane; 3] = [Pane::Integrations, Pane::Events, Pane::Sync];
const SCREENS: [ScreenId; 8] = [
    ScreenId::Dashboard,
    ScreenId::Integrations,
    ScreenId::Events,
    ScreenId::Sync,
    ScreenId::Records,
    ScreenId::Payments,
    ScreenId::Deliveries,
    ScreenId::Log,
];

/// More than this of one line's earlier filters is not kept, in bytes: the whole has a limit at the engine.
const EARLIER: usize = 1_000;

fn keep(line: &FilterLine) -> Line {
    // What has a key pasted into it is kept nowhere.
    let harmless = |text: &str| crate::stripe::scrub::scrub(text) == text;
    let applied = Some(line.applied.clone()).filter(|text| harmless(text)).unwrap_or_default();
    let mut room = EARLIER;
    let mut earlier: Vec<String> = Vec::new();
    for text in line.history().iter().rev().filter(|text| harmless(text)) {
        let Some(left) = room.checked_sub(text.len()) else { break };
        room = left;
        earlier.push(text.clone());
    }
    earlier.reverse();
    Line { applied, earlier }
}

fn line(kept: Line) -> FilterLine {
    FilterLine::remembered(&kept.applied, kept.earlier)
}

/// The text to keep.
fn text(state: &State) -> String {
    let mut records: Vec<KindLook> = state
        .records
        .looks
        .iter()
        .map(|(kind, look)| KindLook { kind: *kind, filter: keep(&look.filter), sort: look.sort.clone() })
        .collect();
    records.sort_by_key(|look| look.kind);
    let all = Remembered {
        screen: state.screen.row().name.to_owned(),
        account: state.selected,
        all_accounts: state.all_accounts,
        pane: PANES.iter().position(|pane| *pane == state.dashboard.focus).unwrap_or(1) as u8,
        events: keep(&state.events.filter),
        catalog: keep(&state.sync.catalog.line),
        catalog_sort: state.sync.catalog.sort.clone(),
        kind: state.records.kind,
        records,
        cases_all: state.payments.all,
        cases_order: state.payments.order,
        sync: state.sync.choices.iter().map(|(id, choice)| (id.0, choice.clone())).collect(),
    };
    serde_json::to_string(&all).unwrap_or_default()
}

/// Takes up what was remembered, once, with the first snapshot of an open store; not when a person has moved already.
pub fn take_up(state: &mut State) {
    if state.remembered.is_some() || state.snapshot.phase != Phase::Ready {
        return;
    }
    let all: Remembered = state
        .snapshot
        .remembered
        .as_deref()
        .and_then(|kept| serde_json::from_str(kept).ok())
        .unwrap_or_default();
    if let Some(id) = all.account.filter(|id| state.integration(*id).is_some()) {
        state.selected = Some(id);
    }
    state.all_accounts = all.all_accounts;
    state.events.filter = line(all.events);
    state.sync.catalog.line = line(all.catalog);
    state.sync.catalog.sort = all.catalog_sort;
    state.records.kind = all.kind;
    (state.payments.all, state.payments.order) = (all.cases_all, all.cases_order);
    for look in all.records {
        state.records.looks.insert(look.kind, Look { filter: line(look.filter), sort: look.sort });
    }
    for (id, choice) in all.sync {
        state.sync.choices.insert(IntegrationId(id), choice.checked());
    }
    if state.untouched {
        if let Some(pane) = PANES.get(usize::from(all.pane)).filter(|_| !all.screen.is_empty()) {
            state.dashboard.focus = *pane;
        }
        if let Some(screen) = SCREENS.into_iter().find(|screen| screen.row().name == all.screen) {
            state.go(screen);
        }
    }
    state.remembered = Some(text(state));
}

/// Asks to have it kept, when it is another than before and nobody is in the middle of typing.
pub fn keep_up(state: &mut State) -> Option<Effect> {
    let before = state.remembered.as_ref()?;
    if state.engine_gone || !matches!(state.context(), Context::Main | Context::Reading) {
        return None;
    }
    let now = text(state);
    if *before == now {
        return None;
    }
    state.remembered = Some(now.clone());
    let generation = state.next_generation();
    Some(Effect::Request { generation, request: Request::Remember { text: now } })
}
