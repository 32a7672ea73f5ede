//! What every store must do, run on each of them: the order of rows, turns, checkpoints, reopening.
//!
//! A store's tests name their place once ([`conformance!`]) and get all of these. What only a shared store can show (two
//! owners, leases) stands in [`shared`].

pub(super) mod shared;

use uuid::Uuid;

use super::{Checkpoint, Loaded, Row, Store, StoreError};

/// Somewhere for one journal; each test gets a fresh one.
pub(super) trait Place {
    /// A store of this place's journal; an exclusive one only after the store before it was closed or dropped.
    fn store(&self) -> Box<dyn Store>;
}

pub(super) fn texts(of: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    of.into_iter().map(|text| text.to_string()).collect()
}

pub(super) fn rows(from: u64, of: &[&str]) -> Vec<Row> {
    (from..).zip(of).map(|(seq, text)| Row { seq, text: (*text).to_owned() }).collect()
}

/// One turn.
pub(super) fn append(store: &mut dyn Store, known: u64, of: &[&str]) -> Vec<Row> {
    let seen = store.begin(known).unwrap();
    store.commit(&texts(of)).unwrap();
    seen
}

pub(super) fn open(place: &dyn Place) -> (Box<dyn Store>, Loaded) {
    let mut store = place.store();
    let loaded = store.open(Uuid::now_v7()).unwrap();
    (store, loaded)
}

pub(super) fn is_away<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Away { what, .. }) => what,
        other => panic!("not away: {other:?}"),
    }
}

pub(super) fn is_dead<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Dead { what, .. }) => what,
        other => panic!("not dead: {other:?}"),
    }
}

pub(super) fn begins_empty(place: &dyn Place) {
    let (_store, loaded) = open(place);
    assert_eq!(loaded, Loaded::default());
}

pub(super) fn keeps_rows_in_order_over_reopening(place: &dyn Place) {
    let (mut store, _) = open(place);
    assert_eq!(append(&mut *store, 0, &["a", "b"]), []);
    assert_eq!(append(&mut *store, 2, &["c"]), []);
    store.close();
    drop(store);
    let (mut store, loaded) = open(place);
    assert_eq!(loaded, Loaded { checkpoint: None, rows: rows(1, &["a", "b", "c"]) });
    assert_eq!(append(&mut *store, 3, &["d"]), []);
    let again = store.open(Uuid::now_v7()).unwrap();
    assert_eq!(again.rows, rows(1, &["a", "b", "c", "d"]), "reopened without closing");
}

pub(super) fn an_empty_commit_writes_nothing(place: &dyn Place) {
    let (mut store, _) = open(place);
    append(&mut *store, 0, &[]);
    append(&mut *store, 0, &["a"]);
    append(&mut *store, 1, &[]);
    assert_eq!(store.open(Uuid::now_v7()).unwrap().rows, rows(1, &["a"]));
}

pub(super) fn a_turn_that_is_not_committed_leaves_nothing(place: &dyn Place) {
    let (mut store, _) = open(place);
    assert_eq!(store.begin(0).unwrap(), []);
    assert_eq!(store.begin(0).unwrap(), []);
    store.commit(&texts(["a"])).unwrap();
    assert_eq!(store.begin(1).unwrap(), []);
    store.close();
    drop(store);
    assert_eq!(open(place).1.rows, rows(1, &["a"]));
}

pub(super) fn a_turn_gives_what_its_caller_does_not_know(place: &dyn Place) {
    let (mut store, _) = open(place);
    append(&mut *store, 0, &["a", "b", "c"]);
    assert_eq!(store.begin(1).unwrap(), rows(2, &["b", "c"]));
    store.commit(&texts(["d"])).unwrap();
    assert_eq!(store.begin(0).unwrap(), rows(1, &["a", "b", "c", "d"]));
}

pub(super) fn a_caller_that_knows_more_than_there_is_must_open_again(place: &dyn Place) {
    let (mut store, _) = open(place);
    append(&mut *store, 0, &["a"]);
    is_away(store.begin(2));
    assert_eq!(store.open(Uuid::now_v7()).unwrap().rows, rows(1, &["a"]));
}

pub(super) fn a_commit_needs_a_turn_of_its_own(place: &dyn Place) {
    let (mut store, _) = open(place);
    is_away(store.commit(&texts(["a"])));
    store.open(Uuid::now_v7()).unwrap();
    append(&mut *store, 0, &["a"]);
    is_away(store.commit(&texts(["b"])));
    assert_eq!(store.open(Uuid::now_v7()).unwrap().rows, rows(1, &["a"]));
}

pub(super) fn any_other_call_abandons_a_turn(place: &dyn Place) {
    let (mut store, _) = open(place);
    store.begin(0).unwrap();
    store.newer(0).unwrap();
    is_away(store.commit(&texts(["a"])));
    assert_eq!(store.open(Uuid::now_v7()).unwrap(), Loaded::default());
}

pub(super) fn nothing_works_before_it_is_open(place: &dyn Place) {
    let mut store = place.store();
    is_away(store.begin(0));
    is_away(store.commit(&[]));
    store.open(Uuid::now_v7()).unwrap();
    store.close();
    is_away(store.newer(0));
    store.open(Uuid::now_v7()).unwrap();
    append(&mut *store, 0, &["a"]);
}

