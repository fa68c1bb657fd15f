//! Exact decimal numbers, as people write amounts.
//!
//! It must never use floating point, and never take a number that it cannot hold exactly.

use std::cmp::Ordering;
use std::fmt;

/// Digits before the point that are taken: more than any amount of Stripe's has.
const WHOLE: usize = 18;
/// Digits behind it. Both together leave room in an `i128` to compare any two numbers exactly.
const PART: usize = 8;

/// A number without rounding: `units / 10^scale`, with no zero at the end of the part behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    units: i128,
    scale: u32,
}

impl Decimal {
    /// `50`, `-20`, `12.5`, `.5`. None for anything else, also for more than 18 digits before the point or 8
    /// behind it.
    pub fn parse(text: &str) -> Option<Decimal> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let part = part.trim_end_matches('0');
        let fits = whole.len() <= WHOLE && part.len() <= PART;
        let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        // A point needs a digit on one side at least; what was trimmed away counts.
        let any = digits.bytes().any(|byte| byte.is_ascii_digit());
        if !fits || !any || !numeric(whole) || !numeric(part) || digits.ends_with('.') {
            return None;
        }
        let mut units: i128 = 0;
        for byte in whole.bytes().chain(part.bytes()) {
            units = units * 10 + i128::from(byte - b'0');
        }
        let units = if text.starts_with('-') { -units } else { units };
        Some(Decimal { units, scale: part.len() as u32 })
    }

    /// The greatest whole number of minor units that is not above this, for a currency with `exponent` decimals.
    pub fn floor(self, exponent: u32) -> i128 {
        (self.units * 10_i128.pow(exponent)).div_euclid(10_i128.pow(self.scale))
    }

    /// The smallest whole number of minor units that is not below this.
    pub fn ceil(self, exponent: u32) -> i128 {
        -((-self.units * 10_i128.pow(exponent)).div_euclid(10_i128.pow(self.scale)))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        (self.units * 10_i128.pow(other.scale)).cmp(&(other.units * 10_i128.pow(self.scale)))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let scale = self.scale as usize;
        let all = format!("{:0>1$}", self.units.unsigned_abs(), scale + 1);
        let (whole, part) = all.split_at(all.len() - scale);
        if part.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{part}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        for (text, shown, floor2, ceil2) in [
            ("50", "50", 5_000, 5_000),
            ("-20.005", "-20.005", -2_001, -2_000),
            ("12.50", "12.5", 1_250, 1_250),
            (".1", "0.1", 10, 10),
            ("0.001", "0.001", 0, 1),
            ("-0", "0", 0, 0),
            ("007.0", "7", 700, 700),
        ] {
            let number = Decimal::parse(text).unwrap();
            assert_eq!(number.to_string(), shown);
            assert_eq!((number.floor(2), number.ceil(2)), (floor2, ceil2), "{text}");
            assert_eq!(Decimal::parse(shown), Some(number));
        }
        for wrong in
            ["", "-", ".", "5.", "1e3", "1,000", "1_000", "+5", "--5", "1.2.3", "1234567890123456789", "٣"]
        {
            assert_eq!(Decimal::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn order_is_by_value() {
        let number = |text| Decimal::parse(text).unwrap();
        assert!(
            number("0.1") < number("0.11") && number("-1") < number("0.5") && number("10") > number("9.99")
        );
        let (most, least) = (number("999999999999999999.99999999"), number("-999999999999999999.99999999"));
        assert!(most > least && most.ceil(3) > i128::from(i64::MAX));
    }
}
