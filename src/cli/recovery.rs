//! `tillwatch recovery`: failed payments as cases, and what they come to, per currency.
//!
//! It must never read at Stripe: what is told is what is stored. It never adds up over currencies.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::context::{Context, title};
use super::jobs::announce;
use super::out::{DONE, FAILED, Fail, Outcome};
use crate::clock::{Zone, format_time};
use crate::engine::Engine;
use crate::engine::api::{
    Answer, CaseOrder, CaseQuery, CaseRow, CaseState, CaseTotals, CaseWindow, DeclineClass, Money, Next,
    Request,
};
use crate::integration::Integration;
use crate::stripe::money;
use crate::text::{clean, count, fit, width};

/// Rows of a table when no limit is given.
const SHOWN: usize = 50;
/// Rows asked for at once.
const AT_ONCE: usize = 500;
/// Between two looks while the log is still being read.
const PAUSE: Duration = Duration::from_millis(50);

/// The order of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    /// The newest failure first
    Newest,
    /// By currency, most money first
    Amount,
    /// The longest open first
    Oldest,
    /// The next try first
    Next,
}

/// Failed payments: what is open, what came back.
#[derive(Debug, Args)]
pub struct RecoveryArgs {
    /// Number, name or account; every account if not given
    #[arg(short, long, value_name = "NAME")]
    integration: Option<String>,
    /// Recovered and lost ones, too
    #[arg(long)]
    all: bool,
    /// Only those whose number, name, e-mail, customer, id or decline code contains this
    #[arg(long, value_name = "TEXT")]
    find: Option<String>,
    /// Order: newest, amount, oldest, next
    #[arg(long, value_name = "ORDER", default_value = "newest", hide_possible_values = true)]
    order: Order,
    /// At most so many (a table shows 50 if not given, JSON all)
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    totals: &'a [CaseTotals],
    matching: usize,
    cases: &'a [CaseRow],
}

/// Runs it.
pub async fn run(context: &Context, args: &RecoveryArgs) -> Outcome {
    for mistake in &context.config.mistakes {
        context.out.warn(clean(mistake));
    }
    let store = context.open_existing()?;
    let all = Integration::all(&store)?;
    let picked = match &args.integration {
        Some(word) => vec![Context::integration(&store, Some(word))?],
        None => all,
    };
    if picked.is_empty() {
        // Says what to do.
        Context::integration(&store, None)?;
    }
    let what = if args.all { "failed payments" } else { "open failed payments" };
    for one in &picked {
        announce(context, one, &format!("{what}, from the stored events; times in {}", one.timezone));
    }
    let known: u64 = picked.iter().map(|one| store.counters(one.id).events).sum();
    let engine = context.engine(store, false).await?;
    let one = args.integration.is_some().then(|| picked[0].id);
    let limit = args.limit.unwrap_or(if context.out.json { usize::MAX } else { SHOWN });
    let read = read(&engine, args, one, limit).await;
    engine.shutdown().await;
    let (window, rows) = read?;
    if context.out.json {
        context.out.json(&Told { totals: &window.totals, matching: window.matching, cases: &rows });
        return Ok(DONE);
    }
    show(context, &picked, &window, &rows, known);
    Ok(DONE)
}

