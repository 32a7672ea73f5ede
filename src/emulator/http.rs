//! Reading HTTP/1.1 requests off a stream.
//!
//! Written by hand on purpose: the emulator must be able to stop, cut or repeat anywhere, which a proper server
//! forbids. Bodies come with Content-Length only; everything else is answered and the connection is closed.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::problem::Problem;

/// Largest head, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;
/// Most header lines.
const HEADERS_LIMIT: usize = 100;

/// One request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    /// In the order and spelling of the wire.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) keep_alive: bool,
}

impl Request {
    /// All values of a header, in order.
    pub(super) fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers
            .iter()
            .filter(move |(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The value of a header that comes at most once and is text.
    pub(super) fn single(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Repeated);
        }
        first.map(|value| std::str::from_utf8(value).map(str::trim).map_err(|_| Repeated)).transpose()
    }
}

/// A header came twice or is not text, so nobody can say which value counts.
#[derive(Debug)]
pub(super) struct Repeated;

/// Why no request could be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The client closed or broke the connection.
    Gone,
    /// The request must be refused and the connection closed.
    Bad(Problem),
}

impl From<io::Error> for Unread {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

struct Head {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    length: usize,
    minor: u8,
}

/// Reads one request. `buffer` keeps what came beyond it.
pub(super) async fn read<S>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    body_limit: usize,
) -> Result<Request, Unread>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let head = loop {
        if let Some(head) = parse(buffer)? {
            break head;
        }
        if buffer.len() > HEAD_LIMIT {
            return Err(Unread::Bad(Problem::new(
                431,
                "INVALID_PARAMETER_EXCEED_LENGTH",
                "The header section is too large.",
            )));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(Unread::Gone);
        }
    };
    let mut request = Request {
        method: head.method,
        target: head.target,
        headers: head.headers,
        body: Vec::new(),
        keep_alive: true,
    };
    let connection = request.single("connection").ok().flatten().unwrap_or_default().to_ascii_lowercase();
    request.keep_alive =
        if head.minor == 0 { connection.contains("keep-alive") } else { !connection.contains("close") };
    let length = body_length(&request, body_limit)?;
    buffer.drain(..head.length.min(buffer.len()));
    if buffer.len() < length && request.values("expect").next().is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(Unread::Gone);
        }
    }
    let rest = buffer.split_off(length);
    request.body = std::mem::replace(buffer, rest);
    Ok(request)
}

fn parse(buffer: &[u8]) -> Result<Option<Head>, Unread> {
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut parsed = httparse::Request::new(&mut lines);
    let bad = || Unread::Bad(Problem::invalid("INVALID_PARAMETER_VALUE", "This is not an HTTP/1.1 request."));
    let length = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(bad()),
    };
    Ok(Some(Head {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers: parsed.headers.iter().map(|line| (line.name.to_owned(), line.value.to_vec())).collect(),
        length,
        minor: parsed.version.unwrap_or_default(),
    }))
}

fn body_length(request: &Request, limit: usize) -> Result<usize, Unread> {
    if request.values("transfer-encoding").next().is_some() {
        return Err(Unread::Bad(Problem::new(
            411,
            "INVALID_PARAMETER_VALUE",
            "A body needs a Content-Length; chunked bodies are not taken.",
        )));
    }
    let bad =
        || Unread::Bad(Problem::invalid("INVALID_PARAMETER_VALUE", "The Content-Length is not a number."));
    let Some(text) = request.single("content-length").map_err(|Repeated| bad())? else { return Ok(0) };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let length: usize = text.parse().map_err(|_| bad())?;
    if length > limit {
        return Err(Unread::Bad(Problem::new(
            413,
            "INVALID_PARAMETER_EXCEED_LENGTH",
            format!("The body is larger than {limit} bytes."),
        )));
    }
    Ok(length)
}
