//! Tests of the whole language: what passes, what is refused and where, laws, completion, colours.

use proptest::prelude::*;

use super::*;
use crate::clock::Zone;
use crate::engine::api::{EventRow, IntegrationId, Source};
use crate::store::record::State;
use crate::store::rows::Row;

/// 2026-03-30 12:00:00 in Berlin, a Monday.
const NOW: i64 = 1_774_864_800;

fn ctx() -> Ctx {
    Ctx { now: NOW, zone: Zone::named("Europe/Berlin") }
}

fn event() -> EventRow {
    EventRow {
        integration: IntegrationId(1),
        id: "evt_1".into(),
        created: NOW - 3_600,
        received: NOW - 3_590,
        event_type: "invoice.payment_failed".into(),
        object: "in_1".into(),
        amount: Some((8_900, "eur".into())),
        who: "Zoë GmbH".into(),
        source: Source::Relay,
        starred: false,
        marks: crate::engine::api::Marks::default(),
    }
}

const JSON: &str = r#"{"id":"evt_1","type":"invoice.payment_failed","created":1774861200,
    "request":{"id":null},"data":{"previous_attributes":{"status":"draft"},"object":{"id":"in_1","object":"invoice",
    "status":"open","customer":{"id":"cus_1","name":"Zoë"},"number":"INV-2041","attempt_count":2,"total":8900.5,
    "customer_email":"zoe@example.com","metadata":{"order":"42","a.b":"x","empty":""},"tags":["red","blue"],
    "due_date":1774861200,"auto_advance":true,"lines":{"data":[{"id":"il_1","amount":5},{"id":"il_2","amount":7}]}}}}"#;

fn passes_event(filter: &str, row: &EventRow) -> bool {
    let parsed = parse(filter, Subject::Events, &ctx())
        .unwrap_or_else(|mistake| panic!("{}", mistake.pointed(filter)));
    let row = EventFields { row, account: "Acme Inc", account_id: "acct_9", starred: false };
    parsed.test(&row, || Some(JSON.as_bytes().to_vec()))
}

fn row(amount: i64, currency: &str) -> Row<'_> {
    Row {
        id: "in_7",
        created: NOW - 86_400 * 10,
        amount: Some(amount),
        currency,
        status: "open",
        state: State::Stale,
        customer: "cus_7",
        who: "Initech",
        label: "INV-7",
    }
}

fn passes(filter: &str, row: &Row<'_>) -> bool {
    let subject = Subject::Records(Kind::Invoice);
    let parsed =
        parse(filter, subject, &ctx()).unwrap_or_else(|mistake| panic!("{}", mistake.pointed(filter)));
    parsed.test(row, || None)
}

#[test]
fn conditions_on_events() {
    let event = event();
    for (filter, wanted) in [
        ("", true),
        ("  ", true),
        ("type:*failed amount>50 currency:eur -customer:cus_test created:last7d", true),
        ("type:invoice.payment_failed", true),
        ("TYPE:Invoice.*", true),
        ("type:invoice.paid,invoice.payment_failed", true),
        ("type:invoice.p?id", false),
        ("type!=invoice.paid", true),
        ("zoë", true),
        ("ZOË", true),
        ("\"zoë gmbh\"", true),
        ("zoë*gmbh", true),
        ("zoe", false),
        ("payment in_1", true),
        ("who:gmbh", true),
        ("who=gmbh", false),
        ("who=\"zoë GMBH\"", true),
        ("object:in_1", true),
        ("object:in_", false),
        ("source:relay,poll", true),
        ("source:POLL", false),
        ("account:acme", true),
        ("integration=acct_9", true),
        ("starred:true", false),
        ("starred:no", true),
        ("customer:cus_1", true),
        ("customer:*", true),
        ("customer:cus_2", false),
        ("status:open", true),
        ("email:zoe@", true),
        ("email:*@example.com", true),
        ("number:inv-2041", true),
        ("last4:4242", false),
        ("-last4:*", true),
        ("created:today", true),
        ("created:yesterday", false),
        ("created>=2026-03-30", true),
        ("created>2026-03-30", false),
        ("created<=2026-03-30", true),
        ("created<2026-03-30", false),
        ("created:2026-03-01..2026-03-30", true),
        ("created:..2026-03-29", false),
        ("created:2026-03-29..", true),
        ("created:2026-03-30T11:00", true),
        ("created:\"2026-03-30 11:01\"", false),
        ("created>last24h", true),
        ("created<last24h", false),
        ("received:last1h", true),
        ("amount:89", true),
        ("amount:89.00", true),
        ("amount!=89", false),
        ("amount:10,89", true),
        ("amount:10..89", true),
        ("amount:..88.99", false),
        ("amount:*", true),
        ("amount > 50", true),
        ("currency= eur", true),
        ("amount:>50", true),
        ("not type:*failed", false),
        ("type:invoice.paid or amount>50", true),
        ("type:invoice.paid OR amount>500 or who:zoë", true),
        ("type:*failed and (amount>500 or currency:eur)", true),
        ("-(amount>500 or currency:usd)", true),
        ("not -zoë", true),
    ] {
        assert_eq!(passes_event(filter, &event), wanted, "{filter}");
    }
}

