//! Colours and weights by what they mean, never by what they are.
//!
//! A theme is a file: the four of `assets/themes`, or a person's own. By default text and background stay the terminal's
//! own and only its 16 colours are used, so light and dark both read. Red is for what needs a person. A meaning never
//! hangs on colour alone. Without colour no colour at all is set: crossterm 0.29 otherwise wipes bold and reverse
//! together with the colour.

pub mod ascii;
mod colour;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::config::Mistake;

/// How many colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ColorLevel {
    /// None; bold, faint and reversed stay.
    None,
    /// The terminal's own 16.
    #[default]
    Ansi16,
    /// 256: the 16, a cube of 6 and greys.
    Indexed,
    /// 24 bits.
    True,
}

/// The themes that come with the program, by name.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("terminal", include_str!("../../../assets/themes/terminal.toml")),
    ("light", include_str!("../../../assets/themes/light.toml")),
    ("dark", include_str!("../../../assets/themes/dark.toml")),
    ("mono", include_str!("../../../assets/themes/mono.toml")),
];

/// Styles by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    base: Style,
    strong: Style,
    faint: Style,
    accent: Style,
    good: Style,
    warn: Style,
    bad: Style,
    selected: Style,
}

impl Default for Theme {
    fn default() -> Theme {
        Theme::new(ColorLevel::default())
    }
}

/// One style of a theme file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fg: Option<toml::Spanned<String>>,
    bg: Option<toml::Spanned<String>>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    dim: bool,
    #[serde(default)]
    underline: bool,
    #[serde(default)]
    reverse: bool,
}

/// A theme file: what is not in it is as in the terminal's own theme.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    base: Option<Entry>,
    strong: Option<Entry>,
    faint: Option<Entry>,
    accent: Option<Entry>,
    good: Option<Entry>,
    warn: Option<Entry>,
    bad: Option<Entry>,
    selected: Option<Entry>,
}

impl Theme {
    /// The terminal's own colours, so many of them.
    pub fn new(level: ColorLevel) -> Theme {
        let colour = |colour| match level {
            ColorLevel::None => Style::new(),
            _ => Style::new().fg(colour),
        };
        Theme {
            base: Style::new(),
            strong: Style::new().add_modifier(Modifier::BOLD),
            // Faint by attribute: a grey of its own vanishes on somebody's background.
            faint: Style::new().add_modifier(Modifier::DIM),
            accent: colour(Color::Cyan),
            good: colour(Color::Green),
            warn: colour(Color::Yellow),
            bad: colour(Color::Red),
            selected: Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD),
        }
    }

    /// A theme that comes with the program.
    pub fn built_in(name: &str, level: ColorLevel) -> Option<Theme> {
        let (_, text) = BUILT_IN.iter().find(|(own, _)| *own == name)?;
        Theme::parse(text, level).ok()
    }

    /// Reads a theme file. Colours beyond what the terminal has become the nearest it has.
    pub fn parse(text: &str, level: ColorLevel) -> Result<Theme, Mistake> {
        let file: File = toml::from_str(text)?;
        let mut theme = Theme::new(level);
        for (entry, style) in [
            (file.base, &mut theme.base),
            (file.strong, &mut theme.strong),
            (file.faint, &mut theme.faint),
            (file.accent, &mut theme.accent),
            (file.good, &mut theme.good),
            (file.warn, &mut theme.warn),
            (file.bad, &mut theme.bad),
            (file.selected, &mut theme.selected),
        ] {
            if let Some(entry) = entry {
                *style = read(&entry, level)?;
            }
        }
        Ok(theme)
    }

    /// Plain text.
    pub fn text(self) -> Style {
        Style::new()
    }

    /// What matters in a line.
    pub fn strong(self) -> Style {
        self.strong
    }

    /// What may be overlooked.
    pub fn faint(self) -> Style {
        self.faint
    }

    /// Keys, the focused frame, the name.
    pub fn accent(self) -> Style {
        self.accent
    }

    /// As it should be.
    pub fn good(self) -> Style {
        self.good
    }

    /// Less than it could be.
    pub fn warn(self) -> Style {
        self.warn
    }

    /// Needs a person.
    pub fn bad(self) -> Style {
        self.bad
    }

    /// The selected row, and the word LIVE.
    pub fn reversed(self) -> Style {
        self.selected
    }

    /// Gives every cell that has no colour of its own the theme's: once, when the frame is whole.
    pub fn lay_under(self, buf: &mut Buffer) {
        if self.base.fg.is_none() && self.base.bg.is_none() {
            return;
        }
        for cell in &mut buf.content {
            if let (Color::Reset, Some(fg)) = (cell.fg, self.base.fg) {
                cell.fg = fg;
            }
            if let (Color::Reset, Some(bg)) = (cell.bg, self.base.bg) {
                cell.bg = bg;
            }
        }
    }
}

fn read(entry: &Entry, level: ColorLevel) -> Result<Style, Mistake> {
    let mut style = Style::new();
    let colour = |value: &Option<toml::Spanned<String>>| match value {
        None => Ok(None),
        Some(name) => colour::parse(name.get_ref())
            .map(|colour| colour::at_most(colour, level))
            .map_err(|text| Mistake { at: name.span().start, text }),
    };
    if let Some(fg) = colour(&entry.fg)? {
        style = style.fg(fg);
    }
    if let Some(bg) = colour(&entry.bg)? {
        style = style.bg(bg);
    }
    for (on, modifier) in [
        (entry.bold, Modifier::BOLD),
        (entry.dim, Modifier::DIM),
        (entry.underline, Modifier::UNDERLINED),
        (entry.reverse, Modifier::REVERSED),
    ] {
        if on {
            style = style.add_modifier(modifier);
        }
    }
    // Without colours a selection must still be seen.
    if level == ColorLevel::None && entry.bg.is_some() {
        style = style.add_modifier(Modifier::REVERSED);
    }
    Ok(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_reads_and_without_colour_has_none() {
        for (name, _) in BUILT_IN {
            for level in [ColorLevel::Ansi16, ColorLevel::Indexed, ColorLevel::True] {
                assert!(Theme::built_in(name, level).is_some(), "{name}");
            }
            let theme = Theme::built_in(name, ColorLevel::None).unwrap();
            for style in [theme.base, theme.accent, theme.bad, theme.selected] {
                assert_eq!((style.fg, style.bg), (None, None), "{name}");
            }
            assert!(theme.selected.add_modifier.contains(Modifier::REVERSED), "{name}");
        }
        assert_eq!(Theme::built_in("terminal", ColorLevel::Ansi16), Some(Theme::default()));
        assert_eq!(Theme::built_in("nope", ColorLevel::Ansi16), None);
    }

    #[test]
    fn a_mistake_says_where() {
        let wrong = Theme::parse("good = { fg = \"gren\" }", ColorLevel::True).unwrap_err();
        assert_eq!(wrong.at, 14);
        assert!(wrong.text.contains("gren"), "{}", wrong.text);
    }
}
