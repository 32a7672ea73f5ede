//! The reconciler's decisions, one listing at a time.

use super::*;

fn found(id: &str) -> Found {
    Found {
        id: id.to_owned(),
        name: None,
        created: Some(10_000),
        life: Life::Live,
        decision: None,
        view: view(1),
        team: "payments".to_owned(),
        claims: vec![Line { scope: TEAM.to_owned(), resource: Resource::Instances, amount: 1 }],
        counted_for: Some("payments".to_owned()),
    }
}

fn listing(at: i64, ids: &[&str]) -> Findings {
    Findings {
        account: "main".to_owned(),
        service: "vm".to_owned(),
        complete: true,
        asked_at: at,
        asked_row: u64::MAX,
        found: ids.iter().map(|id| found(id)).collect(),
        absent: BTreeSet::new(),
    }
}

fn look(book: &mut Book, findings: &Findings, memory: &mut Memory) -> Vec<Drift> {
    let (events, drift) = book.observe(findings, &ObservePolicy::default(), memory, findings.asked_at);
    fold(book, events);
    drift
}

fn counts(book: &Book) -> (u64, u64, u64) {
    let tally = book.tally(TEAM, Resource::Instances);
    (tally.used, tally.in_flight, tally.unknown)
}

/// A create of `count` whose outcome is unknown, and that a listing has noticed at 20 s.
fn unknown(count: u32) -> (Book, Memory) {
    let mut book = Book::default();
    book_in(&mut book, &order(1, count, vec![claim(TEAM, u64::from(count), None)]), 10_000);
    settle_in(&mut book, 1, Settlement::Unknown, 20_000).unwrap();
    let mut memory = Memory::default();
    look(&mut book, &listing(20_000, &[]), &mut memory);
    (book, memory)
}

#[test]
fn exactly_as_many_as_asked_settle_an_unknown_one() {
    let (mut book, mut memory) = unknown(2);
    let drift = look(&mut book, &listing(50_000, &["a", "b"]), &mut memory);
    assert_eq!(counts(&book), (0, 0, 2), "too early: {drift:?}");
    look(&mut book, &listing(90_000, &["a", "b"]), &mut memory);
    assert_eq!(counts(&book), (2, 0, 0));
}

#[test]
fn three_complete_listings_over_three_minutes_void_it_and_nothing_less() {
    let (mut book, mut memory) = unknown(1);
    look(&mut book, &listing(90_000, &[]), &mut memory);
    look(&mut book, &Findings { complete: false, ..listing(280_000, &[]) }, &mut memory);
    look(&mut book, &listing(269_000, &[]), &mut memory);
    assert_eq!(counts(&book), (0, 0, 1));
    look(&mut book, &listing(269_999, &[]), &mut memory);
    assert_eq!(counts(&book), (0, 0, 1), "three, but not over three minutes");
    look(&mut book, &listing(270_000, &[]), &mut memory);
    assert_eq!(counts(&book), (0, 0, 0));
}

#[test]
fn what_cannot_be_decided_goes_to_people_and_stays_held() {
    let (mut book, mut memory) = unknown(3);
    look(&mut book, &listing(90_000, &["a"]), &mut memory);
    look(&mut book, &listing(300_000, &["a"]), &mut memory);
    let (_, booking) = book.bookings().next().unwrap();
    assert_eq!(booking.state.as_str(), "escalated");
    assert_eq!(counts(&book), (0, 0, 3), "and nobody else gets the machine that may be its");
    let release = book.release(Uuid::from_u128(1), created(&["a"], 0), "ann", "seen in the console", 400_000);
    fold(&mut book, release.ok());
    assert_eq!(counts(&book), (1, 0, 0));
}

#[test]
fn a_create_in_flight_owns_what_looks_like_it() {
    let (mut book, mut memory) = unknown(1);
    book_in(&mut book, &order(2, 1, vec![claim(TEAM, 1, None)]), 85_000);
    look(&mut book, &listing(90_000, &["a"]), &mut memory);
    assert_eq!(counts(&book), (0, 1, 1), "it could be the machine of the one in flight");
    settle_in(&mut book, 2, created(&["a"], 0), 91_000).unwrap();
    for at in [100_000, 200_000, 280_000] {
        look(&mut book, &listing(at, &["a"]), &mut memory);
    }
    assert_eq!(counts(&book), (1, 0, 0), "it was; the other never ran");
}

#[test]
fn a_partial_answer_is_settled_by_one_complete_listing() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 5, vec![claim(TEAM, 5, None)]), 10_000);
    settle_in(&mut book, 1, created(&["a", "b", "c"], 2), 11_000).unwrap();
    assert_eq!(counts(&book), (3, 0, 2));
    let mut memory = Memory::default();
    look(&mut book, &Findings { complete: false, ..listing(12_000, &["a"]) }, &mut memory);
    assert_eq!(counts(&book), (3, 0, 2), "a partial listing lowers nothing");
    look(&mut book, &listing(13_000, &["a", "b", "c"]), &mut memory);
    assert_eq!(counts(&book), (3, 0, 0));
}

