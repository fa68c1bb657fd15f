//! One event in detail: what is known of it, the tabs, and how far one is in each.
//!
//! It follows the selection of the list unless it was opened by name (from a timeline, from a search). At most one
//! request for the event and one for the timeline are under way; the newest wish wins.

use crate::engine::api::{Answer, Basis, EventDetail, EventPos, EventRow, IntegrationId, Request};
use crate::tui::attempts::{Attempts, Scope};
use crate::tui::feed::place;
use crate::tui::fmt;
use crate::tui::input::line::Typed;
use crate::tui::widgets::detail::{Body, Detail, Row, Sheet};
use crate::tui::widgets::json::JsonTree;

/// Events of a timeline that are read.
pub const TIMELINE: usize = 300;

/// What is shown of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// What changed.
    #[default]
    Changed,
    /// The event as Stripe sent it.
    Json,
    /// The object as it is stored now.
    Now,
    /// Everything that happened to the object.
    Timeline,
    /// Where the event was sent.
    Sent,
}

/// The tabs in their order.
pub const TABS: &[Tab] = &[Tab::Changed, Tab::Json, Tab::Now, Tab::Timeline, Tab::Sent];

/// What is to be done as soon as the event is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Go to its customer.
    Customer,
    /// Open its page.
    Stripe,
}

/// The events of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// Whose.
    object: Option<(IntegrationId, String)>,
    /// Newest first.
    pub rows: Vec<EventRow>,
    /// It was read.
    pub loaded: bool,
    /// Why it could not be.
    pub error: Option<String>,
    /// The selected one; none: the event that is shown.
    cursor: Option<EventPos>,
    /// First row shown, as last drawn.
    pub top: usize,
    wanted: bool,
    in_flight: Option<u64>,
}

impl Timeline {
    fn show(&mut self, integration: IntegrationId, object: &str) {
        let object = (integration, object.to_owned());
        if self.object.as_ref() != Some(&object) {
            *self = Timeline { wanted: true, object: Some(object), ..Timeline::default() };
        }
    }

    /// Index of the selected row; `shown` is the event that the pane shows.
    pub fn index(&self, shown: &str) -> usize {
        let cursor = self.cursor.as_ref().map_or(shown, |cursor| cursor.id.as_str());
        self.rows.iter().position(|row| row.id == cursor).unwrap_or(0)
    }

    /// Moves the selection.
    pub fn step(&mut self, shown: &str, rows: isize) {
        let last = self.rows.len().saturating_sub(1);
        let to = self.index(shown).saturating_add_signed(rows).min(last);
        self.cursor = self.rows.get(to).map(place);
    }
}

/// The pane's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventPane {
    subject: Option<(IntegrationId, String)>,
    /// What is known.
    pub body: Body<EventDetail>,
    /// It was opened by name: the list does not change it.
    pub pinned: bool,
    /// Events that Esc goes back to, nearest last.
    back: Vec<(IntegrationId, String)>,
    /// Which tab is open.
    pub tab: Tab,
    /// What changed, and the object in the event.
    pub changed: Sheet,
    /// The event's JSON.
    pub json: Sheet,
    /// The object as it is now.
    pub now: Detail,
    /// The object's events.
    pub timeline: Timeline,
    /// The attempts to deliver the event.
    pub sent: Attempts,
    /// To be done when the event is here, and when that was asked for, Unix milliseconds.
    pub then: Option<(Then, i64)>,
    wanted: bool,
    in_flight: Option<u64>,
    version: u64,
}

/// Links beside what changed, most important first: the object as it is now has all of them.
const LINKS: usize = 4;
/// Events to go back to.
const BACK: usize = 50;

impl EventPane {
    /// Shows an event. What was shown stays on the screen until it is here.
    pub fn show(&mut self, integration: IntegrationId, id: &str) {
        if self.is_about(integration, id) {
            return;
        }
        self.subject = Some((integration, id.to_owned()));
        self.wanted = true;
        self.then = None;
        if !matches!(self.body, Body::Here(_)) {
            self.body = Body::Loading;
        }
    }

