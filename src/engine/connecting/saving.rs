//! Connect, a new key, and edit: what was tried is saved, the vault first and the document second.
//!
//! It must never save a key of another account in an integration's place, and never lose the old key before the
//! new one is known to work.

use super::{trying, trying::tried};
use crate::engine::api::{Answer, ConnectSpec, Delivery, Edit, IntegrationId, KeyTicket, Level};
use crate::engine::runtime::Runtime;
use crate::engine::{Engine, endpoints, poller, publish, refused};
use crate::integration::Integration;
use crate::integration::check::{KeyCheck, check};
use crate::integration::connect::{
    Wish, keep_key, lost, name_is_free, poll_every, same_account, save, trial_until, wipe_left_over,
};
use crate::integration::endpoint::public_url;
use crate::integration::endpoint::steps::{Ask, Told, writes};
use crate::stripe::{ApiKey, BaseUrl, KeyKind};

/// What a delivery needs before anything is saved: leave to write at Stripe, and an endpoint its address.
fn has_delivery(
    engine: &Engine,
    delivery: Delivery,
    by_hand: bool,
    url: Option<&str>,
    livemode: bool,
    base: &BaseUrl,
) -> Result<(), Answer> {
    match delivery {
        Delivery::Poll => return Ok(()),
        Delivery::Relay => return engine.may_begin_relay(),
        Delivery::Endpoint => {}
    }
    if engine.read_only() && !by_hand {
        return Err(refused(
            "read-only: making a webhook endpoint would write at Stripe; choose polling, or make it by hand",
        ));
    }
    let Some(url) = url.filter(|url| !url.trim().is_empty()) else {
        return Err(refused(
            "a webhook endpoint needs a public URL: the https address under which Stripe reaches the receiver",
        ));
    };
    public_url(url, livemode, base.is_loopback()).map(|_| ()).map_err(refused)
}

/// A key that can move money is only taken from somebody who knows which account it is.
fn confirm(key: &ApiKey, found: &KeyCheck, typed: Option<&str>) -> Result<(), Answer> {
    if key.kind != KeyKind::Secret || !key.livemode {
        return Ok(());
    }
    let name = &found.account.name;
    match typed.map(str::trim) {
        Some(typed) if typed == name.trim() => Ok(()),
        Some(_) => Err(refused(format!("that is not the account's name ({name}); nothing was saved"))),
        None => Err(refused(format!(
            "this key can move money and tillwatch only needs to read: make a restricted key, or type the account's name ({name}) to use it all the same"
        ))),
    }
}

fn text(error: impl std::fmt::Display) -> Answer {
    refused(error.to_string())
}

/// Connects.
pub async fn connect(engine: &Engine, ticket: KeyTicket, spec: ConnectSpec) -> Answer {
    match connected(engine, ticket, spec).await {
        Ok(answer) | Err(answer) => answer,
    }
}

async fn connected(engine: &Engine, ticket: KeyTicket, spec: ConnectSpec) -> Result<Answer, Answer> {
    let _turn = engine.inner.connecting.lock().await;
    let store = engine.store().ok_or_else(|| refused("the store is still opening"))?;
    let base = engine.offered_base(ticket).map_err(refused)?;
    let poll_every_s = poll_every(spec.poll_every_s, &base).map_err(refused)?;
    let (key, found) = tried(engine, ticket, spec.billing, &base).await?;
    has_delivery(engine, spec.delivery, spec.by_hand, spec.public_url.as_deref(), key.livemode, &base)?;
    let there = engine.configs().into_iter().find(|one| {
        one.off_since.is_none() && one.account == found.account.id && one.livemode == found.livemode
    });
    if let Some(there) = there {
        return Err(refused(format!(
            "{} ({}, {}) is connected already: give that one a new key instead",
            there.name,
            there.account,
            there.mode()
        )));
    }
    let earlier = engine
        .configs()
        .into_iter()
        .find(|one| one.account == found.account.id && one.livemode == found.livemode);
    if let Some(earlier) = &earlier {
        may_write(engine, earlier, spec.delivery, spec.by_hand)?;
    }
    confirm(&key, &found, spec.confirmed.as_deref())?;
    let (origin, reads) = {
        let mut state = engine.state();
        state.offers.get(ticket).map(|offer| (offer.origin.clone(), offer.reads)).unwrap_or_default()
    };
    let wish = Wish {
        name: spec.name.filter(|name| !name.trim().is_empty()),
        description: spec.description.filter(|text| !text.trim().is_empty()),
        billing: spec.billing,
        poll_every_s,
        delivery: spec.delivery,
        all_events: false,
        base,
        key,
        key_command: None,
        origin,
    };
    let (writing, now) = (store.clone(), engine.inner.options.now.clone());
    let runtime = tokio::runtime::Handle::current();
    let integration = engine
        .with_vault(move |vault| {
            let saved = runtime.block_on(save(&writing, vault, wish, found, &now))?;
            let at = now();
            // Jobs and cursors of an account that comes back are there already.
            let loaded = Runtime::load(&writing, saved, at)?;
            Ok::<_, crate::integration::connect::ConnectError>(loaded)
        })
        .await
        .map_err(text)?;
    let id = integration.config.id;
    trying::count(engine, id, reads).await;
    {
        let mut state = engine.state();
        if let Some(earlier) = state.runtimes.insert(id, engine.adopt(integration)) {
            earlier.poll.stop.cancel();
        }
        state.offers.remove(ticket);
    }
    endpoint(engine, id, spec.public_url, Some(spec.by_hand)).await;
    if engine.inner.options.live {
        poller::start(engine, id);
    }
    // Whoever is answered must find it in the snapshot.
    publish::now(engine);
    Ok(Answer::Connected { integration: id })
}

