//! What one event, or one stored object, says of a failed payment.
//!
//! Shapes of old API versions are read, too: before 2025-03-31 an invoice named its payment, and a payment its
//! invoice; since then only an `invoice_payment` ties them (stripe-api.md §1). It must never fail on an unknown
//! field, nor decide what a failure means.

mod views;

use std::borrow::Cow;

use super::declines::Codes;
use crate::stripe::view::{EventHead, InvoicePaymentHead, MaybeText};
use views::{ChargeView, InvoiceView, PaymentView, SubscriptionView};

/// An invoice as something showed it. The order of the fields is the order of what decides which sight is newer.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvoiceSeen {
    /// Stripe's time of this sight.
    pub at: i64,
    /// How far along the status is; see [`rank`].
    pub rank: u8,
    /// Tries so far: the first one and the automatic ones after it.
    pub attempts: i64,
    /// `in_…`
    pub id: String,
    /// `open`, `paid`, …
    pub status: String,
    /// The next automatic try.
    pub next_attempt: Option<i64>,
    /// Minor units.
    pub due: i64,
    /// Minor units.
    pub paid: i64,
    /// Minor units.
    pub remaining: i64,
    /// ISO code, lower case.
    pub currency: String,
    /// `cus_…`, or the account that stands for a customer; may be empty.
    pub customer: String,
    /// The customer's name as it was; may be empty.
    pub name: String,
    /// The customer's e-mail as it was; may be empty.
    pub email: String,
    /// The number that customers see; may be empty.
    pub number: String,
    /// Where the customer can pay.
    pub pay_url: Option<String>,
    /// `sub_…`; may be empty.
    pub subscription: String,
    /// When it was paid.
    pub paid_at: Option<i64>,
    /// When it was voided or marked uncollectible.
    pub ended_at: Option<i64>,
    /// Before basil: `pi_…`.
    pub payment: Option<String>,
}

/// A payment intent as something showed it. The order of the fields as in [`InvoiceSeen`].
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaymentSeen {
    /// Stripe's time of this sight.
    pub at: i64,
    /// 2: succeeded, 1: canceled, 0: neither.
    pub rank: u8,
    /// `pi_…`
    pub id: String,
    /// `requires_payment_method`, …
    pub status: String,
    /// Minor units, asked for.
    pub amount: i64,
    /// Minor units, got.
    pub received: i64,
    /// ISO code, lower case.
    pub currency: String,
    /// `cus_…`; may be empty.
    pub customer: String,
    /// The invoice that it names.
    pub invoice: Option<String>,
    /// `ch_…`
    pub latest_charge: Option<String>,
    /// When it was canceled.
    pub canceled_at: Option<i64>,
}

/// One try, as something showed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrySeen {
    /// The charge; none: it never came to one.
    pub charge: Option<String>,
    /// Whose try.
    pub payment: String,
    /// Stripe's time.
    pub at: i64,
    /// Minor units.
    pub amount: i64,
    /// ISO code, lower case.
    pub currency: String,
    /// It went through.
    pub paid: bool,
    /// Why not.
    pub codes: Codes,
    /// `visa 4242`
    pub method: Option<String>,
    /// The event that told.
    pub event: String,
    /// That event is the charge's, not the payment's.
    pub by_charge: bool,
}

/// One thing that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// An invoice was seen.
    Invoice(Box<InvoiceSeen>),
    /// A try to pay an invoice failed.
    InvoiceFailed {
        /// `in_…`
        invoice: String,
        /// Stripe's time.
        at: i64,
        /// The event that told.
        event: String,
        /// When that was stored here.
        heard_at: i64,
    },
    /// A payment was seen.
    Payment(Box<PaymentSeen>),
    /// A payment was tried.
    Try(Box<TrySeen>),
    /// A try of a payment failed and was heard of; what failed is told by [`Evidence::Try`].
    PaymentFailed {
        /// `pi_…`
        payment: String,
        /// When that was stored here.
        heard_at: i64,
    },
    /// A payment is for an invoice.
    Tie {
        /// `pi_…`
        payment: String,
        /// `in_…`
        invoice: String,
    },
    /// The subscription of an invoice was canceled because it was not paid.
    Canceled {
        /// `in_…`
        invoice: String,
        /// When.
        at: i64,
    },
}

