//! `refund` and `dispute`, and what they do to the balance.

use super::Writer;
use crate::sandbox::expand::Expand;
use crate::sandbox::ids::{
    CHARGES_PER_INVOICE, DISPUTE_TRANSACTION, Obj, REFUND_TRANSACTION, REFUNDS_PER_INVOICE, REINSTATED,
};
use crate::sandbox::model::aftermath::{
    DISPUTE_FEE, DISPUTE_REASONS, DUE_AFTER, DisputeStatus, REFUND_REASONS, Refund, RefundStatus,
};
use crate::sandbox::model::catalog::CURRENCIES;
use crate::sandbox::model::invoice::Invoice;

/// Fields of `evidence`, which nobody here ever fills in but for a sentence.
const EVIDENCE: [&str; 27] = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
];

impl Writer<'_, '_> {
    fn of_payment(&mut self, invoice: &Invoice, expand: &Expand) {
        self.out.raw(",\"payment_intent\":");
        self.reference(Obj::PaymentIntent, invoice.number, expand, "payment_intent");
    }

    /// The charge that brought the money.
    fn paid_charge(&mut self, invoice: &Invoice, expand: &Expand) {
        let slot = invoice.paid_slot().unwrap_or_default() as u64;
        self.reference(Obj::Charge, invoice.number * CHARGES_PER_INVOICE + slot, expand, "charge");
    }

    fn in_currency(&mut self, invoice: &Invoice) {
        self.out.raw(",\"currency\":\"");
        self.out.raw(CURRENCIES[invoice.currency as usize].code);
        self.out.byte(b'"');
    }

    pub(super) fn refund(&mut self, invoice: &Invoice, slot: u8, expand: &Expand) {
        let refund = invoice.refunds[slot as usize];
        let number = invoice.number * REFUNDS_PER_INVOICE + u64::from(slot);
        self.out.raw("{\"id\":");
        self.id(Obj::Refund, number);
        self.out.raw(",\"object\":\"refund\",\"amount\":");
        self.out.int(refund.amount);
        self.out.raw(",\"balance_transaction\":");
        let transaction = REFUND_TRANSACTION + number;
        self.reference(Obj::BalanceTransaction, transaction, expand, "balance_transaction");
        self.out.raw(",\"charge\":");
        self.paid_charge(invoice, expand);
        self.out.raw(",\"created\":");
        self.out.int(refund.created);
        self.in_currency(invoice);
        self.out.raw(",\"destination_details\":");
        self.destination(refund, number);
        if refund.status == RefundStatus::Failed {
            self.out.raw(",\"failure_reason\":\"lost_or_stolen_card\"");
        }
        self.out.raw(",\"metadata\":{}");
        self.of_payment(invoice, expand);
        self.out.raw(",\"reason\":");
        let reason = REFUND_REASONS[refund.reason as usize];
        self.out.text_or_null((!reason.is_empty()).then_some(reason));
        self.out.raw(",\"receipt_number\":null,\"source_transfer_reversal\":null,\"status\":\"");
        self.out.raw(refund.status.word());
        self.out.raw("\",\"transfer_reversal\":null}");
    }

    pub(super) fn destination(&mut self, refund: Refund, number: u64) {
        self.out.raw("{\"card\":{");
        if refund.referenced {
            self.out.raw("\"reference\":\"");
            self.out.int(10_000_000_000 + (self.view.world.hash(70, number) % 90_000_000_000) as i64);
            self.out.raw("\",\"reference_status\":\"available\"");
        } else {
            self.out.raw("\"reference_status\":\"pending\"");
        }
        self.out
            .raw(",\"reference_type\":\"acquirer_reference_number\",\"type\":\"refund\"},\"type\":\"card\"}");
    }

    /// The list inside a charge.
    pub(super) fn refunds_of(&mut self, invoice: &Invoice, slot: u8, expand: &Expand) {
        self.out.raw("{\"object\":\"list\",\"data\":[");
        if invoice.paid_slot() == Some(slot as usize) {
            let mut first = true;
            // Newest first.
            for (at, _) in invoice.refunds.iter().enumerate().rev().filter(|(_, refund)| refund.made()) {
                if !first {
                    self.out.byte(b',');
                }
                first = false;
                self.refund(invoice, at as u8, expand);
            }
        }
        self.out.raw("],\"has_more\":false,\"url\":\"/v1/charges/");
        let charge = invoice.number * CHARGES_PER_INVOICE + u64::from(slot);
        self.view.world.ids.write(self.out, Obj::Charge, charge);
        self.out.raw("/refunds\"}");
    }

