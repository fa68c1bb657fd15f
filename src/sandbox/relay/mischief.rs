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
