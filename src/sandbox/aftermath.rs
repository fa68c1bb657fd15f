//! The rest of the account's life: refunds, disputes, and customers that come, subscribe and go.
//!
//! It has random numbers and an agenda of its own and touches neither open invoices nor history's
//! customers, so that what [`super::traffic`] bills is the same for a seed with and without it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::REFUNDS_PER_INVOICE;
use super::model::World;
use super::model::aftermath::{
    DISPUTE_REASONS, Dispute, DisputeStatus, REFUND_REASONS, Refund, RefundStatus, half,
};
use super::model::customer::Customer;
use super::model::invoice::{Invoice, Status};
use super::model::subscription::{Subscription, SubscriptionStatus};
use super::overlay::{Event, Overlay, Snapshot, View};
use super::rng::Rng;

/// One step in so many brings something of this.
const EVERY: u64 = 8;
/// Invoices of history that refunds and disputes are looked for among.
const RECENT: u64 = 4000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// a refund settles: invoice, slot
    Settle(u64, usize),
    /// evidence is handed in: invoice
    Answer(u64),
    /// the bank decides: invoice
    Decide(u64),
    /// a new customer subscribes
    Subscribe(u64),
    /// a trial is about to end
    TrialEnds(u64),
    /// a trial ends without a way to pay
    Pause(u64),
    /// and goes on
    Resume(u64),
}

/// The generator.
#[derive(Debug)]
pub struct Aftermath {
    rng: Rng,
    step: u64,
    clock: i64,
    agenda: BTreeMap<(u64, u64), Plan>,
    planned: u64,
}

impl Aftermath {
    /// A generator that has done nothing.
    pub fn new(seed: u64) -> Aftermath {
        Aftermath { rng: Rng::new(seed, 0xaf7e), step: 0, clock: 0, agenda: BTreeMap::new(), planned: 0 }
    }

