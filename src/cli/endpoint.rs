//! What commands say and ask of an integration's webhook endpoint: its address, its events, how one is made by hand.
//!
//! It must never print a signing secret, and never take one from argv.

use clap::Args;
use serde_json::{Value, json};

use super::connect::OnOff;
use super::context::Context;
use super::key_source;
use super::out::{Fail, Out};
use crate::clock::Zone;
use crate::engine::Engine;
use crate::engine::api::{Delivery, EndpointState, EndpointView, IntegrationId};
use crate::integration::Integration;
use crate::integration::connect::{stored_key, trial};
use crate::integration::endpoint::remote::Did;
use crate::integration::endpoint::steps::{self, Ask, NoKey, Told};
use crate::integration::endpoint::{EndpointNote, dashboard_link, events, form, secrets};
use crate::server::receiver::USUAL;
use crate::server::settings;
use crate::store::Store;
use crate::stripe::{API_VERSION, BaseUrl, Client};
use crate::text::{clean, count};
use crate::vault::Vault;
use crate::vault::secret::Secret;

/// Columns that a list of events is broken into.
const WIDTH: usize = 100;

/// Flags about an endpoint.
#[derive(Debug, Args, Default)]
pub struct EndpointArgs {
    /// With --webhook endpoint: the https address under which Stripe reaches the receiver
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// With --webhook endpoint: you make it in the Dashboard, tillwatch tells how
    #[arg(long, value_name = "on|off", default_missing_value = "on", num_args = 0..=1, require_equals = true, hide_possible_values = true)]
    pub by_hand: Option<OnOff>,
    /// Read the signing secret (whsec_…) of an endpoint made by hand from a file, or from stdin with -
    #[arg(long, value_name = "FILE")]
    pub webhook_secret_file: Option<std::path::PathBuf>,
}

impl EndpointArgs {
    /// Something was given.
    pub fn given(&self) -> bool {
        self.public_url.is_some() || self.by_hand.is_some() || self.webhook_secret_file.is_some()
    }

    /// What is asked for. `prompt`: the secret is asked for, unless it is in a file.
    pub fn ask(&self, context: &Context, prompt: bool) -> Result<Ask, Fail> {
        let secret = match &self.webhook_secret_file {
            Some(file) => Some(parsed(&key_source::from_file(context, file)?)?),
            None if prompt => Some(parsed(&key_source::ask_hidden(&context.out, ASKED, || {
                Fail::usage(
                    "there is no terminal to ask on: give the signing secret with --webhook-secret-file",
                )
            })?)?),
            None => None,
        };
        Ok(Ask {
            public_url: self.public_url.clone(),
            by_hand: self.by_hand.map(|by_hand| by_hand == OnOff::On),
            anew: false,
            secret,
        })
    }
}

const ASKED: &str = "Signing secret of the endpoint (whsec_…; it is not shown): ";

fn parsed(text: &Secret) -> Result<Secret, Fail> {
    secrets::parse(text.expose()).map_err(Fail::usage)
}

/// Refuses what cannot be before anything is saved or sent.
pub fn possible(
    context: &Context,
    delivery: Delivery,
    args: &EndpointArgs,
    known: Option<&EndpointNote>,
    livemode: bool,
    base: &BaseUrl,
) -> Result<(), Fail> {
    if delivery != Delivery::Endpoint {
        if args.given() {
            return Err(Fail::usage(
                "--public-url, --by-hand and --webhook-secret-file belong to --webhook endpoint",
            ));
        }
        return Ok(());
    }
    let by_hand = args.by_hand.map_or_else(|| known.is_some_and(|note| note.by_hand), |by| by == OnOff::On);
    // Of one that is known it depends on what is changed: `may_write`.
    if context.read_only && !by_hand && known.is_none() {
        return Err(Fail::usage(
            "--read-only: making a webhook endpoint writes at Stripe; leave --read-only away, or make it by hand (--by-hand)",
        ));
    }
    match (&args.public_url, known) {
        (Some(url), _) => crate::integration::endpoint::public_url(url, livemode, base.is_loopback())
            .map(|_| ())
            .map_err(Fail::usage),
        (None, Some(_)) => Ok(()),
        (None, None) => Err(Fail::usage(
            "--webhook endpoint needs --public-url: the https address under which Stripe reaches the receiver (127.0.0.1:8456 behind your proxy)",
        )),
    }
}

