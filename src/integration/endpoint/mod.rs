//! The webhook endpoint of an integration: its address, the events it asks for, what is kept of it.
//!
//! Ours at Stripe is only what carries this data folder's install id and the integration's number. It must never change
//! or remove another endpoint, never show a signing secret, and never keep one anywhere but in the vault.

pub mod keep;
pub mod remote;
pub mod secrets;
pub mod steps;

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::check::{form_link, wanted_permissions};
use super::probes::probes;
use crate::engine::api::{EndpointState, IntegrationId, PermissionGroup};
use crate::integration::Integration;
use secrets::SecretNote;

/// Events that are asked for without billing.
pub const PAYMENTS: [&str; 5] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
];
/// And those that come on top with it.
pub const BILLING: [&str; 32] = [
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.created",
    "invoice.finalized",
    "invoice.finalization_failed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.sent",
    "invoice.updated",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "invoice.overdue",
    "invoice.deleted",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "product.created",
    "product.updated",
    "product.deleted",
    "price.created",
    "price.updated",
    "price.deleted",
];
/// An old secret is taken for so long after a new one came, in seconds: what was signed with it is still on its way.
pub const OVERLAP_S: i64 = 86_400;
/// No address is longer.
const LONGEST_URL: usize = 400;
/// Random bytes of an address.
const TOKEN_BYTES: usize = 24;

/// What is kept of an integration's endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointNote {
    /// The data folder that it belongs to: in a restored backup this is another one, and the endpoint not ours.
    pub install: String,
    /// Where deliveries reach this machine, without a slash at its end.
    pub public_url: String,
    /// The last part of the address: unguessable, and of this integration alone.
    pub token: String,
    /// A person makes and changes it in the Dashboard; we never touch it.
    #[serde(default)]
    pub by_hand: bool,
    /// `we_…`, once it is known.
    #[serde(default)]
    pub id: Option<String>,
    /// Signing secrets, newest first.
    #[serde(default)]
    pub secrets: Vec<SecretNote>,
    /// What Stripe last said of it.
    #[serde(default)]
    pub seen: Option<Seen>,
    /// Why it could not be made, or brought to what it should be.
    #[serde(default)]
    pub trouble: Option<String>,
    /// Stripe was asked to make or change it, and how that ended is not known: since then. One of ours may be there that
    /// this note does not name.
    #[serde(default)]
    pub making: Option<i64>,
    /// It is to be removed at Stripe, which did not answer yet: since then.
    #[serde(default)]
    pub leaving: Option<i64>,
}

/// What Stripe said of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When we looked, Unix seconds.
    pub at: i64,
    /// How it was.
    pub status: Status,
    /// Since when we know it to be so.
    pub since: i64,
    /// When it was made.
    pub created: i64,
    /// Where it delivers to; none: not known.
    #[serde(default)]
    pub url: Option<String>,
    /// What it asks for.
    pub events: Vec<String>,
    /// In which version its events are written; none: the account's own.
    pub api_version: Option<String>,
    /// Events of the last days whose deliveries were pending or failed then, to whatever endpoint; none: not counted.
    #[serde(default)]
    pub undelivered: Option<u64>,
}

/// How an endpoint is at Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is delivered to.
    Enabled,
    /// Stripe, or a person, has switched it off.
    Disabled,
    /// It is not there.
    Gone,
}

impl EndpointNote {
    /// A new one, with an address of its own. The error is a sentence.
    pub fn new(install: &str, public_url: &str, by_hand: bool) -> Result<EndpointNote, String> {
        Ok(EndpointNote {
            install: install.to_owned(),
            public_url: public_url.to_owned(),
            token: token()?,
            by_hand,
            id: None,
            secrets: Vec::new(),
            seen: None,
            trouble: None,
            making: None,
            leaving: None,
        })
    }

    /// Where Stripe delivers to.
    pub fn url(&self) -> String {
        format!("{}/{}", self.public_url, self.token)
    }

    /// Something of ours is at Stripe, or may be.
    pub fn is_at_stripe(&self, install: &str) -> bool {
        self.install == install && !self.by_hand && (self.id.is_some() || self.making.is_some())
    }

    /// Stripe delivers to another address than ours, as far as we know: to this one.
    pub fn elsewhere(&self) -> Option<&str> {
        let seen = self.seen.as_ref().filter(|seen| seen.status != Status::Gone)?;
        seen.url.as_deref().filter(|url| *url != self.url())
    }

    /// Why no deliveries can come though the endpoint is there: it could not be brought to what it should be, or delivers
    /// elsewhere.
    pub fn astray(&self) -> Option<String> {
        if let Some(trouble) = self.trouble.as_ref().filter(|_| self.id.is_some()) {
            return Some(format!("the webhook endpoint is not as it should be ({trouble})"));
        }
        let there = crate::text::clean_max(self.elsewhere()?, 100);
        Some(format!("the endpoint at Stripe delivers to another address ({there})"))
    }

