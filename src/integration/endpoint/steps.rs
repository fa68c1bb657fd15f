//! An integration's endpoint is brought to what was asked for, or removed, in an order that survives a kill.
//!
//! The address is stored before Stripe is asked, the secret is in the vault before the document names it, and the old
//! endpoint goes last: whatever is left behind carries our ids and is found by the next run. It must never write at
//! Stripe when only reading is allowed: callers see to that with [`writes`].

use super::remote::{self, Did, EndpointError, Want};
use super::{EndpointNote, Seen, events, number, public_url, secrets};
use crate::clock::Now;
use crate::engine::api::Delivery;
pub use crate::engine::api::EndpointLeft as Left;
use crate::integration::Integration;
use crate::integration::connect::ConnectError;
use crate::store::{Batch, Durability, Store};
use crate::stripe::Client;
use crate::vault::Vault;
use crate::vault::secret::Secret;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Ask {
    /// Where deliveries reach this machine; none: as before.
    pub public_url: Option<String>,
    /// A person makes it; none: as before.
    pub by_hand: Option<bool>,
    /// A new secret, by way of a new endpoint.
    pub anew: bool,
    /// The secret of one that is made by hand.
    pub secret: Option<Secret>,
}

/// What was done, for a person.
#[derive(Debug, Default)]
pub struct Told {
    /// What became of ours.
    pub did: Option<Did>,
    /// Endpoints of other data folders, one line each.
    pub others: Vec<String>,
    /// Why there is none, though one was asked for.
    pub trouble: Option<String>,
    /// The same may go well later.
    pub later: bool,
}

/// The note that an integration has, if it is of this data folder.
pub fn own<'a>(integration: &'a Integration, install: &str) -> Option<&'a EndpointNote> {
    integration.endpoint.as_ref().filter(|note| note.install == install)
}

/// What was asked for would write at Stripe.
pub fn writes(integration: &Integration, install: &str, delivery: Delivery, ask: &Ask) -> bool {
    let before = own(integration, install);
    let ours = before.is_some_and(|note| note.is_at_stripe(install));
    let by_hand = ask.by_hand.unwrap_or_else(|| before.is_some_and(|note| note.by_hand));
    if delivery == Delivery::Endpoint { !by_hand || ours } else { ours }
}

/// The note that is wanted: the one before, or a new one with a new address. The error is a sentence.
pub fn wanted(integration: &Integration, install: &str, ask: &Ask) -> Result<EndpointNote, String> {
    let before = own(integration, install);
    let by_hand = ask.by_hand.unwrap_or_else(|| before.is_some_and(|note| note.by_hand));
    let url = match (&ask.public_url, &integration.endpoint) {
        (Some(text), _) => public_url(text, integration.livemode, integration.is_local())?,
        // Of a restored backup: the address of the machine is likely the same.
        (None, Some(note)) => note.public_url.clone(),
        (None, None) => {
            return Err("a webhook endpoint needs the https address under which Stripe reaches the receiver: give it with --public-url".into());
        }
    };
    match before.filter(|note| note.by_hand == by_hand) {
        Some(note) => Ok(EndpointNote { public_url: url, leaving: None, trouble: None, ..note.clone() }),
        None => EndpointNote::new(install, &url, by_hand),
    }
}

async fn store_it(store: &Store, integration: &Integration, now: &Now) -> Result<(), ConnectError> {
    let mut batch = Batch::new();
    batch.meta(Integration::document(integration.id), integration);
    store.commit(batch, Durability::Synced, now()).await?;
    Ok(())
}

