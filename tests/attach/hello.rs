//! Two versions on one data folder: either side is told which of them is to be restarted.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value, json};
use tillwatch::server::attach::wire::PROTOCOL;

use crate::bench::{Bench, PATIENCE};
use crate::service::Service;
use crate::{attached, dashboard};

/// The socket that the holder of the bench's folder listens on.
fn socket(bench: &Bench) -> PathBuf {
    let lock = std::fs::read_to_string(bench.data().join("lock")).unwrap();
    lock.lines().nth(1).unwrap().into()
}

fn send(stream: &mut UnixStream, value: &Value) {
    let body = value.to_string();
    stream.write_all(&(body.len() as u32).to_be_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
}

fn receive(stream: &mut UnixStream) -> Value {
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0; u32::from_be_bytes(head) as usize];
    stream.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// Takes the place of the holder's socket, and says hello as another version would.
fn pretend(bench: &Bench, protocol: u32, version: &'static str) {
    let path = socket(bench);
    std::fs::remove_file(&path).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            assert_eq!(receive(&mut stream)["protocol"], PROTOCOL);
            // A later one may say more than we know.
            send(
                &mut stream,
                &json!({ "protocol": protocol, "version": version, "pid": 4711, "more": ["later"] }),
            );
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_of_another_version_is_named_by_commands_and_dashboards() {
    let bench = Bench::connected(20).await;
    let service = Service::start(&bench).await;
    for (protocol, version, what) in [
        (PROTOCOL - 1, "0.0.9", "end that one and start it again"),
        (PROTOCOL + 1, "9.0.0", "start this one again with 9.0.0"),
    ] {
        pretend(&bench, protocol, version);
        let words = ["process 4711", version, env!("CARGO_PKG_VERSION"), what];
        bench.run(&["status"]).await.refused(75, &words);
        let mut pty = attached(&bench, &[]);
        let (status, _) = pty.end();
        assert_eq!(status.exit_code(), 75);
        // Its last bytes may still be on their way.
        let begun = std::time::Instant::now();
        while !pty.raw().ends_with(b"\n") && begun.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        let raw = String::from_utf8(pty.raw()).unwrap();
        assert!(words.iter().all(|word| raw.contains(word)), "{raw}");
        assert!(!raw.contains('\x1b'), "the screen was taken: {raw:?}");
    }
    service.stop(Signal::KILL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_caller_is_told_who_it_talks_to_and_nothing_more() {
    let bench = Bench::connected(20).await;
    let service = Service::start(&bench).await;
    let mut stream = UnixStream::connect(socket(&bench)).unwrap();
    send(&mut stream, &json!({ "protocol": PROTOCOL + 1, "version": "9.0.0", "pid": 1, "more": true }));
    let hello = receive(&mut stream);
    assert_eq!(hello["protocol"], PROTOCOL);
    assert_eq!(hello["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(hello["pid"], service.pid());
    // It hangs up; what comes then is not looked at.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
    bench.run(&["status"]).await.ok();
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_was_replaced_by_another_version_is_named_on_the_screen() {
    let bench = Bench::connected(20).await;
    let service = Service::start(&bench).await;
    let mut pty = dashboard(&bench);
    service.stop(Signal::KILL).await;
    pty.until_text("NOT CONNECTED");
    // As if a newer program had been started on the folder meanwhile.
    pretend(&bench, PROTOCOL + 1, "9.0.0");
    pty.until_text("process 4711 holds the data folder and is newer");
    pty.keys("q");
    pty.end_cleanly();
}
