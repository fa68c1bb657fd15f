//! What tables, search and the feed's filters cost with a full store: 1 000 000 records and 1 000 000 events.
//!
//! One process fills the store, another one opens it and measures, so that its memory is its own. Figures hold
//! for this machine and its load at the time; the design's stand beside them.
//!
//! `cargo bench --bench tables` (about two minutes). `-- --quick` takes a tenth.

#![expect(clippy::expect_used, reason = "a bench that cannot read its store has nothing to say")]
#![allow(clippy::print_stdout, missing_docs, reason = "its table is its purpose")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tillwatch::engine::api::{
    Answer, Delivery, EventQuery, EventRow, IntegrationId, Place, RecordQuery, Request, Sort, Source,
};
use tillwatch::engine::query::{Accounts, Query};
use tillwatch::integration::Integration;
use tillwatch::store::batch::{EventWrite, RecordWrite};
use tillwatch::store::codec::Packed;
use tillwatch::store::merge::Via;
use tillwatch::store::{Batch, Durability, Header, OpenOptions, State, Store, event_log, mentions};
use tillwatch::stripe::kind::Kind;

const ONE: IntegrationId = IntegrationId(1);
const NOW: i64 = 1_750_000_000;
const CUSTOMERS: u64 = 100_000;

fn mix(seed: u64) -> u64 {
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

fn id(prefix: &str, number: u64) -> String {
    const LETTERS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut out = format!("{prefix}_1");
    let (mut a, mut b) = (mix(number), mix(number ^ 0xffff));
    for at in 0..23 {
        let from = if at < 11 { &mut a } else { &mut b };
        out.push(char::from(LETTERS[(*from % 62) as usize]));
        *from = from.rotate_left(7).wrapping_mul(31);
    }
    out
}

fn name(customer: u64) -> String {
    const FIRST: &[&str] =
        &["Initech", "Globex", "Umbrella", "Hooli", "Stark", "Wayne", "Acme", "Tyrell", "Soylent"];
    const LAST: &[&str] = &["GmbH", "Ltd", "Labs", "Software", "Bakery", "Transport", "Studio", "Design"];
    let pick = mix(customer);
    format!("{} {} {customer}", FIRST[(pick % 9) as usize], LAST[(pick / 9 % 8) as usize])
}

fn write(kind: Kind, number: u64) -> RecordWrite {
    let customer = mix(number) % CUSTOMERS;
    let cus = id("cus", customer);
    let (id, who, label, status, customer) = match kind {
        Kind::Customer => {
            (id("cus", number), name(number), format!("pay{number}@example.com"), "active", String::new())
        }
        Kind::Invoice => {
            (id("in", number), name(customer), format!("A{customer:04X}-{number:06}"), "paid", cus)
        }
        Kind::PaymentIntent => (id("pi", number), String::new(), id("pi", number), "succeeded", cus),
        _ => {
            (id("ch", number), name(customer), format!("visa {:04}", mix(number) % 10_000), "succeeded", cus)
        }
    };
    let customer = if kind == Kind::Customer { id.clone() } else { customer };
    let header = Header {
        state: State::Pending,
        as_of: NOW,
        created: NOW - (mix(number ^ 7) % 60_000_000) as i64,
        hash: number,
        discovered_at: 0,
        last_seen_at: 0,
        synced_at: 0,
        attempts: 0,
        livemode: true,
        more_lines: false,
        line_pages: 0,
        amount: Some((mix(number ^ 3) % 900_000) as i64),
        status: status.into(),
        currency: if number.is_multiple_of(3) { "usd" } else { "eur" }.into(),
        customer,
        who,
        label,
        last_error: String::new(),
    };
    RecordWrite { integration: ONE, kind, id, header, packed: payload(number, 420), via: Via::Event }
}

fn payload(seed: u64, length: usize) -> Packed {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&mix(seed ^ bytes.len() as u64).to_le_bytes());
    }
    Packed { codec: 0, raw_len: bytes.len() as u32, bytes }
}

fn event(number: u64) -> EventWrite {
    let invoice = mix(number) % 400_000;
    let (object, customer) = (id("in", invoice), id("cus", mix(invoice) % CUSTOMERS));
    let types = ["invoice.paid", "invoice.updated", "invoice.finalized", "invoice.payment_failed"];
    let row = EventRow {
        integration: ONE,
        id: id("evt", number),
        created: NOW - 30 * 86_400 + (number * 2) as i64,
        received: NOW,
        event_type: types[(mix(number) % 100 / 33) as usize].into(),
        object: object.clone(),
        amount: Some(((mix(number) % 90_000) as i64, "eur".into())),
        who: name(number % CUSTOMERS),
        source: Source::Poll,
        starred: false,
        marks: tillwatch::engine::api::Marks::default(),
    };
    let named = [object, customer, id("pi", number), id("ch", number), id("sub", invoice)];
    let hashes: Vec<u32> = named.iter().map(|id| mentions::hash(id)).collect();
    EventWrite {
        integration: ONE,
        id: row.id.clone(),
        created: row.created,
        header: event_log::header(&row, &hashes),
        packed: payload(number, 500),
        records: Vec::new(),
        forwards: Vec::new(),
    }
}

