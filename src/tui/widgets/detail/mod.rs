//! One object in detail: facts, links to others, JSON. Used wherever an object is shown.
//!
//! How to use it: keep a [`Detail`] in the screen's state; [`Detail::show`] says which object; on every refresh send
//! what [`Detail::next_request`] gives; hand answers to [`Detail::take`], actions to [`Detail::act`], and text to
//! [`Detail::typed`] while [`Detail::is_typing`]; draw with [`view::draw`] inside a frame of your own, titled
//! [`view::title`]; after a frame call [`Detail::drawn`]. At most one request is under way; the newest wish wins.

pub mod sheet;
pub mod view;

pub use sheet::{At, Outcome, Row, Sheet, Way};

use super::Hits;
use super::json::JsonTree;
use crate::engine::api::{Answer, IntegrationId, Link, ObjectDetail, Request};
use crate::stripe::kind::Kind;
use crate::tui::input::actions::Action;
use crate::tui::input::line::Typed;

/// What is known of something that is read from the store.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Body<T> {
    /// None was asked for.
    #[default]
    Nothing,
    /// It is being read.
    Loading,
    /// It is not stored here.
    NotHere,
    /// It could not be read: why.
    Failed(String),
    /// Here it is.
    Here(Box<T>),
}

/// An object in detail.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detail {
    /// Which.
    subject: Option<(IntegrationId, String)>,
    /// What is known of it.
    pub body: Body<ObjectDetail>,
    /// What is read, and how far one is.
    pub sheet: Sheet,
    wanted: bool,
    in_flight: Option<u64>,
    version: u64,
}

impl Detail {
    /// Shows another object; the same one stays as it is.
    pub fn show(&mut self, integration: IntegrationId, id: &str) {
        if self.subject.as_ref().is_some_and(|(whose, what)| *whose == integration && what == id) {
            return;
        }
        let version = self.version;
        *self = Detail {
            subject: Some((integration, id.to_owned())),
            body: Body::Loading,
            wanted: true,
            version,
            ..Detail::default()
        };
    }

    /// Shows nothing.
    pub fn clear(&mut self) {
        *self = Detail { version: self.version, ..Detail::default() };
    }

    /// Shows an object that came with something else; none: it is not stored.
    pub fn put(&mut self, object: Option<&ObjectDetail>) {
        let Some(object) = object else {
            self.clear();
            self.body = Body::NotHere;
            return;
        };
        let subject = (object.integration, object.id.clone());
        if self.subject.as_ref() != Some(&subject) {
            self.clear();
        }
        self.subject = Some(subject);
        self.wanted = false;
        self.install(object);
    }

    /// Which object is shown.
    pub fn subject(&self) -> Option<(IntegrationId, &str)> {
        self.subject.as_ref().map(|(integration, id)| (*integration, id.as_str()))
    }

    /// Records were stored: it is read again. `version` is the snapshot's `records_version`.
    pub fn notice(&mut self, version: u64) {
        if version > self.version {
            self.version = version;
            self.wanted |= self.subject.is_some();
        }
    }

    /// The next question to ask, if one is due; `number` gives it its number.
    pub fn next_request(&mut self, number: impl FnOnce() -> u64) -> Option<(u64, Request)> {
        if self.in_flight.is_some() || !self.wanted {
            return None;
        }
        let (integration, id) = self.subject.clone()?;
        self.wanted = false;
        let generation = number();
        self.in_flight = Some(generation);
        Some((generation, Request::Object { integration, id }))
    }

    /// Takes an answer up; false when it is not the one that is waited for.
    pub fn take(&mut self, generation: u64, answer: &Answer) -> bool {
        if self.in_flight != Some(generation) {
            return false;
        }
        self.in_flight = None;
        match answer {
            Answer::Object(object) => {
                self.install(object);
            }
            Answer::NotHere => self.body = Body::NotHere,
            // What is shown already stays: it is still true.
            Answer::Refused { reason } if !matches!(self.body, Body::Here(_)) => {
                self.body = Body::Failed(reason.clone());
            }
            _ => {}
        }
        true
    }

