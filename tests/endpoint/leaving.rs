//! Disconnecting while Stripe does not answer: nothing is forgotten, whoever ends and starts in between.

use tillwatch::engine::api::{Answer, EndpointAction, Health, Request};
use tillwatch::integration::Integration;

use crate::{Desk, ID, at_stripe, endpoints, faults, stripe};

fn document(desk: &Desk) -> Integration {
    desk.store().meta(&Integration::document(ID)).unwrap().unwrap()
}

async fn leave_without_an_answer(desk: &Desk, stripe: &tillwatch::sandbox::Running) {
    stripe.set_faults(faults(&["reset=1"]));
    let answer = desk.engine.request(Request::Disconnect { integration: ID, purge: false }).await;
    assert!(matches!(answer, Answer::Disconnected { .. }), "{answer:?}");
    assert!(matches!(desk.view().health, Health::Disconnecting { .. }), "{:?}", desk.view().health);
    let kept = document(desk);
    assert!(kept.key.is_some() && kept.off_since.is_some(), "the key is still needed");
    assert!(desk.messages().iter().any(|text| text.contains("as soon as Stripe answers")));
    // Nobody takes deliveries for it any more.
    assert!(desk.engine.door(crate::token(&desk.view())).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_finished_as_soon_as_stripe_answers() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    leave_without_an_answer(&desk, &stripe).await;
    stripe.set_faults(Vec::new());
    at_stripe(&stripe, "no endpoint", <[_]>::is_empty).await;
    desk.until("the end", |snapshot| snapshot.integrations[0].health == Health::Off).await;
    let kept = document(&desk);
    assert_eq!((kept.key, kept.endpoint), (None, None));
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn also_by_the_next_process() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    leave_without_an_answer(&desk, &stripe).await;
    let Desk { engine, receiver, dir, .. } = desk;
    receiver.stop().await;
    engine.shutdown().await;
    drop(engine);
    stripe.set_faults(Vec::new());
    assert_eq!(endpoints(&stripe).await.len(), 1);
    let desk = Desk::on(dir, &stripe.base_url).await;
    at_stripe(&stripe, "no endpoint", <[_]>::is_empty).await;
    desk.until("the end", |snapshot| snapshot.integrations[0].health == Health::Off).await;
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_again_meanwhile_has_one_and_only_one() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let before = endpoints(&stripe).await;
    leave_without_an_answer(&desk, &stripe).await;
    stripe.set_faults(Vec::new());
    let answer = desk.connect(&stripe).await;
    assert!(matches!(answer, Answer::Connected { integration: ID }), "{answer:?}");
    desk.open().await;
    let after = endpoints(&stripe).await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["metadata"], before[0]["metadata"]);
    // And the next look finds nothing to mend.
    let action = EndpointAction::Enable;
    assert_eq!(desk.engine.request(Request::Endpoint { integration: ID, action }).await, Answer::Done);
    assert!(desk.messages().iter().any(|text| text.contains("as it should be")));
    stripe.run_traffic(5);
    desk.until_whole(&stripe).await;
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_no_longer_leaves_it_to_a_person() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    stripe.deny(&stripe.keys.restricted, &["rak_webhook_write"]).unwrap();
    let answer = desk.engine.request(Request::Disconnect { integration: ID, purge: false }).await;
    assert!(matches!(answer, Answer::Disconnected { .. }), "{answer:?}");
    assert_eq!(desk.view().health, Health::Off);
    assert!(
        desk.messages()
            .iter()
            .any(|text| text.contains("remove it there, https://dashboard.stripe.com/test/webhooks")),
        "{:?}",
        desk.messages()
    );
    assert_eq!(endpoints(&stripe).await.len(), 1);
    desk.end().await;
    stripe.stop().await;
}
