//! A JSON document as one flat list of nodes, in the order it was sent, so that any part of it is an index.
//!
//! It must keep the order of fields and never recurse over the finished document: a list of 20 000 lines is walked,
//! not descended into.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// More nodes than this are not taken in: a document of 1 MB has some 50 000.
const MOST: usize = 400_000;

/// What a node is called within its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The document itself.
    Root,
    /// A field.
    Name(Box<str>),
    /// An element of a list.
    Index(u32),
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, as it was written (whole ones exactly).
    Number(Box<str>),
    /// Text, not yet cleaned.
    Text(Box<str>),
    /// So many fields.
    Object(u32),
    /// So many elements.
    Array(u32),
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Steps from the document.
    pub depth: u16,
    /// The node that holds it; its own number for the document.
    pub parent: u32,
    /// The first node behind it and all that it holds.
    pub end: u32,
    /// What it is called.
    pub key: Key,
    /// What it holds.
    pub value: Value,
}

impl Node {
    /// It holds others.
    pub fn is_container(&self) -> bool {
        matches!(self.value, Value::Object(_) | Value::Array(_))
    }
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Doc {
    /// In the order of the text; the document itself is the first.
    pub nodes: Vec<Node>,
}

impl Doc {
    /// Reads a text. The error is one sentence for a person.
    pub fn parse(text: &str) -> Result<Doc, String> {
        let mut doc = Doc::default();
        let mut reader = serde_json::Deserializer::from_str(text);
        let seed = Seed { doc: &mut doc, depth: 0, parent: 0, key: Key::Root };
        seed.deserialize(&mut reader)
            .and_then(|()| reader.end())
            .map_err(|error| format!("this is not JSON that can be shown: {error}"))?;
        Ok(doc)
    }

    /// A node by its number.
    pub fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    /// The node at a path of fields from `from` on.
    pub fn descend(&self, from: u32, path: &[&str]) -> Option<u32> {
        path.iter().try_fold(from, |at, name| {
            self.children(at).find(|child| {
                matches!(self.node(*child).map(|node| &node.key), Some(Key::Name(key)) if **key == **name)
            })
        })
    }

    /// The nodes that a node holds, one by one.
    pub fn children(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let end = self.node(at).map_or(0, |node| node.end);
        let mut next = at.saturating_add(1);
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let here = next;
            next = self.node(here)?.end.max(here + 1);
            Some(here)
        })
    }

    /// Where a node is, below `root`: `lines.data[0].amount`. Empty for `root` itself.
    pub fn path(&self, at: u32, root: u32) -> String {
        let mut steps = Vec::new();
        let mut here = at;
        while here != root {
            let Some(node) = self.node(here) else { break };
            steps.push(&node.key);
            if node.parent == here {
                break;
            }
            here = node.parent;
        }
        let mut out = String::new();
        for step in steps.iter().rev() {
            match step {
                Key::Root => {}
                Key::Name(name) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(name);
                }
                Key::Index(index) => {
                    // Writing to a string can't fail.
                    let _ = write!(out, "[{index}]");
                }
            }
        }
        out
    }

    /// A node's value as text: a string without its quotes, anything else as JSON, indented.
    pub fn text(&self, at: u32) -> String {
        let Some(node) = self.node(at) else { return String::new() };
        if let Value::Text(text) = &node.value {
            return text.to_string();
        }
        let mut out = String::new();
        // Containers that are still to be closed: where each ends, and how.
        let mut open: Vec<(u32, char)> = Vec::new();
        for here in at..node.end.max(at + 1) {
            let Some(one) = self.node(here) else { break };
            while let Some((_, close)) = open.pop_if(|(end, _)| *end <= here) {
                line(&mut out, open.len());
                out.push(close);
            }
            if here != at {
                if !out.ends_with(['{', '[']) {
                    out.push(',');
                }
                line(&mut out, open.len());
                if let Key::Name(name) = &one.key {
                    quoted(&mut out, name);
                    out.push_str(": ");
                }
            }
            match &one.value {
                Value::Null => out.push_str("null"),
                Value::Bool(true) => out.push_str("true"),
                Value::Bool(false) => out.push_str("false"),
                Value::Number(number) => out.push_str(number),
                Value::Text(text) => quoted(&mut out, text),
                Value::Object(0) => out.push_str("{}"),
                Value::Array(0) => out.push_str("[]"),
                Value::Object(_) => {
                    out.push('{');
                    open.push((one.end, '}'));
                }
                Value::Array(_) => {
                    out.push('[');
                    open.push((one.end, ']'));
                }
            }
        }
        while let Some((_, close)) = open.pop() {
            line(&mut out, open.len());
            out.push(close);
        }
        out
    }
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

