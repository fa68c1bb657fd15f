//! The rules by which an incoming object meets the stored one. Pure.
//!
//! An older state never overwrites a newer one (`as_of`, in Stripe's time). It must not decide by the time
//! at which something arrived here.

use super::record::{Header, State};
use crate::stripe::kind::Kind;

/// How an object came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// From a list or a single read that is only to be remembered: an invoice becomes (or stays) a catalog
    /// entry.
    Listed,
    /// From an event: an invoice is a record at once, if its lines are complete.
    Event,
    /// Known to be deleted: by an event, or by 404 on retrieve.
    Deleted,
}

/// What to do with the stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Leave it: what is stored is newer.
    Keep,
    /// New header; the stored JSON stays.
    HeaderOnly(Header),
    /// New header and the incoming JSON.
    Replace(Header),
}

/// Decides. `incoming` has content fields, `as_of` and `hash` set; the bookkeeping fields are filled here.
pub fn merge(kind: Kind, existing: Option<&Header>, mut incoming: Header, via: Via, now: i64) -> Merged {
    let Some(existing) = existing else {
        incoming.state = match via {
            Via::Deleted => State::Gone,
            Via::Listed if kind == Kind::Invoice => State::Pending,
            Via::Event if kind == Kind::Invoice && incoming.more_lines => State::Pending,
            Via::Listed | Via::Event => State::Synced,
        };
        incoming.discovered_at = now;
        incoming.last_seen_at = now;
        incoming.synced_at = if incoming.state == State::Synced { now } else { 0 };
        incoming.attempts = 0;
        incoming.line_pages = 0;
        incoming.last_error = String::new();
        return Merged::Replace(incoming);
    };
    if incoming.as_of < existing.as_of {
        return Merged::Keep;
    }
    if via == Via::Deleted {
        // The last known content is worth more than `{"deleted": true}`; the state says the rest.
        let mut header = existing.clone();
        header.state = State::Gone;
        header.as_of = incoming.as_of;
        header.last_seen_at = now;
        return Merged::HeaderOnly(header);
    }
    let changed = incoming.hash != existing.hash;
    incoming.discovered_at = existing.discovered_at;
    incoming.last_seen_at = now;
    incoming.synced_at = existing.synced_at;
    incoming.attempts = existing.attempts;
    incoming.line_pages = existing.line_pages;
    incoming.last_error.clone_from(&existing.last_error);
    incoming.state =
        if kind == Kind::Invoice { invoice_state(existing, &incoming, via, changed) } else { State::Synced };
    if incoming.state == State::Synced && (changed || existing.state != State::Synced) {
        incoming.synced_at = now;
        incoming.attempts = 0;
        incoming.last_error = String::new();
        if !incoming.more_lines {
            incoming.line_pages = 0;
        }
    }
    if changed { Merged::Replace(incoming) } else { Merged::HeaderOnly(incoming) }
}

fn invoice_state(existing: &Header, incoming: &Header, via: Via, changed: bool) -> State {
    match (via, existing.state) {
        // Back from the dead, or never more than a tombstone: it has to be synced again.
        // So has what a run was working on when it was cut off, or works on now.
        (_, State::Gone | State::Processing) => State::Pending,
        // A person left it out; only a person takes it in again.
        (_, State::Skipped) => State::Skipped,
        // A listed invoice stays pending: sync has yet to bring what it refers to.
        (Via::Event, State::Synced | State::Stale) if !incoming.more_lines => State::Synced,
        (_, State::Synced | State::Stale) if changed => State::Stale,
        (_, state) => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::sample;

    fn stored(state: State) -> Header {
        Header { state, as_of: 100, hash: 1, more_lines: false, line_pages: 0, ..sample() }
    }

    fn incoming(as_of: i64, hash: u64) -> Header {
        Header { as_of, hash, more_lines: false, ..sample() }
    }

    fn state_after(existing: State, via: Via, as_of: i64, hash: u64) -> Option<State> {
        match merge(Kind::Invoice, Some(&stored(existing)), incoming(as_of, hash), via, 7) {
            Merged::Keep => None,
            Merged::HeaderOnly(header) | Merged::Replace(header) => Some(header.state),
        }
    }

    #[test]
    fn a_new_invoice_is_pending_and_any_other_new_object_a_record() {
        let Merged::Replace(header) = merge(Kind::Invoice, None, incoming(1, 1), Via::Listed, 7) else {
            panic!()
        };
        assert_eq!((header.state, header.discovered_at, header.synced_at), (State::Pending, 7, 0));
        let Merged::Replace(header) = merge(Kind::Customer, None, incoming(1, 1), Via::Listed, 7) else {
            panic!()
        };
        assert_eq!((header.state, header.synced_at), (State::Synced, 7));
    }

    #[test]
    fn an_older_state_never_overwrites_a_newer_one() {
        for via in [Via::Listed, Via::Event, Via::Deleted] {
            for state in [State::Pending, State::Synced, State::Gone] {
                assert_eq!(state_after(state, via, 99, 2), None);
            }
        }
    }

    #[test]
    fn a_listing_makes_changed_records_stale_and_leaves_the_rest() {
        assert_eq!(state_after(State::Synced, Via::Listed, 101, 2), Some(State::Stale));
        assert_eq!(state_after(State::Synced, Via::Listed, 101, 1), Some(State::Synced));
        assert_eq!(state_after(State::Stale, Via::Listed, 101, 1), Some(State::Stale));
        assert_eq!(state_after(State::Pending, Via::Listed, 101, 2), Some(State::Pending));
        assert_eq!(state_after(State::Skipped, Via::Listed, 101, 2), Some(State::Skipped));
        assert_eq!(state_after(State::Error, Via::Listed, 101, 2), Some(State::Error));
        assert_eq!(state_after(State::Gone, Via::Listed, 101, 2), Some(State::Pending));
    }

    #[test]
    fn an_event_makes_a_record_at_once_unless_lines_are_missing() {
        assert_eq!(state_after(State::Stale, Via::Event, 101, 2), Some(State::Synced));
        assert_eq!(state_after(State::Pending, Via::Event, 101, 2), Some(State::Pending));
        let long = Header { more_lines: true, ..incoming(101, 2) };
        let Merged::Replace(header) = merge(Kind::Invoice, Some(&stored(State::Synced)), long, Via::Event, 7)
        else {
            panic!()
        };
        assert_eq!(header.state, State::Stale);
    }

    #[test]
    fn a_deleted_object_keeps_its_content() {
        let Merged::HeaderOnly(header) =
            merge(Kind::Customer, Some(&stored(State::Synced)), incoming(101, 9), Via::Deleted, 7)
        else {
            panic!()
        };
        assert_eq!((header.state, header.hash, header.as_of), (State::Gone, 1, 101));
    }
}
