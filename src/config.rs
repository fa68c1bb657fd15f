//! The files a person may keep beside the vault's key: `config.toml`, `keymap.toml`, `declines.toml` and `themes/*.toml`.
//!
//! They change how the screen looks, which keys do what, what decline codes mean, what alerts do, how long events are
//! kept and how much is read by itself, nothing else. A file that can't be read is told in one
//! sentence with its name and line, and the defaults are used: a broken file must never keep anybody from the data.
//! It must never hold a key. Precedence: flag, environment, file, default.

use std::path::{Path, PathBuf};

mod alerts;

use serde::Deserialize;

use crate::engine::alerts::Settings;
use crate::events::retention::Keep;
use crate::recovery::Declines;
use crate::tui::input::keymap::Keymap;
use crate::tui::style::{ColorLevel, Theme};

/// `config.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    theme: Option<String>,
    ascii: Option<bool>,
    keymap: Option<PathBuf>,
    alerts: alerts::Written,
    events: EventsTable,
    reads: ReadsTable,
    /// `serve` reads it by itself and is stricter with it (`server::settings`).
    #[serde(rename = "serve")]
    _serve: serde::de::IgnoredAny,
}

/// `[events]`; a value of another type is told by itself and does not cost the rest of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EventsTable {
    keep_months: Option<toml::Spanned<toml::Value>>,
}

/// `[reads]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReadsTable {
    automatic: Option<toml::Spanned<toml::Value>>,
}

/// What is done without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Upkeep {
    /// How long events are kept.
    pub keep: Keep,
    /// GETs of an account in 30 days that nobody asked for, at most; none: 20 % of Stripe's floor.
    pub automatic_reads: Option<u64>,
}

/// What the files say, and what is wrong with them.
#[derive(Debug)]
pub struct Config {
    /// Where `config.toml` is, or would be.
    pub file: PathBuf,
    /// The theme.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// Nothing but ASCII.
    pub ascii: bool,
    /// Ring the terminal's bell at an alert.
    pub bell: bool,
    /// Have the terminal show a notification at an alert (OSC 9).
    pub osc9: bool,
    /// What a person wants to be called for.
    pub alerts: Settings,
    /// What decline codes mean.
    pub declines: Declines,
    /// What is done without being asked.
    pub upkeep: Upkeep,
    /// One sentence for each thing that is wrong; the defaults are used there.
    pub mistakes: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            file: PathBuf::new(),
            theme: Theme::default(),
            keymap: Keymap::default(),
            ascii: false,
            bell: false,
            osc9: false,
            alerts: Settings::default(),
            declines: Declines::built_in(),
            upkeep: Upkeep::default(),
            mistakes: Vec::new(),
        }
    }
}

/// Reads `file` (or `config.toml` of `dir`, if there is one) and what it names. A file that was named by hand and is not
/// there is a mistake; one that is only looked for is not.
pub fn read(file: Option<&Path>, dir: &Path, level: ColorLevel) -> Config {
    let mut config = Config { theme: Theme::new(level), ..Config::default() };
    let path = file.map_or_else(|| dir.join("config.toml"), Path::to_owned);
    let own = own(&path, file.is_some(), &mut config);
    config.file.clone_from(&path);
    config.ascii = own.ascii.unwrap_or(false);
    (config.bell, config.osc9) = (own.alerts.bell, own.alerts.osc9);
    config.alerts = own.alerts.settings();
    let beside = path.parent().unwrap_or(dir);
    if let Some(name) = &own.theme {
        theme(name, beside, level, &mut config);
    }
    let named = own.keymap.is_some();
    let keys = own.keymap.map_or_else(|| beside.join("keymap.toml"), |keys| beside.join(keys));
    if let Some(text) = text(&keys, named, &mut config.mistakes) {
        match Keymap::with(&text) {
            Ok(keymap) => config.keymap = keymap,
            Err(mistake) => {
                config.mistakes.push(sentence(&keys, &text, mistake.at, &mistake.text));
            }
        }
    }
    let codes = beside.join("declines.toml");
    if let Some(text) = text(&codes, false, &mut config.mistakes) {
        match Declines::with(&text) {
            Ok(declines) => config.declines = declines,
            Err(mistake) => {
                config.mistakes.push(sentence(&codes, &text, mistake.at, &mistake.text));
            }
        }
    }
    config
}

/// What the file says of upkeep alone, and what is wrong with it: for commands without a screen.
pub fn upkeep(file: Option<&Path>, dir: &Path) -> (Upkeep, Vec<String>) {
    let mut config = Config::default();
    own(&file.map_or_else(|| dir.join("config.toml"), Path::to_owned), file.is_some(), &mut config);
    (config.upkeep, config.mistakes)
}

