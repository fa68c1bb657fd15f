//! Which fields there are: of events, and of records of each kind.
//!
//! One table, from which the parser, completion and the reference take their names. A field is read from the
//! row's columns where they hold exactly that, else from the object's JSON; it must never be answered from a
//! column that may hold something else.

use super::fields::MarkOf;
use super::{Column, Subject};
use crate::stripe::kind::Kind;

/// How values of a field are written and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// `:` is the whole word.
    Word,
    /// `:` is "contains".
    Text,
    /// An event's type.
    Type,
    /// An ISO code.
    Currency,
    /// Money in the row's currency's own units.
    Amount,
    /// Times.
    Time,
    /// One of these.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
}

/// Where a field is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Any of these columns.
    Columns(&'static [Column]),
    /// The label, unless it is only the id: then the object has none.
    OwnLabel,
    /// The JSON: any of these paths, each with what its text must begin with to count.
    Json(&'static [(&'static str, &'static str)]),
    /// The amount.
    Amount,
    /// Stripe's time.
    Created,
    /// Our time.
    Received,
    /// The star.
    Starred,
}

/// A field.
#[derive(Debug, PartialEq, Eq)]
pub struct Def {
    /// As it is printed.
    pub name: &'static str,
    /// As it can be written, too.
    pub also: &'static [&'static str],
    /// How it is compared.
    pub sort: Sort,
    /// Where it is.
    pub from: Origin,
    /// What it is, for completion.
    pub help: &'static str,
}

const fn def(
    name: &'static str,
    also: &'static [&'static str],
    sort: Sort,
    from: Origin,
    help: &'static str,
) -> Def {
    Def { name, also, sort, from, help }
}

use self::Origin::{Columns, Json, OwnLabel};
use self::Sort::{Text, Word};
use Column as C;

const SOURCES: &[&str] = &["poll", "relay", "endpoint"];
const MARKS: &[&str] = &["late", "twin", "disorder", "connected"];
const MARK_COLUMNS: &[Column] =
    &[C::Mark(MarkOf::Late), C::Mark(MarkOf::Twin), C::Mark(MarkOf::Disorder), C::Mark(MarkOf::Connected)];
const STATES: &[&str] = &["synced", "stale", "gone", "pending", "processing", "skipped", "error"];

const EVENTS: &[Def] = &[
    def("type", &["event"], Sort::Type, Columns(&[C::Type]), "type of event: invoice.paid, *failed"),
    def("id", &[], Word, Columns(&[C::Id]), "the event's id"),
    def("object", &[], Word, Columns(&[C::Object]), "id of the object it is about"),
    def("amount", &["total"], Sort::Amount, Origin::Amount, "the amount shown, in its currency's own units"),
    def("currency", &[], Sort::Currency, Columns(&[C::Currency]), "ISO code: eur"),
    def("who", &[], Text, Columns(&[C::Who]), "what the row names: customer, e-mail or reason of failure"),
    def("created", &["date", "time"], Sort::Time, Origin::Created, "when it happened at Stripe"),
    def("received", &["stored"], Sort::Time, Origin::Received, "when it was stored here"),
    def("source", &[], Sort::Choice(SOURCES), Columns(&[C::Source]), "how it came: poll, relay, endpoint"),
    def(
        "mark",
        &["marks"],
        Sort::Choice(MARKS),
        Columns(MARK_COLUMNS),
        "what was odd about its coming: late, twin, disorder, connected",
    ),
    def(
        "account",
        &["integration"],
        Text,
        Columns(&[C::Account, C::AccountId]),
        "name or acct_ id of the account",
    ),
    def("starred", &["star"], Sort::Flag, Origin::Starred, "marked with a star"),
    def(
        "customer",
        &[],
        Word,
        Json(&[("data.object.customer", ""), ("data.object.id", "cus_")]),
        "the customer's id",
    ),
    def("status", &[], Word, Json(&[("data.object.status", "")]), "status of the object in the event"),
    def(
        "email",
        &[],
        Text,
        Json(&[
            ("data.object.customer_email", ""),
            ("data.object.email", ""),
            ("data.object.receipt_email", ""),
            ("data.object.billing_details.email", ""),
        ]),
        "e-mail on the object in the event",
    ),
    def(
        "name",
        &["customer_name"],
        Text,
        Json(&[
            ("data.object.customer_name", ""),
            ("data.object.name", ""),
            ("data.object.billing_details.name", ""),
        ]),
        "name on the object in the event",
    ),
    def("number", &[], Text, Json(&[("data.object.number", "")]), "number of the invoice or credit note"),
    def(
        "last4",
        &[],
        Word,
        Json(&[
            ("data.object.payment_method_details.card.last4", ""),
            ("data.object.payment_method_details.sepa_debit.last4", ""),
            ("data.object.payment_method_details.us_bank_account.last4", ""),
            ("data.object.last_payment_error.payment_method.card.last4", ""),
            ("data.object.card.last4", ""),
        ]),
        "last four digits of the card or bank account",
    ),
    def(
        "description",
        &[],
        Text,
        Json(&[("data.object.description", "")]),
        "description of the object in the event",
    ),
];

