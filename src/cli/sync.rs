//! `tillwatch sync`: what is pending in the catalog becomes records.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::jobs::{JobArgs, announce, check_pace, may_cost, rate, run as run_job};
use super::out::{DONE, Fail, Outcome};
use crate::clock;
use crate::engine::api::{JobKind, Request, SyncSpec};
use crate::sync::plan::plan;
use crate::text::{count, fit};

/// Turn what is pending in the catalog into records.
#[derive(Debug, Args)]
pub struct SyncArgs {
    #[command(flatten)]
    job: JobArgs,
    /// At most so many invoices (with billing off: payments); all that are pending or changed if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    batch_size: Option<u64>,
    /// Seconds to pause after each invoice
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    delay: f64,
    /// Take up invoices that failed before, too
    #[arg(long)]
    retry_errors: bool,
}

/// Runs it.
pub async fn run(context: &Context, args: SyncArgs) -> Outcome {
    if !args.delay.is_finite() || !(0.0..=3600.0).contains(&args.delay) {
        return Err(Fail::usage("--delay takes seconds from 0 to 3600"));
    }
    let store = context.open_existing()?;
    let integration = Context::integration(&store, args.job.integration.as_deref())?;
    check_pace(context, &integration, args.job.pace)?;
    let spec = SyncSpec {
        batch_size: args.batch_size,
        delay_ms: (args.delay * 1000.0).round() as u64,
        retry_errors: args.retry_errors,
        resources: args.job.resources.clone(),
        pace: args.job.pace,
        max_reads: args.job.max_reads,
    };
    let what = if integration.billing { "sync what is pending or changed" } else { "sync payments" };
    announce(context, &integration, what);
    let planned = {
        let (store, integration, spec) = (store.clone(), integration.clone(), spec.clone());
        tokio::task::spawn_blocking(move || plan(&store, &integration, &spec))
            .await
            .map_err(|_| Fail::new(super::out::FAILED, "the plan could not be made"))??
    };
    if args.job.plan {
        let seconds = planned.seconds(rate(&integration, args.job.pace));
        if context.out.json {
            context.out.json(&json!({ "plan": planned, "seconds": seconds }));
        } else {
            context.out.line(format!(
                "{} {:>10} {:>12} {:>14}",
                fit("kind", 18),
                "about",
                "list pages",
                "single reads"
            ));
            for row in &planned.rows {
                context.out.line(format!(
                    "{} {:>10} {:>12} {:>14}{}",
                    fit(row.kind.list_name(), 18),
                    count(row.about),
                    count(row.list_pages),
                    count(row.single_reads),
                    if row.allowed { "" } else { "   not allowed" }
                ));
            }
            context.out.line(format!(
                "about {} reads, {} · nothing was done",
                count(planned.reads),
                clock::duration_left(seconds)
            ));
        }
        store.close();
        return Ok(DONE);
    }
    may_cost(&context.out, &args.job, planned.reads, false)?;
    let engine = context.engine(store, false).await?;
    let request = Request::Sync { integration: integration.id, spec };
    run_job(context, &engine, &integration, JobKind::Sync, request).await
}
