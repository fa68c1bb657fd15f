//! Invoices: the `invoice` object. Amounts come from its lines, times from its state.

use super::Writer;
use crate::sandbox::expand::{Expand, NONE};
use crate::sandbox::ids::Obj;
use crate::sandbox::model::catalog::CURRENCIES;
use crate::sandbox::model::invoice::{DUE_AFTER, FINALIZE_AFTER, Invoice, Status};

/// Lines that stand in the invoice itself.
pub(super) const INLINE_LINES: u8 = 10;

impl Writer<'_, '_> {
    pub(super) fn invoice(&mut self, invoice: &Invoice, expand: &Expand) {
        let world = self.view.world;
        let total = world.total(invoice);
        let paid = if invoice.status == Status::Paid { total } else { 0 };
        let void = invoice.status == Status::Void;
        let attempts = invoice.attempt_count();
        let finalized = invoice.finalized_at != 0;
        let noise = world.hash(60, invoice.number);

        self.out.raw("{\"id\":");
        self.id(Obj::Invoice, invoice.number);
        self.out.raw(",\"object\":\"invoice\",\"account_country\":\"DE\",\"account_name\":");
        self.out.text(&world.name);
        self.out.raw(",\"account_tax_ids\":null,\"amount_due\":");
        self.out.int(total);
        self.out.raw(",\"amount_overpaid\":0,\"amount_paid\":");
        self.out.int(paid);
        self.out.raw(",\"amount_paid_off_stripe\":0,\"amount_remaining\":");
        self.out.int(if void { 0 } else { total - paid });
        self.out.raw(",\"amount_shipping\":0,\"application\":null,\"attempt_count\":");
        self.out.int(if invoice.send { attempts.min(1) } else { attempts } as i64);
        self.out.raw(",\"attempted\":");
        self.out.bool(attempts > 0);
        self.out.raw(",\"auto_advance\":");
        let advancing = matches!(invoice.status, Status::Draft | Status::Open)
            && invoice.subscription
            && !invoice.exhausted();
        self.out.bool(advancing);
        self.out.raw(
            ",\"automatic_tax\":{\"disabled_reason\":null,\"enabled\":false,\"liability\":null,\
             \"provider\":null,\"status\":null},\"automatically_finalizes_at\":",
        );
        let upcoming = advancing && invoice.status == Status::Draft;
        self.out.time(if upcoming { invoice.created + FINALIZE_AFTER } else { 0 });
        self.out.raw(if invoice.subscription {
            ",\"billing_reason\":\"subscription_cycle\""
        } else {
            ",\"billing_reason\":\"manual\""
        });
        self.out.raw(if invoice.send {
            ",\"collection_method\":\"send_invoice\",\"created\":"
        } else {
            ",\"collection_method\":\"charge_automatically\",\"created\":"
        });
        self.out.int(invoice.created);
        self.out.raw(",\"currency\":\"");
        self.out.raw(CURRENCIES[invoice.currency as usize].code);
        self.out.raw("\",\"custom_fields\":null,\"customer\":");
        self.reference(Obj::Customer, invoice.customer, expand, "customer");
        self.out.raw(",\"customer_account\":null,\"customer_address\":");
        self.address(world.customer_place(invoice.customer));
        self.out.raw(",\"customer_email\":");
        self.out.text(&world.customer_email(invoice.customer, 0));
        self.out.raw(",\"customer_name\":");
        self.out.text(&world.customer_name(invoice.customer));
        self.out.raw(",\"customer_phone\":");
        self.out.text_or_null(world.customer_phone(invoice.customer, 0).as_deref());
        self.out.raw(
            ",\"customer_shipping\":null,\"customer_tax_exempt\":\"none\",\"customer_tax_ids\":[],\
             \"default_payment_method\":null,\"default_source\":null,\"default_tax_rates\":[],\
             \"description\":",
        );
        if noise.is_multiple_of(9) {
            self.out.text("Thank you for your order. Questions? Write to billing@sandbox.example.");
        } else {
            self.out.raw("null");
        }
        self.out.raw(",\"discounts\":[],\"due_date\":");
        let due = if invoice.send { invoice.created + DUE_AFTER } else { 0 };
        self.out.time(due);
        self.out.raw(",\"effective_at\":");
        self.out.time(invoice.finalized_at);
        self.out.raw(",\"ending_balance\":");
        self.out.raw(if finalized { "0" } else { "null" });
        self.out.raw(",\"footer\":null,\"from_invoice\":null,\"hosted_invoice_url\":");
        if finalized {
            self.hosted("https://invoice.stripe.com/i/", "?s=ap\"", noise);
            self.out.raw(",\"invoice_pdf\":");
            self.hosted("https://pay.stripe.com/invoice/", "/pdf?s=ap\"", noise);
        } else {
            self.out.raw("null,\"invoice_pdf\":null");
        }
        self.out.raw(
            ",\"issuer\":{\"type\":\"self\"},\"last_finalization_error\":null,\"latest_revision\":null,\
             \"lines\":",
        );
        self.inline_lines(invoice, expand.get("lines").unwrap_or(NONE));
        self.livemode();
        self.out.raw(",\"metadata\":");
        self.invoice_metadata(invoice);
        self.out.raw(",\"next_payment_attempt\":");
        self.out.time(if upcoming { invoice.created + FINALIZE_AFTER } else { invoice.next_attempt });
        self.out.raw(",\"number\":");
        if finalized {
            self.invoice_number(invoice);
        } else {
            self.out.raw("null");
        }
        self.out.raw(",\"on_behalf_of\":null,\"parent\":");
        self.invoice_parent(invoice, expand);
        self.out.raw(
            ",\"payment_settings\":{\"default_mandate\":null,\"payment_method_options\":null,\
             \"payment_method_types\":null}",
        );
        if let Some(below) = expand.get("payments") {
            self.out.raw(",\"payments\":");
            self.payments(invoice, below);
        }
        let (from, to) = self.invoice_period(invoice);
        self.out.raw(",\"period_end\":");
        self.out.int(to);
        self.out.raw(",\"period_start\":");
        self.out.int(from);
        self.out.raw(
            ",\"post_payment_credit_notes_amount\":0,\"pre_payment_credit_notes_amount\":0,\
             \"receipt_number\":null,\"rendering\":{\"amount_tax_display\":null,\
             \"pdf\":{\"page_size\":\"a4\"},\"template\":null,\"template_version\":null},\
             \"shipping_cost\":null,\"shipping_details\":null,\"starting_balance\":0,\
             \"statement_descriptor\":null,\"status\":\"",
        );
        self.out.raw(invoice.status.word());
        self.out.raw("\",\"status_details\":");
        self.out.raw(match invoice.status {
            Status::Uncollectible if invoice.send => {
                "{\"uncollectible\":{\"reason\":\"payment_not_received\"}}"
            }
            Status::Uncollectible => "{\"uncollectible\":{\"reason\":\"max_payment_attempts\"}}",
            _ => "null",
        });
        self.out.raw(",\"status_transitions\":{\"finalized_at\":");
        self.out.time(invoice.finalized_at);
        self.out.raw(",\"marked_uncollectible_at\":");
        self.out.time(invoice.uncollectible_at);
        self.out.raw(",\"paid_at\":");
        self.out.time(invoice.paid_at);
        self.out.raw(",\"voided_at\":");
        self.out.time(invoice.voided_at);
        self.out.raw("},\"subtotal\":");
        self.out.int(total);
        self.out.raw(",\"subtotal_excluding_tax\":");
        self.out.int(total);
        self.out.raw(",\"test_clock\":null,\"total\":");
        self.out.int(total);
        self.out.raw(",\"total_discount_amounts\":[],\"total_excluding_tax\":");
        self.out.int(total);
        self.out.raw(",\"total_pretax_credit_amounts\":[],\"total_taxes\":[],\"webhooks_delivered_at\":");
        self.out.int(invoice.created + 2);
        self.out.byte(b'}');
    }

