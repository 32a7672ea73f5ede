//! Whether the one who asked still waits, has the answer, or has gone. The ledger remembers it, because the same request sent
//! again means something else after each.
//!
//! An answer counts as delivered when its last byte was handed to the socket and the socket was flushed without an error. Over
//! HTTP/2 the last byte is handed to the protocol's buffer first, so there it is a little early. Whether the other side has read it,
//! nobody can know: what the Go SDK sends again on a new connection after the old one closed is treated as not read.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::watch;
use uuid::Uuid;

use super::answer::{Body, BodyError};
use crate::quota::event::ClientNews;

/// One connection, as its requests know it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Line(Arc<LineState>);

#[derive(Debug)]
struct LineState {
    life: watch::Sender<Life>,
    /// The socket, until it is closed here: what has come to it shows before the connection's task has been told.
    socket: Mutex<Option<OwnedFd>>,
    /// Callers whose answer was taken by the protocol and waits to be flushed.
    taken: Mutex<Vec<Caller>>,
}

/// What has become of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Life {
    closed: bool,
    /// How many requests have come on it one after the other: those of HTTP/1.1. Who sends the next one has read the answer
    /// before it, or (sending ahead, which no SDK does) will take it as it comes.
    in_turn: u64,
}

impl Default for Line {
    fn default() -> Self {
        Self::on(None)
    }
}

impl Line {
    /// The line on a socket. Its descriptor is used a second time, until the connection ends; where there is no descriptor
    /// left, the line knows what the connection's task knows.
    pub(super) fn of(socket: &impl AsFd) -> Self {
        Self::on(socket.as_fd().try_clone_to_owned().ok())
    }

    fn on(socket: Option<OwnedFd>) -> Self {
        let (life, socket, taken) = (watch::Sender::default(), Mutex::new(socket), Mutex::default());
        Self(Arc::new(LineState { life, socket, taken }))
    }

    /// Whether the other side has closed it, asked of the socket itself.
    fn is_closed(&self) -> bool {
        if self.0.life.borrow().closed {
            return true;
        }
        let socket = self.0.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(socket) = &*socket else { return false };
        let mut asked = [PollFd::new(socket, PollFlags::RDHUP)];
        let answered = poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        let over = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        answered.is_ok() && asked.iter().any(|socket| socket.revents().intersects(over))
    }

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
        self.0.life.send_modify(|life| life.closed = true);
        drop(self.0.socket.lock().unwrap_or_else(PoisonError::into_inner).take());
        let taken = std::mem::take(&mut *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner));
        for caller in taken {
            caller.become_(News::Left);
        }
    }

    /// A caller of this connection; `in_turn` where the next one comes after it.
    pub(super) fn caller(&self, in_turn: bool) -> Caller {
        let mut turn = None;
        if in_turn {
            self.0.life.send_modify(|life| {
                life.in_turn = life.in_turn.saturating_add(1);
                turn = Some(life.in_turn);
            });
        }
        Caller(Arc::new(CallerState { news: watch::Sender::new(News::Waiting), line: self.clone(), turn }))
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
    /// Which of the requests that came in turn.
    turn: Option<u64>,
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

    /// Waits until its connection is closed (true), or carries another request, so that the answer before has been read (false).
    pub(super) async fn hung_up(&self) -> bool {
        let mut life = self.0.line.0.life.subscribe();
        let asked_again = |life: &Life| self.0.turn.is_some_and(|turn| life.in_turn > turn);
        // A connection that is gone is closed.
        life.wait_for(|life| life.closed || asked_again(life)).await.is_ok_and(|life| !asked_again(&life))
    }
}

/// The callers of creates whose answers are followed, by request.
///
/// A client that closes its connection and asks again may be heard a second time before it is noticed that it left: the two
/// connections are two tasks. So the ledger looks here before it judges an equal order.
#[derive(Clone, Debug, Default)]
pub struct Callers(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    callers: HashMap<Uuid, Signed>,
    /// Their requests by signature: every request looks here, however many callers are followed.
    signed: HashMap<String, Vec<Uuid>>,
}

