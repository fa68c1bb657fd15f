//! From a list's query to the [`Ask`] that [`crate::sandbox::list`] answers: each documented filter of each
//! list.

use super::query::Query;
use super::routes::Endpoint;
use crate::sandbox::errors::ApiError;
use crate::sandbox::ids::{CHARGES_PER_INVOICE, Obj, REFUNDS_PER_INVOICE};
use crate::sandbox::list::{Ask, Cursor, Filter};
use crate::sandbox::model::catalog::{CURRENCIES, Price, price_active, product_active};
use crate::sandbox::model::invoice::{DUE_AFTER, Status};
use crate::sandbox::model::subscription::SubscriptionStatus;
use crate::sandbox::overlay::View;

type Filters = Vec<Filter<'static>>;

/// Reads the filters. `find` resolves an id that a parameter names.
pub fn ask(
    obj: Obj,
    endpoint: &Endpoint,
    query: &Query,
    view: View<'_>,
    cursor: Cursor,
    find: &dyn Fn(&str, Obj, &str) -> Result<u64, ApiError>,
) -> Result<Ask<'static>, ApiError> {
    let mut filters: Filters = Vec::new();
    let mut invoices: Option<Vec<u64>> = None;
    if let Some(id) = query.get("customer") {
        let customer = find("customer", Obj::Customer, id)?;
        match obj {
            Obj::Subscription => filters.push(Box::new(move |_, number| number == customer)),
            Obj::Invoice | Obj::PaymentIntent | Obj::Charge => {
                invoices = Some(view.world.timeline.invoices_of(customer));
                let per = if obj == Obj::Charge { CHARGES_PER_INVOICE } else { 1 };
                filters.push(Box::new(move |view, number| {
                    view.invoice(number / per).is_some_and(|i| i.customer == customer)
                }));
            }
            _ => {}
        }
    }
    // Never true of anything here.
    for name in ["customer_account", "test_clock", "transfer_group", "lookup_keys", "url"] {
        if query.get(name).is_some() {
            filters.push(Box::new(|_, _| false));
        }
    }
    match obj {
        Obj::Invoice => invoice_filters(query, view, find, &mut filters, &mut invoices)?,
        Obj::Customer => {
            if let Some(email) = query.get("email").map(str::to_owned) {
                filters.push(Box::new(move |view, number| {
                    view.customer(number)
                        .is_some_and(|c| view.world.customer_email(number, c.email_revision) == email)
                }));
            }
        }
        Obj::Subscription => subscription_filters(query, find, &mut filters)?,
        Obj::Charge => {
            if let Some(id) = query.get("payment_intent") {
                let intent = find("payment_intent", Obj::PaymentIntent, id)?;
                invoices = Some(if intent < view.world.timeline.invoices() { vec![intent] } else { vec![] });
                filters.push(Box::new(move |_, number| number / CHARGES_PER_INVOICE == intent));
            }
        }
        Obj::Refund | Obj::Dispute => {
            let per = if obj == Obj::Refund { REFUNDS_PER_INVOICE } else { 1 };
            aftermath_filters(query, view, find, per, &mut filters, &mut invoices)?;
        }
        Obj::InvoicePayment => payment_filters(query, view, find, &mut filters, &mut invoices)?,
        Obj::Price => price_filters(query, find, &mut filters)?,
        Obj::Product => {
            if let Some(active) = query.flag("active")? {
                filters.push(Box::new(move |_, number| product_active(number) == active));
            }
            let ids = query.all("ids");
            if !ids.is_empty() {
                filters.push(Box::new(move |view, number| {
                    ids.iter().any(|id| view.world.ids.parse(id) == Some((Obj::Product, number)))
                }));
            }
            if query.get("shippable") == Some("true") || query.get("type").is_some_and(|t| t != "service") {
                filters.push(Box::new(|_, _| false));
            }
        }
        Obj::Event => event_filters(query, &mut filters)?,
        _ => {}
    }
    let created = if endpoint.created { query.span("created")? } else { None };
    Ok(Ask {
        obj,
        created: created.unwrap_or_default(),
        cursor,
        limit: query.limit()?,
        invoices,
        filter: all(filters),
    })
}

fn all(mut filters: Filters) -> Option<Filter<'static>> {
    match filters.len() {
        0 | 1 => filters.pop(),
        _ => Some(Box::new(move |view, number| filters.iter().all(|filter| filter(view, number)))),
    }
}

