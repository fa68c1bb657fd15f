//! What the command line says: results on stdout, talk on stderr, failures as one sentence with an exit code.
//!
//! It must never panic on a closed pipe, and never print text from outside that has not been cleaned.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::server::attach::run::Far;
use crate::server::attach::wire::Question;

/// Done.
pub const DONE: u8 = 0;
/// Failed.
pub const FAILED: u8 = 1;
/// Wrong usage.
pub const USAGE: u8 = 2;
/// Not connected, or the key was refused.
pub const NOT_CONNECTED: u8 = 3;
/// Partly done.
pub const PARTLY: u8 = 4;
/// The data folder is owned by a process that cannot be attached to.
pub const OWNED: u8 = 75;
/// Interrupted.
pub const INTERRUPTED: u8 = 130;

/// A command that ends badly: one sentence and an exit code.
#[derive(Debug)]
pub struct Fail {
    /// Exit code.
    pub code: u8,
    /// What is wrong and what to do.
    pub text: String,
    /// Lines to show below it: what a person wrote, with the place marked.
    pub below: String,
}

impl Fail {
    /// With a code.
    pub fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), below: String::new() }
    }

    /// Wrong usage.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(USAGE, text)
    }
}

impl From<crate::store::StoreError> for Fail {
    fn from(error: crate::store::StoreError) -> Self {
        use crate::store::StoreError;
        let code = match error {
            StoreError::Owned { .. } => OWNED,
            StoreError::NotOurs { .. } | StoreError::NotEmpty { .. } | StoreError::Newer { .. } => USAGE,
            _ => FAILED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<crate::vault::VaultError> for Fail {
    fn from(error: crate::vault::VaultError) -> Self {
        Self::new(FAILED, error.to_string())
    }
}

impl From<crate::stripe::Error> for Fail {
    fn from(error: crate::stripe::Error) -> Self {
        let code = if error.is_key_refused() { NOT_CONNECTED } else { FAILED };
        Self::new(code, error.to_string())
    }
}

impl From<crate::integration::config::PickError> for Fail {
    fn from(error: crate::integration::config::PickError) -> Self {
        use crate::integration::config::PickError;
        let code = if matches!(error, PickError::None) { NOT_CONNECTED } else { USAGE };
        Self::new(code, error.to_string())
    }
}

impl From<crate::integration::connect::ConnectError> for Fail {
    fn from(error: crate::integration::connect::ConnectError) -> Self {
        use crate::integration::connect::ConnectError;
        match error {
            ConnectError::Stripe(error) => error.into(),
            ConnectError::Store(error) => error.into(),
            ConnectError::Vault(error) => error.into(),
            ConnectError::Key(text) => Self::new(FAILED, text),
            ConnectError::Refused(text) => Self::usage(text),
        }
    }
}

/// How a command ends: an exit code, or a failure to be told.
pub type Outcome = Result<u8, Fail>;

/// Where a command speaks, and whom it asks: this terminal, or that of a caller for whom it is carried out.
#[derive(Debug, Clone)]
pub struct Out {
    /// Results as JSON.
    pub json: bool,
    /// No talk.
    pub quiet: bool,
    /// No glyphs beyond ASCII.
    pub ascii: bool,
    /// Colour on stderr.
    pub color: bool,
    /// The caller; none: this process's own terminal.
    pub far: Option<Far>,
}

impl Out {
    /// A result, one line. A closed pipe ends the program quietly, as other tools do.
    pub fn line(&self, text: impl AsRef<str>) {
        if let Some(far) = &self.far {
            far.line(text.as_ref());
            return;
        }
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush()).is_err() {
            std::process::exit(i32::from(DONE));
        }
    }

    /// A result as one JSON object on one line.
    pub fn json(&self, value: &impl Serialize) {
        // Our own types: writing them as JSON can't fail.
        self.line(serde_json::to_string(value).unwrap_or_default());
    }

    /// Talk.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.talk(text.as_ref());
        }
    }

    /// Said even when quiet: it changes what the result means.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.talk(&format!("{} {}", self.mark('!'), text.as_ref()));
    }

    fn talk(&self, text: &str) {
        match &self.far {
            Some(far) => far.say(text),
            None => {
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }
        }
    }

    /// A line that is drawn over and over; empty: it goes.
    pub fn progress(&self, text: &str) {
        if let Some(far) = &self.far {
            far.progress(text);
        } else {
            draw_over(text);
        }
    }

    /// A mark for `✓`, `✗`, `–`, `!`, or its ASCII form.
    pub fn mark(&self, glyph: char) -> &'static str {
        match (glyph, self.ascii) {
            ('✓', false) => "✓",
            ('✓', true) => "ok",
            ('✗', false) => "✗",
            ('✗', true) => "x",
            ('–', false) => "–",
            ('–', true) => "-",
            _ => "!",
        }
    }

    /// A line that is drawn again and again may be shown.
    pub fn shows_progress(&self) -> bool {
        let terminal = match &self.far {
            Some(far) => far.command().progress,
            None => std::io::stderr().is_terminal(),
        };
        !self.quiet && !self.json && terminal
    }

    /// Asks for a line on the terminal. `None`: there is no terminal to ask on, or it was closed.
    pub fn ask(&self, question: &str) -> Option<String> {
        match &self.far {
            Some(far) if far.command().asks => far
                .ask(Question::Line { text: question.to_owned() })
                .map(|said| said.expose().trim().to_owned()),
            Some(_) => None,
            None => ask_here(question),
        }
    }

    /// A yes or no on the terminal; anything but yes is no. Without a terminal: none.
    pub fn confirm(&self, question: &str) -> Option<bool> {
        self.ask(&format!("{question} [y/N]"))
            .map(|answer| matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// The process that carries the command out ends, which is no wish of who typed it.
    pub fn holder_ends(&self) -> bool {
        self.far.as_ref().is_some_and(Far::holder_ends)
    }

    /// Waits for ctrl-c, or for being told to end.
    pub async fn interrupted(&self) {
        if let Some(far) = &self.far {
            far.interrupt().cancelled().await;
            return;
        }
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        let terminated = async {
            match &mut terminate {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminated => {}
        }
    }
}

/// Draws a line over the last one on this terminal.
pub fn draw_over(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "\r\x1b[2K{text}").and_then(|()| err.flush());
}

/// Asks for a line on this process's terminal.
pub fn ask_here(question: &str) -> Option<String> {
    if !can_ask() {
        return None;
    }
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "{question} ").and_then(|()| err.flush());
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim().to_owned()),
    }
}

/// There is somebody to ask on this process's terminal.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
