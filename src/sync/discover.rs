//! Discover: Stripe's invoices into the catalog, by the same filters again and again without harm.
//!
//! It lists; it must never make a single read per invoice, and never turn a catalog entry into a record.

use std::collections::HashSet;

use super::job::{Ctx, End, JobDoc, Stop};
use super::reader::{Reading, read};
use crate::engine::api::{DiscoverSpec, PartView};
use crate::stripe::Error;
use crate::stripe::kind::Kind;

/// Every status that Stripe gives an invoice, in its order of life.
pub const STATUSES: [&str; 5] = ["draft", "open", "paid", "uncollectible", "void"];

/// The statuses that a spec asks for, resolved.
pub fn statuses(spec: &DiscoverSpec) -> Vec<String> {
    let mut out: Vec<String> = if spec.statuses.is_empty() {
        STATUSES[1..].iter().map(|status| (*status).to_owned()).collect()
    } else {
        let asked: HashSet<&str> = spec.statuses.iter().map(String::as_str).collect();
        STATUSES.iter().filter(|status| asked.contains(*status)).map(|status| (*status).to_owned()).collect()
    };
    if spec.include_draft && !out.iter().any(|status| status == "draft") {
        out.insert(0, "draft".into());
    }
    out
}

/// Refuses statuses that Stripe does not have.
pub fn check_statuses(words: &[String]) -> Result<(), String> {
    match words.iter().find(|word| !STATUSES.contains(&word.as_str())) {
        Some(word) => {
            Err(format!("`{}` is no invoice status: use {}", crate::text::clean(word), STATUSES.join(", ")))
        }
        None => Ok(()),
    }
}

/// Runs (or goes on with) a discover.
pub async fn run(ctx: &Ctx, doc: &mut JobDoc, spec: &DiscoverSpec) -> Result<End, Stop> {
    if !ctx.integration.billing {
        // Only the further kinds were asked for: without billing there is no catalog.
        return resources(ctx, doc, &spec.resources, spec.max_reads).await;
    }
    let statuses = statuses(spec);
    let mut reading = Reading { leads: true, max_reads: spec.max_reads, ..Reading::whole(Kind::Invoice) };
    match statuses.as_slice() {
        // Stripe's list filters by one status only; more than one is sorted out here, which costs nothing
        // more than the pages that all of them take.
        [one] => reading.params.push(("status", one.clone())),
        several if several.len() < STATUSES.len() => reading.statuses.clone_from(&statuses),
        _ => {}
    }
    read(ctx, doc, reading).await.inspect_err(|stop| {
        if matches!(stop, Stop::Stripe(Error::MissingPermission { .. })) {
            ctx.progress.withdrawn(Kind::Invoice);
        }
    })?;
    resources(ctx, doc, &spec.resources, spec.max_reads).await
}

/// Lists further kinds whole, within the job's range.
pub async fn resources(
    ctx: &Ctx,
    doc: &mut JobDoc,
    kinds: &[Kind],
    max_reads: Option<u64>,
) -> Result<End, Stop> {
    let mut end = End::Done;
    for &kind in kinds {
        let known = !ctx.integration.may(kind.permission());
        let mut part = PartView { finished: true, not_allowed: known, ..PartView::new(kind) };
        if known || !ctx.integration.offered(kind.path()) {
            ctx.progress
                .warn(format!("{kind} were left out: the key may not read them ({})", kind.permission()));
            ctx.progress.part(part);
            continue;
        }
        match read(ctx, doc, Reading { max_reads, ..Reading::whole(kind) }).await {
            Ok(brought) => part.done = brought.stored,
            Err(Stop::Stripe(error @ Error::MissingPermission { .. })) => {
                ctx.progress.warn(error.to_string());
                ctx.progress.withdrawn(kind);
                part.not_allowed = true;
                end = End::Partly;
            }
            Err(stop) => return Err(stop),
        }
        ctx.progress.part(part);
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_resolved_and_drafts_only_on_request() {
        let spec = DiscoverSpec::default();
        assert_eq!(statuses(&spec), ["open", "paid", "uncollectible", "void"]);
        let spec = DiscoverSpec { include_draft: true, ..spec };
        assert_eq!(statuses(&spec).len(), 5);
        let spec = DiscoverSpec { statuses: vec!["paid".into(), "open".into()], include_draft: true, ..spec };
        assert_eq!(statuses(&spec), ["draft", "open", "paid"]);
        assert!(check_statuses(&["paid".into(), "lost".into()]).unwrap_err().contains("`lost`"));
    }
}
