//! An object or a page of a list, exactly as received.
//!
//! The body is kept as one buffer; items are ranges of it. It must never build a `serde_json::Value`: that
//! takes five times as long, and the store wants the text.

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::lenient;

/// One object as received.
#[derive(Debug, Clone)]
pub struct Object {
    /// The JSON; checked to be UTF-8 and one JSON object.
    pub body: Bytes,
    /// Stripe's time of the answer (its `Date` header), Unix seconds; ours when it had none.
    pub date: i64,
    /// `req_…`
    pub request_id: Option<String>,
}

impl Object {
    /// The JSON text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}

/// One page of a list as received, newest item first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The whole answer; checked to be UTF-8.
    pub body: Bytes,
    /// Where the items stand in it.
    pub items: Vec<Range<usize>>,
    /// There are more in the direction of the walk.
    pub has_more: bool,
    /// Stripe's time of the answer (its `Date` header), Unix seconds; ours when it had none.
    pub date: i64,
    /// `req_…`
    pub request_id: Option<String>,
}

impl Page {
    /// The raw JSON text of each item.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.items.iter().map(|range| std::str::from_utf8(&self.body[range.clone()]).unwrap_or_default())
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// No items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// Why a body is not what was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Cut off or no JSON: may well be whole the next time.
    Garbled(String),
    /// Whole, but something else.
    Other(String),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, borrow, deserialize_with = "lenient::text_or_empty")]
    object: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient::flag")]
    has_more: bool,
}

/// Checks that the body is one JSON object.
pub(crate) fn check_object(body: &[u8]) -> Result<(), Unreadable> {
    let raw: &RawValue = serde_json::from_slice(body).map_err(|error| unreadable(body, &error))?;
    if raw.get().starts_with('{') {
        Ok(())
    } else {
        Err(Unreadable::Other("it is JSON, but not an object".to_owned()))
    }
}

/// Where the items of a list stand in the body, and whether there are more.
pub(crate) fn split_list(body: &[u8]) -> Result<(Vec<Range<usize>>, bool), Unreadable> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|error| unreadable(body, &error))?;
    if !matches!(&*envelope.object, "list" | "search_result") {
        return Err(Unreadable::Other("it is not a list".to_owned()));
    }
    let start = body.as_ptr() as usize;
    let items: Vec<Range<usize>> = envelope
        .data
        .iter()
        .map(|raw| {
            let text = raw.get();
            let from = text.as_ptr() as usize - start;
            from..from + text.len()
        })
        .collect();
    if envelope.data.iter().any(|raw| !raw.get().starts_with('{')) {
        return Err(Unreadable::Other("the list holds something other than objects".to_owned()));
    }
    Ok((items, envelope.has_more))
}

fn unreadable(body: &[u8], error: &serde_json::Error) -> Unreadable {
    use serde_json::error::Category;
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(body.len());
    match error.classify() {
        Category::Data => Unreadable::Other("it is JSON of another shape".to_owned()),
        _ if body.get(start) == Some(&b'<') => Unreadable::Garbled("it is a web page".to_owned()),
        Category::Eof => Unreadable::Garbled("it was cut off".to_owned()),
        _ => Unreadable::Garbled("it is not JSON".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_given_back_exactly() {
        let text = "{\n \"object\": \"list\",\n \"data\": [ {\"id\" : \"a\", \"n\":1.50},\n {\"é\":[{}]} ],\n \"has_more\": true, \"url\": \"/v1/x\"}";
        let (items, has_more) = split_list(text.as_bytes()).unwrap();
        let page = Page { body: Bytes::from_static(b""), items, has_more, date: 0, request_id: None };
        let page = Page { body: Bytes::copy_from_slice(text.as_bytes()), ..page };
        assert_eq!(page.iter().collect::<Vec<_>>(), ["{\"id\" : \"a\", \"n\":1.50}", "{\"é\":[{}]}"]);
        assert!(page.has_more && page.len() == 2);
    }

    #[test]
    fn other_bodies_are_told_apart() {
        let garbled = |body: &str| matches!(split_list(body.as_bytes()), Err(Unreadable::Garbled(_)));
        let other = |body: &str| matches!(split_list(body.as_bytes()), Err(Unreadable::Other(_)));
        assert!(garbled("<html>login</html>"));
        assert!(garbled(r#"{"object":"list","data":[{"id":"a"},{"i"#));
        assert!(garbled(""));
        assert!(other(r#"{"object":"invoice","id":"in_1"}"#));
        assert!(other(r#"{"object":"invoice","data":[]}"#));
        assert!(other(r#"{"object":"list","data":["in_1"]}"#));
        assert!(other(r#"{"object":"list","data":{}}"#));
        assert_eq!(split_list(br#"{"object":"list","data":[]}"#), Ok((vec![], false)));
        assert_eq!(check_object(b" {\"a\":1} "), Ok(()));
        assert!(matches!(check_object(b"[1]"), Err(Unreadable::Other(_))));
        assert!(matches!(check_object(b"{\"a\":"), Err(Unreadable::Garbled(_))));
        assert!(matches!(check_object(b"{\"a\":\"\xff\"}"), Err(Unreadable::Garbled(_))));
    }
}
