//! The window of events on a screen: which rows are loaded, which one is selected, what to ask for next. The dashboard
//! and the events' screen have one each.
//!
//! It holds one window of a few hundred rows, whatever the length of the feed, and at most one request is under way;
//! the newest wish wins. The selection is an event, not a place, so rows that come in above never move it.

use crate::engine::api::{EventPos, EventQuery, EventRow, EventWindow, IntegrationId};

/// Rows asked for at once.
pub const WINDOW: usize = 300;
/// With fewer rows than this left before the edge of the window, more are asked for.
const MARGIN: usize = 60;
/// Rows kept above the cursor when the window moves down.
const LEAD: usize = 120;

/// What is wanted of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// The newest rows.
    Newest,
    /// The same rows again: counts have changed.
    Again,
    /// Rows further down.
    Older,
    /// Rows further up.
    Newer,
    /// The oldest rows.
    Oldest,
}

/// Whose events are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Nobody's yet.
    Nothing,
    /// Everybody's.
    All,
    /// One account's.
    One(IntegrationId),
}

/// The feed's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// What is loaded.
    pub window: EventWindow,
    /// Something was loaded for this scope.
    pub loaded: bool,
    /// The selected event.
    pub cursor: Option<EventPos>,
    /// The first visible event.
    pub top: Option<EventPos>,
    /// Stays on the newest row.
    pub following: bool,
    /// Held by hand, even on the newest row.
    pub frozen: bool,
    /// Events that came in above since it stopped following.
    pub new_above: u64,
    /// Why the last request failed.
    pub error: Option<String>,
    scope: Scope,
    filter: String,
    asked_version: u64,
    in_flight: Option<(u64, Want)>,
    wish: Option<Want>,
    /// Rows still to go up once those above are loaded.
    carry: usize,
}

impl Default for Feed {
    fn default() -> Self {
        Feed {
            window: EventWindow::default(),
            loaded: false,
            cursor: None,
            top: None,
            following: true,
            frozen: false,
            new_above: 0,
            error: None,
            scope: Scope::Nothing,
            filter: String::new(),
            asked_version: 0,
            in_flight: None,
            wish: None,
            carry: 0,
        }
    }
}

/// A row's place.
pub fn place(row: &EventRow) -> EventPos {
    EventPos { created: row.created, id: row.id.clone() }
}

impl Feed {
    /// Looks at another account, or at all, or at what another filter lets through: what is loaded is of no use any
    /// more. True when it was something else before.
    pub fn look_at(&mut self, scope: Option<IntegrationId>, filter: &str) -> bool {
        let scope = scope.map_or(Scope::All, Scope::One);
        if self.scope == scope && self.filter == filter {
            return false;
        }
        *self = Feed { scope, filter: filter.to_owned(), ..Feed::default() };
        self.wish = Some(Want::Newest);
        true
    }

    /// Takes over what another feed of the same account shows, with its selection, which is held.
    pub fn continue_from(&mut self, other: &Feed) {
        *self = Feed { in_flight: None, wish: None, carry: 0, ..other.clone() };
        self.hold();
    }

    /// Stops following without being frozen by hand: something is read that must not go away.
    pub fn hold(&mut self) {
        self.following = false;
    }

    /// A filter is in force.
    pub fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// There are rows below the loaded ones, or may be.
    pub fn has_older(&self) -> bool {
        let window = &self.window;
        let shown = window.newer + window.rows.len() as u64;
        match window.matching {
            _ if !self.is_filtered() => shown < window.total,
            Some(matching) => shown < matching,
            None => window.looked_to.is_some() || window.rows.len() >= WINDOW,
        }
    }

    /// Index of the selected event in the window.
    pub fn cursor_index(&self) -> Option<usize> {
        self.cursor.as_ref().and_then(|cursor| self.index_of(cursor))
    }

    /// The selected event.
    pub fn selected(&self) -> Option<&EventRow> {
        self.cursor_index().and_then(|index| self.window.rows.get(index))
    }

    /// Index of the first visible event.
    pub fn top_index(&self) -> usize {
        self.top.as_ref().and_then(|top| self.index_of(top)).unwrap_or(0)
    }

    /// A request is under way.
    pub fn is_waiting(&self) -> bool {
        self.in_flight.is_some()
    }

    fn index_of(&self, pos: &EventPos) -> Option<usize> {
        let rows = &self.window.rows;
        rows.iter().position(|row| row.id == pos.id && row.created == pos.created).or_else(|| {
            // Gone from the log: the next older one takes its place.
            let older = rows.iter().position(|row| (row.created, &row.id) < (pos.created, &pos.id));
            older.or_else(|| rows.len().checked_sub(1))
        })
    }

    fn rank(&self) -> u64 {
        self.window.newer + self.cursor_index().unwrap_or(0) as u64
    }

