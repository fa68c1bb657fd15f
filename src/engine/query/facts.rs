//! What matters of an object, as name and value: which field of which kind, told in one table.
//!
//! An amount always says which one it is. It must never show a field that the object does not have.

use serde_json::Value;

use super::columns::{plain, time, word};
use crate::engine::api::{Cell, Fact};
use crate::stripe::kind::Kind;

/// How a field is shown.
#[derive(Clone, Copy)]
enum As {
    Word,
    Text,
    Money,
    Time,
    Count,
    /// Only when it is true.
    Flag,
}

struct Field(&'static str, &'static str, As);

const INVOICE: &[Field] = &[
    Field("status", "status", As::Word),
    Field("total", "total", As::Money),
    Field("due", "amount_due", As::Money),
    Field("paid", "amount_paid", As::Money),
    Field("remaining", "amount_remaining", As::Money),
    Field("created", "created", As::Time),
    Field("due date", "due_date", As::Time),
    Field("paid at", "status_transitions.paid_at", As::Time),
    Field("tries", "attempt_count", As::Count),
    Field("next try", "next_payment_attempt", As::Time),
    Field("collection", "collection_method", As::Word),
    Field("reason", "billing_reason", As::Word),
    Field("customer", "customer_name", As::Text),
    Field("e-mail", "customer_email", As::Text),
    Field("period from", "period_start", As::Time),
    Field("period to", "period_end", As::Time),
    Field("last error", "last_finalization_error.message", As::Text),
];
const CUSTOMER: &[Field] = &[
    Field("name", "name", As::Text),
    Field("e-mail", "email", As::Text),
    Field("phone", "phone", As::Text),
    Field("description", "description", As::Text),
    Field("balance", "balance", As::Money),
    Field("delinquent", "delinquent", As::Flag),
    Field("created", "created", As::Time),
];
const PRODUCT: &[Field] = &[
    Field("name", "name", As::Text),
    Field("description", "description", As::Text),
    Field("active", "active", As::Word),
    Field("created", "created", As::Time),
];
const PRICE: &[Field] = &[
    Field("unit amount", "unit_amount", As::Money),
    Field("every", "recurring.interval", As::Word),
    Field("type", "type", As::Word),
    Field("nickname", "nickname", As::Text),
    Field("key", "lookup_key", As::Text),
    Field("active", "active", As::Word),
    Field("created", "created", As::Time),
];
const SUBSCRIPTION: &[Field] = &[
    Field("status", "status", As::Word),
    Field("description", "description", As::Text),
    Field("created", "created", As::Time),
    Field("period ends", "current_period_end", As::Time),
    Field("period ends", "items.data.0.current_period_end", As::Time),
    Field("trial ends", "trial_end", As::Time),
    Field("cancels at the period's end", "cancel_at_period_end", As::Flag),
    Field("cancels", "cancel_at", As::Time),
    Field("canceled", "canceled_at", As::Time),
    Field("ended", "ended_at", As::Time),
    Field("collection", "collection_method", As::Word),
];
const PAYMENT_INTENT: &[Field] = &[
    Field("status", "status", As::Word),
    Field("asked for", "amount", As::Money),
    Field("received", "amount_received", As::Money),
    Field("decline", "last_payment_error.decline_code", As::Word),
    Field("error", "last_payment_error.code", As::Word),
    Field("message", "last_payment_error.message", As::Text),
    Field("next action", "next_action.type", As::Word),
    Field("canceled", "canceled_at", As::Time),
    Field("why canceled", "cancellation_reason", As::Word),
    Field("description", "description", As::Text),
    Field("receipt to", "receipt_email", As::Text),
    Field("created", "created", As::Time),
];
const CHARGE: &[Field] = &[
    Field("status", "status", As::Word),
    Field("charged", "amount", As::Money),
    Field("refunded", "amount_refunded", As::Money),
    Field("decline", "outcome.reason", As::Word),
    Field("failure", "failure_code", As::Word),
    Field("message", "failure_message", As::Text),
    Field("advice", "outcome.advice_code", As::Word),
    Field("risk", "outcome.risk_level", As::Word),
    Field("card", "payment_method_details.card.brand", As::Word),
    Field("last4", "payment_method_details.card.last4", As::Text),
    Field("payer", "billing_details.name", As::Text),
    Field("e-mail", "billing_details.email", As::Text),
    Field("disputed", "disputed", As::Flag),
    Field("created", "created", As::Time),
];
const INVOICE_PAYMENT: &[Field] = &[
    Field("status", "status", As::Word),
    Field("paid", "amount_paid", As::Money),
    Field("requested", "amount_requested", As::Money),
    Field("paid at", "status_transitions.paid_at", As::Time),
    Field("created", "created", As::Time),
];
const OTHER: &[Field] = &[
    Field("status", "status", As::Word),
    Field("amount", "amount", As::Money),
    Field("total", "total", As::Money),
    Field("fee", "fee", As::Money),
    Field("net", "net", As::Money),
    Field("type", "type", As::Word),
    Field("reason", "reason", As::Word),
    Field("failure", "failure_reason", As::Word),
    Field("failure", "failure_code", As::Word),
    Field("evidence due", "evidence_details.due_by", As::Time),
    Field("arrives", "arrival_date", As::Time),
    Field("description", "description", As::Text),
    Field("created", "created", As::Time),
];

