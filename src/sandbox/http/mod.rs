//! The HTTP side: one handler for all of `/v1/`, and `/_sandbox/` for scripting.
//!
//! Order of checks, as the API has it: key, path, limits, faults, permission, parameters, object. Bodies are
//! compact JSON; they are compressed only if the client asks for gzip.

mod control;
mod filters;
mod hooks;
mod listener;
mod query;
mod relay;
mod respond;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State as Shared};
use axum::http::{Request, Response, header, request};

use super::errors::ApiError;
use super::expand::{Expand, Refusal};
use super::faults::{FaultKind, SLOW_MS};
use super::ids::{LINES_PER_INVOICE, Obj};
use super::json::Out;
use super::keys::{self, Key};
use super::list::{Cursor, page};
use super::model::API_VERSION;
use super::overlay::{Overlay, View};
use super::state::{Mode, State, lock, view};
use super::write;
pub use listener::{Connection, Counted};
use query::Query;
use respond::Answer;
use routes::{Endpoint, LISTS, Route, describe};

/// Bytes that a request's body may have.
const MOST: usize = 1024 * 1024;

/// All paths of the sandbox.
pub fn router(state: Arc<State>) -> Router {
    Router::new().fallback(serve).with_state(state)
}

async fn serve(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    if let Some(path) = request.uri().path().strip_prefix("/_sandbox/") {
        let path = path.to_owned();
        return control::serve(&state, &path, request).await;
    }
    if request.method() == "GET" && request.uri().path().starts_with("/subscribe/") {
        return relay::subscribe(&state, request, || connection.kill()).await;
    }
    let (parts, body) = request.into_parts();
    let form = match to_bytes(body, MOST).await {
        Ok(bytes) => Query::parse(&String::from_utf8_lossy(&bytes)),
        // Whoever hangs up or sends that much gets no answer worth reading.
        Err(_) => return Answer::error(413, Vec::new()).into_response("", "", false),
    };
    let call = Call::new(&state, &parts, form);
    let answer = match call.admit(&state) {
        Ok((key, fault)) => {
            if state.options.latency_ms > 0 || fault == Some(FaultKind::Slow) {
                let slow = if fault == Some(FaultKind::Slow) { SLOW_MS } else { 0 };
                tokio::time::sleep(Duration::from_millis(state.options.latency_ms + slow)).await;
            }
            match fault {
                Some(FaultKind::Reset) => {
                    connection.kill();
                    Answer::error(500, Vec::new())
                }
                Some(FaultKind::Html) => Answer::html(503),
                Some(FaultKind::Internal) => Answer::from(&ApiError::fault(), &call.id),
                Some(FaultKind::TooMany) => {
                    Answer::from(&ApiError::too_fast("endpoint-concurrency"), &call.id)
                }
                Some(FaultKind::Lock) => Answer::from(&ApiError::locked(), &call.id),
                Some(FaultKind::Cut) => call.answer(&state, &key).cut_short(),
                _ => call.answer(&state, &key),
            }
        }
        Err(error) => Answer::from(&error, &call.id),
    };
    call.count(&state, &answer);
    answer.into_response(&call.id, &call.version, call.gzip)
}

/// One request to the API.
struct Call {
    id: String,
    method: String,
    path: String,
    query: Query,
    /// the body
    form: Query,
    route: Route,
    /// the endpoint's name, by which it is limited and counted
    name: String,
    key: Option<String>,
    version: String,
    idempotency: String,
    gzip: bool,
}

impl Call {
    fn new(state: &State, request: &request::Parts, form: Query) -> Call {
        let text =
            |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let path = request.uri.path().to_owned();
        let method = request.method.as_str().to_owned();
        let route = Route::find(&method, &path);
        let version = text("stripe-version");
        Call {
            id: state.test.world.ids.id(Obj::Request, state.next_request()),
            query: Query::parse(request.uri.query().unwrap_or_default()),
            form,
            name: route.name(&method, &path),
            key: keys::from_header(text(header::AUTHORIZATION.as_str())),
            version: if version.is_empty() { API_VERSION.to_owned() } else { version.to_owned() },
            idempotency: text("idempotency-key").to_owned(),
            gzip: text("accept-encoding").contains("gzip"),
            method,
            path,
            route,
        }
    }

