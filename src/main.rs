//! The binary: parses the command line and runs it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tillwatch::cli::sandbox::{self, SandboxArgs};

#[derive(Parser)]
#[command(name = "tillwatch", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A local Stripe, in the foreground
    Sandbox(SandboxArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Sandbox(args) => sandbox::run(args).await,
    }
}
