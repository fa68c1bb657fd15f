//! The real program on a pseudo-terminal: what a person sees, and how it leaves the terminal behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod accounts;
mod demo;
mod endpoint;
mod ends;
mod looks;
mod midway;
mod pty;
mod secrets;
mod sending;
mod soak;
mod walk;

use std::path::Path;

use tempfile::TempDir;

pub(crate) use pty::{Pty, Start, pasted};

pub(crate) const WIDE: (u16, u16) = (120, 36);
pub(crate) const SMALL: (u16, u16) = (80, 24);

/// Beginnings of event types: one of them is on the screen when events are.
const EVENTS: [&str; 6] =
    ["invoice.", "customer.", "charge.", "payment_intent.", "invoice_payment.", "price."];

/// The lines of the screen that show an event.
pub(crate) fn event_lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| EVENTS.iter().any(|start| line.contains(start))).map(str::to_owned).collect()
}

/// A demo in a temp folder of its own.
pub(crate) fn demo(size: (u16, u16), more: &[&str]) -> (Pty, TempDir) {
    let temp = tempfile::tempdir().unwrap();
    let words: Vec<&str> = ["demo"].into_iter().chain(more.iter().copied()).collect();
    (Start::new(temp.path(), &words).on(size), temp)
}

/// Nothing of the demo is left.
pub(crate) fn assert_gone(temp: &Path) {
    let left: Vec<_> =
        std::fs::read_dir(temp.join("tmp")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}