/// Refuses a relay that the holder of the folder would begin at once: a command's own process never gets that far.
pub fn may_begin_relay(context: &Context, before: Option<Delivery>, delivery: Delivery) -> Result<(), Fail> {
    let holder_may = context.within.as_ref().is_some_and(|engine| !engine.options().read_only);
    if context.read_only && holder_may && delivery == Delivery::Relay && before != Some(delivery) {
        return Err(Fail::usage(
            "--read-only: the running tillwatch would ask for a relay session, which writes at Stripe; leave --read-only away, or use --webhook off",
        ));
    }
    Ok(())
}

/// Refuses what would write at Stripe, before anything is saved.
pub fn may_write(
    context: &Context,
    store: &Store,
    one: &Integration,
    delivery: Delivery,
    ask: &Ask,
) -> Result<(), Fail> {
    if context.read_only && steps::writes(one, store.install_id(), delivery, ask) {
        return Err(Fail::usage(
            "--read-only: a webhook endpoint is made, changed or removed by writing at Stripe; nothing was done",
        ));
    }
    Ok(())
}

/// A client for few requests of an integration.
pub fn client(context: &Context, vault: &Vault, one: &Integration) -> Result<Client, Fail> {
    let base = match &context.api_base {
        Some(base) => base.clone(),
        None => BaseUrl::parse(&one.base_url).map_err(Fail::usage)?,
    };
    Ok(trial(&base, &stored_key(vault, one)?)?)
}

/// The same for one that is on its way out, or why there is none.
pub fn client_to_leave(context: &Context, vault: &Vault, one: &Integration) -> Result<Client, NoKey> {
    let base = match &context.api_base {
        Some(base) => base.clone(),
        None => BaseUrl::parse(&one.base_url)?,
    };
    trial(&base, &steps::key_to_leave(vault, one)?).map_err(|error| NoKey::from(error.to_string()))
}

/// Brings the endpoint to what is asked for, and stores that.
pub async fn bring(
    context: &Context,
    store: &Store,
    vault: &Vault,
    client: &Client,
    one: &Integration,
    ask: Ask,
) -> Result<(Integration, Told), Fail> {
    may_write(context, store, one, Delivery::Endpoint, &ask)?;
    Ok(steps::bring(store, vault, client, one, ask, &context.now).await?)
}

/// Asks for the secret of one by hand that was just described; none: later.
pub fn secret_now(out: &Out) -> Option<Secret> {
    let text = key_source::ask_hidden(
        out,
        "Signing secret, once you have made it (whsec_…; Enter alone: later): ",
        || Fail::usage("nobody to ask"),
    );
    let text = text.ok().filter(|text| !text.expose().trim().is_empty())?;
    match secrets::parse(text.expose()) {
        Ok(secret) => Some(secret),
        Err(wrong) => {
            out.warn(wrong);
            None
        }
    }
}

/// How an endpoint is, as a front-end would be shown.
pub fn view(store: &Store, one: &Integration) -> Option<EndpointView> {
    let note = one.endpoint.as_ref()?;
    let (less, more) = note.differs(&events(one.billing, one.all_events));
    Some(EndpointView {
        id: note.id.clone(),
        url: note.url(),
        by_hand: note.by_hand,
        state: note.state(store.install_id()),
        // Whether somebody listens is known to whoever holds the folder.
        listening: Some(String::new()),
        trouble: None,
        last_delivery_at: None,
        missed_at: None,
        checked_at: note.seen.as_ref().map(|seen| seen.at),
        undelivered: note.seen.as_ref().and_then(|seen| seen.undelivered),
        less,
        more,
        unsigned: 0,
        untimely: 0,
        all_events: one.all_events,
        others: Vec::new(),
        passing: false,
        astray: note.astray(),
    })
}

