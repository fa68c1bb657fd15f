//! `tillwatch get ID…`: stored objects as Stripe sent them, one JSON object a line; invoices with all lines; events of the log.

use clap::Args;

use super::context::Context;
use super::out::{DONE, FAILED, Fail, Outcome};
use crate::engine::api::IntegrationId;
use crate::integration::Integration;
use crate::store::{Store, StoreError};
use crate::stripe::kind::Kind;
use crate::sync::lines::whole;
use crate::text::clean;

/// Print stored objects by id.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Stripe ids: in_…, cus_…, pi_…, evt_…
    #[arg(required = true)]
    ids: Vec<String>,
    /// Number, name or account; all are searched if not given
    #[arg(short, long, value_name = "NAME")]
    integration: Option<String>,
}

/// Runs it.
pub fn run(context: &Context, args: &GetArgs) -> Outcome {
    let store = context.open_existing()?;
    let all = Integration::all(&store)?;
    let searched: Vec<IntegrationId> = match &args.integration {
        Some(word) => vec![Context::integration(&store, Some(word))?.id],
        None => all.iter().map(|one| one.id).collect(),
    };
    let mut missing = Vec::new();
    for id in &args.ids {
        match find(&store, &searched, id)? {
            Found::Here(text) => context.out.line(text),
            Found::Pending => missing
                .push(format!("{} is in the catalog but not synced yet: run `tillwatch sync`", clean(id))),
            Found::Nowhere => missing.push(format!("{} is not stored here", clean(id))),
        }
    }
    store.close();
    if missing.is_empty() { Ok(DONE) } else { Err(Fail::new(FAILED, missing.join("; "))) }
}

enum Found {
    Here(String),
    Pending,
    Nowhere,
}

fn find(store: &Store, integrations: &[IntegrationId], id: &str) -> Result<Found, StoreError> {
    for &integration in integrations.iter().filter(|_| id.starts_with("evt_")) {
        let place = store.event_place(integration, id)?;
        if let Some((_, json)) = place.map(|place| store.event_whole(place)).transpose()?.flatten() {
            return Ok(Found::Here(String::from_utf8_lossy(&json).into_owned()));
        }
    }
    let likely = Kind::from_id(id);
    let mut found = Found::Nowhere;
    for &integration in integrations {
        for kind in likely.into_iter().chain(Kind::all().filter(|kind| Some(*kind) != likely)) {
            let Some(header) = store.header(integration, kind, id)? else { continue };
            if header.state.is_record() {
                if let Some(text) = whole(store, integration, kind, id)? {
                    return Ok(Found::Here(text));
                }
            } else {
                found = Found::Pending;
            }
        }
    }
    Ok(found)
}
