//! `tillwatch disconnect`: the key goes, the records stay unless `--purge`.

use clap::Args;
use serde_json::json;

use super::context::{Context, title};
use super::endpoint;
use super::out::{DONE, FAILED, Fail, Outcome, PARTLY};
use crate::engine::api::{Answer, Delivery, Request};
use crate::integration::Integration;
use crate::integration::connect::{disconnect, revoke_link};
use crate::integration::endpoint::dashboard_link;
use crate::integration::endpoint::steps::{Ask, Left, leave, writes};
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
    if context.read_only && writes(&before, store.install_id(), Delivery::Poll, &Ask::default()) {
        return Err(Fail::usage(
            "--read-only: the webhook endpoint would have to be removed at Stripe; nothing was done",
        ));
    }
    let by_hand = before.endpoint.as_ref().is_some_and(|note| note.by_hand);
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
            Some(false) => return Err(Fail::new(FAILED, "nothing was changed")),
            None => {
                return Err(Fail::usage(
                    "--purge removes records for good: give --yes when there is no terminal to ask on",
                ));
            }
        }
    }
    let mut removed = None;
    let mut left = Left::Nothing;
    let after = if let Some(engine) = &context.within {
        let request = Request::Disconnect { integration: before.id, purge: args.purge };
        left = match engine.request(request).await {
            Answer::Disconnected { left } => left,
            Answer::Refused { reason } => return Err(Fail::new(FAILED, reason)),
            _ => return Err(Fail::new(FAILED, "the holder's answer was not understood")),
        };
        match &left {
            Left::Later(_) => store.meta(&Integration::document(before.id))?.unwrap_or(before),
            _ => Integration { endpoint: None, key: None, ..before },
        }
    } else {
        let vault = context.vault()?;
        let mut after = disconnect(&store, &vault, &before, &context.now).await?;
        if after.endpoint.is_some() {
            let client = endpoint::client_to_leave(context, &vault, &after);
            let client = client.as_ref().map_err(Clone::clone);
            (after, left) = leave(&store, &vault, client, &after, &context.now).await?;
        }
        let dir = store.close();
        if args.purge && after.endpoint.is_none() {
            let of = rewrite::belongs_to(after.id);
            removed = Some(rewrite::without(&dir, &OpenOptions::default(), of)?);
        }
        after
    };
    let out = &context.out;
    if after.endpoint.is_some() {
        if out.json {
            out.json(&json!({
                "id": after.id.0, "name": after.name, "account": after.account, "livemode": after.livemode,
                "state": after.health(), "key_wiped": false, "purged": false, "records_kept": records,
            }));
        } else {
            out.line(format!("{} is being disconnected: nothing polls it any more.", title(&after)));
        }
        endpoint::left(out, after.id, &left, after.livemode);
        return Ok(PARTLY);
    }
    let link = revoke_link(after.livemode);
    let by_person = matches!(left, Left::ByPerson(_));
    if out.json {
        out.json(&json!({
            "id": after.id.0, "name": after.name, "account": after.account, "livemode": after.livemode,
            "key_wiped": true, "purged": args.purge, "keys_removed": removed,
            "records_kept": if args.purge { 0 } else { records }, "revoke_link": link,
        }));
    } else {
        out.line(format!("{} {} is disconnected.", out.mark('✓'), title(&after)));
        out.line("Its key is wiped from this machine, its jobs are stopped, and nothing polls it any more.");
        if args.purge && removed.is_none() {
            out.line("Its records and events are removed; their last bytes go when tillwatch next starts.");
        } else if args.purge {
            out.line("Its records and events are removed, and the store is rewritten without them.");
        } else {
            out.line(format!(
                "Its {} records and {} events stay; --purge removes them.",
                crate::text::count(records),
                crate::text::count(counters.events)
            ));
        }
        match &left {
            Left::ByPerson(_) => out.line(format!("Revoke its key at Stripe, too: {link}")),
            _ if by_hand => out.line(format!(
                "The webhook endpoint that was made by hand is still at Stripe, and so is the key; remove and revoke them there: {} {link}",
                dashboard_link(after.livemode)
            )),
            _ => out.line(format!("Nothing was left at Stripe but the key itself; revoke it there: {link}")),
        }
    }
    if by_person {
        endpoint::left(out, after.id, &left, after.livemode);
    }
    Ok(DONE)
}
