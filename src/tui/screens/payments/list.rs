//! The window of cases on the screen: which rows are loaded, which one is selected, what to ask for next.
//!
//! One window of a few hundred rows on however many there are; one request under way, the newest wish wins. The selection
//! is a case, not a place: cases that come and go above leave it on its line.

use crate::engine::api::{Answer, CaseOrder, CaseQuery, CaseRow, CaseWindow, IntegrationId};

/// Rows asked for at once.
const WINDOW: usize = 300;
/// With fewer rows than this left before the edge of the window, it is moved.
const MARGIN: usize = 60;
/// Rows above the wanted one.
const LEAD: usize = 120;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// One integration, or all.
    pub integration: Option<IntegrationId>,
    /// Recovered and lost ones, too.
    pub all: bool,
    /// Only what has this in it.
    pub find: String,
    /// In which order.
    pub order: CaseOrder,
}

/// A case by name.
pub type CaseId = (IntegrationId, String);

/// The way to a row that may not be loaded: its number, and the line of the screen that it shall be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Goal {
    index: usize,
    offset: usize,
}

/// The list's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CaseList {
    /// What is loaded.
    pub window: CaseWindow,
    /// Something was loaded for these accounts.
    pub loaded: bool,
    /// The rows are of the question before: what is looked for, or the order, has changed since.
    pub stale: bool,
    /// Why the last request failed.
    pub error: Option<String>,
    look: Option<Look>,
    cursor: Option<CaseId>,
    /// Row number of the selection when it was last seen.
    cursor_at: usize,
    /// Rows between the first visible one and the selection.
    offset: usize,
    /// Somebody has moved the selection; before that it stays on the first row.
    moved: bool,
    height: usize,
    goal: Option<Goal>,
    again: bool,
    in_flight: Option<(u64, Option<Goal>)>,
    asked_version: u64,
}

impl CaseList {
    /// Looks at something. With other accounts all that is loaded is of no use; else the rows stay until the new ones
    /// are here.
    pub fn look_at(&mut self, look: Look) {
        if self.look.as_ref() == Some(&look) {
            return;
        }
        let same = self.look.as_ref().is_some_and(|old| old.integration == look.integration);
        if same {
            // What is under way answers the question before: it is not waited for any more.
            self.in_flight = None;
            self.stale = self.loaded;
            self.error = None;
            self.moved = false;
            self.goal = None;
        } else {
            *self = CaseList { height: self.height, ..CaseList::default() };
        }
        self.again = true;
        self.look = Some(look);
    }

    /// What it looks at.
    pub fn look(&self) -> Option<&Look> {
        self.look.as_ref()
    }

    /// The next question to ask, if one is due, which is then under way as `number`.
    pub fn next_query(&mut self, version: u64, number: u64) -> Option<CaseQuery> {
        let look = self.look.as_ref()?;
        if self.in_flight.is_some() {
            return None;
        }
        let outdated = version > self.asked_version.max(self.window.version);
        if !(outdated || self.again || self.goal.is_some()) {
            return None;
        }
        let query = CaseQuery {
            integration: look.integration,
            all: look.all,
            find: look.find.clone(),
            order: look.order,
            skip: 0,
            around: None,
            limit: WINDOW.max(self.height * 3).min(500),
        };
        let lead = LEAD.max(self.height);
        let query = match (self.goal, &self.cursor) {
            (Some(goal), _) => CaseQuery { skip: goal.index.saturating_sub(lead), ..query },
            (None, Some(cursor)) if self.moved => {
                CaseQuery { skip: self.cursor_at.saturating_sub(lead), around: Some(cursor.clone()), ..query }
            }
            (None, _) => query,
        };
        self.again = false;
        self.asked_version = version;
        self.in_flight = Some((number, self.goal));
        Some(query)
    }

    /// Takes an answer up; false when it is not the one that is waited for.
    pub fn take(&mut self, generation: u64, answer: &Answer) -> bool {
        let Some((_, asked)) = self.in_flight.filter(|(number, _)| *number == generation) else {
            return false;
        };
        self.in_flight = None;
        let failed = match answer {
            Answer::Cases(window) => {
                self.install(window.clone(), asked);
                return true;
            }
            Answer::Refused { reason } => reason.clone(),
            _ => "the engine answered something else".to_owned(),
        };
        self.error = Some(failed);
        self.goal = None;
        true
    }

