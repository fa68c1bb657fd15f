//! Where the API is: Stripe itself, or a local stand-in.
//!
//! It must never accept an address that would send a key over plain HTTP to another machine.

use std::net::IpAddr;

use url::{Host, Url};

/// A checked address of the API, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Takes an `https` address, or an `http` one on this machine. The error is one sentence for a person.
    pub fn parse(text: &str) -> Result<BaseUrl, String> {
        let shown = crate::text::clean_max(text.trim(), 100);
        let url = Url::parse(text.trim())
            .map_err(|_| format!("“{shown}” is not a URL; the API's is {}.", super::DEFAULT_BASE))?;
        if !url.username().is_empty() || url.password().is_some() {
            // Not shown: it holds a password.
            return Err("The API's URL must not hold a user name or password.".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("The API's URL must not have a query or fragment: “{shown}”."));
        }
        let base = BaseUrl(url);
        match base.0.scheme() {
            _ if base.0.host().is_none() => Err(format!("The URL “{shown}” names no host.")),
            "https" => Ok(base),
            "http" if base.is_loopback() => Ok(base),
            "http" => Err(format!(
                "“{shown}” would send the key unencrypted: plain http is only for this machine, use https."
            )),
            _ => Err(format!("“{shown}” is neither an https nor an http address.")),
        }
    }

    /// On this machine: 127.0.0.0/8, ::1 or `localhost`.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    /// Stripe's own servers.
    pub fn is_stripe(&self) -> bool {
        self.0.scheme() == "https"
            && matches!(self.0.host(), Some(Host::Domain(name))
                if name == "stripe.com" || name.ends_with(".stripe.com"))
    }

    /// Encrypted.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host (and port, if it is given), for messages.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The address of a path such as `/v1/invoices`. None for a path that would lead elsewhere than it says.
    pub(crate) fn join(&self, path: &str) -> Option<Url> {
        let plain = path.starts_with('/')
            && !path.contains(['?', '#', '\\', '%'])
            && !path.chars().any(char::is_control)
            && path
                .split('/')
                .skip(1)
                .all(|segment| !segment.is_empty() && segment != "." && segment != "..");
        if !plain {
            return None;
        }
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        Some(url)
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_keep_the_key_safe() {
        let stripe = BaseUrl::parse(super::super::DEFAULT_BASE).unwrap();
        assert!(stripe.is_stripe() && !stripe.is_loopback());
        assert_eq!(stripe.to_string(), super::super::DEFAULT_BASE);
        for local in
            ["http://127.0.0.1:8080", "http://127.9.9.9/", "http://[::1]:1", "http://localhost:12111"]
        {
            let base = BaseUrl::parse(local).unwrap();
            assert!(base.is_loopback() && !base.is_stripe(), "{local}");
        }
        for wrong in [
            "http://api.stripe.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "ftp://127.0.0.1",
            "https://user:pw@api.stripe.com",
            "https://api.stripe.com?x=1",
            "https://api.stripe.com/#f",
            "api.stripe.com",
            "",
        ] {
            let said = BaseUrl::parse(wrong).unwrap_err();
            assert!(said.ends_with('.') && !said.contains("pw"), "{wrong}: {said}");
        }
        assert!(!BaseUrl::parse("https://api.stripe.com.evil.example").unwrap().is_stripe());
    }

    #[test]
    fn paths_lead_where_they_say() {
        let base = BaseUrl::parse("http://127.0.0.1:9/stand-in/").unwrap();
        assert_eq!(base.join("/v1/invoices").unwrap().as_str(), "http://127.0.0.1:9/stand-in/v1/invoices");
        assert_eq!(base.to_string(), "http://127.0.0.1:9/stand-in");
        for wrong in ["v1", "/v1/../x", "/v1/a?b", "/v1/a#b", "/v1//a", "/v1/%2e%2e/x", "/v1/a\\b", "/v1/"] {
            assert!(base.join(wrong).is_none(), "{wrong}");
        }
    }
}
