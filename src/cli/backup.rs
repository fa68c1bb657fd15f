//! `tillwatch backup` and `restore`: everything stored in one checked file, and back. Keys are not in it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::out::{DONE, Fail, Outcome};
use crate::store::{OpenOptions, backup as file};
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

/// Restores into a new or empty data folder.
pub fn restore(context: &Context, args: &RestoreArgs) -> Outcome {
    let keys = file::restore(&args.file, &context.data_dir, &OpenOptions::default())?;
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
