//! Whether the one who asked still waits, has the answer, or has gone. The ledger remembers it, because the same request sent
//! again means something else after each.
//!
//! An answer counts as delivered when its last byte was handed to the socket and the socket was flushed without an error. Over
//! HTTP/2 the last byte is handed to the protocol's buffer first, so there it is a little early. Whether the other side has read it,
//! nobody can know: what the Go SDK sends again on a new connection after the old one closed is treated as not read.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::watch;

use super::answer::{Body, BodyError};

/// One connection, as its requests know it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Line(Arc<LineState>);

#[derive(Debug)]
struct LineState {
    closed: watch::Sender<bool>,
    /// Callers whose answer was taken by the protocol and waits to be flushed.
    taken: Mutex<Vec<Caller>>,
}

impl Default for Line {
    fn default() -> Self {
        Self(Arc::new(LineState { closed: watch::Sender::new(false), taken: Mutex::default() }))
    }
}

impl Line {
    /// The guard that closes the line when the connection ends.
    pub(super) fn open(&self) -> Open {
        Open(self.clone())
    }

    /// The socket was flushed: what was taken before is delivered.
    pub(super) fn flushed(&self) {
        let taken = std::mem::take(&mut *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner));
        for caller in taken {
            caller.become_(News::Delivered);
        }
    }

    fn close(&self) {
        self.0.closed.send_replace(true);
        let taken = std::mem::take(&mut *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner));
        for caller in taken {
            caller.become_(News::Left);
        }
    }

    /// A caller of this connection.
    pub(super) fn caller(&self) -> Caller {
        Caller(Arc::new(CallerState { news: watch::Sender::new(News::Waiting), line: self.clone() }))
    }
}

/// See [`Line::open`].
pub(super) struct Open(Line);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The one who asked. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Caller(Arc<CallerState>);

#[derive(Debug)]
struct CallerState {
    news: watch::Sender<News>,
    line: Line,
}

/// How it stands with a caller; `Left` and `Delivered` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Waits.
    Waiting,
    /// Its answer is being written.
    Answering,
    /// It has its answer.
    Delivered,
    /// It has gone without its answer.
    Left,
}

impl Caller {
    fn become_(&self, news: News) {
        self.0.news.send_if_modified(|now| {
            let change = matches!(now, News::Waiting | News::Answering) && *now != news;
            if change {
                *now = news;
            }
            change
        });
    }

    /// The request's future is gone; without an answer, its caller has left.
    pub(super) fn future_dropped(&self) {
        self.0.news.send_if_modified(|now| {
            let left = *now == News::Waiting;
            if left {
                *now = News::Left;
            }
            left
        });
    }

    /// Its answer is on the way: follows it to the end.
    pub(super) fn answer(&self, body: Body) -> Body {
        self.become_(News::Answering);
        Followed { body, caller: self.clone(), ended: false }.boxed_unsync()
    }

    /// Its answer is on the way, and nobody wants to know whether it arrives.
    pub(super) fn answered(&self) {
        self.become_(News::Answering);
    }

    /// Waits until it has its answer (true) or has gone without (false).
    pub(super) async fn end(&self) -> bool {
        let mut news = self.0.news.subscribe();
        let end = news.wait_for(|now| matches!(now, News::Delivered | News::Left)).await;
        end.is_ok_and(|news| *news == News::Delivered)
    }

    /// Waits until its connection is closed.
    pub(super) async fn hung_up(&self) {
        let mut closed = self.0.line.0.closed.subscribe();
        let _ = closed.wait_for(|closed| *closed).await;
    }
}

/// A body that tells when its last byte was taken, or that it never will be.
struct Followed {
    body: Body,
    caller: Caller,
    ended: bool,
}

impl http_body::Body for Followed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            this.ended = true;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        if self.ended || self.body.is_end_stream() {
            let line = &self.caller.0.line;
            line.0.taken.lock().unwrap_or_else(PoisonError::into_inner).push(self.caller.clone());
        } else {
            self.caller.become_(News::Left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::answer::whole;

    async fn drain(mut body: Body) {
        while body.frame().await.is_some() {}
    }

    #[tokio::test]
    async fn delivered_means_taken_and_flushed() {
        let line = Line::default();
        let (one, other) = (line.caller(), line.caller());
        line.flushed();
        drain(one.answer(whole("abc"))).await;
        line.flushed();
        drain(other.answer(whole("abc"))).await;
        assert!(one.end().await);
        drop(line.open());
        assert!(!other.end().await, "the connection ended before the flush");
        one.hung_up().await;
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_is_not_delivered() {
        let line = Line::default();
        let (cut, left, answered) = (line.caller(), line.caller(), line.caller());
        drop(cut.answer(whole("abc")));
        line.flushed();
        assert!(!cut.end().await);
        left.future_dropped();
        assert!(!left.end().await);
        let body = answered.answer(whole("abc"));
        answered.future_dropped();
        drain(body).await;
        line.flushed();
        assert!(answered.end().await, "the future ends when the answer begins");
    }
}
