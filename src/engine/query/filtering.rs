//! The filter language, applied to what is kept here.
//!
//! It must never let a filter's mistake pass as "nothing matches".

use std::sync::Arc;

use crate::clock::Zone;
use crate::engine::api::{Answer, IntegrationId};
use crate::filter::{Column, Ctx, Fields, Filter, Subject, parse};
use crate::integration::Integration;
use crate::store::rows::Row;

/// The connected accounts, as a request finds them.
pub type Accounts = Arc<Vec<Arc<Integration>>>;

/// Reads a filter. Days are those of the one account asked for, else of the only one, else UTC.
pub fn read(
    text: &str,
    subject: Subject,
    integration: Option<IntegrationId>,
    accounts: &Accounts,
    now: i64,
) -> Result<Filter, Answer> {
    let account = match integration {
        Some(id) => accounts.iter().find(|one| one.id == id),
        None => accounts.first().filter(|first| accounts.iter().all(|one| one.timezone == first.timezone)),
    };
    let zone = account.map_or_else(Zone::utc, |account| Zone::named(&account.timezone));
    parse(text, subject, &Ctx { now, zone }).map_err(|mistake| Answer::BadFilter {
        at: mistake.at,
        length: mistake.len,
        reason: mistake.to_string(),
    })
}

/// Name and account id of an integration.
pub fn named(accounts: &Accounts, id: IntegrationId) -> (&str, &str) {
    accounts.iter().find(|one| one.id == id).map_or(("", ""), |one| (&one.name, &one.account))
}

/// A row of a table with the account it belongs to.
pub struct TableFields<'a> {
    /// The row.
    pub row: Row<'a>,
    /// Name and account id of its integration.
    pub account: (&'a str, &'a str),
}

impl Fields for TableFields<'_> {
    fn text(&self, column: Column) -> &str {
        match column {
            Column::Account => self.account.0,
            Column::AccountId => self.account.1,
            other => self.row.text(other),
        }
    }

    fn created(&self) -> i64 {
        self.row.created
    }

    fn amount(&self) -> Option<i64> {
        self.row.amount
    }
}
