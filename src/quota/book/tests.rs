//! Tables of single decisions here; the whole protocol under a hostile world in `simulation`.

mod fence;
mod model;
mod observe;
mod simulation;

use uuid::Uuid;

use super::*;
use crate::api::view::Create;
use crate::policy::answer::Resource;
use crate::policy::verdict::{Effect, JudgedClaim, JudgedLimit};
use crate::quota::event::{Event, Line};
use crate::quota::order::{Asker, Called, Exceeded, Marks, Order, Repeated, Settlement, StoredAnswer};

pub(super) const TEAM: &str = "team/payments";

pub(super) fn view(count: u32) -> Create {
    let mut view = crate::policy::sample_create();
    view.count = count;
    view.zone = Some("SEL-A".into());
    view
}

pub(in crate::quota) fn claim(scope: &str, amount: u64, limit: Option<u64>) -> JudgedClaim {
    let limit = limit.map(|limit| JudgedLimit {
        rule: "quota".into(),
        name: None,
        limit,
        effect: Effect::Refused,
        temporary_until: None,
        otherwise: None,
    });
    JudgedClaim {
        scope: scope.into(),
        resource: Resource::Instances,
        amount,
        limits: limit.into_iter().collect(),
    }
}

pub(in crate::quota) fn order(number: u128, count: u32, claims: Vec<JudgedClaim>) -> Order {
    Order {
        id: Uuid::from_u128(number),
        asker: Asker {
            team: "payments".to_owned(),
            key: "ak1".to_owned(),
            address: "10.0.0.1".to_owned(),
            go_sdk: false,
        },
        account: "main".to_owned(),
        call: Called { service: "vm".into(), action: "CreateInstances".into(), version: "2026-01-01".into() },
        instances: count,
        claims,
        view: (count > 0).then(|| std::sync::Arc::new(view(count))),
        marks: Marks { looked: i64::MAX, ..Marks::default() },
        left: false,
    }
}

/// Folds and checks the sums.
pub(super) fn fold(book: &mut Book, events: impl IntoIterator<Item = Event>) {
    for event in events {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "what is read is what was written");
        book.apply(event);
        book.audit().unwrap();
    }
}

pub(super) const OWNER: Uuid = Uuid::from_u128(7);

pub(super) fn book_in(book: &mut Book, order: &Order, now: i64) -> Reservation {
    let (reservation, events) = book.reserve(order, OWNER, now, &Rules::default());
    fold(book, events);
    reservation
}

pub(super) fn settle_in(
    book: &mut Book,
    id: u128,
    outcome: Settlement,
    now: i64,
) -> Result<Settled, Conflict> {
    let answer = StoredAnswer { status: 200, body: "{}".to_owned() };
    let (settled, events) = book.settle(Uuid::from_u128(id), outcome, Some(answer), now);
    fold(book, events);
    settled
}

pub(super) fn created(ids: &[&str], missing: u32) -> Settlement {
    Settlement::Created { ids: ids.iter().map(|id| (*id).into()).collect(), missing }
}

#[test]
fn all_claims_or_none_and_every_exceeded_limit_is_named() {
    let mut book = Book::default();
    let first = order(1, 3, vec![claim(TEAM, 3, Some(4)), claim("organisation", 3, Some(100))]);
    assert_eq!(book_in(&mut book, &first, 0), Reservation::Booked(vec![]));
    settle_in(&mut book, 1, created(&["a", "b", "c"], 0), 1).unwrap();
    let second = order(
        2,
        2,
        vec![claim(TEAM, 2, Some(4)), claim("organisation", 2, Some(4)), claim("zone/SEL-A", 2, Some(9))],
    );
    let exceeded = |scope: &str| Exceeded {
        scope: scope.into(),
        resource: Resource::Instances,
        used: 3,
        held: 0,
        asked: 2,
        limit: 4,
    };
    assert_eq!(
        book_in(&mut book, &second, 2),
        Reservation::Exceeded(vec![exceeded(TEAM), exceeded("organisation")])
    );
    assert_eq!(book.tally("zone/SEL-A", Resource::Instances).total(), 0, "none of it was booked");
    let third = order(3, 1, vec![claim(TEAM, 1, Some(4))]);
    assert_eq!(book_in(&mut book, &third, 3), Reservation::Booked(vec![]), "what fits passes");
    let tally = book.tally(TEAM, Resource::Instances);
    assert_eq!((tally.used, tally.in_flight, tally.unknown, tally.limit), (3, 1, 0, Some(4)));
}

#[test]
fn a_limit_that_only_warns_is_exceeded_and_told() {
    let mut book = Book::default();
    let mut soft = claim(TEAM, 5, Some(4));
    soft.limits.iter_mut().for_each(|limit| limit.effect = Effect::Shadowed);
    let Reservation::Booked(over) = book_in(&mut book, &order(1, 5, vec![soft]), 0) else { panic!() };
    assert_eq!(over.len(), 1);
    assert_eq!(over[0].effect, Effect::Shadowed);
    assert_eq!(book.tally(TEAM, Resource::Instances).in_flight, 5);
}

#[test]
fn a_lowered_limit_takes_nothing_and_gives_nothing() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 4, vec![claim(TEAM, 4, Some(4))]), 0);
    settle_in(&mut book, 1, created(&["a", "b", "c", "d"], 0), 1).unwrap();
    let refused = book_in(&mut book, &order(2, 1, vec![claim(TEAM, 1, Some(2))]), 2);
    assert!(matches!(refused, Reservation::Exceeded(_)), "{refused:?}");
    let tally = book.tally(TEAM, Resource::Instances);
    assert_eq!((tally.used, tally.limit, tally.left(0)), (4, Some(2), Some(0)), "shown as over");
}