/// Reads the file itself. While it can't be read, no event is removed: a slip of the pen must not cost a person events
/// that they meant to keep.
fn own(path: &Path, named: bool, config: &mut Config) -> File {
    let known = config.mistakes.len();
    let Some(text) = text(path, named, &mut config.mistakes) else {
        if config.mistakes.len() > known {
            config.upkeep.keep = Keep::Unread;
        }
        return File::default();
    };
    let own: File = match toml::from_str(&text) {
        Ok(own) => own,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            config.mistakes.push(sentence(path, &text, at, error.message()));
            config.upkeep.keep = Keep::Unread;
            return File::default();
        }
    };
    if let Some(said) = &own.events.keep_months {
        config.upkeep.keep = match said.get_ref() {
            toml::Value::Integer(months @ 1..=MOST_MONTHS) => Keep::Months(*months as u16),
            toml::Value::String(word) if word == "forever" => Keep::Forever,
            _ => {
                let what = format!(
                    "keep_months is a number of months from 1 to {MOST_MONTHS}, or \"forever\": no event is removed until it is"
                );
                config.mistakes.push(place(path, &text, said.span().start) + &what);
                Keep::Unread
            }
        };
    }
    if let Some(said) = &own.reads.automatic {
        if let toml::Value::Integer(reads @ 0..) = said.get_ref() {
            config.upkeep.automatic_reads = Some(*reads as u64);
        } else {
            let what = "automatic is a number of reads in 30 days, such as 2000; the default is used";
            config.mistakes.push(place(path, &text, said.span().start) + what);
        }
    }
    own
}

/// The most that `keep_months` takes.
const MOST_MONTHS: i64 = crate::events::retention::MOST_MONTHS as i64;

fn theme(name: &str, dir: &Path, level: ColorLevel, config: &mut Config) {
    if let Some(theme) = Theme::built_in(name, level) {
        config.theme = theme;
        return;
    }
    let path = dir.join("themes").join(format!("{name}.toml"));
    if !path.exists() {
        let names = crate::tui::style::BUILT_IN.map(|(name, _)| name).join(", ");
        config.mistakes.push(format!(
            "there is no theme `{}`: name one of {names}, or a file in {}",
            crate::text::clean(name),
            path.parent().unwrap_or(dir).display()
        ));
    } else if let Some(text) = text(&path, true, &mut config.mistakes) {
        match Theme::parse(&text, level) {
            Ok(theme) => config.theme = theme,
            Err(mistake) => {
                config.mistakes.push(sentence(&path, &text, mistake.at, &mistake.text));
            }
        }
    }
}

/// What is wrong in a file of ours, at a byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Byte offset.
    pub at: usize,
    /// What is wrong.
    pub text: String,
}

impl From<toml::de::Error> for Mistake {
    fn from(error: toml::de::Error) -> Mistake {
        let said = error.message();
        let text = if said.contains("struct Entry") {
            "a style is written { fg = \"cyan\", bold = true }".to_owned()
        } else if said.contains("expected a sequence") {
            "keys are written as a list: [\"d\", \"ctrl-d\"]".to_owned()
        } else {
            said.to_owned()
        };
        Mistake { at: error.span().map_or(0, |span| span.start), text }
    }
}

fn sentence(path: &Path, text: &str, at: usize, what: &str) -> String {
    let what = crate::text::clean_max(what.lines().next().unwrap_or_default(), 200);
    format!("{}{what}; the defaults are used", place(path, text, at))
}

/// `config.toml line 3: `
fn place(path: &Path, text: &str, at: usize) -> String {
    let line = 1 + text.get(..at).unwrap_or(text).matches('\n').count();
    format!("{} line {line}: ", path.display())
}

