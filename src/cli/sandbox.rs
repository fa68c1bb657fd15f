//! `tillwatch sandbox`: the local Stripe alone, in the foreground, until it is told to stop.
//!
//! Prints one JSON line with address and keys, flushed, and nothing else on stdout: scripts wait for it.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::json;

use crate::sandbox::{self, API_VERSION, Fault, HookOptions, Limits, Options, RelayOptions, SecondSocket};

/// A local Stripe for tests, demos and other people's clients. Everything in it is made up.
#[derive(Debug, Args)]
#[command(after_help = sandbox::faults_help())]
pub struct SandboxArgs {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The same seed gives the same account
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Invoices of the account's history
    #[arg(long, default_value_t = 2000)]
    invoices: u64,
    /// Customers; a quarter of the invoices, at least 50, if not given
    #[arg(long)]
    customers: Option<u64>,
    /// Milliseconds added to each answer
    #[arg(long, default_value_t = 0, value_name = "MS")]
    latency: u64,
    /// Request limits: live (25/s an endpoint, 100/s overall), test (25/s), none
    #[arg(long, default_value = "live", value_name = "live|test|none")]
    limits: String,
    /// Events that the account's life writes per second
    #[arg(long, default_value_t = 0.0, value_name = "R")]
    events_per_second: f64,
    /// The account's default version, in which events are listed and pushed; those before 2025-03-31 have the
    /// shapes of their time
    #[arg(long, default_value = API_VERSION, value_name = "VERSION")]
    default_version: String,
    /// Seconds between resets of a relay socket, as its session tells the client; the server closes one that
    /// is half as old again
    #[arg(long, default_value_t = 60, value_name = "S")]
    relay_reset: u64,
    /// What becomes of a relay session's socket when a second one opens: both are served, the older one is
    /// closed, or the newer one is refused
    #[arg(long, default_value = "overlap", value_name = "overlap|replace|refuse")]
    relay_second: String,
    /// Milliseconds before a webhook delivery is tried again; each next wait is twice as long
    #[arg(long, default_value_t = 1_200_000, value_name = "MS")]
    webhook_retry: u64,
    /// Events in a row that cannot be delivered until a webhook endpoint is disabled
    #[arg(long, default_value_t = 20, value_name = "N")]
    webhook_disable_after: u32,
    /// What goes wrong, from the list below; `=P` for how often (0.02). May be given several times
    #[arg(long = "fault", value_name = "KIND[=P]")]
    faults: Vec<String>,
    /// A permission that the restricted key lacks, such as rak_customer_read
    #[arg(long, value_name = "PERMISSION")]
    deny: Vec<String>,
    /// The moment at which history ends, in seconds since 1970 (now)
    #[arg(long, value_name = "SECONDS", hide = true)]
    start: Option<i64>,
    /// Print what was asked for, as JSON on stderr, at the end
    #[arg(long)]
    report: bool,
}

/// Wrong usage.
const USAGE: u8 = 2;

/// Runs the sandbox until SIGINT or SIGTERM.
pub async fn run(args: SandboxArgs) -> ExitCode {
    let report = args.report;
    let options = match options(args) {
        Ok(options) => options,
        Err(sentence) => return complain(&sentence, USAGE),
    };
    // Before the address is told: whoever reads it may stop us at once.
    let stopped = match stop_signal() {
        Ok(stopped) => stopped,
        Err(error) => return complain(&format!("Signals cannot be caught: {error}."), 1),
    };
    let running = match sandbox::start(options).await {
        Ok(running) => running,
        Err(error) => return complain(&format!("The sandbox cannot listen: {error}."), 1),
    };
    let line = json!({
        "base_url": running.base_url,
        "account": running.account,
        "secret_key": running.keys.secret,
        "restricted_key": running.keys.restricted,
        "publishable_key": running.keys.publishable,
        "expired_key": running.keys.expired,
        "live_restricted_key": running.keys.live_restricted,
    });
    if say(&mut std::io::stdout().lock(), &line.to_string()).is_err() {
        // Whoever started us does not want to know the address: nobody can use it.
        return ExitCode::FAILURE;
    }
    stopped.await;
    if report {
        let text = serde_json::to_string(&running.report()).unwrap_or_default();
        // Nobody reads it: nothing to be done.
        let _ = say(&mut std::io::stderr().lock(), &text);
    }
    running.stop().await;
    ExitCode::SUCCESS
}

fn options(args: SandboxArgs) -> Result<Options, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let limits = Limits::parse(&args.limits)
        .ok_or_else(|| format!("There are no limits called `{}`: say live, test or none.", args.limits))?;
    let rate = args.events_per_second;
    if !rate.is_finite() || !(0.0..=100_000.0).contains(&rate) {
        return Err("`--events-per-second` takes a number from 0 to 100000.".to_owned());
    }
    if args.invoices > 100_000_000 {
        return Err("`--invoices` takes at most 100000000.".to_owned());
    }
    let customers = args.customers.unwrap_or((args.invoices / 4).max(50));
    if !(1..=100_000_000).contains(&customers) {
        return Err("`--customers` takes a number from 1 to 100000000.".to_owned());
    }
    if let Some(wrong) = args.deny.iter().find(|p| !p.starts_with("rak_")) {
        return Err(format!("`{wrong}` is no permission: they begin with rak_."));
    }
    if !sandbox::is_version(&args.default_version) {
        return Err(format!(
            "`--default-version {}` is none: they look like {API_VERSION}.",
            args.default_version
        ));
    }
    let second = SecondSocket::parse(&args.relay_second).ok_or_else(|| {
        format!("There is no `--relay-second {}`: say overlap, replace or refuse.", args.relay_second)
    })?;
    if !(1..=86_400).contains(&args.relay_reset) {
        return Err("`--relay-reset` takes a number of seconds from 1 to 86400.".to_owned());
    }
    let faults = args.faults.iter().map(|text| Fault::parse(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Options {
        port: args.port,
        seed: args.seed,
        start: args.start.unwrap_or(now),
        invoices: args.invoices,
        customers,
        latency_ms: args.latency,
        limits,
        events_per_second: rate,
        faults,
        deny: args.deny,
        default_version: args.default_version,
        hooks: HookOptions {
            retry_ms: args.webhook_retry,
            disable_after: args.webhook_disable_after.max(1),
            ..HookOptions::default()
        },
        relay: RelayOptions { reset: args.relay_reset, second, ..RelayOptions::default() },
        ..Options::new(now)
    })
}

/// What waits for SIGINT or SIGTERM. The signals are caught from this call on, not only once it is awaited.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// What waits for Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a console there is nobody to press it: stop.
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn complain(sentence: &str, code: u8) -> ExitCode {
    // If stderr is closed, the exit code says it alone.
    let _ = say(&mut std::io::stderr().lock(), sentence);
    ExitCode::from(code)
}

fn say(out: &mut impl std::io::Write, line: &str) -> std::io::Result<()> {
    writeln!(out, "{line}")?;
    out.flush()
}
