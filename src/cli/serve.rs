//! `tillwatch serve`: the engine and the HTTP API, without a screen.
//!
//! It must never print the token, and never serve a folder that another process holds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Global;
use super::context::Context;
use super::out::{DONE, FAILED, Fail, Outcome};
use crate::engine::Engine;
use crate::server::api::{Api, token};
use crate::server::http::{Limits, Listening};
use crate::server::receiver;
use crate::server::service::{self, Answerer, Door};
use crate::server::settings::{self, Said, Settings};
use crate::store::StoreError;
use crate::vault::secret::Secret;

/// Run without a screen and answer over HTTP.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where the API listens (127.0.0.1:8455); port 0 takes any that is free
    #[arg(long, env = "TILLWATCH_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where deliveries of webhook endpoints are taken (127.0.0.1:8456), the one address for a proxy to lead to; off: nowhere
    #[arg(long, env = "TILLWATCH_WEBHOOK_LISTEN", value_name = "ADDRESS")]
    webhook_listen: Option<String>,
    /// File with the API's token; made beside the vault's key if not given
    #[arg(long, env = "TILLWATCH_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A name that clients may call this service by, beside 127.0.0.1 and localhost
    #[arg(long = "allow-host", env = "TILLWATCH_ALLOW_HOSTS", value_name = "NAME,…", value_delimiter = ',')]
    hosts: Option<Vec<String>>,
    /// Log file, exchanged at 10 MB; - is stderr
    #[arg(long, env = "TILLWATCH_LOG_FILE", value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// text, or json: one object a line
    #[arg(long, env = "TILLWATCH_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<String>,
    /// error, warn, info, debug or off
    #[arg(long, env = "TILLWATCH_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<String>,
}

/// Runs it.
pub async fn run(context: &Context, global: &Global, args: ServeArgs) -> Outcome {
    let settings = read(context, global, args)?;
    let (token, token_file) =
        token::take(settings.token_file.as_deref(), &context.key_dir).map_err(Fail::usage)?;
    // Before anybody is told an address: whoever reads it may stop us at once.
    let mut stopped =
        Stop::listen().map_err(|error| Fail::new(FAILED, format!("signals cannot be caught: {error}")))?;
    crate::log::start(&settings.log).map_err(|error| match &settings.log.file {
        Some(path) => Fail::new(FAILED, format!("the log {} cannot be written: {error}", path.display())),
        None => Fail::new(FAILED, format!("the log cannot be begun: {error}")),
    })?;
    // Nothing of config.toml but [serve] keeps it from starting; what is not done for a mistake there must be known.
    for mistake in &context.config.mistakes {
        tracing::warn!("{mistake}");
        context.out.warn(mistake);
    }
    let engine = open(context).await?;
    let outcome = tokio::select! {
        doors = doors(&engine, &settings, &token) => match doors {
            Ok((api, doors)) => {
                announce(context, &settings, &doors, &token_file);
                serve(context, &engine, api, doors, &mut stopped).await
            }
            Err(fail) => Err(fail),
        },
        () = stopped.came() => Ok(DONE),
    };
    engine.shutdown().await;
    tracing::info!("ends");
    outcome
}

/// Answers until it is told to stop, or the store turns out to be of no use.
async fn serve(
    context: &Context,
    engine: &Engine,
    api: Api,
    doors: Vec<Door>,
    stopped: &mut Stop,
) -> Outcome {
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move { service::serve(doors, &stop).await }
    });
    let quiet = CancellationToken::new();
    let telling = tokio::spawn({
        let (engine, quiet) = (engine.clone(), quiet.clone());
        async move { service::tell(&engine, &quiet).await }
    });
    let counting = tokio::spawn(async move { api.count().await });
    let mut host = None;
    let opening = async {
        engine.ready().await?;
        // As soon as the store is open, screens and commands can attach.
        host = super::within::listen(engine, &context.out);
        tracing::info!(data_dir = %context.data_dir.display(), "the store is open");
        // Whoever watches the process starts it again.
        Err::<(), StoreError>(engine.failed().await)
    };
    let outcome: Outcome = tokio::select! {
        () = stopped.came() => Ok(DONE),
        Err(error) = opening => Err(error.into()),
    };
    if let Err(fail) = &outcome {
        tracing::error!("{}", fail.text);
    }
    tracing::info!("stops");
    stop.cancel();
    drop(host);
    let _ = serving.await;
    counting.abort();
    quiet.cancel();
    let _ = telling.await;
    outcome
}

