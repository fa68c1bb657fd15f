//! What stands on the screen, for canned snapshots at the usual sizes.

use ratatui::style::{Color, Modifier};

use super::{Desk, canned};
use crate::tui::fmt::width;

const SIZES: [(u16, u16); 5] = [(80, 24), (100, 30), (120, 36), (140, 40), (200, 50)];

fn has(name: &str, size: (u16, u16), wanted: &[&str]) -> String {
    let text = Desk::new(name, size).draw();
    for word in wanted {
        assert!(text.contains(word), "{name} at {size:?} has no {word:?}:\n{text}");
    }
    text
}

#[test]
fn frames_are_whole_at_every_usual_size() {
    for name in canned::NAMES {
        for size in SIZES {
            for keys in [
                &[][..],
                &["1"],
                &["3"],
                &["3", "3"],
                &["2", "2"],
                &["2", "2", "R"],
                &["A"],
                &["?"],
                &["M"],
                &["s"],
                &["5"],
                &["5", "F", "A"],
                &["5", "/"],
                &["5", "enter"],
                &["6"],
                &["6", "a"],
                &["6", "tab", "enter"],
                &["6", "j", "j", "X"],
            ] {
                let mut desk = Desk::new(name, size);
                for key in keys {
                    desk.key(key);
                }
                let text = desk.draw();
                for line in text.lines() {
                    assert_eq!(width(line), usize::from(size.0), "{name} {size:?} {keys:?}:\n{text}");
                }
                // Every frame that is opened is closed again, in the same columns.
                let edges = |corner: char| text.chars().filter(|c| *c == corner).count();
                assert_eq!(edges('╭'), edges('╮'), "{name} {size:?} {keys:?}:\n{text}");
                assert_eq!(edges('╰'), edges('╯'), "{name} {size:?} {keys:?}:\n{text}");
            }
        }
    }
}

#[test]
fn the_three_panes_show_what_is_known() {
    for size in [(120, 36), (140, 40), (200, 50)] {
        has(
            "data",
            size,
            &[
                "1 Integrations · 1 needs you",
                "Acme sandbox",
                "TEST",
                "LIVE",
                "connected · next poll in 42 s",
                "disputes not allowed",
                "key refused since 12:01",
                "today",
                "2 Live events · Acme Inc",
                "following",
                "invoice.paid",
                "$1,240.00",
                "¥12,400",
                "334 kept here",
                "3 Discover & sync · Acme Inc",
                "open paid uncollectible void · 2025-01-01 → today",
                "41 200 listed",
                "62 % of the time range",
                "17 s left",
                "39 280 synced",
                "s syncs 1 911 · uses about 14 reads",
                "invoices 39 280",
                "not allowed",
                "complete to 14:02:11",
                "event 2 s ago",
                "1 412",
                "10 000",
                "14:02:13 Berlin",
            ],
        );
    }
    has(
        "data",
        (140, 40),
        &["1 480/s", "in_1QxAb", "last run 13:31, 39 280 in 22 s", "poll 15m, last event"],
    );
}

#[test]
fn small_screens_shed_columns_not_meaning() {
    let text = has(
        "data",
        (80, 24),
        &[
            "Acme Inc  LIVE ",
            "event 2 s ago",
            "complete to 14:02:11",
            "1 Integrations 1 needs you",
            "3 Sync 62 %",
            "payment_intent.payment_failed",
            "$1,240.00",
            "Discover █",
            "41 200 listed",
            "17 s left",
            "1 911 to store  9 failed",
            "? help",
        ],
    );
    assert!(!text.contains("in_1Qx"), "{text}");
    let mut desk = Desk::new("data", (80, 24));
    desk.key("1");
    assert!(desk.draw().contains("connected · poll 15m · next poll in 42 s"));
    desk.key("esc");
    assert!(desk.draw().contains("2 Live events · Acme Inc"));
}

#[test]
fn every_pane_has_its_empty_loading_and_error_state() {
    for size in SIZES {
        has("empty", size, &["no account connected yet: c connects one"]);
        has("opening", size, &["opening the store …"]);
        has("failed", size, &["the store can't be used", "written by a newer tillwatch", "/home/ada"]);
        has("refused", size, &["key refused since 12:01", "Stripe refuses the key since", "api_key_expired"]);
        has("offline", size, &["offline since 13:57", "waits"]);
        has("nothing", size, &["no events yet", "r asks for them now"]);
        has("demo", size, &["DEMO", "READ-ONLY", "not yet: d lists what is at Stripe"]);
    }
    has("idle", (120, 36), &["✗ failed 13:31", "Stripe answered 500 three times", "d goes on"]);
    has(
        "running",
        (140, 40),
        &["waits: Stripe said slow down (endpoint-rate), 2 s", "! disputes: not allowed"],
    );
}

