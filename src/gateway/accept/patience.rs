//! Clocks that hyper does not have: a head that has begun must come quickly, a connection that rests between requests
//! may rest longer, and an answer must be taken.
//!
//! hyper's own timeout is set to the longest rest. These wrappers of the stream watch for the rest. The head's clock
//! starts when the first byte after a request arrives (and when the connection opens) and stops when the request is
//! handed on. The answer's clock starts when the socket takes no more, and starts anew with every 32 KiB that it takes:
//! a reader that drips is as bad as one that has stopped.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::super::caller::Line;
use super::watch::Watch;

/// What must be taken of an answer within its limit.
const TAKEN: usize = 32 * 1024;

/// A stream that ends with an error when a head takes too long.
pub(super) struct Patient<S> {
    stream: Flushing<S>,
    watch: Watch,
    limit: Duration,
    /// Runs while a head is due.
    head_due: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    /// `limit` is for a head.
    pub(super) fn new(stream: Flushing<S>, watch: Watch, limit: Duration) -> Self {
        Self { stream, watch, limit, head_due: Some(Box::pin(tokio::time::sleep(limit))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let busy = this.watch.is_busy();
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

/// A stream that tells its line when it was flushed, and ends with an error when what is written is not taken.
pub(super) struct Flushing<S> {
    stream: S,
    line: Line,
    limit: Duration,
    /// Runs while the other side is due to take something.
    taking_due: Option<Pin<Box<Sleep>>>,
    taken: usize,
}

impl<S> Flushing<S> {
    /// `limit` is for 32 KiB of an answer.
    pub(super) fn new(stream: S, line: Line, limit: Duration) -> Self {
        Self { stream, line, limit, taking_due: None, taken: 0 }
    }

    /// After the socket has said how much it takes.
    fn watch(&mut self, taken: &Poll<std::io::Result<usize>>, cx: &mut Context<'_>) -> std::io::Result<()> {
        match taken {
            Poll::Ready(count) => {
                self.taken = self.taken.saturating_add(*count.as_ref().unwrap_or(&0));
                if self.taken >= TAKEN {
                    (self.taking_due, self.taken) = (None, 0);
                }
            }
            Poll::Pending => {
                let due = self.taking_due.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limit)));
                if due.as_mut().poll(cx).is_ready() {
                    let late = "the answer was not taken";
                    return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, late));
                }
            }
        }
        Ok(())
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
        let this = self.get_mut();
        let taken = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.watch(&taken, cx)?;
        taken
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        match flushed {
            Poll::Ready(Ok(())) => {
                (this.taking_due, this.taken) = (None, 0);
                this.line.flushed();
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => this.watch(&Poll::Pending, cx)?,
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        if shut.is_pending() {
            this.watch(&Poll::Pending, cx)?;
        }
        shut
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let taken = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.watch(&taken, cx)?;
        taken
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn only_a_head_that_is_due_ends_the_connection() {
        let watch = Watch::new(None);
        let (mut client, server) = tokio::io::duplex(64);
        let stream = Flushing::new(server, Line::default(), LIMIT);
        let mut server = Patient::new(stream, watch.clone(), Duration::from_secs(10));
        let mut byte = [0; 1];
        // A request is being worked on: nothing is due, however long it takes.
        let working = watch.begin();
        client.write_all(b"a").await.unwrap();
        server.read_exact(&mut byte).await.unwrap();
        assert!(server.head_due.is_none());
        drop(working);
        // It rests: still nothing is due. The next byte begins a head, and the rest of it never comes.
        client.write_all(b"b").await.unwrap();
        server.read_exact(&mut byte).await.unwrap();
        assert!(server.head_due.is_some());
        let error = server.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_has_no_more_time_than_one_that_stands_still() {
        let (mut client, server) = tokio::io::duplex(64);
        let stream = Flushing::new(server, Line::default(), LIMIT);
        let mut server = Patient::new(stream, Watch::new(None), Duration::from_secs(10));
        let begun = Instant::now();
        let drip = async {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                client.write_all(b"a").await.unwrap();
            }
        };
        let mut head = [0; 4096];
        let error = tokio::select! {
            read = server.read_exact(&mut head) => read.unwrap_err(),
            () = drip => unreachable!("it never ends"),
        };
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (std::io::ErrorKind::TimedOut, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_must_be_taken_and_a_drip_is_not_enough() {
        let (client, server) = tokio::io::duplex(1024);
        let (mut taking, _sending) = tokio::io::split(client);
        let mut stream = Flushing::new(server, Line::default(), LIMIT);
        let answer = vec![b'a'; 512 * 1024];
        // A slow reader that takes 2 KiB a second is well above the least.
        let slow = async {
            let mut piece = [0; 2048];
            for _ in 0..256 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                taking.read_exact(&mut piece).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&answer), slow);
        written.unwrap();
        let drip = async {
            let mut byte = [0; 1];
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                taking.read_exact(&mut byte).await.unwrap();
            }
        };
        let begun = Instant::now();
        let error = tokio::select! {
            written = stream.write_all(&answer) => written.unwrap_err(),
            () = drip => unreachable!("it never ends"),
        };
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (std::io::ErrorKind::TimedOut, 30));
    }
}
