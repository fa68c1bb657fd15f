//! Events in versions before 2025-03-31 ("basil"), which moved what an invoice, its payment and a subscription
//! say of each other.
//!
//! Only those moves are undone, and only in `data.object`: enough that a client which reads the old shape as the
//! new one is found out. The order of members is not Stripe's here.

use serde_json::{Map, Value, json};

use super::Writer;
use crate::sandbox::ids::{CHARGES_PER_INVOICE, Obj};

/// The first version with today's shapes.
const BASIL: &str = "2025-03-31";

/// Whether events of that version look like old ones. Versions begin with their date.
pub fn is_old(version: &str) -> bool {
    version < BASIL
}

impl Writer<'_, '_> {
    /// The event again, in the old shape. Text that is no event stays as it is.
    pub(super) fn reshape(&self, event: &str) -> String {
        let Ok(mut value) = serde_json::from_str::<Value>(event) else { return event.to_owned() };
        if let Some(object) = value.pointer_mut("/data/object").and_then(Value::as_object_mut) {
            match object.get("object").and_then(Value::as_str) {
                Some("invoice") => self.old_invoice(object),
                Some("subscription") => old_subscription(object),
                Some("charge") => self.old_payment(object, Obj::Charge),
                Some("payment_intent") => self.old_payment(object, Obj::PaymentIntent),
                _ => {}
            }
        }
        value.to_string()
    }

    fn number(&self, object: &Map<String, Value>) -> Option<u64> {
        let id = object.get("id").and_then(Value::as_str)?;
        self.view.world.ids.parse(id).map(|(_, number)| number)
    }

    fn old_invoice(&self, invoice: &mut Map<String, Value>) {
        let parent = invoice.remove("parent").unwrap_or_default();
        let subscription = parent.pointer("/subscription_details/subscription").cloned();
        invoice.insert("subscription".to_owned(), subscription.unwrap_or_default());
        let status = invoice.get("status").and_then(Value::as_str).unwrap_or_default();
        let (paid, draft) = (status == "paid", status == "draft");
        invoice.insert("paid".to_owned(), paid.into());
        let taxes = invoice.remove("total_taxes").unwrap_or_default();
        let tax: i64 = taxes.as_array().into_iter().flatten().filter_map(|t| t["amount"].as_i64()).sum();
        invoice.insert("tax".to_owned(), if tax == 0 { Value::Null } else { tax.into() });
        let number = self.number(invoice).filter(|_| !draft);
        let ids = &self.view.world.ids;
        let intent = number.map(|number| ids.id(Obj::PaymentIntent, number));
        // What the event's own moment showed is the attempt of that count: the latest one there was.
        let attempts = invoice.get("attempt_count").and_then(Value::as_u64).unwrap_or_default() as usize;
        let charge = number.and_then(|number| {
            let used =
                self.view.invoice(number)?.used().map(|(slot, _)| slot as u64).take(attempts.max(1)).last();
            let slot = used.filter(|_| attempts > 0)?;
            Some(ids.id(Obj::Charge, number * CHARGES_PER_INVOICE + slot))
        });
        invoice.insert("payment_intent".to_owned(), json!(intent));
        invoice.insert("charge".to_owned(), json!(charge));
    }

    fn old_payment(&self, payment: &mut Map<String, Value>, obj: Obj) {
        let per = if obj == Obj::Charge { CHARGES_PER_INVOICE } else { 1 };
        let invoice = self.number(payment).map(|number| self.view.world.ids.id(Obj::Invoice, number / per));
        payment.insert("invoice".to_owned(), json!(invoice));
    }
}

fn old_subscription(subscription: &mut Map<String, Value>) {
    for name in ["current_period_start", "current_period_end"] {
        let item = subscription.get_mut("items").and_then(|items| items.pointer_mut("/data/0"));
        let moved = item.and_then(Value::as_object_mut).and_then(|item| item.remove(name));
        subscription.insert(name.to_owned(), moved.unwrap_or_default());
    }
}