    /// Takes what a look at Stripe found, if nobody has changed the note since the look began with `before`: then they
    /// know better. False: it was left alone.
    pub fn learn(&mut self, before: &EndpointNote, found: Option<String>, seen: Seen) -> bool {
        let same = (&self.token, &self.id, &self.seen, self.leaving)
            == (&before.token, &before.id, &before.seen, before.leaving);
        if !same {
            return false;
        }
        self.id = found.or(self.id.take());
        self.seen = Some(seen);
        if self.by_hand {
            self.trouble = None;
        }
        true
    }

    /// How it is, for front-ends.
    pub fn state(&self, install: &str) -> EndpointState {
        if self.install != install {
            return EndpointState::Unmade {
                reason: "this data folder was restored from a backup: the endpoint belongs to the folder it came from, and this one needs its own".into(),
            };
        }
        if let Some(since) = self.leaving {
            return EndpointState::Leaving { since };
        }
        if let Some(reason) = self.trouble.as_ref().filter(|_| self.id.is_none() && !self.by_hand) {
            return EndpointState::Unmade { reason: reason.clone() };
        }
        match &self.seen {
            Some(Seen { status: Status::Disabled, since, .. }) => EndpointState::Disabled { since: *since },
            Some(Seen { status: Status::Gone, since, .. }) => EndpointState::Gone { since: *since },
            _ if self.secrets.is_empty() => EndpointState::NoSecret,
            Some(_) => EndpointState::Enabled,
            None => EndpointState::Unknown,
        }
    }

    /// Events that are used and not sent, and events that are sent and not used. None: not known, or all is sent.
    pub fn differs(&self, wanted: &[&str]) -> (Vec<String>, Vec<String>) {
        let Some(seen) = self.seen.as_ref().filter(|seen| seen.status != Status::Gone) else {
            return (Vec::new(), Vec::new());
        };
        if seen.events.iter().any(|event| event == "*") {
            let more = if wanted == ["*"] { Vec::new() } else { vec!["*".to_owned()] };
            return (Vec::new(), more);
        }
        let less = wanted.iter().filter(|event| !seen.events.iter().any(|sent| sent == *event));
        let more = seen.events.iter().filter(|sent| !wanted.contains(&sent.as_str()) && wanted != ["*"]);
        (less.map(|event| (*event).to_owned()).collect(), more.cloned().collect())
    }
}

/// The events that an integration uses, as Stripe names them.
pub fn events(billing: bool, all: bool) -> Vec<&'static str> {
    if all {
        return vec!["*"];
    }
    let more: &[&str] = if billing { &BILLING } else { &[] };
    PAYMENTS.iter().chain(more).copied().collect()
}

/// An event of this type should come by the integration's endpoint: it is used, and sent as far as we know.
pub fn delivers(integration: &Integration, event_type: &str) -> bool {
    let names = |one: &str| one == "*" || one == event_type;
    let seen = integration.endpoint.as_ref().and_then(|note| note.seen.as_ref());
    events(integration.billing, integration.all_events).into_iter().any(names)
        && seen.is_none_or(|seen| seen.events.iter().any(|one| names(one)))
}

/// The integration's number as our endpoints carry it.
pub fn number(id: IntegrationId) -> String {
    id.0.to_string()
}

/// Checks where deliveries reach this machine. `local`: the API is on this machine too, and may deliver to it. The
/// error is a sentence.
pub fn public_url(text: &str, livemode: bool, local: bool) -> Result<String, String> {
    let shown = crate::text::clean_max(text.trim(), 100);
    let wrong = |what: &str| {
        Err(format!(
            "the public URL “{shown}” {what}: give the https address under which Stripe reaches the receiver"
        ))
    };
    let Ok(url) = Url::parse(text.trim()) else { return wrong("is no URL") };
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: it holds a password.
        return Err("the public URL must not hold a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("has a query or a fragment");
    }
    let here = match url.host() {
        None => return wrong("names no host"),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => is_private(ip),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local(),
    };
    if here && !local {
        return wrong("is an address that Stripe cannot reach");
    }
    match url.scheme() {
        "https" => {}
        "http" if local || !livemode => {}
        "http" => return wrong("is not encrypted, which Stripe refuses in live mode"),
        _ => return wrong("is neither https nor http"),
    }
    let url = url.as_str().trim_end_matches('/').to_owned();
    if url.len() > LONGEST_URL {
        return wrong("is far too long");
    }
    Ok(url)
}

fn is_private(ip: Ipv4Addr) -> bool {
    ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
}

fn token() -> Result<String, String> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| {
        "the system gives no random numbers, so there can be no unguessable address".to_owned()
    })?;
    Ok(bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

/// Stripe's form for a key that may make one.
pub fn form(livemode: bool, billing: bool) -> String {
    let mut wanted = wanted_permissions(billing);
    let more = probes(billing).filter(|row| row.group == PermissionGroup::Endpoint);
    wanted.extend(more.map(|row| row.permission));
    form_link(livemode, &wanted)
}

/// The Dashboard's page of webhook endpoints.
pub fn dashboard_link(livemode: bool) -> &'static str {
    if livemode {
        "https://dashboard.stripe.com/webhooks"
    } else {
        "https://dashboard.stripe.com/test/webhooks"
    }
}

#[cfg(test)]
mod tests;
