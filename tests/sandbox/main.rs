//! The local Stripe over real HTTP: what it lists, refuses, limits, breaks and lives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod cli;
mod errors;
mod faults;
mod hooks;
mod paging;
mod relay;
mod traffic;

use std::collections::BTreeSet;

use reqwest::header::HeaderMap;
use serde_json::Value;
use tillwatch::sandbox::{Limits, Options, Running, start};

/// A fixed start, so that no test depends on the day it runs.
pub(crate) const START: i64 = 1_795_000_000;

/// A sandbox and a client for it.
pub(crate) struct Local {
    pub(crate) running: Running,
    client: reqwest::Client,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn error(&self) -> Value {
        self.json()["error"].clone()
    }
}

/// No limits, 600 invoices of 150 customers.
pub(crate) fn plain() -> Options {
    Options { invoices: 600, customers: 150, limits: Limits::None, ..Options::new(START) }
}

impl Local {
    pub(crate) async fn new(options: Options) -> Local {
        // A second test in the same process finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Local { running: start(options).await.unwrap(), client }
    }

    pub(crate) async fn try_get(&self, key: &str, path: &str) -> reqwest::Result<Reply> {
        let url = format!("{}{path}", self.running.base_url);
        let response = self.client.get(url).bearer_auth(key).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Reply { status, headers, text: response.text().await? })
    }

    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Reply {
        self.try_get(key, path).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.get_as(&self.running.keys.secret, path).await
    }

    /// The JSON of a request that must succeed.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.post_as(self.running.keys.restricted.clone(), path, body).await
    }

    pub(crate) async fn post_as(&self, key: String, path: &str, body: &str) -> Reply {
        let url = format!("{}{path}", self.running.base_url);
        answer(self.client.post(url).bearer_auth(key).body(body.to_owned())).await
    }

    /// With an idempotency key.
    pub(crate) async fn post_once(&self, path: &str, body: &str, idempotency: &str) -> Reply {
        let url = format!("{}{path}", self.running.base_url);
        let request = self.client.post(url).bearer_auth(&self.running.keys.restricted);
        answer(request.header("Idempotency-Key", idempotency).body(body.to_owned())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        let url = format!("{}{path}", self.running.base_url);
        answer(self.client.delete(url).bearer_auth(&self.running.keys.restricted)).await
    }

    /// All of a list, newest first, by `starting_after`.
    pub(crate) async fn walk(&self, list: &str, filters: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.json(&format!("/v1/{list}?limit=100{filters}{cursor}")).await;
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] != true {
                return all;
            }
            cursor = format!("&starting_after={}", all.last().unwrap()["id"].as_str().unwrap());
        }
    }

    /// What lies above the oldest of a list, newest first, by `ending_before` and pages of 7.
    pub(crate) async fn climb(&self, list: &str, from: &str, filters: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        let mut cursor = from.to_owned();
        loop {
            let page = self.json(&format!("/v1/{list}?limit=7{filters}&ending_before={cursor}")).await;
            let data = page["data"].as_array().unwrap().clone();
            all.splice(0..0, data);
            if page["has_more"] != true {
                return all;
            }
            cursor = all[0]["id"].as_str().unwrap().to_owned();
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, text: response.text().await.unwrap() }
}

/// The ids of objects, in their order.
pub(crate) fn ids(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["id"].as_str().unwrap()).collect()
}

/// Panics if one comes up twice.
pub(crate) fn assert_distinct(objects: &[Value]) {
    let set: BTreeSet<&str> = ids(objects).into_iter().collect();
    assert_eq!(set.len(), objects.len());
}
