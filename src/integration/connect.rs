//! Connect, edit and disconnect: what they check, what they keep, in an order that survives a kill.
//!
//! Nothing is saved before the key has been tried. The key goes into the vault first and the integration's
//! document second: a kill in between leaves a sealed key that the next connect overwrites, never an
//! integration without its key. This must never write anything at Stripe.

use tokio_util::sync::CancellationToken;

use crate::clock::Now;
use crate::engine::api::{Delivery, IntegrationId, JobKind, JobState, Pace};
use crate::store::{Batch, Durability, Store, StoreError};
use crate::stripe::{ApiKey, BaseUrl, Client, ClientOptions, Error, KeyKind};
use crate::sync::job::{JobDoc, at_rest};
use crate::vault::{Place, Vault, VaultError};

use super::Integration;
use super::check::{KeyCheck, check};
use super::config::KeyNote;
use super::stripe_cli::Origin;

/// Seconds between polls when nothing else is asked for.
pub const POLL_EVERY_S: u64 = 15 * 60;
/// The longest schedule: beyond it Stripe forgets events before they are asked for.
const LONGEST_POLL_S: u64 = 31 * 86_400;

/// Why a connect or edit was refused; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Stripe refused the key, or could not be asked.
    #[error(transparent)]
    Stripe(#[from] Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The key can't be read from where it is kept.
    #[error("{0}")]
    Key(String),
    /// It is there already, or does not fit.
    #[error("{0}")]
    Refused(String),
}

/// What an operator asks for.
#[derive(Debug)]
pub struct Wish {
    /// None: the account's own name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Invoices and subscriptions too.
    pub billing: bool,
    /// Seconds between polls.
    pub poll_every_s: u64,
    /// How events come.
    pub delivery: Delivery,
    /// Store events of every type.
    pub all_events: bool,
    /// Where the API is.
    pub base: BaseUrl,
    /// The key.
    pub key: ApiKey,
    /// It comes from this command each time; nothing is kept at rest.
    pub key_command: Option<String>,
    /// It was taken from a profile of the Stripe CLI.
    pub origin: Option<Origin>,
}

/// A client for trying a key: few retries, so that a person hears soon.
pub fn trial(base: &BaseUrl, key: &ApiKey) -> Result<Client, Error> {
    trial_until(base, key, CancellationToken::new())
}

/// The same, ended by a token.
pub fn trial_until(base: &BaseUrl, key: &ApiKey, cancel: CancellationToken) -> Result<Client, Error> {
    Client::new(ClientOptions {
        max_retries: 2,
        pace: Pace::Full,
        cancel,
        ..ClientOptions::new(base.clone(), key.clone())
    })
}

/// Tries the key.
pub async fn try_key(base: &BaseUrl, key: &ApiKey, billing: bool) -> Result<(Client, KeyCheck), Error> {
    let client = trial(base, key)?;
    let found = check(&client, key, billing).await?;
    Ok((client, found))
}

/// Refuses an account and mode that is connected already, and a name that is taken.
pub fn may_connect(all: &[Integration], wish: &Wish, found: &KeyCheck) -> Result<(), ConnectError> {
    let active = |one: &&Integration| one.off_since.is_none();
    if let Some(there) = all
        .iter()
        .filter(active)
        .find(|one| one.account == found.account.id && one.livemode == found.livemode)
    {
        let billing = if wish.billing && !there.billing {
            format!("; to keep invoices too: `tillwatch integrations edit {} --billing on`", there.id.0)
        } else {
            String::new()
        };
        let endpoint = if wish.delivery == Delivery::Endpoint {
            format!(
                "; for its webhook endpoint: `tillwatch integrations edit {} --webhook endpoint --public-url URL`",
                there.id.0
            )
        } else {
            String::new()
        };
        return Err(ConnectError::Refused(format!(
            "{} ({}, {}) is connected already: to give it a new key, `tillwatch integrations edit {} --api-key-file F`{billing}{endpoint}",
            there.name,
            there.account,
            there.mode(),
            there.id.0
        )));
    }
    if let Some(name) = &wish.name {
        name_is_free(all, name, None)?;
    }
    Ok(())
}

