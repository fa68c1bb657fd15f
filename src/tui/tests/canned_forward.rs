//! Targets, attempts and failed payments made by hand, as the engine would answer them.

use super::canned::NOW;
use crate::engine::api::*;
use crate::stripe::kind::Kind;

/// The targets of the canned snapshots that have any: one of each state.
pub fn targets() -> Vec<TargetView> {
    let target = |id: u32, url: &str, state| TargetView {
        id: TargetId(id),
        url: url.into(),
        loopback: url.contains("localhost"),
        integration: Some(IntegrationId(1)),
        events: vec!["invoice.*".into(), "charge.*".into()],
        timeout_s: 30,
        state,
        waiting: 0,
        delivered: 1204,
        failed: 2,
        parked: 0,
        last: Some((NOW - 3, Outcome::Delivered { status: 200 })),
        not_agreed: Vec::new(),
    };
    vec![
        TargetView {
            integration: None,
            events: Vec::new(),
            ..target(1, "http://localhost:3000/webhooks", TargetState::Ready)
        },
        TargetView {
            waiting: 12,
            parked: 3,
            failed: 41,
            ..target(
                2,
                "https://billing.acme.example/hooks/stripe?with=quite%20a%20long&query=日本語",
                TargetState::Down {
                    since: NOW - 700,
                    next_at: NOW + 42,
                    reason: "connection refused".into(),
                },
            )
        },
        TargetView { waiting: 7, parked: 1, ..target(3, "http://localhost:4242", TargetState::Paused) },
        TargetView {
            not_agreed: vec![IntegrationId(3)],
            integration: None,
            ..target(4, "http://127.0.0.1:8080", TargetState::Ready)
        },
    ]
}

/// So many attempts are kept.
pub const ATTEMPTS: u64 = 700;

fn attempt_row(n: u64) -> AttemptRow {
    let target = 1 + (n % 3) as u32;
    let url = targets().into_iter().find(|one| one.id.0 == target).map(|one| one.url).unwrap();
    let outcome = match n % 7 {
        0 => Outcome::Refused { status: 500 },
        3 => Outcome::Failed { reason: "connection refused\u{1b}[2J".into() },
        5 => Outcome::Expired,
        _ => Outcome::Delivered { status: 200 },
    };
    AttemptRow {
        id: AttemptId(n),
        at: NOW - 3 - (ATTEMPTS - n) as i64 * 60,
        took_ms: (n * 37 % 900) as u32,
        target: (!n.is_multiple_of(11)).then_some(TargetId(target)),
        url,
        integration: IntegrationId(1),
        event: format!("evt_1Qx{:06}", 999_999 - (ATTEMPTS - n) % 30),
        event_type: if n.is_multiple_of(2) { "invoice.paid" } else { "customer.subscription.trial_will_end" }
            .into(),
        object: "in_1QxAbR2eZvKYlo2C7Kp".into(),
        number: 1 + (n % 4) as u32,
        next_at: n.is_multiple_of(7).then_some(NOW + 55),
        replay: n.is_multiple_of(11),
        outcome,
    }
}

fn attempts(query: &AttemptQuery, version: u64) -> Answer {
    let wanted = |row: &AttemptRow| {
        query.integration.is_none_or(|id| id == row.integration)
            && query.target.is_none_or(|id| Some(id) == row.target)
            && query.event.as_ref().is_none_or(|id| *id == row.event)
            && !(query.failed_only && row.outcome.is_delivered())
    };
    let all: Vec<AttemptRow> = (1..=ATTEMPTS).rev().map(attempt_row).filter(wanted).collect();
    let from = query.from.map_or(u64::MAX, |from| from.0);
    let start = all.iter().filter(|row| row.id.0 > from).count();
    let first = start.saturating_sub(query.before);
    Answer::Attempts(AttemptWindow {
        rows: all.into_iter().skip(first).take(start - first + query.limit).collect(),
        newer: first as u64,
        total: ATTEMPTS,
        version,
    })
}

