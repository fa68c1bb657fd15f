//! The texts of a row table: ids and labels one behind the other, customers and names each once.
//!
//! They lie in few large strings, so that a search runs over memory from end to end and finds the row
//! afterwards. It must never keep more than one copy of a customer's name.

use std::collections::HashMap;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use crate::store::record::Peek;

/// Between two texts. No text holds it: ids are Stripe's, the others are cleaned.
const END: char = '\0';
/// A label that lies apart because it changed.
const MOVED: u32 = 1 << 31;
/// Texts never reach behind this.
const FULL: usize = u32::MAX as usize - 4096;

/// The hash of a row's key. Only for tables in memory: it changes with every process.
pub(super) fn hash(whose: u16, id: &str) -> u64 {
    hasher().hash_one((whose, id))
}

fn hasher() -> &'static hashbrown::DefaultHashBuilder {
    static HASHER: std::sync::OnceLock<hashbrown::DefaultHashBuilder> = std::sync::OnceLock::new();
    HASHER.get_or_init(hashbrown::DefaultHashBuilder::default)
}

/// In which text of a row something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Stripe's id.
    Id,
    /// Number or name.
    Label,
    /// The customer's id.
    Customer,
    /// Name, e-mail or reason.
    Who,
}

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The row, or the party.
    pub row: u32,
    /// In which of its texts.
    pub place: Place,
    /// Behind so many bytes of that text.
    pub behind: u32,
    /// The bytes of that text.
    pub length: u32,
}

/// The texts of a table's rows.
#[derive(Default)]
pub struct Texts {
    /// `id END label END` of each row, in the order of rows. A label that is the id is left empty.
    own: String,
    /// Where each row begins in `own`.
    at: Vec<u32>,
    /// Row and text of labels that changed.
    moved: HashMap<u32, Box<str>>,
    /// `customer END who END` of each party.
    parties: String,
    /// Where each party begins.
    party_at: Vec<u32>,
    party_index: HashTable<u32>,
    /// The party of each row, and `MOVED`.
    party: Vec<u32>,
}

/// What stands before the first [`END`], and what stands behind it before the next.
fn two(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let first = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let rest = text.get(first + 1..).unwrap_or_default();
    let second = memchr::memchr(0, rest.as_bytes()).unwrap_or(rest.len());
    (&text[..first], &rest[..second])
}

/// Everything that `find` finds in `texts`, two of which belong to each of `starts`: at most once in each. False when
/// `go_on` ended it.
fn scan(
    texts: &str,
    starts: &[u32],
    places: (Place, Place),
    find: impl Fn(&[u8], usize) -> Option<usize>,
    mut go_on: impl FnMut() -> bool,
    mut take: impl FnMut(Found),
) -> bool {
    let mut from = 0;
    for count in 1_u32.. {
        let Some(at) = find(texts.as_bytes(), from) else { break };
        if count.is_multiple_of(1024) && !go_on() {
            return false;
        }
        let row = starts.partition_point(|one| *one as usize <= at).saturating_sub(1);
        let start = starts.get(row).map_or(0, |start| *start as usize);
        let (first, second) = two(&texts[start..]);
        let behind = at - start;
        let (place, behind, length) = if behind < first.len() {
            from = start + first.len() + 1;
            (places.0, behind, first.len())
        } else {
            from = starts.get(row + 1).map_or(texts.len(), |next| *next as usize);
            (places.1, behind.saturating_sub(first.len() + 1), second.len())
        };
        take(Found { row: row as u32, place, behind: behind as u32, length: length as u32 });
    }
    true
}

fn put(out: &mut String, text: &str) {
    if text.contains(END) {
        out.extend(text.chars().filter(|c| *c != END));
    } else {
        out.push_str(text);
    }
    out.push(END);
}

impl Texts {
    /// Adds a row's; false when there is no more room.
    pub(super) fn push(&mut self, id: &str, new: &Peek<'_>) -> bool {
        if self.own.len() + id.len() + new.label.len() > FULL {
            return false;
        }
        let Some(party) = self.party_of(new) else { return false };
        self.at.push(self.own.len() as u32);
        put(&mut self.own, id);
        put(&mut self.own, if new.label == id { "" } else { new.label });
        self.party.push(party);
        true
    }

    /// Changes a row's; false when there is no more room.
    pub(super) fn change(&mut self, row: u32, id: &str, new: &Peek<'_>) -> bool {
        let Some(party) = self.party_of(new) else { return false };
        let at = row as usize;
        self.party[at] = party | (self.party[at] & MOVED);
        if self.label(at) != new.label {
            let label = if new.label == id { "" } else { new.label };
            self.moved.insert(row, label.chars().filter(|c| *c != END).collect());
            self.party[at] |= MOVED;
        }
        true
    }