fn invoice_filters(
    query: &Query,
    view: View<'_>,
    find: &dyn Fn(&str, Obj, &str) -> Result<u64, ApiError>,
    filters: &mut Filters,
    invoices: &mut Option<Vec<u64>>,
) -> Result<(), ApiError> {
    if let Some(id) = query.get("subscription") {
        let subscription = find("subscription", Obj::Subscription, id)?;
        if invoices.is_none() {
            *invoices = Some(view.world.timeline.invoices_of(subscription));
        }
        filters.push(Box::new(move |view, number| {
            view.invoice(number).is_some_and(|i| i.subscription && i.customer == subscription)
        }));
    }
    if let Some(word) = query.get("status") {
        let status = Status::parse(word)
            .ok_or_else(|| ApiError::bad_choice("status", "draft, open, paid, uncollectible, or void"))?;
        filters.push(Box::new(move |view, number| view.invoice(number).is_some_and(|i| i.status == status)));
    }
    if let Some(send) = collection(query)? {
        filters.push(Box::new(move |view, number| view.invoice(number).is_some_and(|i| i.send == send)));
    }
    if let Some(due) = query.span("due_date")? {
        filters.push(Box::new(move |view, number| {
            view.invoice(number).is_some_and(|i| i.send && due.holds(i.created + DUE_AFTER))
        }));
    }
    Ok(())
}

/// `collection_method`: whether invoices are sent.
fn collection(query: &Query) -> Result<Option<bool>, ApiError> {
    match query.get("collection_method") {
        None => Ok(None),
        Some("charge_automatically") => Ok(Some(false)),
        Some("send_invoice") => Ok(Some(true)),
        Some(_) => Err(ApiError::bad_choice("collection_method", "charge_automatically or send_invoice")),
    }
}

fn subscription_filters(
    query: &Query,
    find: &dyn Fn(&str, Obj, &str) -> Result<u64, ApiError>,
    filters: &mut Filters,
) -> Result<(), ApiError> {
    let is = |status: SubscriptionStatus| -> Filter<'static> {
        Box::new(move |view, number| view.subscription(number).is_some_and(|s| s.status == status))
    };
    match query.get("status") {
        Some("all") => {}
        // Canceled ones are hidden unless asked for.
        None => filters.push(Box::new(|view, number| {
            view.subscription(number).is_some_and(|s| s.status != SubscriptionStatus::Canceled)
        })),
        Some("active") => filters.push(is(SubscriptionStatus::Active)),
        Some("past_due") => filters.push(is(SubscriptionStatus::PastDue)),
        Some("trialing") => filters.push(is(SubscriptionStatus::Trialing)),
        Some("canceled" | "ended") => filters.push(is(SubscriptionStatus::Canceled)),
        Some("paused") => filters.push(is(SubscriptionStatus::Paused)),
        Some("incomplete" | "incomplete_expired" | "unpaid") => {
            filters.push(Box::new(|_, _| false));
        }
        Some(_) => {
            return Err(ApiError::bad_choice(
                "status",
                "active, past_due, unpaid, canceled, incomplete, incomplete_expired, trialing, paused, all, \
                 or ended",
            ));
        }
    }
    for name in ["price", "plan"] {
        if let Some(id) = query.get(name) {
            let price = find(name, Obj::Price, id)?;
            filters
                .push(Box::new(move |view, number| view.world.subscription_price(number).number() == price));
        }
    }
    if collection(query)? == Some(true) {
        filters.push(Box::new(|_, _| false));
    }
    for (name, ends) in [("current_period_start", false), ("current_period_end", true)] {
        if let Some(span) = query.span(name)? {
            filters.push(Box::new(move |view, number| {
                let length = if ends { view.world.subscription_period(number) } else { 0 };
                view.subscription(number).is_some_and(|s| span.holds(s.period_start + length))
            }));
        }
    }
    if query.flag("automatic_tax[enabled]")? == Some(true) {
        filters.push(Box::new(|_, _| false));
    }
    Ok(())
}

