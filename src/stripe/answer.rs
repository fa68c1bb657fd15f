//! From an HTTP answer to an [`Error`].
//!
//! The decision is made on status and `code`; Stripe's wording is only read to *name* things (a permission,
//! an account, an address) and for the cases that have no code. It must never fail: whatever stands in the
//! body, there is an error for it. Shapes: docs.stripe.com/api/errors and real answers quoted by clients.

use serde::Deserialize;

use super::error::Error;
use super::lenient;
use super::scrub::scrub;

/// What the decision needs of an answer that is no success.
pub(crate) struct Refusal<'a> {
    pub status: u16,
    pub body: &'a [u8],
    /// `Stripe-Rate-Limited-Reason`
    pub reason: Option<&'a str>,
    pub request_id: Option<&'a str>,
    /// The operation's path, ids folded.
    pub path: &'a str,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "lenient::object")]
    error: Details,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    #[serde(deserialize_with = "lenient::string")]
    code: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    param: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    message: Option<String>,
}

impl Refusal<'_> {
    /// The error that this answer stands for.
    pub fn error(&self) -> Error {
        let details = serde_json::from_slice::<Body>(self.body).unwrap_or_default().error;
        let code = details.code.as_deref().unwrap_or("");
        let raw = details.message.as_deref().unwrap_or("");
        let message = if raw.is_empty() { format!("HTTP {}", self.status) } else { scrub(raw) };
        let param = details.param.as_deref().map(scrub);
        match (self.status, code) {
            (429, "lock_timeout") => Error::LockTimeout,
            // Without the header it is a lock, unless the code says otherwise (docs.stripe.com/rate-limits).
            (429, "") if self.reason.is_none() && raw.contains("another API request") => Error::LockTimeout,
            (429, _) | (400, "rate_limit") => Error::RateLimited { reason: self.reason.map(scrub) },
            (_, "secret_key_required") => Error::WrongKeyKind {
                message: "Stripe says that this is a publishable key, which cannot read anything: use a \
                          restricted key (rk_…) instead."
                    .to_owned(),
            },
            (401, "api_key_expired" | "platform_api_key_expired") => Error::ExpiredKey { message },
            (401, _) if raw.starts_with("Expired API Key") => Error::ExpiredKey { message },
            (401 | 403, _) if raw.contains("from your IP address") => {
                Error::IpNotAllowed { ip: address(raw) }
            }
            (401, _) => Error::BadKey { message },
            (403, "account_invalid") => Error::AccountInvalid { account: account(raw), message },
            // The code is missing in older answers, so that every other 403 is taken for it.
            (403, _) => Error::MissingPermission {
                permission: permission(raw),
                account: account(raw),
                path: self.path.to_owned(),
            },
            (400 | 404, _) if raw.contains("a similar object exists in") => Error::WrongMode { message },
            (400 | 404, "resource_missing")
                if matches!(details.param.as_deref(), Some("starting_after" | "ending_before")) =>
            {
                Error::BadCursor
            }
            (404, _) => Error::NotFound { param, message },
            (409 | 424 | 500.., _) => {
                Error::Fault { status: self.status, request_id: self.request_id.map(scrub) }
            }
            (300..400, _) => Error::BadAnswer {
                message: format!("it redirects elsewhere (HTTP {})", self.status),
                request_id: self.request_id.map(scrub),
            },
            (407, _) => Error::BadAnswer {
                message: "the proxy wants a user name and password (HTTP 407)".to_owned(),
                request_id: None,
            },
            _ => Error::BadRequest { code: details.code.as_deref().map(scrub), param, message },
        }
    }
}

/// `rak_customer_read` out of "Having the 'rak_customer_read' permission would allow …".
fn permission(text: &str) -> Option<String> {
    let start = text.find("rak_")?;
    let slug = &text[start..];
    let end = slug.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_');
    Some(slug[..end.unwrap_or(slug.len())].to_owned()).filter(|slug| slug.len() > "rak_".len())
}

/// `acct_…` out of a message.
fn account(text: &str) -> Option<String> {
    let start = text.find("acct_")?;
    let id = &text[start..];
    let end = id.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(id.len());
    Some(id[..end].to_owned()).filter(|id| (6..=255).contains(&id.len()))
}

