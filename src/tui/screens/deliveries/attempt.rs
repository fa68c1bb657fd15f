//! One attempt in detail: how it ended, what was sent, what came back. A body that is JSON is a tree.
//!
//! At most one request is under way. It draws nothing.

use crate::engine::api::{Answer, AttemptDetail, AttemptId, Outcome, Request};
use crate::tui::fmt::{self, count};
use crate::tui::widgets::detail::sheet::text_fact;
use crate::tui::widgets::detail::{Row, Sheet, Way};
use crate::tui::widgets::json::JsonTree;

/// A body is cut into pieces of so many characters, so that one that is a single line can be read through.
const PIECE: usize = 400;

/// What is known of the attempt.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Body {
    /// It is being read.
    #[default]
    Loading,
    /// It is not kept any more.
    NotHere,
    /// It could not be read: why.
    Failed(String),
    /// Here it is.
    Here(Box<AttemptDetail>),
}

/// The open attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptPane {
    /// Which.
    pub id: AttemptId,
    /// What is known.
    pub body: Body,
    /// What is read, and how far one is.
    pub sheet: Sheet,
    wanted: bool,
    in_flight: Option<u64>,
}

impl AttemptPane {
    /// Opens an attempt.
    pub fn of(id: AttemptId) -> AttemptPane {
        AttemptPane { id, body: Body::Loading, sheet: Sheet::default(), wanted: true, in_flight: None }
    }

    /// The attempt, if it is here.
    pub fn attempt(&self) -> Option<&AttemptDetail> {
        match &self.body {
            Body::Here(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// The next question to ask, if one is due, which is then under way as `number`.
    pub fn next_request(&mut self, number: u64) -> Option<Request> {
        if self.in_flight.is_some() || !std::mem::take(&mut self.wanted) {
            return None;
        }
        self.in_flight = Some(number);
        Some(Request::Attempt { id: self.id })
    }

    /// Takes an answer up; false when it is not the one that is waited for. `tz` is the account's zone.
    pub fn take(&mut self, generation: u64, answer: &Answer, tz: &str) -> bool {
        if self.in_flight != Some(generation) {
            return false;
        }
        self.in_flight = None;
        self.body = match answer {
            Answer::Attempt(attempt) => {
                let (rows, tree) = sheet(attempt, tz);
                self.sheet = Sheet::new(rows, tree);
                Body::Here(attempt.clone())
            }
            Answer::NotHere => Body::NotHere,
            Answer::Refused { reason } => Body::Failed(reason.clone()),
            _ => Body::Failed("the engine answered something else".to_owned()),
        };
        true
    }
}

/// How it ended, in a sentence.
pub fn sentence(attempt: &AttemptDetail) -> String {
    let ms = count(u64::from(attempt.row.took_ms));
    match &attempt.row.outcome {
        Outcome::Delivered { status } => format!("delivered: answered {status} in {ms} ms"),
        Outcome::Refused { status } if (300..400).contains(status) => {
            format!("not delivered: answered {status} in {ms} ms; redirects are not followed")
        }
        Outcome::Refused { status } => format!("not delivered: answered {status} in {ms} ms"),
        Outcome::Failed { reason } => format!("not delivered: {} after {ms} ms", fmt::clean(reason)),
        Outcome::Expired => {
            "parked: it waited longer than 15 minutes and was not sent; a replay sends it".to_owned()
        }
    }
}

/// All there is to read of it.
fn sheet(attempt: &AttemptDetail, tz: &str) -> (Vec<Row>, JsonTree) {
    let row = &attempt.row;
    let way = |role: &str, title: &str, to: Way| Row::Way { role: role.into(), title: title.into(), to };
    let mut rows = vec![text_fact("sent to", &row.url)];
    let try_number = if row.replay { "sent again by hand".to_owned() } else { row.number.to_string() };
    rows.push(text_fact("try", &try_number));
    if let Some(at) = row.next_at {
        rows.push(text_fact("next try", &crate::clock::format_time(at, tz)));
    }
    rows.push(way("event", &row.event_type, Way::Event(row.event.clone())));
    if !row.object.is_empty() {
        rows.push(way("object", &row.object, Way::Object(row.object.clone())));
    }
    rows.push(Row::Blank);
    let head = |text: &str, note: &str| [Row::Head(text.to_owned()), Row::Note(note.to_owned())];
    if !attempt.request_headers.is_empty() || attempt.request_bytes > 0 {
        let bytes = format!("with a body of {} bytes, as the event came", count(attempt.request_bytes));
        rows.extend(head("What was sent", &bytes));
        rows.extend(
            attempt.request_headers.iter().map(|(name, value)| Row::Value(name.clone(), value.clone())),
        );
        rows.push(Row::Blank);
    }
    if attempt.response_headers.is_empty() && attempt.response_body.is_empty() {
        let text =
            if matches!(row.outcome, Outcome::Expired) { "nothing was sent" } else { "nothing came back" };
        rows.push(Row::Note(text.to_owned()));
        return (rows, JsonTree::default());
    }
    rows.push(Row::Head("What came back".to_owned()));
    rows.extend(attempt.response_headers.iter().map(|(name, value)| Row::Value(name.clone(), value.clone())));
    rows.push(Row::Blank);
    let body = attempt.response_body.trim();
    let json = body.starts_with(['{', '[']) && !attempt.response_cut;
    let tree = if json { JsonTree::new(body, &[&[]]) } else { JsonTree::default() };
    let readable = json && tree.error.is_none();
    rows.push(Row::Head("The body of the answer".to_owned()));
    if attempt.response_cut {
        rows.push(Row::Note("its first 64 KB; there was more".to_owned()));
    }
    if body.is_empty() {
        rows.push(Row::Note("empty".to_owned()));
    } else if !readable {
        rows.extend(attempt.response_body.lines().flat_map(pieces).map(Row::Text));
    }
    (rows, if readable { tree } else { JsonTree::default() })
}

/// A line, in pieces that fit on a screen. Never none.
fn pieces(line: &str) -> Vec<String> {
    let chars: Vec<char> = line.trim_end_matches('\r').chars().collect();
    if chars.is_empty() {
        return vec![String::new()];
    }
    chars.chunks(PIECE).map(|piece| piece.iter().collect()).collect()
}
