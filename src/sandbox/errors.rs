//! Error answers, with the status codes and bodies that the API gives.
//!
//! Texts follow what clients in the wild quote of them. A key in a text is always masked.

use super::json::Out;

/// One error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status
    pub status: u16,
    /// `type`
    pub kind: &'static str,
    /// `code`, where there is one
    pub code: Option<&'static str>,
    /// `message`
    pub message: String,
    /// `param`
    pub param: Option<String>,
    /// `Stripe-Rate-Limited-Reason`
    pub reason: Option<&'static str>,
}

const INVALID: &str = "invalid_request_error";

impl ApiError {
    fn new(status: u16, code: Option<&'static str>, message: String) -> ApiError {
        ApiError { status, kind: INVALID, code, message, param: None, reason: None }
    }

    fn on(mut self, param: &str) -> ApiError {
        self.param = Some(param.to_owned());
        self
    }

    /// 401: no `Authorization` header.
    pub fn no_key() -> ApiError {
        ApiError::new(
            401,
            None,
            "You did not provide an API key. You need to provide your API key in the Authorization header, \
             using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
                .to_owned(),
        )
    }

    /// 401: a key that nobody has.
    pub fn bad_key(masked: &str) -> ApiError {
        ApiError::new(401, None, format!("Invalid API Key provided: {masked}"))
    }

    /// 401: a key that was.
    pub fn expired_key(masked: &str) -> ApiError {
        ApiError::new(401, Some("api_key_expired"), format!("Expired API Key provided: {masked}"))
    }

    /// 403: a publishable key where a secret one belongs.
    pub fn publishable_key() -> ApiError {
        ApiError::new(
            403,
            Some("secret_key_required"),
            "This API call cannot be made with a publishable API key. Please use a secret API key."
                .to_owned(),
        )
    }

    /// 400: an organisation's key without the account that is meant.
    pub fn no_context() -> ApiError {
        ApiError::new(
            400,
            None,
            "An organization API key needs the Stripe-Context header to name an account.".to_owned(),
        )
    }

    /// 403: a restricted key that may not.
    pub fn forbidden(masked: &str, account: &str, permission: &str) -> ApiError {
        ApiError::new(
            403,
            Some("more_permissions_required"),
            format!(
                "The provided key '{masked}' does not have the required permissions for this endpoint on \
                 account '{account}'. Having the '{permission}' permission would allow this request to \
                 continue."
            ),
        )
    }

    /// 403: the relay takes no `sk_live_…`.
    pub fn restricted_key_only() -> ApiError {
        ApiError::new(
            403,
            None,
            "For security reasons, the Stripe CLI only permits the use of restricted keys when in live mode. \
             To generate restricted keys for use in live mode, use the `stripe login` command."
                .to_owned(),
        )
    }

    /// 429: too many sessions at the relay. The text is ours: the CLI shows its own instead.
    pub fn too_many_sessions() -> ApiError {
        let message = "You have too many Stripe CLI sessions open.".to_owned();
        ApiError { message, ..ApiError::too_fast("resource-specific") }
    }

    /// 400: a session that the relay does not know, or no longer. Clients decide on this very text.
    pub fn unknown_websocket() -> ApiError {
        ApiError::new(400, None, "Unknown WebSocket ID.".to_owned())
    }

    /// 409: the session has a socket, and takes one only.
    pub fn websocket_taken() -> ApiError {
        ApiError::new(409, None, "This WebSocket ID is already connected.".to_owned())
    }

    /// 400: a request at the relay that is no WebSocket handshake.
    pub fn no_handshake() -> ApiError {
        ApiError::new(400, None, "This is no WebSocket handshake.".to_owned())
    }

    /// 400: sixteen endpoints are enough.
    pub fn too_many_endpoints(livemode: bool) -> ApiError {
        let mode = if livemode { "live" } else { "test" };
        let most = super::hooks::MOST;
        ApiError::new(400, None, format!("You have reached the maximum of {most} {mode} webhook endpoints."))
    }

    /// 400: an endpoint's URL.
    pub fn bad_url(message: &str) -> ApiError {
        ApiError::new(400, Some("url_invalid"), message.to_owned()).on("url")
    }

    /// 400: there are no such events.
    pub fn bad_event(at: usize, name: &str) -> ApiError {
        let param = format!("enabled_events[{at}]");
        let message = format!("Invalid {param}: `{name}` is not the name of an event.");
        ApiError::new(400, None, message).on(&param)
    }

    /// 400: no such version of the API.
    pub fn bad_version(version: &str) -> ApiError {
        ApiError::new(400, None, format!("Invalid API version: {version}")).on("api_version")
    }