    fn is_about(&self, integration: IntegrationId, id: &str) -> bool {
        self.subject.as_ref().is_some_and(|(whose, what)| *whose == integration && what == id)
    }

    /// Shows an event by name, and comes back to the one before with Esc.
    pub fn open(&mut self, integration: IntegrationId, id: &str, come_back: bool) {
        if come_back && let Some(before) = self.subject.take() {
            self.back.push(before);
            let more = self.back.len().saturating_sub(BACK);
            self.back.drain(..more);
        } else {
            self.back.clear();
        }
        self.show(integration, id);
        self.pinned = true;
    }

    /// Back to the event before; false when there is none.
    pub fn go_back(&mut self) -> bool {
        let Some((integration, id)) = self.back.pop() else { return false };
        self.show(integration, &id);
        true
    }

    /// The list decides again what is shown.
    pub fn unpin(&mut self) {
        self.pinned = false;
        self.back.clear();
    }

    /// Shows nothing.
    pub fn clear(&mut self) {
        *self = EventPane { tab: self.tab, version: self.version, ..EventPane::default() };
    }

    /// Which event is shown, or will be as soon as it is read.
    pub fn subject(&self) -> Option<(IntegrationId, &str)> {
        self.subject.as_ref().map(|(integration, id)| (*integration, id.as_str()))
    }

    /// The event, if it is here and is the one that is wanted.
    pub fn event(&self) -> Option<&EventDetail> {
        match &self.body {
            Body::Here(event) if self.is_about(event.row.integration, &event.row.id) => Some(event),
            _ => None,
        }
    }

    /// Records were stored: the object may be another one now.
    pub fn notice(&mut self, records_version: u64) {
        if records_version > self.version {
            self.version = records_version;
            self.wanted |= self.tab == Tab::Now && self.subject.is_some();
        }
    }

    /// Something of the event has changed: it is read again.
    pub fn read_again(&mut self) {
        self.wanted |= self.subject.is_some();
        self.timeline.wanted |= self.timeline.object.is_some();
    }

    /// The next questions to ask; `number` gives each its number. `deliveries` is the snapshot's version of them.
    pub fn next_requests(&mut self, deliveries: u64, mut number: impl FnMut() -> u64) -> Vec<(u64, Request)> {
        let mut out = Vec::new();
        if self.tab == Tab::Sent
            && let Some((integration, id)) = self.subject.clone()
        {
            let event = Some(id);
            self.sent.look_at(Scope { integration: Some(integration), event, ..Scope::default() });
            self.sent.notice(deliveries);
            if let Some((generation, query)) = self.sent.next_query(deliveries, &mut number) {
                out.push((generation, Request::Attempts(query)));
            }
        }
        if self.in_flight.is_none()
            && self.wanted
            && let Some((integration, id)) = self.subject.clone()
        {
            self.wanted = false;
            let generation = number();
            self.in_flight = Some(generation);
            out.push((generation, Request::Event { integration, id }));
        }
        let object = self.event().map(|event| (event.row.integration, event.row.object.clone()));
        if self.tab == Tab::Timeline
            && let Some((integration, object)) = object.filter(|(_, object)| !object.is_empty())
        {
            self.timeline.show(integration, &object);
            let line = &mut self.timeline;
            if line.wanted && line.in_flight.is_none() {
                line.wanted = false;
                let generation = number();
                line.in_flight = Some(generation);
                let request = Request::Timeline { integration, object, from: None, limit: TIMELINE };
                out.push((generation, request));
            }
        }
        out
    }

    /// Takes an answer up; false when it is not waited for here. `tz` is the account's zone.
    pub fn take(&mut self, generation: u64, answer: &Answer, tz: &str) -> bool {
        if self.sent.take(generation, answer) {
            return true;
        }
        if self.timeline.in_flight == Some(generation) {
            let line = &mut self.timeline;
            line.in_flight = None;
            line.loaded = true;
            match answer {
                Answer::Timeline(rows) => (line.rows, line.error) = (rows.clone(), None),
                Answer::Refused { reason } => line.error = Some(reason.clone()),
                _ => line.rows.clear(),
            }
            return true;
        }
        if self.in_flight != Some(generation) {
            return false;
        }
        self.in_flight = None;
        match answer {
            // Another one is wanted by now: its answer is on its way.
            Answer::Event(event) if !self.is_about(event.row.integration, &event.row.id) => {}
            _ if self.wanted && self.event().is_none() && !matches!(answer, Answer::Event(_)) => {}
            Answer::Event(event) => self.install(event, tz),
            Answer::NotHere => self.body = Body::NotHere,
            Answer::Refused { reason } if self.event().is_none() => self.body = Body::Failed(reason.clone()),
            _ => {}
        }
        true
    }

