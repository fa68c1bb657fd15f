//! Keys of the Stripe CLI's profiles: listed, taken, and looked up again when Stripe refuses the one we have.
//!
//! It must never write to the CLI's files, never take a key of another account, and never take a live secret key in the
//! place of one that can do less without being asked to.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{offer, trying};
use crate::engine::api::{Answer, Level};
use crate::engine::{Engine, refused};
use crate::integration::check::check;
use crate::integration::connect::{keep_key, kind_of, same_account, trial_until};
use crate::integration::{Integration, stripe_cli};
use crate::stripe::{ApiKey, KeyKind};

/// The profiles on this machine.
pub async fn list(engine: &Engine) -> Answer {
    let files = engine.inner.options.stripe_cli.clone();
    match tokio::task::spawn_blocking(move || stripe_cli::profiles(&files)).await {
        Ok(Ok(profiles)) => Answer::CliProfiles(profiles),
        Ok(Err(reason)) => refused(reason),
        Err(_) => refused("the Stripe CLI's profiles could not be read"),
    }
}

/// Takes a profile's key as if it had been pasted.
pub async fn take(engine: &Engine, profile: String, livemode: bool) -> Answer {
    let files = engine.inner.options.stripe_cli.clone();
    match tokio::task::spawn_blocking(move || stripe_cli::key(&files, &profile, livemode)).await {
        Ok(Ok((key, origin))) => offer(engine, &key, Some(origin)),
        Ok(Err(reason)) => refused(reason),
        Err(_) => refused("the Stripe CLI's profile could not be read"),
    }
}

/// After Stripe refused the key that `used` names: true if another key of the same account is in use now. It was given
/// meanwhile, or it is in the profile of the Stripe CLI that the refused one was taken from, which is read again.
/// Boxed: a poll that fails comes by here, and this asks for a poll.
pub fn read_again<'a>(engine: &'a Engine, used: &'a Integration) -> BoxFuture<'a, bool> {
    read(engine, used).boxed()
}

async fn read(engine: &Engine, used: &Integration) -> bool {
    let id = used.id;
    // A poll and a job can be refused at once: one looks, the other finds it done.
    let _one = engine.inner.rereading.lock().await;
    let Some(config) = engine.state().runtimes.get(&id).map(|runtime| runtime.config.clone()) else {
        return false;
    };
    let fingerprint = |config: &Integration| config.key.as_ref().map(|key| key.fingerprint.clone());
    if config.key.is_some() && fingerprint(&config) != fingerprint(used) {
        return config.refused.is_none();
    }
    // Somebody is just changing what is connected: that comes first.
    let Ok(_turn) = engine.inner.connecting.try_lock() else { return false };
    let Some(before) = config.key.clone().filter(|_| config.off_since.is_none()) else { return false };
    let Some(origin) = before.origin.clone() else { return false };
    let read = tokio::task::spawn_blocking(move || stripe_cli::again(&origin)).await;
    let Ok(Ok((secret, origin))) = read else { return false };
    let Ok(key) = ApiKey::parse(secret.expose()) else { return false };
    if key.fingerprint() == before.fingerprint {
        return false;
    }
    if key.livemode && key.kind == KeyKind::Secret && before.kind != kind_of(&key) {
        // Whoever takes such a key types the account's name: nobody is asked here.
        let text = format!(
            "Stripe refused the key of {}; the Stripe CLI's profile has a secret key that can move money, which is not taken unasked: give a new key",
            config.name
        );
        engine.message(Level::Warning, Some(id), text);
        return false;
    }
    let Ok(base) = engine.base_of(&config) else { return false };
    let Ok(client) = trial_until(&base, &key, engine.inner.cancel.child_token()) else { return false };
    let found = check(&client, &key, config.billing).await;
    trying::count(engine, id, client.own_reads()).await;
    let Ok(found) = found else { return false };
    if same_account(&config, &found).is_err() {
        return false;
    }
    let kept = engine.with_vault(move |vault| keep_key(vault, id, &key, None, Some(origin))).await;
    let Ok(note) = kept else { return false };
    let now = engine.now();
    engine
        .change_integration(id, |config| {
            config.key = Some(note);
            config.permissions = found.matrix;
            config.checked_at = now;
            config.refused = None;
        })
        .await;
    engine.forget_client(id);
    let text = format!(
        "Stripe refused the key of {}; the Stripe CLI's profile had a newer one, which is used now",
        config.name
    );
    engine.message(Level::Info, Some(id), text);
    engine.poke(id);
    true
}
