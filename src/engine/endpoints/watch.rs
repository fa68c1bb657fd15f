//! One integration with a webhook endpoint: its door, what comes in by it, and how the endpoint is at Stripe.
//!
//! It must never keep a door open when it ends, nor ask Stripe more often than a person would call seldom.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::door::Door;
use crate::engine::api::{EndpointState, IntegrationId, Level, Pace};
use crate::engine::connecting::count;
use crate::engine::{Engine, poller};
use crate::events::intake::{self, Intake, Shared, Told};
use crate::events::poll::Cursor;
use crate::integration::Integration;
use crate::integration::endpoint::remote::others;
use crate::integration::endpoint::secrets::Unread;
use crate::integration::endpoint::steps::{look, own};
use crate::integration::endpoint::{EndpointNote, Seen, Status, secrets};
use crate::vault::secret::Secret;

/// Deliveries that wait to be stored; behind them senders wait.
const POSTS: usize = 1024;
/// Words of groups that wait to be heard.
const WORDS: usize = 64;
/// How often Stripe is asked how the endpoint is when nothing gives a reason to.
const LOOK_EVERY: Duration = Duration::from_secs(6 * 3600);
/// On this machine a look costs nothing.
const LOOK_LOCAL: Duration = Duration::from_secs(5);
/// Two looks are at least so far apart.
const LOOK_APART: Duration = Duration::from_secs(60);
const LOOK_APART_LOCAL: Duration = Duration::from_millis(200);
/// Secrets that could not be read are tried again after so long.
const READ_AGAIN: Duration = Duration::from_secs(60);
const READ_AGAIN_LOCAL: Duration = Duration::from_millis(500);

/// The door goes with whoever opened it, however that ends.
struct Open<'a> {
    engine: &'a Engine,
    id: IntegrationId,
    token: String,
    door: Arc<Door>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.engine.inner.doors.close(&self.token, &self.door);
        if let Some(runtime) = self.engine.state().runtimes.get_mut(&self.id)
            && runtime.endpoint.door.as_ref().is_some_and(|door| Arc::ptr_eq(door, &self.door))
        {
            runtime.endpoint.door = None;
        }
        self.engine.inner.changed.notify_one();
    }
}

/// Takes deliveries of one integration until cancelled.
pub async fn watch(engine: &Engine, id: IntegrationId, config: &Arc<Integration>, cancel: CancellationToken) {
    let Some(store) = engine.store() else { return };
    let install = store.install_id().to_owned();
    let listening = engine.inner.doors.listening();
    let shared = {
        let mut state = engine.state();
        let Some(runtime) = state.runtimes.get_mut(&id) else { return };
        runtime.endpoint.listening = listening;
        runtime.endpoint.trouble = None;
        runtime.shared.clone()
    };
    restore(&shared, engine, id);
    let mut looking = std::pin::pin!(looks(engine, id, &cancel));
    let note = own(config, &install).filter(|note| !note.secrets.is_empty() && note.leaving.is_none());
    let Some(note) = note else { return looking.await };
    let secrets = tokio::select! {
        secrets = readable(engine, id, note, config.is_local()) => secrets,
        () = &mut looking => return,
    };
    if secrets.is_empty() {
        return looking.await;
    }
    // The newest event is known before anything is live: what is delivered is never the beginning.
    let cursor: Cursor = store.meta(&Cursor::name(id)).ok().flatten().unwrap_or_default();
    let begins = cursor.complete_to.is_none();
    if begins {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = poller::once(engine, id) => {}
        }
    }
    let (posts, parcels) = mpsc::channel(POSTS);
    let (telling, words) = mpsc::channel(WORDS);
    let now = engine.inner.options.now.clone();
    let tally = engine.state().runtimes.get(&id).map(|one| one.endpoint.tally.clone()).unwrap_or_default();
    let door = Arc::new(Door::new(secrets, posts, tally, now.clone()));
    engine.inner.doors.open(&note.token, door.clone());
    if let Some(runtime) = engine.state().runtimes.get_mut(&id) {
        runtime.endpoint.door = Some(door.clone());
        runtime.endpoint.opened_at = now();
    }
    let open = Open { engine, id, token: note.token.clone(), door };
    engine.inner.changed.notify_one();
    engine.reschedule(id);
    // What happened while nothing listened is in Stripe's list.
    if !begins {
        engine.poke(id);
    }
    let intake = Intake { store, integration: config.clone(), shared, now };
    let closing = async {
        cancel.cancelled().await;
        drop(open);
    };
    tokio::join!(intake::run(intake, parcels, telling), hear(engine, id, words), looking, closing);
}