fn attempt(n: u64) -> Answer {
    if !(1..=ATTEMPTS).contains(&n) {
        return Answer::NotHere;
    }
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let row = attempt_row(n);
    let body = match n % 3 {
        0 => format!("<html>\n\n<p>{} no</p>\u{1b}[2J", "日本語 long ".repeat(300)),
        1 => r#"{"received":true,"id":42,"at":1763816531,"list":[1,2,{"a":null}]}"#.to_owned(),
        _ => String::new(),
    };
    let nothing = matches!(row.outcome, Outcome::Failed { .. } | Outcome::Expired);
    Answer::Attempt(Box::new(AttemptDetail {
        request_headers: vec![
            pair("content-type", "application/json; charset=utf-8"),
            pair("stripe-signature", &format!("t=1763816531,v1={}", "0123456789abcdef".repeat(4))),
            pair("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
        ],
        request_bytes: 3204,
        response_headers: if nothing { vec![] } else { vec![pair("content-type", "application/json")] },
        response_body: if nothing { String::new() } else { body },
        response_cut: n.is_multiple_of(6),
        row,
    }))
}

fn decline(n: usize) -> Decline {
    let all = [
        ("insufficient_funds", DeclineClass::Soft, "the card has too little", "Stripe tries again by itself"),
        ("expired_card", DeclineClass::Hard, "the card has expired", "ask the customer for a new card"),
        ("authentication_required", DeclineClass::Auth, "the bank wants 3-D Secure", "send the payment link"),
        (
            "lost_card",
            DeclineClass::Fraud,
            "the card was reported lost",
            "ask for another card; do not say why",
        ),
        ("incorrect_cvc", DeclineClass::Fix, "the CVC is wrong", "ask for the right one"),
        ("testmode_decline", DeclineClass::Config, "a test card in live mode", "nothing, in test mode"),
        ("some_new_code\u{1b}[2J", DeclineClass::Unknown, "", ""),
    ];
    let (code, class, means, todo) = all[n % all.len()];
    Decline {
        code: code.into(),
        advice: n.is_multiple_of(5).then(|| "do_not_try_again".to_owned()),
        class,
        means: means.into(),
        todo: todo.into(),
        needs_new_method: matches!(class, DeclineClass::Hard | DeclineClass::Fraud),
    }
}

/// The case of that number; the states take turns.
pub fn case(n: usize) -> CaseRow {
    let who = ["Northwind Traders", "Pied Piper SA", "ソイレント株式会社 🎉", "", "Initech GmbH\u{1b}[31m"];
    let money = [(240_000, "eur"), (8_900, "usd"), (12_400, "jpy"), (123_456_789_012, "kwd")];
    let (amount, code) = money[n / 5 % money.len()];
    let state = match n % 8 {
        6 => CaseState::Recovered { at: NOW - 3_000 },
        7 => CaseState::Lost { at: NOW - 90_000, why: "uncollectible".into() },
        _ => CaseState::Active,
    };
    let next = match (&state, n % 5) {
        (CaseState::Active, 0) => Next::At { at: NOW + 259_200 },
        (CaseState::Active, 1) => Next::WaitsForCard,
        (CaseState::Active, 2) => Next::WaitsForCustomer,
        (CaseState::Active, 3) => Next::At { at: NOW - 5 },
        (CaseState::Active, _) => Next::Nothing,
        _ => Next::Over,
    };
    CaseRow {
        integration: IntegrationId(1),
        id: format!("in_1Qx{n:09}eZvKYlo2C"),
        number: if n % 9 == 8 { String::new() } else { format!("INV-{}", 2041 + n) },
        customer: if n % 6 == 5 { String::new() } else { "cus_Pq12XyAbCdEf9a".into() },
        who: who[n % who.len()].into(),
        amount: (amount, code.into()),
        opened_at: NOW - 80_000 * (n as i64 % 60 + 1),
        failed_at: NOW - 4_000,
        tries: 1 + (n % 4) as u32,
        decline: decline(n),
        next,
        state,
        pay_url: (n % 3 != 2).then(|| format!("https://invoice.stripe.com/i/{n}")),
    }
}

/// So many cases are there, recovered and lost ones, too.
pub const CASES: usize = 400;

fn totals() -> Vec<CaseTotals> {
    let money = |cases, amount| Money { cases, amount };
    let of = |code: &str, by: i64| CaseTotals {
        currency: code.into(),
        open: money(212, 1_842_000 * by),
        recovered: money(704, 6_190_000 * by),
        lost: money(288, 2_995_000 * by),
        stuck: money(if by > 100 { 0 } else { 31 }, 310_000),
    };
    vec![of("eur", 1), of("usd", 3), of("jpy", 1), of("kwd", 1_000_000)]
}

fn cases(name: &str, query: &CaseQuery, version: u64) -> Answer {
    if name == "demo" {
        return Answer::Cases(CaseWindow { building: true, version, ..CaseWindow::default() });
    }
    let holds = |row: &CaseRow| {
        let find = query.find.to_lowercase();
        [&row.number, &row.who, &row.customer, &row.id, &row.decline.code]
            .iter()
            .any(|text| text.to_lowercase().contains(&find))
    };
    let wanted = |row: &CaseRow| {
        query.integration.is_none_or(|id| id == row.integration)
            && (query.all || row.state == CaseState::Active)
            && holds(row)
    };
    let mut all: Vec<CaseRow> = (0..CASES).map(case).filter(wanted).collect();
    match query.order {
        CaseOrder::Newest => {}
        CaseOrder::Amount => all.sort_by_key(|row| (row.amount.1.clone(), -row.amount.0)),
        CaseOrder::Oldest => all.sort_by_key(|row| row.opened_at),
        CaseOrder::Next => all.reverse(),
    }
    let around = query.around.as_ref().and_then(|(_, id)| all.iter().position(|row| row.id == *id));
    let skipped = around.map_or(query.skip, |at| at.saturating_sub(query.limit / 3)).min(all.len());
    let matching = all.len();
    Answer::Cases(CaseWindow {
        rows: all.into_iter().skip(skipped).take(query.limit).collect(),
        skipped,
        matching,
        totals: if name == "nothing" { Vec::new() } else { totals() },
        building: name == "running",
        version,
    })
}

fn one_case(id: &str) -> Answer {
    let Some(row) = (0..CASES).map(case).find(|row| row.id == id) else { return Answer::NotHere };
    let link = |role: &str, kind, id: &str, title: &str| Link {
        role: role.into(),
        kind,
        id: id.into(),
        title: title.into(),
        stored: true,
    };
    let tries = (0..6_usize)
        .map(|n| CaseTry {
            at: NOW - 4_000 - n as i64 * 86_400,
            amount: row.amount.clone(),
            decline: (n > 0 || !matches!(row.state, CaseState::Recovered { .. })).then(|| decline(n)),
            payment: "pi_3QyCdT2eZvKYlo2C0Lm".into(),
            method: if n == 2 { String::new() } else { "visa •••• 4242".into() },
            event: if n == 5 { String::new() } else { format!("evt_1Qx{:06}", 999_999 - n * 3) },
        })
        .collect();
    Answer::Case(Box::new(CaseDetail {
        tries,
        links: vec![
            link("invoice", Kind::Invoice, &row.id, &row.number),
            link("customer", Kind::Customer, "cus_Pq12XyAbCdEf9a", "Initech GmbH"),
            link("payment", Kind::PaymentIntent, "pi_3QyCdT2eZvKYlo2C0Lm", ""),
        ],
        url: row.number.ends_with('1').then(|| format!("https://dashboard.stripe.com/invoices/{}", row.id)),
        row,
    }))
}

/// Answers what is asked of targets, attempts and cases; `name` is that of the canned snapshot.
pub fn answer(name: &str, snapshot: &Snapshot, request: &Request) -> Option<Answer> {
    let refused = |reason: &str| Answer::Refused { reason: reason.into() };
    let bare = matches!(name, "empty" | "nothing");
    Some(match request {
        Request::Attempts(_) if bare => Answer::Attempts(AttemptWindow::default()),
        Request::Cases(_) if name == "empty" => Answer::Cases(CaseWindow::default()),
        Request::Cases(query) if name == "nothing" => {
            let query = CaseQuery { find: "no such".into(), ..query.clone() };
            cases(name, &query, snapshot.cases_version)
        }
        Request::Attempts(_) | Request::Cases(_) if name == "refused" => refused("the disk is gone"),
        Request::Attempts(query) => attempts(query, snapshot.deliveries_version),
        Request::Attempt { id } => attempt(id.0),
        Request::Cases(query) => cases(name, query, snapshot.cases_version),
        Request::Case { id, .. } => one_case(id),
        Request::AddTarget(spec) => added(spec),
        Request::Replay { to: ReplayTo::Target { .. }, .. } => Answer::Done,
        Request::Replay { to: ReplayTo::Url { url, confirmed }, .. } => {
            guarded(url, confirmed.as_deref(), Answer::Done)
        }
        Request::RemoveTarget { .. } | Request::PauseTarget { .. } | Request::TryTarget { .. } => {
            Answer::Done
        }
        Request::ReplayParked { .. } => refused("the target is paused: let it go on first"),
        _ => return None,
    })
}

fn added(spec: &TargetSpec) -> Answer {
    guarded(&spec.url, spec.confirmed.as_deref(), Answer::Target { id: TargetId(2) })
}

/// LIVE events are asked about: a yes for this machine, the account's name for any other.
fn guarded(url: &str, confirmed: Option<&str>, done: Answer) -> Answer {
    if url.contains("nonsense") {
        return Answer::Refused {
            reason: "`nonsense` is no address: 3000, localhost:3000/hook or https://…".into(),
        };
    }
    let away = url.contains("example");
    match confirmed {
        Some("Acme Inc") => done,
        Some(_) if !away => done,
        _ => Answer::NeedsYes {
            question: format!("Send LIVE events of Acme Inc to {url}?"),
            name: away.then(|| "Acme Inc".to_owned()),
        },
    }
}