    /// Events were stored: the window is to be read again.
    pub fn notice(&mut self, version: u64) {
        if version > self.asked_version.max(self.window.version) {
            self.want(if self.following { Want::Newest } else { Want::Again });
        }
    }

    /// Something in the rows has changed: they are read again.
    pub fn read_again(&mut self) {
        self.want(if self.following { Want::Newest } else { Want::Again });
    }

    fn want(&mut self, want: Want) {
        // A wish to move the window is stronger than one to read it again, which comes with it.
        if want != Want::Again || self.wish.is_none() {
            self.wish = Some(want);
        }
    }

    /// The next question to ask, if one is due; `number` gives it its number.
    pub fn next_query(&mut self, version: u64, number: impl FnOnce() -> u64) -> Option<(u64, EventQuery)> {
        if self.in_flight.is_some() {
            return None;
        }
        let integration = match self.scope {
            Scope::Nothing => return None,
            Scope::All => None,
            Scope::One(id) => Some(id),
        };
        let want = self.wish.take()?;
        let rows = &self.window.rows;
        let query =
            EventQuery { integration, limit: WINDOW, filter: self.filter.clone(), ..EventQuery::default() };
        let query = match want {
            Want::Newest => query,
            Want::Oldest => EventQuery { oldest: true, ..query },
            Want::Again => EventQuery { from: rows.first().map(place), ..query },
            Want::Older => {
                let first = self.cursor_index().unwrap_or(0).saturating_sub(LEAD);
                EventQuery { from: rows.get(first).map(place), ..query }
            }
            Want::Newer => {
                EventQuery { from: rows.first().map(place), before: WINDOW - LEAD, limit: LEAD, ..query }
            }
        };
        let generation = number();
        self.in_flight = Some((generation, want));
        self.asked_version = version;
        Some((generation, query))
    }

    /// Takes an answer up; false when it is not the one that is waited for.
    pub fn take(&mut self, generation: u64, answer: Result<EventWindow, String>) -> bool {
        let Some((waiting, want)) = self.in_flight else { return false };
        if waiting != generation {
            return false;
        }
        self.in_flight = None;
        match answer {
            Err(reason) => self.error = Some(reason),
            Ok(window) => {
                self.error = None;
                self.loaded = true;
                let known = self.new_above;
                self.install(window);
                if want == Want::Oldest {
                    // The rows that were jumped over are not new.
                    self.new_above = known;
                    self.go(usize::MAX);
                } else if want == Want::Newer && self.carry > 0 {
                    let rows = std::mem::take(&mut self.carry);
                    self.step(-(rows.min(WINDOW) as isize));
                }
            }
        }
        true
    }

    fn install(&mut self, window: EventWindow) {
        let before = self.cursor.as_ref().map(|_| self.rank());
        self.window = window;
        if self.following {
            self.jump_to_newest();
        } else if let Some(before) = before {
            // Whoever was above the selection and was not before has come in since.
            let now = self.rank();
            self.new_above = (self.new_above + now.saturating_sub(before)).min(now);
        }
        if self.cursor.is_none() {
            self.jump_to_newest();
        }
    }

    fn jump_to_newest(&mut self) {
        let first = self.window.rows.first().map(place);
        self.cursor.clone_from(&first);
        self.top = first;
        self.new_above = 0;
    }

    /// Moves the selection by rows.
    pub fn step(&mut self, rows: isize) {
        let Some(index) = self.cursor_index() else { return };
        // What can't be gone up yet is gone when those rows are here.
        let beyond = rows.unsigned_abs().saturating_sub(index);
        self.carry = if rows < 0 && self.window.newer > 0 { beyond } else { 0 };
        self.go(index.saturating_add_signed(rows));
    }

    /// To the oldest row there is.
    pub fn last(&mut self) {
        if self.has_older() {
            self.following = false;
            self.want(Want::Oldest);
        } else {
            self.go(usize::MAX);
        }
    }

    fn go(&mut self, index: usize) {
        let len = self.window.rows.len();
        let Some(last) = len.checked_sub(1) else { return };
        let index = index.min(last);
        self.cursor = self.window.rows.get(index).map(place);
        let rank = self.rank();
        self.following = rank == 0 && !self.frozen;
        self.new_above = self.new_above.min(rank);
        if index + MARGIN >= len && self.has_older() {
            self.want(Want::Older);
        } else if index < MARGIN && self.window.newer > 0 {
            self.want(Want::Newer);
        }
    }

    /// To the newest row, and on with what comes.
    pub fn follow(&mut self) {
        self.following = true;
        self.frozen = false;
        self.new_above = 0;
        if self.window.newer > 0 {
            self.want(Want::Newest);
        } else {
            self.jump_to_newest();
        }
    }

