//! Which integration a request means: its name, id or account; left out, the only one.

use super::fault::{Fault, said};
use crate::engine::api::{Health, IntegrationView, Snapshot};

/// The field that names it.
pub const FIELD: &str = "organization_uid";

fn is_off(view: &IntegrationView) -> bool {
    matches!(view.health, Health::Off | Health::Disconnecting { .. })
}

/// Picks as the command line does (those that are off count last).
pub fn pick<'a>(snapshot: &'a Snapshot, word: Option<&str>) -> Result<&'a IntegrationView, Fault> {
    let all = &snapshot.integrations;
    let missing = |text: String| Fault::new(404, "unknown_integration", Some(FIELD), text);
    let many = || {
        let names: Vec<String> = all.iter().map(|one| format!("{} ({})", one.name, one.id.0)).collect();
        let names = crate::text::clean_max(&names.join(", "), 300);
        Fault::new(
            422,
            "ambiguous_integration",
            Some(FIELD),
            format!("Name one of the integrations: {names}."),
        )
    };
    if all.is_empty() {
        return Err(missing("No account is connected yet: run `tillwatch connect`.".into()));
    }
    let Some(word) = word.map(str::trim) else {
        let active: Vec<&IntegrationView> = all.iter().filter(|one| !is_off(one)).collect();
        return match (active.as_slice(), all.as_slice()) {
            ([one], _) => Ok(*one),
            ([], [one]) => Ok(one),
            _ => Err(many()),
        };
    };
    let by_id = all.iter().find(|one| one.id.0.to_string() == word);
    let named = by_id.or_else(|| all.iter().find(|one| one.name.eq_ignore_ascii_case(word)));
    if let Some(one) = named {
        return Ok(one);
    }
    // One account can be connected in both modes.
    let by_account: Vec<&IntegrationView> = all.iter().filter(|one| one.account == word).collect();
    match by_account.as_slice() {
        [one] => Ok(one),
        [] => Err(missing(format!(
            "There is no integration `{}`: GET /api/integrations lists them.",
            said(word)
        ))),
        _ => Err(many()),
    }
}

/// It can be read but not synced any more.
pub fn connected(view: &IntegrationView) -> Result<(), Fault> {
    if is_off(view) {
        let text =
            format!("{} is disconnected: connect it again with `tillwatch connect`.", said(&view.name));
        return Err(Fault::invalid(FIELD, text));
    }
    Ok(())
}