    fn install(&mut self, object: &ObjectDetail) {
        if matches!(&self.body, Body::Here(old) if **old == *object) {
            return;
        }
        let tree =
            if object.json.is_empty() { JsonTree::default() } else { JsonTree::new(&object.json, &[]) };
        let rows = rows_of(object);
        let same = matches!(&self.body, Body::Here(old) if old.id == object.id);
        if same {
            self.sheet.again(rows, tree);
        } else {
            self.sheet = Sheet::new(rows, tree);
        }
        self.body = Body::Here(Box::new(object.clone()));
    }

    /// The object, if it is here.
    pub fn object(&self) -> Option<&ObjectDetail> {
        match &self.body {
            Body::Here(object) => Some(object),
            _ => None,
        }
    }

    /// The customer it belongs to; itself, if it is one.
    pub fn customer(&self) -> Option<String> {
        let object = self.object()?;
        if object.kind == Kind::Customer {
            return Some(object.id.clone());
        }
        customer_of(&object.links)
    }

    /// A line of it takes text.
    pub fn is_typing(&self) -> bool {
        self.sheet.is_typing()
    }

    /// Takes text for that line.
    pub fn typed(&mut self, typed: &Typed) {
        self.sheet.typed(typed);
    }

    /// Carries an action out: moving, folding, looking for text, copying, opening a link.
    pub fn act(&mut self, action: Action, hits: &Hits) -> Outcome {
        if action == Action::CopyId {
            return match &self.subject {
                Some((_, id)) => Outcome::Copy(id.clone()),
                None => Outcome::Say("nothing is open".to_owned()),
            };
        }
        self.sheet.act(action, hits.detail_rows)
    }

    /// Remembers where things were on the frame.
    pub fn drawn(&mut self, hits: &Hits) {
        self.sheet.top = hits.detail_top;
    }
}

/// The customer among links.
pub fn customer_of(links: &[Link]) -> Option<String> {
    links.iter().find(|link| link.kind == Kind::Customer).map(|link| link.id.clone())
}

fn rows_of(object: &ObjectDetail) -> Vec<Row> {
    let mut rows = Vec::new();
    if !object.error.is_empty() {
        rows.push(Row::Wrong(object.error.clone()));
        rows.push(Row::Blank);
    }
    rows.extend(object.facts.iter().cloned().map(Row::Fact));
    if !object.links.is_empty() {
        if !rows.is_empty() {
            rows.push(Row::Blank);
        }
        rows.extend(object.links.iter().cloned().map(Row::Link));
    }
    if !rows.is_empty() {
        rows.push(Row::Blank);
    }
    rows.push(Row::Note(if object.json.is_empty() {
        "deleted at Stripe: no content is kept".to_owned()
    } else {
        "JSON as Stripe sent it".to_owned()
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: &str, json: &str) -> ObjectDetail {
        ObjectDetail {
            integration: IntegrationId(1),
            kind: Kind::Invoice,
            id: id.into(),
            title: "INV-1".into(),
            json: json.into(),
            as_of: 1,
            stored_at: 2,
            state: String::new(),
            error: String::new(),
            facts: vec![],
            links: vec![],
            url: None,
            events: 3,
        }
    }

    #[test]
    fn the_newest_wish_wins_and_stale_answers_are_not_taken() {
        let mut it = Detail::default();
        assert!(it.next_request(|| 1).is_none());
        it.show(IntegrationId(1), "in_1");
        assert_eq!(it.next_request(|| 1).unwrap().0, 1);
        it.show(IntegrationId(1), "in_2");
        let (number, request) = it.next_request(|| 2).unwrap();
        assert!(matches!(request, Request::Object { id, .. } if id == "in_2"));
        assert!(!it.take(1, &Answer::Object(Box::new(object("in_1", "{}")))));
        assert_eq!(it.body, Body::Loading);
        assert!(it.take(number, &Answer::Object(Box::new(object("in_2", "{}")))));
        assert_eq!(it.object().unwrap().id, "in_2");
        assert!(it.next_request(|| 3).is_none());
        it.notice(7);
        let (number, _) = it.next_request(|| 3).unwrap();
        assert!(it.take(number, &Answer::Refused { reason: "busy".into() }));
        assert_eq!(it.object().unwrap().id, "in_2", "what is known stays");
    }
}