    fn install(&mut self, window: CaseWindow, asked: Option<Goal>) {
        self.window = window;
        (self.loaded, self.stale, self.error) = (true, false, None);
        let Some(last) = self.window.matching.checked_sub(1) else {
            (self.cursor, self.cursor_at, self.goal) = (None, 0, None);
            return;
        };
        if let Some(goal) = self.goal {
            let index = goal.index.min(last);
            if self.place_at(index) {
                (self.goal, self.offset) = (None, goal.offset);
            } else if asked == self.goal {
                // Asked for and not there: the list has become shorter meanwhile.
                self.goal = None;
                self.nearest(index);
            }
        } else if !self.moved {
            self.nearest(0);
            self.offset = 0;
        } else if let Some(index) = self.cursor_index() {
            self.cursor_at = self.window.skipped + index;
        } else {
            // It is no more among them: what stands in its place is selected.
            self.nearest(self.cursor_at.min(last));
        }
    }

    fn place_at(&mut self, at: usize) -> bool {
        let row = at.checked_sub(self.window.skipped).and_then(|index| self.window.rows.get(index));
        let Some(row) = row else { return false };
        self.cursor = Some((row.integration, row.id.clone()));
        self.cursor_at = at;
        true
    }

    fn nearest(&mut self, at: usize) {
        let last = (self.window.skipped + self.window.rows.len()).saturating_sub(1);
        if !self.place_at(at.clamp(self.window.skipped, last)) {
            (self.cursor, self.cursor_at) = (None, 0);
        }
    }

    /// Index of the selected case in the window.
    pub fn cursor_index(&self) -> Option<usize> {
        let (integration, id) = self.cursor.as_ref()?;
        self.window.rows.iter().position(|row| row.integration == *integration && row.id == *id)
    }

    /// The selected case.
    pub fn selected(&self) -> Option<&CaseRow> {
        self.cursor_index().and_then(|index| self.window.rows.get(index))
    }

    /// Number of the selected row, 0 first.
    pub fn row_number(&self) -> Option<usize> {
        self.cursor.as_ref().map(|_| self.cursor_at)
    }

    /// First visible row by number, for so many lines.
    pub fn top(&self, height: usize) -> usize {
        let height = height.max(1);
        let offset = self.offset.min(height - 1);
        let most = self.window.matching.saturating_sub(height);
        self.cursor_at.saturating_sub(offset).min(most.max(self.cursor_at.saturating_sub(height - 1)))
    }

    /// Moves the selection by rows.
    pub fn step(&mut self, rows: isize) {
        let Some(last) = self.window.matching.checked_sub(1).filter(|_| self.cursor.is_some()) else {
            return;
        };
        let (from, offset) =
            self.goal.map_or((self.cursor_at, self.offset), |goal| (goal.index, goal.offset));
        let to = from.saturating_add_signed(rows).min(last);
        let offset = if to >= from { offset + (to - from) } else { offset.saturating_sub(from - to) };
        self.moved = true;
        self.go(Goal { index: to, offset: offset.min(self.height.max(1) - 1) });
    }

    /// Moves it by a screen, less one row.
    pub fn page(&mut self, down: bool) {
        let rows = self.height.saturating_sub(1).max(1) as isize;
        self.step(if down { rows } else { -rows });
    }

    /// To the first row, which it then stays on, or to the last one.
    pub fn edge(&mut self, last: bool) {
        if self.cursor.is_none() {
            return;
        }
        let index = if last { self.window.matching.saturating_sub(1) } else { 0 };
        let offset = if last { self.height.saturating_sub(1) } else { 0 };
        self.go(Goal { index, offset });
        self.moved = last;
    }

