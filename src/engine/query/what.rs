//! What an event means, in one sentence.
//!
//! Names of types that nobody told us of yet are spelled out. It must never let a control character through.

use crate::engine::api::EventRow;
use crate::stripe::kind::Kind;
use crate::stripe::{RowHead, money};
use crate::text;

/// Predicates by type. `$` stands for the amount, `#` for the reason (or leaves out what follows `:`).
const SAID: &[(&str, &str)] = &[
    ("invoice.created", "was created: $"),
    ("invoice.finalized", "was finalized: $ due"),
    ("invoice.sent", "was sent: $ due"),
    ("invoice.paid", "was paid: $"),
    ("invoice.payment_succeeded", "was paid: $"),
    ("invoice.payment_failed", "could not be collected: $ due"),
    ("invoice.payment_action_required", "waits for the customer to confirm the payment"),
    ("invoice.voided", "was voided"),
    ("invoice.marked_uncollectible", "was given up as uncollectible"),
    ("invoice.overdue", "is overdue: $"),
    ("invoice.will_be_due", "will be due soon: $"),
    ("invoice.upcoming", "is coming up: $"),
    ("invoice.deleted", "was deleted as a draft"),
    ("invoice_payment.paid", "went through: $"),
    ("payment_intent.created", "was begun: $"),
    ("payment_intent.succeeded", "succeeded: $"),
    ("payment_intent.payment_failed", "failed: #"),
    ("payment_intent.requires_action", "waits for the customer to confirm it"),
    ("payment_intent.processing", "is being processed: $"),
    ("payment_intent.canceled", "was canceled"),
    ("charge.succeeded", "succeeded: $"),
    ("charge.failed", "failed: #"),
    ("charge.refunded", "was refunded: $"),
    ("charge.dispute.created", "was opened: $ (#)"),
    ("charge.dispute.closed", "was closed"),
    ("refund.created", "was made: $"),
    ("refund.failed", "failed: #"),
    ("customer.created", "was created"),
    ("customer.deleted", "was deleted"),
    ("customer.subscription.created", "began"),
    ("customer.subscription.deleted", "ended"),
    ("customer.subscription.paused", "was paused"),
    ("customer.subscription.resumed", "was resumed"),
    ("customer.subscription.trial_will_end", "soon ends its trial"),
];

/// What an object is called in a sentence.
fn noun(event_type: &str, kind: Option<Kind>) -> String {
    match kind {
        Some(Kind::Invoice) => "Invoice".into(),
        Some(Kind::Customer) => "Customer".into(),
        Some(Kind::PaymentIntent | Kind::InvoicePayment) => "Payment".into(),
        Some(Kind::Charge) => "Charge".into(),
        Some(Kind::Subscription) => "Subscription".into(),
        Some(kind) => capital(&kind.object().replace('_', " ")),
        None => {
            let (thing, _) = event_type.rsplit_once('.').unwrap_or((event_type, ""));
            capital(&thing.rsplit('.').next().unwrap_or(thing).replace('_', " "))
        }
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The sentence. `head`: of the object in the event. `customer`: the name that belongs to it, if it is known.
/// `reason`: why something failed.
pub fn happened(
    row: &EventRow,
    kind: Option<Kind>,
    head: &RowHead,
    customer: Option<&str>,
    reason: Option<&str>,
) -> String {
    let mut subject = noun(&row.event_type, kind);
    // A payment's label is a description or its id: who and how much say more.
    if matches!(kind, Some(Kind::Invoice | Kind::Product | Kind::Price | Kind::CreditNote))
        && head.label != row.object
    {
        subject = format!("{subject} {}", head.label);
    }
    let who = customer.or(Some(row.who.as_str())).filter(|who| !who.is_empty() && Some(*who) != reason);
    match (kind, who) {
        (Some(Kind::Customer), who) => subject = format!("{subject} {}", who.unwrap_or(&row.object)),
        (Some(Kind::PaymentIntent | Kind::Charge | Kind::InvoicePayment), Some(who)) => {
            subject = format!("{subject} by {who}");
        }
        (Some(Kind::Product | Kind::Price), _) | (_, None) => {}
        (_, Some(who)) => subject = format!("{subject} of {who}"),
    }
    let amount = head.amount.filter(|_| !head.currency.is_empty());
    let amount = amount.map(|amount| money::format(amount, &head.currency));
    let said = SAID.iter().find(|one| one.0 == row.event_type).map(|one| one.1);
    let predicate = said.map_or_else(|| spelled(&row.event_type), str::to_owned);
    let predicate = filled(&predicate, amount.as_deref(), reason);
    let gap = if predicate.starts_with(':') { "" } else { " " };
    text::clean_max(&format!("{subject}{gap}{predicate}"), 300)
}

fn spelled(event_type: &str) -> String {
    match event_type.rsplit('.').next().unwrap_or(event_type) {
        "updated" => "changed".to_owned(),
        word @ ("created" | "deleted" | "closed" | "canceled" | "expired") => format!("was {word}"),
        word => format!(": {}", word.replace('_', " ")),
    }
}

/// Puts amount and reason in, or leaves out the part that would hold them.
fn filled(predicate: &str, amount: Option<&str>, reason: Option<&str>) -> String {
    let mut out = predicate.to_owned();
    if out.contains('#') {
        out = match reason {
            Some(reason) => out.replace('#', reason),
            None => out.replace(" (#)", "").replace(": #", ""),
        };
    }
    if out.contains('$') && predicate.contains('$') {
        out = match amount {
            Some(amount) => out.replacen('$', amount, 1),
            None => out.split(": $").next().unwrap_or_default().to_owned(),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::api::{IntegrationId, Source};

    fn row(event_type: &str, object: &str, who: &str) -> EventRow {
        EventRow {
            integration: IntegrationId(1),
            id: "evt_1".into(),
            created: 1,
            received: 1,
            event_type: event_type.into(),
            object: object.into(),
            amount: None,
            who: who.into(),
            source: Source::Poll,
            starred: false,
            marks: crate::engine::api::Marks::default(),
        }
    }

    fn head(label: &str) -> RowHead {
        RowHead { amount: Some(124_000), currency: "eur".into(), label: label.into(), ..RowHead::default() }
    }

    #[test]
    fn sentences() {
        let say = |event_type: &str, kind, object: &str, who: &str, reason| {
            happened(&row(event_type, object, who), kind, &head("INV-1"), None, reason)
        };
        assert_eq!(
            say("invoice.paid", Some(Kind::Invoice), "in_1", "Initech GmbH", None),
            "Invoice INV-1 of Initech GmbH was paid: €1,240.00"
        );
        assert_eq!(
            say(
                "payment_intent.payment_failed",
                Some(Kind::PaymentIntent),
                "pi_1",
                "lost_card",
                Some("lost_card")
            ),
            "Payment failed: lost_card"
        );
        assert_eq!(
            say("payment_intent.payment_failed", Some(Kind::PaymentIntent), "pi_1", "Zoë", None),
            "Payment by Zoë failed"
        );
        assert_eq!(
            say("customer.updated", Some(Kind::Customer), "cus_1", "A\u{1b}[2J", None),
            "Customer A changed"
        );
        assert_eq!(say("issuing_card.shipped_off", None, "ic_1", "", None), "Issuing card: shipped off");
        let none = RowHead { label: "in_1".into(), ..RowHead::default() };
        assert_eq!(
            happened(&row("invoice.finalized", "in_1", ""), Some(Kind::Invoice), &none, None, None),
            "Invoice was finalized"
        );
    }
}
