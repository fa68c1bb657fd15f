//! `tillwatch doctor`: where things are, whether they can be used, and what tillwatch may write at Stripe.
//! It sends nothing and changes nothing.

use serde_json::json;

use super::context::{Context, title};
use super::out::{DONE, FAILED, Outcome};
use crate::integration::Integration;
use crate::integration::connect::stored_key;
use crate::stripe::{API_VERSION, WRITES};

/// Runs it.
pub fn run(context: &Context) -> Outcome {
    let out = &context.out;
    let mut problems = Vec::new();
    let mut accounts = Vec::new();
    if context.within.is_some() || context.data_dir.exists() {
        match context.open() {
            Ok(store) => {
                let vault = context.vault()?;
                for one in Integration::all(&store)?.iter().filter(|one| one.off_since.is_none()) {
                    let key = stored_key(&vault, one);
                    if let Err(error) = &key {
                        problems.push(format!("{}: {error}", one.name));
                    }
                    accounts.push(format!(
                        "{}: key {}",
                        title(one),
                        if key.is_ok() { "readable" } else { "not readable" }
                    ));
                }
                store.close();
            }
            Err(error) if error.code == super::out::OWNED => return Err(error),
            Err(error) => problems.push(error.text),
        }
    }
    let writes: Vec<String> =
        WRITES.iter().map(|write| format!("{} {}: {}", write.method, write.path, write.why)).collect();
    if out.json {
        out.json(&json!({
            "version": env!("CARGO_PKG_VERSION"), "stripe_version": API_VERSION, "data_dir": context.data_dir,
            "key_dir": context.key_dir, "accounts": accounts, "writes_at_stripe": writes, "problems": problems,
        }));
    } else {
        out.line(format!(
            "tillwatch {} · API version {API_VERSION} · not affiliated with Stripe, Inc.",
            env!("CARGO_PKG_VERSION")
        ));
        out.line(format!(
            "data folder     {}{}",
            context.data_dir.display(),
            if context.data_dir.exists() { "" } else { " (not made yet)" }
        ));
        out.line(format!("vault key       {}", context.key_dir.display()));
        for account in &accounts {
            out.line(format!("account         {account}"));
        }
        if writes.is_empty() {
            out.line("writes          nothing: this version only reads at Stripe");
        }
        for write in &writes {
            out.line(format!("writes          {write}"));
        }
        for problem in &problems {
            out.line(format!("{} {problem}", out.mark('✗')));
        }
    }
    Ok(if problems.is_empty() { DONE } else { FAILED })
}
