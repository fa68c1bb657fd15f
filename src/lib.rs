//! tillwatch: a terminal dashboard over one or more Stripe accounts. Not affiliated with Stripe, Inc.
//!
//! The map of the code. Data moves one way: source → verify → store (one batch) → acknowledge →
//! "changed" hint → window read → screen. ARCHITECTURE.md tells the why of each border.
//!
//! - [`cli`]: the command line, a front-end: one file per command, human and `--json` output.
//! - [`tui`]: the screen, a front-end: pure `update`, views that only draw, effects as data.
//! - [`engine`]: the running system: requests in, snapshots out; knows no front-end.
//! - [`integration`]: connect, key check and permissions, edit, disconnect.
//! - [`stripe`]: the API: client, paging, limits, retries, errors, typed views over raw JSON, money.
//! - [`sync`]: discover, sync, plan, progress.
//! - [`events`]: polling, the event log, applying events to records.
//! - [`forward`]: targets, the sender, attempts, replay.
//! - [`store`]: sled: keys, codec, writer, rows, windows, backup, format versions.
//! - [`vault`]: keys and secrets at rest.
//! - [`recovery`]: failed payments as cases: declines, the fold of events into cases; pure.
//! - [`sandbox`]: a local Stripe, over real HTTP.
//! - [`server`]: front-ends for other processes: the attach socket, the HTTP API.
//! - [`log`]: the log of a process without a screen.
//! - [`filter`]: the filter language, one grammar for feed, records and command line; pure.
//! - [`config`]: the files a person may keep: theme, keys.
//! - [`text`] and [`clock`]: outside text made safe for a terminal; dates in an account's time zone.

pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod events;
pub mod filter;
pub mod forward;
pub mod integration;
pub mod log;
pub mod recovery;
pub mod sandbox;
pub mod server;
pub mod store;
pub mod stripe;
pub mod sync;
pub mod text;
pub mod tui;
pub mod vault;
