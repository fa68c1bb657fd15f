//! Search anywhere, as one types: over the tables of all kinds and accounts, offline.
//!
//! Exact matches come first, then beginnings, then the rest, each newest first. It must answer within a moment,
//! with less if need be, and give up when somebody has typed on.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::classify::{Taken, classify};
use super::columns::money;
use super::filtering::Accounts;
use super::tables::Table;
use super::{Shared, object};
use crate::engine::api::{Answer, IntegrationId, SearchHit, SearchResult};
use crate::store::StoreError;
use crate::store::rows::{Found, Place, RowTable};
use crate::stripe::kind::Kind;
use crate::stripe::money::exponent;
use crate::text;

/// Hits of one answer.
const MOST: usize = 200;
/// How long tables are searched; what is found until then is shown.
const PATIENCE: Duration = Duration::from_millis(35);
/// Events shown with an object whose id was searched for.
const EVENTS: usize = 10;
/// Customers whose objects are looked for, too, when their e-mail was.
const CUSTOMERS: usize = 3;

/// How well something matches: the order of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Exact,
    Start,
    Within,
    /// It belongs to what matches.
    Related,
}

struct Hit {
    rank: Rank,
    created: i64,
    kind: Kind,
    row: u32,
    matched: &'static str,
}

/// Answers `Request::Search`.
pub fn answer(shared: &Shared, typed: &str, limit: usize, accounts: &Accounts) -> Result<Answer, StoreError> {
    let turn = shared.searches.fetch_add(1, Ordering::SeqCst) + 1;
    let begun = Instant::now();
    shared.catch_up()?;
    let taken = classify(typed);
    let limit = limit.min(MOST);
    let mut result = SearchResult {
        text: typed.to_owned(),
        taken_for: taken.named.clone(),
        loading: shared.tables.loading(None, &shared.store),
        ..SearchResult::default()
    };
    if taken.text.is_empty() && taken.amount.is_none() {
        return Ok(Answer::Found(result));
    }
    let go_on = || shared.searches.load(Ordering::SeqCst) == turn && begun.elapsed() < PATIENCE;
    // Large tables on two threads: the largest one on the first, the rest on the second.
    let mut tables: Vec<(Kind, &Table)> = shared.tables.each().collect();
    tables.sort_by_key(|one| std::cmp::Reverse(one.1.read().len()));
    let (first, rest) = tables.split_at(1.min(tables.len()));
    let look = |tables: &[(Kind, &Table)]| -> (Vec<Hit>, u64) {
        let mut hits = Vec::new();
        let mut total = 0;
        for (kind, table) in tables {
            let found = look_into(*kind, &table.read(), &taken, accounts, &go_on);
            total += found.len() as u64;
            hits.extend(best(found, limit));
        }
        (hits, total)
    };
    let (mut hits, mut total) = std::thread::scope(|scope| {
        let other = scope.spawn(|| look(rest));
        let (mut hits, mut total) = look(first);
        if let Ok(more) = other.join() {
            hits.extend(more.0);
            total += more.1;
        }
        (hits, total)
    });
    if taken.email {
        let found = of_customers(shared, &hits, accounts, &go_on);
        total += found.len() as u64;
        hits.extend(found);
    }
    let hits = best(hits, limit);
    let mut shown: Vec<SearchHit> = Vec::with_capacity(hits.len());
    for hit in hits {
        if let Some(hit) = shared.tables.get(hit.kind).and_then(|table| show(&table.read(), &hit)) {
            shown.push(hit);
        }
    }
    if taken.id {
        let events = events(shared, &taken, accounts, limit.saturating_sub(shown.len()).min(EVENTS))?;
        total += events.len() as u64;
        if taken.event {
            shown.splice(0..0, events)
        } else {
            shown.splice(shown.len().., events)
        };
    }
    shown.truncate(limit);
    for hit in shown.iter_mut().filter(|hit| hit.kind.is_some()) {
        hit.events = shared.mentions.count(hit.integration, &hit.id);
    }
    (result.hits, result.total) = (shown, total);
    Ok(Answer::Found(result))
}

/// The best of what was found, in order.
fn best(mut hits: Vec<Hit>, limit: usize) -> Vec<Hit> {
    // A name is the customer's own before it is that of what names the customer.
    let order =
        |hit: &Hit| (hit.rank, hit.kind != Kind::Customer, std::cmp::Reverse(hit.created), hit.kind, hit.row);
    if hits.len() > limit && limit > 0 {
        hits.select_nth_unstable_by_key(limit - 1, order);
    }
    hits.truncate(limit);
    hits.sort_unstable_by_key(order);
    hits
}

