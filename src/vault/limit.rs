//! Calls that may hang, with a limit.
//!
//! A call that does not come back keeps its thread until the process ends; there is no safe way to stop it.

use std::sync::mpsc;
use std::time::Duration;

/// Runs `call` on a thread of its own. None when it has not come back within `limit`, or has panicked.
// Without a keyring only tests use it: the code stays compiled and checked everywhere.
#[cfg_attr(
    not(any(target_os = "macos", target_os = "windows", feature = "system-keyring", test)),
    allow(dead_code)
)]
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name("keyring".to_owned()).spawn(move || {
        // Nobody may be waiting any more.
        let _ = done.send(call());
    });
    thread.ok()?;
    result.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_hangs_is_given_up() {
        assert_eq!(within(Duration::from_secs(10), || 7), Some(7));
        let (release, hang) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(5), move || hang.recv().is_ok()), None);
        drop(release);
    }
}
