//! A JSON document as a tree that folds and can be searched.
//!
//! The visible lines are worked out when something is folded or opened, never for a frame: a frame takes the few it
//! shows from a list of numbers. Text of the document is cleaned as it is drawn.

pub mod doc;
pub mod view;

use std::collections::HashSet;
use std::sync::Arc;

pub use doc::{Doc, Key, Node, Value};

/// A document and what of it is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonTree {
    doc: Arc<Doc>,
    /// Why there is nothing to show.
    pub error: Option<String>,
    /// The node that is shown as the document.
    root: u32,
    /// For each node, whether what it holds is shown.
    open: Vec<bool>,
    /// The visible nodes, in order.
    lines: Vec<u32>,
    /// The nodes that hold the text that is searched for.
    matches: Vec<u32>,
    sought: String,
}

impl JsonTree {
    /// Reads a document; what it holds at once is open, and so are those paths.
    pub fn new(text: &str, open: &[&[&str]]) -> JsonTree {
        match Doc::parse(text) {
            Ok(doc) => JsonTree::of(Arc::new(doc), 0, open),
            Err(error) => JsonTree { error: Some(error), ..JsonTree::default() },
        }
    }

    fn of(doc: Arc<Doc>, root: u32, open: &[&[&str]]) -> JsonTree {
        let mut tree = JsonTree { open: vec![false; doc.nodes.len()], doc, root, ..JsonTree::default() };
        tree.set(root, true);
        for path in open {
            for steps in 1..=path.len() {
                if let Some(at) = tree.doc.descend(root, &path[..steps]) {
                    tree.set(at, true);
                }
            }
        }
        tree.lay_out();
        tree
    }

    /// A part of the same document as a tree of its own; none when there is no such part.
    pub fn part(&self, path: &[&str]) -> Option<JsonTree> {
        let root = self.doc.descend(self.root, path)?;
        Some(JsonTree::of(Arc::clone(&self.doc), root, &[]))
    }

    /// Opens what was open in another tree: the same object, read again.
    pub fn adopt(&mut self, old: &JsonTree) {
        if old.doc.nodes.is_empty() {
            return;
        }
        let paths: HashSet<String> = (0..old.doc.nodes.len() as u32)
            .filter(|at| old.is_open(*at))
            .map(|at| old.doc.path(at, old.root))
            .collect();
        for at in 0..self.doc.nodes.len() as u32 {
            if self.doc.node(at).is_some_and(Node::is_container) {
                let open = paths.contains(&self.doc.path(at, self.root));
                self.set(at, open);
            }
        }
        self.lay_out();
        self.find(&old.sought);
    }

    /// The document.
    pub fn doc(&self) -> &Doc {
        &self.doc
    }

    /// The node that is shown as the document.
    pub fn root(&self) -> u32 {
        self.root
    }

    /// Visible lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// There is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The node on a line.
    pub fn at(&self, line: usize) -> Option<u32> {
        self.lines.get(line).copied()
    }

    /// The line of a node, or of the nearest one above that is visible.
    pub fn line_of(&self, node: u32) -> usize {
        match self.lines.binary_search(&node) {
            Ok(line) => line,
            Err(line) => line.saturating_sub(1),
        }
    }

    /// What a node holds is shown.
    pub fn is_open(&self, node: u32) -> bool {
        self.open.get(node as usize).copied().unwrap_or(false)
    }

    fn set(&mut self, node: u32, open: bool) {
        if let Some(slot) = self.open.get_mut(node as usize) {
            *slot = open;
        }
    }

    fn lay_out(&mut self) {
        self.lines.clear();
        let end = self.doc.node(self.root).map_or(0, |node| node.end);
        let mut at = self.root;
        while at < end {
            self.lines.push(at);
            at = match self.doc.node(at) {
                Some(node) if node.is_container() && !self.is_open(at) => node.end.max(at + 1),
                _ => at + 1,
            };
        }
    }

    /// Opens or folds a node; false when it holds nothing.
    pub fn toggle(&mut self, node: u32) -> bool {
        let holds = self.holds(node);
        if holds {
            self.set(node, !self.is_open(node));
            self.lay_out();
        }
        holds
    }

    fn holds(&self, node: u32) -> bool {
        self.doc.node(node).is_some_and(|node| node.is_container() && node.end > 1)
            && self.doc.children(node).next().is_some()
    }

    /// Folds a node, or goes to the one that holds it. Returns where one is then.
    pub fn fold(&mut self, node: u32) -> u32 {
        if self.holds(node) && self.is_open(node) {
            self.toggle(node);
            return node;
        }
        match self.doc.node(node) {
            Some(it) if node != self.root => it.parent,
            _ => node,
        }
    }

    /// Opens a node, or goes to the first that it holds.
    pub fn unfold(&mut self, node: u32) -> u32 {
        if !self.holds(node) {
            return node;
        }
        if self.is_open(node) {
            return node + 1;
        }
        self.toggle(node);
        node
    }

    /// Makes a node visible.
    fn reveal(&mut self, node: u32) {
        let mut here = node;
        while here != self.root {
            let Some(parent) = self.doc.node(here).map(|it| it.parent) else { break };
            if parent == here {
                break;
            }
            self.set(parent, true);
            here = parent;
        }
        self.lay_out();
    }