/// How far along an invoice's status is, where two sights are of one second: an uncollectible one can still be paid
/// or voided.
pub fn rank(status: &str) -> u8 {
    match status {
        "open" => 1,
        "uncollectible" => 2,
        "void" => 3,
        "paid" => 4,
        _ => 0,
    }
}

/// Whether events of a type tell of a failed payment that makes a case.
pub fn is_failure(event_type: &str) -> bool {
    matches!(event_type, "invoice.payment_failed" | "payment_intent.payment_failed")
}

/// Whether events of a type can say something of a case at all.
pub fn is_of_use(event_type: &str) -> bool {
    event_type.starts_with("invoice.")
        || event_type.starts_with("payment_intent.")
        || event_type.starts_with("invoice_payment.")
        || matches!(event_type, "charge.failed" | "charge.succeeded" | "customer.subscription.deleted")
}

/// What an event says; `heard_at`: when it was stored here. What can't be read says nothing.
pub fn of_event(json: &str, heard_at: i64) -> Vec<Evidence> {
    let Ok(event) = serde_json::from_str::<EventHead<'_>>(json) else { return Vec::new() };
    // Of a connected account: none of this account's business.
    if event.account.is_some() {
        return Vec::new();
    }
    let object = event.data.object.get();
    let (kind, at, id) = (&*event.event_type, event.created, &*event.id);
    let mut out = Vec::new();
    if kind.starts_with("invoice.") {
        if let Some(seen) = invoice(object, at) {
            if kind == "invoice.payment_failed" {
                let (invoice, event) = (seen.id.clone(), id.to_owned());
                out.push(Evidence::InvoiceFailed { invoice, at, event, heard_at });
            }
            out.push(Evidence::Invoice(Box::new(seen)));
        }
    } else if kind.starts_with("payment_intent.") {
        payment_event(&mut out, kind, object, at, id, heard_at);
    } else if kind == "charge.failed" || kind == "charge.succeeded" {
        charge(&mut out, object, at, id);
    } else if kind.starts_with("invoice_payment.") {
        out.extend(tie(object));
    } else if kind == "customer.subscription.deleted" {
        out.extend(canceled(object, at));
    }
    out
}

/// What a stored invoice says.
pub fn of_invoice(json: &str, as_of: i64) -> Option<Evidence> {
    invoice(json, as_of).map(|seen| Evidence::Invoice(Box::new(seen)))
}

/// What a stored payment intent says.
pub fn of_payment(json: &str, as_of: i64) -> Option<Evidence> {
    payment(json, as_of).map(|(seen, _)| Evidence::Payment(Box::new(seen)))
}

/// What a stored invoice payment says.
pub fn tie(json: &str) -> Option<Evidence> {
    let head: InvoicePaymentHead<'_> = serde_json::from_str(json).ok()?;
    let (invoice, payment) = (head.invoice.as_deref()?, head.payment_intent()?);
    Some(Evidence::Tie { payment: payment.to_owned(), invoice: invoice.to_owned() })
}

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn invoice(json: &str, at: i64) -> Option<InvoiceSeen> {
    let view: InvoiceView<'_> = serde_json::from_str(json).ok()?;
    // An upcoming invoice has no id; a stub has no status.
    if view.id.is_empty() || view.status.is_empty() {
        return None;
    }
    let transitions = &view.status_transitions;
    let subscription = view.parent.subscription_details.subscription.as_deref();
    Some(InvoiceSeen {
        at,
        rank: rank(&view.status),
        attempts: view.attempt_count,
        next_attempt: view.next_payment_attempt,
        due: view.amount_due,
        paid: view.amount_paid,
        remaining: view.amount_remaining,
        currency: view.currency.into_owned(),
        customer: owned(view.customer.as_deref().or(view.customer_account.as_deref())),
        name: owned(view.customer_name.as_deref()),
        email: owned(view.customer_email.as_deref()),
        number: owned(view.number.as_deref()),
        pay_url: view.hosted_invoice_url.map(Cow::into_owned),
        subscription: owned(subscription.or(view.subscription.as_deref())),
        paid_at: transitions.paid,
        ended_at: match &*view.status {
            "void" => transitions.voided,
            "uncollectible" => transitions.marked_uncollectible,
            _ => None,
        },
        payment: view.payment_intent.map(Cow::into_owned),
        id: view.id.into_owned(),
        status: view.status.into_owned(),
    })
}

