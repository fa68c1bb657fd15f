//! Which objects an event names: short hashes of the Stripe ids in it, kept in the event's own header.
//!
//! An index as keys of its own would cost a random insert for each id of each event; four bytes an id in a
//! value that is written anyway cost nothing to speak of, and an index in memory is built from them without
//! unpacking any event. Two ids may share a hash: whoever shows an event looks whether the id is in it.

/// Ids remembered of one event: an invoice with hundreds of lines names hundreds of prices.
const MOST: usize = 48;

/// What ids begin with of objects that people look for. A hint only: an event's own object always counts.
const PREFIXES: &[&str] = &[
    "in",
    "cus",
    "sub",
    "pi",
    "ch",
    "py",
    "inpay",
    "prod",
    "price",
    "plan",
    "re",
    "pyr",
    "dp",
    "du",
    "cn",
    "po",
    "txn",
    "pm",
    "card",
    "src",
    "seti",
    "cs",
    "si",
    "ii",
    "plink",
    "qt",
    "promo",
    "di",
    "sub_sched",
];

/// The hash of an id. FNV-1a with a final mix: stored, so it must never change.
pub fn hash(id: &str) -> u32 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (state ^ (state >> 32)) as u32
}

/// The hashes of all ids in an event, each once; `own` is the id of its object.
pub fn of(json: &str, own: &str) -> Vec<u32> {
    let mut out = Vec::with_capacity(12);
    if !own.is_empty() {
        out.push(hash(own));
    }
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(start) = memchr::memchr(b'"', &bytes[at..]).map(|found| at + found + 1) {
        let Some(end) = end_of_text(bytes, start) else { break };
        at = end + 1;
        if out.len() >= MOST {
            break;
        }
        let Some(text) = json.get(start..end).filter(|text| is_id(text)) else { continue };
        let hash = hash(text);
        if !out.contains(&hash) {
            out.push(hash);
        }
    }
    out
}

fn end_of_text(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'"' {
            return Some(found);
        }
        at = found + 2;
    }
}

/// Whether a text looks like the id of an object that people look for.
pub fn is_id(text: &str) -> bool {
    if text.len() > 255 {
        return false;
    }
    // `pi_1_secret_2` is no id: what follows the prefix holds no further underline.
    let Some((prefix, rest)) = text.rsplit_once('_') else { return false };
    let prefix = prefix.strip_suffix("_test").or(prefix.strip_suffix("_live")).unwrap_or(prefix);
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) && PREFIXES.contains(&prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_anywhere_are_found_and_nothing_else() {
        let json = r#"{"id":"evt_1","data":{"object":{"id":"in_1","customer":"cus_9","note":"a \" cus_8 \\",
            "lines":{"data":[{"price":"price_2"},{"price":"price_2"}]},"client_secret":"pi_1_secret_2",
            "status":"past_due","url":"https://x/in_4","charge":"ch_3"}}}"#;
        let found = of(json, "in_1");
        let wanted: Vec<u32> = ["in_1", "cus_9", "price_2", "ch_3"].map(hash).to_vec();
        assert_eq!(found, wanted);
        assert_eq!(of(r#"{"own":"my-product"}"#, "my-product"), [hash("my-product")]);
        assert!(of("\"unfinished", "").is_empty() && of("\"a\\", "").is_empty());
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!((hash("in_1"), hash("")), (0x8f26_2d43, 0x4fd0_bfc1));
        assert_ne!(hash("in_1"), hash("in_2"));
    }
}
