//! Answers about failed payments: windows of cases, one case whole, sums of today.
//!
//! It must never add up amounts of two currencies, nor unpack anything for a row.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::filtering::Accounts;
use super::links::Links;
use super::{Query, Shared, object};
use crate::engine::api::{
    Answer, CaseDetail, CaseOrder, CaseQuery, CaseRow, CaseState, CaseTotals, CaseTry, CaseWindow,
    IntegrationId, Money, Next, PaymentsToday,
};
use crate::recovery::row::{self, TOTALS_OVER};
use crate::recovery::{Case, State};
use crate::store::StoreError;
use crate::stripe::kind::Kind;
use crate::text;

/// Rows of a window.
const MOST: usize = 500;
/// Rounds of work before an answer, of some milliseconds each.
const ROUNDS: usize = 8;
/// Payments that a case links to.
const MOST_LINKS: usize = 5;

/// A case with what is worked out of it for an order.
struct Listed<'a> {
    integration: IntegrationId,
    case: &'a Case,
    state: CaseState,
    next_at: Option<i64>,
}

/// Answers `Request::Cases`.
pub fn window(shared: &Shared, query: &CaseQuery, now: i64) -> Result<Answer, StoreError> {
    // Told before looking: whoever sees a newer version asks again.
    let version = shared.cases.version();
    current(shared)?;
    let building = !shared.cases.is_built();
    let index = shared.cases.read();
    let mut totals: BTreeMap<&str, CaseTotals> = BTreeMap::new();
    let mut listed = Vec::new();
    let needle = query.find.trim().to_lowercase();
    for (integration, case) in index.each(query.integration) {
        let state = row::state(case, now);
        let open = state == CaseState::Active;
        let next = open.then(|| row::next(case, &shared.declines.tell(&case.codes), &state));
        if case.opened_at >= now - TOTALS_OVER {
            let sums = totals.entry(&case.currency).or_default();
            let part = match state {
                CaseState::Active => &mut sums.open,
                CaseState::Recovered { .. } => &mut sums.recovered,
                CaseState::Lost { .. } => &mut sums.lost,
            };
            add(part, case.amount);
            if next.as_ref().is_some_and(row::is_stuck) {
                add(&mut sums.stuck, case.amount);
            }
        }
        if (open || query.all) && (needle.is_empty() || found(case, &needle)) {
            let next_at = next.and_then(|next| if let Next::At { at } = next { Some(at) } else { None });
            listed.push(Listed { integration, case, state, next_at });
        }
    }
    sort(&mut listed, query.order);
    let limit = query.limit.min(MOST);
    let mut skip = query.skip.min(listed.len());
    if let Some((integration, id)) = &query.around
        && let Some(at) = listed.iter().position(|one| one.integration == *integration && one.case.id == *id)
        && !(skip..skip + limit).contains(&at)
    {
        skip = at.saturating_sub(limit / 2);
    }
    let shown: Vec<(IntegrationId, Case)> =
        listed.iter().skip(skip).take(limit).map(|one| (one.integration, one.case.clone())).collect();
    let matching = listed.len();
    let totals =
        totals.into_iter().map(|(code, sums)| CaseTotals { currency: text::clean_max(code, 8), ..sums });
    let mut window =
        CaseWindow { skipped: skip, matching, totals: totals.collect(), building, version, rows: Vec::new() };
    drop(listed);
    drop(index);
    for (integration, case) in shown {
        window.rows.push(shown_row(shared, integration, &case, now)?);
    }
    Ok(Answer::Cases(window))
}

/// Takes what was stored lately into the cases, as far as that is done soon; the thread goes on with the rest.
fn current(shared: &Shared) -> Result<(), StoreError> {
    shared.catch_up()?;
    if shared.cases.is_built() {
        for _ in 0..ROUNDS {
            if !shared.cases.work_some(shared)? {
                return Ok(());
            }
        }
    }
    shared.store.changes().ring();
    Ok(())
}

fn add(sum: &mut Money, amount: i64) {
    sum.cases += 1;
    sum.amount = sum.amount.saturating_add(amount);
}

/// Whether a case holds a text, in lower case.
fn found(case: &Case, needle: &str) -> bool {
    let codes = [&case.codes.decline_code, &case.codes.code, &case.codes.reason, &case.codes.advice];
    let texts = [&case.number, &case.name, &case.email, &case.customer, &case.id];
    texts
        .into_iter()
        .chain(&case.payments)
        .chain(codes.into_iter().flatten())
        .any(|text| text.to_lowercase().contains(needle))
}

