//! The window of attempts on a screen: which rows are loaded, which one is selected, what to ask for next. The screen of
//! deliveries and an event's tab have one each.
//!
//! As with the feed: a few hundred rows at most, one request under way, the newest wish wins, and the selection is an
//! attempt, not a place. It must never hold all of them.

use crate::engine::api::{
    Answer, AttemptId, AttemptQuery, AttemptRow, AttemptWindow, IntegrationId, TargetId,
};

/// Rows asked for at once.
pub const WINDOW: usize = 240;
/// With fewer rows than this left before the edge of the window, more are asked for.
const MARGIN: usize = 50;
/// Rows kept above the cursor when the window moves down.
const LEAD: usize = 100;

/// What is wanted of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Newest,
    /// The same rows again.
    Again,
    Older,
    Newer,
    Oldest,
}

/// Which attempts are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// One integration, or all.
    pub integration: Option<IntegrationId>,
    /// One target, or all.
    pub target: Option<TargetId>,
    /// Those of one event.
    pub event: Option<String>,
    /// Only those that were not delivered.
    pub failed_only: bool,
}

/// The list's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attempts {
    /// What is loaded.
    pub window: AttemptWindow,
    /// Something was loaded for this scope.
    pub loaded: bool,
    /// Why the last request failed.
    pub error: Option<String>,
    /// Somebody has moved off the newest row.
    held: bool,
    cursor: Option<AttemptId>,
    top: Option<AttemptId>,
    scope: Option<Scope>,
    /// There are older ones than those loaded, or may be.
    older: bool,
    asked_version: u64,
    in_flight: Option<(u64, Want)>,
    wish: Option<Want>,
    /// Rows still to go up once those above are loaded.
    carry: usize,
}

impl Attempts {
    /// Looks at others: what is loaded is of no use any more.
    pub fn look_at(&mut self, scope: Scope) {
        if self.scope.as_ref() != Some(&scope) {
            *self = Attempts { scope: Some(scope), wish: Some(Want::Newest), ..Attempts::default() };
        }
    }

    /// What it looks at.
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// It stays on the newest row.
    pub fn is_following(&self) -> bool {
        !self.held
    }

    /// Attempts were stored: the window is to be read again.
    pub fn notice(&mut self, version: u64) {
        if self.scope.is_some() && version > self.asked_version.max(self.window.version) {
            self.want(if self.held { Want::Again } else { Want::Newest });
        }
    }

    fn want(&mut self, want: Want) {
        // A wish to move the window is stronger than one to read it again, which comes with it.
        if want != Want::Again || self.wish.is_none() {
            self.wish = Some(want);
        }
    }

    fn index_of(&self, id: AttemptId) -> Option<usize> {
        let rows = &self.window.rows;
        // Gone from the store: the next older one takes its place.
        rows.iter().position(|row| row.id <= id).or_else(|| rows.len().checked_sub(1))
    }

    /// Index of the selected attempt in the window.
    pub fn cursor_index(&self) -> Option<usize> {
        self.cursor.and_then(|id| self.index_of(id))
    }

    /// The selected attempt.
    pub fn selected(&self) -> Option<&AttemptRow> {
        self.cursor_index().and_then(|index| self.window.rows.get(index))
    }

    /// Index of the first visible attempt.
    pub fn top_index(&self) -> usize {
        self.top.and_then(|id| self.index_of(id)).unwrap_or(0)
    }

    /// Remembers the first visible row, so that nothing moves before the next key.
    pub fn drawn(&mut self, top: usize) {
        if let Some(row) = self.window.rows.get(top) {
            self.top = Some(row.id);
        }
    }

    /// The next question to ask, if one is due; `number` gives it its number.
    pub fn next_query(&mut self, version: u64, number: impl FnOnce() -> u64) -> Option<(u64, AttemptQuery)> {
        if self.in_flight.is_some() {
            return None;
        }
        let scope = self.scope.as_ref()?;
        let want = self.wish.take()?;
        let rows = &self.window.rows;
        let query = AttemptQuery {
            integration: scope.integration,
            target: scope.target,
            event: scope.event.clone(),
            failed_only: scope.failed_only,
            from: None,
            before: 0,
            limit: WINDOW,
        };
        let first = rows.first().map(|row| row.id);
        let query = match want {
            Want::Newest => query,
            Want::Again => AttemptQuery { from: first, ..query },
            Want::Older => {
                let from = self.cursor_index().unwrap_or(0).saturating_sub(LEAD);
                AttemptQuery { from: rows.get(from).map(|row| row.id), ..query }
            }
            Want::Newer => AttemptQuery { from: first, before: WINDOW - LEAD, limit: LEAD, ..query },
            Want::Oldest => AttemptQuery { from: Some(AttemptId(0)), before: WINDOW, limit: 1, ..query },
        };
        let generation = number();
        self.in_flight = Some((generation, want));
        self.asked_version = version;
        Some((generation, query))
    }

    /// Takes an answer up; false when it is not the one that is waited for.
    pub fn take(&mut self, generation: u64, answer: &Answer) -> bool {
        let Some((_, want)) = self.in_flight.filter(|(waiting, _)| *waiting == generation) else {
            return false;
        };
        self.in_flight = None;
        match answer {
            Answer::Attempts(window) => self.install(window.clone(), want),
            Answer::Refused { reason } => self.error = Some(reason.clone()),
            _ => self.error = Some("the engine answered something else".to_owned()),
        }
        true
    }

