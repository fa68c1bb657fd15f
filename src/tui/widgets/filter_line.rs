//! The line in which a filter is written: colours as one types, what could stand at the cursor, and what is wrong,
//! shown under the place where it is wrong.
//!
//! How to use it: keep a [`FilterLine`] in the screen's state; `Find` opens it ([`FilterLine::open`]); while
//! [`FilterLine::is_typing`] the screen's context is `Typing`: actions go to [`FilterLine::act`], text to
//! [`FilterLine::typed`], both with a [`Lens`]. `FilterLine::applied` is what the screen asks the engine with; an
//! [`Answer::BadFilter`](crate::engine::api::Answer::BadFilter) goes to [`FilterLine::refused`]. Draw it with
//! [`draw`] (one row, or three with a frame) and, after everything else of the screen, [`draw_popup`].
//! Nothing is asked of the engine here.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::put::{self, Part};
use super::{Hits, View};
use crate::filter::{self, Class, Completion, Ctx, Subject};
use crate::stripe::kind::Kind;
use crate::tui::fmt;
use crate::tui::input::actions::Action;
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::style::Theme;

/// Filters that are kept to come back to.
pub const KEPT: usize = 20;
/// Offers shown at once.
const OFFERS: usize = 8;

/// What a filter is read with.
pub struct Lens<'a> {
    /// What is filtered.
    pub subject: Subject,
    /// Now and the account's zone.
    pub ctx: Ctx,
    /// Values in use of a field: types, currencies, accounts. See [`filter::complete`].
    pub known: &'a dyn Fn(&str) -> Vec<String>,
}

impl std::fmt::Debug for Lens<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lens").field("subject", &self.subject).field("ctx", &self.ctx).finish_non_exhaustive()
    }
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// Nothing that the screen has to do.
    Nothing,
    /// `applied` is another filter now: ask again.
    Applied,
    /// The line was left, the filter is as it was.
    Left,
}

/// What is wrong in the line, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Where.
    pub at: usize,
    /// How many; 0: something is missing there.
    pub length: usize,
    /// What, and what would be right.
    pub text: String,
}

/// The line and the filter in force.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FilterLine {
    /// The filter in force; empty: none.
    pub applied: String,
    line: LineEdit,
    typing: bool,
    /// What could stand at the cursor.
    offers: Vec<Completion>,
    /// Which of them stands there, and what was there before.
    picked: Option<(usize, String, usize)>,
    wrong: Option<Wrong>,
    /// Earlier filters, newest last.
    history: Vec<String>,
    /// Which of them stands in the line, from the newest.
    back: Option<usize>,
    /// What was written before an earlier one was called up.
    draft: String,
}

impl FilterLine {
    /// A line with what was used before: the filter in force and earlier ones, newest last.
    pub fn remembered(applied: &str, history: Vec<String>) -> FilterLine {
        let mut it = FilterLine { applied: applied.to_owned(), history, ..FilterLine::default() };
        it.line = LineEdit::new(applied);
        it.keep();
        it
    }

    /// Earlier filters, newest last; at most [`KEPT`].
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// The line takes the keys.
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// A filter is in force.
    pub fn is_set(&self) -> bool {
        !self.applied.is_empty()
    }

    /// What is wrong in it.
    pub fn wrong(&self) -> Option<&Wrong> {
        self.wrong.as_ref()
    }

    /// Begins to type, with the filter in force.
    pub fn open(&mut self, lens: &Lens<'_>) {
        self.typing = true;
        self.back = None;
        if self.wrong.is_none() {
            self.line = LineEdit::new(&self.applied);
        }
        self.look(lens);
    }

    /// Takes the filter away; true when there was one.
    pub fn clear(&mut self) -> bool {
        let was = self.is_set() || self.wrong.is_some();
        self.applied.clear();
        self.line = LineEdit::default();
        self.wrong = None;
        was
    }

    /// Puts another filter in force without typing.
    pub fn apply(&mut self, text: &str) {
        self.line = LineEdit::new(text);
        self.wrong = None;
        text.clone_into(&mut self.applied);
        self.keep();
    }

    /// The engine could not read it: the same mistake, at the same place, as if it had been seen while typing.
    pub fn refused(&mut self, at: usize, length: usize, reason: &str) {
        self.wrong = Some(Wrong { at, length, text: fmt::clean(reason).into_owned() });
    }

