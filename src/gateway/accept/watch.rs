//! What goes on in a connection: how many of its requests are worked on, and whether their answers are taken.
//!
//! A request is worked on until the last byte of its answer was handed over. Over HTTP/2 a client can leave an answer
//! untaken without the socket showing it (a window of zero), or say nothing while it answers pings; so what the socket
//! does not show is watched here.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::doors::Entry;
use crate::gateway::answer::{Body, BodyError};

/// Over HTTP/2 an answer is handed over in pieces of this size: what is handed over is buffered, whatever the window.
const PIECE: usize = 16 * 1024;

/// One connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Watch(Arc<State>);

struct State {
    entry: Option<Entry>,
    running: AtomicUsize,
    changed: watch::Sender<()>,
    began: Instant,
    answers: Mutex<Vec<Weak<Handed>>>,
}

/// When the last piece of an answer was handed over and nothing has asked for the next; in ms of the connection, 0 if
/// it was asked for.
struct Handed(AtomicU64);

impl Watch {
    pub(super) fn new(entry: Option<Entry>) -> Self {
        Self(Arc::new(State {
            entry,
            running: AtomicUsize::new(0),
            changed: watch::Sender::new(()),
            began: Instant::now(),
            answers: Mutex::default(),
        }))
    }

    /// Whether a request is worked on.
    pub(super) fn is_busy(&self) -> bool {
        self.0.running.load(Ordering::Relaxed) > 0
    }

    /// A request is worked on until the guard is dropped.
    pub(super) fn begin(&self) -> Running {
        if self.0.running.fetch_add(1, Ordering::Relaxed) == 0
            && let Some(entry) = &self.0.entry
        {
            entry.works();
        }
        self.0.changed.send_replace(());
        Running(self.clone())
    }

    /// Waits until it has to go because another one comes.
    pub(super) async fn sent_off(&self) {
        match &self.0.entry {
            Some(entry) => entry.must_go().cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until no request was worked on for too long: for `first` at the beginning, for `then` after that.
    pub(super) async fn quiet(&self, first: Duration, then: Duration) {
        let (mut changes, mut limit) = (self.0.changed.subscribe(), first);
        loop {
            changes.mark_unchanged();
            if self.is_busy() {
                limit = then;
                let _ = changes.changed().await;
            } else if tokio::time::timeout(limit, changes.changed()).await.is_err() {
                return;
            } else {
                limit = then;
            }
        }
    }

    /// Waits until an answer was left untaken for `limit`.
    pub(super) async fn untaken(&self, limit: Duration) {
        let mut looks = tokio::time::interval((limit / 4).max(Duration::from_millis(5)));
        loop {
            looks.tick().await;
            let now = self.now();
            let mut answers = self.0.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.retain(|answer| answer.strong_count() > 0);
            let most = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            let late = |handed: u64| handed > 0 && now.saturating_sub(handed) > most;
            if answers.iter().filter_map(Weak::upgrade).any(|answer| late(answer.0.load(Ordering::Relaxed))) {
                return;
            }
        }
    }

    /// The answer of a request; over HTTP/2 in pieces whose taking is watched.
    pub(super) fn answer(&self, body: Body, running: Running, in_pieces: bool) -> Watched {
        let handed = Arc::new(Handed(AtomicU64::new(0)));
        if in_pieces {
            self.0.answers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&handed));
        }
        Watched { body, rest: Bytes::new(), in_pieces, handed, running }
    }

    /// Milliseconds since the connection began, at least 1.
    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// See [`Watch::begin`].
pub(super) struct Running(Watch);

impl Drop for Running {
    fn drop(&mut self) {
        let state = &self.0.0;
        if state.running.fetch_sub(1, Ordering::Relaxed) == 1
            && let Some(entry) = &state.entry
        {
            entry.rests();
        }
        state.changed.send_replace(());
    }
}

/// The body of an answer, watched.
pub(super) struct Watched {
    body: Body,
    rest: Bytes,
    in_pieces: bool,
    handed: Arc<Handed>,
    running: Running,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if !this.in_pieces {
            return Pin::new(&mut this.body).poll_frame(cx);
        }
        this.handed.0.store(0, Ordering::Relaxed);
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return other,
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        this.handed.0.store(this.running.0.now(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), u64::try_from(self.rest.len()).unwrap_or(u64::MAX));
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::gateway::answer::whole;

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_left_lying_is_noticed_and_one_that_is_taken_is_not() {
        let watch = Watch::new(None);
        let limit = Duration::from_secs(30);
        let mut answer = watch.answer(whole(vec![b'a'; PIECE * 2 + 1]), watch.begin(), true);
        let quiet = tokio::time::timeout(limit * 2, watch.untaken(limit)).await;
        assert!(quiet.is_err(), "nothing was handed over yet");
        let first = answer.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((first.len(), answer.size_hint().exact()), (PIECE, Some(PIECE as u64 + 1)));
        tokio::time::timeout(limit * 2, watch.untaken(limit)).await.expect("the next was never asked for");
        let rest = answer.collect().await.unwrap().to_bytes();
        assert_eq!(rest.len(), PIECE + 1);
        assert!(tokio::time::timeout(limit * 2, watch.untaken(limit)).await.is_err(), "it has been taken");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_quiet_while_no_request_is_worked_on() {
        let (first, then) = (Duration::from_secs(10), Duration::from_secs(75));
        let watch = Watch::new(None);
        let waits = |most: Duration| tokio::time::timeout(most, watch.quiet(first, then));
        waits(Duration::from_secs(11)).await.expect("no first request");
        let running = watch.begin();
        assert!(watch.is_busy());
        assert!(waits(Duration::from_secs(600)).await.is_err(), "a request may take long");
        let begun = Instant::now();
        let quiet = watch.quiet(first, then);
        let ended = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(running);
        };
        tokio::join!(quiet, ended);
        assert_eq!(begun.elapsed().as_secs(), 80);
    }
}
