//! `tillwatch forward`: the targets that events are sent to; add, list, remove. No network is needed.
//!
//! It must never print a signing secret that was not asked for.

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::context::{Context, title};
use super::out::{DONE, FAILED, Fail, Out, Outcome};
use crate::engine::api::{Answer, Request, TargetSpec, TargetState};
use crate::engine::forwarding;
use crate::events::ingest::may_keep;
use crate::forward::pattern;
use crate::forward::target::{Stats, Target, parse_url};
use crate::integration::Integration;
use crate::store::Store;
use crate::text::{clean, count};
use crate::vault::Vault;

/// Targets that events are sent to.
#[derive(Debug, Args)]
pub struct ForwardArgs {
    #[command(subcommand)]
    command: ForwardCommand,
}

#[derive(Debug, Subcommand)]
enum ForwardCommand {
    /// Send events to a URL from now on, while the dashboard or `listen` runs
    Add(AddArgs),
    /// List targets and what became of their events
    List {
        /// Show the secret that each target's events are signed with
        #[arg(long)]
        print_secret: bool,
    },
    /// Send no more to a target; what waits for it is dropped
    Rm {
        /// Its URL or number
        #[arg(value_name = "URL|ID")]
        target: String,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// 3000, localhost:3000/path, or a whole http or https URL
    url: String,
    /// Types of events, separated by commas: 'invoice.*,charge.refunded'; all that are stored if not given
    #[arg(long, value_name = "TYPES")]
    events: Vec<String>,
    /// Number, name or account; every account if not given
    #[arg(short, long, value_name = "NAME")]
    integration: Option<String>,
    /// Seconds that an answer may take
    #[arg(long, value_name = "S", default_value_t = crate::forward::TIMEOUT_S, value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: u32,
    #[command(flatten)]
    agree: Agree,
}

/// How a person agrees to LIVE events going somewhere.
#[derive(Debug, Args)]
pub(super) struct Agree {
    /// Do not ask before LIVE events go to this machine
    #[arg(long)]
    pub(super) yes: bool,
    /// The account's name, to agree that LIVE events leave this machine
    #[arg(long, value_name = "NAME")]
    pub(super) confirm: Option<String>,
}

impl Agree {
    /// What a person says to a question of the engine.
    pub(super) fn to(&self, out: &Out, question: &str, name: Option<&str>) -> Result<String, Fail> {
        let nothing = || Fail::new(FAILED, "nothing was changed");
        match name {
            None if self.yes || self.confirm.is_some() => Ok("yes".to_owned()),
            None => match out.confirm(&clean(question)) {
                Some(true) => Ok("yes".to_owned()),
                Some(false) => Err(nothing()),
                None => Err(Fail::usage(format!(
                    "{} Give --yes when there is no terminal to ask on",
                    clean(question)
                ))),
            },
            Some(_) => match &self.confirm {
                Some(typed) => Ok(typed.clone()),
                None => match out.ask(&format!("{}\nName:", clean(question))) {
                    Some(typed) if typed.trim().is_empty() => Err(nothing()),
                    Some(typed) => Ok(typed),
                    None => Err(Fail::usage(format!(
                        "{} Give --confirm NAME when there is no terminal to ask on",
                        clean(question)
                    ))),
                },
            },
        }
    }
}

/// Runs it.
pub async fn run(context: &Context, args: ForwardArgs) -> Outcome {
    match args.command {
        ForwardCommand::Add(args) => add(context, args).await,
        ForwardCommand::List { print_secret } => list(context, print_secret),
        ForwardCommand::Rm { target } => remove(context, &target).await,
    }
}

/// Adds a target, asking where it has to be asked.
pub(super) async fn added(
    context: &Context,
    store: &Store,
    vault: &Vault,
    spec: TargetSpec,
    agree: &Agree,
) -> Result<Target, Fail> {
    let answer = match add_once(context, store, vault, &spec).await {
        Err(Answer::NeedsYes { question, name }) => {
            let confirmed = Some(agree.to(&context.out, &question, name.as_deref())?);
            add_once(context, store, vault, &TargetSpec { confirmed, ..spec }).await
        }
        other => other,
    };
    answer.map_err(failed)
}

/// By the engine where there is one, since it sends to what it knows of; else in the store alone.
async fn add_once(
    context: &Context,
    store: &Store,
    vault: &Vault,
    spec: &TargetSpec,
) -> Result<Target, Answer> {
    let Some(engine) = &context.within else {
        return forwarding::add(store, vault, spec, (context.now)()).await;
    };
    match engine.request(Request::AddTarget(spec.clone())).await {
        Answer::Target { id } => {
            let all = Target::all(store).map_err(|error| Answer::Refused { reason: error.to_string() })?;
            all.into_iter().find(|one| one.id == id).ok_or(Answer::NotHere)
        }
        other => Err(other),
    }
}

/// An answer that is none, as a failure.
pub(super) fn failed(answer: Answer) -> Fail {
    match answer {
        Answer::Refused { reason } => Fail::usage(reason),
        Answer::NeedsYes { question, .. } => Fail::usage(question),
        Answer::NotHere => Fail::new(FAILED, "there is no such event here"),
        _ => Fail::new(FAILED, "it could not be done"),
    }
}

async fn add(context: &Context, args: AddArgs) -> Outcome {
    // Before anything is opened: a mistake changes nothing.
    parse_url(&args.url).map_err(Fail::usage)?;
    let events = pattern::parse(&args.events).map_err(Fail::usage)?;
    let store = context.open_existing()?;
    let vault = context.vault()?;
    let one = args.integration.as_deref().map(|word| Context::integration(&store, Some(word))).transpose()?;
    let spec = TargetSpec {
        url: args.url,
        integration: one.as_ref().map(|one| one.id),
        events,
        timeout_s: args.timeout,
        confirmed: None,
        passing: false,
    };
    let target = added(context, &store, &vault, spec, &args.agree).await?;
    off_the_list(context, &store, &target)?;
    let secret = forwarding::secret_of(&vault, &target)?;
    let out = &context.out;
    if out.json {
        let value = shown(&store, &target)?;
        out.json(&with_secret(value, &secret));
    } else {
        let whose = one.as_ref().map_or_else(|| "every account".to_owned(), title);
        out.line(format!(
            "{} target {}: {} of {whose} to {}",
            out.mark('✓'),
            target.id.0,
            types(&target),
            clean(&target.url)
        ));
        out.line(format!("Your signing secret is {}", secret.expose()));
        out.say("Events are sent while the dashboard, `listen` or `events --follow` runs.");
    }
    store.close();
    Ok(DONE)
}

/// Warns of patterns whose events are not stored, so that nothing could be sent.
pub(super) fn off_the_list(context: &Context, store: &Store, target: &Target) -> Result<(), Fail> {
    for one in Integration::all(store)?.iter().filter(|one| one.off_since.is_none() && !one.all_events) {
        if target.integration.is_some_and(|id| id != one.id) {
            continue;
        }
        let never: Vec<&str> = target
            .events
            .iter()
            .map(String::as_str)
            .filter(|pattern| !may_keep(one.billing, pattern))
            .collect();
        if !never.is_empty() {
            context.out.warn(format!(
                "events of type {} are not stored for {}, so they cannot be sent: connect it with --events all",
                never.join(", "),
                clean(&one.name)
            ));
        }
    }
    Ok(())
}

fn types(target: &Target) -> String {
    if target.events.is_empty() { "all stored events".to_owned() } else { target.events.join(", ") }
}

fn shown(store: &Store, target: &Target) -> Result<serde_json::Value, Fail> {
    let integrations: Vec<Arc<Integration>> = Integration::all(store)?.into_iter().map(Arc::new).collect();
    let counts: Stats = store.meta(&Target::stats_document(target.id))?.unwrap_or_default();
    let state = if target.paused { TargetState::Paused } else { TargetState::Ready };
    let view = forwarding::view(store, target, &counts, state, &integrations);
    Ok(serde_json::to_value(view).unwrap_or_default())
}

fn with_secret(mut value: serde_json::Value, secret: &crate::vault::secret::Secret) -> serde_json::Value {
    if let Some(object) = value.as_object_mut() {
        object.insert("signing_secret".to_owned(), secret.expose().into());
    }
    value
}

fn list(context: &Context, print_secret: bool) -> Outcome {
    let store = context.open_existing()?;
    let vault = context.vault()?;
    let out = &context.out;
    let all = Integration::all(&store)?;
    let mut any = false;
    for target in Target::all(&store)?.into_iter().filter(|one| !one.passing) {
        any = true;
        let value = shown(&store, &target)?;
        let secret = print_secret.then(|| forwarding::secret_of(&vault, &target)).transpose()?;
        if out.json {
            out.json(&match &secret {
                Some(secret) => with_secret(value, secret),
                None => value,
            });
            continue;
        }
        print(out, &target, &value, &all);
        if let Some(secret) = secret {
            out.line(format!("    signing secret {}", secret.expose()));
        }
    }
    if !any {
        out.say(
            "there are no targets: `tillwatch forward add 3000` sends events to port 3000 of this machine",
        );
    }
    store.close();
    Ok(DONE)
}

fn print(out: &Out, target: &Target, value: &serde_json::Value, all: &[Integration]) {
    let number = |name: &str| count(value[name].as_u64().unwrap_or(0));
    let whose = match target.integration {
        None => "every account".to_owned(),
        Some(id) => all.iter().find(|one| one.id == id).map_or_else(|| format!("account {}", id.0), title),
    };
    let paused = if target.paused { "  paused" } else { "" };
    out.line(format!(
        "{}  {}  {} of {whose}{paused}  {} delivered, {} failed tries, {} waiting, {} parked",
        target.id.0,
        clean(&target.url),
        types(target),
        number("delivered"),
        number("failed"),
        number("waiting"),
        number("parked")
    ));
    let names: Vec<String> = value["not_agreed"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| all.iter().find(|one| Some(u64::from(one.id.0)) == id.as_u64()))
        .map(title)
        .collect();
    if !names.is_empty() {
        out.line(format!("    {} not agreed to: add the target again to send its events", names.join(", ")));
    }
}

/// The target that a word means: its number, or its URL.
pub(super) fn find(store: &Store, word: &str) -> Result<Option<Target>, Fail> {
    let all: Vec<Target> = Target::all(store)?.into_iter().filter(|one| !one.passing).collect();
    if let Some(one) = all.iter().find(|one| one.id.0.to_string() == word.trim()) {
        return Ok(Some(one.clone()));
    }
    let url = parse_url(word).map_err(Fail::usage)?;
    let same: Vec<&Target> = all.iter().filter(|one| one.url == url.as_str()).collect();
    match same.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).clone())),
        many => {
            let ids: Vec<String> = many.iter().map(|one| one.id.0.to_string()).collect();
            Err(Fail::usage(format!(
                "{} is the URL of targets {}: name one by its number",
                clean(url.as_str()),
                ids.join(", ")
            )))
        }
    }
}

