//! What goes over the attach socket: frames of JSON behind four bytes of length.
//!
//! The hello comes first and never changes its shape, so that two versions can tell each other apart. A key crosses
//! in a frame of its own, which cannot be printed.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::engine::api::{Answer, Request, Snapshot};
use crate::vault::secret::Secret;

/// Rises whenever a frame changes in a way that the other side would not understand.
pub const PROTOCOL: u32 = 2;
/// The largest frame: a window of 500 whole objects is far smaller.
const MOST: usize = 64 * 1024 * 1024;

/// The first frame of either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of that side.
    pub protocol: u32,
    /// The program's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
}

impl Hello {
    /// Of this process.
    pub fn own() -> Hello {
        Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() }
    }

    /// Why this process cannot talk to the one that holds the folder, and which side is to be started anew.
    pub fn mismatch(&self) -> Option<String> {
        let own = Hello::own();
        let who = |is: &str| {
            let (pid, theirs, ours) = (self.pid, &self.version, &own.version);
            format!("process {pid} holds the data folder and is {is} ({theirs}, this is {ours})")
        };
        match self.protocol.cmp(&own.protocol) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Less => Some(format!("{}: end that one and start it again", who("older"))),
            std::cmp::Ordering::Greater => {
                Some(format!("{}: start this one again with {}", who("newer"), self.version))
            }
        }
    }
}

/// A secret on its way over the socket.
pub struct Carried(pub Secret);

impl Serialize for Carried {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Carried {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Carried(Secret::new(text)))
    }
}

/// A command to be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The arguments behind the program's name.
    pub args: Vec<String>,
    /// Where relative paths begin.
    pub cwd: PathBuf,
    /// The address of the API, from the caller's flag or environment.
    pub api_base: Option<String>,
    /// Colour may be used on the caller's stderr.
    pub color: bool,
    /// The caller can be asked: its stdin and stderr are a terminal.
    pub asks: bool,
    /// A line may be drawn over and over on the caller's stderr.
    pub progress: bool,
}

/// From whoever attaches.
#[derive(Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// Send snapshots from now on.
    Watch {
        /// Nothing may be written at Stripe for this screen.
        read_only: bool,
        /// Where keys that it offers are tried, if it was told.
        api_base: Option<String>,
    },
    /// Answer a request.
    Ask {
        /// Comes back with the answer.
        number: u64,
        /// What.
        request: Box<Request>,
    },
    /// Take a key over.
    OfferKey {
        /// Comes back with the answer.
        number: u64,
        /// The key.
        key: Carried,
    },
    /// Carry a command out; nothing but [`Call::Said`] and [`Call::Interrupt`] follows.
    Run(Command),
    /// The answer to a question; none: there is nobody to ask, or the input ended.
    Said {
        /// As typed.
        text: Option<Carried>,
    },
    /// Ctrl-c at the caller's.
    Interrupt,
}

/// What only the caller can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Question {
    /// A line typed on the terminal.
    Line {
        /// What is asked.
        text: String,
    },
    /// A line typed on the terminal without an echo.
    Hidden {
        /// What is asked.
        text: String,
    },
    /// All of standard input, at most so many bytes.
    Stdin {
        /// Bytes.
        most: u64,
    },
    /// A variable of the environment.
    Variable {
        /// Its name.
        name: String,
    },
}

/// From the holder of the folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// The newest snapshot.
    Snapshot {
        /// It.
        snapshot: Box<Snapshot>,
    },
    /// Still there; sent to screens and to commands.
    Alive,
    /// An answer.
    Answer {
        /// The number of what was asked.
        number: u64,
        /// It.
        answer: Box<Answer>,
    },
    /// A line of a command's result.
    Line {
        /// Without its end.
        text: String,
    },
    /// A line of its talk.
    Say {
        /// Without its end.
        text: String,
    },
    /// A line that is drawn over and over; empty: it goes.
    Progress {
        /// The line.
        text: String,
    },
    /// Something that only the caller can tell.
    Question {
        /// What.
        question: Question,
    },
    /// The command has ended.
    End {
        /// Exit code.
        code: u8,
        /// What is wrong and what to do, when it failed.
        failure: Option<String>,
        /// Lines to show below it.
        below: String,
    },
}

fn framed(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut out = vec![0; 4];
    serde_json::to_writer(&mut out, value)?;
    let length = out.len() - 4;
    if length > MOST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too large"));
    }
    out[..4].copy_from_slice(&(length as u32).to_be_bytes());
    Ok(out)
}

fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(head) as usize;
    if length > MOST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too large"));
    }
    Ok(length)
}

/// Sends a frame.
pub async fn send(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    to.write_all(&framed(value)?).await
}

/// Receives a frame. Not to be dropped half-way: the rest of the frame would be taken for another.
pub async fn receive<T: for<'de> Deserialize<'de>>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let mut body = vec![0; length(head)?];
    from.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body)?)
}

/// Sends a frame, blocking.
pub fn send_blocking(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    to.write_all(&framed(value)?)
}

/// Receives a frame, blocking.
pub fn receive_blocking<T: for<'de> Deserialize<'de>>(from: &mut impl Read) -> io::Result<T> {
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let mut body = vec![0; length(head)?];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_cut_or_huge_ones_are_errors() {
        let call = Call::Ask {
            number: 7,
            request: Box::new(Request::Poll { integration: crate::engine::api::IntegrationId(3) }),
        };
        let bytes = framed(&call).unwrap();
        let Call::Ask { number: 7, request } = receive_blocking(&mut bytes.as_slice()).unwrap() else {
            panic!("another frame")
        };
        assert!(matches!(*request, Request::Poll { .. }));
        for cut in 0..bytes.len() {
            assert!(receive_blocking::<Call>(&mut &bytes[..cut]).is_err());
        }
        let huge = [0xff; 8];
        assert_eq!(
            receive_blocking::<Call>(&mut huge.as_slice()).err().map(|error| error.kind()),
            Some(io::ErrorKind::InvalidData)
        );
    }

    #[test]
    fn answers_that_are_lists_come_back() {
        for answer in
            [Answer::Timeline(Vec::new()), Answer::Runs(Vec::new()), Answer::CliProfiles(Vec::new())]
        {
            let bytes = framed(&Reply::Answer { number: 7, answer: Box::new(answer.clone()) }).unwrap();
            let Reply::Answer { answer: back, .. } = receive_blocking(&mut bytes.as_slice()).unwrap() else {
                panic!("another frame")
            };
            assert_eq!(*back, answer);
        }
    }

    #[test]
    fn versions_that_differ_say_which_side_is_to_be_restarted() {
        let own = Hello::own();
        assert_eq!(own.mismatch(), None);
        let older = Hello { protocol: PROTOCOL - 1, version: "0.0.9".into(), pid: 7 };
        assert!(older.mismatch().is_some_and(|text| text.contains("0.0.9") && text.contains("end that one")));
        let newer = Hello { protocol: PROTOCOL + 1, ..older };
        assert!(newer.mismatch().is_some_and(|text| text.contains("start this one again with")));
    }
}
