//! Writing behind the clerk's back: while turns are being synced, the next ones are decided.
//!
//! Only the owner of an exclusive store can do that, for nobody else's rows can come between two turns. The scribe takes all
//! turns that are waiting, in their order, makes them durable in one go and answers them. A turn that is not durable takes all
//! that were decided on top of it along; that is for the clerk to see to and to answer. See [`super::turn`].

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};

use super::super::ledger::Shared;
use super::super::store::{Store, StoreError};
use super::turn::Turn;
use super::{Message, gone};

/// The store, which the clerk and the scribe never want at the same time.
pub(super) type SharedStore = Arc<Mutex<Box<dyn Store>>>;

/// The most rows that are written in one go.
const MOST_ROWS: usize = 1_024;

/// Turns that were written, or that were not.
pub(super) struct Written {
    pub(super) turns: Vec<Turn>,
    pub(super) result: Result<(), StoreError>,
}

/// The clerk's end of the thread, which ends when this goes away.
pub(super) struct Scribe {
    turns: Sender<Turn>,
    written: Receiver<Written>,
}

impl Scribe {
    /// Starts the thread; without one, the clerk writes everything itself.
    pub(super) fn start(shared: &Arc<Shared>, store: &SharedStore) -> Option<Self> {
        let (turns, asked) = channel();
        let (done, written) = channel();
        let (shared, store) = (Arc::clone(shared), Arc::clone(store));
        let job = move || {
            while let Some(mut turns) = waiting(&asked) {
                let result = write_all(&store, &mut turns);
                let durable = result.is_ok();
                let answered =
                    if durable { turns.iter_mut().map(Turn::take_replies).collect() } else { Vec::new() };
                // The clerk first: it must know what is booked when somebody who has heard so asks for the next thing. It looks
                // before it decides, and need not be woken for that.
                let told = done.send(Written { turns, result });
                answered.into_iter().for_each(|replies| replies.send(true));
                shared.changed();
                if told.is_err() || (!durable && shared.inbox.send(Message::Written).is_err()) {
                    break;
                }
            }
        };
        match std::thread::Builder::new().name("ledger-scribe".to_owned()).spawn(job) {
            Ok(_) => Some(Self { turns, written }),
            Err(error) => {
                tracing::warn!(%error, "the ledger has no second thread: it writes less at a time");
                None
            }
        }
    }

    /// Has a turn written; gives it back if nobody is there to do it.
    pub(super) fn write(&self, turn: Turn) -> Option<Turn> {
        self.turns.send(turn).err().map(|unsent| unsent.0)
    }

    /// What has been written, if anything has.
    pub(super) fn look(&self) -> Result<Option<Written>, StoreError> {
        match self.written.try_recv() {
            Ok(written) => Ok(Some(written)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(gone()),
        }
    }

    /// What has been written, when something has.
    pub(super) fn wait(&self) -> Result<Written, StoreError> {
        self.written.recv().map_err(|_| gone())
    }
}

/// The turns that are waiting, when there are any; none when the clerk has gone.
fn waiting(asked: &Receiver<Turn>) -> Option<Vec<Turn>> {
    let first = asked.recv().ok()?;
    let mut rows = first.rows();
    let mut turns = vec![first];
    while rows < MOST_ROWS
        && let Ok(turn) = asked.try_recv()
    {
        rows = rows.saturating_add(turn.rows());
        turns.push(turn);
    }
    Some(turns)
}

fn write_all(store: &SharedStore, turns: &mut [Turn]) -> Result<(), StoreError> {
    let mut store = store.lock().map_err(|_| gone())?;
    let known = turns.first().map_or(0, |turn| turn.known);
    let texts: Vec<String> = turns.iter_mut().flat_map(Turn::take_texts).collect();
    write(&mut **store, known, &texts)
}

/// One whole turn of an exclusive store.
pub(super) fn write(store: &mut dyn Store, known: u64, texts: &[String]) -> Result<(), StoreError> {
    match store.begin(known)?.first() {
        None => store.commit(texts),
        Some(row) => {
            let what =
                format!("row {} of the ledger was written by somebody else; it is read again", row.seq);
            Err(StoreError::Away { what, source: None })
        }
    }
}