#[test]
fn outcomes_move_what_is_held() {
    let mut book = Book::default();
    let counts = |book: &Book| {
        let tally = book.tally(TEAM, Resource::Instances);
        (tally.used, tally.in_flight, tally.unknown)
    };
    book_in(&mut book, &order(1, 5, vec![claim(TEAM, 5, None)]), 0);
    assert_eq!(counts(&book), (0, 5, 0));
    settle_in(&mut book, 1, Settlement::Unknown, 1).unwrap();
    assert_eq!(counts(&book), (0, 0, 5));
    settle_in(&mut book, 1, created(&["a", "b", "c"], 2), 2).unwrap();
    assert_eq!(counts(&book), (3, 0, 2), "those that were not named stay held");
    assert_eq!(settle_in(&mut book, 1, created(&["a", "b", "c"], 2), 3), Ok(Settled::Already));
    let conflict = settle_in(&mut book, 1, Settlement::Void, 4).unwrap_err();
    assert_eq!(conflict.was, "created");
    assert_eq!(counts(&book), (3, 0, 2));

    book_in(&mut book, &order(2, 1, vec![claim(TEAM, 1, None)]), 5);
    settle_in(&mut book, 2, Settlement::Void, 6).unwrap();
    assert_eq!(counts(&book), (3, 0, 2));
    assert!(settle_in(&mut book, 2, created(&["late"], 0), 7).is_err(), "it is an error");
    assert_eq!(counts(&book), (4, 0, 2), "but the machine counts");
    let machine = book.bookings[&Uuid::from_u128(1)].machine("a");
    fold(&mut book, [Event::Released { machine, at: 8, why: String::new() }]);
    assert_eq!(counts(&book), (3, 0, 2));
}

#[test]
fn an_id_has_one_outcome_for_ever() {
    let mut book = Book::default();
    let first = order(1, 1, vec![claim(TEAM, 1, None)]);
    book_in(&mut book, &first, 0);
    assert_eq!(book_in(&mut book, &first, 1), Reservation::Booked(vec![]), "the same process asks again");
    assert_eq!(book.tally(TEAM, Resource::Instances).in_flight, 1);
    let other = Uuid::from_u128(8);
    let (again, events) = book.reserve(&first, other, 2, &Rules::default());
    assert_eq!(again, Reservation::Repeated(Repeated::Unknown { first: first.id }));
    assert!(events.is_empty());
}

#[test]
fn a_dead_process_leaves_unknowns_and_a_checkpoint_holds_everything() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 2, vec![claim(TEAM, 2, Some(9))]), 0);
    book_in(&mut book, &order(2, 1, vec![claim(TEAM, 1, Some(9))]), 0);
    settle_in(&mut book, 2, created(&["a"], 0), 1).unwrap();
    assert_eq!(book.orphan(Uuid::from_u128(99), 5), None);
    let orphaned = book.orphan(OWNER, 5);
    fold(&mut book, orphaned);
    let tally = book.tally(TEAM, Resource::Instances);
    assert_eq!((tally.used, tally.in_flight, tally.unknown), (1, 0, 2));
    assert_eq!(Book::from_text(&book.to_text().unwrap()).unwrap(), book);
    book.forget(1_000_000, 1_000_000);
    assert_eq!(book.bookings().count(), 1, "what ended long ago is forgotten, what is unknown never is");
    assert_eq!(book.tally(TEAM, Resource::Instances).total(), 3);
    book.audit().unwrap();
}

#[test]
fn thresholds_are_crossed_once_per_rise() {
    let mut book = Book::default();
    let mut heard = Vec::new();
    for number in 0..10_u128 {
        let before = book.tallies.clone();
        book_in(&mut book, &order(number, 1, vec![claim(TEAM, 1, Some(10))]), 0);
        heard.extend(
            crossings(&before, &book.tallies, &Thresholds::default()).into_iter().map(|(_, percent)| percent),
        );
    }
    assert_eq!(heard, [80, 90, 100]);
}

#[test]
fn lines_keep_their_sum_over_machines() {
    let mut book = Book::default();
    let mut claims = vec![claim(TEAM, 3, None)];
    claims.push(JudgedClaim { resource: Resource::DiskGb, amount: 100, ..claim(TEAM, 0, None) });
    book_in(&mut book, &order(1, 3, claims), 0);
    settle_in(&mut book, 1, created(&["a", "b", "c"], 0), 1).unwrap();
    let disk: Vec<u64> = book
        .machines()
        .map(|(_, machine)| {
            machine
                .claims
                .iter()
                .filter(|line: &&Line| line.resource == Resource::DiskGb)
                .map(|line| line.amount)
                .sum()
        })
        .collect();
    assert_eq!(disk, [34, 33, 33]);
    assert_eq!(book.tally(TEAM, Resource::DiskGb).used, 100);
}

/// Found by fuzzing.
#[test]
fn no_more_is_missing_than_was_asked_for() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 3, vec![claim(TEAM, 3, Some(9))]), 0);
    settle_in(&mut book, 1, created(&["a"], 200), 1).unwrap();
    let tally = book.tally(TEAM, Resource::Instances);
    assert_eq!((tally.used, tally.unknown), (1, 2));
}
