//! Stripe's API: client, lists, limits, retries, errors, typed views over raw JSON, money.
//!
//! Objects are the JSON text as received; [`view`] and [`summary()`] read from it what they need. Nothing here
//! knows the store, jobs or screens. It must never send a request other than GET that is not in [`WRITES`],
//! and never show or log a key.

mod answer;
pub mod base;
pub mod client;
mod endpoint;
pub mod error;
pub mod key;
pub mod kind;
pub(crate) mod lenient;
mod limiter;
pub mod limits;
pub mod money;
pub mod page;
mod retry;
pub mod scrub;
pub mod signature;
pub mod summary;
pub mod view;
mod view_more;
mod wire;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod view_tests;

pub use base::BaseUrl;
pub use client::{Client, ClientOptions, Counters};
pub use error::Error;
pub use key::{ApiKey, KeyKind, KeyProblem};
pub use page::{Object, Page};
pub(crate) use retry::next_random;
pub use summary::{RowHead, summary};

/// The API version that every request asks for; the newest that our views were checked against.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Where Stripe is.
pub const DEFAULT_BASE: &str = "https://api.stripe.com";

/// A request other than GET that tillwatch may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// The path, ids folded: `/v1/webhook_endpoints/{id}`.
    pub path: &'static str,
    /// What it is for, for a person.
    pub why: &'static str,
}

/// Every request other than GET that tillwatch may send; the client refuses all others.
pub const WRITES: &[Write] = &[
    Write {
        method: "POST",
        path: "/v1/stripecli/sessions",
        why: "opens a session of the relay that `stripe listen` uses, for live events",
    },
    Write {
        method: "POST",
        path: "/v1/webhook_endpoints",
        why: "makes the webhook endpoint of an integration, when one was asked for",
    },
    Write {
        method: "POST",
        path: "/v1/webhook_endpoints/{id}",
        why: "changes the events or address of that endpoint, or switches it on again; never another one",
    },
    Write {
        method: "DELETE",
        path: "/v1/webhook_endpoints/{id}",
        why: "removes that endpoint, on disconnect or when it is replaced; never another one",
    },
];

/// Makes ring the process's TLS provider. Call it first thing in `main`; more calls do nothing.
pub fn install_tls() {
    // An error only means that a provider is already there.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
