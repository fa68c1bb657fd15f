//! How a table moves and what it asks for. Pure: a question is returned, never sent.
//!
//! At most one request is under way. Whoever moves on before its rows are here is taken there by the next one:
//! the newest wish wins, and nothing piles up.

use super::columns;
use super::state::{BadFilter, Goal, RowId, TableSpec, TableState, Target};
use crate::engine::api::{Answer, Place, RecordQuery, RecordWindow, Request};
use crate::tui::effects::Effect;
use crate::tui::widgets::Hits;

/// Most rows the engine gives at once.
const MOST: usize = 500;
/// Rows asked for at once on a usual screen.
const WINDOW: usize = 300;
/// With fewer rows than this left before the edge of the window, it is moved.
const MARGIN: u64 = 60;

/// Asks for the rows that the table should have and has not. `generation` is the state's counter, `version` the
/// snapshot's `records_version`.
pub fn ask(table: &mut TableState, generation: &mut u64, version: u64) -> Vec<Effect> {
    let Some(query) = table.next_query(version, *generation + 1) else { return Vec::new() };
    *generation += 1;
    vec![Effect::Request { generation: *generation, request: Request::Records(query) }]
}

impl TableState {
    /// Looks at something. With another kind or other accounts all that is loaded is of no use; with another filter
    /// or order the rows stay until the new ones are here.
    pub fn look_at(&mut self, spec: TableSpec) {
        let Some(old) = self.spec.as_ref().filter(|old| **old != spec) else {
            if self.spec.is_none() {
                self.again = true;
                self.spec = Some(spec);
            }
            return;
        };
        let same = (old.integration, old.kind, old.catalog) == (spec.integration, spec.kind, spec.catalog);
        if same {
            // What is under way answers the question before: it is not waited for any more.
            self.in_flight = None;
            self.stale = self.loaded;
            self.bad_filter = None;
            self.error = None;
            self.fresh = true;
            self.again = true;
            self.goal = Some(Goal { target: Target::Index(0), offset: 0 });
            self.spec = Some(spec);
        } else {
            let height = self.height;
            *self = TableState { height, again: true, spec: Some(spec), ..TableState::new() };
        }
    }

    /// Reads the window again, whatever the version.
    pub fn read_again(&mut self) {
        self.again = true;
    }

