//! From the model to Stripe's JSON, one file per theme. Fields and shapes are those of API version
//! 2026-10-28.
//!
//! Writers append to an [`Out`] and must never fail, allocate per field, or look at the clock: an object's
//! text follows from its state alone, so that a list, a retrieve and an expansion agree.

mod account;
mod aftermath;
mod catalog;
mod customer;
mod event;
mod invoice;
mod line;
mod old;
mod payment;
mod pretty;
mod subscription;

pub use account::{account, balance};

use super::expand::Expand;
use super::ids::{
    CHARGES_PER_INVOICE, DISPUTE_TRANSACTION, Obj, REFUND_TRANSACTION, REFUNDS_PER_INVOICE, REINSTATED,
};
use super::json::Out;
use super::model::invoice::Invoice;
use super::overlay::{Snapshot, View};

/// Writes the object with that number; `null` if there is none.
pub fn object(out: &mut Out, view: View<'_>, obj: Obj, number: u64, expand: &Expand) {
    let writer = Writer { out, view };
    writer.object(obj, number, expand);
}

/// An event as it is pushed: in that version, spread over lines. `None` if there is no such event.
pub fn event_text(view: View<'_>, number: u64, version: &str) -> Option<String> {
    let event = view.overlay.event(number)?;
    let mut out = Out::with_capacity(8192);
    Writer { out: &mut out, view }.event(number, event, version);
    Some(pretty::pretty(&out.into_string()))
}

/// One line of an invoice.
pub fn invoice_line(out: &mut Out, view: View<'_>, invoice: &Invoice, position: u8, expand: &Expand) {
    Writer { out, view }.line(invoice, position, expand);
}

/// What a writer needs to hand. Sub-objects are written through [`Writer::again`].
struct Writer<'a, 'v> {
    out: &'a mut Out,
    view: View<'v>,
}

impl<'v> Writer<'_, 'v> {
    /// A writer into the same text.
    fn again(&mut self) -> Writer<'_, 'v> {
        Writer { out: self.out, view: self.view }
    }

    fn object(mut self, obj: Obj, number: u64, expand: &Expand) {
        let view = self.view;
        match obj {
            Obj::Invoice => {
                if let Some(invoice) = view.invoice(number) {
                    return self.invoice(&invoice, expand);
                }
            }
            Obj::InvoicePayment => {
                if let Some(invoice) = view.invoice(number) {
                    return self.invoice_payment(&invoice, expand);
                }
            }
            Obj::PaymentIntent => {
                if let Some(invoice) = view.invoice(number) {
                    return self.payment_intent(&invoice, expand);
                }
            }
            Obj::BalanceTransaction if number >= REFUND_TRANSACTION => {
                return self.late_transaction(number, expand);
            }
            Obj::Refund => {
                if let Some(invoice) = view.invoice(number / REFUNDS_PER_INVOICE) {
                    return self.refund(&invoice, (number % REFUNDS_PER_INVOICE) as u8, expand);
                }
            }
            Obj::Dispute => {
                if let Some(invoice) = view.invoice(number) {
                    return self.dispute(&invoice, expand);
                }
            }
            Obj::Charge | Obj::BalanceTransaction => {
                if let Some(invoice) = view.invoice(number / CHARGES_PER_INVOICE) {
                    let slot = (number % CHARGES_PER_INVOICE) as u8;
                    if obj == Obj::Charge {
                        return self.charge(&invoice, slot, expand);
                    }
                    return self.balance_transaction(&invoice, slot, expand);
                }
            }
            Obj::Customer => {
                if let Some(customer) = view.customer(number) {
                    return self.customer(&customer, expand);
                }
            }
            Obj::Subscription => {
                if let Some(subscription) = view.subscription(number) {
                    return self.subscription(&subscription, expand);
                }
            }
            Obj::PaymentMethod => return self.payment_method(number, expand),
            Obj::Product => return self.product(number, expand),
            Obj::Price => return self.price(number, expand),
            Obj::Event => {
                if let Some(event) = view.overlay.event(number) {
                    return self.event(number, event, &view.world.default_version);
                }
            }
            Obj::Line | Obj::InvoiceItem | Obj::SubscriptionItem | Obj::Request | Obj::WebhookEndpoint => {}
        }
        self.out.raw("null");
    }

    /// A balance transaction of a refund or a dispute.
    fn late_transaction(&mut self, number: u64, expand: &Expand) {
        let back = number >= REINSTATED;
        let number = if back { number ^ REINSTATED } else { number };
        let invoice = match number.checked_sub(DISPUTE_TRANSACTION) {
            Some(dispute) => dispute,
            None => (number - REFUND_TRANSACTION) / REFUNDS_PER_INVOICE,
        };
        let Some(invoice) = self.view.invoice(invoice) else { return self.out.raw("null") };
        if number >= DISPUTE_TRANSACTION {
            self.dispute_transaction(&invoice, back);
        } else {
            self.refund_transaction(&invoice, (number % REFUNDS_PER_INVOICE) as u8, expand);
        }
    }

    /// An object as it stood at an event. Nothing in it is expanded.
    fn snapshot(&mut self, snapshot: &Snapshot) {
        use super::expand::NONE;
        match snapshot {
            Snapshot::Invoice(i) => self.invoice(i, NONE),
            Snapshot::PaymentIntent(i) => self.payment_intent(i, NONE),
            Snapshot::Charge(i, slot) => self.charge(i, *slot, NONE),
            Snapshot::InvoicePayment(i) => self.invoice_payment(i, NONE),
            Snapshot::Refund(i, slot) => self.refund(i, *slot, NONE),
            Snapshot::Dispute(i) => self.dispute(i, NONE),
            Snapshot::Customer(c) => self.customer(c, NONE),
            Snapshot::Subscription(s) => self.subscription(s, NONE),
        }
    }

    /// `"id"`
    fn id(&mut self, obj: Obj, number: u64) {
        self.out.byte(b'"');
        self.view.world.ids.write(self.out, obj, number);
        self.out.byte(b'"');
    }

    /// The id, or the whole object if `field` is to be expanded.
    fn reference(&mut self, obj: Obj, number: u64, expand: &Expand, field: &str) {
        match expand.get(field) {
            Some(below) => self.again().object(obj, number, below),
            None => self.id(obj, number),
        }
    }

    fn livemode(&mut self) {
        let live = self.view.world.livemode;
        self.out.raw(if live { ",\"livemode\":true" } else { ",\"livemode\":false" });
    }
}
