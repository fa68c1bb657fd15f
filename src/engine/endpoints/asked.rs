//! What is asked of an endpoint: bring it to what is wanted, look, take a new secret, remove it; and removals that are
//! finished later.
//!
//! It must never write at Stripe when only reading is allowed, never hold the documents' lock while Stripe is asked, and
//! never let what nobody waits for keep a person waiting for long.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::door::Finishing;
use super::watch::{Why, once};
use crate::engine::api::{Answer, Delivery, EndpointAction, IntegrationId, KeyTicket, Level};
use crate::engine::connecting::count;
use crate::engine::{Engine, publish, refused};
use crate::integration::Integration;
use crate::integration::connect::{ConnectError, trial_until};
use crate::integration::endpoint::dashboard_link;
use crate::integration::endpoint::keep::{Change, Keep};
use crate::integration::endpoint::remote::Did;
use crate::integration::endpoint::steps::{self, Ask, Left, NoKey, Told};
use crate::store::Store;
use crate::vault::secret::Secret;

/// The first wait before another try of a removal, and the longest.
const AGAIN: Duration = Duration::from_secs(30);
const AGAIN_MOST: Duration = Duration::from_secs(15 * 60);
const AGAIN_LOCAL: Duration = Duration::from_millis(500);
/// What nobody waits for holds `connecting` for so long at most: behind it every other account would wait.
const UNASKED: Duration = Duration::from_secs(10);

/// The engine's own document of an integration: in the store and in memory at once.
struct InEngine {
    engine: Engine,
    id: IntegrationId,
}

impl Keep for InEngine {
    async fn keep(&self, change: Change) -> Result<Integration, ConnectError> {
        Ok(self.engine.commit_integration(self.id, change).await?)
    }
}

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
        EndpointAction::Look => once(engine, id, Why::Asked).await.map(|()| None),
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
    let told = brought(engine, id, ask, None).await;
    if let Some(config) = config_of(engine, id) {
        finish_later(engine, &config);
    }
    told
}

/// `limit`: how long Stripe may take in all.
async fn brought(
    engine: &Engine,
    id: IntegrationId,
    ask: Ask,
    limit: Option<Duration>,
) -> Result<Told, String> {
    let (store, config) = at_hand(engine, id)?;
    if engine.read_only() && steps::writes(&config, store.install_id(), Delivery::Endpoint, &ask) {
        return Err(READ_ONLY.into());
    }
    let (base, key) = engine.key_of(&config).await?;
    let client = trial_until(&base, &key, ends(engine, limit)).map_err(|error| error.to_string())?;
    let (now, sending, tokio) =
        (engine.inner.options.now.clone(), client.clone(), tokio::runtime::Handle::current());
    let keep = InEngine { engine: engine.clone(), id };
    let brought = engine
        .with_vault(move |vault| {
            let install = store.install_id();
            tokio.block_on(steps::bring_by(&keep, install, vault, &sending, &config, ask, &now))
        })
        .await;
    count(engine, id, client.own_reads()).await;
    changed(engine, id);
    let (_, told) = brought.map_err(|error: ConnectError| error.to_string())?;
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

fn config_of(engine: &Engine, id: IntegrationId) -> Option<Arc<Integration>> {
    engine.state().runtimes.get(&id).map(|runtime| runtime.config.clone())
}

fn at_hand(engine: &Engine, id: IntegrationId) -> Result<(Store, Arc<Integration>), String> {
    let store = engine.store().ok_or("the store is still opening")?;
    Ok((store, config_of(engine, id).ok_or("there is no such integration")?))
}

/// Ends with the engine, and when the time is up.
fn ends(engine: &Engine, limit: Option<Duration>) -> CancellationToken {
    let token = engine.inner.cancel.child_token();
    if let Some(limit) = limit {
        let late = token.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = late.cancelled() => {}
                () = tokio::time::sleep(limit) => late.cancel(),
            }
        });
    }
    token
}

fn changed(engine: &Engine, id: IntegrationId) {
    if let Some(runtime) = engine.state().runtimes.get_mut(&id) {
        // What was missed, was missed by the endpoint as it was.
        runtime.endpoint.missed_at = None;
    }
    engine.inner.changed.notify_one();
}

/// Removes what is ours at Stripe; whoever calls holds `connecting`. What is not finished goes on by itself. The error
/// is a sentence.
pub async fn leave(engine: &Engine, id: IntegrationId) -> Result<Left, String> {
    let left = left(engine, id, None).await;
    if let Some(config) = config_of(engine, id) {
        finish_later(engine, &config);
    }
    left
}