    fn install(&mut self, event: &EventDetail, tz: &str) {
        let same = matches!(&self.body, Body::Here(old) if old.row.id == event.row.id);
        let tree = JsonTree::new(&event.json, &[&["data", "object"], &["data", "previous_attributes"]]);
        let object = tree.part(&["data", "object"]).unwrap_or_default();
        let rows = changed_rows(event, tz);
        if same {
            self.changed.again(rows, object);
            self.json.again(Vec::new(), tree);
        } else {
            self.changed = Sheet::new(rows, object);
            self.json = Sheet::new(Vec::new(), tree);
            self.timeline.cursor = None;
        }
        self.now.put(event.now.as_ref());
        self.body = Body::Here(Box::new(event.clone()));
    }

    /// What is read in the open tab; none on the timeline and where it is a list of attempts.
    pub fn sheet(&mut self) -> Option<&mut Sheet> {
        match self.tab {
            Tab::Changed => Some(&mut self.changed),
            Tab::Json => Some(&mut self.json),
            Tab::Now => Some(&mut self.now.sheet),
            Tab::Timeline | Tab::Sent => None,
        }
    }

    /// The tab after, or before; false at the end.
    pub fn turn(&mut self, forward: bool, around: bool) -> bool {
        let here = TABS.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        let next = match (forward, around) {
            (true, true) => (here + 1) % TABS.len(),
            (false, true) => (here + TABS.len() - 1) % TABS.len(),
            (true, false) => here + 1,
            (false, false) => here.wrapping_sub(1),
        };
        match TABS.get(next) {
            Some(tab) => {
                self.tab = *tab;
                true
            }
            None => false,
        }
    }

    /// A line of it takes text.
    pub fn is_typing(&self) -> bool {
        match self.tab {
            Tab::Changed => self.changed.is_typing(),
            Tab::Json => self.json.is_typing(),
            Tab::Now => self.now.is_typing(),
            Tab::Timeline | Tab::Sent => false,
        }
    }

    /// Takes text for that line.
    pub fn typed(&mut self, typed: &Typed) {
        if let Some(sheet) = self.sheet() {
            sheet.typed(typed);
        }
    }
}

/// Where it leads, what the list of changes rests on, and the changes.
fn changed_rows(event: &EventDetail, tz: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = event.links.iter().take(LINKS).cloned().map(Row::Link).collect();
    if !rows.is_empty() {
        rows.push(Row::Blank);
    }
    let none = event.changes.items.is_empty();
    rows.push(Row::Note(match &event.changes.basis {
        Basis::PreviousAttributes if none => "the event says that nothing of the object changed".to_owned(),
        Basis::PreviousAttributes => "as the event itself tells (previous_attributes)".to_owned(),
        Basis::EarlierEvent { id, at } => {
            let when = crate::clock::format_time(*at, tz);
            let same = if none { "the same as in" } else { "compared with" };
            format!("{same} an earlier event of {when}, {}; this one carries no diff itself", fmt::clean(id))
        }
        Basis::OurCopy { as_of } => {
            let when = crate::clock::format_time(*as_of, tz);
            let same = if none { "the same as" } else { "compared with" };
            format!("{same} our copy of {when}; this event carries no diff itself")
        }
        Basis::Created => "the object began with this event".to_owned(),
        Basis::Nothing => {
            "nothing to compare with: the event carries no diff, and no earlier state is stored".to_owned()
        }
    }));
    rows.push(Row::Blank);
    rows.extend(event.changes.items.iter().cloned().map(Row::Change));
    rows.push(Row::Head("data.object".to_owned()));
    rows
}
