//! The planner of a list walk: a list cut into `created` windows that are read side by side. Pure.
//!
//! One chain of `starting_after` pages can never be faster than one page a round trip, so the time range is
//! cut; a reader that runs dry takes half of the largest remaining window. The state serialises and is stored
//! in the same batch as the pages it speaks of, so that no durable page is read again. It must never lose a
//! second: windows touch, and a cut moves whole seconds.
//!
//! Facts: lists are newest first, `created[gte|lt]` filter on creation, a cursor is an id of that list
//! (stripe-api reference, lists and pagination).

use serde::{Deserialize, Serialize};

/// Before this there was no Stripe: 2010-01-01.
const BEGINNING: i64 = 1_262_304_000;
/// A window is not cut when fewer rows than this are likely left in it: a cut costs up to one page more.
const WORTH_CUTTING: f64 = 600.0;
/// Windows of a walk, at most: the state is stored with every page.
const MOST_WINDOWS: usize = 64;
/// Where a walk over the whole history is cut first, in days before its end: history is denser lately.
const FIRST_CUTS: [i64; 8] = [14, 45, 90, 180, 365, 730, 1460, 2920];
const DAY: i64 = 86_400;

/// A stretch of time, read newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// First second of it.
    pub gte: i64,
    /// The second after its last.
    pub lt: i64,
    /// The last id read; the next page begins after it.
    pub after: Option<String>,
    /// `created` of that row.
    pub reached: Option<i64>,
    /// Rows a second in the last page: how much is likely left.
    pub density: f64,
    /// Rows that were in this window.
    pub rows: u64,
    /// Nothing is left to read.
    pub done: bool,
    /// A page of it is being read (never stored as true).
    #[serde(skip)]
    pub busy: bool,
}

impl Window {
    fn new(gte: i64, lt: i64) -> Self {
        Self { gte, lt, after: None, reached: None, density: 0.0, rows: 0, done: gte >= lt, busy: false }
    }

    /// The newest second that may still hold unread rows.
    fn open_until(&self) -> i64 {
        self.reached.map_or(self.lt, |reached| reached + 1)
    }

    fn seconds_left(&self) -> i64 {
        if self.done { 0 } else { (self.open_until() - self.gte).max(0) }
    }

    fn rows_left(&self) -> f64 {
        self.seconds_left() as f64 * self.density
    }
}

/// A walk over one list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    windows: Vec<Window>,
    /// Pages read.
    pub pages: u64,
    /// Rows accepted.
    pub rows: u64,
    /// The first page has been read: only then is it known whether cutting is worth it.
    started: bool,
    /// The range was given by a person, so that a share of it means something.
    bounded: bool,
    /// Ended before its end: what was not seen may still be in the list.
    #[serde(default)]
    pub ended_early: bool,
}

/// What to ask for next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Which window it is for.
    pub window: usize,
    /// `created[gte]`, unless it is the beginning of time.
    pub gte: Option<i64>,
    /// `created[lt]`.
    pub lt: i64,
    /// `starting_after`.
    pub after: Option<String>,
}

impl Walk {
    /// A walk from `gte` (none: from the beginning) up to, but not including, the second `lt`.
    pub fn new(gte: Option<i64>, lt: i64) -> Self {
        let from = gte.unwrap_or(BEGINNING).min(lt);
        Self {
            windows: vec![Window::new(from, lt)],
            pages: 0,
            rows: 0,
            started: false,
            bounded: gte.is_some(),
            ended_early: false,
        }
    }

    /// All is read.
    pub fn is_done(&self) -> bool {
        self.windows.iter().all(|window| window.done)
    }

    /// Moves the end of the range to a later second: a walk that is taken up again after days has those to read,
    /// too.
    pub fn extend(&mut self, lt: i64) {
        let end = self.windows.iter().map(|window| window.lt).max().unwrap_or(lt);
        match self.windows.first_mut() {
            Some(only) if !self.started => only.lt = only.lt.max(lt),
            _ if lt > end => self.windows.push(Window::new(end, lt)),
            _ => {}
        }
    }

