//! Sequences of ledger operations: sums stay what the bookings add up to, no limit is exceeded, an id has one outcome, and
//! what is written down and folded again is the same book.
#![no_main]
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;
use zengate::policy::answer::Resource;
use zengate::policy::verdict::{Effect, JudgedClaim, JudgedLimit};
use zengate::quota::book::{Book, Rules};
use zengate::quota::event::Event;
use zengate::quota::{Asker, Called, Marks, Order, Settlement};

const LIMIT: u64 = 20;

#[derive(Arbitrary, Debug)]
enum Step {
    Reserve { id: u8, count: u8, owner: u8 },
    Created { id: u8, ids: Vec<u8>, missing: u8 },
    Void { id: u8 },
    Unknown { id: u8 },
    Orphan { owner: u8 },
    Text(String),
}

fn order(id: u8, count: u8) -> Order {
    let limit = JudgedLimit {
        rule: "quota".into(),
        name: None,
        limit: LIMIT,
        effect: Effect::Refused,
        temporary_until: None,
        otherwise: None,
    };
    Order {
        id: Uuid::from_u128(u128::from(id)),
        asker: Asker { team: "t".into(), key: "k".into(), address: "10.0.0.1".into(), go_sdk: false },
        account: "main".into(),
        call: Called { service: "vm".into(), action: "CreateInstances".into(), version: "2026-04-01".into() },
        instances: u32::from(count),
        claims: vec![JudgedClaim {
            scope: "team/t".into(),
            resource: Resource::Instances,
            amount: u64::from(count),
            limits: vec![limit],
        }],
        view: None,
        marks: Marks { looked: i64::MAX, ..Marks::default() },
        left: false,
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let (mut book, mut log) = (Book::default(), Vec::new());
    for (now, step) in (0..).zip(steps) {
        let events: Vec<Event> = match step {
            Step::Reserve { id, count, owner } => {
                book.reserve(&order(id, count), Uuid::from_u128(u128::from(owner)), now, &Rules::default()).1
            }
            Step::Created { id, ids, missing } => {
                let ids = ids.iter().map(|id| format!("i-{id}").into()).collect();
                let outcome = Settlement::Created { ids, missing: u32::from(missing) };
                book.settle(Uuid::from_u128(u128::from(id)), outcome, None, now).1
            }
            Step::Void { id } => book.settle(Uuid::from_u128(u128::from(id)), Settlement::Void, None, now).1,
            Step::Unknown { id } => {
                book.settle(Uuid::from_u128(u128::from(id)), Settlement::Unknown, None, now).1
            }
            Step::Orphan { owner } => {
                book.orphan(Uuid::from_u128(u128::from(owner)), now).into_iter().collect()
            }
            Step::Text(text) => {
                let _ = Book::from_text(&text);
                let _ = serde_json::from_str::<Event>(&text);
                Vec::new()
            }
        };
        for event in events {
            let text = serde_json::to_string(&event).expect("an event is written");
            assert_eq!(serde_json::from_str::<Event>(&text).expect("and read"), event);
            book.apply(event.clone());
            log.push(event);
        }
        book.audit().expect("the sums are those of the bookings");
    }
    let mut again = Book::default();
    log.into_iter().for_each(|event| again.apply(event));
    assert_eq!(again.to_text().unwrap(), book.to_text().unwrap());
});
