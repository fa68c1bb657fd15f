//! The rows of the table of actions, in the order of the help. An action stands here only when it works; a test walks
//! it. One action may have rows in several contexts, each with keys of its own; never two in the same one.

use super::{Action, Context, Entry};
use crate::tui::screens::ScreenId::{
    self, Dashboard, Deliveries, Events, Integrations, Log, Payments, Records, Sync,
};

const MAIN: &[Context] = &[Context::Main];
const LISTS: &[Context] = &[Context::Main, Context::Reading];
const ALL: &[Context] = &[Context::Main, Context::Reading, Context::Confirm, Context::Typing, Context::Form];
const TYPING: &[Context] = &[Context::Typing];
const FORM: &[Context] = &[Context::Form];
const CONFIRM: &[Context] = &[Context::Confirm];
/// Screens with panes.
const PANES: &[ScreenId] = &[Dashboard, Events, Sync, Records, Deliveries];
/// Screens on which something is read as a tree.
const TREES: &[ScreenId] = &[Events, Records, Deliveries];

/// Screens on which a value can be copied.
const VALUES: &[ScreenId] = &[Integrations, Events, Records, Deliveries];

/// A row of a group of the help: what, its keys, its name in two words, what it does.
const fn entry(
    group: &'static str,
    action: Action,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
) -> Entry {
    Entry { action, keys, contexts: MAIN, on: &[], group, hint, help, footer: 0 }
}

impl Entry {
    /// It has its keys in these contexts, instead of on the screens only.
    const fn within(mut self, contexts: &'static [Context]) -> Entry {
        self.contexts = contexts;
        self
    }

    /// It belongs to these screens only.
    const fn on(mut self, screens: &'static [ScreenId]) -> Entry {
        self.on = screens;
        self
    }

    /// It stands in the footer, the lowest numbers first and last to go.
    const fn footer(mut self, place: u8) -> Entry {
        self.footer = place;
        self
    }
}

