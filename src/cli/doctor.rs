//! `tillwatch doctor`: where things are, whether they can be used, and what tillwatch may write at Stripe.
//! It sends nothing and changes nothing.

use serde_json::json;

use super::context::{Context, title};
use super::out::{DONE, FAILED, Outcome};
use crate::engine::api::Delivery;
use crate::events::schedule::{self, READ_FLOOR};
use crate::integration::Integration;
use crate::integration::connect::stored_key;
use crate::store::Counters;
use crate::stripe::{API_VERSION, WRITES};
use crate::text::{bytes, clean, count};

/// Runs it.
pub fn run(context: &Context) -> Outcome {
    let out = &context.out;
    let mut problems = Vec::new();
    let (mut accounts, mut logs, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    problems.extend(context.config.mistakes.iter().cloned());
    if context.within.is_some() || context.data_dir.exists() {
        match context.open() {
            Ok(store) => {
                let vault = context.vault()?;
                for one in Integration::all(&store)?.iter().filter(|one| one.off_since.is_none()) {
                    let key = stored_key(&vault, one);
                    if let Err(error) = &key {
                        problems.push(format!("{}: {error}", one.name));
                    }
                    accounts.push(format!(
                        "{}: key {}",
                        title(one),
                        if key.is_ok() { "readable" } else { "not readable" }
                    ));
                    let counters = store.counters(one.id);
                    logs.push(log(context, one, &counters));
                    reads.push(month(context, one, &counters));
                }
                store.close();
            }
            Err(error) if error.code == super::out::OWNED => return Err(error),
            Err(error) => problems.push(error.text),
        }
    }
    let writes: Vec<String> =
        WRITES.iter().map(|write| format!("{} {}: {}", write.method, write.path, write.why)).collect();
    if out.json {
        out.json(&json!({
            "version": env!("CARGO_PKG_VERSION"), "stripe_version": API_VERSION, "data_dir": context.data_dir,
            "key_dir": context.key_dir, "config": context.config.file, "accounts": accounts, "event_logs": logs, "reads": reads, "writes_at_stripe": writes, "problems": problems,
        }));
    } else {
        out.line(format!(
            "tillwatch {} · API version {API_VERSION} · not affiliated with Stripe, Inc.",
            env!("CARGO_PKG_VERSION")
        ));
        out.line(format!(
            "data folder     {}{}",
            context.data_dir.display(),
            if context.data_dir.exists() { "" } else { " (not made yet)" }
        ));
        out.line(format!("vault key       {}", context.key_dir.display()));
        let config = &context.config.file;
        let there = if config.exists() { "" } else { " (not there: defaults)" };
        out.line(format!("config          {}{there}", config.display()));
        for account in &accounts {
            out.line(format!("account         {account}"));
        }
        for log in &logs {
            out.line(format!("event log       {log}"));
        }
        for reads in &reads {
            out.line(format!("reads           {reads}"));
        }
        if writes.is_empty() {
            out.line("writes          nothing: this version only reads at Stripe");
        }
        for write in &writes {
            out.line(format!("writes          {write}"));
        }
        for problem in &problems {
            out.line(format!("{} {problem}", out.mark('✗')));
        }
    }
    Ok(if problems.is_empty() { DONE } else { FAILED })
}

/// `Acme: 12,345 events, 8.1 MB, kept 13 months`
fn log(context: &Context, one: &Integration, counters: &Counters) -> String {
    format!(
        "{}: {} events, {}, kept {}",
        clean(&one.name),
        count(counters.events),
        bytes(counters.event_bytes),
        context.config.upkeep.keep
    )
}

/// What was read in the last 30 days, of that by itself, and what the schedule takes when nothing happens.
fn month(context: &Context, one: &Integration, counters: &Counters) -> String {
    let today = (context.now)() / 86_400;
    let limit = schedule::automatic_limit(context.config.upkeep.automatic_reads, one.is_local());
    let stops = limit
        .map_or_else(|| "no limit on this machine".to_owned(), |limit| format!("stops at {}", count(limit)));
    let every = schedule::effective_s(one.poll_every_s, one.delivery != Delivery::Poll, one.is_local());
    format!(
        "{}: {} in 30 days of the floor of {}; {} of them by itself beyond the schedule ({stops}); the schedule takes {} a month when nothing happens",
        clean(&one.name),
        count(counters.reads_30_days(today)),
        count(READ_FLOOR),
        count(counters.automatic_30_days(today)),
        count(schedule::monthly(every)),
    )
}
