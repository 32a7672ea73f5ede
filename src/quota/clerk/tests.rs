//! Turns that are decided while others are being synced, on a disk that stops and fails when it is told to.

use std::future::Future;
use std::sync::{Condvar, MutexGuard};

use super::*;
use crate::clock::Clock;
use crate::policy::answer::Resource;
use crate::quota::book::State;
use crate::quota::book::tests::{claim, order};
use crate::quota::ledger::Ledger;
use crate::quota::order::Admission;
use crate::quota::store::{Loaded, Row};

const SCOPE: &str = "organisation";

/// What becomes of a sync.
#[derive(Clone, Copy, PartialEq)]
enum Sync {
    Works,
    /// It cannot be written, and another try may work.
    Away,
    /// It fails, but everything is there all the same.
    Lost,
    Dead,
}

#[derive(Default)]
struct Disk {
    rows: Vec<String>,
    open: bool,
    dead: bool,
    /// Syncs that have begun.
    begun: usize,
    /// How those end that may end.
    ends: VecDeque<Sync>,
    /// Whether all others wait.
    stopped: bool,
}

/// An exclusive store in memory.
#[derive(Clone, Default)]
struct Memory(Arc<(Mutex<Disk>, Condvar)>);

impl Memory {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.0.lock().unwrap()
    }

    fn ledger(&self) -> Ledger {
        let options = Options {
            rules: Rules::default(),
            dead_after: Duration::from_secs(70),
            named_for: Duration::from_secs(3_600),
            thresholds: Thresholds::default(),
            witness: Witness::default(),
        };
        Ledger::open(Box::new(self.clone()), Clock::system(), options).unwrap()
    }

    /// From now on syncs end as they are told to.
    fn stop(&self) {
        self.disk().stopped = true;
    }

    fn end(&self, how: Sync) {
        self.disk().ends.push_back(how);
        self.0.1.notify_all();
    }

    /// All others work.
    fn go_on(&self) {
        self.disk().stopped = false;
        self.0.1.notify_all();
    }

    fn open_disk(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        let disk = self.disk();
        if disk.dead {
            return Err(StoreError::Dead { what: "dead".to_owned(), source: None });
        }
        if !disk.open {
            return Err(StoreError::Away { what: "not open".to_owned(), source: None });
        }
        Ok(disk)
    }
}

impl Store for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn exclusive(&self) -> bool {
        true
    }

    fn open(&mut self, _owner: Uuid) -> Result<Loaded, StoreError> {
        let mut disk = self.disk();
        disk.open = true;
        let rows = (1..).zip(&disk.rows).map(|(seq, text)| Row { seq, text: text.clone() }).collect();
        Ok(Loaded { checkpoint: None, rows })
    }

    fn mark_key(&mut self) -> Result<[u8; 32], StoreError> {
        Ok([7; 32])
    }

    fn begin(&mut self, known: u64) -> Result<Vec<Row>, StoreError> {
        let disk = self.open_disk()?;
        assert_eq!(known, disk.rows.len() as u64, "nothing is written that was decided on another book");
        Ok(Vec::new())
    }

    fn commit(&mut self, texts: &[String]) -> Result<(), StoreError> {
        let mut disk = self.open_disk()?;
        if texts.is_empty() {
            return Ok(());
        }
        disk.begun += 1;
        let waits = |disk: &mut Disk| disk.stopped && disk.ends.is_empty();
        let mut disk = self.0.1.wait_while(disk, waits).unwrap();
        let how = disk.ends.pop_front().unwrap_or(Sync::Works);
        if matches!(how, Sync::Works | Sync::Lost) {
            disk.rows.extend(texts.iter().cloned());
        }
        disk.open = how == Sync::Works;
        disk.dead = how == Sync::Dead;
        drop(disk);
        match how {
            Sync::Works => Ok(()),
            Sync::Away | Sync::Lost => Err(StoreError::Away { what: "away".to_owned(), source: None }),
            Sync::Dead => Err(StoreError::Dead { what: "a sync failed".to_owned(), source: None }),
        }
    }

    fn newer(&mut self, _known: u64) -> Result<Vec<Row>, StoreError> {
        self.open_disk().map(|_| Vec::new())
    }

    fn renew(&mut self, _dead_after: Duration) -> Result<Vec<Uuid>, StoreError> {
        self.open_disk().map(|_| Vec::new())
    }

    fn forget(&mut self, _owners: &[Uuid]) -> Result<(), StoreError> {
        self.open_disk().map(|_| ())
    }

    fn lead(&mut self, _term: Duration) -> Result<bool, StoreError> {
        self.open_disk().map(|_| true)
    }

    fn checkpoint(&mut self, _checkpoint: &Checkpoint, _keep: u64) -> Result<(), StoreError> {
        self.open_disk().map(|_| ())
    }

    fn close(&mut self) {
        self.disk().open = false;
    }
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Books one machine of ten.
fn reserve(ledger: &Ledger, number: u128) -> tokio::task::JoinHandle<Result<Admission, ReserveError>> {
    let ledger = ledger.clone();
    let mut order = order(number, 1, vec![claim(SCOPE, 1, Some(10))]);
    order.marks.fingerprint = Some(number.to_string());
    tokio::spawn(async move { ledger.reserve(order).await })
}

fn counted(ledger: &Ledger) -> u64 {
    ledger.read(|book| book.tally(SCOPE, Resource::Instances).total()).unwrap()
}

