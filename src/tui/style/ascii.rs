//! The frame in ASCII, for terminals that can show nothing else.
//!
//! Everything is drawn in Unicode and turned at the very end, so that no widget has two ways to draw. What has no
//! counterpart becomes `?`. It must keep every cell in its place.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

/// Turns every cell of the frame into ASCII.
pub fn asciify(buf: &mut Buffer) {
    for cell in &mut buf.content {
        let symbol = cell.symbol();
        if !symbol.is_ascii() {
            // A wide one covers two cells; the second is blank already and becomes visible.
            let replacement = replace(symbol);
            debug_assert!(replacement.width() == 1);
            cell.set_symbol(replacement);
        }
    }
}

fn replace(symbol: &str) -> &'static str {
    match symbol {
        "│" | "┃" | "▏" => "|",
        "─" | "━" | "–" | "—" | "○" | "▃" | "▄" | "▍" => "-",
        "╭" | "╮" | "╰" | "╯" | "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" | "┼" => {
            "+"
        }
        // Not a plus: that is what stands for "created".
        "✓" | "★" => "*",
        "…" | "↻" | "≈" => "~",
        "·" | "▁" => ".",
        "›" | "→" | "▌" | "▸" => ">",
        "←" | "↩" => "<",
        "↑" | "▲" => "^",
        "↓" | "▾" => "v",
        "●" => "o",
        "◐" => "%",
        "✗" | "☑" => "x",
        "☐" => "_",
        "▂" | "▎" => ":",
        "▅" | "▆" => "=",
        "▒" => "/",
        "▇" | "█" | "▊" | "▋" | "▉" => "#",
        "\u{a0}" | "\u{202f}" | "\u{2009}" => " ",
        "’" | "‘" => "'",
        "“" | "”" => "\"",
        _ => "?",
    }
}

/// Money whose sign is ASCII: the currency's code behind the amount instead of its symbol.
pub fn money(text: &str, currency: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let plain: String = text.chars().filter(char::is_ascii).collect();
    format!("{plain} {}", currency.to_ascii_uppercase())
}
