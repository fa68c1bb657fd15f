//! Keys as the keymap writes them (`ctrl-c`, `pgdn`, `G`) and as the terminal sends them.
//!
//! Terminals disagree on whether a capital comes with SHIFT; both become the same [`Key`] here, once.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One key press, made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which key.
    pub code: KeyCode,
    /// With ctrl.
    pub ctrl: bool,
    /// With alt.
    pub alt: bool,
}

impl Key {
    /// The key of a terminal event; none for a release.
    pub fn of(event: &KeyEvent) -> Option<Key> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            KeyCode::Char(c) if shift => KeyCode::Char(c.to_uppercase().next().unwrap_or(c)),
            KeyCode::Tab if shift => KeyCode::BackTab,
            other => other,
        };
        Some(Key { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT) })
    }

    /// It is text where one types.
    pub fn is_text(&self) -> bool {
        matches!(self.code, KeyCode::Char(c) if !self.ctrl && !self.alt && !c.is_control())
    }

    /// The key that a name stands for.
    pub fn parse(name: &str) -> Option<Key> {
        let mut rest = name;
        let (mut ctrl, mut alt) = (false, false);
        loop {
            if let Some(tail) = rest.strip_prefix("ctrl-") {
                (ctrl, rest) = (true, tail);
            } else if let Some(tail) = rest.strip_prefix("alt-") {
                (alt, rest) = (true, tail);
            } else {
                break;
            }
        }
        let code = match rest {
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "backspace" => KeyCode::Backspace,
            "del" => KeyCode::Delete,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            "pgup" => KeyCode::PageUp,
            "pgdn" => KeyCode::PageDown,
            "tab" => KeyCode::Tab,
            "backtab" => KeyCode::BackTab,
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "space" => KeyCode::Char(' '),
            one => {
                let mut chars = one.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => KeyCode::Char(c),
                    _ => return None,
                }
            }
        };
        Some(Key { code, ctrl, alt })
    }
}

/// A key's name as the help shows it.
pub fn label(name: &str) -> String {
    match name {
        "up" => "↑".into(),
        "left" => "←".into(),
        "right" => "→".into(),
        "down" => "↓".into(),
        "pgup" => "PgUp".into(),
        "pgdn" => "PgDn".into(),
        "backtab" => "shift-Tab".into(),
        "tab" | "enter" | "esc" | "space" | "home" | "end" | "backspace" | "del" => {
            let (first, rest) = name.split_at(1);
            format!("{}{rest}", first.to_ascii_uppercase())
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_are_one_key_whether_or_not_shift_is_told() {
        let told = KeyEvent::new(KeyCode::Char('g'), KeyModifiers::SHIFT);
        let plain = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::NONE);
        let both = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        for event in [told, plain, both] {
            assert_eq!(Key::of(&event), Key::parse("G"));
        }
        assert_ne!(Key::parse("g"), Key::parse("G"));
    }

    #[test]
    fn releases_are_no_keys() {
        let mut event = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        event.kind = KeyEventKind::Release;
        assert_eq!(Key::of(&event), None);
    }
}
