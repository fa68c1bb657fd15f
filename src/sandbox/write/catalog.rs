//! Products, prices, and the plan that a subscription item still carries.

use super::Writer;
use crate::sandbox::expand::Expand;
use crate::sandbox::ids::Obj;
use crate::sandbox::model::catalog::{CURRENCIES, PRODUCTS, Price, price_active, product_active};

impl Writer<'_, '_> {
    pub(super) fn product(&mut self, number: u64, expand: &Expand) {
        let world = self.view.world;
        let product = &PRODUCTS[number as usize];
        self.out.raw("{\"id\":");
        self.id(Obj::Product, number);
        self.out.raw(",\"object\":\"product\",\"active\":");
        self.out.bool(product_active(number));
        self.out.raw(",\"created\":");
        self.out.int(world.product_created(number));
        self.out.raw(",\"default_price\":");
        let price = Price { product: number, currency: 0, yearly: false }.number();
        self.reference(Obj::Price, price, expand, "default_price");
        self.out.raw(",\"description\":");
        self.out.text(product.description);
        self.out.raw(",\"images\":[]");
        self.livemode();
        self.out.raw(",\"marketing_features\":[],\"metadata\":{},\"name\":");
        self.out.text(product.name);
        self.out.raw(
            ",\"package_dimensions\":null,\"shippable\":null,\"statement_descriptor\":null,\
             \"tax_code\":null,\"type\":\"service\",\"unit_label\":",
        );
        self.out.text_or_null(product.unit_label);
        self.out.raw(",\"updated\":");
        self.out.int(world.product_created(number) + 86_400);
        self.out.raw(",\"url\":null}");
    }

    pub(super) fn price(&mut self, number: u64, expand: &Expand) {
        self.price_with(number, expand.get("product"));
    }

    /// A price, with its product expanded if `product` says how.
    pub(super) fn price_with(&mut self, number: u64, product: Option<&Expand>) {
        let world = self.view.world;
        let price = Price::from_number(number);
        self.out.raw("{\"id\":");
        self.id(Obj::Price, number);
        self.out.raw(",\"object\":\"price\",\"active\":");
        self.out.bool(price_active(number));
        self.out.raw(",\"billing_scheme\":\"per_unit\",\"created\":");
        self.out.int(world.price_created(number));
        self.out.raw(",\"currency\":\"");
        self.out.raw(CURRENCIES[price.currency as usize].code);
        self.out.raw("\",\"custom_unit_amount\":null");
        self.livemode();
        self.out.raw(",\"lookup_key\":null,\"metadata\":{},\"nickname\":null,\"product\":");
        match product {
            Some(below) => self.product(price.product, below),
            None => self.id(Obj::Product, price.product),
        }
        self.out.raw(",\"recurring\":{\"interval\":\"");
        self.out.raw(if price.yearly { "year" } else { "month" });
        self.out.raw(
            "\",\"interval_count\":1,\"meter\":null,\"trial_period_days\":null,\"usage_type\":\"licensed\"},\
             \"tax_behavior\":\"unspecified\",\"tiers_mode\":null,\"transform_quantity\":null,\
             \"type\":\"recurring\",\"unit_amount\":",
        );
        self.out.int(price.unit_amount());
        self.out.raw(",\"unit_amount_decimal\":\"");
        self.out.int(price.unit_amount());
        self.out.raw("\"}");
    }

    pub(super) fn plan(&mut self, price: Price) {
        let world = self.view.world;
        let number = price.number();
        self.out.raw("{\"id\":");
        self.id(Obj::Price, number);
        self.out.raw(",\"object\":\"plan\",\"active\":");
        self.out.bool(price_active(number));
        self.out.raw(",\"amount\":");
        self.out.int(price.unit_amount());
        self.out.raw(",\"amount_decimal\":\"");
        self.out.int(price.unit_amount());
        self.out.raw("\",\"billing_scheme\":\"per_unit\",\"created\":");
        self.out.int(world.price_created(number));
        self.out.raw(",\"currency\":\"");
        self.out.raw(CURRENCIES[price.currency as usize].code);
        self.out.raw("\",\"interval\":\"");
        self.out.raw(if price.yearly { "year" } else { "month" });
        self.out.raw("\",\"interval_count\":1");
        self.livemode();
        self.out.raw(",\"metadata\":{},\"meter\":null,\"nickname\":null,\"product\":");
        self.id(Obj::Product, price.product);
        self.out.raw(
            ",\"tiers_mode\":null,\"transform_usage\":null,\"trial_period_days\":null,\
             \"usage_type\":\"licensed\"}",
        );
    }
}
