//! What `expand` asks for: which fields can be expanded, and the parsed request as a tree.
//!
//! It must never accept a path that the API would refuse: a client that tests against the sandbox has to
//! learn of it here.

use super::ids::Obj;

/// What stands behind an expandable field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// an id that becomes an object
    One(Obj),
    /// a list, of which only deeper paths matter if it is always there
    Many(Obj),
    /// always null or empty here; expanding it is allowed and changes nothing
    Nothing,
}

/// A tree of the fields to expand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expand {
    fields: Vec<(&'static str, Expand)>,
}

/// Nothing expanded.
pub const NONE: &Expand = &Expand { fields: Vec::new() };

/// Why an `expand` is refused; the argument is the path as the client wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// no such field, or it holds no id
    Unknown(String),
    /// more than four levels
    TooDeep(String),
}

/// Levels that Stripe allows, `data` of a list included.
const LEVELS: usize = 4;

impl Expand {
    /// The subtree of a field, if it is to be expanded.
    pub fn get(&self, field: &str) -> Option<&Expand> {
        self.fields.iter().find(|f| f.0 == field).map(|f| &f.1)
    }

    /// Parses the values of `expand[]` for a list (`list`) or a single object. Adds what each step reads
    /// to `reads`, for the permission check.
    pub fn parse(paths: &[String], of: Obj, list: bool, reads: &mut Vec<Obj>) -> Result<Expand, Refusal> {
        let mut root = Expand::default();
        for path in paths {
            let unknown = || Refusal::Unknown(path.clone());
            let segments: Vec<&str> = path.split('.').collect();
            if segments.len() > LEVELS {
                return Err(Refusal::TooDeep(path.clone()));
            }
            let rest = if list {
                let (first, rest) = segments.split_first().ok_or_else(unknown)?;
                if *first != "data" || rest.is_empty() {
                    return Err(unknown());
                }
                rest
            } else {
                &segments[..]
            };
            root.add(of, rest, reads).ok_or_else(unknown)?;
        }
        Ok(root)
    }

    fn add(&mut self, of: Obj, path: &[&str], reads: &mut Vec<Obj>) -> Option<()> {
        // The longest field that the path begins with: fields are dotted themselves.
        let (field, to, used) = (1..=path.len())
            .rev()
            .find_map(|n| lookup(of, &path[..n].join(".")).map(|(field, to)| (field, to, n)))?;
        let rest = &path[used..];
        let at = self.fields.iter().position(|f| f.0 == field).unwrap_or_else(|| {
            self.fields.push((field, Expand::default()));
            self.fields.len() - 1
        });
        let below = &mut self.fields[at].1;
        match to {
            To::Nothing => rest.is_empty().then_some(()),
            To::One(target) => {
                reads.push(target);
                if rest.is_empty() { Some(()) } else { below.add(target, rest, reads) }
            }
            To::Many(target) => {
                reads.push(target);
                match rest {
                    [] | ["data"] => Some(()),
                    ["data", deeper @ ..] => below.add(target, deeper, reads),
                    _ => None,
                }
            }
        }
    }
}

fn lookup(of: Obj, field: &str) -> Option<(&'static str, To)> {
    fields(of).iter().find(|f| f.0 == field).copied()
}

