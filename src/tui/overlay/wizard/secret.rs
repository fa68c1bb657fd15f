//! The field that a key goes into: dots, the prefix, and the last four characters once it is whole.
//!
//! It must never print the key, in a frame or in a debug text, and leaves no copies behind: each change makes a new
//! secret and the old one is wiped.

use crossterm::event::KeyCode;

use crate::tui::input::line::Typed;
use crate::vault::secret::Secret;

/// More than this is no key.
const MOST: usize = 512;
/// Dots that are drawn at most: how long a key is says nothing to a person.
const DOTS: usize = 24;
/// Below this many characters behind the prefix, four would be too much of it.
const TAIL_FROM: usize = 12;
/// What keys begin with, and what is pasted in their place by mistake.
const PREFIXES: &[&str] = &[
    "rk_live_",
    "rk_test_",
    "sk_live_",
    "sk_test_",
    "rkcs_test_",
    "pk_live_",
    "pk_test_",
    "sk_org_",
    "whsec_",
];

/// The field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretEdit {
    text: Secret,
    /// Pasted or taken: it is whole, and its end may be shown.
    whole: bool,
}

impl Default for SecretEdit {
    fn default() -> SecretEdit {
        SecretEdit { text: Secret::new(""), whole: false }
    }
}

impl SecretEdit {
    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.text.expose().is_empty()
    }

    /// The key, to be handed to the engine and nobody else. From now on its end is shown.
    pub fn take_whole(&mut self) -> Secret {
        self.whole = true;
        self.text.clone()
    }

    /// Takes what was typed or pasted; true when it is another one now. Pasting replaces the whole of it: a key comes
    /// in one piece.
    pub fn take(&mut self, typed: &Typed) -> bool {
        let old = self.text.expose();
        match typed {
            Typed::Paste(text) => {
                let text = text.expose();
                let cut = text.char_indices().nth(MOST).map_or(text.len(), |(at, _)| at);
                self.text = Secret::new(&text[..cut]);
                self.whole = true;
                true
            }
            Typed::Key(key) => {
                let next = match (key.code, key.ctrl, key.alt) {
                    (KeyCode::Char('u' | 'w'), true, false) => String::new(),
                    (KeyCode::Char('h'), true, false) | (KeyCode::Backspace, ..) => {
                        let cut = old.char_indices().next_back().map_or(0, |(at, _)| at);
                        old[..cut].to_owned()
                    }
                    (KeyCode::Char(c), false, false) if !c.is_control() && old.len() < MOST => {
                        // One allocation: growing would leave the old bytes behind.
                        let mut next = String::with_capacity(old.len() + c.len_utf8());
                        next.push_str(old);
                        next.push(c);
                        next
                    }
                    _ => return false,
                };
                if next == old {
                    return false;
                }
                self.text = Secret::new(next);
                self.whole = false;
                true
            }
        }
    }

    /// `rk_live_••••••••4242`: what may be seen of it.
    pub fn mask(&self) -> String {
        let text = self.text.expose().trim();
        let prefix = PREFIXES.iter().find(|prefix| text.starts_with(**prefix)).copied().unwrap_or_default();
        let rest = text[prefix.len()..].chars().count();
        let tail: String = if self.whole && rest >= TAIL_FROM && !prefix.is_empty() {
            text.chars().skip(prefix.len() + rest - 4).filter(char::is_ascii_alphanumeric).collect()
        } else {
            String::new()
        };
        let dots = rest.saturating_sub(tail.chars().count()).min(DOTS);
        format!("{prefix}{}{tail}", "•".repeat(dots))
    }

    /// What kind of thing it looks like, in a word, and its mode when the prefix says it.
    pub fn looks_like(&self) -> Option<(&'static str, Option<bool>)> {
        let text = self.text.expose().trim();
        let mode =
            if text.contains("_live_") { Some(true) } else { text.contains("_test_").then_some(false) };
        let kind = match text.split('_').next()? {
            "rk" => "restricted",
            "rkcs" => "claimable sandbox",
            "sk" if text.starts_with("sk_org_") => "organization",
            "sk" => "secret",
            "pk" => "publishable",
            "whsec" => "signing secret",
            _ => return None,
        };
        text.contains('_').then_some((kind, mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::input::keys::Key;

    // Put together so that scanners for leaked keys don't take tests for leaks.
    fn whole() -> String {
        format!("{}51HxyzABCDEFghijkl4242", "rk_live_")
    }

    #[test]
    fn nothing_of_it_is_shown_but_prefix_and_tail() {
        let mut edit = SecretEdit::default();
        edit.take(&Typed::Paste(format!("  {}\r\n", whole()).into()));
        assert_eq!(edit.mask(), format!("rk_live_{}4242", "•".repeat(18)));
        assert!(!format!("{edit:?}").contains("51Hxyz"));
        assert_eq!(edit.take_whole().expose(), format!("  {}\r\n", whole()), "the engine trims it");
        assert_eq!(edit.looks_like(), Some(("restricted", Some(true))));
    }

    #[test]
    fn while_it_is_typed_its_end_is_not_shown() {
        let mut edit = SecretEdit::default();
        for c in whole().chars() {
            edit.take(&Typed::Key(Key { code: KeyCode::Char(c), ctrl: false, alt: false }));
            assert!(!edit.mask().contains("42") && !edit.mask().contains("51H"), "{}", edit.mask());
        }
        edit.take(&Typed::Key(Key::parse("backspace").unwrap()));
        assert_eq!(edit.take_whole().expose(), &whole()[..whole().len() - 1]);
        edit.take(&Typed::Key(Key::parse("ctrl-u").unwrap()));
        assert!(edit.is_empty() && edit.mask().is_empty());
    }

    #[test]
    fn what_is_no_key_is_all_dots() {
        for text in ["hello\u{1b}[31mworld", "日本語日本語日本語日本語日本語", "", "acct_1234567890123"]
        {
            let mut edit = SecretEdit::default();
            edit.take(&Typed::Paste(text.into()));
            assert!(edit.mask().chars().all(|c| c == '•'), "{}", edit.mask());
            assert!(edit.mask().chars().count() <= DOTS);
        }
    }
}
