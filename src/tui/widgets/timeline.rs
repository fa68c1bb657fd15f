//! The stored events about one object, newest first: in an object's detail and in the search.
//!
//! How to use it: [`Timeline::of`] an object; on every refresh send what [`Timeline::next_request`] gives; hand
//! answers to [`Timeline::take`]; draw with [`draw`]; after a frame call [`Timeline::drawn`]. Older events are read
//! as the selection comes near the end; at most one request is under way. The selection is an event.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{Hits, View, feed, put};
use crate::engine::api::{Answer, EventPos, EventRow, IntegrationId, Request};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;

/// Events asked for at once.
const PAGE: usize = 200;
/// More than this are not kept: the feed with a filter is the place to walk through so many.
const MOST: usize = 5_000;

/// Events about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Whose object.
    pub integration: IntegrationId,
    /// Its id.
    pub object: String,
    /// What a person calls it.
    pub title: String,
    /// Newest first; none before the first answer.
    pub rows: Option<Vec<EventRow>>,
    /// Why they could not be read.
    pub error: Option<String>,
    /// The selected event.
    cursor: Option<String>,
    /// Index of the first one that shows.
    top: usize,
    /// There are no older ones.
    complete: bool,
    wanted: Option<Wanted>,
    in_flight: Option<(u64, Wanted)>,
    version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Newest,
    Older,
}

impl Timeline {
    /// Of an object. `version` is the snapshot's `events_version`.
    pub fn of(integration: IntegrationId, object: &str, title: &str, version: u64) -> Timeline {
        Timeline {
            integration,
            object: object.to_owned(),
            title: title.to_owned(),
            rows: None,
            error: None,
            cursor: None,
            top: 0,
            complete: false,
            wanted: Some(Wanted::Newest),
            in_flight: None,
            version,
        }
    }

    /// Events were stored: what is new about the object comes in above.
    pub fn notice(&mut self, version: u64) {
        if version > self.version {
            self.version = version;
            self.wanted = Some(Wanted::Newest);
        }
    }

    /// The next question, if one is due, which is then under way as `number`.
    pub fn next_request(&mut self, number: u64) -> Option<Request> {
        if self.in_flight.is_some() {
            return None;
        }
        let wanted = self.wanted.take()?;
        let from = match wanted {
            Wanted::Newest => None,
            Wanted::Older => {
                let last = self.rows.as_ref()?.last()?;
                Some(EventPos { created: last.created, id: last.id.clone() })
            }
        };
        self.in_flight = Some((number, wanted));
        Some(Request::Timeline {
            integration: self.integration,
            object: self.object.clone(),
            from,
            limit: PAGE,
        })
    }

    /// Takes an answer up; false when it is not the one that is waited for.
    pub fn take(&mut self, generation: u64, answer: &Answer) -> bool {
        let Some((_, wanted)) = self.in_flight.filter(|(number, _)| *number == generation) else {
            return false;
        };
        self.in_flight = None;
        match answer {
            Answer::Timeline(rows) => self.install(rows, wanted),
            Answer::NotHere => self.install(&[], wanted),
            Answer::Refused { reason } => self.error = Some(reason.clone()),
            _ => self.error = Some("the engine answered something else".to_owned()),
        }
        true
    }

    fn install(&mut self, new: &[EventRow], wanted: Wanted) {
        self.error = None;
        let old = self.rows.take().unwrap_or_default();
        let full = new.len() >= PAGE;
        let before = self.cursor_in(&old);
        let rows = match wanted {
            Wanted::Newest => {
                // The old ones go on where the new ones meet them; where they don't meet, they are read again.
                let meets = new.last().and_then(|last| old.iter().position(|row| row.id == last.id));
                let mut rows = new.to_vec();
                match meets {
                    Some(at) => rows.extend(old.into_iter().skip(at + 1)),
                    None => self.complete = !full,
                }
                rows
            }
            Wanted::Older => {
                self.complete = !full;
                let mut rows = old;
                let last = rows.last().map(|row| row.id.clone());
                rows.extend(new.iter().filter(|row| Some(&row.id) != last.as_ref()).cloned());
                rows
            }
        };
        if self.cursor.as_ref().is_none_or(|id| !rows.iter().any(|row| row.id == *id)) {
            self.cursor = rows.first().map(|row| row.id.clone());
        }
        // What came in above leaves the selection on its line.
        if let (Some(before), Some(now)) = (before, self.cursor_in(&rows))
            && now > before
            && before > 0
        {
            self.top += now - before;
        }
        self.rows = Some(rows);
    }