    /// After a stop nothing is under way: every window can be asked for again.
    pub fn reset(&mut self) {
        for window in &mut self.windows {
            window.busy = false;
        }
    }

    /// The next page to read, if there is one to read now; cuts windows so that `readers` have work.
    pub fn ask(&mut self, readers: usize) -> Option<Ask> {
        let busy = self.windows.iter().filter(|window| window.busy).count();
        if busy >= readers.max(1) || (!self.started && busy > 0) {
            return None;
        }
        let free = |window: &Window| !window.done && !window.busy;
        // Newest first: what people look for is recent.
        let mut best = self.windows.iter().position(free);
        for (index, window) in self.windows.iter().enumerate() {
            if free(window) && best.is_some_and(|best| self.windows[best].lt < window.lt) {
                best = Some(index);
            }
        }
        let index = best.or_else(|| self.cut())?;
        let window = &mut self.windows[index];
        window.busy = true;
        Some(Ask {
            window: index,
            gte: (window.gte > BEGINNING).then_some(window.gte),
            lt: window.lt,
            after: window.after.clone(),
        })
    }

    /// Cuts the window with the most rows likely left and returns the new one.
    fn cut(&mut self) -> Option<usize> {
        if self.windows.len() >= MOST_WINDOWS {
            return None;
        }
        let (index, _) = self
            .windows
            .iter()
            .enumerate()
            .filter(|(_, window)| {
                !window.done && window.reached.is_some() && window.rows_left() >= WORTH_CUTTING
            })
            .max_by(|a, b| a.1.rows_left().total_cmp(&b.1.rows_left()))?;
        let window = &mut self.windows[index];
        let middle = window.gte + window.seconds_left() / 2;
        if middle <= window.gte || middle >= window.open_until() {
            return None;
        }
        let lower = Window { density: window.density, ..Window::new(window.gte, middle) };
        window.gte = middle;
        self.windows.push(lower);
        Some(self.windows.len() - 1)
    }

    /// Takes a page in: `created` of its rows, newest first, and the id of the last. Returns how many of the
    /// rows belong to this window (the rest lies in a window that was cut off meanwhile).
    pub fn page(&mut self, index: usize, created: &[i64], last_id: Option<&str>, has_more: bool) -> usize {
        self.pages += 1;
        let Some(window) = self.windows.get_mut(index) else { return 0 };
        window.busy = false;
        let ours = created.iter().take_while(|time| **time >= window.gte).count();
        window.rows += ours as u64;
        self.rows += ours as u64;
        if let (Some(first), Some(last)) = (created.first(), created.last()) {
            window.density = created.len() as f64 / (first - last).max(1) as f64;
            window.reached = Some(*last);
            window.after = last_id.map(str::to_owned);
        }
        if !has_more || ours < created.len() || last_id.is_none() {
            window.done = true;
        }
        if !self.started {
            self.started = true;
            self.cut_first();
        }
        ours
    }

    /// After the first page: cut what is left at the places where history usually gets thinner.
    fn cut_first(&mut self) {
        let Some(window) = self.windows.first_mut() else { return };
        if window.done {
            return;
        }
        let (start, end) = (window.gte, window.open_until());
        let mut cuts: Vec<i64> = if self.bounded {
            (1..8).map(|part| start + (end - start) / 8 * part).collect()
        } else {
            FIRST_CUTS.iter().map(|days| end - days * DAY).collect()
        };
        let density = window.density;
        cuts.sort_unstable_by(|a, b| b.cmp(a));
        let mut upper = end;
        let mut lower_ends = Vec::new();
        for cut in cuts {
            // Each stretch should be worth a page of its own, as far as the newest page tells.
            if cut > start && cut < upper && (upper - cut) as f64 * density >= 150.0 {
                lower_ends.push(cut);
                upper = cut;
            }
        }
        let Some((first, rest)) = lower_ends.split_first() else { return };
        window.gte = *first;
        let mut upper = *first;
        for lower in rest.iter().copied().chain([start]) {
            self.windows.push(Window::new(lower, upper));
            upper = lower;
        }
    }

