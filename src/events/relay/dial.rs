//! Opening one socket: TCP (by way of a proxy where the environment names one), TLS, upgrade, within 10 s.
//!
//! It must never send the API key (the session's id is the credential), nor follow a redirect.

use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::Url;

use super::machine::Failure;
use super::session::{Session, is_loopback};
use crate::stripe::scrub::scrub;

/// A socket.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the relay speaks inside the socket.
const PROTOCOL: &str = "stripecli-devproxy-v1";
/// For all of it, as the Stripe CLI has it.
const WITHIN: Duration = Duration::from_secs(10);
/// The largest frame and message that is read.
pub const LARGEST: usize = 64 * 1024 * 1024;
/// An answer of a proxy is no longer than this.
const PROXY_ANSWER: usize = 8 * 1024;

/// Opens a socket of a session.
pub async fn dial(session: &Session, protocol: bool) -> Result<Socket, Failure> {
    crate::stripe::install_tls();
    tokio::time::timeout(WITHIN, open(session, protocol))
        .await
        .unwrap_or_else(|_| Err(Failure::Other("the relay did not answer within 10 s".to_owned())))
}

async fn open(session: &Session, protocol: bool) -> Result<Socket, Failure> {
    let odd = || Failure::Other("the relay's address cannot be used".to_owned());
    let request = request(session, protocol).ok_or_else(odd)?;
    let stream = connect(&session.url).await.map_err(Failure::Other)?;
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    client_async_tls_with_config(request, stream, Some(config), None)
        .await
        .map(|(socket, _)| socket)
        .map_err(|error| failure(&error))
}

fn request(session: &Session, protocol: bool) -> Option<Request<()>> {
    let mut request = session.url.as_str().into_client_request().ok()?;
    let headers = request.headers_mut();
    let mut id = HeaderValue::try_from(session.id.expose()).ok()?;
    id.set_sensitive(true);
    headers.insert("Websocket-Id", id);
    let agent = concat!("tillwatch/", env!("CARGO_PKG_VERSION"));
    headers.insert("User-Agent", HeaderValue::from_static(agent));
    if protocol {
        headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static(PROTOCOL));
    }
    Some(request)
}

async fn connect(url: &Url) -> Result<TcpStream, String> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    // `ws` counts as http and `wss` as https for the choice of a proxy; none reaches what listens here.
    let scheme = if url.scheme() == "wss" { "https" } else { "http" };
    let target = format!("{scheme}://{host}:{port}/").parse::<Uri>().map_err(|error| error.to_string())?;
    let proxy = if is_loopback(url) { None } else { Matcher::from_system().intercept(&target) };
    let Some(proxy) = proxy else {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        return TcpStream::connect((bare, port)).await.map_err(|error| no_connection(&host, &error));
    };
    if proxy.uri().scheme_str().is_some_and(|scheme| scheme != "http") {
        return Err(
            "the relay can go through a plain http proxy only; NO_PROXY can leave the relay's host out"
                .to_owned(),
        );
    }
    let at = proxy.uri().host().unwrap_or_default().to_owned();
    let mut stream = TcpStream::connect((at.as_str(), proxy.uri().port_u16().unwrap_or(80)))
        .await
        .map_err(|error| no_connection(&at, &error))?;
    let authorization = proxy
        .basic_auth()
        .and_then(|value| value.to_str().ok())
        .map(|value| format!("Proxy-Authorization: {value}\r\n"))
        .unwrap_or_default();
    let hello = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{authorization}\r\n");
    stream.write_all(hello.as_bytes()).await.map_err(|error| no_connection(&at, &error))?;
    tunnel(&mut stream).await?;
    Ok(stream)
}

/// Reads a proxy's answer to CONNECT, and not a byte more.
async fn tunnel(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Result<(), String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.map_err(|_| "the proxy closed the connection".to_owned())?;
        head.push(byte);
        if head.len() > PROXY_ANSWER {
            return Err("the proxy's answer is not HTTP".to_owned());
        }
    }
    let text = String::from_utf8_lossy(&head);
    let status = text.split_whitespace().nth(1).and_then(|word| word.parse::<u16>().ok());
    match status {
        Some(200..300) => Ok(()),
        Some(407) => Err("the proxy wants a user name and password (HTTP 407)".to_owned()),
        Some(status) => Err(format!("the proxy refuses the connection (HTTP {status})")),
        None => Err("the proxy's answer is not HTTP".to_owned()),
    }
}

fn no_connection(host: &str, error: &std::io::Error) -> String {
    format!("no connection to {}: {}", scrub(host), scrub(&error.to_string()))
}

fn failure(error: &WsError) -> Failure {
    match error {
        WsError::Protocol(ProtocolError::SecWebSocketSubProtocolError(
            SubProtocolError::NoSubProtocol | SubProtocolError::ServerSentSubProtocolNoneRequested,
        )) => Failure::Protocol,
        WsError::Http(response) => {
            let status = response.status().as_u16();
            let message = response.body().as_deref().and_then(message);
            match message.as_deref() {
                Some("Unknown WebSocket ID.") => Failure::UnknownSession,
                Some(text) => Failure::Refused(status, format!("the relay refuses: {}", scrub(text))),
                None if (300..400).contains(&status) => {
                    Failure::Refused(status, format!("the relay redirects elsewhere (HTTP {status})"))
                }
                None => Failure::Refused(
                    status,
                    format!("the relay answers with a page instead of a socket (HTTP {status})"),
                ),
            }
        }
        other => Failure::Other(format!("the relay's socket did not open: {}", scrub(&other.to_string()))),
    }
}

/// `error.message` of a JSON body. What the body is decided on is this text: there is no code for it.
fn message(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(body.get("error")?.get("message")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::vault::secret::Secret;

    fn session() -> Session {
        Session {
            id: Secret::new("cliws_{1}_a"),
            url: Url::parse("wss://relay.stripe.com/subscribe/acct_1?websocket_feature=w").unwrap(),
            reset: Duration::ZERO,
            secret: None,
            route: super::super::acks::Route::default(),
        }
    }

    #[test]
    fn the_upgrade_carries_our_own_name_and_no_key() {
        let request = request(&session(), true).unwrap();
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("Websocket-Id"), Some("cliws_{1}_a"));
        assert!(header("User-Agent").unwrap().starts_with("tillwatch/"));
        assert_eq!(header("Sec-WebSocket-Protocol"), Some(PROTOCOL));
        assert!(header("Authorization").is_none());
        assert!(!format!("{:?}", request.headers()).contains("cliws_"), "it is as good as a key");
        assert!(super::request(&session(), false).unwrap().headers().get("Sec-WebSocket-Protocol").is_none());
    }

    #[tokio::test]
    async fn a_proxys_answer_is_read_to_its_end_and_no_further() {
        let mut ok: &[u8] = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nTLS";
        tunnel(&mut ok).await.unwrap();
        assert_eq!(ok, b"TLS");
        for (answer, told) in [
            (&b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..], "password"),
            (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403"),
            (b"<html>\r\n\r\n", "not HTTP"),
            (b"HTTP/1.1", "closed"),
        ] {
            assert!(tunnel(&mut &answer[..]).await.unwrap_err().contains(told));
        }
        let endless = vec![b'x'; PROXY_ANSWER * 2];
        assert!(tunnel(&mut &endless[..]).await.is_err());
    }
}