    /// Freezes, or follows again.
    pub fn toggle_freeze(&mut self) {
        if self.following {
            self.following = false;
            self.frozen = true;
        } else {
            self.follow();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::plain_event as row;

    /// A feed of `total` events, one a second, of which the answer shows what the query asks for. The filter lets
    /// the even ones through.
    fn serve(total: i64, query: &EventQuery) -> EventWindow {
        let every = if query.filter.is_empty() { 1 } else { 2 };
        let all: Vec<i64> = (0..total).rev().filter(|n| n % every == 0).collect();
        let from = query.from.as_ref().map_or(i64::MAX, |pos| pos.created);
        let start = if query.oldest {
            all.len().saturating_sub(query.limit)
        } else {
            all.iter().filter(|n| **n > from).count()
        };
        let first = start.saturating_sub(query.before);
        EventWindow {
            rows: all.iter().skip(first).take(start - first + query.limit).map(|n| row(*n)).collect(),
            newer: first as u64,
            total: total as u64,
            matching: (!query.filter.is_empty()).then_some(all.len() as u64),
            version: total as u64,
            ..EventWindow::default()
        }
    }

    /// Answers until nothing is wanted; returns how many requests that took.
    fn settle(feed: &mut Feed, total: i64) -> usize {
        let mut numbers = 100..;
        let mut asked = 0;
        while let Some((number, query)) = feed.next_query(total as u64, || numbers.next().unwrap()) {
            assert!(feed.next_query(total as u64, || 0).is_none(), "one at a time");
            assert!(feed.take(number, Ok(serve(total, &query))));
            asked += 1;
            assert!(asked < 100);
        }
        asked
    }

    fn loaded(total: i64) -> Feed {
        let mut feed = Feed::default();
        feed.look_at(None, "");
        settle(&mut feed, total);
        feed
    }

    #[test]
    fn it_follows_the_newest_until_moved_and_counts_what_comes_in_above() {
        let mut feed = loaded(1000);
        assert_eq!(feed.selected().unwrap().id, "evt_000999");
        feed.notice(1010);
        settle(&mut feed, 1010);
        assert_eq!(feed.selected().unwrap().id, "evt_001009");
        feed.step(3);
        assert!(!feed.following);
        feed.notice(1047);
        settle(&mut feed, 1047);
        assert_eq!(feed.selected().unwrap().id, "evt_001006");
        assert_eq!(feed.new_above, 37);
        feed.follow();
        settle(&mut feed, 1047);
        assert_eq!(feed.selected().unwrap().id, "evt_001046");
        assert_eq!(feed.new_above, 0);
    }

    #[test]
    fn the_window_walks_down_and_up_again_without_losing_the_selection() {
        let mut feed = loaded(20_000);
        for n in 1..=5_000_i64 {
            feed.step(1);
            settle(&mut feed, 20_000);
            assert_eq!(feed.selected().unwrap().created, 19_999 - n);
            assert!(feed.window.rows.len() <= WINDOW);
        }
        for n in (0..5_000_i64).rev() {
            feed.step(-1);
            settle(&mut feed, 20_000);
            assert_eq!(feed.selected().unwrap().created, 19_999 - n);
        }
        assert!(feed.following);
    }

    #[test]
    fn ten_thousand_rows_after_freezing_it_still_stands_and_leads_up_again() {
        let mut feed = loaded(500);
        feed.toggle_freeze();
        feed.notice(10_500);
        settle(&mut feed, 10_500);
        assert_eq!(feed.selected().unwrap().created, 499);
        assert_eq!(feed.new_above, 10_000);
        for n in 0..700 {
            feed.step(-1);
            settle(&mut feed, 10_500);
            assert_eq!(feed.selected().unwrap().created, 500 + n);
        }
    }

    #[test]
    fn the_oldest_row_is_one_key_away_and_a_filter_begins_anew() {
        let mut feed = loaded(20_000);
        feed.last();
        settle(&mut feed, 20_000);
        assert_eq!((feed.selected().unwrap().created, feed.new_above), (0, 0));
        assert!(!feed.following && !feed.has_older());
        assert!(feed.look_at(None, "even") && !feed.look_at(None, "even"));
        settle(&mut feed, 20_000);
        assert_eq!(feed.window.matching, Some(10_000));
        assert_eq!(feed.selected().unwrap().created, 19_998);
        for n in 1..=400 {
            feed.step(1);
            settle(&mut feed, 20_000);
            assert_eq!(feed.selected().unwrap().created, 19_998 - 2 * n);
        }
        feed.last();
        settle(&mut feed, 20_000);
        assert_eq!(feed.selected().unwrap().created, 0);
    }

    #[test]
    fn stale_answers_are_not_taken() {
        let mut feed = loaded(10);
        feed.look_at(Some(IntegrationId(2)), "");
        let (number, query) = feed.next_query(1, || 7).unwrap();
        assert!(!feed.take(6, Ok(serve(10, &query))));
        assert!(!feed.loaded);
        assert!(feed.take(number, Err("no".into())));
        assert_eq!(feed.error.as_deref(), Some("no"));
    }
}
