//! Checks of keys: of one on offer, and again of a connected one. Each step shows in the snapshots.
//!
//! It must never read a network that is away as a permission that is missing.

use tokio_util::sync::CancellationToken;

use super::offers::{Found, account, begun, no_key, permission, state};
use super::{not_held, profiles};
use crate::engine::api::{Answer, IntegrationId, KeyCheckState, KeyCheckView, KeyTicket, PermissionState};
use crate::engine::{Engine, publish, refused};
use crate::integration::check::{KeyCheck, Step, check_and_tell};
use crate::integration::config::Refused;
use crate::integration::connect::trial_until;
use crate::integration::probes;
use crate::store::{Batch, Durability};
use crate::stripe::{ApiKey, BaseUrl, Error, KeyProblem};

/// Begins to try a key that is on offer.
pub fn try_key(engine: &Engine, ticket: KeyTicket, billing: bool) -> Answer {
    let base = match engine.offered_base(ticket) {
        Ok(base) => base,
        Err(reason) => return refused(reason),
    };
    let begun = begin(engine, ticket, billing);
    publish::now(engine);
    match begun {
        Begun::NotHeld => return not_held(),
        // Told in its view.
        Begun::NoKey(_) => {}
        Begun::Key { key, stop, ended } => {
            let task = engine.clone();
            engine.spawn(async move {
                let _ended = ended.drop_guard();
                let _ = run(&task, ticket, &base, &key, billing, stop).await;
            });
        }
    }
    Answer::Done
}

/// What there is to try.
enum Begun {
    NotHeld,
    NoKey(KeyProblem),
    Key { key: ApiKey, stop: CancellationToken, ended: CancellationToken },
}

/// Puts the empty matrix up.
fn begin(engine: &Engine, ticket: KeyTicket, billing: bool) -> Begun {
    let mut state = engine.state();
    let Some(offer) = state.offers.get(ticket) else { return Begun::NotHeld };
    let key = match &offer.key {
        Some(Ok(key)) => key.clone(),
        Some(Err(problem)) => {
            offer.view = Some(no_key(ticket, *problem, billing));
            return Begun::NoKey(*problem);
        }
        None => return Begun::NotHeld,
    };
    // One check at a time: a second one begins anew.
    offer.stop.cancel();
    offer.stop = engine.inner.cancel.child_token();
    offer.ended = CancellationToken::new();
    offer.view = Some(begun(ticket, &key, offer.origin.as_ref(), billing));
    Begun::Key { key, stop: offer.stop.clone(), ended: offer.ended.clone() }
}

/// Tries the key and keeps what was found with its offer.
async fn run(
    engine: &Engine,
    ticket: KeyTicket,
    base: &BaseUrl,
    key: &ApiKey,
    billing: bool,
    stop: CancellationToken,
) -> Result<KeyCheck, Error> {
    let client = trial_until(base, key, stop.clone())?;
    let result = check_and_tell(&client, key, billing, &|step| tell(engine, ticket, &stop, &step)).await;
    let mut state = engine.state();
    if !stop.is_cancelled() {
        let connected_as = result.as_ref().ok().and_then(|found| {
            state.runtimes.values().map(|runtime| &runtime.config).find_map(|one| {
                let same = one.account == found.account.id && one.livemode == found.livemode;
                (same && one.off_since.is_none()).then_some(one.id)
            })
        });
        if let Some(offer) = state.offers.get(ticket) {
            offer.reads += client.own_reads();
            if let Some(view) = &mut offer.view {
                view.connected_as = connected_as;
                conclude(view, result.as_ref().err());
            }
            offer.found = result.as_ref().ok().map(|found| Found {
                check: found.clone(),
                billing,
                base: base.to_string(),
            });
        }
    }
    drop(state);
    engine.inner.changed.notify_one();
    result
}

/// Shows a step.
fn tell(engine: &Engine, ticket: KeyTicket, stop: &CancellationToken, news: &Step<'_>) {
    if stop.is_cancelled() {
        return;
    }
    let mut all = engine.state();
    let Some(view) = all.offers.get(ticket).and_then(|offer| offer.view.as_mut()) else { return };
    match news {
        Step::Account(one) => view.account = Some(account(one)),
        Step::Trying(at) => {
            if let Some(row) = view.permissions.get_mut(*at) {
                row.state = PermissionState::Trying;
            }
        }
        Step::Tried(at, checked) => {
            if let Some(row) = view.permissions.get_mut(*at) {
                row.state = state(checked);
            }
        }
    }
    drop(all);
    engine.inner.changed.notify_one();
}

fn conclude(view: &mut KeyCheckView, error: Option<&Error>) {
    let Some(error) = error else {
        view.state = KeyCheckState::Done;
        return;
    };
    view.state = KeyCheckState::Refused { reason: error.to_string() };
    for row in &mut view.permissions {
        if row.state == PermissionState::Trying {
            row.state = PermissionState::Waiting;
        }
    }
}

