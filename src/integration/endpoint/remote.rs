//! Our webhook endpoint at Stripe: made, adopted, changed, switched on, replaced, removed, looked at.
//!
//! It must never touch an endpoint that does not carry both of our ids, and never remove the old one before the new
//! one is kept.
//! Facts: an account and mode has at most 16; the secret is only in the answer that makes one; version and `connect`
//! cannot be changed later; the list has no filters (docs.stripe.com/api/webhook_endpoints).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Seen, Status};
use crate::clock;
use crate::store::folder::random_id;
use crate::stripe::{API_VERSION, Client, Error, Object};
use crate::text::clean_max;
use crate::vault::secret::Secret;

/// What endpoints of ours carry: the data folder's id and the integration's number.
pub const INSTALL: &str = "tillwatch_install";
/// See [`INSTALL`].
pub const INTEGRATION: &str = "tillwatch_integration";
/// Stripe's limit for an account and mode.
const MOST: usize = 16;
const PATH: &str = "/v1/webhook_endpoints";
/// Events whose deliveries failed are looked for so far back, in seconds: Stripe retries for three days.
const BACK_S: i64 = 3 * 86_400;

/// Why nothing came of it: one sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Stripe.
    #[error(transparent)]
    Stripe(Error),
    /// The key may not.
    #[error(
        "the key may not {what} webhook endpoints ({permission}): allow “Webhook Endpoints: write” for it, or make the endpoint by hand"
    )]
    NotAllowed {
        /// `read`, `make`.
        what: &'static str,
        /// Stripe's name.
        permission: String,
    },
    /// There is no room.
    #[error(
        "Stripe allows 16 webhook endpoints for an account and mode, and all are taken ({list}): remove one in the Dashboard, or use the relay"
    )]
    Full {
        /// Their hosts.
        list: String,
    },
}

impl From<Error> for EndpointError {
    fn from(error: Error) -> EndpointError {
        match error {
            Error::MissingPermission { permission, .. } => EndpointError::NotAllowed {
                what: "make",
                permission: permission.unwrap_or_else(|| "rak_webhook_write".into()),
            },
            error => EndpointError::Stripe(error),
        }
    }
}

impl EndpointError {
    /// It may go well later, without anybody doing anything. A certificate that is not trusted is no word of Stripe's.
    pub fn is_transient(&self) -> bool {
        let passing = |error: &Error| matches!(error, Error::Cancelled | Error::Certificate { .. });
        matches!(self, EndpointError::Stripe(error) if error.is_transient() || passing(error))
    }
}

/// An endpoint as Stripe lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct Remote {
    /// `we_…`
    pub id: String,
    /// Where to.
    #[serde(default)]
    pub url: String,
    /// `enabled`, `disabled`.
    #[serde(default)]
    status: String,
    /// What for.
    #[serde(default)]
    pub enabled_events: Vec<String>,
    /// In which version.
    #[serde(default)]
    pub api_version: Option<String>,
    /// Unix seconds.
    #[serde(default)]
    pub created: i64,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    application: Option<String>,
}

#[derive(Deserialize)]
struct WithSecret {
    #[serde(default)]
    secret: Option<String>,
}

/// What an integration wants to have at Stripe.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// The data folder.
    pub install: &'a str,
    /// The integration's number.
    pub integration: &'a str,
    /// For the log.
    pub account: &'a str,
    /// Where to.
    pub url: &'a str,
    /// What for.
    pub events: &'a [&'a str],
    /// The endpoint whose secret we hold.
    pub known: Option<&'a str>,
    /// Make a new one in any case, for a new secret.
    pub anew: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// There was none.
    Created,
    /// It was there as it should be.
    Adopted,
    /// Its events or its address were others.
    Changed,
    /// It was switched off.
    Enabled,
    /// It was of no use any more, or a new secret was wanted.
    Replaced,
}

/// What came of it.
#[derive(Debug)]
pub struct Ensured {
    /// As it is now.
    pub remote: Remote,
    /// Of a new one.
    pub secret: Option<Secret>,
    /// What was done.
    pub did: Did,
    /// Ours that are of no use any more: to be removed once the secret is kept.
    pub old: Vec<String>,
    /// Of other data folders, one line each.
    pub others: Vec<String>,
}

/// How far it came.
#[derive(Debug)]
pub enum Step {
    /// There is one as it should be.
    Done(Box<Ensured>),
    /// Stripe's 16 places are taken, this one of ours among them: it has to go before another can be made. Nothing was
    /// changed yet.
    Crowded(String),
}

impl Remote {
    fn read(object: &Object) -> Result<Remote, Error> {
        serde_json::from_slice(&object.body)
            .map_err(|_| Error::BadAnswer { message: "it is no webhook endpoint".into(), request_id: None })
    }

    fn carries(&self, install: &str, integration: &str) -> bool {
        let says = |name: &str, value: &str| self.metadata.get(name).is_some_and(|said| said == value);
        says(INSTALL, install) && says(INTEGRATION, integration)
    }