    pub(super) fn dispute(&mut self, invoice: &Invoice, expand: &Expand) {
        let dispute = invoice.dispute;
        let (reason, network) = DISPUTE_REASONS[dispute.reason as usize];
        let card = self.view.world.card(invoice.customer);
        self.out.raw("{\"id\":");
        self.id(Obj::Dispute, invoice.number);
        self.out.raw(",\"object\":\"dispute\",\"amount\":");
        self.out.int(self.view.world.total(invoice));
        self.out.raw(",\"balance_transactions\":[");
        self.dispute_transaction(invoice, false);
        if dispute.status == DisputeStatus::Won {
            self.out.byte(b',');
            self.dispute_transaction(invoice, true);
        }
        self.out.raw("],\"charge\":");
        self.paid_charge(invoice, expand);
        self.out.raw(",\"created\":");
        self.out.int(dispute.created);
        self.in_currency(invoice);
        self.out.raw(",\"enhanced_eligibility_types\":[],\"evidence\":{");
        let answered = dispute.status != DisputeStatus::NeedsResponse;
        for name in EVIDENCE {
            self.out.byte(b'"');
            self.out.raw(name);
            self.out.raw(if answered && name == "uncategorized_text" {
                "\":\"The customer used the product all month.\","
            } else {
                "\":null,"
            });
        }
        self.out.raw("\"enhanced_evidence\":{}},\"evidence_details\":");
        self.evidence_details(invoice);
        self.out.raw(",\"is_charge_refundable\":false");
        self.livemode();
        self.out.raw(",\"metadata\":{}");
        self.of_payment(invoice, expand);
        self.out.raw(",\"payment_method_details\":{\"card\":{\"brand\":\"");
        self.out.raw(card.brand);
        self.out.raw("\",\"case_type\":\"chargeback\",\"network\":\"");
        self.out.raw(card.brand);
        self.out.raw("\",\"network_reason_code\":\"");
        self.out.raw(network);
        self.out.raw("\"},\"type\":\"card\"},\"reason\":\"");
        self.out.raw(reason);
        self.out.raw("\",\"status\":\"");
        self.out.raw(dispute.status.word());
        self.out.raw("\"}");
    }

    pub(super) fn evidence_details(&mut self, invoice: &Invoice) {
        let answered = invoice.dispute.status != DisputeStatus::NeedsResponse;
        self.out.raw("{\"due_by\":");
        self.out.int(invoice.dispute.created + DUE_AFTER);
        self.out.raw(",\"enhanced_eligibility\":{},\"has_evidence\":");
        self.out.bool(answered);
        self.out.raw(",\"past_due\":false,\"submission_count\":");
        self.out.raw(if answered { "1}" } else { "0}" });
    }

    pub(super) fn refund_transaction(&mut self, invoice: &Invoice, slot: u8, expand: &Expand) {
        let refund = invoice.refunds[slot as usize];
        let number = invoice.number * REFUNDS_PER_INVOICE + u64::from(slot);
        self.transaction(REFUND_TRANSACTION + number, invoice, -refund.amount, 0, refund.created, "refund");
        self.out.raw(",\"source\":");
        self.reference(Obj::Refund, number, expand, "source");
        self.out.raw(",\"status\":\"available\",\"type\":\"refund\"}");
    }

    /// What a dispute takes, or what it gives back (`back`) if it was won.
    pub(super) fn dispute_transaction(&mut self, invoice: &Invoice, back: bool) {
        let dispute = invoice.dispute;
        let number = DISPUTE_TRANSACTION + invoice.number + if back { REINSTATED } else { 0 };
        let total = self.view.world.total(invoice);
        let (amount, at, category) = if back {
            (total, dispute.closed_at, "dispute_reversal")
        } else {
            (-total, dispute.created, "dispute")
        };
        self.transaction(number, invoice, amount, if back { 0 } else { DISPUTE_FEE }, at, category);
        self.out.raw(",\"source\":");
        self.id(Obj::Dispute, invoice.number);
        self.out.raw(",\"status\":\"available\",\"type\":\"adjustment\"}");
    }

    /// A balance transaction up to its category.
    fn transaction(
        &mut self,
        number: u64,
        invoice: &Invoice,
        amount: i64,
        fee: i64,
        at: i64,
        category: &str,
    ) {
        self.out.raw("{\"id\":");
        self.id(Obj::BalanceTransaction, number);
        self.out.raw(",\"object\":\"balance_transaction\",\"amount\":");
        self.out.int(amount);
        self.out.raw(",\"available_on\":");
        self.out.int(at);
        self.out.raw(",\"balance_type\":\"payments\",\"created\":");
        self.out.int(at);
        self.in_currency(invoice);
        self.out.raw(",\"description\":null,\"exchange_rate\":null,\"fee\":");
        self.out.int(fee);
        self.out.raw(",\"fee_details\":[");
        if fee != 0 {
            self.out.raw("{\"amount\":");
            self.out.int(fee);
            self.out.raw(",\"application\":null");
            self.in_currency(invoice);
            self.out.raw(",\"description\":\"Dispute fee\",\"type\":\"stripe_fee\"}");
        }
        self.out.raw("],\"net\":");
        self.out.int(amount - fee);
        self.out.raw(",\"reporting_category\":\"");
        self.out.raw(category);
        self.out.byte(b'"');
    }
}
