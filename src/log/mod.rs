//! The log of a process without a screen: one line an entry, as text or JSON, to a file that is exchanged when it is
//! full, or to stderr.
//!
//! Whatever looks like a key is hidden before a line is written, and control characters go. It must never hold a secret,
//! and never stop the program when it cannot be written.

pub mod rotate;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::stripe::scrub::hide;
use rotate::Rotating;

/// What the log is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The file; none: stderr.
    pub file: Option<PathBuf>,
    /// One JSON object a line.
    pub json: bool,
    /// The least that is written.
    pub level: LevelFilter,
}

/// Reads the name of a level.
pub fn level(word: &str) -> Option<LevelFilter> {
    Some(match word {
        "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        _ => return None,
    })
}

/// Begins to log; once in a process.
pub fn start(options: &Options) -> io::Result<()> {
    let sink: Box<dyn Write + Send> = match &options.file {
        Some(path) => Box::new(Rotating::open(path)?),
        None => Box::new(io::stderr()),
    };
    let writer = Sink(Arc::new(Mutex::new(sink)));
    tracing::subscriber::set_global_default(subscriber(writer, options.json, options.level))
        .map_err(io::Error::other)
}

fn subscriber(writer: Sink, json: bool, level: LevelFilter) -> Box<dyn tracing::Subscriber + Send + Sync> {
    // Libraries write headers and addresses at their lower levels: they are heard from warnings on.
    let filter = Targets::new().with_default(LevelFilter::WARN.min(level)).with_target("tillwatch", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    if json {
        let layer = layer.json().flatten_event(true).with_current_span(false).with_span_list(false);
        Box::new(Registry::default().with(layer.with_filter(filter)))
    } else {
        Box::new(Registry::default().with(layer.with_filter(filter)))
    }
}

/// Where lines go.
#[derive(Clone)]
struct Sink(Arc<Mutex<Box<dyn Write + Send>>>);

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { sink: self.clone(), text: Vec::with_capacity(256) }
    }
}

/// One entry; it is written as a whole when it is dropped.
struct Line {
    sink: Sink,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        let mut line = hide(text.trim_end_matches('\n'));
        line.push('\n');
        let mut sink = self.sink.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not end the service: what cannot be written is lost.
        let _ = sink.write_all(line.as_bytes()).and_then(|()| sink.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Held(Arc<Mutex<Vec<u8>>>);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(json: bool, level: LevelFilter) -> String {
        let held = Held::default();
        let sink = Sink(Arc::new(Mutex::new(Box::new(held.clone()))));
        tracing::subscriber::with_default(subscriber(sink, json, level), || {
            let key = format!("rk_live_{}", "a1b2c3d4".repeat(8));
            tracing::info!(status = 200, "said {key} and \u{1b}[31mred");
            // As fields, which are written escaped.
            tracing::info!(body = "key:\nsk_live_51Habcdefghijkl", "a\nsk_test_51Habcdefghijkl");
            tracing::debug!("small");
            tracing::info!(target: "hyper", "of a library");
            tracing::warn!(target: "hyper", "warned");
        });
        let bytes = held.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_an_entry_without_keys_and_control_characters() {
        for json in [false, true] {
            let text = lines(json, LevelFilter::INFO);
            assert_eq!(text.lines().count(), 3, "{text}");
            assert!(text.contains("sk_live_…ijkl") && text.contains("sk_test_…ijkl"), "{text}");
            assert!(!text.contains("51Habc"), "{text}");
            assert!(text.contains("warned") && !text.contains("small") && !text.contains("of a library"));
            assert!(text.contains("rk_live_…") && !text.contains("a1b2c3d4a1b2"), "{text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
        let text = lines(true, LevelFilter::INFO);
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((&first["status"], &first["level"]), (&200.into(), &"INFO".into()));
        assert_eq!(lines(false, LevelFilter::DEBUG).lines().count(), 4);
        assert_eq!(lines(false, LevelFilter::OFF), "");
    }
}
