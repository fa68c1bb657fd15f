//! The account's history as arithmetic: every object is computed from the seed and its number.
//!
//! Nothing here may hold a list of objects, read the clock, or know about HTTP. What traffic changes later
//! lives in [`super::overlay`].

pub mod aftermath;
pub mod catalog;
pub mod customer;
pub mod declines;
pub mod invoice;
pub mod line;
mod names;
pub mod subscription;
pub mod timeline;

use super::ids::Ids;
use super::rng::hash;
use timeline::Timeline;

/// The API version whose shapes are served, and which events carry.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Whether this can be a version: `2026-10-28.endive`, or a date alone as versions once were.
pub fn is_version(text: &str) -> bool {
    let (date, name) = text.split_once('.').unwrap_or((text, "x"));
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = date.split('-').collect();
    matches!(parts[..], [y, m, d] if digits(y, 4) && digits(m, 2) && digits(d, 2))
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase())
}

/// One mode of the sandbox's account: test or live.
#[derive(Debug, Clone)]
pub struct World {
    /// where everything comes from
    pub seed: u64,
    /// what `livemode` says on every object
    pub livemode: bool,
    /// the keys of this mode's ids
    pub ids: Ids,
    /// creation times, and who is billed
    pub timeline: Timeline,
    /// the version that the account's events are written in
    pub default_version: String,
    /// the account's id: the same in both modes
    pub account: String,
    /// what the account is called
    pub name: String,
}

impl World {
    /// A history of `invoices` and `customers` that ends at `start` (seconds since 1970).
    pub fn new(seed: u64, livemode: bool, start: i64, invoices: u64, customers: u64) -> World {
        let mut account = super::json::Out::default();
        account.raw("acct_1");
        let mut state = hash(seed, 1, 0);
        for _ in 0..15 {
            // Letters and digits only: real account ids have nothing else.
            account
                .byte(b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[(state % 59) as usize]);
            state = super::rng::mix(state);
        }
        let salted = if livemode { hash(seed, 2, 1) } else { seed };
        World {
            seed: salted,
            livemode,
            ids: Ids::new(seed, livemode),
            timeline: Timeline::new(salted, start, invoices, customers),
            default_version: API_VERSION.to_owned(),
            account: account.into_string(),
            name: String::new(),
        }
    }

    /// The moment history ends and traffic begins.
    pub fn start(&self) -> i64 {
        self.timeline.start()
    }

    /// A hash for one property (`purpose`) of one object.
    pub fn hash(&self, purpose: u64, number: u64) -> u64 {
        hash(self.seed, purpose, number)
    }
}
