//! What the engine answers to the sync screen: a plan, a catalog of two thousand entries, some runs.

use super::canned::{self, NOW};
use crate::engine::api::*;
use crate::stripe::kind::Kind;

/// Entries of the catalog.
pub const ENTRIES: u64 = 2000;

/// The answer to a question of the sync screen; none: it is none of those.
pub fn answer(snapshot: &Snapshot, request: &Request) -> Option<Answer> {
    Some(match request {
        Request::Plan { integration, discover, look, .. } => {
            let view = snapshot.integrations.iter().find(|one| one.id == *integration)?;
            Answer::Plan(plan(view, discover.as_ref(), *look))
        }
        Request::Records(query) if query.catalog => {
            if query.filter.contains("nonsense") {
                return Some(Answer::BadFilter {
                    at: 0,
                    length: 8,
                    reason: "there is no field `nonsense`".into(),
                });
            }
            let id = query.integration?;
            let view = snapshot.integrations.iter().find(|one| one.id == id)?;
            Answer::Records(entries(view, query))
        }
        Request::Mark { .. } => Answer::Done,
        Request::Runs { integration, .. } => {
            let id = (*integration)?;
            let view = snapshot.integrations.iter().find(|one| one.id == id)?;
            Answer::Runs(if view.catalog.total == 0 { Vec::new() } else { runs() })
        }
        _ => return None,
    })
}

fn plan(view: &IntegrationView, discover: Option<&DiscoverSpec>, look: bool) -> PlanView {
    let line = |kind, discover, about, list_pages, single_reads, seconds| PlanLine {
        kind,
        discover,
        about,
        exact: false,
        list_pages,
        single_reads,
        seconds,
        allowed: kind != Kind::Dispute,
    };
    let known = look || view.catalog.total > 0;
    let mut rows = Vec::new();
    if let Some(discover) = discover {
        let about = known.then_some(52_000);
        let pages = if known { 520 } else { 0 };
        rows.push(line(Kind::Invoice, true, about, pages, 0, 36));
        rows.extend(discover.resources.iter().map(|kind| line(*kind, true, Some(6000), 60, 0, 4)));
    }
    rows.push(line(Kind::Customer, false, Some(8100), 81, 0, 6));
    rows.push(line(Kind::Product, false, Some(40), 1, 0, 1));
    rows.push(line(Kind::PaymentIntent, false, Some(61_000), 610, 0, 41));
    rows.push(line(Kind::Invoice, false, Some(52_000), 0, 14, 1));
    PlanView {
        reads: rows.iter().filter(|row| row.allowed).map(|row| row.list_pages + row.single_reads).sum(),
        rows,
        seconds: 48,
        used: view.reads.last_30_days,
        floor: 10_000,
        cost: if look { 7 } else { 0 },
        notes: vec!["payments are counted as one an invoice until they are listed".into()],
    }
}

fn column(name: &str, right: bool, width: (u16, u16)) -> Column {
    Column { name: name.into(), label: name.into(), right, sortable: true, width }
}

fn entry(integration: IntegrationId, n: u64) -> RecordRow {
    let state = ["pending", "pending", "error", "stale", "synced", "synced", "skipped"][n as usize % 7];
    let status = ["open", "open", "paid", "paid", "void", "uncollectible"][n as usize % 6];
    let (amount, currency) =
        [(124_000, "usd"), (31_000, "usd"), (745_000, "eur"), (124_000, "jpy"), (8820, "gbp")]
            [n as usize % 5];
    let who =
        ["Northwind Traders", "Hooli", "Pied Piper SA", "ソイレント株式会社", "Wonka 🍫"][n as usize % 5];
    RecordRow {
        integration,
        kind: Kind::Invoice,
        id: format!("in_1Qx{n:07}2eZvKYlo2C7Kp"),
        cells: vec![
            Cell::Word { word: state.into() },
            Cell::Text { text: format!("INV-{}", 9000 - n) },
            Cell::Money { amount, currency: currency.into() },
            Cell::Word { word: status.into() },
            Cell::Text { text: who.into() },
            Cell::Time { at: NOW - (n * n) as i64 * 60 },
            Cell::Id { id: format!("in_1Qx{n:07}2eZvKYlo2C7Kp") },
            Cell::Time { at: NOW - 1873 },
        ],
        state: state.into(),
        error: if state == "error" {
            "page 3 of its 41 pages of lines: Stripe answered 500 three times at 13:31:20 (req_8sKq)".into()
        } else {
            String::new()
        },
    }
}

fn entries(view: &IntegrationView, query: &RecordQuery) -> RecordWindow {
    let total = if view.catalog.total == 0 { 0 } else { ENTRIES };
    let wanted = query.filter.strip_prefix("state:").unwrap_or_default();
    let all: Vec<u64> =
        (0..total).filter(|n| wanted.is_empty() || entry(view.id, *n).state == wanted).collect();
    let matching = all.len() as u64;
    let first = match &query.at {
        Place::Index { index } => *index,
        Place::Around { id, before, index, .. } => {
            let found = all.iter().position(|n| entry(view.id, *n).id == *id).map(|at| at as u64);
            found.unwrap_or(*index).saturating_sub(*before)
        }
        Place::End => matching.saturating_sub(query.limit as u64),
    };
    let first = first.min(matching);
    let rows = all.iter().skip(first as usize).take(query.limit).map(|n| entry(view.id, *n)).collect();
    RecordWindow {
        columns: vec![
            column("state", false, (8, 14)),
            column("number", false, (8, 14)),
            column("total", true, (8, 14)),
            column("status", false, (6, 14)),
            column("customer", false, (10, 34)),
            column("created", false, (6, 12)),
            column("invoice", false, (13, 26)),
            column("listed", false, (6, 12)),
        ],
        rows,
        first,
        matching,
        total,
        loading: None,
        version: 1,
    }
}

fn runs() -> Vec<JobView> {
    let mut out = vec![
        canned::job(JobKind::Sync, JobState::Completed),
        canned::job(JobKind::Discover, JobState::Completed),
        canned::job(JobKind::Discover, JobState::Cancelled),
        canned::job(JobKind::Discover, JobState::Failed),
    ];
    let outcomes = [JobOutcome::Partly, JobOutcome::Done, JobOutcome::Stopped, JobOutcome::Failed];
    for (index, (run, outcome)) in out.iter_mut().zip(outcomes).enumerate() {
        run.id = JobId(20 - index as u64);
        run.outcome = Some(outcome);
        run.started_at -= index as i64 * 40_000;
        run.finished_at = run.finished_at.map(|at| at - index as i64 * 40_000);
    }
    out[0].errors = 9;
    out[0].warnings = vec!["disputes: not allowed for this key (rak_dispute_read)".into(); 2];
    out[3].error = Some("Stripe answered 500 three times at page 310 (req_8sKq1)".into());
    out
}
