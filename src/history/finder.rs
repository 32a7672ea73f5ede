//! The thread that asks the store.

use std::sync::mpsc::Receiver;

use super::Question;
use super::store::Find;

/// Answers until nobody can ask any more.
pub(super) fn work(mut find: Box<dyn Find>, asked: &Receiver<Question>) {
    while let Ok((ask, reply)) = asked.recv() {
        // Who has left needs no answer.
        if !reply.is_closed() {
            let _ = reply.send(find.find(&ask));
        }
    }
}
