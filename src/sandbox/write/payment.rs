//! What moves the money: payment intents, charges, invoice payments, payment methods and balance
//! transactions. All of them are views of one invoice's state.

use super::Writer;
use crate::sandbox::expand::{Expand, NONE};
use crate::sandbox::ids::{CHARGES_PER_INVOICE, Obj};
use crate::sandbox::model::catalog::CURRENCIES;
use crate::sandbox::model::customer::Card;
use crate::sandbox::model::declines::{Decline, decline};
use crate::sandbox::model::invoice::{Attempt, Invoice, Status};

impl Writer<'_, '_> {
    fn currency(&mut self, invoice: &Invoice) {
        self.out.raw(",\"currency\":\"");
        self.out.raw(CURRENCIES[invoice.currency as usize].code);
        self.out.byte(b'"');
    }

    pub(super) fn invoice_payment(&mut self, invoice: &Invoice, expand: &Expand) {
        let total = self.view.world.total(invoice);
        let (status, paid) = match invoice.status {
            Status::Paid => ("paid", true),
            Status::Void => ("canceled", false),
            _ => ("open", false),
        };
        self.out.raw("{\"id\":");
        self.id(Obj::InvoicePayment, invoice.number);
        self.out.raw(",\"object\":\"invoice_payment\",\"amount_paid\":");
        if paid {
            self.out.int(total);
        } else {
            self.out.raw("null");
        }
        self.out.raw(",\"amount_requested\":");
        self.out.int(total);
        self.out.raw(",\"created\":");
        self.out.int(invoice.finalized_at);
        self.currency(invoice);
        self.out.raw(",\"invoice\":");
        self.reference(Obj::Invoice, invoice.number, expand, "invoice");
        self.out.raw(",\"is_default\":true");
        self.livemode();
        self.out.raw(",\"payment\":{\"payment_intent\":");
        self.reference(Obj::PaymentIntent, invoice.number, expand, "payment.payment_intent");
        self.out.raw(",\"type\":\"payment_intent\"},\"status\":\"");
        self.out.raw(status);
        self.out.raw("\",\"status_transitions\":{\"canceled_at\":");
        self.out.time(invoice.voided_at);
        self.out.raw(",\"paid_at\":");
        self.out.time(invoice.paid_at);
        self.out.raw("}}");
    }