/// Every action there is.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    entry("Move", Action::Down, &["j", "down"], "down", "down one row").within(LISTS),
    entry("Move", Action::Up, &["k", "up"], "up", "up one row").within(LISTS),
    entry("Move", Action::PageDown, &["pgdn", "ctrl-f"], "page down", "down one page").within(LISTS),
    entry("Move", Action::PageUp, &["pgup", "ctrl-b"], "page up", "up one page").within(LISTS),
    entry("Move", Action::First, &["g", "home"], "first", "first row; the feed follows again").within(LISTS),
    entry("Move", Action::Last, &["G", "end"], "last", "last row; in the feed, the oldest event").within(LISTS),
    entry("Move", Action::Open, &["enter"], "open", "open what is selected, or change it")
        .on(&[Dashboard, Integrations, Events, Sync, Records, Payments, Deliveries]).footer(3),
    entry("Move", Action::Left, &["h", "left"], "left", "fold; the tab before; from the detail to the list").on(TREES),
    entry("Move", Action::Right, &["l", "right"], "right", "unfold; the next tab; from the list to the detail").on(TREES),
    entry("Move", Action::NextPane, &["tab"], "pane", "next pane, or next tab").on(PANES).footer(7),
    entry("Move", Action::PreviousPane, &["backtab"], "pane back", "pane or tab before").on(PANES),

    entry("Find", Action::Find, &["/"], "filter", "show only what matches; on the dashboard, search everything")
        .on(&[Dashboard, Events, Sync, Records, Payments, Deliveries, Log]).footer(4),
    entry("Find", Action::Search, &["S"], "search", "search everything: an e-mail, number, id, last4 or amount").footer(15),
    entry("Find", Action::Order, &["O"], "order", "order by another column, or reverse it").on(&[Sync, Records, Payments]).footer(10),
    entry("Find", Action::OnlyOpen, &["F"], "only failed", "only the open cases or failed attempts, or all of them").on(&[Payments, Deliveries]).footer(35),
    entry("Find", Action::NextMatch, &["n"], "next match", "the next match of what / looks for in the JSON").on(TREES),
    entry("Find", Action::PreviousMatch, &["N"], "match before", "the match before it").on(TREES),

    entry("Screens", Action::Pane1, &["1"], "integrations", "the accounts; on the dashboard, again opens the screen"),
    entry("Screens", Action::Pane2, &["2"], "events", "the events; on the dashboard, again opens the screen"),
    entry("Screens", Action::Pane3, &["3"], "discover & sync", "discover & sync; on the dashboard, again opens the screen"),
    entry("Screens", Action::Records, &["4"], "records", "stored records of any kind"),
    entry("Screens", Action::Payments, &["5"], "failed payments", "failed payments: what is at risk, came back or is lost"),
    entry("Screens", Action::Deliveries, &["6"], "deliveries", "where events are forwarded to, and every attempt"),
    entry("Screens", Action::Log, &["7"], "log", "everything that was told, on a screen"),
    entry("Screens", Action::Zoom, &["z"], "zoom", "this pane as a whole screen, and back").footer(13),
    entry("Screens", Action::NextAccount, &["]"], "next account", "the next account"),
    entry("Screens", Action::PreviousAccount, &["["], "account before", "the account before"),
    entry("Screens", Action::AllAccounts, &["A"], "all accounts", "one account or all of them")
        .on(&[Dashboard, Events, Records, Payments, Deliveries]).footer(14),

    entry("Accounts", Action::Connect, &["c"], "connect", "connect an account").footer(12),
    entry("Accounts", Action::NewKey, &["K"], "new key", "give the selected account a new key").on(&[Integrations]).footer(8),
    entry("Accounts", Action::CheckKey, &["C"], "check key", "try again what the key may read; costs about 12 reads").on(&[Integrations]).footer(9),
    entry("Accounts", Action::Edit, &["i"], "edit", "change its name, what is kept, how it stays current").on(&[Integrations]).footer(6),
    entry("Accounts", Action::Disconnect, &["D"], "disconnect", "disconnect the selected account; says first what goes and what stays")
        .on(&[Integrations]).footer(11),
    entry("Accounts", Action::EnableEndpoint, &["e"], "enable endpoint", "set the webhook endpoint right: enable it, bring it up to date, make it when it is gone")
        .on(&[Dashboard, Integrations]).footer(38),
    entry("Accounts", Action::LookEndpoint, &["W"], "look at endpoint", "ask Stripe how the webhook endpoint is, and what could not be delivered; 3 reads")
        .on(&[Integrations]).footer(39),
    entry("Accounts", Action::RotateSecret, &["U"], "new secret", "take a new signing secret for the webhook endpoint; by hand, its address, events, steps and secret")
        .on(&[Integrations]).footer(40),

    entry("Events and objects", Action::Freeze, &["space"], "freeze", "freeze the feed, or follow it again").on(&[Dashboard, Events]).footer(5),
    entry("Events and objects", Action::Star, &["*"], "star", "star the event, or take its star away").on(&[Events]).footer(18),
    entry("Events and objects", Action::Timeline, &["t"], "timeline", "everything that happened to the object").on(&[Events, Records, Payments]).footer(16),
    entry("Events and objects", Action::Customer, &["u"], "customer", "go to the customer of what is selected").on(&[Events, Records, Payments]).footer(17),
    entry("Events and objects", Action::OpenInStripe, &["o"], "in Stripe", "open its page in Stripe's dashboard; on Integrations, the webhook endpoints").on(&[Integrations, Events, Records, Payments]).footer(19),
    entry("Events and objects", Action::CopyId, &["y"], "copy id", "copy the id of what is selected").footer(20),
    entry("Events and objects", Action::CopyValue, &["Y"], "copy value", "copy the selected value: text as it is, else JSON; on Integrations, the endpoint's address").on(VALUES),
    entry("Events and objects", Action::CopyPath, &["w"], "copy path", "copy where the selected value is: data.object.amount_due").on(TREES),
    entry("Events and objects", Action::CopyLink, &["P"], "payment link", "copy the payment link of an open invoice").on(&[Records, Payments]).footer(30),
    entry("Events and objects", Action::Poll, &["r"], "poll now", "read new events from Stripe now; costs a read or a few").footer(21),

    entry("Forwarding", Action::Replay, &["R"], "replay", "send the event again, to a target or any address").on(&[Events, Deliveries]).footer(31),
    entry("Forwarding", Action::AddTarget, &["a"], "add target", "forward events to an address").on(&[Deliveries]).footer(32),
    entry("Forwarding", Action::PauseTarget, &["f"], "pause", "let the target's events wait, or let them go again").on(&[Deliveries]).footer(33),
    entry("Forwarding", Action::TryTarget, &["T"], "try now", "try a target that is down at once").on(&[Deliveries]).footer(34),
    entry("Forwarding", Action::ReplayParked, &["B"], "send parked", "send again everything that is parked at the target; asks first").on(&[Deliveries]).footer(36),
    entry("Forwarding", Action::RemoveTarget, &["X"], "remove target", "forward no more to the target; asks first").on(&[Deliveries]).footer(37),

    entry("Discover & sync", Action::Discover, &["d"], "discover", "list the invoices at Stripe into the catalog; goes on where it was stopped").footer(1),
    entry("Discover & sync", Action::Sync, &["s"], "sync", "store what is pending or has changed, with customers, payments and the rest").footer(2),
    entry("Discover & sync", Action::RetryFailed, &["E"], "retry failed", "sync, and try again what failed").footer(23),
    entry("Discover & sync", Action::Stop, &["x"], "stop", "stop the running job of the selected account, safely").footer(22),
    entry("Discover & sync", Action::Plan, &["p"], "look", "look at a few pages for the plan: up to 7 reads").on(&[Sync]).footer(25),
    entry("Discover & sync", Action::Mark, &["v"], "mark", "mark the entry of the catalog: to be synced, or to be left out").on(&[Sync]).footer(26),
    entry("Discover & sync", Action::MarkAll, &["V"], "mark all", "mark every entry that the filter shows, as the selected one would be; asks first")
        .on(&[Sync]),
    entry("Discover & sync", Action::History, &["H"], "history", "every run so far: what, when, how it ended").on(&[Sync]).footer(27),

    entry("Program", Action::Palette, &[":"], "commands", "every command by name").footer(24),
    entry("Program", Action::Messages, &["M"], "messages", "everything that was told, newest first").within(LISTS).footer(28),
    entry("Program", Action::Help, &["?"], "help", "these keys").within(LISTS),
    entry("Program", Action::Back, &["esc"], "back", "back one step; never quits").within(LISTS),
    entry("Program", Action::TakeOver, &["ctrl-t"], "take over", "take the data folder over from a tillwatch that has ended"),
    entry("Program", Action::Suspend, &["ctrl-z"], "suspend", "back to the shell; `fg` returns here").within(ALL),
    entry("Program", Action::Quit, &["q"], "quit", "quit at once; what runs can be taken up again").within(LISTS).footer(29),
    entry("Program", Action::ForceQuit, &["ctrl-c"], "quit", "quit, whatever is open").within(ALL),

    entry("A line of text", Action::Down, &["down", "ctrl-n"], "next", "the next one of what is listed").within(TYPING),
    entry("A line of text", Action::Up, &["up", "ctrl-p"], "before", "the one before").within(TYPING),
    entry("A line of text", Action::PageDown, &["pgdn"], "page down", "down one page of what is listed").within(TYPING),
    entry("A line of text", Action::PageUp, &["pgup"], "page up", "up one page of it").within(TYPING),
    entry("A line of text", Action::Complete, &["tab"], "complete", "complete the word; in a search, the events of what is selected").within(TYPING),
    entry("A line of text", Action::CompleteBack, &["backtab"], "complete back", "the completion or field before").within(TYPING),
    entry("A line of text", Action::Accept, &["enter"], "take it", "take what was typed").within(TYPING),
    entry("A line of text", Action::Cancel, &["esc"], "leave it", "leave it as it was").within(TYPING),

    entry("A form", Action::Complete, &["tab"], "next field", "the next field").within(FORM),
    entry("A form", Action::CompleteBack, &["backtab"], "field before", "the field before").within(FORM),
    entry("A form", Action::Down, &["j", "down"], "next field", "the next field, or line of a list").within(FORM),
    entry("A form", Action::Up, &["k", "up"], "field before", "the field before, or line of a list").within(FORM),
    entry("A form", Action::First, &["g", "home"], "first", "the first of them").within(FORM),
    entry("A form", Action::Last, &["G", "end"], "last", "the last of them").within(FORM),
    entry("A form", Action::Left, &["left", "h"], "less", "the choice before").within(FORM),
    entry("A form", Action::Right, &["right", "l"], "more", "the choice after").within(FORM),
    entry("A form", Action::Toggle, &["space"], "change", "change the choice, tick it or untick it").within(FORM),
    entry("A form", Action::Accept, &["enter"], "go on", "go on, press the button, or take it as it stands").within(FORM),
    entry("A form", Action::Back, &["esc"], "back", "back one step").within(FORM),
    entry("A form", Action::TryAgain, &["t"], "try again", "try the key, or the webhook endpoint, again").within(FORM),
    entry("A form", Action::OpenInStripe, &["o"], "open form", "open Stripe's form for a restricted key, the right boxes ticked; its page of webhook endpoints").within(FORM),
    entry("A form", Action::CopyId, &["y"], "copy link", "copy the link to that form, or the webhook endpoint's address").within(FORM),
    entry("A form", Action::Profiles, &["p"], "Stripe CLI", "take the key of a profile of the Stripe CLI").within(FORM),

    entry("A question", Action::Yes, &["y"], "yes", "yes, do it").within(CONFIRM),
    entry("A question", Action::No, &["n", "enter", "esc", "q"], "no", "no, leave it").within(CONFIRM),
];
