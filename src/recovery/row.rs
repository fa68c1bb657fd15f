//! A case as a front-end sees it: its class, what comes next, how it stands now.
//!
//! It must never show a text from outside that has not been cleaned.

use super::declines::Declines;
use super::fold::{Case, State};
use crate::engine::api::{CaseRow, CaseState, Decline, DeclineClass, IntegrationId, Next};
use crate::text;

/// After so long without a try, and with none planned, an open case counts as lost, in seconds: as long as the
/// longest of the usual retry windows but one (reference: recovery.md §4.2).
pub const GIVEN_UP_AFTER: i64 = 30 * 86_400;
/// Totals look at cases that were opened in this many seconds.
pub const TOTALS_OVER: i64 = 90 * 86_400;
/// Of a text in a row.
const MOST_TEXT: usize = 120;

/// How a case stands at `now`.
pub fn state(case: &Case, now: i64) -> CaseState {
    let given_up = case.failed_at.saturating_add(GIVEN_UP_AFTER);
    match case.state {
        State::Recovered(at) => CaseState::Recovered { at },
        State::Lost(at, why) => CaseState::Lost { at, why: why.to_owned() },
        State::Active if case.next_attempt.is_none() && given_up < now => {
            CaseState::Lost { at: given_up, why: "no_more_tries".to_owned() }
        }
        State::Active => CaseState::Active,
    }
}

/// What comes next. Stripe goes on announcing tries that it does not make before there is another payment method
/// (`attempt_count` in its reference): those are no tries to wait for.
pub fn next(case: &Case, decline: &Decline, state: &CaseState) -> Next {
    if *state != CaseState::Active {
        return Next::Over;
    }
    match (decline.class, case.next_attempt) {
        (DeclineClass::Auth, _) => Next::WaitsForCustomer,
        _ if decline.needs_new_method => Next::WaitsForCard,
        (DeclineClass::Fix, _) => Next::WaitsForCustomer,
        (_, Some(at)) => Next::At { at },
        (_, None) => Next::Nothing,
    }
}

/// Whether nothing happens to a case before somebody does something.
pub fn is_stuck(next: &Next) -> bool {
    matches!(next, Next::WaitsForCard | Next::WaitsForCustomer)
}

/// The row. `who`: whom the stored customer is known as, for payments, which name it by id only.
pub fn row(integration: IntegrationId, case: &Case, who: &str, table: &Declines, now: i64) -> CaseRow {
    let decline = table.tell(&case.codes);
    let state = state(case, now);
    let next = next(case, &decline, &state);
    let clean = |text: &str| text::clean_max(text, MOST_TEXT);
    let who = [case.name.as_str(), case.email.as_str(), who].into_iter().find(|text| !text.is_empty());
    CaseRow {
        integration,
        id: clean(&case.id),
        number: clean(&case.number),
        customer: clean(&case.customer),
        who: clean(who.unwrap_or_default()),
        amount: (case.amount, clean(&case.currency)),
        opened_at: case.opened_at,
        failed_at: case.failed_at,
        tries: case.tries,
        decline,
        pay_url: case
            .pay_url
            .as_deref()
            .filter(|_| state == CaseState::Active)
            .map(|url| text::clean_max(url, 2000)),
        next,
        state,
    }
}
