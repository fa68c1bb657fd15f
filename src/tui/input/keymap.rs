//! What each key means and which keys each action has: the table's own, or as the user's file changes them.
//!
//! Everything that shows or reads a key asks here, so that a changed key shows everywhere. The file holds only what
//! differs, by context and action:
//!
//! ```toml
//! [main]
//! discover = ["ctrl-d"]   # instead of d
//! zoom = []               # no key; the palette still has it
//! ```
//!
//! Two actions never share a key within a context, and `ctrl-c` always quits.

use std::collections::HashMap;

use toml::Spanned;

use super::actions::{Action, Context, TABLE};
use super::keys::Key;
use crate::config::Mistake;

/// The keys in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    meanings: HashMap<(Context, Key), Action>,
    names: HashMap<(Context, Action), Vec<String>>,
}

impl Default for Keymap {
    fn default() -> Keymap {
        let mut map = Keymap { meanings: HashMap::new(), names: HashMap::new() };
        for row in TABLE {
            for context in row.contexts {
                for name in row.keys {
                    map.names.entry((*context, row.action)).or_default().push((*name).to_owned());
                    if let Some(key) = Key::parse(name) {
                        map.meanings.insert((*context, key), row.action);
                    }
                }
            }
        }
        map
    }
}

type File = HashMap<Spanned<String>, HashMap<Spanned<String>, Vec<Spanned<String>>>>;

impl Keymap {
    /// The table's keys, changed by a file.
    pub fn with(text: &str) -> Result<Keymap, Mistake> {
        let file: File = toml::from_str(text)?;
        let mut map = Keymap::default();
        let mut changes = Vec::new();
        for (context, actions) in &file {
            let place = Context::parse(context.get_ref()).ok_or_else(|| Mistake {
                at: context.span().start,
                text: format!("there is no [{}]: {}", clean(context.get_ref()), Context::NAMES),
            })?;
            for (action, keys) in actions {
                changes.push((place, action, keys));
            }
        }
        // In the order of the file, so that the first mistake is the one that is told.
        changes.sort_by_key(|(_, action, _)| action.span().start);
        for (context, action, keys) in &changes {
            let at = action.span().start;
            let named = find(*context, action.get_ref()).map_err(|text| Mistake { at, text })?;
            if named == Action::ForceQuit {
                return Err(Mistake { at, text: "ctrl-c always quits; it can't be changed".into() });
            }
            map.meanings.retain(|(place, _), meaning| *place != *context || *meaning != named);
            map.names.insert((*context, named), keys.iter().map(|key| key.get_ref().clone()).collect());
        }
        for (context, action, keys) in changes {
            let Ok(named) = find(context, action.get_ref()) else { continue };
            for name in keys {
                let wrong = |text: String| Mistake { at: name.span().start, text };
                let key = Key::parse(name.get_ref())
                    .ok_or_else(|| wrong(format!("`{}` is no key", clean(name.get_ref()))))?;
                if context == Context::Typing && key.is_text() {
                    return Err(wrong(format!("`{}` is text where one types", clean(name.get_ref()))));
                }
                match map.meanings.insert((context, key), named) {
                    Some(other) if other != named => {
                        return Err(wrong(format!(
                            "`{}` is {} already; give that another key first",
                            clean(name.get_ref()),
                            other.name()
                        )));
                    }
                    _ => {}
                }
            }
        }
        Ok(map)
    }

    /// What a key means there.
    pub fn action(&self, context: Context, key: Key) -> Option<Action> {
        self.meanings.get(&(context, key)).copied()
    }

    /// An action's keys by name (`ctrl-f`) where it has its first meaning, most usual first.
    pub fn names(&self, action: Action) -> &[String] {
        let place = super::actions::row(action).and_then(|row| row.contexts.first());
        place.map(|context| self.names_in(*context, action)).unwrap_or_default()
    }

    /// An action's keys in a context.
    pub fn names_in(&self, context: Context, action: Action) -> &[String] {
        self.names.get(&(context, action)).map(Vec::as_slice).unwrap_or_default()
    }

    /// An action's most usual key as a person reads it; empty when it has none.
    pub fn label(&self, action: Action) -> String {
        self.names(action).first().map(|name| super::keys::label(name)).unwrap_or_default()
    }
}

fn clean(text: &str) -> String {
    crate::text::clean_max(text, 40)
}

fn find(context: Context, name: &str) -> Result<Action, String> {
    let rows = || TABLE.iter().filter(|row| row.contexts.contains(&context));
    if let Some(row) = rows().find(|row| row.action.name() == name) {
        return Ok(row.action);
    }
    let near =
        rows().map(|row| row.action.name()).filter(|own| own.starts_with(name.get(..2).unwrap_or(name)));
    let near: Vec<String> = near.take(4).collect();
    let hint = if near.is_empty() { "docs/KEYS.md lists them".to_owned() } else { near.join(", ") };
    Err(format!("there is no action `{}` in [{}]: {hint}", clean(name), context.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::parse(name).unwrap()
    }

    #[test]
    fn a_file_changes_only_what_it_says_and_keys_may_change_places() {
        let map =
            Keymap::with("[main]\ndiscover = [\"s\"]\nsync = [\"d\", \"ctrl-s\"]\nzoom = []\n").unwrap();
        assert_eq!(map.action(Context::Main, key("s")), Some(Action::Discover));
        assert_eq!(map.action(Context::Main, key("ctrl-s")), Some(Action::Sync));
        assert_eq!(map.action(Context::Main, key("z")), None);
        assert_eq!(map.label(Action::Zoom), "");
        assert_eq!(map.label(Action::Sync), "d");
        assert_eq!(map.action(Context::Main, key("q")), Some(Action::Quit));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, words, at) in [
            ("[man]\nx = []", "there is no [man]", 1),
            ("[main]\ndiscovr = []", "discover", 7),
            ("[main]\nzoom = [\"d\"]", "`d` is discover already", 15),
            ("[main]\nzoom = [\"hyper-d\"]", "is no key", 15),
            ("[typing]\naccept = [\"a\"]", "is text where one types", 19),
            ("[main]\nforce-quit = []", "always quits", 7),
        ] {
            let mistake = Keymap::with(text).unwrap_err();
            assert!(mistake.text.contains(words), "{text}: {}", mistake.text);
            assert_eq!(mistake.at, at, "{text}");
        }
        assert!(Keymap::with("main = 3").is_err());
    }
}
