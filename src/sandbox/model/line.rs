//! The lines of an invoice, which add up to its total.

use super::World;
use super::catalog::{PRODUCTS, Price};
use super::invoice::Invoice;

/// One line.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// what is sold
    pub price: Price,
    /// how many
    pub quantity: i64,
    /// in the currency's minor unit; negative for a credit
    pub amount: i64,
    /// the subscription's own item
    pub item: bool,
    /// a credit or charge for a change in mid-period
    pub proration: bool,
}

impl World {
    /// Line `position` of an invoice, from 0.
    pub fn line(&self, invoice: &Invoice, position: u8) -> Line {
        let plan = self.subscription_price(invoice.customer);
        if position == 0 && invoice.subscription {
            let quantity = i64::from(invoice.quantity);
            return Line {
                price: plan,
                quantity,
                amount: plan.unit_amount() * quantity,
                item: true,
                proration: false,
            };
        }
        let hash = self.hash(50, invoice.number * 256 + u64::from(position));
        let price = Price {
            product: 4 + hash % (PRODUCTS.len() as u64 - 6),
            currency: invoice.currency,
            yearly: false,
        };
        let quantity = 1 + (hash >> 8) as i64 % 6;
        let full = price.unit_amount() * quantity;
        let proration = position > 0 && invoice.subscription && (hash >> 16).is_multiple_of(5);
        // All credits together are less than half of the first line: totals stay positive.
        let most = plan.unit_amount() * i64::from(invoice.quantity) / (20 * i64::from(invoice.lines)) * 10;
        let amount = if proration { -(full / 50 * 10).min(most) } else { full };
        Line { price, quantity, amount, item: false, proration }
    }

    /// What an invoice comes to: the sum of its lines.
    pub fn total(&self, invoice: &Invoice) -> i64 {
        (0..invoice.lines).map(|position| self.line(invoice, position).amount).sum()
    }
}