/// The same, for scripts.
pub fn as_json(store: &Store, one: &Integration, told: Option<&Told>) -> Value {
    let Some(view) = view(store, one) else { return Value::Null };
    json!({
        "id": view.id, "url": view.url, "by_hand": view.by_hand, "state": view.state,
        "problem": view.problem(one.id.0), "checked_at": view.checked_at, "undelivered": view.undelivered,
        "events": events(one.billing, one.all_events), "not_sent": view.less, "not_used": view.more,
        "api_version": API_VERSION,
        "done": told.and_then(|told| told.did).map(done),
        "trouble": told.and_then(|told| told.trouble.as_ref()),
        "other_installations": told.map(|told| &told.others),
    })
}

fn done(did: Did) -> &'static str {
    match did {
        Did::Created => "created",
        Did::Adopted => "adopted",
        Did::Changed => "changed",
        Did::Enabled => "enabled",
        Did::Replaced => "replaced",
    }
}

/// What was done, and what is left to do.
pub fn report(context: &Context, store: &Store, one: &Integration, told: &Told) {
    let out = &context.out;
    let Some(note) = &one.endpoint else { return };
    if let Some(trouble) = &told.trouble {
        out.warn(format!("the webhook endpoint is not as it should be: {}", clean(trouble)));
        out.say(if told.later {
            format!("Events are polled. Try again later: tillwatch integrations check {} --enable", one.id.0)
        } else {
            format!(
                "Events are polled. Stripe's form for a key that may make one:\n  {}\nor make it by hand: tillwatch integrations edit {} --webhook endpoint --by-hand",
                form(one.livemode, one.billing),
                one.id.0
            )
        });
        return;
    }
    let kinds = count(events(one.billing, one.all_events).len() as u64);
    if let (Some(did), Some(id)) = (told.did, &note.id) {
        let kinds = if one.all_events { "all events".to_owned() } else { format!("{kinds} types of event") };
        let what = match did {
            Did::Created => {
                format!("A webhook endpoint was made at Stripe ({id}): {kinds}, version {API_VERSION}.")
            }
            Did::Adopted => format!("The webhook endpoint {id} is there as it should be: {kinds}."),
            Did::Changed => format!("The webhook endpoint {id} was brought up to date: {kinds}."),
            Did::Enabled => format!("The webhook endpoint {id} is enabled again: {kinds}."),
            Did::Replaced => {
                format!("A new webhook endpoint ({id}) has taken the place of the old one: {kinds}.")
            }
        };
        out.line(what);
    }
    for other in &told.others {
        out.line(format!(
            "Another installation of tillwatch has one too, which is left alone: {}",
            clean(other)
        ));
    }
    if note.by_hand && note.secrets.is_empty() {
        by_hand(out, one, note);
    } else {
        out.line(format!("Stripe delivers to {}", clean(&note.url())));
        let at = receiver(context);
        out.line(format!("Lead that address to the receiver: `tillwatch serve` listens on {at}."));
    }
    difference(out, store, one);
}

/// Where deliveries are taken here: by the process that runs, or by the next `tillwatch serve` as far as it is known.
fn receiver(context: &Context) -> String {
    let running = context.within.as_ref().and_then(Engine::listening);
    let set = || std::env::var("TILLWATCH_WEBHOOK_LISTEN").ok().filter(|text| !text.trim().is_empty());
    let written = || settings::file(&context.config.file, false).ok()?.webhook_listen;
    running
        .map(|at| at.trim_start_matches("http://").to_owned())
        .or_else(set)
        .or_else(written)
        .unwrap_or_else(|| USUAL.to_string())
}

