//! Small typed views over objects' JSON text.
//!
//! Each holds what tillwatch looks at and nothing else, borrowing from the text. They read every shape that
//! events may bring, old API versions too (docs.stripe.com/upgrades: subscription, price and charge moved in
//! 2025-03-31.basil). It must never fail on an unknown field, an unknown value, or a field of another type:
//! that reads as absent. Only text that is no JSON object is an error (that an array may
//! pass for one, serde decides; the client lets none through). Use `serde_json::from_str`.

use std::borrow::Cow;

use serde::Deserialize;

use super::lenient;

pub use super::view_more::{
    AccountHead, BalanceHead, EventData, EventHead, SubscriptionHead, SubscriptionItem,
};

/// Text that may be absent.
pub type MaybeText<'a> = Option<Cow<'a, str>>;

/// What all objects have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ObjectHead<'a> {
    /// Empty for objects without one (`invoice.upcoming`, `balance`).
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// `invoice`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub object: Cow<'a, str>,
    /// Unix seconds; absent on some.
    #[serde(deserialize_with = "lenient::int")]
    pub created: Option<i64>,
    /// Live money; absent on some.
    #[serde(deserialize_with = "lenient::maybe_flag")]
    pub livemode: Option<bool>,
    /// Only a stub is left of it.
    #[serde(deserialize_with = "lenient::flag")]
    pub deleted: bool,
}

/// An invoice.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct InvoiceHead<'a> {
    /// Empty for an upcoming invoice: never store that one.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// `draft`, `open`, `paid`, `uncollectible`, `void`, or what is to come.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub status: MaybeText<'a>,
    /// The number that customers see.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub number: MaybeText<'a>,
    /// `cus_…`, whether expanded or not.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub customer: MaybeText<'a>,
    /// As it was when the invoice was finalized.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub customer_email: MaybeText<'a>,
    /// As it was when the invoice was finalized.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub customer_name: MaybeText<'a>,
    /// ISO code, lower case.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub currency: Cow<'a, str>,
    /// Minor units; may be negative.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub total: i64,
    /// Minor units.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub amount_due: i64,
    /// Minor units.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub amount_paid: i64,
    /// Minor units.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub amount_remaining: i64,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(deserialize_with = "lenient::flag")]
    pub livemode: bool,
    /// Deleted (drafts only).
    #[serde(deserialize_with = "lenient::flag")]
    pub deleted: bool,
    /// First page of the lines.
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub lines: Lines<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    parent: Parent<'a>,
    /// Before basil it stood here.
    #[serde(borrow, rename = "subscription", deserialize_with = "lenient::text")]
    old_subscription: MaybeText<'a>,
    /// Before basil: `ch_…`.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub charge: MaybeText<'a>,
    /// Before basil: `pi_…`.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub payment_intent: MaybeText<'a>,
}

impl InvoiceHead<'_> {
    /// `sub_…`, from where the invoice's API version keeps it.
    pub fn subscription(&self) -> Option<&str> {
        self.parent.subscription_details.subscription.as_deref().or(self.old_subscription.as_deref())
    }

    /// Ids of the products on the first page of lines, each once, in order.
    pub fn products(&self) -> Vec<&str> {
        each_once(self.lines.data.iter().filter_map(Line::product))
    }

    /// Ids of the prices on the first page of lines, each once, in order.
    pub fn prices(&self) -> Vec<&str> {
        each_once(self.lines.data.iter().filter_map(Line::price))
    }
}

fn each_once<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for id in ids {
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Parent<'a> {
    #[serde(borrow, deserialize_with = "lenient::object")]
    subscription_details: SubscriptionDetails<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct SubscriptionDetails<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    subscription: MaybeText<'a>,
}

/// The lines that came with an invoice.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Lines<'a> {
    /// There are more than these: read `/v1/invoices/{id}/lines`.
    #[serde(deserialize_with = "lenient::flag")]
    pub has_more: bool,
    /// The first ones.
    #[serde(borrow, deserialize_with = "lenient::array")]
    pub data: Vec<Line<'a>>,
}

