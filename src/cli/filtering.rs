//! `--filter`: read, refused with the place of the mistake, and told as the window that it means.
//!
//! It must never let a command begin on a filter that is wrong.

use super::context::Context;
use super::out::Fail;
use crate::clock::{Zone, format_time};
use crate::filter::{Ctx, Filter, Subject, parse};
use crate::text::clean;

/// Parses `--filter` for an account in that time zone; without one, everything passes.
pub fn filter(context: &Context, text: Option<&str>, subject: Subject, zone: &Zone) -> Result<Filter, Fail> {
    let text = text.unwrap_or_default();
    let ctx = Ctx { now: (context.now)(), zone: zone.clone() };
    parse(text, subject, &ctx).map_err(|mistake| Fail {
        below: mistake.carets(text),
        ..Fail::usage(format!("{mistake} (character {} of the filter)", mistake.at + 1))
    })
}

/// Checks `--filter` before anything is opened: whether it is right does not depend on the zone.
pub fn check(context: &Context, text: Option<&str>, subject: Subject) -> Result<(), Fail> {
    filter(context, text, subject, &Zone::utc()).map(|_| ())
}

/// `invoices · filter status:open created:today · 2026-01-31 00:00:00 → 2026-02-01 00:00:00 (Europe/Berlin)`
pub fn told(what: &str, filter: &Filter, zone: &str) -> String {
    if filter.is_everything() {
        return what.to_owned();
    }
    let bounds = filter.bounds();
    let at = |edge: Option<i64>, open: &str| edge.map_or_else(|| open.to_owned(), |at| format_time(at, zone));
    let window = match (bounds.gte, bounds.lt) {
        (None, None) => String::new(),
        (gte, lt) => format!(" · {} → {} ({})", at(gte, "the beginning"), at(lt, "now"), clean(zone)),
    };
    format!("{what} · filter {}{window}", clean(&filter.to_string()))
}
