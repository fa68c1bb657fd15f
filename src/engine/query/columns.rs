//! The columns of each kind's table, and what stands in their cells.
//!
//! A heading says which amount it is. It must never let a control character into a cell.

use crate::engine::api::{Cell, Column};
use crate::store::rows::{self, Row, RowTable};
use crate::stripe::kind::Kind;
use crate::text;

/// A column: what sort calls it, its heading, its widths, and where it comes from.
pub struct Spec {
    name: &'static str,
    label: &'static str,
    width: (u16, u16),
    /// What it shows and is ordered by.
    pub from: rows::Column,
}

const fn spec(name: &'static str, label: &'static str, width: (u16, u16), from: rows::Column) -> Spec {
    Spec { name, label, width, from }
}

const STATUS: Spec = spec("status", "status", (8, 16), rows::Column::Status);
const CREATED: Spec = spec("created", "created", (10, 19), rows::Column::Created);
const ID: Spec = spec("id", "id", (12, 28), rows::Column::Id);
const CUSTOMER: Spec = spec("customer", "customer", (12, 28), rows::Column::Customer);

const fn label(name: &'static str, heading: &'static str) -> Spec {
    spec(name, heading, (10, 28), rows::Column::Label)
}

const fn who(heading: &'static str) -> Spec {
    spec("who", heading, (12, 40), rows::Column::Who)
}

const fn amount(heading: &'static str) -> Spec {
    spec("amount", heading, (10, 18), rows::Column::Amount)
}

const INVOICES: &[Spec] =
    &[label("number", "number"), STATUS, who("customer"), amount("paid or due"), CREATED, ID];
const CATALOG: &[Spec] = &[
    label("number", "number"),
    spec("state", "state", (8, 13), rows::Column::State),
    STATUS,
    who("customer"),
    amount("paid or due"),
    CREATED,
    spec("listed", "listed", (10, 19), rows::Column::Listed),
    ID,
];
const CUSTOMERS: &[Spec] = &[who("name"), label("email", "e-mail"), STATUS, CREATED, amount("balance"), ID];
const PRODUCTS: &[Spec] = &[label("name", "name"), STATUS, CREATED, ID];
const PRICES: &[Spec] =
    &[label("label", "name or key"), amount("unit amount"), STATUS, who("product"), CREATED, ID];
const SUBSCRIPTIONS: &[Spec] =
    &[CUSTOMER, STATUS, amount("per period"), CREATED, label("label", "description"), ID];
const PAYMENTS: &[Spec] = &[
    STATUS,
    amount("amount"),
    CUSTOMER,
    who("decline or e-mail"),
    CREATED,
    label("label", "description"),
    ID,
];
const CHARGES: &[Spec] =
    &[STATUS, amount("charged"), who("decline or payer"), label("label", "paid with"), CUSTOMER, CREATED, ID];
const INVOICE_PAYMENTS: &[Spec] = &[
    label("label", "invoice"),
    STATUS,
    amount("paid or asked"),
    spec("who", "paid by", (12, 28), rows::Column::Who),
    CREATED,
    ID,
];
const REFUNDS: &[Spec] = &[STATUS, amount("refunded"), who("reason"), CREATED, ID];
const DISPUTES: &[Spec] = &[STATUS, amount("disputed"), who("reason"), CREATED, ID];
const CREDIT_NOTES: &[Spec] =
    &[label("number", "number"), STATUS, amount("total"), who("reason"), CUSTOMER, CREATED, ID];
const PAYOUTS: &[Spec] = &[STATUS, amount("amount"), who("description"), CREATED, ID];
const BALANCE: &[Spec] = &[STATUS, amount("amount"), who("description"), CREATED, ID];

/// The columns of a table, most important first.
pub fn of(kind: Kind, catalog: bool) -> &'static [Spec] {
    match kind {
        Kind::Invoice if catalog => CATALOG,
        Kind::Invoice => INVOICES,
        Kind::Customer => CUSTOMERS,
        Kind::Product => PRODUCTS,
        Kind::Price => PRICES,
        Kind::Subscription => SUBSCRIPTIONS,
        Kind::PaymentIntent => PAYMENTS,
        Kind::Charge => CHARGES,
        Kind::InvoicePayment => INVOICE_PAYMENTS,
        Kind::Refund => REFUNDS,
        Kind::Dispute => DISPUTES,
        Kind::CreditNote => CREDIT_NOTES,
        Kind::Payout => PAYOUTS,
        Kind::BalanceTransaction => BALANCE,
    }
}

/// As a front-end is told of it.
pub fn view(spec: &Spec) -> Column {
    Column {
        name: spec.name.to_owned(),
        label: spec.label.to_owned(),
        right: spec.from == rows::Column::Amount,
        sortable: true,
        width: spec.width,
    }
}

/// The column to order by, by its name: one of the table's, or one that every table has.
pub fn sorted_by(kind: Kind, catalog: bool, name: &str) -> Option<rows::Column> {
    let own = of(kind, catalog).iter().find(|spec| spec.name == name).map(|spec| spec.from);
    own.or_else(|| rows::Column::parse(name))
}

/// The names that a table can be ordered by, for messages.
pub fn names(kind: Kind, catalog: bool) -> String {
    of(kind, catalog).iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ")
}

/// What stands in a cell of a row. `named` gives the name that belongs to a customer's id, if it is known.
pub fn cell(
    spec: &Spec,
    table: &RowTable,
    at: usize,
    row: &Row<'_>,
    named: impl Fn(&str) -> Option<String>,
) -> Cell {
    match spec.from {
        rows::Column::Created => time(row.created),
        rows::Column::Listed => time(table.listed(at)),
        rows::Column::Amount => money(row.amount, row.currency),
        rows::Column::Status => word(row.status),
        rows::Column::State => word(row.state.word()),
        rows::Column::Customer => match named(row.customer) {
            Some(name) => plain(&name),
            None => id(row.customer),
        },
        rows::Column::Who if Kind::from_id(row.who).is_some() => id(row.who),
        rows::Column::Who => plain(row.who),
        rows::Column::Label if row.label == row.id || Kind::from_id(row.label).is_some() => id(row.label),
        rows::Column::Label => plain(row.label),
        rows::Column::Id => id(row.id),
    }
}

/// Text, cleaned.
pub fn plain(value: &str) -> Cell {
    if value.is_empty() { Cell::Empty } else { Cell::Text { text: text::clean(value).into_owned() } }
}

/// A word of Stripe's, cleaned.
pub fn word(value: &str) -> Cell {
    if value.is_empty() { Cell::Empty } else { Cell::Word { word: text::clean(value).into_owned() } }
}

/// An id, cleaned.
pub fn id(value: &str) -> Cell {
    if value.is_empty() { Cell::Empty } else { Cell::Id { id: text::clean(value).into_owned() } }
}

/// A moment; nothing for 0.
pub fn time(at: i64) -> Cell {
    if at > 0 { Cell::Time { at } } else { Cell::Empty }
}

/// An amount in a currency; nothing without one.
pub fn money(amount: Option<i64>, currency: &str) -> Cell {
    match amount {
        Some(amount) if !currency.is_empty() => {
            Cell::Money { amount, currency: text::clean(currency).into_owned() }
        }
        _ => Cell::Empty,
    }
}
