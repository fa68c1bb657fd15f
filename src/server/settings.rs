//! What `serve` is told: by flag, by environment, by `[serve]` in `config.toml`, or not at all, in this order.
//!
//! Unlike the screen's settings a wrong one ends the start: a service must never listen elsewhere, or log elsewhere, than it
//! was told.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::receiver;
use crate::log;

/// Where the API listens if it is not told.
pub const LISTEN: &str = "127.0.0.1:8455";
/// What stands for stderr in the place of a log file.
const STDERR: &str = "-";

/// Settings of one source; what it does not say is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Said {
    /// `127.0.0.1:8455`; port 0 takes any that is free.
    pub listen: Option<String>,
    /// Where deliveries of webhook endpoints are taken, `127.0.0.1:8456`; `off`: nowhere.
    pub webhook_listen: Option<String>,
    /// The file with the API's token.
    pub token_file: Option<PathBuf>,
    /// Names that `Host` may have beside 127.0.0.1 and localhost.
    #[serde(rename = "allow_hosts")]
    pub hosts: Option<Vec<String>>,
    /// The log file; `-`: stderr.
    pub log_file: Option<PathBuf>,
    /// `text` or `json`.
    pub log_format: Option<String>,
    /// `error`, `warn`, `info`, `debug`, `off`.
    pub log_level: Option<String>,
}

/// Settings that hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where deliveries are taken, if they are.
    pub webhooks: Option<SocketAddr>,
    /// The file with the API's token; none: one of its own.
    pub token_file: Option<PathBuf>,
    /// Names that `Host` may have beside 127.0.0.1 and localhost.
    pub hosts: Vec<String>,
    /// The log.
    pub log: log::Options,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    serve: Said,
}

/// Reads `[serve]`. A file that was named by hand has to be there.
pub fn file(path: &Path, named: bool) -> Result<Said, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(Said::default()),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let File { serve } = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = 1 + text.get(..at).unwrap_or(&text).matches('\n').count();
        let what = crate::text::clean_max(error.message().lines().next().unwrap_or_default(), 200);
        format!("{} line {line}: {what}", path.display())
    })?;
    // Paths in it begin where it stands.
    let beside = |given: PathBuf| {
        if given.as_os_str() == STDERR { given } else { path.parent().unwrap_or(Path::new("")).join(given) }
    };
    Ok(Said { token_file: serve.token_file.map(beside), log_file: serve.log_file.map(beside), ..serve })
}

/// Puts flags and environment (clap has them in their order) over the file, and the defaults under it.
pub fn settle(flags: Said, file: Said, usual_log: &Path) -> Result<Settings, String> {
    let listen = flags.listen.or(file.listen).unwrap_or_else(|| LISTEN.to_owned());
    let format = flags.log_format.or(file.log_format).unwrap_or_else(|| "text".to_owned());
    let level = flags.log_level.or(file.log_level).unwrap_or_else(|| "info".to_owned());
    let log_file = flags.log_file.or(file.log_file).unwrap_or_else(|| usual_log.to_owned());
    Ok(Settings {
        listen: address("listen", &listen)?,
        webhooks: match flags.webhook_listen.or(file.webhook_listen).as_deref() {
            None => Some(receiver::USUAL),
            Some(text) if text.trim().eq_ignore_ascii_case("off") => None,
            Some(text) => Some(
                address("webhook_listen", text)
                    .map_err(|wrong| wrong.replace(LISTEN, &format!("{} (or off)", receiver::USUAL)))?,
            ),
        },
        token_file: flags.token_file.or(file.token_file),
        hosts: flags
            .hosts
            .or(file.hosts)
            .unwrap_or_default()
            .iter()
            .map(|text| host(text))
            .collect::<Result<_, _>>()?,
        log: log::Options {
            file: (log_file.as_os_str() != STDERR).then_some(log_file),
            json: match format.as_str() {
                "text" => false,
                "json" => true,
                other => return Err(unknown("log_format", other, "text or json")),
            },
            level: log::level(&level)
                .ok_or_else(|| unknown("log_level", &level, "error, warn, info, debug or off"))?,
        },
    })
}

/// A name, or the number of an IPv6 address with or without its brackets. One that no request can ever have is a mistake:
/// nobody would be let in by it.
fn host(text: &str) -> Result<String, String> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let name = |part: u8| part.is_ascii_alphanumeric() || matches!(part, b'.' | b'-' | b'_');
    if inner.parse::<std::net::Ipv6Addr>().is_ok() || (!text.is_empty() && text.bytes().all(name)) {
        return Ok(text.to_owned());
    }
    let shown = crate::text::clean_max(text, 60);
    Err(format!(
        "allow_hosts `{shown}` is no name of a host: write it like desk.example, without http:// and without a port"
    ))
}

/// The log's file if none is named: `serve.log` for the usual data folder, a name of its own for each other one. Two services
/// must never write to one log: each would exchange it when it thinks that it is full.
pub fn usual_log(state_dir: &Path, data_dir: &Path, usual_data_dir: Option<&Path>) -> PathBuf {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    let whole = |path: &Path| {
        path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
    };
    let own = whole(data_dir);
    if usual_data_dir.is_some_and(|usual| whole(usual) == own) {
        return state_dir.join("serve.log");
    }
    let mut name = "serve-".to_owned();
    let word = own.file_name().unwrap_or_default().to_string_lossy();
    name.extend(word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).take(40));
    name.push('-');
    for byte in Sha256::digest(own.as_os_str().as_encoded_bytes()).iter().take(4) {
        let _ = write!(name, "{byte:02x}");
    }
    state_dir.join(name + ".log")
}

