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

mod steps_taken {
    use std::sync::{Arc, Mutex};

    use super::super::keep::{Change, Keep};
    use super::super::remote::EndpointError;
    use super::super::secrets::SecretNote;
    use super::super::steps::{Ask, Left, NoKey, key_to_leave, leave_by, wanted, writes};
    use super::super::{EndpointNote, Seen, Status, delivers};
    use crate::clock::Now;
    use crate::engine::api::{Delivery, IntegrationId};
    use crate::integration::Integration;
    use crate::integration::config::KeyNote;
    use crate::integration::connect::ConnectError;
    use crate::stripe::Error;
    use crate::vault::secret::Secret;
    use crate::vault::{Place, Vault};

    const ID: IntegrationId = IntegrationId(1);
    /// This build has no keyring: it fails, as one that is locked does.
    const LOCKED: Place = Place::SystemKeyring;

    fn integration(endpoint: Option<EndpointNote>) -> Integration {
        Integration {
            id: ID,
            name: "One".into(),
            description: None,
            account: "acct_1".into(),
            account_name: "One".into(),
            livemode: false,
            billing: true,
            delivery: Delivery::Endpoint,
            poll_every_s: 900,
            all_events: false,
            timezone: "Etc/UTC".into(),
            base_url: "https://api.stripe.com".into(),
            key: None,
            permissions: Vec::new(),
            checked_at: 0,
            connected_at: 0,
            off_since: None,
            refused: None,
            endpoint,
        }
    }

    fn note(by_hand: bool) -> EndpointNote {
        EndpointNote::new("a1", "https://example.com", by_hand).unwrap()
    }

    fn key_in(place: Place) -> KeyNote {
        KeyNote {
            masked: "rk_…".into(),
            fingerprint: "f".into(),
            kind: "restricted".into(),
            place,
            origin: None,
        }
    }

    fn seen(at: i64, events: &[&str]) -> Seen {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        let (status, url, api_version) = (Status::Enabled, None, None);
        Seen { at, status, since: at, created: 1, url, events, api_version, undelivered: None }
    }

    /// A document that takes so many changes before the power goes.
    struct Document(Mutex<(Integration, usize)>);

    impl Document {
        fn new(integration: &Integration, changes: usize) -> Document {
            Document(Mutex::new((integration.clone(), changes)))
        }

        fn now(&self) -> Integration {
            self.0.lock().unwrap().0.clone()
        }
    }

    impl Keep for Document {
        async fn keep(&self, change: Change) -> Result<Integration, ConnectError> {
            let mut inner = self.0.lock().unwrap();
            inner.1 = inner.1.checked_sub(1).ok_or_else(|| ConnectError::Refused("killed".into()))?;
            change(&mut inner.0);
            Ok(inner.0.clone())
        }
    }

    async fn left(document: &Document, vault: &Vault, no_key: &NoKey) -> Result<Left, ConnectError> {
        let (before, now): (_, Now) = (document.now(), Arc::new(|| 1000));
        let left = leave_by(document, "a1", vault, Err(no_key.clone()), &before, &now).await;
        left.map(|(after, left)| {
            assert_eq!(after, document.now());
            left
        })
    }

    #[test]
    fn missed_is_only_what_the_endpoint_should_have_brought() {
        let mut one = integration(Some(note(false)));
        for (event, billing, all, so) in [
            ("invoice.paid", true, false, true),
            ("charge.refunded", true, false, true),
            ("charge.succeeded", true, false, false),
            ("payment_intent.created", true, false, false),
            ("invoice_payment.paid", true, false, false),
            ("invoice.paid", false, false, false),
            ("payment_intent.succeeded", false, false, true),
            ("charge.succeeded", true, true, true),
        ] {
            (one.billing, one.all_events) = (billing, all);
            assert_eq!(delivers(&one, event), so, "{event} {billing} {all}");
        }
        // Made by hand with less: that is told as such.
        (one.billing, one.all_events) = (true, false);
        one.endpoint.as_mut().unwrap().seen = Some(seen(1, &["invoice.paid"]));
        assert!(delivers(&one, "invoice.paid") && !delivers(&one, "invoice.voided"));
        one.endpoint.as_mut().unwrap().seen = Some(seen(1, &["*"]));
        assert!(delivers(&one, "invoice.voided") && !delivers(&one, "charge.succeeded"));
    }

    #[test]
    fn what_may_be_at_stripe_is_not_removed_by_a_reader() {
        let poll = |note: &EndpointNote| {
            writes(&integration(Some(note.clone())), "a1", Delivery::Poll, &Ask::default())
        };
        let mut ours = note(false);
        assert!(!poll(&ours), "nothing was ever asked for");
        ours.making = Some(5);
        assert!(poll(&ours), "a kill may have left one that has no name here");
        (ours.making, ours.id) = (None, Some("we_1".into()));
        assert!(poll(&ours));
        let mut theirs = note(true);
        (theirs.id, theirs.trouble) = (Some("we_1".into()), Some("no answer".into()));
        assert!(!poll(&theirs), "one by hand is never touched");
        assert!(!theirs.is_at_stripe("a1"));
    }

    #[test]
    fn one_by_hand_stays_by_hand_in_a_restored_folder() {
        let restored = integration(Some(note(true)));
        let (ask, ours) = (Ask::default(), Ask { by_hand: Some(false), ..Ask::default() });
        assert!(!writes(&restored, "b2", Delivery::Endpoint, &ask));
        assert!(writes(&restored, "b2", Delivery::Endpoint, &ours));
        let now = wanted(&restored, "b2", &ask).unwrap();
        assert!(now.by_hand && now.install == "b2" && now.token != restored.endpoint.unwrap().token);
    }

