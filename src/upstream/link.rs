//! One HTTP/1.1 connection, driven by whoever uses it.

use std::future::{Future as _, poll_fn};
use std::net;
use std::os::fd::AsFd as _;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::{ConnectError, Connection};
use crate::clock::Stopwatch;

/// Room that is made for an answer on the word of its head, in bytes.
const EXPECTED: usize = 64 * 1024;

/// Heads of answers larger than this end the connection.
const LARGEST_HEAD: usize = 64 * 1024;

/// Why an exchange failed.
#[derive(Debug)]
pub(super) enum LinkError {
    /// The connection ended, or the other side broke the protocol.
    Broken,
    /// The body is longer than allowed.
    TooLong,
}

/// What is left of a connection after an answer.
pub(super) enum After {
    /// It may carry another request.
    Silent(Box<Link>),
    /// It has ended, as it may.
    Closed,
    /// More bytes came than one answer: whose the answer was is in doubt.
    Spare,
}

/// A connection with its sender; nothing polls it but the methods below. Kept in a box: it changes hands several times a request.
pub(super) struct Link {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Counted>, Full<Bytes>>,
    ended: bool,
    written: Arc<AtomicU64>,
    /// A second handle on the socket, to ask whether bytes or the end of the stream are waiting.
    probe: net::TcpStream,
    in_the_clear: bool,
    rests_since: Stopwatch,
}

impl Link {
    pub(super) async fn open(connection: Connection) -> Result<Box<Self>, ConnectError> {
        let probe = connection
            .socket()
            .as_fd()
            .try_clone_to_owned()
            .map(net::TcpStream::from)
            .map_err(|source| ConnectError::Tcp { origin: "the new socket".to_owned(), source })?;
        let in_the_clear = matches!(connection, Connection::Plain(_));
        let written = Arc::new(AtomicU64::new(0));
        let io = TokioIo::new(Counted { connection, written: Arc::clone(&written) });
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(LARGEST_HEAD)
            .handshake(io)
            .await
            .map_err(ConnectError::Http)?;
        Ok(Box::new(Self {
            sender,
            driver,
            ended: false,
            written,
            probe,
            in_the_clear,
            rests_since: Stopwatch::start(),
        }))
    }

    /// Bytes handed to the transport so far; compared before and after, it proves that nothing left.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, LinkError> {
        let (sender, driver, ended) = (&mut self.sender, &mut self.driver, &mut self.ended);
        poll_fn(|cx| {
            drive(driver, ended, cx);
            sender.poll_ready(cx)
        })
        .await
        .map_err(|_| LinkError::Broken)?;
        let mut answer = pin!(sender.send_request(request));
        poll_fn(|cx| {
            drive(driver, ended, cx);
            answer.as_mut().poll(cx)
        })
        .await
        .map_err(|_| LinkError::Broken)
    }

    /// The next piece of a body.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        drive(&mut self.driver, &mut self.ended, cx);
        Pin::new(body).poll_frame(cx)
    }

    /// Reads a body to its end.
    pub(super) async fn read_whole(
        &mut self,
        body: &mut Incoming,
        largest: usize,
    ) -> Result<Bytes, LinkError> {
        let expected = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
        let mut whole = BytesMut::with_capacity(expected.unwrap_or_default().min(largest).min(EXPECTED));
        while let Some(frame) = poll_fn(|cx| self.poll_frame(body, cx)).await {
            if let Ok(piece) = frame.map_err(|_| LinkError::Broken)?.into_data() {
                if whole.len().saturating_add(piece.len()) > largest {
                    return Err(LinkError::TooLong);
                }
                whole.extend_from_slice(&piece);
            }
        }
        Ok(whole.freeze())
    }

    /// What is left of the connection once an answer has been read to its end.
    pub(super) fn after_answer(mut self: Box<Self>) -> After {
        self.drive_once();
        if self.ended {
            // HTTP stopped: by a close that the answer announced, or because bytes came that nobody asked for.
            let unread = !self.driver.into_parts().read_buf.is_empty();
            return if unread || (self.in_the_clear && has_bytes(&self.probe)) {
                After::Spare
            } else {
                After::Closed
            };
        }
        match self.probe.peek(&mut [0; 1]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => After::Silent(self),
            // Under TLS unread bytes may be no more than the other side's goodbye.
            Ok(1..) if self.in_the_clear => After::Spare,
            _ => After::Closed,
        }
    }

    /// Whether the connection may carry another request: it is open, HTTP has nothing unread in its buffer and the
    /// socket has nothing to read, not even its end.
    pub(super) fn is_silent(&mut self) -> bool {
        self.drive_once();
        // The descriptor is shared with tokio's, so it does not block.
        let nothing_to_read = matches!(
            self.probe.peek(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock
        );
        !self.ended && !self.sender.is_closed() && nothing_to_read
    }

    /// The connection, if it still is one once an answer has been read to its end. Unlike after [`Link::after_answer`], the socket is
    /// yet to be asked whether more came: whoever takes it from its rest does.
    pub(super) fn still_open(mut self: Box<Self>) -> Option<Box<Self>> {
        self.drive_once();
        (!self.ended).then_some(self)
    }

    fn drive_once(&mut self) {
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        drive(&mut self.driver, &mut self.ended, &mut nobody);
    }

    /// Begins to rest.
    pub(super) fn rest(&mut self) {
        self.rests_since = Stopwatch::start();
    }

    /// How long it has rested.
    pub(super) fn rested(&self) -> std::time::Duration {
        self.rests_since.elapsed()
    }
}

/// Lets the connection write and read what it can. Its end is remembered; its reason reaches the waiting future.
fn drive(
    driver: &mut http1::Connection<TokioIo<Counted>, Full<Bytes>>,
    ended: &mut bool,
    cx: &mut Context<'_>,
) {
    if !*ended && Pin::new(driver).poll(cx).is_ready() {
        *ended = true;
    }
}

fn has_bytes(socket: &net::TcpStream) -> bool {
    matches!(socket.peek(&mut [0; 1]), Ok(1..))
}

/// Counts what is handed to the transport.
struct Counted {
    connection: Connection,
    written: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.connection).poll_write(cx, buf);
        if let Poll::Ready(Ok(count)) = &outcome {
            this.written.fetch_add(u64::try_from(*count).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        outcome
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_shutdown(cx)
    }
}