/// Facts: `x-expansionResources` of the OpenAPI document of version 2026-10-28.
fn fields(of: Obj) -> &'static [(&'static str, To)] {
    use To::{Many, Nothing, One};
    match of {
        Obj::Invoice => &[
            ("customer", One(Obj::Customer)),
            ("payments", Many(Obj::InvoicePayment)),
            ("lines", Many(Obj::Line)),
            ("parent.subscription_details.subscription", One(Obj::Subscription)),
            ("default_payment_method", Nothing),
            ("default_source", Nothing),
            ("account_tax_ids", Nothing),
            ("application", Nothing),
            ("automatic_tax.liability.account", Nothing),
            ("discounts", Nothing),
            ("from_invoice.invoice", Nothing),
            ("issuer.account", Nothing),
            ("latest_revision", Nothing),
            ("on_behalf_of", Nothing),
            ("shipping_cost.shipping_rate", Nothing),
            ("test_clock", Nothing),
            ("total_discount_amounts.discount", Nothing),
        ],
        Obj::Line => &[
            ("pricing.price_details.price", One(Obj::Price)),
            ("discounts", Nothing),
            ("discount_amounts.discount", Nothing),
            ("subscription", One(Obj::Subscription)),
        ],
        Obj::InvoicePayment => &[
            ("invoice", One(Obj::Invoice)),
            ("payment.payment_intent", One(Obj::PaymentIntent)),
            ("payment.charge", Nothing),
            ("payment.payment_record", Nothing),
        ],
        Obj::PaymentIntent => &[
            ("latest_charge", One(Obj::Charge)),
            ("customer", One(Obj::Customer)),
            ("payment_method", One(Obj::PaymentMethod)),
            ("application", Nothing),
            ("on_behalf_of", Nothing),
            ("review", Nothing),
            ("source", Nothing),
            ("payment_record", Nothing),
            ("amount_details.line_items", Nothing),
            ("transfer_data.destination", Nothing),
        ],
        Obj::Charge => &[
            ("customer", One(Obj::Customer)),
            ("payment_intent", One(Obj::PaymentIntent)),
            ("balance_transaction", One(Obj::BalanceTransaction)),
            ("refunds", Many(Obj::Refund)),
            ("application", Nothing),
            ("application_fee", Nothing),
            ("failure_balance_transaction", Nothing),
            ("on_behalf_of", Nothing),
            ("outcome.rule", Nothing),
            ("review", Nothing),
            ("source_transfer", Nothing),
            ("transfer", Nothing),
            ("transfer_data.destination", Nothing),
        ],
        Obj::Customer => &[
            ("subscriptions", Many(Obj::Subscription)),
            ("invoice_settings.default_payment_method", One(Obj::PaymentMethod)),
            ("sources", Many(Obj::Request)),
            ("tax_ids", Many(Obj::Request)),
            ("default_source", Nothing),
            ("test_clock", Nothing),
        ],
        Obj::Subscription => &[
            ("customer", One(Obj::Customer)),
            ("latest_invoice", One(Obj::Invoice)),
            ("default_payment_method", One(Obj::PaymentMethod)),
            ("items", Many(Obj::SubscriptionItem)),
            ("application", Nothing),
            ("default_source", Nothing),
            ("discounts", Nothing),
            ("on_behalf_of", Nothing),
            ("pending_setup_intent", Nothing),
            ("schedule", Nothing),
            ("test_clock", Nothing),
            ("transfer_data.destination", Nothing),
            ("automatic_tax.liability.account", Nothing),
            ("invoice_settings.issuer.account", Nothing),
        ],
        Obj::SubscriptionItem => &[("price.product", One(Obj::Product)), ("discounts", Nothing)],
        Obj::Price => &[("product", One(Obj::Product)), ("currency_options", Nothing), ("tiers", Nothing)],
        Obj::Product => &[("default_price", One(Obj::Price)), ("tax_code", Nothing)],
        Obj::PaymentMethod => &[("customer", One(Obj::Customer))],
        Obj::BalanceTransaction => &[("source", One(Obj::Charge))],
        Obj::Refund => &[
            ("balance_transaction", One(Obj::BalanceTransaction)),
            ("charge", One(Obj::Charge)),
            ("payment_intent", One(Obj::PaymentIntent)),
            ("failure_balance_transaction", Nothing),
            ("source_transfer_reversal", Nothing),
            ("transfer_reversal", Nothing),
        ],
        Obj::Dispute => &[
            ("charge", One(Obj::Charge)),
            ("payment_intent", One(Obj::PaymentIntent)),
            ("evidence.receipt", Nothing),
            ("evidence.customer_communication", Nothing),
        ],
        Obj::WebhookEndpoint | Obj::InvoiceItem | Obj::Event | Obj::Request => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str, of: Obj, list: bool) -> Result<Expand, Refusal> {
        Expand::parse(&[path.to_owned()], of, list, &mut Vec::new())
    }

    #[test]
    fn paths_are_followed_through_lists_and_dotted_fields() {
        let tree = parse("data.payments.data.payment.payment_intent", Obj::Invoice, true);
        assert!(matches!(tree, Err(Refusal::TooDeep(_))), "five levels");
        let tree = parse("payments.data.payment.payment_intent", Obj::Invoice, false).unwrap();
        assert!(tree.get("payments").unwrap().get("payment.payment_intent").is_some());
        assert!(parse("data.latest_charge.customer", Obj::PaymentIntent, true).is_ok());
        assert!(parse("latest_charge", Obj::PaymentIntent, true).is_err());
        assert_eq!(parse("foo", Obj::Invoice, false), Err(Refusal::Unknown("foo".into())));
        assert!(parse("customer.foo", Obj::Invoice, false).is_err());
    }
}
