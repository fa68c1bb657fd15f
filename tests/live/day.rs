//! A day of reads in fast time: the real poll over HTTP against a local Stripe whose clock is set forward, the real
//! schedule, the real relay machine and gap planner, and no waiting. Shared by the test and `benches/reads.rs`.

use std::sync::Arc;
use std::time::Duration;

use tillwatch::clock::{self, Now};
use tillwatch::engine::api::{Delivery, Pace};
use tillwatch::events::gaps::Planner;
use tillwatch::events::intake::Shared;
use tillwatch::events::poll;
use tillwatch::events::relay::machine::{Action, Input, Machine, Time};
use tillwatch::events::schedule;
use tillwatch::integration::Integration;
use tillwatch::integration::connect::{Wish, save, try_key};
use tillwatch::sandbox::{self, Limits};
use tillwatch::store::{OpenOptions, Store};
use tillwatch::stripe::{ApiKey, BaseUrl, Client, ClientOptions};
use tillwatch::vault::Vault;
use tokio_util::sync::CancellationToken;

/// Seconds of the day.
const DAY: u64 = 86_400;

/// What the server does with relay sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Serves the old one beside the new one.
    Overlaps,
    /// Closes the old one as soon as the new one opens.
    ClosesOld,
    /// Breaks every socket off after so many seconds.
    BreaksOff(u64),
}

/// What kind of day.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// The schedule, in seconds.
    pub every_s: u64,
    /// With the relay, which resets every minute.
    pub relay: Option<Server>,
    /// Events that happen.
    pub events: u64,
    /// Times that the machine sleeps for half an hour.
    pub sleeps: u64,
}

/// What it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Polls by the schedule.
    pub polls: u64,
    /// Their GETs.
    pub scheduled: u64,
    /// Reads after gaps, and their GETs.
    pub gaps: u64,
    /// Events that were stored.
    pub events: u64,
}

impl Spent {
    /// All GETs.
    pub fn reads(&self) -> u64 {
        self.scheduled + self.gaps
    }

    /// GETs beyond one a scheduled poll: what the limit of automatic reads counts.
    pub fn automatic(&self) -> u64 {
        self.reads() - self.polls
    }
}

struct World {
    stripe: sandbox::Running,
    store: Store,
    client: Client,
    integration: Arc<Integration>,
    shared: Shared,
    _dir: tempfile::TempDir,
}

async fn world(begun: i64) -> World {
    tillwatch::stripe::install_tls();
    let mut options = sandbox::Options::new(begun);
    options.invoices = 500;
    options.customers = 100;
    options.limits = Limits::None;
    let stripe = sandbox::start(options).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (data, keys) = (dir.path().join("data"), dir.path().join("keys"));
    let store = Store::open(&data, &OpenOptions::default()).unwrap();
    let vault = Vault::open(&data, &keys).unwrap();
    let base = BaseUrl::parse(&stripe.base_url).unwrap();
    let key = ApiKey::parse(&stripe.keys.restricted).unwrap();
    let (_, found) = try_key(&base, &key, true).await.unwrap();
    let wish = Wish {
        name: None,
        description: None,
        billing: true,
        poll_every_s: 900,
        delivery: Delivery::Poll,
        all_events: true,
        base: base.clone(),
        key: key.clone(),
        key_command: None,
        origin: None,
    };
    save(&store, &vault, wish, found, &clock::system()).await.unwrap();
    let integration = Arc::new(Integration::all(&store).unwrap().remove(0));
    let client = Client::new(ClientOptions::new(base, key)).unwrap();
    World { stripe, store, client, integration, shared: Shared::default(), _dir: dir }
}

impl World {
    /// GETs and new events of one poll.
    async fn poll(&self, at: i64) -> (u64, u64) {
        let client = self.client.with_pace(Pace::None, CancellationToken::new());
        let now: Now = Arc::new(move || at);
        let polled = poll::poll(&self.store, &client, &self.integration, &self.shared, &now).await.unwrap();
        (client.own_reads(), polled.new)
    }
}

/// The sockets of a day, as the machine wants them.
struct Sockets {
    machine: Machine,
    server: Server,
    main: u64,
    dies: u64,
    asleep_to: u64,
}

impl Sockets {
    /// A second goes by; what has to be covered, and whether at once.
    fn second(&mut self, second: u64) -> Option<bool> {
        let now = Time::from_secs(second);
        let mut inputs = vec![Input::Tick];
        if self.main > 0 && self.dies <= second {
            inputs.push(Input::Closed(self.main, "closed".to_owned()));
            self.main = 0;
        } else if self.main > 0 {
            // The server pings.
            inputs.push(Input::Heard(self.main, now));
        }
        if self.asleep_to > 0 {
            self.asleep_to = 0;
            inputs.push(Input::Woke);
        }
        let mut cover = None;
        while let Some(input) = inputs.pop() {
            for action in self.machine.step(input, now) {
                match action {
                    Action::AskSession => inputs.push(Input::Session(Duration::from_secs(60))),
                    Action::Dial { socket, .. } => {
                        let old = std::mem::replace(&mut self.main, socket);
                        self.dies = match self.server {
                            Server::BreaksOff(life) => second + life,
                            _ => u64::MAX,
                        };
                        if old > 0 && self.server == Server::ClosesOld {
                            inputs.push(Input::Closed(old, "replaced".to_owned()));
                        }
                        inputs.push(Input::Opened(socket));
                    }
                    Action::Close(_) => {}
                    Action::Cover { at_once } => cover = Some(at_once || cover == Some(true)),
                }
            }
        }
        cover
    }
}

/// Lives the day.
pub async fn live(day: Day) -> Spent {
    // A day as the calendar has it.
    let begun = clock::system()() / DAY as i64 * DAY as i64;
    let world = world(begun).await;
    let mut spent = Spent::default();
    let mut planner = Planner::new(false);
    let mut sockets = day.relay.map(|server| Sockets {
        machine: Machine::new(7),
        server,
        main: 0,
        dies: u64::MAX,
        asleep_to: 0,
    });
    let every = schedule::effective_s(day.every_s, day.relay.is_some(), false) as i64;
    // What is there already is the beginning of the log, as on any day but the first.
    world.poll(begun).await;
    let mut due = schedule::next(begun, every, true, 1);
    let (mut made, mut asleep_to) = (0, 0);
    for second in 0..DAY {
        let now = begun + second as i64;
        if second % 60 == 0 && second > 0 {
            world.stripe.skip(60);
            while made < day.events * second / DAY {
                made += world.stripe.run_traffic(1);
            }
        }
        let naps = DAY / (day.sleeps + 1);
        if day.sleeps > 0 && second > 0 && second % naps == 0 {
            asleep_to = second + 1800;
        }
        if second < asleep_to {
            continue;
        }
        if let Some(sockets) = &mut sockets {
            sockets.asleep_to = if second == asleep_to { asleep_to } else { 0 };
            if let Some(at_once) = sockets.second(second) {
                planner.want(now, at_once, now);
            }
        }
        if planner.due().is_some_and(|due| due <= now) {
            planner.begin(now);
            let (reads, new) = world.poll(now).await;
            spent.gaps += reads;
            spent.events += new;
        }
        if due <= now {
            let (reads, new) = world.poll(now).await;
            spent.polls += 1;
            spent.scheduled += reads;
            spent.events += new;
            due = schedule::next(now, every, true, 1);
        }
    }
    world.stripe.stop().await;
    spent
}