/// The engine; why there is none is in the log, too.
async fn open(context: &Context) -> Result<Engine, Fail> {
    let begun = std::time::Instant::now();
    loop {
        match super::begin(context, begun).await {
            Ok(Some(engine)) => return Ok(engine),
            Ok(None) => {}
            Err(fail) => {
                tracing::error!("{}", fail.text);
                return Err(fail);
            }
        }
    }
}

/// Every listener of the service stands in this list.
async fn doors(engine: &Engine, settings: &Settings, token: &Secret) -> Result<(Api, Vec<Door>), Fail> {
    let limits = Limits::default();
    let listening = bind("API", settings.listen, &limits).await?;
    let api = Api::new(engine.clone(), token, &settings.hosts, limits)
        .map_err(|_| Fail::new(FAILED, "the system gives no random numbers"))?;
    let answering = api.clone();
    let answer: Answerer = Arc::new(move |request| {
        let api = answering.clone();
        Box::pin(async move { api.answer(request).await })
    });
    let mut doors = vec![Door { name: "api", listening, answer }];
    if let Some(address) = settings.webhooks {
        let opened = receiver::open(engine, address, receiver::limits()).await;
        let (door, counts) = opened.map_err(|error| Fail::new(FAILED, error))?;
        api.deliveries(counts);
        doors.push(door);
    }
    for door in &doors {
        api.tell(door.name, door.listening.connections());
    }
    Ok((api, doors))
}

async fn bind(what: &str, address: SocketAddr, limits: &Limits) -> Result<Listening, Fail> {
    Listening::bind(address, limits.clone()).await.map_err(|error| {
        Fail::new(FAILED, format!("the {what} cannot listen at {address}: {error}; name another address"))
    })
}

/// Tells where it listens and where the token is, on stdout: scripts wait for it.
fn announce(context: &Context, settings: &Settings, doors: &[Door], token_file: &Path) {
    let out = &context.out;
    for door in doors {
        let Some(address) = door.address() else { continue };
        tracing::info!(name = door.name, %address, version = env!("CARGO_PKG_VERSION"), "listens");
        if !address.ip().is_loopback() {
            let what = if door.name == "webhooks" { "deliveries" } else { "tokens" };
            out.warn(format!(
                "{address} can be reached from other machines, and {what} cross the network in clear: put a proxy with TLS in front"
            ));
        }
    }
    let at = |name: &str| doors.iter().find(|door| door.name == name).and_then(Door::address);
    let url = at("api").map(|address| format!("http://{address}")).unwrap_or_default();
    let webhooks = at("webhooks").map(|address| format!("http://{address}"));
    let log = settings.log.file.as_ref().map_or("stderr".to_owned(), |path| path.display().to_string());
    if out.json {
        out.json(&json!({ "api": url, "webhooks": webhooks, "token_file": token_file, "log": log, "data_dir": context.data_dir }));
    } else {
        out.line(format!("API      {url}"));
        if let Some(webhooks) = webhooks {
            out.line(format!("webhooks {webhooks}"));
        }
        out.line(format!("token    {}", token_file.display()));
        out.line(format!("log      {log}"));
    }
}

/// The settings as flags, environment and file have them.
fn read(context: &Context, global: &Global, args: ServeArgs) -> Result<Settings, Fail> {
    let dirs = directories::ProjectDirs::from("", "", "tillwatch");
    let config = dirs.as_ref().map(|dirs| dirs.config_dir().to_owned()).unwrap_or_default();
    let path = global.config.clone().unwrap_or_else(|| config.join("config.toml"));
    let file = settings::file(&path, global.config.is_some()).map_err(Fail::usage)?;
    let flags = Said {
        listen: args.listen,
        webhook_listen: args.webhook_listen,
        token_file: args.token_file,
        hosts: args.hosts,
        log_file: args.log_file,
        log_format: args.log_format,
        log_level: args.log_level,
    };
    // Where the system has no folder for such files, they stand with the data of all folders.
    let state = dirs.as_ref().map(|dirs| dirs.state_dir().unwrap_or(dirs.data_local_dir()).to_owned());
    let usual = dirs.as_ref().map(directories::ProjectDirs::data_dir);
    let log = settings::usual_log(&state.unwrap_or_default(), &context.data_dir, usual);
    settings::settle(flags, file, &log).map_err(Fail::usage)
}

/// The signals that end it; caught from the moment they are listened for.
struct Stop([Signal; 3]);

impl Stop {
    fn listen() -> std::io::Result<Stop> {
        let listen = |kind: SignalKind| signal(kind);
        Ok(Stop([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn came(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
