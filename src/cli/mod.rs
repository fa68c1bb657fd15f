//! The command line: one file per command, human and `--json` output.
//!
//! It parses, asks, and prints; the work is the engine's. It must never take an API key from argv, and never
//! echo an argument that looks like one.

mod backup;
mod connect;
mod context;
mod dashboard;
mod deliveries;
mod demo;
mod disconnect;
mod discover;
mod doctor;
mod durations;
mod endpoint;
mod events;
mod filtering;
mod forward;
mod get;
mod integrations;
mod jobs;
mod key_source;
mod listen;
mod out;
mod records;
mod recovery;
mod replay;
pub mod sandbox;
mod serve;
mod status;
mod sync;
mod within;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use context::Context;
use out::{Fail, Out, Outcome, USAGE};

use crate::engine::Engine;
use crate::store::StoreError;

/// A folder that another process holds is waited for so long: a command that only reads is done by then.
const HELD: Duration = Duration::from_millis(2500);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Folder that holds everything tillwatch keeps
    #[arg(long, global = true, help_heading = "Everywhere", env = "TILLWATCH_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// File that says how the screen looks and what alerts do; keymap.toml, declines.toml and themes/ stand beside it
    #[arg(long, global = true, help_heading = "Everywhere", env = "TILLWATCH_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the API, for a sandbox or a proxy
    #[arg(long, global = true, help_heading = "Everywhere", env = "TILLWATCH_API_BASE", value_name = "URL")]
    api_base: Option<String>,
    /// Results as JSON, one object a line
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,
    /// Colour: auto, always, never
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    color: ColorWhen,
    /// Nothing but ASCII on the screen
    #[arg(long, global = true, help_heading = "Everywhere")]
    ascii: bool,
    /// Never write anything at Stripe
    #[arg(long, global = true, help_heading = "Everywhere")]
    read_only: bool,
    /// No talk on stderr
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    quiet: bool,
}

/// A terminal dashboard for Stripe accounts. Not affiliated with Stripe, Inc.
#[derive(Debug, Parser)]
#[command(
    name = "tillwatch",
    version,
    long_version = concat!(env!("CARGO_PKG_VERSION"), "\nNot affiliated with Stripe, Inc."),
    after_help = "Without a command: the dashboard.",
    max_term_width = 110
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look around on a local Stripe with live traffic; no account needed, nothing kept
    Demo(demo::DemoArgs),
    /// Run the local Stripe alone
    Sandbox(sandbox::SandboxArgs),
    /// Connect an account with an API key
    Connect(connect::ConnectArgs),
    /// List connected accounts; show, edit or check one
    Integrations(integrations::IntegrationsArgs),
    /// Disconnect an account: the key is wiped, records stay
    Disconnect(disconnect::DisconnectArgs),
    /// List Stripe's invoices into the catalog
    Discover(discover::DiscoverArgs),
    /// Turn what is pending in the catalog into records
    Sync(sync::SyncArgs),
    /// What is here, what runs, what is missing
    Status(status::StatusArgs),
    /// List stored records of a kind
    Records(records::RecordsArgs),
    /// List stored events, newest first
    Events(events::EventsArgs),
    /// Watch without a screen: print events as they come
    Listen(listen::ListenArgs),
    /// Failed payments: what is open, what came back
    Recovery(recovery::RecoveryArgs),
    /// Send events on to local services; list, add and remove targets
    Forward(forward::ForwardArgs),
    /// Send stored events again, to a target or any URL
    Replay(replay::ReplayArgs),
    /// Run without a screen and answer over HTTP
    Serve(serve::ServeArgs),
    /// Print stored objects by id, as Stripe sent them
    Get(get::GetArgs),
    /// Write everything stored into one checked file
    Backup(backup::BackupArgs),
    /// Make a new data folder from a backup
    Restore(backup::RestoreArgs),
    /// Tell where things are and what tillwatch may do
    Doctor,
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    if let Some(refusal) = key_in_arguments() {
        return end(&Out { json: false, quiet: false, ascii: false, color: false, far: None }, Err(refusal));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let out = Out {
        json: cli.global.json,
        quiet: cli.global.quiet,
        ascii: cli.global.ascii,
        color: wants_color(cli.global.color),
        far: None,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return end(&out, Err(Fail::new(out::FAILED, format!("the program cannot start: {error}"))));
        }
    };
    if let Some(Command::Sandbox(args)) = cli.command {
        return runtime.block_on(sandbox::run(args));
    }
    let outcome = runtime.block_on(run(cli, out.clone()));
    // A command that is done does not wait for a thread that still reads a hidden prompt or a file.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    end(&out, outcome)
}

async fn run(cli: Cli, out: Out) -> Outcome {
    let Some(command) = cli.command else {
        if dashboard::is_terminal() {
            let screen = dashboard::screen(&cli.global, &out);
            return dashboard::run(Context::new(&cli.global, out)?, screen).await;
        }
        let context = Context::new(&cli.global, out)?;
        return attached_or_here(&context, &cli.global, async || status::lines(&context).await).await;
    };
    match command {
        // These need no data folder of the user's.
        Command::Demo(args) => {
            return demo::run(out.clone(), dashboard::screen(&cli.global, &out), args).await;
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tillwatch", &mut text);
            out.line(String::from_utf8_lossy(&text).trim_end());
            return Ok(out::DONE);
        }
        _ => {}
    }
    let context = Context::new(&cli.global, out)?;
    // A restore goes into a folder that nobody holds.
    if matches!(command, Command::Restore(_)) {
        return carry_out(&context, command).await;
    }
    // What holds the folder itself is not carried out by another holder.
    let command = match command {
        Command::Serve(args) => return serve::run(&context, &cli.global, args).await,
        other => other,
    };
    let mut command = Some(command);
    attached_or_here(&context, &cli.global, async || {
        let next = match command.take() {
            Some(command) => command,
            None => Cli::try_parse().ok().and_then(|cli| cli.command).unwrap_or(Command::Doctor),
        };
        carry_out(&context, next).await
    })
    .await
}