/// Refuses a name that is taken, or none.
pub fn name_is_free(
    all: &[Integration],
    name: &str,
    except: Option<IntegrationId>,
) -> Result<(), ConnectError> {
    if name.trim().is_empty() || crate::text::clean(name) != name {
        return Err(ConnectError::Refused(
            "a name needs at least one letter and no control characters".into(),
        ));
    }
    // What `-i` takes for a number or an account must mean that.
    if name.trim().parse::<u32>().is_ok() || name.trim().starts_with("acct_") {
        return Err(ConnectError::Refused(
            "a name must be neither a number nor an account's id: those pick an account already".into(),
        ));
    }
    match all.iter().find(|one| one.name.eq_ignore_ascii_case(name) && Some(one.id) != except) {
        Some(taken) => Err(ConnectError::Refused(format!(
            "the name `{name}` is taken by {} {}: choose another with --name",
            taken.account,
            taken.mode()
        ))),
        None => Ok(()),
    }
}

/// Saves a key that was tried: the vault first, then the integration. An account that was disconnected and
/// kept its records is taken up under its old number.
pub async fn save(
    store: &Store,
    vault: &Vault,
    wish: Wish,
    found: KeyCheck,
    now: &Now,
) -> Result<Integration, ConnectError> {
    let all = Integration::all(store)?;
    may_connect(&all, &wish, &found)?;
    let earlier = all.iter().find(|one| one.account == found.account.id && one.livemode == found.livemode);
    let next: u32 = store.meta("next/integration")?.unwrap_or(1);
    let id = earlier.map_or(IntegrationId(next), |one| one.id);
    let name = match (&wish.name, earlier) {
        (Some(name), _) => name.trim().to_owned(),
        (None, Some(one)) => one.name.clone(),
        (None, None) => free_name(&all, &found),
    };
    // A purge that failed must not take the account away that comes back under its number.
    store.keep_number(id)?;
    let key = keep_key(vault, id, &wish.key, wish.key_command.as_deref(), wish.origin)?;
    let at = now();
    let integration = Integration {
        id,
        name,
        description: wish.description.map(|text| crate::text::clean_max(&text, 200)),
        account: found.account.id,
        account_name: found.account.name,
        livemode: found.livemode,
        billing: wish.billing,
        delivery: wish.delivery,
        poll_every_s: wish.poll_every_s,
        all_events: wish.all_events,
        timezone: found.account.timezone,
        base_url: wish.base.to_string(),
        key: Some(key),
        permissions: found.matrix,
        checked_at: at,
        connected_at: at,
        off_since: None,
        refused: None,
        // What is left of it at Stripe is adopted, or removed by whoever connects.
        endpoint: earlier.and_then(|one| one.endpoint.clone()),
    };
    let mut batch = Batch::new();
    batch.meta(Integration::document(id), &integration);
    if earlier.is_none() {
        batch.meta("next/integration", &(next + 1));
    }
    store.commit(batch, Durability::Synced, at).await?;
    wipe_left_over(vault, earlier.and_then(|one| one.key.as_ref()), &integration)?;
    Ok(integration)
}

/// A key that moved (say, from the vault to a command) must not stay where it was.
pub fn wipe_left_over(
    vault: &Vault,
    before: Option<&KeyNote>,
    after: &Integration,
) -> Result<(), VaultError> {
    let Some(old) = before else { return Ok(()) };
    // Within one kind of place the new key has overwritten the old one, under the same name.
    let kind = |note: &KeyNote| std::mem::discriminant(&note.place);
    if after.key.as_ref().is_some_and(|new| kind(new) != kind(old)) {
        vault.wipe(&Integration::vault_name(after.id), &old.place)?;
    }
    Ok(())
}

fn free_name(all: &[Integration], found: &KeyCheck) -> String {
    let base = crate::text::clean_max(&found.account.name, 60);
    let mut name = base.clone();
    let mut number = 2;
    while all.iter().any(|one| one.name.eq_ignore_ascii_case(&name)) {
        name = match number {
            2 => format!("{base} {}", if found.livemode { "live" } else { "test" }),
            _ => format!("{base} {number}"),
        };
        number += 1;
    }
    name
}

/// Puts a key where it is kept from now on. May ask a keyring: blocks.
pub fn keep_key(
    vault: &Vault,
    id: IntegrationId,
    key: &ApiKey,
    command: Option<&str>,
    origin: Option<Origin>,
) -> Result<KeyNote, VaultError> {
    let place = match command {
        Some(command) => Place::Command { command: command.to_owned() },
        None => vault.put(&Integration::vault_name(id), &key.secret)?,
    };
    let (masked, fingerprint) = (key.masked(), key.fingerprint());
    Ok(KeyNote { masked, fingerprint, kind: kind_of(key).into(), place, origin })
}