    /// Looks for text in names and values, whatever the case; returns how many nodes hold it.
    pub fn find(&mut self, text: &str) -> usize {
        text.clone_into(&mut self.sought);
        self.matches.clear();
        let text = text.to_lowercase();
        if text.is_empty() {
            return 0;
        }
        let end = self.doc.node(self.root).map_or(0, |node| node.end);
        let holds = |value: &str| value.to_lowercase().contains(&text);
        self.matches = (self.root..end)
            .filter(|at| {
                self.doc.node(*at).is_some_and(|node| {
                    matches!(&node.key, Key::Name(name) if *at != self.root && holds(name))
                        || match &node.value {
                            Value::Text(value) | Value::Number(value) => holds(value),
                            Value::Bool(value) => holds(if *value { "true" } else { "false" }),
                            Value::Null => holds("null"),
                            Value::Object(_) | Value::Array(_) => false,
                        }
                })
            })
            .collect();
        self.matches.len()
    }

    /// What is looked for; empty: nothing.
    pub fn sought(&self) -> &str {
        &self.sought
    }

    /// Nodes that hold it.
    pub fn matches(&self) -> usize {
        self.matches.len()
    }

    /// Which match a node is, from 1.
    pub fn match_number(&self, node: u32) -> Option<usize> {
        self.matches.binary_search(&node).ok().map(|index| index + 1)
    }

    /// The match after (or before) a node, round and round, made visible.
    pub fn next_match(&mut self, from: Option<u32>, forward: bool) -> Option<u32> {
        let found = if forward {
            let after = self.matches.iter().find(|at| from.is_none_or(|from| **at > from));
            after.or(self.matches.first()).copied()
        } else {
            let before = self.matches.iter().rev().find(|at| from.is_some_and(|from| **at < from));
            before.or(self.matches.last()).copied()
        }?;
        self.reveal(found);
        Some(found)
    }

    /// Where a node is: `data.object.amount_due`.
    pub fn path(&self, node: u32) -> String {
        self.doc.path(node, 0)
    }

    /// A node's value as text.
    pub fn value(&self, node: u32) -> String {
        self.doc.text(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        r#"{"id":"evt_1","data":{"object":{"id":"in_1","lines":{"data":[{"amount":5}]}}},"empty":{}}"#;

    fn paths(tree: &JsonTree) -> Vec<String> {
        (0..tree.len()).map(|line| tree.path(tree.at(line).unwrap())).collect()
    }

    #[test]
    fn it_folds_and_opens_and_keeps_the_place() {
        let mut tree = JsonTree::new(TEXT, &[&["data", "object"]]);
        assert_eq!(
            paths(&tree),
            ["", "id", "data", "data.object", "data.object.id", "data.object.lines", "empty"]
        );
        let lines = tree.at(5).unwrap();
        assert_eq!(tree.unfold(lines), lines);
        let first = tree.unfold(lines);
        assert_eq!(tree.path(first), "data.object.lines.data");
        let data = tree.at(2).unwrap();
        assert_eq!(tree.fold(data), data);
        assert_eq!(paths(&tree), ["", "id", "data", "empty"]);
        assert_eq!(tree.line_of(lines), 2, "what is folded away stands at the line that holds it");
        assert_eq!(tree.fold(data), 0);
        let empty = tree.at(3).unwrap();
        assert!(!tree.toggle(empty));
    }

    #[test]
    fn matches_are_found_where_they_are_folded_away() {
        let mut tree = JsonTree::new(TEXT, &[]);
        assert_eq!(tree.find("AMOUNT"), 1);
        let at = tree.next_match(None, true).unwrap();
        assert_eq!(tree.path(at), "data.object.lines.data[0].amount");
        assert_eq!(tree.at(tree.line_of(at)), Some(at));
        assert_eq!(tree.next_match(Some(at), true), Some(at), "round and round");
        assert_eq!(tree.find("nothing of it"), 0);
        assert_eq!(tree.next_match(Some(at), false), None);
    }

    #[test]
    fn a_part_is_a_tree_and_what_was_open_stays_open() {
        let whole = JsonTree::new(TEXT, &[]);
        let mut part = whole.part(&["data", "object"]).unwrap();
        assert_eq!(paths(&part), ["data.object", "data.object.id", "data.object.lines"]);
        let lines = part.at(2).unwrap();
        part.toggle(lines);
        let mut again = JsonTree::new(TEXT, &[]).part(&["data", "object"]).unwrap();
        again.adopt(&part);
        assert_eq!(paths(&again), paths(&part));
    }

    #[test]
    fn a_long_document_is_laid_out_once() {
        let rows: Vec<String> = (0..20_000).map(|n| format!("{{\"n\":{n}}}")).collect();
        let mut tree = JsonTree::new(&format!("[{}]", rows.join(",")), &[]);
        assert_eq!(tree.len(), 20_001);
        assert_eq!(tree.find("19999"), 1);
        let at = tree.next_match(None, true).unwrap();
        assert_eq!(tree.path(at), "[19999].n");
    }
}
