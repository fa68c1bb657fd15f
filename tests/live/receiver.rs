//! A receiver of events on loopback that can be made to misbehave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// 200.
    Good,
    /// Another status.
    Status(u16),
    /// 302 to itself.
    Redirect,
    /// No HTTP.
    Garbage,
    /// Never an answer.
    Silence,
    /// The connection ends without an answer.
    Close,
    /// Nothing listens.
    Away,
}

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn id(&self) -> String {
        let event: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        event["id"].as_str().unwrap().to_owned()
    }
}

#[derive(Debug)]
struct Shared {
    mode: Mutex<Mode>,
    taken: Mutex<Vec<Got>>,
    followed: Mutex<Vec<String>>,
    open: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
pub(crate) struct Receiver {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Receiver {
    pub(crate) async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            mode: Mutex::new(Mode::Good),
            taken: Mutex::default(),
            followed: Mutex::default(),
            open: Mutex::default(),
        });
        let accepting = Some(accept(listener, shared.clone()));
        Receiver { port, shared, accepting }
    }

    /// As a person types it.
    pub(crate) fn url(&self) -> String {
        format!("127.0.0.1:{}/hook", self.port)
    }

    /// As it is shown.
    pub(crate) fn whole(&self) -> String {
        format!("http://{}", self.url())
    }

    pub(crate) async fn set(&mut self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
        // What is open keeps its old ways: it ends.
        for one in std::mem::take(&mut *self.shared.open.lock().unwrap()) {
            one.abort();
        }
        if mode == Mode::Away {
            if let Some(accepting) = self.accepting.take() {
                accepting.abort();
                let _ = accepting.await;
            }
        } else if self.accepting.is_none() {
            let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
            self.accepting = Some(accept(listener, self.shared.clone()));
        }
    }

    /// What was answered with 200, in order.
    pub(crate) fn taken(&self) -> Vec<Got> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// Requests to where a redirect led.
    pub(crate) fn followed(&self) -> Vec<String> {
        self.shared.followed.lock().unwrap().clone()
    }
}

fn accept(listener: TcpListener, shared: Arc<Shared>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let serving = tokio::spawn(serve(socket, shared.clone()));
            shared.open.lock().unwrap().push(serving);
        }
    })
}

async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    while let Some(got) = request(&mut socket, &mut bytes).await {
        let mode = *shared.mode.lock().unwrap();
        if got.path != "/hook" {
            shared.followed.lock().unwrap().push(got.path);
            continue;
        }
        let plain =
            |status: &str, more: &str| format!("HTTP/1.1 {status}\r\n{more}Content-Length: 2\r\n\r\nok");
        let answer = match mode {
            Mode::Good => {
                shared.taken.lock().unwrap().push(got);
                plain("200 OK", "")
            }
            Mode::Status(status) => plain(&format!("{status} No"), ""),
            Mode::Redirect => plain("302 Found", "Location: /elsewhere\r\n"),
            Mode::Garbage => "this is \u{1b}[31mno HTTP\r\n\r\n".to_owned(),
            Mode::Silence => std::future::pending().await,
            Mode::Close | Mode::Away => return,
        };
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn request(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Got> {
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let mut lines = head.lines();
            let path = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: HashMap<String, String> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers["content-length"].parse().unwrap();
            if bytes.len() >= at + 4 + length {
                let body = bytes[at + 4..at + 4 + length].to_vec();
                bytes.drain(..at + 4 + length);
                return Some(Got { path, headers, body });
            }
        }
        let mut part = [0; 8192];
        match socket.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend_from_slice(&part[..length]),
        }
    }
}
