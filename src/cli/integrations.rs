//! `tillwatch integrations`: list, show, edit and check connected accounts.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::connect::{Events, OnOff, Webhook, matrix, missing, poll_seconds, relay_note};
use super::context::{Context, title};
use super::durations;
use super::endpoint::{self, EndpointArgs, possible};
use super::key_source::KeyArgs;
use super::out::{DONE, FAILED, Fail, NOT_CONNECTED, Outcome, PARTLY};
use crate::clock::ago;
use crate::engine::api::{Delivery, Health};
use crate::events::gaps::LiveDoc;
use crate::events::poll::Cursor;
use crate::integration::Integration;
use crate::integration::check::{form_link, wanted_permissions};
use crate::integration::config::Refused;
use crate::integration::connect::{Edit, edit};
use crate::integration::endpoint::dashboard_link;
use crate::integration::endpoint::steps::{self, Ask, Left, leave};
use crate::store::{Batch, Durability, Store};
use crate::stripe::BaseUrl;
use crate::text::{clean, count};

/// List connected accounts; show, edit or check one.
#[derive(Debug, Args)]
pub struct IntegrationsArgs {
    #[command(subcommand)]
    command: Option<IntegrationsCommand>,
}

#[derive(Debug, Subcommand)]
enum IntegrationsCommand {
    /// Everything about one account
    Show {
        /// Number, name or account
        integration: String,
    },
    /// Change name, billing, schedule or key
    Edit(Box<EditArgs>),
    /// Try the key again, and look how its webhook endpoint is
    Check {
        /// Number, name or account
        integration: String,
        /// See to it that the webhook endpoint is there, enabled, and asks for what is used
        #[arg(long)]
        enable: bool,
    },
}

#[derive(Debug, Args)]
struct EditArgs {
    /// Number, name or account
    integration: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// New description; empty removes it
    #[arg(long)]
    description: Option<String>,
    /// Invoices and subscriptions too, or payments only
    #[arg(long, value_name = "on|off")]
    billing: Option<OnOff>,
    /// How often to look for new events
    #[arg(long, value_name = "15m", value_parser = durations::parse)]
    poll: Option<u64>,
    /// How events are pushed: relay (as `stripe listen` gets them), endpoint (a webhook endpoint of your own, with
    /// --public-url), or off: they are polled
    #[arg(long, value_name = "off|relay|endpoint", hide_possible_values = true)]
    webhook: Option<Webhook>,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Ask for the signing secret (whsec_…) of an endpoint made by hand
    #[arg(long)]
    webhook_secret: bool,
    /// Take a new signing secret, by way of a new webhook endpoint; the old one is good for a day more
    #[arg(long)]
    rotate: bool,
    /// Which events are stored: listed (those about what is kept), or all
    #[arg(long, value_name = "listed|all", hide_possible_values = true)]
    events: Option<Events>,
    #[command(flatten)]
    key: KeyArgs,
    /// Ask for a new key (prompt, or STRIPE_API_KEY)
    #[arg(long)]
    new_key: bool,
}

/// Runs it.
pub async fn run(context: &Context, args: IntegrationsArgs) -> Outcome {
    match args.command {
        None => list(context),
        Some(IntegrationsCommand::Show { integration }) => show(context, &integration),
        Some(IntegrationsCommand::Edit(args)) => change(context, *args).await,
        Some(IntegrationsCommand::Check { integration, enable }) => {
            check(context, &integration, enable).await
        }
    }
}

fn state(integration: &Integration) -> String {
    match integration.health() {
        Health::Connected => "connected".into(),
        Health::Degraded { missing } => {
            let names: Vec<&str> = missing.iter().map(|one| one.resource.as_str()).collect();
            format!("connected, may not read {}", names.join(", "))
        }
        Health::KeyRefused { .. } => "key refused".into(),
        Health::Offline { .. } => "offline".into(),
        Health::Disconnecting { .. } => "disconnecting: finished as soon as Stripe answers".into(),
        Health::Off => "disconnected, records kept".into(),
    }
}

fn as_json(integration: &Integration) -> Value {
    let mut value = serde_json::to_value(integration).unwrap_or_default();
    value["state"] = json!(integration.health());
    value["missing_permissions"] =
        json!(integration.missing().iter().map(|m| &m.permission).collect::<Vec<_>>());
    // Its address is for whoever asks for this one: who knows it can knock. Names of secrets are nobody's business.
    if let Some(note) = &integration.endpoint {
        value["endpoint"] = json!({"id": note.id, "by_hand": note.by_hand});
    }
    value
}

