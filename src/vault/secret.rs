//! A secret that cannot be printed.
//!
//! Every API key and signing secret lives in this type from the moment it is read. It must never gain a
//! `Display` or a derived `Serialize`: [`Secret::expose`] is the only way out, and a search for that word
//! finds every place that uses one.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Text that is wiped when dropped and prints as dots.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over; the caller's own copies are the caller's to wipe.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for request headers and for sealing, nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(•••)")
    }
}