/// A caller with the signature of its request, in hex.
#[derive(Clone, Debug)]
struct Signed {
    caller: Caller,
    signature: Option<String>,
}

impl Callers {
    /// Keeps a caller until the guard is dropped.
    pub(super) fn keep(&self, request: Uuid, caller: &Caller, signature: Option<String>) -> Kept {
        let mut known = self.lock();
        if let Some(signature) = &signature {
            known.signed.entry(signature.clone()).or_default().push(request);
        }
        known.callers.insert(request, Signed { caller: caller.clone(), signature });
        drop(known);
        Kept { callers: self.clone(), request }
    }

    /// Requests with this signature whose connections are closed now.
    pub(super) fn closed(&self, signature: &str) -> Vec<Uuid> {
        let known = self.lock();
        let is_closed =
            |request: &Uuid| known.callers.get(request).is_some_and(|kept| kept.caller.0.line.is_closed());
        let alike = known.signed.get(signature).into_iter().flatten();
        alike.copied().filter(is_closed).collect()
    }

    /// What can be seen now of the caller of a request; nothing while it waits or is on its line.
    pub fn news(&self, request: Uuid) -> Option<ClientNews> {
        let caller = self.lock().callers.get(&request)?.caller.clone();
        let now = *caller.0.news.borrow();
        match now {
            News::Left => Some(ClientNews::Left),
            _ if !caller.0.line.is_closed() => None,
            News::Delivered => Some(ClientNews::Closed),
            News::Waiting | News::Answering => Some(ClientNews::Left),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Callers::keep`].
pub(super) struct Kept {
    callers: Callers,
    request: Uuid,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut known = self.callers.lock();
        let Some(signature) = known.callers.remove(&self.request).and_then(|kept| kept.signature) else {
            return;
        };
        if let Some(alike) = known.signed.get_mut(&signature) {
            alike.retain(|request| *request != self.request);
            if alike.is_empty() {
                known.signed.remove(&signature);
            }
        }
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
        let (one, other) = (line.caller(true), line.caller(true));
        line.flushed();
        drain(one.answer(whole("abc"))).await;
        line.flushed();
        drain(other.answer(whole("abc"))).await;
        assert!(one.end().await);
        drop(line.open());
        assert!(!other.end().await, "the connection ended before the flush");
        assert!(other.hung_up().await);
        assert!(!one.hung_up().await, "it has read its answer: it has asked again");
    }

    #[tokio::test]
    async fn a_closed_socket_shows_before_anybody_has_read_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let line = Line::of(&server);
        let (callers, caller, request) = (Callers::default(), line.caller(true), Uuid::from_u128(7));
        let kept = callers.keep(request, &caller, Some("ab".to_owned()));
        assert!(callers.closed("ab").is_empty());
        assert_eq!(callers.news(request), None);
        // What it has sent and nobody has read yet does not hide that it has closed.
        std::io::Write::write_all(&mut &client, b"GET").unwrap();
        drop(client);
        while callers.news(request).is_none() {
            std::thread::yield_now();
        }
        assert_eq!(callers.news(request), Some(ClientNews::Left));
        assert_eq!((callers.closed("ab"), callers.closed("cd")), (vec![request], vec![]));
        let again = Uuid::from_u128(8);
        let other = callers.keep(again, &caller, Some("ab".to_owned()));
        assert_eq!(callers.closed("ab"), [request, again]);
        drop(other);
        assert_eq!(callers.closed("ab"), [request]);
        caller.become_(News::Delivered);
        assert_eq!(callers.news(request), Some(ClientNews::Closed));
        drop(kept);
        assert_eq!((callers.news(request), callers.closed("ab")), (None, vec![]));
        assert!(callers.lock().signed.is_empty());
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_is_not_delivered() {
        let line = Line::default();
        let (cut, left, answered) = (line.caller(true), line.caller(true), line.caller(true));
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
