//! The whole of a first hour, by keys alone: connect a second account, discover a range of days, sync, filter the
//! feed, freeze it, open an event, see what changed, go to its invoice, find a customer by e-mail, disconnect.

use jiff::ToSpan;
use tillwatch::clock;

use crate::{WIDE, assert_gone, demo, pasted};

/// The line of the screen that holds a text, without the frame around it.
fn line<'a>(text: &'a str, with: &str) -> &'a str {
    let line = text.lines().find(|line| line.contains(with));
    line.unwrap_or_else(|| panic!("no {with:?} in\n{text}"))
}

/// What a link's line leads to: its title, behind the arrow.
fn link(text: &str, label: &str) -> String {
    let line = text.lines().find(|line| line.contains(label) && line.contains("→ "));
    let line = line.unwrap_or_else(|| panic!("no link {label:?} in\n{text}"));
    let title = line.rsplit_once("→ ").unwrap().1.split("  ").next().unwrap();
    title.trim_end_matches([' ', '│']).to_owned()
}

/// The word behind a label.
fn after<'a>(text: &'a str, label: &str) -> &'a str {
    let line = line(text, label);
    line[line.find(label).unwrap() + label.len()..].split_whitespace().next().unwrap()
}

/// The number in front of a word of a line, such as `265 listed`.
fn number(text: &str, with: &str, word: &str) -> u64 {
    let line = line(text, with);
    let head = line[..line.find(word).unwrap()].trim_end();
    head.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("no number before {word:?}: {line}"))
}

/// The row under the cursor of the feed: its time, type and amount.
fn under_cursor(text: &str) -> String {
    let row =
        text.lines().find(|line| line.starts_with("│▌")).unwrap_or_else(|| panic!("no cursor in\n{text}"));
    row.split("││").next().unwrap().to_owned()
}

#[test]
fn everything_by_keys_alone() {
    let (mut pty, temp) = demo(WIDE, &["--events-per-second", "4"]);
    pty.until("the first account", |text| text.contains("DEMO") && text.contains("Sandbox Supplies"));

    // Connect a second account, with the key that the Stripe CLI has.
    pty.keys("c");
    pty.until_text("Connect an account");
    pty.keys("p");
    pty.until_text("harbour-books");
    pty.keys("\r");
    let text = pty.until_text("12 of 12");
    assert!(text.contains("Harbour Books") && text.contains("from the Stripe CLI: harbour-books"), "{text}");
    pty.keys("\r");
    pty.until_text("What to keep of this account");
    pty.keys("\r");
    pty.until_text("How this account stays current");
    pty.keys("\r");
    // It has events of its own: another account at another server.
    let text = pty.until_text("2 Live events · Harbour Books");
    assert!(text.contains("● Sandbox Supplies") && text.contains("● Harbour Books"), "{text}");

    // Discover the invoices of some days, typed.
    pty.keys("33");
    pty.until_text("Next run, before it runs");
    pty.keys("j");
    pty.until_text("▌Created");
    pty.keys("\r");
    pty.until_text("What › Created");
    pty.keys("G\r");
    pty.until_text("days as YYYY-MM-DD");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let today = clock::today(now, "Europe/Berlin");
    let from = today.checked_sub(100.days()).unwrap();
    pty.keys(&format!("{from}"));
    pty.until_text(&format!("from  {from}"));
    pty.keys("\t");
    pty.keys(&format!("{today}"));
    pty.until_text(&format!("to    {today}"));
    pty.keys("\r");
    pty.until("the days taken", |text| text.contains(&format!("▌Created    {from} → {today}")));
    pty.keys("d");
    let text = pty.until_text("the last discover ended well");
    let listed = number(&text, "the last discover ended well", " listed ");
    assert!((20..700).contains(&listed), "a range, not everything: {text}");

    // Sync them.
    pty.keys("s");
    let text = pty.until_text("the last sync ended well");
    let stored = number(&text, "the last sync ended well", " stored ");
    // What an event brought in the meantime is stored already.
    assert!((1..=listed).contains(&stored), "{text}");
    pty.until("nothing pending", |text| !line(text, "─ Catalog ─").contains("pending"));

    // Filter the feed.
    pty.keys("2");
    pty.until_text("/ filters, as in");
    pty.keys("/");
    pty.keys("type:invoice.updated");
    pty.until_text("│ type:invoice.updated");
    pty.keys("\r");
    let text = pty.until("only those", |text| {
        text.contains(" match") && text.lines().skip(5).all(|row| !row.contains("charge."))
    });
    assert!(under_cursor(&text).contains("invoice.updated"), "{text}");

    // Freeze it: what is under the cursor stays there while new ones come.
    pty.keys(" ");
    let before = under_cursor(&pty.until_text("frozen · "));
    let text = pty.until("a new one above", |text| text.contains(" new above"));
    assert_eq!(under_cursor(&text), before);

    // Open the event, see what changed.
    pty.keys("\r");
    let text = pty.until_text("as the event itself tells (previous_attributes)");
    assert!(text.contains("What changed") && text.contains("│   - ") && text.contains("│   + "), "{text}");
    let invoice = link(&text, "object ");

    // Go to its invoice.
    pty.keys("\r");
    let text = pty.until_text(&format!("Harbour Books › Records › {invoice}"));
    assert!(!text.contains("not stored here"), "{text}");
    let text = pty.until_text("e-mail  ");
    let (email, id) = (after(&text, "e-mail  ").to_owned(), after(&text, "─ ").to_owned());
    assert!(email.contains('@') && id == invoice, "{text}");
    let text = pty.until("its links", |text| text.contains("cus_"));
    let customer = link(&text, "customer ");

    // Find its customer by e-mail, from elsewhere.
    pty.keys("7");
    pty.until("another screen", |text| !text.contains(&invoice));
    pty.keys("S");
    pty.until_text("Search anywhere");
    pty.keys(&pasted(&format!(" {email}\n")));
    // What a pasted text has around it is not searched for.
    let text = pty.until_text("searched as an e-mail");
    assert!(line(&text, "▌ customer ").contains("Harbour Books"), "{text}");
    pty.keys("\r");
    let text = pty.until("the customer", |text| text.contains("› Records") && text.contains(&customer));
    assert!(text.contains("─ ") && text.contains(&email) && text.contains("cus_"), "{text}");

    // Disconnect it: what was stored stays, and is found.
    pty.keys("1");
    pty.until_text("What the key may read");
    pty.keys("D");
    pty.until_text("Nothing is removed there");
    pty.keys("\t");
    pty.until_text("Enter do it");
    pty.keys("\r");
    pty.until_text("off: disconnected; its records stay");
    pty.keys("S");
    pty.until_text("Search anywhere");
    pty.keys(&pasted(&email));
    let text = pty.until_text("searched as an e-mail");
    assert!(text.contains("▌ customer "), "{text}");
    pty.keys("\x03");
    let (status, _) = pty.end_cleanly();
    assert!(status.success());
    assert_gone(temp.path());
}
