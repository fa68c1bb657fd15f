//! Object ids: a keyed, reversible scrambling of an object's number, so that no table of ids is needed.
//!
//! An id is a prefix, eleven base-62 characters that hold the scrambled number, and check characters. The
//! check makes a garbled or foreign id unknown instead of meaning some other object. It must never let two
//! numbers share an id, and never change for a given seed: stores and tests remember ids.

use super::json::Out;
use super::rng::{hash, mix};

/// What an id can name here. Not every one of them has a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Obj {
    /// `in_`
    Invoice,
    /// `il_`, numbered invoice × [`LINES_PER_INVOICE`] + position
    Line,
    /// `ii_`, numbered as lines
    InvoiceItem,
    /// `cus_`
    Customer,
    /// `prod_`
    Product,
    /// `price_`
    Price,
    /// `sub_`
    Subscription,
    /// `si_`
    SubscriptionItem,
    /// `pi_`
    PaymentIntent,
    /// `ch_`, numbered invoice × [`CHARGES_PER_INVOICE`] + slot
    Charge,
    /// `inpay_`
    InvoicePayment,
    /// `evt_`
    Event,
    /// `pm_`, numbered as customers
    PaymentMethod,
    /// `txn_`, numbered as charges, or as refunds and disputes with a bit above
    BalanceTransaction,
    /// `req_`
    Request,
    /// `re_`, numbered invoice × [`REFUNDS_PER_INVOICE`] + slot
    Refund,
    /// `du_`, numbered as invoices
    Dispute,
    /// `we_`
    WebhookEndpoint,
}

/// The numbers of an invoice's refunds are this far apart.
pub const REFUNDS_PER_INVOICE: u64 = 2;
/// Added to a refund's number in that of its balance transaction.
pub const REFUND_TRANSACTION: u64 = 1 << 60;
/// Added to a dispute's number in that of its balance transaction.
pub const DISPUTE_TRANSACTION: u64 = 1 << 61;
/// Added to that again for the money that comes back.
pub const REINSTATED: u64 = 1 << 62;

/// The numbers of an invoice's lines are this far apart.
pub const LINES_PER_INVOICE: u64 = 256;
/// The numbers of an invoice's charges are this far apart.
pub const CHARGES_PER_INVOICE: u64 = 8;

/// Only append: an id depends on the place in this table.
const ALL: [(Obj, &str, usize); 18] = [
    (Obj::Invoice, "in_", 24),
    (Obj::Line, "il_", 24),
    (Obj::InvoiceItem, "ii_", 24),
    (Obj::Customer, "cus_", 14),
    (Obj::Product, "prod_", 14),
    (Obj::Price, "price_", 24),
    (Obj::Subscription, "sub_", 24),
    (Obj::SubscriptionItem, "si_", 14),
    (Obj::PaymentIntent, "pi_", 24),
    (Obj::Charge, "ch_", 24),
    (Obj::InvoicePayment, "inpay_", 24),
    (Obj::Event, "evt_", 24),
    (Obj::PaymentMethod, "pm_", 24),
    (Obj::BalanceTransaction, "txn_", 24),
    (Obj::Request, "req_", 14),
    (Obj::Refund, "re_", 24),
    (Obj::Dispute, "du_", 24),
    (Obj::WebhookEndpoint, "we_", 24),
];

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Base-62 digits that any 64-bit number fits into.
const BODY: usize = 11;

impl Obj {
    fn from_prefix(prefix: &str) -> Option<Obj> {
        ALL.iter().find(|row| row.1 == prefix).map(|row| row.0)
    }
}

/// The keys of one mode's ids.
#[derive(Debug, Clone)]
pub struct Ids {
    keys: [u64; ALL.len()],
}

impl Ids {
    /// Keys for a seed and mode: the two modes of one sandbox share no id.
    pub fn new(seed: u64, livemode: bool) -> Ids {
        let mut keys = [0; ALL.len()];
        for (index, key) in keys.iter_mut().enumerate() {
            *key = hash(seed, 0x1d5 + u64::from(livemode), index as u64);
        }
        Ids { keys }
    }

