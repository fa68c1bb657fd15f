//! `tillwatch demo`: the dashboard on a local Stripe inside this process, in a folder that goes with it.
//!
//! It must never touch the user's data folder, and never leave its own behind.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::dashboard;
use super::out::{DONE, FAILED, Fail, INTERRUPTED, Out, Outcome};
use crate::clock;
use crate::engine::api::Delivery;
use crate::engine::{self, Engine};
use crate::integration::connect::{Wish, save, try_key};
use crate::sandbox;
use crate::store::{OpenOptions, Store, folder};
use crate::stripe::{ApiKey, BaseUrl};
use crate::tui::terminal::signals::{Signal, Signals};
use crate::vault::Vault;

/// The account that can be connected, too.
const SECOND: &str = "Harbour Books";
/// Its profile.
const SECOND_PROFILE: &str = "harbour-books";

/// Look around on a local Stripe with live traffic.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The same seed gives the same account
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Invoices of the account's history
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    invoices: u64,
    /// Events that happen per second
    #[arg(long, default_value_t = 2.0)]
    events_per_second: f64,
    /// Events happen for so many seconds; until the end, if not given
    #[arg(long, value_name = "S", hide = true)]
    events_for: Option<u64>,
    /// Seconds between resets of the relay's socket
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    relay_reset: u64,
    /// Keep the demo's data in this new folder: `tillwatch --data-dir DIR events` reads it afterwards. `made.txt` in it
    /// has the ids of all events that happened
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// The ids of all events that happened, in a folder that is kept.
const MADE: &str = "made.txt";

/// A folder that is removed when the demo ends, however it ends (but for a kill); unless it is to be kept.
struct Throwaway(PathBuf, bool);

impl Drop for Throwaway {
    fn drop(&mut self) {
        if !self.1 {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// Runs it.
pub async fn run(out: Out, screen: crate::tui::Options, args: DemoArgs) -> Outcome {
    let rate = args.events_per_second;
    if !rate.is_finite() || !(0.0..=10_000.0).contains(&rate) {
        return Err(Fail::usage("--events-per-second takes a number from 0 to 10000"));
    }
    if !dashboard::is_terminal() {
        return Err(Fail::usage(
            "the demo needs a terminal to show itself on; `tillwatch sandbox` runs the local Stripe without one",
        ));
    }
    if let Some(keep) = args.keep.as_ref().filter(|keep| keep.exists()) {
        return Err(Fail::usage(format!("{} is there already: --keep takes a new folder", keep.display())));
    }
    // A signal before the screen is there must not leave the folder behind: what is made here goes with the
    // future that made it.
    let mut early =
        Signals::listen().map_err(|error| Fail::new(FAILED, format!("signals cannot be caught: {error}")))?;
    let (local, folder, engine) = tokio::select! {
        made = make(&args) => made?,
        () = async { while early.next().await != Signal::End {} } => return Ok(INTERRUPTED),
    };
    let quiet = async {
        if let (Some(seconds), Some(running)) = (args.events_for, local.first()) {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            running.quiet(true);
        }
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = dashboard::show(engine, out, screen) => outcome,
        () = quiet => Ok(DONE),
    };
    if let (true, Some(running)) = (folder.1, local.first()) {
        let path = folder.0.join(MADE);
        std::fs::write(&path, running.events_made().join("\n") + "\n")
            .map_err(|error| Fail::new(FAILED, format!("{} cannot be written: {error}", path.display())))?;
    }
    for running in local {
        running.stop().await;
    }
    drop(folder);
    outcome
}

/// A local Stripe with one account.
async fn local(options: sandbox::Options) -> Result<sandbox::Running, Fail> {
    sandbox::start(options)
        .await
        .map_err(|error| Fail::new(FAILED, format!("the local Stripe cannot start: {error}")))
}

/// A key as the Stripe CLI keeps its own, so that the wizard can take it from there.
fn profile(running: &sandbox::Running) -> String {
    format!(
        "[{SECOND_PROFILE}]\naccount_id = '{}'\ndisplay_name = '{SECOND}'\ntest_mode_api_key = '{}'\n",
        running.account, running.keys.restricted
    )
}

/// The local Stripes, the folder, and the engine on them: one account is connected, the other waits to be.
async fn make(args: &DemoArgs) -> Result<(Vec<sandbox::Running>, Throwaway, Engine), Fail> {
    let now = clock::system();
    let mut options = sandbox::Options::new(now());
    options.seed = args.seed;
    options.invoices = args.invoices;
    options.events_per_second = args.events_per_second;
    options.relay.reset = args.relay_reset;
    let second = local(sandbox::Options {
        seed: args.seed.wrapping_add(1),
        name: SECOND.to_owned(),
        invoices: args.invoices / 5,
        customers: 80,
        events_per_second: args.events_per_second / 4.0,
        ..options.clone()
    })
    .await?;
    let running = local(options).await?;
    let folder = match &args.keep {
        Some(keep) => Throwaway(keep.clone(), true),
        None => {
            Throwaway(std::env::temp_dir().join(format!("tillwatch-demo-{}", folder::random_id())), false)
        }
    };
    let store = Store::open(&folder.0, &OpenOptions::default())?;
    let vault = Vault::open(&folder.0, &folder.0)?;
    let stripe_cli = folder.0.join("stripe-cli.toml");
    std::fs::write(&stripe_cli, profile(&second))
        .map_err(|error| Fail::new(FAILED, format!("{} cannot be written: {error}", stripe_cli.display())))?;
    let second_key =
        ApiKey::parse(&second.keys.restricted).map_err(|error| Fail::new(FAILED, error.to_string()))?;
    let second_base = BaseUrl::parse(&second.base_url).map_err(|error| Fail::new(FAILED, error))?;
    let base = BaseUrl::parse(&running.base_url).map_err(|error| Fail::new(FAILED, error))?;
    let key =
        ApiKey::parse(&running.keys.restricted).map_err(|error| Fail::new(FAILED, error.to_string()))?;
    let (_, found) = try_key(&base, &key, true).await?;
    // Events show within a second: the local Stripe has no read allocation to mind.
    let wish = Wish {
        name: None,
        description: None,
        billing: true,
        poll_every_s: 1,
        delivery: Delivery::Relay,
        all_events: false,
        base: base.clone(),
        key,
        key_command: None,
        origin: None,
    };
    save(&store, &vault, wish, found, &now).await?;
    let engine = Engine::with_store(
        engine::Options {
            data_dir: folder.0.clone(),
            key_dir: folder.0.clone(),
            // A key that is pasted into the demo is tried here and never leaves the machine.
            api_base: Some(base),
            bases: vec![(second_key.fingerprint(), second_base)],
            demo: true,
            read_only: false,
            live: true,
            store: OpenOptions::default(),
            stripe_cli: vec![stripe_cli],
            declines: std::sync::Arc::new(crate::recovery::Declines::built_in()),
            // Nobody's pager rings for a demo.
            alerts: engine::alerts::Settings::default(),
            upkeep: crate::config::Upkeep::default(),
            now,
        },
        store,
    )
    .await?;
    Ok((vec![running, second], folder, engine))
}
