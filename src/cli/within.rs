//! Commands between two processes: carried out by the one that holds the data folder, typed at the other.
//!
//! What a command prints and asks goes to the caller's terminal. It must never print on the holder's own, where a
//! screen may be.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use clap::Parser;
use tokio::net::UnixStream;

use super::context::Context;
use super::out::{FAILED, Fail, INTERRUPTED, OWNED, Out, Outcome, can_ask, draw_over};
use super::{Cli, carry_out, key_source};
use crate::config::Config;
use crate::engine::{Caller, Engine};
use crate::server::attach::host::{Host, Runner};
use crate::server::attach::remote::{AttachError, SILENCE, connect};
use crate::server::attach::run::Far;
use crate::server::attach::wire::{Call, Carried, Command, Question, Reply, receive, send};
use crate::stripe::BaseUrl;
use crate::vault::secret::Secret;

/// Listens for others; without a socket they are turned away, which is said.
pub fn listen(engine: &Engine, out: &Out) -> Option<Host> {
    match Host::listen(engine, runner()) {
        Ok(host) => Some(host),
        Err(error) => {
            out.say(format!("other commands cannot attach to this one: {error}"));
            None
        }
    }
}

/// Carries out what callers want.
pub fn runner() -> Runner {
    let runtime = tokio::runtime::Handle::current();
    Arc::new(move |engine: Engine, command: Command, far: Far| {
        let work = || runtime.block_on(within(engine, &command, far.clone()));
        let outcome = catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(Fail::new(FAILED, "the command failed inside the running tillwatch")));
        match outcome {
            Ok(code) => far.end(code, None, String::new()),
            Err(fail) => far.end(fail.code, Some(fail.text), fail.below),
        }
    })
}

async fn within(engine: Engine, command: &Command, far: Far) -> Outcome {
    let words = std::iter::once("tillwatch".to_owned()).chain(command.args.iter().cloned());
    let cli = Cli::try_parse_from(words).map_err(|error| Fail::usage(error.to_string()))?;
    let options = engine.options().clone();
    let own = command.api_base.as_deref().map(BaseUrl::parse).transpose().map_err(Fail::usage)?;
    let engine = engine.on_behalf(Caller { read_only: cli.global.read_only, api_base: own.clone() });
    let out = Out {
        json: cli.global.json,
        quiet: cli.global.quiet,
        ascii: cli.global.ascii,
        color: command.color,
        far: Some(far),
    };
    // What the holder was started with is what is done and kept.
    let config = Config {
        declines: (*options.declines).clone(),
        alerts: options.alerts,
        upkeep: options.upkeep,
        ..Config::default()
    };
    let context = Context {
        out,
        data_dir: options.data_dir,
        key_dir: options.key_dir,
        api_base: own.or(options.api_base),
        read_only: cli.global.read_only || options.read_only,
        config: Arc::new(config),
        now: options.now,
        within: Some(engine),
        cwd: command.cwd.clone(),
    };
    match cli.command {
        Some(command) => carry_out(&context, command).await,
        None => super::status::lines(&context).await,
    }
}

/// A command as the holder is told of it.
pub fn command(api_base: Option<String>, color: bool) -> Result<Command, Fail> {
    let args = std::env::args_os().skip(1).map(std::ffi::OsString::into_string);
    let args = args
        .collect::<Result<Vec<String>, _>>()
        .map_err(|_| Fail::usage("an argument is not text: write it in UTF-8"))?;
    let asks = can_ask();
    Ok(Command {
        args,
        cwd: std::env::current_dir().unwrap_or_default(),
        api_base,
        color,
        asks,
        progress: std::io::IsTerminal::is_terminal(&std::io::stderr()),
    })
}

/// What is said when the holder has ended in the middle of a command.
pub const GONE: &str = "the running tillwatch that holds the data folder has ended meanwhile: try again";

/// Has a command carried out by the holder of the folder, and prints and asks what it wants.
pub async fn call(out: &Out, (mut stream, holder): (UnixStream, u32), command: Command) -> Outcome {
    let gone = || Fail::new(FAILED, GONE);
    send(&mut stream, &Call::Run(command)).await.map_err(|_| gone())?;
    let (mut from, mut to) = stream.into_split();
    // A task of its own: a frame must not be dropped half-way for a signal.
    let (replies, mut heard) = tokio::sync::mpsc::channel::<Reply>(16);
    tokio::spawn(async move {
        while let Ok(reply) = receive::<Reply>(&mut from).await {
            if replies.send(reply).await.is_err() {
                return;
            }
        }
    });
    let mut interrupt = Box::pin(out.interrupted());
    let mut interrupted = false;
    let mut silent = 0;
    loop {
        let reply = tokio::select! {
            reply = heard.recv() => reply.ok_or_else(gone)?,
            () = &mut interrupt => {
                if interrupted {
                    // Whatever the holder still does, nobody waits for it.
                    return Ok(INTERRUPTED);
                }
                interrupted = true;
                interrupt = Box::pin(out.interrupted());
                send(&mut to, &Call::Interrupt).await.map_err(|_| gone())?;
                continue;
            }
            // In two parts: who was suspended wakes up with the first one over, and hears what came meanwhile.
            () = tokio::time::sleep(SILENCE / 2) => {
                silent += 1;
                if silent == 2 {
                    return Err(Fail::new(OWNED, AttachError::Silent(holder).to_string()));
                }
                continue;
            }
        };
        silent = 0;
        match reply {
            Reply::Line { text } => out.line(text),
            Reply::Say { text } => {
                use std::io::Write;
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }
            Reply::Progress { text } => draw_over(&text),
            Reply::Question { question } => {
                let terminal = rustix::termios::tcgetattr(std::io::stdin()).ok();
                let text = tokio::select! {
                    text = tokio::task::spawn_blocking(move || answer(&question)) => text.ok().flatten(),
                    () = &mut interrupt => {
                        // What is typed may have been hidden.
                        if let Some(before) = terminal {
                            key_source::show_again(&before);
                        }
                        return Ok(INTERRUPTED);
                    }
                };
                send(&mut to, &Call::Said { text: text.map(Carried) }).await.map_err(|_| gone())?;
            }
            Reply::End { code, failure: None, .. } => return Ok(code),
            Reply::End { code, failure: Some(text), below } => return Err(Fail { code, text, below }),
            Reply::Snapshot { .. } | Reply::Answer { .. } | Reply::Alive => {}
        }
    }
}

fn answer(question: &Question) -> Option<Secret> {
    match question {
        Question::Line { text } => super::out::ask_here(text).map(Secret::new),
        Question::Hidden { text } => key_source::hidden(text).ok(),
        Question::Stdin { most } => key_source::stdin(*most).ok(),
        Question::Variable { name } => {
            std::env::var_os(name).and_then(|value| value.into_string().ok()).map(Secret::new)
        }
    }
}

/// Whoever holds the folder, greeted, and its process; none: nobody listens.
pub async fn holder(dir: &Path) -> Result<Option<(UnixStream, u32)>, Fail> {
    match connect(dir).await {
        Ok((stream, hello)) => Ok(Some((stream, hello.pid))),
        Err(AttachError::Nobody) => Ok(None),
        Err(error) => Err(Fail::new(OWNED, error.to_string())),
    }
}
