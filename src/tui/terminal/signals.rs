//! Signals as a stream: end, stop, and being continued.
//!
//! Raw mode turns ctrl-c and ctrl-z into keys, so what arrives here was sent by somebody else.

use std::io;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGHUP or SIGINT: end.
    End,
    /// SIGTSTP: give the terminal back and stop.
    Stop,
    /// SIGCONT: somebody stopped us without asking and we run again.
    Continued,
}

/// The signals that the screen answers to.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    inner: unix::Inner,
}

impl Signals {
    /// Begins to listen.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            #[cfg(unix)]
            inner: unix::Inner::listen()?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        {
            self.inner.next().await
        }
        #[cfg(not(unix))]
        {
            // Without a handler there is nothing to wait for; the console's own ctrl-c still ends the program.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            Signal::End
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::io;

    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    use super::Signal;

    #[derive(Debug)]
    pub struct Inner {
        terminate: Stream,
        hangup: Stream,
        interrupt: Stream,
        stop: Stream,
        continued: Stream,
    }

    impl Inner {
        pub fn listen() -> io::Result<Inner> {
            let raw = |one: rustix::process::Signal| SignalKind::from_raw(one.as_raw());
            Ok(Inner {
                terminate: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
                interrupt: signal(SignalKind::interrupt())?,
                stop: signal(raw(rustix::process::Signal::TSTP))?,
                continued: signal(raw(rustix::process::Signal::CONT))?,
            })
        }

        pub async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.terminate.recv() => Signal::End,
                _ = self.hangup.recv() => Signal::End,
                _ = self.interrupt.recv() => Signal::End,
                _ = self.stop.recv() => Signal::Stop,
                _ = self.continued.recv() => Signal::Continued,
            }
        }
    }
}