    /// Takes text.
    pub fn typed(&mut self, typed: &Typed, lens: &Lens<'_>) {
        let before = self.line.cursor();
        let changed = self.line.take(typed);
        if changed {
            self.back = None;
        }
        if changed || self.line.cursor() != before {
            self.look(lens);
        }
    }

    /// Looks at the line anew: what is wrong, what could stand at the cursor.
    fn look(&mut self, lens: &Lens<'_>) {
        self.picked = None;
        self.check(lens);
        self.offers =
            filter::complete(self.line.text(), self.line.cursor(), lens.subject, &lens.ctx, lens.known);
    }

    fn check(&mut self, lens: &Lens<'_>) {
        let wrong = filter::parse(self.line.text(), lens.subject, &lens.ctx).err();
        self.wrong =
            wrong.map(|mistake| Wrong { at: mistake.at, length: mistake.len, text: mistake.to_string() });
    }

    /// Carries an action of the `Typing` context out.
    pub fn act(&mut self, action: Action, lens: &Lens<'_>) -> Came {
        match action {
            Action::Accept => return self.accept(lens),
            Action::Cancel => {
                self.typing = false;
                self.line = LineEdit::new(&self.applied);
                self.wrong = None;
                return Came::Left;
            }
            Action::Complete => self.complete(true, lens),
            Action::CompleteBack => self.complete(false, lens),
            Action::Up => self.earlier(true, lens),
            Action::Down => self.earlier(false, lens),
            _ => {}
        }
        Came::Nothing
    }

    fn accept(&mut self, lens: &Lens<'_>) -> Came {
        self.check(lens);
        if let Some(wrong) = &self.wrong {
            // The cursor goes where there is something to mend.
            let (text, at) = (self.line.text().to_owned(), wrong.at + wrong.length);
            self.line.set(&text, at.min(text.chars().count()));
            return Came::Nothing;
        }
        self.typing = false;
        let text = self.line.text().trim().to_owned();
        if text == self.applied {
            return Came::Left;
        }
        self.applied = text;
        self.keep();
        Came::Applied
    }

    fn keep(&mut self) {
        if !self.applied.is_empty() {
            self.history.retain(|one| *one != self.applied);
            self.history.push(self.applied.clone());
        }
        let more = self.history.len().saturating_sub(KEPT);
        self.history.drain(..more);
    }

    fn complete(&mut self, forward: bool, lens: &Lens<'_>) {
        let count = self.offers.len();
        if count == 0 {
            return;
        }
        let (next, text, cursor) = match self.picked.take() {
            None => (if forward { 0 } else { count - 1 }, self.line.text().to_owned(), self.line.cursor()),
            Some((at, text, cursor)) => ((at + if forward { 1 } else { count - 1 }) % count, text, cursor),
        };
        let Some(offer) = self.offers.get(next).cloned() else { return };
        let chars: Vec<char> = text.chars().collect();
        let start = offer.replace.start.min(chars.len());
        let end = offer.replace.end.clamp(start, chars.len());
        let mut out: String = chars[..start].iter().collect();
        out.push_str(&offer.insert);
        let at = out.chars().count();
        out.extend(&chars[end..]);
        self.line.set(&out, at);
        if count == 1 {
            // Nothing else to choose from: what could follow is of more use.
            self.look(lens);
        } else {
            self.check(lens);
            self.picked = Some((next, text, cursor));
        }
    }

    fn earlier(&mut self, further: bool, lens: &Lens<'_>) {
        if self.back.is_none() {
            self.line.text().clone_into(&mut self.draft);
        }
        let back = match (self.back, further) {
            (None, true) => Some(0),
            (Some(at), true) => Some(at + 1),
            (Some(at), false) => at.checked_sub(1),
            (None, false) => return,
        };
        // The newest one is not an earlier one while it stands in the line already.
        let all: Vec<&String> = self.history.iter().rev().filter(|one| **one != self.draft).collect();
        let text = match back {
            None => self.draft.clone(),
            Some(at) => match all.get(at) {
                Some(text) => (*text).clone(),
                None => return,
            },
        };
        self.back = back;
        let end = text.chars().count();
        self.line.set(&text, end);
        self.look(lens);
    }
}