    /// Appends the id of an object.
    pub fn write(&self, out: &mut Out, obj: Obj, number: u64) {
        let (_, prefix, length) = ALL[obj as usize];
        let key = self.keys[obj as usize];
        let scrambled = scramble(key, number);
        out.raw(prefix);
        let mut text = [0_u8; 24];
        let mut rest = scrambled;
        for slot in text[..BODY].iter_mut().rev() {
            *slot = DIGITS[(rest % 62) as usize];
            rest /= 62;
        }
        fill_check(key, scrambled, &mut text[BODY..length]);
        out.bytes(&text[..length]);
    }

    /// The id of an object as a string.
    pub fn id(&self, obj: Obj, number: u64) -> String {
        let mut out = Out::with_capacity(32);
        self.write(&mut out, obj, number);
        out.into_string()
    }

    /// What an id names, or `None` if no object of this mode can have it.
    pub fn parse(&self, id: &str) -> Option<(Obj, u64)> {
        let split = id.rfind('_')? + 1;
        let obj = Obj::from_prefix(id.get(..split)?)?;
        let (_, _, length) = ALL[obj as usize];
        let text = id.as_bytes().get(split..)?;
        if text.len() != length {
            return None;
        }
        let mut scrambled: u64 = 0;
        for byte in &text[..BODY] {
            let digit = DIGITS.iter().position(|d| d == byte)? as u64;
            scrambled = scrambled.checked_mul(62)?.checked_add(digit)?;
        }
        let key = self.keys[obj as usize];
        let mut check = [0_u8; 24];
        fill_check(key, scrambled, &mut check[..length - BODY]);
        (text[BODY..] == check[..length - BODY]).then(|| (obj, unscramble(key, scrambled)))
    }
}

fn fill_check(key: u64, scrambled: u64, out: &mut [u8]) {
    let mut state = mix(scrambled ^ key.rotate_left(17));
    for (index, slot) in out.iter_mut().enumerate() {
        if index % 6 == 5 {
            state = mix(state ^ key);
        }
        *slot = DIGITS[(((state & 0xffff) * 62) >> 16) as usize];
        state >>= 10;
    }
}

/// Four Feistel rounds over two 32-bit halves: a permutation of the 64-bit numbers for every key.
fn scramble(key: u64, number: u64) -> u64 {
    let (mut left, mut right) = ((number >> 32) as u32, number as u32);
    for round in 0..4 {
        let next = left ^ round_bits(key, round, right);
        left = right;
        right = next;
    }
    (u64::from(left) << 32) | u64::from(right)
}

fn unscramble(key: u64, scrambled: u64) -> u64 {
    let (mut left, mut right) = ((scrambled >> 32) as u32, scrambled as u32);
    for round in (0..4).rev() {
        let previous = right ^ round_bits(key, round, left);
        right = left;
        left = previous;
    }
    (u64::from(left) << 32) | u64::from(right)
}

fn round_bits(key: u64, round: u64, half: u32) -> u32 {
    (mix(key.wrapping_add(round.wrapping_mul(0xa076_1d64_78bd_642f)) ^ u64::from(half)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_garbled_ones_do_not() {
        let ids = Ids::new(7, false);
        let live = Ids::new(7, true);
        let mut seen = std::collections::HashSet::new();
        for number in (0..2000).chain([u64::MAX, 1 << 40]) {
            for (obj, ..) in ALL {
                let id = ids.id(obj, number);
                assert_eq!(ids.parse(&id), Some((obj, number)), "{id}");
                assert_eq!(live.parse(&id), None);
                assert!(seen.insert(id.clone()));
                let garbled = format!("{}{}", &id[..id.len() - 1], if id.ends_with('a') { 'b' } else { 'a' });
                assert_eq!(ids.parse(&garbled), None);
            }
        }
        assert_eq!(ids.parse("in_"), None);
        assert_eq!(ids.parse("nonsense"), None);
        assert_eq!(ids.parse("in_zzzzzzzzzzzzzzzzzzzzzzzz"), None);
        assert_eq!(ids.parse("in_ééééééééééé"), None);
    }
}
