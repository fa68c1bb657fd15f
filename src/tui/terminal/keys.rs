//! What is typed, as a stream that ends when the terminal goes away.
//!
//! crossterm 0.29 reads a terminal that is gone for ever: its loop takes an end of input and an error alike for
//! "nothing yet" (crossterm issue 793). Whoever polls its stream then never comes back, so that is done on a thread of
//! its own, never by the screen's loop; and a second thread, which sleeps until then, tells that the terminal is gone.

use std::io;

use crossterm::event::{Event, EventStream};
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

/// Events that wait for the loop; more stay in the terminal.
const WAITING: usize = 1024;

/// Begins to read. The threads end when the stream is dropped, unless the terminal is gone: then with the process.
///
/// # Errors
/// The system gives no thread or no pipe.
pub fn read() -> io::Result<impl Stream<Item = io::Result<Event>> + Unpin> {
    let (send, mut events) = mpsc::channel(WAITING);
    let gone = gone::watch()?;
    // Here and not on the thread: a terminal that can't be opened panics, and that must be the screen's panic.
    let stream = EventStream::new();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || runtime.block_on(forward(stream, send)))?;
    let events = futures::stream::poll_fn(move |context| events.poll_recv(context));
    Ok(Box::pin(events.take_until(gone)))
}

async fn forward(mut stream: EventStream, send: mpsc::Sender<io::Result<Event>>) {
    loop {
        let event = tokio::select! { biased;
            () = send.closed() => return,
            event = stream.next() => event,
        };
        let Some(event) = event else { return };
        let broken = event.is_err();
        if send.send(event).await.is_err() || broken {
            return;
        }
    }
}

/// Whether the terminal went away.
pub fn is_gone() -> bool {
    gone::now()
}

#[cfg(unix)]
mod gone {
    use std::io::{self, PipeReader, PipeWriter};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    use tokio::sync::oneshot;

    /// Waits for the end of the terminal.
    pub fn watch() -> io::Result<impl Future<Output = ()>> {
        // Its other end closes when nobody waits any more, which wakes the thread.
        let (dropped, held): (PipeReader, PipeWriter) = io::pipe()?;
        let (tell, told) = oneshot::channel();
        std::thread::Builder::new().name("hang-up".to_owned()).spawn(move || {
            let stdin = io::stdin();
            // Nothing is asked for: a hang-up is told all the same, and keys wake nobody here.
            let none = PollFlags::empty();
            let mut both = [PollFd::new(&stdin, none), PollFd::new(&dropped, none)];
            while poll(&mut both, None) == Err(Errno::INTR) {}
            if both[1].revents().is_empty() {
                let _ = tell.send(());
            }
        })?;
        Ok(async move {
            let _held = held;
            if told.await.is_err() {
                // The thread has ended without a word, which it never does: SIGHUP is left.
                std::future::pending::<()>().await;
            }
        })
    }

    pub fn now() -> bool {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&at_once)).is_ok() && !fds[0].revents().is_empty()
    }
}

#[cfg(not(unix))]
mod gone {
    use std::io;

    /// Where a console goes away the system ends its programs.
    pub fn watch() -> io::Result<impl Future<Output = ()>> {
        Ok(std::future::pending::<()>())
    }

    pub fn now() -> bool {
        false
    }
}