    /// One step, dated `now` (seconds since 1970; never goes back). Mostly nothing happens.
    pub fn step(&mut self, world: &World, overlay: &mut Overlay, now: i64) {
        self.step += 1;
        self.clock = now;
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= self.step) {
            let plan = entry.remove();
            self.carry_out(world, overlay, plan);
        }
        if self.rng.below(EVERY) != 0 {
            return;
        }
        match self.rng.below(100) {
            0..38 => self.refund(world, overlay),
            38..52 => self.dispute(world, overlay),
            52..76 => self.new_customer(world, overlay),
            76..90 => self.change_customer(world, overlay),
            _ => self.delete_customer(world, overlay),
        }
    }

    fn plan(&mut self, from: u64, spread: u64, plan: Plan) {
        self.planned += 1;
        let wait = from + self.rng.below(spread);
        self.agenda.insert((self.step + wait, self.planned), plan);
    }

    fn carry_out(&mut self, world: &World, overlay: &mut Overlay, plan: Plan) {
        match plan {
            Plan::Settle(number, slot) => self.settle(world, overlay, number, slot),
            Plan::Answer(number) => self.answer(world, overlay, number),
            Plan::Decide(number) => self.decide(world, overlay, number),
            Plan::Subscribe(number) => self.subscribe(world, overlay, number),
            Plan::TrialEnds(number) => {
                if let Some(subscription) = trial(world, overlay, number) {
                    let object = Snapshot::Subscription(Arc::new(subscription));
                    self.write(overlay, "customer.subscription.trial_will_end", object, None);
                    self.plan(3, 6, Plan::Pause(number));
                }
            }
            Plan::Pause(number) => {
                if let Some(before) = trial(world, overlay, number) {
                    let status = SubscriptionStatus::Paused;
                    self.put(overlay, before, status, "customer.subscription.paused");
                    self.plan(4, 20, Plan::Resume(number));
                }
            }
            Plan::Resume(number) => {
                let paused = (View { world, overlay })
                    .subscription(number)
                    .filter(|s| s.status == SubscriptionStatus::Paused);
                if let Some(before) = paused {
                    self.put(overlay, before, SubscriptionStatus::Active, "customer.subscription.resumed");
                }
            }
        }
    }

    fn write(&self, overlay: &mut Overlay, kind: &'static str, object: Snapshot, before: Option<Snapshot>) {
        // A person or a program asked for what begins something here.
        let requested = matches!(kind, "refund.created" | "charge.refunded" | "customer.created");
        overlay.push_event(Event { created: self.clock, kind, object, before, requested });
    }

    /// A paid invoice without a dispute and with money left to go back.
    fn paid(&mut self, view: View<'_>) -> Option<Invoice> {
        let history = view.world.timeline.invoices();
        let (recent, added) = (history.min(RECENT), view.overlay.new_invoices.len() as u64);
        for _ in 0..24 {
            let fresh = self.rng.below(3) != 0;
            let number = if fresh && added > 0 {
                history + self.rng.below(added)
            } else if recent > 0 {
                history - 1 - self.rng.below(recent)
            } else {
                return None;
            };
            let found = view.invoice(number).filter(|invoice| {
                invoice.status == Status::Paid
                    && !invoice.dispute.made()
                    && invoice.paid_slot().is_some()
                    && invoice.refunded() < view.world.total(invoice)
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn refund(&mut self, world: &World, overlay: &mut Overlay) {
        let Some(before) = self.paid(View { world, overlay }) else { return };
        let Some(slot) = before.refunds.iter().position(|refund| !refund.made()) else { return };
        let left = world.total(&before) - before.refunded();
        let amount = if self.rng.below(3) == 0 { half(left) } else { left };
        let pending = self.rng.below(6) == 0;
        let mut after = before;
        after.refunds[slot] = Refund {
            created: self.clock,
            amount,
            status: if pending { RefundStatus::Pending } else { RefundStatus::Succeeded },
            reason: self.rng.below(REFUND_REASONS.len() as u64) as u8,
            referenced: false,
        };
        overlay.put_invoice(after);
        overlay.new_refunds.push((self.clock, after.number * REFUNDS_PER_INVOICE + slot as u64));
        self.write(overlay, "refund.created", Snapshot::Refund(Arc::new(after), slot as u8), None);
        self.charge(overlay, "charge.refunded", before, after);
        self.plan(3, 14, Plan::Settle(after.number, slot));
    }

    /// An event of the charge that brought the money.
    fn charge(&self, overlay: &mut Overlay, kind: &'static str, before: Invoice, after: Invoice) {
        let Some(slot) = after.paid_slot() else { return };
        let of = |invoice| Snapshot::Charge(Arc::new(invoice), slot as u8);
        self.write(overlay, kind, of(after), Some(of(before)));
    }

    /// The bank gives the refund a number, or refuses the money.
    fn settle(&mut self, world: &World, overlay: &mut Overlay, number: u64, slot: usize) {
        let Some(before) = (View { world, overlay }).invoice(number) else { return };
        let failed = self.rng.below(9) == 0;
        let mut after = before;
        let refund = &mut after.refunds[slot];
        refund.status = if failed { RefundStatus::Failed } else { RefundStatus::Succeeded };
        refund.referenced = !failed;
        overlay.put_invoice(after);
        let of = |invoice| Snapshot::Refund(Arc::new(invoice), slot as u8);
        for kind in ["refund.updated", "charge.refund.updated"] {
            self.write(overlay, kind, of(after), Some(of(before)));
        }
        if failed {
            self.write(overlay, "refund.failed", of(after), None);
            self.charge(overlay, "charge.updated", before, after);
        }
    }

    fn dispute(&mut self, world: &World, overlay: &mut Overlay) {
        let Some(before) = self.paid(View { world, overlay }) else { return };
        // What went back already cannot be disputed.
        if before.refunded() > 0 {
            return;
        }
        let mut after = before;
        after.dispute = Dispute {
            created: self.clock,
            status: DisputeStatus::NeedsResponse,
            reason: self.rng.below(DISPUTE_REASONS.len() as u64) as u8,
            closed_at: 0,
        };
        overlay.put_invoice(after);
        overlay.new_disputes.push((self.clock, after.number));
        let object = || Snapshot::Dispute(Arc::new(after));
        self.write(overlay, "charge.dispute.created", object(), None);
        self.write(overlay, "charge.dispute.funds_withdrawn", object(), None);
        self.charge(overlay, "charge.updated", before, after);
        self.plan(3, 16, Plan::Answer(after.number));
    }

    fn answer(&mut self, world: &World, overlay: &mut Overlay, number: u64) {
        let Some(before) = (View { world, overlay }).invoice(number) else { return };
        let mut after = before;
        after.dispute.status = DisputeStatus::UnderReview;
        overlay.put_invoice(after);
        let was = Snapshot::Dispute(Arc::new(before));
        self.write(overlay, "charge.dispute.updated", Snapshot::Dispute(Arc::new(after)), Some(was));
        self.plan(6, 30, Plan::Decide(number));
    }

    fn decide(&mut self, world: &World, overlay: &mut Overlay, number: u64) {
        let Some(mut invoice) = (View { world, overlay }).invoice(number) else { return };
        let won = self.rng.below(3) == 0;
        invoice.dispute.status = if won { DisputeStatus::Won } else { DisputeStatus::Lost };
        invoice.dispute.closed_at = self.clock;
        overlay.put_invoice(invoice);
        let object = || Snapshot::Dispute(Arc::new(invoice));
        self.write(overlay, "charge.dispute.closed", object(), None);
        if won {
            self.write(overlay, "charge.dispute.funds_reinstated", object(), None);
        }
    }

    fn new_customer(&mut self, world: &World, overlay: &mut Overlay) {
        let number = world.timeline.customers() + overlay.new_customers.len() as u64;
        let customer = Customer {
            number,
            created: self.clock,
            deleted: false,
            delinquent: false,
            email_revision: 0,
            phone_revision: 0,
            revision: 0,
        };
        overlay.put_customer(customer);
        overlay.new_customers.push((self.clock, number));
        self.write(overlay, "customer.created", Snapshot::Customer(Arc::new(customer)), None);
        if self.rng.below(4) != 0 {
            self.plan(1, 5, Plan::Subscribe(number));
        }
    }

    /// A customer that came since the start and is still there.
    fn newcomer(&mut self, view: View<'_>) -> Option<Customer> {
        let added = view.overlay.new_customers.len() as u64;
        if added == 0 {
            return None;
        }
        let number = view.world.timeline.customers() + self.rng.below(added);
        view.customer(number).filter(|customer| !customer.deleted)
    }

    fn change_customer(&mut self, world: &World, overlay: &mut Overlay) {
        let Some(before) = self.newcomer(View { world, overlay }) else {
            return self.new_customer(world, overlay);
        };
        let mut after = before;
        after.email_revision = after.email_revision.saturating_add(1);
        overlay.put_customer(after);
        let was = Snapshot::Customer(Arc::new(before));
        self.write(overlay, "customer.updated", Snapshot::Customer(Arc::new(after)), Some(was));
    }

    fn delete_customer(&mut self, world: &World, overlay: &mut Overlay) {
        let Some(before) = self.newcomer(View { world, overlay }) else {
            return self.new_customer(world, overlay);
        };
        let subscribed = (View { world, overlay })
            .subscription(before.number)
            .filter(|s| s.status != SubscriptionStatus::Canceled);
        if let Some(mut subscription) = subscribed {
            subscription.status = SubscriptionStatus::Canceled;
            subscription.canceled_at = self.clock;
            overlay.put_subscription(subscription);
            let object = Snapshot::Subscription(Arc::new(subscription));
            self.write(overlay, "customer.subscription.deleted", object, None);
        }
        overlay.put_customer(Customer { deleted: true, ..before });
        // The event shows the customer as it was; only reading it gives the stub.
        self.write(overlay, "customer.deleted", Snapshot::Customer(Arc::new(before)), None);
    }

    fn subscribe(&mut self, world: &World, overlay: &mut Overlay, number: u64) {
        if (View { world, overlay }).customer(number).is_none_or(|customer| customer.deleted) {
            return;
        }
        let subscription = Subscription {
            number,
            created: self.clock,
            status: SubscriptionStatus::Trialing,
            quantity: world.subscription_quantity(number),
            cancel_at_period_end: false,
            canceled_at: 0,
            unpaid: false,
            period_start: self.clock,
            latest_invoice: None,
            revision: 0,
        };
        overlay.put_subscription(subscription);
        overlay.new_subscriptions.push((self.clock, number));
        let object = Snapshot::Subscription(Arc::new(subscription));
        self.write(overlay, "customer.subscription.created", object, None);
        if self.rng.below(2) == 0 {
            self.plan(4, 12, Plan::TrialEnds(number));
        }
    }

    /// Changes a subscription's status, with the event of any change and the one of this change.
    fn put(
        &self,
        overlay: &mut Overlay,
        before: Subscription,
        status: SubscriptionStatus,
        kind: &'static str,
    ) {
        let after = Subscription { status, ..before };
        overlay.put_subscription(after);
        let object = || Snapshot::Subscription(Arc::new(after));
        let was = Snapshot::Subscription(Arc::new(before));
        self.write(overlay, "customer.subscription.updated", object(), Some(was));
        self.write(overlay, kind, object(), None);
    }
}

/// A subscription that is still on trial.
fn trial(world: &World, overlay: &Overlay, number: u64) -> Option<Subscription> {
    (View { world, overlay }).subscription(number).filter(|s| s.status == SubscriptionStatus::Trialing)
}
