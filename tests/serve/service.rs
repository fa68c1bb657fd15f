//! A running `serve`, and a client that knows its token.

use std::process::Stdio;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout};

use crate::bench::{Bench, PATIENCE};

/// A running `serve`.
pub struct Service {
    pub child: Child,
    pub base: String,
    pub token: String,
    pub told: Value,
    http: reqwest::Client,
    out: BufReader<ChildStdout>,
}

/// Status and body.
pub struct Got {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Service {
    /// Started on any free port; waits until the store is open.
    pub async fn start(bench: &Bench) -> Service {
        Service::with(bench, &[]).await
    }

    /// With more flags.
    pub async fn with(bench: &Bench, more: &[&str]) -> Service {
        let mut args = vec![
            "--json",
            "serve",
            "--webhook-listen",
            "127.0.0.1:0",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ];
        args.extend_from_slice(more);
        let mut child = bench.command(&args).stderr(Stdio::inherit()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, out.read_line(&mut line)).await.unwrap().unwrap();
        assert!(!line.is_empty(), "it ended: {:?}", child.wait().await);
        let told: Value = serde_json::from_str(&line).unwrap();
        let token = std::fs::read_to_string(told["token_file"].as_str().unwrap()).unwrap().trim().to_owned();
        assert!(!line.contains(&token));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = told["api"].as_str().unwrap().to_owned();
        let service = Service { child, base, token, told, http, out };
        service.until("ready", async || service.get("/readyz").await.status == 200).await;
        service
    }

    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    /// A request without it.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Got {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Got {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        send(request.body(body.to_owned())).await
    }

    pub async fn status(&self) -> Value {
        self.get("/api/integrations/stripe/sync/status").await.ok()
    }

    /// Looked at again and again.
    pub async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let begun = tokio::time::Instant::now();
        while !so().await {
            assert!(begun.elapsed() < PATIENCE, "never came: {what}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Waits until a job has ended; its part of the status.
    pub async fn ended(&self, job: &str) -> Value {
        self.until(job, async || {
            !matches!(self.status().await[job]["status"].as_str(), Some("queued" | "running"))
        })
        .await;
        self.status().await[job].clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Bytes resident, of the process.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Ends it by a signal; its exit code.
    pub async fn stop(mut self, signal: rustix::process::Signal) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it hangs").unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "", "nothing more on stdout");
        ended.code()
    }

    pub async fn end(self) {
        assert_eq!(self.stop(rustix::process::Signal::TERM).await, Some(0));
    }
}

/// Sends and reads.
pub async fn send(request: RequestBuilder) -> Got {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Got { status, headers, text: answer.text().await.unwrap() }
}

impl Got {
    /// It must be 200 and JSON.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// It must be a fault with this status that names this field, in one sentence.
    pub fn refused(&self, status: u16, field: Option<&str>) -> String {
        let body: Value =
            serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}: {}", self.status, self.text));
        assert_eq!(self.status, status, "{body}");
        assert_eq!(body["field"].as_str(), field, "{body}");
        assert_eq!((&body["status"], &body["status_code"]), (&"error".into(), &status.into()), "{body}");
        let sentence = body["message"].as_str().unwrap();
        assert!(sentence.ends_with('.') || status == 503, "no sentence: {sentence}");
        assert!(!sentence.contains('\n') && sentence.len() < 400, "{sentence}");
        sentence.to_owned()
    }
}