    pub(super) fn payment_intent(&mut self, invoice: &Invoice, expand: &Expand) {
        let world = self.view.world;
        let total = world.total(invoice);
        let latest = invoice.latest_attempt();
        let failed = latest.and_then(|(slot, a)| a.decline.map(|d| (slot, decline(d))));
        let (status, received) = match invoice.status {
            Status::Paid => ("succeeded", total),
            Status::Void => ("canceled", 0),
            _ if failed.is_none() && !invoice.send => ("requires_confirmation", 0),
            _ => ("requires_payment_method", 0),
        };
        self.out.raw("{\"id\":");
        self.id(Obj::PaymentIntent, invoice.number);
        self.out.raw(",\"object\":\"payment_intent\",\"amount\":");
        self.out.int(total);
        self.out.raw(",\"amount_capturable\":0,\"amount_details\":{\"tip\":{}},\"amount_received\":");
        self.out.int(received);
        self.out.raw(
            ",\"application\":null,\"application_fee_amount\":null,\"automatic_payment_methods\":null,\
             \"canceled_at\":",
        );
        self.out.time(invoice.voided_at);
        self.out.raw(if invoice.voided_at == 0 {
            ",\"cancellation_reason\":null"
        } else {
            ",\"cancellation_reason\":\"void_invoice\""
        });
        self.out.raw(",\"capture_method\":\"automatic\",\"client_secret\":\"");
        world.ids.write(self.out, Obj::PaymentIntent, invoice.number);
        self.out.raw("_secret_");
        self.out.token(world.hash(63, invoice.number), 25);
        self.out.raw("\",\"confirmation_method\":\"automatic\",\"created\":");
        self.out.int(invoice.finalized_at);
        self.currency(invoice);
        self.out.raw(",\"customer\":");
        self.reference(Obj::Customer, invoice.customer, expand, "customer");
        self.out.raw(",\"customer_account\":null,\"description\":");
        self.payment_description(invoice);
        self.out.raw(",\"excluded_payment_method_types\":null,\"last_payment_error\":");
        match failed {
            Some((slot, refusal)) => self.payment_error(invoice, slot, refusal),
            None => self.out.raw("null"),
        }
        self.out.raw(",\"latest_charge\":");
        match latest {
            Some((slot, _)) => {
                let charge = invoice.number * CHARGES_PER_INVOICE + slot as u64;
                self.reference(Obj::Charge, charge, expand, "latest_charge");
            }
            None => self.out.raw("null"),
        }
        self.livemode();
        self.out.raw(",\"metadata\":{},\"next_action\":null,\"on_behalf_of\":null,\"payment_details\":{");
        self.out.raw("\"customer_reference\":null,\"order_reference\":");
        self.id(Obj::Invoice, invoice.number);
        self.out.raw("},\"payment_method\":");
        if failed.is_some() || invoice.status != Status::Paid {
            // After a refusal the intent waits for another method.
            self.out.raw("null");
        } else {
            self.reference(Obj::PaymentMethod, invoice.customer, expand, "payment_method");
        }
        self.out.raw(
            ",\"payment_method_configuration_details\":null,\"payment_method_options\":{\"card\":\
             {\"installments\":null,\"mandate_options\":null,\"network\":null,\
             \"request_three_d_secure\":\"automatic\"}},\"payment_method_types\":[\"card\",\"link\"],\
             \"processing\":null,\"receipt_email\":null,\"review\":null,\"setup_future_usage\":",
        );
        self.out.raw(if invoice.subscription { "\"off_session\"" } else { "null" });
        self.out.raw(
            ",\"shipping\":null,\"source\":null,\"statement_descriptor\":null,\
             \"statement_descriptor_suffix\":null,\"status\":\"",
        );
        self.out.raw(status);
        self.out.raw("\",\"transfer_data\":null,\"transfer_group\":null}");
    }

    fn payment_description(&mut self, invoice: &Invoice) {
        self.out.raw(if invoice.subscription {
            "\"Subscription update\""
        } else {
            "\"Payment for Invoice\""
        });
    }

    fn payment_error(&mut self, invoice: &Invoice, slot: usize, refusal: &Decline) {
        let world = self.view.world;
        self.out.raw("{\"advice_code\":");
        self.out.text_or_null((!refusal.advice.is_empty()).then_some(refusal.advice));
        self.out.raw(",\"charge\":");
        self.id(Obj::Charge, invoice.number * CHARGES_PER_INVOICE + slot as u64);
        self.out.raw(",\"code\":\"");
        self.out.raw(refusal.code);
        self.out.raw("\",\"decline_code\":\"");
        self.out.raw(refusal.reason);
        self.out.raw("\",\"doc_url\":\"https://stripe.com/docs/error-codes/");
        self.out.raw(&refusal.code.replace('_', "-"));
        self.out.raw("\",\"message\":");
        self.out.text(refusal.message);
        self.out.raw(",\"network_decline_code\":\"");
        self.out.raw(refusal.network);
        self.out.raw("\",\"payment_method\":");
        let created = world.timeline.customer_created(invoice.customer);
        self.card_method(invoice.customer, created, NONE);
        self.out.raw(",\"type\":\"card_error\"}");
    }

    pub(super) fn payment_method(&mut self, customer: u64, expand: &Expand) {
        let created = self.view.customer(customer).map_or(0, |customer| customer.created);
        self.card_method(customer, created, expand);
    }