const RECORDS: &[Def] = &[
    def("id", &[], Word, Columns(&[C::Id]), "the object's id"),
    def("created", &["date", "time"], Sort::Time, Origin::Created, "when it was created at Stripe"),
    def("amount", &["total"], Sort::Amount, Origin::Amount, "the amount shown, in its currency's own units"),
    def("currency", &[], Sort::Currency, Columns(&[C::Currency]), "ISO code: eur"),
    def("status", &[], Word, Columns(&[C::Status]), "Stripe's status"),
    def("state", &[], Sort::Choice(STATES), Columns(&[C::State]), "synced, stale or gone"),
    def("customer", &[], Word, Columns(&[C::Customer]), "the customer's id"),
    def("who", &[], Text, Columns(&[C::Who]), "what the row names: name, e-mail or reason"),
    def("label", &[], Text, Columns(&[C::Label]), "what tells the row apart: number, name or id"),
    def("description", &[], Text, Json(&[("description", "")]), "the object's description"),
];

const INVOICES: &[Def] = &[
    def("number", &[], Text, OwnLabel, "the invoice's number"),
    def("name", &["customer_name"], Text, Json(&[("customer_name", "")]), "the customer's name"),
    def("email", &["customer_email"], Text, Json(&[("customer_email", "")]), "the customer's e-mail"),
    def(
        "subscription",
        &[],
        Word,
        Json(&[("parent.subscription_details.subscription", ""), ("subscription", "")]),
        "the subscription's id",
    ),
];
const CUSTOMERS: &[Def] = &[
    def("name", &[], Text, Json(&[("name", "")]), "the customer's name"),
    def("email", &[], Text, OwnLabel, "the customer's e-mail"),
    def("phone", &[], Text, Json(&[("phone", "")]), "the customer's phone number"),
];
const PRODUCTS: &[Def] = &[def("name", &[], Text, OwnLabel, "the product's name")];
const PRICES: &[Def] = &[
    def("name", &["nickname"], Text, Json(&[("nickname", "")]), "the price's nickname"),
    def("product", &[], Word, Json(&[("product", "")]), "the product's id"),
];
const PAYMENT_INTENTS: &[Def] = &[
    def("email", &["receipt_email"], Text, Json(&[("receipt_email", "")]), "where the receipt goes"),
    def(
        "decline",
        &["reason"],
        Word,
        Json(&[("last_payment_error.decline_code", ""), ("last_payment_error.code", "")]),
        "why the last try failed",
    ),
    def(
        "last4",
        &[],
        Word,
        Json(&[
            ("last_payment_error.payment_method.card.last4", ""),
            ("latest_charge.payment_method_details.card.last4", ""),
        ]),
        "last four digits of the card whose payment failed",
    ),
];
const CHARGES: &[Def] = &[
    def(
        "email",
        &[],
        Text,
        Json(&[("billing_details.email", ""), ("receipt_email", "")]),
        "e-mail of who paid",
    ),
    def("name", &[], Text, Json(&[("billing_details.name", "")]), "name of who paid"),
    def("decline", &["reason"], Word, Json(&[("outcome.reason", ""), ("failure_code", "")]), "why it failed"),
    def(
        "last4",
        &[],
        Word,
        Json(&[
            ("payment_method_details.card.last4", ""),
            ("payment_method_details.sepa_debit.last4", ""),
            ("payment_method_details.us_bank_account.last4", ""),
        ]),
        "last four digits of the card or bank account",
    ),
    def("number", &["receipt_number"], Text, Json(&[("receipt_number", "")]), "the receipt's number"),
];
const INVOICE_PAYMENTS: &[Def] = &[def("invoice", &[], Word, Json(&[("invoice", "")]), "the invoice's id")];
const REFUNDS: &[Def] = &[
    def("reason", &[], Word, Json(&[("reason", ""), ("failure_reason", "")]), "why it was made, or failed"),
    def("charge", &[], Word, Json(&[("charge", "")]), "the charge's id"),
];
const DISPUTES: &[Def] = &[
    def("reason", &[], Word, Json(&[("reason", "")]), "what the customer says"),
    def("charge", &[], Word, Json(&[("charge", "")]), "the charge's id"),
];
const CREDIT_NOTES: &[Def] = &[
    def("number", &[], Text, OwnLabel, "the credit note's number"),
    def("invoice", &[], Word, Json(&[("invoice", "")]), "the invoice's id"),
    def("reason", &[], Word, Json(&[("reason", "")]), "why it was made"),
];
const BALANCE_TRANSACTIONS: &[Def] = &[
    def("type", &[], Word, Json(&[("type", "")]), "charge, refund, payout, …"),
    def("source", &[], Word, Json(&[("source", "")]), "id of what moved the balance"),
];