/// Draws the line: framed where `area` has three rows, bare where it has fewer. `beside` stands at its right.
pub fn draw(
    view: &View<'_>,
    buf: &mut Buffer,
    area: Rect,
    it: &FilterLine,
    subject: Subject,
    beside: Vec<Part>,
) {
    let theme = view.theme;
    if area.height >= 3 {
        let title = vec![Span::styled("filter", theme.accent().patch(theme.strong()))];
        let inner = put::frame(buf, Rect { height: 3, ..area }, theme, it.typing, title, beside);
        put::line(buf, place(area), 0, &text_line(view, it, subject, inner.width));
    } else {
        let beside = put::fit_parts(beside, usize::from(area.width) / 2, 2);
        let label = vec![
            Span::styled(" filter ", theme.accent().patch(theme.strong())),
            Span::raw(" ".repeat(usize::from(area.width))),
        ];
        put::line(buf, Rect { height: 1, ..area }, 0, &Line::from(label));
        let at = place(area);
        let room = at.width.saturating_sub(beside.width() as u16 + 2);
        put::line(buf, Rect { width: room, ..at }, 0, &text_line(view, it, subject, room));
        put::right(buf, Rect { width: area.width.saturating_sub(1), height: 1, ..area }, 0, &beside);
    }
}

/// Where the text stands.
fn place(area: Rect) -> Rect {
    let (left, down) = if area.height >= 3 { (2, 1) } else { (8, 0) };
    Rect {
        x: area.x.saturating_add(left),
        y: area.y.saturating_add(down),
        width: area.width.saturating_sub(left + 1),
        height: 1,
    }
}

fn text_line(view: &View<'_>, it: &FilterLine, subject: Subject, cells: u16) -> Line<'static> {
    let theme = view.theme;
    if !it.typing && it.line.text().is_empty() {
        let key = view.state.keymap.label(Action::Find);
        return Line::from(vec![
            Span::styled(key, theme.accent().patch(theme.strong())),
            Span::styled(format!(" filters, as in  {}", example(subject)), theme.faint()),
        ]);
    }
    let parts = filter::highlight(it.line.text(), subject, &ctx(view));
    it.line.draw(theme, usize::from(cells), it.typing, |at| {
        let class = parts.iter().find(|(range, _)| range.contains(&at)).map(|(_, class)| *class);
        style(theme, class)
    })
}

/// A filter that can be written, for where none is.
fn example(subject: Subject) -> &'static str {
    match subject {
        Subject::Events => "type:*failed amount>50 created:last7d",
        Subject::Records(Kind::Customer) => "email:*@example.com created:last30d",
        Subject::Records(Kind::Product | Kind::Price) => "active:true created:last90d",
        Subject::Records(_) => "status:open amount>50 created:last30d",
    }
}

fn ctx(view: &View<'_>) -> Ctx {
    Ctx { now: view.now, zone: crate::clock::Zone::named(view.state.timezone()) }
}

fn style(theme: Theme, class: Option<Class>) -> Style {
    match class {
        Some(Class::Field | Class::Keyword) => theme.accent(),
        Some(Class::Operator) => theme.accent().patch(theme.strong()),
        Some(Class::Mistake) => theme.warn().add_modifier(Modifier::UNDERLINED),
        Some(Class::Value | Class::Text) | None => theme.text(),
    }
}

/// Draws what is wrong into the row below the line, and what could stand at the cursor below that. To be called
/// after the rest of the screen; `screen` is as far as it may reach.
pub fn draw_popup(
    view: &View<'_>,
    buf: &mut Buffer,
    area: Rect,
    screen: Rect,
    it: &FilterLine,
    _hits: &mut Hits,
) {
    let text = place(area);
    let below = text.y.saturating_add(1);
    let mut taken = 0;
    if let Some(wrong) = it.wrong.as_ref().filter(|wrong| !it.typing || !is_unfinished(it, wrong)) {
        // The words may begin further left than the line does.
        let left = text.x.saturating_sub(area.x.saturating_add(1));
        let rows = Rect { x: text.x - left, y: below, width: text.width + left, height: 3 };
        let at = left.saturating_add(column(it, wrong.at, text.width));
        taken = point_at(view, buf, rows.intersection(screen), at, wrong);
    }
    if !it.typing || it.offers.is_empty() {
        return;
    }
    // Below the frame of the line, whose lower edge a mistake may stand on.
    let taken = taken.max(u16::from(area.height >= 3));
    let room = screen.bottom().saturating_sub(below + taken);
    let rows = it.offers.len().min(OFFERS).min(usize::from(room.saturating_sub(2)));
    if rows == 0 {
        return;
    }
    offers(view, buf, Rect { y: below + taken, height: rows as u16 + 2, ..text }, screen, it);
}

