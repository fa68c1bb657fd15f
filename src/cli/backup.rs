//! `tillwatch backup` and `restore`: everything stored in one checked file, and back. Keys are not in it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::out::{DONE, Fail, Outcome};
use crate::integration::Integration;
use crate::integration::config::Refused;
use crate::integration::connect::stored_key;
use crate::store::{Batch, Durability, OpenOptions, backup as file};
use crate::text::count;

/// Write everything stored into one checked file.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

/// Make a new data folder from a backup.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup
    file: PathBuf,
}

/// Writes a backup.
pub fn backup(context: &Context, args: &BackupArgs) -> Outcome {
    let file = context.path(&args.file);
    if file.exists() && !args.force {
        return Err(Fail::usage(format!(
            "{} is there already: name another file, or give --force",
            args.file.display()
        )));
    }
    let store = context.open_existing()?;
    let keys = file::write(&store, &file)?;
    store.close();
    if context.out.json {
        context.out.json(&json!({ "file": args.file, "entries": keys }));
    } else {
        context.out.line(format!(
            "{} {} entries in {}, read back and checked. API keys are not in it.",
            context.out.mark('✓'),
            count(keys),
            args.file.display()
        ));
    }
    Ok(DONE)
}

/// Accounts whose key is not within reach of the new folder say so, instead of looking connected. One whose key is in a
/// keyring, or printed by a command, goes on.
async fn keyless(context: &Context) -> Result<(), Fail> {
    let (store, vault) = (context.open()?, context.vault()?);
    let now = (context.now)();
    let mut batch = Batch::new();
    for mut one in Integration::all(&store)? {
        if one.off_since.is_none() && one.key.is_some() && stored_key(&vault, &one).is_err() {
            one.refused = Some(Refused { since: now, reason: "A restored backup holds no API keys.".into() });
            batch.meta(Integration::document(one.id), &one);
        }
    }
    store.commit(batch, Durability::Synced, now).await?;
    store.close();
    Ok(())
}

/// Restores into a new or empty data folder.
pub async fn restore(context: &Context, args: &RestoreArgs) -> Outcome {
    let keys = file::restore(&args.file, &context.data_dir, &OpenOptions::default())?;
    keyless(context).await?;
    if context.out.json {
        context.out.json(&json!({ "data_dir": context.data_dir, "entries": keys }));
    } else {
        context.out.line(format!(
            "{} {} entries in {}. Give each account its key again: `tillwatch integrations edit NAME --new-key`",
            context.out.mark('✓'),
            count(keys),
            context.data_dir.display()
        ));
    }
    Ok(DONE)
}