/// One line of an invoice.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Line<'a> {
    /// `il_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pricing: Pricing<'a>,
    /// Before basil: the price whole.
    #[serde(borrow, rename = "price", deserialize_with = "lenient::object")]
    old_price: OldPrice<'a>,
}

impl Line<'_> {
    /// `price_…`
    pub fn price(&self) -> Option<&str> {
        self.pricing.price_details.price.as_deref().or(self.old_price.id.as_deref())
    }

    /// `prod_…`
    pub fn product(&self) -> Option<&str> {
        self.pricing.price_details.product.as_deref().or(self.old_price.product.as_deref())
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Pricing<'a> {
    #[serde(borrow, deserialize_with = "lenient::object")]
    price_details: PriceDetails<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct PriceDetails<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    price: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    product: MaybeText<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OldPrice<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    id: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    product: MaybeText<'a>,
}

/// A customer. A deleted one has only its id.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CustomerHead<'a> {
    /// `cus_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// Full or company name.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub name: MaybeText<'a>,
    /// E-mail.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub email: MaybeText<'a>,
    /// What the account wrote down about it.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub description: MaybeText<'a>,
    /// ISO code, lower case.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub currency: Cow<'a, str>,
    /// Minor units; below zero is credit.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub balance: i64,
    /// The last invoice failed to be paid.
    #[serde(deserialize_with = "lenient::flag")]
    pub delinquent: bool,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(deserialize_with = "lenient::flag")]
    pub livemode: bool,
    /// Deleted.
    #[serde(deserialize_with = "lenient::flag")]
    pub deleted: bool,
}

/// Why a payment failed, from a payment intent's `last_payment_error`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PaymentError<'a> {
    /// `card_declined`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub code: MaybeText<'a>,
    /// `insufficient_funds`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub decline_code: MaybeText<'a>,
    /// Stripe's words.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub message: MaybeText<'a>,
}

impl PaymentError<'_> {
    /// The most telling of its codes.
    pub fn reason(&self) -> Option<&str> {
        self.decline_code.as_deref().or(self.code.as_deref())
    }
}

/// A payment intent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PaymentIntentHead<'a> {
    /// `pi_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// `succeeded`, `requires_payment_method`, …
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub status: MaybeText<'a>,
    /// Minor units, asked for.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub amount: i64,
    /// Minor units, got.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub amount_received: i64,
    /// ISO code, lower case.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub currency: Cow<'a, str>,
    /// `cus_…`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub customer: MaybeText<'a>,
    /// `ch_…`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub latest_charge: MaybeText<'a>,
    /// The last failure; may stay after a later success.
    #[serde(borrow, deserialize_with = "lenient::maybe_object")]
    pub last_payment_error: Option<PaymentError<'a>>,
    /// What the account wrote down about it.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub description: MaybeText<'a>,
    /// Where the receipt goes.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub receipt_email: MaybeText<'a>,
    /// Before basil: `in_…`.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub invoice: MaybeText<'a>,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(deserialize_with = "lenient::flag")]
    pub livemode: bool,
}

/// A charge: one attempt to take money.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ChargeHead<'a> {
    /// `ch_…` or `py_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// `succeeded`, `pending`, `failed`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub status: MaybeText<'a>,
    /// Minor units.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub amount: i64,
    /// Minor units given back.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub amount_refunded: i64,
    /// ISO code, lower case.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub currency: Cow<'a, str>,
    /// `cus_…`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub customer: MaybeText<'a>,
    /// `pi_…`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub payment_intent: MaybeText<'a>,
    /// Before basil: `in_…`.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub invoice: MaybeText<'a>,
    /// `card_declined`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub failure_code: MaybeText<'a>,
    /// Stripe's words.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub failure_message: MaybeText<'a>,
    /// What the network and Radar said.
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub outcome: Outcome<'a>,
    /// What was typed at the checkout.
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub billing_details: Contact<'a>,
    /// The card or bank account that was charged.
    #[serde(borrow, deserialize_with = "lenient::object")]
    payment_method_details: PaidWith<'a>,
    /// A dispute was opened.
    #[serde(deserialize_with = "lenient::flag")]
    pub disputed: bool,
    /// Given back whole.
    #[serde(deserialize_with = "lenient::flag")]
    pub refunded: bool,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(deserialize_with = "lenient::flag")]
    pub livemode: bool,
}

