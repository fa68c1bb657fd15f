//! `tillwatch replay`: send stored events again, to a target or any URL.
//!
//! It must never send LIVE events where nobody agreed to.

use clap::Args;

use super::context::Context;
use super::deliveries::delivery;
use super::forward::{Agree, failed, find};
use super::out::{DONE, FAILED, Fail, Outcome, PARTLY};
use crate::clock::Zone;
use crate::engine::Engine;
use crate::engine::api::{Answer, IntegrationId, ReplayTo, Request};
use crate::forward::target::parse_url;
use crate::integration::Integration;
use crate::store::Store;
use crate::text::{clean, clean_max};

/// Send stored events again.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Ids of events
    #[arg(required = true, value_name = "EVENT")]
    events: Vec<String>,
    /// The target's number, or 3000, localhost:3000/path, or a whole http or https URL
    #[arg(long, value_name = "URL|ID")]
    to: String,
    /// Number, name or account; may be left out
    #[arg(short, long, value_name = "NAME")]
    integration: Option<String>,
    #[command(flatten)]
    agree: Agree,
}

/// Runs it.
pub async fn run(context: &Context, args: &ReplayArgs) -> Outcome {
    if !args.to.trim().chars().all(|c| c.is_ascii_digit()) {
        parse_url(&args.to).map_err(Fail::usage)?;
    }
    let store = context.open_existing()?;
    let among = match &args.integration {
        Some(word) => vec![Context::integration(&store, Some(word))?],
        None => Integration::all(&store)?,
    };
    let url = match find(&store, &args.to)? {
        Some(target) => target.url,
        None => parse_url(&args.to).map_err(Fail::usage)?.to_string(),
    };
    let reader: Store = (*store).clone();
    let engine = context.engine(store, false).await?;
    let result = all(context, &engine, &reader, &among, args, &url).await;
    engine.shutdown().await;
    result
}

async fn all(
    context: &Context,
    engine: &Engine,
    store: &Store,
    among: &[Integration],
    args: &ReplayArgs,
    url: &str,
) -> Outcome {
    let mut confirmed: Option<(IntegrationId, String)> = None;
    let (mut good, mut bad) = (0, 0);
    for event in &args.events {
        let mut owner = None;
        for one in among {
            if store.has_event(one.id, event)? {
                owner = Some(one);
                break;
            }
        }
        let Some(owner) = owner else {
            context.out.warn(format!(
                "{} is not stored here; `tillwatch events` lists what is",
                clean_max(event, 80)
            ));
            bad += 1;
            continue;
        };
        let ask = |confirmed: Option<String>| Request::Replay {
            integration: owner.id,
            event: event.clone(),
            to: ReplayTo::Url { url: url.to_owned(), confirmed },
        };
        let known = confirmed.as_ref().filter(|(id, _)| *id == owner.id).map(|(_, said)| said.clone());
        let answer = match engine.request(ask(known)).await {
            Answer::NeedsYes { question, name } => {
                let said = args.agree.to(&context.out, &question, name.as_deref())?;
                confirmed = Some((owner.id, said.clone()));
                engine.request(ask(Some(said))).await
            }
            other => other,
        };
        match answer {
            Answer::Attempt(detail) => {
                if detail.row.outcome.is_delivered() {
                    good += 1;
                } else {
                    bad += 1;
                }
                if context.out.json {
                    context.out.json(&detail.row);
                } else {
                    context.out.line(clean(&delivery(&detail.row, &Zone::named(&owner.timezone))));
                }
            }
            other => return Err(failed(other)),
        }
    }
    Ok(match (good, bad) {
        (_, 0) => DONE,
        (0, _) => FAILED,
        _ => PARTLY,
    })
}
