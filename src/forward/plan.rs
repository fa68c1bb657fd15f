//! What a target's sender does next: which events may go, when those that failed go again, and whether the target is
//! down. Pure: times come in, picks go out.
//!
//! An event waits until the earlier ones of its object are delivered or parked; the others go side by side. A target
//! that does not answer is tried with one event at a time, so that an outage is no storm. It must never have two
//! events of one object on their way.

use std::collections::{BTreeSet, HashMap};

use crate::engine::api::IntegrationId;
use crate::store::forwards::Entry;

/// Requests to one target at a time.
pub const AT_ONCE: usize = 8;
/// Waits between tries, in milliseconds: doubled from the first to the longest.
const FIRST_MS: i64 = 1_000;
const LONGEST_MS: i64 = 60_000;
/// A program on this machine that is being restarted: asking costs nothing.
const LONGEST_LOCAL_MS: i64 = 10_000;
/// So many refusals in a row, and no event was taken since: the target is down.
const REFUSALS: u32 = 5;

/// An event in a queue: whose, and its order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// Whose.
    pub integration: IntegrationId,
    /// Order of arrival.
    pub order: u64,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The target has it.
    Delivered,
    /// It answered, but not with 2xx.
    Refused(String),
    /// No answer. `began_ms`: when the try began.
    Silent {
        /// Why.
        reason: String,
        /// When it began.
        began_ms: i64,
    },
    /// It is no longer in the queue.
    Gone,
}

/// The target does not take what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down {
    /// Since when, in milliseconds of the plan's clock.
    pub since_ms: i64,
    /// The next try.
    pub next_ms: i64,
    /// One sentence.
    pub reason: String,
    tries: u32,
    silent: bool,
    /// A try is on its way.
    probing: bool,
}

#[derive(Debug)]
struct Item {
    line: (IntegrationId, String),
    queued: i64,
    expires: i64,
    tries: u16,
    due_ms: i64,
}

/// Events of one object.
#[derive(Debug, Default)]
struct Line {
    waiting: BTreeSet<u64>,
    flying: Option<u64>,
}

/// The window of a target's queue that is in memory.
#[derive(Debug)]
pub struct Plan {
    items: HashMap<Slot, Item>,
    lines: HashMap<(IntegrationId, String), Line>,
    /// Heads of lines that are not on their way: when they are due, when they came, which.
    ready: BTreeSet<(i64, i64, Slot)>,
    airborne: usize,
    flying: usize,
    down: Option<Down>,
    refusals: u32,
    taken_ms: i64,
    longest_ms: i64,
}

impl Plan {
    /// An empty one; `local`: the target is on this machine.
    pub fn new(local: bool) -> Plan {
        Plan {
            items: HashMap::new(),
            lines: HashMap::new(),
            ready: BTreeSet::new(),
            airborne: 0,
            flying: 0,
            down: None,
            refusals: 0,
            taken_ms: i64::MIN,
            longest_ms: if local { LONGEST_LOCAL_MS } else { LONGEST_MS },
        }
    }

    /// Events in the window.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Nothing in the window.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether the target is down.
    pub fn down(&self) -> Option<&Down> {
        self.down.as_ref()
    }

    /// Takes an entry of the queue into the window; one that is there already stays as it is.
    pub fn add(&mut self, slot: Slot, entry: &Entry, now_ms: i64) {
        if self.items.contains_key(&slot) {
            return;
        }
        // What is about no object waits for nothing.
        let object =
            if entry.object.is_empty() { format!("\0{}", entry.event) } else { entry.object.clone() };
        let name = (slot.integration, object);
        let line = self.lines.entry(name.clone()).or_default();
        let old_head = line.waiting.first().copied();
        line.waiting.insert(slot.order);
        let free = line.flying.is_none();
        self.items.insert(
            slot,
            Item {
                line: name,
                queued: entry.queued,
                expires: entry.expires,
                tries: entry.tries,
                due_ms: now_ms,
            },
        );
        if free && old_head.is_none_or(|head| slot.order < head) {
            if let Some(head) = old_head {
                self.unready(Slot { order: head, ..slot });
            }
            self.make_ready(slot);
        }
    }

    fn unready(&mut self, slot: Slot) {
        if let Some(item) = self.items.get(&slot) {
            self.ready.remove(&(item.due_ms, item.queued, slot));
        }
    }

    fn make_ready(&mut self, slot: Slot) {
        if let Some(item) = self.items.get(&slot) {
            self.ready.insert((item.due_ms, item.queued, slot));
        }
    }

    /// The next event to send, which is on its way from now on; none: nothing may go now.
    pub fn next(&mut self, now_ms: i64) -> Option<Slot> {
        let picked = match &self.down {
            Some(down) if self.flying > 0 || now_ms < down.next_ms => None,
            // Another one each time: a single event that is always refused must not keep the target down.
            Some(_) => {
                let tries = |slot: Slot| self.items.get(&slot).map_or(u16::MAX, |item| item.tries);
                self.ready.iter().min_by_key(|(_, queued, slot)| (tries(*slot), *queued, *slot)).copied()
            }
            None if self.airborne >= AT_ONCE => None,
            None => self.ready.first().copied().filter(|(due, ..)| *due <= now_ms),
        }?;
        self.ready.remove(&picked);
        if let Some(down) = &mut self.down {
            down.probing = true;
        }
        let slot = picked.2;
        let name = self.items.get(&slot)?.line.clone();
        let line = self.lines.get_mut(&name)?;
        line.waiting.remove(&slot.order);
        line.flying = Some(slot.order);
        self.flying += 1;
        self.airborne += 1;
        Some(slot)
    }