/// Brings the endpoint to what is asked for. What Stripe refuses is told, and kept in the note: the integration goes on
/// by polling.
pub async fn bring(
    store: &Store,
    vault: &Vault,
    client: &Client,
    before: &Integration,
    ask: Ask,
    now: &Now,
) -> Result<(Integration, Told), ConnectError> {
    let install = store.install_id().to_owned();
    let mut note = wanted(before, &install, &ask).map_err(ConnectError::Refused)?;
    let mut after = before.clone();
    after.delivery = Delivery::Endpoint;
    let mut told = Told::default();
    if let Some(earlier) = own(before, &install).filter(|earlier| earlier.by_hand != note.by_hand) {
        // From ours to one by hand, or back: the secrets of the one before are of no use.
        if earlier.is_at_stripe(&install) {
            let id = earlier.id.clone().unwrap_or_default();
            remote::remove(client, &install, &number(before.id), &before.account, &id)
                .await
                .map_err(|error| ConnectError::Refused(error.to_string()))?;
        }
        secrets::wipe(vault, earlier)?;
    }
    if let Some(secret) = &ask.secret {
        secrets::keep(vault, before.id, &mut note, secret, now())?;
    }
    after.endpoint = Some(note.clone());
    store_it(store, &after, now).await?;
    let wanted = events(before.billing, before.all_events);
    let done = if note.by_hand {
        look_by_hand(client, &mut note, now).await.map(|()| None)
    } else {
        let readable = secrets::read(vault, &note, now()).is_ok_and(|all| !all.is_empty());
        let url = note.url();
        let want = Want {
            install: &install,
            integration: &number(before.id),
            account: &before.account,
            url: &url,
            events: &wanted,
            known: note.id.as_deref().filter(|_| readable),
            anew: ask.anew,
        };
        remote::ensure(client, &want).await.map(Some)
    };
    let mut old = Vec::new();
    match done {
        Ok(None) => {}
        Ok(Some(done)) => {
            told.did = Some(done.did);
            told.others = done.others;
            note.seen = Some(done.remote.seen(note.seen.as_ref(), now()));
            if let Some(secret) = &done.secret
                && let Err(error) = secrets::keep(vault, before.id, &mut note, secret, now())
            {
                // Without its secret it is of no use to anybody.
                let _ = remote::delete(client, &before.account, &done.remote.id).await;
                return Err(error.into());
            }
            note.id = Some(done.remote.id);
            old = done.old;
        }
        Err(error) => {
            told.later = error.is_transient();
            told.trouble = Some(error.to_string());
            // What is there goes on being used.
            if note.id.is_none() {
                note.trouble.clone_from(&told.trouble);
            }
        }
    }
    after.endpoint = Some(note);
    store_it(store, &after, now).await?;
    for id in old {
        // One that stays carries our ids: the next run finds it.
        if let Err(error) = remote::delete(client, &before.account, &id).await {
            tracing::warn!(endpoint = id, %error, "an endpoint that was replaced is still there");
        }
    }
    Ok((after, told))
}

/// One by hand is looked for by its address. A key that may not look is no reason to do without.
async fn look_by_hand(client: &Client, note: &mut EndpointNote, now: &Now) -> Result<(), EndpointError> {
    match remote::look(client, None, &note.url(), note.seen.as_ref(), false, now()).await {
        Ok((id, seen)) => {
            // Before it is made it is not gone.
            note.seen = Some(seen).filter(|_| id.is_some() || note.id.is_some());
            note.id = id.or(note.id.take());
            Ok(())
        }
        Err(EndpointError::NotAllowed { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Asks Stripe how an endpoint is.
pub async fn look(
    client: &Client,
    note: &EndpointNote,
    count: bool,
    now: i64,
) -> Result<(Option<String>, Seen), EndpointError> {
    let id = note.id.as_deref().filter(|_| !note.by_hand);
    remote::look(client, id, &note.url(), note.seen.as_ref(), count, now).await
}

/// Removes what is ours at Stripe and all that is kept of it; of a disconnected integration the key, too. When Stripe
/// does not answer everything stays as it is, to be finished later. `client`: the error says why there is none.
pub async fn leave(
    store: &Store,
    vault: &Vault,
    client: Result<&Client, String>,
    before: &Integration,
    now: &Now,
) -> Result<(Integration, Left), ConnectError> {
    let install = store.install_id().to_owned();
    let mut after = before.clone();
    let ours = own(before, &install).filter(|note| note.is_at_stripe(&install) || note.trouble.is_some());
    let left = match (ours, client) {
        (None, _) => Left::Nothing,
        (Some(_), Err(reason)) => Left::ByPerson(reason),
        (Some(note), Ok(client)) => {
            let id = note.id.clone().unwrap_or_default();
            match remote::remove(client, &install, &number(before.id), &before.account, &id).await {
                Ok(()) => Left::Removed,
                Err(error) if error.is_transient() => Left::Later(error.to_string()),
                // It never came to be, as far as we know.
                Err(_) if note.id.is_none() => Left::Nothing,
                Err(error) => Left::ByPerson(error.to_string()),
            }
        }
    };
    if let (Left::Later(_), Some(note)) = (&left, &mut after.endpoint) {
        note.leaving.get_or_insert(now());
        store_it(store, &after, now).await?;
        return Ok((after, left));
    }
    let note = after.endpoint.take();
    let key = if after.off_since.is_some() { after.key.take() } else { None };
    store_it(store, &after, now).await?;
    // Last: a kill before leaves sealed secrets that nothing names.
    if let Some(note) = note.filter(|note| note.install == install) {
        secrets::wipe(vault, &note)?;
    }
    if let Some(key) = key {
        vault.wipe(&Integration::vault_name(after.id), &key.place)?;
    }
    Ok((after, left))
}
