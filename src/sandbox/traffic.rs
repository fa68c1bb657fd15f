//! What goes on after the start: subscriptions bill, cards decline, retries recover, customers change.
//!
//! A step is one happening and writes one to nine events, and now and then something of
//! [`super::aftermath`] comes on top. What is done follows from the seed and the number
//! of steps alone; `now` only dates it. What comes later (retries) is put on an agenda by step number, where
//! a step stands for [`STEP_SECONDS`] of the account's time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::aftermath::Aftermath;
use super::events::{Happening, of_invoice};
use super::ids::{CHARGES_PER_INVOICE, Obj};
use super::model::World;
use super::model::declines;
use super::model::invoice::{Attempt, Invoice, SLOTS, Status};
use super::model::subscription::{Subscription, SubscriptionStatus};
use super::overlay::{Event, Overlay, Snapshot, View};
use super::rng::Rng;

/// What one step counts for when the time of a retry is announced.
pub const STEP_SECONDS: i64 = 60;
/// Attempts before an invoice is given up.
const MAX_ATTEMPTS: usize = 4;
/// How likely it is that the customer has brought another card when a retry is due.
const NEW_CARD: f64 = 0.25;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// finalize and try for the first time
    Finalize(u64),
    /// try again
    Retry(u64),
}

/// The generator.
#[derive(Debug)]
pub struct Traffic {
    rng: Rng,
    step: u64,
    clock: i64,
    agenda: BTreeMap<(u64, u64), Plan>,
    planned: u64,
    aftermath: Aftermath,
}

impl Traffic {
    /// A generator that has done nothing.
    pub fn new(seed: u64) -> Traffic {
        Traffic {
            rng: Rng::new(seed, 0x7aff),
            step: 0,
            clock: 0,
            agenda: BTreeMap::new(),
            planned: 0,
            aftermath: Aftermath::new(seed),
        }
    }

    /// Does one thing, dated `now` (seconds since 1970; never goes back).
    pub fn step(&mut self, world: &World, overlay: &mut Overlay, now: i64) {
        self.go_on(world, overlay, now);
        self.aftermath.step(world, overlay, self.clock);
    }

    fn go_on(&mut self, world: &World, overlay: &mut Overlay, now: i64) {
        self.step += 1;
        self.clock = self.clock.max(now).max(world.start());
        let due = self.agenda.first_key_value().map(|(key, _)| *key).filter(|key| key.0 <= self.step);
        if let Some(plan) = due.and_then(|key| self.agenda.remove(&key)) {
            match plan {
                Plan::Finalize(number) => self.finalize(world, overlay, number),
                Plan::Retry(number) => self.attempt(world, overlay, number),
            }
            return;
        }
        match self.rng.below(100) {
            0..62 => self.bill(world, overlay),
            62..72 => self.revive(world, overlay),
            72..90 => self.change_customer(world, overlay),
            _ => self.change_subscription(world, overlay),
        }
    }

    /// Changes up to `count` invoices of history, as an API call would; gives their ids.
    pub fn mutate(&mut self, world: &World, overlay: &mut Overlay, count: u64, now: i64) -> Vec<String> {
        self.clock = self.clock.max(now).max(world.start());
        let total = world.timeline.invoices();
        let mut ids = Vec::new();
        for _ in 0..count.min(total) {
            let number = self.rng.below(total);
            let Some(before) = (View { world, overlay }).invoice(number) else { continue };
            let mut after = before;
            after.revision = after.revision.saturating_add(1);
            overlay.put_invoice(after);
            overlay.push_event(Event {
                created: self.clock,
                kind: "invoice.updated",
                object: Snapshot::Invoice(Arc::new(after)),
                before: Some(Snapshot::Invoice(Arc::new(before))),
                requested: true,
            });
            ids.push(world.ids.id(Obj::Invoice, number));
        }
        ids
    }

    fn plan(&mut self, after: u64, plan: Plan) {
        self.planned += 1;
        self.agenda.insert((self.step + after, self.planned), plan);
    }

    /// A customer whose subscription passes; a few tries, since some have none.
    fn pick(&mut self, view: View<'_>, fits: impl Fn(&Subscription) -> bool) -> Option<Subscription> {
        for _ in 0..24 {
            let number = self.rng.below(view.world.timeline.customers());
            let found = view.subscription(number).filter(|s| fits(s));
            if found.is_some() && view.customer(number).is_some_and(|c| !c.deleted) {
                return found;
            }
        }
        None
    }

