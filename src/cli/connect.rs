//! `tillwatch connect`: tries a key, shows what it may read, keeps it, and proposes the next step.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::context::{Context, title};
use super::durations;
use super::endpoint::{self, EndpointArgs, bring, possible};
use super::key_source::KeyArgs;
use super::out::{DONE, Fail, Out, Outcome, PARTLY};
use crate::clock;
use crate::engine::api::{Delivery, PermissionGroup};
use crate::integration::Integration;
use crate::integration::check::{Checked, KeyCheck, Verdict, form_link, livemode_of, wanted_permissions};
use crate::integration::connect::{
    Given, POLL_EVERY_S, Wish, count_reads, may_connect, poll_every, save, try_key,
};
use crate::integration::endpoint::steps::{Ask, Told, leave};
use crate::stripe::kind::Kind;
use crate::stripe::{BaseUrl, Client, DEFAULT_BASE, KeyKind};
use crate::sync::estimate::{Estimate, estimate};

/// Days that the proposed first discover covers.
const PROPOSED_DAYS: i64 = 90;

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// On.
    On,
    /// Off.
    Off,
}

/// How live events arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Webhook {
    /// No push: events are polled.
    Off,
    /// The relay that `stripe listen` uses.
    Relay,
    /// A webhook endpoint of one's own.
    Endpoint,
}

impl Webhook {
    /// The same, as the engine has it.
    pub fn delivery(self) -> Delivery {
        match self {
            Webhook::Off => Delivery::Poll,
            Webhook::Relay => Delivery::Relay,
            Webhook::Endpoint => Delivery::Endpoint,
        }
    }
}

/// Which events are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Events {
    /// Those about what is kept: payments; with billing also invoices, customers, products, prices.
    Listed,
    /// Every type.
    All,
}

/// What the relay is, said once when it is chosen.
pub fn relay_note(out: &Out) {
    out.say(
        "Live events come by the call that `stripe listen` uses. It is not a public API of Stripe's; if it stops, polling goes on.",
    );
}

/// Connect an account with an API key.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// What to call it; the account's own name if not given
    #[arg(long)]
    name: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// Invoices and subscriptions too (on), or payments only (off)
    #[arg(long, value_name = "on|off", default_value = "on", default_missing_value = "on", num_args = 0..=1, require_equals = true)]
    billing: OnOff,
    /// How events are pushed: relay (as `stripe listen` gets them), endpoint (a webhook endpoint of your own, with
    /// --public-url), or off: they are polled
    #[arg(long, default_value = "off", value_name = "off|relay|endpoint", hide_possible_values = true)]
    webhook: Webhook,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Which events are stored: listed (those about what is kept), or all
    #[arg(long, default_value = "listed", value_name = "listed|all", hide_possible_values = true)]
    events: Events,
    /// How often to look for new events; 15m if not given
    #[arg(long, value_name = "DURATION", value_parser = durations::parse)]
    poll: Option<u64>,
    #[command(flatten)]
    key: KeyArgs,
    /// Go on without asking
    #[arg(long)]
    yes: bool,
}

