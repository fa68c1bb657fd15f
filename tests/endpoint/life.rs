//! An endpoint's life: made, delivered to, changed, disabled, enabled, rotated; what is not ours is left alone.

use std::time::Instant;

use tillwatch::engine::api::{
    Answer, Delivery, Edit, EndpointAction, EndpointState, Health, Level, Request, Source,
};
use tillwatch::integration::endpoint::events;
use tillwatch::server::receiver;
use tillwatch::stripe::API_VERSION;
use tillwatch::vault::secret::Secret;

use crate::door::{event, now, secret, signed};
use crate::{Desk, ID, at_stripe, endpoints, foreign, post, stripe, token};

fn asks(endpoint: &serde_json::Value) -> Vec<&str> {
    endpoint["enabled_events"].as_array().unwrap().iter().map(|event| event.as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_makes_it_deliveries_are_stored_and_disconnect_removes_it() {
    let stripe = stripe().await;
    let other = foreign(&stripe, "elsewhere.example", "").await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let all = endpoints(&stripe).await;
    assert_eq!(all.len(), 2);
    for field in ["id", "url", "enabled_events", "metadata", "status", "description"] {
        assert_eq!(all[0][field], other[field], "another's endpoint was touched");
    }
    let ours = &all[1];
    assert_eq!(ours["metadata"]["tillwatch_install"], desk.store().install_id());
    assert_eq!(ours["metadata"]["tillwatch_integration"], "1");
    assert_eq!((ours["api_version"].as_str(), ours["status"].as_str()), (Some(API_VERSION), Some("enabled")));
    assert!(ours["description"].as_str().unwrap().contains("tillwatch"));
    assert_eq!(asks(ours), events(true, false));
    assert_eq!(ours["url"], format!("{}/{}", desk.public_url(), token(&desk.view())));
    assert_eq!(token(&desk.view()).len(), 48);

    // The first polls after a start may overtake a delivery.
    stripe.run_traffic(3);
    desk.until_whole(&stripe).await;
    desk.until("the first delivery", |snapshot| {
        let view = &snapshot.integrations[0];
        !view.poll.running && view.endpoint.as_ref().is_some_and(|one| one.last_delivery_at.is_some())
    })
    .await;
    let before = desk.store().counters(ID).arrived;
    stripe.run_traffic(20);
    desk.until_whole(&stripe).await;
    let rows = desk.store().arrivals(ID, before).unwrap();
    assert!(rows.len() > 10);
    assert!(rows.iter().all(|row| row.source == Source::Endpoint), "no poll was needed");
    desk.until("a slow poll", |snapshot| {
        let view = &snapshot.integrations[0];
        view.endpoint.as_ref().is_some_and(|one| one.last_delivery_at.is_some() && one.problem(1).is_none())
    })
    .await;
    // The secret is in the vault and nowhere else.
    assert!(!format!("{:?}", desk.view()).contains("whsec_"));

    let records = desk.store().counters(ID).events;
    let answer = desk.engine.request(Request::Disconnect { integration: ID, purge: false }).await;
    assert!(matches!(answer, Answer::Disconnected { .. }), "{answer:?}");
    assert_eq!(desk.view().health, Health::Off);
    let left = endpoints(&stripe).await;
    assert_eq!((left.len(), &left[0]["id"], &left[0]["url"]), (1, &other["id"], &other["url"]));
    assert_eq!(desk.store().counters(ID).events, records, "records stay");
    assert!(desk.messages().iter().any(|text| text.contains("webhook endpoint is removed")));
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn billing_and_the_address_change_the_endpoint_and_polling_removes_it() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let made = endpoints(&stripe).await[0]["id"].clone();
    let edit = Edit { billing: Some(false), ..Edit::default() };
    assert_eq!(desk.engine.request(Request::Edit { integration: ID, edit }).await, Answer::Done);
    let all = endpoints(&stripe).await;
    assert_eq!((all.len(), &all[0]["id"], asks(&all[0])), (1, &made, events(false, false)));
    let url = format!("{}/behind/a/proxy", desk.public_url());
    let edit = Edit { billing: Some(true), public_url: Some(url.clone()), ..Edit::default() };
    assert_eq!(desk.engine.request(Request::Edit { integration: ID, edit }).await, Answer::Done);
    let all = endpoints(&stripe).await;
    assert_eq!((&all[0]["id"], asks(&all[0])), (&made, events(true, false)));
    assert!(all[0]["url"].as_str().unwrap().starts_with(&url));
    desk.open().await;
    stripe.run_traffic(5);
    desk.until_whole(&stripe).await;
    let edit = Edit { delivery: Some(Delivery::Poll), ..Edit::default() };
    assert_eq!(desk.engine.request(Request::Edit { integration: ID, edit }).await, Answer::Done);
    assert!(endpoints(&stripe).await.is_empty());
    assert_eq!(desk.view().endpoint, None);
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_at_stripe_is_said_at_once_and_one_request_enables_it() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let path = format!("/v1/webhook_endpoints/{}", endpoints(&stripe).await[0]["id"].as_str().unwrap());
    post(&stripe, &path, "disabled=true").await;
    let snapshot = desk
        .until("word of it", |snapshot| {
            snapshot.messages.iter().any(|one| one.level == Level::Error && one.text.contains("disabled"))
        })
        .await;
    let view = snapshot.integrations[0].endpoint.as_ref().unwrap();
    assert!(matches!(view.state, EndpointState::Disabled { .. }), "{view:?}");
    assert!(view.problem(1).unwrap().contains("check 1 --enable"));
    let ask = |action| desk.engine.request(Request::Endpoint { integration: ID, action });
    assert_eq!(ask(EndpointAction::Enable).await, Answer::Done);
    assert_eq!(endpoints(&stripe).await[0]["status"], "enabled");
    assert_eq!(desk.view().endpoint.unwrap().state, EndpointState::Enabled);
    desk.open().await;
    // Somebody deletes it: a new one takes its place, under the same address.
    let url = endpoints(&stripe).await[0]["url"].clone();
    let delete = crate::http().delete(format!("{}{path}", stripe.base_url)).bearer_auth(&stripe.keys.secret);
    assert!(delete.send().await.unwrap().status().is_success());
    assert_eq!(ask(EndpointAction::Look).await, Answer::Done);
    assert!(matches!(desk.view().endpoint.unwrap().state, EndpointState::Gone { .. }));
    assert_eq!(ask(EndpointAction::Enable).await, Answer::Done);
    let all = endpoints(&stripe).await;
    assert_eq!((all.len(), &all[0]["url"]), (1, &url));
    desk.open().await;
    stripe.run_traffic(5);
    desk.until_whole(&stripe).await;
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_it_was_off_comes_in_when_somebody_switches_it_on_again() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    stripe.run_traffic(3);
    desk.until_whole(&stripe).await;
    let path = format!("/v1/webhook_endpoints/{}", endpoints(&stripe).await[0]["id"].as_str().unwrap());
    let state = async |wanted: fn(&EndpointState) -> bool| {
        desk.until("how it is", |snapshot| {
            let view = &snapshot.integrations[0];
            !view.poll.running && view.endpoint.as_ref().is_some_and(|one| wanted(&one.state))
        })
        .await
    };
    post(&stripe, &path, "disabled=true").await;
    state(|state| matches!(state, EndpointState::Disabled { .. })).await;
    stripe.run_traffic(5);
    post(&stripe, &path, "disabled=false").await;
    state(|state| matches!(state, EndpointState::Enabled)).await;
    desk.until_whole(&stripe).await;
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_takes_over_and_nothing_is_lost_between() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let before = endpoints(&stripe).await[0].clone();
    let old = secret(&desk);
    stripe.run_traffic(5);
    let action = EndpointAction::Rotate;
    assert_eq!(desk.engine.request(Request::Endpoint { integration: ID, action }).await, Answer::Done);
    let new = secret(&desk);
    assert_ne!(old, new);
    let all = at_stripe(&stripe, "one endpoint", |all| all.len() == 1).await;
    assert_ne!(all[0]["id"], before["id"]);
    assert_eq!(all[0]["url"], before["url"]);
    desk.open().await;
    // Both are good for a while: what was signed before is still on its way.
    let url = desk.view().endpoint.unwrap().url;
    let begun = Instant::now();
    for (n, secret) in [&old, &new].into_iter().enumerate() {
        let body = event(&format!("evt_signed_{n}"), false);
        loop {
            let header = signed(secret, now(), &body);
            let request = crate::http().post(&url).header("Stripe-Signature", header).body(body.clone());
            let status = request.send().await.unwrap().status().as_u16();
            // The door that knew only the old one may just be closing.
            if status == 200 {
                break;
            }
            assert!(begun.elapsed() < crate::PATIENCE, "{n}: {status}");
        }
    }
    stripe.run_traffic(5);
    desk.until_whole(&stripe).await;
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_data_folders_on_one_account_leave_each_other_alone() {
    let stripe = stripe().await;
    let (one, two) = (Desk::new(&stripe).await, Desk::new(&stripe).await);
    one.connected(&stripe).await;
    two.connected(&stripe).await;
    assert_eq!(endpoints(&stripe).await.len(), 2);
    // The second is told of the first, with its host and its date.
    assert!(
        two.messages().iter().any(|text| text.contains("another installation")
            && text.contains("127.0.0.1")
            && text.contains("made 20")),
        "{:?}",
        two.messages()
    );
    stripe.run_traffic(5);
    one.until_whole(&stripe).await;
    two.until_whole(&stripe).await;
    let answer = one.engine.request(Request::Disconnect { integration: ID, purge: true }).await;
    assert!(matches!(answer, Answer::Disconnected { .. }), "{answer:?}");
    let all = endpoints(&stripe).await;
    assert_eq!((all.len(), &all[0]["url"]), (1, &two.view().endpoint.unwrap().url.into()));
    let before = two.store().counters(ID).arrived;
    stripe.run_traffic(5);
    two.until_whole(&stripe).await;
    let rows = two.store().arrivals(ID, before).unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.source == Source::Endpoint));
    one.end().await;
    two.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_are_the_limit_and_a_key_may_not_always_and_polling_goes_on() {
    let stripe = stripe().await;
    for n in 0..16 {
        foreign(&stripe, &format!("host{n}.example"), "").await;
    }
    let desk = Desk::new(&stripe).await;
    let answer = desk.connect(&stripe).await;
    assert!(matches!(answer, Answer::Connected { .. }), "{answer:?}");
    let problem = desk.view().endpoint.unwrap().problem(1).unwrap();
    assert!(problem.contains("16 webhook endpoints") && problem.contains("host7.example"), "{problem}");
    assert_eq!(endpoints(&stripe).await.len(), 16, "none was touched");
    desk.until("a poll", |snapshot| snapshot.integrations[0].complete_to.is_some()).await;
    let id = endpoints(&stripe).await[3]["id"].as_str().unwrap().to_owned();
    let url = format!("{}/v1/webhook_endpoints/{id}", stripe.base_url);
    assert!(
        crate::http()
            .delete(url)
            .bearer_auth(&stripe.keys.secret)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    stripe.deny(&stripe.keys.restricted, &["rak_webhook_write"]).unwrap();
    let ask = || desk.engine.request(Request::Endpoint { integration: ID, action: EndpointAction::Enable });
    let Answer::Refused { reason } = ask().await else { panic!("not refused") };
    assert!(reason.contains("rak_webhook_write") && reason.contains("by hand"), "{reason}");
    stripe.allow(&stripe.keys.restricted, &["rak_webhook_write"]).unwrap();
    assert_eq!(ask().await, Answer::Done);
    assert_eq!(endpoints(&stripe).await.len(), 16);
    desk.open().await;
    // At the limit there is no room for two of ours: a new secret comes all the same.
    let action = EndpointAction::Rotate;
    assert_eq!(desk.engine.request(Request::Endpoint { integration: ID, action }).await, Answer::Done);
    assert_eq!(endpoints(&stripe).await.len(), 16);
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_by_hand_writes_nothing_at_stripe_and_takes_its_secret_by_a_ticket() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    foreign(&stripe, "other.example.com", "&metadata[tillwatch_install]=elsewhere").await;
    let edit = |edit: Edit| desk.engine.request(Request::Edit { integration: ID, edit });
    let ask = |action| desk.engine.request(Request::Endpoint { integration: ID, action });
    let ticket = |text: &str| match desk.engine.offer_key(Secret::new(text)) {
        Answer::Ticket { ticket } => ticket,
        other => panic!("{other:?}"),
    };
    let good = format!("whsec_{}", "b7".repeat(16));
    // Of our own we have the secret already.
    let answer = ask(EndpointAction::Secret { ticket: ticket(&good) }).await;
    assert!(matches!(&answer, Answer::Refused { reason } if reason.contains("made by hand")), "{answer:?}");
    // Others are named by a look, and left alone.
    assert_eq!(ask(EndpointAction::Look).await, Answer::Done);
    let others = desk.view().endpoint.unwrap().others;
    assert!(others.len() == 1 && others[0].starts_with("other.example.com"), "{others:?}");
    // From ours to one by hand: ours goes.
    assert_eq!(edit(Edit { by_hand: Some(true), ..Edit::default() }).await, Answer::Done);
    let left = endpoints(&stripe).await;
    assert!(left.len() == 1 && left[0]["url"].as_str().unwrap().contains("other.example.com"), "{left:?}");
    let view = desk.view().endpoint.unwrap();
    assert!(view.by_hand && view.state == EndpointState::NoSecret && !view.is_down(), "{view:?}");
    // What is something else is named; a secret is taken once.
    let answer = ask(EndpointAction::Secret { ticket: ticket(&stripe.keys.restricted) }).await;
    assert!(
        matches!(&answer, Answer::Refused { reason } if reason.contains("that is an API key")),
        "{answer:?}"
    );
    let held = ticket(&good);
    assert_eq!(ask(EndpointAction::Secret { ticket: held }).await, Answer::Done);
    let answer = ask(EndpointAction::Secret { ticket: held }).await;
    assert!(matches!(&answer, Answer::Refused { reason } if reason.contains("paste it again")), "{answer:?}");
    desk.open().await;
    assert!(!desk.messages().iter().any(|text| text.contains("whsec_")), "{:?}", desk.messages());
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_on_its_way_is_delivered_again_or_found_in_the_list() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    // Nobody listens for a while.
    let desk = {
        stripe.run_traffic(3);
        let desk = desk.restart().await;
        // Another port: what was addressed to the old one is lost.
        let url = desk.public_url();
        stripe.run_traffic(5);
        let edit = Edit { public_url: Some(url), ..Edit::default() };
        assert_eq!(desk.engine.request(Request::Edit { integration: ID, edit }).await, Answer::Done);
        desk
    };
    desk.open().await;
    // The receiver is gone for a while: what is not sent again then is in the list.
    let Desk { engine, receiver, dir, base } = desk;
    let address = receiver.address();
    receiver.stop().await;
    stripe.run_traffic(5);
    let receiver = receiver::start(&engine, address, receiver::limits()).await.unwrap();
    let desk = Desk { engine, receiver, dir, base };
    assert_eq!(desk.engine.request(Request::Poll { integration: ID }).await, Answer::Done);
    desk.until_whole(&stripe).await;
    desk.end().await;
    stripe.stop().await;
}