    /// A subscription's period ends: a new invoice.
    fn bill(&mut self, world: &World, overlay: &mut Overlay) {
        let chosen = self.pick(View { world, overlay }, |s| {
            matches!(s.status, SubscriptionStatus::Active | SubscriptionStatus::Trialing)
        });
        let Some(subscription) = chosen else {
            self.change_customer(world, overlay);
            return;
        };
        let number = world.timeline.invoices() + overlay.new_invoices.len() as u64;
        let invoice = world.draft(number, self.clock, subscription.number, subscription.quantity);
        overlay.put_invoice(invoice);
        overlay.new_invoices.push((invoice.created, number));
        let shared = Arc::new(invoice);
        write(overlay, of_invoice(Happening::Created, &shared, &shared, self.clock));
        let mut after = subscription;
        after.latest_invoice = Some(number);
        after.period_start = self.clock;
        after.status = SubscriptionStatus::Active;
        self.put_subscription(overlay, subscription, after, "customer.subscription.updated", false);
        if self.rng.below(5) == 0 {
            let wait = 1 + self.rng.below(6);
            self.plan(wait, Plan::Finalize(number));
        } else {
            self.finalize(world, overlay, number);
        }
    }

    fn finalize(&mut self, world: &World, overlay: &mut Overlay, number: u64) {
        let Some(before) = (View { world, overlay }).invoice(number) else { return };
        if before.status == Status::Draft {
            let mut after = before;
            after.status = Status::Open;
            after.finalized_at = self.clock;
            overlay.put_invoice(after);
            overlay.new_payments.push((self.clock, number));
            let events = of_invoice(Happening::Finalized, &Arc::new(before), &Arc::new(after), self.clock);
            write(overlay, events);
        }
        self.attempt(world, overlay, number);
    }

    /// Tries an open invoice's card.
    fn attempt(&mut self, world: &World, overlay: &mut Overlay, number: u64) {
        let Some(before) = (View { world, overlay }).invoice(number) else { return };
        let Some(slot) = before.attempts.iter().rposition(|a| a.made()).map_or(Some(0), |s| Some(s + 1))
        else {
            return;
        };
        if before.status != Status::Open || slot >= SLOTS {
            return;
        }
        let earlier = before.latest_attempt().and_then(|(_, a)| a.decline);
        if earlier.map(declines::decline).is_some_and(declines::Decline::needs_new_method)
            && !self.rng.chance(NEW_CARD)
        {
            self.leave_out(world, overlay, before);
            return;
        }
        // First tries mostly work; a soft refusal comes back more often than a hard one.
        let chance = match earlier.map(declines::decline) {
            None => 0.86,
            Some(refusal) if refusal.soft => 0.45,
            // There is a new card.
            Some(refusal) if refusal.needs_new_method() => 0.9,
            Some(_) => 0.18,
        };
        let paid = self.rng.chance(chance);
        let mut after = before;
        let decline = (!paid).then(|| earlier.unwrap_or_else(|| declines::pick(self.rng.next())));
        let elapsed = u32::try_from(self.clock - before.created).unwrap_or(u32::MAX - 1);
        after.attempts[slot] = Attempt { after: elapsed, decline };
        after.next_attempt = 0;
        overlay.new_charges.push((self.clock, number * CHARGES_PER_INVOICE + slot as u64));
        let attempts = after.attempt_count();
        if paid {
            after.status = Status::Paid;
            after.paid_at = self.clock;
        } else if attempts < MAX_ATTEMPTS && slot + 1 < SLOTS {
            let wait = 8 + self.rng.below(40);
            after.next_attempt = self.clock + wait as i64 * STEP_SECONDS;
            self.plan(wait, Plan::Retry(number));
        }
        overlay.put_invoice(after);
        let happening = if paid { Happening::Paid(slot as u8) } else { Happening::Failed(slot as u8) };
        let after = Arc::new(after);
        write(overlay, of_invoice(happening, &Arc::new(before), &after, self.clock));
        if paid || after.next_attempt != 0 {
            let status = if paid { SubscriptionStatus::Active } else { SubscriptionStatus::PastDue };
            self.standing(world, overlay, &after, status);
        } else {
            self.give_up(world, overlay, &after);
        }
    }

    fn give_up(&mut self, world: &World, overlay: &mut Overlay, before: &Arc<Invoice>) {
        let mut given_up = **before;
        given_up.status = Status::Uncollectible;
        given_up.uncollectible_at = self.clock;
        overlay.put_invoice(given_up);
        let events = of_invoice(Happening::GivenUp, before, &Arc::new(given_up), self.clock);
        write(overlay, events);
        self.standing(world, overlay, &given_up, SubscriptionStatus::Canceled);
    }

