//! An integration's endpoint is brought to what was asked for, or removed, in an order that survives a kill.
//!
//! The address, and that one is being made, is stored before Stripe is asked; the secret is in the vault before the
//! document names it, and the old endpoint goes last: whatever is left behind carries our ids and is found by the next
//! run. What is removed is wiped first and forgotten then. It must never write at Stripe when only reading is allowed:
//! callers see to that with [`writes`], before they change anything.

use super::keep::{InStore, Keep};
use super::remote::{self, Did, EndpointError, Ensured, Step, Want};
use super::{EndpointNote, Seen, Status, events, number, public_url, secrets};
use crate::clock::Now;
use crate::engine::api::Delivery;
pub use crate::engine::api::EndpointLeft as Left;
use crate::integration::Integration;
use crate::integration::connect::{ConnectError, key_trouble};
use crate::store::Store;
use crate::stripe::{ApiKey, Client};
use crate::vault::Vault;
use crate::vault::secret::Secret;

/// Endpoints of ours that go before there is room for a new one: more are nobody's doing.
const MOST_CROWDED: usize = 4;

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

/// Why there is no key to remove an endpoint with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoKey {
    /// One or two sentences.
    pub reason: String,
    /// There may be one later: a keyring is locked, a command fails.
    pub passing: bool,
}

impl From<String> for NoKey {
    fn from(reason: String) -> NoKey {
        NoKey { reason, passing: false }
    }
}

/// The key to remove an endpoint with, from where the vault put it. May run a command: blocks.
pub fn key_to_leave(vault: &Vault, integration: &Integration) -> Result<ApiKey, NoKey> {
    let Some(note) = &integration.key else {
        return Err(NoKey::from(format!("the key of {} is wiped", integration.name)));
    };
    let secret = vault
        .get(&Integration::vault_name(integration.id), &note.place)
        .map_err(|error| NoKey { reason: key_trouble(&error, integration.id), passing: error.may_pass() })?;
    ApiKey::parse(secret.expose()).map_err(|problem| NoKey::from(problem.to_string()))
}

/// The note that an integration has, if it is of this data folder.
pub fn own<'a>(integration: &'a Integration, install: &str) -> Option<&'a EndpointNote> {
    integration.endpoint.as_ref().filter(|note| note.install == install)
}

/// Whether a person makes it: as asked for, else as before, also in a folder that was restored from a backup.
fn by_hand(integration: &Integration, ask: &Ask) -> bool {
    ask.by_hand.unwrap_or_else(|| integration.endpoint.as_ref().is_some_and(|note| note.by_hand))
}

/// What was asked for would write at Stripe: whatever [`bring`] does for an endpoint, and [`leave`] for another delivery.
pub fn writes(integration: &Integration, install: &str, delivery: Delivery, ask: &Ask) -> bool {
    let ours = own(integration, install).is_some_and(|note| note.is_at_stripe(install));
    if delivery == Delivery::Endpoint { !by_hand(integration, ask) || ours } else { ours }
}

/// The note that is wanted: the one before, or a new one with a new address. The error is a sentence.
pub fn wanted(integration: &Integration, install: &str, ask: &Ask) -> Result<EndpointNote, String> {
    let by_hand = by_hand(integration, ask);
    let url = match (&ask.public_url, &integration.endpoint) {
        (Some(text), _) => public_url(text, integration.livemode, integration.is_local())?,
        // Of a restored backup: the address of the machine is likely the same.
        (None, Some(note)) => note.public_url.clone(),
        (None, None) => {
            return Err("a webhook endpoint needs the https address under which Stripe reaches the receiver: give it with --public-url".into());
        }
    };
    match own(integration, install).filter(|note| note.by_hand == by_hand) {
        Some(note) => Ok(EndpointNote { public_url: url, leaving: None, trouble: None, ..note.clone() }),
        None => EndpointNote::new(install, &url, by_hand),
    }
}

/// Puts a note into the integration as it is by now.
async fn put(keep: &impl Keep, note: &EndpointNote) -> Result<Integration, ConnectError> {
    let mut note = note.clone();
    keep.keep(Box::new(move |now| {
        if now.off_since.is_some() {
            // Disconnected meanwhile: it is still to be removed.
            note.leaving = now.endpoint.as_ref().and_then(|note| note.leaving);
        }
        now.endpoint = Some(note);
    }))
    .await
}

