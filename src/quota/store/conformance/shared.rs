//! What only a store of several owners can show: turns of others, leases, leadership.

use std::time::Duration;

use uuid::Uuid;

use super::super::{Checkpoint, Row, Store};
use super::{Place, append, is_away, open, rows, texts};

const MINUTE: Duration = Duration::from_secs(60);

/// No owners.
const NOBODY: [Uuid; 0] = [];

/// A place whose store has several owners.
pub(in crate::quota::store) trait Shared: Place + Sync {
    /// Makes the lease of an owner an hour older, as if it had not renewed it.
    fn age(&self, owner: Uuid);

    /// Lets the leader's term end.
    fn end_term(&self);

    /// Waits until so many owners wait for their turn.
    fn until_waiting(&self, count: usize);
}

fn register(place: &dyn Shared) -> (Box<dyn Store>, Uuid) {
    let mut store = place.store();
    let owner = Uuid::now_v7();
    store.open(owner).unwrap();
    (store, owner)
}

pub(in crate::quota::store) fn owners_see_the_rows_of_each_other(place: &dyn Shared) {
    let (mut one, _) = open(place);
    let (mut other, _) = open(place);
    append(&mut *one, 0, &["a", "b"]);
    assert_eq!(other.newer(0).unwrap(), rows(1, &["a", "b"]));
    assert_eq!(other.newer(2).unwrap(), []);
    assert_eq!(append(&mut *other, 1, &["c"]), rows(2, &["b"]));
    assert_eq!(append(&mut *one, 2, &[]), rows(3, &["c"]));
    assert_eq!(one.newer(3).unwrap(), []);
}

pub(in crate::quota::store) fn all_agree_on_one_order(place: &dyn Shared) {
    let views: Vec<Vec<Row>> = std::thread::scope(|scope| {
        let owner = |name: usize| {
            move || {
                let (mut store, loaded) = open(place);
                let mut view = loaded.rows;
                for turn in 0..25 {
                    let known = view.last().map_or(0, |row| row.seq);
                    view.extend(store.begin(known).unwrap());
                    let mine = texts((0..1 + turn % 3).map(|part| format!("{name}/{turn}/{part}")));
                    store.commit(&mine).unwrap();
                    let next = view.last().map_or(1, |row| row.seq + 1);
                    view.extend((next..).zip(mine).map(|(seq, text)| Row { seq, text }));
                }
                view
            }
        };
        let owners: Vec<_> = (0..4).map(|name| scope.spawn(owner(name))).collect();
        owners.into_iter().map(|owner| owner.join().unwrap()).collect()
    });
    let all = open(place).1.rows;
    assert_eq!(all.len(), 4 * (9 + 8 * 2 + 8 * 3));
    for view in views {
        assert_eq!(view[..], all[..view.len()], "what an owner folded is a beginning of the journal");
    }
}

pub(in crate::quota::store) fn a_turn_keeps_the_others_waiting(place: &dyn Shared) {
    let (mut one, _) = open(place);
    let (mut other, _) = open(place);
    one.begin(0).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || append(&mut *other, 0, &["second"]));
        place.until_waiting(1);
        one.commit(&texts(["first"])).unwrap();
        assert_eq!(waiting.join().unwrap(), rows(1, &["first"]));
    });
    assert_eq!(one.newer(0).unwrap(), rows(1, &["first", "second"]));
}

pub(in crate::quota::store) fn an_owner_that_stops_inside_a_turn_loses_it(place: &dyn Shared) {
    let (mut stopped, _) = open(place);
    let (mut other, _) = open(place);
    stopped.begin(0).unwrap();
    append(&mut *other, 0, &["other"]);
    is_away(stopped.commit(&texts(["too late"])));
    let loaded = stopped.open(Uuid::now_v7()).unwrap();
    assert_eq!(loaded.rows, rows(1, &["other"]));
}

pub(in crate::quota::store) fn rows_dropped_by_another_mean_opening_again(place: &dyn Shared) {
    let (mut one, _) = open(place);
    let (mut behind, _) = open(place);
    append(&mut *one, 0, &["a", "b", "c"]);
    assert_eq!(behind.newer(0).unwrap().len(), 3);
    let checkpoint = Checkpoint { seq: 3, text: "abc".to_owned() };
    one.checkpoint(&checkpoint, 0).unwrap();
    is_away(behind.begin(1));
    assert_eq!(behind.open(Uuid::now_v7()).unwrap().checkpoint, Some(checkpoint.clone()));
    assert_eq!(append(&mut *behind, 3, &["d"]), []);
    behind.checkpoint(&Checkpoint { seq: 4, text: "abcd".to_owned() }, 4).unwrap();
    one.checkpoint(&checkpoint, 0).unwrap();
    let loaded = open(place).1;
    assert_eq!(loaded.checkpoint.unwrap().seq, 4, "an older one does not replace it");
}

pub(in crate::quota::store) fn leases_run_out_by_the_clock_of_the_store(place: &dyn Shared) {
    let (mut one, id) = register(place);
    let (mut other, _) = register(place);
    assert_eq!(other.renew(MINUTE).unwrap(), NOBODY);
    place.age(id);
    assert_eq!(other.renew(MINUTE).unwrap(), [id]);
    assert_eq!(other.renew(MINUTE * 120).unwrap(), NOBODY, "not for that long");
    one.renew(MINUTE).unwrap();
    assert_eq!(other.renew(MINUTE).unwrap(), NOBODY, "it came back in time");
    place.age(id);
    let dead = other.renew(MINUTE).unwrap();
    other.forget(&dead).unwrap();
    assert_eq!(other.renew(MINUTE).unwrap(), NOBODY);
    is_away(one.renew(MINUTE));
    one.open(id).unwrap();
    assert_eq!(one.renew(MINUTE).unwrap(), NOBODY);
}

pub(in crate::quota::store) fn one_leads(place: &dyn Shared) {
    let (mut one, _) = register(place);
    let (mut other, _) = register(place);
    assert!(one.lead(MINUTE).unwrap());
    assert!(!other.lead(MINUTE).unwrap());
    assert!(one.lead(MINUTE).unwrap());
    place.end_term();
    assert!(other.lead(MINUTE).unwrap());
    assert!(!one.lead(MINUTE).unwrap());
    other.close();
    assert!(one.lead(MINUTE).unwrap(), "who closes gives it up");
}

pub(in crate::quota::store) fn who_closes_leaves_no_lease(place: &dyn Shared) {
    let (mut one, id) = register(place);
    let (mut other, _) = register(place);
    one.close();
    place.age(id);
    assert_eq!(other.renew(MINUTE).unwrap(), NOBODY);
}