    /// A scheduled retry comes, and there is still no other payment method: it is counted, and no charge is made.
    fn leave_out(&mut self, world: &World, overlay: &mut Overlay, before: Invoice) {
        let mut after = before;
        after.left_out += 1;
        after.next_attempt = 0;
        let again = after.attempt_count() < MAX_ATTEMPTS;
        if again {
            let wait = 8 + self.rng.below(40);
            after.next_attempt = self.clock + wait as i64 * STEP_SECONDS;
            self.plan(wait, Plan::Retry(before.number));
        }
        overlay.put_invoice(after);
        let after = Arc::new(after);
        write(overlay, of_invoice(Happening::LeftOut, &Arc::new(before), &after, self.clock));
        if !again {
            self.give_up(world, overlay, &after);
        }
    }

    /// What an attempt means for the subscription and its customer.
    fn standing(
        &mut self,
        world: &World,
        overlay: &mut Overlay,
        invoice: &Invoice,
        status: SubscriptionStatus,
    ) {
        let view = View { world, overlay };
        let (subscription, customer) = (view.subscription(invoice.customer), view.customer(invoice.customer));
        // Only the newest invoice decides; a canceled subscription stays so.
        if let Some(before) = subscription.filter(|s| {
            invoice.subscription
                && s.latest_invoice == Some(invoice.number)
                && s.status != status
                && s.status != SubscriptionStatus::Canceled
        }) {
            let mut after = before;
            after.status = status;
            let mut kind = "customer.subscription.updated";
            if status == SubscriptionStatus::Canceled {
                after.canceled_at = self.clock;
                after.unpaid = true;
                kind = "customer.subscription.deleted";
            }
            self.put_subscription(overlay, before, after, kind, false);
        }
        let late = status == SubscriptionStatus::PastDue;
        if let Some(before) = customer.filter(|c| !c.deleted && c.delinquent != late) {
            let mut after = before;
            after.delinquent = late;
            overlay.put_customer(after);
            let event = self.event("customer.updated", Snapshot::Customer(Arc::new(after)));
            let before = Some(Snapshot::Customer(Arc::new(before)));
            overlay.push_event(Event { before, ..event });
        }
    }

    /// Somebody pays, or a card is tried for, an invoice that history left open.
    fn revive(&mut self, world: &World, overlay: &mut Overlay) {
        let total = world.timeline.invoices();
        let recent = total.min(4000);
        for _ in 0..60 {
            if recent == 0 {
                break;
            }
            let number = total - 1 - self.rng.below(recent);
            let view = View { world, overlay };
            let open = view
                .invoice(number)
                .filter(|i| i.status == Status::Open && i.attempts[SLOTS - 1].after == u32::MAX);
            if open.is_some() {
                self.attempt(world, overlay, number);
                return;
            }
        }
        self.bill(world, overlay);
    }

    fn change_customer(&mut self, world: &World, overlay: &mut Overlay) {
        for _ in 0..8 {
            let number = self.rng.below(world.timeline.customers());
            let Some(before) = (View { world, overlay }).customer(number).filter(|c| !c.deleted) else {
                continue;
            };
            let mut after = before;
            match self.rng.below(3) {
                0 => after.email_revision = after.email_revision.saturating_add(1),
                1 => after.phone_revision = after.phone_revision.saturating_add(1),
                _ => after.revision = after.revision.saturating_add(1),
            }
            overlay.put_customer(after);
            let event = self.event("customer.updated", Snapshot::Customer(Arc::new(after)));
            let before = Some(Snapshot::Customer(Arc::new(before)));
            overlay.push_event(Event { before, requested: true, ..event });
            return;
        }
    }

    fn change_subscription(&mut self, world: &World, overlay: &mut Overlay) {
        let chosen = self.pick(View { world, overlay }, |s| s.status == SubscriptionStatus::Active);
        let Some(before) = chosen else {
            self.change_customer(world, overlay);
            return;
        };
        let mut after = before;
        match self.rng.below(3) {
            0 => after.cancel_at_period_end = !before.cancel_at_period_end,
            1 => after.quantity = if before.quantity >= 40 { 1 } else { before.quantity + 1 },
            _ => after.revision = after.revision.saturating_add(1),
        }
        self.put_subscription(overlay, before, after, "customer.subscription.updated", true);
    }

    fn put_subscription(
        &mut self,
        overlay: &mut Overlay,
        before: Subscription,
        after: Subscription,
        kind: &'static str,
        requested: bool,
    ) {
        overlay.put_subscription(after);
        let event = self.event(kind, Snapshot::Subscription(Arc::new(after)));
        let updated = kind.ends_with(".updated");
        let before = updated.then(|| Snapshot::Subscription(Arc::new(before)));
        overlay.push_event(Event { before, requested, ..event });
    }

    fn event(&self, kind: &'static str, object: Snapshot) -> Event {
        Event { created: self.clock, kind, object, before: None, requested: false }
    }
}

fn write(overlay: &mut Overlay, events: Vec<Event>) {
    for event in events {
        overlay.push_event(event);
    }
}