fn text(path: &Path, needed: bool, mistakes: &mut Vec<String>) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !needed => None,
        Err(error) => {
            mistakes.push(format!("{} can't be read: {error}; the defaults are used", path.display()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::input::actions::{Action, Context};
    use crate::tui::input::keys::Key;

    fn write(dir: &Path, name: &str, text: &str) {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn nothing_there_is_nothing_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let config = read(None, dir.path(), ColorLevel::Ansi16);
        assert!(config.mistakes.is_empty());
        assert_eq!(config.keymap, Keymap::default());
        assert_eq!(config.theme, Theme::new(ColorLevel::Ansi16));
    }

    #[test]
    fn what_is_kept_is_read_and_nothing_is_removed_by_a_file_that_is_broken() {
        let dir = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            write(dir.path(), "config.toml", text);
            upkeep(None, dir.path())
        };
        assert_eq!(upkeep(None, dir.path()), (Upkeep::default(), Vec::new()));
        assert_eq!(Upkeep::default().keep, Keep::Months(13));
        let (upkeep, mistakes) = read("[events]\nkeep_months = 24\n[reads]\nautomatic = 500\n");
        assert_eq!(upkeep, Upkeep { keep: Keep::Months(24), automatic_reads: Some(500) });
        assert!(mistakes.is_empty(), "{mistakes:?}");
        assert_eq!(read("events.keep_months = \"forever\"").0.keep, Keep::Forever);
        for wrong in ["0", "-3", "1.5", "1201", "\"all\"", "[1]"] {
            let (upkeep, mistakes) = read(&format!("ascii = true\n\n[events]\nkeep_months = {wrong}\n"));
            assert_eq!(upkeep.keep, Keep::Unread, "{wrong}");
            assert_eq!(mistakes.len(), 1, "{wrong}");
            assert!(mistakes[0].contains("config.toml line 4: keep_months is a number"), "{mistakes:?}");
            // The rest of the file holds.
            assert!(super::read(None, dir.path(), ColorLevel::Ansi16).ascii);
        }
        for broken in ["[events]\nkeep = 3", "theme = 1\n[events]\nkeep_months = 24", "events = 7"] {
            let (upkeep, mistakes) = read(broken);
            assert_eq!((upkeep.keep, mistakes.len()), (Keep::Unread, 1), "{broken}");
        }
        let (upkeep, mistakes) = read("[reads]\nautomatic = -1");
        assert_eq!((upkeep, mistakes.len()), (Upkeep::default(), 1));
    }

    #[test]
    fn files_change_what_they_say() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "config.toml", "theme = \"mine\"\nascii = true\n");
        write(dir.path(), "themes/mine.toml", "accent = { fg = \"magenta\" }\n");
        write(dir.path(), "keymap.toml", "[main]\ndiscover = [\"ctrl-d\"]\n");
        let config = read(None, dir.path(), ColorLevel::Ansi16);
        assert_eq!(config.mistakes, Vec::<String>::new());
        assert!(config.ascii);
        assert_ne!(config.theme, Theme::new(ColorLevel::Ansi16));
        assert_eq!(
            config.keymap.action(Context::Main, Key::parse("ctrl-d").unwrap()),
            Some(Action::Discover)
        );
        assert_eq!(config.keymap.action(Context::Main, Key::parse("d").unwrap()), None);
    }

    #[test]
    fn each_mistake_is_one_sentence_with_its_line_and_the_rest_holds() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "config.toml", "theme = \"mine\"\n");
        write(dir.path(), "themes/mine.toml", "# mine\n\naccent = { fg = \"no\\u001bcolour\" }\n");
        write(dir.path(), "keymap.toml", "[main]\nsync = [\"d\"]\n");
        let config = read(None, dir.path(), ColorLevel::Ansi16);
        assert_eq!(config.mistakes.len(), 2, "{:?}", config.mistakes);
        assert!(config.mistakes[0].contains("mine.toml line 3: "), "{:?}", config.mistakes);
        assert!(config.mistakes[1].contains("keymap.toml line 2: "), "{:?}", config.mistakes);
        assert!(config.mistakes[1].contains("discover"), "{:?}", config.mistakes);
        assert!(config.mistakes.iter().all(|one| !one.contains('\u{1b}') && !one.contains('\n')));
        assert_eq!(config.keymap, Keymap::default());
        write(dir.path(), "config.toml", "them = 1\n");
        let config = read(None, dir.path(), ColorLevel::Ansi16);
        assert!(
            config.mistakes[0].contains("config.toml line 1: unknown field `them`"),
            "{:?}",
            config.mistakes
        );
        write(dir.path(), "config.toml", "theme = \"mine\"\n");
        write(dir.path(), "themes/mine.toml", "good = \"green\"\n");
        write(dir.path(), "keymap.toml", "[main]\nsync = \"k\"\n");
        let config = read(None, dir.path(), ColorLevel::Ansi16);
        assert!(config.mistakes[0].contains("line 1: a style is written"), "{:?}", config.mistakes);
        assert!(config.mistakes[1].contains("line 2: keys are written as a list"), "{:?}", config.mistakes);
        let config = read(Some(&dir.path().join("not-here.toml")), dir.path(), ColorLevel::Ansi16);
        assert!(config.mistakes[0].contains("not-here.toml can't be read"), "{:?}", config.mistakes);
    }
}
