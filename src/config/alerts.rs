//! `[alerts]` of `config.toml`: what rings, and for what (docs/alerts.md).
//!
//! Amounts are written in the currency's own units, as text, so that no number is ever a float. It must never take a
//! value that it does not understand for "off".

use std::collections::BTreeMap;

use serde::de::{self, Deserialize, Deserializer};

use crate::engine::alerts::{OnAlert, Settings};
use crate::stripe::money;

/// Minutes in a year: more than anybody waits for.
const MOST_MINUTES: u32 = 525_600;

/// As it is written.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// Ring the terminal's bell.
    pub bell: bool,
    /// Have the terminal show a notification.
    pub osc9: bool,
    on_alert: Option<Command>,
    unchecked_minutes: Option<Minutes>,
    source_minutes: Option<Minutes>,
    failed_above: Amounts,
}

#[derive(Debug)]
struct Command(OnAlert);

#[derive(Debug)]
struct Minutes(i64);

#[derive(Debug, Default)]
struct Amounts(BTreeMap<String, i64>);

impl Written {
    /// What the engine is to do.
    pub fn settings(&self) -> Settings {
        let standard = Settings::default();
        let seconds = |minutes: &Option<Minutes>, standard| minutes.as_ref().map_or(standard, |it| it.0 * 60);
        Settings {
            on_alert: self.on_alert.as_ref().map(|command| command.0.clone()),
            unchecked_s: seconds(&self.unchecked_minutes, standard.unchecked_s),
            source_s: seconds(&self.source_minutes, standard.source_s),
            failed_above: self.failed_above.0.clone(),
        }
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Command, D::Error> {
        let wrong = || {
            de::Error::custom(
                "on_alert is a command line in quotes, or a list of a program and its arguments",
            )
        };
        let on_alert = match toml::Value::deserialize(from)? {
            toml::Value::String(line) if !line.trim().is_empty() => OnAlert::Shell(line),
            toml::Value::Array(words) => {
                let words: Option<Vec<String>> =
                    words.iter().map(|word| word.as_str().map(str::to_owned)).collect();
                let words = words.filter(|words| words.first().is_some_and(|program| !program.is_empty()));
                OnAlert::Program(words.ok_or_else(wrong)?)
            }
            _ => return Err(wrong()),
        };
        Ok(Command(on_alert))
    }
}

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Minutes, D::Error> {
        let minutes = match toml::Value::deserialize(from)? {
            toml::Value::Integer(minutes) => u32::try_from(minutes).ok(),
            _ => None,
        };
        let minutes = minutes.filter(|minutes| *minutes <= MOST_MINUTES);
        minutes
            .map(|minutes| Minutes(i64::from(minutes)))
            .ok_or_else(|| de::Error::custom("minutes are a whole number from 0 (never told) to 525600"))
    }
}

impl<'de> Deserialize<'de> for Amounts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Amounts, D::Error> {
        let wrong = || {
            de::Error::custom(
                "failed_above is written { eur = \"500\", usd = \"500.00\" }: a currency's code and an amount in quotes",
            )
        };
        let toml::Value::Table(written) = toml::Value::deserialize(from)? else { return Err(wrong()) };
        let mut out = BTreeMap::new();
        for (code, amount) in written {
            let code = code.to_ascii_lowercase();
            let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase());
            let amount = match &amount {
                toml::Value::String(amount) => amount.clone(),
                // Whole units can be written without quotes.
                toml::Value::Integer(amount) => amount.to_string(),
                _ => return Err(wrong()),
            };
            if !is_code {
                return Err(wrong());
            }
            let amount = money::parse(&amount, &code)
                .map_err(|error| de::Error::custom(error.trim_end_matches('.')))?;
            if amount < 0 {
                return Err(wrong());
            }
            out.insert(code, amount);
        }
        Ok(Amounts(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct File {
        alerts: Written,
    }

    fn read(text: &str) -> Result<Written, toml::de::Error> {
        toml::from_str::<File>(text).map(|file| file.alerts)
    }

    #[test]
    fn the_example_of_the_assets_reads() {
        let written = read(include_str!("../../assets/config.example.toml")).unwrap();
        assert!(written.bell && written.osc9);
        let settings = written.settings();
        let words = ["notify-send", "--app-name=tillwatch", "tillwatch"].map(str::to_owned).to_vec();
        assert_eq!(settings.on_alert, Some(OnAlert::Program(words)));
        assert_eq!((settings.unchecked_s, settings.source_s), (7200, 900));
        assert_eq!(settings.failed_above["eur"], 50_000);
        assert_eq!(settings.failed_above["jpy"], 80_000);
    }

    #[test]
    fn what_is_left_out_is_the_standard() {
        let settings =
            read("[alerts]\non_alert = \"logger -t tillwatch\"\nsource_minutes = 0\n").unwrap().settings();
        assert_eq!(settings.on_alert, Some(OnAlert::Shell("logger -t tillwatch".into())));
        assert_eq!(settings.source_s, 0);
        assert_eq!(settings.unchecked_s, Settings::default().unchecked_s);
        assert!(read("[alerts]\n").unwrap().settings() == Settings::default());
    }

    #[test]
    fn what_can_not_be_understood_is_a_mistake_with_its_place() {
        for (text, says) in [
            ("[alerts]\nbells = true\n", "unknown field `bells`"),
            ("[alerts]\non_alert = []\n", "a program and its arguments"),
            ("[alerts]\non_alert = [1]\n", "a program and its arguments"),
            ("[alerts]\non_alert = \" \"\n", "on_alert is"),
            ("[alerts]\nsource_minutes = -1\n", "whole number"),
            ("[alerts]\nunchecked_minutes = 1.5\n", "whole number"),
            ("[alerts]\nfailed_above = { eur = 1.5 }\n", "amount in quotes"),
            ("[alerts]\nfailed_above = { jpy = \"1.5\" }\n", "JPY has 0 decimals"),
            ("[alerts]\nfailed_above = { euro = \"5\" }\n", "currency's code"),
            ("[alerts]\nfailed_above = { eur = \"-5\" }\n", "currency's code"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message().contains(says), "{text}: {error}");
            assert_eq!(1 + text[..error.span().unwrap().start].matches('\n').count(), 2, "{text}: {error}");
        }
    }
}
