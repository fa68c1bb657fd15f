//! An invoice with all of its lines, out of the invoice as received and the pages of further lines.
//!
//! Text is put together from what Stripe sent, never written anew. It must leave everything but the lines as
//! it is.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::engine::api::IntegrationId;
use crate::store::{Store, StoreError};
use crate::stripe::kind::Kind;

/// A stored object on one line, its further lines joined; none when it is not here.
pub fn whole(
    store: &Store,
    integration: IntegrationId,
    kind: Kind,
    id: &str,
) -> Result<Option<String>, StoreError> {
    let Some(record) = store.record(integration, kind, id)? else { return Ok(None) };
    let json = String::from_utf8(record.json).map_err(|_| StoreError::Value(format!("the text of {id}")))?;
    let pages = record.header.line_pages;
    if kind != Kind::Invoice || pages == 0 {
        return Ok(Some(minify(&json)));
    }
    let pages = store.lines(integration, id, pages)?;
    Ok(Some(minify(&join(&json, &pages))))
}

/// The invoice with the pages' lines behind its own and `has_more: false`. What can't be read as an invoice
/// comes back as it is.
pub fn join(json: &str, pages: &[Vec<u8>]) -> String {
    joined(json, pages).unwrap_or_else(|| json.to_owned())
}

fn joined(json: &str, pages: &[Vec<u8>]) -> Option<String> {
    let invoice: HashMap<&str, &RawValue> = serde_json::from_str(json).ok()?;
    let lines_json = invoice.get("lines")?.get();
    let lines: HashMap<&str, &RawValue> = serde_json::from_str(lines_json).ok()?;
    let data = lines.get("data")?.get();
    let more = lines.get("has_more")?.get();
    let mut items: Vec<&str> = Vec::new();
    for page in pages {
        let page: Vec<&RawValue> = serde_json::from_slice(page).ok()?;
        items.extend(page.iter().map(|item| item.get()));
    }
    let open = data.trim_end().strip_suffix(']')?.trim_end();
    let comma = if open.ends_with('[') || items.is_empty() { "" } else { "," };
    let whole = format!("{open}{comma}{}]", items.join(","));
    // Both are parts of `json`: their places are their distances from its beginning. The later one first, so
    // that the earlier one's place stays true.
    let place = |part: &str| (part.as_ptr() as usize).checked_sub(json.as_ptr() as usize);
    let mut changes = [(place(data)?, data.len(), whole), (place(more)?, more.len(), "false".to_owned())];
    changes.sort_by_key(|change| std::cmp::Reverse(change.0));
    let mut out = json.to_owned();
    for (start, length, text) in changes {
        out.replace_range(start..start.checked_add(length)?, &text);
    }
    Some(out)
}

/// JSON on one line: white space between tokens goes, everything else stays to the letter.
pub fn minify(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut in_text = false;
    let mut escaped = false;
    for c in json.chars() {
        if in_text {
            out.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_text = false,
                _ => {}
            }
        } else if !c.is_ascii_whitespace() {
            in_text = c == '"';
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_the_rest_is_left_alone() {
        let json = r#"{ "id": "in_1", "lines": { "has_more": true, "data": [ {"id":"il_1"} ], "url": "/x" }, "note": "a \" b" }"#;
        let pages = vec![br#"[{"id":"il_2"},{"id":"il_3"}]"#.to_vec(), br#"[{"id":"il_4"}]"#.to_vec()];
        let whole = join(json, &pages);
        let value: serde_json::Value = serde_json::from_str(&whole).unwrap();
        let ids: Vec<&str> =
            value["lines"]["data"].as_array().unwrap().iter().map(|l| l["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["il_1", "il_2", "il_3", "il_4"]);
        assert_eq!(value["lines"]["has_more"], false);
        assert_eq!(value["lines"]["url"], "/x");
        assert_eq!(value["note"], "a \" b");
        assert_eq!(join("not json", &pages), "not json");
    }

    #[test]
    fn an_empty_inline_page_is_joined_too() {
        let whole = join(r#"{"lines":{"data":[],"has_more":true}}"#, &[br#"[{"id":"a"}]"#.to_vec()]);
        assert_eq!(whole, r#"{"lines":{"data":[{"id":"a"}],"has_more":false}}"#);
    }

    #[test]
    fn minify_keeps_texts_to_the_letter() {
        assert_eq!(
            minify("{ \"a\" : \"x \\\" \\\\ y\" ,\n \"b\": [ 1 , 2 ] }"),
            "{\"a\":\"x \\\" \\\\ y\",\"b\":[1,2]}"
        );
    }
}
