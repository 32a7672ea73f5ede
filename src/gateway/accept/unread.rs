//! What is no HTTP/1.1 is refused by hyper itself, before there is a request: with a status and nothing else. Callers read
//! only the cloud's error form, and operators want a line and a count; so that answer is replaced on its way out.
//!
//! It is told by its form: a head of 4xx for an empty body, without the decision's id that all answers of the path bear,
//! at the end of what is written while no request is worked on. What may stand before it is the rest of an answer: JSON or
//! chunks, neither of which can look like it, because both hold no line ends of this kind.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::watch::Watch;

/// The id and the body of the answer to what could not be read, by its status.
pub(super) type Words = Box<dyn Fn(u16) -> (String, Vec<u8>) + Send>;

/// A stream on which hyper's own refusals get words.
pub(super) struct Worded<S> {
    stream: S,
    watch: Watch,
    words: Words,
    instead: Option<Instead>,
}

/// What goes out in place of what hyper has written.
struct Instead {
    bytes: Vec<u8>,
    written: usize,
    replaces: usize,
}

impl<S> Worded<S> {
    pub(super) fn new(stream: S, watch: Watch, words: Words) -> Self {
        Self { stream, watch, words, instead: None }
    }
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    /// Writes what stands in place of the bytes that hyper has written.
    fn poll_instead(&mut self, mut instead: Instead, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        while let Some(rest @ [_, ..]) = instead.bytes.get(instead.written..) {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => instead.written = instead.written.saturating_add(count),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.instead = Some(instead);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(instead.replaces))
    }
}

/// Where hyper's own refusal begins in what it writes, if that ends in one, and its text.
fn wordless(written: &[u8]) -> Option<(usize, &str)> {
    const BEGINS: &[u8] = b"HTTP/1.1 4";
    if !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let begins = written.windows(BEGINS.len()).rposition(|window| window == BEGINS)?;
    let head = std::str::from_utf8(written.get(begins..)?).ok()?;
    let is_one = head.find("\r\n\r\n") == head.len().checked_sub(4)
        && head.contains("\r\ncontent-length: 0\r\n")
        && !head.contains("\r\nx-zengate-decision: ");
    is_one.then_some((begins, head))
}

/// The same answer with words.
fn worded(head: &str, words: &Words) -> Vec<u8> {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(400);
    let (id, body) = words(status);
    let fields = format!(
        "\r\ncontent-type: application/json\r\nx-zengate-decision: {id}\r\ncontent-length: {}\r\n",
        body.len()
    );
    let mut bytes = head.replacen("\r\ncontent-length: 0\r\n", &fields, 1).into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        if let Some(instead) = this.instead.take() {
            return this.poll_instead(instead, cx);
        }
        let found = if this.watch.is_busy() { None } else { wordless(buf) };
        match found {
            None => Pin::new(&mut this.stream).poll_write(cx, buf),
            Some((0, head)) => {
                let bytes = worded(head, &this.words);
                this.poll_instead(Instead { bytes, written: 0, replaces: buf.len() }, cx)
            }
            // First what belongs to the answer before.
            Some((before, _)) => {
                Pin::new(&mut this.stream).poll_write(cx, buf.get(..before).unwrap_or_default())
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        // A head alone is one piece.
        let mut pieces = bufs.iter().filter(|piece| !piece.is_empty());
        if let (Some(only), None) = (pieces.next(), pieces.next()) {
            return self.poll_write(cx, only);
        }
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const REFUSAL: &str =
        "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\ndate: today\r\n\r\n";

    async fn through(written: &str, busy: bool) -> String {
        // Smaller than what is written, so that it goes out in pieces.
        let (mut client, server) = tokio::io::duplex(16);
        let watch = Watch::new(None);
        let running = busy.then(|| watch.begin());
        let words: Words = Box::new(|status| ("T1".to_owned(), format!("{{{status}}}").into_bytes()));
        let mut stream = Worded::new(server, watch, words);
        let written = written.to_owned();
        let writing = async move {
            stream.write_all(written.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            drop((stream, running));
        };
        let mut read = String::new();
        let ((), count) = tokio::join!(writing, client.read_to_string(&mut read));
        count.unwrap();
        read
    }

    #[tokio::test]
    async fn a_refusal_without_words_gets_some_and_all_else_stays() {
        let worded = "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-type: application/json\r\n\
                      x-zengate-decision: T1\r\ncontent-length: 5\r\ndate: today\r\n\r\n{414}";
        assert_eq!(through(REFUSAL, false).await, worded);
        let before = "{\"text\":\"HTTP/1.1 400 Bad\"}";
        assert_eq!(through(&format!("{before}{REFUSAL}"), false).await, format!("{before}{worded}"));
        let own = REFUSAL.replace("date", "x-zengate-decision: T2\r\ndate");
        for (same, busy) in [(REFUSAL, true), (before, false), (&own, false), ("0\r\n\r\n", false)] {
            assert_eq!(through(same, busy).await, same);
        }
    }
}