/// What kind of key it is, for a person.
pub fn kind_of(key: &ApiKey) -> &'static str {
    match key.kind {
        KeyKind::Secret => "secret",
        KeyKind::Restricted => "restricted",
        KeyKind::ClaimableSandbox => "claimable sandbox",
    }
}

/// Refuses a schedule that would use the account's read allocation up, or that is none. The error is a sentence.
pub fn poll_every(seconds: u64, base: &BaseUrl) -> Result<u64, String> {
    // A local server has no allocation to mind.
    if seconds > 0 && seconds < 30 && !base.is_loopback() {
        return Err("polling more often than every 30s would use up Stripe's read allocation (10 000 in 30 days): take 5m or more".into());
    }
    if seconds > LONGEST_POLL_S {
        return Err(
            "polling less often than every 31 days would lose events: Stripe keeps them for 30".into()
        );
    }
    Ok(seconds)
}

/// Refuses a key of another account or mode than the integration's. Of a key that does not tell its account nothing
/// is known, unless it is the very key that is there (`unknown-…` is made of its fingerprint).
pub fn same_account(before: &Integration, found: &KeyCheck) -> Result<(), ConnectError> {
    let id = &found.account.id;
    if found.livemode == before.livemode && *id == before.account {
        return Ok(());
    }
    if found.livemode == before.livemode && !known(id) {
        return Err(ConnectError::Refused(format!(
            "that key does not tell whose it is, so it can't be taken for {} ({}): give it leave to read the account (rak_accounts_kyc_basic_read), or connect it as an account of its own",
            before.name, before.account
        )));
    }
    Err(ConnectError::Refused(format!(
        "that key is of {id} ({}), {} is {} ({}): connect it as an account of its own with `tillwatch connect`",
        if found.livemode { "LIVE" } else { "TEST" },
        before.name,
        before.account,
        before.mode()
    )))
}

/// Permissions that a new key lacks and the old one had.
pub fn lost(before: &Integration, after: &Integration) -> Vec<String> {
    let had: Vec<String> = before.missing().into_iter().map(|missing| missing.permission).collect();
    let now = after.missing().into_iter().map(|missing| missing.permission);
    now.filter(|permission| !had.contains(permission)).collect()
}

/// Counts the reads that a trial took: every read counts against Stripe's allocation.
pub async fn count_reads(
    store: &Store,
    integration: IntegrationId,
    client: &Client,
    now: &Now,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.reads(integration, now() / 86_400, client.own_reads());
    store.commit(batch, Durability::Synced, now()).await.map(|_| ())
}

/// A key, and where it came from.
#[derive(Debug)]
pub struct Given {
    /// The key.
    pub key: ApiKey,
    /// The command that prints it each time.
    pub command: Option<String>,
    /// The profile of the Stripe CLI that it was taken from.
    pub origin: Option<Origin>,
}

/// What an edit changes; `None`: stays.
#[derive(Debug, Default)]
pub struct Edit {
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// Billing on or off.
    pub billing: Option<bool>,
    /// Seconds between polls.
    pub poll_every_s: Option<u64>,
    /// How events come.
    pub delivery: Option<Delivery>,
    /// Events of every type, or only of those that are kept.
    pub all_events: Option<bool>,
    /// A new key.
    pub key: Option<Given>,
    /// Where the API is from now on.
    pub base: Option<BaseUrl>,
}

/// What an edit did.
#[derive(Debug)]
pub struct Edited {
    /// As it is now.
    pub integration: Integration,
    /// Permissions that the old key had and the new one lacks.
    pub lost: Vec<String>,
}

