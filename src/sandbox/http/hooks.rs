//! `/v1/webhook_endpoints`: made, changed, listed, removed.

use std::sync::Arc;

use url::Url;

use super::query::Query;
use crate::sandbox::errors::ApiError;
use crate::sandbox::hooks::{Change, Hooks, deliver, is_event};
use crate::sandbox::ids::Obj;
use crate::sandbox::json::Out;
use crate::sandbox::keys::Key;
use crate::sandbox::model::is_version;
use crate::sandbox::state::{Mode, State, lock};

const NAME: &str = "webhook endpoint";

/// One request about webhook endpoints.
pub(super) struct Desk<'a> {
    pub(super) state: &'a Arc<State>,
    pub(super) mode: &'a Mode,
    pub(super) key: &'a Key,
    pub(super) query: &'a Query,
    pub(super) form: &'a Query,
    /// `Idempotency-Key`
    pub(super) idempotency: &'a str,
}

impl Desk<'_> {
    fn may(&self, permission: &str) -> Result<(), ApiError> {
        self.key.require(permission, &self.mode.world.account)
    }

    fn number(&self, hooks: &Hooks, id: &str) -> Result<u64, ApiError> {
        match self.mode.world.ids.parse(id) {
            Some((Obj::WebhookEndpoint, number)) if hooks.get(number).is_some() => Ok(number),
            _ => Err(ApiError::missing(NAME, id)),
        }
    }

    fn show(&self, hooks: &Hooks, number: u64, with_secret: bool) -> Vec<u8> {
        let mut out = Out::with_capacity(600);
        if let Some(endpoint) = hooks.get(number) {
            endpoint.write(&mut out, &self.mode.world.ids, self.key.livemode, with_secret);
        }
        out.into_bytes()
    }

    /// `POST /v1/webhook_endpoints`
    pub(super) fn create(&self) -> Result<Vec<u8>, ApiError> {
        self.may("rak_webhook_write")?;
        let request = format!("{:?}", self.form);
        let mut hooks = lock(&self.mode.hooks);
        if let Some(answer) = hooks.remembered(self.idempotency, &request)? {
            return Ok(answer);
        }
        self.form.only(&[
            "url",
            "enabled_events",
            "api_version",
            "connect",
            "description",
            "metadata",
            "expand",
        ])?;
        let change = self.change()?;
        for (name, given) in [("url", change.url.is_some()), ("enabled_events", change.events.is_some())] {
            if !given {
                return Err(ApiError::missing_required(name));
            }
        }
        if hooks.is_full() {
            return Err(ApiError::too_many_endpoints(self.key.livemode));
        }
        let client = deliver::client().map_err(ApiError::broken)?;
        let made = hooks.make(self.mode.world.seed, self.state.now(), change);
        let answer = self.show(&hooks, made.number, true);
        tokio::spawn(deliver::work(Arc::clone(self.state), client, self.key.livemode, made));
        if !self.idempotency.is_empty() {
            hooks.remember(self.idempotency, &request, &answer);
        }
        Ok(answer)
    }

    /// `POST /v1/webhook_endpoints/{id}`
    pub(super) fn update(&self, id: &str) -> Result<Vec<u8>, ApiError> {
        self.may("rak_webhook_write")?;
        let mut hooks = lock(&self.mode.hooks);
        let number = self.number(&hooks, id)?;
        self.form.only(&["url", "enabled_events", "disabled", "description", "metadata", "expand"])?;
        hooks.change(number, self.change()?);
        Ok(self.show(&hooks, number, false))
    }

    /// `DELETE /v1/webhook_endpoints/{id}`
    pub(super) fn delete(&self, id: &str) -> Result<Vec<u8>, ApiError> {
        self.may("rak_webhook_write")?;
        let mut hooks = lock(&self.mode.hooks);
        let number = self.number(&hooks, id)?;
        hooks.remove(number);
        let mut out = Out::with_capacity(100);
        out.raw("{\"id\":");
        out.text(id);
        out.raw(",\"object\":\"webhook_endpoint\",\"deleted\":true}");
        Ok(out.into_bytes())
    }

    /// `GET /v1/webhook_endpoints/{id}`
    pub(super) fn retrieve(&self, id: &str) -> Result<Vec<u8>, ApiError> {
        self.may("rak_webhook_read")?;
        self.query.only(&["expand"])?;
        let hooks = lock(&self.mode.hooks);
        let number = self.number(&hooks, id)?;
        Ok(self.show(&hooks, number, false))
    }

    /// `GET /v1/webhook_endpoints`
    pub(super) fn list(&self) -> Result<Vec<u8>, ApiError> {
        self.may("rak_webhook_read")?;
        self.query.only(&["limit", "starting_after", "ending_before", "expand"])?;
        let limit = self.query.limit()?;
        let hooks = lock(&self.mode.hooks);
        let all = hooks.numbers();
        let place = |param: &str, id: &str| {
            let number = self.number(&hooks, id).map_err(|_| ApiError::missing_param(NAME, id, param))?;
            all.iter().position(|n| *n == number).ok_or_else(|| ApiError::missing_param(NAME, id, param))
        };
        let (page, has_more) = match (self.query.get("starting_after"), self.query.get("ending_before")) {
            (Some(_), Some(_)) => return Err(ApiError::two_cursors()),
            (None, Some(id)) => {
                let end = place("ending_before", id)?;
                let from = end.saturating_sub(limit);
                (&all[from..end], from > 0)
            }
            (after, None) => {
                let from = after.map_or(Ok(0), |id| place("starting_after", id).map(|at| at + 1))?;
                let end = all.len().min(from + limit);
                (&all[from..end], end < all.len())
            }
        };
        let mut out = Out::with_capacity(128 + page.len() * 600);
        out.raw("{\"object\":\"list\",\"data\":[");
        for (at, number) in page.iter().enumerate() {
            if at > 0 {
                out.byte(b',');
            }
            if let Some(endpoint) = hooks.get(*number) {
                endpoint.write(&mut out, &self.mode.world.ids, self.key.livemode, false);
            }
        }
        out.raw("],\"has_more\":");
        out.bool(has_more);
        out.raw(",\"url\":\"/v1/webhook_endpoints\"}");
        Ok(out.into_bytes())
    }

    /// What the body sets.
    fn change(&self) -> Result<Change, ApiError> {
        let form = self.form;
        let url = form.get("url").map(|text| self.url(text)).transpose()?;
        let events = form.all("enabled_events");
        for (at, event) in events.iter().enumerate() {
            if !is_event(event) {
                return Err(ApiError::bad_event(at, event));
            }
        }
        let api_version = form.get("api_version").filter(|version| !version.is_empty());
        if let Some(version) = api_version
            && !is_version(version)
        {
            return Err(ApiError::bad_version(version));
        }
        Ok(Change {
            url,
            events: (!events.is_empty()).then_some(events),
            api_version: api_version.map(str::to_owned),
            connect: form.flag("connect")?.unwrap_or_default(),
            description: form.get("description").map(str::to_owned),
            metadata: form.hash("metadata"),
            disabled: form.flag("disabled")?,
        })
    }

    /// Live mode wants https. Loopback is allowed, which it is not at Stripe.
    fn url(&self, text: &str) -> Result<String, ApiError> {
        if !text.contains("://") {
            return Err(ApiError::bad_url(
                "Invalid URL: An explicit scheme (such as https) must be provided.",
            ));
        }
        let parsed = Url::parse(text).map_err(|_| ApiError::bad_url("Not a valid URL"))?;
        match parsed.scheme() {
            "https" => Ok(text.to_owned()),
            "http" if !self.key.livemode => Ok(text.to_owned()),
            "http" => Err(ApiError::bad_url("Invalid URL: URLs must begin with https in live mode.")),
            _ => Err(ApiError::bad_url("Not a valid URL")),
        }
    }
}