fn look_into(
    kind: Kind,
    rows: &RowTable,
    taken: &Taken,
    accounts: &Accounts,
    go_on: &impl Fn() -> bool,
) -> Vec<Hit> {
    let mut found: Vec<(u32, Rank, &'static str)> = Vec::new();
    if let Some(amounts) = taken.amount {
        // A place for a currency whose decimals the amount does not fit: a number that no row has twice.
        let wanted = amounts.map(|amount| amount.unwrap_or(i64::MIN));
        let is = |amount: i64, currency: &str| {
            let of = match exponent(currency) {
                0 => amounts[0],
                3 => amounts[2],
                _ => amounts[1],
            };
            of == Some(amount)
                && (taken.currencies.is_empty() || taken.currencies.iter().any(|wanted| wanted == currency))
        };
        found.extend(rows.with_amount(wanted, is).into_iter().map(|row| (row, Rank::Exact, "amount")));
    }
    if !taken.text.is_empty() && go_on() {
        let finder = Finder::new(&taken.text);
        let find = |all: &[u8], from: usize| finder.find(all, from);
        let length = taken.text.len() as u32;
        let is_in_id = taken.text.len() >= 5 || taken.text.contains('_');
        for one in rows.texts().rows_at(find, go_on) {
            if one.place == Place::Label || is_in_id {
                found.push((one.row, rank(kind, &one, length, taken), named(kind, one.place, taken)));
            }
        }
        let mut parties = rows.texts().parties_at(find, go_on);
        parties.retain(|one| one.place == Place::Who || is_in_id);
        if !parties.is_empty() {
            for one in rows.texts().rows_of(&parties) {
                let rank = match one.place {
                    // Not the object itself but what is the customer's.
                    Place::Customer if kind != Kind::Customer => Rank::Related,
                    _ => rank(kind, &one, length, taken),
                };
                found.push((one.row, rank, named(kind, one.place, taken)));
            }
        }
    }
    // A row may be found by several of its texts: the best one counts.
    found.sort_unstable_by_key(|one| (one.0, one.1));
    found.dedup_by_key(|one| one.0);
    let connected =
        |row: usize| rows.integration(row).is_some_and(|id| accounts.iter().any(|one| one.id == id));
    let hit = |(row, rank, matched): (u32, Rank, &'static str)| {
        connected(row as usize).then(|| Hit { rank, created: rows.created(row as usize), kind, row, matched })
    };
    found.into_iter().filter_map(hit).collect()
}

fn rank(kind: Kind, one: &Found, length: u32, taken: &Taken) -> Rank {
    let ends = one.behind + length == one.length;
    if one.behind == 0 && ends || kind == Kind::Charge && one.place == Place::Label && taken.last4 && ends {
        Rank::Exact
    } else if one.behind == 0 {
        Rank::Start
    } else {
        Rank::Within
    }
}

fn named(kind: Kind, place: Place, taken: &Taken) -> &'static str {
    match place {
        Place::Id => "id",
        Place::Customer => "customer",
        Place::Who if taken.email => "e-mail",
        Place::Label if kind == Kind::Customer => "e-mail",
        Place::Label if kind == Kind::Charge => "last4",
        Place::Label if matches!(kind, Kind::Invoice | Kind::CreditNote) => "number",
        Place::Label if kind == Kind::InvoicePayment => "invoice",
        Place::Who if Kind::from_id(&taken.text).is_some() => "id",
        Place::Label | Place::Who => "name",
    }
}

/// What belongs to the customers whose e-mail was searched for.
fn of_customers(shared: &Shared, hits: &[Hit], accounts: &Accounts, go_on: &impl Fn() -> bool) -> Vec<Hit> {
    let Some(customers) = shared.tables.get(Kind::Customer) else { return Vec::new() };
    let ids: Vec<(IntegrationId, String)> = {
        let rows = customers.read();
        let exact = hits.iter().filter(|hit| hit.kind == Kind::Customer && hit.rank == Rank::Exact);
        exact
            .take(CUSTOMERS)
            .filter_map(|hit| rows.integration(hit.row as usize).zip(rows.row(hit.row as usize)))
            .filter(|one| accounts.iter().any(|account| account.id == one.0))
            .map(|(whose, row)| (whose, row.id.to_owned()))
            .collect()
    };
    let mut out = Vec::new();
    for (kind, table) in shared.tables.each().filter(|one| one.0 != Kind::Customer) {
        let rows = table.read();
        for (whose, id) in &ids {
            if !go_on() {
                return out;
            }
            for row in rows_of_party(&rows, |customer, _| customer == id, id) {
                let known = || hits.iter().any(|hit| hit.kind == kind && hit.row == row);
                if rows.integration(row as usize) == Some(*whose) && !known() {
                    let created = rows.created(row as usize);
                    out.push(Hit { rank: Rank::Related, created, kind, row, matched: "customer" });
                }
            }
        }
    }
    out
}