#[test]
fn outsiders_are_adopted_and_the_gone_are_dropped_after_a_second_look() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 2, vec![claim(TEAM, 2, None)]), 10_000);
    settle_in(&mut book, 1, created(&["a", "b"], 0), 11_000).unwrap();
    let mut memory = Memory::default();
    look(&mut book, &listing(12_000, &["a", "b"]), &mut memory);
    let drift = look(&mut book, &listing(13_000, &["x", "y", "z"]), &mut memory);
    assert_eq!(counts(&book), (5, 0, 0), "not confirmed: nothing is lowered");
    let of = |drift: &[Drift], kind| drift.iter().filter(|drift| drift.kind == kind).count();
    assert_eq!((of(&drift, DriftKind::Extra), of(&drift, DriftKind::Missing)), (3, 2));
    let absent = ["a", "b"].map(str::to_owned).into();
    let drift = look(&mut book, &Findings { absent, ..listing(14_000, &["x", "y", "z"]) }, &mut memory);
    assert_eq!(counts(&book), (3, 0, 0));
    assert!(drift.iter().all(|drift| drift.kind == DriftKind::Missing && drift.repaired), "{drift:?}");
    assert_eq!(look(&mut book, &listing(15_000, &["x", "y", "z"]), &mut memory), []);
}

#[test]
fn a_machine_that_never_appeared_is_given_time_and_a_failed_one_none() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 2, vec![claim(TEAM, 2, None)]), 10_000);
    settle_in(&mut book, 1, created(&["a", "b"], 0), 11_000).unwrap();
    let mut failed = listing(12_000, &["a"]);
    failed.found[0].life = Life::Failed;
    failed.absent.insert("b".to_owned());
    let mut memory = Memory::default();
    look(&mut book, &failed, &mut memory);
    assert_eq!(counts(&book), (1, 0, 0), "CREATE_FAILED gives back at once, the unseen one may be late");
    let absent = BTreeSet::from(["b".to_owned()]);
    look(&mut book, &Findings { absent, ..listing(192_000, &[]) }, &mut memory);
    assert_eq!(counts(&book), (0, 0, 0));
}

#[test]
fn a_moved_machine_counts_for_its_new_team() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 1, vec![claim(TEAM, 1, None)]), 10_000);
    settle_in(&mut book, 1, created(&["a"], 0), 11_000).unwrap();
    let mut moved = listing(12_000, &["a"]);
    moved.found[0].team = "search".to_owned();
    moved.found[0].claims[0].scope = "team/search".to_owned();
    look(&mut book, &moved, &mut Memory::default());
    assert_eq!(counts(&book).0, 0);
    assert_eq!(book.tally("team/search", Resource::Instances).used, 1);
}

#[test]
fn a_listing_that_took_a_machine_for_a_stranger_does_not_take_it_from_its_team() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 1, vec![claim(TEAM, 1, None)]), 10_000);
    // Listed and priced while the create was in flight, compared when it is settled.
    let mut early = listing(11_000, &["a"]);
    early.found[0].team = "unassigned".to_owned();
    early.found[0].claims[0].scope = "team/unassigned".to_owned();
    early.found[0].counted_for = None;
    settle_in(&mut book, 1, created(&["a"], 0), 11_500).unwrap();
    assert_eq!(look(&mut book, &early, &mut Memory::default()), []);
    assert_eq!(counts(&book), (1, 0, 0));
    assert_eq!(book.machines().next().unwrap().1.team, "payments");
}

#[test]
fn a_released_machine_lingers_in_listings_and_one_that_stays_comes_back() {
    let mut book = Book::default();
    book_in(&mut book, &order(1, 1, vec![claim(TEAM, 1, None)]), 10_000);
    settle_in(&mut book, 1, created(&["a"], 0), 11_000).unwrap();
    let machine = book.machines().next().unwrap().0.clone();
    fold(&mut book, [Event::Released { machine, at: 20_000, why: "terminated".to_owned() }]);
    look(&mut book, &listing(30_000, &["a"]), &mut Memory::default());
    assert_eq!(counts(&book), (0, 0, 0));
    look(&mut book, &listing(20_000 + 15 * 60_000 + 1, &["a"]), &mut Memory::default());
    assert_eq!(counts(&book), (1, 0, 0));
}

#[test]
fn a_correlation_tag_settles_what_looks_cannot() {
    let (mut book, mut memory) = unknown(1);
    book_in(&mut book, &order(2, 1, vec![claim(TEAM, 1, None)]), 11_000);
    settle_in(&mut book, 2, Settlement::Unknown, 20_000).unwrap();
    let mut tagged = listing(90_000, &["a"]);
    tagged.found[0].decision = Some(Uuid::from_u128(2));
    look(&mut book, &tagged, &mut memory);
    assert_eq!(book.booking(&Uuid::from_u128(2)).unwrap().state.as_str(), "created");
    assert_eq!(book.booking(&Uuid::from_u128(1)).unwrap().state.as_str(), "unknown");
}
