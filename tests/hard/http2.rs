//! HTTP/2 as nobody should speak it: floods of frames that cost the sender little, and the cases of RFC 9113 that a
//! server has to refuse.

mod conformance;
mod downgrade;
mod floods;

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use crate::support::Call;
use crate::support::tls::{Authority, TlsStream};

/// Types of frames, RFC 9113 section 6.
mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// An integer of HPACK with a prefix of 7 bits (RFC 7541 section 5.1).
fn integer(block: &mut Vec<u8>, mut value: usize) {
    if value < 127 {
        return block.push(u8::try_from(value).unwrap());
    }
    block.push(127);
    value -= 127;
    while value >= 128 {
        block.push(u8::try_from(value % 128).unwrap() | 128);
        value /= 128;
    }
    block.push(u8::try_from(value).unwrap());
}

/// One field: `form` is 0x00 for a literal that is not indexed, 0x40 for one that goes into the table.
fn literal(block: &mut Vec<u8>, form: u8, name: &str, value: &str) {
    block.push(form);
    for text in [name, value] {
        integer(block, text.len());
        block.extend_from_slice(text.as_bytes());
    }
}

/// The fields of a call, as HPACK.
fn head(call: &Call, address: SocketAddr) -> Vec<u8> {
    let mut block = Vec::new();
    let host = call.host(address);
    for (name, value) in
        [(":method", "POST"), (":scheme", "https"), (":authority", &host), (":path", &call.target)]
    {
        literal(&mut block, 0, name, value);
    }
    for (name, value) in call.fields(address) {
        literal(&mut block, 0, &name.to_lowercase(), &value);
    }
    block
}

/// A connection that has said its preface, and says then what it is told to.
struct Line {
    stream: TlsStream,
    /// What came and was not yet looked at.
    heard: Vec<u8>,
    /// The code with which the other side has said that it ends.
    goaway: Option<u32>,
}

impl Line {
    fn open(address: SocketAddr, authority: &Authority, settings: &[(u16, u32)]) -> Self {
        let stream = authority.connect_speaking(b"h2", address, None).unwrap();
        let mut line = Self { stream, heard: Vec::new(), goaway: None };
        let payload = settings.iter().flat_map(|(name, value)| {
            name.to_be_bytes().into_iter().chain(value.to_be_bytes()).collect::<Vec<u8>>()
        });
        let mut opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        opening.extend(frame(kind::SETTINGS, 0, 0, &payload.collect::<Vec<u8>>()));
        line.say(&opening).unwrap();
        line
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Takes what has come, without waiting; an error once the other side has ended.
    fn take(&mut self) -> io::Result<()> {
        self.stream.sock.set_nonblocking(true)?;
        let mut piece = [0; 16384];
        let ended = loop {
            match self.stream.read(&mut piece) {
                Ok(0) => break Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.heard.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.stream.sock.set_nonblocking(false)?;
        ended
    }

    /// The next frame of those that have come: kind, flags, stream, payload.
    fn frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let [high, middle, low] = *self.heard.get(..3)? else { return None };
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if self.heard.len() < 9 + length {
            return None;
        }
        let frame: Vec<u8> = self.heard.drain(..9 + length).collect();
        let (stream, payload) =
            (u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]), frame[9..].to_vec());
        if frame[3] == kind::GOAWAY {
            self.goaway = Some(u32::from_be_bytes([payload[4], payload[5], payload[6], payload[7]]));
        }
        Some((frame[3], frame[4], stream, payload))
    }

    /// The next frame, waited for. None when the other side has ended.
    fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        loop {
            if let Some(frame) = self.frame() {
                return Some(frame);
            }
            let mut piece = [0; 16384];
            match self.stream.read(&mut piece) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.heard.extend_from_slice(&piece[..count]),
            }
        }
    }
}

/// Sends calls over HTTP/2, each on a connection of its own, and gives all that came back.
pub(super) fn asked(address: SocketAddr, authority: &Authority, calls: &[Call]) -> String {
    let mut came = String::new();
    for call in calls {
        let mut line = Line::open(address, authority, &[]);
        let mut said = frame(kind::HEADERS, END_HEADERS, 1, &head(call, address));
        said.extend(frame(kind::DATA, END_STREAM, 1, &call.body));
        let _ = line.say(&said);
        while let Some((kind, flags, _, payload)) = line.next() {
            came.push_str(&String::from_utf8_lossy(&payload));
            if matches!(kind, kind::DATA | kind::HEADERS) && flags & END_STREAM != 0 {
                break;
            }
            if matches!(kind, kind::RST_STREAM | kind::GOAWAY) {
                break;
            }
        }
        came.push('\n');
    }
    came
}
