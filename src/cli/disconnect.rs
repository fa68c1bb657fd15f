//! `tillwatch disconnect`: the key goes, the records stay unless `--purge`.

use clap::Args;
use serde_json::json;

use super::context::{Context, title};
use super::out::{DONE, Fail, Outcome};
use crate::engine::api::{Answer, Request};
use crate::integration::Integration;
use crate::integration::connect::{disconnect, revoke_link};
use crate::store::{OpenOptions, rewrite};
use crate::stripe::kind::Kind;

/// Disconnect an account.
#[derive(Debug, Args)]
pub struct DisconnectArgs {
    /// Number, name or account
    integration: String,
    /// Remove its records and events from this machine too
    #[arg(long)]
    purge: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Runs it.
pub async fn run(context: &Context, args: DisconnectArgs) -> Outcome {
    let store = context.open_existing()?;
    let before = Context::integration(&store, Some(&args.integration))?;
    if before.off_since.is_some() && before.key.is_none() && !args.purge {
        return Err(Fail::usage(format!(
            "{} is disconnected already; --purge removes its records too",
            before.name
        )));
    }
    let counters = store.counters(before.id);
    let records: u64 = Kind::all().map(|kind| counters.count(kind)).sum();
    if args.purge && !args.yes {
        let question = format!(
            "Remove {} with {} records and {} events from this machine? They can be synced again, events older than 30 days cannot.",
            title(&before),
            crate::text::count(records),
            crate::text::count(counters.events)
        );
        match context.out.confirm(&question) {
            Some(true) => {}
            Some(false) => return Err(Fail::new(super::out::FAILED, "nothing was changed")),
            None => {
                return Err(Fail::usage(
                    "--purge removes records for good: give --yes when there is no terminal to ask on",
                ));
            }
        }
    }
    let mut removed = 0;
    let after = if let Some(engine) = &context.within {
        let request = Request::Disconnect { integration: before.id, purge: args.purge };
        if let Answer::Refused { reason } = engine.request(request).await {
            return Err(Fail::new(super::out::FAILED, reason));
        }
        store.meta(&Integration::document(before.id))?.unwrap_or(before)
    } else {
        let vault = context.vault()?;
        let after = disconnect(&store, &vault, &before, &context.now).await?;
        let dir = store.close();
        if args.purge {
            removed = rewrite::without(&dir, &OpenOptions::default(), rewrite::belongs_to(after.id))?;
        }
        after
    };
    let out = &context.out;
    let link = revoke_link(after.livemode);
    if out.json {
        out.json(&json!({
            "id": after.id.0, "name": after.name, "account": after.account, "livemode": after.livemode,
            "key_wiped": true, "purged": args.purge, "keys_removed": removed,
            "records_kept": if args.purge { 0 } else { records }, "revoke_link": link,
        }));
    } else {
        out.line(format!("{} {} is disconnected.", out.mark('✓'), title(&after)));
        out.line("Its key is wiped from this machine, its jobs are stopped, and nothing polls it any more.");
        if args.purge {
            out.line("Its records and events are removed, and the store is rewritten without them.");
        } else {
            out.line(format!(
                "Its {} records and {} events stay; --purge removes them.",
                crate::text::count(records),
                crate::text::count(counters.events)
            ));
        }
        out.line(format!("Nothing was left at Stripe but the key itself; revoke it there: {link}"));
    }
    Ok(DONE)
}
