//! Where an API key comes from: a file, stdin, a command, the environment, or a hidden prompt; never argv.
//!
//! What it reads must never be printed, also not in an error about it.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use clap::Args;

use super::context::Context;
use super::out::{Fail, Out};
use crate::integration::connect::Given;
use crate::integration::stripe_cli;
use crate::server::attach::wire::Question;
use crate::stripe::ApiKey;
use crate::vault::secret::Secret;
use crate::vault::{Place, Vault};

/// No key is longer; a larger file is the wrong file.
const MOST: u64 = 64 * 1024;

/// Flags that name a key's source.
#[derive(Debug, Args, Default)]
pub struct KeyArgs {
    /// Read the API key from a file, or from stdin with -
    #[arg(long, value_name = "FILE", conflicts_with = "key_command")]
    api_key_file: Option<std::path::PathBuf>,
    /// Run a command that prints the API key, each time it is needed; nothing is kept at rest
    #[arg(long, value_name = "COMMAND")]
    key_command: Option<String>,
    /// Take the key of a profile of the Stripe CLI on this machine; its test key unless --live is given
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["api_key_file", "key_command"])]
    from_stripe_cli: Option<String>,
    /// With --from-stripe-cli: the profile's live key
    #[arg(long, requires = "from_stripe_cli")]
    live: bool,
}

impl KeyArgs {
    /// A source was named.
    pub fn given(&self) -> bool {
        self.api_key_file.is_some() || self.key_command.is_some() || self.from_stripe_cli.is_some()
    }

    /// Reads the key, and notes where it came from.
    pub fn read(&self, context: &Context) -> Result<Given, Fail> {
        let out = &context.out;
        let mut origin = None;
        let secret = if let Some(file) = &self.api_key_file {
            from_file(context, file)?
        } else if let Some(profile) = &self.from_stripe_cli {
            let (secret, from) =
                stripe_cli::key(&stripe_cli::usual_files(), profile, self.live).map_err(Fail::usage)?;
            origin = Some(from);
            secret
        } else if let Some(command) = &self.key_command {
            Vault::in_memory().get("", &Place::Command { command: command.clone() })?
        } else if let Some(secret) = variable(out)? {
            secret
        } else {
            prompt(out)?
        };
        let key = ApiKey::parse(secret.expose()).map_err(|problem| Fail::usage(problem.to_string()))?;
        Ok(Given { key, command: self.key_command.clone(), origin })
    }
}

/// The key in the caller's environment, if there is one.
fn variable(out: &Out) -> Result<Option<Secret>, Fail> {
    let name = "STRIPE_API_KEY";
    if let Some(far) = &out.far {
        let said = far.ask(Question::Variable { name: name.to_owned() });
        return Ok(said.filter(|text| !text.expose().is_empty()));
    }
    match std::env::var_os(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text
            .into_string()
            .map(|text| Some(Secret::new(text)))
            .map_err(|_| Fail::usage("STRIPE_API_KEY is not text: set it to the key")),
    }
}

/// All of standard input.
pub fn stdin(most: u64) -> std::io::Result<Secret> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(most).read_to_string(&mut text);
    let secret = Secret::new(text);
    read.map(|_| secret)
}

/// A secret from a file, or from standard input with `-`.
pub fn from_file(context: &Context, file: &Path) -> Result<Secret, Fail> {
    let shown = crate::text::clean(&file.display().to_string()).into_owned();
    let result = if file == Path::new("-") {
        match &context.out.far {
            Some(far) => far
                .ask(Question::Stdin { most: MOST })
                .ok_or_else(|| std::io::Error::other("standard input cannot be read")),
            None => stdin(MOST),
        }
    } else {
        let mut text = String::new();
        let read = std::fs::File::open(context.path(file))
            .and_then(|file| file.take(MOST).read_to_string(&mut text));
        let secret = Secret::new(text);
        read.map(|_| secret)
    };
    result.map_err(|error| {
        if error.kind() == std::io::ErrorKind::InvalidData {
            return Fail::usage(format!(
                "{shown} is not a text file: name a file that holds the key and nothing else"
            ));
        }
        Fail::usage(format!("the key file {shown} cannot be read ({error}): name one that you may read"))
    })
}

fn prompt(out: &Out) -> Result<Secret, Fail> {
    ask_hidden(out, "API key (restricted, read only; it is not shown): ", || {
        Fail::usage(
            "no API key: use --api-key-file FILE (or - for stdin), --key-command, --from-stripe-cli, or STRIPE_API_KEY",
        )
    })
}

/// Asks on the caller's terminal, without an echo; `nobody`: there is none.
pub fn ask_hidden(out: &Out, question: &str, nobody: impl Fn() -> Fail) -> Result<Secret, Fail> {
    match &out.far {
        Some(far) if far.command().asks => {
            far.ask(Question::Hidden { text: question.to_owned() }).ok_or_else(nobody)
        }
        None if std::io::stdin().is_terminal() => {
            leave_shown();
            hidden(question)
        }
        _ => Err(nobody()),
    }
}

/// Shows what is typed from now on, as the terminal did before a hidden question.
pub fn show_again(before: &rustix::termios::Termios) {
    let now = rustix::termios::OptionalActions::Now;
    let _ = rustix::termios::tcsetattr(std::io::stdin(), now, before);
}

/// From now on an interrupt ends this process as it usually does, and what is typed afterwards is shown again.
fn leave_shown() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(before) = rustix::termios::tcgetattr(std::io::stdin()) else { return };
    let (Ok(mut interrupt), Ok(mut end)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = end.recv() => {}
        }
        show_again(&before);
        eprintln!();
        std::process::exit(super::out::INTERRUPTED.into());
    });
}

/// Reads a line of this process's terminal without an echo.
pub fn hidden(question: &str) -> Result<Secret, Fail> {
    let stdin = std::io::stdin();
    let failed = |error: String| {
        Fail::new(
            super::out::FAILED,
            format!("the terminal cannot hide what is typed ({error}): use --api-key-file"),
        )
    };
    let before = rustix::termios::tcgetattr(&stdin).map_err(|error| failed(error.to_string()))?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(rustix::termios::LocalModes::ECHO);
    rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &hidden)
        .map_err(|error| failed(error.to_string()))?;
    // Only now: whoever sees the question may type, and what was typed before is dropped.
    let say = |text: &str| {
        // Not held while reading: others have something to say as well.
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{text}").and_then(|()| err.flush());
    };
    say(question);
    let mut line = String::new();
    let result = stdin.read_line(&mut line);
    let _ = rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &before);
    say("\n");
    let secret = Secret::new(line);
    result.map(|_| secret).map_err(|error| failed(error.to_string()))
}
