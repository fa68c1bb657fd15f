//! One thing to read from top to bottom: facts, links to other objects, changes, and below them its JSON as a tree.
//!
//! One cursor walks over what can be chosen. It is an entry or a node, never a place on the screen. Nothing here asks
//! the engine for anything or draws.

use crate::engine::api::{Cell, Change, Fact, Link};
use crate::tui::input::actions::Action;
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::widgets::json::JsonTree;

/// An entry above the JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// An empty line.
    Blank,
    /// A heading.
    Head(String),
    /// A sentence beside the matter.
    Note(String),
    /// Something that is wrong, with what to do.
    Wrong(String),
    /// A name and a value.
    Fact(Fact),
    /// A way to another object. Can be chosen.
    Link(Link),
    /// A field before and after. Can be chosen.
    Change(Change),
    /// A name and a value to copy, such as a header. Can be chosen.
    Value(String, String),
    /// A line of a text, as it came. Can be chosen.
    Text(String),
    /// A way to something that is no object of ours. Can be chosen.
    Way {
        /// What it is to this.
        role: String,
        /// What a person calls it.
        title: String,
        /// Where it leads.
        to: Way,
    },
}

/// Where a way leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// To an event, by its id.
    Event(String),
    /// To an object, by its id.
    Object(String),
}

impl Way {
    /// The id that it leads to.
    pub fn id(&self) -> &str {
        match self {
            Way::Event(id) | Way::Object(id) => id,
        }
    }
}

impl Row {
    /// The cursor stops at it.
    pub fn can_be_chosen(&self) -> bool {
        matches!(self, Row::Link(_) | Row::Change(_) | Row::Value(..) | Row::Text(_) | Row::Way { .. })
    }
}

/// Where the cursor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// On an entry.
    Row(usize),
    /// On a node of the JSON.
    Node(u32),
}

/// What came of an action; the screen carries it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is none of its actions.
    Ignored,
    /// Done.
    Done,
    /// Open this object.
    Go(Link),
    /// Go there.
    To(Way),
    /// Put this on the clipboard.
    Copy(String),
    /// Tell this.
    Say(String),
}

/// What is read, and how far one is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    /// The entries above the JSON.
    pub rows: Vec<Row>,
    /// The JSON.
    pub tree: JsonTree,
    /// The cursor; none: on the first thing that can be chosen.
    at: Option<At>,
    /// First line shown, as last drawn.
    pub top: usize,
    /// The line in which text to look for is being typed.
    finding: Option<LineEdit>,
}

impl Sheet {
    /// Something else to read.
    pub fn new(rows: Vec<Row>, tree: JsonTree) -> Sheet {
        Sheet { rows, tree, ..Sheet::default() }
    }

    /// The same thing, read again: the place, what was open and what is looked for stay.
    pub fn again(&mut self, rows: Vec<Row>, mut tree: JsonTree) {
        let path = match self.at {
            Some(At::Node(node)) => Some(self.tree.path(node)),
            _ => None,
        };
        tree.adopt(&self.tree);
        if let Some(path) = path {
            let same = (0..tree.len()).filter_map(|line| tree.at(line)).find(|node| tree.path(*node) == path);
            self.at = same.map(At::Node);
        }
        (self.rows, self.tree) = (rows, tree);
    }

    /// The cursor.
    pub fn at(&self) -> Option<At> {
        match self.at {
            Some(At::Row(row)) if self.rows.get(row).is_some_and(Row::can_be_chosen) => Some(At::Row(row)),
            Some(At::Node(node)) if self.tree.doc().node(node).is_some() => Some(At::Node(node)),
            _ => self.nth(0),
        }
    }