#[test]
fn the_connection_is_shown_as_it_is() {
    use crate::engine::api::{Delivery, LinkView};
    let now = canned::NOW;
    let states: [(LinkView, &str, &str, &str); 6] = [
        (LinkView::Off, "relay off", "relay off", "off"),
        (
            LinkView::Connecting { since: now - 3 },
            "relay connecting",
            "relay connecting",
            "connecting, for 3 s",
        ),
        (
            LinkView::Connected { heard_at: now - 2, resets_at: now + 900 },
            "relay + poll",
            "relay · heard 2 s ago",
            "connected, heard 2 s ago · a fresh one in 15 m",
        ),
        (
            LinkView::Resetting { since: now },
            "relay resetting",
            "relay resetting",
            "a fresh socket takes over",
        ),
        (
            LinkView::Waiting { until: now + 8, reason: "no connection\u{1b}[2J to it".into() },
            "relay again in 8 s",
            "relay again in 8 s",
            "no connection to it; tried again in 8 s, polling goes on",
        ),
        (
            LinkView::Refused { since: now - 60, reason: "the key may not use it".into() },
            "relay refused",
            "the key may not use it",
            "refused since 14:01: the key may not use it; polling goes on",
        ),
    ];
    for (link, in_header, in_pane, in_detail) in states {
        for size in [(80, 24), (120, 36), (200, 50)] {
            let mut desk = Desk::new("data", size);
            desk.engine.snapshots.send_modify(|snapshot| {
                let one = &mut std::sync::Arc::make_mut(snapshot).integrations[0];
                (one.delivery, one.link) = (Delivery::Relay, link.clone());
            });
            desk.snapshot();
            desk.key("1");
            let text = desk.draw();
            assert!(
                text.contains(in_pane) && (size.0 < 110 || text.contains(in_header)),
                "{link:?} {size:?}\n{text}"
            );
            let out = matches!(link, LinkView::Waiting { .. } | LinkView::Refused { .. });
            let head = text.lines().next().unwrap();
            assert_eq!(head.contains('◐'), out, "{head}");
            desk.key("1");
            if size.0 > 100 {
                let text = desk.draw();
                let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(in_detail) || text.contains(in_detail), "{link:?} {size:?}\n{text}");
            }
        }
    }
}

#[test]
fn what_is_of_another_day_says_so() {
    let text = has("offline", (140, 40), &["complete to Nov 21 13:02"]);
    assert!(text.contains("last event"), "{text}");
    let mut desk = Desk::new("data", (140, 40));
    desk.key("G");
    assert!(desk.draw().contains("Nov 21"), "rows of yesterday show their day");
}

#[test]
fn amounts_are_aligned_at_their_right_edge() {
    let text = Desk::new("data", (140, 40)).draw();
    let edge = |word: &str| {
        let line = text.lines().find(|line| line.contains(word)).unwrap();
        width(&line[..line.find(word).unwrap() + word.len()])
    };
    let at = edge("$1,240.00");
    for word in ["€89.00", "£45.00", "-$20.00", "¥12,400", "$540.00", "KWD"] {
        assert_eq!(edge(word), at, "{word}:\n{text}");
    }
}

#[test]
fn selection_is_reversed_and_bold_and_text_keeps_the_terminals_colours() {
    let mut desk = Desk::new("data", (140, 40));
    let buf = desk.buffer(false);
    let selected = &buf[(60, 3)];
    assert!(selected.modifier.contains(Modifier::REVERSED | Modifier::BOLD), "{selected:?}");
    assert_eq!((selected.fg, selected.bg), (Color::Reset, Color::Reset));
    for cell in &buf.content {
        assert_eq!(cell.bg, Color::Reset);
        assert!(!(cell.modifier.contains(Modifier::DIM) && cell.fg == Color::DarkGray));
    }
}

#[test]
fn without_colour_no_colour_is_set() {
    let desk = Desk::new("data", (140, 40));
    let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 140, 40));
    let theme = crate::tui::style::Theme::new(crate::tui::style::ColorLevel::None);
    crate::tui::view::draw(&desk.state, theme, false, canned::NOW, &mut buf);
    assert!(buf.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(buf.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
}

#[test]
fn ascii_is_ascii_and_keeps_its_columns() {
    for name in canned::NAMES {
        for keys in [
            &["2"][..],
            &["?"],
            &["A"],
            &["s"],
            &["5"],
            &["5", "enter"],
            &["6"],
            &["6", "tab", "enter"],
            &["6", "a"],
        ] {
            let mut desk = Desk::new(name, (120, 36));
            for key in keys {
                desk.key(key);
            }
            let buf = desk.buffer(true);
            for cell in &buf.content {
                assert!(cell.symbol().is_ascii() && cell.symbol().len() == 1, "{:?}", cell.symbol());
            }
        }
    }
}

#[test]
fn too_small_says_what_it_needs() {
    assert!(Desk::new("data", (41, 9)).draw().contains("too small: need 60x16, have 41x9"));
    assert!(Desk::new("data", (60, 16)).draw().contains("Live events"));
}

#[test]
fn the_frame_wakes_only_for_what_it_shows() {
    use crate::tui::widgets::Wake;
    let wake = |name: &str, size| {
        let mut desk = Desk::new(name, size);
        desk.draw();
        desk.state.hits.wake
    };
    assert_eq!(wake("data", (140, 40)), Wake::Second);
    assert_eq!(wake("data", (80, 24)), Wake::Second, "an age in seconds is shown");
    assert_eq!(wake("empty", (80, 24)), Wake::Minute);
    assert_eq!(wake("data", (20, 5)), Wake::Never);
}

#[test]
fn gaps_and_marks_stand_in_the_feed_at_their_place() {
    for size in [(120, 36), (200, 50)] {
        let mut desk = Desk::new("data", size);
        let marks = crate::engine::api::Marks { late: true, twin: true, ..Default::default() };
        desk.engine.rows.lock().unwrap()[6].marks = marks;
        let mut snapshot = (**desk.engine.snapshots.borrow()).clone();
        let gap = crate::engine::api::Gap { from: canned::NOW - 51, to: canned::NOW - 10, recovered: 12 };
        snapshot.integrations[0].gaps = vec![gap];
        snapshot.events_version += 1;
        desk.engine.snapshots.send_replace(std::sync::Arc::new(snapshot));
        desk.snapshot();
        let text = desk.draw();
        let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("no {word}:\n{text}"));
        let gap = at("12 events recovered, gap of 41 s");
        assert!(at("requires_act") < gap && gap < at("trial_w"), "{text}");
        let line = text.lines().find(|line| line.contains("requires_act")).unwrap();
        assert!(line.contains(" lt "), "{line}");
    }
}
