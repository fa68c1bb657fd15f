//! The kinds of Stripe object that tillwatch keeps, and what each needs from the API.
//!
//! One table, so that the list name, the path, the permission and the list's traps stand together.
//! It must never be renumbered: [`Kind::tag`] is part of every key in the store.
//! Facts: Stripe's OpenAPI document of version 2026-10-28 and the restricted-key permission names that
//! its 403 answers print.

use serde::{Deserialize, Serialize};

/// A kind of Stripe object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `invoice`
    Invoice,
    /// `customer`
    Customer,
    /// `product`
    Product,
    /// `price`
    Price,
    /// `subscription`
    Subscription,
    /// `payment_intent`
    PaymentIntent,
    /// `charge`
    Charge,
    /// `invoice_payment`: the link between an invoice and what paid it
    InvoicePayment,
    /// `refund`
    Refund,
    /// `dispute`
    Dispute,
    /// `credit_note`
    CreditNote,
    /// `payout`
    Payout,
    /// `balance_transaction`
    BalanceTransaction,
}

struct Row {
    kind: Kind,
    tag: u8,
    object: &'static str,
    list: &'static str,
    path: &'static str,
    permission: &'static str,
    prefix: &'static str,
}

const TABLE: &[Row] = &[
    row(Kind::Invoice, 1, "invoice", "invoices", "/v1/invoices", "rak_invoice_read", "in_"),
    row(Kind::Customer, 2, "customer", "customers", "/v1/customers", "rak_customer_read", "cus_"),
    row(Kind::Product, 3, "product", "products", "/v1/products", "rak_product_read", "prod_"),
    row(Kind::Price, 4, "price", "prices", "/v1/prices", "rak_plan_read", "price_"),
    row(
        Kind::Subscription,
        5,
        "subscription",
        "subscriptions",
        "/v1/subscriptions",
        "rak_subscription_read",
        "sub_",
    ),
    row(
        Kind::PaymentIntent,
        6,
        "payment_intent",
        "payment_intents",
        "/v1/payment_intents",
        "rak_payment_intent_read",
        "pi_",
    ),
    row(Kind::Charge, 7, "charge", "charges", "/v1/charges", "rak_charge_read", "ch_"),
    row(
        Kind::InvoicePayment,
        8,
        "invoice_payment",
        "invoice_payments",
        "/v1/invoice_payments",
        "rak_invoice_read",
        "inpay_",
    ),
    row(Kind::Refund, 9, "refund", "refunds", "/v1/refunds", "rak_charge_read", "re_"),
    row(Kind::Dispute, 10, "dispute", "disputes", "/v1/disputes", "rak_dispute_read", "dp_"),
    row(
        Kind::CreditNote,
        11,
        "credit_note",
        "credit_notes",
        "/v1/credit_notes",
        "rak_credit_note_read",
        "cn_",
    ),
    row(Kind::Payout, 12, "payout", "payouts", "/v1/payouts", "rak_payout_read", "po_"),
    row(
        Kind::BalanceTransaction,
        13,
        "balance_transaction",
        "balance_transactions",
        "/v1/balance_transactions",
        "rak_balance_read",
        "txn_",
    ),
];

const fn row(
    kind: Kind,
    tag: u8,
    object: &'static str,
    list: &'static str,
    path: &'static str,
    permission: &'static str,
    prefix: &'static str,
) -> Row {
    Row { kind, tag, object, list, path, permission, prefix }
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Kind> {
        TABLE.iter().map(|row| row.kind)
    }

    fn row(self) -> &'static Row {
        // The table lists the kinds in declaration order; a test holds it to that.
        &TABLE[self as usize]
    }

    /// The byte that stands for this kind in store keys. Never changes meaning.
    pub fn tag(self) -> u8 {
        self.row().tag
    }

    /// The kind for a stored byte.
    pub fn from_tag(tag: u8) -> Option<Kind> {
        TABLE.iter().find(|row| row.tag == tag).map(|row| row.kind)
    }

    /// Stripe's `object` value.
    pub fn object(self) -> &'static str {
        self.row().object
    }

    /// Stripe's list name, which is also what the command line calls the kind.
    pub fn list_name(self) -> &'static str {
        self.row().list
    }

    /// The path of the list; a single object is at `path/id`.
    pub fn path(self) -> &'static str {
        self.row().path
    }

    /// The restricted-key permission that reading this kind needs.
    pub fn permission(self) -> &'static str {
        self.row().permission
    }

    /// What ids of this kind begin with today. A hint for looking things up, never a contract.
    pub fn id_prefix(self) -> &'static str {
        self.row().prefix
    }

    /// Query parameters that the list needs so as to hide nothing (subscriptions hide canceled ones).
    pub fn list_params(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Subscription => &[("status", "all")],
            _ => &[],
        }
    }

    /// The kind for Stripe's `object` value.
    pub fn from_object(object: &str) -> Option<Kind> {
        TABLE.iter().find(|row| row.object == object).map(|row| row.kind)
    }

    /// The kind an id seems to belong to, by its prefix.
    pub fn from_id(id: &str) -> Option<Kind> {
        // The longest prefix wins: `price_` before a shorter one that it might begin with.
        TABLE
            .iter()
            .filter(|row| id.starts_with(row.prefix))
            .max_by_key(|row| row.prefix.len())
            .map(|row| row.kind)
    }

    /// The kind a person names: list name, singular, or `payments` for payment intents.
    pub fn parse(word: &str) -> Option<Kind> {
        let word = word.trim().to_ascii_lowercase().replace('-', "_");
        if word == "payments" || word == "payment" {
            return Some(Kind::PaymentIntent);
        }
        TABLE.iter().find(|row| row.list == word || row.object == word).map(|row| row.kind)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.list_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_declaration_order_and_tags_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.kind as usize, index);
            assert_eq!(Kind::from_tag(row.tag), Some(row.kind));
            assert_eq!(Kind::parse(row.list), Some(row.kind));
            assert_eq!(Kind::parse(row.object), Some(row.kind));
        }
    }

    #[test]
    fn ids_and_aliases_name_their_kind() {
        assert_eq!(Kind::from_id("pi_123"), Some(Kind::PaymentIntent));
        assert_eq!(Kind::from_id("inpay_1"), Some(Kind::InvoicePayment));
        assert_eq!(Kind::from_id("in_1"), Some(Kind::Invoice));
        assert_eq!(Kind::parse("payments"), Some(Kind::PaymentIntent));
        assert_eq!(Kind::parse("nonsense"), None);
    }
}
