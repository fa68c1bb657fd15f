//! The terminal itself: taken over, and given back whatever happens.
//!
//! Raw mode, alternate screen, bracketed paste and the hidden cursor are undone on drop, on error, on panic and on
//! signals. The mouse is never captured: selecting text belongs to the terminal.

pub mod browser;
pub mod clipboard;
pub mod keys;
pub mod panics;
pub mod signals;
pub mod suspend;

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{execute, terminal as raw};
use ratatui::backend::CrosstermBackend;

/// What the loop needs of a terminal besides drawing; a test has its own.
pub trait Tty {
    /// A frame begins: show nothing of it yet.
    fn begin(&mut self) -> io::Result<()>;
    /// The frame is whole.
    fn end(&mut self) -> io::Result<()>;
    /// Puts text on the terminal's clipboard.
    fn copy(&mut self, text: &str) -> io::Result<()>;
    /// Rings the bell.
    fn ring(&mut self) -> io::Result<()>;
    /// Shows a notification, where the terminal knows how (OSC 9).
    fn notify(&mut self, text: &str) -> io::Result<()>;
    /// Opens a page in a browser of this machine; false when there is none to be seen from here.
    fn open_page(&mut self, url: &str) -> bool;
    /// Gives the terminal back, stops, and takes it again when continued; why not, when there is no shell.
    fn suspend(&mut self) -> io::Result<Result<(), String>>;
    /// Takes the terminal again after somebody else has stopped us.
    fn take_again(&mut self) -> io::Result<()>;
}

/// The terminal, taken over for as long as this lives.
#[derive(Debug)]
pub struct Guard {
    taken: Arc<AtomicBool>,
}

impl Guard {
    /// Takes the terminal over.
    pub fn take() -> io::Result<Guard> {
        let guard = Guard { taken: Arc::new(AtomicBool::new(false)) };
        guard.enter()?;
        Ok(guard)
    }

    /// Whether it is taken just now; shared with the panic hook.
    pub fn taken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.taken)
    }

    fn enter(&self) -> io::Result<()> {
        // First the mark, so that half a takeover is undone as well.
        self.taken.store(true, Ordering::SeqCst);
        raw::enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back(&self.taken);
    }
}

/// Undoes everything, once. Errors are of no use here: there may be no terminal any more.
pub fn give_back(taken: &AtomicBool) {
    if taken.swap(false, Ordering::SeqCst) {
        let _ =
            execute!(io::stdout(), EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = raw::disable_raw_mode();
    }
}

/// A backend that writes a frame in one piece.
pub fn backend() -> CrosstermBackend<BufWriter<Stdout>> {
    CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()))
}

impl Tty for Guard {
    fn begin(&mut self) -> io::Result<()> {
        execute!(io::stdout(), BeginSynchronizedUpdate)
    }

    fn end(&mut self) -> io::Result<()> {
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(clipboard::osc52(text).as_bytes())?;
        out.flush()
    }

    fn ring(&mut self) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(b"\x07")?;
        out.flush()
    }

    fn notify(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(notification(text).as_bytes())?;
        out.flush()
    }

    fn open_page(&mut self, url: &str) -> bool {
        browser::open(url)
    }

    fn suspend(&mut self) -> io::Result<Result<(), String>> {
        if let Err(reason) = suspend::possible() {
            return Ok(Err(reason));
        }
        give_back(&self.taken);
        let stopped = suspend::stop();
        self.enter()?;
        Ok(stopped.map_err(|error| format!("not suspended: {error}")))
    }

    fn take_again(&mut self) -> io::Result<()> {
        self.enter()
    }
}

/// The sequence that shows a notification. With our name before it, since terminals read `9;4;` as a progress bar.
fn notification(text: &str) -> String {
    format!("\u{1b}]9;tillwatch: {}\u{7}", crate::text::clean_max(text, 200))
}

#[cfg(test)]
mod tests {
    use super::notification;

    #[test]
    fn a_notification_ends_where_it_should_whatever_its_text() {
        assert_eq!(notification("4;1;50\u{7}\u{1b}[2J\n"), "\u{1b}]9;tillwatch: 4;1;50 \u{7}");
        assert!(notification(&"x".repeat(10_000)).len() < 260);
    }
}
