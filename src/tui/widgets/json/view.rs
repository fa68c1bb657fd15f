//! One line of a JSON tree: indent, fold mark, name, value, and beside a time the moment it means.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{JsonTree, Key, Node, Value};
use crate::clock;
use crate::tui::fmt;
use crate::tui::style::Theme;
use crate::tui::widgets::put;

/// Deeper than this is not indented further: the value matters more than its depth.
const DEEPEST: usize = 12;

/// Draws a node in so many cells.
pub fn line(theme: Theme, tree: &JsonTree, at: u32, cells: usize, tz: &str, selected: bool) -> Line<'static> {
    let Some(node) = tree.doc().node(at) else { return Line::default() };
    let base = tree.doc().node(tree.root()).map_or(0, |root| root.depth);
    let depth = usize::from(node.depth.saturating_sub(base)).min(DEEPEST);
    let mark = match &node.value {
        Value::Object(0) | Value::Array(0) => " ",
        Value::Object(_) | Value::Array(_) if tree.is_open(at) => "▾",
        Value::Object(_) | Value::Array(_) => "▸",
        _ => " ",
    };
    let mut spans = vec![Span::raw("  ".repeat(depth)), Span::styled(mark, theme.faint()), Span::raw(" ")];
    match &node.key {
        _ if at == tree.root() => {}
        Key::Name(name) => {
            spans.push(Span::styled(fmt::fit(&fmt::clean(name), cells / 2), theme.accent()));
            spans.push(Span::styled(": ", theme.faint()));
        }
        Key::Index(index) => spans.push(Span::styled(format!("{index}: "), theme.faint())),
        Key::Root => {}
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let room = cells.saturating_sub(used);
    let (text, style) = value(theme, tree, at, node);
    let shown = cut(&text, room, matches!(node.value, Value::Text(_)));
    let left = room.saturating_sub(fmt::width(&shown));
    spans.push(Span::styled(shown, style));
    if let Some(at) = moment(node) {
        // As exact as there is room for: with seconds, with minutes, the day.
        let text = format!("  {}", clock::format_time(at, tz));
        if let Some(cells) = [21, 18, 12].into_iter().find(|cells| *cells <= left) {
            spans.push(Span::styled(text.chars().take(cells).collect::<String>(), theme.faint()));
        }
    }
    if tree.match_number(at).is_some() {
        for span in spans.iter_mut().skip(1) {
            span.style = span.style.add_modifier(Modifier::UNDERLINED);
        }
    }
    put::lit(theme, spans, cells, selected)
}

/// Text that ends in `…` when it was cut, and still in its quote.
fn cut(text: &str, room: usize, quoted: bool) -> String {
    if fmt::width(text) <= room {
        return text.to_owned();
    }
    if quoted && room > 2 {
        let inner = fmt::fit(text, room - 1);
        return format!("{inner}\"");
    }
    fmt::fit(text, room)
}

fn value(theme: Theme, tree: &JsonTree, at: u32, node: &Node) -> (String, Style) {
    let open = tree.is_open(at);
    match &node.value {
        Value::Null => ("null".to_owned(), theme.faint()),
        Value::Bool(value) => (value.to_string(), theme.text()),
        Value::Number(number) => (number.to_string(), theme.text()),
        // Long texts are looked at as far as any screen goes, so that a frame costs the same for all of them.
        Value::Text(text) => {
            let head: String = text.chars().take(600).collect();
            let more = if head.len() < text.len() { "…" } else { "" };
            (format!("\"{}{more}\"", fmt::clean(&head)), theme.warn())
        }
        Value::Object(0) => ("{}".to_owned(), theme.faint()),
        Value::Array(0) => ("[]".to_owned(), theme.faint()),
        Value::Object(_) if open => ("{".to_owned(), theme.faint()),
        Value::Array(_) if open => ("[".to_owned(), theme.faint()),
        Value::Object(fields) => (format!("{{{fields}}}"), theme.faint()),
        Value::Array(elements) => (format!("[{elements}]"), theme.faint()),
    }
}

/// The moment that a number means, by its name: Stripe's times are whole Unix seconds.
fn moment(node: &Node) -> Option<i64> {
    let (Key::Name(name), Value::Number(number)) = (&node.key, &node.value) else { return None };
    let at: i64 = number.parse().ok()?;
    // From 2000 to 2100: an amount of that size stands under another name.
    let plausible = (946_684_800..4_102_444_800).contains(&at);
    (plausible && is_time(name)).then_some(at)
}

/// A field's name is one that Stripe gives to times.
pub fn is_time(name: &str) -> bool {
    const WHOLE: &[&str] = &[
        "created",
        "date",
        "start",
        "end",
        "next_payment_attempt",
        "timestamp",
        "billing_cycle_anchor",
        "expires",
    ];
    const ENDS: &[&str] =
        &["_at", "_on", "_date", "_start", "_end", "_until", "_by", "_anchor", "_attempt", "_time"];
    WHOLE.contains(&name) || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: &str, cells: usize) -> Vec<String> {
        let tree = JsonTree::new(json, &[]);
        (0..tree.len())
            .map(|n| {
                line(Theme::default(), &tree, tree.at(n).unwrap(), cells, "Europe/Berlin", false).to_string()
            })
            .collect()
    }

    #[test]
    fn amounts_stay_as_they_are_and_times_say_what_they_mean() {
        let shown = lines(r#"{"amount_due":1763816531,"created":1763816531,"list":[1,2],"no":{}}"#, 60);
        assert_eq!(
            shown,
            [
                "▾ {",
                "    amount_due: 1763816531",
                "    created: 1763816531  2025-11-22 14:02:11",
                "  ▸ list: [2]",
                "    no: {}"
            ]
        );
    }

    #[test]
    fn nothing_is_wider_than_its_room_nor_disturbs_the_terminal() {
        let json = format!(r#"{{"日本語 key":"{}","e":"a\u001b[2Jb\nc"}}"#, "🎉x".repeat(5000));
        for cells in 0..80 {
            for line in lines(&json, cells) {
                assert!(fmt::width(&line) <= cells.max(12), "{cells}: {line}");
                assert!(!line.contains('\u{1b}') && !line.contains('\n'));
            }
        }
    }
}