fn payment(json: &str, at: i64) -> Option<(PaymentSeen, PaymentView<'_>)> {
    let mut view: PaymentView<'_> = serde_json::from_str(json).ok()?;
    if view.id.is_empty() {
        return None;
    }
    let reference = view.payment_details.order_reference.as_deref().filter(|text| text.starts_with("in_"));
    let seen = PaymentSeen {
        at,
        rank: match &*view.status {
            "succeeded" => 2,
            "canceled" => 1,
            _ => 0,
        },
        id: view.id.to_string(),
        status: view.status.to_string(),
        amount: view.amount,
        received: view.amount_received,
        currency: view.currency.to_string(),
        customer: owned(view.customer.as_deref().or(view.customer_account.as_deref())),
        invoice: view.invoice.as_deref().or(reference).map(str::to_owned),
        latest_charge: view.latest_charge.as_deref().map(str::to_owned),
        canceled_at: view.canceled_at,
    };
    view.id = Cow::Borrowed("");
    Some((seen, view))
}

fn payment_event(out: &mut Vec<Evidence>, kind: &str, json: &str, at: i64, event: &str, heard_at: i64) {
    let Some((seen, view)) = payment(json, at) else { return };
    let tried = TrySeen {
        payment: seen.id.clone(),
        at,
        amount: seen.amount,
        currency: seen.currency.clone(),
        event: event.to_owned(),
        ..TrySeen::default()
    };
    match kind {
        "payment_intent.payment_failed" => {
            let error = view.last_payment_error;
            let own = |text: &MaybeText<'_>| text.as_deref().map(str::to_owned);
            out.push(Evidence::PaymentFailed { payment: seen.id.clone(), heard_at });
            out.push(Evidence::Try(Box::new(TrySeen {
                charge: own(&error.charge),
                codes: Codes {
                    code: own(&error.code),
                    decline_code: own(&error.decline_code),
                    advice: own(&error.advice_code),
                    network_advice: own(&error.network_advice_code),
                    ..Codes::default()
                },
                method: error.payment_method.shown(),
                ..tried
            })));
        }
        "payment_intent.succeeded" => {
            let charge = seen.latest_charge.clone();
            out.push(Evidence::Try(Box::new(TrySeen { charge, amount: seen.received, paid: true, ..tried })));
        }
        _ => {}
    }
    out.push(Evidence::Payment(Box::new(seen)));
}

fn charge(out: &mut Vec<Evidence>, json: &str, at: i64, event: &str) {
    let Ok(view) = serde_json::from_str::<ChargeView<'_>>(json) else { return };
    // A charge without a payment intent is of the old way to charge, which no case is made of.
    let Some(payment) = view.payment_intent.as_deref().filter(|_| !view.id.is_empty()) else { return };
    let own = |text: &MaybeText<'_>| text.as_deref().map(str::to_owned);
    if let Some(invoice) = own(&view.invoice) {
        out.push(Evidence::Tie { payment: payment.to_owned(), invoice });
    }
    let paid = view.status == "succeeded";
    let codes = Codes {
        code: own(&view.failure_code),
        decline_code: None,
        advice: own(&view.outcome.advice_code),
        network_advice: own(&view.outcome.network_advice_code),
        outcome: own(&view.outcome.kind),
        reason: own(&view.outcome.reason),
    };
    out.push(Evidence::Try(Box::new(TrySeen {
        charge: Some(view.id.to_string()),
        payment: payment.to_owned(),
        at,
        amount: view.amount,
        currency: view.currency.to_string(),
        paid,
        codes: if paid { Codes::default() } else { codes },
        method: view.payment_method_details.shown(),
        event: event.to_owned(),
        by_charge: true,
    })));
}

fn canceled(json: &str, at: i64) -> Option<Evidence> {
    let view: SubscriptionView<'_> = serde_json::from_str(json).ok()?;
    (view.cancellation_details.reason.as_deref()? == "payment_failed").then_some(())?;
    let invoice = view.latest_invoice?.into_owned();
    Some(Evidence::Canceled { invoice, at: view.ended_at.or(view.canceled_at).unwrap_or(at) })
}