pub(super) fn a_checkpoint_stands_for_the_rows_before_it(place: &dyn Place) {
    let (mut store, _) = open(place);
    append(&mut *store, 0, &["a", "b", "c", "d", "e"]);
    let checkpoint = Checkpoint { seq: 4, text: "abcd".to_owned() };
    store.checkpoint(&checkpoint, 2).unwrap();
    assert_eq!(store.begin(2).unwrap(), rows(3, &["c", "d", "e"]), "two rows before it are kept");
    store.commit(&texts(["f"])).unwrap();
    is_away(store.begin(1));
    let loaded = store.open(Uuid::now_v7()).unwrap();
    assert_eq!(loaded, Loaded { checkpoint: Some(checkpoint), rows: rows(5, &["e", "f"]) });
    let whole = Checkpoint { seq: 6, text: "abcdef".to_owned() };
    store.checkpoint(&whole, 0).unwrap();
    append(&mut *store, 6, &["g"]);
    store.close();
    drop(store);
    let (mut store, loaded) = open(place);
    assert_eq!(loaded, Loaded { checkpoint: Some(whole.clone()), rows: rows(7, &["g"]) });
    store.checkpoint(&whole, 100).unwrap();
    assert_eq!(store.open(Uuid::now_v7()).unwrap(), loaded, "the same one again");
}

pub(super) fn a_checkpoint_of_rows_that_are_not_there_is_refused(place: &dyn Place) {
    let (mut store, _) = open(place);
    append(&mut *store, 0, &["a"]);
    is_away(store.checkpoint(&Checkpoint { seq: 2, text: "ab".to_owned() }, 0));
    assert_eq!(store.open(Uuid::now_v7()).unwrap().checkpoint, None);
}

pub(super) fn texts_are_opaque(place: &dyn Place) {
    let (mut store, _) = open(place);
    let odd = [
        "'; DROP TABLE journal; --",
        "\\ \" $1 %s {}",
        "line\nline\r\n\ttab",
        "ü 漢 🦀 \u{200b}",
        " ",
        "{a,b}",
        "NULL",
    ];
    append(&mut *store, 0, &odd);
    let long = "x".repeat(3 << 20);
    append(&mut *store, 7, &[&long]);
    let loaded = store.open(Uuid::now_v7()).unwrap();
    assert_eq!(loaded.rows[..7], rows(1, &odd));
    assert!(loaded.rows[7].text == long);
    let checkpoint = Checkpoint { seq: 8, text: format!("'{long}'") };
    store.checkpoint(&checkpoint, 0).unwrap();
    assert!(store.open(Uuid::now_v7()).unwrap().checkpoint == Some(checkpoint));
}

pub(super) fn ten_thousand_rows(place: &dyn Place) {
    let (mut store, _) = open(place);
    for batch in 0..40 {
        assert_eq!(store.begin(batch * 250).unwrap(), []);
        store.commit(&texts((0..250).map(|row| format!("row {row} of {batch}")))).unwrap();
    }
    let loaded = store.open(Uuid::now_v7()).unwrap();
    assert_eq!(loaded.rows.len(), 10_000);
    assert!(loaded.rows.iter().zip(1..).all(|(row, seq)| row.seq == seq));
    assert_eq!(loaded.rows[9_999].text, "row 249 of 39");
}

pub(super) fn the_first_to_lead_leads(place: &dyn Place) {
    let (mut store, _) = open(place);
    assert!(store.lead(std::time::Duration::from_secs(3600)).unwrap());
    assert!(store.lead(std::time::Duration::from_secs(3600)).unwrap(), "it stays so");
    assert!(store.renew(std::time::Duration::from_secs(3600)).unwrap().is_empty());
    store.forget(&[]).unwrap();
    assert_eq!(store.newer(0).unwrap(), []);
}

pub(super) fn one_mark_key_for_good(place: &dyn Place) {
    let (mut store, _) = open(place);
    let key = store.mark_key().unwrap();
    assert_ne!(key, [0; 32]);
    append(&mut *store, 0, &["a"]);
    assert_eq!(store.mark_key().unwrap(), key);
    store.close();
    drop(store);
    let (mut store, loaded) = open(place);
    assert_eq!((store.mark_key().unwrap(), loaded.rows.len()), (key, 1));
}

/// All of the suite on one kind of place.
macro_rules! conformance {
    ($(#[$with:meta])* on $place:expr) => {
        $crate::quota::store::conformance::conformance! { @each [$(#[$with])*] $place,
            begins_empty,
            keeps_rows_in_order_over_reopening,
            an_empty_commit_writes_nothing,
            a_turn_that_is_not_committed_leaves_nothing,
            a_turn_gives_what_its_caller_does_not_know,
            a_caller_that_knows_more_than_there_is_must_open_again,
            a_commit_needs_a_turn_of_its_own,
            any_other_call_abandons_a_turn,
            nothing_works_before_it_is_open,
            a_checkpoint_stands_for_the_rows_before_it,
            a_checkpoint_of_rows_that_are_not_there_is_refused,
            texts_are_opaque,
            ten_thousand_rows,
            the_first_to_lead_leads,
            one_mark_key_for_good,
        }
    };
    (@each $with:tt $place:expr, $($name:ident,)*) => {
        $( $crate::quota::store::conformance::conformance! { @one $with $place, $name } )*
    };
    (@one [$(#[$with:meta])*] $place:expr, $name:ident) => {
        #[test]
        $(#[$with])*
        fn $name() {
            $crate::quota::store::conformance::$name(&$place);
        }
    };
}
pub(super) use conformance;
