//! A key that a command prints each time: `op read …`, `pass …`, `aws secretsmanager …`.
//!
//! Nothing of it is kept. The command gets no terminal input: it runs in a process group of its own, which is
//! ended as a whole when it takes too long. It must never put what the command printed into an error.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use zeroize::{Zeroize, Zeroizing};

use super::{Secret, VaultError};

/// More than this is no key.
const MOST_OUTPUT: u64 = 64 * 1024;

/// What a finished command left.
struct Output {
    success: bool,
    status: String,
    stdout: Zeroizing<Vec<u8>>,
    stderr: Vec<u8>,
}

/// Runs the command with the shell and gives what it printed, without blanks around it.
pub(super) fn run(command: &str, limit: Duration) -> Result<Secret, VaultError> {
    let failed = |message: String| VaultError::Command { message };
    let child = spawn(command).map_err(|error| failed(format!("it can't be started ({error})")))?;
    let pid = child.id();
    let (done, finished) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("key-command".to_owned())
        .spawn(move || {
            // Nobody may be waiting any more.
            let _ = done.send(finish(child));
        })
        .map_err(|error| failed(format!("it can't be waited for ({error})")))?;
    let Ok(output) = finished.recv_timeout(limit) else {
        end_group(pid);
        return Err(failed(format!("it did not end within {} s", limit.as_secs())));
    };
    let output = output.map_err(|error| failed(format!("it can't be read ({error})")))?;
    // First: closing the pipe on such a command makes it fail.
    if output.stdout.len() as u64 > MOST_OUTPUT {
        return Err(failed("it printed far more than a key".to_owned()));
    }
    if !output.success {
        let said = String::from_utf8_lossy(&output.stderr);
        // Cleaned, and anything like a key hidden: commands quote what they were given.
        let said = crate::stripe::scrub::scrub(&said);
        let said = said.trim_end_matches('.');
        let message = if said.is_empty() { output.status } else { format!("{said} ({})", output.status) };
        return Err(failed(message));
    }
    let text = std::str::from_utf8(&output.stdout)
        .map_err(|_| failed("it printed something other than text".to_owned()))?
        .trim();
    if text.is_empty() {
        return Err(failed("it printed nothing".to_owned()));
    }
    Ok(Secret::new(text))
}

fn spawn(command: &str) -> std::io::Result<Child> {
    let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(command);
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Its own group: a prompt of its own must not take the screen's input.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    shell.spawn()
}

fn finish(mut child: Child) -> std::io::Result<Output> {
    let errors = child.stderr.take().map(|pipe| {
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = pipe.take(MOST_OUTPUT).read_to_end(&mut said);
            said
        })
    });
    let mut stdout = Zeroizing::new(Vec::with_capacity(4096));
    if let Some(pipe) = child.stdout.take() {
        // Closes the pipe afterwards: a command that prints without end then ends.
        pipe.take(MOST_OUTPUT + 1).read_to_end(&mut stdout)?;
    }
    let status = child.wait()?;
    let mut stderr = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    if status.success() {
        stderr.zeroize();
    }
    Ok(Output { success: status.success(), status: status.to_string(), stdout, stderr })
}

#[cfg(unix)]
fn end_group(pid: u32) {
    if let Some(group) = rustix::process::Pid::from_raw(pid.cast_signed()) {
        // It may just have ended by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_pid: u32) {}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn error(command: &str) -> String {
        run(command, LONG).unwrap_err().to_string()
    }

    #[test]
    fn what_it_prints_is_the_key() {
        assert_eq!(run("printf '\\n  some-key \\n'", LONG).unwrap().expose(), "some-key");
        assert_eq!(run("echo noise >&2; echo key", LONG).unwrap().expose(), "key");
    }

    #[test]
    fn failures_say_why_and_hide_keys() {
        let said = error(
            "echo hidden-output; printf 'locked \\033[31mvault rk_live_51Habcdefghijklmnop' >&2; exit 3",
        );
        assert!(said.contains("locked vault rk_live_…mnop") && said.contains('3'), "{said}");
        assert!(!said.contains("hidden-output"));
        assert!(error("true").contains("printed nothing"));
        assert!(error("printf '\\377\\376'").contains("other than text"));
        assert!(error("head -c 200000 /dev/zero | tr '\\0' x").contains("far more"));
        assert!(error("exit 127").contains("127"));
    }

    #[test]
    fn one_that_hangs_is_ended() {
        let said = run("sleep 600 & cat /dev/zero >/dev/null; wait", Duration::from_millis(50)).unwrap_err();
        assert!(said.to_string().contains("did not end"));
    }
}