    /// Its request has ended; what came of it is being stored. Another one may go.
    pub fn landed(&mut self) {
        self.airborne = self.airborne.saturating_sub(1);
    }

    /// When an event that failed so goes again, in milliseconds; `jitter` from 0 to 1.
    pub fn again_ms(&self, slot: Slot, now_ms: i64, jitter: f64) -> i64 {
        let tries = self.items.get(&slot).map_or(0, |item| item.tries);
        now_ms + backoff_ms(u32::from(tries), self.longest_ms, jitter)
    }

    /// What came of a try is stored. `due_ms`: when it goes again, if it does.
    pub fn ended(&mut self, slot: Slot, ended: &Ended, due_ms: i64, now_ms: i64, jitter: f64) {
        self.judge(ended, now_ms, jitter);
        let Some(item) = self.items.get_mut(&slot) else { return };
        let name = item.line.clone();
        let again = matches!(ended, Ended::Refused(_) | Ended::Silent { .. });
        if again {
            item.tries = item.tries.saturating_add(1);
            item.due_ms = due_ms;
        }
        if let Some(line) = self.lines.get_mut(&name)
            && line.flying == Some(slot.order)
        {
            line.flying = None;
            self.flying -= 1;
            if again {
                line.waiting.insert(slot.order);
            }
        }
        if !again {
            self.items.remove(&slot);
        }
        self.after(&name);
    }

    /// The head of a line may go now.
    fn after(&mut self, name: &(IntegrationId, String)) {
        let Some(line) = self.lines.get(name) else { return };
        if line.flying.is_some() {
            return;
        }
        match line.waiting.first().copied() {
            Some(order) => self.make_ready(Slot { integration: name.0, order }),
            None => {
                self.lines.remove(name);
            }
        }
    }

    fn judge(&mut self, ended: &Ended, now_ms: i64, jitter: f64) {
        match ended {
            Ended::Gone => {
                if let Some(down) = &mut self.down {
                    down.probing = false;
                }
            }
            Ended::Delivered => {
                self.taken_ms = now_ms;
                self.refusals = 0;
                if self.down.take().is_some() {
                    self.all_due(now_ms);
                }
            }
            Ended::Refused(reason) => {
                self.refusals += 1;
                if self.down.is_some() || self.refusals >= REFUSALS {
                    self.is_down(reason, false, now_ms, jitter);
                }
            }
            Ended::Silent { reason, began_ms } => {
                // Others were taken meanwhile: it is this event's matter.
                if self.down.is_some() || self.taken_ms < *began_ms {
                    self.is_down(reason, true, now_ms, jitter);
                }
            }
        }
    }

    fn is_down(&mut self, reason: &str, silent: bool, now_ms: i64, jitter: f64) {
        let (since_ms, tries) = match &self.down {
            // Those that were on their way when it went down say nothing new.
            Some(down) if !down.probing => return,
            // It answers now, if not as it should: that is news.
            Some(down) if down.silent != silent => (down.since_ms, 1),
            Some(down) => (down.since_ms, down.tries + 1),
            None => (now_ms, 1),
        };
        let next_ms = now_ms + backoff_ms(tries - 1, self.longest_ms, jitter);
        self.down =
            Some(Down { since_ms, next_ms, reason: reason.to_owned(), tries, silent, probing: false });
    }

    /// A person wants it tried now.
    pub fn try_now(&mut self, now_ms: i64) {
        if let Some(down) = &mut self.down {
            down.next_ms = now_ms;
            down.tries = 0;
        }
        self.all_due(now_ms);
    }

    fn all_due(&mut self, now_ms: i64) {
        let ready: Vec<Slot> = self.ready.iter().map(|(.., slot)| *slot).collect();
        self.ready.clear();
        for item in self.items.values_mut() {
            item.due_ms = item.due_ms.min(now_ms);
        }
        for slot in ready {
            self.make_ready(slot);
        }
    }

    /// Events that waited too long and are not on their way; they are out of the window from now on.
    pub fn take_expired(&mut self, now: i64, most: usize) -> Vec<Slot> {
        let old = |item: &Item| item.expires <= now;
        let mut found: Vec<Slot> = self
            .items
            .iter()
            .filter(|(slot, item)| {
                old(item) && self.lines.get(&item.line).is_some_and(|line| line.waiting.contains(&slot.order))
            })
            .map(|(slot, _)| *slot)
            .collect();
        found.sort_unstable_by_key(|slot| (slot.order, slot.integration));
        found.truncate(most);
        for slot in &found {
            self.unready(*slot);
            let Some(item) = self.items.remove(slot) else { continue };
            if let Some(line) = self.lines.get_mut(&item.line) {
                line.waiting.remove(&slot.order);
            }
            self.after(&item.line);
        }
        found
    }

    /// When the first one expires, Unix seconds.
    pub fn next_expiry(&self) -> Option<i64> {
        self.items.values().map(|item| item.expires).min()
    }

    /// When to ask [`Plan::next`] again if nothing happens before, in milliseconds.
    pub fn wake_ms(&self) -> Option<i64> {
        match &self.down {
            Some(_) if self.flying > 0 || self.ready.is_empty() => None,
            Some(down) => Some(down.next_ms),
            None if self.airborne >= AT_ONCE => None,
            None => self.ready.first().map(|(due, ..)| *due),
        }
    }
}

/// The wait after so many tries before this one, in milliseconds.
fn backoff_ms(tries: u32, longest_ms: i64, jitter: f64) -> i64 {
    let plain = (FIRST_MS << tries.min(16)).min(longest_ms);
    (plain + (plain as f64 * jitter.clamp(0.0, 1.0) / 4.0) as i64).min(LONGEST_MS)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
