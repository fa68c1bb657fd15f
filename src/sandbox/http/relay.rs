//! The relay's HTTP side: sessions are made, and requests become sockets.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::query::Query;
use super::respond::Answer;
use crate::sandbox::errors::ApiError;
use crate::sandbox::faults::{FaultKind, strike_upgrade};
use crate::sandbox::json::Out;
use crate::sandbox::keys::Key;
use crate::sandbox::model::API_VERSION;
use crate::sandbox::relay::socket::{Source, run};
use crate::sandbox::relay::{NoSeat, SubProtocol, name};
use crate::sandbox::rng::hash;
use crate::sandbox::state::State;

/// The sub-protocol of the relay.
const PROTOCOL: &str = "stripecli-devproxy-v1";
/// What a session's sockets are allowed, which goes into their address.
const FEATURE: &str = "webhook-payloads";
const OTHER_FEATURE: &str = "request-log-payloads";
/// How long a handshake is left without an answer by [`FaultKind::RelayHang`].
const HANG: Duration = Duration::from_secs(60);

/// `POST /v1/stripecli/sessions`
pub(super) fn session(state: &State, key: &Key, form: &Query) -> Result<Vec<u8>, ApiError> {
    let world = &state.mode(key.livemode).world;
    if key.text.starts_with("sk_live_") {
        return Err(ApiError::restricted_key_only());
    }
    key.require("rak_stripecli_session_write", &world.account)?;
    form.only(&[
        "device_name",
        "websocket_features",
        "filters",
        "forward_to_url",
        "forward_connect_to_url",
        "forward_thin_to_url",
        "forward_thin_connect_to_url",
    ])?;
    let features = form.all("websocket_features");
    if features.is_empty() {
        return Err(ApiError::missing_required("websocket_features"));
    }
    if features.iter().any(|f| !["webhooks", "v2_events", "request_logs"].contains(&f.as_str())) {
        return Err(ApiError::bad_choice("websocket_features", "webhooks, v2_events, or request_logs"));
    }
    let webhooks = features.iter().any(|feature| feature == "webhooks");
    let id = state.relay.open_session(key.livemode, webhooks).ok_or_else(ApiError::too_many_sessions)?;
    let mut out = Out::with_capacity(600);
    out.raw("{\"default_version\":");
    out.text(&world.default_version);
    out.raw(",\"device_token\":\"");
    name(&mut out, hash(world.seed, 0xdece, 0), 24);
    out.raw("\",\"display_connect_filter_warning\":false,\"latest_version\":");
    out.text(API_VERSION);
    out.raw(",\"reconnect_delay\":");
    out.int(state.relay.options().reset as i64);
    out.raw(",\"secret\":");
    out.text(&state.relay.secret(key.livemode));
    out.raw(",\"websocket_authorized_feature\":\"");
    out.raw(if webhooks { FEATURE } else { OTHER_FEATURE });
    out.raw("\",\"websocket_id\":");
    out.text(&id);
    out.raw(",\"websocket_url\":\"ws://");
    out.raw(&state.address());
    out.raw("/subscribe/");
    out.raw(&world.account);
    out.raw("\"}");
    Ok(out.into_bytes())
}

/// `GET /subscribe/{account}`: the handshake.
pub(super) async fn subscribe(
    state: &Arc<State>,
    request: Request<Body>,
    kill: impl FnOnce(),
) -> Response<Body> {
    match strike_upgrade(state) {
        Some(FaultKind::RelayHtml) => {
            return Answer::html(503).into_response("", "", false);
        }
        Some(FaultKind::RelayRedirect) => {
            let mut response = Answer::error(302, Vec::new()).into_response("", "", false);
            let target = HeaderValue::from_static("https://stripe.com/");
            response.headers_mut().insert(header::LOCATION, target);
            return response;
        }
        Some(FaultKind::RelayHang) => {
            tokio::select! {
                () = tokio::time::sleep(HANG) => {}
                () = state.stopping.cancelled() => {}
            }
            kill();
        }
        _ => {}
    }
    upgrade(state, request).unwrap_or_else(|error| {
        Answer::from(&error, "req_relay").into_response("req_relay", API_VERSION, false)
    })
}

fn upgrade(state: &Arc<State>, mut request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let text = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let account = request.uri().path().trim_start_matches("/subscribe/").to_owned();
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let key = text("sec-websocket-key");
    let upgrading = text("upgrade").eq_ignore_ascii_case("websocket")
        && text("connection").to_ascii_lowercase().contains("upgrade")
        && text("sec-websocket-version") == "13"
        && !key.is_empty();
    if !upgrading {
        return Err(ApiError::no_handshake());
    }
    let unknown = account != state.test.world.account
        || ![FEATURE, OTHER_FEATURE].contains(&query.get("websocket_feature").unwrap_or_default());
    if unknown {
        return Err(ApiError::unknown_websocket());
    }
    let seat = state.relay.sit(&text("websocket-id")).map_err(|refusal| match refusal {
        NoSeat::Unknown => ApiError::unknown_websocket(),
        NoSeat::Taken => ApiError::websocket_taken(),
    })?;
    let source = Source::new(state, seat.livemode);
    let offered = text("sec-websocket-protocol").split(',').any(|word| word.trim() == PROTOCOL);
    let says = match state.relay.options().protocol {
        SubProtocol::Echo => offered,
        SubProtocol::Omit => false,
        SubProtocol::Always => true,
    };
    let upgraded = hyper::upgrade::on(&mut request);
    let serving = Arc::clone(state);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else {
            serving.relay.leave(&seat);
            return;
        };
        let stream = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        run(serving, socket, seat, source).await;
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if says {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    Ok(response)
}