    fn card_method(&mut self, customer: u64, created: i64, expand: &Expand) {
        let world = self.view.world;
        let card = world.card(customer);
        self.out.raw("{\"id\":");
        self.id(Obj::PaymentMethod, customer);
        self.out
            .raw(",\"object\":\"payment_method\",\"allow_redisplay\":\"unspecified\",\"billing_details\":");
        self.billing_details(customer);
        self.out.raw(",\"card\":{\"brand\":\"");
        self.out.raw(card.brand);
        self.out.raw(
            "\",\"checks\":{\"address_line1_check\":null,\"address_postal_code_check\":\"pass\",\
             \"cvc_check\":\"pass\"},\"country\":\"DE\",\"display_brand\":\"",
        );
        self.out.raw(card.brand);
        self.card_numbers(customer, &card);
        self.out.raw(
            ",\"generated_from\":null,\"networks\":{\"available\":[],\"preferred\":null},\
             \"regulated_status\":\"unregulated\",\"three_d_secure_usage\":{\"supported\":true},\
             \"wallet\":null},\"created\":",
        );
        self.out.int(created);
        self.out.raw(",\"customer\":");
        self.reference(Obj::Customer, customer, expand, "customer");
        self.livemode();
        self.out.raw(",\"metadata\":{},\"type\":\"card\"}");
    }

    /// From the end of a string that holds the brand to `last4`.
    fn card_numbers(&mut self, customer: u64, card: &Card) {
        self.out.raw("\",\"exp_month\":");
        self.out.int(card.exp_month as i64);
        self.out.raw(",\"exp_year\":");
        self.out.int(card.exp_year as i64);
        self.out.raw(",\"fingerprint\":\"");
        let fingerprint = self.view.world.hash(64, customer);
        for shift in 0..16 {
            self.out.byte(b"ABCDEFGHJKLMNPQR"[(fingerprint >> (shift * 4)) as usize & 15]);
        }
        self.out.raw("\",\"funding\":\"");
        self.out.raw(card.funding);
        self.out.raw("\",\"last4\":\"");
        let last4 = [b'0' + (card.last4 / 1000) as u8, b'0' + (card.last4 / 100 % 10) as u8];
        self.out.bytes(&last4);
        self.out.bytes(&[b'0' + (card.last4 / 10 % 10) as u8, b'0' + (card.last4 % 10) as u8]);
        self.out.byte(b'"');
    }

    fn billing_details(&mut self, customer: u64) {
        let world = self.view.world;
        self.out.raw("{\"address\":");
        match world.customer_place(customer) {
            Some(place) => self.address(Some(place)),
            None => self.out.raw(
                "{\"city\":null,\"country\":null,\"line1\":null,\"line2\":null,\"postal_code\":null,\
                 \"state\":null}",
            ),
        }
        self.out.raw(",\"email\":");
        self.out.text(&world.customer_email(customer, 0));
        self.out.raw(",\"name\":");
        self.out.text(&world.customer_name(customer));
        self.out.raw(",\"phone\":null,\"tax_id\":null}");
    }

