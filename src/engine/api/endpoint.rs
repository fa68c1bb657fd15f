//! The webhook endpoint of an integration as a front-end shows it, and what can be asked of it.

use serde::{Deserialize, Serialize};

/// How an endpoint is. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EndpointState {
    /// There is none yet.
    Unmade {
        /// One sentence.
        reason: String,
    },
    /// One that is made by hand: its signing secret was not given yet.
    NoSecret,
    /// Stripe delivers to it.
    Enabled,
    /// Stripe, or a person, has switched it off.
    Disabled {
        /// Since when we know.
        since: i64,
    },
    /// It is not at Stripe any more.
    Gone {
        /// Since when we know.
        since: i64,
    },
    /// To be removed at Stripe as soon as it answers.
    Leaving {
        /// Since when.
        since: i64,
    },
    /// Stripe was not asked yet, or does not tell this key.
    Unknown,
}

/// An integration's endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointView {
    /// `we_…`, once it is known.
    pub id: Option<String>,
    /// Where Stripe delivers to. Only for its owner's eyes: who knows it can knock.
    pub url: String,
    /// It is made and changed by a person.
    pub by_hand: bool,
    /// How it is at Stripe.
    pub state: EndpointState,
    /// Where the receiver of this process listens; none: nothing takes deliveries.
    pub listening: Option<String>,
    /// Why deliveries cannot be taken though the receiver listens, if so.
    pub trouble: Option<String>,
    /// When the last delivery was stored.
    pub last_delivery_at: Option<i64>,
    /// Stripe's list had events that no delivery brought: since then, until the next delivery.
    pub missed_at: Option<i64>,
    /// When Stripe was last asked how it is.
    pub checked_at: Option<i64>,
    /// Events of the last three days with deliveries that are pending or failed, to whatever endpoint of the account; at
    /// most 100 are counted.
    pub undelivered: Option<u64>,
    /// Events that are used and not sent.
    pub less: Vec<String>,
    /// Events that are sent and not used.
    pub more: Vec<String>,
    /// Deliveries with a wrong signature since the process began.
    pub unsigned: u64,
    /// Deliveries that were too old, or from the future, since the process began.
    pub untimely: u64,
}

impl EndpointView {
    /// One sentence on what is wrong and what to do; none: it works, as far as is known.
    pub fn problem(&self, number: u32) -> Option<String> {
        let again = |what: &str| {
            Some(format!("{what}: `tillwatch integrations check {number} --enable` sets it right"))
        };
        match &self.state {
            EndpointState::Unmade { reason } => again(&format!("there is no webhook endpoint: {reason}")),
            EndpointState::NoSecret if self.by_hand => Some(format!(
                "the endpoint's signing secret is not known: `tillwatch integrations edit {number} --webhook-secret` takes it"
            )),
            EndpointState::NoSecret => again("the endpoint's signing secret is not known"),
            EndpointState::Disabled { .. } if self.by_hand => {
                Some("the webhook endpoint is disabled: enable it in the Dashboard".into())
            }
            EndpointState::Disabled { .. } => again("the webhook endpoint is disabled at Stripe"),
            EndpointState::Gone { .. } if self.by_hand => {
                Some("no webhook endpoint with this address is at Stripe: make it in the Dashboard".into())
            }
            EndpointState::Gone { .. } => again("the webhook endpoint is gone at Stripe"),
            EndpointState::Leaving { .. } => {
                Some("the webhook endpoint is removed as soon as Stripe answers".into())
            }
            _ if self.trouble.is_some() => self.trouble.clone(),
            _ if self.listening.is_none() => {
                Some("nothing takes deliveries here: `tillwatch serve` does".into())
            }
            _ if self.missed_at.is_some() => {
                Some("events came without a delivery: is the public address led to the receiver?".into())
            }
            _ if !self.less.is_empty() => {
                Some(format!("the endpoint does not send all that is used: add {}", self.less.join(", ")))
            }
            _ if !self.more.is_empty() => Some(format!(
                "the endpoint sends what is not used: take away {}",
                if self.more == ["*"] { "“all events”".to_owned() } else { self.more.join(", ") }
            )),
            _ => None,
        }
    }
}

/// What became of an endpoint whose integration was disconnected, or has changed its ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "left", content = "reason", rename_all = "snake_case")]
pub enum EndpointLeft {
    /// There was nothing of ours at Stripe.
    Nothing,
    /// It is removed.
    Removed,
    /// Stripe did not answer: it is removed later.
    Later(String),
    /// It cannot be removed with this key: a person has to.
    ByPerson(String),
}

/// What to do with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointAction {
    /// Ask Stripe how it is.
    Look,
    /// See to it that it is there, enabled, and asks for what is used.
    Enable,
    /// Take a new signing secret; the old one is good for a day more.
    Rotate,
}
