//! `tillwatch status`: what is here, what runs, what is missing, as the fixed JSON document.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::out::{DONE, NOT_CONNECTED, Outcome, PARTLY};
use crate::clock;
use crate::engine::api::{Delivery, Health, IntegrationView, JobState};
use crate::engine::status::body;
use crate::text::{clean, count};

/// What is here, what runs, what is missing.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Number, name or account; may be left out when there is one
    #[arg(short, long, value_name = "NAME")]
    integration: Option<String>,
    /// Every integration, as an array
    #[arg(long)]
    all: bool,
    /// One line; exit 0 when all is well, 3 when not connected or refused, 4 when something is missing
    #[arg(long)]
    check: bool,
}

/// Runs it.
pub async fn run(context: &Context, args: &StatusArgs) -> Outcome {
    let store = context.open_existing()?;
    let picked =
        if args.all { None } else { Some(Context::integration(&store, args.integration.as_deref())?.id) };
    let engine = context.engine(store, false).await?;
    // Whatever changed, the state of this moment is what counts.
    let snapshot = crate::engine::publish::build(&engine);
    engine.shutdown().await;
    let views: Vec<&IntegrationView> =
        snapshot.integrations.iter().filter(|one| picked.is_none_or(|id| one.id == id)).collect();
    if args.check {
        return Ok(check(context, &views));
    }
    match (picked, views.as_slice()) {
        (Some(_), [one]) => print(context, &body(one, &snapshot.events_keep)),
        _ => print(context, &views.iter().map(|one| body(one, &snapshot.events_keep)).collect::<Vec<_>>()),
    }
    Ok(DONE)
}

fn print(context: &Context, value: &impl Serialize) {
    if context.out.json {
        context.out.json(value);
    } else {
        context.out.line(serde_json::to_string_pretty(value).unwrap_or_default());
    }
}

/// One line an integration: what the dashboard prints without a terminal.
pub async fn lines(context: &Context) -> Outcome {
    run(context, &StatusArgs { integration: None, all: true, check: true }).await
}

fn check(context: &Context, views: &[&IntegrationView]) -> u8 {
    let now = (context.now)();
    let mut worst = if views.is_empty() { NOT_CONNECTED } else { DONE };
    let mut words = Vec::new();
    for view in views {
        let (code, word) = verdict(view, now);
        // Not connected outranks partly done.
        if worst != NOT_CONNECTED && code != DONE {
            worst = code;
        }
        words.push(format!("{} {}: {word}", clean(&view.name), if view.livemode { "LIVE" } else { "TEST" }));
    }
    context.out.line(if words.is_empty() {
        "no account is connected".to_owned()
    } else {
        words.join(" · ")
    });
    worst
}

fn verdict(view: &IntegrationView, now: i64) -> (u8, String) {
    match &view.health {
        Health::Off | Health::Disconnecting { .. } => return (NOT_CONNECTED, "disconnected".into()),
        Health::KeyRefused { reason, .. } => return (NOT_CONNECTED, clean(reason).into_owned()),
        Health::Offline { reason, .. } => return (PARTLY, clean(reason).into_owned()),
        Health::Connected | Health::Degraded { .. } => {}
    }
    let catalog = &view.catalog;
    if catalog.error > 0 {
        return (
            PARTLY,
            format!("{} invoices failed: `tillwatch sync --retry-errors`", count(catalog.error)),
        );
    }
    let unfinished = [&view.discover, &view.sync]
        .into_iter()
        .flatten()
        .any(|job| matches!(job.state, JobState::Failed | JobState::Cancelled));
    if unfinished {
        return (PARTLY, "a run did not come to its end: start it again".into());
    }
    if let Some(at) = view.hole_at {
        let text = format!(
            "events were missed {} ago that Stripe lists no more: `tillwatch discover`, then `tillwatch sync`",
            clock::ago(now - at)
        );
        return (PARTLY, text);
    }
    let endpoint = view.endpoint.as_ref().filter(|one| one.is_down());
    if let Some(problem) = endpoint.and_then(|one| one.problem(view.id.0)) {
        return (PARTLY, problem);
    }
    let complete = match view.complete_to {
        Some(at) => format!("complete to {} ago (Stripe's list)", clock::ago(now - at)),
        None => "not compared with Stripe yet".into(),
    };
    let pending = catalog.pending + catalog.stale;
    let to_do = if pending > 0 { format!(", {} to sync", count(pending)) } else { String::new() };
    let relay = match (view.delivery, view.heard_at) {
        (Delivery::Relay, Some(at)) => format!(", relay heard {} ago", clock::ago(now - at)),
        (Delivery::Relay, None) => ", relay not heard yet".to_owned(),
        _ => String::new(),
    };
    (DONE, format!("{} invoices{to_do}, {complete}{relay}", count(catalog.total)))
}
