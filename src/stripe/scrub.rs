//! Text from Stripe made fit to be shown and logged.
//!
//! Stripe's messages quote the key that was used, masked with up to eighty asterisks. It must never let
//! anything through that still looks like a key, whoever sent it.

/// Beginnings of secrets; each is kept to tell what it was, and what follows is hidden.
const SECRETS: &[&str] = &[
    "sk_test_",
    "sk_live_",
    "rk_test_",
    "rk_live_",
    "rkcs_test_",
    "pk_test_",
    "pk_live_",
    "sk_org_",
    "whsec_",
    "ek_test_",
    "ek_live_",
    "ek_",
    "oak_",
    "tw_api_",
];

/// The longest message from outside that is kept.
const LONGEST: usize = 400;

/// Cleans for the terminal, hides whatever looks like a key, shortens masks and cuts at 400 characters.
pub fn scrub(text: &str) -> String {
    crate::text::clean_max(hide(text).trim(), LONGEST)
}

/// Characters of an escape (`\n`, `\"`, `\x1b`, `\u001b`, `\u{1b}`, `%0A`) at the beginning. In a log they stand for what was
/// there before, and must not be taken for the end of a word.
fn escape(text: &str) -> Option<usize> {
    let hex = |from: usize, digits: usize| {
        let part = text.get(from..from + digits)?;
        part.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(from + digits)
    };
    match text.as_bytes() {
        [b'%', ..] => hex(1, 2),
        [b'\\', b'x', ..] => hex(2, 2),
        [b'\\', b'u', b'{', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            (rest.get(digits) == Some(&b'}')).then_some(3 + digits + 1)
        }
        [b'\\', b'u', ..] => hex(2, 4),
        [b'\\', next, ..] if next.is_ascii() => Some(2),
        _ => None,
    }
}

/// The same for a whole line of a log: nothing is cut.
pub fn hide(text: &str) -> String {
    let cleaned = crate::text::clean(text);
    let mut out = String::with_capacity(cleaned.len());
    let mut rest: &str = &cleaned;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let starts_word = !before.is_ascii_alphanumeric() && before != '_';
        let secret = SECRETS.iter().find(|prefix| starts_word && rest.starts_with(**prefix));
        if let Some(prefix) = secret {
            let body = rest[prefix.len()..].find(|c| !is_key_char(c)).unwrap_or(rest.len() - prefix.len());
            let word = &rest[prefix.len()..prefix.len() + body];
            out.push_str(prefix);
            out.push('…');
            // Four characters of an API key tell a person which one; of a signing secret nothing is shown.
            if body >= 12 && word.is_ascii() && *prefix != "whsec_" {
                out.push_str(&word[body - 4..]);
            }
            rest = &rest[prefix.len() + body..];
            before = 'x';
            continue;
        }
        if c == '*' && rest.starts_with("***") {
            out.push('…');
            rest = rest.trim_start_matches('*');
            before = '*';
            continue;
        }
        if let Some(length) = escape(rest) {
            out.push_str(&rest[..length]);
            before = ' ';
            rest = &rest[length..];
            continue;
        }
        out.push(c);
        before = c;
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '*' | '…' | '•')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_no_part_of_the_word_behind_it() {
        for before in ["\\n", "\\\"", "\\r\\t", "\\\\", "\\u001b", "\\x1b", "\\u{1b}", "%0A", "%20"] {
            let said = hide(&format!("said {before}sk_live_51Habcdefghijkl"));
            assert_eq!(said, format!("said {before}sk_live_…ijkl"));
        }
        assert_eq!(hide("a\\u{x 5% \\"), "a\\u{x 5% \\");
        assert_eq!(hide("x\\é"), "x\\é");
    }

    #[test]
    fn keys_and_masks_do_not_get_through() {
        let long = format!("Invalid API Key provided: sk_test_{}wxyz", "*".repeat(80));
        assert_eq!(scrub(&long), "Invalid API Key provided: sk_test_…wxyz");
        assert_eq!(scrub("key 'rk_live_51Habcdefghijkl' bad"), "key 'rk_live_…ijkl' bad");
        assert_eq!(scrub("whsec_abcdefghijklmnop"), "whsec_…");
        assert_eq!(scrub("sk_test_short."), "sk_test_….");
        assert_eq!(
            scrub("Having the 'rak_payment_method_read' permission"),
            "Having the 'rak_payment_method_read' permission"
        );
        assert_eq!(scrub("risk_live_x task_test_y"), "risk_live_x task_test_y");
        assert_eq!(scrub("a\u{1b}[31mb\nc"), "ab c");
        assert_eq!(scrub(&"x".repeat(1000)).chars().count(), LONGEST);
    }
}
