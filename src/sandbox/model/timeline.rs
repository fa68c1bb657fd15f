//! When computed objects were created, and which customer each invoice belongs to.
//!
//! Both are arithmetic on the index: `created` never falls as the index grows, so a time filter is a binary
//! search; and the customer of an invoice is a permutation that can be run backwards, so a customer's
//! invoices are found without an index. Floats are used only with `+ - *`, which every machine rounds alike.

use crate::sandbox::rng::{below, hash};

/// History reaches this far back, in seconds (two years).
pub const SPAN: i64 = 730 * 86_400;
/// The newest computed object is this much older than the start, in seconds: more than an hour, so that all
/// of history's invoices are finalized and `--invoices N` are N that a default discover lists.
const TAIL: i64 = 3_660;
/// Invoices come in blocks; each block brings a new cohort of customers.
const BLOCKS: u64 = 8;
/// Invoices that a billing run may create in the same second.
const BURST: u64 = 8;

/// One block of invoices: a run of indexes over a growing set of customers.
#[derive(Debug, Clone, Copy)]
struct Block {
    first: u64,
    end: u64,
    /// customers 0..active are billed in this block
    active: u64,
    step: u64,
    step_inverse: u64,
    shift: u64,
}

/// The arithmetic of one sandbox's history.
#[derive(Debug, Clone)]
pub struct Timeline {
    seed: u64,
    start: i64,
    invoices: u64,
    customers: u64,
    blocks: Vec<Block>,
}

impl Timeline {
    /// History up to `start` (seconds since 1970) of that many invoices and customers (at least one).
    pub fn new(seed: u64, start: i64, invoices: u64, customers: u64) -> Timeline {
        let customers = customers.max(1);
        let blocks = (0..BLOCKS)
            .map(|b| {
                let active = (customers * (b + 1) / BLOCKS).max(1);
                let step = coprime(active, hash(seed, 11, b));
                Block {
                    first: invoices * b / BLOCKS,
                    end: invoices * (b + 1) / BLOCKS,
                    active,
                    step,
                    step_inverse: inverse(step, active),
                    shift: below(hash(seed, 12, b), active),
                }
            })
            .collect();
        Timeline { seed, start, invoices, customers, blocks }
    }

    /// Invoices that history holds.
    pub fn invoices(&self) -> u64 {
        self.invoices
    }

    /// Customers that history holds.
    pub fn customers(&self) -> u64 {
        self.customers
    }

    /// The moment history ends and traffic begins.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// A moment of history: 0 is its beginning, 1 its end, denser towards the end.
    fn at(&self, x: f64) -> i64 {
        let stretched = if x < 0.0 { 1.5 * x } else { x * (1.5 - 0.5 * x) };
        self.start - TAIL - SPAN + (stretched * SPAN as f64) as i64
    }

    /// When invoice `index` was created. Never falls as `index` grows.
    pub fn invoice_created(&self, index: u64) -> i64 {
        let group = index / BURST;
        let position = if hash(self.seed, 13, group).is_multiple_of(5) {
            // A billing run: the whole group in one second.
            (group * BURST) as f64
        } else {
            index as f64 + (hash(self.seed, 14, index) >> 40) as f64 / 16_777_216.0
        };
        self.at(position / self.invoices.max(1) as f64)
    }

    /// When customer `index` was created: always before the block that first bills it.
    pub fn customer_created(&self, index: u64) -> i64 {
        let jitter = (hash(self.seed, 15, index) >> 40) as f64 / 16_777_216.0;
        // A billing run can reach back over the block's border, and fewer customers than blocks share one.
        let run = BURST as f64 / self.invoices.max(BURST) as f64;
        let few = if self.customers < BLOCKS { 1.0 } else { 0.0 };
        let x = (index as f64 + jitter) / self.customers as f64 - 1.0 / BLOCKS as f64 - run - few;
        self.at(x) - 600
    }

    /// The customer that invoice `index` bills.
    pub fn customer_of(&self, index: u64) -> u64 {
        let b = (index * BLOCKS).checked_div(self.invoices).unwrap_or(0).min(BLOCKS - 1);
        // Rounding can put the first index of a block into the one before.
        let mut b = b as usize;
        while b + 1 < self.blocks.len() && index >= self.blocks[b].end {
            b += 1;
        }
        while b > 0 && index < self.blocks[b].first {
            b -= 1;
        }
        let block = &self.blocks[b];
        ((index - block.first) % block.active * block.step + block.shift) % block.active
    }

    /// The invoices of one customer, in rising order.
    pub fn invoices_of(&self, customer: u64) -> Vec<u64> {
        let mut found = Vec::new();
        for block in &self.blocks {
            if customer >= block.active {
                continue;
            }
            let shifted = (customer + block.active - block.shift) % block.active;
            let mut at = block.first + shifted * block.step_inverse % block.active;
            while at < block.end {
                found.push(at);
                at += block.active;
            }
        }
        found
    }
}

/// A step through `modulus` places that visits each: near the golden section, without a common divisor.
fn coprime(modulus: u64, hash: u64) -> u64 {
    if modulus <= 2 {
        return 1;
    }
    let mut step = modulus * 618 / 1000 + below(hash, modulus / 8 + 1);
    step = step % modulus + 1;
    while gcd(step, modulus) != 1 {
        step = step % modulus + 1;
    }
    step
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The number that undoes multiplying by `step` modulo `modulus`.
fn inverse(step: u64, modulus: u64) -> u64 {
    if modulus <= 1 {
        return 0;
    }
    let (mut r0, mut r1) = (i128::from(modulus), i128::from(step % modulus));
    let (mut t0, mut t1) = (0_i128, 1_i128);
    while r1 != 0 {
        let q = r0 / r1;
        (r0, r1) = (r1, r0 - q * r1);
        (t0, t1) = (t1, t0 - q * t1);
    }
    t0.rem_euclid(i128::from(modulus)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_falls_and_has_ties() {
        let line = Timeline::new(1, 1_800_000_000, 5000, 1250);
        let times: Vec<i64> = (0..5000).map(|i| line.invoice_created(i)).collect();
        assert!(times.windows(2).all(|w| w[0] <= w[1]));
        assert!(times.windows(2).any(|w| w[0] == w[1]));
        assert!(times[4999] < 1_800_000_000);
        assert!((0..1249).all(|j| line.customer_created(j) <= line.customer_created(j + 1)));
    }

    #[test]
    fn a_customers_invoices_are_found_backwards() {
        for (invoices, customers) in [(5000, 1250), (1, 50), (0, 3), (77, 1), (1003, 9)] {
            let line = Timeline::new(3, 1_800_000_000, invoices, customers);
            let mut total = 0;
            for customer in 0..customers {
                let found = line.invoices_of(customer);
                assert!(found.windows(2).all(|w| w[0] < w[1]));
                for &index in &found {
                    assert_eq!(line.customer_of(index), customer);
                    assert!(line.customer_created(customer) <= line.invoice_created(index));
                }
                total += found.len() as u64;
            }
            assert_eq!(total, invoices);
        }
    }
}
