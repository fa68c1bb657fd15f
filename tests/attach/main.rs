//! Two tillwatch on one data folder: the one that holds it carries out what is typed at the other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests may fail loudly; those of other suites are shared"
)]

#[path = "../cli/bench.rs"]
mod bench;
mod commands;
mod ends;
mod hello;
mod only_reading;
#[path = "../screen/pty.rs"]
mod pty;
mod screens;
#[path = "../serve/service.rs"]
mod service;
mod walk;

use bench::Bench;
use pty::{Pty, Start};

/// A dashboard on the bench's folder, with the account on it.
fn dashboard(bench: &Bench) -> Pty {
    let pty = attached(bench, &[]);
    pty.until_text("Sandbox Supplies");
    pty
}

/// A dashboard on the bench's folder, with flags.
fn attached(bench: &Bench, flags: &[&str]) -> Pty {
    let data = bench.data();
    let home = bench.home.path();
    Start::new(home, &[&["--data-dir", data.to_str().unwrap()], flags].concat())
        .env("XDG_CONFIG_HOME", home.join("config").to_str().unwrap())
        .env("XDG_RUNTIME_DIR", home.join("run").to_str().unwrap())
        .on((120, 36))
}
