//! What the emulator saw: every request in order, for tests to look at.

use std::collections::VecDeque;

use super::http::Request;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Still at work, or held by a fault.
    Open,
    /// Executed; the answer was good.
    Executed,
    /// Refused by the cloud's own rules, signature check included.
    Refused {
        /// HTTP status.
        status: u16,
        /// The code of the envelope.
        code: String,
    },
    /// A scripted fault struck before anything was executed.
    FaultBefore,
    /// A scripted fault struck, and the request was executed.
    FaultAfter,
}

/// A request as it was received.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Counts all requests from 1.
    pub number: u64,
    /// Counts all connections from 1.
    pub connection: u64,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The service of the path; empty when the path is none of the API's.
    pub service: String,
    /// The header X-ZC-Action; empty when missing.
    pub action: String,
    /// The header X-ZC-Version, if sent.
    pub version: Option<String>,
    /// All headers in the order and spelling of the wire.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The raw body.
    pub body: Vec<u8>,
    /// The access key the request names, right or wrong.
    pub access_key: Option<String>,
    /// By the emulator's clock, Unix seconds.
    pub received: i64,
    /// What became of it.
    pub verdict: Verdict,
}

impl Seen {
    pub(super) fn new(connection: u64, request: &Request, received: i64) -> Self {
        let text = |name: &str| request.single(name).ok().flatten().map(str::to_owned);
        Self {
            number: 0,
            connection,
            method: request.method.clone(),
            target: request.target.clone(),
            service: super::route::service(&request.target).unwrap_or_default().to_owned(),
            action: text("x-zc-action").unwrap_or_default(),
            version: text("x-zc-version"),
            headers: request.headers.clone(),
            body: request.body.clone(),
            access_key: super::signature::claimed_key(request),
            received,
            verdict: Verdict::Open,
        }
    }

    /// The first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

/// The requests seen, the oldest dropped when there are too many.
#[derive(Debug)]
pub(super) struct Record {
    seen: VecDeque<Seen>,
    total: u64,
    keep: usize,
}

impl Record {
    pub(super) fn new(keep: usize) -> Self {
        Self { seen: VecDeque::new(), total: 0, keep }
    }

    /// Adds a request and gives its number.
    pub(super) fn push(&mut self, mut seen: Seen) -> u64 {
        self.total = self.total.saturating_add(1);
        seen.number = self.total;
        self.seen.push_back(seen);
        while self.seen.len() > self.keep {
            self.seen.pop_front();
        }
        self.total
    }

    pub(super) fn settle(&mut self, number: u64, verdict: Verdict) {
        if let Some(seen) = self.seen.iter_mut().rev().find(|seen| seen.number == number) {
            seen.verdict = verdict;
        }
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        self.seen.iter().cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        self.seen.clear();
    }
}
