//! The way of acknowledgements: by the socket that brought the event; when that one is gone, by the newest socket of
//! the same session (the Stripe CLI, too, sends on its next connection what it could not send).
//!
//! It must never carry one to another session, which does not know the delivery, and never grow without bound.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

/// Acknowledgements that wait for one socket, and those that wait for any, at most.
const MOST: usize = 4096;

/// What the sockets of one session share.
#[derive(Debug, Clone, Default)]
pub struct Route(Arc<Mutex<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    newest: Option<mpsc::Sender<String>>,
    /// There is no socket just now.
    kept: VecDeque<String>,
}

/// Where the acknowledgement of one frame goes.
#[derive(Debug, Clone)]
pub struct Acks {
    own: mpsc::Sender<String>,
    route: Route,
}

impl Route {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket opened: its frames' acknowledgements come out of the receiver, and from now on those of sockets that
    /// are gone.
    pub fn open(&self) -> (Acks, mpsc::Receiver<String>) {
        let (own, receiver) = mpsc::channel(MOST);
        let mut shared = self.shared();
        while let Some(text) = shared.kept.pop_front() {
            if let Err(error) = own.try_send(text) {
                shared.kept.push_front(error.into_inner());
                break;
            }
        }
        shared.newest = Some(own.clone());
        drop(shared);
        (Acks { own, route: self.clone() }, receiver)
    }

    /// Takes one that its socket could not send.
    pub fn elsewhere(&self, text: String) {
        let mut shared = self.shared();
        let left = match &shared.newest {
            Some(newest) => newest.try_send(text).err().map(mpsc::error::TrySendError::into_inner),
            None => Some(text),
        };
        if let Some(text) = left {
            if shared.kept.len() >= MOST {
                // Stripe may send that event again; it is stored.
                shared.kept.pop_front();
            }
            shared.kept.push_back(text);
        }
    }
}

impl Acks {
    /// Sends one; never waits.
    pub fn send(&self, text: String) {
        if let Err(error) = self.own.try_send(text) {
            self.route.elsewhere(error.into_inner());
        }
    }

    /// The socket takes no more frames: its receiver ends once all that are on their way were answered.
    pub fn close(self) {
        let mut shared = self.route.shared();
        if shared.newest.as_ref().is_some_and(|newest| newest.same_channel(&self.own)) {
            shared.newest = None;
        }
    }

    /// For frames that come after the goodbye: by another socket only.
    pub fn of_a_closed_socket(route: &Route) -> Acks {
        Acks { own: mpsc::channel(1).0, route: route.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(receiver: &mut mpsc::Receiver<String>) -> Vec<String> {
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn an_acknowledgement_goes_by_its_own_socket_while_that_is_open_and_by_the_next_one_after() {
        let route = Route::default();
        let (first, mut out) = route.open();
        let (second, mut next) = route.open();
        let frame = first.clone();
        frame.send("1".to_owned());
        assert_eq!(all(&mut out), ["1"]);
        drop(out);
        frame.send("2".to_owned());
        assert_eq!(all(&mut next), ["2"]);
        // Nobody is there: the next socket brings it.
        second.close();
        drop(next);
        frame.send("3".to_owned());
        Acks::of_a_closed_socket(&route).send("4".to_owned());
        let (_third, mut last) = route.open();
        assert_eq!(all(&mut last), ["3", "4"]);
    }

    #[tokio::test]
    async fn a_closed_socket_knows_when_all_its_frames_are_answered() {
        let route = Route::default();
        let (acks, mut out) = route.open();
        let frame = acks.clone();
        acks.close();
        frame.send("1".to_owned());
        drop(frame);
        assert_eq!(out.recv().await.as_deref(), Some("1"));
        assert_eq!(out.recv().await, None, "there is nothing to wait for");
    }

    #[test]
    fn what_waits_for_a_socket_is_bounded() {
        let route = Route::default();
        for number in 0..MOST + 5 {
            route.elsewhere(number.to_string());
        }
        let (_acks, mut out) = route.open();
        let all = all(&mut out);
        assert_eq!((all.len(), all[0].as_str()), (MOST, "5"));
    }
}
