//! What a discover and the sync after it will do and cost, before they run.
//!
//! Without `look` it must send nothing; with it at most [`LOOKS`] reads. It must say what its numbers rest on, and tell
//! "not known" rather than a guess.

use super::api::{Answer, DiscoverSpec, IntegrationId, JobKind, JobState, PlanLine, PlanView, SyncSpec};
use super::connecting::count;
use super::publish::READ_FLOOR;
use super::{Engine, refused};
use crate::clock;
use crate::integration::Integration;
use crate::store::{Store, StoreError};
use crate::stripe::Error;
use crate::stripe::kind::Kind;
use crate::sync::discover::{check_statuses, statuses};
use crate::sync::estimate::{Estimate, LOOKS, estimate_of};
use crate::sync::job::JobDoc;
use crate::sync::plan::{allowed, plan as plan_sync, rate};
use crate::sync::reader::PAGE;
use crate::sync::related::list_reads;

/// What is known of the invoices that a discover asks for, without asking.
struct Known {
    /// In the catalog, within the range.
    listed: u64,
    /// A discover that ended well has listed all of it.
    whole: bool,
}

/// Answers a plan.
pub async fn plan(
    engine: &Engine,
    id: IntegrationId,
    discover: Option<DiscoverSpec>,
    sync: Option<SyncSpec>,
    look: bool,
) -> Answer {
    match planned(engine, id, discover, sync, look).await {
        Ok(plan) => Answer::Plan(plan),
        Err(reason) => refused(reason),
    }
}

async fn planned(
    engine: &Engine,
    id: IntegrationId,
    discover: Option<DiscoverSpec>,
    sync: Option<SyncSpec>,
    look: bool,
) -> Result<PlanView, String> {
    let store = engine.store().ok_or("the store is still opening")?;
    let config = engine
        .state()
        .runtimes
        .get(&id)
        .map(|runtime| runtime.config.clone())
        .ok_or("there is no such integration")?;
    if config.off_since.is_some() {
        return Err(format!("{} is disconnected: connect it again first", config.name));
    }
    let now = engine.now();
    let mut out = PlanView {
        used: store.counters(id).reads_30_days(now / 86_400),
        floor: READ_FLOOR,
        ..PlanView::default()
    };
    // Invoices that the discover will add to what is pending now; none: not known.
    let mut added = Some(0);
    if let Some(spec) = &discover {
        check_statuses(&spec.statuses)?;
        added = if config.billing {
            invoices(engine, &store, &config, spec, look, &mut out).await?
        } else {
            out.notes.push("billing is off: there are no invoices to discover".into());
            Some(0)
        };
        let rate = rate(spec.pace, config.livemode);
        for &kind in &spec.resources {
            let known = store.counters(id).count(kind);
            out.rows.push(whole_list(&config, kind, known, true, rate));
        }
        limit(&mut out, "discover", spec.max_reads);
    }
    if let Some(spec) = &sync {
        let payments = if look && !config.billing {
            Some(payments(engine, &store, &config, &mut out).await?)
        } else {
            None
        };
        sync_rows(&store, &config, spec, added, payments, &mut out).await?;
        limit(&mut out, "sync", spec.max_reads);
    }
    for row in out.rows.iter().filter(|row| !row.allowed) {
        out.notes.push(format!(
            "{} are left out: the key may not read them ({})",
            row.kind,
            row.kind.permission()
        ));
    }
    let allowed = || out.rows.iter().filter(|row| row.allowed);
    out.reads = allowed().map(|row| row.list_pages + row.single_reads).sum();
    out.seconds = allowed().map(|row| row.seconds).sum();
    out.notes.push(
        "kinds follow one another, so their times add up; tries that are repeated are not counted".into(),
    );
    out.notes.push("reads of the account's other software are not counted".into());
    Ok(out)
}

/// What a full walk takes, in words: `about 54 reads and 3 s`. Sends nothing.
pub async fn walk(engine: &Engine, id: IntegrationId) -> String {
    let plan = planned(engine, id, Some(DiscoverSpec::default()), Some(SyncSpec::default()), false).await;
    match plan {
        Ok(plan) if plan.rows.iter().all(|row| row.about.is_some()) => {
            format!("about {} reads and {}", crate::text::count(plan.reads), clock::ago(plan.seconds as i64))
        }
        _ => "of one read for 100 invoices, and a few".to_owned(),
    }
}

fn limit(out: &mut PlanView, what: &str, max_reads: Option<u64>) {
    if let Some(most) = max_reads {
        out.notes.push(format!("the {what} stops after {most} reads and can be taken up again"));
    }
}

fn seconds(reads: u64, rate: f64) -> u64 {
    (reads as f64 / rate.max(0.1)).ceil() as u64
}

