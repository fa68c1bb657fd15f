//! `tillwatch`: the dashboard on this terminal; without one, status lines.

use std::io::IsTerminal;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::Global;
use super::context::Context;
use super::out::{DONE, FAILED, Fail, OWNED, Out, Outcome};
use crate::engine::Engine;
use crate::engine::api::{Answer, Request, Snapshot};
use crate::server::attach::remote::{AttachError, Remote, connect};
use crate::tui::{self, ColorLevel};
use crate::vault::secret::Secret;

struct Local(Engine);

impl tui::Engine for Local {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.snapshots()
    }

    fn request(&self, request: Request) -> BoxFuture<'static, Answer> {
        let engine = self.0.clone();
        Box::pin(async move { engine.request(request).await })
    }

    fn offer_key(&self, key: Secret) -> BoxFuture<'static, Answer> {
        let engine = self.0.clone();
        Box::pin(async move { engine.offer_key(key) })
    }
}

/// Runs it.
pub async fn run(context: Context, screen: tui::Options) -> Outcome {
    let begun = std::time::Instant::now();
    loop {
        match connect(&context.data_dir).await {
            Ok((stream, hello)) => {
                let remote =
                    Remote::new(stream, &hello, context.engine_options(true), super::within::runner());
                let result = tui::run(remote.handle(), screen).await;
                remote.close().await;
                return left(&context.out, result);
            }
            Err(AttachError::Nobody) => {}
            Err(error) => return Err(Fail::new(OWNED, error.to_string())),
        }
        if let Some(engine) = super::begin(&context, begun).await? {
            return show(engine, context.out, screen).await;
        }
    }
}

/// Standard input and output are a terminal.
pub fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// How the screen is to look: what the flags say, then the files.
pub fn screen(global: &Global, out: &Out) -> tui::Options {
    let dir = directories::ProjectDirs::from("", "", "tillwatch").map(|dirs| dirs.config_dir().to_owned());
    let config = crate::config::read(global.config.as_deref(), &dir.unwrap_or_default(), colours(out.color));
    tui::Options {
        ascii: out.ascii || config.ascii,
        theme: config.theme,
        keymap: config.keymap,
        bell: config.bell,
        osc9: config.osc9,
        mistakes: config.mistakes,
    }
}

/// How many colours this terminal has, as far as it tells.
fn colours(any: bool) -> ColorLevel {
    let says = |name: &str, words: &[&str]| {
        std::env::var(name).is_ok_and(|value| words.iter().any(|word| value.contains(word)))
    };
    if !any {
        ColorLevel::None
    } else if says("COLORTERM", &["truecolor", "24bit"]) {
        ColorLevel::True
    } else if says("TERM", &["256color", "kitty", "alacritty", "direct"]) {
        ColorLevel::Indexed
    } else {
        ColorLevel::Ansi16
    }
}

/// Shows the screen until it is left, then stops the engine.
pub async fn show(engine: Engine, out: Out, options: tui::Options) -> Outcome {
    let (opening, speaking) = (engine.clone(), Out { quiet: true, ..out.clone() });
    // As soon as the store is open, others can attach.
    let listening = tokio::spawn(async move {
        opening.ready().await.ok().and_then(|()| super::within::listen(&opening, &speaking))
    });
    let result = tui::run(Arc::new(Local(engine.clone())), options).await;
    listening.abort();
    drop(listening.await);
    engine.shutdown().await;
    left(&out, result)
}

fn left(out: &Out, result: Result<tui::Exit, tui::TuiError>) -> Outcome {
    match result {
        Ok(exit) => {
            if let Some(farewell) = exit.farewell {
                out.say(farewell);
            }
            Ok(DONE)
        }
        Err(error) => Err(Fail::new(FAILED, error.to_string())),
    }
}
