//! Amounts for people, from Stripe's integers in minor units, and back.
//!
//! Exponents are Stripe's (docs.stripe.com/currencies), not ISO 4217's: ISK and UGX keep two decimals on the
//! wire. It must never use floating point, and never add up anything.

use crate::text::group;

/// Currencies whose amounts are whole units.
const WHOLE: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
];

/// Currencies with three decimals.
const THREE: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];

/// Symbols that mean one currency to most people. Dollars other than the American are shown by their code,
/// and so is everything else.
const SYMBOLS: &[(&str, &str)] = &[
    ("usd", "$"),
    ("eur", "€"),
    ("gbp", "£"),
    ("jpy", "¥"),
    ("inr", "₹"),
    ("krw", "₩"),
    ("ils", "₪"),
    ("vnd", "₫"),
    ("php", "₱"),
    ("uah", "₴"),
];

/// Decimals of a currency's amounts on the wire; 2 for an unknown one.
pub fn exponent(currency: &str) -> u32 {
    let is = |code: &&str| currency.eq_ignore_ascii_case(code);
    match currency {
        _ if WHOLE.iter().any(is) => 0,
        _ if THREE.iter().any(is) => 3,
        _ => 2,
    }
}

/// `$1,240.00`, `-€20.00`, `12.00 CAD`, `¥500`. Without a currency the bare number with two decimals.
pub fn format(amount: i64, currency: &str) -> String {
    let digits = digits(amount, exponent(currency), ',');
    let sign = if amount < 0 { "-" } else { "" };
    match SYMBOLS.iter().find(|(code, _)| currency.eq_ignore_ascii_case(code)) {
        Some((_, symbol)) => format!("{sign}{symbol}{digits}"),
        None if currency.is_empty() => format!("{sign}{digits}"),
        None => format!("{sign}{digits} {}", code(currency)),
    }
}

/// The number alone, without grouping, for files: `1240.00`, `-20.00`.
pub fn plain(amount: i64, currency: &str) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let all = format!("{:0>1$}", amount.unsigned_abs(), exponent(currency) as usize + 1);
    let (whole, part) = all.split_at(all.len() - exponent(currency) as usize);
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// The ISO code as it is shown: upper case, and nothing but what a code may hold.
pub fn code(currency: &str) -> String {
    currency.chars().filter(char::is_ascii_alphanumeric).take(8).collect::<String>().to_ascii_uppercase()
}

fn digits(amount: i64, exponent: u32, mark: char) -> String {
    let all = format!("{:0>1$}", amount.unsigned_abs(), exponent as usize + 1);
    let (whole, part) = all.split_at(all.len() - exponent as usize);
    let whole = group(whole, mark);
    if part.is_empty() { whole } else { format!("{whole}.{part}") }
}

/// An amount that a person wrote, in minor units: `1240`, `1,240.5`, `€1 240.50`, `-20 EUR`. The error is one
/// sentence. A point is the decimal mark; commas and blanks only group.
pub fn parse(text: &str, currency: &str) -> Result<i64, String> {
    let shown = crate::text::clean_max(text.trim(), 40);
    let wrong = || format!("“{shown}” is not an amount in {}; write it like 1240.50.", code(currency));
    let mut rest = text.trim();
    let negative = rest.starts_with('-');
    rest = rest.trim_start_matches('-').trim_start();
    if let Some((_, symbol)) = SYMBOLS.iter().find(|(code, _)| currency.eq_ignore_ascii_case(code)) {
        rest = rest.strip_prefix(symbol).unwrap_or(rest).trim_start();
    }
    if !currency.is_empty()
        && let Some(cut) = rest.len().checked_sub(currency.len())
        && let (Some(number), Some(end)) = (rest.get(..cut), rest.get(cut..))
        && end.eq_ignore_ascii_case(currency)
    {
        rest = number.trim_end();
    }
    let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
    let whole = ungroup(whole).ok_or_else(wrong)?;
    let exponent = exponent(currency) as usize;
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !is_digits(&whole) || !is_digits(part) {
        return Err(wrong());
    }
    if part.len() > exponent {
        return Err(format!("{} has {exponent} decimals; “{shown}” has more.", code(currency)));
    }
    let amount: i64 = format!("{whole}{part:0<exponent$}").parse().map_err(|_| wrong())?;
    Ok(if negative { -amount } else { amount })
}

/// Takes grouping marks out; none when they don't stand between groups of three.
fn ungroup(whole: &str) -> Option<String> {
    let groups: Vec<&str> = whole.split([',', ' ', '\u{a0}', '\u{202f}']).collect();
    let grouped = groups.len() > 1;
    let fits = groups.iter().enumerate().all(|(index, group)| match index {
        0 => !grouped || (1..=3).contains(&group.len()),
        _ => group.len() == 3,
    });
    fits.then(|| groups.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_for_people() {
        for (amount, currency, shown) in [
            (124_000, "usd", "$1,240.00"),
            (-2_000, "eur", "-€20.00"),
            (5, "gbp", "£0.05"),
            (500, "jpy", "¥500"),
            (1_200, "cad", "12.00 CAD"),
            (-1_200, "AUD", "-12.00 AUD"),
            (1_234_567, "kwd", "1,234.567 KWD"),
            // On the wire these keep two decimals, though they have none.
            (500, "isk", "5.00 ISK"),
            (500, "ugx", "5.00 UGX"),
            (12_345, "xaf", "12,345 XAF"),
            (100, "xyz", "1.00 XYZ"),
            (100, "\u{1b}[31m", "1.00 31M"),
            (100, "", "1.00"),
            (i64::MIN, "usd", "-$92,233,720,368,547,758.08"),
        ] {
            assert_eq!(format(amount, currency), shown);
        }
        assert_eq!(plain(-124_005, "usd"), "-1240.05");
        assert_eq!(plain(7, "jpy"), "7");
    }

    #[test]
    fn amounts_from_people() {
        for (text, currency, amount) in [
            ("1240", "usd", 124_000),
            ("$1,240.5", "usd", 124_050),
            ("€1 240.50", "eur", 124_050),
            ("-20 EUR", "eur", -2_000),
            ("500", "jpy", 500),
            (".5", "usd", 50),
            ("1.234", "kwd", 1_234),
        ] {
            assert_eq!(parse(text, currency), Ok(amount), "{text}");
        }
        for (text, currency) in [
            ("", "usd"),
            ("1,24", "usd"),
            ("1.5", "jpy"),
            ("12a", "usd"),
            ("1.2.3", "usd"),
            ("€", "eur"),
            ("99999999999999999999", "usd"),
        ] {
            assert!(parse(text, currency).unwrap_err().ends_with('.'), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(amount in -1_000_000_000_000_i64..1_000_000_000_000, which in 0_usize..6) {
            let currency = ["usd", "eur", "jpy", "kwd", "cad", "isk"][which];
            prop_assert_eq!(parse(&format(amount, currency), currency), Ok(amount));
        }
    }
}
