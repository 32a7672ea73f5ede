//! Two clocks that hyper does not tell apart: a head that has begun must come quickly, a connection that rests between
//! requests may rest longer.
//!
//! hyper's own timeout is set to the longer one. This wrapper of the stream watches for the shorter: it starts when the
//! first byte after a request arrives (and when the connection opens) and stops when the request is handed on.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::super::caller::Line;

/// Whether a request of the connection is being worked on; set by the service, read by the stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Busy(Arc<AtomicBool>);

impl Busy {
    /// Marks the connection busy until the guard is dropped.
    pub(super) fn begin(&self) -> BusyGuard {
        self.0.store(true, Ordering::Relaxed);
        BusyGuard(self.clone())
    }
}

/// See [`Busy::begin`].
pub(super) struct BusyGuard(Busy);

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// A stream that ends with an error when a head takes too long.
pub(super) struct Patient<S> {
    stream: Flushing<S>,
    busy: Busy,
    limit: Duration,
    /// Runs while a head is due.
    head_due: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, busy: Busy, limit: Duration, line: Line) -> Self {
        let stream = Flushing::new(stream, line);
        Self { stream, busy, limit, head_due: Some(Box::pin(tokio::time::sleep(limit))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let busy = this.busy.0.load(Ordering::Relaxed);
        if busy {
            this.head_due = None;
        }
        let before = buf.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(cx, buf);
        let arrived = outcome.is_ready() && buf.filled().len() > before;
        if arrived && !busy && this.head_due.is_none() {
            this.head_due = Some(Box::pin(tokio::time::sleep_until(Instant::now() + this.limit)));
        }
        // The timer is asked also when bytes came: a head that drips must not outlive it.
        let too_late = this.head_due.as_mut().is_some_and(|due| due.as_mut().poll(cx).is_ready());
        if too_late {
            return Poll::Ready(Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "the head took too long",
            )));
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A stream that tells its line when it was flushed.
pub(super) struct Flushing<S> {
    stream: S,
    line: Line,
}

impl<S> Flushing<S> {
    pub(super) fn new(stream: S, line: Line) -> Self {
        Self { stream, line }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Flushing<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flushing<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            this.line.flushed();
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn only_a_head_that_is_due_ends_the_connection() {
        let busy = Busy::default();
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Patient::new(server, busy.clone(), Duration::from_millis(1), Line::default());
        let mut byte = [0; 1];
        // A request is being worked on: nothing is due, however long it takes.
        let working = busy.begin();
        client.write_all(b"a").await.unwrap();
        server.read_exact(&mut byte).await.unwrap();
        assert!(server.head_due.is_none());
        drop(working);
        // It rests: still nothing is due. The next byte begins a head, and the rest of it never comes.
        client.write_all(b"b").await.unwrap();
        let begun = server.read_exact(&mut byte).await;
        assert!(server.head_due.is_some() || begun.is_err());
        let error = server.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }
}
