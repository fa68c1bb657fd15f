//! What a list row shows of an object of any kind.
//!
//! One pass over the text, no allocation beyond the row itself. It must never fail: what can't be read is
//! empty. Text is as Stripe sent it; whoever draws it cleans it.

use std::borrow::Cow;

use serde::Deserialize;

use super::kind::Kind;
use super::lenient;
use super::view::{
    ChargeHead, CustomerHead, InvoiceHead, InvoicePaymentHead, PaymentIntentHead, PriceHead, ProductHead,
    SubscriptionHead,
};

/// What a list row shows. Empty text and `created` 0 mean that the object does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowHead {
    /// Unix seconds.
    pub created: i64,
    /// Stripe's status; `active`, `inactive`, `delinquent`, `deleted` for kinds without one.
    pub status: String,
    /// Minor units; which amount is told at [`summary`].
    pub amount: Option<i64>,
    /// ISO code, lower case.
    pub currency: String,
    /// `cus_…`
    pub customer: String,
    /// A name or e-mail; of a failed payment the reason.
    pub who: String,
    /// The number, name or id that tells it from others of its kind; of a charge what was charged, `visa 4242`.
    pub label: String,
    /// Live money.
    pub livemode: bool,
}

/// Reads a row out of an object's JSON.
///
/// `amount` is: of an invoice what was paid when it is paid, else what is due, else (nothing due) the total; of
/// a payment intent what was received when it succeeded, else what was asked for; of a charge, refund,
/// dispute, payout and balance transaction its amount; of a credit note its total; of an invoice payment what
/// was paid, else what was requested; of a price its unit amount; of a subscription unit amounts × quantities;
/// of a customer the balance, when it is not zero; of a product none.
pub fn summary(kind: Kind, json: &str) -> RowHead {
    match kind {
        Kind::Invoice => read(json, invoice),
        Kind::Customer => read(json, customer),
        Kind::Product => read(json, product),
        Kind::Price => read(json, price),
        Kind::Subscription => read(json, subscription),
        Kind::PaymentIntent => read(json, payment_intent),
        Kind::Charge => read(json, charge),
        Kind::InvoicePayment => read(json, invoice_payment),
        Kind::Refund | Kind::Dispute | Kind::CreditNote | Kind::Payout | Kind::BalanceTransaction => {
            read(json, other)
        }
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a str, row: fn(T) -> RowHead) -> RowHead {
    serde_json::from_str(json).map(row).unwrap_or_default()
}

fn first(candidates: [Option<Cow<'_, str>>; 3]) -> String {
    candidates.into_iter().flatten().find(|text| !text.trim().is_empty()).unwrap_or_default().into_owned()
}

fn owned(text: Option<Cow<'_, str>>) -> String {
    text.unwrap_or_default().into_owned()
}

fn invoice(from: InvoiceHead<'_>) -> RowHead {
    let paid = from.status.as_deref() == Some("paid");
    let amount = match (paid, from.amount_due) {
        (true, _) => from.amount_paid,
        (false, 0) => from.total,
        (false, due) => due,
    };
    RowHead {
        created: from.created,
        status: if from.deleted { "deleted".to_owned() } else { owned(from.status) },
        amount: Some(amount),
        currency: from.currency.into_owned(),
        customer: owned(from.customer),
        who: first([from.customer_name, from.customer_email, None]),
        label: first([from.number, Some(from.id), None]),
        livemode: from.livemode,
    }
}

fn customer(from: CustomerHead<'_>) -> RowHead {
    let status = match (from.deleted, from.delinquent) {
        (true, _) => "deleted",
        (false, true) => "delinquent",
        (false, false) => "active",
    };
    RowHead {
        created: from.created,
        status: status.to_owned(),
        amount: Some(from.balance).filter(|balance| *balance != 0),
        currency: from.currency.into_owned(),
        customer: from.id.clone().into_owned(),
        who: first([from.name, from.email.clone(), from.description]),
        label: first([from.email, Some(from.id), None]),
        livemode: from.livemode,
    }
}

fn active(deleted: bool, active: Option<bool>) -> String {
    match (deleted, active) {
        (true, _) => "deleted",
        (false, Some(true)) => "active",
        (false, Some(false)) => "inactive",
        (false, None) => "",
    }
    .to_owned()
}

fn product(from: ProductHead<'_>) -> RowHead {
    RowHead {
        created: from.created,
        status: active(from.deleted, from.active),
        label: first([from.name, Some(from.id), None]),
        livemode: from.livemode,
        ..RowHead::default()
    }
}

fn price(from: PriceHead<'_>) -> RowHead {
    RowHead {
        created: from.created,
        status: active(from.deleted, from.active),
        amount: from.unit_amount,
        currency: from.currency.into_owned(),
        who: owned(from.product),
        label: first([from.nickname, from.lookup_key, Some(from.id)]),
        livemode: from.livemode,
        ..RowHead::default()
    }
}

fn subscription(from: SubscriptionHead<'_>) -> RowHead {
    RowHead {
        created: from.created,
        amount: from.amount(),
        status: owned(from.status),
        currency: from.currency.into_owned(),
        customer: owned(from.customer),
        who: String::new(),
        label: first([from.description, Some(from.id), None]),
        livemode: from.livemode,
    }
}

fn payment_intent(from: PaymentIntentHead<'_>) -> RowHead {
    let succeeded = from.status.as_deref() == Some("succeeded");
    // The last error may stay after a success; then it is no longer what matters.
    let reason = from
        .last_payment_error
        .as_ref()
        .filter(|_| !succeeded)
        .and_then(|error| error.reason().map(|reason| Cow::Owned(reason.to_owned())));
    RowHead {
        created: from.created,
        status: owned(from.status),
        amount: Some(if succeeded { from.amount_received } else { from.amount }),
        currency: from.currency.into_owned(),
        customer: owned(from.customer),
        who: first([reason, from.receipt_email, None]),
        label: first([from.description, Some(from.id), None]),
        livemode: from.livemode,
    }
}

fn charge(from: ChargeHead<'_>) -> RowHead {
    let failed = from.status.as_deref() == Some("failed");
    let paid_with = from.paid_with();
    let reason = if failed { from.outcome.reason.or(from.failure_code) } else { None };
    RowHead {
        created: from.created,
        status: owned(from.status),
        amount: Some(from.amount),
        currency: from.currency.into_owned(),
        customer: owned(from.customer),
        who: first([reason, from.billing_details.name, from.billing_details.email]),
        label: paid_with.unwrap_or_else(|| from.id.into_owned()),
        livemode: from.livemode,
    }
}

fn invoice_payment(from: InvoicePaymentHead<'_>) -> RowHead {
    RowHead {
        created: from.created,
        amount: Some(from.amount_paid.unwrap_or(from.amount_requested)),
        who: from.payment_intent().or(from.charge()).unwrap_or_default().to_owned(),
        status: owned(from.status),
        currency: from.currency.into_owned(),
        customer: String::new(),
        label: first([from.invoice, Some(from.id), None]),
        livemode: from.livemode,
    }
}

/// Refunds, disputes, credit notes, payouts and balance transactions share their fields.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Other<'a> {
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    id: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    status: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::int")]
    amount: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    total: Option<i64>,
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    currency: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    customer: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    number: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    failure_reason: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    failure_code: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    description: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    created: i64,
    #[serde(deserialize_with = "lenient::flag")]
    livemode: bool,
}

fn other(from: Other<'_>) -> RowHead {
    RowHead {
        created: from.created,
        status: owned(from.status),
        // Only a credit note has a total; its amount is the same before version 2022-11-15.
        amount: from.total.or(from.amount),
        currency: from.currency.into_owned(),
        customer: owned(from.customer),
        who: first([from.failure_reason.or(from.failure_code), from.reason, from.description]),
        label: first([from.number, Some(from.id), None]),
        livemode: from.livemode,
    }
}