    fn chosen_rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.rows.iter().enumerate().filter(|(_, row)| row.can_be_chosen()).map(|(index, _)| index)
    }

    fn nth(&self, index: usize) -> Option<At> {
        let rows = self.chosen_rows().count();
        if index < rows {
            return self.chosen_rows().nth(index).map(At::Row);
        }
        self.tree.at(index - rows).map(At::Node)
    }

    fn index(&self) -> usize {
        match self.at() {
            None => 0,
            Some(At::Row(row)) => self.chosen_rows().take_while(|index| *index < row).count(),
            Some(At::Node(node)) => self.chosen_rows().count() + self.tree.line_of(node),
        }
    }

    fn go(&mut self, index: usize) {
        let last = (self.chosen_rows().count() + self.tree.len()).saturating_sub(1);
        self.at = self.nth(index.min(last));
    }

    /// A line of it takes text.
    pub fn is_typing(&self) -> bool {
        self.finding.is_some()
    }

    /// That line.
    pub fn finding(&self) -> Option<&LineEdit> {
        self.finding.as_ref()
    }

    /// Takes text for that line.
    pub fn typed(&mut self, typed: &Typed) {
        let Some(line) = &mut self.finding else { return };
        if line.take(typed) {
            let text = line.text().to_owned();
            self.look_for(&text);
        }
    }

    fn look_for(&mut self, text: &str) {
        self.tree.find(text);
        let here = match self.at() {
            // The match on which one stands stays it while more of it is typed.
            Some(At::Node(node)) => node.checked_sub(1),
            _ => None,
        };
        if let Some(node) = self.tree.next_match(here, true) {
            self.at = Some(At::Node(node));
        }
    }

    /// Carries an action out. `page` is how many lines fit.
    pub fn act(&mut self, action: Action, page: usize) -> Outcome {
        let here = self.index();
        let page = page.saturating_sub(1).max(1);
        match action {
            Action::Down => self.go(here.saturating_add(1)),
            Action::Up => self.go(here.saturating_sub(1)),
            Action::PageDown => self.go(here.saturating_add(page)),
            Action::PageUp => self.go(here.saturating_sub(page)),
            Action::First => self.go(0),
            Action::Last => self.go(usize::MAX),
            Action::Find => {
                self.finding = Some(LineEdit::new(self.tree.sought()));
            }
            Action::Accept => return self.accept(),
            Action::Cancel => {
                self.finding = None;
                self.tree.find("");
            }
            Action::NextMatch | Action::PreviousMatch => {
                return self.next_match(action == Action::NextMatch);
            }
            Action::Open | Action::Left | Action::Right => return self.open(action),
            Action::CopyValue | Action::CopyPath => return self.copy(action),
            _ => return Outcome::Ignored,
        }
        Outcome::Done
    }

    fn accept(&mut self) -> Outcome {
        self.finding = None;
        if self.tree.matches() == 0 && !self.tree.sought().is_empty() {
            return Outcome::Say(format!("nothing here holds “{}”", self.tree.sought()));
        }
        Outcome::Done
    }

    fn next_match(&mut self, forward: bool) -> Outcome {
        let here = match self.at() {
            Some(At::Node(node)) => Some(node),
            _ => None,
        };
        if let Some(node) = self.tree.next_match(here, forward) {
            self.at = Some(At::Node(node));
            return Outcome::Done;
        }
        Outcome::Say(if self.tree.sought().is_empty() {
            "nothing is looked for: / takes what to look for".to_owned()
        } else {
            format!("nothing here holds “{}”", self.tree.sought())
        })
    }

    fn open(&mut self, action: Action) -> Outcome {
        match self.at() {
            Some(At::Node(node)) => {
                match action {
                    Action::Left => self.at = Some(At::Node(self.tree.fold(node))),
                    Action::Right => self.at = Some(At::Node(self.tree.unfold(node))),
                    _ => {
                        self.tree.toggle(node);
                    }
                }
                Outcome::Done
            }
            Some(At::Row(row)) => match self.rows.get(row) {
                Some(Row::Link(link)) if action == Action::Open => Outcome::Go(link.clone()),
                Some(Row::Way { to, .. }) if action == Action::Open => Outcome::To(to.clone()),
                // Left and right belong to whatever is around it.
                _ => Outcome::Ignored,
            },
            None => Outcome::Ignored,
        }
    }

    fn copy(&self, action: Action) -> Outcome {
        let path = action == Action::CopyPath;
        let text = match self.at() {
            Some(At::Node(node)) if path => self.tree.path(node),
            Some(At::Node(node)) => self.tree.value(node),
            Some(At::Row(row)) => match self.rows.get(row) {
                Some(Row::Link(link)) => link.id.clone(),
                Some(Row::Change(change)) if path => change.path.clone(),
                Some(Row::Change(change)) => change.after.clone().unwrap_or_default(),
                Some(Row::Value(name, _)) if path => name.clone(),
                Some(Row::Value(_, text) | Row::Text(text)) => text.clone(),
                Some(Row::Way { to, .. }) => to.id().to_owned(),
                _ => String::new(),
            },
            None => String::new(),
        };
        if text.is_empty() {
            Outcome::Say("there is nothing to copy here".to_owned())
        } else {
            Outcome::Copy(text)
        }
    }
}

/// A fact of text.
pub fn text_fact(name: &str, text: &str) -> Row {
    Row::Fact(Fact { name: name.to_owned(), value: Cell::Text { text: text.to_owned() } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::kind::Kind;

    fn sheet() -> Sheet {
        let link = Link {
            role: "customer".into(),
            kind: Kind::Customer,
            id: "cus_1".into(),
            title: "Ada".into(),
            stored: true,
        };
        let rows = vec![text_fact("status", "open"), Row::Blank, Row::Link(link), Row::Blank];
        Sheet::new(rows, JsonTree::new(r#"{"a":1,"b":{"c":"x"}}"#, &[]))
    }

    #[test]
    fn the_cursor_walks_over_links_and_then_the_json() {
        let mut it = sheet();
        assert_eq!(it.at(), Some(At::Row(2)));
        assert!(matches!(it.act(Action::Open, 9), Outcome::Go(link) if link.id == "cus_1"));
        assert_eq!(it.act(Action::CopyValue, 9), Outcome::Copy("cus_1".into()));
        it.act(Action::Down, 9);
        it.act(Action::Down, 9);
        assert_eq!(it.act(Action::CopyPath, 9), Outcome::Copy("a".into()));
        assert_eq!(it.act(Action::CopyValue, 9), Outcome::Copy("1".into()));
        it.act(Action::Last, 9);
        it.act(Action::Right, 9);
        it.act(Action::Right, 9);
        assert_eq!(it.act(Action::CopyPath, 9), Outcome::Copy("b.c".into()));
        it.act(Action::First, 9);
        assert_eq!(it.at(), Some(At::Row(2)));
        assert_eq!(it.act(Action::Left, 9), Outcome::Ignored);
    }

    #[test]
    fn it_stays_where_it_is_when_the_thing_is_read_again() {
        let mut it = sheet();
        it.act(Action::Last, 9);
        it.act(Action::Open, 9);
        it.act(Action::Down, 9);
        let rows = it.rows.clone();
        it.again(rows, JsonTree::new(r#"{"new":0,"a":1,"b":{"c":"y"}}"#, &[]));
        assert_eq!(it.act(Action::CopyPath, 9), Outcome::Copy("b.c".into()));
        assert_eq!(it.act(Action::CopyValue, 9), Outcome::Copy("y".into()));
    }
}
