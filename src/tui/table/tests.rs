//! A table over rows made by hand: any number of them, that come and go while it is looked at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::engine::api::*;
use crate::stripe::kind::Kind;
use crate::tui::state::State;
use crate::tui::style::{ColorLevel, Theme};
use crate::tui::widgets::{Hits, View};

fn row(n: u64) -> RecordRow {
    RecordRow {
        integration: IntegrationId(1),
        kind: Kind::Invoice,
        id: format!("in_{n:07}"),
        cells: vec![
            Cell::Text { text: format!("INV-{n}") },
            Cell::Word { word: "paid".into() },
            Cell::Money { amount: n as i64 * 100, currency: "eur".into() },
        ],
        state: String::new(),
        error: if n == 7 { "Stripe answered 500 three times".into() } else { String::new() },
    }
}

fn column(name: &str, right: bool, width: (u16, u16)) -> Column {
    Column { name: name.into(), label: name.into(), right, sortable: true, width }
}

/// What the engine would say of rows `ids`, in their order.
fn serve(ids: &[u64], query: &RecordQuery, version: u64) -> RecordWindow {
    let matching = ids.len() as u64;
    let first = match &query.at {
        Place::Index { index } => *index,
        Place::Around { id, before, index, .. } => {
            let found = ids.iter().position(|n| format!("in_{n:07}") == *id).map(|at| at as u64);
            found.unwrap_or(*index).saturating_sub(*before)
        }
        Place::End => matching.saturating_sub(query.limit as u64),
    };
    let first = first.min(matching);
    RecordWindow {
        columns: vec![
            column("number", false, (8, 14)),
            column("amount", true, (6, 12)),
            column("created", false, (6, 12)),
        ],
        rows: ids.iter().skip(first as usize).take(query.limit).map(|n| row(*n)).collect(),
        first,
        matching,
        total: matching,
        loading: None,
        version,
    }
}

struct Bench {
    table: TableState,
    ids: Vec<u64>,
    version: u64,
    number: u64,
    asked: usize,
}

impl Bench {
    fn new(rows: u64) -> Bench {
        let mut table = TableState::new();
        table.look_at(spec(""));
        let mut bench =
            Bench { table, ids: (0..rows).map(|n| n * 10).collect(), version: 1, number: 0, asked: 0 };
        bench.settle();
        bench
    }

    fn settle(&mut self) {
        let before = self.asked;
        while let Some(query) = self.table.next_query(self.version, self.number + 1) {
            self.number += 1;
            assert!(self.table.next_query(self.version, 9999).is_none(), "one at a time");
            let answer = Answer::Records(serve(&self.ids, &query, self.version));
            assert!(self.table.take(self.number, &answer));
            self.asked += 1;
            assert!(self.asked < before + 5, "it asks for ever");
        }
    }

    /// The selected row, and its line on a screen of ten; a frame is drawn.
    fn look(&mut self) -> (String, usize) {
        let (_, hits) = frame(&self.table, (60, 11));
        self.table.drawn(&hits);
        let id = self.table.selected().map(|row| row.id.clone()).unwrap_or_default();
        (id, hits.table_offset)
    }
}

fn spec(filter: &str) -> TableSpec {
    TableSpec { integration: None, kind: Kind::Invoice, catalog: false, filter: filter.into(), sort: None }
}

fn frame(table: &TableState, (width, height): (u16, u16)) -> (String, Hits) {
    let state = State::new((width, height));
    let view = View { state: &state, theme: Theme::new(ColorLevel::Ansi16), ascii: false, now: 0 };
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    let mut hits = Hits::default();
    let opts = TableOpts {
        focused: true,
        empty: vec![("no invoices here yet".into(), view.theme.text())],
        ..TableOpts::default()
    };
    draw(&view, &mut buf, area, table, &opts, &mut hits);
    let lines = (0..height).map(|y| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>());
    (lines.collect::<Vec<_>>().join("\n"), hits)
}

#[test]
fn rows_that_come_and_go_above_leave_the_selection_on_its_line() {
    let mut bench = Bench::new(2000);
    bench.look();
    for _ in 0..15 {
        bench.table.step(1);
        bench.look();
    }
    let before = bench.look();
    assert_eq!(before, ("in_0000150".into(), 9));
    // 40 rows come in above, one goes.
    bench.ids.splice(0..0, 1_000_001..1_000_041);
    bench.ids.retain(|n| *n != 50);
    bench.version = 2;
    bench.settle();
    assert_eq!(bench.look(), before);
    assert_eq!(bench.table.row_number(), Some(54));
    // The selected one goes: what stands in its place is selected.
    bench.ids.retain(|n| *n != 150);
    bench.version = 3;
    bench.settle();
    assert_eq!(bench.look(), ("in_0000160".into(), 9));
}

#[test]
fn nobody_having_moved_it_stays_on_the_first_row() {
    let mut bench = Bench::new(5);
    bench.ids.insert(0, 77);
    bench.version = 2;
    bench.settle();
    assert_eq!(bench.look(), ("in_0000077".into(), 0));
    bench.table.step(1);
    bench.table.step(-1);
    bench.ids.insert(0, 78);
    bench.version = 3;
    bench.settle();
    assert_eq!(bench.look(), ("in_0000077".into(), 1));
    bench.table.edge(false);
    assert_eq!(bench.look(), ("in_0000078".into(), 0));
}