fn state(ledger: &Ledger, number: u128) -> Option<&'static str> {
    ledger.read(|book| book.booking(&id(number)).map(|booking| booking.state.as_str())).unwrap()
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..5_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("{what}");
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// 1 is booked and its create is under way; 2 and 3 are being synced; 4 and the end of 1 are decided on top of that and wait.
struct Stacked {
    first: tokio::task::JoinHandle<Result<(), LedgerAway>>,
    others: Vec<tokio::task::JoinHandle<Result<Admission, ReserveError>>>,
}

async fn stacked(store: &Memory, ledger: &Ledger) -> Stacked {
    store.stop();
    let first = reserve(ledger, 1);
    eventually("1 is being synced", || store.disk().begun == 1).await;
    let mut others = vec![reserve(ledger, 2), reserve(ledger, 3)];
    tokio::time::sleep(Duration::from_millis(50)).await;
    store.end(Sync::Works);
    let Admission::Booked { hold, .. } = first.await.unwrap().unwrap() else { panic!("1 is booked") };
    eventually("2 and 3 are being synced", || store.disk().begun == 2).await;
    others.push(reserve(ledger, 4));
    let settling = ledger.clone();
    let first = tokio::spawn(async move {
        let made = Settlement::Created { ids: vec!["i-1".into()], missing: 0 };
        settling.settle(hold, made, None).await
    });
    eventually("4 is decided", || state(ledger, 4).is_some() && state(ledger, 1) == Some("created")).await;
    assert_eq!(store.disk().begun, 2, "while 2 and 3 are being synced");
    assert!(others.iter().all(|other| !other.is_finished()) && !first.is_finished(), "nobody has heard");
    Stacked { first, others }
}

#[test]
fn what_is_decided_meanwhile_is_written_and_answered_after_it() {
    run(async {
        let store = Memory::default();
        let ledger = store.ledger();
        let Stacked { first, others } = stacked(&store, &ledger).await;
        store.end(Sync::Works);
        eventually("the next is being synced", || store.disk().begun == 3).await;
        let mut holds = Vec::new();
        for (other, number) in others.into_iter().zip([2, 3, 4]) {
            if number == 4 {
                assert!(!other.is_finished() && !first.is_finished(), "what is not durable is not answered");
                store.go_on();
            }
            let Admission::Booked { hold, .. } = other.await.unwrap().unwrap() else { panic!("{number}") };
            assert_eq!(hold.id(), id(number));
            holds.push(hold);
        }
        for hold in holds {
            ledger.settle(hold, Settlement::Void, None).await.unwrap();
        }
        first.await.unwrap().unwrap();
        assert_eq!(counted(&ledger), 1);
        ledger.close();
        assert_eq!(counted(&store.ledger()), 1, "the rows are those of the book");
        assert_eq!(ledger.conflicts(), 0);
    });
}

#[test]
fn a_sync_that_fails_takes_along_what_was_decided_on_top_of_it() {
    run(async {
        for how in [Sync::Away, Sync::Lost] {
            let store = Memory::default();
            let ledger = store.ledger();
            let Stacked { first, others } = stacked(&store, &ledger).await;
            store.end(how);
            for other in others {
                let answer = other.await.unwrap();
                assert_eq!(answer.err(), Some(ReserveError::Away(LedgerAway)), "nothing of either is booked");
            }
            assert_eq!(first.await.unwrap(), Err(LedgerAway));
            store.go_on();
            eventually("it works again", || ledger.status() == Some(Status::Up)).await;
            // What had to be written is, although its turn was lost; what nobody was told is booked is not, or is void.
            eventually("the end of 1", || state(&ledger, 1) == Some("created") && counted(&ledger) == 1)
                .await;
            for number in [2, 3, 4] {
                assert!(matches!(state(&ledger, number), None | Some("void")), "{number}");
            }
            let Admission::Booked { hold, .. } = reserve(&ledger, 5).await.unwrap().unwrap() else {
                panic!()
            };
            assert_eq!(counted(&ledger), 2);
            ledger.settle(hold, Settlement::Void, None).await.unwrap();
            ledger.close();
            assert_eq!((counted(&store.ledger()), ledger.conflicts()), (1, 0));
        }
    });
}

#[test]
fn a_sync_that_must_not_be_tried_again_ends_both_turns_and_the_ledger() {
    run(async {
        let store = Memory::default();
        let ledger = store.ledger();
        let Stacked { first, others } = stacked(&store, &ledger).await;
        store.end(Sync::Dead);
        store.go_on();
        for other in others {
            assert_eq!(other.await.unwrap().err(), Some(ReserveError::Away(LedgerAway)));
        }
        assert_eq!(first.await.unwrap(), Err(LedgerAway));
        eventually("it is dead", || matches!(ledger.status(), Some(Status::Dead { .. }))).await;
        assert_eq!(reserve(&ledger, 5).await.unwrap().err(), Some(ReserveError::Away(LedgerAway)));
        ledger.close();
        assert_eq!(store.disk().begun, 2, "nothing was written after it");
    });
}

#[test]
fn a_crash_between_two_turns_leaves_the_first() {
    run(async {
        let store = Memory::default();
        let ledger = store.ledger();
        let stacked = stacked(&store, &ledger).await;
        store.end(Sync::Works);
        eventually("the next is being synced", || store.disk().begun == 3).await;
        // What the disk holds now is what a process that starts after the crash finds.
        let left = Memory::default();
        left.disk().rows = store.disk().rows.clone();
        let next = left.ledger();
        let unknown = Some("unknown");
        assert_eq!([1, 2, 3, 4].map(|number| state(&next, number)), [unknown, unknown, unknown, None]);
        assert_eq!(counted(&next), 3, "what was booked stays held");
        assert!(
            next.read(|book| book.bookings().all(|(_, booking)| booking.state != State::InFlight)).unwrap()
        );
        store.go_on();
        drop(stacked);
    });
}
