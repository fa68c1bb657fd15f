//! What can go wrong with the API, as a person can act on it.
//!
//! Each message is one sentence or two: what is wrong, and what to do. All text from outside has been through
//! [`scrub`](super::scrub::scrub). It must never hold a key.

use super::key::KeyProblem;

/// A request that did not bring what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 401: Stripe does not know the key.
    #[error("Stripe does not know this API key; copy it again from the Dashboard. ({message})")]
    BadKey {
        /// Stripe's words.
        message: String,
    },
    /// 401: the key was good once: expired, rolled or deleted.
    #[error(
        "This API key has expired or was deleted at Stripe; make a new one in the Dashboard and give that one. ({message})"
    )]
    ExpiredKey {
        /// Stripe's words.
        message: String,
    },
    /// Not a key that can read: publishable, signing secret, organization and so on.
    #[error("{message}")]
    WrongKeyKind {
        /// One sentence for a person.
        message: String,
    },
    /// 403: a restricted key (or an app's token) without the permission.
    #[error(
        "The key may not read {path}: {}. Allow it in the Dashboard, under API keys.",
        permission.as_ref().map_or_else(|| "a permission is missing".to_owned(), |slug| format!("{slug} is missing"))
    )]
    MissingPermission {
        /// Stripe's name of the permission, `rak_customer_read`, when the answer told it.
        permission: Option<String>,
        /// The account that the answer named: a way to learn it without being allowed to read it.
        account: Option<String>,
        /// The operation's path, ids folded: `/v1/invoices/{id}`.
        path: String,
    },
    /// 401: the key has a list of addresses, and ours is not on it.
    #[error(
        "The key does not allow requests from this machine's address{}; add it to the key in the Dashboard.",
        ip.as_ref().map(|ip| format!(" ({ip})")).unwrap_or_default()
    )]
    IpNotAllowed {
        /// Our address as Stripe saw it, when it said so.
        ip: Option<String>,
    },
    /// The object exists in the other mode.
    #[error(
        "That is in the other mode than the key: test keys see test data only, live keys live data. ({message})"
    )]
    WrongMode {
        /// Stripe's words.
        message: String,
    },
    /// 403 `account_invalid`: the key has lost its access to the account, or the app was removed.
    #[error("The key no longer has access to this account; connect it again. ({message})")]
    AccountInvalid {
        /// The account that the answer named.
        account: Option<String>,
        /// Stripe's words.
        message: String,
    },
    /// 429, after all retries.
    #[error(
        "Stripe's rate limit was still reached after several tries{}; wait a little or use a slower --pace.",
        reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
    )]
    RateLimited {
        /// `global-rate`, `endpoint-rate`, `global-concurrency`, `endpoint-concurrency`, `resource-specific`.
        reason: Option<String>,
    },
    /// 429 `lock_timeout`, after all retries.
    #[error("The object is locked by another request at Stripe; try again in a moment.")]
    LockTimeout,
    /// 404: deleted, or never there.
    #[error("Stripe does not have it: {message}")]
    NotFound {
        /// The parameter that named it.
        param: Option<String>,
        /// Stripe's words.
        message: String,
    },
    /// 400 `resource_missing` on `starting_after` or `ending_before`: the walk has to begin again.
    #[error("The object where the list was to go on has been deleted at Stripe; the list begins again.")]
    BadCursor,
    /// 400 and the like.
    #[error("Stripe refused the request: {message}")]
    BadRequest {
        /// Stripe's code, `parameter_unknown`.
        code: Option<String>,
        /// The parameter.
        param: Option<String>,
        /// Stripe's words.
        message: String,
    },
    /// 5xx (and 409, 424), after all retries.
    #[error(
        "Stripe has a fault (HTTP {status}{}); try again later, status.stripe.com may tell more.",
        request_id.as_ref().map(|id| format!(", {id}")).unwrap_or_default()
    )]
    Fault {
        /// HTTP status.
        status: u16,
        /// `req_…`, for Stripe's support.
        request_id: Option<String>,
    },
    /// No connection, after all retries.
    #[error("No connection to {host}: {message}. Check the network and the proxy settings.")]
    Network {
        /// Where we tried to go.
        host: String,
        /// The cause, as the system tells it.
        message: String,
    },
    /// Nothing came in time, after all retries.
    #[error("Stripe did not answer in time; check the network and try again.")]
    Timeout,
    /// The server's certificate is not trusted: never tried again, nothing was sent.
    #[error(
        "The certificate of {host} is not trusted ({message}); something between here and Stripe may be reading along."
    )]
    Certificate {
        /// Where we tried to go.
        host: String,
        /// What is wrong with it.
        message: String,
    },
    /// A success that is none: a web page, cut JSON, not a list.
    #[error("The answer is not Stripe's: {message}. A proxy or a login page may be in between.")]
    BadAnswer {
        /// What is wrong with it.
        message: String,
        /// `req_…`, when there was one.
        request_id: Option<String>,
    },
    /// Cancelled from our side.
    #[error("Cancelled.")]
    Cancelled,
    /// A request that is not in the table of what tillwatch may write.
    #[error("tillwatch does not send {method} {path}: it is not in its table of writes.")]
    NotAllowedWrite {
        /// `POST`, `DELETE`.
        method: String,
        /// The path, ids folded.
        path: String,
    },
}

impl Error {
    /// Stripe refuses the key itself: asking again is of no use until a person gives another one.
    pub fn is_key_refused(&self) -> bool {
        matches!(
            self,
            Error::BadKey { .. }
                | Error::ExpiredKey { .. }
                | Error::WrongKeyKind { .. }
                | Error::IpNotAllowed { .. }
                | Error::AccountInvalid { .. }
        )
    }

    /// The same request may well succeed later, without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::RateLimited { .. }
                | Error::LockTimeout
                | Error::Fault { .. }
                | Error::Network { .. }
                | Error::Timeout
                | Error::BadAnswer { .. }
        )
    }

    /// Stripe's id of the request, when the error keeps one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Error::Fault { request_id, .. } | Error::BadAnswer { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }
}

impl From<KeyProblem> for Error {
    fn from(problem: KeyProblem) -> Error {
        Error::WrongKeyKind { message: problem.to_string() }
    }
}