    /// The next question to ask, if one is due, which is then under way as `number`.
    pub fn next_query(&mut self, version: u64, number: u64) -> Option<RecordQuery> {
        let spec = self.spec.as_ref()?;
        if self.in_flight.is_some() {
            return None;
        }
        let outdated = version > self.asked_version.max(self.window.version);
        if !(outdated || self.again || self.goal.is_some()) {
            return None;
        }
        let limit = WINDOW.max(self.height * 4).min(MOST);
        // Rows above the selection: at least a screen of them.
        let lead = (limit / 5 * 2) as u64;
        let at = match (self.goal, &self.cursor) {
            (Some(Goal { target: Target::End, .. }), _) => Place::End,
            (Some(Goal { target: Target::Index(index), .. }), _) => {
                Place::Index { index: index.saturating_sub(lead) }
            }
            (None, Some(cursor)) if !self.fresh => Place::Around {
                integration: cursor.integration,
                id: cursor.id.clone(),
                before: lead,
                index: self.cursor_at,
            },
            (None, _) => Place::Index { index: 0 },
        };
        let query = RecordQuery {
            integration: spec.integration,
            kind: spec.kind,
            catalog: spec.catalog,
            filter: spec.filter.clone(),
            sort: spec.sort.clone(),
            at,
            limit,
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
        match answer {
            Answer::Records(window) => self.install(window.clone(), asked),
            Answer::BadFilter { at, length, reason } => {
                self.bad_filter = Some(BadFilter { at: *at, length: *length, reason: reason.clone() });
                self.goal = None;
            }
            Answer::Refused { reason } => self.fail(reason.clone()),
            _ => self.fail("the engine answered something else: quit and start again".to_owned()),
        }
        true
    }

    fn fail(&mut self, reason: String) {
        self.error = Some(reason);
        self.goal = None;
    }

    fn install(&mut self, window: RecordWindow, asked: Option<Goal>) {
        self.widths = [false, true].map(|ascii| columns::widths(&window, ascii));
        self.window = window;
        self.loaded = true;
        self.stale = false;
        self.error = None;
        self.bad_filter = None;
        let asked_for_end = asked.is_some_and(|goal| goal.target == Target::End);
        if self.window.rows.is_empty() && self.window.matching > 0 && !asked_for_end {
            // Asked for behind an end that has come nearer meanwhile: the end, then.
            self.goal = Some(Goal { target: Target::End, offset: self.goal.map_or(0, |goal| goal.offset) });
            return;
        }
        let Some(last) = self.window.matching.checked_sub(1).filter(|_| !self.window.rows.is_empty()) else {
            self.cursor = None;
            self.cursor_at = 0;
            self.goal = None;
            return;
        };
        if let Some(goal) = self.goal {
            let at = match goal.target {
                Target::Index(index) => index.min(last),
                Target::End => last,
            };
            // Not among the rows although it was asked for: the nearest one has to do.
            if self.place_at(at, asked == self.goal) {
                self.goal = None;
                self.offset = goal.offset;
            }
        } else if self.fresh {
            self.place_at(0, true);
            self.offset = 0;
        } else if let Some(index) = self.cursor_index() {
            self.cursor_at = self.window.first + index as u64;
        } else if !self.place_at(self.cursor_at.min(last), false) {
            // Rows were asked for before the selection went elsewhere: those around it are what is wanted.
            self.goal = Some(Goal { target: Target::Index(self.cursor_at.min(last)), offset: self.offset });
        }
    }

    /// Selects the row of that number, or the nearest that is loaded if `nearest`; false when it is not loaded.
    fn place_at(&mut self, at: u64, nearest: bool) -> bool {
        let len = self.window.rows.len() as u64;
        let within = at.checked_sub(self.window.first).filter(|index| *index < len);
        let index = match within {
            Some(index) => index,
            None if nearest && len > 0 => {
                if at < self.window.first {
                    0
                } else {
                    len - 1
                }
            }
            None => return false,
        };
        self.cursor = self.window.rows.get(index as usize).map(RowId::of);
        self.cursor_at = self.window.first + index;
        true
    }

    /// Moves the selection by rows.
    pub fn step(&mut self, rows: isize) {
        let Some(last) = self.window.matching.checked_sub(1).filter(|_| self.cursor.is_some()) else {
            return;
        };
        let (from, offset) = match self.goal {
            Some(Goal { target: Target::Index(index), offset }) => (index, offset),
            Some(Goal { target: Target::End, offset }) => (last, offset),
            None => (self.cursor_at, self.offset),
        };
        let to = from.saturating_add_signed(rows as i64).min(last);
        let moved = (to as i64).saturating_sub(from as i64);
        let offset = (offset as i64).saturating_add(moved).clamp(0, self.height.max(1) as i64 - 1);
        self.fresh = false;
        self.go(Goal { target: Target::Index(to), offset: offset as usize });
    }

    /// Moves it by a screen, less one row.
    pub fn page(&mut self, down: bool) {
        let rows = self.height.saturating_sub(1).max(1) as isize;
        self.step(if down { rows } else { -rows });
    }

    /// To the first row, which it then stays on, or to the last one.
    pub fn edge(&mut self, last: bool) {
        self.fresh = !last;
        let target = if last { Target::End } else { Target::Index(0) };
        let offset = if last { self.height.saturating_sub(1) } else { 0 };
        self.go(Goal { target, offset });
    }

    fn go(&mut self, goal: Goal) {
        let at = match goal.target {
            Target::Index(index) => index,
            Target::End => self.window.matching.saturating_sub(1),
        };
        if self.stale || !self.place_at(at, false) {
            self.goal = Some(goal);
            return;
        }
        self.goal = None;
        self.offset = goal.offset;
        let first = self.window.first;
        let end = first + self.window.rows.len() as u64;
        let margin = MARGIN.max(self.height as u64);
        self.again |=
            (at + margin >= end && end < self.window.matching) || (at < first + margin && first > 0);
    }

    /// Remembers the frame that was drawn, so that nothing moves before the next key.
    pub fn drawn(&mut self, hits: &Hits) {
        if hits.table_rows > 0 {
            self.height = hits.table_rows;
            self.offset = hits.table_offset;
        }
    }
}