/// A kind that is listed whole: as much as is stored, as far as is known.
fn whole_list(config: &Integration, kind: Kind, known: u64, discover: bool, rate: f64) -> PlanLine {
    let pages = if known > 0 { list_reads(known.div_ceil(PAGE as u64)) } else { 1 };
    PlanLine {
        kind,
        discover,
        about: (known > 0).then_some(known),
        exact: false,
        list_pages: pages,
        single_reads: 0,
        seconds: seconds(pages, rate),
        allowed: allowed(config, kind),
    }
}

/// The discover's own row. Tells how many invoices it will add, if that is known.
async fn invoices(
    engine: &Engine,
    store: &Store,
    config: &Integration,
    spec: &DiscoverSpec,
    look: bool,
    out: &mut PlanView,
) -> Result<Option<u64>, String> {
    let now = engine.now();
    let (gte, lt) = clock::day_range(spec.from.as_deref(), spec.to.as_deref(), config.timezone.as_str())?;
    let lt = lt.unwrap_or(now + 1);
    let asked = statuses(spec);
    // Stripe filters by one status; of several, all pages are read and the rest is put aside here.
    let one_status = match asked.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    let known = {
        let (store, id, asked, one) = (store.clone(), config.id, asked.clone(), one_status.clone());
        let open = spec.to.is_none();
        tokio::task::spawn_blocking(move || known(&store, id, &asked, one.as_deref(), gte, lt, open))
            .await
            .map_err(|_| "the catalog could not be read".to_owned())?
            .map_err(|error| error.to_string())?
    };
    let may = allowed(config, Kind::Invoice);
    let rate = rate(spec.pace, config.livemode);
    let mut row = PlanLine {
        kind: Kind::Invoice,
        discover: true,
        about: None,
        exact: false,
        list_pages: 0,
        single_reads: 0,
        seconds: 0,
        allowed: may,
    };
    if look && may {
        let filters: Vec<_> = one_status.iter().map(|status| ("status", status.clone())).collect();
        let found = looked(engine, config, Kind::Invoice, &filters, gte, lt, out).await?;
        row.about = Some(found.rows);
        row.exact = found.exact;
        row.list_pages = found.reads;
        out.notes.push(if found.exact {
            "invoices were counted: their list is one page".into()
        } else {
            format!("invoices are estimated from {} pages of their list", found.looks)
        });
    } else if known.whole {
        row.about = Some(known.listed);
        row.list_pages = list_reads(known.listed.div_ceil(PAGE as u64));
        out.notes.push("invoices are those in the catalog: an earlier discover has listed this range".into());
    } else {
        out.notes.push(format!(
            "how many invoices there are is not known before Stripe is asked: a look costs at most {LOOKS} reads"
        ));
    }
    if one_status.is_none() && asked.len() < crate::sync::discover::STATUSES.len() {
        out.notes.push("invoices of other statuses are read with the pages and put aside".into());
    }
    row.seconds = seconds(row.list_pages, rate);
    let added = row.about.map(|about| about.saturating_sub(known.listed));
    out.rows.push(row);
    Ok(added)
}

/// Looks at a few pages; what that cost is counted and told.
async fn looked(
    engine: &Engine,
    config: &Integration,
    kind: Kind,
    filters: &[(&'static str, String)],
    gte: Option<i64>,
    lt: i64,
    out: &mut PlanView,
) -> Result<Estimate, String> {
    if let Some(refusal) = &config.refused {
        return Err(refusal.reason.clone());
    }
    let client = engine.client(config.id).await?;
    // A handle of its own: its reads are counted apart.
    let client = client.with_pace(super::api::Pace::Auto, engine.inner.cancel.child_token());
    let found = estimate_of(&client, kind, filters, gte, lt).await;
    let reads = client.own_reads();
    out.cost += reads;
    out.used += reads;
    count(engine, config.id, reads).await;
    match found {
        Ok(found) => {
            engine.note_answer(config.id);
            Ok(found)
        }
        Err(Error::Cancelled) => Err("it was stopped".into()),
        Err(error) => {
            engine.note_error(config, &error).await;
            Err(error.to_string())
        }
    }
}

/// Blocks: a microsecond or two for each invoice in the catalog.
fn known(
    store: &Store,
    id: IntegrationId,
    asked: &[String],
    one_status: Option<&str>,
    gte: Option<i64>,
    lt: i64,
    open: bool,
) -> Result<Known, StoreError> {
    let mut listed = 0;
    store.each_header(id, Kind::Invoice, |_, header| {
        let inside = header.created < lt && gte.is_none_or(|gte| header.created >= gte);
        let of_status = one_status.is_none_or(|status| header.status == status);
        listed += u64::from(inside && of_status);
        true
    })?;
    let doc: Option<JobDoc> = store.meta(&JobDoc::name(id, JobKind::Discover))?;
    let whole = doc.is_some_and(|doc| {
        let from_before = match (doc.gte, gte) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(had), Some(wanted)) => had <= wanted,
        };
        // What came after an open end came by events.
        let to_after = doc.lt >= lt || (open && doc.view.to.is_none());
        let all = asked.iter().all(|status| doc.view.statuses.contains(status));
        doc.view.state == JobState::Completed && from_before && to_after && all
    });
    Ok(Known { listed, whole })
}

