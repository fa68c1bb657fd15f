//! The rows of the table of actions. An action stands here only when it works; a test walks it.

use super::{Action, Context, Entry};
use crate::tui::screens::ScreenId;

const MAIN: &[Context] = &[Context::Main];
const LISTS: &[Context] = &[Context::Main, Context::Reading];
const ALL: &[Context] = &[Context::Main, Context::Reading, Context::Confirm, Context::Typing, Context::Form];
const TYPING: &[Context] = &[Context::Typing];
const FORM: &[Context] = &[Context::Form];
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
    Entry { action, keys, contexts, on: &[], group, hint, help, footer }
}

impl Entry {
    /// The action belongs to these screens only.
    const fn on(mut self, screens: &'static [ScreenId]) -> Entry {
        self.on = screens;
        self
    }
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
    entry(Action::Left, &["h", "left"], MAIN, "Move", 0, "left", "the tab before, or fold")
        .on(&[ScreenId::Records]),
    entry(Action::Right, &["l", "right"], MAIN, "Move", 0, "right", "the next tab, or unfold")
        .on(&[ScreenId::Records]),
    entry(Action::Open, &["enter"], MAIN, "Move", 15, "open", "open what is selected, or change it")
        .on(&[ScreenId::Sync, ScreenId::Records]),
    entry(Action::NextPane, &["tab"], MAIN, "Move", 5, "pane", "next pane"),
    entry(Action::PreviousPane, &["backtab"], MAIN, "Move", 0, "pane back", "pane before"),
    entry(
        Action::Pane1,
        &["1"],
        MAIN,
        "Screens",
        0,
        "integrations",
        "the accounts; on the dashboard, again opens the screen",
    ),
    entry(
        Action::Pane2,
        &["2"],
        MAIN,
        "Screens",
        0,
        "events",
        "the events; on the dashboard, again opens the screen",
    ),
    entry(
        Action::Pane3,
        &["3"],
        MAIN,
        "Screens",
        0,
        "discover & sync",
        "discover & sync; on the dashboard, again opens the screen",
    ),
    entry(Action::Records, &["4"], MAIN, "Screens", 0, "records", "stored records of any kind"),
    entry(Action::Log, &["7"], MAIN, "Screens", 0, "log", "everything that was told, on a screen"),
    entry(Action::Zoom, &["z"], MAIN, "Screens", 6, "zoom", "this pane as a whole screen, and back"),
    entry(Action::NextAccount, &["]"], MAIN, "Screens", 0, "next account", "the next account"),
    entry(Action::PreviousAccount, &["["], MAIN, "Screens", 0, "account before", "the account before"),
    entry(Action::Find, &["/"], MAIN, "Screens", 14, "filter", "show only what matches what is typed").on(&[
        ScreenId::Dashboard,
        ScreenId::Sync,
        ScreenId::Records,
        ScreenId::Log,
    ]),
    entry(
        Action::Search,
        &["S"],
        MAIN,
        "Screens",
        16,
        "search",
        "search everything: an e-mail, number, id, last4 or amount",
    ),
    entry(Action::NextMatch, &["n"], MAIN, "Records", 0, "next match", "the next place that matches")
        .on(&[ScreenId::Records]),
    entry(Action::PreviousMatch, &["N"], MAIN, "Records", 0, "match before", "the match before")
        .on(&[ScreenId::Records]),
    entry(Action::Order, &["O"], MAIN, "Records", 17, "order", "order by another column, or reverse it")
        .on(&[ScreenId::Sync, ScreenId::Records]),
    entry(Action::Timeline, &["t"], MAIN, "Records", 18, "timeline", "the stored events about the object")
        .on(&[ScreenId::Records]),
    entry(
        Action::Customer,
        &["u"],
        MAIN,
        "Records",
        19,
        "customer",
        "go to the customer of what is selected",
    )
    .on(&[ScreenId::Records]),
    entry(Action::CopyValue, &["Y"], MAIN, "Records", 0, "copy value", "copy the selected value")
        .on(&[ScreenId::Records]),
    entry(
        Action::CopyLink,
        &["P"],
        MAIN,
        "Records",
        0,
        "payment link",
        "copy the payment link of an open invoice",
    )
    .on(&[ScreenId::Records]),
    entry(
        Action::OpenInStripe,
        &["o"],
        MAIN,
        "Records",
        20,
        "open in Stripe",
        "open its page in Stripe's dashboard",
    )
    .on(&[ScreenId::Records]),
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
    entry(Action::Palette, &[":"], MAIN, "Program", 13, "commands", "every command by name"),
    entry(
        Action::Plan,
        &["p"],
        MAIN,
        "Discover & sync",
        21,
        "look",
        "look at a few pages for the plan: up to 7 reads",
    )
    .on(&[ScreenId::Sync]),
    entry(
        Action::Mark,
        &["v"],
        MAIN,
        "Discover & sync",
        22,
        "mark",
        "mark the entry of the catalog: to be synced, or to be left out",
    )
    .on(&[ScreenId::Sync]),
    entry(
        Action::MarkAll,
        &["V"],
        MAIN,
        "Discover & sync",
        0,
        "mark all",
        "mark every entry that the filter shows, as the selected one would be; asks first",
    )
    .on(&[ScreenId::Sync]),
    entry(
        Action::History,
        &["H"],
        MAIN,
        "Discover & sync",
        23,
        "history",
        "every run so far: what, when, how it ended",
    )
    .on(&[ScreenId::Sync]),
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
    entry(
        Action::Down,
        &["down", "ctrl-n"],
        TYPING,
        "A line of text",
        0,
        "next",
        "the next one of what is listed",
    ),
    entry(Action::Up, &["up", "ctrl-p"], TYPING, "A line of text", 0, "before", "the one before"),
    entry(
        Action::PageDown,
        &["pgdn"],
        TYPING,
        "A line of text",
        0,
        "page down",
        "down one page of what is listed",
    ),
    entry(Action::PageUp, &["pgup"], TYPING, "A line of text", 0, "page up", "up one page"),
    entry(
        Action::Complete,
        &["tab"],
        TYPING,
        "A line of text",
        0,
        "complete",
        "complete the word; in a search, the events of what is selected",
    ),
    entry(
        Action::CompleteBack,
        &["backtab"],
        TYPING,
        "A line of text",
        0,
        "complete back",
        "the completion before",
    ),
    entry(Action::Accept, &["enter"], TYPING, "A line of text", 0, "take it", "take what was typed"),
    entry(Action::Cancel, &["esc"], TYPING, "A line of text", 0, "leave it", "leave it as it was"),
    entry(Action::Down, &["j", "down", "tab"], FORM, "A choice", 0, "next", "the next one"),
    entry(Action::Up, &["k", "up", "backtab"], FORM, "A choice", 0, "before", "the one before it"),
    entry(Action::First, &["g", "home"], FORM, "A choice", 0, "first", "the first of them"),
    entry(Action::Last, &["G", "end"], FORM, "A choice", 0, "last", "the last of them"),
    entry(Action::Toggle, &["space"], FORM, "A choice", 0, "tick", "tick it, or take the tick away"),
    entry(Action::Accept, &["enter"], FORM, "A choice", 0, "take it", "take it as it stands"),
    entry(Action::Back, &["esc"], FORM, "A choice", 0, "leave it", "leave it as it was"),
    entry(Action::Yes, &["y"], CONFIRM, "A question", 0, "yes", "yes, do it"),
    entry(Action::No, &["n", "enter", "esc", "q"], CONFIRM, "A question", 0, "no", "no, leave it"),
];