fn unknown(what: &str, word: &str, known: &str) -> String {
    format!("{what} `{}` is not known: use {known}", crate::text::clean_max(word, 40))
}

/// An address to listen at: a number and a port, never a name that may lead elsewhere tomorrow.
pub fn address(what: &str, text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    local.as_deref().unwrap_or(text).parse().map_err(|_| {
        let shown = crate::text::clean_max(text, 60);
        format!("{what} `{shown}` is no address to listen at: write it like {LISTEN}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(listen: &str) -> Said {
        Said { listen: Some(listen.into()), ..Said::default() }
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let state = Path::new("/state/serve.log");
        let usual = settle(Said::default(), Said::default(), state).unwrap();
        assert_eq!(usual.listen.to_string(), LISTEN);
        assert_eq!(usual.log.file.as_deref(), Some(Path::new("/state/serve.log")));
        assert!(!usual.log.json && usual.token_file.is_none());
        let file =
            Said { log_format: Some("json".into()), log_file: Some("-".into()), ..said("127.0.0.1:1") };
        let both = settle(said("[::1]:2"), file.clone(), state).unwrap();
        assert_eq!((both.listen.to_string().as_str(), both.log.json), ("[::1]:2", true));
        assert_eq!(both.log.file, None);
        assert_eq!(settle(Said::default(), file, state).unwrap().listen.to_string(), "127.0.0.1:1");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let state = Path::new("/state/serve.log");
        for listen in ["8455", "here:8455", "127.0.0.1", "127.0.0.1:99999", ""] {
            let wrong = settle(said(listen), Said::default(), state).unwrap_err();
            assert!(wrong.contains("is no address to listen at"), "{wrong}");
        }
        assert!(settle(said("localhost:8455"), Said::default(), state).is_ok());
        let level = Said { log_level: Some("loud".into()), ..Said::default() };
        assert!(settle(level, Said::default(), state).unwrap_err().contains("log_level `loud`"));
    }

    #[test]
    fn each_data_folder_has_a_log_of_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let (state, usual) = (Path::new("/state"), temp.path().join("usual"));
        let name = |dir: &Path| usual_log(state, dir, Some(&usual));
        assert_eq!(name(&usual), Path::new("/state/serve.log"));
        let (one, other) = (temp.path().join("a").join("shop 1"), temp.path().join("b").join("shop 1"));
        assert_ne!(name(&one), name(&other));
        assert!(name(&one).to_str().unwrap().starts_with("/state/serve-shop1-"));
        assert_eq!(name(&one), name(&one));
        // Whichever way it is written.
        std::fs::create_dir_all(&one).unwrap();
        std::os::unix::fs::symlink(&one, temp.path().join("link")).unwrap();
        assert_eq!(name(&temp.path().join("link")), name(&one.canonicalize().unwrap()));
        assert_ne!(usual_log(state, &usual, None), Path::new("/state/serve.log"));
    }

    #[test]
    fn the_unit_puts_nothing_on_what_a_person_has_run() {
        let unit = include_str!("../../assets/tillwatch.service");
        let set: Vec<&str> = unit
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('=').map(|(name, _)| name))
            .collect();
        // systemd.exec(5): in a user's service each of these implies NoNewPrivileges=yes.
        for name in [
            "NoNewPrivileges",
            "MemoryDenyWriteExecute",
            "RestrictSUIDSGID",
            "LockPersonality",
            "SystemCallArchitectures",
            "SystemCallFilter",
            "RestrictNamespaces",
            "RestrictAddressFamilies",
            "RestrictRealtime",
        ] {
            assert!(!set.contains(&name), "{name}");
        }
        assert!(set.contains(&"ExecStart") && !set.contains(&"After"), "{set:?}");
    }

    #[test]
    fn hosts_are_names_alone() {
        let state = Path::new("/state/serve.log");
        let with = |host: &str| {
            let said = Said { hosts: Some(vec!["a.example".into(), host.into()]), ..Said::default() };
            settle(said, Said::default(), state).map(|settings| settings.hosts[1].clone())
        };
        for host in ["desk.example", "Desk", "my_host-2", "192.168.1.4", "[fd00::7]", "fd00::7", " desk "] {
            assert_eq!(with(host).as_deref(), Ok(host.trim()));
        }
        for host in [
            "desk.example:8455",
            "[fd00::7]:8455",
            "http://desk",
            "desk/",
            "",
            "*",
            "a b",
            "bücher.example",
            "[desk]",
        ] {
            let wrong = with(host).unwrap_err();
            assert!(wrong.contains(&format!("`{host}` is no name of a host")), "{wrong}");
        }
    }

    #[test]
    fn the_file_is_read_strictly() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("config.toml");
        assert_eq!(file(&path, false), Ok(Said::default()));
        assert!(file(&path, true).unwrap_err().contains("cannot be read"));
        std::fs::write(&path, "theme = \"dark\"\n[serve]\nlisten = \"127.0.0.1:9\"\ntoken_file = \"t\"\n")
            .unwrap();
        let read = file(&path, true).unwrap();
        assert_eq!(
            (read.listen.as_deref(), read.token_file),
            (Some("127.0.0.1:9"), Some(temp.path().join("t")))
        );
        std::fs::write(&path, "[serve]\nport = 9\n").unwrap();
        let wrong = file(&path, false).unwrap_err();
        assert!(wrong.contains("config.toml line 2: unknown field `port`"), "{wrong}");
    }
}