/// A key that was tried where and for what it is needed. One that was not (or was tried elsewhere, or without
/// billing's rows) is tried now.
pub async fn tried(
    engine: &Engine,
    ticket: KeyTicket,
    billing: bool,
    base: &BaseUrl,
) -> Result<(ApiKey, KeyCheck), Answer> {
    let ended = {
        let mut state = engine.state();
        let offer = state.offers.get(ticket).ok_or_else(not_held)?;
        offer.view.as_ref().filter(|view| view.state == KeyCheckState::Checking).map(|_| offer.ended.clone())
    };
    if let Some(ended) = ended {
        ended.cancelled().await;
    }
    {
        let mut state = engine.state();
        let offer = state.offers.get(ticket).ok_or_else(not_held)?;
        if let (Some(Ok(key)), Some(found)) = (&offer.key, &offer.found)
            && found.base == base.to_string()
            && (found.billing || !billing)
        {
            return Ok((key.clone(), found.check.clone()));
        }
    }
    match begin(engine, ticket, billing) {
        Begun::NotHeld => Err(not_held()),
        Begun::NoKey(problem) => {
            publish::now(engine);
            Err(refused(problem.to_string()))
        }
        Begun::Key { key, stop, ended } => {
            let _ended = ended.drop_guard();
            match run(engine, ticket, base, &key, billing, stop).await {
                Ok(found) => Ok((key, found)),
                Err(error) => Err(refused(error.to_string())),
            }
        }
    }
}

/// Begins to try the key of a connected integration again.
pub fn check_again(engine: &Engine, id: IntegrationId) -> Answer {
    let ticket = {
        let mut state = engine.state();
        let Some(runtime) = state.runtimes.get(&id) else { return refused("there is no such integration") };
        let config = runtime.config.clone();
        let Some(note) = config.key.clone().filter(|_| config.off_since.is_none()) else {
            return refused(format!("{} is disconnected: connect it again first", config.name));
        };
        state.offers.remove_checks_of(id);
        let ticket = state.offers.add(None, None);
        if let Some(offer) = state.offers.get(ticket) {
            offer.stop = engine.inner.cancel.child_token();
            offer.view = Some(KeyCheckView {
                ticket,
                integration: Some(id),
                masked: note.masked,
                kind: note.kind,
                livemode: config.livemode,
                state: KeyCheckState::Checking,
                account: None,
                permissions: probes::rows(config.billing)
                    .map(|probe| {
                        let state =
                            if probe.writes { PermissionState::NotTried } else { PermissionState::Waiting };
                        permission(&probe.row(), state)
                    })
                    .collect(),
                form_url: crate::integration::check::form_link(
                    config.livemode,
                    &crate::integration::check::wanted_permissions(config.billing),
                ),
                connected_as: Some(id),
                expires: note.origin.and_then(|origin| origin.expires),
            });
        }
        ticket
    };
    publish::now(engine);
    let task = engine.clone();
    engine.spawn(async move { again(&task, id, ticket).await });
    Answer::Done
}

async fn again(engine: &Engine, id: IntegrationId, ticket: KeyTicket) {
    let refuse = |reason: String| {
        if let Some(view) = engine.state().offers.get(ticket).and_then(|offer| offer.view.as_mut()) {
            view.state = KeyCheckState::Refused { reason };
        }
        engine.inner.changed.notify_one();
    };
    let mut second = false;
    loop {
        let Some((config, stop)) = ({
            let mut state = engine.state();
            let stop = state.offers.get(ticket).map(|offer| offer.stop.clone());
            state.runtimes.get(&id).map(|runtime| runtime.config.clone()).zip(stop)
        }) else {
            return;
        };
        let (base, key) = match engine.key_of(&config).await {
            Ok(found) => found,
            Err(reason) => return refuse(reason),
        };
        let client = match trial_until(&base, &key, stop.clone()) {
            Ok(client) => client,
            Err(error) => return refuse(error.to_string()),
        };
        let result =
            check_and_tell(&client, &key, config.billing, &|step| tell(engine, ticket, &stop, &step)).await;
        count(engine, id, client.own_reads()).await;
        let error = match result {
            Ok(found) => {
                engine.note_answer(id);
                let now = engine.now();
                engine
                    .change_integration(id, |config| {
                        config.permissions = found.matrix;
                        config.checked_at = now;
                        config.refused = None;
                    })
                    .await;
                // A key that was refused had no schedule.
                if config.refused.is_some() {
                    engine.poke(id);
                }
                None
            }
            Err(Error::Cancelled) => return,
            Err(error) => Some(error),
        };
        if let Some(error) = error.as_ref().filter(|error| error.is_key_refused()) {
            if !second && profiles::read_again(engine, &config).await {
                second = true;
                continue;
            }
            let refused = Refused { since: engine.now(), reason: error.to_string() };
            engine
                .change_integration(id, |config| {
                    config.refused.get_or_insert(refused);
                })
                .await;
        } else if let Some(error) = &error {
            engine.note_error(&config, error).await;
        }
        if let Some(view) = engine.state().offers.get(ticket).and_then(|offer| offer.view.as_mut()) {
            conclude(view, error.as_ref());
        }
        engine.inner.changed.notify_one();
        return;
    }
}

/// Counts reads against the account's allocation.
pub async fn count(engine: &Engine, id: IntegrationId, reads: u64) {
    let Some(store) = engine.store() else { return };
    let now = engine.now();
    let mut batch = Batch::new();
    batch.reads(id, now / 86_400, reads);
    if let Err(error) = store.commit(batch, Durability::Applied, now).await {
        tracing::warn!(%error, "reads were not counted");
    }
}
