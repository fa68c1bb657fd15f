//! What a key check asks for: the rows of the matrix, and Stripe's form that ticks the same boxes.
//!
//! It must never name a permission that tillwatch has no use for.
//! Facts: the permission names are those in Stripe's 403 answers; see the table in `stripe/kind.rs`. A session of
//! the relay and a webhook endpoint are made by POST, so whether a key may is not tried: a probe must not write.

use std::fmt::Write;

use crate::engine::api::PermissionGroup;

use super::check::{Checked, Verdict};

/// One row of the matrix, before it is tried.
#[derive(Debug)]
pub struct Probe {
    /// For people.
    pub resource: &'static str,
    /// Stripe's name of the permission.
    pub permission: &'static str,
    /// What is asked.
    pub path: &'static str,
    /// What is lost without it.
    pub costs: &'static str,
    /// Matters only with billing on.
    pub billing_only: bool,
    /// What it is for.
    pub group: PermissionGroup,
    /// Trying it would write at Stripe, so it is not tried.
    pub writes: bool,
}

const fn probe(
    resource: &'static str,
    permission: &'static str,
    path: &'static str,
    billing_only: bool,
    costs: &'static str,
) -> Probe {
    Probe { resource, permission, path, costs, billing_only, group: PermissionGroup::Read, writes: false }
}

const PROBES: &[Probe] = &[
    Probe {
        group: PermissionGroup::Poll,
        ..probe(
            "events",
            "rak_event_read",
            "/v1/events",
            false,
            "no live events: changes show only at the next discover",
        )
    },
    probe(
        "payment intents",
        "rak_payment_intent_read",
        "/v1/payment_intents",
        false,
        "no payments and no decline reasons",
    ),
    probe(
        "charges",
        "rak_charge_read",
        "/v1/charges",
        false,
        "payments without their charges and decline details",
    ),
    probe(
        "customers",
        "rak_customer_read",
        "/v1/customers",
        false,
        "no customer records, only what invoices name",
    ),
    probe("invoices", "rak_invoice_read", "/v1/invoices", true, "no discover and no invoice records"),
    probe(
        "invoice payments",
        "rak_invoice_read",
        "/v1/invoice_payments",
        true,
        "invoices are not linked to what paid them",
    ),
    probe("products", "rak_product_read", "/v1/products", true, "no product records, only what lines name"),
    probe("prices", "rak_plan_read", "/v1/prices", true, "no price records"),
    probe("subscriptions", "rak_subscription_read", "/v1/subscriptions", true, "no subscription records"),
    probe("refunds", "rak_charge_read", "/v1/refunds", false, "no refund records"),
    probe("disputes", "rak_dispute_read", "/v1/disputes", false, "no disputes and no answer-by dates"),
];

/// What keeps an account current other than by polling. Not ticked in the form: no version needs it yet.
const DELIVERY: &[Probe] = &[
    Probe {
        group: PermissionGroup::Relay,
        writes: true,
        ..probe(
            "relay socket",
            "rak_stripecli_session_write",
            "/v1/stripecli/sessions",
            false,
            "no relay socket (not tried: asking for a session writes at Stripe)",
        )
    },
    Probe {
        group: PermissionGroup::Endpoint,
        ..probe(
            "webhook endpoints",
            "rak_webhook_read",
            "/v1/webhook_endpoints",
            false,
            "no look at webhook endpoints: only for an endpoint of your own",
        )
    },
    Probe {
        group: PermissionGroup::Endpoint,
        writes: true,
        ..probe(
            "making webhook endpoints",
            "rak_webhook_write",
            "/v1/webhook_endpoints/{id}",
            false,
            "no endpoint of your own (not tried: making one writes at Stripe)",
        )
    },
];

/// The row above all others: whose key it is.
pub const ACCOUNT: Probe = probe(
    "account",
    "rak_accounts_kyc_basic_read",
    "/v1/account",
    false,
    "the account's name and time zone: days are counted in UTC",
);

impl Probe {
    /// The row, not tried yet.
    pub fn row(&self) -> Checked {
        Checked {
            resource: self.resource.into(),
            permission: self.permission.into(),
            path: self.path.into(),
            costs: self.costs.into(),
            group: self.group,
            billing_only: self.billing_only,
            verdict: Verdict::NotTried,
            note: None,
        }
    }
}

/// All rows below the account's, in display order.
pub fn probes(billing: bool) -> impl Iterator<Item = &'static Probe> {
    PROBES.iter().filter(move |probe| billing || !probe.billing_only).chain(DELIVERY)
}

/// All rows, the account's first.
pub fn rows(billing: bool) -> impl Iterator<Item = &'static Probe> {
    std::iter::once(&ACCOUNT).chain(probes(billing))
}

/// What tillwatch needs to read and to poll: the boxes of the restricted-key form.
pub fn wanted_permissions(billing: bool) -> Vec<&'static str> {
    let mut out = vec![ACCOUNT.permission];
    for probe in PROBES.iter().filter(|probe| billing || !probe.billing_only) {
        if !out.contains(&probe.permission) {
            out.push(probe.permission);
        }
    }
    out
}

/// The link that opens Stripe's restricted-key form with the right boxes ticked.
pub fn form_link(livemode: bool, permissions: &[&str]) -> String {
    let mode = if livemode { "" } else { "test/" };
    let mut link = format!("https://dashboard.stripe.com/{mode}apikeys/create?name=tillwatch");
    for (index, permission) in permissions.iter().enumerate() {
        let _ = write!(link, "&permissions[{index}]={permission}");
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::kind::Kind;

    #[test]
    fn the_form_link_names_every_permission_once() {
        let all = wanted_permissions(true);
        let link = form_link(false, &all);
        assert!(
            link.starts_with(
                "https://dashboard.stripe.com/test/apikeys/create?name=tillwatch&permissions[0]="
            )
        );
        for permission in &all {
            assert_eq!(link.matches(&format!("={permission}")).count(), 1, "{permission}");
        }
        assert!(!wanted_permissions(false).contains(&"rak_invoice_read"));
    }

    #[test]
    fn every_probed_list_belongs_to_the_permission_of_its_kind() {
        for kind in Kind::all() {
            for probe in PROBES.iter().filter(|probe| probe.path == kind.path()) {
                assert_eq!(probe.permission, kind.permission());
            }
        }
    }
}
