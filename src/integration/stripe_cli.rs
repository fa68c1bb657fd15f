//! Profiles of the Stripe CLI on this machine: an operator who has logged in there need not make a key by hand.
//!
//! It only reads. It must never write to the CLI's files, and never show a key: what leaves here is a [`Secret`].
//! Facts: stripe-cli 1.52 writes `config.toml` with one table a profile, or (`config_version = 2`) tables under
//! `profiles`; the live key is masked there and lies in the system's keyring, or in `credentials.json` beside it on
//! machines without one. Keys end 90 days after the login. Names of keys are case-insensitive.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::engine::api::CliProfile;
use crate::text::clean_max;
use crate::vault::secret::Secret;

/// No configuration is longer; a larger file is something else.
const MOST: u64 = 1024 * 1024;
/// Tables within tables that are looked into: a dot in a profile's name makes one.
const DEEPEST: usize = 4;
/// Names at the top that are no profiles.
const RESERVED: &[&str] = &[
    "color",
    "config_version",
    "installed_plugins",
    "machine_uuid",
    "plugin_configs",
    "profiles",
    "project-name",
    "user_info",
];
/// Fields by which a table is known as a profile.
const MARKS: &[&str] =
    &["account_id", "api_key", "display_name", "live_mode_api_key", "secret_key", "test_mode_api_key"];

/// Where a key was taken from, kept with the integration: it can be looked up again when Stripe refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The profile's name.
    pub profile: String,
    /// The file that names it.
    pub file: PathBuf,
    /// Its live key, not its test key.
    pub livemode: bool,
    /// When the key ends, `YYYY-MM-DD`, if the CLI says so.
    pub expires: Option<String>,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "taken from the profile {} of the Stripe CLI", clean_max(&self.profile, 60))?;
        match &self.expires {
            Some(day) => write!(f, ", ends on {}", clean_max(day, 20)),
            None => Ok(()),
        }
    }
}

/// Where the CLI keeps its configuration, given the environment; the first is looked at first.
pub fn files(config_home: Option<PathBuf>, home: Option<PathBuf>) -> Vec<PathBuf> {
    let config_home = config_home.filter(|dir| dir.is_absolute());
    let dirs = config_home.into_iter().chain(home.map(|home| home.join(".config")));
    let mut out: Vec<PathBuf> = Vec::new();
    for file in dirs.map(|dir| dir.join("stripe").join("config.toml")) {
        if !out.contains(&file) {
            out.push(file);
        }
    }
    out
}

/// [`files`] of this process's environment.
pub fn usual_files() -> Vec<PathBuf> {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    files(std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from), home)
}

/// One profile as it is in the file.
struct Profile {
    name: String,
    file: PathBuf,
    account: String,
    display_name: String,
    test: Option<Secret>,
    test_expires: Option<String>,
    live: Option<Secret>,
    live_expires: Option<String>,
    /// A live key is spoken of, but is not in a file.
    live_elsewhere: bool,
}

/// All profiles, of all files; a name that an earlier file has is not repeated. The error is a sentence: a file
/// that is there and can't be read.
pub fn profiles(files: &[PathBuf]) -> Result<Vec<CliProfile>, String> {
    let read = read_all(files)?;
    Ok(read
        .into_iter()
        .map(|one| {
            let note = one.live_elsewhere.then(|| {
                "its live key is in the system's keyring, which tillwatch does not open: paste a restricted key instead"
                    .to_owned()
            });
            CliProfile {
                test: one.test.is_some().then(|| one.test_expires.unwrap_or_default()),
                live: one.live.is_some().then(|| one.live_expires.unwrap_or_default()),
                name: one.name,
                file: one.file.display().to_string(),
                account: one.account,
                display_name: one.display_name,
                note,
            }
        })
        .collect())
}

/// The key of a profile, and where it came from. The error is a sentence.
pub fn key(files: &[PathBuf], profile: &str, livemode: bool) -> Result<(Secret, Origin), String> {
    let shown = clean_max(profile, 60);
    let all = read_all(files)?;
    let Some(one) = all.iter().find(|one| one.name.eq_ignore_ascii_case(profile)) else {
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        return Err(if names.is_empty() {
            "the Stripe CLI has no profile on this machine: run `stripe login`, or give a key".to_owned()
        } else {
            format!("the Stripe CLI has no profile `{shown}`: it has {}", names.join(", "))
        });
    };
    let (secret, expires) =
        if livemode { (&one.live, &one.live_expires) } else { (&one.test, &one.test_expires) };
    match secret {
        Some(secret) => {
            let origin = Origin {
                profile: one.name.clone(),
                file: one.file.clone(),
                livemode,
                expires: expires.clone(),
            };
            Ok((secret.clone(), origin))
        }
        None if livemode && one.live_elsewhere => Err(format!(
            "the live key of the profile `{shown}` is in the system's keyring, which tillwatch does not open: give a restricted key instead"
        )),
        None => Err(format!(
            "the profile `{shown}` of the Stripe CLI has no {} key: run `stripe login`, or give a key",
            if livemode { "live" } else { "test" }
        )),
    }
}

