//! One case in detail: what it is, where it leads, its tries. What can be chosen are the links and the tries.
//!
//! At most one request is under way; a case that changes is read again and the selection stays. It draws nothing.

use crate::engine::api::{Answer, CaseDetail, IntegrationId, Request};
use crate::tui::input::actions::Action;

/// What is known of the case.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Body {
    /// It is being read.
    #[default]
    Loading,
    /// There is none of that name here.
    NotHere,
    /// It could not be read: why.
    Failed(String),
    /// Here it is.
    Here(Box<CaseDetail>),
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The link of that index.
    Link(usize),
    /// The try of that index.
    Try(usize),
}

/// The open case.
#[derive(Debug, Clone, PartialEq)]
pub struct CasePane {
    /// Whose.
    pub integration: IntegrationId,
    /// Its id.
    pub id: String,
    /// What is known.
    pub body: Body,
    /// First line shown of what can be scrolled.
    pub top: usize,
    /// Id of the selected link, or of the event of the selected try; none: the first.
    cursor: Option<String>,
    wanted: bool,
    in_flight: Option<u64>,
    version: u64,
}

impl CasePane {
    /// Opens a case; `version` is the snapshot's `cases_version`.
    pub fn of(integration: IntegrationId, id: &str, version: u64) -> CasePane {
        CasePane {
            integration,
            id: id.to_owned(),
            body: Body::Loading,
            top: 0,
            cursor: None,
            wanted: true,
            in_flight: None,
            version,
        }
    }

    /// The case, if it is here.
    pub fn case(&self) -> Option<&CaseDetail> {
        match &self.body {
            Body::Here(case) => Some(case),
            _ => None,
        }
    }

    /// Cases changed: it is read again.
    pub fn notice(&mut self, version: u64) {
        if version > self.version {
            self.version = version;
            self.wanted = true;
        }
    }

    /// The next question to ask, if one is due, which is then under way as `number`.
    pub fn next_request(&mut self, number: u64) -> Option<Request> {
        if self.in_flight.is_some() || !self.wanted {
            return None;
        }
        self.wanted = false;
        self.in_flight = Some(number);
        Some(Request::Case { integration: self.integration, id: self.id.clone() })
    }

    /// Takes an answer up; false when it is not the one that is waited for.
    pub fn take(&mut self, generation: u64, answer: &Answer) -> bool {
        if self.in_flight != Some(generation) {
            return false;
        }
        self.in_flight = None;
        match answer {
            Answer::Case(case) => self.body = Body::Here(case.clone()),
            Answer::NotHere => self.body = Body::NotHere,
            // What is shown already stays: it was true a moment ago.
            Answer::Refused { reason } if self.case().is_none() => self.body = Body::Failed(reason.clone()),
            _ => {}
        }
        true
    }

    /// What can be chosen, in order.
    pub fn entries(&self) -> Vec<Entry> {
        let Some(case) = self.case() else { return Vec::new() };
        let links = (0..case.links.len()).map(Entry::Link);
        links.chain((0..case.tries.len()).map(Entry::Try)).collect()
    }

    fn name(&self, entry: &Entry) -> Option<String> {
        let case = self.case()?;
        match entry {
            Entry::Link(index) => case.links.get(*index).map(|link| link.id.clone()),
            Entry::Try(index) => case.tries.get(*index).map(|one| format!("{}@{}", one.event, one.at)),
        }
    }

    /// Index of the selected entry.
    pub fn index(&self) -> usize {
        let Some(cursor) = &self.cursor else { return 0 };
        self.entries().iter().position(|entry| self.name(entry).as_ref() == Some(cursor)).unwrap_or(0)
    }

    /// The selected entry.
    pub fn selected(&self) -> Option<Entry> {
        self.entries().get(self.index()).cloned()
    }

    /// The id to copy: of what is selected, else of the case.
    pub fn id_to_copy(&self) -> String {
        let own = || self.id.clone();
        let Some(case) = self.case() else { return own() };
        match self.selected() {
            Some(Entry::Link(index)) => case.links.get(index).map_or_else(own, |link| link.id.clone()),
            Some(Entry::Try(index)) => case
                .tries
                .get(index)
                .filter(|one| !one.payment.is_empty())
                .map_or_else(own, |one| one.payment.clone()),
            None => own(),
        }
    }

    /// Moves the selection; false when it is none of its actions.
    pub fn act(&mut self, action: Action, page: usize) -> bool {
        let here = self.index();
        let page = page.saturating_sub(1).max(1);
        let to = match action {
            Action::Down => here + 1,
            Action::Up => here.saturating_sub(1),
            Action::PageDown => here + page,
            Action::PageUp => here.saturating_sub(page),
            Action::First => 0,
            Action::Last => usize::MAX,
            _ => return false,
        };
        let entries = self.entries();
        let to = to.min(entries.len().saturating_sub(1));
        self.cursor = entries.get(to).and_then(|entry| self.name(entry));
        true
    }
}