    /// The period that an invoice bills.
    pub(super) fn invoice_period(&self, invoice: &Invoice) -> (i64, i64) {
        if invoice.subscription {
            (invoice.created - self.view.world.subscription_period(invoice.customer), invoice.created)
        } else {
            (invoice.created, invoice.created)
        }
    }

    fn hosted(&mut self, before: &str, after: &str, noise: u64) {
        self.out.byte(b'"');
        self.out.raw(before);
        let account = &self.view.world.account;
        self.out.raw(account);
        self.out.raw(if self.view.world.livemode { "/live_" } else { "/test_" });
        // The same long token in both links, as Stripe has it.
        self.out.token(noise, 84);
        self.out.raw(after);
    }

    /// The human number: the customer's prefix and a count.
    fn invoice_number(&mut self, invoice: &Invoice) {
        self.out.byte(b'"');
        self.invoice_prefix(invoice.customer);
        self.out.byte(b'-');
        let digits = format!("{:04}", invoice.number + 1);
        self.out.raw(&digits);
        self.out.byte(b'"');
    }

    pub(super) fn invoice_prefix(&mut self, customer: u64) {
        let hash = self.view.world.hash(61, customer);
        for shift in 0..8 {
            self.out.byte(b"0123456789ABCDEF"[(hash >> (shift * 4)) as usize & 15]);
        }
    }