    pub(super) fn charge(&mut self, invoice: &Invoice, slot: u8, expand: &Expand) {
        let world = self.view.world;
        let attempt = invoice.attempts[slot as usize];
        let number = invoice.number * CHARGES_PER_INVOICE + u64::from(slot);
        let total = world.total(invoice);
        let refusal = attempt.decline.map(decline);
        let paid = refusal.is_none();
        let refunded = if paid { invoice.refunded() } else { 0 };
        self.out.raw("{\"id\":");
        self.id(Obj::Charge, number);
        self.out.raw(",\"object\":\"charge\",\"amount\":");
        self.out.int(total);
        self.out.raw(",\"amount_captured\":");
        self.out.int(if paid { total } else { 0 });
        self.out.raw(",\"amount_refunded\":");
        self.out.int(refunded);
        self.out.raw(
            ",\"application\":null,\"application_fee\":null,\
             \"application_fee_amount\":null,\"balance_transaction\":",
        );
        if paid {
            self.reference(Obj::BalanceTransaction, number, expand, "balance_transaction");
        } else {
            self.out.raw("null");
        }
        self.out.raw(",\"billing_details\":");
        self.billing_details(invoice.customer);
        self.out.raw(",\"calculated_statement_descriptor\":\"SANDBOX SUPPLIES\",\"captured\":");
        self.out.bool(paid);
        self.out.raw(",\"created\":");
        self.out.int(invoice.attempted_at(attempt));
        self.currency(invoice);
        self.out.raw(",\"customer\":");
        self.reference(Obj::Customer, invoice.customer, expand, "customer");
        self.out.raw(",\"description\":");
        self.payment_description(invoice);
        self.out.raw(",\"disputed\":");
        self.out.bool(paid && invoice.dispute.made());
        self.out.raw(",\"failure_balance_transaction\":null,\"failure_code\":");
        self.out.text_or_null(refusal.map(|r| r.code));
        self.out.raw(",\"failure_message\":");
        self.out.text_or_null(refusal.map(|r| r.message));
        self.out.raw(",\"fraud_details\":{}");
        self.livemode();
        self.out.raw(",\"metadata\":{},\"on_behalf_of\":null,\"outcome\":");
        self.outcome(refusal, world.hash(65, number));
        self.out.raw(",\"paid\":");
        self.out.bool(paid);
        self.out.raw(",\"payment_intent\":");
        self.reference(Obj::PaymentIntent, invoice.number, expand, "payment_intent");
        self.out.raw(",\"payment_method\":");
        self.id(Obj::PaymentMethod, invoice.customer);
        self.out.raw(",\"payment_method_details\":");
        self.card_details(invoice, attempt, total);
        self.out.raw(",\"radar_options\":{},\"receipt_email\":null,\"receipt_number\":null,\"receipt_url\":");
        if paid {
            self.out.raw("\"https://pay.stripe.com/receipts/invoices/");
            self.out.token(world.hash(66, number), 64);
            self.out.raw("?s=ap\"");
        } else {
            self.out.raw("null");
        }
        self.out.raw(",\"refunded\":");
        self.out.bool(refunded > 0 && refunded == total);
        if let Some(below) = expand.get("refunds") {
            self.out.raw(",\"refunds\":");
            self.refunds_of(invoice, slot, below);
        }
        self.out.raw(
            ",\"review\":null,\"shipping\":null,\"source\":null,\"source_transfer\":null,\
             \"statement_descriptor\":null,\"statement_descriptor_suffix\":null,\"status\":",
        );
        self.out.raw(if paid { "\"succeeded\"" } else { "\"failed\"" });
        self.out.raw(",\"transfer_data\":null,\"transfer_group\":null}");
    }

    fn outcome(&mut self, refusal: Option<&Decline>, noise: u64) {
        let Some(refusal) = refusal else {
            self.out.raw(
                "{\"advice_code\":null,\"network_advice_code\":null,\"network_decline_code\":null,\
                 \"network_status\":\"approved_by_network\",\"reason\":null,\"risk_level\":\"normal\",\
                 \"risk_score\":",
            );
            self.out.int((noise % 60) as i64);
            self.out.raw(",\"seller_message\":\"Payment complete.\",\"type\":\"authorized\"}");
            return;
        };
        let blocked = refusal.outcome == "blocked";
        self.out.raw("{\"advice_code\":");
        self.out.text_or_null((!refusal.advice.is_empty()).then_some(refusal.advice));
        self.out.raw(",\"network_advice_code\":");
        self.out.raw(match refusal.advice {
            "do_not_try_again" => "\"03\"",
            "try_again_later" => "\"02\"",
            "confirm_card_data" => "\"01\"",
            _ => "null",
        });
        self.out.raw(",\"network_decline_code\":\"");
        self.out.raw(refusal.network);
        self.out.raw("\",\"network_status\":\"");
        self.out.raw(if blocked { "not_sent_to_network" } else { "declined_by_network" });
        self.out.raw("\",\"reason\":\"");
        self.out.raw(if blocked { "highest_risk_level" } else { refusal.reason });
        self.out.raw("\",\"risk_level\":\"");
        self.out.raw(if blocked { "highest" } else { "normal" });
        self.out.raw("\",\"risk_score\":");
        self.out.int(if blocked { 88 } else { (noise % 60) as i64 });
        self.out.raw(",\"seller_message\":\"");
        self.out.raw(if blocked {
            "Blocked as too risky before it reached the bank."
        } else {
            "The bank returned a decline code."
        });
        self.out.raw("\",\"type\":\"");
        self.out.raw(refusal.outcome);
        self.out.raw("\"}");
    }

