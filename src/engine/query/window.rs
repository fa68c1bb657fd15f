//! Windows of a table: so many rows from a place on, in an order, under a filter.
//!
//! A window never holds more than 500 rows. It must never compare amounts of two currencies: the order by
//! amount goes currency by currency.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::filtering::{self, Accounts};
use super::picks::{Key, List};
use super::tables::Table;
use super::{Shared, columns};
use crate::engine::api::{Answer, Place, RecordQuery, RecordRow, RecordWindow};
use crate::filter::Subject;
use crate::store::StoreError;
use crate::store::rows::{Column, RowTable};
use crate::stripe::kind::Kind;
use crate::text;

/// Rows of a window.
const MOST: usize = 500;

/// Answers `Request::Records`.
pub fn records(
    shared: &Shared,
    query: &RecordQuery,
    accounts: &Accounts,
    now: i64,
) -> Result<Answer, StoreError> {
    if query.catalog && query.kind != Kind::Invoice {
        return Ok(refused(format!("there is no catalog of {}: only invoices have one", query.kind)));
    }
    let (column, descending) = match &query.sort {
        None => (Column::Created, true),
        Some(sort) => match columns::sorted_by(query.kind, query.catalog, &sort.column) {
            Some(column) => (column, sort.descending),
            None => {
                return Ok(refused(format!(
                    "{} can't be ordered by “{}”; there are {}",
                    query.kind,
                    text::clean_max(&sort.column, 40),
                    columns::names(query.kind, query.catalog)
                )));
            }
        },
    };
    let subject = Subject::Records(query.kind);
    let filter = match filtering::read(&query.filter, subject, query.integration, accounts, now) {
        Ok(filter) => filter,
        Err(answer) => return Ok(answer),
    };
    let key = Key {
        integration: query.integration,
        catalog: query.catalog,
        filter: query.filter.trim().to_owned(),
        minute: if filter.moves() { now.div_euclid(60) } else { 0 },
        accounts: accounts.iter().map(|one| (one.id, one.name.clone(), one.account.clone())).collect(),
    };
    let Some(table) = shared.tables.want(query.kind) else { return Ok(Answer::NotHere) };
    let turn = table.asked.fetch_add(1, Ordering::SeqCst) + 1;
    // Told before looking: whoever sees a newer version asks again.
    let version = shared.store.changes().records_version();
    shared.catch_up()?;
    let asks = shared.asks();
    let mut views = table.views.lock().unwrap_or_else(PoisonError::into_inner);
    drop(asks);
    let specs = columns::of(query.kind, query.catalog);
    let mut window = RecordWindow {
        columns: specs.iter().map(columns::view).collect(),
        version,
        loading: shared.tables.loading(Some(query.kind), &shared.store),
        ..RecordWindow::default()
    };
    if table.asked.load(Ordering::SeqCst) != turn && views.is_unknown(&key) {
        // Somebody asked something newer of this table while this one waited: it is not worked out any more.
        // Whoever shows it all the same finds that there is something newer.
        window.version = 0;
        window.loading = window.loading.or(Some(0));
        return Ok(Answer::Records(window));
    }
    let rows = table.read();
    let list = views.list(&rows, &key, &filter, accounts, column);
    drop(views);
    if list.reading.is_some() {
        // The thread goes on with it.
        shared.store.changes().ring();
    }
    window.loading = match (window.loading, list.reading) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    window.total = list.total;
    window.matching = list.rows.len() as u64;
    let limit = query.limit.min(MOST);
    let first = first(&rows, &list, &query.at, limit, descending);
    window.first = first as u64;
    let shown: Vec<usize> = (first..(first + limit).min(list.rows.len()))
        .filter_map(|at| nth(&list, at, descending))
        .map(|row| row as usize)
        .collect();
    let names = shared.tables.get(Kind::Customer).filter(|_| query.kind != Kind::Customer);
    window.rows = shown.into_iter().filter_map(|at| row(&rows, at, query, names)).collect();
    Ok(Answer::Records(window))
}

fn refused(reason: String) -> Answer {
    Answer::Refused { reason }
}

/// The row at a place of the list.
fn nth(list: &List, at: usize, descending: bool) -> Option<u32> {
    let at = if descending { list.rows.len().checked_sub(at + 1)? } else { at };
    list.rows.get(at).copied()
}

/// The row number at which the window begins.
fn first(rows: &RowTable, list: &List, place: &Place, limit: usize, descending: bool) -> usize {
    let matching = list.rows.len();
    let end = matching.saturating_sub(limit);
    match place {
        Place::Index { index } => usize::try_from(*index).unwrap_or(usize::MAX).min(matching),
        Place::End => end,
        Place::Around { integration, id, before, index } => {
            let found = rows
                .find(*integration, id)
                .and_then(|row| list.rows.iter().position(|one| *one == row))
                .map(|at| if descending { matching - 1 - at } else { at });
            let at = found.unwrap_or_else(|| {
                usize::try_from(*index).unwrap_or(usize::MAX).min(matching.saturating_sub(1))
            });
            at.saturating_sub(usize::try_from(*before).unwrap_or(usize::MAX)).min(end)
        }
    }
}

fn row(rows: &RowTable, at: usize, query: &RecordQuery, names: Option<&Table>) -> Option<RecordRow> {
    let integration = rows.integration(at)?;
    let row = rows.row(at)?;
    let name = |customer: &str| -> Option<String> {
        let table = names?.read();
        let who = table.row(table.find(integration, customer)? as usize)?.who;
        (!who.is_empty()).then(|| who.to_owned())
    };
    Some(RecordRow {
        integration,
        kind: query.kind,
        id: row.id.to_owned(),
        cells: columns::of(query.kind, query.catalog)
            .iter()
            .map(|spec| columns::cell(spec, rows, at, &row, name))
            .collect(),
        state: if query.kind == Kind::Invoice { row.state.word().to_owned() } else { String::new() },
        error: text::clean(rows.error(at)).into_owned(),
    })
}