/// Runs it.
pub async fn run(context: &Context, args: ConnectArgs) -> Outcome {
    let out = &context.out;
    let base = match &context.api_base {
        Some(base) => base.clone(),
        None => BaseUrl::parse(DEFAULT_BASE).map_err(Fail::usage)?,
    };
    let poll_every_s = poll_seconds(args.poll.unwrap_or(POLL_EVERY_S), &base)?;
    let billing = args.billing == OnOff::On;
    let delivery = args.webhook.delivery();
    possible(context, delivery, &args.endpoint, None, false, &base)?;
    endpoint::may_begin_relay(context, None, delivery)?;
    // A folder that is there is opened before the key is asked for, so that nobody types a key for nothing; a new
    // one is made only for a key that works.
    let opened =
        if context.within.is_some() || context.data_dir.exists() { Some(context.open()?) } else { None };
    let Given { key, command: key_command, origin } = args.key.read(context)?;
    let kind = key.kind;
    let livemode = key.livemode;
    possible(context, delivery, &args.endpoint, None, livemode, &base)?;
    let ask = args.endpoint.ask(context, false)?;
    let (client, found) = try_key(&base, &key, billing).await?;
    let store = match opened {
        Some(store) => store,
        None => context.open()?,
    };
    let vault = context.vault()?;
    let wish = Wish {
        name: args.name,
        description: args.description,
        billing,
        poll_every_s,
        delivery,
        all_events: args.events == Events::All,
        base,
        key,
        key_command,
        origin,
    };
    let all = Integration::all(&store)?;
    may_connect(&all, &wish, &found)?;
    let same = |one: &&Integration| one.account == found.account.id && one.livemode == found.livemode;
    if let Some(earlier) = all.iter().find(same) {
        endpoint::may_write(context, &store, earlier, delivery, &ask)?;
    }
    if kind == KeyKind::Secret && livemode {
        secret_live(out, &found, billing, args.yes)?;
    }
    if livemode_of(&client).await.is_some_and(|told| told != livemode) {
        out.warn(
            "the server's objects are of the other mode than the key says: take care which account this is",
        );
    }
    let relay = args.webhook == Webhook::Relay;
    let by_hand = ask.by_hand == Some(true) && ask.secret.is_none();
    let alone = context.alone().await;
    let saved = save(&store, &vault, wish, found, &context.now).await?;
    let id = saved.id;
    let connected = async {
        if delivery == Delivery::Endpoint {
            return bring(context, &store, &vault, &client, &saved, ask).await;
        }
        if saved.endpoint.is_some() {
            // Of a time before this one: removed at last, or left to its owner.
            let (integration, _) = leave(&store, &vault, Ok(&client), &saved, &context.now).await?;
            return Ok((integration, Told::default()));
        }
        Ok((saved, Told::default()))
    }
    .await;
    alone.done(id).await;
    let (mut integration, mut told) = connected?;
    let proposal = propose(context, &store, &client, &integration).await;
    count_reads(&store, integration.id, &client, &context.now).await?;
    if out.json {
        out.json(&json!({
            "id": integration.id.0,
            "name": integration.name,
            "account": integration.account,
            "livemode": integration.livemode,
            "billing": integration.billing,
            "timezone": integration.timezone,
            "permissions": integration.permissions,
            "missing_permissions": integration.missing().iter().map(|m| &m.permission).collect::<Vec<_>>(),
            "restricted_key_form": form(&integration),
            "key": integration.key.as_ref().map(|key| json!({"masked": key.masked, "kept": key.kept()})),
            "data_dir": context.data_dir,
            "endpoint": endpoint::as_json(&store, &integration, Some(&told)),
            "estimate": proposal.as_ref().map(|(_, estimate, seconds)| json!({"reads": estimate.reads, "invoices": estimate.rows, "exact": estimate.exact, "seconds": seconds})),
        }));
    } else {
        out.line(format!("{} {}  {}", out.mark('✓'), title(&integration), integration.timezone));
        matrix(out, &integration.permissions);
        missing(out, &integration);
        if let Some(key) = &integration.key {
            out.line(format!("The key {} is {}.", key.masked, key.kept()));
        }
        out.line(format!(
            "Customer names and e-mail addresses will be stored in {}; only you can read it.",
            crate::text::clean(&context.data_dir.display().to_string())
        ));
        if let Some((command, estimate, seconds)) = proposal {
            out.line(format!(
                "Next: {command}   the last {PROPOSED_DAYS} days: {}{}, {}",
                if estimate.exact { "" } else { "about " },
                crate::text::reads(estimate.reads),
                clock::duration_left(seconds)
            ));
        } else if !integration.billing {
            out.line("Next: tillwatch sync   keeps this account's payments");
        }
    }
    if relay {
        relay_note(out);
    }
    if delivery == Delivery::Endpoint && !out.json {
        endpoint::report(context, &store, &integration, &told);
        if by_hand && let Some(secret) = endpoint::secret_now(out) {
            let ask = Ask { secret: Some(secret), ..Ask::default() };
            let alone = context.alone().await;
            let brought = async {
                let current = Context::unchanged(&store, &integration)?;
                bring(context, &store, &vault, &client, &current, ask).await
            }
            .await;
            alone.done(id).await;
            (integration, told) = brought?;
            endpoint::report(context, &store, &integration, &told);
        }
    }
    store.close();
    Ok(if told.trouble.is_some() { PARTLY } else { DONE })
}

