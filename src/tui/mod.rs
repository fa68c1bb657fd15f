//! The screen, a front-end: knows the engine's requests and snapshots and nothing else of it.
//!
//! `update` is pure and says what follows as effects; views only read and draw; the loop in `app` carries effects
//! out. Nothing here reads the store, the network or the clock of its own accord.
//!
//! - [`app`]: the loop. [`state`], [`msg`], [`update`], [`effects`]: the core.
//! - [`view`]: a whole frame. [`screens`], [`widgets`], [`table`], [`overlay`]: what it is made of.
//! - [`input`]: the table of actions. [`style`]: colours by meaning. [`terminal`]: taking and giving back.
//! - [`backend`]: what is needed of the engine.

pub mod app;
pub mod attempts;
pub mod backend;
pub mod effects;
pub mod feed;
pub mod fmt;
pub mod input;
pub mod msg;
pub mod overlay;
pub mod remember;
pub mod screens;
pub mod state;
pub mod style;
pub mod table;
pub mod terminal;
#[cfg(test)]
pub(crate) mod tests;
pub mod update;
pub mod view;
pub mod widgets;

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use ratatui::Terminal;
use tokio::sync::mpsc;

pub use backend::Engine;
pub use input::keymap::Keymap;
pub use style::{ColorLevel, Theme};

use crate::engine::api::Health;

/// How the screen is to look.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nothing but ASCII.
    pub ascii: bool,
    /// Styles by meaning.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// Ring the terminal's bell at an alert.
    pub bell: bool,
    /// Have the terminal show a notification at an alert (OSC 9).
    pub osc9: bool,
    /// What is wrong with the files that say so; told when the screen is there.
    pub mistakes: Vec<String>,
}

/// Why the screen was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// A person quit.
    Quit,
    /// SIGTERM, SIGHUP or SIGINT.
    Signal,
    /// The terminal is gone: its input has ended.
    InputEnded,
}

/// How it was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Why.
    pub reason: ExitReason,
    /// What to print once the terminal is as before; none when there is nothing to say.
    pub farewell: Option<String>,
}

/// The screen can't go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal does not take what is written or give what is typed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
}

/// Runs the dashboard on this terminal until it is left. The terminal is as before when this returns.
pub async fn run(engine: Arc<dyn Engine>, options: Options) -> Result<Exit, TuiError> {
    // Our own level alone decides: crossterm under NO_COLOR would wipe bold and reverse too.
    crossterm::style::force_color_output(true);
    let mut signals = terminal::signals::Signals::listen()?;
    let (send_panic, panics) = mpsc::channel(8);
    let guard = terminal::Guard::take()?;
    let hooked = terminal::panics::hook(guard.taken(), send_panic);
    let mut app = app::App {
        terminal: Terminal::new(terminal::backend())?,
        tty: guard,
        engine,
        theme: options.theme,
        ascii: options.ascii,
        keymap: Arc::new(options.keymap),
        calls: state::Calls { bell: options.bell, osc9: options.osc9 },
        mistakes: options.mistakes,
        now_ms: Box::new(now_ms),
        panics,
    };
    let signals = Box::pin(futures::stream::unfold(&mut signals, |signals| async move {
        let next = signals.next().await;
        Some((next, signals))
    }));
    // The state of all screens is in it: too much for the stack of whoever waits.
    let running = Box::pin(app.run(terminal::keys::read()?, signals.fuse()));
    let ended = hooked.watch(running).await;
    let app::App { terminal, tty, .. } = app;
    drop(tty);
    // Dropped, it would show the cursor a second time, and panic where there is no terminal any more to complain to:
    // before the engine has stopped. Its buffers go with the process.
    std::mem::forget(terminal);
    match ended {
        Ok((reason, state)) => Ok(Exit { reason, farewell: farewell(&state, now_ms()) }),
        // A frame was under way when it was closed: that is an end like any other.
        Err(_) if terminal::keys::is_gone() => Ok(Exit { reason: ExitReason::InputEnded, farewell: None }),
        Err(error) => Err(error),
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// What ends with the screen, for a person.
fn farewell(state: &state::State, now_ms: i64) -> Option<String> {
    let watched: Vec<_> =
        state.snapshot.integrations.iter().filter(|one| one.health != Health::Off).collect();
    let others = state.snapshot.attached.as_ref().is_some_and(|held| held.lost.is_none());
    if watched.is_empty() || state.snapshot.demo || others {
        return None;
    }
    let since = fmt::hm(now_ms.div_euclid(1000), state.timezone());
    let running = watched
        .iter()
        .flat_map(|one| [one.discover.as_ref(), one.sync.as_ref()])
        .flatten()
        .filter(|job| screens::dashboard::update::is_active(job))
        .count();
    let accounts = if watched.len() == 1 { "account is" } else { "accounts are" };
    let mut text = format!("{} {accounts} no longer watched since {since}.", watched.len());
    if running > 0 {
        let jobs = if running == 1 { "job was" } else { "jobs were" };
        let _ = write!(text, " {running} {jobs} interrupted and can be taken up again.");
    }
    Some(text)
}
