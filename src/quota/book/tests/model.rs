//! Against a model that is too simple to be wrong: two lists, added up anew each time.

use std::collections::BTreeMap;

use compact_str::{CompactString, format_compact};
use proptest::prelude::*;

use super::*;

/// What happens next; bookings and machines are chosen among those there are.
#[derive(Clone, Debug)]
enum Op {
    Reserve { team: u8, count: u32 },
    Settle { which: prop::sample::Index, end: End },
    Release { which: prop::sample::Index, void: bool },
    Limit { team: u8, limit: u64 },
}

#[derive(Clone, Copy, Debug)]
enum End {
    Created,
    Fewer,
    Void,
    Unknown,
}

/// What a booking holds, and how it stands with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    InFlight,
    Unknown,
    Over,
}

#[derive(Default)]
struct Model {
    limits: BTreeMap<u8, u64>,
    bookings: Vec<(u8, u32, Held)>,
    machines: Vec<u8>,
}

const WHOLE: u64 = 40;

impl Model {
    fn limit(&self, team: u8) -> u64 {
        self.limits.get(&team).copied().unwrap_or(15)
    }

    /// Used, in flight, unknown; of a team, or of all.
    fn sums(&self, team: Option<u8>) -> (u64, u64, u64) {
        let counts = |of: u8| team.is_none_or(|team| team == of);
        let used = self.machines.iter().filter(|of| counts(**of)).count();
        let held = |how| {
            let held = self.bookings.iter().filter(|(of, _, held)| counts(*of) && *held == how);
            held.map(|(_, count, _)| u64::from(*count)).sum()
        };
        (u64::try_from(used).unwrap(), held(Held::InFlight), held(Held::Unknown))
    }

    fn fits(&self, team: u8, count: u32) -> bool {
        let total = |sums: (u64, u64, u64)| sums.0 + sums.1 + sums.2 + u64::from(count);
        total(self.sums(Some(team))) <= self.limit(team) && total(self.sums(None)) <= WHOLE
    }
}

fn scope(team: u8) -> String {
    format!("team/{team}")
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let index = any::<prop::sample::Index>;
    let end = prop_oneof![Just(End::Created), Just(End::Fewer), Just(End::Void), Just(End::Unknown)];
    let op = prop_oneof![
        6 => (0..3_u8, 1..6_u32).prop_map(|(team, count)| Op::Reserve { team, count }),
        5 => (index(), end).prop_map(|(which, end)| Op::Settle { which, end }),
        2 => (index(), any::<bool>()).prop_map(|(which, void)| Op::Release { which, void }),
        1 => (0..3_u8, 0..30_u64).prop_map(|(team, limit)| Op::Limit { team, limit }),
    ];
    prop::collection::vec(op, 1..60)
}

fn ids(booking: usize, count: u32) -> Vec<CompactString> {
    (0..count).map(|number| format_compact!("i-{booking}-{number}")).collect()
}

/// Does one thing to both, and compares what they say to it.
fn step(book: &mut Book, model: &mut Model, op: &Op, now: i64) {
    match op {
        Op::Limit { team, limit } => {
            model.limits.insert(*team, *limit);
        }
        Op::Reserve { team, count } => {
            let number = model.bookings.len();
            let claims = vec![
                claim(&scope(*team), u64::from(*count), Some(model.limit(*team))),
                claim("organisation", u64::from(*count), Some(WHOLE)),
            ];
            let order = order(u128::try_from(number).unwrap(), *count, claims);
            let fits = model.fits(*team, *count);
            match book_in(book, &order, now) {
                Reservation::Booked(_) => assert!(fits, "booked over a limit"),
                Reservation::Exceeded(_) => assert!(!fits, "refused what fits"),
                other => panic!("{other:?}"),
            }
            // A refused one keeps its number, and holds nothing.
            let held = if fits { Held::InFlight } else { Held::Over };
            model.bookings.push((*team, *count, held));
        }
        Op::Settle { which, end } => {
            let waiting: Vec<usize> = (0..model.bookings.len())
                .filter(|number| model.bookings[*number].2 == Held::InFlight)
                .collect();
            if waiting.is_empty() {
                return;
            }
            let number = *which.get(&waiting);
            let (team, count, _) = model.bookings[number];
            let id = u128::try_from(number).unwrap();
            let (outcome, made, held) = match end {
                End::Created => {
                    (Settlement::Created { ids: ids(number, count), missing: 0 }, count, Held::Over)
                }
                End::Fewer => {
                    let made = count - 1;
                    (Settlement::Created { ids: ids(number, made), missing: 1 }, made, Held::Unknown)
                }
                End::Void => (Settlement::Void, 0, Held::Over),
                End::Unknown => (Settlement::Unknown, 0, Held::Unknown),
            };
            settle_in(book, id, outcome, now).unwrap();
            model.machines.extend((0..made).map(|_| team));
            let rest = if held == Held::Unknown { count - made } else { count };
            model.bookings[number] = (team, rest, held);
        }
        Op::Release { which, void } => {
            let unknown: Vec<usize> = (0..model.bookings.len())
                .filter(|number| model.bookings[*number].2 == Held::Unknown)
                .collect();
            if unknown.is_empty() {
                return;
            }
            let number = *which.get(&unknown);
            let (team, count, _) = model.bookings[number];
            let made: Vec<_> = (0..count).map(|rest| format_compact!("late-{number}-{rest}")).collect();
            let outcome = if *void {
                Settlement::Void
            } else {
                model.machines.extend((0..count).map(|_| team));
                Settlement::Created { ids: made, missing: 0 }
            };
            let id = Uuid::from_u128(u128::try_from(number).unwrap());
            let event = book.release(id, outcome, "ann", "saw it", now).unwrap();
            fold(book, [event]);
            model.bookings[number].2 = Held::Over;
        }
    }
}

proptest! {
    #[test]
    fn the_book_says_what_a_simple_list_says(ops in ops()) {
        let (mut book, mut model) = (Book::default(), Model::default());
        for (now, op) in ops.iter().enumerate() {
            step(&mut book, &mut model, op, i64::try_from(now).unwrap());
            let says = |scope: &str| {
                let tally = book.tally(scope, Resource::Instances);
                (tally.used, tally.in_flight, tally.unknown)
            };
            for team in 0..3 {
                prop_assert_eq!(says(&scope(team)), model.sums(Some(team)), "after {:?}", op);
            }
            prop_assert_eq!(says("organisation"), model.sums(None));
        }
    }
}
