//! What each key means and which keys each action has: the table's own, or as the user's file changes them.
//!
//! Everything that shows or reads a key asks here, so that a changed key shows everywhere.

use std::collections::HashMap;

use super::actions::{Action, Context, TABLE};
use super::keys::Key;

/// The keys in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    meanings: HashMap<(Context, Key), Action>,
    names: HashMap<Action, Vec<String>>,
}

impl Default for Keymap {
    fn default() -> Keymap {
        let mut map = Keymap { meanings: HashMap::new(), names: HashMap::new() };
        for row in TABLE {
            for name in row.keys {
                map.names.entry(row.action).or_default().push((*name).to_owned());
                let Some(key) = Key::parse(name) else { continue };
                for context in row.contexts {
                    map.meanings.insert((*context, key), row.action);
                }
            }
        }
        map
    }
}

impl Keymap {
    /// What a key means there.
    pub fn action(&self, context: Context, key: Key) -> Option<Action> {
        self.meanings.get(&(context, key)).copied()
    }

    /// An action's keys by name (`ctrl-f`), most usual first.
    pub fn names(&self, action: Action) -> &[String] {
        self.names.get(&action).map(Vec::as_slice).unwrap_or_default()
    }

    /// An action's most usual key as a person reads it; empty when it has none.
    pub fn label(&self, action: Action) -> String {
        self.names(action).first().map(|name| super::keys::label(name)).unwrap_or_default()
    }
}
