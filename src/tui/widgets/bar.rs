//! Bars and sparklines out of block characters.
//!
//! A bar is full only when all is done: 99.9 % must not look like the end.

use ratatui::{style::Style, text::Span};

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A bar of `cells` cells that is full to `fraction`.
pub fn bar(fraction: f64, cells: usize, full: Style, rest: Style) -> Vec<Span<'static>> {
    let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
    let all = cells * 8;
    let mut eighths = (fraction * all as f64).round() as usize;
    if fraction < 1.0 {
        eighths = eighths.min(all.saturating_sub(1));
    }
    let whole = eighths / 8;
    let partial = EIGHTHS[eighths % 8];
    let used = whole + usize::from(!partial.is_empty());
    vec![
        Span::styled(format!("{}{partial}", "█".repeat(whole)), full),
        Span::styled("─".repeat(cells.saturating_sub(used)), rest),
    ]
}

/// Values as little columns; nothing at all draws as the lowest.
pub fn sparkline(values: &[u32], cells: usize, style: Style) -> Span<'static> {
    let shown = &values[values.len().saturating_sub(cells)..];
    let top = shown.iter().copied().max().unwrap_or(0).max(1);
    let text: String = shown
        .iter()
        .map(|value| {
            if *value == 0 {
                " "
            } else {
                LEVELS[(u64::from(*value) * 7).div_ceil(u64::from(top)).min(7) as usize]
            }
        })
        .collect();
    Span::styled(text, style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(fraction: f64) -> String {
        bar(fraction, 10, Style::new(), Style::new()).iter().map(|span| span.content.as_ref()).collect()
    }

    #[test]
    fn a_bar_is_full_only_at_the_end_and_always_of_its_width() {
        assert_eq!(text(0.0), "──────────");
        assert_eq!(text(0.999), "█████████▉");
        assert_eq!(text(1.0), "██████████");
        for n in 0..=1000 {
            assert_eq!(text(f64::from(n) / 1000.0).chars().count(), 10);
        }
        assert_eq!(text(f64::NAN), "──────────");
    }

    #[test]
    fn a_sparkline_takes_the_newest_and_never_divides_by_nothing() {
        assert_eq!(sparkline(&[], 5, Style::new()).content, "");
        assert_eq!(sparkline(&[0, 0], 5, Style::new()).content, "  ");
        assert_eq!(sparkline(&[9, 0, 7, u32::MAX], 3, Style::new()).content, " ▂█");
    }
}