    fn party_of(&mut self, new: &Peek<'_>) -> Option<u32> {
        let (customer, who) = (new.customer, new.who);
        let key = hasher().hash_one((customer, who));
        let Texts { parties, party_at, party_index, .. } = self;
        let same = |party: &u32| two(&parties[party_at[*party as usize] as usize..]) == (customer, who);
        if let Some(party) = party_index.find(key, same) {
            return Some(*party);
        }
        let party = u32::try_from(party_at.len()).ok().filter(|party| *party < MOVED)?;
        if parties.len() + customer.len() + who.len() > FULL {
            return None;
        }
        party_at.push(parties.len() as u32);
        put(parties, customer);
        put(parties, who);
        party_index.insert_unique(key, party, |party| {
            hasher().hash_one(two(&parties[party_at[*party as usize] as usize..]))
        });
        Some(party)
    }

    /// The id of a row.
    pub fn id(&self, row: usize) -> &str {
        self.at.get(row).map_or("", |at| two(&self.own[*at as usize..]).0)
    }

    /// The label of a row; its id if it has none of its own.
    pub fn label(&self, row: usize) -> &str {
        let Some(at) = self.at.get(row) else { return "" };
        let (id, label) = two(&self.own[*at as usize..]);
        let label =
            if self.is_moved(row) { self.moved.get(&(row as u32)).map_or("", |label| label) } else { label };
        if label.is_empty() { id } else { label }
    }

    fn is_moved(&self, row: usize) -> bool {
        self.party[row] & MOVED != 0
    }

    /// Customer and name of a row.
    pub fn party(&self, row: usize) -> (&str, &str) {
        self.party.get(row).map_or(("", ""), |party| self.party_text(*party & !MOVED))
    }

    /// The number of a row's party.
    pub(super) fn party_number(&self, row: usize) -> u32 {
        self.party[row] & !MOVED
    }

    /// How many parties there are.
    pub fn parties(&self) -> usize {
        self.party_at.len()
    }

    /// Customer and name of a party.
    pub fn party_text(&self, party: u32) -> (&str, &str) {
        self.party_at.get(party as usize).map_or(("", ""), |at| two(&self.parties[*at as usize..]))
    }

    /// Parties for whose texts `find` gives places: it gets one large text and a place in it, and returns the next
    /// place at or behind that. In their order; a party twice, one behind the other, when both texts are found. `go_on`
    /// is asked now and then and may say that it is enough.
    pub fn parties_at(
        &self,
        find: impl Fn(&[u8], usize) -> Option<usize>,
        go_on: impl FnMut() -> bool,
    ) -> Vec<Found> {
        let mut out = Vec::new();
        scan(&self.parties, &self.party_at, (Place::Customer, Place::Who), find, go_on, |found| {
            out.push(found);
        });
        out
    }

    /// Rows of parties, with what was found of each; `found` is in the order of parties.
    pub fn rows_of(&self, found: &[Found]) -> Vec<Found> {
        let mut which = vec![u32::MAX; self.party_at.len()];
        for (number, one) in found.iter().enumerate() {
            which[one.row as usize] = number as u32;
        }
        let mut out = Vec::new();
        for (row, party) in self.party.iter().enumerate() {
            if let Some(one) = found.get(which[(*party & !MOVED) as usize] as usize) {
                out.push(Found { row: row as u32, ..*one });
            }
        }
        out
    }

    /// Rows whose id or label `find` finds, with which of the two (both: the row twice); labels that changed are looked
    /// at one by one. `go_on` is asked now and then and may say that it is enough.
    pub fn rows_at(
        &self,
        find: impl Fn(&[u8], usize) -> Option<usize>,
        go_on: impl FnMut() -> bool,
    ) -> Vec<Found> {
        let mut out = Vec::new();
        let whole = scan(&self.own, &self.at, (Place::Id, Place::Label), &find, go_on, |found| {
            if found.place == Place::Id || !self.is_moved(found.row as usize) {
                out.push(found);
            }
        });
        if !whole {
            return out;
        }
        for (row, label) in &self.moved {
            if let Some(at) = find(label.as_bytes(), 0) {
                let length = label.len() as u32;
                out.push(Found { row: *row, place: Place::Label, behind: at as u32, length });
            }
        }
        out
    }

    /// So many labels lie apart that the table is better built anew.
    pub fn is_ragged(&self) -> bool {
        self.moved.len() > 1000 + self.at.len() / 4
    }

    /// Puts labels that changed back into their places. Row numbers stay.
    pub fn tidy(&mut self) {
        let mut own = String::with_capacity(self.own.len());
        let mut places = Vec::with_capacity(self.at.len());
        for row in 0..self.at.len() {
            let (id, label) = (self.id(row), self.label(row));
            places.push(own.len() as u32);
            put(&mut own, id);
            put(&mut own, if label == id { "" } else { label });
        }
        self.own = own;
        self.at = places;
        self.moved = HashMap::new();
        for party in &mut self.party {
            *party &= !MOVED;
        }
    }
}
