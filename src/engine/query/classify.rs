//! What a text that was typed or pasted into the search is: an id, an e-mail, an amount, last four digits, or
//! just text. Pure.
//!
//! Everything but an id and an amount with its currency is looked for as text as well: a guess must never hide
//! a match.

use crate::stripe::kind::Kind;
use crate::stripe::money;
use crate::{store::mentions, text};

/// What a text was taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// For a person: `an e-mail`.
    pub named: String,
    /// What to look for in texts; empty: not at all.
    pub text: String,
    /// It is (the beginning of) an id of Stripe's.
    pub id: bool,
    /// It is (the beginning of) an event's id.
    pub event: bool,
    /// It has an `@`.
    pub email: bool,
    /// Exactly four digits.
    pub last4: bool,
    /// An amount: minor units for currencies with none, two and three decimals; where it has more decimals than
    /// fit, none.
    pub amount: Option<[Option<i64>; 3]>,
    /// And its currency, lower case, if it was told; several for a symbol that they share. Empty: any.
    pub currencies: Vec<String>,
}

/// Shorter texts are not searched for: everything would match.
pub const SHORTEST: usize = 2;

/// Takes a text for something.
pub fn classify(typed: &str) -> Taken {
    let cleaned = text::clean(typed);
    let wanted = last_of_address(cleaned.trim());
    let mut taken = Taken {
        named: "a name or number".into(),
        text: wanted.to_owned(),
        id: false,
        event: false,
        email: false,
        last4: false,
        amount: None,
        currencies: Vec::new(),
    };
    if wanted.chars().count() < SHORTEST {
        taken.named = "too short to search for".into();
        taken.text = String::new();
    } else if wanted.starts_with("evt_") {
        (taken.event, taken.id, taken.named) = (true, true, "an event's id".into());
    } else if mentions::is_id(wanted) || (Kind::from_id(wanted).is_some() && is_plain(wanted)) {
        taken.id = true;
        taken.named = Kind::from_id(wanted)
            .map_or_else(|| "an id".into(), |kind| format!("the id of a {}", kind.object().replace('_', " ")))
            .replace("of a invoice", "of an invoice");
    } else if wanted.contains('@') {
        (taken.email, taken.named) = (true, "an e-mail".into());
    } else if let Some((amounts, currencies, symbol)) = amount(wanted) {
        taken.last4 = wanted.len() == 4 && wanted.bytes().all(|byte| byte.is_ascii_digit());
        taken.named = match (currencies.as_slice(), symbol) {
            ([currency], _) => format!("an amount in {}", money::code(currency)),
            ([_, ..], symbol) => format!("an amount in {} of any country", symbol.unwrap_or_default()),
            ([], _) if taken.last4 => "last four digits, or an amount in any currency".into(),
            ([], _) => "an amount in any currency, or a number".into(),
        };
        if !currencies.is_empty() {
            taken.text = String::new();
        }
        (taken.amount, taken.currencies) = (Some(amounts), currencies);
    } else if wanted.bytes().any(|byte| byte.is_ascii_digit()) && !wanted.contains(' ') {
        taken.named = "a number or name".into();
    }
    taken
}