fn quoted(out: &mut String, text: &str) {
    // Writing a string as JSON can't fail; if it did, nothing is the honest answer.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

struct Seed<'a> {
    doc: &'a mut Doc,
    depth: u16,
    parent: u32,
    key: Key,
}

impl Seed<'_> {
    fn push<E: Error>(self, value: Value) -> Result<(), E> {
        let at = self.doc.nodes.len();
        if at >= MOST {
            return Err(E::custom("it is too long"));
        }
        let end = at as u32 + 1;
        self.doc.nodes.push(Node { depth: self.depth, parent: self.parent, end, key: self.key, value });
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(Value::Number(value.to_string().into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(Value::Number(value.to_string().into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let text = serde_json::Number::from_f64(value).map_or_else(|| value.to_string(), |n| n.to_string());
        self.push(Value::Number(text.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.push(Value::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (doc, at, depth) = self.container()?;
        let mut index = 0;
        while list.next_element_seed(Seed { doc, depth, parent: at, key: Key::Index(index) })?.is_some() {
            index += 1;
        }
        close(doc, at, Value::Array(index));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (doc, at, depth) = self.container()?;
        let mut fields = 0;
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Seed { doc, depth, parent: at, key: Key::Name(name.into()) })?;
            fields += 1;
        }
        close(doc, at, Value::Object(fields));
        Ok(())
    }
}

impl<'a> Seed<'a> {
    /// Puts a container in; its contents and its end follow.
    fn container<E: Error>(self) -> Result<(&'a mut Doc, u32, u16), E> {
        let (at, depth) = (self.doc.nodes.len() as u32, self.depth.saturating_add(1));
        let Seed { doc, key, parent, depth: own } = self;
        Seed { doc: &mut *doc, depth: own, parent, key }.push(Value::Null)?;
        Ok((doc, at, depth))
    }
}

fn close(doc: &mut Doc, at: u32, value: Value) {
    let end = doc.nodes.len() as u32;
    if let Some(node) = doc.nodes.get_mut(at as usize) {
        node.value = value;
        node.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"z":1,"a":{"list":[1,{"x":"y\n"},[]],"o":{}},"f":0.5,"n":null,"t":true}"#;

    #[test]
    fn it_keeps_order_paths_and_text() {
        let doc = Doc::parse(TEXT).unwrap();
        let names: Vec<String> = doc.children(0).map(|at| doc.path(at, 0)).collect();
        assert_eq!(names, ["z", "a", "f", "n", "t"]);
        let x = (0..doc.nodes.len() as u32).find(|at| doc.path(*at, 0) == "a.list[1].x").unwrap();
        assert_eq!(doc.text(x), "y\n");
        let a = doc.descend(0, &["a"]).unwrap();
        assert_eq!(doc.path(x, a), "list[1].x");
        assert_eq!(doc.descend(0, &["a", "nothing"]), None);
        let whole: serde_json::Value = serde_json::from_str(&doc.text(0)).unwrap();
        assert_eq!(whole, serde_json::from_str::<serde_json::Value>(TEXT).unwrap());
        let pretty = serde_json::to_string_pretty(&whole["a"]).unwrap();
        assert_eq!(doc.text(a), pretty);
    }

    #[test]
    fn what_is_no_json_is_said() {
        for text in ["", "{", "[1] 2", "{\"a\":}"] {
            assert!(Doc::parse(text).unwrap_err().contains("not JSON"), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(Doc::parse(&deep).is_err());
    }
}