#[test]
fn conditions_on_json() {
    let event = event();
    for (filter, wanted) in [
        ("data.object.attempt_count>1", true),
        (".attempt_count>2", false),
        (".attempt_count:2", true),
        (".attempt_count:2..3", true),
        (".attempt_count:3..", false),
        ("metadata.order:42", true),
        ("metadata.order>41.5", true),
        ("metadata.order:\"42\"", true),
        ("metadata.a.b:x", true),
        ("metadata.empty:*", false),
        ("metadata.gone:*", false),
        ("metadata.gone:null", true),
        ("request.id:null", true),
        (".status:null", false),
        ("previous_attributes.status:draft", true),
        ("lines.data.0.amount:5", true),
        ("lines.data.1.amount:5", false),
        ("lines.data.amount>6", true),
        ("lines.data.9.amount:*", false),
        (".tags:blue", true),
        (".tags:green", false),
        (".auto_advance:true", true),
        (".due_date:today", true),
        (".due_date>=2026-03-31", false),
        (".total>8900.4", true),
        (".customer:CUS_1", true),
        ("customer.name:zoë", true),
        (".status:o*", true),
        (".status:pen", false),
        (".type:invoice.*", true),
        (".status!=open", false),
    ] {
        assert_eq!(passes_event(filter, &event), wanted, "{filter}");
    }
}

#[test]
fn amounts_are_in_the_currency_of_the_row() {
    for (filter, amount, currency, wanted) in [
        ("amount>50", 5_001, "eur", true),
        ("amount>50", 5_000, "eur", false),
        ("amount>50", 51, "jpy", true),
        ("amount>50", 5_000, "jpy", true),
        ("amount>50", 50, "jpy", false),
        ("amount>50.5", 51, "jpy", true),
        ("amount>=50.5", 50, "jpy", false),
        ("amount:50.5", 50, "jpy", false),
        ("amount:50.125", 50_125, "KWD", true),
        ("amount>50", 50_000, "kwd", false),
        ("amount:<-10", -1_001, "usd", true),
        ("amount<-10", -1_000, "usd", false),
        ("amount:-20..-10", -1_500, "gbp", true),
        ("amount:0.1", 10, "chf", true),
        ("amount<0.101", 10, "chf", true),
        ("amount<=0.099", 10, "chf", false),
        ("amount<999999999999999999", i64::MAX, "jpy", false),
        ("total:5", 500, "", true),
    ] {
        assert_eq!(passes(filter, &row(amount, currency)), wanted, "{filter} on {amount} {currency}");
    }
    let none = Row { amount: None, ..row(0, "eur") };
    assert!(!passes("amount:0", &none) && !passes("amount<5", &none) && passes("amount!=0", &none));
    assert!(!passes("amount:*", &none) && passes("-amount:*", &none));
}

#[test]
fn records_of_a_kind_have_its_fields() {
    let one = row(500, "eur");
    assert!(passes("status:open,paid state:stale customer:cus_7 number:inv-7 who:ini", &one));
    assert!(passes("number:*", &one) && !passes("number:*", &Row { label: "in_7", ..one }));
    assert!(!passes("number:in_7", &Row { label: "in_7", ..one }));
    assert!(passes("label:in_7", &Row { label: "in_7", ..one }));
    let of = |text: &str, kind| parse(text, Subject::Records(kind), &ctx());
    assert!(of("last4:4242", Kind::Charge).is_ok() && of("last4:4242", Kind::Payout).is_err());
    assert!(
        of("type:*failed", Kind::Invoice).is_err() && of("type:charge", Kind::BalanceTransaction).is_ok()
    );
    let json = |text: &str, kind| of(text, kind).unwrap().needs_json();
    assert!(
        json("email:x", Kind::Invoice)
            && !json("email:x", Kind::Customer)
            && !json("number:x", Kind::Invoice)
    );
}