/// Rows whose customer or name is the needle, as `is` decides.
pub fn rows_of_party(rows: &RowTable, is: impl Fn(&str, &str) -> bool, needle: &str) -> Vec<u32> {
    if needle.is_empty() {
        return Vec::new();
    }
    let finder = memchr::memmem::Finder::new(needle);
    let find = |all: &[u8], from: usize| finder.find(&all[from..]).map(|at| at + from);
    let mut parties = rows.texts().parties_at(find, || true);
    parties.retain(|one| {
        let (customer, who) = rows.texts().party_text(one.row);
        is(customer, who)
    });
    if parties.is_empty() {
        return Vec::new();
    }
    rows.texts().rows_of(&parties).into_iter().map(|one| one.row).collect()
}

fn show(rows: &RowTable, hit: &Hit) -> Option<SearchHit> {
    let row = rows.row(hit.row as usize)?;
    let clean = |value: &str| text::clean(value).into_owned();
    let title = if hit.kind == Kind::Customer && !row.who.is_empty() { row.who } else { row.label };
    let who = if hit.kind == Kind::Customer && row.label != row.id { row.label } else { row.who };
    Some(SearchHit {
        integration: rows.integration(hit.row as usize)?,
        kind: Some(hit.kind),
        id: row.id.to_owned(),
        title: clean(title),
        who: clean(who),
        status: clean(row.status),
        amount: money(row.amount, row.currency),
        created: row.created,
        matched: hit.matched.to_owned(),
        exact: hit.rank == Rank::Exact,
        events: 0,
    })
}

/// Events by their own id, or that name the object.
fn events(
    shared: &Shared,
    taken: &Taken,
    accounts: &Accounts,
    most: usize,
) -> Result<Vec<SearchHit>, StoreError> {
    let mut out = Vec::new();
    for account in accounts.iter() {
        let mut places = Vec::new();
        if taken.event {
            for id in shared.store.event_ids_from(account.id, &taken.text, most)? {
                places.extend(shared.store.event_place(account.id, &id)?);
            }
        } else if object::find(shared, account.id, &taken.text)?.is_some() {
            places = shared.mentions.places(account.id, &taken.text);
            places.truncate(most);
        }
        for place in places {
            let Some(row) = shared.store.event_row(place)? else { continue };
            out.push(SearchHit {
                integration: account.id,
                kind: None,
                exact: row.id == taken.text,
                id: row.id,
                title: row.event_type,
                who: row.who,
                status: String::new(),
                amount: row
                    .amount
                    .map_or(super::columns::plain(""), |(amount, currency)| money(Some(amount), &currency)),
                created: row.created,
                matched: if taken.event { "id" } else { "names it" }.to_owned(),
                events: 0,
            });
        }
    }
    out.sort_by_key(|hit| (!hit.exact, std::cmp::Reverse(hit.created)));
    out.truncate(most);
    Ok(out)
}

/// Finds a text in a large one, ASCII letters in either case: by its rarest byte, then by comparing.
struct Finder {
    needle: Vec<u8>,
    rare: usize,
    whole: Option<memchr::memmem::Finder<'static>>,
}

impl Finder {
    fn new(text: &str) -> Finder {
        let needle = text.to_ascii_lowercase().into_bytes();
        // The rarest byte of the ids and names that there are: letters beyond these are all but absent.
        let common = b"jqxzkvwyfbgpmudlchrs_tnoia@.e- 0123456789";
        let rarity = |byte: u8| common.iter().position(|one| *one == byte).unwrap_or(0);
        let rare = (0..needle.len()).min_by_key(|at| rarity(needle[*at])).unwrap_or(0);
        let plain = !needle.iter().any(u8::is_ascii_alphabetic);
        let whole = plain.then(|| memchr::memmem::Finder::new(&needle).into_owned());
        Finder { needle, rare, whole }
    }

    fn find(&self, all: &[u8], from: usize) -> Option<usize> {
        if let Some(whole) = &self.whole {
            return whole.find(all.get(from..)?).map(|at| at + from);
        }
        let (lower, upper) = (self.needle[self.rare], self.needle[self.rare].to_ascii_uppercase());
        let mut at = from + self.rare;
        loop {
            let found = at + memchr::memchr2(lower, upper, all.get(at..)?)?;
            let start = found - self.rare;
            if all.get(start..start + self.needle.len())?.eq_ignore_ascii_case(&self.needle) {
                return Some(start);
            }
            at = found + 1;
        }
    }
}