    /// The page could not be read: the window can be asked for again.
    pub fn failed(&mut self, index: usize) {
        if let Some(window) = self.windows.get_mut(index) {
            window.busy = false;
        }
    }

    /// The window's cursor is gone at Stripe (the object was deleted): begin again at the second it reached.
    pub fn lost_cursor(&mut self, index: usize) {
        if let Some(window) = self.windows.get_mut(index) {
            window.busy = false;
            window.lt = window.open_until();
            window.after = None;
            window.reached = None;
        }
    }

    /// Ends the walk early: what it was after has been found.
    pub fn finish(&mut self) {
        self.ended_early |= !self.is_done();
        for window in &mut self.windows {
            window.done = true;
        }
    }

    /// Windows so far: what a walk costs beyond its full pages.
    pub fn windows(&self) -> u64 {
        self.windows.len() as u64
    }

    /// Share of the time range that is read, 0 to 1. Windows that turned out empty do not count: nobody knows
    /// when an account began.
    pub fn fraction(&self) -> f64 {
        if self.is_done() {
            return 1.0;
        }
        let counted = self.windows.iter().filter(|window| !(window.done && window.rows == 0));
        let (mut all, mut left) = (0.0, 0.0);
        for window in counted {
            // The stretch before Stripe's first likely customer is not waited for.
            let unknown = !self.bounded && window.reached.is_none() && window.gte == BEGINNING;
            if !unknown {
                all += (window.lt - window.gte) as f64;
                left += window.seconds_left() as f64;
            }
        }
        if all <= 0.0 { 0.0 } else { (1.0 - left / all).clamp(0.0, 1.0) }
    }

