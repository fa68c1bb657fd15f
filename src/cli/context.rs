//! What every command needs: the data folder, the open store and vault, the picked integration.
//!
//! It must never make a data folder for a command that only reads.

use std::path::PathBuf;

use super::Global;
use super::out::{Fail, NOT_CONNECTED, Out};
use crate::clock::{self, Now};
use crate::config::Upkeep;
use crate::engine;
use crate::integration::Integration;
use crate::integration::config::{PickError, pick};
use crate::integration::stripe_cli;
use crate::store::{OpenOptions, Store};
use crate::stripe::BaseUrl;
use crate::vault::Vault;

/// A command's surroundings.
#[derive(Clone)]
pub struct Context {
    /// Where it speaks.
    pub out: Out,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where the vault's key is.
    pub key_dir: PathBuf,
    /// `--api-base`, if given.
    pub api_base: Option<BaseUrl>,
    /// Nothing may be written at Stripe.
    pub read_only: bool,
    /// What is done without being asked.
    pub upkeep: Upkeep,
    /// What is wrong with the file that says so.
    pub mistakes: Vec<String>,
    /// The time.
    pub now: Now,
}

impl Context {
    /// From the global flags.
    pub fn new(global: &Global, out: Out) -> Result<Context, Fail> {
        let dirs = directories::ProjectDirs::from("", "", "tillwatch");
        let no_home =
            || Fail::usage("there is no home folder to keep data in: name a folder with --data-dir");
        let data_dir = match &global.data_dir {
            Some(dir) => dir.clone(),
            None => dirs.as_ref().map(|dirs| dirs.data_dir().to_owned()).ok_or_else(no_home)?,
        };
        // Beside the data folder, never in it: who copies the folder does not copy the key.
        let key_dir = if let Some(dirs) = &dirs {
            dirs.config_dir().to_owned()
        } else {
            let mut name = data_dir.file_name().unwrap_or_default().to_owned();
            name.push(".key");
            data_dir.with_file_name(name)
        };
        let api_base = global.api_base.as_deref().map(BaseUrl::parse).transpose().map_err(Fail::usage)?;
        let config_dir = dirs.as_ref().map(|dirs| dirs.config_dir().to_owned()).unwrap_or_default();
        let (upkeep, mistakes) = crate::config::upkeep(global.config.as_deref(), &config_dir);
        let (read_only, now) = (global.read_only, clock::system());
        Ok(Context { out, data_dir, key_dir, api_base, read_only, upkeep, mistakes, now })
    }

    /// Opens the store, making the folder if it is new.
    pub fn open(&self) -> Result<Store, Fail> {
        Ok(Store::open(&self.data_dir, &OpenOptions::default())?)
    }

    /// Opens the store of a command that has nothing to do in a new folder.
    pub fn open_existing(&self) -> Result<Store, Fail> {
        if !self.data_dir.exists() {
            return Err(Fail::new(NOT_CONNECTED, PickError::None.to_string()));
        }
        self.open()
    }

    /// Opens the vault.
    pub fn vault(&self) -> Result<Vault, Fail> {
        Ok(Vault::open(&self.data_dir, &self.key_dir)?)
    }

    /// The integration that `-i` names, or the only one.
    pub fn integration(store: &Store, word: Option<&str>) -> Result<Integration, Fail> {
        let all = Integration::all(store)?;
        Ok(pick(&all, word)?.clone())
    }

    /// Options for an engine in this process.
    pub fn engine_options(&self, live: bool) -> engine::Options {
        engine::Options {
            data_dir: self.data_dir.clone(),
            key_dir: self.key_dir.clone(),
            api_base: self.api_base.clone(),
            bases: Vec::new(),
            demo: false,
            read_only: self.read_only,
            live,
            store: OpenOptions::default(),
            stripe_cli: stripe_cli::usual_files(),
            upkeep: self.upkeep,
            now: self.now.clone(),
        }
    }
}

/// `Acme Inc · acct_1 · LIVE`
pub fn title(integration: &Integration) -> String {
    format!(
        "{} · {} · {}",
        crate::text::clean(&integration.name),
        crate::text::clean(&integration.account),
        integration.mode()
    )
}