fn sort(listed: &mut [Listed<'_>], order: CaseOrder) {
    // The same in every order, so that no two cases change places by themselves.
    let id = |one: &Listed<'_>| (one.integration, one.case.id.clone());
    let newest = |one: &Listed<'_>| (Reverse(one.case.failed_at), id(one));
    match order {
        CaseOrder::Newest => listed.sort_by_cached_key(newest),
        CaseOrder::Amount => {
            listed.sort_by_cached_key(|one| (one.case.currency.clone(), Reverse(one.case.amount), id(one)));
        }
        CaseOrder::Oldest => {
            listed.sort_by_cached_key(|one| (one.state != CaseState::Active, one.case.opened_at, id(one)));
        }
        CaseOrder::Next => listed.sort_by_cached_key(|one| (one.next_at.is_none(), one.next_at, newest(one))),
    }
}

/// A row, with the customer's name as it is stored where the case does not know it.
fn shown_row(
    shared: &Shared,
    integration: IntegrationId,
    case: &Case,
    now: i64,
) -> Result<CaseRow, StoreError> {
    let mut who = String::new();
    if case.name.is_empty() && case.email.is_empty() && !case.customer.is_empty() {
        let header = shared.store.header(integration, Kind::Customer, &case.customer)?;
        who = header.map(|header| header.who).unwrap_or_default();
    }
    Ok(row::row(integration, case, &who, &shared.declines, now))
}

/// Answers `Request::Case`.
pub fn detail(
    shared: &Shared,
    integration: IntegrationId,
    id: &str,
    accounts: &Accounts,
    now: i64,
) -> Result<Answer, StoreError> {
    current(shared)?;
    let (case, tries) = {
        let index = shared.cases.read();
        let Some((case, group)) = index.get(integration, id) else { return Ok(Answer::NotHere) };
        (case.clone(), group.tries(case))
    };
    let mut links = Links::new(shared, integration, "");
    if case.of_invoice {
        links.add("invoice", Kind::Invoice, &case.id)?;
    }
    links.add("customer", Kind::Customer, &case.customer)?;
    for payment in case.payments.iter().take(MOST_LINKS) {
        links.add("payment", Kind::PaymentIntent, payment)?;
    }
    links.add("subscription", Kind::Subscription, &case.subscription)?;
    let section = if case.of_invoice { "invoices" } else { "payments" };
    let account = accounts.iter().find(|one| one.id == integration);
    let tries = tries.into_iter().map(|one| CaseTry {
        at: one.at,
        amount: (one.amount, text::clean_max(&one.currency, 8)),
        decline: (!one.paid).then(|| shared.declines.tell(&one.codes)),
        payment: text::clean_max(&one.payment, 255),
        method: one.method.map(|method| shown_method(&method)).unwrap_or_default(),
        event: one.events.into_iter().next().map(|(_, event)| event).unwrap_or_default(),
    });
    Ok(Answer::Case(Box::new(CaseDetail {
        tries: tries.collect(),
        row: shown_row(shared, integration, &case, now)?,
        links: links.finish(),
        url: account.and_then(|one| object::url(one, section, &case.id)),
    })))
}

/// `visa •••• 4242`
fn shown_method(method: &str) -> String {
    let method = text::clean_max(method, 40);
    match method.rsplit_once(' ') {
        Some((brand, last4)) => format!("{brand} •••• {last4}"),
        None => method,
    }
}

/// What the snapshot tells of one integration's failed payments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Today {
    /// Open now.
    pub open: u64,
    /// By currency.
    pub payments: Vec<PaymentsToday>,
}

/// A case that a person may want to be called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When it was first heard of here.
    pub at: i64,
    /// What was asked for, in minor units.
    pub asked: i64,
    /// It stands alone, though it may turn out to be an invoice's.
    pub of_payment: bool,
    /// As it is now.
    pub row: CaseRow,
}

impl Query {
    /// Rises whenever a failed payment changed.
    pub fn cases_version(&self) -> u64 {
        self.shared.cases.version()
    }

    /// Everything that the log tells of failed payments is known.
    pub fn knows_cases(&self) -> bool {
        self.shared.cases.is_built()
    }

    /// What failed and came back since `day`, the first second of the account's day. Reads memory only.
    pub fn today(&self, integration: IntegrationId, day: i64, now: i64) -> Today {
        let index = self.shared.cases.read();
        let mut today = Today::default();
        let mut by: BTreeMap<&str, PaymentsToday> = BTreeMap::new();
        for (_, case) in index.each(Some(integration)) {
            today.open += u64::from(row::state(case, now) == CaseState::Active);
            if case.failed_at >= day {
                add(&mut by.entry(&case.currency).or_default().failed, case.asked);
            }
            if let State::Recovered(at) = case.state
                && at >= day
            {
                add(&mut by.entry(&case.currency).or_default().recovered, case.amount);
            }
        }
        let named = |(code, sums)| PaymentsToday { currency: text::clean_max(code, 8), ..sums };
        today.payments = by.into_iter().map(named).collect();
        today
    }

    /// Cases first heard of at `since` or later whose amount is above the limit of its currency. Reads memory only.
    pub fn heard_since(&self, since: i64, above: &BTreeMap<String, i64>, now: i64) -> Vec<Heard> {
        let index = self.shared.cases.read();
        let loud = |case: &Case| above.get(&case.currency).is_some_and(|limit| case.asked > *limit);
        let heard = index.each(None).filter(|(_, case)| case.heard_at >= since && loud(case));
        heard
            .map(|(integration, case)| Heard {
                at: case.heard_at,
                asked: case.asked,
                of_payment: !case.of_invoice,
                row: row::row(integration, case, "", &self.shared.declines, now),
            })
            .collect()
    }
}
