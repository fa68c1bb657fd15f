//! Addresses, event lists and states of an endpoint.

use super::*;

#[test]
fn the_lists_are_exactly_those_in_use_and_stripe_knows_every_name() {
    let (payments, billing) = (events(false, false), events(true, false));
    assert_eq!((payments.len(), billing.len()), (5, 37));
    assert!(payments.iter().all(|event| billing.contains(event)));
    let known: Vec<&str> = include_str!("../../sandbox/hooks/event_types.txt").lines().collect();
    for event in &billing {
        assert!(known.contains(event), "{event}");
        assert_eq!(billing.iter().filter(|other| *other == event).count(), 1, "{event}");
    }
    // What stands for a whole family is all of it.
    for family in ["charge.dispute.", "product.", "price."] {
        for event in known.iter().filter(|event| event.starts_with(family)) {
            assert!(billing.contains(event), "{event}");
        }
    }
    assert_eq!(events(false, true), ["*"]);
}

#[test]
fn a_public_address_is_one_that_stripe_reaches() {
    assert_eq!(public_url(" https://till.example.com/ ", true, false).unwrap(), "https://till.example.com");
    assert_eq!(public_url("https://example.com/a/b", true, false).unwrap(), "https://example.com/a/b");
    assert_eq!(public_url("http://example.com", false, false).unwrap(), "http://example.com");
    assert_eq!(public_url("http://127.0.0.1:8456", true, true).unwrap(), "http://127.0.0.1:8456");
    for (text, live, why) in [
        ("till.example.com", false, "no URL"),
        ("http://example.com", true, "live mode"),
        ("ftp://example.com", false, "neither"),
        ("https://127.0.0.1:8456", false, "cannot reach"),
        ("https://192.168.1.7", false, "cannot reach"),
        ("https://localhost", false, "cannot reach"),
        ("https://[::1]/x", false, "cannot reach"),
        ("https://example.com/?a=1", false, "query"),
        ("https://me:hush@example.com", false, "password"),
    ] {
        let wrong = public_url(text, live, false).unwrap_err();
        assert!(wrong.contains(why) && !wrong.contains("hush"), "{text}: {wrong}");
    }
}

#[test]
fn addresses_are_unguessable_and_states_follow_what_stripe_said() {
    let make = || EndpointNote::new("a1", "https://example.com/till", false).unwrap();
    let (mut note, other) = (make(), make());
    assert_ne!(note.token, other.token);
    assert_eq!(note.token.len(), 48);
    assert_eq!(note.url(), format!("https://example.com/till/{}", note.token));
    assert_eq!(note.state("a1"), EndpointState::NoSecret);
    assert!(matches!(note.state("b2"), EndpointState::Unmade { reason } if reason.contains("backup")));
    note.id = Some("we_1".into());
    assert!(note.is_at_stripe("a1") && !note.is_at_stripe("b2"));
    let seen = |status, events: &[&str]| Seen {
        at: 9,
        status,
        since: 7,
        created: 1,
        url: None,
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        api_version: None,
        undelivered: None,
    };
    note.seen = Some(seen(Status::Disabled, &[]));
    assert_eq!(note.state("a1"), EndpointState::Disabled { since: 7 });
    note.seen = Some(seen(Status::Enabled, &["payment_intent.succeeded", "payout.paid"]));
    let (less, more) = note.differs(&events(false, false));
    assert_eq!((less.len(), more), (4, vec!["payout.paid".to_owned()]));
    note.seen = Some(seen(Status::Enabled, &["*"]));
    assert_eq!(note.differs(&events(true, false)), (Vec::new(), vec!["*".to_owned()]));
    assert_eq!(note.differs(&["*"]), (Vec::new(), Vec::new()));
}
