//! The table of `fence`, row by row.

use super::*;

fn marked(number: u128, signature: &str, fingerprint: &str) -> Order {
    let mut order = order(number, 1, vec![claim(TEAM, 1, None)]);
    order.marks.signature = Some(signature.to_owned());
    order.marks.fingerprint = Some(fingerprint.to_owned());
    order
}

fn client(book: &mut Book, id: u128, request: u128, news: crate::quota::event::ClientNews, now: i64) {
    let event = book.client(Uuid::from_u128(id), Uuid::from_u128(request), news, now);
    fold(book, event);
}

use crate::quota::event::ClientNews::{Closed, Delivered, Left};

const MINUTE: i64 = 60_000;

fn joined(first: u128) -> Reservation {
    Reservation::Join(Uuid::from_u128(first))
}

const NEW: Reservation = Reservation::Booked(Vec::new());

#[test]
fn void_ones_are_forgotten() {
    let mut book = Book::default();
    book_in(&mut book, &marked(1, "s", "f"), 0);
    settle_in(&mut book, 1, Settlement::Void, 1).unwrap();
    assert_eq!(book_in(&mut book, &marked(2, "s", "f"), 9_000), NEW);
}

#[test]
fn twins_pass_up_to_ten() {
    let mut book = Book::default();
    for number in 0..10 {
        assert_eq!(book_in(&mut book, &marked(number, "s", "f"), 0), NEW);
    }
    let eleventh = book_in(&mut book, &marked(10, "s", "f"), 0);
    assert_eq!(eleventh, Reservation::Repeated(Repeated::Twins));
    assert_eq!(book_in(&mut book, &marked(11, "other", "f"), 0), NEW, "signed anew it is another order");
}

#[test]
fn a_client_that_left_in_flight_is_joined_once() {
    let mut book = Book::default();
    book_in(&mut book, &marked(1, "s", "f"), 0);
    client(&mut book, 1, 1, Left, 5);
    assert_eq!(book_in(&mut book, &marked(2, "s2", "f"), 10), joined(1), "signed anew");
    assert_eq!(book_in(&mut book, &marked(3, "s3", "f"), 11), NEW, "its answer is spoken for");
    client(&mut book, 1, 1, Left, 12); // news of a client that is not waiting any more
    assert_eq!(book_in(&mut book, &marked(4, "s4", "f"), 13), NEW);
    client(&mut book, 1, 2, Left, 14);
    assert_eq!(book_in(&mut book, &marked(5, "s", "f"), 15), joined(1), "the joiner left too");
}

#[test]
fn what_its_client_gave_up_before_it_was_booked_is_not_sent_beside_its_repetition() {
    let late = |number, signature| {
        let mut order = marked(number, signature, "f");
        order.left = true;
        order
    };
    let overtaken = Reservation::Repeated(Repeated::Overtaken { by: Uuid::from_u128(1) });
    let mut book = Book::default();
    book_in(&mut book, &marked(1, "s", "f"), 0);
    assert_eq!(book_in(&mut book, &late(2, "s"), 5), overtaken, "in flight");
    assert_eq!(book_in(&mut book, &late(3, "s2"), 5), overtaken, "signed anew");
    settle_in(&mut book, 1, Settlement::Created { ids: vec!["a".into()], missing: 0 }, 10).unwrap();
    client(&mut book, 1, 1, Delivered, 11);
    assert_eq!(book_in(&mut book, &late(4, "s"), 20), overtaken, "answered");
    assert_eq!(book_in(&mut book, &late(5, "s2"), MINUTE), NEW, "that was another order");
    assert_eq!(book_in(&mut Book::default(), &late(6, "s"), 0), NEW, "nothing took its place");
}

#[test]
fn an_undelivered_answer_waits_a_quarter_of_an_hour() {
    let mut book = Book::default();
    book_in(&mut book, &marked(1, "s", "f"), 0);
    client(&mut book, 1, 1, Left, 5);
    settle_in(&mut book, 1, created(&["a"], 0), 10).unwrap();
    let (at_the_end, too_late) = (10 + 15 * MINUTE, 11 + 15 * MINUTE);
    let look = |book: &Book, now| book.reserve(&marked(2, "s2", "f"), OWNER, now, &Rules::default()).0;
    assert_eq!(look(&book, at_the_end), joined(1));
    assert_eq!(look(&book, too_late), NEW);
    client(&mut book, 1, 1, Delivered, 20);
    assert_eq!(look(&book, 30), NEW, "delivered: equal orders are new orders");
}

#[test]
fn a_delivered_one_is_not_run_again_by_its_signature() {
    let mut book = Book::default();
    book_in(&mut book, &marked(1, "s", "f"), 0);
    settle_in(&mut book, 1, created(&["a"], 0), 500).unwrap();
    client(&mut book, 1, 1, Delivered, 501);
    assert_eq!(book_in(&mut book, &marked(2, "s", "f"), 2_000), NEW, "a twin of the same second");
    settle_in(&mut book, 2, Settlement::Void, 2_001).unwrap();
    let answered = Repeated::Answered { first: Uuid::from_u128(1), ids: vec!["a".into()] };
    assert_eq!(book_in(&mut book, &marked(3, "s", "f"), 2_001), Reservation::Repeated(answered));
}