/// Something is missing at the very end: that is not wrong yet, one is still writing.
fn is_unfinished(it: &FilterLine, wrong: &Wrong) -> bool {
    wrong.length == 0 && wrong.at >= it.line.text().trim_end().chars().count()
}

/// The cell of a character of the line. A line that is longer than its place shows its end.
fn column(it: &FilterLine, at: usize, cells: u16) -> u16 {
    let text = it.line.text();
    let upto = |n: usize| fmt::width(&text.chars().take(n).collect::<String>());
    let cut = if it.typing { (upto(it.line.cursor()) + 2).saturating_sub(usize::from(cells)) } else { 0 };
    upto(at).saturating_sub(cut).min(usize::from(cells.saturating_sub(1))) as u16
}

/// Says what is wrong beside a mark under its place, or below the mark where there is no room beside it. Returns
/// how many rows that took.
fn point_at(view: &View<'_>, buf: &mut Buffer, rows: Rect, at: u16, wrong: &Wrong) -> u16 {
    if rows.width == 0 || rows.height == 0 {
        return 0;
    }
    let style = view.theme.warn().patch(view.theme.strong());
    let text = fmt::clean(&wrong.text).into_owned();
    let right = usize::from(rows.width.saturating_sub(at));
    let left = usize::from(at);
    let wide = fmt::width(&text) + 3;
    let mut put_at = |row: u16, x: u16, line: String| {
        let wide = (fmt::width(&line) as u16).min(rows.width.saturating_sub(x));
        let place =
            Rect { x: rows.x.saturating_add(x), y: rows.y.saturating_add(row), width: wide, height: 1 };
        put::over(buf, place, &Line::styled(line, style));
    };
    if wide <= right {
        put_at(0, at, format!("▲ {text} "));
        return 1;
    }
    if wide <= left {
        put_at(0, at.saturating_add(1).saturating_sub(wide as u16), format!(" {text} ▲"));
        return 1;
    }
    put_at(0, at, "▲".to_owned());
    let cells = usize::from(rows.width);
    let mut used = 1;
    for piece in
        put::wrap(&text, cells.saturating_sub(2)).into_iter().take(usize::from(rows.height.saturating_sub(1)))
    {
        let pad = cells.saturating_sub(fmt::width(&piece) + 1);
        put_at(used, 0, format!(" {piece}{}", " ".repeat(pad)));
        used += 1;
    }
    used
}