fn list(context: &Context) -> Outcome {
    if context.within.is_none() && !context.data_dir.exists() {
        return Ok(none(context));
    }
    let store = context.open()?;
    let all = Integration::all(&store)?;
    if all.is_empty() {
        return Ok(none(context));
    }
    for one in &all {
        if context.out.json {
            context.out.json(&as_json(one));
        } else {
            context.out.line(format!(
                "{:>3}  {}  {}  {}  {}  poll {}  {}",
                one.id.0,
                crate::text::fit(&one.name, 24),
                one.mode(),
                crate::text::fit(&one.account, 22),
                if one.billing { "billing " } else { "payments" },
                durations::show(one.poll_every_s),
                state(one)
            ));
        }
    }
    store.close();
    Ok(DONE)
}

fn none(context: &Context) -> u8 {
    context
        .out
        .say("no account is connected yet: run `tillwatch connect`, or `tillwatch demo` to look around");
    DONE
}

fn show(context: &Context, word: &str) -> Outcome {
    let store = context.open_existing()?;
    let one = Context::integration(&store, Some(word))?;
    let out = &context.out;
    if out.json {
        let mut value = as_json(&one);
        value["endpoint"] = endpoint::as_json(&store, &one, None);
        out.json(&value);
    } else {
        out.line(title(&one));
        out.line(format!("state       {}", state(&one)));
        if let Some(description) = &one.description {
            out.line(format!("what for    {}", crate::text::clean(description)));
        }
        out.line(format!(
            "keeps       {}",
            if one.billing { "invoices, customers, products, payments" } else { "payments" }
        ));
        let polled = format!("polled every {}", durations::show(one.poll_every_s));
        out.line(match one.delivery {
            Delivery::Poll => format!("events      {polled}"),
            Delivery::Relay => format!("events      live by Stripe's relay; without it {polled}"),
            Delivery::Endpoint => format!("events      by a webhook endpoint; without it {polled}"),
        });
        live(context, &store, &one)?;
        if one.all_events {
            out.line("stores      events of every type");
        }
        out.line(format!("time zone   {}", one.timezone));
        if let Some(key) = &one.key {
            out.line(format!("key         {} ({}), {}", key.masked, key.kind, key.kept()));
        }
        if let Some(refused) = &one.refused {
            out.line(format!("refused     {}", crate::text::clean(&refused.reason)));
        }
        endpoint::lines(out, &store, &one);
        matrix(out, &one.permissions);
        missing(out, &one);
    }
    store.close();
    Ok(DONE)
}

/// What the last process knew of the live connection, and up to where nothing is missing.
fn live(context: &Context, store: &Store, one: &Integration) -> Result<(), Fail> {
    let (out, now) = (&context.out, (context.now)());
    let cursor: Cursor = store.meta(&Cursor::name(one.id))?.unwrap_or_default();
    if let Some(at) = cursor.hole_at {
        out.line(format!(
            "missed      events were missed {} ago that Stripe lists no more: `tillwatch discover`, then `tillwatch sync`",
            ago(now - at)
        ));
    } else if let Some(at) = cursor.complete_to {
        out.line(format!("complete    to {} ago, compared with Stripe's own list", ago(now - at)));
    }
    if one.delivery != Delivery::Relay {
        return Ok(());
    }
    let live: LiveDoc = store.meta(&LiveDoc::name(one.id))?.unwrap_or_default();
    if live.alive_at == 0 {
        out.line("relay       not heard yet");
        return Ok(());
    }
    out.line(format!(
        "relay       last heard {} ago, {} deliveries",
        ago(now - live.alive_at),
        count(live.received)
    ));
    let odd = live.unreadable + live.unsigned + live.other_mode;
    if odd > 0 {
        out.line(format!(
            "            {} were no events of ours: {} unreadable, {} with a wrong signature, {} of the other mode",
            count(odd),
            count(live.unreadable),
            count(live.unsigned),
            count(live.other_mode)
        ));
    }
    if let Some(gap) = live.gaps.back() {
        out.line(format!("last gap    {}, {} ago", gap.row(), ago(now - gap.to)));
    }
    Ok(())
}

