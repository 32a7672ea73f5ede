//! The newest decisions of this process, in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Found;
use super::filter::Filter;
use super::row::Row;

/// So many decisions ...
const MOST: usize = 1_000;
/// ... of so many bytes.
const MOST_BYTES: usize = 8 << 20;

/// See the module.
#[derive(Default)]
pub(super) struct Recent(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    rows: VecDeque<(i64, Row)>,
    bytes: usize,
    last: i64,
}

impl Recent {
    pub(super) fn add(&self, row: Row) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.last = ring.last.saturating_add(1);
        ring.bytes = ring.bytes.saturating_add(row.body.len());
        let number = ring.last;
        ring.rows.push_back((number, row));
        while ring.rows.len() > MOST || ring.bytes > MOST_BYTES {
            let Some((_, gone)) = ring.rows.pop_front() else { break };
            ring.bytes = ring.bytes.saturating_sub(gone.body.len());
        }
    }

    /// What a create has made, as it became known.
    pub(super) fn settled(&self, decision: &str, ids: &[String]) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, row)) = ring.rows.iter_mut().find(|(_, row)| row.id == decision) {
            row.touched.extend(ids.iter().map(|id| (id.clone(), "created")));
        }
    }

    pub(super) fn list(&self, filter: &Filter, limit: usize) -> Vec<Found> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<&(i64, Row)> =
            ring.rows.iter().filter(|(seq, row)| filter.passes(row, *seq)).collect();
        match (filter.after, filter.by_arrival) {
            (Some(_), _) => {}
            (None, true) => rows.reverse(),
            (None, false) => rows.sort_by(|one, other| other.1.id.cmp(&one.1.id)),
        }
        rows.into_iter().take(limit).map(found).collect()
    }

    pub(super) fn one(&self, id: &str) -> Option<Found> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.rows.iter().rev().find(|(_, row)| row.id == id).map(found)
    }

    pub(super) fn of_instance(&self, instance: &str) -> Vec<Found> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<&(i64, Row)> =
            ring.rows.iter().filter(|(_, row)| row.touched.contains_key(instance)).collect();
        rows.sort_by(|one, other| one.1.id.cmp(&other.1.id));
        let with = |row: &(i64, Row)| Found {
            how: row.1.touched.get(instance).map(|how| (*how).to_owned()),
            ..found(row)
        };
        rows.into_iter().map(with).collect()
    }
}

fn found((seq, row): &(i64, Row)) -> Found {
    Found { seq: *seq, how: None, body: row.body.clone() }
}