/// Removes a target, by the engine where there is one.
pub(super) async fn removed(context: &Context, store: &Store, target: &Target) -> Result<(), Fail> {
    if let Some(engine) = &context.within {
        return match engine.request(Request::RemoveTarget { target: target.id }).await {
            Answer::Refused { reason } => Err(Fail::new(FAILED, reason)),
            _ => Ok(()),
        };
    }
    let vault = context.vault()?;
    forwarding::remove(store, &vault, target, (context.now)())
        .await
        .map_err(|problem| Fail::new(FAILED, problem.to_string()))
}

async fn remove(context: &Context, word: &str) -> Outcome {
    let store = context.open_existing()?;
    let Some(target) = find(&store, word)? else {
        return Err(Fail::usage(format!(
            "there is no target `{}`: `tillwatch forward list` shows them",
            crate::text::clean_max(word, 100)
        )));
    };
    let waiting: u64 =
        store.in_lane(crate::store::batch::Lane::Waiting, target.id).iter().map(|(_, count)| count).sum();
    removed(context, &store, &target).await?;
    let out = &context.out;
    if out.json {
        out.json(&serde_json::json!({ "id": target.id.0, "url": target.url, "dropped": waiting }));
    } else {
        out.line(format!(
            "{} nothing is sent to {} any more; {} waiting events were dropped, its attempts stay",
            out.mark('✓'),
            clean(&target.url),
            count(waiting)
        ));
    }
    store.close();
    Ok(DONE)
}
