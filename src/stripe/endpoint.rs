//! Paths with their ids folded: what Stripe counts as one endpoint.
//!
//! "Retrieve of different ids counts to one endpoint" (docs.stripe.com/rate-limits). It must never keep an id,
//! since the number of buckets has to stay small.

/// First segments that are only a name space: the resource is the one after.
const SPACES: &[&str] = &[
    "apps",
    "billing",
    "billing_portal",
    "checkout",
    "climate",
    "entitlements",
    "financial_connections",
    "identity",
    "issuing",
    "radar",
    "reporting",
    "sigma",
    "stripecli",
    "tax",
    "terminal",
    "test_helpers",
    "treasury",
];

/// Names that stand where an id would.
const NAMES: &[&str] = &["search", "create_preview", "upcoming"];

/// `/v1/invoices/in_1/lines` → `/v1/invoices/{id}/lines`.
pub(crate) fn fold(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    // Resource and id take turns, beginning with a resource after `v1` and a name space.
    let mut is_id = false;
    for (index, segment) in path.trim_matches('/').split('/').enumerate() {
        out.push('/');
        if index == 0 || (index == 1 && SPACES.contains(&segment)) {
            out.push_str(segment);
            continue;
        }
        out.push_str(if is_id && !NAMES.contains(&segment) { "{id}" } else { segment });
        is_id = !is_id;
    }
    out
}

/// The bucket that a request counts to: method and folded path. All searches share one (20 reads/s).
pub(crate) fn bucket(method: &str, folded: &str) -> String {
    if folded.ends_with("/search") { SEARCH.to_owned() } else { format!("{method} {folded}") }
}

/// The bucket of all searches.
pub(crate) const SEARCH: &str = "GET search";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_folded() {
        for (path, folded) in [
            ("/v1/invoices", "/v1/invoices"),
            ("/v1/invoices/in_1Qx", "/v1/invoices/{id}"),
            ("/v1/products/my-own-id", "/v1/products/{id}"),
            ("/v1/invoices/in_1Qx/lines", "/v1/invoices/{id}/lines"),
            ("/v1/customers/cus_1/tax_ids/txi_1", "/v1/customers/{id}/tax_ids/{id}"),
            ("/v1/checkout/sessions/cs_1/line_items", "/v1/checkout/sessions/{id}/line_items"),
            ("/v1/invoices/search", "/v1/invoices/search"),
            ("/v1/account", "/v1/account"),
            ("/v1/stripecli/sessions", "/v1/stripecli/sessions"),
        ] {
            assert_eq!(fold(path), folded);
        }
        assert_eq!(bucket("GET", "/v1/invoices/search"), bucket("GET", "/v1/charges/search"));
    }
}
