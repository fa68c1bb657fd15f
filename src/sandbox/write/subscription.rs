//! The `subscription` object with its one item.

use super::Writer;
use crate::sandbox::expand::{Expand, NONE};
use crate::sandbox::ids::Obj;
use crate::sandbox::model::catalog::{CURRENCIES, Price};
use crate::sandbox::model::subscription::Subscription;

impl Writer<'_, '_> {
    pub(super) fn subscription(&mut self, sub: &Subscription, expand: &Expand) {
        let world = self.view.world;
        let number = sub.number;
        let price = world.subscription_price(number);
        let end = sub.period_start + world.subscription_period(number);
        self.out.raw("{\"id\":");
        self.id(Obj::Subscription, number);
        self.out.raw(
            ",\"object\":\"subscription\",\"application\":null,\"application_fee_percent\":null,\
             \"automatic_tax\":{\"disabled_reason\":null,\"enabled\":false,\"liability\":null},\
             \"billing_cycle_anchor\":",
        );
        self.out.int(sub.created);
        self.out.raw(
            ",\"billing_cycle_anchor_config\":null,\"billing_mode\":{\"flexible\":null,\"type\":\"classic\"},\
             \"billing_schedules\":[],\"billing_thresholds\":null,\"cancel_at\":",
        );
        self.out.time(if sub.cancel_at_period_end { end } else { 0 });
        self.out.raw(",\"cancel_at_period_end\":");
        self.out.bool(sub.cancel_at_period_end);
        self.out.raw(",\"canceled_at\":");
        self.out.time(sub.canceled_at);
        self.out.raw(",\"cancellation_details\":{\"comment\":null,\"feedback\":null,\"reason\":");
        self.out.raw(if sub.unpaid {
            "\"payment_failed\""
        } else if sub.canceled_at != 0 || sub.cancel_at_period_end {
            "\"cancellation_requested\""
        } else {
            "null"
        });
        self.out.raw("},\"collection_method\":\"charge_automatically\",\"created\":");
        self.out.int(sub.created);
        self.out.raw(",\"currency\":\"");
        self.out.raw(CURRENCIES[price.currency as usize].code);
        self.out.raw("\",\"customer\":");
        self.reference(Obj::Customer, number, expand, "customer");
        self.out.raw(",\"customer_account\":null,\"days_until_due\":null,\"default_payment_method\":");
        self.reference(Obj::PaymentMethod, number, expand, "default_payment_method");
        self.out.raw(
            ",\"default_source\":null,\"default_tax_rates\":[],\"description\":null,\"discounts\":[],\
             \"ended_at\":",
        );
        self.out.time(sub.canceled_at);
        self.out.raw(
            ",\"invoice_settings\":{\"account_tax_ids\":null,\"issuer\":{\"type\":\"self\"}},\"items\":\
             {\"object\":\"list\",\"data\":[",
        );
        self.item(sub, price, end, expand.get("items").unwrap_or(NONE));
        self.out.raw("],\"has_more\":false,\"url\":\"/v1/subscription_items?subscription=");
        world.ids.write(self.out, Obj::Subscription, number);
        self.out.raw("\"},\"latest_invoice\":");
        match sub.latest_invoice {
            Some(invoice) => self.reference(Obj::Invoice, invoice, expand, "latest_invoice"),
            None => self.out.raw("null"),
        }
        self.livemode();
        self.out.raw(",\"metadata\":{\"plan_group\":\"main\"");
        if sub.revision > 0 {
            self.out.raw(",\"revision\":\"");
            self.out.int(i64::from(sub.revision));
            self.out.byte(b'"');
        }
        self.out.raw(
            "},\"next_pending_invoice_item_invoice\":null,\"on_behalf_of\":null,\"pause_collection\":null,\
             \"payment_settings\":{\"payment_method_options\":null,\"payment_method_types\":null,\
             \"save_default_payment_method\":\"off\"},\"pending_invoice_item_interval\":null,\
             \"pending_setup_intent\":null,\"pending_update\":null,\"schedule\":null,\"start_date\":",
        );
        self.out.int(sub.created);
        self.out.raw(",\"status\":\"");
        self.out.raw(sub.status.word());
        self.out.raw("\",\"status_details\":null,\"test_clock\":null,\"transfer_data\":null,\"trial_end\":");
        self.out.time(sub.trial_end());
        self.out.raw(
            ",\"trial_settings\":{\"end_behavior\":{\"missing_payment_method\":\"create_invoice\"}},\
             \"trial_start\":",
        );
        self.out.time(if sub.trial_end() == 0 { 0 } else { sub.created });
        self.out.byte(b'}');
    }

    pub(super) fn item(&mut self, sub: &Subscription, price: Price, end: i64, expand: &Expand) {
        self.out.raw("{\"id\":");
        self.id(Obj::SubscriptionItem, sub.number);
        self.out.raw(",\"object\":\"subscription_item\",\"billing_thresholds\":null,\"created\":");
        self.out.int(sub.created);
        self.out.raw(",\"current_period_end\":");
        self.out.int(end);
        self.out.raw(",\"current_period_start\":");
        self.out.int(sub.period_start);
        self.out.raw(",\"discounts\":[],\"metadata\":{},\"plan\":");
        self.plan(price);
        self.out.raw(",\"price\":");
        match expand.get("price.product") {
            Some(below) => self.price_with(price.number(), Some(below)),
            None => self.price_with(price.number(), None),
        }
        self.out.raw(",\"quantity\":");
        self.out.int(i64::from(sub.quantity));
        self.out.raw(",\"subscription\":");
        self.id(Obj::Subscription, sub.number);
        self.out.raw(",\"tax_rates\":[]}");
    }
}