async fn change(context: &Context, args: EditArgs) -> Outcome {
    let store = context.open_existing()?;
    let vault = context.vault()?;
    let before = Context::integration(&store, Some(&args.integration))?;
    let base = match &context.api_base {
        Some(base) => base.clone(),
        None => BaseUrl::parse(&before.base_url).map_err(Fail::usage)?,
    };
    let delivery = args.webhook.map_or(before.delivery, Webhook::delivery);
    let known = before.endpoint.as_ref();
    possible(context, delivery, &args.endpoint, known, before.livemode, &base)?;
    if delivery != Delivery::Endpoint && (args.webhook_secret || args.rotate) {
        return Err(Fail::usage("--webhook-secret and --rotate belong to --webhook endpoint"));
    }
    let mut ask = args.endpoint.ask(context, args.webhook_secret)?;
    ask.anew = args.rotate;
    let by_hand = ask.by_hand.unwrap_or_else(|| known.is_some_and(|note| note.by_hand));
    if ask.secret.is_some() && !by_hand {
        return Err(Fail::usage(
            "only an endpoint that is made by hand takes a secret: tillwatch gets its own endpoint's secret itself (--rotate takes a new one)",
        ));
    }
    if ask.anew && by_hand {
        return Err(Fail::usage(
            "this endpoint is made by hand: roll its secret in the Dashboard, then give the new one with --webhook-secret",
        ));
    }
    // Whatever changes what the endpoint should be brings it there, and so does naming it again.
    let asked = args.webhook.is_some() || args.endpoint.given() || args.webhook_secret || args.rotate;
    let key = if args.key.given() || args.new_key { Some(args.key.read(context)?) } else { None };
    let poll_every_s = args.poll.map(|seconds| poll_seconds(seconds, &base)).transpose()?;
    let wish = Edit {
        name: args.name,
        description: args.description,
        billing: args.billing.map(|billing| billing == OnOff::On),
        poll_every_s,
        delivery: args.webhook.map(Webhook::delivery),
        all_events: args.events.map(|events| events == Events::All),
        key,
        base: context.api_base.clone().filter(|base| base.to_string() != before.base_url),
    };
    let nothing = wish.name.is_none()
        && wish.description.is_none()
        && wish.billing.is_none()
        && wish.poll_every_s.is_none()
        && wish.delivery.is_none()
        && wish.all_events.is_none()
        && wish.key.is_none()
        && wish.base.is_none()
        && !asked;
    if nothing {
        return Err(Fail::usage(
            "nothing to change: give --name, --description, --billing, --poll, --webhook, --events, --api-key-file, --key-command, --from-stripe-cli or --new-key",
        ));
    }
    let changes = asked || wish.billing.is_some() || wish.all_events.is_some();
    if (delivery == Delivery::Endpoint && changes)
        || (delivery != Delivery::Endpoint && before.endpoint.is_some())
    {
        endpoint::may_write(context, &store, &before, delivery, &ask)?;
    }
    endpoint::may_begin_relay(context, Some(before.delivery), delivery)?;
    // A new key alone changes nothing there: only what is not as it should be would be set right.
    let brings = changes || (wish.key.is_some() && !context.read_only);
    let turned_live = wish.delivery == Some(Delivery::Relay) && before.delivery != Delivery::Relay;
    let turned_on = wish.billing == Some(true) && !before.billing;
    let alone = context.alone().await;
    let done = async {
        let before = Context::unchanged(&store, &before)?;
        let mut edited = edit(&store, &vault, &before, wish, &context.now).await?;
        let (mut told, mut left) = (None, Left::Nothing);
        if delivery == Delivery::Endpoint && brings {
            let client = endpoint::client(context, &vault, &edited.integration)?;
            let (after, done) =
                endpoint::bring(context, &store, &vault, &client, &edited.integration, ask).await?;
            edited.integration = after;
            told = Some(done);
        } else if delivery != Delivery::Endpoint && edited.integration.endpoint.is_some() {
            let client = endpoint::client_to_leave(context, &vault, &edited.integration);
            let client = client.as_ref().map_err(Clone::clone);
            (edited.integration, left) =
                leave(&store, &vault, client, &edited.integration, &context.now).await?;
        }
        Ok::<_, Fail>((edited, told, left))
    }
    .await;
    alone.done(before.id).await;
    let (edited, told, left) = done?;
    let out = &context.out;
    if out.json {
        let mut value = as_json(&edited.integration);
        value["endpoint"] = endpoint::as_json(&store, &edited.integration, told.as_ref());
        out.json(&value);
    } else {
        out.line(format!("{} {}", out.mark('✓'), title(&edited.integration)));
        if !edited.lost.is_empty() {
            out.line(format!(
                "The new key may no longer read what the old one could: {}",
                edited.lost.join(", ")
            ));
            missing(out, &edited.integration);
        }
        if turned_live {
            relay_note(out);
        }
        if turned_on {
            out.line("Billing is on: `tillwatch discover` lists the account's invoices.");
        }
        if let Some(told) = &told {
            endpoint::report(context, &store, &edited.integration, told);
        }
        if delivery != Delivery::Endpoint
            && let Some(note) = before.endpoint.as_ref().filter(|note| note.by_hand)
        {
            let (url, link) = (clean(&note.public_url), dashboard_link(before.livemode));
            out.line(format!(
                "The endpoint that was made by hand ({url}) is still at Stripe: remove it there, {link}"
            ));
        }
    }
    let later = endpoint::left(out, before.id, &left, before.livemode);
    store.close();
    Ok(if later || told.is_some_and(|told| told.trouble.is_some()) { PARTLY } else { DONE })
}