/// Puts a new key in the place of an old one.
pub async fn new_key(
    engine: &Engine,
    id: IntegrationId,
    ticket: KeyTicket,
    confirmed: Option<String>,
) -> Answer {
    match replaced(engine, id, ticket, confirmed).await {
        Ok(()) => Answer::Done,
        Err(answer) => answer,
    }
}

async fn replaced(
    engine: &Engine,
    id: IntegrationId,
    ticket: KeyTicket,
    confirmed: Option<String>,
) -> Result<(), Answer> {
    let _turn = engine.inner.connecting.lock().await;
    let before = active(engine, id)?;
    let base = engine.base_of(&before).map_err(refused)?;
    let (key, found) = tried(engine, ticket, before.billing, &base).await?;
    same_account(&before, &found).map_err(text)?;
    confirm(&key, &found, confirmed.as_deref())?;
    let (origin, reads) = {
        let mut state = engine.state();
        state.offers.get(ticket).map(|offer| (offer.origin.clone(), offer.reads)).unwrap_or_default()
    };
    let note = engine.with_vault(move |vault| keep_key(vault, id, &key, None, origin)).await.map_err(text)?;
    let now = engine.now();
    let after = engine
        .commit_integration(id, |config| {
            config.key = Some(note);
            config.permissions = found.matrix;
            config.checked_at = now;
            config.refused = None;
        })
        .await
        .map_err(text)?;
    let (old, kept) = (before.key.clone(), after.clone());
    engine.with_vault(move |vault| wipe_left_over(vault, old.as_ref(), &kept)).await.map_err(text)?;
    trying::count(engine, id, reads).await;
    engine.state().offers.remove(ticket);
    engine.forget_client(id);
    let lost = lost(&before, &after);
    if !lost.is_empty() {
        let text = format!("the new key may no longer read what the old one could: {}", lost.join(", "));
        engine.message(Level::Warning, Some(id), text);
    }
    if after.delivery == Delivery::Endpoint && !engine.read_only() {
        // What the old key was not allowed may go well now.
        endpoint(engine, id, None, None).await;
    }
    engine.poke(id);
    engine.relink(id);
    publish::now(engine);
    Ok(())
}

/// Changes an integration.
pub async fn edit(engine: &Engine, id: IntegrationId, edit: Edit) -> Answer {
    match edited(engine, id, edit).await {
        Ok(()) => Answer::Done,
        Err(answer) => answer,
    }
}

