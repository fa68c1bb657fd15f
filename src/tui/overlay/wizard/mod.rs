//! The connect wizard: key first, then what to keep, then how to stay current. Nothing is saved before the end.
//!
//! The key goes to the engine as a secret and by its ticket from then on; what it may read comes in with the
//! snapshots. A key that is refused is corrected in place. Also the way to give an integration a new key.
//! It must never hold a key in anything but [`SecretEdit`], and leaves no ticket behind when it is left.

pub mod address;
pub mod delivery;
mod profiles;
mod secret;
mod update;
mod view;

pub use profiles::Profiles;
pub use secret::SecretEdit;
pub use update::{act, answer, refresh, typed};
pub use view::{draw, every, ways};

use super::Overlay;
use super::guard::Guard;
use crate::engine::api::{Delivery, IntegrationId, KeyCheckState, KeyCheckView, KeyTicket, Level, Phase};
use crate::tui::effects::Effect;
use crate::tui::input::actions::Context;
use crate::tui::input::line::LineEdit;
use crate::tui::state::State;
use crate::tui::widgets::matrix::Wants;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The key, and what it may.
    Key,
    /// Payments only, or invoices too.
    Keep,
    /// By what, and how often.
    Current,
}

/// What of a step has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The key.
    Key,
    /// The integration's name.
    Name,
    /// The account's name, typed because the key can move money.
    Confirm,
    /// Payments only, or invoices too.
    Billing,
    /// By what.
    Delivery,
    /// Where a webhook endpoint's deliveries reach this machine.
    Url,
    /// Who makes it.
    Made,
    /// How often.
    Every,
    /// On to the next step.
    Go,
}

/// What the wizard waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The ticket of the key that was offered.
    Ticket,
    /// Word that the key is being tried.
    Try,
    /// The profiles of the Stripe CLI.
    Profiles,
    /// It is being saved.
    Save,
}

/// The wizard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wizard {
    /// The integration that gets a new key; none: an account is connected.
    pub renew: Option<IntegrationId>,
    /// Where it is.
    pub step: Step,
    /// What has the keys.
    pub focus: Field,
    /// The key.
    pub key: SecretEdit,
    /// The profile of the Stripe CLI that it comes from instead.
    pub profile: Option<String>,
    /// The engine's name for the key.
    pub ticket: Option<KeyTicket>,
    /// What is under way.
    pub waiting: Option<(u64, Wait)>,
    /// What is wrong: one sentence, shown where it is put right.
    pub wrong: Option<String>,
    /// Enter came while the key was still being tried: it is saved as soon as that is over.
    pub soon: bool,
    /// Stripe's refusal of this key has been shown.
    pub refused: bool,
    /// The name.
    pub name: LineEdit,
    /// A person changed it.
    pub renamed: bool,
    /// The account's name as typed.
    pub confirm: LineEdit,
    /// Invoices and subscriptions too.
    pub billing: bool,
    /// How it stays current.
    pub delivery: Delivery,
    /// Where deliveries reach this machine.
    pub url: LineEdit,
    /// A person makes the endpoint.
    pub by_hand: bool,
    /// The question before an endpoint of a LIVE account is made.
    pub guard: Option<Guard>,
    /// It was agreed to.
    pub agreed: bool,
    /// Seconds between polls.
    pub every_s: u64,
    /// The list of profiles, when it is open.
    pub profiles: Option<Profiles>,
}

/// Opens it, for a new account or for an integration's new key.
pub fn open(state: &mut State, renew: Option<IntegrationId>, now_ms: i64) -> Vec<Effect> {
    if let Err(reason) = ready(state) {
        state.tell(Level::Warning, reason, now_ms);
        return Vec::new();
    }
    let wizard = Wizard {
        renew,
        step: Step::Key,
        focus: Field::Key,
        key: SecretEdit::default(),
        profile: None,
        ticket: None,
        waiting: None,
        wrong: None,
        soon: false,
        refused: false,
        name: LineEdit::default(),
        renamed: false,
        confirm: LineEdit::default(),
        billing: true,
        delivery: Delivery::Poll,
        url: LineEdit::default(),
        by_hand: false,
        guard: None,
        agreed: false,
        every_s: delivery::usual(state.snapshot.demo),
        profiles: None,
    };
    state.overlays.push(Overlay::Wizard(Box::new(wizard)));
    Vec::new()
}

/// Why nothing can be connected just now.
pub fn ready(state: &State) -> Result<(), String> {
    if state.engine_gone {
        return Err("the engine has stopped: quit and start again".to_owned());
    }
    match &state.snapshot.phase {
        Phase::Opening => Err("the store is still being opened".to_owned()),
        Phase::Failed { .. } => Err("the store can't be used".to_owned()),
        Phase::Ready => Ok(()),
    }
}

impl Wizard {
    /// Where keys have their meaning.
    pub fn context(&self) -> Context {
        if self.profiles.is_some() {
            // What is pasted or typed while the list is open is a key after all.
            return Context::Typing;
        }
        if let Some(guard) = &self.guard {
            return guard.context();
        }
        match self.focus {
            Field::Key | Field::Name | Field::Confirm | Field::Url => Context::Typing,
            Field::Billing | Field::Delivery | Field::Made | Field::Every | Field::Go => Context::Form,
        }
    }

    /// The check of its key, as the snapshot has it.
    pub fn check<'a>(&self, state: &'a State) -> Option<&'a KeyCheckView> {
        let ticket = self.ticket?;
        state.snapshot.key_checks.iter().find(|check| check.ticket == ticket)
    }

    /// What the matrix is read for.
    pub fn wants(&self) -> Wants {
        Wants { billing: self.billing, delivery: self.delivery, asks: true }
    }

    /// The integration whose key it becomes: the one it was opened for, or the account's, which is there already.
    pub fn target(&self, state: &State) -> Option<IntegrationId> {
        self.renew.or_else(|| self.check(state)?.connected_as)
    }

    /// The account's name has to be typed: a secret live key can move money.
    pub fn must_confirm(&self, state: &State) -> bool {
        self.check(state).is_some_and(|check| can_move_money(check) && check.account.is_some())
    }

    /// What can be reached with Tab in this step, in order.
    pub fn fields(&self, state: &State) -> Vec<Field> {
        match self.step {
            Step::Key => {
                let mut out = vec![Field::Key];
                let known = self.check(state).is_some_and(|check| {
                    check.account.is_some() && !matches!(check.state, KeyCheckState::Refused { .. })
                });
                if known && self.target(state).is_none() {
                    out.push(Field::Name);
                }
                if known && self.must_confirm(state) {
                    out.push(Field::Confirm);
                }
                out.push(Field::Go);
                out
            }
            Step::Keep => vec![Field::Billing, Field::Go],
            Step::Current if self.delivery == Delivery::Endpoint => {
                vec![Field::Delivery, Field::Url, Field::Made, Field::Every, Field::Go]
            }
            Step::Current => vec![Field::Delivery, Field::Every, Field::Go],
        }
    }

    /// A key was handed over and the snapshots do not tell of it yet.
    pub fn is_waiting(&self, state: &State) -> bool {
        self.ticket.is_some() && self.check(state).is_none() && self.wrong.is_none()
    }

    /// The key was offered and is being tried or was, and not refused.
    pub fn is_tried(&self, state: &State) -> bool {
        self.check(state).is_some_and(|check| !matches!(check.state, KeyCheckState::Refused { .. }))
    }
}

/// A secret live key.
pub fn can_move_money(check: &KeyCheckView) -> bool {
    check.livemode && check.kind.starts_with("secret")
}