/// How a person makes one.
pub fn by_hand(out: &Out, one: &Integration, note: &EndpointNote) {
    out.line(format!(
        "Make the endpoint in the Dashboard: {} , “Add destination”",
        dashboard_link(one.livemode)
    ));
    out.line(format!("  1. Events from your own account; API version {API_VERSION}; these events:"));
    let mut line = String::new();
    for event in events(one.billing, one.all_events) {
        let event = if event == "*" { "all events" } else { event };
        if line.len() + event.len() > WIDTH {
            out.line(format!("       {}", line.trim_end()));
            line.clear();
        }
        line.push_str(event);
        line.push(' ');
    }
    out.line(format!("       {}", line.trim_end()));
    out.line(format!("  2. Webhook endpoint; its URL: {}", clean(&note.url())));
    out.line(format!(
        "  3. “Reveal” its signing secret and give it: tillwatch integrations edit {} --webhook-secret",
        one.id.0
    ));
}

/// The endpoint's lines of `integrations show` and `check`.
pub fn lines(out: &Out, store: &Store, one: &Integration) {
    let Some(view) = view(store, one) else { return };
    let state = match &view.state {
        EndpointState::Enabled => "enabled".to_owned(),
        EndpointState::Unknown => "not looked at yet".to_owned(),
        EndpointState::Disabled { since } => format!("disabled, as found {}", time(*since)),
        EndpointState::Gone { since } => format!("gone, as found {}", time(*since)),
        EndpointState::NoSecret => "its signing secret is missing".to_owned(),
        EndpointState::Unmade { .. } => "not made".to_owned(),
        EndpointState::Leaving { since } => format!("to be removed since {}", time(*since)),
    };
    let id = view.id.as_deref().unwrap_or("no id yet");
    let whose = if view.by_hand { ", made by hand" } else { "" };
    out.line(format!("endpoint    {}{whose}: {state}", clean(id)));
    out.line(format!("            {}", clean(&view.url)));
    if let Some(at) = view.checked_at {
        out.line(format!("            asked at Stripe {}", time(at)));
    }
    match view.undelivered {
        None => {}
        Some(0) => out.line("            no event of the last 3 days waits for a delivery"),
        Some(many) => out.line(format!(
            "            {}{} events of the last 3 days are not delivered to every endpoint of the account",
            count(many),
            if many >= 100 { " or more" } else { "" }
        )),
    }
    if matches!(view.state, EndpointState::Enabled | EndpointState::Unknown) {
        difference(out, store, one);
    } else if let Some(problem) = view.problem(one.id.0) {
        out.warn(problem);
    }
    if let Some(note) = one.endpoint.as_ref().filter(|note| note.by_hand && note.secrets.is_empty()) {
        by_hand(out, one, note);
    }
}

/// What a hand-made endpoint, or one that was changed in the Dashboard, sends too much or too little.
fn difference(out: &Out, store: &Store, one: &Integration) {
    let Some(view) = view(store, one) else { return };
    for (what, list) in [("does not send what is used", &view.less), ("sends what is not used", &view.more)] {
        if !list.is_empty() {
            out.warn(format!("the endpoint {what}: {}", list.join(", ")));
        }
    }
    let version = one.endpoint.as_ref().and_then(|note| note.seen.as_ref()).map(|seen| &seen.api_version);
    if let Some(version) = version.filter(|version| version.as_deref() != Some(API_VERSION)) {
        let version = version.as_deref().unwrap_or("the account's own");
        out.say(format!("The endpoint's events are written in version {version}; {API_VERSION} is what tillwatch was checked with."));
    }
}

fn time(at: i64) -> String {
    crate::clock::format_time(at, Zone::utc())
}

/// What becomes of a disconnected integration's endpoint; true: it is not finished.
pub fn left(out: &Out, id: IntegrationId, left: &steps::Left, livemode: bool) -> bool {
    if let Some(text) = crate::engine::endpoints::left_words(left, livemode) {
        let begin = if matches!(left, steps::Left::Removed) { "Done: " } else { "" };
        out.say(format!("{begin}{}", clean(&text)));
    }
    let later = matches!(left, steps::Left::Later(_));
    if later {
        out.say(format!(
            "A running tillwatch finishes it by itself; so does `tillwatch disconnect {}`.",
            id.0
        ));
    }
    later
}
