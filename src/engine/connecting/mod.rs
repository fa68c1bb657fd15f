//! Connecting on the screen: keys on offer, their checks, and what is saved of them.
//!
//! A key comes in by [`Engine::offer_key`] and goes by its ticket from then on. One change of what is connected is
//! made at a time. It must never write at Stripe, and never save a key that was not tried.

mod leaving;
mod offers;
mod profiles;
mod saving;
#[cfg(test)]
mod tests;
mod trying;

pub use offers::Offers;
pub use profiles::read_again;
pub use trying::count;

use super::api::{Answer, KeyTicket, Request};
use super::{Engine, publish, refused};
use crate::integration::endpoint::secrets;
use crate::integration::stripe_cli::Origin;
use crate::stripe::{ApiKey, BaseUrl, DEFAULT_BASE};
use crate::vault::secret::Secret;

impl Engine {
    /// Takes a key, or an endpoint's signing secret, over and answers with its ticket. It is looked at and held in memory; nothing is sent before it is
    /// tried ([`Request::TryKey`]).
    pub fn offer_key(&self, key: Secret) -> Answer {
        let answer = offer(self, &key, None);
        // What was pasted is wiped here; the key that was found in it is the only copy.
        drop(key);
        answer
    }

    /// Where a key that is offered is tried: at a server of its own, at `--api-base`, or at Stripe.
    fn offered_base(&self, ticket: KeyTicket) -> Result<BaseUrl, String> {
        let fingerprint = {
            let mut state = self.state();
            let key = state.offers.get(ticket).and_then(|offer| offer.key.as_ref());
            key.and_then(|key| key.as_ref().ok()).map(ApiKey::fingerprint)
        };
        let own = fingerprint.and_then(|fingerprint| self.base_of_key(&fingerprint));
        match own.or(self.caller.api_base.as_ref()).or(self.inner.options.api_base.as_ref()) {
            Some(base) => Ok(base.clone()),
            None => BaseUrl::parse(DEFAULT_BASE),
        }
    }
}

fn offer(engine: &Engine, key: &Secret, origin: Option<Origin>) -> Answer {
    let ticket = {
        let mut state = engine.state();
        let ticket = state.offers.add(Some(ApiKey::parse(key.expose())), origin);
        if let Some(offer) = state.offers.get(ticket) {
            offer.signing = secrets::parse(key.expose());
        }
        ticket
    };
    publish::now(engine);
    Answer::Ticket { ticket }
}

fn drop_key(engine: &Engine, ticket: KeyTicket) -> Answer {
    let gone = engine.state().offers.remove(ticket);
    publish::now(engine);
    if gone { Answer::Done } else { not_held() }
}

fn not_held() -> Answer {
    refused("that key is no longer held: paste it again")
}

/// Answers what this module is for; any other request is none of its business.
pub async fn answer(engine: &Engine, request: Request) -> Answer {
    match request {
        Request::TryKey { ticket, billing } => trying::try_key(engine, ticket, billing),
        Request::DropKey { ticket } => drop_key(engine, ticket),
        Request::Check { integration } => trying::check_again(engine, integration),
        Request::Connect { ticket, spec } => saving::connect(engine, ticket, spec).await,
        Request::NewKey { integration, ticket, confirmed } => {
            saving::new_key(engine, integration, ticket, confirmed).await
        }
        Request::Edit { integration, edit } => saving::edit(engine, integration, edit).await,
        Request::Disconnect { integration, purge } => leaving::disconnect(engine, integration, purge).await,
        Request::CliProfiles => profiles::list(engine).await,
        Request::CliProfileKey { profile, livemode } => profiles::take(engine, profile, livemode).await,
        _ => refused("that has nothing to do with connecting"),
    }
}
