//! Customers: who is billed, in what currency, and how they can be reached.
//!
//! A customer's currency and subscription follow from its number and never change.

use super::World;
use super::catalog::CURRENCIES;
use super::names;
pub use super::names::Place;
use super::subscription::SubscriptionStatus;

/// A customer as of some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// its number
    pub number: u64,
    /// seconds since 1970
    pub created: i64,
    /// retrieve answers a stub, lists leave it out
    pub deleted: bool,
    /// the latest invoice failed
    pub delinquent: bool,
    /// how often the mail address was changed
    pub email_revision: u16,
    /// how often the phone number was changed
    pub phone_revision: u16,
    /// how often metadata was changed
    pub revision: u16,
}

/// Card details behind a customer's payments.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// `visa`, …
    pub brand: &'static str,
    /// four digits as a number
    pub last4: u64,
    /// 1 to 12
    pub exp_month: u64,
    /// four digits
    pub exp_year: u64,
    /// `credit`, `debit` or `prepaid`
    pub funding: &'static str,
}

impl World {
    /// The customer as history left it.
    pub fn customer(&self, number: u64) -> Customer {
        let deleted = self.customer_deleted(number);
        let delinquent =
            !deleted && self.subscription(number).is_some_and(|s| s.status == SubscriptionStatus::PastDue);
        Customer {
            number,
            created: self.timeline.customer_created(number),
            deleted,
            delinquent,
            email_revision: 0,
            phone_revision: 0,
            revision: 0,
        }
    }

    /// Whether history ends with the customer deleted.
    pub fn customer_deleted(&self, number: u64) -> bool {
        self.hash(20, number).is_multiple_of(70)
    }

    /// Index into [`CURRENCIES`].
    pub fn currency_of(&self, customer: u64) -> u8 {
        let mut left = self.hash(21, customer) % 100;
        for (index, currency) in CURRENCIES.iter().enumerate() {
            if left < currency.share {
                return index as u8;
            }
            left -= currency.share;
        }
        0
    }

    /// Display name.
    pub fn customer_name(&self, number: u64) -> String {
        names::name(self.hash(22, number))
    }

    /// Mail address after `revision` changes.
    pub fn customer_email(&self, number: u64, revision: u16) -> String {
        names::email(self.hash(22, number), number, revision)
    }

    /// Phone number after `revision` changes; a third of customers start without one.
    pub fn customer_phone(&self, number: u64, revision: u16) -> Option<String> {
        let hash = self.hash(23, number).wrapping_add(u64::from(revision) * 7919);
        if revision == 0 && hash.is_multiple_of(3) {
            return None;
        }
        // 555 01xx numbers are set aside for fiction.
        Some(format!("+1 555 01{:02} {:03}", hash / 3 % 100, hash / 300 % 1000))
    }

    /// Postal address, which some have not given.
    pub fn customer_place(&self, number: u64) -> Option<Place> {
        let hash = self.hash(24, number);
        (!hash.is_multiple_of(6)).then(|| names::place(hash))
    }

    /// The card on file.
    pub fn card(&self, number: u64) -> Card {
        let hash = self.hash(25, number);
        Card {
            brand: ["visa", "visa", "visa", "mastercard", "mastercard", "amex", "jcb", "discover"]
                [(hash % 8) as usize],
            last4: hash / 8 % 10_000,
            exp_month: 1 + hash / 80_000 % 12,
            exp_year: 2027 + hash / 960_000 % 6,
            funding: ["credit", "credit", "debit", "debit", "prepaid"][(hash / 5_760_000 % 5) as usize],
        }
    }
}
