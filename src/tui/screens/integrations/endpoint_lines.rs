//! The lines about a webhook endpoint in an integration's detail.

use ratatui::style::Style;
use ratatui::text::Span;

use super::detail::Lines;
use crate::engine::api::{EndpointState, EndpointView, IntegrationView};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::widgets::{Hits, endpoint};

/// As many events as a look at Stripe counts.
const COUNTED: u64 = 100;

/// All of them; nothing when there is no endpoint.
pub fn lines(it: &mut Lines<'_, '_>, one: &IntegrationView, hits: &mut Hits) {
    let Some(end) = &one.endpoint else { return };
    let theme = it.view.theme;
    let (now, state) = (it.view.now, it.view.state);
    let key = |action: Action| state.keymap.label(action);
    it.title("Webhook endpoint");
    status(it, one, end, hits);
    let problem = endpoint::problem(state, end);
    let more = format!("  {} copies the whole address", key(Action::CopyValue));
    let url = endpoint::shown(&end.url);
    let mut spans = vec![Span::raw(fmt::fit(&url, it.cells.saturating_sub(super::detail::LABEL)))];
    if super::detail::LABEL + fmt::width(&url) + fmt::width(&more) <= it.cells {
        spans.push(Span::styled(more, theme.faint()));
    }
    it.spans("Delivers to", spans);
    match &end.listening {
        Some(at) => it.row("Receiver", &format!("listens on {at}"), theme.text()),
        None => {
            it.row("Receiver", "nothing takes deliveries here: `tillwatch serve` does", theme.warn());
        }
    }
    match end.last_delivery_at {
        Some(at) => {
            let ago = hits.ago(now, at);
            it.row("Last one", &format!("delivered {ago}"), theme.text());
        }
        None => it.row("Last one", "no delivery yet", theme.faint()),
    }
    match end.undelivered {
        Some(0) => it.row("Undelivered", "no event of the last 3 days waits", theme.text()),
        Some(many) => {
            let plus = if many >= COUNTED { " or more" } else { "" };
            let text = format!(
                "{}{plus} events of the last 3 days, at whatever endpoint of the account",
                count(many)
            );
            it.row("Undelivered", &text, theme.warn());
        }
        // Of one that is not there nothing is counted.
        None if matches!(end.state, EndpointState::Gone { .. } | EndpointState::Unmade { .. }) => {}
        None => {
            let text = format!("not counted yet: {} asks Stripe", key(Action::LookEndpoint));
            it.row("Undelivered", &text, theme.faint());
        }
    }
    for (label, list) in [("Not sent", &end.less), ("Not used", &end.more)] {
        if !list.is_empty() {
            let names: Vec<&str> = list.iter().map(String::as_str).collect();
            it.row(label, &endpoint::grouped(&names), theme.warn());
        }
    }
    if end.unsigned + end.untimely > 0 {
        let text = format!(
            "{} with a wrong signature, {} too old or from the future, since tillwatch began",
            count(end.unsigned),
            count(end.untimely)
        );
        it.row("Refused", &text, theme.warn());
    }
    for other in &end.others {
        it.row("Another's", &format!("{other}; left alone"), theme.faint());
    }
    let right = it.view.state.can(Action::EnableEndpoint).is_ok() && problem.is_some();
    let mut keys = Vec::new();
    if right && !end.by_hand {
        keys.push(format!("{} sets it right", key(Action::EnableEndpoint)));
    }
    if end.by_hand {
        keys.push(format!("{} shows how it is made and takes its secret", key(Action::RotateSecret)));
    } else if end.id.is_some() {
        keys.push(format!("{} takes a new secret", key(Action::RotateSecret)));
    }
    keys.push(format!("{} looks now", key(Action::LookEndpoint)));
    if !matches!(end.state, EndpointState::Leaving { .. }) {
        it.row("", &keys.join(", "), theme.faint());
    }
}

/// How it is at Stripe, whose it is, and how old that knowledge is.
fn status(it: &mut Lines<'_, '_>, one: &IntegrationView, end: &EndpointView, hits: &mut Hits) {
    let theme = it.view.theme;
    let mut text = endpoint::word(&end.state).to_owned();
    if let Some(since) = endpoint::since(&end.state) {
        let at = fmt::stamp(since, it.view.now, &one.timezone, false);
        text = format!("{text} since {at}");
    }
    text.push_str(if end.by_hand { " · made by hand" } else { " · made by tillwatch" });
    if let Some(id) = &end.id {
        text = format!("{text} · {}", fmt::clean(id));
    }
    if let Some(at) = end.checked_at {
        text = format!("{text} · asked {}", hits.ago(it.view.now, at));
    }
    let style: Style = match &end.state {
        EndpointState::Enabled => theme.good(),
        _ if end.is_down() => theme.bad().patch(theme.strong()),
        EndpointState::Leaving { .. } | EndpointState::NoSecret => theme.warn(),
        _ => theme.text(),
    };
    it.row("At Stripe", &text, style);
}
