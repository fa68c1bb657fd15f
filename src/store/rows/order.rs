//! Rows in the order of a column, and an order kept current without sorting again.
//!
//! Orders are total: what is equal in the column is ordered by `created`, then whose it is, then id; descending
//! is the same order from its other end. Amounts stand by currency first: it must never compare amounts of
//! two currencies.

use std::cmp::Ordering;

use super::RowTable;

/// What a table can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Stripe's `created`.
    Created,
    /// When it was first stored here.
    Listed,
    /// The amount, within its currency: currencies are never compared with each other.
    Amount,
    /// Stripe's status.
    Status,
    /// Where it is on its way to a record.
    State,
    /// The customer's id.
    Customer,
    /// Name, e-mail or reason.
    Who,
    /// Number or name of the object.
    Label,
    /// Stripe's id.
    Id,
}

impl Column {
    /// By the name that the command line uses.
    pub fn parse(word: &str) -> Option<Column> {
        Some(match word {
            "created" => Column::Created,
            "listed" => Column::Listed,
            "amount" | "total" => Column::Amount,
            "status" => Column::Status,
            "state" => Column::State,
            "customer" => Column::Customer,
            "who" | "email" | "customer_name" => Column::Who,
            "number" | "name" | "label" => Column::Label,
            "id" => Column::Id,
            _ => return None,
        })
    }

    /// The names that [`Column::parse`] takes, for messages.
    pub const NAMES: &'static str = "created, listed, amount, status, state, customer, who, number, id";
}

/// Upper and lower case letters are the same for sorting, as people expect; only ASCII ones.
fn by_text(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower))
}

/// The first sixteen bytes of a text behind `skip`, comparable as a number.
fn head(text: &str, skip: usize, case: Case) -> u128 {
    let mut bytes = [0_u8; 16];
    for (to, from) in bytes.iter_mut().zip(text.as_bytes().iter().skip(skip)) {
        *to = if case == Case::Told { *from } else { from.to_ascii_lowercase() };
    }
    u128::from_be_bytes(bytes)
}

/// Whether upper and lower case letters are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Told,
    Same,
}

