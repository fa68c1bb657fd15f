//! Which columns of a table fit into a width, and how wide each is.
//!
//! The least important go first; what is left stretches up to what it wants. An amount is never cut: its column is at
//! least as wide as its widest amount that shows.

use crate::engine::api::{Cell, Column, RecordWindow};
use crate::tui::fmt;
use crate::tui::widgets::{money, state_word};

/// So much of a name or a sentence can be read: it is not cut shorter for another column.
const READABLE: usize = 18;

/// A column that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fitted {
    /// Which of the table's columns.
    pub index: usize,
    /// Its cells.
    pub cells: usize,
}

/// The columns that fit in `width` with `gap` cells between them. `need` is what a column's content can't do
/// without, `wants` what would show all of it: nobody gets more before everybody has that.
pub fn fit(
    columns: &[Column],
    width: usize,
    gap: usize,
    need: impl Fn(usize) -> usize,
    wants: impl Fn(usize) -> usize,
) -> Vec<Fitted> {
    let mut out: Vec<Fitted> = Vec::new();
    let mut used = 0;
    for (index, column) in columns.iter().enumerate() {
        let least = usize::from(column.width.0).max(need(index)).max(1);
        let before = if out.is_empty() { 0 } else { gap };
        // A less important one comes only when this one has what makes it readable.
        let good = least.max(wants(index).min(usize::from(column.width.1)).min(READABLE));
        if used + before + least <= width {
            let cells = good.min(width - used - before);
            used += before + cells;
            out.push(Fitted { index, cells });
        } else if out.is_empty() {
            // The most important one is shown whatever the width.
            used = width;
            out.push(Fitted { index, cells: width });
        }
    }
    let most = |index: usize| columns.get(index).map_or(0, |column| usize::from(column.width.1));
    let left = stretch(&mut out, width - used.min(width), |index| wants(index).min(most(index)));
    stretch(&mut out, left, most);
    out
}

/// Cells that the widest content of each column takes, of all that is loaded.
pub fn widths(window: &RecordWindow, ascii: bool) -> Vec<usize> {
    let widest = |index: usize| {
        let cells = window.rows.iter().filter_map(|row| row.cells.get(index));
        cells.map(|cell| wide(cell, ascii)).max().unwrap_or(0)
    };
    (0..window.columns.len()).map(widest).collect()
}

/// Cells that a value would take whole.
fn wide(value: &Cell, ascii: bool) -> usize {
    match value {
        Cell::Empty => 0,
        Cell::Text { text } => fmt::width(text),
        Cell::Word { word } => fmt::width(state_word(word)),
        Cell::Money { amount, currency } => fmt::width(&money(*amount, currency, ascii)),
        Cell::Time { .. } => 12,
        // An id is recognised by its two ends.
        Cell::Id { .. } => 13,
    }
}

/// Gives what is left round and round, cell by cell, so that no column gets all of it; returns what nobody takes.
fn stretch(out: &mut [Fitted], mut left: usize, most: impl Fn(usize) -> usize) -> usize {
    loop {
        let before = left;
        for fitted in out.iter_mut() {
            if left > 0 && fitted.cells < most(fitted.index) {
                fitted.cells += 1;
                left -= 1;
            }
        }
        if left == before {
            return left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, width: (u16, u16)) -> Column {
        Column { name: name.into(), label: name.into(), right: false, sortable: true, width }
    }

    #[test]
    fn the_least_important_go_first_and_the_rest_stretches() {
        let all = [column("number", (8, 12)), column("customer", (10, 30)), column("id", (13, 30))];
        let cells = |width| fit(&all, width, 2, |_| 0, |_| 0).iter().map(|one| one.cells).collect::<Vec<_>>();
        assert_eq!(cells(35), [8, 10, 13]);
        assert_eq!(cells(34), [12, 20]);
        assert_eq!(cells(100), [12, 30, 30]);
        assert_eq!(cells(19), [12]);
        assert_eq!(cells(3), [3]);
        assert_eq!(fit(&all, 40, 2, |index| if index == 1 { 20 } else { 0 }, |_| 0)[1].cells, 26);
        let wants = |index: usize| if index == 1 { 18 } else { 0 };
        assert_eq!(fit(&all, 28, 2, |_| 0, wants)[1].cells, 18);
        // The id would fit, but not beside a name that can be read.
        assert_eq!(fit(&all, 37, 2, |_| 0, wants).len(), 2);
        assert_eq!(fit(&all, 20, 2, |_| 0, wants)[1].cells, 10);
    }

    #[test]
    fn it_never_takes_more_than_there_is() {
        let all = [column("a", (1, 9)), column("b", (7, 7)), column("c", (0, 3))];
        for width in 0..60 {
            let fitted = fit(&all, width, 1, |_| 0, |index| index * 4);
            let used: usize = fitted.iter().map(|one| one.cells).sum::<usize>() + fitted.len().max(1) - 1;
            assert!(used <= width, "{width}: {fitted:?}");
        }
    }
}
