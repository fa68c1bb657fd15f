//! The webhook endpoint of an integration as a front-end shows it, and what can be asked of it.

use serde::{Deserialize, Serialize};

use super::KeyTicket;

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
    /// All types of event are asked for, not only those in use.
    #[serde(default)]
    pub all_events: bool,
    /// Endpoints of other installations, which are left alone, as they were last seen: one line each.
    #[serde(default)]
    pub others: Vec<String>,
    /// The trouble may pass: what cannot be read now is tried again.
    #[serde(default)]
    pub passing: bool,
    /// Why Stripe does not deliver here though the endpoint is there: it could not be brought to what it should be, or
    /// delivers elsewhere.
    #[serde(default)]
    pub astray: Option<String>,
}

/// What sets a problem right; each front-end has its own way to say how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// [`EndpointAction::Enable`].
    Enable,
    /// The signing secret is given by a person: [`EndpointAction::Secret`].
    GiveSecret,
    /// [`EndpointAction::Rotate`].
    Rotate,
    /// A process with a receiver.
    Serve,
}

impl EndpointView {
    /// It needs a person: Stripe delivers nothing to it, and will not by itself.
    pub fn is_down(&self) -> bool {
        match self.state {
            EndpointState::Unmade { .. } | EndpointState::Disabled { .. } | EndpointState::Gone { .. } => {
                true
            }
            // One by hand is waited for.
            EndpointState::NoSecret => !self.by_hand,
            EndpointState::Enabled | EndpointState::Leaving { .. } | EndpointState::Unknown => false,
        }
    }

    /// One sentence on what is wrong and what to do; none: it works, as far as is known.
    pub fn problem(&self, number: u32) -> Option<String> {
        self.problem_by(|remedy| match remedy {
            Remedy::Enable => format!("`tillwatch integrations check {number} --enable` sets it right"),
            Remedy::GiveSecret => format!("`tillwatch integrations edit {number} --webhook-secret` takes it"),
            Remedy::Rotate => format!("`tillwatch integrations edit {number} --rotate` takes a new one"),
            Remedy::Serve => "`tillwatch serve` does".to_owned(),
        })
    }

    /// The same, with what to do in a front-end's own words.
    pub fn problem_by(&self, how: impl Fn(Remedy) -> String) -> Option<String> {
        let (what, remedy) = self.wrong()?;
        Some(match remedy {
            Some(remedy) => format!("{what}: {}", how(remedy)),
            None => what,
        })
    }

    /// What is wrong, and what sets it right, if something here does.
    pub fn wrong(&self) -> Option<(String, Option<Remedy>)> {
        let by = |what: &str, remedy: Remedy| Some((what.to_owned(), Some(remedy)));
        let told = |what: String| Some((what, None));
        let (secret, anew) = if self.by_hand {
            (Remedy::GiveSecret, Remedy::GiveSecret)
        } else {
            (Remedy::Enable, Remedy::Rotate)
        };
        match &self.state {
            EndpointState::Unmade { reason } => {
                by(&format!("there is no webhook endpoint: {reason}"), Remedy::Enable)
            }
            EndpointState::NoSecret => by("the endpoint's signing secret is not known", secret),
            EndpointState::Disabled { .. } if self.by_hand => {
                told("the webhook endpoint is disabled: enable it in the Dashboard".into())
            }
            EndpointState::Disabled { .. } => {
                by("the webhook endpoint is disabled at Stripe", Remedy::Enable)
            }
            EndpointState::Gone { .. } if self.by_hand => {
                told("no webhook endpoint with this address is at Stripe: make it in the Dashboard".into())
            }
            EndpointState::Gone { .. } => by("the webhook endpoint is gone at Stripe", Remedy::Enable),
            EndpointState::Leaving { .. } => {
                told("the webhook endpoint is removed as soon as Stripe answers".into())
            }
            EndpointState::Enabled | EndpointState::Unknown => match (&self.trouble, &self.listening) {
                (Some(trouble), _) if self.passing => told(format!(
                    "{trouble}: it is tried again every minute; unlock the keyring if it is locked"
                )),
                (Some(trouble), _) => by(trouble, anew),
                _ if self.astray.is_some() && !self.by_hand => by(self.astray.as_deref()?, Remedy::Enable),
                _ if self.astray.is_some() => {
                    told(format!("{}: change its address in the Dashboard", self.astray.as_deref()?))
                }
                (None, None) => by("nothing takes deliveries here", Remedy::Serve),
                _ => self.differs().and_then(told),
            },
        }
    }

    /// What is less than it could be with one that is delivered to.
    fn differs(&self) -> Option<String> {
        if self.missed_at.is_some() {
            return Some("events came without a delivery: is the public address led to the receiver?".into());
        }
        if !self.less.is_empty() {
            let list = self.less.join(", ");
            return Some(format!("the endpoint does not send all that is used: add {list}"));
        }
        let list = if self.more == ["*"] { "“all events”".to_owned() } else { self.more.join(", ") };
        (!list.is_empty()).then(|| format!("the endpoint sends what is not used: take away {list}"))
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
    /// Stripe did not answer, or the vault does not give or wipe now what it keeps: it is finished later.
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
    /// Take the signing secret of one that is made by hand; it was handed over apart, as keys are.
    Secret {
        /// Under which it was.
        ticket: KeyTicket,
    },
}