    #[test]
    fn a_look_writes_nothing_over_what_came_meanwhile() {
        let mut before = note(false);
        (before.id, before.seen) = (Some("we_old".into()), Some(seen(1, &["*"])));
        let found = || Some("we_old".to_owned());
        let mut now = before.clone();
        assert!(now.learn(&before, found(), seen(9, &[])));
        assert_eq!(now.seen.as_ref().unwrap().at, 9);
        // Rotated: the token stays, the id does not.
        let mut rotated = before.clone();
        rotated.id = Some("we_new".into());
        let known = rotated.clone();
        assert!(!rotated.learn(&before, found(), seen(9, &[])));
        assert_eq!(rotated, known);
        let mut looked = before.clone();
        looked.seen = Some(seen(8, &[]));
        assert!(!looked.learn(&before, found(), seen(7, &["*"])), "a later look knows better");
        let mut theirs = note(true);
        theirs.trouble = Some("no answer".into());
        let known = theirs.clone();
        assert!(theirs.learn(&known, Some("we_1".into()), seen(9, &[])) && theirs.trouble.is_none());
    }

    #[test]
    fn an_address_that_is_another_is_told_and_so_is_what_could_not_be_changed() {
        let mut ours = note(false);
        (ours.id, ours.seen) = (Some("we_1".into()), Some(seen(1, &[])));
        assert_eq!(ours.astray(), None, "not known is not wrong");
        ours.seen.as_mut().unwrap().url = Some(ours.url());
        assert_eq!(ours.astray(), None);
        ours.seen.as_mut().unwrap().url = Some("https://elsewhere.example/hook".into());
        assert!(ours.astray().unwrap().contains("elsewhere.example"));
        ours.trouble = Some("no answer".into());
        assert!(ours.astray().unwrap().contains("no answer"));
        assert!(!matches!(ours.state("a1"), crate::engine::api::EndpointState::Unmade { .. }));
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_no_last_word() {
        let certificate = Error::Certificate { host: "api.stripe.com".into(), message: "expired".into() };
        assert!(EndpointError::Stripe(certificate).is_transient());
        assert!(!EndpointError::Stripe(Error::BadKey { message: String::new() }).is_transient());
    }

    #[tokio::test]
    async fn a_key_that_cannot_be_read_now_is_waited_for_and_one_that_is_lost_is_not() {
        let vault = Vault::in_memory();
        let mut ours = note(false);
        ours.id = Some("we_1".into());
        let mut before = integration(Some(ours));
        before.off_since = Some(9);
        before.key = Some(key_in(Place::Command { command: "exit 1".into() }));
        let locked = key_to_leave(&vault, &before).unwrap_err();
        assert!(locked.passing, "{locked:?}");
        let document = Document::new(&before, 9);
        assert!(matches!(left(&document, &vault, &locked).await.unwrap(), Left::Later(_)));
        let kept = document.now();
        assert_eq!((kept.endpoint.as_ref().unwrap().id.as_deref(), &kept.key), (Some("we_1"), &before.key));
        assert_eq!(kept.endpoint.unwrap().leaving, Some(1000));
        before.key = Some(key_in(Place::Memory));
        let lost = key_to_leave(&vault, &before).unwrap_err();
        assert!(!lost.passing, "{lost:?}");
        let document = Document::new(&before, 9);
        assert!(matches!(left(&document, &vault, &lost).await.unwrap(), Left::ByPerson(_)));
        assert_eq!((document.now().endpoint, document.now().key), (None, None));
    }

    #[tokio::test]
    async fn the_document_forgets_what_is_wiped_and_nothing_else() {
        let no_key = NoKey { reason: "none".into(), passing: false };
        let vault = Vault::in_memory();
        let name = Integration::vault_name(ID);
        let key = vault.put(&name, &Secret::new("rk_test_x")).unwrap();
        let one = vault.put("secret", &Secret::new("whsec_x")).unwrap();
        let secret = |name: &str, place| SecretNote { name: name.into(), place, until: None };
        let mut before = integration(Some(note(false)));
        before.off_since = Some(9);
        before.key = Some(key_in(key.clone()));
        before.endpoint.as_mut().unwrap().secrets =
            vec![secret("locked", LOCKED), secret("secret", one.clone())];
        // A secret that stays hinders nothing else from being wiped, and is named until it is.
        let document = Document::new(&before, 9);
        assert!(matches!(left(&document, &vault, &no_key).await.unwrap(), Left::Later(_)));
        assert!(vault.get(&name, &key).is_err() && vault.get("secret", &one).is_err());
        let now = document.now();
        assert_eq!(now.key, None);
        assert_eq!(now.endpoint.unwrap().secrets, [secret("locked", LOCKED)]);
        // So does a key that stays.
        before.endpoint.as_mut().unwrap().secrets = vec![];
        before.key = Some(key_in(LOCKED));
        let document = Document::new(&before, 9);
        assert!(matches!(left(&document, &vault, &no_key).await.unwrap(), Left::Later(_)));
        assert_eq!(document.now().key, before.key);
        assert!(document.now().endpoint.unwrap().leaving.is_some(), "it goes on later");
        // Killed after the wiping and before that is written down: the next run ends it.
        before.key = Some(key_in(vault.put(&name, &Secret::new("rk_test_x")).unwrap()));
        let document = Document::new(&before, 1);
        left(&document, &vault, &no_key).await.unwrap_err();
        assert!(vault.get(&name, &key).is_err() && document.now().key.is_some());
        let document = Document::new(&document.now(), 9);
        assert_eq!(left(&document, &vault, &no_key).await.unwrap(), Left::Nothing);
        assert_eq!((document.now().endpoint, document.now().key), (None, None));
    }
}