    /// Key, path, limits and faults.
    fn admit(&self, state: &State) -> Result<(Key, Option<FaultKind>), ApiError> {
        let text = self.key.as_deref().ok_or_else(ApiError::no_key)?;
        let key = state.keys().check(text)?.clone();
        if self.route == Route::Unknown {
            return Err(ApiError::no_route(&self.method, &self.path));
        }
        lock(&state.limiters[usize::from(key.livemode)])
            .admit(&self.name, state.began.elapsed())
            .map_err(ApiError::too_fast)?;
        let fault = lock(&state.faults).strike();
        if let Some(kind) = fault {
            *lock(&state.report).faults.entry(kind.word().to_owned()).or_default() += 1;
        }
        Ok((key, fault))
    }

    fn answer(&self, state: &Arc<State>, key: &Key) -> Answer {
        match self.body(state, key) {
            Ok(body) => Answer::json(body),
            Err(error) => Answer::from(&error, &self.id),
        }
    }

    fn body(&self, state: &Arc<State>, key: &Key) -> Result<Vec<u8>, ApiError> {
        let mode = state.mode(key.livemode);
        let other = state.mode(!key.livemode);
        mode.forget_old_events(state.now());
        let overlay = mode.read();
        let context = Context { call: self, key, mode, other, overlay: &overlay };
        let account = &mode.world.account;
        let mut out = Out::with_capacity(2048);
        match &self.route {
            Route::Account => {
                key.require("rak_accounts_kyc_basic_read", account)?;
                self.query.only(&["expand"])?;
                write::account(&mut out, &mode.world);
            }
            Route::Balance => {
                key.require("rak_balance_read", account)?;
                self.query.only(&["expand"])?;
                write::balance(&mut out, &mode.world);
            }
            Route::Session => return relay::session(state, key, &self.form),
            Route::Retry(id) => return context.retry(id),
            Route::List(at) => return context.list(&LISTS[*at]),
            Route::Lines(id) => return context.lines(id),
            Route::Object(obj, name, permission, id) => {
                key.require(permission, account)?;
                self.query.only(&["expand"])?;
                let expand = context.expand(*obj, false)?;
                let number = context.resolve(*obj, name, id)?;
                write::object(&mut out, context.view(), *obj, number, &expand);
            }
            Route::Nothing(name, permission, id) => {
                key.require(permission, account)?;
                return Err(ApiError::missing(name, id));
            }
            Route::WebhookEndpoints | Route::WebhookEndpoint(_) => {
                drop(overlay);
                return self.endpoints(state, key, mode);
            }
            Route::Unknown => return Err(ApiError::no_route(&self.method, &self.path)),
        }
        Ok(out.into_bytes())
    }

    fn endpoints(&self, state: &Arc<State>, key: &Key, mode: &Mode) -> Result<Vec<u8>, ApiError> {
        let (query, form, idempotency) = (&self.query, &self.form, self.idempotency.as_str());
        let desk = hooks::Desk { state, mode, key, query, form, idempotency };
        match (&self.route, self.method.as_str()) {
            (Route::WebhookEndpoint(id), "GET") => desk.retrieve(id),
            (Route::WebhookEndpoint(id), "DELETE") => desk.delete(id),
            (Route::WebhookEndpoint(id), _) => desk.update(id),
            (_, "GET") => desk.list(),
            _ => desk.create(),
        }
    }

    fn count(&self, state: &State, answer: &Answer) {
        let mut report = lock(&state.report);
        report.total += 1;
        *report.requests.entry(self.name.clone()).or_default() += 1;
        *report.statuses.entry(answer.status).or_default() += 1;
        if answer.status == 429 {
            *report.limited.entry(answer.reason.unwrap_or("lock").to_owned()).or_default() += 1;
        }
    }
}

