//! JSON with two blanks a level: how Stripe prints what it pushes. Signatures cover these very bytes.

/// Spreads compact, valid JSON over lines. Order and text of everything in it stay.
pub fn pretty(compact: &str) -> String {
    let mut text = String::with_capacity(compact.len() * 3 / 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut characters = compact.chars().peekable();
    while let Some(c) = characters.next() {
        if quoted {
            text.push(c);
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == '"' {
                quoted = false;
            }
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                text.push(c);
            }
            '{' | '[' => {
                text.push(c);
                if let Some(&close @ ('}' | ']')) = characters.peek() {
                    text.push(close);
                    characters.next();
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => text.push(c),
        }
    }
    text
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    for _ in 0..depth {
        text.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_spread_as_serde_spreads_it() {
        let compact = r#"{"a":[],"b":{},"c":[1,{"d":"x,{\"}: \\"}],"e":null}"#;
        let value: serde_json::Value = serde_json::from_str(compact).unwrap();
        assert_eq!(super::pretty(compact), serde_json::to_string_pretty(&value).unwrap());
    }
}