#[test]
fn mistakes_point_at_their_position() {
    for (filter, at, len, says) in [
        ("typ:x", 0, 3, "did you mean `type`"),
        ("a zzzzz:x", 2, 5, "fields are type"),
        ("attempt_count>2", 0, 13, ".attempt_count"),
        ("amount>1,000", 7, 5, "write 1000"),
        ("amount:1,234,567.50", 7, 12, "write 1234567.50"),
        ("amount>50,5", 7, 4, "take a point"),
        ("amount>1_000", 7, 5, "write 1000"),
        ("amount>€50", 7, 3, "write 50, and the currency apart"),
        ("amount:5..x", 10, 1, "no amount"),
        ("amount:5..1", 7, 4, "smaller value first"),
        ("amount:..", 7, 2, "no ends"),
        ("amount>1..2", 7, 4, "not a range"),
        ("amount:", 7, 0, "a value is missing"),
        ("status: open", 7, 0, "a value is missing behind `status:`"),
        ("status :open", 7, 1, "a field is missing before `:`"),
        ("amount: )", 7, 0, "a value is missing"),
        ("status:open,", 12, 0, "a value is missing"),
        (">5", 0, 1, "a field is missing"),
        ("type:failed", 5, 6, "type:*failed"),
        ("type>a.b", 4, 1, "can't compare"),
        ("currency:euro", 9, 4, "ISO code"),
        ("source:web", 7, 3, "poll, relay, endpoint"),
        ("starred:maybe", 8, 5, "true or false"),
        ("created:31.01.2026", 8, 10, "2026-01-31"),
        ("created:2026-02-30", 8, 10, "there is no day"),
        ("created:today..yesterday", 8, 16, "before it begins"),
        ("created:last7y", 8, 6, "min, h, d or w"),
        ("who:\"zoë", 4, 1, "never closed"),
        ("\"zoë", 0, 1, "never closed"),
        ("who:\"\"", 4, 2, "-who:*"),
        ("a\"b\"", 1, 3, "blank is missing"),
        ("zoë (a b", 4, 1, "never closed"),
        ("a) b", 1, 1, "closes nothing"),
        (")", 0, 1, "closes nothing"),
        ("()", 0, 2, "nothing in these"),
        ("and a", 0, 3, "missing before `and`"),
        ("a or", 4, 0, "missing behind `or`"),
        ("a and or b", 6, 2, "missing behind `and`"),
        ("(a or)", 5, 1, "missing behind `or`"),
        ("a -", 3, 0, "missing behind `-`"),
        ("who:==x", 5, 1, "one sign too many"),
        ("a..b:x", 0, 4, "a dot too many"),
        ("metadata.x>abc", 11, 3, "a number or a time"),
    ] {
        let mistake = parse(filter, Subject::Events, &ctx()).expect_err(filter);
        assert_eq!((mistake.at, mistake.len), (at, len), "{filter}: {mistake}");
        assert!(mistake.to_string().contains(says), "{filter}: {mistake}");
    }
    let deep = format!("{}a", "-(".repeat(1_000));
    assert!(parse(&deep, Subject::Events, &ctx()).unwrap_err().text.contains("too deep"));
    assert!(parse(&"a ".repeat(3_000), Subject::Events, &ctx()).unwrap_err().text.contains("too long"));
}

#[test]
fn bounds_hold_what_a_scan_needs() {
    let bounds = |text: &str| parse(text, Subject::Events, &ctx()).unwrap().bounds();
    let day = 1_774_821_600;
    let both = bounds("type:A.b,c.d created>=2026-03-30 created<2026-03-31 who:x");
    assert_eq!((both.gte, both.lt), (Some(day), Some(day + 86_400)));
    assert_eq!(both.types, Some(vec!["a.b".to_owned(), "c.d".to_owned()]));
    let or = bounds("(created:2026-03-30 type:a.b) or (created:2026-03-31 type:c.d)");
    assert_eq!((or.gte, or.lt, or.types.unwrap().len()), (Some(day), Some(day + 2 * 86_400), 2));
    assert_eq!(bounds("created:today or who:x"), Bounds::default());
    assert_eq!(bounds("-created<2026-03-30").gte, Some(day));
    assert_eq!(bounds("-(who:x or created>=2026-03-30)").lt, Some(day));
    assert_eq!(bounds("type:a.*").types, None);
    assert!(bounds("type:a.b type:c.d").is_empty() && bounds("created>today created<today").is_empty());
    assert!(
        !bounds("-type:a.b").is_empty()
            && bounds("(type:a.b type:c.d) or type:e.f").types.unwrap().len() == 1
    );
}