#[test]
fn a_hundred_thousand_rows_are_walked_with_one_window() {
    let mut bench = Bench::new(100_000);
    bench.look();
    for n in 1..=3000_u64 {
        bench.table.step(1);
        bench.settle();
        assert_eq!(bench.look().0, format!("in_{:07}", n * 10));
        assert!(bench.table.window.rows.len() <= 500);
    }
    assert!(bench.asked < 40, "{} questions for 3000 steps", bench.asked);
    bench.table.edge(true);
    bench.settle();
    assert_eq!(bench.look(), ("in_0999990".into(), 9));
    for n in 1..=700_u64 {
        bench.table.step(-1);
        bench.settle();
        assert_eq!(bench.look().0, format!("in_{:07}", 999_990 - n * 10));
    }
    bench.table.edge(false);
    bench.settle();
    assert_eq!(bench.look(), ("in_0000000".into(), 0));
}

#[test]
fn moves_made_while_rows_are_under_way_are_all_made() {
    let mut bench = Bench::new(100_000);
    bench.look();
    for _ in 0..200 {
        bench.table.page(true);
        // The engine does not answer; only one question is under way.
        let number = bench.number + 1;
        if bench.table.next_query(1, number).is_some() {
            bench.number = number;
            bench.asked += 1;
        }
    }
    assert_eq!(bench.asked, 2);
    assert!(!bench.table.take(999, &Answer::NotHere));
    let query = RecordQuery {
        integration: None,
        kind: Kind::Invoice,
        catalog: false,
        filter: String::new(),
        sort: None,
        at: Place::Index { index: 0 },
        limit: 300,
    };
    assert!(bench.table.take(bench.number, &Answer::Records(serve(&bench.ids, &query, 1))));
    bench.settle();
    assert_eq!(bench.look().0, format!("in_{:07}", 200 * 9 * 10));
}

#[test]
fn another_filter_goes_to_the_top_and_a_bad_one_keeps_the_rows() {
    let mut bench = Bench::new(100);
    bench.table.step(20);
    bench.table.look_at(spec("amount>"));
    let query = bench.table.next_query(1, 50).unwrap();
    assert_eq!((query.at, query.filter.as_str()), (Place::Index { index: 0 }, "amount>"));
    // The answer to a question of before is not taken.
    bench.table.look_at(spec("amount>x"));
    assert!(!bench.table.take(50, &Answer::Records(RecordWindow::default())));
    bench.table.next_query(1, 51).unwrap();
    let bad = Answer::BadFilter { at: 7, length: 1, reason: "x is no amount".into() };
    assert!(bench.table.take(51, &bad));
    assert_eq!(bench.table.bad_filter.as_ref().unwrap().at, 7);
    assert_eq!(bench.look().0, "in_0000200");
    assert!(bench.table.next_query(1, 52).is_none(), "a bad filter is not asked again");
    bench.table.look_at(spec("amount>1"));
    bench.settle();
    assert_eq!(bench.look().0, "in_0000000");
}

#[test]
fn every_state_is_drawn() {
    let mut table = TableState::new();
    table.look_at(spec(""));
    assert!(frame(&table, (40, 8)).0.contains("reading …"));
    table.next_query(1, 1).unwrap();
    table.take(1, &Answer::Refused { reason: "the store is closed".into() });
    let text = frame(&table, (40, 8)).0;
    assert!(text.contains("could not be read") && text.contains("the store is closed"), "{text}");
    // It tries again with the next change.
    table.next_query(2, 2).unwrap();
    let loading = RecordWindow { loading: Some(45), ..RecordWindow::default() };
    table.take(2, &Answer::Records(loading));
    assert!(frame(&table, (40, 8)).0.contains("45 %"));
    table.next_query(3, 3).unwrap();
    table.take(3, &Answer::Records(RecordWindow::default()));
    assert!(frame(&table, (40, 8)).0.contains("no invoices here yet"));
    let mut bench = Bench::new(3);
    assert_eq!(counts(&bench.table), "3");
    let text = frame(&bench.table, (60, 8)).0;
    assert!(text.contains("created↓") && text.contains("INV-20"), "{text}");
    bench.ids = vec![1, 7, 9];
    bench.version = 2;
    bench.settle();
    bench.table.step(1);
    let text = frame(&bench.table, (60, 8)).0;
    assert!(text.contains("└ Stripe answered 500 three times"), "{text}");
}

#[test]
fn any_size_and_an_engine_that_lies_are_drawn() {
    let mut bench = Bench::new(1000);
    bench.table.edge(true);
    bench.settle();
    for width in 0..40 {
        for height in 0..9 {
            let (_, hits) = frame(&bench.table, (width, height));
            bench.table.drawn(&hits);
        }
    }
    // Fewer rows than it says, columns without cells.
    bench.version = 2;
    let query = bench.table.next_query(2, 9).unwrap();
    let mut window = serve(&bench.ids, &query, 2);
    window.rows.truncate(2);
    window.rows[0].cells.clear();
    bench.table.take(9, &Answer::Records(window));
    frame(&bench.table, (60, 8));
    bench.table.edge(true);
    for number in 10..20 {
        if bench.table.next_query(2, number).is_some() {
            bench
                .table
                .take(number, &Answer::Records(RecordWindow { matching: 50, ..RecordWindow::default() }));
        }
    }
    assert!(bench.table.next_query(2, 99).is_none(), "it asks for ever");
}