    fn card_details(&mut self, invoice: &Invoice, attempt: Attempt, total: i64) {
        let card = self.view.world.card(invoice.customer);
        let paid = attempt.decline.is_none();
        self.out.raw("{\"card\":{\"amount_authorized\":");
        if paid {
            self.out.int(total);
        } else {
            self.out.raw("null");
        }
        self.out.raw(",\"authorization_code\":");
        if paid {
            self.out.byte(b'"');
            self.out.int(100_000 + (self.view.world.hash(67, invoice.number) % 900_000) as i64);
            self.out.byte(b'"');
        } else {
            self.out.raw("null");
        }
        self.out.raw(",\"brand\":\"");
        self.out.raw(card.brand);
        self.out.raw(
            "\",\"checks\":{\"address_line1_check\":null,\"address_postal_code_check\":\"pass\",\
             \"cvc_check\":null},\"country\":\"DE",
        );
        self.card_numbers(invoice.customer, &card);
        self.out.raw(
            ",\"extended_authorization\":{\"status\":\"disabled\"},\"incremental_authorization\":\
             {\"status\":\"unavailable\"},\"installments\":null,\"mandate\":null,\"multicapture\":\
             {\"status\":\"unavailable\"},\"network\":\"",
        );
        self.out.raw(card.brand);
        self.out.raw("\",\"network_token\":{\"used\":false},\"overcapture\":{\"maximum_amount_capturable\":");
        self.out.int(total);
        self.out.raw(
            ",\"status\":\"unavailable\"},\"regulated_status\":\"unregulated\",\"three_d_secure\":null,\
             \"wallet\":null},\"type\":\"card\"}",
        );
    }

    pub(super) fn balance_transaction(&mut self, invoice: &Invoice, slot: u8, expand: &Expand) {
        let number = invoice.number * CHARGES_PER_INVOICE + u64::from(slot);
        let total = self.view.world.total(invoice);
        // 1.5 % and nothing fixed: close enough to look right in any currency.
        let fee = total * 15 / 1000;
        let at = invoice.attempted_at(invoice.attempts[slot as usize]);
        self.out.raw("{\"id\":");
        self.id(Obj::BalanceTransaction, number);
        self.out.raw(",\"object\":\"balance_transaction\",\"amount\":");
        self.out.int(total);
        self.out.raw(",\"available_on\":");
        self.out.int(at + 2 * 86_400);
        self.out.raw(",\"balance_type\":\"payments\",\"created\":");
        self.out.int(at);
        self.currency(invoice);
        self.out.raw(",\"description\":");
        self.payment_description(invoice);
        self.out.raw(",\"exchange_rate\":null,\"fee\":");
        self.out.int(fee);
        self.out.raw(",\"fee_details\":[{\"amount\":");
        self.out.int(fee);
        self.out.raw(",\"application\":null");
        self.currency(invoice);
        self.out.raw(",\"description\":\"Processing fees\",\"type\":\"stripe_fee\"}],\"net\":");
        self.out.int(total - fee);
        self.out.raw(",\"reporting_category\":\"charge\",\"source\":");
        self.reference(Obj::Charge, number, expand, "source");
        self.out.raw(",\"status\":\"");
        self.out.raw(if at + 2 * 86_400 <= self.view.world.start() { "available" } else { "pending" });
        self.out.raw("\",\"type\":\"charge\"}");
    }
}