    fn go(&mut self, goal: Goal) {
        if self.stale || !self.place_at(goal.index) {
            self.goal = Some(goal);
            return;
        }
        (self.goal, self.offset) = (None, goal.offset);
        let first = self.window.skipped;
        let end = first + self.window.rows.len();
        let margin = MARGIN.max(self.height);
        let near_end = goal.index + margin >= end && end < self.window.matching;
        let near_start = goal.index < first + margin && first > 0;
        self.again |= near_end || near_start;
    }

    /// Remembers the frame that was drawn, so that nothing moves before the next key.
    pub fn drawn(&mut self, rows: usize, offset: usize) {
        if rows > 0 {
            (self.height, self.offset) = (rows, offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::canned_forward::case;

    fn serve(ids: &[usize], query: &CaseQuery, version: u64) -> CaseWindow {
        let name = |n: &usize| format!("in_{n:05}");
        let found = query.around.as_ref().and_then(|(_, id)| ids.iter().position(|n| name(n) == *id));
        let skip = found.map_or(query.skip, |at| at.saturating_sub(50)).min(ids.len());
        let rows =
            ids.iter().skip(skip).take(query.limit).map(|n| CaseRow { id: name(n), ..case(*n) }).collect();
        CaseWindow { rows, skipped: skip, matching: ids.len(), version, ..CaseWindow::default() }
    }

    struct Bench {
        list: CaseList,
        ids: Vec<usize>,
        version: u64,
        number: u64,
    }

    impl Bench {
        fn new(rows: usize) -> Bench {
            let mut list = CaseList::default();
            let look = Look { integration: None, all: false, find: String::new(), order: CaseOrder::Newest };
            list.look_at(look);
            let mut bench = Bench { list, ids: (0..rows).map(|n| n * 10).collect(), version: 1, number: 0 };
            bench.settle();
            bench.list.drawn(10, 0);
            bench
        }

        fn settle(&mut self) {
            for _ in 0..6 {
                let Some(query) = self.list.next_query(self.version, self.number + 1) else { return };
                self.number += 1;
                assert!(self.list.next_query(self.version, 9999).is_none(), "one at a time");
                let answer = Answer::Cases(serve(&self.ids, &query, self.version));
                assert!(self.list.take(self.number, &answer));
            }
            panic!("it asks for ever");
        }

        /// The number in the selected row's id, and its line on a screen of ten rows.
        fn here(&mut self) -> (usize, usize) {
            let line = self.list.row_number().unwrap() - self.list.top(10);
            self.list.drawn(10, line);
            (self.list.selected().unwrap().id[3..].parse().unwrap(), line)
        }
    }

    #[test]
    fn it_walks_through_all_of_them_and_back() {
        let mut it = Bench::new(1_000);
        for n in 1..1_000 {
            it.list.step(1);
            it.settle();
            assert_eq!(it.here().0, n * 10);
        }
        for n in (0..999).rev() {
            it.list.step(-1);
            it.settle();
            assert_eq!(it.here().0, n * 10);
        }
        it.list.edge(true);
        it.settle();
        assert_eq!(it.here(), (9_990, 9));
        it.list.page(false);
        it.list.edge(false);
        it.settle();
        assert_eq!(it.here(), (0, 0));
    }

    #[test]
    fn cases_that_come_and_go_above_leave_the_selection_on_its_line() {
        let mut it = Bench::new(500);
        for _ in 0..15 {
            it.list.step(1);
            it.here();
        }
        let before = it.here();
        assert_eq!(before, (150, 9));
        it.ids.splice(0..0, 20_001..20_041);
        it.version = 2;
        it.settle();
        assert_eq!(it.here(), before);
        // It is recovered: the next one takes its place.
        it.ids.retain(|n| *n != 150);
        it.version = 3;
        it.settle();
        assert_eq!(it.here(), (160, 9));
        it.ids.clear();
        it.version = 4;
        it.settle();
        assert!(it.list.selected().is_none());
    }

    #[test]
    fn nobody_having_moved_it_stays_on_the_first_row() {
        let mut it = Bench::new(5);
        it.ids.insert(0, 777);
        it.version = 2;
        it.settle();
        assert_eq!(it.here(), (777, 0));
    }
}