/// Polling faster than this would eat the read allocation; a local server has none.
pub fn poll_seconds(seconds: u64, base: &BaseUrl) -> Result<u64, Fail> {
    poll_every(seconds, base).map_err(Fail::usage)
}

fn form(integration: &Integration) -> String {
    form_link(integration.livemode, &wanted_permissions(integration.billing))
}

/// A secret live key is more than this program needs.
fn secret_live(out: &Out, found: &KeyCheck, billing: bool, yes: bool) -> Result<(), Fail> {
    let link = form_link(true, &wanted_permissions(billing));
    out.warn("This key can move money; tillwatch only needs to read.");
    out.say(format!("Stripe's form for a restricted key, with the right boxes ticked (Administrator or Developer role):\n  {link}"));
    if yes {
        return Ok(());
    }
    match out.ask(&format!(
        "To use the secret key all the same, type the account's name ({}):",
        found.account.name
    )) {
        Some(typed) if typed == found.account.name => Ok(()),
        Some(_) => Err(Fail::usage("that is not the account's name; nothing was saved")),
        None => Err(Fail::usage(format!(
            "a live secret key can move money and tillwatch only needs to read: give --yes to use it all the same, or make a restricted key: {}",
            form_link(true, &[])
        ))),
    }
}

/// The matrix, three resources a line.
pub fn matrix(out: &Out, rows: &[Checked]) {
    out.line("This key may read");
    // What other ways of staying current would need has no say in this one.
    let needed = |row: &&Checked| matches!(row.group, PermissionGroup::Read | PermissionGroup::Poll);
    let cells: Vec<String> = rows
        .iter()
        .filter(needed)
        .map(|row| {
            let mark = match row.verdict {
                Verdict::Allowed => out.mark('✓'),
                Verdict::Missing => out.mark('✗'),
                Verdict::NotOffered | Verdict::NotTried => out.mark('–'),
                Verdict::Unknown => "?",
            };
            crate::text::fit(&format!("{mark} {}", row.resource), 24)
        })
        .collect();
    for line in cells.chunks(3) {
        out.line(format!("  {}", line.join("").trim_end()));
    }
    for row in rows.iter().filter(needed) {
        match (row.verdict, &row.note) {
            (Verdict::NotOffered, _) => {
                out.line(format!(
                    "  {} this server has no {} ({}): {}",
                    out.mark('–'),
                    row.resource,
                    row.path,
                    row.costs
                ));
            }
            (Verdict::Unknown, Some(note)) => {
                out.line(format!("  ? {} could not be tried: {}", row.resource, crate::text::clean(note)));
            }
            _ => {}
        }
    }
}

/// What is missing, what it costs, and how to add it.
pub fn missing(out: &Out, integration: &Integration) {
    let missing = integration.missing();
    if missing.is_empty() {
        return;
    }
    out.line("Without these permissions");
    for row in &missing {
        out.line(format!("  {} {}  {}  {}", out.mark('✗'), row.resource, row.permission, row.costs));
    }
    out.line("Everything else works. To add them, make a key with these boxes ticked (Administrator or Developer role):");
    out.line(format!("  {}", form(integration)));
    out.line(format!("and give it with `tillwatch integrations edit {} --new-key`.", integration.id.0));
}

async fn propose(
    context: &Context,
    store: &crate::store::Store,
    client: &Client,
    integration: &Integration,
) -> Option<(String, Estimate, u64)> {
    if !integration.billing || !integration.may(Kind::Invoice.permission()) {
        return None;
    }
    let now = (context.now)();
    let zone = clock::Zone::named(&integration.timezone);
    let from = clock::today(now - PROPOSED_DAYS * 86_400, &zone);
    let gte = clock::day_start(from, &zone).ok()?;
    // A guess is a courtesy: without an answer there is none.
    let estimate = estimate(client, Kind::Invoice, Some(gte), now + 1).await.ok()?;
    let rate = if integration.livemode { 15.0 } else { 24.0 };
    let others = Integration::all(store).is_ok_and(|all| all.len() > 1);
    let named = if others { format!(" -i {}", integration.id.0) } else { String::new() };
    Some((format!("tillwatch discover{named} --from {from}"), estimate, estimate.seconds(rate)))
}
