//! Invoices, and with them the payment, its attempts and the link between the two.
//!
//! One [`Invoice`] stands for the invoice, its payment intent, its invoice payment, its charges, and their
//! refunds and dispute, so that
//! their amounts and times cannot disagree. Offsets of attempts from the invoice's creation are the same for
//! all of history: each attempt slot is then a list in order of time.

use super::World;
use super::aftermath::{Dispute, NO_DISPUTE, NO_REFUND, REFUND_SLOTS, Refund};
use super::declines;
use crate::sandbox::ids::CHARGES_PER_INVOICE;

/// Attempts that an invoice can have.
pub const SLOTS: usize = CHARGES_PER_INVOICE as usize;
/// History uses this many slots; traffic may use all.
pub const HISTORY_SLOTS: usize = 5;
/// Seconds from creation to the end of the draft state.
pub const FINALIZE_AFTER: i64 = 3600;
const DAY: u32 = 86_400;
/// When each slot of history is used, in seconds after the invoice: first try, three retries, payment of an invoice that was sent.
pub const OFFSETS: [u32; HISTORY_SLOTS] =
    [3600, 3600 + DAY, 3600 + 4 * DAY, 3600 + 9 * DAY, 3600 + 5 * DAY + 1234];
const SENT_SLOT: usize = 4;
/// Days until an invoice that was sent is due, as seconds.
pub const DUE_AFTER: i64 = 30 * 86_400;

/// Stripe's words for how an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// can still change
    Draft,
    /// waits for money
    Open,
    /// done
    Paid,
    /// given up
    Uncollectible,
    /// taken back
    Void,
}

impl Status {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Open => "open",
            Status::Paid => "paid",
            Status::Uncollectible => "uncollectible",
            Status::Void => "void",
        }
    }

    /// The status that a word names.
    pub fn parse(word: &str) -> Option<Status> {
        [Status::Draft, Status::Open, Status::Paid, Status::Uncollectible, Status::Void]
            .into_iter()
            .find(|s| s.word() == word)
    }
}

/// One try to get the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// seconds after the invoice's creation; [`u32::MAX`] for a slot not used
    pub after: u32,
    /// `None` for success, else an index into the table of refusals
    pub decline: Option<u8>,
}

impl Default for Attempt {
    fn default() -> Attempt {
        Attempt { after: u32::MAX, decline: None }
    }
}

impl Attempt {
    /// Whether it was made.
    pub fn made(self) -> bool {
        self.after != u32::MAX
    }
}

/// An invoice as of some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invoice {
    /// its number
    pub number: u64,
    /// seconds since 1970
    pub created: i64,
    /// number of the customer, and of the subscription if it is one's
    pub customer: u64,
    /// index into the table of currencies
    pub currency: u8,
    /// how many lines
    pub lines: u8,
    /// seats on the first line if the invoice is a subscription's
    pub quantity: u8,
    /// bills the customer's subscription
    pub subscription: bool,
    /// `collection_method` is `send_invoice`
    pub send: bool,
    /// how it stands
    pub status: Status,
    /// 0 for not yet; the same for the three below
    pub finalized_at: i64,
    /// when the money came
    pub paid_at: i64,
    /// when it was taken back
    pub voided_at: i64,
    /// when it was given up
    pub uncollectible_at: i64,
    /// when it will be tried again
    pub next_attempt: i64,
    /// scheduled retries that were left out for want of another payment method
    pub left_out: u8,
    /// tries so far, by slot
    pub attempts: [Attempt; SLOTS],
    /// what went back of the payment
    pub refunds: [Refund; REFUND_SLOTS],
    /// whether the customer's bank disputes the payment
    pub dispute: Dispute,
    /// how often metadata was changed from outside
    pub revision: u16,
}

impl Invoice {
    /// Tries that count: all of them, as in Stripe's automatic collection, and the scheduled ones that were left out.
    pub fn attempt_count(&self) -> usize {
        self.attempts.iter().filter(|a| a.made()).count() + usize::from(self.left_out)
    }

    /// Automatic retries have come to their end.
    pub fn exhausted(&self) -> bool {
        self.status == Status::Open && self.attempt_count() > 0 && self.next_attempt == 0
    }

    /// The used slots in order of time: history uses slot 4 only for an invoice's single payment.
    pub fn used(&self) -> impl DoubleEndedIterator<Item = (usize, Attempt)> + '_ {
        self.attempts.iter().copied().enumerate().filter(|(_, a)| a.made())
    }

    /// The newest try.
    pub fn latest_attempt(&self) -> Option<(usize, Attempt)> {
        self.used().next_back()
    }

    /// When a try was made.
    pub fn attempted_at(&self, attempt: Attempt) -> i64 {
        self.created + i64::from(attempt.after)
    }
}