    /// On or off.
    pub fn status(&self) -> Status {
        if self.status == "disabled" { Status::Disabled } else { Status::Enabled }
    }

    fn host(&self) -> String {
        let host = url::Url::parse(&self.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        clean_max(&host.unwrap_or_else(|| self.url.clone()), 60)
    }

    /// `till.example.com, made 2026-05-03`
    fn told(&self) -> String {
        let made = clock::format_date(self.created, clock::Zone::utc());
        format!("{} ({}), made {made}", self.host(), clean_max(&self.id, 40))
    }

    /// What is kept of it.
    pub fn seen(&self, before: Option<&Seen>, now: i64) -> Seen {
        let status = self.status();
        Seen {
            at: now,
            status,
            since: before.filter(|before| before.status == status).map_or(now, |before| before.since),
            created: self.created,
            url: Some(self.url.clone()).filter(|url| !url.is_empty()),
            events: self.enabled_events.clone(),
            api_version: self.api_version.clone(),
            undelivered: None,
        }
    }
}

/// Why endpoints could not be read.
fn unread(error: Error) -> EndpointError {
    match error {
        Error::MissingPermission { permission, .. } => EndpointError::NotAllowed {
            what: "read",
            permission: permission.unwrap_or_else(|| "rak_webhook_read".into()),
        },
        error => EndpointError::Stripe(error),
    }
}

async fn list(client: &Client) -> Result<Vec<Remote>, EndpointError> {
    let mut out: Vec<Remote> = Vec::new();
    loop {
        let mut query = vec![("limit", "100".to_owned())];
        if let Some(last) = out.last() {
            query.push(("starting_after", last.id.clone()));
        }
        let page = client.list(PATH, &query).await.map_err(unread)?;
        let before = out.len();
        out.extend(page.iter().filter_map(|item| serde_json::from_str::<Remote>(item).ok()));
        if !page.has_more || out.len() == before || out.len() > 1000 {
            return Ok(out);
        }
    }
}

fn of_others(all: &[Remote], install: &str) -> Vec<String> {
    let other = |one: &&Remote| one.metadata.get(INSTALL).is_some_and(|its| its != install);
    all.iter().filter(other).map(Remote::told).collect()
}

/// Endpoints of other data folders, one line each.
pub async fn others(client: &Client, install: &str) -> Result<Vec<String>, EndpointError> {
    Ok(of_others(&list(client).await?, install))
}

/// Sees to it that there is exactly one endpoint of ours, enabled, with the events in use, whose secret we hold.
pub async fn ensure(client: &Client, want: &Want<'_>) -> Result<Step, EndpointError> {
    let all = list(client).await?;
    let (ours, rest): (Vec<Remote>, Vec<Remote>) =
        all.into_iter().partition(|one| one.carries(want.install, want.integration));
    let others = of_others(&rest, want.install);
    let fits = |one: &&Remote| {
        Some(one.id.as_str()) == want.known
            && one.api_version.as_deref() == Some(API_VERSION)
            && one.application.is_none()
    };
    if let Some(one) = ours.iter().find(fits).filter(|_| !want.anew) {
        let old = ours.iter().filter(|other| other.id != one.id).map(|other| other.id.clone()).collect();
        let (remote, did) = adopt(client, want, one).await?;
        return Ok(Step::Done(Box::new(Ensured { remote, secret: None, did, old, others })));
    }
    let old: Vec<String> = ours.iter().map(|one| one.id.clone()).collect();
    if ours.len() + rest.len() >= MOST
        && let Some(one) = old.iter().find(|id| Some(id.as_str()) != want.known).or(old.last())
    {
        // There is no room for two of ours: one of no use goes first.
        return Ok(Step::Crowded(one.clone()));
    }
    let did = if ours.is_empty() { Did::Created } else { Did::Replaced };
    let hosts = || {
        let hosts: Vec<String> = rest.iter().map(Remote::host).collect();
        hosts.join(", ")
    };
    let (remote, secret) = create(client, want).await.map_err(|error| match error {
        Error::BadRequest { .. } if rest.len() >= MOST => EndpointError::Full { list: hosts() },
        error => error.into(),
    })?;
    Ok(Step::Done(Box::new(Ensured { remote, secret: Some(secret), did, old, others })))
}

async fn create(client: &Client, want: &Want<'_>) -> Result<(Remote, Secret), Error> {
    let mut form = vec![
        ("url", want.url.to_owned()),
        ("api_version", API_VERSION.to_owned()),
        ("description", "tillwatch: keeps this account's records up to date".to_owned()),
        ("metadata[tillwatch_install]", want.install.to_owned()),
        ("metadata[tillwatch_integration]", want.integration.to_owned()),
    ];
    form.extend(want.events.iter().map(|event| ("enabled_events[]", (*event).to_owned())));
    // A key of this very call: an older answer would bring an endpoint that is gone since.
    let object = client.write("POST", PATH, &form, &idempotency()).await?;
    let remote = Remote::read(&object)?;
    log("made", want.account, &remote.id, &object);
    let said: Option<WithSecret> = serde_json::from_slice(&object.body).ok();
    let secret = said.and_then(|said| said.secret).filter(|secret| secret.starts_with("whsec_"));
    if let Some(secret) = secret {
        return Ok((remote, Secret::new(secret)));
    }
    let message = "it made a webhook endpoint and did not tell its signing secret".to_owned();
    Err(Error::BadAnswer { message, request_id: object.request_id })
}

/// Makes one whose secret we hold what it should be.
async fn adopt(client: &Client, want: &Want<'_>, one: &Remote) -> Result<(Remote, Did), EndpointError> {
    let mut form = Vec::new();
    if one.url != want.url {
        form.push(("url", want.url.to_owned()));
    }
    let same = one.enabled_events.len() == want.events.len()
        && want.events.iter().all(|event| one.enabled_events.iter().any(|other| other == event));
    if !same {
        form.extend(want.events.iter().map(|event| ("enabled_events[]", (*event).to_owned())));
    }
    let mut did = if form.is_empty() { Did::Adopted } else { Did::Changed };
    if one.status() == Status::Disabled {
        form.push(("disabled", "false".to_owned()));
        did = Did::Enabled;
    }
    if form.is_empty() {
        return Ok((one.clone(), did));
    }
    let object = client.write("POST", &path(&one.id), &form, &idempotency()).await?;
    log("changed", want.account, &one.id, &object);
    Ok((Remote::read(&object)?, did))
}

/// Removes an endpoint. One that is not there is removed already.
pub async fn delete(client: &Client, account: &str, id: &str) -> Result<(), EndpointError> {
    match client.write("DELETE", &path(id), &[], "").await {
        Ok(object) => {
            log("removed", account, id, &object);
            Ok(())
        }
        Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes whatever is ours of an integration; `id`: the one we know, if any, should the list not be ours to read.
pub async fn remove(
    client: &Client,
    install: &str,
    integration: &str,
    account: &str,
    id: Option<&str>,
) -> Result<(), EndpointError> {
    match list(client).await {
        Ok(all) => {
            for one in all.iter().filter(|one| one.carries(install, integration)) {
                delete(client, account, &one.id).await?;
            }
            Ok(())
        }
        Err(error) => match id.filter(|_| matches!(error, EndpointError::NotAllowed { .. })) {
            Some(id) => delete(client, account, id).await,
            None => Err(error),
        },
    }
}

/// Looks how an endpoint is: by its id, else by its address. `count`: events that could not be delivered, too.
pub async fn look(
    client: &Client,
    id: Option<&str>,
    url: &str,
    before: Option<&Seen>,
    count: bool,
    now: i64,
) -> Result<(Option<String>, Seen), EndpointError> {
    let found = if let Some(id) = id {
        match client.get(&path(id), &[]).await {
            Ok(object) => Some(Remote::read(&object)?),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(unread(error)),
        }
    } else {
        let mut all: Vec<Remote> = list(client).await?;
        all.retain(|one| one.url == url);
        all.sort_by_key(|one| one.status() == Status::Disabled);
        all.into_iter().next()
    };
    let Some(found) = found else {
        let gone = before.filter(|before| before.status == Status::Gone);
        let seen = Seen {
            at: now,
            status: Status::Gone,
            since: gone.map_or(now, |gone| gone.since),
            created: before.map_or(0, |before| before.created),
            url: None,
            events: Vec::new(),
            api_version: None,
            undelivered: None,
        };
        return Ok((None, seen));
    };
    let mut seen = found.seen(before, now);
    if count {
        seen.undelivered = undelivered(client, now).await;
    }
    Ok((Some(found.id), seen))
}

/// Events of the last three days that are not delivered to every endpoint: at most one page.
async fn undelivered(client: &Client, now: i64) -> Option<u64> {
    let query = [
        ("limit", "100".to_owned()),
        ("delivery_success", "false".to_owned()),
        ("created[gte]", (now - BACK_S).to_string()),
    ];
    Some(client.list("/v1/events", &query).await.ok()?.len() as u64)
}

fn path(id: &str) -> String {
    format!("{PATH}/{id}")
}

fn idempotency() -> String {
    format!("tillwatch-{}", random_id())
}

/// Who wrote what, when: beside what the client logs of every write.
fn log(what: &str, account: &str, id: &str, object: &Object) {
    tracing::info!(account, endpoint = id, at = object.date, request_id = ?object.request_id, "webhook endpoint {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_of_the_look_that_counted() {
        let one: Remote = serde_json::from_str(r#"{"id":"we_1","url":"https://example.com/x"}"#).unwrap();
        let counted = Seen { undelivered: Some(7), ..one.seen(None, 100) };
        let later = one.seen(Some(&counted), 900);
        assert_eq!((later.at, later.since, later.undelivered), (900, 100, None));
        assert_eq!(later.url.as_deref(), Some("https://example.com/x"));
    }
}
