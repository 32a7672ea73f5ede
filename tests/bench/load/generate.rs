//! The load generator for plain HTTP/1.1: one thread, one poll, prepared requests; every answer is checked.
//!
//! At a fixed rate the schedule is made before the run and a request's latency counts from the moment it was due, not
//! from when a connection was free for it: a slow answer delays those behind it, and that delay is theirs
//! (no coordinated omission).

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::answers::{self, Template};
use crate::check;
use crate::fixture::Ask;
use crate::proxies::Judge;

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Each connection sends as soon as it has its answer.
    Saturate,
    /// So many requests a second, evenly.
    Rate(f64),
}

/// One run.
pub struct Plan<'a> {
    pub address: SocketAddr,
    pub judge: Judge,
    pub requests: &'a [Prepared],
    pub connections: usize,
    pub pace: Pace,
    pub time: Duration,
    /// No request is sent twice; when all are sent, the run is over.
    pub once: bool,
}

impl Plan<'_> {
    /// How many requests may still be sent after `sent`.
    pub fn left(&self, sent: usize) -> usize {
        if self.once { self.requests.len().saturating_sub(sent) } else { usize::MAX }
    }
}

/// What is measured from outside, while all connections are open: before the first request, after the last answer.
pub struct Meter<'a> {
    pub begin: &'a mut dyn FnMut(),
    pub end: &'a mut dyn FnMut(),
}

/// A request ready to be sent, and what must come back.
pub struct Prepared {
    pub bytes: Vec<u8>,
    pub ask: Ask,
    pub marker: u32,
}

/// What came out of a run.
#[derive(Default)]
pub struct Outcome {
    /// Nanoseconds from when a request was due to the end of its answer, in order.
    pub latencies: Vec<u64>,
    /// Sent, by what was asked.
    pub creates: u64,
    pub refused: u64,
    pub reads: u64,
    pub seconds: f64,
    /// The body of the last refusal.
    pub refusal: Vec<u8>,
}

impl Outcome {
    pub fn count(&mut self, ask: Ask) {
        match ask {
            Ask::Create => self.creates += 1,
            Ask::Refused => self.refused += 1,
            Ask::Read => self.reads += 1,
        }
    }
}

/// The answers that the stub gives.
pub struct Answers {
    created: Template,
    listed: Template,
}

impl Answers {
    pub fn new() -> Self {
        Self { created: answers::body(Ask::Create), listed: answers::body(Ask::Read) }
    }

    /// Checks an answer: of what was passed on to the byte, of a refusal who refused it. A refusal is kept in `refusal`.
    pub fn check(
        &mut self,
        prepared: &Prepared,
        judge: Judge,
        status: u16,
        decision: Option<&str>,
        body: &[u8],
        refusal: &mut Vec<u8>,
    ) {
        let expected = match prepared.ask {
            Ask::Refused if judge != Judge::Nobody => {
                check::refusal(judge, status, decision, body);
                refusal.clear();
                return refusal.extend_from_slice(body);
            }
            Ask::Create | Ask::Refused => &mut self.created,
            Ask::Read => &mut self.listed,
        };
        let marker = format!("{:08}", prepared.marker);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(body));
        assert!(body == expected.with(marker.as_bytes()), "the answer of request {marker}, to the byte");
    }
}

struct Connection {
    socket: TcpStream,
    unread: Vec<u8>,
    /// What is under way: its place in the plan and when it was due.
    waiting: Option<(usize, Instant)>,
}

struct Run<'a> {
    plan: &'a Plan<'a>,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    next: usize,
    outcome: Outcome,
    answers: Answers,
}