    pub(super) fn invoice_metadata(&mut self, invoice: &Invoice) {
        let hash = self.view.world.hash(62, invoice.number);
        self.out.byte(b'{');
        if !hash.is_multiple_of(3) {
            self.out.raw("\"order_id\":\"");
            self.out.int((hash >> 20) as i64);
            self.out.raw("\",\"channel\":\"");
            self.out.raw(["web", "app", "sales", "partner"][(hash >> 8) as usize & 3]);
            self.out.byte(b'"');
        }
        if invoice.revision > 0 {
            self.out.raw(if hash.is_multiple_of(3) { "\"revision\":\"" } else { ",\"revision\":\"" });
            self.out.int(i64::from(invoice.revision));
            self.out.byte(b'"');
        }
        self.out.byte(b'}');
    }

    fn invoice_parent(&mut self, invoice: &Invoice, expand: &Expand) {
        if !invoice.subscription {
            self.out.raw("null");
            return;
        }
        self.out.raw(
            "{\"quote_details\":null,\"subscription_details\":{\"metadata\":{\"plan_group\":\"main\"},\
             \"subscription\":",
        );
        self.reference(
            Obj::Subscription,
            invoice.customer,
            expand,
            "parent.subscription_details.subscription",
        );
        self.out.raw(",\"subscription_proration_date\":null},\"type\":\"subscription_details\"}");
    }

    fn inline_lines(&mut self, invoice: &Invoice, expand: &Expand) {
        self.out.raw("{\"object\":\"list\",\"data\":[");
        for position in 0..invoice.lines.min(INLINE_LINES) {
            if position > 0 {
                self.out.byte(b',');
            }
            self.line(invoice, position, expand);
        }
        self.out.raw("],\"has_more\":");
        self.out.bool(invoice.lines > INLINE_LINES);
        self.out.raw(",\"url\":\"/v1/invoices/");
        self.view.world.ids.write(self.out, Obj::Invoice, invoice.number);
        self.out.raw("/lines\"}");
    }

    fn payments(&mut self, invoice: &Invoice, expand: &Expand) {
        self.out.raw("{\"object\":\"list\",\"data\":[");
        if invoice.finalized_at != 0 {
            self.invoice_payment(invoice, expand);
        }
        self.out.raw("],\"has_more\":false,\"url\":\"/v1/invoice_payments?invoice=");
        self.view.world.ids.write(self.out, Obj::Invoice, invoice.number);
        self.out.raw("\"}");
    }
}
