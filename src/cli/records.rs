//! `tillwatch records KIND`: stored records as a table, or as one JSON object a line.
//!
//! It must never read at Stripe, and never unpack an object's JSON for a filter that its row decides.

use clap::Args;

use super::context::Context;
use super::filtering::{check, filter, told};
use super::jobs::announce;
use super::out::{DONE, Fail, Outcome};
use crate::clock::{Zone, format_date};
use crate::filter::{Filter, Subject};
use crate::integration::Integration;
use crate::store::rows::{Column, RowTable};
use crate::store::{Store, StoreError};
use crate::stripe::kind::Kind;
use crate::stripe::money;
use crate::sync::lines::whole;
use crate::text::{clean, count, fit, width};

/// Rows of a table when no limit is given.
const SHOWN: usize = 50;

/// List stored records of a kind.
#[derive(Debug, Args)]
pub struct RecordsArgs {
    /// Stripe's list name: invoices, customers, payment_intents, …
    kind: String,
    /// Number, name or account; may be left out when there is one
    #[arg(short, long, value_name = "NAME")]
    integration: Option<String>,
    /// Only records that pass: 'status:open amount>50 currency:eur created:last30d' (docs/filters.md)
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    filter: Option<String>,
    /// Order by a column; `-` in front turns it round
    #[arg(long, value_name = "COLUMN", default_value = "-created", allow_hyphen_values = true)]
    sort: String,
    /// At most so many (a table shows 50 if not given, JSON all)
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Runs it.
pub fn run(context: &Context, args: &RecordsArgs) -> Outcome {
    let kind = Kind::parse(&args.kind).ok_or_else(|| {
        let names: Vec<&str> = Kind::all().map(Kind::list_name).collect();
        Fail::usage(format!("`{}` is no kind that tillwatch keeps: {}", clean(&args.kind), names.join(", ")))
    })?;
    let (descending, name) = match args.sort.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, args.sort.as_str()),
    };
    let column = Column::parse(name).ok_or_else(|| {
        Fail::usage(format!("`{}` is no column to sort by: {}", clean(name), Column::NAMES))
    })?;
    let subject = Subject::Records(kind);
    check(context, args.filter.as_deref(), subject)?;
    let store = context.open_existing()?;
    let integration = Context::integration(&store, args.integration.as_deref())?;
    let zone = Zone::named(&integration.timezone);
    let filter = filter(context, args.filter.as_deref(), subject, &zone)?;
    announce(context, &integration, &told(kind.list_name(), &filter, &integration.timezone));
    let table = RowTable::build(&store, integration.id, kind)?;
    let mut order = table.order(column);
    order.retain(|row| table.state(*row as usize).is_record());
    if descending {
        order.reverse();
    }
    let stored = order.len();
    let out = &context.out;
    let limit = args.limit.unwrap_or(if out.json { usize::MAX } else { SHOWN });
    // Without JSON to read, counting all that pass costs nothing; else one more than shown is looked for.
    let most = if filter.needs_json() { limit.saturating_add(1) } else { usize::MAX };
    let order = passing(&store, &integration, kind, &table, &filter, order, most)?;
    if out.json {
        for index in order.iter().take(limit) {
            let Some(row) = table.row(*index as usize) else { continue };
            if let Some(text) = whole(&store, integration.id, kind, row.id)? {
                out.line(text);
            }
        }
        store.close();
        return Ok(DONE);
    }
    if !order.is_empty() {
        out.line(format!(
            "{}  {}  {}  {:>16}  {}  {}",
            fit("id", 30),
            fit("created", 11),
            fit("status", 14),
            "amount",
            fit("number or name", 18),
            "who"
        ));
    }
    for index in order.iter().take(limit) {
        let Some(row) = table.row(*index as usize) else { continue };
        let amount = row
            .amount
            .filter(|_| !row.currency.is_empty())
            .map(|amount| money::format(amount, row.currency))
            .unwrap_or_default();
        let created = if row.created > 0 { format_date(row.created, &zone) } else { String::new() };
        let gap = " ".repeat(16_usize.saturating_sub(width(&amount)));
        let line = format!(
            "{}  {}  {}  {gap}{amount}  {}  {}",
            fit(row.id, 30),
            fit(&created, 11),
            fit(row.status, 14),
            fit(row.label, 18),
            clean(row.who)
        );
        out.line(line.trim_end());
    }
    if order.len() > limit {
        let all = if filter.needs_json() { "more".to_owned() } else { count(order.len() as u64) };
        let pass = if filter.is_everything() { "" } else { " that pass" };
        out.say(format!("{} of {all} {kind}{pass}; --limit shows more", count(limit as u64)));
    } else if order.is_empty() && stored > 0 {
        out.say(format!("none of {} {kind} passes the filter", count(stored as u64)));
    } else if stored == 0 {
        out.say(format!("no {kind} are stored: `tillwatch discover` lists, `tillwatch sync` stores"));
    }
    store.close();
    Ok(DONE)
}

/// The rows that pass, in their order; stops at `most`.
fn passing(
    store: &Store,
    integration: &Integration,
    kind: Kind,
    table: &RowTable,
    filter: &Filter,
    order: Vec<u32>,
    most: usize,
) -> Result<Vec<u32>, StoreError> {
    if filter.is_everything() {
        return Ok(order);
    }
    let mut failed = None;
    let passes = |index: &u32| {
        let Some(row) = table.row(*index as usize).filter(|_| failed.is_none()) else { return false };
        filter.test(&row, || match whole(store, integration.id, kind, row.id) {
            Ok(json) => json.map(String::into_bytes),
            Err(error) => {
                failed = Some(error);
                None
            }
        })
    };
    let found = order.into_iter().filter(passes).take(most).collect();
    failed.map_or(Ok(found), Err)
}
