//! Reads that nobody asked for: they stop at their limit, by hand it goes on, and a gap is not forgotten.

use tillwatch::config::Upkeep;
use tillwatch::engine::api::{Answer, Delivery, Request};
use tillwatch::events::poll::Cursor;

use crate::{ID, Rig, stripe};

fn few(limit: u64) -> Upkeep {
    Upkeep { automatic_reads: Some(limit), ..Upkeep::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_stops_at_the_limit_says_what_to_do_and_goes_on_by_hand() {
    let change = |wish: &mut tillwatch::integration::connect::Wish| {
        wish.delivery = Delivery::Poll;
        wish.poll_every_s = 1;
    };
    let rig = Rig::upkept(stripe(|_| {}).await, few(4), change).await;
    rig.until("the first poll", |now| now.integrations[0].complete_to.is_some()).await;
    // More than a page between two polls, until that has cost enough.
    while rig.view().poll.held.is_none() {
        let reads = rig.view().reads.last_30_days;
        rig.stripe.run_traffic(60);
        rig.until("a poll", |now| {
            now.integrations[0].reads.last_30_days > reads || now.integrations[0].poll.held.is_some()
        })
        .await;
    }
    let spent = rig.store.counters(ID).automatic_30_days(tillwatch::clock::system()() / 86_400);
    assert!(spent >= 4, "{spent}");
    rig.until("a word of it", |now| {
        let mut texts = now.messages.iter().map(|one| one.text.as_str());
        texts.any(|text| text.contains("nobody asked for") && text.contains("poll by hand"))
    })
    .await;
    let reads = rig.view().reads.last_30_days;
    rig.stripe.run_traffic(60);
    let later = tillwatch::clock::system()() + 60;
    rig.until("the next look, later", |now| now.integrations[0].poll.next_at > Some(later)).await;
    assert_eq!(rig.view().reads.last_30_days, reads, "nothing is sent");
    // By hand it goes on, as often as one likes, and does not count.
    assert_eq!(rig.engine.request(Request::Poll { integration: ID }).await, Answer::Done);
    rig.until_whole().await;
    rig.until("the count", |now| now.integrations[0].reads.last_30_days > reads).await;
    let after = rig.store.counters(ID).automatic_30_days(tillwatch::clock::system()() / 86_400);
    assert_eq!(after, spent);
    let told = rig.messages().iter().filter(|text| text.contains("nobody asked for")).count();
    assert_eq!(told, 1, "once");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_may_not_be_read_stays_open_and_nothing_is_called_complete() {
    let rig = Rig::upkept(stripe(|options| options.relay.reset = 2).await, few(0), |_| {}).await;
    rig.until("word of the limit", |now| {
        now.integrations[0].poll.held.is_some() && now.integrations[0].complete_to.is_some()
    })
    .await;
    // The first look is a person's: they have just connected.
    let cursor: Cursor = rig.store.meta(&Cursor::name(ID)).unwrap().unwrap();
    let (complete, reads) = (cursor.complete_to.unwrap(), rig.view().reads.last_30_days);
    rig.until("a connection", |now| {
        matches!(now.integrations[0].link, tillwatch::engine::api::LinkView::Connected { .. })
    })
    .await;
    rig.stripe.run_traffic(5);
    rig.until_whole().await;
    assert_eq!((rig.view().complete_to, rig.view().reads.last_30_days), (Some(complete), reads));
    assert_eq!(rig.engine.request(Request::Poll { integration: ID }).await, Answer::Done);
    rig.until("compared again", |now| now.integrations[0].reads.last_30_days > reads).await;
    rig.end().await;
}
