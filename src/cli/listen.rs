//! `tillwatch listen`: the live engine without a screen; events as they come, on stdout.
//!
//! It must never put anything but events on stdout: how the connection is goes to stderr.

use std::collections::HashMap;
use std::net::SocketAddr;

use clap::Args;

use super::context::{Context, Opened, title};
use super::deliveries::{Deliveries, Wanted};
use super::events::{Account, accounts, passes, print};
use super::filtering::check;
use super::forward::Agree;
use super::out::{FAILED, Fail, INTERRUPTED, Outcome};
use crate::engine::api::{Delivery, IntegrationId, IntegrationView, LinkView, Snapshot};
use crate::filter::Subject;
use crate::forward::pattern;
use crate::forward::target::parse_url;
use crate::integration::Integration;
use crate::server::receiver;
use crate::store::{Store, StoreError};
use crate::text::clean;

/// Watch without a screen: print events as they come.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Number, name or account; every account if not given
    #[arg(short, long, value_name = "NAME")]
    integration: Option<String>,
    /// Only events that pass: 'type:*failed amount>50 currency:eur' (docs/filters.md)
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    filter: Option<String>,
    /// Send events on: 3000, localhost:3000/path, or a whole URL; ends with this command
    #[arg(long, value_name = "URL", num_args = 1..)]
    forward_to: Vec<String>,
    /// Types of events that are sent on, separated by commas: 'invoice.*,charge.refunded'
    #[arg(long, value_name = "TYPES", requires = "forward_to")]
    events: Vec<String>,
    /// Seconds that an answer may take
    #[arg(long, value_name = "S", requires = "forward_to", default_value_t = crate::forward::TIMEOUT_S, value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: u32,
    #[command(flatten)]
    agree: Agree,
    /// Take deliveries of webhook endpoints on this address (127.0.0.1:8456 is usual)
    #[arg(long, value_name = "ADDRESS")]
    webhook_listen: Option<std::net::SocketAddr>,
}

/// Runs it.
pub async fn run(context: &Context, args: &ListenArgs) -> Outcome {
    check(context, args.filter.as_deref(), Subject::Events)?;
    for mistake in &context.config.mistakes {
        context.out.say(mistake);
    }
    for url in &args.forward_to {
        parse_url(url).map_err(Fail::usage)?;
    }
    let events = pattern::parse(&args.events).map_err(Fail::usage)?;
    let store = context.open_existing()?;
    let picked = match &args.integration {
        Some(word) => vec![Context::integration(&store, Some(word))?],
        None => Integration::all(&store)?.into_iter().filter(|one| one.off_since.is_none()).collect(),
    };
    if picked.is_empty() {
        // Says what to do.
        Context::integration(&store, None)?;
    }
    let all = picked.len() > 1;
    let one = args.integration.as_ref().and_then(|_| picked.first().cloned());
    let accounts = accounts(context, picked, args.filter.as_deref())?;
    let mut deliveries = None;
    if !args.forward_to.is_empty() {
        let (urls, timeout_s) = (&args.forward_to, args.timeout);
        let wanted = Wanted { urls, events, timeout_s, integration: one.as_ref(), agree: &args.agree };
        deliveries = Some(Deliveries::begin(context, &store, wanted).await?);
    }
    follow(context, store, &accounts, all, deliveries, args.webhook_listen).await
}

/// Prints events of these accounts in the order of their coming, until it is interrupted.
pub(super) async fn follow(
    context: &Context,
    store: Opened,
    accounts: &[Account],
    all: bool,
    mut deliveries: Option<Deliveries>,
    webhooks: Option<SocketAddr>,
) -> Outcome {
    let mut interrupted = std::pin::pin!(context.out.interrupted());
    let mut seen: HashMap<IntegrationId, u64> =
        accounts.iter().map(|one| (one.integration.id, store.counters(one.integration.id).arrived)).collect();
    let reader: Store = (*store).clone();
    let engine = context.engine(store, true).await?;
    if !engine.options().live {
        context.out.warn("the running command that holds the data folder does not watch: start `listen` again when it has ended");
    }
    let receiver = match webhooks {
        Some(_) if context.within.is_some() => {
            return Err(Fail::usage(
                "the running command that holds the data folder would have to take deliveries: start that one with --webhook-listen",
            ));
        }
        Some(address) => {
            let receiver = receiver::start(&engine, address, receiver::limits()).await;
            let receiver = receiver.map_err(|error| Fail::new(FAILED, error))?;
            context.out.say(format!("deliveries are taken on http://{}", receiver.address()));
            Some(receiver)
        }
        None => None,
    };
    let store = reader;
    let mut snapshots = engine.snapshots();
    let mut talk = Talk::default();
    if context.within.is_some() {
        talk.heard(&snapshots.borrow());
    }
    let mut result = Ok(());
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        talk.hear(context, accounts, &snapshot);
        result = result.and_then(|()| news(context, &store, accounts, all, &mut seen, &mut deliveries));
        if result.is_err() {
            break;
        }
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() { break },
            () = &mut interrupted => break,
        }
    }
    if let Some(receiver) = receiver {
        receiver.stop().await;
    }
    engine.shutdown().await;
    // What was stored to the last is printed: a reader of stdout has all that the log has.
    result.and_then(|()| news(context, &store, accounts, all, &mut seen, &mut deliveries))?;
    if let Some(deliveries) = deliveries {
        deliveries.left(context, &store).await;
    }
    if context.out.holder_ends() {
        return Err(Fail::new(FAILED, super::within::GONE));
    }
    Ok(INTERRUPTED)
}

