//! An open loop: requests are due by the clock, whether or not the gateway keeps up. Who waits too long hangs up, and the next
//! one connects anew. Latencies count from when a request was due.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType};

use crate::fixture::{self, Ask};

/// One request in so many is a create.
const CREATES: usize = 10;
/// Reads that are prepared; they repeat.
const READS: u32 = 1024;

pub struct Crowd {
    pub address: SocketAddr,
    pub callers: usize,
    /// Requests a second; none: each caller asks again at once.
    pub rate: Option<f64>,
    pub patience: Duration,
    pub time: Duration,
}

#[derive(Default)]
pub struct Outcome {
    /// Milliseconds from when it was due, of those that got what they asked for.
    good: Vec<f64>,
    pub asked: usize,
    /// Of the good ones, those that came while requests were still offered: what the rate is made of.
    in_time: usize,
    /// Told to come again later.
    pub shed: usize,
    /// Hung up, or not even begun, within their patience.
    pub given_up: usize,
    /// Connections that the gateway has closed.
    pub closed: usize,
    pub seconds: f64,
}

impl Outcome {
    pub fn good_rate(&self) -> f64 {
        self.in_time as f64 / self.seconds
    }

    pub fn percentile(&self, share: f64) -> f64 {
        let place = (self.good.len().saturating_sub(1) as f64 * share) as usize;
        self.good.get(place).copied().unwrap_or(f64::NAN)
    }
}

struct Caller {
    socket: TcpStream,
    /// What the kernel has not taken yet: the connection is still being made.
    unsent: Vec<u8>,
    unread: Vec<u8>,
    due: Option<Instant>,
}

impl Caller {
    /// Begins a connection; nobody else waits for it.
    fn connect(address: SocketAddr) -> Self {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
        match net::connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => panic!("the gateway listens: {error}"),
        }
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true).unwrap();
        Self { socket, unsent: Vec::new(), unread: Vec::new(), due: None }
    }

    /// Sends what is still to be sent, as far as the connection takes it.
    fn send(&mut self) -> std::io::Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        match self.socket.write(&self.unsent) {
            Ok(count) => drop(self.unsent.drain(..count)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Crowd {
    /// Runs, with creates numbered from `marker` on: each is an order of its own.
    pub fn run(&self, marker: &mut u32) -> Outcome {
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let (host, now) = (self.address.to_string(), fixture::now());
        let reads: Vec<Vec<u8>> = (0..READS).map(|number| Ask::Read.request(number, &host, now)).collect();
        let poll = epoll::create(CreateFlags::CLOEXEC).unwrap();
        let connect = |place: usize| {
            let caller = Caller::connect(self.address);
            let events = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
            epoll::add(&poll, &caller.socket, EventData::new_u64(place as u64), events).unwrap();
            caller
        };
        let mut callers: Vec<Caller> = (0..self.callers).map(connect).collect();
        let mut idle: Vec<usize> = (0..callers.len()).collect();
        // Those who wait, in the order in which they began.
        let mut waiting: VecDeque<(usize, Instant)> = VecDeque::new();
        let mut due_now: VecDeque<Instant> = VecDeque::new();
        let mut events: Vec<Event> = Vec::with_capacity(1024);
        let mut outcome = Outcome::default();
        let start = Instant::now();
        let end = start + self.time;
        let step = self.rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
        let mut due = start;
        loop {
            let now = Instant::now();
            match step {
                None if now < end => due_now.resize(idle.len(), now),
                None => due_now.clear(),
                Some(step) => {
                    while due <= now && due < end {
                        due_now.push_back(due);
                        due += step;
                    }
                }
            }
            while due_now.front().is_some_and(|due| now.duration_since(*due) > self.patience) {
                due_now.pop_front();
                outcome.asked += 1;
                outcome.given_up += 1;
            }
            while waiting.front().is_some_and(|(_, due)| now.duration_since(*due) > self.patience) {
                let (place, due) = waiting.pop_front().unwrap();
                if callers[place].due == Some(due) {
                    outcome.given_up += 1;
                    callers[place] = connect(place);
                    idle.push(place);
                }
            }
            while let (Some(due), Some(place)) = (due_now.front().copied(), idle.last().copied()) {
                idle.pop();
                due_now.pop_front();
                outcome.asked += 1;
                let caller = &mut callers[place];
                caller.due = Some(due);
                waiting.push_back((place, due));
                let bytes = if outcome.asked.is_multiple_of(CREATES) {
                    *marker += 1;
                    &Ask::Create.request(*marker, &host, fixture::now())
                } else {
                    &reads[outcome.asked % reads.len()]
                };
                caller.unsent.extend_from_slice(bytes);
                // It was closed just now.
                if caller.send().is_err() {
                    outcome.closed += 1;
                    let unsent = bytes.to_vec();
                    *caller = Caller { due: Some(due), unsent, ..connect(place) };
                }
            }
            if now >= end && due_now.is_empty() && idle.len() == callers.len() {
                break;
            }
            let wait = if step.is_some() { Duration::from_millis(1) } else { Duration::from_millis(50) };
            let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
            events.clear();
            epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait)).unwrap();
            for event in &events {
                let place = { event.data }.u64() as usize;
                let before = outcome.good.len();
                let sent = callers[place].send();
                if sent.is_err() || receive(&mut callers[place], place, &mut idle, &mut outcome) {
                    outcome.closed += 1;
                    // It crossed with a request: that is sent again, as clients do whose connection was closed unread.
                    if let Some(due) = callers[place].due {
                        outcome.asked -= 1;
                        due_now.push_front(due);
                        idle.push(place);
                    }
                    callers[place] = connect(place);
                }
                outcome.in_time += if now < end { outcome.good.len() - before } else { 0 };
            }
        }
        outcome.seconds = self.time.as_secs_f64();
        outcome.good.sort_unstable_by(f64::total_cmp);
        outcome
    }
}

