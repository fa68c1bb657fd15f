//! Colours and weights by what they mean, never by what they are.
//!
//! Text and background stay the terminal's own; only its 16 colours are used, so light and dark both read.
//! Red is for what needs a person. A meaning never hangs on colour alone. Without colour no colour at all is set:
//! crossterm 0.29 otherwise wipes bold and reverse together with the colour.

pub mod ascii;

use ratatui::style::{Color, Modifier, Style};

/// How many colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorLevel {
    /// None; bold, faint and reversed stay.
    None,
    /// The terminal's own 16.
    #[default]
    Ansi16,
}

/// Styles by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme {
    level: ColorLevel,
}

impl Theme {
    /// The theme for so many colours.
    pub fn new(level: ColorLevel) -> Theme {
        Theme { level }
    }

    fn colour(self, colour: Color) -> Style {
        match self.level {
            ColorLevel::None => Style::new(),
            ColorLevel::Ansi16 => Style::new().fg(colour),
        }
    }

    /// Plain text.
    pub fn text(self) -> Style {
        Style::new()
    }

    /// What matters in a line.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What may be overlooked. Faint by attribute: a grey of its own vanishes on somebody's background.
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Keys, the focused frame, the name.
    pub fn accent(self) -> Style {
        self.colour(Color::Cyan)
    }

    /// As it should be.
    pub fn good(self) -> Style {
        self.colour(Color::Green)
    }

    /// Less than it could be.
    pub fn warn(self) -> Style {
        self.colour(Color::Yellow)
    }

    /// Needs a person.
    pub fn bad(self) -> Style {
        self.colour(Color::Red)
    }

    /// The selected row, and the word LIVE.
    pub fn reversed(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }
}