/// The secrets that are taken, as soon as they can be read: a keyring may be locked when the machine starts. What hinders
/// is said once.
async fn readable(
    engine: &Engine,
    id: IntegrationId,
    note: &EndpointNote,
    local: bool,
) -> Vec<(Secret, Option<i64>)> {
    let mut said = None;
    loop {
        let (asked, now) = (note.clone(), engine.now());
        // A keyring may take its time.
        let unread = match engine.with_vault(move |vault| secrets::read(vault, &asked, now)).await {
            Ok(secrets) => {
                trouble(engine, id, None);
                return secrets;
            }
            Err(unread) => unread,
        };
        trouble(engine, id, Some(unread.clone()));
        if said.as_ref() != Some(&unread) {
            engine.message(Level::Warning, Some(id), format!("{unread}; it is tried again every minute"));
            said = Some(unread);
        }
        tokio::time::sleep(if local { READ_AGAIN_LOCAL } else { READ_AGAIN }).await;
    }
}

/// Why no door can be opened, for front-ends.
fn trouble(engine: &Engine, id: IntegrationId, why: Option<Unread>) {
    if let Some(runtime) = engine.state().runtimes.get_mut(&id) {
        runtime.endpoint.trouble = why;
    }
    engine.inner.changed.notify_one();
}

/// What is kept of the last delivery.
fn restore(shared: &Shared, engine: &Engine, id: IntegrationId) {
    let alive = shared.live().alive_at;
    let mut state = engine.state();
    if let Some(runtime) = state.runtimes.get_mut(&id) {
        // A sign of life from before the endpoint was made was another's.
        let made = runtime.config.endpoint.as_ref().and_then(|note| note.seen.as_ref());
        let since = made.map_or(i64::MAX, |seen| seen.created.max(1));
        if alive >= since {
            runtime.endpoint.last_at.get_or_insert(alive);
        }
    }
}

/// Hears of what was stored.
async fn hear(engine: &Engine, id: IntegrationId, mut words: mpsc::Receiver<Told>) {
    let (mut said, mut failing) = (Vec::new(), false);
    while let Some(told) = words.recv().await {
        let now = engine.now();
        let first = {
            let mut state = engine.state();
            if told.new > 0 {
                state.events_version += 1;
            }
            let Some(runtime) = state.runtimes.get_mut(&id) else { continue };
            if told.new > 0 {
                runtime.count_events(told.new, now);
            }
            let before = runtime.endpoint.works(&runtime.config);
            if told.failed.is_none() {
                runtime.endpoint.last_at = Some(now);
                runtime.endpoint.missed_at = None;
            }
            !before && runtime.endpoint.works(&runtime.config)
        };
        if first {
            // Polls are slower beside an endpoint that works.
            engine.reschedule(id);
        }
        for why in told.odd {
            if !said.contains(&why) {
                said.push(why);
                let text = format!(
                    "something was delivered that is none of ours ({why}); it was counted and left out"
                );
                engine.message(Level::Warning, Some(id), text);
            }
        }
        match told.failed {
            Some(error) if !std::mem::replace(&mut failing, true) => {
                engine.message(Level::Error, Some(id), format!("deliveries cannot be stored: {error}"));
            }
            Some(_) => {}
            None => failing = false,
        }
        engine.inner.changed.notify_one();
    }
}

