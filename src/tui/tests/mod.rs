//! Tests of the screen as a whole: canned snapshots drawn at many sizes, any keys at any size, and the real loop on a
//! terminal of its own.

pub(crate) mod canned;
mod canned_connect;
mod canned_endpoint;
mod canned_events;
pub mod canned_forward;
mod canned_records;
mod canned_sync;
mod deliveries;
mod draw;
mod driver;
mod endpoint;
mod events;
mod integrations;
mod keys;
mod payments;
mod records;
mod search;
mod sync;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::effects::Effect;
use super::msg::Msg;
use super::state::State;
use super::style::{ColorLevel, Theme};
use super::update::update;
use super::view;
use crate::engine::api::{EventRow, IntegrationId, Source};
use crossterm::event::{KeyEvent, KeyModifiers};

/// The sizes that pictures are looked at in.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 50)];

/// A state and the engine behind it, without loop or terminal.
struct Desk {
    state: State,
    engine: Arc<canned::Fake>,
    /// What was asked for besides requests.
    effects: Vec<Effect>,
    now_ms: i64,
}

impl Desk {
    fn new(name: &str, size: (u16, u16)) -> Desk {
        let engine = canned::Fake::new(name);
        let mut desk =
            Desk { state: State::new(size), engine, effects: Vec::new(), now_ms: canned::NOW * 1000 };
        desk.snapshot();
        desk.draw();
        desk
    }

    fn snapshot(&mut self) {
        let newest = Arc::clone(&self.engine.snapshots.borrow());
        self.send(Msg::Snapshot(newest));
    }

    /// Takes a message, and answers whatever it asks of the engine.
    fn send(&mut self, msg: Msg) -> usize {
        let mut waiting = vec![msg];
        let mut yielded = 0;
        while let Some(msg) = waiting.pop() {
            for effect in update(&mut self.state, msg, self.now_ms) {
                yielded += 1;
                if let Effect::Request { generation, request } = &effect {
                    let answer = self.engine.answer(request);
                    waiting.push(Msg::Answer { generation: *generation, answer });
                }
                if let Effect::OfferKey { generation, key } = &effect {
                    let answer = self.engine.offered(key);
                    waiting.push(Msg::Answer { generation: *generation, answer });
                }
                self.effects.push(effect);
            }
            assert!(yielded < 200, "it asks for ever");
        }
        yielded
    }

    fn key(&mut self, name: &str) -> usize {
        let key = super::input::keys::Key::parse(name).unwrap();
        let modifiers = if key.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
        self.send(Msg::Key(KeyEvent::new(key.code, modifiers)))
    }

    fn buffer(&mut self, ascii: bool) -> Buffer {
        let (width, height) = self.state.size;
        let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
        let theme = Theme::new(ColorLevel::Ansi16);
        let hits = view::draw(&self.state, theme, ascii, self.now_ms / 1000, &mut buf);
        self.send(Msg::Drawn(hits));
        buf
    }

    fn draw(&mut self) -> String {
        text(&self.buffer(false))
    }

    /// All of this is in the frame.
    fn has(&mut self, wanted: &[&str]) {
        let text = self.draw();
        for word in wanted {
            assert!(text.contains(word), "no {word:?}:\n{text}");
        }
    }

    fn draw_at(&mut self, size: (u16, u16)) -> String {
        self.send(Msg::Resize(size.0, size.1));
        self.draw()
    }
}

/// The event of second `n`.
pub(super) fn plain_event(n: i64) -> EventRow {
    EventRow {
        integration: IntegrationId(1),
        id: format!("evt_{n:06}"),
        created: n,
        received: n,
        event_type: "invoice.paid".into(),
        object: "in_1".into(),
        amount: None,
        who: String::new(),
        source: Source::Poll,
        starred: false,
        marks: crate::engine::api::Marks::default(),
    }
}

/// The frame as lines.
fn text(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buf.area.height {
        let mut skip = 0;
        for x in 0..buf.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buf[(x, y)].symbol();
            skip = super::fmt::width(symbol).saturating_sub(1);
            out.push_str(symbol);
        }
        out.push('\n');
    }
    out
}
