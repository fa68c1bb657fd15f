//! How JSON is packed for the store: zstd, with a dictionary shipped per kind.
//!
//! A codec's number is stored with every value, so it must never change meaning: a better dictionary is a
//! new number. Dictionaries are trained on objects of the local Stripe (assets/dictionaries/train.py);
//! they hold field names and the like, no one's data.

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::error::StoreError;
use crate::stripe::kind::Kind;

/// Stored as it is.
const RAW: u8 = 0;
/// zstd without a dictionary.
const PLAIN: u8 = 1;
/// Level 3: measured as the best of ratio and speed with a dictionary.
const LEVEL: i32 = 3;
/// No JSON of Stripe's is larger; guards against a broken length.
const MOST: usize = 64 * 1024 * 1024;

/// What a value holds, as far as packing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// An object of a kind.
    Object(Kind),
    /// A page of an invoice's lines.
    Lines,
    /// An event.
    Event,
    /// What was sent to a target and what it answered.
    Exchange,
}

/// Codec number, what it is for, and the dictionary.
const DICTIONARIES: &[(u8, Content, &[u8])] = &[
    (2, Content::Object(Kind::Invoice), include_bytes!("../../assets/dictionaries/invoice-1.dict")),
    (3, Content::Object(Kind::Customer), include_bytes!("../../assets/dictionaries/customer-1.dict")),
    (4, Content::Object(Kind::Product), include_bytes!("../../assets/dictionaries/product-1.dict")),
    (5, Content::Object(Kind::Price), include_bytes!("../../assets/dictionaries/price-1.dict")),
    (6, Content::Object(Kind::Subscription), include_bytes!("../../assets/dictionaries/subscription-1.dict")),
    (
        7,
        Content::Object(Kind::PaymentIntent),
        include_bytes!("../../assets/dictionaries/payment_intent-1.dict"),
    ),
    (8, Content::Object(Kind::Charge), include_bytes!("../../assets/dictionaries/charge-1.dict")),
    (
        9,
        Content::Object(Kind::InvoicePayment),
        include_bytes!("../../assets/dictionaries/invoice_payment-1.dict"),
    ),
    (10, Content::Lines, include_bytes!("../../assets/dictionaries/lines-1.dict")),
    (11, Content::Event, include_bytes!("../../assets/dictionaries/event-1.dict")),
];

struct Ready {
    codec: u8,
    content: Content,
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
}

/// The prepared dictionaries. Made once per store; shared by all threads.
pub struct Codec {
    ready: Vec<Ready>,
}

impl Codec {
    /// Prepares the dictionaries (a few milliseconds).
    pub fn new() -> Self {
        let ready = DICTIONARIES
            .iter()
            .map(|&(codec, content, bytes)| Ready {
                codec,
                content,
                encoder: EncoderDictionary::copy(bytes, LEVEL),
                decoder: DecoderDictionary::copy(bytes),
            })
            .collect();
        Self { ready }
    }

    /// A packer for one content. Costs some tens of microseconds to make: use it for a whole page.
    pub fn packer(&self, content: Content) -> Result<Packer<'_>, StoreError> {
        let bad = |error: std::io::Error| StoreError::Value(error.to_string());
        match self.ready.iter().rev().find(|ready| ready.content == content) {
            Some(ready) => Ok(Packer {
                codec: ready.codec,
                inner: Compressor::with_prepared_dictionary(&ready.encoder).map_err(bad)?,
            }),
            None => Ok(Packer { codec: PLAIN, inner: Compressor::new(LEVEL).map_err(bad)? }),
        }
    }

    /// The JSON again. `raw_len` comes from the value's header.
    pub fn unpack(&self, codec: u8, raw_len: usize, packed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let bad = |error: std::io::Error| StoreError::Value(error.to_string());
        if raw_len > MOST {
            return Err(StoreError::Value("a length is impossible".into()));
        }
        let raw = match codec {
            RAW => packed.to_vec(),
            PLAIN => Decompressor::new().map_err(bad)?.decompress(packed, raw_len).map_err(bad)?,
            other => {
                let ready = self
                    .ready
                    .iter()
                    .find(|ready| ready.codec == other)
                    .ok_or_else(|| StoreError::Value(format!("codec {other} is unknown")))?;
                Decompressor::with_prepared_dictionary(&ready.decoder)
                    .map_err(bad)?
                    .decompress(packed, raw_len)
                    .map_err(bad)?
            }
        };
        if raw.len() == raw_len {
            Ok(raw)
        } else {
            Err(StoreError::Value("a value has the wrong length".into()))
        }
    }
}

impl Default for Codec {
    fn default() -> Self {
        Self::new()
    }
}

/// Packs values of one content.
pub struct Packer<'a> {
    codec: u8,
    inner: Compressor<'a>,
}

/// A packed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Codec number.
    pub codec: u8,
    /// Length of the JSON.
    pub raw_len: u32,
    /// Packed bytes.
    pub bytes: Vec<u8>,
}

impl Packer<'_> {
    /// Packs one JSON text; what does not get smaller is stored as it is.
    pub fn pack(&mut self, raw: &[u8]) -> Result<Packed, StoreError> {
        let raw_len =
            u32::try_from(raw.len()).map_err(|_| StoreError::Value("an object is too large".into()))?;
        let bytes = self.inner.compress(raw).map_err(|error| StoreError::Value(error.to_string()))?;
        if bytes.len() < raw.len() {
            Ok(Packed { codec: self.codec, raw_len, bytes })
        } else {
            Ok(Packed { codec: RAW, raw_len, bytes: raw.to_vec() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let codec = Codec::new();
        for content in
            [Content::Object(Kind::Invoice), Content::Object(Kind::Dispute), Content::Lines, Content::Event]
        {
            let mut packer = codec.packer(content).unwrap();
            for text in ["", "x", &"{\"id\":\"in_1\"}".repeat(500)] {
                let value = packer.pack(text.as_bytes()).unwrap();
                let raw = codec.unpack(value.codec, value.raw_len as usize, &value.bytes).unwrap();
                assert_eq!(raw, text.as_bytes());
            }
        }
    }

    #[test]
    fn garbage_is_an_error() {
        let codec = Codec::new();
        assert!(codec.unpack(PLAIN, 100, b"garbage").is_err());
        assert!(codec.unpack(250, 1, b"x").is_err());
        assert!(codec.unpack(RAW, 2, b"x").is_err());
    }

    #[test]
    fn codec_numbers_are_unique() {
        let mut numbers: Vec<u8> = DICTIONARIES.iter().map(|row| row.0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), DICTIONARIES.len());
        assert!(numbers.iter().all(|number| *number > PLAIN));
    }
}