    fn install(&mut self, window: AttemptWindow, want: Want) {
        let first = self.window.rows.first().map(|row| row.id);
        let below = |from: Option<AttemptId>| {
            from.map_or(window.rows.len(), |from| window.rows.iter().filter(|row| row.id <= from).count())
        };
        self.older = match want {
            Want::Newest | Want::Older => window.rows.len() >= WINDOW,
            Want::Again => below(first) >= WINDOW,
            Want::Newer => below(first) >= LEAD,
            Want::Oldest => false,
        };
        (self.window, self.loaded, self.error) = (window, true, None);
        if !self.held || self.cursor.is_none() {
            self.cursor = self.window.rows.first().map(|row| row.id);
            self.top = self.cursor;
        }
        if want == Want::Oldest {
            self.go(usize::MAX);
        } else if want == Want::Newer && self.carry > 0 {
            let rows = std::mem::take(&mut self.carry);
            self.step(-(rows.min(WINDOW) as isize));
        }
    }

    /// Moves the selection by rows.
    pub fn step(&mut self, rows: isize) {
        let Some(index) = self.cursor_index() else { return };
        // What can't be gone up yet is gone when those rows are here.
        let beyond = rows.unsigned_abs().saturating_sub(index);
        self.carry = if rows < 0 && self.window.newer > 0 { beyond } else { 0 };
        self.go(index.saturating_add_signed(rows));
    }

    /// To the newest, and on with what comes.
    pub fn first(&mut self) {
        self.held = false;
        if self.window.newer > 0 {
            self.want(Want::Newest);
        } else {
            self.cursor = self.window.rows.first().map(|row| row.id);
            self.top = self.cursor;
        }
    }

    /// To the oldest.
    pub fn last(&mut self) {
        if self.older {
            self.held = true;
            self.want(Want::Oldest);
        } else {
            self.go(usize::MAX);
        }
    }

    fn go(&mut self, index: usize) {
        let len = self.window.rows.len();
        let Some(last) = len.checked_sub(1) else { return };
        let index = index.min(last);
        self.cursor = self.window.rows.get(index).map(|row| row.id);
        self.held = self.window.newer > 0 || index > 0;
        if index + MARGIN >= len && self.older {
            self.want(Want::Older);
        } else if index < MARGIN && self.window.newer > 0 {
            self.want(Want::Newer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::api::Outcome;

    /// Attempts 1 to `total`; of each ten the filter lets one through.
    fn serve(total: u64, query: &AttemptQuery) -> AttemptWindow {
        let every = if query.failed_only { 10 } else { 1 };
        let all: Vec<u64> = (1..=total).rev().filter(|n| n % every == 0).collect();
        let from = query.from.map_or(u64::MAX, |from| from.0);
        let start = all.iter().filter(|n| **n > from).count();
        let first = start.saturating_sub(query.before);
        AttemptWindow {
            rows: all.iter().skip(first).take(start - first + query.limit).map(|n| row(*n)).collect(),
            newer: first as u64,
            total,
            version: total,
        }
    }

    fn row(n: u64) -> AttemptRow {
        AttemptRow {
            id: AttemptId(n),
            at: n as i64,
            took_ms: 3,
            target: None,
            url: "http://localhost:3000".into(),
            integration: IntegrationId(1),
            event: format!("evt_{n}"),
            event_type: "invoice.paid".into(),
            object: "in_1".into(),
            number: 1,
            outcome: Outcome::Delivered { status: 200 },
            next_at: None,
            replay: false,
        }
    }

    fn settle(it: &mut Attempts, total: u64) -> usize {
        let mut numbers = 100..;
        let mut asked = 0;
        while let Some((number, query)) = it.next_query(total, || numbers.next().unwrap()) {
            assert!(it.next_query(total, || 0).is_none(), "one at a time");
            assert!(it.take(number, &Answer::Attempts(serve(total, &query))));
            asked += 1;
            assert!(asked < 50, "it asks for ever");
        }
        asked
    }

    fn loaded(total: u64, failed_only: bool) -> Attempts {
        let mut it = Attempts::default();
        it.look_at(Scope { failed_only, ..Scope::default() });
        settle(&mut it, total);
        it
    }

    fn here(it: &Attempts) -> u64 {
        it.selected().unwrap().id.0
    }

    #[test]
    fn it_follows_the_newest_until_moved() {
        let mut it = loaded(50, false);
        it.notice(60);
        settle(&mut it, 60);
        assert_eq!(here(&it), 60);
        it.step(2);
        it.notice(90);
        settle(&mut it, 90);
        assert_eq!(here(&it), 58);
        it.first();
        settle(&mut it, 90);
        assert_eq!(here(&it), 90);
    }

    #[test]
    fn the_window_walks_down_and_up_without_losing_the_selection() {
        for failed_only in [false, true] {
            let total = if failed_only { 20_000 } else { 2_000 };
            let every = if failed_only { 10 } else { 1 };
            let mut it = loaded(total, failed_only);
            for n in 1..1_500 {
                it.step(1);
                settle(&mut it, total);
                assert_eq!(here(&it), total - n * every);
                assert!(it.window.rows.len() <= WINDOW);
            }
            for n in (0..1_499).rev() {
                it.step(-1);
                settle(&mut it, total);
                assert_eq!(here(&it), total - n * every);
            }
            assert!(it.is_following());
            it.last();
            settle(&mut it, total);
            assert_eq!(here(&it), every);
            it.step(-100);
            settle(&mut it, total);
            assert_eq!(here(&it), 101 * every);
        }
    }

    #[test]
    fn an_attempt_that_is_gone_gives_way_to_the_next_older_one() {
        let mut it = loaded(50, false);
        it.step(3);
        let rows = it.window.rows.clone();
        it.window.rows.retain(|row| row.id.0 != 47);
        assert_eq!(here(&it), 46);
        it.window.rows = rows;
        assert_eq!(here(&it), 47);
    }
}