async fn read(
    engine: &Engine,
    args: &RecoveryArgs,
    integration: Option<crate::engine::api::IntegrationId>,
    limit: usize,
) -> Result<(CaseWindow, Vec<CaseRow>), Fail> {
    let mut rows: Vec<CaseRow> = Vec::new();
    loop {
        let query = CaseQuery {
            integration,
            all: args.all,
            find: args.find.clone().unwrap_or_default(),
            order: match args.order {
                Order::Newest => CaseOrder::Newest,
                Order::Amount => CaseOrder::Amount,
                Order::Oldest => CaseOrder::Oldest,
                Order::Next => CaseOrder::Next,
            },
            skip: rows.len(),
            around: None,
            limit: (limit - rows.len()).min(AT_ONCE),
        };
        let window = match engine.request(Request::Cases(query)).await {
            Answer::Cases(window) => window,
            Answer::Refused { reason } => return Err(Fail::new(FAILED, reason)),
            other => return Err(Fail::new(FAILED, format!("an unexpected answer: {other:?}"))),
        };
        if window.building {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let new = window.rows.len();
        rows.extend(window.rows.iter().cloned());
        if new == 0 || rows.len() >= limit || rows.len() >= window.matching {
            return Ok((window, rows));
        }
    }
}

fn show(context: &Context, picked: &[Integration], window: &CaseWindow, rows: &[CaseRow], known: u64) {
    let out = &context.out;
    let several = picked.len() > 1;
    if !rows.is_empty() {
        let account = if several { format!("{}  ", fit("account", 20)) } else { String::new() };
        out.line(format!(
            "{}  {account}{}  {:>16}  {:>5}  {}  {}  id",
            fit("failed", 19),
            fit("who", 24),
            "amount",
            "tries",
            fit("why", 30),
            fit("next", 24)
        ));
    }
    for row in rows {
        let Some(integration) = picked.iter().find(|one| one.id == row.integration) else { continue };
        let zone = Zone::named(&integration.timezone);
        let account = if several { format!("{}  ", fit(&title(integration), 20)) } else { String::new() };
        let amount = money::format(row.amount.0, &row.amount.1);
        let who = [&row.who, &row.number, &row.customer].into_iter().find(|text| !text.is_empty());
        let why = format!("{} ({})", row.decline.code, class(row.decline.class));
        out.line(format!(
            "{}  {account}{}  {}{amount}  {:>5}  {}  {}  {}",
            fit(&format_time(row.failed_at, &zone), 19),
            fit(who.map_or("", String::as_str), 24),
            " ".repeat(16_usize.saturating_sub(width(&amount))),
            row.tries,
            fit(&why, 30),
            fit(&next(row, &zone), 24),
            clean(&row.id)
        ));
    }
    if rows.is_empty() {
        out.say(match known {
            0 => "no events are stored: the dashboard, `listen` and `sync` bring them".to_owned(),
            _ if window.totals.is_empty() => "no failed payment is in the stored events".to_owned(),
            _ => "none is open or matches; --all shows recovered and lost ones, too".to_owned(),
        });
    } else if rows.len() < window.matching {
        let all = count(window.matching as u64);
        out.say(format!("{} of {all}; --limit shows more", count(rows.len() as u64)));
    }
    for sums in &window.totals {
        out.line(total(sums));
    }
}

/// One currency's line: `EUR, opened in the last 90 days: 12 open €1,234.00 …`.
fn total(sums: &CaseTotals) -> String {
    let part = |sum: &Money| format!("{} {}", count(sum.cases), money::format(sum.amount, &sums.currency));
    let mut line = format!(
        "{}, cases of the last 90 days: open {}; recovered {}; lost {}",
        money::code(&sums.currency),
        part(&sums.open),
        part(&sums.recovered),
        part(&sums.lost)
    );
    if sums.stuck.cases > 0 {
        line.push_str("; of the open ones wait for a card or the customer ");
        line.push_str(&part(&sums.stuck));
    }
    line
}

fn class(class: DeclineClass) -> &'static str {
    match class {
        DeclineClass::Soft => "soft",
        DeclineClass::Hard => "hard",
        DeclineClass::Fraud => "fraud",
        DeclineClass::Fix => "fix",
        DeclineClass::Auth => "auth",
        DeclineClass::Config => "config",
        DeclineClass::Unknown => "unknown",
    }
}

fn next(row: &CaseRow, zone: &Zone) -> String {
    match (&row.state, &row.next) {
        (CaseState::Recovered { at }, _) => format!("paid {}", format_time(*at, zone)),
        (CaseState::Lost { why, .. }, _) => format!("lost: {}", clean(&why.replace('_', " "))),
        (_, Next::At { at }) => format_time(*at, zone),
        (_, Next::WaitsForCard) => "waits for a new card".to_owned(),
        (_, Next::WaitsForCustomer) => "waits for the customer".to_owned(),
        (_, Next::Nothing | Next::Over) => "no try planned".to_owned(),
    }
}