fn is_plain(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Of a page of Stripe's dashboard, what stands last in its address.
fn last_of_address(text: &str) -> &str {
    if !text.starts_with("https://") {
        return text;
    }
    let path = text.split(['?', '#']).next().unwrap_or(text).trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

/// ISO codes that Stripe takes (docs.stripe.com/currencies). `INV 2041` is a number, `CAD 2041` an amount.
const CODES: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd \
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl \
    htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk \
    mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf \
    sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd usdc uyu uzs vnd vuv \
    wst xaf xcd xof xpf yer zar zmw";

fn is_currency(code: &str) -> bool {
    CODES.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case(code))
}

/// Minor units as in [`Taken::amount`], currencies as in [`Taken::currencies`], and the symbol that told them.
type Amount = ([Option<i64>; 3], Vec<String>, Option<char>);

/// An amount in no, two and three decimals, the currencies it may be in if that is told, and by which symbol it was:
/// `€1,240.00`, `1240`, `12.40 eur`, `$5`.
fn amount(text: &str) -> Option<Amount> {
    // Where money is written with it, alone or behind letters (`CA$`): who types it may mean any of them.
    const SYMBOLS: &[(char, &str)] = &[
        (
            '$',
            "usd ars aud bbd bmd bnd brl bsd bzd cad clp cop cve dop fjd gyd hkd jmd kyd lrd mop mxn nad nio nzd sbd \
             sgd srd top ttd twd uyu wst xcd",
        ),
        ('€', "eur"),
        ('£', "gbp egp fkp gip lbp shp"),
        ('¥', "jpy cny"),
        ('₹', "inr"),
        ('₩', "krw"),
        ('₪', "ils"),
        ('₫', "vnd"),
        ('₱', "php"),
        ('₴', "uah"),
    ];
    let mut rest = text;
    let mut currencies: Vec<String> = Vec::new();
    let mut by = None;
    let negative = rest.starts_with('-');
    rest = rest.trim_start_matches('-');
    for (symbol, codes) in SYMBOLS {
        if let Some(after) = rest.strip_prefix(*symbol).or_else(|| rest.strip_suffix(*symbol)) {
            rest = after.trim();
            currencies = codes.split_ascii_whitespace().map(str::to_owned).collect();
            by = Some(*symbol);
        }
    }
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let letters: String = rest.chars().filter(|c| is_letter(*c)).collect();
    if currencies.is_empty() && letters.len() == 3 && is_currency(&letters) {
        // In front or behind, not in between.
        let number = rest.trim_matches(is_letter).trim();
        if number.chars().any(is_letter) || number.starts_with('-') {
            return None;
        }
        currencies.push(letters.to_ascii_lowercase());
        rest = number;
    }
    if !rest.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // One currency of each number of decimals stands for all.
    let read = |currency: &str| {
        money::parse(rest, currency).ok().map(|amount| if negative { -amount } else { amount })
    };
    let all = [read("jpy"), read("usd"), read("kwd")];
    let place = |code: &String| match money::exponent(code) {
        0 => 0,
        3 => 2,
        _ => 1,
    };
    let mut fitting = all;
    for (at, amount) in fitting.iter_mut().enumerate() {
        if !currencies.is_empty() && !currencies.iter().any(|code| place(code) == at) {
            *amount = None;
        }
    }
    fitting.iter().any(Option::is_some).then_some((fitting, currencies, by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_for_what_they_are() {
        for (typed, named) in [
            ("in_1Qx", "the id of an invoice"),
            ("cus_", "the id of a customer"),
            ("https://dashboard.stripe.com/acct_1/test/payments/pi_12?x=1", "the id of a payment intent"),
            ("evt_1Q", "an event's id"),
            ("pm_12", "an id"),
            ("zoe@example.com", "an e-mail"),
            ("INV-2041", "a number or name"),
            ("Initech GmbH", "a name or number"),
            ("4242", "last four digits, or an amount in any currency"),
            ("1240.50", "an amount in any currency, or a number"),
            ("€1,240.00", "an amount in EUR"),
            ("12.40 eur", "an amount in EUR"),
            ("$5", "an amount in $ of any country"),
            ("a", "too short to search for"),
            ("", "too short to search for"),
        ] {
            assert_eq!(classify(typed).named, named, "{typed}");
        }
        assert_eq!(classify("https://dashboard.stripe.com/invoices/in_9/").text, "in_9");
    }

    #[test]
    fn amounts_count_in_each_currencys_own_units() {
        assert_eq!(classify("1,240").amount, Some([Some(1240), Some(124_000), Some(1_240_000)]));
        assert_eq!(classify("12.40").amount, Some([None, Some(1240), Some(12_400)]));
        assert_eq!(classify("500 jpy").amount, Some([Some(500), None, None]));
        // A symbol that several currencies share stands for each of them, and for no other.
        assert_eq!(classify("¥500").amount, Some([Some(500), Some(50_000), None]));
        assert_eq!(classify("¥500").currencies, ["jpy", "cny"]);
        let dollars = classify("$12.40").currencies;
        assert!(["usd", "cad", "aud", "mxn"].iter().all(|code| dollars.iter().any(|one| one == code)));
        assert!(!dollars.iter().any(|code| code == "eur") && dollars.iter().all(|code| is_currency(code)));
        assert_eq!(classify("-20 EUR").amount, Some([None, Some(-2000), None]));
        assert_eq!(classify("eur12.4").currencies, ["eur"]);
        for none in ["12a40", "1.2.3", "INV", "eur", "1e3x5", "INV-2041", "INV 2041"] {
            assert_eq!(classify(none).amount, None, "{none}");
        }
        // A currency told leaves nothing to look for in texts.
        assert_eq!(classify("12.40 eur").text, "");
        assert_eq!(classify("4242").text, "4242");
    }
}