async fn check(context: &Context, word: &str, enable: bool) -> Outcome {
    use crate::integration::connect::{count_reads, stored_key, try_key};
    let store = context.open_existing()?;
    let vault = context.vault()?;
    let one = Context::integration(&store, Some(word))?;
    if one.off_since.is_some() {
        return Err(Fail::new(
            NOT_CONNECTED,
            format!("{} is disconnected: connect it again with `tillwatch connect`", one.name),
        ));
    }
    let key = stored_key(&vault, &one)?;
    let base = match &context.api_base {
        Some(base) => base.clone(),
        None => BaseUrl::parse(&one.base_url).map_err(Fail::usage)?,
    };
    let now = (context.now)();
    let found = try_key(&base, &key, one.billing).await;
    let (found, refusal) = match found {
        Ok((client, found)) => {
            count_reads(&store, one.id, &client, &context.now).await?;
            (Some(found), None)
        }
        Err(error) if error.is_key_refused() => (None, Some(error)),
        Err(error) => return Err(error.into()),
    };
    let alone = context.alone().await;
    let checked = async {
        let mut one = Context::unchanged(&store, &one)?;
        match (found, &refusal) {
            (Some(found), _) => {
                one.permissions = found.matrix;
                one.checked_at = now;
                one.refused = None;
            }
            (None, Some(error)) => {
                one.refused.get_or_insert(Refused { since: now, reason: error.to_string() });
            }
            (None, None) => {}
        }
        keep(&store, &one, now).await?;
        Ok::<_, Fail>(one)
    }
    .await;
    alone.done(one.id).await;
    let mut one = checked?;
    if let Some(error) = refusal {
        store.close();
        return Err(Fail::new(
            NOT_CONNECTED,
            format!(
                "{error} Give {} a new key: `tillwatch integrations edit {} --api-key-file F`",
                one.name, one.id.0
            ),
        ));
    }
    let mut told = None;
    if one.delivery == Delivery::Endpoint {
        let client = endpoint::client(context, &vault, &one)?;
        let alone = context.alone().await;
        let looked = async {
            let (mut one, mut told) = (Context::unchanged(&store, &one)?, None);
            if enable {
                let (after, done) =
                    endpoint::bring(context, &store, &vault, &client, &one, Ask::default()).await?;
                (one, told) = (after, Some(done));
            }
            look(context, &store, &client, &mut one).await?;
            Ok::<_, Fail>((one, told))
        }
        .await;
        alone.done(one.id).await;
        (one, told) = looked?;
        count_reads(&store, one.id, &client, &context.now).await?;
    } else if enable {
        return Err(Fail::usage(format!(
            "{} has no webhook endpoint: --webhook endpoint makes one",
            one.name
        )));
    }
    // What `status --check` would say of it.
    let down = one.delivery == Delivery::Endpoint
        && endpoint::view(&store, &one).is_some_and(|endpoint| endpoint.is_down());
    let out = &context.out;
    if out.json {
        let mut value = as_json(&one);
        value["endpoint"] = endpoint::as_json(&store, &one, told.as_ref());
        value["restricted_key_form"] = json!(form_link(one.livemode, &wanted_permissions(one.billing)));
        out.json(&value);
    } else {
        out.line(format!("{} {}", out.mark(if down { '✗' } else { '✓' }), title(&one)));
        matrix(out, &one.permissions);
        missing(out, &one);
        match &told {
            Some(told) => endpoint::report(context, &store, &one, told),
            None => endpoint::lines(out, &store, &one),
        }
    }
    store.close();
    let failed = told.is_some_and(|told| told.trouble.is_some());
    Ok(if failed {
        FAILED
    } else if down {
        PARTLY
    } else {
        DONE
    })
}

/// Asks Stripe how the endpoint is, and keeps that. What it does not tell is a warning.
async fn look(
    context: &Context,
    store: &crate::store::Store,
    client: &crate::stripe::Client,
    one: &mut Integration,
) -> Result<(), Fail> {
    let now = (context.now)();
    let Some(note) = one.endpoint.as_mut().filter(|note| note.install == store.install_id()) else {
        return Ok(());
    };
    if !note.by_hand && note.id.is_none() {
        return Ok(());
    }
    match steps::look(client, note, true, now).await {
        // By hand and not made yet.
        Ok((None, _)) if note.by_hand && note.id.is_none() => return Ok(()),
        Ok((id, seen)) => {
            let before = note.clone();
            note.learn(&before, id, seen);
        }
        Err(error) => {
            context.out.warn(format!("the webhook endpoint cannot be looked at: {error}"));
            return Ok(());
        }
    }
    keep(store, one, now).await
}

async fn keep(store: &Store, one: &Integration, now: i64) -> Result<(), Fail> {
    let mut batch = Batch::new();
    batch.meta(Integration::document(one.id), one);
    store.commit(batch, Durability::Synced, now).await?;
    Ok(())
}