/// Runs a plan. Anything that is not as it should be ends the benchmark.
pub fn run(plan: &Plan<'_>, meter: Meter<'_>) -> Outcome {
    // Waking up 50 us late would be the generator's latency, not the proxy's.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    let poll = epoll::create(CreateFlags::CLOEXEC).unwrap();
    let connections: Vec<Connection> = (0..plan.connections)
        .map(|place| {
            let socket = TcpStream::connect(plan.address).expect("the proxy listens");
            socket.set_nodelay(true).unwrap();
            socket.set_nonblocking(true).unwrap();
            epoll::add(&poll, &socket, EventData::new_u64(place as u64), EventFlags::IN).unwrap();
            Connection { socket, unread: Vec::with_capacity(64 * 1024), waiting: None }
        })
        .collect();
    let mut run = Run {
        plan,
        idle: (0..connections.len()).collect(),
        connections,
        next: 0,
        outcome: Outcome::default(),
        answers: Answers::new(),
    };
    (meter.begin)();
    run.work(&poll);
    (meter.end)();
    run.outcome.latencies.sort_unstable();
    run.outcome
}

impl Run<'_> {
    fn work(&mut self, poll: &impl std::os::fd::AsFd) {
        let start = Instant::now();
        let mut end = start + self.plan.time;
        let step = match self.plan.pace {
            Pace::Saturate => None,
            Pace::Rate(rate) => Some(Duration::from_secs_f64(1.0 / rate)),
        };
        let mut due = start;
        let mut backlog: VecDeque<Instant> = VecDeque::new();
        let mut events: Vec<Event> = Vec::with_capacity(256);
        loop {
            let now = Instant::now();
            let left = self.plan.left(self.next);
            if left == 0 && end > now {
                end = now;
            }
            match step {
                None if now < end => backlog.resize(self.idle.len().min(left), now),
                None => backlog.clear(),
                Some(step) => {
                    while due <= now && due < end && backlog.len() < left {
                        backlog.push_back(due);
                        due += step;
                    }
                }
            }
            while let (Some(due), Some(place)) = (backlog.front().copied(), self.idle.last().copied()) {
                backlog.pop_front();
                self.idle.pop();
                self.send(place, due);
            }
            let over = now >= end && backlog.is_empty();
            if over && self.idle.len() == self.connections.len() {
                break;
            }
            assert!(now < end + Duration::from_secs(30), "answers are missing");
            let until = match step {
                Some(_) if due < end => due,
                _ if now < end => end,
                _ => now + Duration::from_secs(1),
            };
            let wait = until.saturating_duration_since(Instant::now());
            let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
            events.clear();
            epoll::wait(poll, rustix::buffer::spare_capacity(&mut events), Some(&wait)).unwrap();
            for event in &events {
                self.receive({ event.data }.u64() as usize);
            }
        }
        self.outcome.seconds = start.elapsed().as_secs_f64();
    }

    fn send(&mut self, place: usize, due: Instant) {
        let number = self.next % self.plan.requests.len();
        self.next += 1;
        let prepared = &self.plan.requests[number];
        let connection = &mut self.connections[place];
        let written = connection.socket.write(&prepared.bytes).expect("the connection stays open");
        assert_eq!(written, prepared.bytes.len(), "a small request fits into an empty buffer");
        connection.waiting = Some((number, due));
        self.outcome.count(prepared.ask);
    }

    fn receive(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        let mut piece = [0; 64 * 1024];
        match connection.socket.read(&mut piece) {
            Ok(0) => panic!("a connection was closed"),
            Ok(count) => connection.unread.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
        let mut storage = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut storage);
        let httparse::Status::Complete(start) = head.parse(&connection.unread).expect("an answer") else {
            return;
        };
        let header = |name: &str| {
            let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| std::str::from_utf8(header.value).unwrap())
        };
        let length: usize = header("content-length").expect("every answer says its length").parse().unwrap();
        if connection.unread.len() < start + length {
            return;
        }
        let (number, due) = connection.waiting.take().expect("an answer to a request");
        self.outcome.latencies.push(due.elapsed().as_nanos() as u64);
        assert_eq!(connection.unread.len(), start + length, "nothing follows the answer");
        let prepared = &self.plan.requests[number];
        let body = &connection.unread[start..];
        let (status, decision) = (head.code.unwrap(), header("x-zengate-decision"));
        let refusal = &mut self.outcome.refusal;
        self.answers.check(prepared, self.plan.judge, status, decision, body, refusal);
        connection.unread.clear();
        self.idle.push(place);
    }
}