/// What stands at a path; numbers in it are places in arrays.
pub fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let found = path.split('.').try_fold(object, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    })?;
    (!found.is_null()).then_some(found)
}

/// The facts of an object.
pub fn of(kind: Kind, object: &Value) -> Vec<Fact> {
    let fields = match kind {
        Kind::Invoice => INVOICE,
        Kind::Customer => CUSTOMER,
        Kind::Product => PRODUCT,
        Kind::Price => PRICE,
        Kind::Subscription => SUBSCRIPTION,
        Kind::PaymentIntent => PAYMENT_INTENT,
        Kind::Charge => CHARGE,
        Kind::InvoicePayment => INVOICE_PAYMENT,
        Kind::Refund | Kind::Dispute | Kind::CreditNote | Kind::Payout | Kind::BalanceTransaction => OTHER,
    };
    let currency = at(object, "currency").and_then(Value::as_str).unwrap_or_default();
    let paid = at(object, "status").and_then(Value::as_str) == Some("succeeded");
    let mut out: Vec<Fact> = Vec::new();
    for Field(name, path, form) in fields {
        // An error that stayed behind after a success is not what matters.
        if paid && path.starts_with("last_payment_error") {
            continue;
        }
        let Some(value) = at(object, path) else { continue };
        let cell = cell(value, *form, currency);
        if cell != Cell::Empty && out.iter().all(|fact| fact.name != *name) {
            out.push(Fact { name: (*name).to_owned(), value: cell });
        }
    }
    out
}

fn cell(value: &Value, form: As, currency: &str) -> Cell {
    match (form, value) {
        (As::Word, Value::String(text)) => word(text),
        (As::Word, Value::Bool(flag)) => word(if *flag { "yes" } else { "no" }),
        (As::Text, Value::String(text)) => plain(text),
        (As::Money, Value::Number(number)) => super::columns::money(number.as_i64(), currency),
        (As::Time, Value::Number(number)) => time(number.as_i64().unwrap_or(0)),
        (As::Count, Value::Number(number)) => plain(&number.to_string()),
        (As::Flag, Value::Bool(true)) => word("yes"),
        _ => Cell::Empty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_say_which_amount_and_leave_out_what_is_not_there() {
        let invoice: Value = serde_json::from_str(
            r#"{"status":"open","total":1000,"amount_due":1200,"amount_remaining":0,"currency":"eur",
                "attempt_count":2,"next_payment_attempt":null,"customer_name":"A\u001b[2JB"}"#,
        )
        .unwrap();
        let facts = of(Kind::Invoice, &invoice);
        let money = |amount| Cell::Money { amount, currency: "eur".into() };
        let named = |name: &str| facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone());
        assert_eq!(named("due"), Some(money(1200)));
        assert_eq!(named("remaining"), Some(money(0)));
        assert_eq!(named("tries"), Some(Cell::Text { text: "2".into() }));
        assert_eq!(named("customer"), Some(Cell::Text { text: "AB".into() }));
        assert_eq!((named("paid"), named("next try")), (None, None));
    }

    #[test]
    fn an_error_before_a_success_is_not_told() {
        let error = r#""last_payment_error":{"decline_code":"lost_card"}"#;
        for (status, told) in [("succeeded", false), ("requires_payment_method", true)] {
            let payment: Value =
                serde_json::from_str(&format!(r#"{{"status":"{status}",{error}}}"#)).unwrap();
            assert_eq!(of(Kind::PaymentIntent, &payment).iter().any(|fact| fact.name == "decline"), told);
        }
    }
}
