//! `tillwatch records KIND`: stored records as a table, or as one JSON object a line.

use clap::Args;

use super::context::Context;
use super::get::joined;
use super::out::{DONE, Fail, Outcome};
use crate::clock::{Zone, format_date};
use crate::store::rows::{Column, RowTable};
use crate::stripe::kind::Kind;
use crate::stripe::money;
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
    let store = context.open_existing()?;
    let integration = Context::integration(&store, args.integration.as_deref())?;
    let table = RowTable::build(&store, integration.id, kind)?;
    let mut order = table.order(column);
    order.retain(|row| table.state(*row as usize).is_record());
    if descending {
        order.reverse();
    }
    let out = context.out;
    if out.json {
        for index in order.iter().take(args.limit.unwrap_or(usize::MAX)) {
            let Some(row) = table.row(*index as usize) else { continue };
            if let Some(text) = joined(&store, integration.id, kind, row.id)? {
                out.line(text);
            }
        }
        store.close();
        return Ok(DONE);
    }
    let limit = args.limit.unwrap_or(SHOWN);
    let zone = Zone::named(&integration.timezone);
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
        out.say(format!(
            "{} of {} {kind}; --limit shows more",
            count(limit as u64),
            count(order.len() as u64)
        ));
    } else if order.is_empty() {
        out.say(format!("no {kind} are stored: `tillwatch discover` lists, `tillwatch sync` stores"));
    }
    store.close();
    Ok(DONE)
}