impl RowTable {
    /// All row numbers in the order of a column, least first.
    pub fn order(&self, column: Column) -> Vec<u32> {
        let mut keyed = self.keys(column);
        keyed.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| self.compare(column, a.1 as usize, b.1 as usize))
        });
        keyed.into_iter().map(|(_, row)| row).collect()
    }

    /// An order as of an earlier version, made current. `changed`: the rows put since then.
    pub fn merge_order(&self, column: Column, old: &[u32], changed: &[u32]) -> Vec<u32> {
        if changed.len() > self.len() / 8 {
            return self.order(column);
        }
        let mut is_changed = vec![false; self.len()];
        let mut fresh: Vec<u32> = Vec::with_capacity(changed.len());
        for row in changed {
            if let Some(flag) = is_changed.get_mut(*row as usize)
                && !std::mem::replace(flag, true)
            {
                fresh.push(*row);
            }
        }
        fresh.sort_unstable_by(|a, b| self.compare(column, *a as usize, *b as usize));
        let mut kept: Vec<u32> = Vec::with_capacity(self.len());
        kept.extend(old.iter().copied().filter(|row| !is_changed[*row as usize]));
        // Each run of kept rows between two changed ones is found by halves and copied whole.
        let mut out = Vec::with_capacity(self.len());
        let mut from = 0;
        for row in fresh {
            let rest = &kept[from..];
            let less = |kept: &u32| self.compare(column, *kept as usize, row as usize) == Ordering::Less;
            let until = from + rest.partition_point(less);
            out.extend_from_slice(&kept[from..until]);
            out.push(row);
            from = until;
        }
        out.extend_from_slice(&kept[from..]);
        out
    }

    /// A number for each row that sorts nearly like [`RowTable::compare`]: equal ones are compared.
    fn keys(&self, column: Column) -> Vec<(u128, u32)> {
        let rows = 0..self.len();
        let with_time = |high: u64, row: usize| u128::from(high) << 32 | u128::from(self.created[row]);
        let keyed = |key: &dyn Fn(usize) -> u128| rows.clone().map(|row| (key(row), row as u32)).collect();
        match column {
            Column::Created => keyed(&|row| u128::from(self.created[row])),
            Column::Listed => keyed(&|row| with_time(u64::from(self.listed[row]), row)),
            Column::State => keyed(&|row| with_time(u64::from(self.state[row]), row)),
            Column::Status => {
                let ranks = self.word_ranks();
                keyed(&|row| with_time(u64::from(ranks[usize::from(self.status[row])]), row))
            }
            Column::Amount => {
                let ranks = self.word_ranks();
                keyed(&|row| {
                    let rank = u128::from(ranks[usize::from(self.currency[row])]) << 1
                        | u128::from(self.has_amount[row]);
                    rank << 64 | u128::from((self.amount[row] as u64) ^ 1 << 63)
                })
            }
            Column::Customer | Column::Who => {
                let ranks = self.party_ranks(column == Column::Who);
                keyed(&|row| with_time(u64::from(ranks[self.texts.party_number(row) as usize]), row))
            }
            Column::Label => {
                let skip = self.common(Case::Same, |row| self.texts.label(row));
                keyed(&|row| head(self.texts.label(row), skip, Case::Same))
            }
            Column::Id => {
                let skip = self.common(Case::Told, |row| self.texts.id(row));
                keyed(&|row| head(self.texts.id(row), skip, Case::Told))
            }
        }
    }

    /// How many bytes all texts begin with in common.
    fn common<'a>(&'a self, case: Case, text: impl Fn(usize) -> &'a str) -> usize {
        let Some(first) = (!self.is_empty()).then(|| text(0).as_bytes()) else { return 0 };
        let mut common = first.len();
        for row in 1..self.len() {
            let other = text(row).as_bytes();
            let same =
                |(a, b): &(&u8, &u8)| if case == Case::Told { a == b } else { a.eq_ignore_ascii_case(b) };
            common = first[..common].iter().zip(other).take_while(same).count();
            if common == 0 {
                break;
            }
        }
        common
    }

    /// Each word's place among all words.
    fn word_ranks(&self) -> Vec<u16> {
        let mut sorted: Vec<u16> = (0..self.words.len() as u16).collect();
        sorted.sort_unstable_by(|a, b| self.words[usize::from(*a)].cmp(&self.words[usize::from(*b)]));
        let mut ranks = vec![0; self.words.len().max(1)];
        for (rank, word) in sorted.into_iter().enumerate() {
            ranks[usize::from(word)] = rank as u16;
        }
        ranks
    }

    /// Each party's place by customer or by name; equal ones share a place.
    fn party_ranks(&self, who: bool) -> Vec<u32> {
        let text = |party: u32| {
            let (customer, name) = self.texts.party_text(party);
            if who { name } else { customer }
        };
        let mut sorted: Vec<(u128, u32)> =
            (0..self.texts.parties() as u32).map(|party| (head(text(party), 0, Case::Same), party)).collect();
        sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| by_text(text(a.1), text(b.1))));
        let mut ranks = vec![0; sorted.len()];
        let mut rank = 0;
        for (at, (_, party)) in sorted.iter().enumerate() {
            if at > 0 && by_text(text(sorted[at - 1].1), text(*party)) != Ordering::Equal {
                rank += 1;
            }
            ranks[*party as usize] = rank;
        }
        ranks
    }

    /// How two rows stand to each other in the order of a column. Never equal for two rows.
    pub fn compare(&self, column: Column, a: usize, b: usize) -> Ordering {
        let word = |numbers: &[u16], row: usize| self.word_at(numbers[row]);
        let by = match column {
            Column::Created => Ordering::Equal,
            Column::Listed => self.listed[a].cmp(&self.listed[b]),
            Column::State => self.state[a].cmp(&self.state[b]),
            Column::Status => word(&self.status, a).cmp(word(&self.status, b)),
            Column::Amount => word(&self.currency, a)
                .cmp(word(&self.currency, b))
                .then(self.has_amount[a].cmp(&self.has_amount[b]))
                .then(self.amount[a].cmp(&self.amount[b])),
            Column::Customer => by_text(self.texts.party(a).0, self.texts.party(b).0),
            Column::Who => by_text(self.texts.party(a).1, self.texts.party(b).1),
            Column::Label => by_text(self.texts.label(a), self.texts.label(b)),
            // Ids are told apart by the case of their letters, so they are ordered by it.
            Column::Id => self.texts.id(a).cmp(self.texts.id(b)),
        };
        let whose = |row: usize| self.integrations[usize::from(self.whose[row])];
        by.then_with(|| self.created[a].cmp(&self.created[b]))
            .then_with(|| whose(a).cmp(&whose(b)))
            .then_with(|| self.texts.id(a).cmp(self.texts.id(b)))
    }
}
