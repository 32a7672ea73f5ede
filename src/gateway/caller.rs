//! Whether the one who asked still waits, has the answer, or has gone. The ledger remembers it, because the same request sent
//! again means something else after each.
//!
//! An answer counts as delivered when its last byte was handed to the socket and the socket was flushed without an error. Over
//! HTTP/2 the last byte is handed to the protocol's buffer first, so there it is a little early. Whether the other side has read it,
//! nobody can know: what the Go SDK sends again on a new connection after the old one closed is treated as not read.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::Notify;
use uuid::Uuid;

use super::answer::{Body, BodyError};
use crate::quota::event::ClientNews;

/// One connection, as its requests know it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Line(Arc<LineState>);

#[derive(Debug)]
struct LineState {
    closed: AtomicBool,
    /// How many requests have come on it one after the other: those of HTTP/1.1. Who sends the next one has read the answer before
    /// it, or (sending ahead, which no SDK does) will take it as it comes.
    in_turn: AtomicU64,
    /// Whoever waits for something to become of it. Almost nobody does, so that telling nobody is what has to be cheap.
    moved: Notify,
    /// The socket, until it is closed here: what has come to it shows before the connection's task has been told.
    socket: Mutex<Option<OwnedFd>>,
    /// Callers whose answer was taken by the protocol and waits to be flushed.
    taken: Mutex<Vec<Caller>>,
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
        let (closed, in_turn, moved) = (AtomicBool::new(false), AtomicU64::new(0), Notify::new());
        let (socket, taken) = (Mutex::new(socket), Mutex::default());
        Self(Arc::new(LineState { closed, in_turn, moved, socket, taken }))
    }

    /// Whether the other side has closed it, asked of the socket itself.
    fn is_closed(&self) -> bool {
        if self.0.closed.load(Ordering::SeqCst) {
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
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.moved.notify_waiters();
        drop(self.0.socket.lock().unwrap_or_else(PoisonError::into_inner).take());
        let taken = std::mem::take(&mut *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner));
        for caller in taken {
            caller.become_(News::Left);
        }
    }

    /// A caller of this connection; `in_turn` where the next one comes after it.
    pub(super) fn caller(&self, in_turn: bool) -> Caller {
        let turn = in_turn.then(|| {
            let before = self.0.in_turn.fetch_add(1, Ordering::SeqCst);
            self.0.moved.notify_waiters();
            before.wrapping_add(1)
        });
        let (news, told) = (AtomicU8::new(News::Waiting as u8), Notify::new());
        Caller(Arc::new(CallerState { news, told, line: self.clone(), turn }))
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
    /// A [`News`].
    news: AtomicU8,
    /// Whoever waits for another.
    told: Notify,
    line: Line,
    /// Which of the requests that came in turn.
    turn: Option<u64>,
}

/// How it stands with a caller; `Left` and `Delivered` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
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

impl News {
    fn of(number: u8) -> Self {
        [Self::Waiting, Self::Answering, Self::Delivered]
            .into_iter()
            .find(|news| *news as u8 == number)
            .unwrap_or(Self::Left)
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Left)
    }
}

impl CallerState {
    fn news(&self) -> News {
        News::of(self.news.load(Ordering::SeqCst))
    }

    /// From what it is to what it becomes, where it does.
    fn turn_to(&self, news: News, may: impl Fn(News) -> bool) {
        let next = |now| may(News::of(now)).then_some(news as u8);
        if self.news.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok() {
            self.told.notify_waiters();
        }
    }
}

/// Waits until there is an answer; it is asked for again each time that somebody tells.
async fn until<T>(told: &Notify, answer: impl Fn() -> Option<T>) -> T {
    loop {
        // What is told from here on wakes it, so nothing is missed between asking and waiting.
        let mut next = pin!(told.notified());
        next.as_mut().enable();
        if let Some(answer) = answer() {
            return answer;
        }
        next.await;
    }
}

impl Caller {
    fn become_(&self, news: News) {
        self.0.turn_to(news, |now| !now.is_final() && now != news);
    }

    /// The request's future is gone; without an answer, its caller has left.
    pub(super) fn future_dropped(&self) {
        self.0.turn_to(News::Left, |now| now == News::Waiting);
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
        until(&self.0.told, || Some(self.0.news()).filter(|news| news.is_final())).await == News::Delivered
    }

    /// Waits until its connection is closed (true), or carries another request, so that the answer before has been read (false).
    pub(super) async fn hung_up(&self) -> bool {
        let line = &self.0.line.0;
        until(&line.moved, || {
            // In this order: none comes after it is closed.
            let closed = line.closed.load(Ordering::SeqCst);
            let asked_again = self.0.turn.is_some_and(|turn| line.in_turn.load(Ordering::SeqCst) > turn);
            (closed || asked_again).then_some(!asked_again)
        })
        .await
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
        match caller.0.news() {
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
