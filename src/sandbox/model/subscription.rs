//! Subscriptions: at most one a customer, numbered like it.
//!
//! A subscription's price follows from its number; traffic changes only what stands in [`Subscription`].

use super::World;
use super::catalog::Price;
use super::invoice::Status;

/// Stripe's words for how a subscription stands. Not all of them come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// paid up
    Active,
    /// the latest invoice failed and is retried
    PastDue,
    /// over
    Canceled,
    /// not billed yet
    Trialing,
    /// the trial ended without a way to pay
    Paused,
}

impl SubscriptionStatus {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            SubscriptionStatus::Active => "active",
            SubscriptionStatus::PastDue => "past_due",
            SubscriptionStatus::Canceled => "canceled",
            SubscriptionStatus::Trialing => "trialing",
            SubscriptionStatus::Paused => "paused",
        }
    }
}

/// A subscription as of some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// its number, which is its customer's
    pub number: u64,
    /// seconds since 1970
    pub created: i64,
    /// how it stands
    pub status: SubscriptionStatus,
    /// seats
    pub quantity: u8,
    /// ends when the period does
    pub cancel_at_period_end: bool,
    /// 0 for never
    pub canceled_at: i64,
    /// canceled because its newest invoice was not paid
    pub unpaid: bool,
    /// start of the period that is paid or being paid
    pub period_start: i64,
    /// number of its newest invoice
    pub latest_invoice: Option<u64>,
    /// how often metadata was changed
    pub revision: u16,
}

impl Subscription {
    /// When the trial ends that is going on; 0 for none.
    pub fn trial_end(&self) -> i64 {
        if self.status == SubscriptionStatus::Trialing { self.created + 14 * 86_400 } else { 0 }
    }
}

impl World {
    /// Whether the customer ever subscribed.
    pub fn has_subscription(&self, customer: u64) -> bool {
        self.hash(30, customer) % 100 < 82
    }

    /// When it began. Rises with the number, since customers' times do.
    pub fn subscription_created(&self, number: u64) -> i64 {
        self.timeline.customer_created(number) + 300
    }

    /// Its price.
    pub fn subscription_price(&self, number: u64) -> Price {
        let hash = self.hash(31, number);
        Price {
            product: [0, 0, 0, 1, 1, 1, 2, 2, 3, 11][(hash % 10) as usize],
            currency: self.currency_of(number),
            yearly: (hash / 10).is_multiple_of(6),
        }
    }

    /// Seats at the beginning.
    pub fn subscription_quantity(&self, number: u64) -> u8 {
        [1, 1, 1, 2, 3, 5, 8, 12][(self.hash(32, number) % 8) as usize]
    }

    /// Seconds in its period; the sandbox's months have thirty days.
    pub fn subscription_period(&self, number: u64) -> i64 {
        if self.subscription_price(number).yearly { 365 * 86_400 } else { 30 * 86_400 }
    }

    /// The subscription as history left it, if the customer has one.
    pub fn subscription(&self, number: u64) -> Option<Subscription> {
        if !self.has_subscription(number) {
            return None;
        }
        let created = self.subscription_created(number);
        let latest = self
            .timeline
            .invoices_of(number)
            .into_iter()
            .rev()
            .find(|&index| self.invoice_is_of_subscription(index, number));
        let invoice = latest.map(|index| self.invoice(index));
        let hash = self.hash(33, number);
        let newest = invoice.map_or(created, |i| i.created);
        // A cancelation lies between the newest invoice and now.
        let canceled = self.customer_deleted(number) || hash % 100 < 9;
        let status = match invoice {
            _ if canceled => SubscriptionStatus::Canceled,
            Some(i) if i.status == Status::Open && i.attempt_count() > 0 => SubscriptionStatus::PastDue,
            None if self.start() - created < 14 * 86_400 => SubscriptionStatus::Trialing,
            _ => SubscriptionStatus::Active,
        };
        let period = self.subscription_period(number);
        let lapsed = (self.start() - newest).max(0) / period;
        Some(Subscription {
            number,
            created,
            status,
            quantity: self.subscription_quantity(number),
            cancel_at_period_end: status == SubscriptionStatus::Active && hash / 100 % 100 < 4,
            canceled_at: if canceled { newest + (self.start() - newest).max(0) / 2 } else { 0 },
            unpaid: false,
            period_start: if canceled { newest } else { newest + lapsed * period },
            latest_invoice: latest,
            revision: 0,
        })
    }
}