/// Has the command of this process carried out by whoever holds the folder, else here.
async fn attached_or_here(
    context: &Context,
    global: &Global,
    mut here: impl AsyncFnMut() -> Outcome,
) -> Outcome {
    let begun = std::time::Instant::now();
    loop {
        if context.data_dir.exists()
            && let Some(holder) = within::holder(&context.data_dir).await?
        {
            let told = within::command(global.api_base.clone(), context.out.color)?;
            return within::call(&context.out, holder, told).await;
        }
        match here().await {
            // Another command has it for a moment, or does not listen yet.
            Err(fail) if fail.code == out::OWNED && begun.elapsed() < HELD => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            outcome => return outcome,
        }
    }
}

/// An engine on the folder, unless it cannot be used: that is told before a screen is taken or an address listened at. A
/// large store goes on opening. None: another command has the folder, for a moment since `begun`, or does not listen yet.
async fn begin(context: &Context, begun: std::time::Instant) -> Result<Option<Engine>, Fail> {
    let engine = Engine::start(context.engine_options(true));
    match engine.failed_early().await {
        Some(Err(StoreError::Owned { .. })) if begun.elapsed() < HELD => {
            engine.shutdown().await;
            tokio::time::sleep(LOOK_AGAIN).await;
            Ok(None)
        }
        Some(Err(error)) => {
            engine.shutdown().await;
            Err(error.into())
        }
        _ => Ok(Some(engine)),
    }
}

/// Carries a command out in this process.
async fn carry_out(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Connect(args) => connect::run(context, args).await,
        Command::Integrations(args) => integrations::run(context, args).await,
        Command::Disconnect(args) => disconnect::run(context, args).await,
        Command::Discover(args) => discover::run(context, args).await,
        Command::Sync(args) => sync::run(context, args).await,
        Command::Status(args) => status::run(context, &args).await,
        Command::Records(args) => records::run(context, &args),
        Command::Events(args) => events::run(context, &args).await,
        Command::Listen(args) => listen::run(context, &args).await,
        Command::Recovery(args) => recovery::run(context, &args).await,
        Command::Forward(args) => forward::run(context, args).await,
        Command::Replay(args) => replay::run(context, &args).await,
        Command::Get(args) => get::run(context, &args),
        Command::Backup(args) => backup::backup(context, &args),
        Command::Restore(args) => backup::restore(context, &args).await,
        Command::Doctor => doctor::run(context),
        Command::Serve(_) => {
            Err(Fail::new(out::OWNED, "this data folder is held by a running tillwatch already"))
        }
        Command::Sandbox(_) | Command::Demo(_) | Command::Completions { .. } => Ok(out::DONE),
    }
}

fn end(out: &Out, outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(fail) => {
            use std::io::Write;
            let text = crate::stripe::scrub::scrub(&fail.text);
            // What stands in front keeps the carets below what they mean.
            let shown = |line: &str| {
                let front = line.len() - line.trim_start_matches(' ').len();
                format!("{}{}", " ".repeat(front), crate::stripe::scrub::scrub(line))
            };
            let below: Vec<String> = fail.below.lines().map(shown).collect();
            let line = if out.json {
                serde_json::json!({ "error": { "message": text, "exit_code": fail.code } }).to_string()
            } else {
                std::iter::once(format!("tillwatch: {text}")).chain(below).collect::<Vec<_>>().join("\n")
            };
            let _ = writeln!(std::io::stderr().lock(), "{line}");
            ExitCode::from(fail.code)
        }
    }
}

fn wants_color(when: ColorWhen) -> bool {
    use std::io::IsTerminal;
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => {
            let off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            !off && std::io::stderr().is_terminal()
        }
    }
}

/// A key on the command line is in the shell's history and in every process list. It is refused before
/// anything can print it.
fn key_in_arguments() -> Option<Fail> {
    // Publishable keys are no secret, but who types one means to give a key.
    const STARTS: [&str; 11] = [
        "sk_test_",
        "sk_live_",
        "sk_org_",
        "rk_test_",
        "rk_live_",
        "rkcs_test_",
        "pk_test_",
        "pk_live_",
        "ek_test_",
        "ek_live_",
        "whsec_",
    ];
    let looks_like_key = |argument: &str| {
        let word = argument.rsplit('=').next().unwrap_or(argument).trim();
        STARTS.iter().any(|start| word.starts_with(start) && word.len() > start.len())
    };
    std::env::args_os().skip(1).any(|argument| looks_like_key(&argument.to_string_lossy())).then(|| {
        Fail::usage(
            "an API key is never taken from the command line, where other programs and the shell's history can see it: use --api-key-file FILE (or - for stdin), --key-command, STRIPE_API_KEY, or the prompt; and roll the key that you just typed",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
