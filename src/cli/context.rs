//! What every command needs: the data folder, the open store and vault, the picked integration.
//!
//! It must never make a data folder for a command that only reads.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Global;
use super::out::{FAILED, Fail, NOT_CONNECTED, Out};
use crate::clock::{self, Now};
use crate::config::{self, Config};
use crate::engine::api::{IntegrationId, JobId, JobState, Request, Snapshot};
use crate::engine::{self, Engine};
use crate::integration::Integration;
use crate::integration::config::{PickError, pick};
use crate::integration::stripe_cli;
use crate::server::attach::host::Host;
use crate::store::{OpenOptions, Store};
use crate::stripe::BaseUrl;
use crate::tui::ColorLevel;
use crate::vault::Vault;

/// A job takes no longer to store where it is.
const STOPPED: Duration = Duration::from_secs(5);

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
    /// What the person's files say besides how the screen looks.
    pub config: std::sync::Arc<Config>,
    /// The time.
    pub now: Now,
    /// The engine of the process that carries the command out for somebody; none: the command is on its own.
    pub within: Option<Engine>,
    /// Where relative paths begin.
    pub cwd: PathBuf,
}

/// The store of a command: opened by it, or the holder's.
pub struct Opened {
    store: Store,
    ours: bool,
}

impl Deref for Opened {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Opened {
    /// Closes it, if it was opened for this command; tells its folder.
    pub fn close(self) -> PathBuf {
        if self.ours { self.store.close() } else { self.store.dir().to_owned() }
    }
}

/// The engine of a command: its own, or the holder's.
pub struct Working {
    engine: Engine,
    ours: bool,
    host: Mutex<Option<Host>>,
}

impl Deref for Working {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl Working {
    /// Stops a job that nobody waits for any more, where the engine goes on without this command.
    pub async fn stop(&self, job: JobId) {
        if self.ours {
            return;
        }
        let mut snapshots = self.engine.snapshots();
        self.engine.request(Request::Cancel { job }).await;
        let runs = |snapshot: &Snapshot| {
            let jobs = snapshot.integrations.iter().flat_map(|one| [&one.discover, &one.sync]).flatten();
            jobs.into_iter().any(|one| one.id == job && one.state == JobState::Running)
        };
        // It stores where it is first; the next command is to find it stopped.
        let stopped = snapshots.wait_for(|snapshot| !runs(snapshot));
        let _ = tokio::time::timeout(STOPPED, stopped).await;
    }

    /// Ends it, if it was started for this command.
    pub async fn shutdown(&self) {
        // Nobody is let in any more before it ends.
        drop(self.host.lock().unwrap_or_else(PoisonError::into_inner).take());
        if self.ours {
            self.engine.shutdown().await;
        }
    }
}

/// While it is there nobody else changes what is connected.
pub struct Alone<'a>(Option<engine::Alone<'a>>);

impl Alone<'_> {
    /// Has the holder take what the command has stored; to be called however the command went.
    pub async fn done(self, id: IntegrationId) {
        if let Some(alone) = self.0 {
            alone.reload(id).await;
        }
    }
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
        let files = dirs.as_ref().map(|dirs| dirs.config_dir().to_owned()).unwrap_or_default();
        let config = config::read(global.config.as_deref(), &files, ColorLevel::None);
        Ok(Context {
            out,
            data_dir,
            key_dir,
            api_base,
            read_only: global.read_only,
            config: std::sync::Arc::new(config),
            now: clock::system(),
            within: None,
            cwd: std::env::current_dir().unwrap_or_default(),
        })
    }

    /// Opens the store, making the folder if it is new.
    pub fn open(&self) -> Result<Opened, Fail> {
        if let Some(engine) = &self.within {
            let store =
                engine.store().ok_or_else(|| Fail::new(FAILED, "the store is still opening: try again"))?;
            return Ok(Opened { store, ours: false });
        }
        Ok(Opened { store: Store::open(&self.data_dir, &OpenOptions::default())?, ours: true })
    }

    /// Opens the store of a command that has nothing to do in a new folder.
    pub fn open_existing(&self) -> Result<Opened, Fail> {
        if self.within.is_none() && !self.data_dir.exists() {
            return Err(Fail::new(NOT_CONNECTED, PickError::None.to_string()));
        }
        self.open()
    }

    /// An engine on the store: the holder's, or one of this command's own, which others can attach to.
    pub async fn engine(&self, opened: Opened, live: bool) -> Result<Working, Fail> {
        if let Some(engine) = &self.within {
            return Ok(Working { engine: engine.clone(), ours: false, host: Mutex::new(None) });
        }
        let engine = Engine::with_store(self.engine_options(live), opened.store).await?;
        let host = super::within::listen(&engine, &self.out);
        Ok(Working { engine, ours: true, host: Mutex::new(host) })
    }

    /// A path as the caller meant it.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.cwd.join(path)
    }

    /// Holds changes of what is connected off while a command makes one of its own, in the store alone.
    pub async fn alone(&self) -> Alone<'_> {
        Alone(match &self.within {
            Some(engine) => Some(engine.alone().await),
            None => None,
        })
    }

    /// An integration as it is stored now, for whoever holds others off: it was read before, and Stripe or a person
    /// was asked since then. Refuses when somebody else has changed what was decided on.
    pub fn unchanged(store: &Store, before: &Integration) -> Result<Integration, Fail> {
        let decided_on = |one: &Integration| {
            let note = one.endpoint.as_ref().map(|note| (note.token.clone(), note.by_hand));
            (one.off_since, one.key.clone(), one.delivery, one.billing, one.base_url.clone(), note)
        };
        let now: Option<Integration> = store.meta(&Integration::document(before.id))?;
        now.filter(|now| decided_on(now) == decided_on(before)).ok_or_else(|| {
            let (name, id) = (&before.name, before.id.0);
            let look = format!("look at it with `tillwatch integrations show {id}`, then try again");
            Fail::new(FAILED, format!("{name} was changed meanwhile, and nothing was done: {look}"))
        })
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
            declines: std::sync::Arc::new(self.config.declines.clone()),
            alerts: self.config.alerts.clone(),
            upkeep: self.config.upkeep,
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
