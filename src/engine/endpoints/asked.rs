//! What is asked of an endpoint: bring it to what is wanted, look, take a new secret, remove it; and removals that are
//! finished later.
//!
//! It must never write at Stripe when only reading is allowed.

use std::sync::Arc;
use std::time::Duration;

use super::watch::once;
use crate::engine::api::{Answer, Delivery, EndpointAction, IntegrationId, KeyTicket, Level};
use crate::engine::connecting::count;
use crate::engine::{Engine, publish, refused};
use crate::integration::Integration;
use crate::integration::connect::{ConnectError, trial_until};
use crate::integration::endpoint::dashboard_link;
use crate::integration::endpoint::remote::Did;
use crate::integration::endpoint::steps::{self, Ask, Left, Told};
use crate::vault::secret::Secret;

/// The first wait before another try of a removal, and the longest.
const AGAIN: Duration = Duration::from_secs(30);
const AGAIN_MOST: Duration = Duration::from_secs(15 * 60);
const AGAIN_LOCAL: Duration = Duration::from_millis(500);

/// Answers a request about an endpoint.
pub async fn answer(engine: &Engine, id: IntegrationId, action: EndpointAction) -> Answer {
    let _turn = engine.inner.connecting.lock().await;
    let config = engine.state().runtimes.get(&id).map(|runtime| runtime.config.clone());
    let Some(config) = config else { return refused("there is no such integration") };
    if config.off_since.is_some() {
        return refused(format!("{} is disconnected: connect it again first", config.name));
    }
    if config.delivery != Delivery::Endpoint {
        return refused(format!(
            "{} has no webhook endpoint: change how it stays current first",
            config.name
        ));
    }
    let result = match action {
        EndpointAction::Look => once(engine, id, true).await.map(|()| None),
        EndpointAction::Rotate if config.endpoint.as_ref().is_some_and(|note| note.by_hand) => {
            Err("this endpoint is made by hand: roll its secret in the Dashboard, and give the new one"
                .into())
        }
        EndpointAction::Secret { ticket } => match signing(engine, &config, ticket) {
            Ok(secret) => bring(engine, id, Ask { secret: Some(secret), ..Ask::default() }).await.map(Some),
            Err(reason) => Err(reason),
        },
        EndpointAction::Enable => bring(engine, id, Ask::default()).await.map(Some),
        EndpointAction::Rotate => bring(engine, id, Ask { anew: true, ..Ask::default() }).await.map(Some),
    };
    if let Ok(Some(Told { trouble: None, did, .. })) = &result {
        let secret = matches!(action, EndpointAction::Secret { .. });
        let text = if secret { "the endpoint's signing secret is kept".to_owned() } else { words(*did) };
        engine.message(Level::Info, Some(id), text);
    }
    publish::now(engine);
    match result {
        Ok(Some(Told { trouble: Some(reason), .. })) | Err(reason) => refused(reason),
        Ok(_) => Answer::Done,
    }
}

/// The secret of one that is made by hand, as it was handed over. The error is a sentence.
fn signing(engine: &Engine, config: &Integration, ticket: KeyTicket) -> Result<Secret, String> {
    // Taken in any case: it must not stay where nobody wants it.
    let secret = engine.state().offers.take_signing(ticket);
    if config.endpoint.as_ref().is_some_and(|note| note.by_hand) {
        return secret;
    }
    Err("only an endpoint that is made by hand takes a secret: tillwatch gets its own endpoint's secret itself"
        .into())
}

/// What was done, in a sentence.
pub fn words(did: Option<Did>) -> String {
    match did {
        None => "the webhook endpoint is made by hand: nothing was changed at Stripe",
        Some(Did::Created) => "a webhook endpoint was made at Stripe",
        Some(Did::Adopted) => "the webhook endpoint is there as it should be",
        Some(Did::Changed) => "the webhook endpoint was brought up to date",
        Some(Did::Enabled) => "the webhook endpoint is enabled again",
        Some(Did::Replaced) => "a new webhook endpoint has taken the place of the old one",
    }
    .to_owned()
}