    fn cursor_in(&self, rows: &[EventRow]) -> Option<usize> {
        let id = self.cursor.as_ref()?;
        rows.iter().position(|row| row.id == *id)
    }

    /// Index of the selected event.
    pub fn cursor_index(&self) -> Option<usize> {
        self.cursor_in(self.rows.as_ref()?)
    }

    /// The selected event.
    pub fn selected(&self) -> Option<&EventRow> {
        self.rows.as_ref()?.get(self.cursor_index()?)
    }

    /// Moves the selection; false when it is none of its actions.
    pub fn act(&mut self, action: Action, page: usize) -> bool {
        let rows = self.rows.as_deref().unwrap_or_default();
        let here = self.cursor_in(rows).unwrap_or(0);
        let page = page.saturating_sub(1).max(1);
        let to = match action {
            Action::Down => here.saturating_add(1),
            Action::Up => here.saturating_sub(1),
            Action::PageDown => here.saturating_add(page),
            Action::PageUp => here.saturating_sub(page),
            Action::First => 0,
            Action::Last => usize::MAX,
            _ => return false,
        };
        let to = to.min(rows.len().saturating_sub(1));
        self.cursor = rows.get(to).map(|row| row.id.clone());
        if !self.complete && rows.len() < MOST && to + PAGE / 4 >= rows.len() && self.wanted.is_none() {
            self.wanted = Some(Wanted::Older);
        }
        true
    }

    /// Remembers which rows showed, so that nothing moves before the next key.
    pub fn drawn(&mut self, top: usize) {
        self.top = top;
    }
}

/// What was drawn: the rows that fit, and the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drawn {
    /// Rows that fit.
    pub rows: usize,
    /// Index of the first.
    pub top: usize,
}

/// Draws it, without a frame.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, it: &Timeline, focused: bool) -> Drawn {
    let theme = view.theme;
    if let Some(lines) = instead(view, it) {
        put::notice(buf, area, &lines);
        return Drawn::default();
    }
    let rows = it.rows.as_deref().unwrap_or_default();
    let height = usize::from(area.height).max(1);
    let cursor = it.cursor_index().unwrap_or(0);
    let top = it.top.min(rows.len().saturating_sub(height));
    let top = top.clamp(cursor.saturating_sub(height - 1), cursor);
    let shown: Vec<&EventRow> = rows.iter().skip(top).take(height).collect();
    let widths = Widths::of(view, &shown, usize::from(area.width));
    for (slot, row) in shown.iter().enumerate() {
        let mut spans = widths.spans(view, row);
        let selected = top + slot == cursor;
        let wide: usize = spans.iter().map(Span::width).sum();
        spans.push(Span::raw(" ".repeat(usize::from(area.width).saturating_sub(wide))));
        if selected && focused {
            for span in &mut spans {
                span.style = theme.reversed().remove_modifier(Modifier::DIM);
            }
        }
        put::line(buf, area, slot as u16, &Line::from(spans));
        if selected {
            put::line(buf, area, slot as u16, &Line::styled("▌", theme.accent()));
        }
    }
    Drawn { rows: height, top }
}

/// How many there are, for a title: more may be read as one walks on.
pub fn counts(it: &Timeline) -> String {
    match &it.rows {
        None => String::new(),
        Some(rows) if it.complete => count(rows.len() as u64),
        Some(rows) => format!("{}+", count(rows.len() as u64)),
    }
}

