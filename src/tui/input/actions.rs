//! The one table of actions: keymap, footer and help are all read from it.
//!
//! An action stands here only when it works. A key has one meaning within a context; a test holds the table to it.

use super::keys::Key;

/// Something a person can ask the screen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Down one row.
    Down,
    /// Up one row.
    Up,
    /// Down one page.
    PageDown,
    /// Up one page.
    PageUp,
    /// To the first row; in the feed, follow again.
    First,
    /// To the last row that is loaded.
    Last,
    /// The first pane, or the whole of it.
    Pane1,
    /// The second pane.
    Pane2,
    /// The third pane.
    Pane3,
    /// The next pane.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// The focused pane whole, and back.
    Zoom,
    /// One account or all of them.
    AllAccounts,
    /// Freeze or follow the feed.
    Freeze,
    /// List what is at Stripe.
    Discover,
    /// Store what was listed.
    Sync,
    /// Store it, with what failed before.
    RetryFailed,
    /// Stop a job.
    Stop,
    /// Read the events now.
    Poll,
    /// Copy the selected id.
    CopyId,
    /// The message list.
    Messages,
    /// This table.
    Help,
    /// Back one step.
    Back,
    /// End, now.
    Quit,
    /// End, whatever is open.
    ForceQuit,
    /// Back to the shell for a while.
    Suspend,
    /// Do what was asked.
    Yes,
    /// Leave it.
    No,
}

/// Where a key has its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// No overlay is open.
    Main,
    /// An overlay to read is open.
    Reading,
    /// A question is open.
    Confirm,
}

/// One row of the table.
#[derive(Debug)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// The keys, most usual first.
    pub keys: &'static [&'static str],
    /// Where.
    pub contexts: &'static [Context],
    /// The heading it stands under in the help.
    pub group: &'static str,
    /// Two words for the footer.
    pub hint: &'static str,
    /// What it does, for the help.
    pub help: &'static str,
    /// Place in the footer, 1 first and last to be dropped; 0 never.
    pub footer: u8,
}

const MAIN: &[Context] = &[Context::Main];
const LISTS: &[Context] = &[Context::Main, Context::Reading];
const ALL: &[Context] = &[Context::Main, Context::Reading, Context::Confirm];
const CONFIRM: &[Context] = &[Context::Confirm];

const fn entry(
    action: Action,
    keys: &'static [&'static str],
    contexts: &'static [Context],
    group: &'static str,
    footer: u8,
    hint: &'static str,
    help: &'static str,
) -> Entry {
    Entry { action, keys, contexts, group, hint, help, footer }
}

/// Every action there is, in the order of the help.
pub const TABLE: &[Entry] = &[
    entry(Action::Down, &["j", "down"], LISTS, "Move", 0, "down", "down one row; in pane 3 the next account"),
    entry(Action::Up, &["k", "up"], LISTS, "Move", 0, "up", "up one row; in pane 3 the account before"),
    entry(Action::PageDown, &["pgdn", "ctrl-f"], LISTS, "Move", 0, "page down", "down one page"),
    entry(Action::PageUp, &["pgup", "ctrl-b"], LISTS, "Move", 0, "page up", "up one page"),
    entry(Action::First, &["g", "home"], LISTS, "Move", 0, "first", "first row; the feed follows again"),
    entry(
        Action::Last,
        &["G", "end"],
        LISTS,
        "Move",
        0,
        "last",
        "last row read so far; again reads older ones",
    ),
    entry(Action::Pane1, &["1"], MAIN, "Panes", 0, "integrations", "integrations; again: the whole screen"),
    entry(Action::Pane2, &["2"], MAIN, "Panes", 0, "events", "live events; again: the whole screen"),
    entry(Action::Pane3, &["3"], MAIN, "Panes", 0, "sync", "discover & sync; again: the whole screen"),
    entry(Action::NextPane, &["tab"], MAIN, "Panes", 5, "pane", "next pane"),
    entry(Action::PreviousPane, &["backtab"], MAIN, "Panes", 0, "pane back", "pane before"),
    entry(Action::Zoom, &["z"], MAIN, "Panes", 6, "zoom", "this pane on the whole screen, and back"),
    entry(Action::AllAccounts, &["A"], MAIN, "Events", 8, "all accounts", "events of one account or of all"),
    entry(Action::Freeze, &["space"], MAIN, "Events", 4, "freeze", "freeze the feed, or follow it again"),
    entry(Action::CopyId, &["y"], MAIN, "Events", 10, "copy id", "copy the id of what is selected"),
    entry(
        Action::Poll,
        &["r"],
        MAIN,
        "Events",
        7,
        "poll now",
        "read new events from Stripe now; costs a read or a few",
    ),
    entry(
        Action::Discover,
        &["d"],
        MAIN,
        "Discover & sync",
        1,
        "discover",
        "list the invoices at Stripe into the catalog; goes on where it was stopped",
    ),
    entry(
        Action::Sync,
        &["s"],
        MAIN,
        "Discover & sync",
        2,
        "sync",
        "store what is pending or has changed, with customers, payments and the rest",
    ),
    entry(
        Action::RetryFailed,
        &["E"],
        MAIN,
        "Discover & sync",
        11,
        "retry failed",
        "sync, and try again what failed",
    ),
    entry(
        Action::Stop,
        &["x"],
        MAIN,
        "Discover & sync",
        9,
        "stop",
        "stop the running job of the selected account, safely",
    ),
    entry(
        Action::Messages,
        &["M"],
        LISTS,
        "Program",
        12,
        "messages",
        "everything that was told, newest first",
    ),
    entry(Action::Help, &["?"], LISTS, "Program", 0, "help", "these keys"),
    entry(Action::Back, &["esc"], LISTS, "Program", 0, "back", "back one step; never quits"),
    entry(Action::Suspend, &["ctrl-z"], ALL, "Program", 0, "suspend", "back to the shell; `fg` returns here"),
    entry(Action::Quit, &["q"], LISTS, "Program", 3, "quit", "quit at once; what runs can be taken up again"),
    entry(Action::ForceQuit, &["ctrl-c"], ALL, "Program", 0, "quit", "quit, whatever is open"),
    entry(Action::Yes, &["y"], CONFIRM, "A question", 0, "yes", "yes, do it"),
    entry(Action::No, &["n", "enter", "esc", "q"], CONFIRM, "A question", 0, "no", "no, leave it"),
];

/// What a key means in a context.
pub fn lookup(context: Context, key: Key) -> Option<Action> {
    TABLE
        .iter()
        .find(|row| {
            row.contexts.contains(&context) && row.keys.iter().any(|name| Key::parse(name) == Some(key))
        })
        .map(|row| row.action)
}

/// The row of an action.
pub fn row(action: Action) -> Option<&'static Entry> {
    TABLE.iter().find(|row| row.action == action)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_key_is_readable_and_has_one_meaning_in_its_context() {
        let mut seen = HashSet::new();
        for row in TABLE {
            assert!(!row.keys.is_empty() && !row.help.is_empty() && !row.hint.is_empty());
            for name in row.keys {
                let key = Key::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
                for context in row.contexts {
                    assert!(seen.insert((*context, key)), "{name} means two things in {context:?}");
                    assert_eq!(lookup(*context, key), Some(row.action));
                }
            }
        }
    }

    #[test]
    fn footer_places_are_taken_once() {
        let mut places = HashSet::new();
        for row in TABLE.iter().filter(|row| row.footer > 0) {
            assert!(places.insert(row.footer), "{:?}", row.action);
        }
    }
}
