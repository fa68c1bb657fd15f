//! Which paths there are, what they need, and what they take.
//!
//! One table for all list endpoints of API version 2026-10-28. Those without a model behind them answer an
//! empty list, so that a client can probe its permissions.

use crate::sandbox::ids::Obj;

/// A list endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// below `/v1/`; `{…}` stands for an id
    pub path: &'static str,
    /// what it lists, if the sandbox has any
    pub obj: Option<Obj>,
    /// what a restricted key needs
    pub permission: &'static str,
    /// takes `created`
    pub created: bool,
    /// other filters, separated by commas; `[range]` marks those with bounds
    pub filters: &'static str,
    /// the filter that must be there, or empty
    pub required: &'static str,
}

const fn list(
    path: &'static str,
    obj: Option<Obj>,
    permission: &'static str,
    created: bool,
    filters: &'static str,
    required: &'static str,
) -> Endpoint {
    Endpoint { path, obj, permission, created, filters, required }
}

/// Every list endpoint.
#[rustfmt::skip]
pub const LISTS: &[Endpoint] = &[
    list("accounts", None, "rak_connected_account_read", true, "", ""),
    list("application_fees", None, "rak_application_fee_read", true, "charge", ""),
    list("balance_transactions", None, "rak_balance_read", true, "currency,payout,source,type", ""),
    list("billing/credit_grants", None, "rak_billing_read", false, "customer,customer_account", ""),
    list("billing/meters", None, "rak_billing_read", false, "status", ""),
    list("charges", Some(Obj::Charge), "rak_charge_read", true, "customer,payment_intent,transfer_group", ""),
    list("checkout/sessions", None, "rak_checkout_session_read", true, "customer,customer_account,customer_details,payment_intent,payment_link,status,subscription", ""),
    list("coupons", None, "rak_coupon_read", true, "", ""),
    list("credit_notes", None, "rak_credit_note_read", true, "customer,customer_account,invoice", ""),
    list("customers", Some(Obj::Customer), "rak_customer_read", true, "email,test_clock", ""),
    list("customers/{customer}/balance_transactions", None, "rak_customer_read", true, "invoice", ""),
    list("customers/{customer}/payment_methods", None, "rak_customer_read", false, "allow_redisplay,type", ""),
    list("customers/{customer}/tax_ids", None, "rak_customer_read", false, "", ""),
    list("disputes", Some(Obj::Dispute), "rak_dispute_read", true, "charge,payment_intent", ""),
    list("entitlements/active_entitlements", None, "rak_entitlements_read", false, "customer", "customer"),
    list("events", Some(Obj::Event), "rak_event_read", true, "delivery_success,type,types", ""),
    list("file_links", None, "rak_file_read", true, "expired,file", ""),
    list("files", None, "rak_file_read", true, "purpose", ""),
    list("invoice_payments", Some(Obj::InvoicePayment), "rak_invoice_read", true, "invoice,payment,status", ""),
    list("invoiceitems", None, "rak_invoice_read", true, "customer,customer_account,invoice,pending", ""),
    list("invoices", Some(Obj::Invoice), "rak_invoice_read", true, "collection_method,customer,customer_account,due_date[range],status,subscription", ""),
    list("payment_intents", Some(Obj::PaymentIntent), "rak_payment_intent_read", true, "customer,customer_account", ""),
    list("payment_links", None, "rak_payment_link_read", false, "active", ""),
    list("payment_methods", None, "rak_payment_method_read", false, "allow_redisplay,customer,customer_account,type", ""),
    list("payouts", None, "rak_payout_read", true, "arrival_date[range],destination,status", ""),
    list("plans", None, "rak_plan_read", true, "active,product", ""),
    list("prices", Some(Obj::Price), "rak_plan_read", true, "active,currency,lookup_keys,product,recurring,type", ""),
    list("products", Some(Obj::Product), "rak_product_read", true, "active,ids,shippable,type,url", ""),
    list("promotion_codes", None, "rak_promotion_code_read", true, "active,code,coupon,customer,customer_account", ""),
    list("quotes", None, "rak_quote_read", false, "customer,customer_account,status,test_clock", ""),
    list("radar/early_fraud_warnings", None, "rak_dispute_read", true, "charge,payment_intent", ""),
    list("radar/value_lists", None, "rak_dispute_read", true, "alias,contains", ""),
    list("refunds", Some(Obj::Refund), "rak_charge_read", true, "charge,payment_intent", ""),
    list("reporting/report_runs", None, "rak_report_runs_and_report_types_read", true, "", ""),
    list("reviews", None, "rak_review_read", true, "", ""),
    list("setup_attempts", None, "rak_setup_intent_read", true, "setup_intent", "setup_intent"),
    list("setup_intents", None, "rak_setup_intent_read", true, "attach_to_self,customer,customer_account,payment_method", ""),
    list("shipping_rates", None, "rak_shipping_rate_read", true, "active,currency", ""),
    list("subscription_items", None, "rak_subscription_read", false, "subscription", "subscription"),
    list("subscription_schedules", None, "rak_subscription_read", true, "canceled_at[range],completed_at[range],customer,customer_account,released_at[range],scheduled", ""),
    list("subscriptions", Some(Obj::Subscription), "rak_subscription_read", true, "automatic_tax,collection_method,current_period_end[range],current_period_start[range],customer,customer_account,plan,price,status,test_clock", ""),
    list("tax_ids", None, "rak_customer_read", false, "owner", ""),
    list("tax_rates", None, "rak_tax_rate_read", true, "active,inclusive", ""),
    list("topups", None, "rak_top_up_read", true, "amount[range],status", ""),
    list("transfers", None, "rak_transfer_read", true, "destination,transfer_group", ""),
];

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /v1/account`
    Account,
    /// `GET /v1/balance`
    Balance,
    /// a list: the place in [`LISTS`]
    List(usize),
    /// one object: what it should be, Stripe's word for it, the permission, the id
    Object(Obj, &'static str, &'static str, String),
    /// the lines of an invoice
    Lines(String),
    /// `/v1/webhook_endpoints`
    WebhookEndpoints,
    /// one of them
    WebhookEndpoint(String),
    /// an object of a kind that the sandbox has none of: Stripe's word, the permission, the id
    Nothing(&'static str, &'static str, String),
    /// `POST /v1/stripecli/sessions`
    Session,
    /// `POST /v1/events/{id}/retry`
    Retry(String),
    /// no such path
    Unknown,
}

/// One object of each list, and two that have no list here.
const OBJECTS: [(&str, Obj, &str, &str); 13] = [
    ("invoices", Obj::Invoice, "invoice", "rak_invoice_read"),
    ("customers", Obj::Customer, "customer", "rak_customer_read"),
    ("products", Obj::Product, "product", "rak_product_read"),
    ("prices", Obj::Price, "price", "rak_plan_read"),
    ("subscriptions", Obj::Subscription, "subscription", "rak_subscription_read"),
    ("payment_intents", Obj::PaymentIntent, "payment_intent", "rak_payment_intent_read"),
    ("charges", Obj::Charge, "charge", "rak_charge_read"),
    ("invoice_payments", Obj::InvoicePayment, "invoice_payment", "rak_invoice_read"),
    ("refunds", Obj::Refund, "refund", "rak_charge_read"),
    ("disputes", Obj::Dispute, "dispute", "rak_dispute_read"),
    ("events", Obj::Event, "event", "rak_event_read"),
    ("payment_methods", Obj::PaymentMethod, "payment_method", "rak_payment_method_read"),
    ("balance_transactions", Obj::BalanceTransaction, "balance_transaction", "rak_balance_read"),
];

/// Kinds whose objects can be asked for, though there are none.
const ABSENT: [(&str, &str, &str); 4] = [
    ("credit_notes", "credit_note", "rak_credit_note_read"),
    ("payouts", "payout", "rak_payout_read"),
    ("coupons", "coupon", "rak_coupon_read"),
    ("setup_intents", "setup_intent", "rak_setup_intent_read"),
];

/// What an object of a kind is called in messages, and the permission that reading it needs.
pub fn describe(obj: Obj) -> (&'static str, &'static str) {
    OBJECTS.iter().find(|row| row.1 == obj).map_or(("object", ""), |row| (row.2, row.3))
}

impl Route {
    /// Finds the route of a request.
    pub fn find(method: &str, path: &str) -> Route {
        let Some(rest) = path.strip_prefix("/v1/") else { return Route::Unknown };
        let rest = rest.trim_end_matches('/');
        let parts: Vec<&str> = rest.split('/').collect();
        if method != "GET" {
            return match (method, &parts[..]) {
                ("POST", ["events", id, "retry"]) => Route::Retry((*id).to_owned()),
                ("POST", ["stripecli", "sessions"]) => Route::Session,
                ("POST", ["webhook_endpoints"]) => Route::WebhookEndpoints,
                ("POST" | "DELETE", ["webhook_endpoints", id]) => Route::WebhookEndpoint((*id).to_owned()),
                _ => Route::Unknown,
            };
        }
        match parts[..] {
            ["account"] => return Route::Account,
            ["balance"] => return Route::Balance,
            ["invoices", id, "lines"] => return Route::Lines(id.to_owned()),
            ["webhook_endpoints"] => return Route::WebhookEndpoints,
            ["webhook_endpoints", id] => return Route::WebhookEndpoint(id.to_owned()),
            _ => {}
        }
        if let Some(at) = LISTS.iter().position(|endpoint| matches(endpoint.path, &parts)) {
            return Route::List(at);
        }
        if let [kind, id] = parts[..] {
            if let Some(row) = OBJECTS.iter().find(|row| row.0 == kind) {
                return Route::Object(row.1, row.2, row.3, id.to_owned());
            }
            if let Some(row) = ABSENT.iter().find(|row| row.0 == kind) {
                return Route::Nothing(row.1, row.2, id.to_owned());
            }
        }
        Route::Unknown
    }

    /// The endpoint's name with ids folded, by which requests are limited and counted.
    pub fn name(&self, method: &str, path: &str) -> String {
        match self {
            Route::Unknown => format!("{method} (unknown)"),
            Route::List(at) => format!("{method} /v1/{}", LISTS[*at].path),
            Route::Retry(_) => format!("{method} /v1/events/{{id}}/retry"),
            Route::Lines(_) => format!("{method} /v1/invoices/{{id}}/lines"),
            Route::Object(..) | Route::Nothing(..) | Route::WebhookEndpoint(_) => {
                let kind = path.split('/').nth(2).unwrap_or_default();
                format!("{method} /v1/{kind}/{{id}}")
            }
            Route::Account | Route::Balance | Route::Session | Route::WebhookEndpoints => {
                format!("{method} {path}")
            }
        }
    }
}

fn matches(pattern: &str, parts: &[&str]) -> bool {
    let mut pieces = pattern.split('/');
    parts.iter().all(|part| pieces.next().is_some_and(|p| p.starts_with('{') || p == *part))
        && pieces.next().is_none()
}
