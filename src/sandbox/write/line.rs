//! Invoice lines: the `line_item` object, with `parent` and `pricing` as since 2025-03-31.

use super::Writer;
use crate::sandbox::expand::Expand;
use crate::sandbox::ids::{LINES_PER_INVOICE, Obj};
use crate::sandbox::model::catalog::{CURRENCIES, PRODUCTS};
use crate::sandbox::model::invoice::Invoice;

impl Writer<'_, '_> {
    pub(super) fn line(&mut self, invoice: &Invoice, position: u8, expand: &Expand) {
        let world = self.view.world;
        let line = world.line(invoice, position);
        let number = invoice.number * LINES_PER_INVOICE + u64::from(position);
        let price = line.price.number();
        self.out.raw("{\"id\":");
        self.id(Obj::Line, number);
        self.out.raw(",\"object\":\"line_item\",\"amount\":");
        self.out.int(line.amount);
        self.out.raw(",\"currency\":\"");
        self.out.raw(CURRENCIES[invoice.currency as usize].code);
        self.out.raw("\",\"description\":\"");
        if line.proration {
            self.out.raw("Unused time on ");
        } else {
            self.out.int(line.quantity);
            self.out.raw(" × ");
        }
        self.out.raw(PRODUCTS[line.price.product as usize].name);
        self.out.raw(if line.price.yearly { " (yearly)\"" } else { " (monthly)\"" });
        self.out.raw(",\"discount_amounts\":[],\"discountable\":");
        self.out.bool(!line.proration);
        self.out.raw(",\"discounts\":[],\"invoice\":");
        self.id(Obj::Invoice, invoice.number);
        self.livemode();
        self.out.raw(",\"metadata\":{},\"parent\":");
        if line.item {
            self.out.raw(
                "{\"invoice_item_details\":null,\"subscription_item_details\":{\"invoice_item\":null,\
                 \"proration\":false,\"proration_details\":{\"credited_items\":null},\"subscription\":",
            );
            self.id(Obj::Subscription, invoice.customer);
            self.out.raw(",\"subscription_item\":");
            self.id(Obj::SubscriptionItem, invoice.customer);
            self.out.raw("},\"type\":\"subscription_item_details\"}");
        } else {
            self.out.raw("{\"invoice_item_details\":{\"invoice_item\":");
            self.id(Obj::InvoiceItem, number);
            self.out.raw(",\"proration\":");
            self.out.bool(line.proration);
            self.out.raw(",\"proration_details\":{\"credited_items\":null},\"subscription\":");
            if invoice.subscription {
                self.id(Obj::Subscription, invoice.customer);
            } else {
                self.out.raw("null");
            }
            self.out.raw("},\"subscription_item_details\":null,\"type\":\"invoice_item_details\"}");
        }
        let (from, to) = self.invoice_period(invoice);
        self.out.raw(",\"period\":{\"end\":");
        // A subscription's own line is paid in advance.
        self.out.int(if line.item { to + (to - from) } else { to });
        self.out.raw(",\"start\":");
        self.out.int(if line.item { to } else { from });
        self.out.raw("},\"pretax_credit_amounts\":[],\"pricing\":{\"price_details\":{\"price\":");
        self.reference(Obj::Price, price, expand, "pricing.price_details.price");
        self.out.raw(",\"product\":");
        self.id(Obj::Product, line.price.product);
        self.out.raw("},\"type\":\"price_details\",\"unit_amount_decimal\":\"");
        self.out.int(line.price.unit_amount());
        self.out.raw("\"},\"quantity\":");
        self.out.int(line.quantity);
        self.out.raw(",\"quantity_decimal\":\"");
        self.out.int(line.quantity);
        self.out.raw("\",\"subscription\":");
        if invoice.subscription {
            self.reference(Obj::Subscription, invoice.customer, expand, "subscription");
        } else {
            self.out.raw("null");
        }
        self.out.raw(",\"subtotal\":");
        self.out.int(line.amount);
        self.out.raw(",\"taxes\":[]}");
    }
}