#[test]
fn what_a_filter_needs() {
    let filter = |text: &str| parse(text, Subject::Events, &ctx()).unwrap();
    assert!(filter("a or -customer:x").needs_json() && !filter("a").needs_json());
    assert!(filter("starred:yes").needs_stars() && filter("a or created:today").moves());
    assert!(!filter("created:2026-01-01").moves() && filter(" ").is_everything());
    let event = event();
    let row = EventFields { row: &event, account: "", account_id: "", starred: true };
    // The columns decide before the JSON is asked for.
    for (text, wanted) in
        [("customer:x type:a.b", Some(false)), ("customer:x or zoë", Some(true)), ("zoë customer:x", None)]
    {
        assert_eq!(filter(text).quick(&row), wanted, "{text}");
    }
    assert!(!filter("zoë customer:*").test(&row, || Some(b"no json".to_vec())));
    assert!(filter("starred:true").test(&row, || panic!("no JSON is needed")));
}

#[test]
fn completion_offers_what_fits() {
    let known = |field: &str| -> Vec<String> {
        let all: &[&str] = match field {
            "type" => &["invoice.paid", "charge.failed", "invoice.voided"],
            "account" => &["Acme Inc", "Beta"],
            _ => &[],
        };
        all.iter().map(|one| (*one).to_owned()).collect()
    };
    // The cursor stands at `|`.
    let offers = |text: &str| -> Vec<String> {
        let cursor = text.chars().position(|c| c == '|').unwrap();
        let text = text.replace('|', "");
        complete(&text, cursor, Subject::Events, &ctx(), &known)
            .into_iter()
            .map(|offer| {
                let chars: Vec<char> = text.chars().collect();
                let (before, after) = (&chars[..offer.replace.start], &chars[offer.replace.end..]);
                format!(
                    "{}{}{}",
                    before.iter().collect::<String>(),
                    offer.insert,
                    after.iter().collect::<String>()
                )
            })
            .collect()
    };
    assert_eq!(offers("zoë ty| x"), ["zoë type: x"]);
    assert_eq!(offers("amount|")[..3], ["amount:", "amount>", "amount>="]);
    assert_eq!(offers("type:inv|"), ["type:invoice.paid", "type:invoice.voided"]);
    assert_eq!(offers("type:a.b,fail|"), ["type:a.b,charge.failed"]);
    assert_eq!(offers("type:| x")[0], "type:charge.failed x");
    assert_eq!(offers("type = |")[0], "type = charge.failed");
    assert!(offers("type: |").contains(&"type: amount:".to_owned()));
    assert_eq!(offers("account:a|"), ["account:\"Acme Inc\"", "account:Beta"]);
    assert_eq!(offers("account:\"ac|"), ["account:\"Acme Inc\""]);
    assert_eq!(offers("created:last7|"), ["created:last7d"]);
    assert_eq!(offers("created:2026|"), ["created:2026-03-30"]);
    assert_eq!(offers("source:r|"), ["source:relay"]);
    assert_eq!(offers("-sta|"), ["-starred:", "-status:"]);
    assert!(offers("a o|").contains(&"a or ".to_owned()) && !offers("o|").contains(&"or ".to_owned()));
    assert!(offers("|").len() > 10 && offers("a |").contains(&"a and ".to_owned()));
    assert!(offers("nothing:|").is_empty() && offers("\"typ|").is_empty());
    // Whatever is offered as a value parses.
    for text in ["type:|", "created:|", "source:|", "starred:|", "account:|"] {
        for offer in offers(text) {
            assert!(parse(&offer, Subject::Events, &ctx()).is_ok(), "{offer}");
        }
    }
}

