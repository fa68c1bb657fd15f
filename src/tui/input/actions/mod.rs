//! The one table of actions: keymap, footer, help, palette and KEYS.md are all read from it.
//!
//! A key has one meaning within a context; a test holds the table to it. The user's keymap file changes keys, never
//! meanings: see [`super::keymap`].

mod table;

use super::super::screens::ScreenId;

pub use table::TABLE;

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
    /// Take the data folder over from a process that is gone.
    TakeOver,
    /// To the left: fold, the tab before, columns.
    Left,
    /// To the right: unfold, the next tab, columns.
    Right,
    /// Open what is selected.
    Open,
    /// The records' screen.
    Records,
    /// The screen of failed payments.
    Payments,
    /// The screen of deliveries.
    Deliveries,
    /// The log's screen.
    Log,
    /// Filter what is shown; on the dashboard, search everything.
    Find,
    /// Search everything, from any screen.
    Search,
    /// Every action by name.
    Palette,
    /// The next account.
    NextAccount,
    /// The account before.
    PreviousAccount,
    /// Connect an account.
    Connect,
    /// Give an account a new key.
    NewKey,
    /// Try the key again.
    CheckKey,
    /// Change an integration.
    Edit,
    /// Disconnect an account.
    Disconnect,
    /// Set a webhook endpoint right: enable it, or make it.
    EnableEndpoint,
    /// Ask Stripe how a webhook endpoint is.
    LookEndpoint,
    /// A new signing secret of a webhook endpoint.
    RotateSecret,
    /// What a run would cost, by looking at a few pages.
    Plan,
    /// Mark a row: to be synced or to be left out.
    Mark,
    /// Mark every row that the filter shows.
    MarkAll,
    /// The history of runs.
    History,
    /// Order by another column.
    Order,
    /// Star an event.
    Star,
    /// The timeline of an object.
    Timeline,
    /// Go to the customer of what is selected.
    Customer,
    /// Open in Stripe's dashboard.
    OpenInStripe,
    /// Only what is open or has failed, or everything.
    OnlyOpen,
    /// Send an event again.
    Replay,
    /// Send again what is parked at a target.
    ReplayParked,
    /// Forward events to a target.
    AddTarget,
    /// Forward no more to a target.
    RemoveTarget,
    /// Let a target's events wait, or go.
    PauseTarget,
    /// Try a target that is down now.
    TryTarget,
    /// Copy the payment link of an invoice.
    CopyLink,
    /// Copy the selected value.
    CopyValue,
    /// Copy where the selected value is.
    CopyPath,
    /// The next match.
    NextMatch,
    /// The match before.
    PreviousMatch,
    /// Take the line as it is.
    Accept,
    /// Leave the line.
    Cancel,
    /// Complete the word, or the next field.
    Complete,
    /// The field before.
    CompleteBack,
    /// Turn a choice on or off.
    Toggle,
    /// Try again.
    TryAgain,
    /// The profiles of the Stripe CLI.
    Profiles,
    /// Do what was asked.
    Yes,
    /// Leave it.
    No,
}

/// Where a key has its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// A screen, with no overlay open.
    Main,
    /// An overlay to read is open.
    Reading,
    /// A question is open.
    Confirm,
    /// A line of text takes the keys; only what stands in the table does not go into it.
    Typing,
    /// A form is open and no line of it is being typed into.
    Form,
}

impl Context {
    /// The names of all of them, for a message.
    pub const NAMES: &'static str = "main, reading, confirm, typing, form";

    const ALL: [Context; 5] =
        [Context::Main, Context::Reading, Context::Confirm, Context::Typing, Context::Form];

    /// By the name that a keymap file uses.
    pub fn parse(name: &str) -> Option<Context> {
        Context::ALL.into_iter().find(|context| context.name() == name)
    }

    /// The name that a keymap file uses.
    pub fn name(self) -> &'static str {
        match self {
            Context::Main => "main",
            Context::Reading => "reading",
            Context::Confirm => "confirm",
            Context::Typing => "typing",
            Context::Form => "form",
        }
    }
}

impl Action {
    /// The name that a keymap file uses: `page-down`.
    pub fn name(self) -> String {
        let mut out = String::new();
        for c in format!("{self:?}").chars() {
            if (c.is_ascii_uppercase() || c.is_ascii_digit()) && !out.is_empty() {
                out.push('-');
            }
            out.push(c.to_ascii_lowercase());
        }
        out
    }
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
    /// The screens it belongs to; empty: all of them.
    pub on: &'static [ScreenId],
    /// The heading it stands under in the help.
    pub group: &'static str,
    /// Two words for the footer.
    pub hint: &'static str,
    /// What it does, for the help.
    pub help: &'static str,
    /// Place in the footer, 1 first and last to be dropped; 0 never.
    pub footer: u8,
}

impl Entry {
    /// It belongs to this screen.
    pub fn is_on(&self, screen: ScreenId) -> bool {
        self.on.is_empty() || self.on.contains(&screen)
    }
}

/// The row of an action.
pub fn row(action: Action) -> Option<&'static Entry> {
    TABLE.iter().find(|row| row.action == action)
}

/// The whole table as a document: docs/KEYS.md, held to it by a test.
pub fn as_markdown() -> String {
    use std::fmt::Write;
    let mut out = String::from(
        "# Keys\n\nMade from the table of actions (`src/tui/input/actions/table.rs`) by a test; do not edit.\n\n\
         A `keymap.toml` beside `config.toml` changes them: `[context]`, then `action = [\"key\", …]`.\n",
    );
    for context in Context::ALL {
        let _ = writeln!(
            out,
            "\n## [{}]\n\n| Key | Action | Where | What it does |\n|---|---|---|---|",
            context.name()
        );
        for row in TABLE.iter().filter(|row| row.contexts.contains(&context)) {
            let keys: Vec<String> = row.keys.iter().map(|key| format!("`{key}`")).collect();
            let on: Vec<&str> = row.on.iter().map(|screen| screen.row().name).collect();
            let on = if on.is_empty() { "everywhere".to_owned() } else { on.join(", ") };
            let _ = writeln!(out, "| {} | `{}` | {on} | {} |", keys.join(" "), row.action.name(), row.help);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::tui::input::keys::Key;

    #[test]
    fn every_key_is_readable_and_has_one_meaning_in_its_context() {
        let mut seen = HashSet::new();
        let keymap = crate::tui::input::keymap::Keymap::default();
        for row in TABLE {
            assert!(!row.keys.is_empty() && !row.help.is_empty() && !row.hint.is_empty());
            for name in row.keys {
                let key = Key::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
                for context in row.contexts {
                    assert!(seen.insert((*context, key)), "{name} means two things in {context:?}");
                    assert_eq!(keymap.action(*context, key), Some(row.action));
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
