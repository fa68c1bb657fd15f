//! A line of text that is being typed: the cursor and the editing keys of every shell.
//!
//! Pasted text becomes one line without control characters. It must never hold a secret: a key has a field of its own.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tui_input::{Input, InputRequest};

use super::keys::Key;
use crate::tui::fmt;
use crate::tui::style::Theme;
use crate::vault::secret::Secret;
use crossterm::event::KeyCode;

/// More than this is not taken: longer than any filter or name.
const MOST: usize = 2_000;

/// What goes into a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A key without a meaning of its own.
    Key(Key),
    /// Text from the clipboard.
    Paste(Secret),
}

/// The line.
#[derive(Debug, Clone, Default)]
pub struct LineEdit {
    input: Input,
}

impl PartialEq for LineEdit {
    fn eq(&self, other: &LineEdit) -> bool {
        self.text() == other.text() && self.cursor() == other.cursor()
    }
}

impl Eq for LineEdit {}

impl LineEdit {
    /// A line that holds this text already, the cursor behind it.
    pub fn new(text: &str) -> LineEdit {
        LineEdit { input: Input::new(fmt::clean(text).into_owned()) }
    }

    /// What it holds.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The cursor, in characters from the beginning.
    pub fn cursor(&self) -> usize {
        self.input.cursor()
    }

    /// Puts other text into it, the cursor at that character.
    pub fn set(&mut self, text: &str, cursor: usize) {
        self.input = Input::new(text.to_owned()).with_cursor(cursor);
    }

    /// Takes what was typed; true when something changed.
    pub fn take(&mut self, typed: &Typed) -> bool {
        match typed {
            Typed::Key(key) => request(*key).is_some_and(|request| self.edit(request)),
            Typed::Paste(text) => {
                let one_line = text.expose().split_whitespace().collect::<Vec<_>>().join(" ");
                let mut changed = false;
                for c in fmt::clean(&one_line).chars() {
                    changed |= self.edit(InputRequest::InsertChar(c));
                }
                changed
            }
        }
    }

    fn edit(&mut self, request: InputRequest) -> bool {
        if matches!(request, InputRequest::InsertChar(_)) && self.text().len() >= MOST {
            return false;
        }
        self.input.handle(request).is_some()
    }

    /// The line as it is drawn in so many cells, the cursor as a reversed cell when it has the keys.
    pub fn draw(
        &self,
        theme: Theme,
        cells: usize,
        focused: bool,
        style: impl Fn(usize) -> Style,
    ) -> Line<'static> {
        let chars: Vec<char> = self.text().chars().collect();
        let cursor = self.cursor().min(chars.len());
        // The cursor stays visible: what does not fit is cut at the beginning.
        let mut first = 0;
        let wide = |from: usize| -> usize {
            chars[from..cursor].iter().map(|c| fmt::width(c.encode_utf8(&mut [0; 4]))).sum()
        };
        while first < cursor && wide(first) + 1 >= cells.max(2) {
            first += 1;
        }
        let mut spans = Vec::new();
        let mut used = 0;
        for (index, c) in chars.iter().enumerate().skip(first) {
            let text = c.to_string();
            used += fmt::width(&text);
            if used > cells {
                break;
            }
            let mut with = style(index);
            if focused && index == cursor {
                with = with.patch(theme.reversed());
            }
            spans.push(Span::styled(text, with));
        }
        if focused && cursor == chars.len() && used < cells.max(1) {
            spans.push(Span::styled(" ", theme.reversed()));
        }
        Line::from(spans)
    }
}

fn request(key: Key) -> Option<InputRequest> {
    use InputRequest as R;
    Some(match (key.code, key.ctrl, key.alt) {
        (KeyCode::Char('a'), true, false) | (KeyCode::Home, ..) => R::GoToStart,
        (KeyCode::Char('e'), true, false) | (KeyCode::End, ..) => R::GoToEnd,
        (KeyCode::Char('u'), true, false) => R::DeleteLine,
        (KeyCode::Char('k'), true, false) => R::DeleteTillEnd,
        (KeyCode::Char('w'), true, false) | (KeyCode::Backspace, _, true) => R::DeletePrevWord,
        (KeyCode::Char('d'), true, false) | (KeyCode::Delete, ..) => R::DeleteNextChar,
        (KeyCode::Char('h'), true, false) | (KeyCode::Backspace, ..) => R::DeletePrevChar,
        (KeyCode::Left, true, _) | (KeyCode::Char('b'), false, true) => R::GoToPrevWord,
        (KeyCode::Right, true, _) | (KeyCode::Char('f'), false, true) => R::GoToNextWord,
        (KeyCode::Left, ..) => R::GoToPrevChar,
        (KeyCode::Right, ..) => R::GoToNextChar,
        (KeyCode::Char(c), false, false) if !c.is_control() => R::InsertChar(c),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Typed {
        Typed::Key(Key::parse(name).unwrap())
    }

    #[test]
    fn it_edits_as_a_shell_does() {
        let mut line = LineEdit::default();
        for name in ["a", "b", "space", "c"] {
            assert!(line.take(&key(name)));
        }
        assert_eq!((line.text(), line.cursor()), ("ab c", 4));
        line.take(&key("ctrl-w"));
        assert_eq!(line.text(), "ab ");
        line.take(&key("ctrl-a"));
        line.take(&Typed::Paste(" x\r\ny  ".into()));
        assert_eq!(line.text(), "x yab ");
        line.take(&key("ctrl-u"));
        assert_eq!(line.text(), "");
        assert!(!line.take(&key("ctrl-t")));
    }

    #[test]
    fn the_cursor_is_always_on_it() {
        for cells in 0..12 {
            let line = LineEdit::new("日本語 filter:x");
            let drawn = line.draw(Theme::default(), cells, true, |_| Style::new());
            assert!(drawn.width() <= cells.max(1), "{cells}: {drawn}");
        }
    }
}
