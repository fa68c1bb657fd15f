//! Products, prices and currencies: a fixed little catalogue.
//!
//! Amounts are integers in the currency's minor unit; nothing here may divide a stored amount.

use super::World;
use super::timeline::SPAN;

/// A currency that customers of this account pay in.
#[derive(Debug, Clone, Copy)]
pub struct Currency {
    /// ISO code, lower case
    pub code: &'static str,
    /// customers out of a hundred
    pub share: u64,
    /// what the dollar price in cents is multiplied by, in hundredths
    rate: i64,
}

/// jpy has no minor unit; kwd and bhd have three digits, whose last must be 0 on cards.
pub const CURRENCIES: [Currency; 8] = [
    Currency { code: "usd", share: 46, rate: 100 },
    Currency { code: "eur", share: 24, rate: 90 },
    Currency { code: "gbp", share: 11, rate: 80 },
    Currency { code: "jpy", share: 8, rate: 150 },
    Currency { code: "chf", share: 4, rate: 90 },
    Currency { code: "sek", share: 3, rate: 1000 },
    Currency { code: "kwd", share: 2, rate: 300 },
    Currency { code: "bhd", share: 2, rate: 400 },
];

/// A product: name, description, monthly price in US cents.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// shown on invoices
    pub name: &'static str,
    /// a sentence
    pub description: &'static str,
    /// US cents a month
    cents: i64,
    /// what one of it is called
    pub unit_label: Option<&'static str>,
}

/// Everything the account sells.
pub const PRODUCTS: [Product; 12] = [
    product("Starter", "One project and three people, with mail support.", 1900, Some("seat")),
    product("Team", "Ten projects, shared boards and a daily backup.", 4900, Some("seat")),
    product("Business", "Projects without limit, audit log, single sign-on.", 9900, Some("seat")),
    product("Enterprise", "Own region, own keys, a named contact.", 49_900, None),
    product("Extra storage", "Another hundred gigabytes.", 900, Some("pack")),
    product("Priority support", "An answer within two hours, day and night.", 14_900, None),
    product("API calls", "A million calls above the plan.", 2500, Some("million")),
    product("Build minutes", "A thousand minutes on a large runner.", 800, Some("thousand")),
    product("Custom domain", "Certificate and routing for one domain.", 500, Some("domain")),
    product("Data export", "Nightly export to a bucket of your own.", 3900, None),
    product("Crème brûlée tier ☕", "A joke that somebody bought.", 700, None),
    product("オンボーディング", "導入支援セッション", 29_900, None),
];

const fn product(
    name: &'static str,
    description: &'static str,
    cents: i64,
    unit_label: Option<&'static str>,
) -> Product {
    Product { name, description, cents, unit_label }
}

/// Prices there are: each product in each currency, monthly and yearly.
pub const PRICES: u64 = (PRODUCTS.len() * CURRENCIES.len() * 2) as u64;

/// A price, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// index into [`PRODUCTS`]
    pub product: u64,
    /// index into [`CURRENCIES`]
    pub currency: u8,
    /// billed by the year instead of the month
    pub yearly: bool,
}

impl Price {
    /// The price with that number.
    pub fn from_number(number: u64) -> Price {
        let currencies = CURRENCIES.len() as u64;
        Price {
            product: number / 2 / currencies,
            currency: (number / 2 % currencies) as u8,
            yearly: number % 2 == 1,
        }
    }

    /// Its number.
    pub fn number(self) -> u64 {
        (self.product * CURRENCIES.len() as u64 + u64::from(self.currency)) * 2 + u64::from(self.yearly)
    }

    /// What one costs, in the currency's minor unit.
    pub fn unit_amount(self) -> i64 {
        let rate = CURRENCIES[self.currency as usize].rate;
        // To tens: the last digit of three-decimal currencies has to be 0.
        let month = PRODUCTS[self.product as usize].cents * rate / 1000 * 10;
        if self.yearly { month * 10 } else { month }
    }
}

impl World {
    /// When a product was created.
    pub fn product_created(&self, number: u64) -> i64 {
        self.start() - SPAN - 150 * 86_400 + number as i64 * 3600
    }

    /// When a price was created. Rises with the number.
    pub fn price_created(&self, number: u64) -> i64 {
        self.start() - SPAN - 149 * 86_400 + number as i64 * 61
    }
}

/// Whether a price is still offered: the joke's yearly ones are not, so that `active=false` finds something.
pub fn price_active(number: u64) -> bool {
    !(Price::from_number(number).product == 10 && number % 2 == 1)
}

/// Whether a product is still sold.
pub fn product_active(number: u64) -> bool {
    number != 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_numbers_come_back_and_amounts_end_in_zero() {
        for number in 0..PRICES {
            let price = Price::from_number(number);
            assert_eq!(price.number(), number);
            assert!(price.unit_amount() > 0 && price.unit_amount() % 10 == 0);
        }
        assert_eq!(CURRENCIES.iter().map(|c| c.share).sum::<u64>(), 100);
    }
}