impl ChargeHead<'_> {
    /// `visa 4242`: the card's brand or the sort of account, and its last four digits.
    pub fn paid_with(&self) -> Option<String> {
        let with = &self.payment_method_details;
        let ways = [
            (&with.card, "card"),
            (&with.card_present, "card"),
            (&with.sepa_debit, "sepa"),
            (&with.us_bank_account, "bank"),
            (&with.bacs_debit, "bacs"),
            (&with.au_becs_debit, "becs"),
            (&with.acss_debit, "bank"),
        ];
        ways.into_iter().find_map(|(way, name)| {
            let last4 = way.last4.as_deref().filter(|last4| !last4.is_empty())?;
            Some(format!("{} {last4}", way.brand.as_deref().unwrap_or(name)))
        })
    }
}

/// What was charged: the ways that have digits to tell.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct PaidWith<'a> {
    #[serde(borrow, deserialize_with = "lenient::object")]
    card: Digits<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    card_present: Digits<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    sepa_debit: Digits<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    us_bank_account: Digits<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    bacs_debit: Digits<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    au_becs_debit: Digits<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    acss_debit: Digits<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Digits<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    brand: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    last4: MaybeText<'a>,
}

/// What the network and Radar said about a charge.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Outcome<'a> {
    /// `insufficient_funds`, `highest_risk_level`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub reason: MaybeText<'a>,
}

/// A name and an e-mail.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Contact<'a> {
    /// Name.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub name: MaybeText<'a>,
    /// E-mail.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub email: MaybeText<'a>,
}

/// What ties an invoice to what paid it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct InvoicePaymentHead<'a> {
    /// `inpay_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// `in_…`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub invoice: MaybeText<'a>,
    /// `open`, `paid`, `canceled`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub status: MaybeText<'a>,
    /// Minor units; none until paid.
    #[serde(deserialize_with = "lenient::int")]
    pub amount_paid: Option<i64>,
    /// Minor units.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub amount_requested: i64,
    /// ISO code, lower case.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub currency: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    payment: Payment<'a>,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(deserialize_with = "lenient::flag")]
    pub livemode: bool,
}

impl InvoicePaymentHead<'_> {
    /// `pi_…`
    pub fn payment_intent(&self) -> Option<&str> {
        self.payment.payment_intent.as_deref()
    }

    /// `ch_…`
    pub fn charge(&self) -> Option<&str> {
        self.payment.charge.as_deref()
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Payment<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    payment_intent: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    charge: MaybeText<'a>,
}

/// A product.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ProductHead<'a> {
    /// `prod_…`, or an id of the account's own choice.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// Name.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub name: MaybeText<'a>,
    /// Can be bought; none when it does not say.
    #[serde(deserialize_with = "lenient::maybe_flag")]
    pub active: Option<bool>,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(deserialize_with = "lenient::flag")]
    pub livemode: bool,
    /// Deleted.
    #[serde(deserialize_with = "lenient::flag")]
    pub deleted: bool,
}

/// A price.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PriceHead<'a> {
    /// `price_…` or `plan_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// `prod_…`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub product: MaybeText<'a>,
    /// Minor units; none for tiers and fractions.
    #[serde(deserialize_with = "lenient::int")]
    pub unit_amount: Option<i64>,
    /// ISO code, lower case.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub currency: Cow<'a, str>,
    /// Seen by the account only.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub nickname: MaybeText<'a>,
    /// The account's own key for it.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub lookup_key: MaybeText<'a>,
    /// Can be bought; none when it does not say.
    #[serde(deserialize_with = "lenient::maybe_flag")]
    pub active: Option<bool>,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(deserialize_with = "lenient::flag")]
    pub livemode: bool,
    /// Deleted.
    #[serde(deserialize_with = "lenient::flag")]
    pub deleted: bool,
}
