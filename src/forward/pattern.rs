//! Patterns of event types, as a target has them: `invoice.*`, `charge.refunded`, `*.failed`.
//!
//! A star stands for any number of characters, dots as well. Pure; it must never take a typing mistake for a pattern
//! that matches nothing.

/// The longest list of one target.
const MOST: usize = 100;

/// Reads patterns as typed, several in one separated by commas. Empty: every type. The error is one sentence.
pub fn parse(words: &[String]) -> Result<Vec<String>, String> {
    let mut out: Vec<String> = Vec::new();
    for word in words.iter().flat_map(|words| words.split(',')).map(str::trim).filter(|word| !word.is_empty())
    {
        let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '*');
        let dots = word.split('.').any(str::is_empty);
        if !word.chars().all(ok) || dots || word.len() > 100 || !(word.contains('.') || word.contains('*')) {
            let shown = crate::text::clean_max(word, 60);
            return Err(format!(
                "`{shown}` is no pattern of event types: write them as invoice.paid, invoice.* or *, separated by commas"
            ));
        }
        if !out.iter().any(|known| known == word) {
            out.push(word.to_owned());
        }
    }
    if out.len() > MOST {
        return Err(format!("a target takes at most {MOST} patterns of event types"));
    }
    // A star alone says what no pattern says.
    if out.iter().any(|pattern| pattern == "*") {
        out.clear();
    }
    Ok(out)
}

/// Whether a type is one of those; no pattern: it is.
pub fn any(patterns: &[String], event_type: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, event_type))
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, so) in [
            ("invoice.*", "invoice.paid", true),
            ("invoice.*", "invoice_payment.paid", false),
            ("invoice.*", "invoice.", true),
            ("*.failed", "charge.failed", true),
            ("*failed", "invoice.payment_failed", true),
            ("charge.refunded", "charge.refunded", true),
            ("charge.refunded", "charge.refund.updated", false),
            ("charge.refund", "charge.refunded", false),
            ("customer.*.deleted", "customer.subscription.deleted", true),
            ("customer.*.deleted", "customer.deleted", false),
            ("a.*b*b", "a.b", false),
            ("a.*b*b", "a.bb", true),
        ] {
            assert_eq!(matches(pattern, text), so, "{pattern} {text}");
        }
        assert!(any(&[], "anything"));
        assert!(!any(&["invoice.*".to_owned()], "charge.failed"));
    }

    #[test]
    fn lists_are_read_and_mistakes_told() {
        let read = |text: &str| parse(&[text.to_owned()]);
        assert_eq!(read("invoice.*, charge.refunded,invoice.*").unwrap(), ["invoice.*", "charge.refunded"]);
        assert_eq!(read("*,invoice.paid").unwrap(), Vec::<String>::new());
        assert_eq!(read("").unwrap(), Vec::<String>::new());
        for wrong in
            ["invoice", "Invoice.paid", "invoice paid", "invoice..paid", ".paid", "invoice.paid;rm", "é.*"]
        {
            let said = read(wrong).unwrap_err();
            assert!(said.contains("no pattern of event types"), "{wrong}: {said}");
        }
    }
}