/// The key that is in the profile now, as noted when it was taken.
pub fn again(origin: &Origin) -> Result<(Secret, Origin), String> {
    key(std::slice::from_ref(&origin.file), &origin.profile, origin.livemode)
}

fn read_all(files: &[PathBuf]) -> Result<Vec<Profile>, String> {
    let mut out: Vec<Profile> = Vec::new();
    for file in files {
        for profile in read(file)? {
            if !out.iter().any(|known| known.name == profile.name) {
                out.push(profile);
            }
        }
    }
    Ok(out)
}

/// A file's text; none if there is no such file.
fn text(file: &Path) -> Result<Option<Secret>, String> {
    use std::io::Read;
    let shown = clean_max(&file.display().to_string(), 200);
    let mut text = String::new();
    match std::fs::File::open(file).and_then(|file| file.take(MOST).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(Secret::new(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("the Stripe CLI's file {shown} cannot be read: {error}")),
    }
}

fn read(file: &Path) -> Result<Vec<Profile>, String> {
    let Some(source) = text(file)? else { return Ok(Vec::new()) };
    // The parser's own words would quote the line, and a line may hold a key.
    let table: Table = toml::from_str(source.expose()).map_err(|_| {
        format!(
            "the Stripe CLI's file {} is not readable as TOML",
            clean_max(&file.display().to_string(), 200)
        )
    })?;
    let beside = credentials(&file.with_file_name("credentials.json"));
    let mut found: Vec<(String, &Table)> = Vec::new();
    // The newer layout first: where both are, it is the one that the CLI keeps up.
    if let Some(nested) = field(&table, "profiles").and_then(Value::as_table) {
        for (name, value) in nested {
            tables(name, value, DEEPEST, &mut found);
        }
    }
    for (name, value) in &table {
        if !RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            tables(name, value, DEEPEST, &mut found);
        }
    }
    let mut out: Vec<Profile> = Vec::new();
    for (name, table) in found {
        let profile = profile(&name, table, file, &beside);
        if !out.iter().any(|known| known.name == profile.name) {
            out.push(profile);
        }
    }
    Ok(out)
}

/// A profile's table, or tables below it: a dot in the name reads back as one.
fn tables<'a>(name: &str, value: &'a Value, deepest: usize, out: &mut Vec<(String, &'a Table)>) {
    let Some(table) = value.as_table() else { return };
    if MARKS.iter().any(|mark| field(table, mark).is_some()) {
        out.push((name.to_owned(), table));
    } else if deepest > 0 {
        for (below, value) in table {
            tables(&format!("{name}.{below}"), value, deepest - 1, out);
        }
    }
}