fn receive(caller: &mut Caller, place: usize, idle: &mut Vec<usize>, outcome: &mut Outcome) -> bool {
    let mut piece = [0; 64 * 1024];
    let mut ended = false;
    loop {
        match caller.socket.read(&mut piece) {
            // The gateway closes one on which no head has come for too long, as any server does.
            Ok(0) if caller.unread.is_empty() => return true,
            Ok(0) => {
                ended = true;
                break;
            }
            Ok(count) => caller.unread.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::NotConnected => return false,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::ConnectionReset && caller.unread.is_empty() => {
                return true;
            }
            Err(error) => panic!("{error}"),
        }
    }
    if caller.unread.is_empty() {
        return false;
    }
    let mut storage = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut storage);
    let httparse::Status::Complete(start) = head.parse(&caller.unread).expect("an answer") else {
        assert!(!ended, "a connection was closed within the head of an answer");
        return false;
    };
    let header = |name: &str| {
        let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| std::str::from_utf8(header.value).unwrap())
    };
    let length: usize = header("content-length").expect("every answer says its length").parse().unwrap();
    if caller.unread.len() < start + length {
        assert!(!ended, "a connection was closed within an answer");
        return false;
    }
    let closes = header("connection").is_some_and(|word| word == "close");
    assert_eq!(caller.unread.len(), start + length, "nothing follows the answer");
    let body = String::from_utf8_lossy(&caller.unread[start..]);
    match head.code {
        Some(200) => {
            let due = caller.due.expect("an answer to a request");
            outcome.good.push(due.elapsed().as_secs_f64() * 1000.0);
        }
        Some(429) => {
            assert!(header("retry-after").is_some() && body.contains("REQUEST_LIMIT_EXCEEDED"), "{body}");
            outcome.shed += 1;
        }
        status => panic!("{status:?}: {body}"),
    }
    caller.due = None;
    caller.unread.clear();
    idle.push(place);
    closes || ended
}
