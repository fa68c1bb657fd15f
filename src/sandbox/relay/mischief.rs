//! What a client gets that is no proper event, for the fault `relay-garbage`.

use tokio_tungstenite::tungstenite::Message;

/// How many kinds there are.
pub const KINDS: u64 = 6;

/// One frame of rubbish; `proper` is the frame that would have been sent, which some kinds spoil. None of
/// them may be taken for the event.
pub fn garbage(kind: u64, proper: &str) -> Message {
    match kind {
        0 => Message::text("this is no JSON {"),
        1 => Message::binary(vec![0_u8, 159, 146, 150, 255, 1]),
        2 => Message::text(r#"{"type":"webhook_event"}"#),
        3 => Message::text(r#"{"type":"source_error","message":"nobody has seen one of these"}"#),
        4 => Message::text(r#"{"type":"webhook_event","webhook_id":7,"event_payload":["not","an","event"]}"#),
        // The payload says something else than what was signed.
        _ => Message::text(proper.replacen(
            "\\\"object\\\": \\\"event\\\"",
            "\\\"object\\\": \\\"evenT\\\"",
            1,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::relay::{Names, frame};

    #[test]
    fn no_kind_is_the_proper_frame() {
        let names = Names { webhook: "1-wh_a".to_owned(), conversation: "1-wc_a".to_owned() };
        let payload = "{\n  \"id\": \"evt_1\",\n  \"object\": \"event\"\n}";
        let proper = frame::webhook_event(&names, payload, None, "whsec_a", false);
        for kind in 0..KINDS {
            assert_ne!(garbage(kind, &proper), Message::text(proper.as_str()), "{kind}");
        }
        assert!(garbage(KINDS - 1, &proper).to_text().unwrap().contains("evt_1"));
    }
}
