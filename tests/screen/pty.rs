//! A program on a pseudo-terminal: keys in, a screen out, and every byte that was written.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

/// What to start.
pub(crate) struct Start(CommandBuilder);

impl Start {
    /// The program with its home and temp folders under `home`.
    pub(crate) fn new(home: &Path, words: &[&str]) -> Start {
        Start::other(home, env!("CARGO_BIN_EXE_tillwatch"), words)
    }

    /// A shell with job control, which a program can be suspended to. It prints `% ` when it waits.
    pub(crate) fn shell(home: &Path) -> Start {
        // Without its line editor, which switches bracketed paste on and off by itself.
        Start::other(home, "bash", &["--norc", "--noprofile", "--noediting", "-i"]).env("PS1", "% ")
    }

    /// The program below a shell that leads the session and keeps a hang-up to itself, as `sudo` does: nobody tells the
    /// program. How it ended is in the file `ended` then.
    pub(crate) fn untold(home: &Path, words: &[&str]) -> Start {
        let script = r#"trap "" HUP; "$@"; echo $? > ended"#;
        let before = ["-c", script, "bash", env!("CARGO_BIN_EXE_tillwatch")];
        Start::other(home, "bash", &[&before, words].concat())
    }

    fn other(home: &Path, program: &str, words: &[&str]) -> Start {
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        let tmp = home.join("tmp");
        std::fs::create_dir_all(&tmp).unwrap();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home);
        command.env("XDG_CONFIG_HOME", home);
        command.env("TMPDIR", tmp);
        command.env("TERM", "xterm-256color");
        command.args(words);
        command.cwd(home);
        Start(command)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Start {
        self.0.env(name, value);
        self
    }

    /// Starts it on a terminal of so many columns and rows.
    pub(crate) fn on(self, (cols, rows): (u16, u16)) -> Pty {
        let pair = native_pty_system().openpty(size(cols, rows)).unwrap();
        let begun = Instant::now();
        let child = pair.slave.spawn_command(self.0).unwrap();
        drop(pair.slave);
        let seen = Seen { parser: vt100::Parser::new(rows, cols, 0), raw: Vec::new(), ended: false };
        let shared = Arc::new((Mutex::new(seen), Condvar::new()));
        let deaf = Arc::new(AtomicBool::new(false));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (theirs, closing) = (Arc::clone(&shared), Arc::clone(&deaf));
        let listening = std::thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            while !closing.load(Ordering::SeqCst) {
                let count = reader.read(&mut bytes).unwrap_or(0);
                let mut seen = theirs.0.lock().unwrap();
                seen.parser.process(&bytes[..count]);
                seen.raw.extend_from_slice(&bytes[..count]);
                seen.ended = count == 0;
                theirs.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        let listening = Some(listening);
        Pty { begun, child, master: Some(pair.master), writer: Some(writer), shared, deaf, listening }
    }
}

/// What a terminal sends when text is pasted.
pub(crate) fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

impl Pty {
    /// Gives a key to the wizard that is open, goes through its check and over what to keep, to its last step.
    pub(crate) fn key_to_last_step(&mut self, key: &str) {
        self.keys(&pasted(key));
        self.until_text("rk_test_•");
        self.keys("\r");
        self.go_on_to_last_step();
    }

    /// From the check of a key to the wizard's last step.
    pub(crate) fn go_on_to_last_step(&mut self) {
        self.until_text("12 of 12");
        self.keys("\r");
        self.until_text("What to keep of this account");
        self.keys("\r");
        self.until_text("How this account stays current");
    }
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// The program while it runs.
pub(crate) struct Pty {
    pub(crate) begun: Instant,
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    shared: Arc<(Mutex<Seen>, Condvar)>,
    deaf: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Pty {
    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).unwrap();
    }

    /// Waits until the screen is as wanted, and gives its text.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.0.lock().unwrap();
        loop {
            let text = seen.parser.screen().contents();
            if wanted(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!seen.ended, "it ended before {what}: {}", String::from_utf8_lossy(&seen.raw));
            assert!(!left.is_zero(), "never seen: {what}; the screen is\n{text}");
            seen = self.shared.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    pub(crate) fn until_text(&self, wanted: &str) -> String {
        self.until(wanted, |text| text.contains(wanted))
    }

    /// Every byte so far.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.shared.0.lock().unwrap().raw.clone()
    }

    /// Looks at the terminal's state.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.shared.0.lock().unwrap().parser.screen())
    }

    /// Gives the terminal another size. The picture kept here stays as large as it was.
    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        self.master.as_ref().unwrap().resize(size(cols, rows)).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap() as i32).unwrap()
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Closes the terminal under the program.
    pub(crate) fn hang_up(&mut self) {
        self.deaf.store(true, Ordering::SeqCst);
        self.writer = None;
        // The reading thread gives its end up at the next byte, and none need come from the program: one is written
        // here in its place.
        let name = self.master.as_ref().unwrap().tty_name().unwrap();
        let other_end = rustix::fs::open(name, OFlags::WRONLY | OFlags::NOCTTY, Mode::empty()).unwrap();
        std::fs::File::from(other_end).write_all(b" ").unwrap();
        self.listening.take().unwrap().join().unwrap();
        self.master = None;
    }

    /// Waits for the end; how it ended and how long that took.
    pub(crate) fn end(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "it does not end; the screen is\n{}",
                self.look(vt100::Screen::contents)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The end, with all that was written, which must have left the terminal as it was.
    pub(crate) fn end_cleanly(&mut self) -> (ExitStatus, Duration) {
        let end = self.end();
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.0.lock().unwrap();
        while !seen.ended && Instant::now() < deadline {
            seen = self.shared.1.wait_timeout(seen, Duration::from_secs(1)).unwrap().0;
        }
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was not left");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is on");
        let raw = String::from_utf8_lossy(&seen.raw);
        assert!(raw.contains("\x1b[?1049h") && raw.contains("\x1b[?1049l"));
        let last = |what: &str| raw.rfind(what);
        assert!(last("\x1b[?2026l") > last("\x1b[?2026h"), "a frame was left open");
        end
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