/// An IP address in parentheses, or anywhere in the text.
fn address(text: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | ',' | '\''))
        .map(|word| word.trim_end_matches('.'))
        .find_map(|word| word.parse::<std::net::IpAddr>().ok())
        .map(|ip| ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> Error {
        Refusal {
            status,
            body: body.as_bytes(),
            reason: None,
            request_id: Some("req_1"),
            path: "/v1/invoices/{id}",
        }
        .error()
    }

    #[test]
    fn keys_that_are_refused() {
        let bad = error(
            401,
            r#"{"error":{"message":"Invalid API Key provided: sk_test_********************wxyz","type":"invalid_request_error"}}"#,
        );
        assert_eq!(bad, Error::BadKey { message: "Invalid API Key provided: sk_test_…wxyz".into() });
        assert!(bad.is_key_refused() && !bad.is_transient());
        let expired = error(
            401,
            r#"{"error":{"code":"api_key_expired","doc_url":"x","message":"Expired API Key provided: rk_test_***123"}}"#,
        );
        assert!(matches!(expired, Error::ExpiredKey { .. }));
        let ip = error(
            401,
            r#"{"error":{"message":"The API key provided does not allow requests from your IP address. (1.2.3.4)"}}"#,
        );
        assert_eq!(ip, Error::IpNotAllowed { ip: Some("1.2.3.4".into()) });
        for status in [401, 403] {
            let publishable = error(
                status,
                r#"{"error":{"code":"secret_key_required","message":"This API call cannot be made with a publishable API key."}}"#,
            );
            assert!(matches!(publishable, Error::WrongKeyKind { .. }));
        }
        let gone = error(
            403,
            r#"{"error":{"code":"account_invalid","message":"The provided key 'rk_live_****' does not have access to account 'acct_9' (or that account does not exist). Application access may have been revoked."}}"#,
        );
        assert!(matches!(gone, Error::AccountInvalid { account: Some(ref id), .. } if id == "acct_9"));
    }

    #[test]
    fn a_missing_permission_is_named() {
        let expected = Error::MissingPermission {
            permission: Some("rak_payment_method_read".into()),
            account: Some("acct_1AB".into()),
            path: "/v1/invoices/{id}".into(),
        };
        for code in [r#""code":"more_permissions_required","#, ""] {
            let body = format!(
                r#"{{"error":{{"type":"invalid_request_error",{code}"message":"The provided key 'rk_live_*****gbeftZ' does not have the required permissions for this endpoint on account 'acct_1AB'. Having the 'rak_payment_method_read' permission would allow this request to continue."}}}}"#
            );
            assert_eq!(error(403, &body), expected);
        }
        assert!(matches!(
            error(403, "<html>"),
            Error::MissingPermission { permission: None, account: None, .. }
        ));
    }

    #[test]
    fn things_that_are_not_there() {
        let missing = error(
            404,
            r#"{"error":{"code":"resource_missing","message":"No such invoice: 'in_x'","param":"invoice"}}"#,
        );
        assert_eq!(
            missing,
            Error::NotFound { param: Some("invoice".into()), message: "No such invoice: 'in_x'".into() }
        );
        for status in [400, 404] {
            let cursor = error(status, r#"{"error":{"code":"resource_missing","param":"starting_after"}}"#);
            assert_eq!(cursor, Error::BadCursor);
            let mode = error(
                status,
                r#"{"error":{"code":"resource_missing","message":"No such price: 'price_1'; a similar object exists in live mode, but a test mode key was used to make this request."}}"#,
            );
            assert!(matches!(mode, Error::WrongMode { .. }));
        }
    }

    #[test]
    fn limits_faults_and_the_rest() {
        let limited = Refusal {
            status: 429,
            body: br#"{"error":{"code":"rate_limit"}}"#,
            reason: Some("endpoint-rate"),
            request_id: None,
            path: "/v1/invoices",
        };
        assert_eq!(limited.error(), Error::RateLimited { reason: Some("endpoint-rate".into()) });
        assert_eq!(error(429, r#"{"error":{"code":"lock_timeout"}}"#), Error::LockTimeout);
        assert_eq!(
            error(
                429,
                r#"{"error":{"message":"This object can't be accessed right now because another API request or Stripe process is currently accessing it."}}"#
            ),
            Error::LockTimeout
        );
        let fault = error(503, "<html>Service Unavailable</html>");
        assert_eq!(fault, Error::Fault { status: 503, request_id: Some("req_1".into()) });
        assert_eq!(fault.request_id(), Some("req_1"));
        assert!(fault.is_transient());
        assert!(matches!(error(302, ""), Error::BadAnswer { .. }));
        assert_eq!(
            error(
                400,
                r#"{"error":{"code":"parameter_unknown","param":"foo","message":"Received unknown parameter: foo"}}"#
            ),
            Error::BadRequest {
                code: Some("parameter_unknown".into()),
                param: Some("foo".into()),
                message: "Received unknown parameter: foo".into()
            }
        );
        // Fields of the wrong type are as good as absent.
        assert!(matches!(
            error(418, r#"{"error":{"code":7,"message":["x"]}}"#),
            Error::BadRequest { code: None, .. }
        ));
        assert!(matches!(error(418, r#"{"error":"nope"}"#), Error::BadRequest { .. }));
    }
}
