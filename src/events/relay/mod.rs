//! The relay socket: what `stripe listen` speaks, as a client that loses nothing.
//!
//! `machine.rs` decides (pure), `driver.rs` carries out, `session.rs` asks for sessions, `dial.rs` opens sockets,
//! `socket.rs` reads and writes one, `acks.rs` is the way of
//! acknowledgements, `frame.rs` reads what came on it. The protocol is private to Stripe and not
//! documented; what is known of it comes from the Stripe CLI's public source and its binaries.
//!
//! It must never acknowledge an event before it is stored, send the name of this machine, or send the API key
//! anywhere but to Stripe's API.

pub mod acks;
pub mod dial;
pub mod driver;
pub mod frame;
pub mod machine;
pub mod session;
pub mod socket;

use std::time::Duration;

/// A socket without any sign of life for so long is dead (as the Stripe CLI has it).
pub const SILENCE: Duration = Duration::from_secs(10);
/// Between two pings of ours (as the Stripe CLI has it).
pub const PING: Duration = Duration::from_secs(2);
/// Between planned resets, where the session does not say.
pub const RESET: Duration = Duration::from_secs(60);
