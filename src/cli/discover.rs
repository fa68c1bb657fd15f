//! `tillwatch discover`: Stripe's invoices into the catalog.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::jobs::{JobArgs, announce, check_pace, may_cost, rate, run as run_job};
use super::out::{DONE, Fail, Outcome};
use crate::clock;
use crate::engine::api::{DiscoverSpec, JobKind, Request};
use crate::integration::Integration;
use crate::integration::connect::{count_reads, stored_key, trial};
use crate::integration::stripe_cli;
use crate::store::Store;
use crate::stripe::kind::Kind;
use crate::stripe::{ApiKey, BaseUrl, Error};
use crate::sync::discover::{check_statuses, statuses};
use crate::sync::estimate::{Estimate, estimate};
use crate::sync::job::{JobDoc, What};
use crate::text::count;

/// List Stripe's invoices into the catalog.
#[derive(Debug, Args)]
pub struct DiscoverArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Invoice statuses: draft, open, paid, uncollectible, void (all but draft if not given)
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', num_args = 1..)]
    status: Vec<String>,
    /// First day, YYYY-MM-DD in the account's time zone; the beginning if not given
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Last day, inclusive; today if not given
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Drafts too
    #[arg(long)]
    include_draft: bool,
}

/// Runs it.
pub async fn run(context: &Context, args: DiscoverArgs) -> Outcome {
    check_statuses(&args.status).map_err(Fail::usage)?;
    // Dates are checked before anything is opened; the zone does not matter for that.
    clock::day_range(args.from.as_deref(), args.to.as_deref(), "UTC").map_err(Fail::usage)?;
    let store = context.open_existing()?;
    let integration = Context::integration(&store, args.job.integration.as_deref())?;
    check_pace(context, &integration, args.job.pace)?;
    let now = (context.now)();
    let (gte, lt) = clock::day_range(args.from.as_deref(), args.to.as_deref(), integration.timezone.as_str())
        .map_err(Fail::usage)?;
    let lt = lt.unwrap_or(now + 1);
    if gte.is_some_and(|gte| gte >= lt) {
        return Err(Fail::usage(format!(
            "nothing lies between {} and now: name an earlier --from",
            args.from.as_deref().unwrap_or_default()
        )));
    }
    let spec = DiscoverSpec {
        statuses: args.status,
        from: args.from,
        to: args.to,
        include_draft: args.include_draft,
        resources: args.job.resources.clone(),
        pace: args.job.pace,
        max_reads: args.job.max_reads,
    };
    announce(
        context,
        &integration,
        &format!(
            "discover {} · {} → {} ({})",
            statuses(&spec).join(" "),
            spec.from.as_deref().unwrap_or("the beginning"),
            spec.to.as_deref().unwrap_or("today"),
            integration.timezone
        ),
    );
    if may_estimate(&integration)
        && (args.job.plan || needs_estimate(&args.job, &store, &integration, &spec)?)
    {
        match cost(context, &store, &integration, gte, lt).await? {
            Ok(cost) if args.job.plan => {
                plan(context, &integration, &args.job, &cost);
                store.close();
                return Ok(DONE);
            }
            Ok(cost) => may_cost(&context.out, &args.job, cost.reads, cost.exact)?,
            // A stand-in for Stripe that cannot list by time: nothing there costs anything.
            Err(Error::BadRequest { .. } | Error::Fault { .. })
                if !integration.is_stripe() && !args.job.plan => {}
            Err(error) => return Err(error.into()),
        }
    }
    let engine = context.engine(store, false).await?;
    let request = Request::Discover { integration: integration.id, spec };
    run_job(context, &engine, &integration, JobKind::Discover, request).await
}

/// Without the right or the billing option the engine says so in its own words.
fn may_estimate(integration: &Integration) -> bool {
    integration.billing
        && integration.off_since.is_none()
        && integration.refused.is_none()
        && integration.may(Kind::Invoice.permission())
}

/// A run that was said yes to, or that is small by order, is not looked at first.
fn needs_estimate(
    args: &JobArgs,
    store: &Store,
    integration: &Integration,
    spec: &DiscoverSpec,
) -> Result<bool, Fail> {
    if args.yes || args.max_reads.is_some_and(|most| most <= 1000) {
        return Ok(false);
    }
    let known: Option<JobDoc> = store.meta(&JobDoc::name(integration.id, JobKind::Discover))?;
    // The rest of a run that was agreed to whole is agreed to.
    let agreed = |doc: &JobDoc| {
        doc.is_unfinished()
            && doc.what.same_work(&What::Discover(spec.clone()))
            && matches!(&doc.what, What::Discover(before) if before.max_reads.is_none())
    };
    Ok(!known.as_ref().is_some_and(agreed))
}

async fn cost(
    context: &Context,
    store: &Store,
    integration: &Integration,
    gte: Option<i64>,
    lt: i64,
) -> Result<Result<Estimate, Error>, Fail> {
    let vault = context.vault()?;
    let key = stored_key(&vault, integration)?;
    let base = match &context.api_base {
        Some(base) => base.clone(),
        None => BaseUrl::parse(&integration.base_url).map_err(Fail::usage)?,
    };
    let mut client = trial(&base, &key)?;
    let mut cost = estimate(&client, Kind::Invoice, gte, lt).await;
    // A key of the Stripe CLI that was renewed there: the run itself takes it over.
    let origin = integration.key.as_ref().and_then(|note| note.origin.as_ref());
    if let (Err(error), Some(origin)) = (&cost, origin)
        && error.is_key_refused()
        && let Ok((secret, _)) = stripe_cli::again(origin)
        && let Ok(newer) = ApiKey::parse(secret.expose())
        && newer.fingerprint() != key.fingerprint()
    {
        count_reads(store, integration.id, &client, &context.now).await?;
        client = trial(&base, &newer)?;
        cost = estimate(&client, Kind::Invoice, gte, lt).await;
    }
    count_reads(store, integration.id, &client, &context.now).await?;
    Ok(cost)
}

fn plan(context: &Context, integration: &Integration, args: &JobArgs, cost: &Estimate) {
    let seconds = cost.seconds(rate(integration, args.pace));
    if context.out.json {
        context.out.json(&json!({ "plan": cost, "seconds": seconds }));
        return;
    }
    let about = if cost.exact { "" } else { "about " };
    context.out.line(format!(
        "{about}{} invoices · {about}{} list pages, no single reads · {about}{} · nothing was done ({} reads to look)",
        count(cost.rows),
        count(cost.reads),
        clock::duration_left(seconds),
        cost.looks
    ));
}