impl World {
    /// The invoice as history left it.
    pub fn invoice(&self, number: u64) -> Invoice {
        self.invoice_at(number, self.start())
    }

    /// Whether an invoice of that customer bills its subscription.
    pub fn invoice_is_of_subscription(&self, number: u64, customer: u64) -> bool {
        self.has_subscription(customer) && self.hash(40, number) % 100 < 86
    }

    /// The invoice as it stood at `now`, which must not lie after the start.
    pub fn invoice_at(&self, number: u64, now: i64) -> Invoice {
        let mut invoice = self.blank(number);
        let hash = self.hash(41, number);
        let fate = hash % 1000;
        invoice.send = (hash >> 10) % 100 < 9;
        let voided = fate < 15;
        if now < invoice.created + FINALIZE_AFTER {
            return invoice;
        }
        invoice.finalized_at = invoice.created + FINALIZE_AFTER;
        invoice.status = Status::Open;
        if voided {
            // A withdrawn invoice was never tried.
            invoice.send = true;
            let at = invoice.created + 2 * i64::from(DAY);
            if at <= now {
                invoice.status = Status::Void;
                invoice.voided_at = at;
            }
        } else if invoice.send {
            World::send_and_wait(&mut invoice, hash, now);
        } else {
            self.try_cards(&mut invoice, hash, now);
        }
        self.add_aftermath(&mut invoice, now);
        invoice
    }

    fn blank(&self, number: u64) -> Invoice {
        let customer = self.timeline.customer_of(number);
        let created = self.timeline.invoice_created(number);
        Invoice {
            subscription: self.invoice_is_of_subscription(number, customer),
            ..self.draft(number, created, customer, self.subscription_quantity(customer))
        }
    }

    /// A draft that traffic creates: like history's, but at a time and for a customer of its choice.
    pub fn draft(&self, number: u64, created: i64, customer: u64, quantity: u8) -> Invoice {
        Invoice {
            number,
            created,
            customer,
            currency: self.currency_of(customer),
            lines: line_count(self.hash(42, number)),
            quantity,
            subscription: true,
            send: false,
            status: Status::Draft,
            finalized_at: 0,
            paid_at: 0,
            voided_at: 0,
            uncollectible_at: 0,
            next_attempt: 0,
            left_out: 0,
            attempts: [Attempt::default(); SLOTS],
            refunds: [NO_REFUND; REFUND_SLOTS],
            dispute: NO_DISPUTE,
            revision: 0,
        }
    }

    fn send_and_wait(invoice: &mut Invoice, hash: u64, now: i64) {
        let outcome = (hash >> 20) % 100;
        let paid = invoice.created + i64::from(OFFSETS[SENT_SLOT]);
        let given_up = invoice.created + DUE_AFTER + 60 * i64::from(DAY);
        if outcome < 84 {
            if paid <= now {
                invoice.attempts[SENT_SLOT] = Attempt { after: OFFSETS[SENT_SLOT], decline: None };
                invoice.status = Status::Paid;
                invoice.paid_at = paid;
            }
        } else if outcome < 92 && given_up <= now {
            invoice.status = Status::Uncollectible;
            invoice.uncollectible_at = given_up;
        }
    }

    fn try_cards(&self, invoice: &mut Invoice, hash: u64, now: i64) {
        // The slot that brings the money; 4 means none does.
        let success = match (hash >> 20) % 1000 {
            0..895 => 0,
            895..935 => 1,
            935..955 => 2,
            955..968 => 3,
            _ => 4,
        };
        for (slot, &after) in OFFSETS.iter().enumerate().take(4) {
            let at = invoice.created + i64::from(after);
            if at > now {
                invoice.next_attempt = at;
                return;
            }
            if slot == success {
                invoice.attempts[slot] = Attempt { after, decline: None };
                invoice.status = Status::Paid;
                invoice.paid_at = at;
                return;
            }
            let decline = declines::pick(self.hash(43, invoice.number));
            if slot > 0 && declines::decline(decline).needs_new_method() {
                invoice.left_out += 1;
                continue;
            }
            invoice.attempts[slot] = Attempt { after, decline: Some(decline) };
        }
        let given_up = invoice.created + i64::from(OFFSETS[3]) + 3600;
        if !(hash >> 40).is_multiple_of(3) && given_up <= now {
            invoice.status = Status::Uncollectible;
            invoice.uncollectible_at = given_up;
        }
    }
}

/// Mostly one or two lines; one invoice in a hundred has 11 to 150.
fn line_count(hash: u64) -> u8 {
    let rest = hash / 1000;
    match hash % 1000 {
        0..480 => 1,
        480..760 => 2,
        760..910 => 3,
        910..990 => 4 + (rest % 7) as u8,
        _ => 11 + (rest % 140) as u8,
    }
}