fn offers(view: &View<'_>, buf: &mut Buffer, below: Rect, screen: Rect, it: &FilterLine) {
    let theme = view.theme;
    let rows = usize::from(below.height.saturating_sub(2));
    let picked = it.picked.as_ref().map(|(at, ..)| *at);
    let first = picked.map_or(0, |at| at.saturating_sub(rows.saturating_sub(1)));
    let shown: Vec<&Completion> = it.offers.iter().skip(first).take(rows).collect();
    let names = shown.iter().map(|offer| fmt::width(&offer.insert)).max().unwrap_or(0).min(40);
    let help = shown.iter().map(|offer| fmt::width(&offer.help)).max().unwrap_or(0);
    let width = (names + help + 6).clamp(24, usize::from(screen.width.max(1))) as u16;
    let start = it.offers.first().map_or(0, |offer| offer.replace.start);
    let x = below.x.saturating_add(column(it, start, below.width)).saturating_sub(2);
    let x = x.min(screen.right().saturating_sub(width)).max(screen.x);
    let at = Rect { x, width, ..below }.intersection(screen);
    for y in at.top()..at.bottom() {
        for x in at.left()..at.right() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
    let key =
        |action: Action| Span::styled(view.state.keymap.label(action), theme.accent().patch(theme.strong()));
    let all = it.offers.len();
    let mut hints = Vec::new();
    if all > rows {
        let text = format!("{} of {all}", picked.map_or(first + rows, |at| at + 1));
        hints.insert(0, put::part(0, vec![Span::styled(text, theme.faint())]));
    }
    let title = vec![key(Action::Complete), Span::raw(" completes")];
    let inner = put::frame(buf, at, theme, true, title, hints);
    for (slot, offer) in shown.iter().enumerate() {
        let mut spans = vec![
            Span::raw(" "),
            put::padded(&offer.insert, names, theme.text()),
            Span::raw("  "),
            put::padded(&offer.help, usize::from(inner.width).saturating_sub(names + 4), theme.faint()),
            Span::raw(" "),
        ];
        if picked == Some(first + slot) {
            for span in &mut spans {
                span.style = theme.reversed().remove_modifier(Modifier::DIM);
            }
        }
        put::line(buf, inner, slot as u16, &Line::from(spans));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Zone;
    use crate::tui::input::keys::Key;

    fn known(field: &str) -> Vec<String> {
        match field {
            "type" => vec!["invoice.paid".into(), "invoice.payment_failed".into()],
            _ => Vec::new(),
        }
    }

    fn with<T>(act: impl FnOnce(&Lens<'_>) -> T) -> T {
        let ctx = Ctx { now: 1_763_816_533, zone: Zone::utc() };
        act(&Lens { subject: Subject::Events, ctx, known: &known })
    }

    fn write(it: &mut FilterLine, text: &str) {
        for c in text.chars() {
            let name = if c == ' ' { "space".to_owned() } else { c.to_string() };
            with(|lens| it.typed(&Typed::Key(Key::parse(&name).unwrap()), lens));
        }
    }

    fn act(it: &mut FilterLine, action: Action) -> Came {
        with(|lens| it.act(action, lens))
    }

    #[test]
    fn it_completes_names_and_values_and_applies() {
        let mut it = FilterLine::default();
        with(|lens| it.open(lens));
        write(&mut it, "ty");
        act(&mut it, Action::Complete);
        assert_eq!(it.line.text(), "type:");
        write(&mut it, "inv");
        act(&mut it, Action::Complete);
        assert_eq!(it.line.text(), "type:invoice.paid");
        act(&mut it, Action::Complete);
        assert_eq!(it.line.text(), "type:invoice.payment_failed");
        act(&mut it, Action::CompleteBack);
        assert_eq!(it.line.text(), "type:invoice.paid");
        assert_eq!(act(&mut it, Action::Accept), Came::Applied);
        assert_eq!((it.applied.as_str(), it.is_typing()), ("type:invoice.paid", false));
    }

    #[test]
    fn a_mistake_is_not_applied_and_the_cursor_goes_to_it() {
        let mut it = FilterLine::default();
        with(|lens| it.open(lens));
        write(&mut it, "wrongfield:3 type:x");
        assert_eq!(act(&mut it, Action::Accept), Came::Nothing);
        assert!(it.is_typing() && it.applied.is_empty());
        let wrong = it.wrong().unwrap().clone();
        assert_eq!(wrong.at, 0);
        assert_eq!(it.line.cursor(), wrong.length);
        assert_eq!(act(&mut it, Action::Cancel), Came::Left);
        assert!(it.wrong().is_none());
    }

    #[test]
    fn earlier_filters_come_back_and_the_draft_too() {
        let mut it = FilterLine::default();
        for n in 0..30 {
            it.apply(&format!("amount>{n}"));
        }
        assert_eq!(it.history().len(), KEPT);
        it.clear();
        with(|lens| it.open(lens));
        write(&mut it, "x");
        act(&mut it, Action::Up);
        assert_eq!(it.line.text(), "amount>29");
        act(&mut it, Action::Up);
        assert_eq!(it.line.text(), "amount>28");
        act(&mut it, Action::Down);
        act(&mut it, Action::Down);
        assert_eq!(it.line.text(), "x");
        for _ in 0..40 {
            act(&mut it, Action::Up);
        }
        assert_eq!(it.line.text(), "amount>10");
    }
}
