//! A command that is carried out for a caller: where it prints, whom it asks, and how it learns of ctrl-c.
//!
//! All of this blocks: it belongs to the command's own thread. A caller that has gone takes nothing and answers
//! nothing; the command is told as if ctrl-c had been pressed.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::wire::{Call, Command, Question, Reply, receive_blocking, send_blocking};
use crate::vault::secret::Secret;

/// The caller's end.
#[derive(Clone)]
pub struct Far {
    inner: Arc<Inner>,
}

struct Inner {
    to: Mutex<UnixStream>,
    said: Mutex<Receiver<Option<Secret>>>,
    gone: AtomicBool,
    /// Cancelled when the holder ends; `interrupt` is then, too.
    ends: CancellationToken,
    interrupt: CancellationToken,
    command: Command,
}

impl std::fmt::Debug for Far {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Far").field("command", &self.inner.command.args).finish_non_exhaustive()
    }
}

impl Far {
    /// Over a socket on which the hellos were exchanged. A thread hears the caller until the socket is closed.
    /// `ends` is cancelled when the holder ends.
    pub fn new(stream: UnixStream, command: Command, ends: CancellationToken) -> std::io::Result<Far> {
        let mut from = stream.try_clone()?;
        let (answers, said) = sync_channel(1);
        let inner = Arc::new(Inner {
            to: Mutex::new(stream),
            said: Mutex::new(said),
            gone: AtomicBool::new(false),
            interrupt: ends.child_token(),
            ends,
            command,
        });
        let heard = Arc::downgrade(&inner);
        std::thread::Builder::new().name("caller".into()).spawn(move || {
            loop {
                match receive_blocking::<Call>(&mut from) {
                    Ok(Call::Said { text }) => {
                        if answers.send(text.map(|text| text.0)).is_err() {
                            return;
                        }
                    }
                    Ok(Call::Interrupt) => {
                        if let Some(inner) = heard.upgrade() {
                            inner.interrupt.cancel();
                        }
                    }
                    Ok(_) | Err(_) => {
                        if let Some(inner) = heard.upgrade() {
                            inner.gone.store(true, Ordering::SeqCst);
                            inner.interrupt.cancel();
                        }
                        return;
                    }
                }
            }
        })?;
        Ok(Far { inner })
    }

    /// What is to be carried out.
    pub fn command(&self) -> &Command {
        &self.inner.command
    }

    /// Cancelled by ctrl-c at the caller's, when the caller goes, and when the holder ends.
    pub fn interrupt(&self) -> &CancellationToken {
        &self.inner.interrupt
    }

    /// The holder ends. Nobody asked for that to be stopped which it takes up again when it is started the next time.
    pub fn holder_ends(&self) -> bool {
        self.inner.ends.is_cancelled()
    }

    fn send(&self, reply: &Reply) {
        if self.inner.gone.load(Ordering::SeqCst) {
            return;
        }
        let mut to = self.inner.to.lock().unwrap_or_else(PoisonError::into_inner);
        if send_blocking(&mut *to, reply).is_err() {
            self.inner.gone.store(true, Ordering::SeqCst);
            self.inner.interrupt.cancel();
        }
    }

    /// A line of the result. False: the caller has gone.
    pub fn line(&self, text: &str) -> bool {
        self.send(&Reply::Line { text: text.to_owned() });
        !self.inner.gone.load(Ordering::SeqCst)
    }

    /// A line of talk.
    pub fn say(&self, text: &str) {
        self.send(&Reply::Say { text: text.to_owned() });
    }

    /// A line that is drawn over and over; empty: it goes.
    pub fn progress(&self, text: &str) {
        self.send(&Reply::Progress { text: text.to_owned() });
    }

    /// A sign of life, unless something is being sent anyway.
    pub fn alive(&self) {
        if let Ok(mut to) = self.inner.to.try_lock() {
            // A caller that has gone is noticed by the command.
            let _ = send_blocking(&mut *to, &Reply::Alive);
        }
    }

    /// Asks the caller; none: nobody is there to answer.
    pub fn ask(&self, question: Question) -> Option<Secret> {
        self.send(&Reply::Question { question });
        let said = self.inner.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.recv().ok().flatten()
    }

    /// Tells how it ended, and hangs up.
    pub fn end(&self, code: u8, failure: Option<String>, below: String) {
        self.send(&Reply::End { code, failure, below });
        let to = self.inner.to.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = to.shutdown(Shutdown::Both);
    }
}