    /// Rows likely left, by the density of each window's last page; unread windows by their newer neighbour's.
    pub fn rows_left(&self) -> f64 {
        let mut order: Vec<&Window> = self.windows.iter().collect();
        order.sort_by_key(|window| -window.lt);
        let mut density = 0.0;
        let mut rows = 0.0;
        for window in order {
            if window.density > 0.0 {
                density = window.density;
            }
            if !(window.reached.is_none() && window.gte == BEGINNING && !self.bounded) {
                rows += window.seconds_left() as f64 * density;
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A list of rows by their times, newest first; ids are positions.
    struct List(Vec<i64>);

    impl List {
        fn new(mut times: Vec<i64>) -> Self {
            times.sort_unstable_by(|a, b| b.cmp(a));
            Self(times)
        }

        fn read(&self, ask: &Ask, limit: usize) -> (Vec<(usize, i64)>, bool) {
            let begin = ask.after.as_ref().map_or(0, |id| id.parse::<usize>().unwrap() + 1);
            let mut rows: Vec<(usize, i64)> = self
                .0
                .iter()
                .copied()
                .enumerate()
                .skip(begin)
                .filter(|(_, time)| *time < ask.lt && ask.gte.is_none_or(|gte| *time >= gte))
                .take(limit + 1)
                .collect();
            let more = rows.len() > limit;
            rows.truncate(limit);
            (rows, more)
        }
    }

    /// Runs a walk with answers that come back in any order; returns how often each row was accepted.
    fn run(
        list: &List,
        mut walk: Walk,
        readers: usize,
        mut order: impl FnMut(usize) -> usize,
    ) -> (Vec<u32>, Walk) {
        let mut seen = vec![0; list.0.len()];
        let mut asked: Vec<Ask> = Vec::new();
        loop {
            while let Some(ask) = walk.ask(readers) {
                asked.push(ask);
            }
            if asked.is_empty() {
                break;
            }
            let ask = asked.swap_remove(order(asked.len()));
            let (rows, more) = list.read(&ask, 100);
            let times: Vec<i64> = rows.iter().map(|row| row.1).collect();
            let end = rows.last().map(|row| row.0.to_string());
            let ours = walk.page(ask.window, &times, end.as_deref(), more);
            for (row, _) in &rows[..ours] {
                seen[*row] += 1;
            }
            // A stop at any moment: only what serialises survives.
            if walk.pages.is_multiple_of(7) {
                walk = serde_json::from_str(&serde_json::to_string(&walk).unwrap()).unwrap();
                asked.clear();
            }
        }
        (seen, walk)
    }

    proptest! {
        #[test]
        fn every_row_is_read_exactly_once(
            times in prop::collection::vec(1_600_000_000_i64..1_790_000_000, 0..3000),
            readers in 1_usize..9,
            bounded in any::<bool>(),
            salt in any::<usize>(),
        ) {
            let list = List::new(times);
            let gte = bounded.then_some(1_650_000_000);
            let mut turn = salt;
            let (seen, walk) = run(&list, Walk::new(gte, 1_780_000_000), readers, |n| { turn = turn.wrapping_mul(31).wrapping_add(7); turn % n });
            prop_assert!(walk.is_done());
            for (row, count) in seen.iter().enumerate() {
                let wanted = list.0[row] < 1_780_000_000 && gte.is_none_or(|gte| list.0[row] >= gte);
                prop_assert_eq!(*count, u32::from(wanted), "row {} at {}", row, list.0[row]);
            }
        }
    }

    #[test]
    fn many_rows_in_one_second_are_all_read() {
        let list = List::new(vec![1_700_000_000; 1000]);
        let (seen, _) = run(&list, Walk::new(None, 1_790_000_000), 8, |_| 0);
        assert!(seen.iter().all(|count| *count == 1));
    }

    #[test]
    fn a_small_account_costs_one_read_and_a_large_one_about_its_pages() {
        let list = List::new((0..40).map(|i| 1_780_000_000 - i * 90_000).collect());
        let (_, walk) = run(&list, Walk::new(None, 1_790_000_000), 8, |_| 0);
        assert_eq!(walk.pages, 1);
        let list = List::new((0..100_000).map(|i| 1_789_000_000 - i * 600).collect());
        let (_, walk) = run(&list, Walk::new(None, 1_790_000_000), 8, |n| n - 1);
        assert!(walk.pages <= 1000 + walk.windows() + 4, "{} pages, {} windows", walk.pages, walk.windows());
        assert!(walk.windows() <= 56, "{} windows", walk.windows());
    }

    #[test]
    fn a_walk_that_is_extended_reads_the_new_part_too() {
        let list = List::new((0..1000).map(|i| 1_789_000_000 - i * 600).collect());
        let (_, mut walk) = run(&list, Walk::new(None, 1_788_900_000), 4, |_| 0);
        let before = walk.rows;
        walk.extend(1_790_000_000);
        assert!(!walk.is_done());
        let (seen, walk) = run(&list, walk, 4, |_| 0);
        assert_eq!((before + seen.iter().map(|n| u64::from(*n)).sum::<u64>(), walk.is_done()), (1000, true));
    }

    #[test]
    fn a_lost_cursor_begins_again_where_it_was() {
        let mut walk = Walk::new(Some(0), 2_000_000_000);
        let ask = walk.ask(1).unwrap();
        walk.page(ask.window, &[1_500_000_000, 1_400_000_000], Some("x"), true);
        let ask = walk.ask(1).unwrap();
        let index = ask.window;
        walk.lost_cursor(index);
        let again = walk.ask(1).unwrap();
        assert_eq!(again.after, None);
        assert!(again.lt == 1_400_000_001 || again.window != index);
    }
}
