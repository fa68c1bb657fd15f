//! The `customer` object, and addresses.

use super::Writer;
use crate::sandbox::expand::Expand;
use crate::sandbox::ids::Obj;
use crate::sandbox::model::catalog::CURRENCIES;
use crate::sandbox::model::customer::Customer;

impl Writer<'_, '_> {
    pub(super) fn customer(&mut self, customer: &Customer, expand: &Expand) {
        let world = self.view.world;
        let number = customer.number;
        self.out.raw("{\"id\":");
        self.id(Obj::Customer, number);
        self.out.raw(",\"object\":\"customer\"");
        if customer.deleted {
            self.out.raw(",\"deleted\":true}");
            return;
        }
        let place = world.customer_place(number);
        let name = world.customer_name(number);
        self.out.raw(",\"address\":");
        self.address(place);
        self.out.raw(",\"balance\":0,\"created\":");
        self.out.int(customer.created);
        self.out.raw(",\"currency\":\"");
        self.out.raw(CURRENCIES[world.currency_of(number) as usize].code);
        self.out.raw("\",\"customer_account\":null,\"default_source\":null,\"delinquent\":");
        self.out.bool(customer.delinquent);
        self.out.raw(",\"description\":null,\"discount\":null,\"email\":");
        self.out.text(&world.customer_email(number, customer.email_revision));
        self.out.raw(",\"invoice_prefix\":\"");
        self.invoice_prefix(number);
        self.out.raw("\",\"invoice_settings\":{\"custom_fields\":null,\"default_payment_method\":");
        self.reference(Obj::PaymentMethod, number, expand, "invoice_settings.default_payment_method");
        self.out.raw(",\"footer\":null,\"rendering_options\":null}");
        self.livemode();
        self.out.raw(",\"metadata\":");
        self.customer_metadata(customer);
        self.out.raw(",\"name\":");
        self.out.text(&name);
        self.out.raw(",\"next_invoice_sequence\":1,\"phone\":");
        self.out.text_or_null(world.customer_phone(number, customer.phone_revision).as_deref());
        self.out.raw(",\"preferred_locales\":[],\"shipping\":");
        if let Some(place) = place.filter(|_| world.hash(68, number).is_multiple_of(5)) {
            self.out.raw("{\"address\":");
            self.address(Some(place));
            self.out.raw(",\"name\":");
            self.out.text(&name);
            self.out.raw(",\"phone\":null}");
        } else {
            self.out.raw("null");
        }
        for field in ["sources", "tax_ids"] {
            if expand.get(field).is_some() {
                self.out.raw(",\"");
                self.out.raw(field);
                self.out
                    .raw("\":{\"object\":\"list\",\"data\":[],\"has_more\":false,\"url\":\"/v1/customers/");
                world.ids.write(self.out, Obj::Customer, number);
                self.out.byte(b'/');
                self.out.raw(field);
                self.out.raw("\"}");
            }
        }
        if let Some(below) = expand.get("subscriptions") {
            self.out.raw(",\"subscriptions\":{\"object\":\"list\",\"data\":[");
            if let Some(subscription) = self.view.subscription(number) {
                self.subscription(&subscription, below);
            }
            self.out.raw("],\"has_more\":false,\"url\":\"/v1/customers/");
            world.ids.write(self.out, Obj::Customer, number);
            self.out.raw("/subscriptions\"}");
        }
        self.out.raw(",\"tax_exempt\":\"none\",\"test_clock\":null}");
    }

    fn customer_metadata(&mut self, customer: &Customer) {
        let hash = self.view.world.hash(69, customer.number);
        self.out.byte(b'{');
        if !hash.is_multiple_of(4) {
            self.out.raw("\"crm_id\":\"");
            self.out.int((hash >> 24) as i64);
            self.out.raw("\",\"segment\":\"");
            self.out.raw(["smb", "mid", "enterprise", "startup"][(hash >> 4) as usize & 3]);
            self.out.byte(b'"');
        }
        if customer.revision > 0 {
            self.out.raw(if hash.is_multiple_of(4) { "\"revision\":\"" } else { ",\"revision\":\"" });
            self.out.int(i64::from(customer.revision));
            self.out.byte(b'"');
        }
        self.out.byte(b'}');
    }

    pub(super) fn address(&mut self, place: Option<crate::sandbox::model::customer::Place>) {
        let Some(place) = place else {
            self.out.raw("null");
            return;
        };
        self.out.raw("{\"city\":\"");
        self.out.raw(place.city);
        self.out.raw("\",\"country\":\"");
        self.out.raw(place.country);
        self.out.raw("\",\"line1\":\"");
        self.out.raw(place.street);
        self.out.byte(b' ');
        self.out.int(place.house as i64);
        self.out.raw("\",\"line2\":null,\"postal_code\":\"");
        self.out.raw(place.postal_code);
        self.out.raw("\",\"state\":null}");
    }
}
