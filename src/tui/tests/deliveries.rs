//! The screen of deliveries: targets, attempts, one attempt; adding a target, sending again, and an event's own attempts.

use super::{Desk, canned_forward};
use crate::engine::api::*;
use crate::tui::effects::Effect;
use crate::tui::input::actions::{Action, Context};
use crate::tui::msg::Msg;
use crate::tui::overlay::Overlay;
use crate::tui::screens::ScreenId;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 50)];

fn desk(name: &str, size: (u16, u16), keys: &[&str]) -> Desk {
    let mut desk = Desk::new(name, size);
    desk.key("6");
    desk.draw();
    press(&mut desk, keys);
    desk
}

fn press(desk: &mut Desk, keys: &[&str]) {
    for key in keys {
        desk.key(key);
        desk.draw();
    }
}

fn has(desk: &mut Desk, wanted: &[&str]) -> String {
    let text = desk.draw();
    for word in wanted {
        assert!(text.contains(word), "no {word:?}:\n{text}");
    }
    text
}

fn asked(desk: &Desk) -> Vec<Request> {
    let all = desk.engine.asked.lock().unwrap();
    all.iter().filter(|one| !matches!(one, Request::Remember { .. } | Request::Events(_))).cloned().collect()
}

fn last_query(desk: &Desk) -> AttemptQuery {
    let found = asked(desk).into_iter().rev().find_map(|one| match one {
        Request::Attempts(query) => Some(query),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn targets_stand_above_the_attempts_at_them() {
    for size in SIZES {
        let mut desk = desk("data", size, &[]);
        let wanted =
            ["Deliveries", "Targets  4", "localhost:3000/web", "ready", "paused", "down, again in 42 s"];
        has(&mut desk, &wanted);
        let text = has(
            &mut desk,
            &["all of them", "LIVE not agreed", "19 waiting", "4 parked", "waiting", "parked"],
        );
        assert!(!text.contains("[2J"), "{text}");
        has(&mut desk, &["Attempts · Acme Inc", "200", "no answer", "parked", "sent to", "customer.subs"]);
    }
    has(
        &mut desk("data", (200, 50), &[]),
        &[
            "invoice.* charge.*",
            "all accounts",
            "delivered",
            "1 204",
            "in_1Qx",
            "next try",
            "in 55 s",
            "700 kept here in all",
        ],
    );
}

#[test]
fn a_target_shows_its_own_attempts_and_why_it_is_down() {
    for size in SIZES {
        let mut desk = desk("data", size, &["j", "j"]);
        assert_eq!((last_query(&desk).target, last_query(&desk).integration), (Some(TargetId(2)), None));
        has(&mut desk, &["connection refused since 13:50", "T tries now"]);
        press(&mut desk, &["j"]);
        has(&mut desk, &["1 event waited over 15 minutes and was parked: B sends them"]);
        press(&mut desk, &["j"]);
        has(&mut desk, &["LIVE events of Acme EU do not go there"]);
        press(&mut desk, &["g"]);
        assert_eq!((last_query(&desk).target, last_query(&desk).integration), (None, Some(IntegrationId(1))));
        press(&mut desk, &["F"]);
        assert!(last_query(&desk).failed_only);
        has(&mut desk, &["Attempts that failed", "F all of them"]);
    }
}

#[test]
fn every_state_of_it_is_drawn() {
    for size in SIZES {
        has(&mut desk("opening", size, &[]), &["opening the store …"]);
        has(&mut desk("failed", size, &[]), &["the store can't be used", "newer tillwatch"]);
        has(&mut desk("empty", size, &[]), &["no account connected yet"]);
        has(
            &mut desk("nothing", size, &[]),
            &["no targets yet: a adds one", "nothing was sent yet", "R on the events"],
        );
        has(&mut desk("nothing", size, &["F"]), &["no attempt failed"]);
        has(&mut desk("refused", size, &[]), &["could not be read", "the disk is gone"]);
    }
    let mut waiting = desk("data", (80, 24), &[]);
    waiting.state.deliveries.target = Some(TargetId(3));
    crate::tui::screens::deliveries::update::refresh(&mut waiting.state);
    has(&mut waiting, &["reading the attempts …"]);
}

#[test]
fn an_attempt_shows_what_was_sent_and_what_came_back() {
    for size in SIZES {
        // 700: refused with a 500 and some JSON.
        let mut desk = desk("data", size, &["tab", "enter"]);
        has(
            &mut desk,
            &[
                "Deliveries › invoice.paid to",
                "not delivered: answered 500 in",
                "try",
                "event",
                "→ invoice.paid",
            ],
        );
        has(&mut desk, &["What was sent", "3 204 bytes", "stripe-signature:"]);
        press(&mut desk, &["j", "j", "j"]);
        press(&mut desk, &["Y"]);
        assert!(
            matches!(desk.effects.last(), Some(Effect::Copy(text)) if text.starts_with("t=1763816531,v1="))
        );
        press(&mut desk, &["G"]);
        has(&mut desk, &["received: true"]);
        press(&mut desk, &["g", "enter"]);
        assert_eq!(desk.state.screen, ScreenId::Events);
        press(&mut desk, &["esc", "esc"]);
        has(&mut desk, &["Attempt 700"]);
        press(&mut desk, &["j", "enter"]);
        assert_eq!(desk.state.screen, ScreenId::Records);
        press(&mut desk, &["esc", "esc"]);
        assert!(desk.state.deliveries.open.is_none());
        assert_eq!(desk.state.deliveries.list.selected().unwrap().id, AttemptId(700));
    }
}

#[test]
fn a_body_that_is_no_json_is_read_as_text_to_its_end() {
    // 690: HTML, and cut.
    let mut desk = desk("data", (80, 24), &["tab"]);
    for _ in 0..10 {
        desk.key("j");
    }
    press(&mut desk, &["enter"]);
    has(&mut desk, &["Attempt 690"]);
    let mut seen = String::new();
    for _ in 0..80 {
        seen.push_str(&desk.draw());
        press(&mut desk, &["j"]);
    }
    assert!(seen.contains("its first 64 KB") && seen.contains("<html>") && seen.contains("</p>"), "{seen}");
    assert!(!seen.contains("[2J"));
}

#[test]
fn a_target_is_added_after_a_yes() {
    for size in SIZES {
        let mut desk = desk("data", size, &["a"]);
        assert_eq!(desk.state.context(), Context::Typing);
        has(&mut desk, &["Forward events to", "Address", "Events", "Acme Inc", "LIVE", "Enter"]);
        press(&mut desk, &["enter"]);
        has(&mut desk, &["It needs an address"]);
        desk.send(Msg::Paste("3000".into()));
        press(&mut desk, &["tab"]);
        desk.send(Msg::Paste("invoice.*, charge.failed".into()));
        press(&mut desk, &["tab", "space", "enter"]);
        has(&mut desk, &["Send LIVE events of Acme Inc to 3000?", "yes, send them there"]);
        assert_eq!(desk.state.context(), Context::Confirm);
        // Enter is no.
        press(&mut desk, &["enter"]);
        has(&mut desk, &["Address"]);
        press(&mut desk, &["enter", "y"]);
        let sent = asked(&desk).into_iter().rev().find_map(|one| match one {
            Request::AddTarget(spec) => Some(spec),
            _ => None,
        });
        let sent = sent.unwrap();
        assert_eq!((sent.url.as_str(), sent.integration), ("3000", Some(IntegrationId(2))));
        assert_eq!((sent.events.len(), sent.confirmed.as_deref()), (2, Some("yes")));
        assert!(desk.state.overlays.is_empty());
        has(&mut desk, &["events go on to 3000"]);
        // It is selected as soon as it is there.
        assert_eq!(desk.state.deliveries.target, Some(TargetId(2)));
    }
}

#[test]
fn off_this_machine_the_name_is_typed() {
    let mut desk = desk("data", (120, 36), &["a"]);
    desk.send(Msg::Paste("https://example.com/hook".into()));
    press(&mut desk, &["enter"]);
    has(&mut desk, &["Send LIVE events of Acme Inc", "type Acme Inc to agree"]);
    press(&mut desk, &["enter"]);
    has(&mut desk, &["that is not the account's name"]);
    desk.send(Msg::Paste("acme".into()));
    press(&mut desk, &["enter"]);
    assert_eq!(asked(&desk).iter().filter(|one| matches!(one, Request::AddTarget(_))).count(), 1);
    press(&mut desk, &["ctrl-u"]);
    desk.send(Msg::Paste("Acme Inc".into()));
    press(&mut desk, &["enter"]);
    assert!(desk.state.overlays.is_empty());
    // A refusal stays in the form.
    press(&mut desk, &["a"]);
    desk.send(Msg::Paste("nonsense".into()));
    press(&mut desk, &["enter"]);
    has(&mut desk, &["`nonsense` is no address"]);
    press(&mut desk, &["esc"]);
    assert!(desk.state.overlays.is_empty());
}

#[test]
fn targets_are_paused_tried_and_removed() {
    let mut desk = desk("data", (120, 36), &["j", "f"]);
    assert_eq!(asked(&desk).last(), Some(&Request::PauseTarget { target: TargetId(1), on: true }));
    has(&mut desk, &["events for localhost:3000/webhooks wait"]);
    assert!(desk.state.can(Action::TryTarget).is_err() && desk.state.can(Action::ReplayParked).is_err());
    press(&mut desk, &["j", "T"]);
    assert_eq!(asked(&desk).last(), Some(&Request::TryTarget { target: TargetId(2) }));
    press(&mut desk, &["j", "f"]);
    assert_eq!(asked(&desk).last(), Some(&Request::PauseTarget { target: TargetId(3), on: false }));
    press(&mut desk, &["B"]);
    has(&mut desk, &["Send what is parked to localhost:4242?", "1 event now"]);
    press(&mut desk, &["y"]);
    assert_eq!(asked(&desk).last(), Some(&Request::ReplayParked { target: TargetId(3) }));
    has(&mut desk, &["localhost:4242: nothing was sent: the target is paused"]);
    for no in ["n", "enter", "esc"] {
        press(&mut desk, &["X"]);
        has(
            &mut desk,
            &["Forward no more to localhost:4242?", "8 events that wait for it or are parked are dropped"],
        );
        press(&mut desk, &[no]);
        assert!(desk.state.overlays.is_empty());
    }
    press(&mut desk, &["X", "y"]);
    assert_eq!(asked(&desk).last(), Some(&Request::RemoveTarget { target: TargetId(3) }));
    // Gone from the snapshot it is selected no more.
    desk.engine.snapshots.send_modify(|snapshot| {
        std::sync::Arc::make_mut(snapshot).targets.retain(|one| one.id != TargetId(3));
    });
    desk.snapshot();
    assert_eq!(desk.state.deliveries.target, None);
    assert!(desk.state.can(Action::RemoveTarget).unwrap_err().contains("choose a target"));
}

#[test]
fn an_event_is_sent_again_once_to_a_target_or_an_address() {
    for way in [&["6", "tab"][..], &["2", "2"], &["2", "2", "enter"], &["6", "tab", "enter"]] {
        let mut desk = Desk::new("data", (80, 24));
        press(&mut desk, way);
        press(&mut desk, &["R"]);
        has(&mut desk, &["Send again", "invoice.paid", "localhost:3000", "another address"]);
        let Some(Overlay::Replay(it)) = desk.state.overlays.last() else { panic!("{way:?}") };
        let (event, target) = (it.event.clone(), it.target.unwrap());
        press(&mut desk, &["enter"]);
        let to = ReplayTo::Target { id: target };
        let wanted = Request::Replay { integration: IntegrationId(1), event, to };
        assert!(asked(&desk).contains(&wanted), "{way:?}");
        assert!(desk.state.overlays.is_empty());
        has(&mut desk, &["invoice.paid is sent again"]);
        // To an address: asked about, since the events are LIVE.
        press(&mut desk, &["R", "G", "enter"]);
        has(&mut desk, &["It needs an address"]);
        desk.send(Msg::Paste("localhost:9".into()));
        press(&mut desk, &["enter", "y"]);
        let sent = asked(&desk).into_iter().rev().find_map(|one| match one {
            Request::Replay { to: ReplayTo::Url { url, confirmed }, .. } => Some((url, confirmed)),
            _ => None,
        });
        assert_eq!(sent, Some(("localhost:9".into(), Some("yes".into()))));
        assert!(desk.state.overlays.is_empty());
    }
}

#[test]
fn an_event_tells_where_it_was_sent_and_leads_to_the_attempt() {
    for size in SIZES {
        let mut desk = Desk::new("data", size);
        press(&mut desk, &["2", "2", "enter", "backtab"]);
        let query = last_query(&desk);
        assert_eq!((query.integration, query.event), (Some(IntegrationId(1)), Some("evt_1Qx999999".into())));
        has(&mut desk, &["Sent", "time", "answer", "500", "try"]);
        press(&mut desk, &["j", "enter"]);
        assert_eq!(desk.state.screen, ScreenId::Deliveries);
        has(&mut desk, &["Deliveries › ", "Attempt 670"]);
        press(&mut desk, &["esc"]);
        assert_eq!(desk.state.screen, ScreenId::Events);
        has(&mut desk, &["Sent", "answer"]);
    }
    let mut nothing = Desk::new("data", (120, 36));
    nothing.engine = super::canned::Fake::new("data");
    press(&mut nothing, &["2", "2", "j", "enter", "backtab"]);
    let text = nothing.draw();
    assert!(text.contains("it was not sent anywhere") || text.contains("answer"), "{text}");
}

#[test]
fn attempts_are_walked_and_stay_selected_when_more_come() {
    let mut desk = desk("data", (120, 36), &["tab", "j", "pgdn", "j"]);
    let before = desk.state.deliveries.list.selected().unwrap().id;
    desk.engine.snapshots.send_modify(|snapshot| std::sync::Arc::make_mut(snapshot).deliveries_version += 1);
    desk.snapshot();
    assert_eq!(desk.state.deliveries.list.selected().unwrap().id, before);
    press(&mut desk, &["G"]);
    assert_eq!(desk.state.deliveries.list.selected().unwrap().id, AttemptId(1));
    press(&mut desk, &["g"]);
    assert_eq!(desk.state.deliveries.list.selected().unwrap().id, AttemptId(canned_forward::ATTEMPTS));
}
