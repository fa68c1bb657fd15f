//! `tillwatch events`: the stored event log, newest first, as a table or as the events that Stripe sent.
//!
//! It must never read at Stripe: what is listed is what is stored.

use clap::Args;

use super::context::{Context, title};
use super::filtering::{check, filter, told};
use super::jobs::announce;
use super::out::{DONE, Fail, Outcome};
use crate::clock::{Zone, format_time};
use crate::engine::api::{EventRow, IntegrationId};
use crate::filter::{EventFields, Filter, Subject};
use crate::integration::Integration;
use crate::store::{Store, StoreError};
use crate::stripe::money;
use crate::sync::lines::minify;
use crate::text::{clean, fit, width};

/// Rows of a table when no limit is given.
const SHOWN: usize = 50;

/// List stored events.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Number, name or account; may be left out when there is one
    #[arg(short, long, value_name = "NAME")]
    integration: Option<String>,
    /// Every account, in one list
    #[arg(long, conflicts_with = "integration")]
    all: bool,
    /// Only events that pass: 'type:*failed amount>50 currency:eur created:last7d' (docs/filters.md)
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    filter: Option<String>,
    /// Go on: print events as they come, in the order of their coming, until it is interrupted
    #[arg(long, short, conflicts_with = "limit")]
    follow: bool,
    /// At most so many (a table shows 50 if not given, JSON all)
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// An account with the filter as it reads in its time zone.
pub(super) struct Account {
    pub(super) integration: Integration,
    zone: Zone,
    filter: Filter,
}

/// Runs it.
pub async fn run(context: &Context, args: &EventsArgs) -> Outcome {
    check(context, args.filter.as_deref(), Subject::Events)?;
    let store = context.open_existing()?;
    let picked = if args.all {
        Integration::all(&store)?
    } else {
        vec![Context::integration(&store, args.integration.as_deref())?]
    };
    let accounts = accounts(context, picked, args.filter.as_deref())?;
    if args.follow {
        return super::listen::follow(context, store, &accounts, args.all, None, None).await;
    }
    let out = &context.out;
    let limit = args.limit.unwrap_or(if out.json { usize::MAX } else { SHOWN });
    let mut shown = 0;
    let mut more = false;
    each(&store, &accounts, |account, row| {
        if shown == limit {
            more = true;
            return Ok(false);
        }
        if !out.json && shown == 0 {
            out.line(heading(args.all));
        }
        print(context, &store, account, row, args.all)?;
        shown += 1;
        Ok(true)
    })?;
    if more && !out.json {
        out.say(format!("the newest {shown}; --limit shows more"));
    } else if shown == 0 && limit > 0 {
        let stored: u64 = accounts.iter().map(|one| store.counters(one.integration.id).events).sum();
        out.say(match stored {
            0 => "no events are stored: the dashboard, `discover` and `sync` bring them".to_owned(),
            _ => "no stored event passes the filter".to_owned(),
        });
    }
    store.close();
    Ok(DONE)
}

/// Accounts with the filter as it reads in the time zone of each.
pub(super) fn accounts(
    context: &Context,
    picked: Vec<Integration>,
    text: Option<&str>,
) -> Result<Vec<Account>, Fail> {
    let mut accounts = Vec::with_capacity(picked.len());
    for integration in picked {
        let zone = Zone::named(&integration.timezone);
        let filter = filter(context, text, Subject::Events, &zone)?;
        if filter.needs_stars() {
            return Err(Fail::usage(
                "nothing is starred yet in this version: leave `starred` out of the filter",
            ));
        }
        announce(context, &integration, &told("events", &filter, &integration.timezone));
        accounts.push(Account { integration, zone, filter });
    }
    Ok(accounts)
}

/// Whether an event passes an account's filter.
pub(super) fn passes(store: &Store, account: &Account, row: &EventRow) -> Result<bool, StoreError> {
    let mut failed = None;
    let fields = EventFields {
        row,
        account: &account.integration.name,
        account_id: &account.integration.account,
        starred: false,
    };
    let passes = account.filter.test(&fields, || {
        store.event_json(row.integration, &row.id).unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    failed.map_or(Ok(passes), Err)
}

/// Prints one event: as received on one line, or as a row of the table.
pub(super) fn print(
    context: &Context,
    store: &Store,
    account: &Account,
    row: &EventRow,
    all: bool,
) -> Result<(), StoreError> {
    if !context.out.json {
        context.out.line(line(account, row, all));
    } else if let Some(json) = store.event_json(row.integration, &row.id)? {
        // The event as received; its text is on one line then.
        context.out.line(minify(&String::from_utf8_lossy(&json)));
    }
    Ok(())
}

/// Walks the events that pass, newest first; `visit` returns false to stop.
fn each(
    store: &Store,
    accounts: &[Account],
    mut visit: impl FnMut(&Account, &EventRow) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let bounds: Vec<_> = accounts.iter().map(|one| one.filter.bounds()).collect();
    let open: Vec<IntegrationId> = accounts
        .iter()
        .zip(&bounds)
        .filter(|(_, bounds)| !bounds.is_empty())
        .map(|(one, _)| one.integration.id)
        .collect();
    // Days of accounts in different zones begin at different moments: the widest window holds all.
    let below = bounds.iter().map(|one| one.lt.unwrap_or(i64::MAX)).max().filter(|edge| *edge != i64::MAX);
    let oldest = bounds.iter().map(|one| one.gte.unwrap_or(i64::MIN)).min().unwrap_or(i64::MIN);
    let mut failed = None;
    store.each_event(&open, below, |row| {
        if row.created < oldest {
            return false;
        }
        let Some(account) = accounts.iter().find(|one| one.integration.id == row.integration) else {
            return true;
        };
        match passes(store, account, &row) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(error) => {
                failed = Some(error);
                return false;
            }
        }
        visit(account, &row).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    })?;
    failed.map_or(Ok(()), Err)
}

fn heading(all: bool) -> String {
    let account = if all { format!("{}  ", fit("account", 20)) } else { String::new() };
    format!(
        "{}  {account}{}  {:>16}  {}  id",
        fit("created", 19),
        fit("type", 34),
        "amount",
        fit("who or why", 24)
    )
}

fn line(account: &Account, row: &EventRow, all: bool) -> String {
    let amount =
        row.amount.as_ref().map(|(amount, currency)| money::format(*amount, currency)).unwrap_or_default();
    let name = if all { format!("{}  ", fit(&title(&account.integration), 20)) } else { String::new() };
    format!(
        "{}  {name}{}  {}{amount}  {}  {}",
        fit(&format_time(row.created, &account.zone), 19),
        fit(&row.event_type, 34),
        " ".repeat(16_usize.saturating_sub(width(&amount))),
        fit(&row.who, 24),
        clean(&row.id)
    )
}
