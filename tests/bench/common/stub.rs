//! A cloud that costs next to nothing: one thread, keep-alive, prepared answers, and a count of what it saw.
//!
//! It checks no signature and no field (the emulator does); it counts what came and keeps the last create, so that the
//! driver can check both.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::answers::{MARKER, Template, answer};
use super::fixture::Ask;

const LISTENER: u64 = u64::MAX;
/// Where the marker stands in every body: behind `{"instanceName":"bench-`.
const MARKER_AT: usize = 23;

/// A list of no machines.
const NOTHING: &[u8] = br#"{"requestId":"T0","response":{"requestId":"T0","totalCount":0,"dataSet":[]}}"#;

/// What it has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub creates: u64,
    pub reads: u64,
}

struct Connection {
    socket: TcpStream,
    unread: Vec<u8>,
    unwritten: Vec<u8>,
}

struct Stub {
    seen: Seen,
    last_create: Vec<u8>,
    created: Template,
    listed: Template,
}

/// Serves for ever.
pub fn serve(listener: TcpListener) -> std::io::Result<()> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    listener.set_nonblocking(true)?;
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut stub = Stub {
        seen: Seen::default(),
        last_create: Vec::new(),
        created: answer(Ask::Create),
        listed: answer(Ask::Read),
    };
    let mut events: Vec<Event> = Vec::with_capacity(256);
    loop {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            let (token, flags) = ({ event.data }.u64(), { event.flags });
            if token == LISTENER {
                while let Ok((socket, _)) = listener.accept() {
                    socket.set_nonblocking(true)?;
                    socket.set_nodelay(true)?;
                    let place = connections.iter().position(Option::is_none).unwrap_or(connections.len());
                    epoll::add(
                        &poll,
                        &socket,
                        EventData::new_u64(place as u64),
                        EventFlags::IN | EventFlags::RDHUP,
                    )?;
                    let fresh = Connection { socket, unread: Vec::new(), unwritten: Vec::new() };
                    if place == connections.len() {
                        connections.push(Some(fresh));
                    } else {
                        connections[place] = Some(fresh);
                    }
                }
                continue;
            }
            let place = token as usize;
            let Some(connection) = connections[place].as_mut() else { continue };
            let open = stub.turn(connection);
            let blocked = !connection.unwritten.is_empty();
            if open {
                let wanted = if blocked { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
                if blocked || flags.contains(EventFlags::OUT) {
                    epoll::modify(&poll, &connection.socket, EventData::new_u64(token), wanted)?;
                }
            } else {
                connections[place] = None; // closing the socket takes it out of the poll
            }
        }
    }
}

impl Stub {
    /// Reads what is there, answers what is whole. False when the connection has ended.
    fn turn(&mut self, connection: &mut Connection) -> bool {
        let mut piece = [0; 16 * 1024];
        loop {
            match connection.socket.read(&mut piece) {
                Ok(0) => return false,
                Ok(count) => {
                    connection.unread.extend_from_slice(&piece[..count]);
                    if count < piece.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        while let Some(length) = self.answer(&connection.unread, &mut connection.unwritten) {
            connection.unread.drain(..length);
        }
        while !connection.unwritten.is_empty() {
            match connection.socket.write(&connection.unwritten) {
                Ok(count) => drop(connection.unwritten.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        true
    }

    /// Appends the answer to the first request, if that is whole, and gives its length.
    fn answer(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let mut storage = [httparse::EMPTY_HEADER; 48];
        let mut head = httparse::Request::new(&mut storage);
        let httparse::Status::Complete(start) = head.parse(bytes).expect("a request") else { return None };
        let header = |name: &str| {
            head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|h| h.value)
        };
        let length: usize = header("content-length")
            .and_then(|value| std::str::from_utf8(value).ok())
            .map_or(0, |value| value.parse().unwrap());
        let body = bytes.get(start..start + length)?;
        match (head.path, header("x-zc-action")) {
            (Some("/seen"), _) => {
                let text = format!("{} {}", self.seen.creates, self.seen.reads);
                out.extend_from_slice(&plain(text.as_bytes()));
            }
            (Some("/last"), _) => out.extend_from_slice(&plain(&self.last_create)),
            (_, Some(b"CreateInstances")) => {
                self.seen.creates += 1;
                self.last_create.clear();
                self.last_create.extend_from_slice(&bytes[..start + length]);
                out.extend_from_slice(self.created.with(&body[MARKER_AT..MARKER_AT + MARKER]));
            }
            // The gateway's own question: what is there?
            _ if !body.starts_with(b"{\"instanceName\"") => out.extend_from_slice(&plain(NOTHING)),
            _ => {
                self.seen.reads += 1;
                out.extend_from_slice(self.listed.with(&body[MARKER_AT..MARKER_AT + MARKER]));
            }
        }
        Some(start + length)
    }
}

fn plain(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let mut answer = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}