/// Asks Stripe now and then how the endpoint is, and soon when there is a reason to.
async fn looks(engine: &Engine, id: IntegrationId, cancel: &CancellationToken) {
    let (notify, local) = {
        let state = engine.state();
        let Some(runtime) = state.runtimes.get(&id) else { return };
        (runtime.endpoint.look.clone(), runtime.config.is_local())
    };
    let (every, apart) = if local { (LOOK_LOCAL, LOOK_APART_LOCAL) } else { (LOOK_EVERY, LOOK_APART) };
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            result = once(engine, id, why(engine, id)) => if let Err(error) = result {
                tracing::debug!(integration = id.0, error, "the webhook endpoint was not looked at");
            },
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(apart) => {}
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = notify.notified() => {}
            () = tokio::time::sleep(every.saturating_sub(apart)) => {}
        }
    }
}

/// Why Stripe is asked how the endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is time.
    Routine,
    /// Something was not delivered: how many there are is worth a read.
    Missed,
    /// A person asks, who is told of the endpoints of others, too.
    Asked,
}

fn why(engine: &Engine, id: IntegrationId) -> Why {
    let missed = engine.state().runtimes.get(&id).is_some_and(|runtime| runtime.endpoint.missed_at.is_some());
    if missed { Why::Missed } else { Why::Routine }
}

/// Looks once and keeps what Stripe says. The error is a sentence.
pub async fn once(engine: &Engine, id: IntegrationId, why: Why) -> Result<(), String> {
    let (config, stop) = {
        let state = engine.state();
        let runtime = state.runtimes.get(&id).ok_or("there is no such integration")?;
        (runtime.config.clone(), runtime.poll.stop.clone())
    };
    let install = engine.store().ok_or("the store is still opening")?.install_id().to_owned();
    let note =
        own(&config, &install).filter(|note| note.leaving.is_none() && (note.by_hand || note.id.is_some()));
    let Some(note) = note.filter(|_| config.off_since.is_none() && config.refused.is_none()) else {
        return Ok(());
    };
    let client = engine.client(id).await?.with_pace(Pace::Auto, stop);
    let looked = look(&client, note, why != Why::Routine, engine.now()).await;
    let others = match &looked {
        Ok(_) if why == Why::Asked => others(&client, &install).await.ok(),
        _ => None,
    };
    count(engine, id, client.own_reads()).await;
    let (found, seen) = looked.map_err(|error| error.to_string())?;
    if let Some(others) = others
        && let Some(runtime) = engine.state().runtimes.get_mut(&id)
    {
        runtime.endpoint.others = others;
    }
    if note.by_hand && note.id.is_none() && found.is_none() {
        return Ok(());
    }
    let was = note.seen.as_ref().map(|seen| seen.status);
    let strayed = note.seen.as_ref().is_some_and(|before| before.url != seen.url);
    let same = |before: &Seen| Seen { at: 0, ..before.clone() } == Seen { at: 0, ..seen.clone() };
    let news = !note.seen.as_ref().is_some_and(same) || found.is_some() && found != note.id;
    let fresh = note.seen.as_ref().is_some_and(|before| seen.at - before.at < LOOK_EVERY.as_secs() as i64);
    let status = seen.status;
    let healed = note.by_hand && note.trouble.is_some();
    // Whoever asked is shown that it was looked at.
    if news || !fresh || healed || why == Why::Asked {
        let mut learnt = false;
        engine
            .change_integration(id, |config| {
                learnt = config.endpoint.as_mut().is_some_and(|now| now.learn(note, found, seen));
            })
            .await;
        if !learnt {
            return Ok(());
        }
    }
    if was != Some(status) || strayed {
        engine.reschedule(id);
        if status != Status::Enabled {
            tell(engine, id);
        } else if was.is_some() {
            // What happened while it was off is only in Stripe's list.
            engine.poke(id);
        }
    }
    Ok(())
}

fn tell(engine: &Engine, id: IntegrationId) {
    let said = {
        let state = engine.state();
        let Some(runtime) = state.runtimes.get(&id) else { return };
        let Some(store) = &state.store else { return };
        let view = super::view(store, runtime);
        view.filter(|view| matches!(view.state, EndpointState::Disabled { .. } | EndpointState::Gone { .. }))
            .and_then(|view| view.problem(id.0))
            .map(|problem| format!("{problem}; events are polled meanwhile"))
    };
    if let Some(text) = said {
        engine.message(Level::Error, Some(id), text);
    }
}