/// [`bring_by`] for a process that has the store for itself.
pub async fn bring(
    store: &Store,
    vault: &Vault,
    client: &Client,
    before: &Integration,
    ask: Ask,
    now: &Now,
) -> Result<(Integration, Told), ConnectError> {
    let keep = InStore { store, id: before.id, now };
    bring_by(&keep, store.install_id(), vault, client, before, ask, now).await
}

/// Brings the endpoint to what is asked for. What Stripe refuses is told, and kept in the note: the integration goes on
/// by polling. May ask a keyring: blocks.
pub async fn bring_by(
    keep: &impl Keep,
    install: &str,
    vault: &Vault,
    client: &Client,
    before: &Integration,
    ask: Ask,
    now: &Now,
) -> Result<(Integration, Told), ConnectError> {
    let mut note = wanted(before, install, &ask).map_err(ConnectError::Refused)?;
    let readable = match secrets::read(vault, &note, now()) {
        Ok(all) => !all.is_empty(),
        // A keyring that is locked has lost nothing: a new endpoint would be of no more use.
        Err(unread) if unread.passing && !note.by_hand => {
            return Err(ConnectError::Refused(format!("{unread}: try again when it can be")));
        }
        Err(_) => false,
    };
    let mut old = None;
    if let Some(earlier) = own(before, install).filter(|earlier| earlier.by_hand != note.by_hand) {
        // From ours to one by hand, or back: the secrets of the one before are of no use.
        if earlier.is_at_stripe(install) {
            let id = earlier.id.as_deref();
            remote::remove(client, install, &number(before.id), &before.account, id)
                .await
                .map_err(|error| ConnectError::Refused(error.to_string()))?;
        }
        old = Some(earlier.clone());
    }
    if let Some(secret) = &ask.secret {
        secrets::keep(vault, before.id, &mut note, secret, now())?;
    }
    let unsure = note.making;
    if !note.by_hand {
        note.making.get_or_insert(now());
    }
    put(keep, &note).await?;
    if let Some(mut old) = old
        && let Err(error) = secrets::wipe(vault, &mut old)
    {
        tracing::warn!(%error, "a signing secret that is of no use any more was not wiped");
    }
    let mut told = Told::default();
    let mut left_over = Vec::new();
    let done = if note.by_hand {
        look_by_hand(client, &mut note, now).await.map(|()| None)
    } else {
        make(keep, &mut note, client, before, readable, ask.anew, now).await?.map(Some)
    };
    match done {
        Ok(None) => {}
        Ok(Some(done)) => {
            if let Some(secret) = &done.secret
                && let Err(error) = secrets::keep(vault, before.id, &mut note, secret, now())
            {
                // Without its secret it is of no use to anybody.
                if remote::delete(client, &before.account, &done.remote.id).await.is_ok() {
                    note.making = unsure;
                    note.trouble = Some(error.to_string());
                    put(keep, &note).await?;
                }
                return Err(error.into());
            }
            note.seen = Some(done.remote.seen(note.seen.as_ref(), now()));
            told.did = Some(done.did);
            told.others = done.others;
            note.id = Some(done.remote.id);
            left_over = done.old;
            if left_over.is_empty() {
                note.making = None;
            }
        }
        Err(error) => {
            told.later = error.is_transient();
            told.trouble = Some(error.to_string());
            // A person's own is not ours to make: what hinders us to look hinders no delivery.
            if !note.by_hand {
                note.trouble.clone_from(&told.trouble);
            }
            if !told.later {
                note.making = unsure;
            }
        }
    }
    let mut after = put(keep, &note).await?;
    if !left_over.is_empty() {
        let mut all_gone = true;
        for id in left_over {
            // One that stays carries our ids: the next run finds it.
            if let Err(error) = remote::delete(client, &before.account, &id).await {
                tracing::warn!(endpoint = id, %error, "an endpoint that was replaced is still there");
                all_gone = false;
            }
        }
        if all_gone {
            note.making = None;
            after = put(keep, &note).await?;
        }
    }
    Ok((after, told))
}

