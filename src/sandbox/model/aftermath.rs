//! What can come after a payment: refunds and a dispute, which are part of their [`Invoice`].
//!
//! History has at most one of them an invoice, at a fixed distance from its creation, so that their lists
//! are in order of time like those of charges. Traffic adds more.

use super::World;
use super::invoice::{Invoice, Status};
use crate::sandbox::ids::REFUNDS_PER_INVOICE;

const DAY: i64 = 86_400;
/// When history refunds, in seconds after the invoice: after every attempt.
pub const REFUND_AFTER: i64 = 12 * DAY;
/// When history's disputes are opened.
pub const DISPUTE_AFTER: i64 = 20 * DAY;
/// From a dispute's opening to evidence, and to the end.
const EVIDENCE_AFTER: i64 = 5 * DAY;
const CLOSED_AFTER: i64 = 40 * DAY;
/// Days in which evidence is taken, as seconds.
pub const DUE_AFTER: i64 = 9 * DAY;
/// Refunds that an invoice's payment can have.
pub const REFUND_SLOTS: usize = REFUNDS_PER_INVOICE as usize;
/// What the network takes for a dispute, in the currency's minor unit.
pub const DISPUTE_FEE: i64 = 1500;

/// Stripe's words for how a refund stands; not all of them come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStatus {
    /// on its way
    Pending,
    /// done
    Succeeded,
    /// the card took no money back
    Failed,
}

impl RefundStatus {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            RefundStatus::Pending => "pending",
            RefundStatus::Succeeded => "succeeded",
            RefundStatus::Failed => "failed",
        }
    }
}

/// A refund as of some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refund {
    /// seconds since 1970; 0 for a slot not used
    pub created: i64,
    /// minor units
    pub amount: i64,
    /// how it stands
    pub status: RefundStatus,
    /// index into [`REFUND_REASONS`]
    pub reason: u8,
    /// the bank has given a number by which the customer can ask for it
    pub referenced: bool,
}

/// A slot not used.
pub const NO_REFUND: Refund =
    Refund { created: 0, amount: 0, status: RefundStatus::Pending, reason: 0, referenced: false };

/// `reason` of a refund; empty for null.
pub const REFUND_REASONS: [&str; 4] = ["requested_by_customer", "", "duplicate", "fraudulent"];

impl Refund {
    /// Whether it was made.
    pub fn made(self) -> bool {
        self.created != 0
    }
}

/// Stripe's words for how a dispute stands; not all of them come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeStatus {
    /// evidence is wanted
    NeedsResponse,
    /// the bank looks at it
    UnderReview,
    /// the money came back
    Won,
    /// it did not
    Lost,
}

impl DisputeStatus {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            DisputeStatus::NeedsResponse => "needs_response",
            DisputeStatus::UnderReview => "under_review",
            DisputeStatus::Won => "won",
            DisputeStatus::Lost => "lost",
        }
    }
}

/// A dispute over the whole of a payment, as of some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispute {
    /// seconds since 1970; 0 for none
    pub created: i64,
    /// how it stands
    pub status: DisputeStatus,
    /// index into [`DISPUTE_REASONS`]
    pub reason: u8,
    /// when it was won or lost; 0 for not yet
    pub closed_at: i64,
}

/// No dispute.
pub const NO_DISPUTE: Dispute =
    Dispute { created: 0, status: DisputeStatus::NeedsResponse, reason: 0, closed_at: 0 };

/// `reason` of a dispute, and Visa's code for it.
pub const DISPUTE_REASONS: [(&str, &str); 5] = [
    ("fraudulent", "10.4"),
    ("product_not_received", "13.1"),
    ("subscription_canceled", "13.2"),
    ("duplicate", "12.6"),
    ("credit_not_processed", "13.6"),
];

impl Dispute {
    /// Whether there is one.
    pub fn made(self) -> bool {
        self.created != 0
    }
}

impl Invoice {
    /// What went back to the customer or is on its way.
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().filter(|r| r.made() && r.status != RefundStatus::Failed).map(|r| r.amount).sum()
    }

    /// The attempt that brought the money.
    pub fn paid_slot(&self) -> Option<usize> {
        self.used().find(|(_, attempt)| attempt.decline.is_none()).map(|(slot, _)| slot)
    }
}

/// A part of an amount. To tens: the last digit of three-decimal currencies has to be 0.
pub fn half(amount: i64) -> i64 {
    if amount < 40 { amount } else { amount / 20 * 10 }
}

impl World {
    /// Adds what history did after the payment, up to `now`.
    pub fn add_aftermath(&self, invoice: &mut Invoice, now: i64) {
        let age = now - invoice.created;
        if invoice.status != Status::Paid || age < REFUND_AFTER {
            return;
        }
        let hash = self.hash(50, invoice.number);
        if hash % 1000 < 28 {
            let total = self.total(invoice);
            if total <= 0 {
                return;
            }
            let amount = if (hash >> 10).is_multiple_of(3) { half(total) } else { total };
            let failed = (hash >> 20).is_multiple_of(12) && age >= REFUND_AFTER + 3 * DAY;
            invoice.refunds[0] = Refund {
                created: invoice.created + REFUND_AFTER,
                amount,
                status: if failed { RefundStatus::Failed } else { RefundStatus::Succeeded },
                reason: ((hash >> 30) % 3) as u8,
                referenced: !failed && age >= REFUND_AFTER + DAY,
            };
            return;
        }
        let hash = self.hash(51, invoice.number);
        if hash % 1000 >= 8 || age < DISPUTE_AFTER || self.total(invoice) <= 0 {
            return;
        }
        let closed = age >= DISPUTE_AFTER + CLOSED_AFTER;
        let created = invoice.created + DISPUTE_AFTER;
        invoice.dispute = Dispute {
            created,
            status: match (hash >> 10) % 3 {
                0 if closed => DisputeStatus::Won,
                _ if closed => DisputeStatus::Lost,
                _ if age >= DISPUTE_AFTER + EVIDENCE_AFTER => DisputeStatus::UnderReview,
                _ => DisputeStatus::NeedsResponse,
            },
            reason: ((hash >> 20) % DISPUTE_REASONS.len() as u64) as u8,
            closed_at: if closed { created + CLOSED_AFTER } else { 0 },
        };
    }
}
