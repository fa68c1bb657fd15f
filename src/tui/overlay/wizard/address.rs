//! The part of a form that says where a webhook endpoint's deliveries reach this machine, and who makes it.
//!
//! Shared by the wizard and the edit form. The address is checked by the engine, whose sentence is shown.

use ratatui::text::{Line, Span};

use crate::integration::endpoint::events;
use crate::server::receiver::USUAL;
use crate::tui::input::line::LineEdit;
use crate::tui::widgets::View;
use crate::tui::widgets::form::{self, Rows};

/// What is said when there is none.
pub const NO_URL: &str =
    "A webhook endpoint needs a public URL: the https address that leads to the receiver.";

/// A refusal is about the address: the keys go there.
pub fn is_about_url(reason: &str) -> bool {
    reason.contains("public URL")
}

/// What the rows are drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// The address as typed.
    pub url: &'a LineEdit,
    /// A person makes the endpoint.
    pub by_hand: bool,
    /// The address has the keys.
    pub at_url: bool,
    /// Who makes it has the keys.
    pub at_made: bool,
    /// Invoices and subscriptions too.
    pub billing: bool,
}

/// Where the receiver listens, as far as it is known here, or usually does.
pub fn receiver(view: &View<'_>) -> String {
    let all = &view.state.snapshot.integrations;
    let known = all.iter().find_map(|one| one.endpoint.as_ref()?.listening.as_deref());
    known.map_or_else(|| USUAL.to_string(), |at| at.trim_start_matches("http://").to_owned())
}

/// Its rows.
pub fn rows(view: &View<'_>, rows: &mut Rows, it: Address<'_>, cells: usize) {
    let theme = view.theme;
    rows.push(form::wide_field(view, "URL", it.url, it.at_url, cells, "https://till.example.com"));
    let at = receiver(view);
    let what = format!("the public https address that leads to the receiver: `tillwatch serve`, {at}");
    rows.labelled(3, Span::raw(" ".repeat(form::LABEL)), &what, cells, theme.faint());
    let mut line = vec![form::label(view, "Made")];
    for (by_hand, name) in [(false, "by tillwatch"), (true, "by hand")] {
        line.extend(form::choice(view, name, it.by_hand == by_hand, it.at_made, true));
        line.push(Span::raw("   "));
    }
    rows.push(Line::from(line));
    let kinds = events(it.billing, false).len();
    let what = if it.by_hand {
        format!(
            "nothing is written at Stripe: you make it in the Dashboard; next come its address, the {kinds} types of event and the steps"
        )
    } else {
        format!(
            "written at Stripe: one endpoint for {kinds} types of event; the key needs Webhook Endpoints: write"
        )
    };
    rows.labelled(2, Span::raw(" ".repeat(form::LABEL)), &what, cells, theme.faint());
}

/// The question before one is made, changed or removed for a LIVE account.
pub fn question(name: &str, what: &str) -> String {
    format!("{name} is LIVE. {what}")
}
