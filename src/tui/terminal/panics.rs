//! What a panic does to the screen.
//!
//! One of the screen itself gives the terminal back before anything is printed. One of anything else must not: the
//! screen goes on, so it is handed over as a message and nothing is printed into the picture. Both may happen on
//! one thread, so what counts is whether the screen's future is being polled there.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use tokio::sync::mpsc;

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync + 'static;

/// The hook, in place for as long as this lives; then the one before it again.
pub struct Hooked {
    before: Arc<Hook>,
    polled: Arc<Mutex<Option<ThreadId>>>,
}

impl std::fmt::Debug for Hooked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooked").finish_non_exhaustive()
    }
}

/// Puts the hook in place. `taken` tells whether the terminal is ours; `others` gets the panics of other threads.
pub fn hook(taken: Arc<AtomicBool>, others: mpsc::Sender<String>) -> Hooked {
    let before: Arc<Hook> = Arc::from(take_hook());
    let polled = Arc::new(Mutex::new(None));
    let (previous, drawing) = (Arc::clone(&before), Arc::clone(&polled));
    set_hook(Box::new(move |info| {
        let drawing = *drawing.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = drawing == Some(thread::current().id());
        if ours || !taken.load(std::sync::atomic::Ordering::SeqCst) {
            super::give_back(&taken);
            previous(info);
        } else {
            let text = describe(info);
            tracing::error!(panic = %text, "a thread panicked; the screen goes on");
            // Full: the first few say enough.
            let _ = others.try_send(text);
        }
    }));
    Hooked { before, polled }
}

impl Hooked {
    /// Runs the screen's future, and knows at every moment whether and where it is being polled.
    pub async fn watch<F: Future>(&self, screen: F) -> F::Output {
        let mut screen = std::pin::pin!(screen);
        std::future::poll_fn(|context| {
            self.mark(Some(thread::current().id()));
            let polled = screen.as_mut().poll(context);
            self.mark(None);
            polled
        })
        .await
    }

    fn mark(&self, thread: Option<ThreadId>) {
        *self.polled.lock().unwrap_or_else(PoisonError::into_inner) = thread;
    }
}

impl Drop for Hooked {
    fn drop(&mut self) {
        // The hook cannot be changed by a thread that panics; it is harmless then.
        if !thread::panicking() {
            let before = Arc::clone(&self.before);
            set_hook(Box::new(move |info| before(info)));
        }
    }
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    let what = text.lines().next().unwrap_or_default();
    match info.location() {
        Some(at) => format!("{what} ({}:{})", at.file(), at.line()),
        None => what.to_owned(),
    }
}