fn payment_filters(
    query: &Query,
    view: View<'_>,
    find: &dyn Fn(&str, Obj, &str) -> Result<u64, ApiError>,
    filters: &mut Filters,
    invoices: &mut Option<Vec<u64>>,
) -> Result<(), ApiError> {
    let mut only = |wanted: u64, filters: &mut Filters| {
        let known = wanted < view.world.timeline.invoices();
        *invoices = Some(if known { vec![wanted] } else { Vec::new() });
        filters.push(Box::new(move |_, number| number == wanted));
    };
    if let Some(id) = query.get("invoice") {
        only(find("invoice", Obj::Invoice, id)?, filters);
    }
    if let Some(id) = query.get("payment[payment_intent]") {
        if query.get("payment[type]").is_none() {
            return Err(ApiError::missing_required("payment[type]"));
        }
        only(find("payment[payment_intent]", Obj::PaymentIntent, id)?, filters);
    }
    match query.get("payment[type]") {
        None | Some("payment_intent") => {}
        // Nothing here was paid in another way.
        Some("charge" | "payment_record") => filters.push(Box::new(|_, _| false)),
        Some(_) => {
            return Err(ApiError::bad_choice("payment[type]", "charge, payment_intent, or payment_record"));
        }
    }
    if let Some(word) = query.get("status") {
        let test: fn(Status) -> bool = match word {
            "paid" => |s| s == Status::Paid,
            "canceled" => |s| s == Status::Void,
            "open" => |s| !matches!(s, Status::Paid | Status::Void),
            _ => return Err(ApiError::bad_choice("status", "canceled, open, or paid")),
        };
        filters.push(Box::new(move |view, number| view.invoice(number).is_some_and(|i| test(i.status))));
    }
    Ok(())
}

/// Refunds and disputes: by charge and by payment intent. `per` numbers lie between two invoices' objects.
fn aftermath_filters(
    query: &Query,
    view: View<'_>,
    find: &dyn Fn(&str, Obj, &str) -> Result<u64, ApiError>,
    per: u64,
    filters: &mut Filters,
    invoices: &mut Option<Vec<u64>>,
) -> Result<(), ApiError> {
    let mut only = |wanted: u64, slot: Option<usize>| {
        let known = wanted < view.world.timeline.invoices();
        *invoices = Some(if known { vec![wanted] } else { Vec::new() });
        filters.push(Box::new(move |view, number| {
            number / per == wanted
                && (slot.is_none() || view.invoice(wanted).is_some_and(|i| i.paid_slot() == slot))
        }));
    };
    if let Some(id) = query.get("charge") {
        let charge = find("charge", Obj::Charge, id)?;
        only(charge / CHARGES_PER_INVOICE, Some((charge % CHARGES_PER_INVOICE) as usize));
    }
    if let Some(id) = query.get("payment_intent") {
        only(find("payment_intent", Obj::PaymentIntent, id)?, None);
    }
    Ok(())
}

fn price_filters(
    query: &Query,
    find: &dyn Fn(&str, Obj, &str) -> Result<u64, ApiError>,
    filters: &mut Filters,
) -> Result<(), ApiError> {
    if let Some(active) = query.flag("active")? {
        filters.push(Box::new(move |_, number| price_active(number) == active));
    }
    if let Some(code) = query.get("currency").map(str::to_ascii_lowercase) {
        filters.push(Box::new(move |_, number| {
            CURRENCIES[Price::from_number(number).currency as usize].code == code
        }));
    }
    if let Some(id) = query.get("product") {
        let product = find("product", Obj::Product, id)?;
        filters.push(Box::new(move |_, number| Price::from_number(number).product == product));
    }
    if let Some(interval) = query.get("recurring[interval]") {
        let yearly = interval == "year";
        let known = yearly || interval == "month";
        filters.push(Box::new(move |_, number| known && Price::from_number(number).yearly == yearly));
    }
    if query.get("recurring[usage_type]") == Some("metered") || query.get("type") == Some("one_time") {
        filters.push(Box::new(|_, _| false));
    }
    Ok(())
}

fn event_filters(query: &Query, filters: &mut Filters) -> Result<(), ApiError> {
    let types = query.all("types");
    if types.len() > 20 {
        return Err(ApiError::bad_choice("types", "at most 20 event types"));
    }
    if let Some(pattern) = query.get("type").map(str::to_owned) {
        filters.push(Box::new(move |view, number| {
            view.overlay.event(number).is_some_and(|event| match pattern.strip_suffix('*') {
                Some(start) => event.kind.starts_with(start),
                None => event.kind == pattern,
            })
        }));
    }
    if !types.is_empty() {
        filters.push(Box::new(move |view, number| {
            view.overlay.event(number).is_some_and(|event| types.iter().any(|t| t == event.kind))
        }));
    }
    if let Some(wanted) = query.flag("delivery_success")? {
        filters.push(Box::new(move |view, number| view.overlay.has_arrived(number) == wanted));
    }
    Ok(())
}

/// Parameters that every list takes.
pub fn known(endpoint: &Endpoint) -> Vec<&'static str> {
    let mut names = vec!["limit", "starting_after", "ending_before", "expand"];
    if endpoint.created {
        names.push("created");
    }
    names.extend(endpoint.filters.split(',').filter(|name| !name.is_empty()));
    names
}
