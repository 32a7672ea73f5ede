//! The body of a read's answer, passed on piece by piece.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::Lost;
use super::link::Link;
use super::pool::Pool;

/// A body on its way. It holds its connection; at the end the connection goes back to rest, and a body dropped half
/// read closes it.
pub struct Streamed {
    body: Incoming,
    link: Option<Box<Link>>,
    pool: Arc<Pool>,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
}

/// Why a body ended early. The client sees its connection cut, never a shorter body that looks whole.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The connection to the cloud broke.
    #[error("the cloud's answer broke off")]
    Broken(#[source] hyper::Error),
    /// Nothing came for too long.
    #[error("the cloud's answer stalled")]
    Stalled,
}

impl StreamError {
    /// What became of the answer.
    pub fn lost(&self) -> Lost {
        match self {
            Self::Broken(_) => Lost::Broken,
            Self::Stalled => Lost::Deadline,
        }
    }
}

impl Streamed {
    pub(super) fn new(body: Incoming, link: Box<Link>, pool: Arc<Pool>, patience: Duration) -> Self {
        Self { body, link: Some(link), pool, patience, deadline: Box::pin(tokio::time::sleep(patience)) }
    }
}

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let this = self.get_mut();
        let Some(link) = &mut this.link else {
            return Poll::Ready(None);
        };
        match link.poll_frame(&mut this.body, cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.deadline.as_mut().reset(Instant::now() + this.patience);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.link = None;
                Poll::Ready(Some(Err(StreamError::Broken(error))))
            }
            Poll::Ready(None) => {
                if let Some(link) = this.link.take().and_then(Link::still_open) {
                    this.pool.put(link);
                }
                Poll::Ready(None)
            }
            Poll::Pending if this.deadline.as_mut().poll(cx).is_ready() => {
                this.link = None;
                Poll::Ready(Some(Err(StreamError::Stalled)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.link.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}