#[test]
fn the_go_sdk_gets_the_answer_again_when_its_connection_is_gone() {
    let mut book = Book::default();
    let go = |number: u128| {
        let mut order = marked(number, "s", "f");
        order.asker.go_sdk = true;
        order
    };
    book_in(&mut book, &go(1), 0);
    settle_in(&mut book, 1, created(&["a"], 0), 500).unwrap();
    client(&mut book, 1, 1, Delivered, 501);
    assert_eq!(book_in(&mut book, &go(2), 600), NEW, "its connection stands: a twin");
    settle_in(&mut book, 2, Settlement::Void, 601).unwrap();
    client(&mut book, 1, 1, Closed, 700);
    assert_eq!(book_in(&mut book, &go(3), 800), joined(1));
    assert_eq!(book_in(&mut book, &marked(4, "s", "f"), 801), NEW, "other SDKs sign anew when they repeat");
}

#[test]
fn an_unknown_one_blocks_its_equals_whoever_signs() {
    let mut book = Book::default();
    book_in(&mut book, &marked(1, "s", "f"), 0);
    settle_in(&mut book, 1, Settlement::Unknown, 1).unwrap();
    let unknown = Reservation::Repeated(Repeated::Unknown { first: Uuid::from_u128(1) });
    assert_eq!(book_in(&mut book, &marked(2, "s", "f"), 2), unknown);
    assert_eq!(book_in(&mut book, &marked(3, "s2", "f"), 900 * MINUTE), unknown, "however late");
    assert_eq!(book_in(&mut book, &marked(4, "s3", "g"), 3), NEW, "another order passes");
}

#[test]
fn an_idempotency_key_has_one_order_and_one_answer() {
    let mut book = Book::default();
    let named = |number: u128, signature: &str, fingerprint: &str, key: &str| {
        let mut order = marked(number, signature, fingerprint);
        order.marks.idempotency_key = Some(key.to_owned());
        order
    };
    book_in(&mut book, &named(1, "s1", "f", "k"), 0);
    assert_eq!(book_in(&mut book, &named(2, "s2", "f", "k"), 1), joined(1), "in flight");
    settle_in(&mut book, 1, created(&["a"], 0), 500).unwrap();
    client(&mut book, 1, 2, Delivered, 501);
    assert_eq!(book_in(&mut book, &named(3, "s3", "f", "k"), 600 * MINUTE), joined(1), "hours later");
    let other = Reservation::Repeated(Repeated::OtherOrder { first: Uuid::from_u128(1) });
    assert_eq!(book_in(&mut book, &named(4, "s4", "g", "k"), 601 * MINUTE), other);
    assert_eq!(book_in(&mut book, &named(5, "s5", "f", "k2"), 602 * MINUTE), NEW);
    client(&mut book, 5, 5, Left, 603 * MINUTE);
    assert_eq!(
        book_in(&mut book, &named(6, "s6", "f", "k3"), 604 * MINUTE),
        NEW,
        "named otherwise: another order"
    );
}

#[test]
fn a_twin_that_was_on_its_way_when_the_connection_closed_is_an_order_of_its_own() {
    let go = |number, arrived| {
        let mut order = marked(number, "s", "f");
        (order.asker.go_sdk, order.marks.looked) = (true, arrived);
        order
    };
    let mut book = Book::default();
    book_in(&mut book, &go(1, 0), 0);
    settle_in(&mut book, 1, created(&["a"], 0), 10).unwrap();
    client(&mut book, 1, 1, Delivered, 11);
    client(&mut book, 1, 1, Closed, 12);
    assert_eq!(book_in(&mut book, &go(2, 5), 20), NEW, "it came before");
    assert_eq!(book_in(&mut book, &go(3, 13), 20), joined(1), "it came after");
    let mut seen = go(4, 5);
    seen.marks.closed_before = vec![Uuid::from_u128(3)];
    client(&mut book, 1, 3, Delivered, 21);
    client(&mut book, 1, 3, Closed, 22);
    assert_eq!(book_in(&mut book, &seen, 30), joined(1), "it was seen to be closed when this one came");
}

#[test]
fn what_was_booked_under_the_former_kind_of_fingerprint_is_known_again() {
    let mut book = Book::default();
    book_in(&mut book, &marked(1, "s1", "former"), 0);
    settle_in(&mut book, 1, Settlement::Unknown, 1).unwrap();
    let mut again = marked(2, "s2", "now");
    again.marks.former = Some("former".to_owned());
    let unknown = Reservation::Repeated(Repeated::Unknown { first: Uuid::from_u128(1) });
    assert_eq!(book_in(&mut book, &again, 9_000), unknown);
    let mut other = marked(3, "s3", "other");
    other.marks.former = Some("other's former".to_owned());
    assert_eq!(book_in(&mut book, &other, 9_000), NEW);
    // What is written from now on has the new kind alone.
    assert_eq!(book.booking(&Uuid::from_u128(3)).unwrap().marks.former, None);
}