/// `limit`: how long Stripe may take in all.
async fn left(engine: &Engine, id: IntegrationId, limit: Option<Duration>) -> Result<Left, String> {
    let (store, config) = at_hand(engine, id)?;
    if engine.read_only() && steps::writes(&config, store.install_id(), Delivery::Poll, &Ask::default()) {
        return Err(READ_ONLY.into());
    }
    let (now, tokio) = (engine.inner.options.now.clone(), tokio::runtime::Handle::current());
    let keep = InEngine { engine: engine.clone(), id };
    let (base, end) = (engine.base_of(&config), ends(engine, limit));
    let left = engine
        .with_vault(move |vault| {
            let client = steps::key_to_leave(vault, &config)
                .and_then(|key| trial_until(&base?, &key, end).map_err(|error| error.to_string().into()));
            let asked = client.as_ref().map_err(NoKey::clone);
            let left =
                tokio.block_on(steps::leave_by(&keep, store.install_id(), vault, asked, &config, &now));
            Ok::<_, ConnectError>((left?.1, client.map_or(0, |client| client.own_reads())))
        })
        .await;
    changed(engine, id);
    let (left, reads) = left.map_err(|error: ConnectError| error.to_string())?;
    count(engine, id, reads).await;
    engine.forget_client(id);
    Ok(left)
}

/// What became of a removal, for a person; none: there is nothing to say.
pub fn left_words(left: &Left, livemode: bool) -> Option<String> {
    match left {
        Left::Nothing => None,
        Left::Removed => Some("its webhook endpoint is removed at Stripe".into()),
        Left::Later(reason) => Some(format!(
            "its webhook endpoint is removed, and its key wiped, as soon as Stripe answers and the vault allows it ({reason})"
        )),
        Left::ByPerson(reason) => Some(format!(
            "its webhook endpoint could not be removed at Stripe ({reason}): remove it there, {}",
            dashboard_link(livemode)
        )),
    }
}

/// What is still to be done at Stripe, or in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    /// Its removal.
    Removal,
    /// It was being made or changed when the process was killed, or Stripe did not answer.
    Making,
}

fn unfinished(config: &Integration) -> Option<Unfinished> {
    let note = config.endpoint.as_ref()?;
    let wanted = config.off_since.is_none() && config.delivery == Delivery::Endpoint;
    match note {
        _ if note.leaving.is_some() => Some(Unfinished::Removal),
        _ if note.making.is_some() && wanted && config.refused.is_none() => Some(Unfinished::Making),
        _ => None,
    }
}

/// Finishes what Stripe did not answer, or a kill cut off, as soon as it can be: one task at a time for an integration.
pub fn finish_later(engine: &Engine, config: &Integration) {
    if unfinished(config).is_none() || !engine.inner.options.live || engine.inner.options.read_only {
        return;
    }
    // Whoever asked for it has gone by then.
    let (engine, id, local) = (engine.own(), config.id, config.is_local());
    let Some(only) = engine.inner.doors.begin_finishing(id) else { return };
    let task = engine.clone();
    engine.spawn(async move {
        let mut only = Some(only);
        let cancel = task.inner.cancel.clone();
        let mut wait = if local { AGAIN_LOCAL } else { AGAIN };
        loop {
            // It ends with the engine: its client does.
            finish(&task, id, &mut only).await;
            if only.is_none() {
                return;
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(if local { AGAIN_LOCAL * 8 } else { AGAIN_MOST });
        }
    });
}

/// One try; it takes `only` when there is nothing more to do.
async fn finish(engine: &Engine, id: IntegrationId, only: &mut Option<Finishing>) {
    let _turn = engine.inner.connecting.lock().await;
    // Connected again meanwhile, or finished by somebody else.
    let Some(config) = config_of(engine, id) else { return *only = None };
    let said = match unfinished(&config) {
        None => return *only = None,
        Some(Unfinished::Removal) => left(engine, id, Some(UNASKED)).await.map(|left| match left {
            Left::Later(_) => None,
            left => Some((Level::Info, left_words(&left, config.livemode))),
        }),
        Some(Unfinished::Making) => brought(engine, id, Ask::default(), Some(UNASKED)).await.map(|told| {
            let going_on = config_of(engine, id).is_some_and(|config| unfinished(&config).is_some());
            match told.trouble {
                // Nothing changes by itself what Stripe has refused.
                Some(reason) if !told.later => Some((Level::Warning, Some(reason))),
                Some(_) => None,
                None => (!going_on).then(|| (Level::Info, Some(words(told.did)))),
            }
        }),
    };
    match said {
        Ok(None) => {}
        Ok(Some((level, what))) => {
            if let Some(what) = what {
                engine.message(level, Some(id), what);
            }
            publish::now(engine);
            *only = None;
        }
        Err(reason) => {
            tracing::warn!(integration = id.0, reason, "an endpoint could not be made or removed");
        }
    }
}
