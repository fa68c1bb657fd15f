//! Where an API key comes from: a file, stdin, a command, the environment, or a hidden prompt; never argv.
//!
//! What it reads must never be printed, also not in an error about it.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use clap::Args;

use super::out::Fail;
use crate::integration::connect::Given;
use crate::integration::stripe_cli;
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
    pub fn read(&self) -> Result<Given, Fail> {
        let mut origin = None;
        let secret = if let Some(file) = &self.api_key_file {
            from_file(file)?
        } else if let Some(profile) = &self.from_stripe_cli {
            let (secret, from) =
                stripe_cli::key(&stripe_cli::usual_files(), profile, self.live).map_err(Fail::usage)?;
            origin = Some(from);
            secret
        } else if let Some(command) = &self.key_command {
            Vault::in_memory().get("", &Place::Command { command: command.clone() })?
        } else if let Some(text) = std::env::var_os("STRIPE_API_KEY").filter(|text| !text.is_empty()) {
            let text = text
                .into_string()
                .map_err(|_| Fail::usage("STRIPE_API_KEY is not text: set it to the key"))?;
            Secret::new(text)
        } else {
            prompt()?
        };
        let key = ApiKey::parse(secret.expose()).map_err(|problem| Fail::usage(problem.to_string()))?;
        Ok(Given { key, command: self.key_command.clone(), origin })
    }
}

fn from_file(file: &Path) -> Result<Secret, Fail> {
    let mut text = String::new();
    let result = if file == Path::new("-") {
        std::io::stdin().lock().take(MOST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MOST).read_to_string(&mut text))
    };
    let secret = Secret::new(text);
    let shown = crate::text::clean(&file.display().to_string()).into_owned();
    match result {
        Ok(_) => Ok(secret),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(Fail::usage(format!(
            "{shown} is not a text file: name a file that holds the key and nothing else"
        ))),
        Err(error) => Err(Fail::usage(format!(
            "the key file {shown} cannot be read ({error}): name one that you may read"
        ))),
    }
}

/// Asks on the terminal, without an echo.
fn prompt() -> Result<Secret, Fail> {
    if !std::io::stdin().is_terminal() {
        return Err(Fail::usage(
            "no API key: use --api-key-file FILE (or - for stdin), --key-command, --from-stripe-cli, or STRIPE_API_KEY",
        ));
    }
    let stdin = std::io::stdin();
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "API key (restricted, read only; it is not shown): ").and_then(|()| err.flush());
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
    let mut line = String::new();
    let result = stdin.read_line(&mut line);
    let _ = rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &before);
    let _ = writeln!(err);
    let secret = Secret::new(line);
    result.map(|_| secret).map_err(|error| failed(error.to_string()))
}
