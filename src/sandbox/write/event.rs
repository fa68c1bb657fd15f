//! The `event` object. Its text follows from the event's own snapshot, so it never changes once written, but
//! for the number of endpoints that it is on its way to.

use super::Writer;
use super::old::is_old;
use crate::sandbox::ids::Obj;
use crate::sandbox::json::Out;
use crate::sandbox::model::aftermath::{DisputeStatus, RefundStatus};
use crate::sandbox::overlay::{Event, Snapshot};

impl Writer<'_, '_> {
    /// The event as that version writes it.
    pub(super) fn event(&mut self, number: u64, event: &Event, version: &str) {
        if is_old(version) {
            let mut out = Out::with_capacity(8192);
            Writer { out: &mut out, view: self.view }.event_now(number, event, version);
            let old = self.reshape(&out.into_string());
            self.out.raw(&old);
        } else {
            self.event_now(number, event, version);
        }
    }

    fn event_now(&mut self, number: u64, event: &Event, version: &str) {
        self.out.raw("{\"id\":");
        self.id(Obj::Event, number);
        self.out.raw(",\"object\":\"event\",\"api_version\":\"");
        self.out.raw(version);
        self.out.raw("\",\"created\":");
        self.out.int(event.created);
        self.out.raw(",\"data\":{\"object\":");
        self.snapshot(&event.object);
        if let Some(before) = &event.before {
            self.out.raw(",\"previous_attributes\":{");
            self.changes(before, &event.object);
            self.out.byte(b'}');
        }
        self.out.byte(b'}');
        self.livemode();
        self.out.raw(",\"pending_webhooks\":");
        self.out.int(i64::from(self.view.overlay.pending(number)));
        self.out.raw(",\"request\":{\"id\":");
        if event.requested {
            self.id(Obj::Request, number);
            self.out.raw(",\"idempotency_key\":\"");
            let key = self.view.world.hash(80, number);
            self.out.token(key, 24);
            self.out.byte(b'"');
        } else {
            self.out.raw("null,\"idempotency_key\":null");
        }
        self.out.raw("},\"type\":\"");
        self.out.raw(event.kind);
        self.out.raw("\"}");
    }