/// A request that was let in, and what it may see.
struct Context<'a> {
    call: &'a Call,
    key: &'a Key,
    mode: &'a Mode,
    other: &'a Mode,
    overlay: &'a Overlay,
}

impl<'a> Context<'a> {
    fn view(&self) -> View<'a> {
        view(self.mode, self.overlay)
    }

    /// The number behind an id in the path.
    fn resolve(&self, obj: Obj, name: &str, id: &str) -> Result<u64, ApiError> {
        if let Some((found, number)) = self.mode.world.ids.parse(id)
            && found == obj
            && self.view().exists(obj, number)
        {
            return Ok(number);
        }
        let error = ApiError::missing(name, id);
        let elsewhere = self.other.world.ids.parse(id).is_some_and(|(found, number)| {
            let overlay = self.other.read();
            found == obj && view(self.other, &overlay).exists(obj, number)
        });
        Err(if elsewhere { error.in_other_mode(self.key.livemode) } else { error })
    }

    /// The number behind an id in a parameter.
    fn resolve_param(&self, param: &str, obj: Obj, id: &str) -> Result<u64, ApiError> {
        self.resolve(obj, describe(obj).0, id).map_err(|error| ApiError {
            status: 400,
            param: Some(param.to_owned()),
            ..error
        })
    }

    fn expand(&self, obj: Obj, list: bool) -> Result<Expand, ApiError> {
        let paths = self.call.query.all("expand");
        if paths.is_empty() {
            return Ok(Expand::default());
        }
        let mut reads = Vec::new();
        let tree = Expand::parse(&paths, obj, list, &mut reads).map_err(|refusal| match refusal {
            Refusal::Unknown(path) => ApiError::cannot_expand(&path),
            Refusal::TooDeep(path) => ApiError::expands_too_deep(&path),
        })?;
        for read in reads {
            self.key.require(describe(read).1, &self.mode.world.account)?;
        }
        Ok(tree)
    }

    fn cursor(&self, obj: Obj) -> Result<Cursor, ApiError> {
        let query = &self.call.query;
        match (query.get("starting_after"), query.get("ending_before")) {
            (Some(_), Some(_)) => Err(ApiError::two_cursors()),
            (Some(id), None) => self.resolve_param("starting_after", obj, id).map(Cursor::After),
            (None, Some(id)) => self.resolve_param("ending_before", obj, id).map(Cursor::Before),
            (None, None) => Ok(Cursor::Top),
        }
    }

    fn list(&self, endpoint: &Endpoint) -> Result<Vec<u8>, ApiError> {
        let query = &self.call.query;
        self.key.require(endpoint.permission, &self.mode.world.account)?;
        query.only(&filters::known(endpoint))?;
        if !endpoint.required.is_empty() && query.get(endpoint.required).is_none() {
            return Err(ApiError::missing_required(endpoint.required));
        }
        let Some(obj) = endpoint.obj else { return self.empty_list() };
        let expand = self.expand(obj, true)?;
        let cursor = self.cursor(obj)?;
        let find = |param: &str, obj: Obj, id: &str| self.resolve_param(param, obj, id);
        let ask = filters::ask(obj, endpoint, query, self.view(), cursor, &find)?;
        let page = page(self.view(), &ask).ok_or_else(|| {
            let id = query.get("starting_after").or(query.get("ending_before")).unwrap_or_default();
            ApiError::missing_param(describe(obj).0, id, "starting_after")
        })?;
        let mut out = Out::with_capacity(256 + page.numbers.len() * 5000);
        out.raw("{\"object\":\"list\",\"data\":[");
        for (position, number) in page.numbers.iter().enumerate() {
            if position > 0 {
                out.byte(b',');
            }
            write::object(&mut out, self.view(), obj, *number, &expand);
        }
        out.raw("],\"has_more\":");
        out.bool(page.has_more);
        out.raw(",\"url\":");
        out.text(&self.call.path);
        out.byte(b'}');
        Ok(out.into_bytes())
    }

    fn empty_list(&self) -> Result<Vec<u8>, ApiError> {
        let query = &self.call.query;
        query.limit()?;
        query.span("created")?;
        match (query.get("starting_after"), query.get("ending_before")) {
            (Some(_), Some(_)) => return Err(ApiError::two_cursors()),
            (Some(id), None) => return Err(ApiError::missing_param("object", id, "starting_after")),
            (None, Some(id)) => return Err(ApiError::missing_param("object", id, "ending_before")),
            (None, None) => {}
        }
        let mut out = Out::with_capacity(128);
        out.raw("{\"object\":\"list\",\"data\":[],\"has_more\":false,\"url\":");
        out.text(&self.call.path);
        out.byte(b'}');
        Ok(out.into_bytes())
    }

    /// Sends an event again: over the relay, which is what the Stripe CLI's `events resend` asks for.
    fn retry(&self, id: &str) -> Result<Vec<u8>, ApiError> {
        let form = &self.call.form;
        self.key.require("rak_event_write", &self.mode.world.account)?;
        form.only(&["for_stripecli", "webhook_endpoint", "account", "expand"])?;
        let number = self.resolve(Obj::Event, "event", id)?;
        if let Some(account) = form.get("account").filter(|account| *account != self.mode.world.account) {
            return Err(ApiError::missing_param("account", account, "account"));
        }
        if let Some(id) = form.get("webhook_endpoint") {
            let missing = || ApiError::missing_param("webhook endpoint", id, "webhook_endpoint");
            let Some((Obj::WebhookEndpoint, endpoint)) = self.mode.world.ids.parse(id) else {
                return Err(missing());
            };
            if !lock(&self.mode.hooks).resend(endpoint, number) {
                return Err(missing());
            }
        } else if form.flag("for_stripecli")? == Some(true) {
            // With nobody connected it reaches nobody.
            let _ = self.mode.resent.send(number);
        } else {
            return Err(ApiError::missing_required("webhook_endpoint"));
        }
        let mut out = Out::with_capacity(4096);
        write::object(&mut out, self.view(), Obj::Event, number, &Expand::default());
        Ok(out.into_bytes())
    }

    /// The lines of an invoice: in their own order, first line first.
    fn lines(&self, id: &str) -> Result<Vec<u8>, ApiError> {
        let query = &self.call.query;
        self.key.require("rak_invoice_read", &self.mode.world.account)?;
        query.only(&["limit", "starting_after", "ending_before", "expand"])?;
        let number = self.resolve(Obj::Invoice, "invoice", id)?;
        let invoice = self.view().invoice(number).ok_or_else(|| ApiError::missing("invoice", id))?;
        let expand = self.expand(Obj::Line, true)?;
        let limit = query.limit()?;
        let count = u64::from(invoice.lines);
        let position = |param: &str, id: &str| match self.mode.world.ids.parse(id) {
            Some((Obj::Line, line))
                if line / LINES_PER_INVOICE == number && line % LINES_PER_INVOICE < count =>
            {
                Ok(line % LINES_PER_INVOICE)
            }
            _ => Err(ApiError::missing_param("line item", id, param)),
        };
        let limit = limit as u64;
        let (from, to, has_more) = match (query.get("starting_after"), query.get("ending_before")) {
            (Some(_), Some(_)) => return Err(ApiError::two_cursors()),
            (Some(id), None) => {
                let from = position("starting_after", id)? + 1;
                (from, count.min(from + limit), count > from + limit)
            }
            (None, Some(id)) => {
                let to = position("ending_before", id)?;
                (to.saturating_sub(limit), to, to > limit)
            }
            (None, None) => (0, count.min(limit), count > limit),
        };
        let mut out = Out::with_capacity(256 + (to - from) as usize * 1200);
        out.raw("{\"object\":\"list\",\"data\":[");
        for at in from..to {
            if at > from {
                out.byte(b',');
            }
            write::invoice_line(&mut out, self.view(), &invoice, at as u8, &expand);
        }
        out.raw("],\"has_more\":");
        out.bool(has_more);
        out.raw(",\"url\":");
        out.text(&self.call.path);
        out.byte(b'}');
        Ok(out.into_bytes())
    }
}