fn instead(view: &View<'_>, it: &Timeline) -> Option<Vec<(String, Style)>> {
    let theme = view.theme;
    let title = fmt::clean(&it.title).into_owned();
    match (&it.error, &it.rows) {
        (_, Some(rows)) if !rows.is_empty() => None,
        (Some(reason), _) => Some(vec![
            ("✗ its events could not be read".to_owned(), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
        ]),
        (None, None) => Some(vec![(format!("reading the events of {title} …"), theme.faint())]),
        (None, Some(_)) => Some(vec![
            (format!("no events about {title} are stored here"), theme.text()),
            ("Stripe keeps events for 30 days; r reads new ones now".to_owned(), theme.faint()),
        ]),
    }
}

/// Cells of the columns; an amount is shown whole or not at all.
struct Widths {
    time: usize,
    what: usize,
    money: usize,
    who: usize,
}

impl Widths {
    fn of(view: &View<'_>, rows: &[&EventRow], width: usize) -> Widths {
        let amounts = rows.iter().map(|row| fmt::width(&amount(view, row))).max().unwrap_or(0);
        let widest = rows.iter().map(|row| fmt::width(&row.event_type)).max().unwrap_or(0).max(20);
        let time = rows.iter().map(|row| fmt::width(&moment(view, row))).max().unwrap_or(0).max(8);
        let mut it = Widths { time, what: widest.min(38), money: amounts, who: 0 };
        if it.used() > width {
            it.what = it.what.saturating_sub(it.used() - width).max(16);
        }
        if it.used() > width {
            it.money = 0;
        }
        it.who = width.saturating_sub(it.used() + 3);
        if it.who < 8 {
            it.who = 0;
        }
        it
    }

    fn used(&self) -> usize {
        2 + self.time + 2 + 2 + self.what + if self.money > 0 { 2 + self.money } else { 0 }
    }

    fn spans(&self, view: &View<'_>, row: &EventRow) -> Vec<Span<'static>> {
        let theme = view.theme;
        let (sign, style) = feed::glyph(theme, &row.event_type);
        let time = moment(view, row);
        let mut out = vec![
            Span::raw("  "),
            put::padded(&time, self.time, theme.faint()),
            Span::raw("  "),
            Span::styled(sign, style.patch(theme.strong())),
            Span::raw(" "),
            put::padded(&row.event_type, self.what, theme.text()),
        ];
        if self.money > 0 {
            out.push(Span::raw("  "));
            out.push(put::padded_left(&amount(view, row), self.money, theme.text()));
        }
        if self.who > 0 {
            out.push(Span::raw("  "));
            out.push(put::padded(&row.who, self.who, theme.faint()));
        }
        out
    }
}

fn moment(view: &View<'_>, row: &EventRow) -> String {
    fmt::stamp(row.created, view.now, view.state.timezone(), true)
}

fn amount(view: &View<'_>, row: &EventRow) -> String {
    row.amount.as_ref().map_or_else(String::new, |(n, code)| view.money(*n, code))
}

/// Remembers the frame in whichever timeline was drawn.
pub fn say(hits: &mut Hits, drawn: Drawn) {
    (hits.timeline_rows, hits.timeline_top) = (drawn.rows, drawn.top);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::plain_event as row;

    fn settle(it: &mut Timeline, newest: i64) -> usize {
        let mut asked = 0;
        while let Some(Request::Timeline { from, limit, .. }) = it.next_request(asked + 1) {
            asked += 1;
            let from = from.map_or(newest, |from| from.created);
            let rows = (0..=from).rev().take(limit).map(row).collect();
            assert!(it.next_request(99).is_none(), "one at a time");
            assert!(it.take(asked, &Answer::Timeline(rows)));
        }
        asked as usize
    }

    #[test]
    fn older_ones_are_read_on_the_way_and_new_ones_leave_the_selection() {
        let mut it = Timeline::of(IntegrationId(1), "cus_1", "Ada", 1);
        settle(&mut it, 999);
        assert_eq!(counts(&it), "200+");
        for _ in 0..999 {
            it.act(Action::Down, 10);
            settle(&mut it, 999);
        }
        assert_eq!(it.selected().unwrap().created, 0);
        assert_eq!(counts(&it), "1 000");
        it.act(Action::Up, 10);
        it.notice(2);
        settle(&mut it, 1003);
        assert_eq!(it.selected().unwrap().created, 1);
        assert_eq!(counts(&it), "1 004");
        assert!(!it.take(77, &Answer::NotHere));
    }

    #[test]
    fn nothing_stored_is_an_answer_too() {
        let mut it = Timeline::of(IntegrationId(1), "cus_1", "Ada", 1);
        it.next_request(1).unwrap();
        assert!(it.take(1, &Answer::NotHere));
        it.act(Action::Last, 10);
        assert!(it.selected().is_none());
        assert_eq!(counts(&it), "0");
    }
}
