//! What stands before a record's JSON: a small header, so that lists are drawn without unpacking anything.
//!
//! The layout is versioned by its first byte and must never change meaning under the same number.
//! Integers are little-endian, texts are a varint length and UTF-8.

use serde::{Deserialize, Serialize};

use super::error::StoreError;

/// The version of the layout below.
const LAYOUT: u8 = 1;

/// Where an object is on its way from Stripe's list into a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Listed in the catalog, not yet a record.
    Pending,
    /// Being synced by a run.
    Processing,
    /// A record.
    Synced,
    /// Left out on purpose.
    Skipped,
    /// Tried and failed; the header says why.
    Error,
    /// Changed at Stripe since it was synced.
    Stale,
    /// Deleted at Stripe (kept as it last was), or never there: a tombstone.
    Gone,
}

impl State {
    /// In the order of their numbers.
    pub const ALL: [State; 7] = [
        State::Pending,
        State::Processing,
        State::Synced,
        State::Skipped,
        State::Error,
        State::Stale,
        State::Gone,
    ];

    /// The state of a stored number.
    pub fn from_byte(byte: u8) -> Option<State> {
        State::ALL.get(usize::from(byte)).copied()
    }

    /// Whether the object counts as a record: it was synced once and is still shown.
    pub fn is_record(self) -> bool {
        matches!(self, State::Synced | State::Stale | State::Gone)
    }

    /// The word used on screens and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Processing => "processing",
            State::Synced => "synced",
            State::Skipped => "skipped",
            State::Error => "error",
            State::Stale => "stale",
            State::Gone => "gone",
        }
    }
}

/// What a list row shows, and what the rules of storing need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Where it is.
    pub state: State,
    /// Stripe's time at which this content held: the event's `created`, or the answer's `Date`.
    pub as_of: i64,
    /// Stripe's `created`.
    pub created: i64,
    /// First eight bytes of the JSON's SHA-256.
    pub hash: u64,
    /// When it was first stored here.
    pub discovered_at: i64,
    /// When a list or event last showed it.
    pub last_seen_at: i64,
    /// When it last became a record; 0: never.
    pub synced_at: i64,
    /// Failed tries since it last worked.
    pub attempts: u16,
    /// Live money or test mode.
    pub livemode: bool,
    /// Lines beyond the inline page exist at Stripe (invoices).
    pub more_lines: bool,
    /// Pages of further lines stored apart (invoices).
    pub line_pages: u16,
    /// Amount for the row, in minor units, if the kind has one.
    pub amount: Option<i64>,
    /// Stripe's status word.
    pub status: String,
    /// ISO code in lower case, empty if the kind has none.
    pub currency: String,
    /// Customer id, or empty.
    pub customer: String,
    /// Name, e-mail or reason: for people.
    pub who: String,
    /// Number or name of the object itself.
    pub label: String,
    /// Why it failed last, or empty.
    pub last_error: String,
}

/// How a value's JSON is packed: codec and whether it is split into parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// See `codec.rs`.
    pub codec: u8,
    /// Length of the JSON in bytes.
    pub raw_len: u32,
    /// Parts stored apart; 0: the bytes follow the header.
    pub parts: u16,
}

/// Appends header and packing; the payload follows.
pub fn encode(header: &Header, packing: Packing, out: &mut Vec<u8>) {
    out.push(LAYOUT);
    out.push(header.state as u8);
    out.push(
        u8::from(header.livemode) | u8::from(header.amount.is_some()) << 1 | u8::from(header.more_lines) << 2,
    );
    out.push(packing.codec);
    for number in [
        header.as_of,
        header.created,
        header.hash as i64,
        header.discovered_at,
        header.last_seen_at,
        header.synced_at,
        header.amount.unwrap_or(0),
    ] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [header.attempts, header.line_pages, packing.parts] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&packing.raw_len.to_le_bytes());
    for text in
        [&header.status, &header.currency, &header.customer, &header.who, &header.label, &header.last_error]
    {
        put_text(out, text);
    }
}

/// Header, packing and the bytes after them.
pub fn decode(value: &[u8]) -> Result<(Header, Packing, &[u8]), StoreError> {
    let mut reader = Reader { rest: value };
    let (mut header, packing) = fixed(&mut reader)?;
    header.status = reader.text()?;
    header.currency = reader.text()?;
    header.customer = reader.text()?;
    header.who = reader.text()?;
    header.label = reader.text()?;
    header.last_error = reader.text()?;
    Ok((header, packing, reader.rest))
}

/// What has a fixed length, with the texts still empty. Allocates nothing.
fn fixed(reader: &mut Reader<'_>) -> Result<(Header, Packing), StoreError> {
    let layout = reader.byte()?;
    if layout != LAYOUT {
        return Err(StoreError::Value(format!("record layout {layout}")));
    }
    let state = reader.byte()?;
    let state = State::from_byte(state).ok_or_else(|| StoreError::Value(format!("record state {state}")))?;
    let flags = reader.byte()?;
    let codec = reader.byte()?;
    let header = Header {
        state,
        as_of: reader.i64()?,
        created: reader.i64()?,
        hash: reader.i64()? as u64,
        discovered_at: reader.i64()?,
        last_seen_at: reader.i64()?,
        synced_at: reader.i64()?,
        amount: Some(reader.i64()?).filter(|_| flags & 2 != 0),
        attempts: reader.u16()?,
        line_pages: reader.u16()?,
        livemode: flags & 1 != 0,
        more_lines: flags & 4 != 0,
        status: String::new(),
        currency: String::new(),
        customer: String::new(),
        who: String::new(),
        label: String::new(),
        last_error: String::new(),
    };
    let parts = reader.u16()?;
    let raw_len = reader.u32()?;
    Ok((header, Packing { codec, raw_len, parts }))
}