    /// 400: an idempotency key that was used for something else.
    pub fn other_idempotent(key: &str) -> ApiError {
        let mut error = ApiError::new(
            400,
            None,
            format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used \
                 with. Try using a key other than '{key}' if you meant to execute a different request."
            ),
        );
        error.kind = "idempotency_error";
        error
    }

    /// 500 with a reason of this machine.
    pub fn broken(message: String) -> ApiError {
        let mut error = ApiError::new(500, None, message);
        error.kind = "api_error";
        error
    }

    /// 404: no such object at this path.
    pub fn missing(object: &str, id: &str) -> ApiError {
        ApiError::new(404, Some("resource_missing"), format!("No such {object}: '{id}'")).on("id")
    }

    /// 400: a parameter names an object that is not there.
    pub fn missing_param(object: &str, id: &str, param: &str) -> ApiError {
        ApiError { status: 400, ..ApiError::missing(object, id).on(param) }
    }

    /// The same, for an object that the other mode has.
    #[must_use]
    pub fn in_other_mode(mut self, key_is_live: bool) -> ApiError {
        self.message.push_str(if key_is_live {
            "; a similar object exists in test mode, but a live mode key was used to make this request."
        } else {
            "; a similar object exists in live mode, but a test mode key was used to make this request."
        });
        self
    }

    /// 404: no such path.
    pub fn no_route(method: &str, path: &str) -> ApiError {
        ApiError::new(
            404,
            None,
            format!(
                "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can \
                 help at https://support.stripe.com/."
            ),
        )
    }

    /// 400: two cursors.
    pub fn two_cursors() -> ApiError {
        ApiError::new(
            400,
            None,
            "You may only specify one of these parameters: starting_after, ending_before.".to_owned(),
        )
    }

    /// 400: not a number.
    pub fn bad_integer(param: &str, value: &str) -> ApiError {
        ApiError::new(400, Some("parameter_invalid_integer"), format!("Invalid integer: {value}")).on(param)
    }

    /// 400: a limit outside 1 to 100.
    pub fn bad_limit(value: i64) -> ApiError {
        let (word, bound) = if value > 100 { ("less", 100) } else { ("greater", 1) };
        ApiError::new(
            400,
            Some("parameter_invalid_integer"),
            format!("This value must be {word} than or equal to {bound} (it currently is '{value}')."),
        )
        .on("limit")
    }

    /// 400: a parameter that the endpoint does not take.
    pub fn unknown_param(param: &str) -> ApiError {
        ApiError::new(400, Some("parameter_unknown"), format!("Received unknown parameter: {param}"))
            .on(param)
    }

    /// 400: a parameter that is needed.
    pub fn missing_required(param: &str) -> ApiError {
        ApiError::new(400, Some("parameter_missing"), format!("Missing required param: {param}.")).on(param)
    }

    /// 400: a word that is none of those allowed.
    pub fn bad_choice(param: &str, allowed: &str) -> ApiError {
        ApiError::new(400, None, format!("Invalid {param}: must be one of {allowed}")).on(param)
    }

    /// 400: nothing to expand there.
    pub fn cannot_expand(path: &str) -> ApiError {
        ApiError::new(400, None, format!("This property cannot be expanded ({path}).")).on("expand")
    }

    /// 400: too many levels.
    pub fn expands_too_deep(path: &str) -> ApiError {
        ApiError::new(
            400,
            None,
            format!("You cannot expand more than 4 levels of a property (Property: {path})."),
        )
        .on("expand")
    }

    /// 429 from a limiter.
    pub fn too_fast(reason: &'static str) -> ApiError {
        let mut error = ApiError::new(
            429,
            Some("rate_limit"),
            "Request rate limit exceeded. Learn more about rate limits here \
             https://stripe.com/docs/rate-limits."
                .to_owned(),
        );
        error.reason = Some(reason);
        error
    }

    /// 429 because somebody else holds the object: no reason header.
    pub fn locked() -> ApiError {
        ApiError::new(
            429,
            Some("lock_timeout"),
            "This object can't be accessed right now because another API request or Stripe process is \
             currently accessing it. If you see this error intermittently, retry the request."
                .to_owned(),
        )
    }

    /// 500.
    pub fn fault() -> ApiError {
        let mut error = ApiError::new(
            500,
            None,
            "An unknown error occurred. It was asked for with --fault; the request may be repeated."
                .to_owned(),
        );
        error.kind = "api_error";
        error
    }

    /// The body.
    pub fn body(&self, request: &str) -> Vec<u8> {
        let mut out = Out::with_capacity(400);
        out.raw("{\"error\":{");
        if let Some(code) = self.code {
            out.raw("\"code\":\"");
            out.raw(code);
            out.raw("\",\"doc_url\":\"https://stripe.com/docs/error-codes/");
            out.raw(&code.replace('_', "-"));
            out.raw("\",");
        }
        out.raw("\"message\":");
        out.text(&self.message);
        if let Some(param) = &self.param {
            out.raw(",\"param\":");
            out.text(param);
        }
        out.raw(",\"request_log_url\":\"https://dashboard.stripe.com/logs/");
        out.raw(request);
        out.raw("\",\"type\":\"");
        out.raw(self.kind);
        out.raw("\"}}");
        out.into_bytes()
    }
}