/// Changes an integration. A new key is tried first and must be of the same account and mode; until then the
/// old one is used.
pub async fn edit(
    store: &Store,
    vault: &Vault,
    before: &Integration,
    edit: Edit,
    now: &Now,
) -> Result<Edited, ConnectError> {
    if before.off_since.is_some() {
        return Err(ConnectError::Refused(format!(
            "{} is disconnected: connect the account again with `tillwatch connect`",
            before.name
        )));
    }
    let mut after = before.clone();
    let all = Integration::all(store)?;
    if let Some(name) = edit.name {
        name_is_free(&all, &name, Some(before.id))?;
        name.trim().clone_into(&mut after.name);
    }
    if let Some(description) = edit.description {
        after.description = Some(crate::text::clean_max(&description, 200)).filter(|text| !text.is_empty());
    }
    if let Some(every) = edit.poll_every_s {
        after.poll_every_s = every;
    }
    after.delivery = edit.delivery.unwrap_or(after.delivery);
    after.all_events = edit.all_events.unwrap_or(after.all_events);
    if let Some(billing) = edit.billing {
        after.billing = billing;
    }
    if let Some(base) = &edit.base {
        after.base_url = base.to_string();
    }
    let base = BaseUrl::parse(&after.base_url).map_err(ConnectError::Refused)?;
    let mut reads = 0;
    let needs_check = edit.key.is_some() || after.billing != before.billing || edit.base.is_some();
    let mut lost = Vec::new();
    if needs_check {
        let key = match &edit.key {
            Some(given) => given.key.clone(),
            None => stored_key(vault, before)?,
        };
        let (client, found) = try_key(&base, &key, after.billing).await?;
        reads = client.own_reads();
        same_account(before, &found)?;
        after.permissions = found.matrix;
        after.checked_at = now();
        after.refused = None;
        lost = self::lost(before, &after);
    }
    if let Some(given) = edit.key {
        after.key = Some(keep_key(vault, before.id, &given.key, given.command.as_deref(), given.origin)?);
    }
    let mut batch = Batch::new();
    batch.meta(Integration::document(after.id), &after);
    batch.reads(after.id, now() / 86_400, reads);
    store.commit(batch, Durability::Synced, now()).await?;
    wipe_left_over(vault, before.key.as_ref(), &after)?;
    Ok(Edited { integration: after, lost })
}

/// A key that may not read its account tells no account id.
fn known(account: &str) -> bool {
    !account.starts_with("unknown-")
}

/// The key of an integration, from where the vault put it. May run a command: blocks.
pub fn stored_key(vault: &Vault, integration: &Integration) -> Result<ApiKey, ConnectError> {
    let note = integration
        .key
        .as_ref()
        .ok_or_else(|| ConnectError::Refused(format!("{} is disconnected", integration.name)))?;
    let secret = vault
        .get(&Integration::vault_name(integration.id), &note.place)
        .map_err(|error| ConnectError::Key(key_trouble(&error, integration.id)))?;
    ApiKey::parse(secret.expose()).map_err(|problem| ConnectError::Refused(problem.to_string()))
}

/// What a vault says of a key, with the integration's number where the vault knows only its own name for it.
pub fn key_trouble(error: &VaultError, id: IntegrationId) -> String {
    error.to_string().replace(&Integration::vault_name(id), &id.0.to_string())
}

/// Disconnects: no more polling, no more jobs, the key wiped; the records stay. The document goes first, so
/// that a kill in between leaves a key that is wiped on the next disconnect, and nothing that still polls. Of an
/// integration with a webhook endpoint the key stays for [`leave`](super::endpoint::steps::leave), which follows.
pub async fn disconnect(
    store: &Store,
    vault: &Vault,
    before: &Integration,
    now: &Now,
) -> Result<Integration, ConnectError> {
    let at = now();
    let mut after = before.clone();
    let key = after.key.clone();
    after.off_since.get_or_insert(at);
    after.refused = None;
    // The key is still needed to remove what is ours at Stripe: `endpoint::steps::leave` does that, and wipes it then.
    let needed = after.endpoint.as_ref().is_some_and(|note| note.install == store.install_id());
    if let Some(note) = after.endpoint.as_mut().filter(|_| needed) {
        note.leaving.get_or_insert(at);
    } else {
        after.endpoint = None;
    }
    let mut batch = Batch::new();
    batch.meta(Integration::document(after.id), &after);
    for kind in [JobKind::Discover, JobKind::Sync] {
        let name = JobDoc::name(after.id, kind);
        if let Some(mut doc) = store.meta::<JobDoc>(&name)?
            && doc.view.state == JobState::Running
        {
            doc.view.state = JobState::Cancelled;
            doc.view.finished_at = Some(at);
            at_rest(&mut doc.view);
            batch.meta(name, &doc);
        }
    }
    store.commit(batch, Durability::Synced, at).await?;
    if let Some(key) = key.as_ref().filter(|_| !needed) {
        vault.wipe(&Integration::vault_name(after.id), &key.place)?;
        after.key = None;
        let mut batch = Batch::new();
        batch.meta(Integration::document(after.id), &after);
        store.commit(batch, Durability::Synced, at).await?;
    }
    Ok(after)
}

/// Where a key is revoked.
pub fn revoke_link(livemode: bool) -> &'static str {
    if livemode {
        "https://dashboard.stripe.com/apikeys"
    } else {
        "https://dashboard.stripe.com/test/apikeys"
    }
}