fn integration() -> Integration {
    Integration {
        id: ONE,
        name: "Acme".into(),
        description: None,
        account: "acct_1".into(),
        account_name: "Acme".into(),
        livemode: true,
        billing: true,
        delivery: Delivery::Poll,
        poll_every_s: 900,
        all_events: false,
        timezone: "UTC".into(),
        base_url: "https://api.stripe.com".into(),
        key: None,
        permissions: Vec::new(),
        checked_at: 0,
        connected_at: 0,
        off_since: None,
        refused: None,
        endpoint: None,
    }
}

fn block<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(task)
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &OpenOptions::default()).expect("it opens")
}

fn fill(dir: &Path, records: u64, events: u64) {
    let store = open(dir);
    let mut batch = Batch::new();
    batch.meta(Integration::document(ONE), &integration());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let send = |batch: &mut Batch| {
        runtime.block_on(store.commit(std::mem::take(batch), Durability::Applied, NOW)).expect("stored");
    };
    send(&mut batch);
    let begun = Instant::now();
    for (kind, share) in
        [(Kind::Invoice, 40), (Kind::Customer, 10), (Kind::PaymentIntent, 25), (Kind::Charge, 25)]
    {
        for number in 0..records * share / 100 {
            batch.record(write(kind, number));
            if batch.ops.len() == 100 {
                send(&mut batch);
            }
        }
        send(&mut batch);
    }
    let rate = records as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    for number in 0..events {
        batch.event(event(number));
        if batch.ops.len() == 100 {
            send(&mut batch);
        }
    }
    send(&mut batch);
    println!("filled: {rate:.0} records/s, {:.0} events/s", events as f64 / begun.elapsed().as_secs_f64());
    store.close();
}

fn resident_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    kb.and_then(|kb| kb.trim().trim_end_matches(" kB").trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn line(what: &str, value: impl std::fmt::Display, goal: &str) {
    println!("{what:<58} {value:>12}   {goal}");
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[(times.len() * 99 / 100).min(times.len() - 1)])
}

struct Asker {
    query: Query,
    accounts: Accounts,
}

impl Asker {
    fn ask(&self, request: &Request) -> (Duration, Answer) {
        let begun = Instant::now();
        let answer =
            self.query.answer(request, &self.accounts, NOW).expect("a question about what is stored");
        (begun.elapsed(), answer)
    }

    fn records(&self, filter: &str, sort: Option<(&str, bool)>, index: u64) -> (Duration, u64, Option<u8>) {
        let request = Request::Records(RecordQuery {
            integration: None,
            kind: Kind::Invoice,
            catalog: false,
            filter: filter.into(),
            sort: sort.map(|(column, descending)| Sort { column: column.into(), descending }),
            at: Place::Index { index },
            limit: 50,
        });
        match self.ask(&request) {
            (time, Answer::Records(window)) => (time, window.matching, window.loading),
            (_, other) => unreachable!("{other:?}"),
        }
    }

    fn feed(&self, filter: &str) -> (Duration, usize, Option<i64>) {
        let query = EventQuery { limit: 50, filter: filter.into(), ..EventQuery::default() };
        match self.ask(&Request::Events(query)) {
            (time, Answer::Events(window)) => (time, window.rows.len(), window.looked_to),
            (_, other) => unreachable!("{other:?}"),
        }
    }
}

