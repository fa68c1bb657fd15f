//! What lately came in, in memory: tells a repeated delivery, a twin and a tie without reading the store.
//!
//! It is a help only, and bounded: what it forgot is found in the store, or left unmarked. It runs ahead of the
//! store, so it must be cleared when something could not be stored: else a second delivery would be taken for a
//! known one, and acknowledged.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::stripe::kind::Kind;

/// Events, and objects, that are remembered.
const MOST: usize = 16_384;
/// Objects to be read again, at most; more are left to the next sync.
const MOST_UNSETTLED: usize = 500;

/// The last event that was applied to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// Its time.
    pub as_of: i64,
    /// Which event; 0: it was read at Stripe, no event told it.
    pub event: u64,
    /// What the object looked like.
    pub hash: u64,
    /// Its status.
    pub status: String,
    /// The event said that the object was made.
    pub made: bool,
}

/// What lately came in for one integration.
#[derive(Debug, Default)]
pub struct Memory {
    /// By event id; true: its object was applied in the shape of our own API version.
    events: Bounded<bool>,
    /// By type, object and second: which event.
    moments: Bounded<u64>,
    objects: Bounded<Last>,
    unsettled: VecDeque<(Kind, String)>,
    /// They are not yet written down like that.
    changed: bool,
    /// Those of the process before are known.
    restored: bool,
    epoch: u64,
}

#[derive(Debug)]
struct Bounded<V> {
    map: HashMap<u64, V>,
    order: VecDeque<u64>,
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Bounded { map: HashMap::new(), order: VecDeque::new() }
    }
}

impl<V> Bounded<V> {
    fn put(&mut self, key: u64, value: V) {
        if self.map.insert(key, value).is_none() {
            self.order.push_back(key);
            if self.order.len() > MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.map.remove(&oldest);
            }
        }
    }
}

/// A number for whatever is looked up here.
pub fn number(parts: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

impl Memory {
    /// Whether an event is known, and if so, whether its object was applied in our own version's shape.
    pub fn event(&self, id: u64) -> Option<bool> {
        self.events.map.get(&id).copied()
    }

    /// An event was prepared.
    pub fn put_event(&mut self, id: u64, ours: bool) {
        self.events.put(id, ours);
    }

    /// Whether another event of that moment is known; the first one stays the one that is known.
    pub fn is_twin(&mut self, moment: u64, event: u64) -> bool {
        if let Some(known) = self.moments.map.get(&moment) {
            return *known != event;
        }
        self.moments.put(moment, event);
        false
    }

    /// What was last applied to an object.
    pub fn object(&self, object: u64) -> Option<&Last> {
        self.objects.map.get(&object)
    }

    /// An event was applied to an object.
    pub fn put_object(&mut self, object: u64, last: Last) {
        self.objects.put(object, last);
    }

    /// Two events of one second say different things, and nothing tells which was last: Stripe has to say.
    pub fn unsettle(&mut self, kind: Kind, id: &str) {
        if self.unsettled.len() < MOST_UNSETTLED
            && !self.unsettled.iter().any(|(known, object)| *known == kind && object == id)
        {
            self.unsettled.push_back((kind, id.to_owned()));
            self.changed = true;
        }
    }

    /// An object was read at Stripe, as it was at `as_of` (Stripe's time): events of before are known as such.
    pub fn read(&mut self, kind: Kind, id: &str, as_of: i64, hash: u64, status: &str) {
        let last = Last { as_of, event: 0, hash, status: status.to_owned(), made: false };
        self.put_object(number((kind, id)), last);
    }

    /// Objects to be read again, those that wait longest first. They stay until they are [settled](Self::settled).
    pub fn unsettled(&self, most: usize) -> Vec<(Kind, String)> {
        self.unsettled.iter().take(most).cloned().collect()
    }

    /// An object is not to be read again.
    pub fn settled(&mut self, kind: Kind, id: &str) {
        let before = self.unsettled.len();
        self.unsettled.retain(|(known, object)| *known != kind || object != id);
        self.changed |= self.unsettled.len() != before;
    }

    /// All of them, if they are to be written down: a process that is killed must not forget them.
    pub fn unsettled_to_write(&mut self) -> Option<Vec<(Kind, String)>> {
        std::mem::take(&mut self.changed).then(|| self.unsettled.iter().cloned().collect())
    }

    /// Takes up what the process before has written down; only the first time.
    pub fn restore(&mut self, written: impl FnOnce() -> Vec<(Kind, String)>) {
        if !std::mem::replace(&mut self.restored, true) {
            for (kind, id) in written() {
                self.unsettle(kind, &id);
            }
        }
    }

    /// Whether there is one.
    pub fn has_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// Something could not be stored: what is remembered may not be so.
    pub fn clear(&mut self) {
        let (unsettled, epoch) = (std::mem::take(&mut self.unsettled), self.epoch + 1);
        *self = Memory { unsettled, epoch, changed: true, restored: self.restored, ..Memory::default() };
    }

    /// Rises each time that it is cleared.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_the_oldest_and_all_of_it_when_told() {
        let mut memory = Memory::default();
        for id in 0..=MOST as u64 {
            memory.put_event(id, true);
        }
        assert_eq!((memory.event(0), memory.event(1)), (None, Some(true)));
        memory.unsettle(Kind::Invoice, "in_1");
        memory.unsettle(Kind::Invoice, "in_1");
        memory.clear();
        assert_eq!((memory.event(1), memory.epoch()), (None, 1));
        let open = vec![(Kind::Invoice, "in_1".to_owned())];
        assert_eq!(memory.unsettled(9), open, "once");
        assert_eq!(memory.unsettled_to_write(), Some(open));
        assert_eq!(memory.unsettled_to_write(), None);
        memory.settled(Kind::Invoice, "in_1");
        assert_eq!((memory.has_unsettled(), memory.unsettled_to_write()), (false, Some(Vec::new())));
        memory.restore(|| vec![(Kind::Customer, "cus_1".to_owned())]);
        memory.restore(|| panic!("only the first time"));
        assert!(memory.has_unsettled());
    }

    #[test]
    fn a_twin_is_another_event_of_the_same_moment() {
        let mut memory = Memory::default();
        let moment = number(("invoice.paid", "in_1", 7));
        assert!(!memory.is_twin(moment, 1));
        assert!(!memory.is_twin(moment, 1), "itself, delivered again");
        assert!(memory.is_twin(moment, 2));
    }
}