#[test]
fn colours_cover_what_is_written() {
    use Class::{Field, Keyword, Mistake, Operator, Text, Value};
    let shown = |text: &str| -> Vec<(String, Class)> {
        highlight(text, Subject::Events, &ctx())
            .into_iter()
            .map(|(range, class)| (text.chars().skip(range.start).take(range.len()).collect(), class))
            .collect()
    };
    let of = |parts: &[(&str, Class)]| -> Vec<(String, Class)> {
        parts.iter().map(|(text, class)| ((*text).to_owned(), *class)).collect()
    };
    assert_eq!(
        shown("-(type:a.b,c.d or \"x y\")"),
        of(&[
            ("-", Operator),
            ("(", Operator),
            ("type", Field),
            (":", Operator),
            ("a.b,c.d", Value),
            ("or", Keyword),
            ("\"x y\"", Text),
            (")", Operator)
        ])
    );
    assert_eq!(
        shown("zoë amount>1x"),
        of(&[("zoë", Text), ("amount", Field), (">", Operator), ("1x", Mistake)])
    );
    assert_eq!(shown("typ:"), of(&[("typ", Field), (":", Operator)]));
}

/// Texts that are filters more often than not.
fn filters() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("type:*failed".to_owned()),
        Just("type!=invoice.paid,a.b".to_owned()),
        Just("amount>=-50.50".to_owned()),
        Just("amount:1..2,..5,7.10".to_owned()),
        Just("created:last7d".to_owned()),
        Just("created:\"2026-03-29 02:30\"".to_owned()),
        Just("created<2026-10-25T02:30+02:00".to_owned()),
        Just("metadata.order:42,\"42\",x*".to_owned()),
        Just(".due_date>=today".to_owned()),
        Just("customer:*".to_owned()),
        Just("zoë".to_owned()),
        Just("\"or\"".to_owned()),
        "[a-z\"*?\\\\.\\- :=,]{1,8}".prop_map(|text| super::print::in_quotes(&text)),
        "(who|object|status)[:=](\"[a-z \\\\\\\\*:,]{1,6}\"|[a-z*?!:.\\-]{1,6})",
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let between = prop_oneof![Just(" "), Just(" and "), Just(" or "), Just(" OR ")];
        prop_oneof![
            (inner.clone(), between, inner.clone()).prop_map(|(a, between, b)| format!("{a}{between}{b}")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("not {a}")),
            inner.prop_map(|a| format!("({a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_a_filter_or_a_mistake_within_it(text in any::<String>(), cursor in 0_usize..40) {
        check_any(&text, cursor)?;
    }

    #[test]
    fn nearly_a_filter_is_one_or_a_mistake_within_it(
        text in "([a-z]{0,3}|type|amount|created|who|[-.:<>=!(),\"* 0-9]|and|or|not|last7d|2026-01|日| ){0,14}",
        cursor in 0_usize..40,
    ) {
        check_any(&text, cursor)?;
    }

    #[test]
    fn what_is_printed_parses_to_an_equal_filter(text in filters()) {
        if let Ok(filter) = parse(&text, Subject::Events, &ctx()) {
            let printed = filter.to_string();
            let again = parse(&printed, Subject::Events, &ctx());
            prop_assert_eq!(again.as_ref(), Ok(&filter), "{} prints as {}", text, printed);
            prop_assert_eq!(again.map(|again| again.to_string()), Ok(printed));
        }
    }

    #[test]
    fn the_laws_of_logic_hold(a in filters(), b in filters(), amount in -10_000_i64..10_000, hours in 0_i64..500) {
        let works = |text: &str| parse(text, Subject::Events, &ctx()).is_ok();
        prop_assume!(works(&a) && works(&b));
        let event = EventRow { amount: Some((amount, "eur".into())), created: NOW - hours * 3_600, ..event() };
        let is = |text: &str| passes_event(text, &event);
        let (x, y) = (is(&a), is(&b));
        prop_assert_eq!(is(&format!("({a}) ({b})")), x && y);
        prop_assert_eq!(is(&format!("({a}) and ({b})")), x && y);
        prop_assert_eq!(is(&format!("({a}) or ({b})")), x || y);
        prop_assert_eq!(is(&format!("-({a})")), !x);
        prop_assert_eq!(is(&format!("not (({a}) or ({b}))")), is(&format!("-({a}) -({b})")));
        // Nothing passes outside of the bounds.
        for text in [&a, &format!("-({a})"), &format!("({a}) or ({b})"), &format!("({a}) ({b})")] {
            let bounds = parse(text, Subject::Events, &ctx()).map(|filter| filter.bounds()).unwrap_or_default();
            let outside = bounds.gte.is_some_and(|gte| event.created < gte)
                || bounds.lt.is_some_and(|lt| event.created >= lt)
                || bounds.types.as_ref().is_some_and(|types| !types.contains(&event.event_type));
            prop_assert!(!(outside && is(text)), "{}: {:?}", text, bounds);
        }
    }

    #[test]
    fn a_day_is_the_same_day_for_every_moment_of_it(hour in 0_i64..24 * 900) {
        // Berlin changed its clocks five times in these 900 days.
        let at = 1_700_000_000 + hour * 3_600;
        let day = crate::clock::format_date(at, "Europe/Berlin");
        let event = EventRow { created: at, ..event() };
        for (text, wanted) in [
            (format!("created:{day}"), true),
            (format!("created>={day} created<={day}"), true),
            (format!("created>{day} or created<{day}"), false),
            (format!("created:{day}..{day}"), true),
            (format!("created:{}", &day[..7]), true),
            (format!("created!={}", &day[..4]), false),
        ] {
            prop_assert_eq!(passes_event(&text, &event), wanted, "{}", text);
        }
    }
}

fn check_any(text: &str, cursor: usize) -> Result<(), TestCaseError> {
    let length = text.chars().count();
    for subject in [Subject::Events, Subject::Records(Kind::Charge)] {
        match parse(text, subject, &ctx()) {
            Ok(filter) => {
                prop_assert_eq!(&parse(&filter.to_string(), subject, &ctx()), &Ok(filter), "{}", text);
            }
            Err(mistake) => {
                prop_assert!(mistake.at + mistake.len <= length, "{:?}", mistake);
                let shown = mistake.pointed(text);
                prop_assert!(shown.lines().count() == 3 && !shown.contains('\u{1b}'), "{}", shown);
                prop_assert!(!mistake.text.is_empty() && !mistake.text.ends_with('.'));
            }
        }
        let mut end = 0;
        for (range, _) in highlight(text, subject, &ctx()) {
            prop_assert!(range.start >= end && range.end > range.start && range.end <= length);
            end = range.end;
        }
        let known = |_: &str| vec!["a b".to_owned(), "x\"y".to_owned(), String::new()];
        for offer in complete(text, cursor, subject, &ctx(), &known) {
            prop_assert!(offer.replace.start <= offer.replace.end && offer.replace.end <= length);
        }
    }
    Ok(())
}

const REFERENCE: &str = include_str!("../../docs/filters.md");

#[test]
fn every_example_of_the_reference_is_what_it_says() {
    let mut fence: Option<&str> = None;
    let (mut right, mut wrong) = (0, 0);
    for line in REFERENCE.lines() {
        if let Some(name) = line.strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(name) };
            continue;
        }
        match fence {
            None | Some("sh") => {}
            Some("wrong") => {
                let mistake = parse(line, Subject::Events, &ctx()).expect_err(line);
                assert!(!mistake.hint.is_empty(), "{line}");
                wrong += 1;
            }
            Some(name) => {
                let subject = match Kind::parse(name) {
                    Some(kind) => Subject::Records(kind),
                    None if name == "events" => Subject::Events,
                    None => panic!("a fence of no subject: {name}"),
                };
                let filter =
                    parse(line, subject, &ctx()).unwrap_or_else(|one| panic!("{}", one.pointed(line)));
                assert!(!filter.is_everything());
                right += 1;
            }
        }
    }
    assert!(right > 25 && wrong > 5 && fence.is_none());
}