    /// The former values of what changed, as members of an object.
    fn changes(&mut self, before: &Snapshot, after: &Snapshot) {
        let mut first = true;
        match (before, after) {
            (Snapshot::Customer(was), Snapshot::Customer(is)) => {
                let world = self.view.world;
                if was.delinquent != is.delinquent {
                    self.member(&mut first, "delinquent");
                    self.out.bool(was.delinquent);
                }
                if was.email_revision != is.email_revision {
                    self.member(&mut first, "email");
                    self.out.text(&world.customer_email(was.number, was.email_revision));
                }
                if was.phone_revision != is.phone_revision {
                    self.member(&mut first, "phone");
                    self.out.text_or_null(world.customer_phone(was.number, was.phone_revision).as_deref());
                }
                if was.revision != is.revision {
                    self.revision(&mut first, was.revision);
                }
            }
            (Snapshot::Subscription(was), Snapshot::Subscription(is)) => {
                let period = self.view.world.subscription_period(was.number);
                if was.cancel_at_period_end != is.cancel_at_period_end {
                    self.member(&mut first, "cancel_at");
                    let end = was.period_start + period;
                    self.out.time(if was.cancel_at_period_end { end } else { 0 });
                    self.member(&mut first, "cancel_at_period_end");
                    self.out.bool(was.cancel_at_period_end);
                }
                if was.quantity != is.quantity || was.period_start != is.period_start {
                    // Arrays are given whole.
                    let price = self.view.world.subscription_price(was.number);
                    self.member(&mut first, "items");
                    self.out.raw("{\"data\":[");
                    self.item(was, price, was.period_start + period, crate::sandbox::expand::NONE);
                    self.out.raw("]}");
                }
                if was.latest_invoice != is.latest_invoice {
                    self.member(&mut first, "latest_invoice");
                    match was.latest_invoice {
                        Some(number) => self.id(Obj::Invoice, number),
                        None => self.out.raw("null"),
                    }
                }
                if was.revision != is.revision {
                    self.revision(&mut first, was.revision);
                }
                if was.status != is.status {
                    self.member(&mut first, "status");
                    self.out.text(was.status.word());
                }
                if was.trial_end() != is.trial_end() {
                    self.member(&mut first, "trial_end");
                    self.out.time(was.trial_end());
                    self.member(&mut first, "trial_start");
                    self.out.time(if was.trial_end() == 0 { 0 } else { was.created });
                }
            }
            (Snapshot::Charge(was, _), Snapshot::Charge(is, _)) => {
                let total = self.view.world.total(was);
                if was.refunded() != is.refunded() {
                    self.member(&mut first, "amount_refunded");
                    self.out.int(was.refunded());
                }
                if was.dispute.made() != is.dispute.made() {
                    self.member(&mut first, "disputed");
                    self.out.bool(was.dispute.made());
                }
                if (was.refunded() == total) != (is.refunded() == total) {
                    self.member(&mut first, "refunded");
                    self.out.bool(was.refunded() == total);
                }
            }
            (Snapshot::Refund(was, slot), Snapshot::Refund(is, _)) => {
                let (before, now) = (was.refunds[*slot as usize], is.refunds[*slot as usize]);
                if before.referenced != now.referenced {
                    self.member(&mut first, "destination_details");
                    self.out.raw("{\"card\":{\"reference\":null,\"reference_status\":\"pending\"}}");
                }
                if before.status != now.status {
                    if now.status == RefundStatus::Failed {
                        self.member(&mut first, "failure_reason");
                        self.out.raw("null");
                    }
                    self.member(&mut first, "status");
                    self.out.text(before.status.word());
                }
            }
            (Snapshot::Dispute(was), Snapshot::Dispute(is)) if was.dispute.status != is.dispute.status => {
                if was.dispute.status == DisputeStatus::NeedsResponse {
                    self.member(&mut first, "evidence");
                    self.out.raw("{\"uncategorized_text\":null}");
                    self.member(&mut first, "evidence_details");
                    self.evidence_details(was);
                }
                self.member(&mut first, "status");
                self.out.text(was.dispute.status.word());
            }
            (Snapshot::Invoice(was), Snapshot::Invoice(is)) => {
                if was.attempt_count() != is.attempt_count() {
                    self.member(&mut first, "attempt_count");
                    self.out.int(was.attempt_count() as i64);
                    if was.attempt_count() == 0 {
                        self.member(&mut first, "attempted");
                        self.out.bool(false);
                    }
                }
                if !was.exhausted() && is.exhausted() && is.subscription {
                    self.member(&mut first, "auto_advance");
                    self.out.bool(true);
                }
                if was.next_attempt != is.next_attempt {
                    self.member(&mut first, "next_payment_attempt");
                    self.out.time(was.next_attempt);
                }
                if was.revision != is.revision {
                    self.revision(&mut first, was.revision);
                }
                if was.status != is.status {
                    self.member(&mut first, "status");
                    self.out.text(was.status.word());
                }
            }
            _ => {}
        }
    }

    fn member(&mut self, first: &mut bool, name: &str) {
        self.out.raw(if *first { "\"" } else { ",\"" });
        *first = false;
        self.out.raw(name);
        self.out.raw("\":");
    }

    /// The metadata key that counts changes from outside; null where it was not there yet.
    fn revision(&mut self, first: &mut bool, was: u16) {
        self.member(first, "metadata");
        self.out.raw("{\"revision\":");
        if was == 0 {
            self.out.raw("null}");
        } else {
            self.out.byte(b'"');
            self.out.int(i64::from(was));
            self.out.raw("\"}");
        }
    }
}