/// Brings the endpoint to what is asked for; whoever calls holds `connecting`. The error is a sentence.
pub async fn bring(engine: &Engine, id: IntegrationId, ask: Ask) -> Result<Told, String> {
    let store = engine.store().ok_or("the store is still opening")?;
    let _documents = engine.inner.documents.lock().await;
    let config = engine.state().runtimes.get(&id).map(|runtime| runtime.config.clone());
    let config = config.ok_or("there is no such integration")?;
    if engine.read_only() && steps::writes(&config, store.install_id(), Delivery::Endpoint, &ask) {
        return Err(READ_ONLY.into());
    }
    let (base, key) = engine.key_of(&config).await?;
    let client =
        trial_until(&base, &key, engine.inner.cancel.child_token()).map_err(|error| error.to_string())?;
    let (now, sending, tokio) =
        (engine.inner.options.now.clone(), client.clone(), tokio::runtime::Handle::current());
    let brought = engine
        .with_vault(move |vault| {
            tokio.block_on(steps::bring(&store, vault, &sending, &config, ask, &now)).map(Box::new)
        })
        .await;
    count(engine, id, client.own_reads()).await;
    let (after, told) = *brought.map_err(|error: ConnectError| error.to_string())?;
    replace(engine, id, after);
    if told.did.is_some()
        && let Some(runtime) = engine.state().runtimes.get_mut(&id)
    {
        runtime.endpoint.others.clone_from(&told.others);
    }
    engine.relink(id);
    Ok(told)
}

/// Why nothing is written at Stripe.
pub const READ_ONLY: &str =
    "read-only: a webhook endpoint is made, changed or removed at Stripe by writing there; nothing was done";

fn replace(engine: &Engine, id: IntegrationId, after: Integration) {
    if let Some(runtime) = engine.state().runtimes.get_mut(&id) {
        runtime.config = Arc::new(after);
        // What was missed, was missed by the endpoint as it was.
        runtime.endpoint.missed_at = None;
    }
    engine.inner.changed.notify_one();
}

/// Removes what is ours at Stripe; whoever calls holds `connecting`. The error is a sentence.
pub async fn leave(engine: &Engine, id: IntegrationId) -> Result<Left, String> {
    let store = engine.store().ok_or("the store is still opening")?;
    let _documents = engine.inner.documents.lock().await;
    let config = engine.state().runtimes.get(&id).map(|runtime| runtime.config.clone());
    let config = config.ok_or("there is no such integration")?;
    if engine.read_only() && steps::writes(&config, store.install_id(), Delivery::Poll, &Ask::default()) {
        return Err(READ_ONLY.into());
    }
    let client = engine.key_of(&config).await.and_then(|(base, key)| {
        trial_until(&base, &key, engine.inner.cancel.child_token()).map_err(|error| error.to_string())
    });
    let (now, tokio) = (engine.inner.options.now.clone(), tokio::runtime::Handle::current());
    let sending = client.clone();
    let left = engine
        .with_vault(move |vault| {
            let client = sending.as_ref().map_err(Clone::clone);
            tokio.block_on(steps::leave(&store, vault, client, &config, &now)).map(Box::new)
        })
        .await;
    if let Ok(client) = &client {
        count(engine, id, client.own_reads()).await;
    }
    let (after, left) = *left.map_err(|error: ConnectError| error.to_string())?;
    replace(engine, id, after);
    engine.forget_client(id);
    Ok(left)
}

/// What became of a removal, for a person; none: there is nothing to say.
pub fn left_words(left: &Left, livemode: bool) -> Option<String> {
    match left {
        Left::Nothing => None,
        Left::Removed => Some("its webhook endpoint is removed at Stripe".into()),
        Left::Later(reason) => Some(format!(
            "its webhook endpoint is removed, and its key wiped, as soon as Stripe answers ({reason})"
        )),
        Left::ByPerson(reason) => Some(format!(
            "its webhook endpoint could not be removed at Stripe ({reason}): remove it there, {}",
            dashboard_link(livemode)
        )),
    }
}

/// Finishes a removal that Stripe did not answer, as soon as it does.
pub fn finish_later(engine: &Engine, config: &Integration) {
    let leaving = |config: &Integration| config.endpoint.as_ref().is_some_and(|note| note.leaving.is_some());
    if !leaving(config) || !engine.inner.options.live {
        return;
    }
    // Whoever asked for it has gone by then.
    let (engine, id, local) = (engine.own(), config.id, config.is_local());
    let task = engine.clone();
    engine.spawn(async move {
        let cancel = task.inner.cancel.clone();
        let mut wait = if local { AGAIN_LOCAL } else { AGAIN };
        loop {
            {
                let _turn = task.inner.connecting.lock().await;
                let config = task.state().runtimes.get(&id).map(|runtime| runtime.config.clone());
                // Connected again meanwhile, or finished by somebody else.
                let Some(config) = config.filter(|config| leaving(config)) else { return };
                match leave(&task, id).await {
                    Ok(Left::Later(_)) => {}
                    Ok(left) => {
                        let what = left_words(&left, config.livemode).unwrap_or_default();
                        task.message(Level::Info, Some(id), format!("{}: {what}", config.name));
                        publish::now(&task);
                        return;
                    }
                    Err(reason) => {
                        tracing::warn!(integration = id.0, reason, "an endpoint could not be removed");
                        if task.inner.options.read_only {
                            return;
                        }
                    }
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(if local { AGAIN_LOCAL * 8 } else { AGAIN_MOST });
        }
    });
}
