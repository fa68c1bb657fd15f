//! Stopping for a while, as ctrl-z does elsewhere.
//!
//! The whole group is stopped, as the terminal would have done it. Never when no shell could continue us.

use std::io;

/// Whether somebody is there to continue us; else why not.
#[cfg(unix)]
pub fn possible() -> Result<(), String> {
    use rustix::process::{getpgid, getpgrp, getppid, getsid};
    let parent = getppid();
    // A shell with job control is in our session and in another group; nobody else continues what was stopped.
    let same_session = matches!((getsid(parent), getsid(None)), (Ok(a), Ok(b)) if parent.is_some() && a == b);
    let other_group = getpgid(parent).is_ok_and(|group| group != getpgrp());
    if same_session && other_group {
        Ok(())
    } else {
        Err("can't suspend: no shell here to come back from".to_owned())
    }
}

/// Stops until continued.
#[cfg(unix)]
pub fn stop() -> io::Result<()> {
    Ok(rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?)
}

/// Whether somebody is there to continue us; else why not.
#[cfg(not(unix))]
pub fn possible() -> Result<(), String> {
    Err("can't suspend on this system".to_owned())
}

/// Stops until continued.
#[cfg(not(unix))]
pub fn stop() -> io::Result<()> {
    Ok(())
}
