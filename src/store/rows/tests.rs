use super::*;
use crate::store::record::{Header, sample};
use proptest::prelude::*;

const ONE: IntegrationId = IntegrationId(1);
const TWO: IntegrationId = IntegrationId(2);
const COLUMNS: [Column; 9] = [
    Column::Created,
    Column::Listed,
    Column::Amount,
    Column::Status,
    Column::State,
    Column::Customer,
    Column::Who,
    Column::Label,
    Column::Id,
];

fn header(created: i64, amount: Option<i64>, currency: &str, who: &str) -> Header {
    Header { created, amount, currency: currency.into(), who: who.into(), ..sample() }
}

#[test]
fn rows_come_in_the_order_of_a_column_and_never_mix_currencies() {
    let mut table = RowTable::default();
    assert!(table.put(ONE, "in_a", &header(1, Some(500), "usd", "zoe").peek()));
    assert!(table.put(ONE, "in_b", &header(2, Some(900_000), "jpy", "Adam").peek()));
    assert!(table.put(TWO, "in_c", &header(3, Some(100), "usd", "mia").peek()));
    let ids = |column| -> Vec<&str> {
        table.order(column).iter().map(|row| table.row(*row as usize).unwrap().id).collect()
    };
    assert_eq!(ids(Column::Created), ["in_a", "in_b", "in_c"]);
    assert_eq!(ids(Column::Amount), ["in_b", "in_c", "in_a"]);
    assert_eq!(ids(Column::Who), ["in_b", "in_c", "in_a"]);
    assert_eq!(table.row(1).unwrap().amount, Some(900_000));
    assert!(table.row(3).is_none());
    assert_eq!((table.find(TWO, "in_c"), table.find(ONE, "in_c")), (Some(2), None));
}

#[test]
fn a_label_that_changes_is_found_and_tidied() {
    let mut table = RowTable::default();
    let draft = Header { label: "in_1".into(), ..sample() };
    table.put(ONE, "in_1", &draft.peek());
    assert_eq!(table.row(0).unwrap().label, "in_1");
    table.put(ONE, "in_1", &Header { label: "INV-9".into(), ..sample() }.peek());
    let find = |table: &RowTable, text: &str| {
        let search =
            |all: &[u8], from: usize| memchr::memmem::find(&all[from..], text.as_bytes()).map(|at| at + from);
        let found = table.texts().rows_at(search, || true);
        found.iter().map(|one| (one.row, one.place)).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(table.row(0).unwrap().label, "INV-9");
        assert_eq!(find(&table, "INV-9"), [(0, Place::Label)]);
        assert_eq!(find(&table, "in_1"), [(0, Place::Id)]);
        table.texts.tidy();
    }
    table.put(ONE, "in_1", &draft.peek());
    assert_eq!((table.row(0).unwrap().label, find(&table, "INV-9").len()), ("in_1", 0));
}

#[test]
fn an_integration_can_be_taken_out_and_row_numbers_are_known_to_have_changed() {
    let mut table = RowTable::default();
    for (whose, id) in [(ONE, "in_1"), (TWO, "in_2"), (ONE, "in_3")] {
        table.put(whose, id, &sample().peek());
    }
    let before = table.version();
    table.forget(ONE);
    assert_eq!((table.len(), table.find(TWO, "in_2"), table.find(ONE, "in_1")), (1, Some(0), None));
    assert!(table.since(before).is_none());
}

fn any_header() -> impl Strategy<Value = Header> {
    let words = prop::sample::select(vec!["", "open", "paid", "void", "eur", "usd", "Zoë", "zoe", "ADAM"]);
    (0_i64..5, 0_i64..3, prop::option::of(-2_i64..3), 0_u8..7, words.clone(), words.clone(), words).prop_map(
        |(created, listed, amount, state, status, currency, who)| Header {
            created,
            discovered_at: listed,
            amount,
            state: State::from_byte(state).unwrap(),
            status: status.into(),
            currency: currency.into(),
            who: who.into(),
            customer: format!("cus_{created}"),
            label: if listed == 0 { String::new() } else { format!("L-{who}-{listed}") },
            last_error: if state == 4 { "it failed".into() } else { String::new() },
            ..sample()
        },
    )
}

proptest! {
    /// A table kept current row by row, whose orders are merged, is the same as one built at the end.
    #[test]
    fn kept_current_or_built_anew(
        steps in prop::collection::vec((1_u32..3, 0_u8..30, any_header(), any::<bool>()), 1..120),
    ) {
        let mut kept = RowTable::default();
        let mut orders: Vec<(u64, Vec<u32>)> = COLUMNS.iter().map(|_| (0, Vec::new())).collect();
        let mut last = std::collections::BTreeMap::new();
        for (whose, id, header, look) in steps {
            let (whose, id) = (IntegrationId(whose), format!("in_{id}"));
            prop_assert!(kept.put(whose, &id, &header.peek()));
            last.insert((whose, id), header);
            if look {
                for (column, (version, order)) in COLUMNS.iter().zip(&mut orders) {
                    *order = kept.merge_order(*column, order, kept.since(*version).unwrap());
                    *version = kept.version();
                }
            }
        }
        let mut built = RowTable::default();
        for ((whose, id), header) in &last {
            // A label that is empty shows the id.
            prop_assert!(built.put(*whose, id, &header.peek()));
        }
        prop_assert_eq!(kept.len(), built.len());
        let rows = |table: &RowTable, order: &[u32]| -> Vec<String> {
            let row = |row: &u32| {
                let row = *row as usize;
                let whose = table.integration(row).unwrap();
                format!("{whose:?} {:?} {} {}", table.row(row).unwrap(), table.listed(row), table.error(row))
            };
            order.iter().map(row).collect()
        };
        for (column, (version, order)) in COLUMNS.iter().zip(&orders) {
            let merged = kept.merge_order(*column, order, kept.since(*version).unwrap());
            prop_assert_eq!(rows(&kept, &merged), rows(&built, &built.order(*column)), "{:?}", column);
        }
    }
}