#[test]
fn the_reference_names_every_field_and_preset() {
    let rows = |from: &str, to: &str| -> Vec<&str> {
        let start = REFERENCE.find(from).unwrap();
        let end = REFERENCE[start..].find(to).unwrap() + start;
        REFERENCE[start..end].lines().filter(|line| line.starts_with("| ")).collect()
    };
    let events = rows("## Fields of events", "## Fields of records");
    let records = rows("## Fields of records", "## Any field");
    for (subject, rows) in std::iter::once((Subject::Events, &events))
        .chain(Kind::all().map(|kind| (Subject::Records(kind), &records)))
    {
        for def in field::all(subject) {
            let own = |row: &str| match subject {
                Subject::Records(kind) => row.contains(kind.list_name()),
                Subject::Events => false,
            };
            let row = rows
                .iter()
                .find(|row| {
                    row.starts_with(&format!("| `{}` ", def.name))
                        || own(row) && row.contains(&format!("`{}`", def.name))
                })
                .unwrap_or_else(|| panic!("{subject:?} {}", def.name));
            for other in def.also {
                assert!(row.contains(&format!("`{other}`")), "{subject:?} {other}: {row}");
            }
        }
    }
    for (preset, _) in time::PRESETS {
        assert!(REFERENCE.contains(&format!("`{preset}`")), "{preset}");
    }
}
