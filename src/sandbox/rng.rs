//! Seeded pseudo-random numbers: a stateless hash for computed objects and a small generator for traffic
//! and faults.
//!
//! It must never read the clock or the system's randomness: the same seed has to give the same bytes on
//! every machine, so only integer arithmetic is used.

/// Scrambles all bits of `x` (the finishing steps of splitmix64).
#[inline]
pub fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A hash of (seed, purpose, number). `purpose` keeps unrelated properties of one object independent.
#[inline]
pub fn hash(seed: u64, purpose: u64, number: u64) -> u64 {
    mix(mix(seed ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93))
        .wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// Maps a hash to `0..below`, evenly. `below` of 0 gives 0.
#[inline]
pub fn below(hash: u64, below: u64) -> u64 {
    ((u128::from(hash) * u128::from(below)) >> 64) as u64
}

/// A small sequential generator.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator for one purpose of one seed.
    pub fn new(seed: u64, purpose: u64) -> Rng {
        Rng(hash(seed, purpose, 0x005e_ed00))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        below(self.next(), limit)
    }

    /// True with probability `p` (0 to 1).
    pub fn chance(&mut self, p: f64) -> bool {
        // 53 bits, the precision of an f64 in 0..1.
        ((self.next() >> 11) as f64) < p * 9_007_199_254_740_992.0
    }
}