fn measure(dir: &Path, records: u64) {
    let begun = Instant::now();
    let store = open(dir);
    line("open", ms(begun.elapsed()), "");
    line("resident after open", format!("{:.0} MB", resident_mb()), "");
    let begun = Instant::now();
    let accounts: Accounts = Arc::new(vec![Arc::new(integration())]);
    let asker = Asker { query: Query::start(store.clone(), |_| ()), accounts };
    while asker.records("", None, 0).1 == 0 {}
    line("first rows", ms(begun.elapsed()), "1 000 ms");
    let all = || matches!(asker.ask(&Request::Search { text: "zz".into(), limit: 1 }).1, Answer::Found(found) if found.loading.is_none());
    while !all() {
        std::thread::sleep(Duration::from_millis(5));
    }
    line("all rows", ms(begun.elapsed()), "4 000 ms");
    line("resident with all rows", format!("{:.0} MB", resident_mb()), "300 MB");
    asker.query.wait_until_built();
    line("index of events, too", ms(begun.elapsed()), "");
    line("resident with it", format!("{:.0} MB", resident_mb()), "450 MB");

    for (what, filter, sort) in [
        ("window, newest first: first time", "", None),
        ("window by amount: first time", "", Some(("amount", true))),
        ("window by number: first time", "", Some(("number", false))),
        ("window by customer's name: first time", "", Some(("who", false))),
        ("window under `status:paid amount>500 currency:eur`", "status:paid amount>500 currency:eur", None),
        ("window under `hooli`: first time", "hooli", None),
    ] {
        line(what, ms(asker.records(filter, sort, 0).0), "");
    }
    let scroll = |filter: &str| -> Vec<Duration> {
        (0..300).map(|at| asker.records(filter, None, mix(at) % (records / 10)).0).collect()
    };
    let (p50, p99) = percentiles(scroll("hooli"));
    line("window under it, scrolling: p50", ms(p50), "");
    line("window under it, scrolling: p99", ms(p99), "");
    let while_stored: Vec<Duration> = (0..100)
        .map(|round| {
            let mut batch = Batch::new();
            for at in 0..100 {
                let mut write = write(Kind::Invoice, mix(round * 100 + at) % (records * 40 / 100));
                write.header.as_of = NOW + 1;
                write.header.hash ^= 1 << 40;
                write.header.amount = Some(round as i64);
                batch.record(write);
            }
            block(store.commit(batch, Durability::Applied, NOW)).expect("stored");
            asker.records("hooli", None, 0).0
        })
        .collect();
    let (p50, p99) = percentiles(while_stored);
    line("window under it, each after a batch of 100: p50", ms(p50), "");
    line("window under it, each after a batch of 100: p99", ms(p99), "");

    let mut times = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    for round in 0..8_u64 {
        let customer = mix(round) % CUSTOMERS.min(records / 10);
        for whole in [
            format!("pay{customer}@example.com"),
            name(customer),
            format!("A{customer:04X}-00"),
            id("in", mix(round) % (records / 10)),
            format!("{:04}", mix(round) % 10_000),
            format!("€{}.00", mix(round) % 9000),
        ] {
            for length in 2..=whole.chars().count() {
                let text: String = whole.chars().take(length).collect();
                let time = asker.ask(&Request::Search { text: text.clone(), limit: 50 }).0;
                if time > slowest.0 {
                    slowest = (time, text);
                }
                times.push(time);
            }
        }
    }
    let count = times.len();
    let (p50, p99) = percentiles(times);
    line(&format!("search as one types, {count} texts: p50"), ms(p50), "");
    line("search: p99", ms(p99), "50 ms");
    line(&format!("search: slowest (`{}`)", slowest.1), ms(slowest.0), "");

    for filter in
        ["type:invoice.payment_failed", "amount>800 currency:eur", "who:nobody-at-all", "hooli amount>899.9"]
    {
        let (time, rows, _) = asker.feed(filter);
        line(&format!("feed under `{filter}`: first answer, {rows} rows"), ms(time), "100 ms");
    }
    let begun = Instant::now();
    while asker.feed("who:nobody-at-all").2.is_some() {}
    line("feed under `who:nobody-at-all`: looked through", ms(begun.elapsed()), "");
    let customers: Vec<Duration> = (0..200)
        .map(|round| {
            let object = id("cus", mix(round) % CUSTOMERS.min(records / 10));
            asker.ask(&Request::Timeline { integration: ONE, object, from: None, limit: 50 }).0
        })
        .collect();
    let (p50, p99) = percentiles(customers);
    line("timeline of a customer: p50, p99", format!("{} {}", ms(p50), ms(p99)), "");
    let objects: Vec<Duration> = (0..200)
        .map(|round| {
            asker.ask(&Request::Object { integration: ONE, id: id("in", mix(round) % (records / 10)) }).0
        })
        .collect();
    let (p50, p99) = percentiles(objects);
    line("one object with its links: p50, p99", format!("{} {}", ms(p50), ms(p99)), "");
    line("resident at the end", format!("{:.0} MB", resident_mb()), "450 MB");

    let rate = |from: u64| -> f64 {
        let begun = Instant::now();
        for part in 0..200 {
            let mut batch = Batch::new();
            for at in 0..100 {
                batch.event(event(from + part * 100 + at));
            }
            block(store.commit(batch, Durability::Applied, NOW)).expect("stored");
        }
        20_000.0 / begun.elapsed().as_secs_f64()
    };
    let with = rate(10_000_000);
    asker.query.stop();
    line("events stored, index kept current", format!("{with:.0} /s"), "5 000 /s");
    line("events stored, nobody listens", format!("{:.0} /s", rate(20_000_000)), "");
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let size: u64 = if args.iter().any(|arg| arg == "--quick") { 100_000 } else { 1_000_000 };
    if let Some(at) = args.iter().position(|arg| arg == "--fill") {
        fill(Path::new(&args[at + 1]), size, size);
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("data");
    let mut filler = Command::new(std::env::current_exe().expect("its own path"));
    filler.arg("--fill").arg(&path);
    if size < 1_000_000 {
        filler.arg("--quick");
    }
    assert!(filler.status().expect("it runs").success());
    println!("{size} records, {size} events");
    measure(&path, size);
}