async fn edited(engine: &Engine, id: IntegrationId, edit: Edit) -> Result<(), Answer> {
    let _turn = engine.inner.connecting.lock().await;
    let before = active(engine, id)?;
    let base = engine.base_of(&before).map_err(refused)?;
    let known = before.endpoint.as_ref();
    let by_hand = edit.by_hand.unwrap_or_else(|| known.is_some_and(|note| note.by_hand));
    let delivery = edit.delivery.unwrap_or(before.delivery);
    if delivery != before.delivery || edit.public_url.is_some() || edit.by_hand.is_some() {
        let url = edit.public_url.as_deref().or(known.map(|note| note.public_url.as_str()));
        has_delivery(engine, delivery, by_hand, url, before.livemode, &base)?;
    }
    let billing = edit.billing.is_some_and(|billing| billing != before.billing);
    if edit.delivery.is_some() || edit.public_url.is_some() || edit.by_hand.is_some() || billing {
        may_write(engine, &before, delivery, by_hand)?;
    }
    if let Some(name) = &edit.name {
        let all: Vec<Integration> = engine.configs().iter().map(|one| (**one).clone()).collect();
        name_is_free(&all, name, Some(id)).map_err(text)?;
    }
    let poll_every_s =
        edit.poll_every_s.map(|seconds| poll_every(seconds, &base)).transpose().map_err(refused)?;
    let turned_on = edit.billing == Some(true) && !before.billing;
    // What billing needs was not probed before.
    let found = if turned_on { Some(probe(engine, &before, &base).await?) } else { None };
    let now = engine.now();
    let after = engine
        .commit_integration(id, |config| {
            if let Some(name) = &edit.name {
                name.trim().clone_into(&mut config.name);
            }
            if let Some(description) = &edit.description {
                config.description =
                    Some(crate::text::clean_max(description, 200)).filter(|text| !text.is_empty());
            }
            config.billing = edit.billing.unwrap_or(config.billing);
            config.delivery = edit.delivery.unwrap_or(config.delivery);
            config.poll_every_s = poll_every_s.unwrap_or(config.poll_every_s);
            if let Some(found) = found {
                config.permissions = found.matrix;
                config.checked_at = now;
                config.refused = None;
            }
        })
        .await
        .map_err(text)?;
    let asks = edit.delivery.is_some()
        || edit.public_url.is_some()
        || edit.by_hand.is_some()
        || after.billing != before.billing;
    if asks && (after.delivery == Delivery::Endpoint || before.delivery == Delivery::Endpoint) {
        endpoint(engine, id, edit.public_url, edit.by_hand).await;
    }
    if turned_on {
        let text = if after.may("rak_invoice_read") {
            format!("billing is on for {}: discover lists its invoices, then sync stores them", after.name)
        } else {
            format!(
                "billing is on for {}, but its key may not read invoices (rak_invoice_read): give it a new key",
                after.name
            )
        };
        engine.message(Level::Info, Some(id), text);
    }
    engine.replan(id);
    publish::now(engine);
    Ok(())
}

/// Refuses what would have to write at Stripe for one that only reads, before anything is changed.
fn may_write(engine: &Engine, before: &Integration, delivery: Delivery, by_hand: bool) -> Result<(), Answer> {
    let ask = Ask { by_hand: Some(by_hand), ..Ask::default() };
    let store = engine.store().ok_or_else(|| refused("the store is still opening"))?;
    if engine.read_only() && writes(before, store.install_id(), delivery, &ask) {
        return Err(refused(endpoints::READ_ONLY));
    }
    Ok(())
}

/// Makes, changes or removes the endpoint, as the integration now wants it. What Stripe refuses is told: the
/// integration goes on by polling.
async fn endpoint(engine: &Engine, id: IntegrationId, public_url: Option<String>, by_hand: Option<bool>) {
    let config = engine.state().runtimes.get(&id).map(|runtime| runtime.config.clone());
    let Some(config) = config else { return };
    let (level, text) = if config.delivery == Delivery::Endpoint {
        match endpoints::bring(engine, id, Ask { public_url, by_hand, ..Ask::default() }).await {
            Ok(Told { trouble: None, did, others, .. }) => {
                for other in others {
                    let text = format!(
                        "another installation of tillwatch has an endpoint there: {other}; it is left alone"
                    );
                    engine.message(Level::Info, Some(id), text);
                }
                (Level::Info, endpoints::words(did))
            }
            Ok(Told { trouble: Some(reason), .. }) | Err(reason) => {
                (Level::Warning, format!("no webhook endpoint was made: {reason}; events are polled"))
            }
        }
    } else if config.endpoint.is_some() {
        match endpoints::leave(engine, id).await {
            Ok(left) => {
                let Some(text) = endpoints::left_words(&left, config.livemode) else { return };
                (Level::Info, text)
            }
            Err(reason) => (Level::Warning, reason),
        }
    } else {
        return;
    };
    engine.message(level, Some(id), text);
}

async fn probe(engine: &Engine, config: &Integration, base: &BaseUrl) -> Result<KeyCheck, Answer> {
    let (_, key) = engine.key_of(config).await.map_err(refused)?;
    let client = trial_until(base, &key, engine.inner.cancel.child_token()).map_err(text)?;
    let found = check(&client, &key, true).await;
    trying::count(engine, config.id, client.own_reads()).await;
    match found {
        Ok(found) => Ok(found),
        Err(error) => {
            engine.note_error(config, &error).await;
            Err(text(error))
        }
    }
}

fn active(engine: &Engine, id: IntegrationId) -> Result<std::sync::Arc<Integration>, Answer> {
    let state = engine.state();
    let runtime = state.runtimes.get(&id).ok_or_else(|| refused("there is no such integration"))?;
    if runtime.config.off_since.is_some() {
        return Err(refused(format!("{} is disconnected: connect it again first", runtime.config.name)));
    }
    Ok(runtime.config.clone())
}
