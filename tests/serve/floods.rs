//! Clients that send too much, too slowly, or nothing at all: the right status, others still answered, no memory used up.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bench::{Bench, PATIENCE};
use crate::service::{Got, Service, send};

/// Growth that is none: buffers of a few connections, pages that the allocator keeps.
const GROWTH: u64 = 24 * 1024 * 1024;

/// Bytes of a part of a large body.
const PART: usize = 1024 * 1024;

async fn open(service: &Service) -> TcpStream {
    TcpStream::connect(service.base.trim_start_matches("http://")).await.unwrap()
}

/// Writes what is taken and reads the answer to its end.
async fn raw(service: &Service, parts: impl IntoIterator<Item = Vec<u8>>) -> Got {
    let mut stream = open(service).await;
    for part in parts {
        if stream.write_all(&part).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it never ends");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
    let text = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Got { status, headers: reqwest::header::HeaderMap::new(), text }
}

fn head(service: &Service, more: &str) -> Vec<u8> {
    format!(
        "POST /api/integrations/stripe/sync HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{more}\r\n",
        service.token
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_a_hundred_megabytes_are_refused_in_no_memory() {
    let bench = Bench::connected(50).await;
    let service = Service::start(&bench).await;
    let large = || (0..100).map(|_| vec![b' '; PART]);
    let before = service.resident();
    let declared = head(&service, &format!("content-length: {}\r\n", 100 * PART));
    raw(&service, std::iter::once(declared.clone()).chain(large())).await.refused(413, Some("body"));
    let chunks = large().map(|part| [format!("{PART:x}\r\n").into_bytes(), part, b"\r\n".to_vec()].concat());
    let chunked = head(&service, "transfer-encoding: chunked\r\n");
    raw(&service, std::iter::once(chunked).chain(chunks)).await.refused(413, Some("body"));
    // Asked first, it is told before it sends.
    let asking = head(&service, &format!("expect: 100-continue\r\ncontent-length: {}\r\n", 100 * PART));
    raw(&service, [asking]).await.refused(413, Some("body"));
    let unknown = String::from_utf8(declared).unwrap().replace(&service.token, "wrong");
    raw(&service, std::iter::once(unknown.into_bytes()).chain(large()))
        .await
        .refused(401, Some("Authorization"));
    let grown = service.resident().saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_headers_are_refused() {
    let bench = Bench::connected(50).await;
    let service = Service::start(&bench).await;
    let before = service.resident();
    let headers =
        |count: u32| (0..count).map(|number| format!("x-{number}: 1\r\n")).collect::<Vec<_>>().concat();
    let many = headers(5000);
    assert!(matches!(raw(&service, [head(&service, &many)]).await.status, 431 | 0));
    let few = headers(100);
    assert_eq!(raw(&service, [head(&service, &few)]).await.status, 431);
    let endless =
        std::iter::once(b"GET / HTTP/1.1\r\nx: ".to_vec()).chain((0..64).map(|_| vec![b'a'; 1 << 20]));
    assert!(matches!(raw(&service, endless).await.status, 431 | 0));
    assert_eq!(raw(&service, [b"nonsense\r\n\r\n".to_vec()]).await.status, 400);
    assert!(service.resident().saturating_sub(before) < GROWTH);
    service.get("/healthz").await.ok();
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_idle_connections_keep_nobody_out_and_go() {
    let bench = Bench::connected(50).await;
    let service = Service::start(&bench).await;
    let before = service.resident();
    let mut idle = Vec::new();
    for number in 0..600 {
        let mut stream = open(&service).await;
        if number % 2 == 0 {
            // Half of them begin a request and leave it there.
            let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: local").await;
        }
        idle.push(stream);
    }
    // A new one gets in as soon as others were idle for a second.
    service
        .until("an answer", async || {
            let one = reqwest::Client::builder().no_proxy().build().unwrap();
            let asked = one.get(format!("{}/healthz", service.base)).bearer_auth(&service.token).send().await;
            asked.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    assert!(service.resident().saturating_sub(before) < GROWTH);
    // And all of them are let go in the end, without a word from them.
    let begun = Instant::now();
    for mut stream in idle {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        let _ = read.expect("it is kept for ever");
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let bench = Bench::connected(50).await;
    let service = Service::start(&bench).await;
    let begun = Instant::now();
    let got = raw(&service, [head(&service, "content-length: 20\r\n"), b"{".to_vec()]).await;
    got.refused(408, Some("body"));
    assert!(begun.elapsed() < Duration::from_secs(30));
    // A client that is told to stop while it sends is not waited for either.
    let mut half = open(&service).await;
    half.write_all(&head(&service, "content-length: 20\r\n")).await.unwrap();
    send(service.request(reqwest::Method::GET, "/healthz")).await.ok();
    let begun = Instant::now();
    service.end().await;
    assert!(begun.elapsed() < Duration::from_secs(20));
}
