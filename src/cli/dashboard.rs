//! `tillwatch`: the dashboard on this terminal; without one, status lines.

use std::io::IsTerminal;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::context::Context;
use super::out::{DONE, FAILED, Fail, Out, Outcome};
use crate::engine::Engine;
use crate::engine::api::{Answer, Request, Snapshot};
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
        Box::pin(async move { engine.offer_key(key).await })
    }
}

/// Runs it.
pub async fn run(context: Context) -> Outcome {
    if !is_terminal() {
        return super::status::lines(&context).await;
    }
    // A folder that can't be used is told before the screen is taken.
    let engine = Engine::start(context.engine_options(true));
    if let Some(Err(error)) = engine.failed_early().await {
        engine.shutdown().await;
        return Err(error.into());
    }
    show(engine, context.out).await
}

/// Standard input and output are a terminal.
pub fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Shows the screen until it is left, then stops the engine.
pub async fn show(engine: Engine, out: Out) -> Outcome {
    let color = if out.color { ColorLevel::Ansi16 } else { ColorLevel::None };
    let options = tui::Options { ascii: out.ascii, color };
    let result = tui::run(Arc::new(Local(engine.clone())), options).await;
    engine.shutdown().await;
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
