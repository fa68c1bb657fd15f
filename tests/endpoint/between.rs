//! Something between tillwatch and Stripe that keeps one request, or the answer to it, for itself: for kills at that very
//! moment.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::PATIENCE;

/// What does not get through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Stripe never hears of it.
    Request,
    /// Stripe has done it, and nobody hears of that.
    Answer,
}

/// Passes on what comes to it, until a request begins with `words`.
pub(crate) struct Between {
    pub(crate) base: String,
    kept: watch::Receiver<bool>,
}

struct Rule {
    keeps: Keeps,
    words: &'static str,
    kept: watch::Sender<bool>,
}

impl Between {
    pub(crate) async fn start(stripe: &str, keeps: Keeps, words: &'static str) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let to = stripe.trim_start_matches("http://").to_owned();
        let (sender, kept) = watch::channel(false);
        let rule = Arc::new(Rule { keeps, words, kept: sender });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (to, rule) = (to.clone(), rule.clone());
                tokio::spawn(async move { pass(stream, &to, &rule).await });
            }
        });
        Between { base, kept }
    }

    /// Waits until it has kept something.
    pub(crate) async fn has_kept(&mut self) {
        let begun = Instant::now();
        let kept = tokio::time::timeout(PATIENCE, self.kept.wait_for(|kept| *kept)).await;
        assert!(kept.is_ok_and(|kept| kept.is_ok()), "nothing came for {:?}", begun.elapsed());
    }
}

async fn pass(client: TcpStream, to: &str, rule: &Rule) {
    let Ok(stripe) = TcpStream::connect(to).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_stripe, mut to_stripe) = stripe.into_split();
    let (asked, answered) = watch::channel(false);
    let there = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            if String::from_utf8_lossy(&bytes[..count]).contains(rule.words) {
                if rule.keeps == Keeps::Request {
                    rule.kept.send_replace(true);
                    std::future::pending::<()>().await;
                }
                asked.send_replace(true);
            }
            if to_stripe.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_stripe.read(&mut bytes).await {
            if *answered.borrow() {
                rule.kept.send_replace(true);
                std::future::pending::<()>().await;
            }
            if to_client.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}
