//! Durations on the command line: `90`, `30s`, `15m`, `2h`, `1d`.

/// Seconds; the error is a sentence.
pub fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let sentence = || format!("`{}` is no duration: write 30s, 15m, 2h or 1d", crate::text::clean(text));
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, last)) if last.is_ascii_alphabetic() => (&text[..at], last.to_ascii_lowercase()),
        Some(_) => (text, 's'),
        None => return Err(sentence()),
    };
    let number: u64 = number.trim().parse().map_err(|_| sentence())?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(sentence()),
    };
    number
        .checked_mul(factor)
        .filter(|seconds| *seconds <= 31 * 86_400)
        .ok_or_else(|| format!("`{}` is too long: at most 31d", crate::text::clean(text)))
}

/// How an operator reads seconds: `15m`.
pub fn show(seconds: u64) -> String {
    match seconds {
        0 => "off".into(),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        assert_eq!(parse("15m"), Ok(900));
        assert_eq!(parse("90"), Ok(90));
        assert_eq!(parse("1D"), Ok(86_400));
        for wrong in ["", "m", "-5m", "5y", "1.5h", "99999999999999999999d", "40d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!((show(900), show(7200), show(61)), ("15m".into(), "2h".into(), "61s".into()));
    }
}