/// What the row tables keep of a header, borrowed from the stored bytes: read a million times at every start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek<'a> {
    /// Where it is.
    pub state: State,
    /// Stripe's `created`.
    pub created: i64,
    /// When it was first stored here.
    pub discovered_at: i64,
    /// Minor units.
    pub amount: Option<i64>,
    /// Stripe's status word.
    pub status: &'a str,
    /// ISO code, or empty.
    pub currency: &'a str,
    /// Customer id, or empty.
    pub customer: &'a str,
    /// Name, e-mail or reason.
    pub who: &'a str,
    /// Number or name.
    pub label: &'a str,
    /// Why it failed last, or empty.
    pub last_error: &'a str,
}

impl Header {
    /// The same of a header that was read whole.
    pub fn peek(&self) -> Peek<'_> {
        Peek {
            state: self.state,
            created: self.created,
            discovered_at: self.discovered_at,
            amount: self.amount,
            status: &self.status,
            currency: &self.currency,
            customer: &self.customer,
            who: &self.who,
            label: &self.label,
            last_error: &self.last_error,
        }
    }
}

/// Reads what a table needs, without allocating.
pub fn peek(value: &[u8]) -> Result<Peek<'_>, StoreError> {
    let mut reader = Reader { rest: value };
    let (header, _) = fixed(&mut reader)?;
    Ok(Peek {
        state: header.state,
        created: header.created,
        discovered_at: header.discovered_at,
        amount: header.amount,
        status: reader.text_ref()?,
        currency: reader.text_ref()?,
        customer: reader.text_ref()?,
        who: reader.text_ref()?,
        label: reader.text_ref()?,
        last_error: reader.text_ref()?,
    })
}

/// Appends a length and the text; texts above 64 KB never get here (headers hold short ones).
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut length = text.len() as u64;
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(text.as_bytes());
}

/// Reads the fields that [`encode`] and its like write.
pub struct Reader<'a> {
    /// What has not been read.
    pub rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], StoreError> {
        if self.rest.len() < count {
            return Err(StoreError::Value("a header is cut short".into()));
        }
        let (head, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.take(N)?.try_into().map_err(|_| StoreError::Value("a header is cut short".into()))
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, StoreError> {
        Ok(self.take(1)?[0])
    }

    /// A signed 64-bit number.
    pub fn i64(&mut self) -> Result<i64, StoreError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// An unsigned 32-bit number.
    pub fn u32(&mut self) -> Result<u32, StoreError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// An unsigned 16-bit number.
    pub fn u16(&mut self) -> Result<u16, StoreError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// A text.
    pub fn text(&mut self) -> Result<String, StoreError> {
        self.text_ref().map(str::to_owned)
    }

    /// A text, borrowed from the bytes.
    pub fn text_ref(&mut self) -> Result<&'a str, StoreError> {
        let mut length = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let bytes = self.take(length as usize)?;
                return std::str::from_utf8(bytes)
                    .map_err(|_| StoreError::Value("a header text is not UTF-8".into()));
            }
        }
        Err(StoreError::Value("a header text's length is wrong".into()))
    }
}

#[cfg(test)]
pub(super) fn sample() -> Header {
    Header {
        state: State::Pending,
        as_of: 10,
        created: 5,
        hash: u64::MAX - 3,
        discovered_at: 11,
        last_seen_at: 12,
        synced_at: 0,
        attempts: 2,
        livemode: true,
        more_lines: true,
        line_pages: 3,
        amount: Some(-1200),
        status: "open".into(),
        currency: "eur".into(),
        customer: "cus_1".into(),
        who: "Zoë ☃".repeat(40),
        label: "INV-1".into(),
        last_error: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_as_it_was() {
        let header = sample();
        let packing = Packing { codec: 1, raw_len: 99, parts: 0 };
        let mut bytes = Vec::new();
        encode(&header, packing, &mut bytes);
        bytes.extend_from_slice(b"payload");
        let (read, read_packing, rest) = decode(&bytes).unwrap();
        assert_eq!(read, header);
        assert_eq!(read_packing, packing);
        assert_eq!(rest, b"payload");
        assert_eq!(peek(&bytes).unwrap(), header.peek());
    }

    #[test]
    fn every_cut_is_an_error_not_a_panic() {
        let mut bytes = Vec::new();
        encode(&sample(), Packing { codec: 1, raw_len: 9, parts: 0 }, &mut bytes);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "cut at {length}");
            assert!(peek(&bytes[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn states_keep_their_numbers() {
        for (index, state) in State::ALL.iter().enumerate() {
            assert_eq!(*state as usize, index);
        }
    }
}