/// Columns in which a bare text is looked for.
pub fn texts(subject: Subject) -> &'static [Column] {
    match subject {
        Subject::Events => &[C::Type, C::Who, C::Object, C::Id],
        Subject::Records(_) => &[C::Who, C::Label, C::Id, C::Customer, C::Status],
    }
}

/// All fields of a subject, in the order in which they are offered.
pub fn all(subject: Subject) -> impl Iterator<Item = &'static Def> {
    let (common, own): (&'static [Def], &'static [Def]) = match subject {
        Subject::Events => (EVENTS, &[]),
        Subject::Records(kind) => (
            RECORDS,
            match kind {
                Kind::Invoice => INVOICES,
                Kind::Customer => CUSTOMERS,
                Kind::Product => PRODUCTS,
                Kind::Price => PRICES,
                Kind::PaymentIntent => PAYMENT_INTENTS,
                Kind::Charge => CHARGES,
                Kind::InvoicePayment => INVOICE_PAYMENTS,
                Kind::Refund => REFUNDS,
                Kind::Dispute => DISPUTES,
                Kind::CreditNote => CREDIT_NOTES,
                Kind::BalanceTransaction => BALANCE_TRANSACTIONS,
                Kind::Subscription | Kind::Payout => &[],
            },
        ),
    };
    common.iter().chain(own)
}

/// The field of that name, whatever its case.
pub fn find(subject: Subject, name: &str) -> Option<&'static Def> {
    let is = |one: &str| one.eq_ignore_ascii_case(name);
    all(subject).find(|def| is(def.name) || def.also.iter().any(|one| is(one)))
}

/// Names that somebody may have meant, best first, at most three.
pub fn near(subject: Subject, name: &str) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    let mut found: Vec<(usize, &'static str)> = all(subject)
        .flat_map(|def| std::iter::once(def.name).chain(def.also.iter().copied()))
        .filter_map(|known| {
            let distance =
                if name.len() >= 3 && known.starts_with(&name) { 0 } else { distance(&name, known) };
            (distance <= 1 + known.len() / 4).then_some((distance, known))
        })
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, known)| known).take(3).collect()
}

/// Letters to change, add, leave out or exchange with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(40).collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_near_ones_are_found() {
        for subject in std::iter::once(Subject::Events).chain(Kind::all().map(Subject::Records)) {
            let names: Vec<&str> = all(subject)
                .flat_map(|def| std::iter::once(def.name).chain(def.also.iter().copied()))
                .collect();
            for (index, name) in names.iter().enumerate() {
                assert!(!names[..index].contains(name), "{subject:?} {name}");
            }
        }
        assert_eq!(near(Subject::Events, "tpye")[0], "type");
        assert_eq!(near(Subject::Events, "curr"), ["currency"]);
        assert_eq!(near(Subject::Events, "acount"), ["amount", "account"]);
        assert!(near(Subject::Events, "zzzzzz").is_empty());
        assert_eq!(find(Subject::Events, "TOTAL").map(|def| def.name), Some("amount"));
    }
}