/// Payments since the last whole sync (billing off).
async fn payments(
    engine: &Engine,
    store: &Store,
    config: &Integration,
    out: &mut PlanView,
) -> Result<Estimate, String> {
    let name = Integration::own_document(config.id, crate::sync::run::PAYMENTS_SINCE);
    let since: Option<i64> = store.meta(&name).map_err(|error| error.to_string())?;
    let gte = since.map(|since| since - 86_400);
    let found = looked(engine, config, Kind::PaymentIntent, &[], gte, engine.now() + 1, out).await?;
    out.notes.push(format!("payments are estimated from {} pages of their list", found.looks));
    Ok(found)
}

async fn sync_rows(
    store: &Store,
    config: &Integration,
    spec: &SyncSpec,
    added: Option<u64>,
    payments: Option<Estimate>,
    out: &mut PlanView,
) -> Result<(), String> {
    let planned = {
        let (store, config, spec) = (store.clone(), config.clone(), spec.clone());
        tokio::task::spawn_blocking(move || plan_sync(&store, &config, &spec))
            .await
            .map_err(|_| "the catalog could not be read".to_owned())?
            .map_err(|error| error.to_string())?
    };
    let rate = rate(spec.pace, config.livemode);
    // A batch of its own size takes no more for what the discover adds.
    let added_here = added.map(|added| spec.batch_size.map_or(added, |most| added.min(most)));
    for planned in planned.rows {
        let mut row = PlanLine {
            kind: planned.kind,
            discover: false,
            about: Some(planned.about),
            exact: matches!(planned.kind, Kind::Invoice | Kind::Customer | Kind::Product),
            list_pages: planned.list_pages,
            single_reads: planned.single_reads,
            seconds: 0,
            allowed: planned.allowed,
        };
        if spec.resources.contains(&planned.kind) || (!config.billing && planned.kind == Kind::PaymentIntent)
        {
            row.exact = false;
            row.about = Some(planned.about).filter(|about| *about > 0);
        }
        if let Some(found) = payments.filter(|_| planned.kind == Kind::PaymentIntent) {
            row.about = Some(found.rows);
            row.exact = found.exact;
            row.list_pages = found.reads;
        }
        if config.billing && !spec.resources.contains(&planned.kind) {
            add(&mut row, added_here);
        }
        row.seconds = seconds(row.list_pages + row.single_reads, rate);
        out.rows.push(row);
    }
    if config.billing {
        match added_here {
            None => out.notes.push("what the discover adds to the sync is not known yet and not in these numbers".into()),
            Some(0) => {}
            Some(_) => out.notes.push(
                "of invoices that are not listed yet, customers are taken as one for four and payments as one each; their further lines are not counted".into(),
            ),
        }
    }
    Ok(())
}

/// Adds what invoices that are not listed yet likely refer to.
fn add(row: &mut PlanLine, added: Option<u64>) {
    let Some(added) = added else {
        row.exact = false;
        // Nothing of what is listed is no number of what there will be.
        row.about = row.about.filter(|about| *about > 0);
        return;
    };
    if added == 0 {
        return;
    }
    row.exact = false;
    let more = match row.kind {
        Kind::Customer => added.div_ceil(4),
        Kind::InvoicePayment | Kind::PaymentIntent | Kind::Invoice => added,
        _ => 0,
    };
    row.about = row.about.map(|about| about + more);
    if row.kind != Kind::Invoice && more > 0 {
        // Many are brought by list, together with those that were planned by single reads.
        row.list_pages = row.list_pages.max(list_reads(row.about.unwrap_or(more).div_ceil(PAGE as u64)));
        row.single_reads = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_discover_adds_comes_by_list() {
        let mut row = PlanLine {
            kind: Kind::Customer,
            discover: false,
            about: Some(3),
            exact: true,
            list_pages: 0,
            single_reads: 3,
            seconds: 0,
            allowed: true,
        };
        add(&mut row, Some(0));
        assert!(row.exact && row.single_reads == 3);
        let mut unknown = PlanLine { about: Some(0), single_reads: 0, ..row.clone() };
        add(&mut unknown, None);
        assert_eq!((unknown.about, unknown.exact), (None, false));
        add(&mut row, Some(2000));
        assert_eq!((row.about, row.single_reads, row.list_pages), (Some(503), 0, list_reads(6)));
        assert!(!row.exact);
    }
}