fn news(
    context: &Context,
    store: &Store,
    accounts: &[Account],
    all: bool,
    seen: &mut HashMap<IntegrationId, u64>,
    deliveries: &mut Option<Deliveries>,
) -> Result<(), StoreError> {
    for account in accounts {
        let seen = seen.entry(account.integration.id).or_default();
        for row in store.arrivals(account.integration.id, *seen)? {
            *seen += 1;
            if passes(store, account, &row)? {
                match deliveries {
                    Some(deliveries) if !context.out.json => context.out.line(clean(&deliveries.came(&row))),
                    _ => print(context, store, account, &row, all)?,
                }
            }
        }
    }
    deliveries.as_mut().map_or(Ok(()), |deliveries| deliveries.news(context, store))
}

/// What was said already.
#[derive(Default)]
struct Talk {
    words: HashMap<IntegrationId, String>,
    message: u64,
    alert: u64,
}

impl Talk {
    /// What the holder told before this command is no news.
    fn heard(&mut self, snapshot: &Snapshot) {
        self.message = snapshot.messages.iter().map(|one| one.seq).max().unwrap_or(0);
        self.alert = snapshot.alerts.iter().map(|one| one.seq).max().unwrap_or(0);
    }

    fn hear(&mut self, context: &Context, accounts: &[Account], snapshot: &Snapshot) {
        let ours = |id: IntegrationId| accounts.iter().find(|one| one.integration.id == id);
        for view in &snapshot.integrations {
            let Some(account) = ours(view.id) else { continue };
            let word = word(view);
            if self.words.get(&view.id) != Some(&word) {
                context.out.say(format!("{}: {word}", title(&account.integration)));
                self.words.insert(view.id, word);
            }
        }
        for alert in &snapshot.alerts {
            if alert.seq > self.alert {
                self.alert = alert.seq;
                if ours(alert.integration).is_some() {
                    context.out.say(format!("alert: {}", clean(&alert.text)));
                }
            }
        }
        for message in &snapshot.messages {
            if message.seq > self.message {
                self.message = message.seq;
                if message.integration.is_none_or(|id| ours(id).is_some()) {
                    context.out.say(clean(&message.text));
                }
            }
        }
    }
}

/// How events come, in words that change only when that does.
fn word(view: &IntegrationView) -> String {
    let poll = |start: &str| match view.poll.every_s {
        0 => format!("{start}not polled"),
        every => format!("{start}polled every {}", super::durations::show(every)),
    };
    if let Some(endpoint) = view.endpoint.as_ref().filter(|_| view.delivery == Delivery::Endpoint) {
        return match endpoint.problem(view.id.0) {
            Some(problem) => poll(&format!("{}; events are ", clean(&problem))),
            None => "events are delivered to the webhook endpoint; ^C ends".to_owned(),
        };
    }
    if view.delivery != Delivery::Relay {
        return poll("events are ");
    }
    match &view.link {
        LinkView::Off => poll("no live connection; events are "),
        LinkView::Connecting { .. } => "connecting to Stripe's relay".to_owned(),
        LinkView::Connected { .. } | LinkView::Resetting { .. } => {
            "connected to Stripe's relay; ^C ends".to_owned()
        }
        LinkView::Waiting { reason, .. } => format!("{}; tried again by itself", clean(reason)),
        LinkView::Refused { reason, .. } => clean(reason).into_owned(),
    }
}
