//! Writing behind the clerk's back: while a turn is being synced, the next one is decided.
//!
//! Only the owner of an exclusive store can do that, for nobody else's rows can come between the two turns. The store itself
//! goes to this thread and back with each turn, so it is never in two hands, and turns become durable in the order in which
//! they were decided. A turn that is not durable takes the one that was decided on top of it along; see [`super::turn`].

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, Sender, TryRecvError, channel};

use super::super::ledger::Shared;
use super::super::store::{Store, StoreError};
use super::Message;

/// A turn to write.
struct Work {
    store: Box<dyn Store>,
    known: u64,
    texts: Vec<String>,
}

/// The store comes back with what came of it.
pub(super) struct Written {
    pub(super) store: Box<dyn Store>,
    pub(super) result: Result<(), StoreError>,
}

/// The clerk's end of the thread, which ends when this goes away.
pub(super) struct Scribe {
    work: Sender<Work>,
    written: Receiver<Written>,
}

impl Scribe {
    /// Starts the thread; without one, the clerk writes everything itself.
    pub(super) fn start(shared: &Arc<Shared>) -> Option<Self> {
        let (work, asked) = channel::<Work>();
        let (done, written) = channel();
        let inbox = shared.inbox.clone();
        let job = move || {
            for Work { mut store, known, texts } in asked {
                let result = write(&mut *store, known, &texts);
                if done.send(Written { store, result }).is_err() || inbox.send(Message::Written).is_err() {
                    break;
                }
            }
        };
        match std::thread::Builder::new().name("ledger-scribe".to_owned()).spawn(job) {
            Ok(_) => Some(Self { work, written }),
            Err(error) => {
                tracing::warn!(%error, "the ledger has no second thread: it writes less at a time");
                None
            }
        }
    }

    /// Begins to write; gives the store back if nobody is there to do it.
    pub(super) fn begin(
        &self,
        store: Box<dyn Store>,
        known: u64,
        texts: Vec<String>,
    ) -> Result<(), Box<dyn Store>> {
        self.work.send(Work { store, known, texts }).map_err(|unsent| unsent.0.store)
    }

    /// What has been written, if it has been.
    pub(super) fn look(&self) -> Result<Option<Written>, RecvError> {
        match self.written.try_recv() {
            Ok(written) => Ok(Some(written)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(RecvError),
        }
    }

    /// What is being written, when it has been.
    pub(super) fn wait(&self) -> Result<Written, RecvError> {
        self.written.recv()
    }
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