/// Sees to it that ours is at Stripe. Where there is no room for two of ours, the note says that the old one is gone
/// before it goes. The outer error is the store's.
async fn make(
    keep: &impl Keep,
    note: &mut EndpointNote,
    client: &Client,
    before: &Integration,
    readable: bool,
    anew: bool,
    now: &Now,
) -> Result<Result<Ensured, EndpointError>, ConnectError> {
    let wanted = events(before.billing, before.all_events);
    let (install, integration, url) = (note.install.clone(), number(before.id), note.url());
    let mut crowded = 0;
    loop {
        let known = note.id.clone().filter(|_| readable);
        let want = Want {
            install: &install,
            integration: &integration,
            account: &before.account,
            url: &url,
            events: &wanted,
            known: known.as_deref(),
            anew,
        };
        let id = match remote::ensure(client, &want).await {
            Ok(Step::Done(done)) => return Ok(Ok(*done)),
            Err(error) => return Ok(Err(error)),
            Ok(Step::Crowded(_)) if crowded == MOST_CROWDED => {
                return Ok(Err(EndpointError::Full { list: "some of them this program's own".into() }));
            }
            Ok(Step::Crowded(id)) => id,
        };
        crowded += 1;
        if note.id.as_ref() == Some(&id) {
            // What comes meanwhile is found in Stripe's list.
            note.id = None;
            if let Some(seen) = &mut note.seen {
                *seen = Seen { status: Status::Gone, since: now(), at: now(), ..seen.clone() };
            }
            put(keep, note).await?;
        }
        if let Err(error) = remote::delete(client, &before.account, &id).await {
            return Ok(Err(error));
        }
    }
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

/// [`leave_by`] for a process that has the store for itself.
pub async fn leave(
    store: &Store,
    vault: &Vault,
    client: Result<&Client, NoKey>,
    before: &Integration,
    now: &Now,
) -> Result<(Integration, Left), ConnectError> {
    let keep = InStore { store, id: before.id, now };
    leave_by(&keep, store.install_id(), vault, client, before, now).await
}

/// Removes what is ours at Stripe and all that is kept of it; of a disconnected integration the key, too. What Stripe or
/// the vault does not let go stays in the document, to be finished later. `client`: the error says why there is none.
/// May ask a keyring: blocks.
pub async fn leave_by(
    keep: &impl Keep,
    install: &str,
    vault: &Vault,
    client: Result<&Client, NoKey>,
    before: &Integration,
    now: &Now,
) -> Result<(Integration, Left), ConnectError> {
    let left = remove(install, client, before).await;
    let (at, later) = (now(), matches!(left, Left::Later(_)));
    // From here on nothing is at Stripe that this note has to name, whatever a kill leaves of the rest.
    let after = keep
        .keep(Box::new(move |now| {
            if let Some(note) = &mut now.endpoint {
                note.leaving.get_or_insert(at);
                if !later {
                    (note.id, note.making) = (None, None);
                }
            }
        }))
        .await?;
    if later {
        return Ok((after, left));
    }
    let mut note = after.endpoint.clone();
    let mut failed = None;
    if let Some(note) = note.as_mut().filter(|note| note.install == install) {
        failed = secrets::wipe(vault, note).err();
    }
    let key = after.key.as_ref().filter(|_| after.off_since.is_some());
    let wiped = key.is_some_and(|key| match vault.wipe(&Integration::vault_name(after.id), &key.place) {
        Ok(()) => true,
        Err(error) => {
            failed.get_or_insert(error);
            false
        }
    });
    let done = failed.is_none();
    let after = keep
        .keep(Box::new(move |now| {
            now.endpoint = note.filter(|_| !done);
            if wiped {
                now.key = None;
            }
        }))
        .await?;
    let left = match (failed, left) {
        (None, left) => left,
        (Some(error), Left::ByPerson(reason)) => Left::Later(format!("{error} And at Stripe: {reason}")),
        (Some(error), _) => Left::Later(key_trouble(&error, before.id)),
    };
    Ok((after, left))
}

/// Removes what is ours at Stripe.
async fn remove(install: &str, client: Result<&Client, NoKey>, before: &Integration) -> Left {
    let Some(note) = own(before, install).filter(|note| note.is_at_stripe(install)) else {
        return Left::Nothing;
    };
    let client = match client {
        Ok(client) => client,
        Err(NoKey { reason, passing: true }) => return Left::Later(reason),
        Err(NoKey { reason, passing: false }) => return Left::ByPerson(reason),
    };
    let id = note.id.as_deref();
    match remote::remove(client, install, &number(before.id), &before.account, id).await {
        Ok(()) => Left::Removed,
        Err(error) if error.is_transient() => Left::Later(error.to_string()),
        Err(error) => Left::ByPerson(error.to_string()),
    }
}
