//! The fields that are read of events' objects, and nothing else of them.
//!
//! A field that is absent, null or of another type reads as absent. It must never make a whole object unreadable.

use std::borrow::Cow;

use serde::Deserialize;

use crate::stripe::lenient;
use crate::stripe::view::MaybeText;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct InvoiceView<'a> {
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) number: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) customer: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) customer_account: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) customer_name: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) customer_email: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) currency: Cow<'a, str>,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub(super) amount_due: i64,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub(super) amount_paid: i64,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub(super) amount_remaining: i64,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub(super) attempt_count: i64,
    #[serde(deserialize_with = "lenient::int")]
    pub(super) next_payment_attempt: Option<i64>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) hosted_invoice_url: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) payment_intent: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) subscription: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) parent: Parent<'a>,
    #[serde(deserialize_with = "lenient::object")]
    pub(super) status_transitions: Transitions,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Parent<'a> {
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) subscription_details: SubscriptionDetails<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct SubscriptionDetails<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) subscription: MaybeText<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Transitions {
    #[serde(rename = "paid_at", deserialize_with = "lenient::int")]
    pub(super) paid: Option<i64>,
    #[serde(rename = "voided_at", deserialize_with = "lenient::int")]
    pub(super) voided: Option<i64>,
    #[serde(rename = "marked_uncollectible_at", deserialize_with = "lenient::int")]
    pub(super) marked_uncollectible: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PaymentView<'a> {
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) status: Cow<'a, str>,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub(super) amount: i64,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub(super) amount_received: i64,
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) currency: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) customer: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) customer_account: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) invoice: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) latest_charge: MaybeText<'a>,
    #[serde(deserialize_with = "lenient::int")]
    pub(super) canceled_at: Option<i64>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) payment_details: PaymentDetails<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) last_payment_error: ErrorView<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PaymentDetails<'a> {
    /// Whatever the merchant likes; of an invoice's payment it may be the invoice.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) order_reference: MaybeText<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ErrorView<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) code: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) decline_code: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) advice_code: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) network_advice_code: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) charge: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) payment_method: MethodView<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct MethodView<'a> {
    #[serde(borrow, rename = "type", deserialize_with = "lenient::text")]
    pub(super) kind: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) card: CardView<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) sepa_debit: CardView<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) us_bank_account: CardView<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct CardView<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) brand: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) last4: MaybeText<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ChargeView<'a> {
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) status: Cow<'a, str>,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub(super) amount: i64,
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub(super) currency: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) payment_intent: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) invoice: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) failure_code: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) outcome: OutcomeView<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) payment_method_details: MethodView<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct OutcomeView<'a> {
    #[serde(borrow, rename = "type", deserialize_with = "lenient::text")]
    pub(super) kind: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) reason: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) advice_code: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) network_advice_code: MaybeText<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct SubscriptionView<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) latest_invoice: MaybeText<'a>,
    #[serde(deserialize_with = "lenient::int")]
    pub(super) canceled_at: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub(super) ended_at: Option<i64>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(super) cancellation_details: Cancellation<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Cancellation<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) reason: MaybeText<'a>,
}

impl MethodView<'_> {
    /// `visa 4242`, or the sort of method.
    pub(super) fn shown(&self) -> Option<String> {
        let ways = [(&self.card, "card"), (&self.sepa_debit, "sepa"), (&self.us_bank_account, "bank")];
        let digits = ways.into_iter().find_map(|(way, name)| {
            let last4 = way.last4.as_deref().filter(|last4| !last4.is_empty())?;
            Some(format!("{} {last4}", way.brand.as_deref().unwrap_or(name)))
        });
        digits.or_else(|| self.kind.as_deref().map(str::to_owned))
    }
}
