//! Colours by name, by number of the 256, or as `#rrggbb`, and the nearest one a terminal has.

use ratatui::style::Color;

use super::ColorLevel;

const NAMES: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// The 16 as xterm draws them; a terminal's own may differ, which is what they are for.
const XTERM: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// Reads a colour; none for `default`, the terminal's own.
pub fn parse(text: &str) -> Result<Option<Color>, String> {
    if text == "default" {
        return Ok(None);
    }
    if let Some((_, colour)) = NAMES.iter().find(|(name, _)| *name == text) {
        return Ok(Some(*colour));
    }
    if let Ok(number) = text.parse::<u8>() {
        return Ok(Some(Color::Indexed(number)));
    }
    if let Some(hex) = text.strip_prefix('#')
        && hex.len() == 6
        && let Ok(number) = u32::from_str_radix(hex, 16)
    {
        return Ok(Some(Color::Rgb((number >> 16) as u8, (number >> 8) as u8, number as u8)));
    }
    Err(format!(
        "`{}` is no colour: one of the terminal's 16 (cyan, light-red, …), a number to 255, #rrggbb, or default",
        crate::text::clean_max(text, 40)
    ))
}

/// The colour, or the nearest one that the terminal has.
pub fn at_most(colour: Option<Color>, level: ColorLevel) -> Option<Color> {
    let colour = colour?;
    match (colour, level) {
        (_, ColorLevel::None) => None,
        (Color::Rgb(r, g, b), ColorLevel::Indexed) => Some(Color::Indexed(nearest_256((r, g, b)))),
        (Color::Rgb(r, g, b), ColorLevel::Ansi16) => Some(nearest_16((r, g, b))),
        (Color::Indexed(number), ColorLevel::Ansi16) => Some(nearest_16(rgb_of(number))),
        _ => Some(colour),
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

fn nearest_16(wanted: (u8, u8, u8)) -> Color {
    let best = (0..16).min_by_key(|index| distance(XTERM[*index], wanted)).unwrap_or(0);
    // In the order of the names, which is that of the codes.
    NAMES[best].1
}

fn nearest_256(wanted: (u8, u8, u8)) -> u8 {
    (16..=255).min_by_key(|number| distance(rgb_of(*number), wanted)).unwrap_or(16)
}

/// What xterm draws for one of the 256.
fn rgb_of(number: u8) -> (u8, u8, u8) {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match number {
        0..=15 => XTERM[usize::from(number)],
        16..=231 => {
            let cube = usize::from(number - 16);
            (STEPS[cube / 36], STEPS[cube / 6 % 6], STEPS[cube % 6])
        }
        232..=255 => {
            let grey = 8 + 10 * (number - 232);
            (grey, grey, grey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_down_to_what_there_is() {
        let red = parse("#ff0000").unwrap();
        assert_eq!(at_most(red, ColorLevel::True), Some(Color::Rgb(255, 0, 0)));
        assert_eq!(at_most(red, ColorLevel::Indexed), Some(Color::Indexed(196)));
        assert_eq!(at_most(red, ColorLevel::Ansi16), Some(Color::LightRed));
        assert_eq!(at_most(red, ColorLevel::None), None);
        assert_eq!(parse("default"), Ok(None));
        assert_eq!(parse("231"), Ok(Some(Color::Indexed(231))));
        for wrong in ["", "#fff", "256", "redd", "#gggggg"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