/// A field by its name, whatever its case.
fn field<'a>(table: &'a Table, name: &str) -> Option<&'a Value> {
    table
        .get(name)
        .or_else(|| table.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn profile(name: &str, table: &Table, file: &Path, beside: &BTreeMap<String, Secret>) -> Profile {
    let words = |name: &str| match field(table, name) {
        Some(Value::String(text)) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        // A day without quotes is a date of its own in TOML.
        Some(Value::Datetime(day)) => Some(day.to_string()),
        _ => None,
    };
    let shown = |name: &str| words(name).map(|text| clean_max(&text, 80)).unwrap_or_default();
    let day = |name: &str| words(name).map(|text| clean_max(&text, 10));
    let secret = |names: &[&str]| names.iter().find_map(|name| words(name)).map(Secret::new);
    // What is masked is as good as absent.
    let whole = |secret: Option<Secret>| secret.filter(|secret| !secret.expose().contains('*'));
    let in_table = secret(&["live_mode_api_key"]);
    let live_elsewhere = in_table.is_some();
    let live =
        whole(in_table).or_else(|| beside.get(&format!("{name}.live_mode_api_key").to_lowercase()).cloned());
    Profile {
        name: clean_max(name, 80),
        file: file.to_owned(),
        account: shown("account_id"),
        display_name: shown("display_name"),
        test: whole(secret(&["test_mode_api_key", "secret_key", "api_key"])),
        test_expires: day("test_mode_key_expires_at"),
        live_elsewhere: live_elsewhere && live.is_none(),
        live,
        live_expires: day("live_mode_key_expires_at"),
    }
}

/// What a machine without a keyring keeps: names in lower case, to keys. A file that can't be read has none.
fn credentials(file: &Path) -> BTreeMap<String, Secret> {
    let Ok(Some(source)) = text(file) else { return BTreeMap::new() };
    let read: BTreeMap<String, serde_json::Value> = serde_json::from_str(source.expose()).unwrap_or_default();
    read.into_iter()
        .filter_map(|(name, value)| value.as_str().map(|text| (name.to_lowercase(), Secret::new(text))))
        .filter(|(_, secret)| !secret.expose().contains('*'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Put together so that scanners for leaked keys don't take tests for leaks.
    fn made(prefix: &str) -> String {
        format!("{prefix}51MadeUpForThisTest0123456789abcd")
    }

    fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
        let file = dir.join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn the_flat_layout_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "color = ''\nmachine_uuid = 'e3a4'\nproject-name = 'default'\n[default]\naccount_id = 'acct_1'\ndisplay_name = \"Fake\\u001b Co\"\nlive_mode_api_key = 'rk_live_****LLLL'\nlive_mode_key_expires_at = '2027-02-20'\nTest_Mode_API_Key = '{}'\ntest_mode_key_expires_at = 2027-02-21\n[shop.eu]\naccount_id = 'acct_2'\nsecret_key = '{}'\n[installed_plugins]\naccount_id = 'no'\n",
            made("rk_test_"),
            made("sk_test_"),
        );
        let file = write(dir.path(), "config.toml", &text);
        let all = profiles(std::slice::from_ref(&file)).unwrap();
        assert_eq!(all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["default", "shop.eu"]);
        assert_eq!((all[0].test.as_deref(), all[0].live.as_deref()), (Some("2027-02-21"), None));
        assert!(!all[0].display_name.contains('\u{1b}'), "{:?}", all[0].display_name);
        assert!(all[0].note.as_deref().unwrap().contains("keyring"));
        assert_eq!((all[1].test.as_deref(), all[1].note.as_deref()), (Some(""), None));
        let files = [file];
        let (secret, origin) = key(&files, "Default", false).unwrap();
        assert_eq!(secret.expose(), made("rk_test_"));
        assert_eq!(origin.expires.as_deref(), Some("2027-02-21"));
        assert!(key(&files, "default", true).unwrap_err().contains("keyring"));
        assert!(key(&files, "shop.eu", true).unwrap_err().contains("no live key"));
        assert!(key(&files, "x", true).unwrap_err().contains("default, shop.eu"));
    }

    #[test]
    fn the_nested_layout_comes_first_and_live_keys_may_lie_beside() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "config_version = 2\n[profiles.default]\naccount_id = 'acct_new'\nlive_mode_api_key = 'rk_live_****LLLL'\ntest_mode_api_key = '{}'\n[default]\naccount_id = 'acct_old'\ntest_mode_api_key = '{}'\n[older]\naccount_id = 'acct_3'\n",
            made("rk_test_"),
            made("sk_test_"),
        );
        let file = write(dir.path(), "config.toml", &text);
        let credentials = format!("{{\"default.live_mode_api_key\":\"{}\",\"uat\":7}}", made("rk_live_"));
        write(dir.path(), "credentials.json", &credentials);
        let files = [dir.path().join("none.toml"), file];
        let all = profiles(&files).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].account.as_str(), all[1].account.as_str()), ("acct_new", "acct_3"));
        assert!(all[0].live.is_some() && all[0].note.is_none());
        assert_eq!(key(&files, "default", true).unwrap().0.expose(), made("rk_live_"));
        assert!(key(&files, "older", false).unwrap_err().contains("no test key"));
        let (_, origin) = key(&files, "default", false).unwrap();
        assert_eq!(again(&origin).unwrap().0.expose(), made("rk_test_"));
    }

    #[test]
    fn a_broken_file_is_told_without_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let file =
            write(dir.path(), "config.toml", &format!("[default]\ntest_mode_api_key = {}", made("rk_test_")));
        let error = profiles(&[file]).unwrap_err();
        assert!(error.contains("TOML") && !error.contains("MadeUp"), "{error}");
        assert_eq!(profiles(&[dir.path().join("gone.toml")]).unwrap(), []);
    }

    #[test]
    fn both_places_are_looked_at() {
        let found = files(Some("/x".into()), Some("/home/u".into()));
        assert_eq!(
            found,
            [PathBuf::from("/x/stripe/config.toml"), PathBuf::from("/home/u/.config/stripe/config.toml")]
        );
        assert_eq!(files(Some("/home/u/.config".into()), Some("/home/u".into())).len(), 1);
        assert_eq!(files(Some("x".into()), None).len(), 0);
    }
}
