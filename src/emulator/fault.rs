//! What can be made to go wrong, for which requests and how often.
//!
//! Scripts are tried in the order in which they were written; the first that fits a request and has times left is
//! used up by one. Only requests that passed the signature check meet faults, except the two that strike before
//! anything is read. To combine several in one request, use [`Fault::All`].

use serde::Deserialize;

mod gate;
mod preset;

pub use gate::Gate;
pub use preset::Preset;

/// On which side of the execution of the request a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Nothing has been executed; for answers: nothing will be.
    Before,
    /// The request has been executed, machines exist.
    After,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The connection is closed when bytes arrive, none of which is read. Fits every request.
    CloseUnread,
    /// The connection is reset when bytes arrive, none of which is read. Fits every request.
    ResetUnread,
    /// The connection is closed (FIN) instead of an answer.
    Close {
        /// Before or after executing.
        when: When,
    },
    /// The connection is reset (RST) instead of an answer.
    Reset {
        /// Before or after executing.
        when: When,
    },
    /// The connection is closed after a good answer that promised to keep it.
    CloseAfterAnswer,
    /// The request waits.
    Delay {
        /// Before or after executing.
        when: When,
        /// How long, in milliseconds.
        millis: u64,
    },
    /// The request waits until the gate is opened.
    Hold {
        /// Before or after executing.
        when: When,
        /// Opens it; over HTTP every held request is released by one call.
        #[serde(skip)]
        gate: Gate,
    },
    /// An error envelope with this status. `When::Before` executes nothing.
    Refuse {
        /// Before or after executing.
        when: When,
        /// HTTP status; 200 is possible and makes the envelope a lie.
        status: u16,
        /// The code of the envelope.
        code: String,
        /// The message of the envelope.
        #[serde(default)]
        message: String,
        /// Seconds for a Retry-After header.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Any status, type and body: HTML pages, JSON of another shape, nothing at all.
    Page {
        /// Before or after executing.
        when: When,
        /// HTTP status.
        status: u16,
        /// The Content-Type header.
        content_type: String,
        /// The body.
        body: String,
    },
    /// A redirect.
    Redirect {
        /// Before or after executing.
        when: When,
        /// 301, 302, 307 or 308.
        status: u16,
        /// The Location header.
        location: String,
    },
    /// A good answer whose `response` is null.
    NullResponse,
    /// A good answer without either requestId.
    NoRequestId,
    /// A good answer that names this many ids fewer than were created.
    FewerIds {
        /// How many are left out.
        missing: usize,
    },
    /// A good answer in which every id is the first one.
    RepeatedIds,
    /// A good answer without an id set.
    NoIds,
    /// The connection is closed after this many bytes of the answer.
    Cut {
        /// Bytes of head and body together.
        bytes: usize,
    },
    /// Bytes that belong to nothing follow the answer.
    SpareBytes {
        /// What follows.
        text: String,
    },
    /// The answer is sent twice.
    SecondAnswer,
    /// The answer comes in small pieces.
    Drip {
        /// Bytes per piece.
        bytes: usize,
        /// Milliseconds between two pieces.
        millis: u64,
    },
    /// A good answer with a member of this size added.
    Huge {
        /// Bytes added.
        bytes: usize,
    },
    /// The machines of a create end in CREATE_FAILED.
    CreateFails,
    /// The machines of a create disappear instead of running.
    Vanishes,
    /// All of these in one request.
    All {
        /// Applied together.
        faults: Vec<Fault>,
    },
}

impl Fault {
    /// A refusal before anything is executed.
    pub fn refuse(status: u16, code: &str) -> Self {
        Self::answer(When::Before, status, code)
    }

    /// An error envelope although the request was executed.
    pub fn refuse_after(status: u16, code: &str) -> Self {
        Self::answer(When::After, status, code)
    }

    /// 429 with the rate-limit code and a Retry-After of this many seconds.
    pub fn rate_limit(retry_after: u32) -> Self {
        Self::Refuse {
            when: When::Before,
            status: 429,
            code: "REQUEST_LIMIT_EXCEEDED".to_owned(),
            message: "Request limit exceeded.".to_owned(),
            retry_after: Some(retry_after),
        }
    }

    /// The account has no money left. The vendor lists no code for it; this one is the emulator's choice.
    pub fn insufficient_balance() -> Self {
        Self::refuse(403, "OPERATION_DENIED_BALANCE_INSUFFICIENT")
    }

    /// An HTML page of a proxy in front of the cloud.
    pub fn html(when: When, status: u16) -> Self {
        Self::Page {
            when,
            status,
            content_type: "text/html".to_owned(),
            body: format!("<html><body><h1>{status}</h1></body></html>"),
        }
    }

    /// Status 200 and this body, after executing.
    pub fn body(body: &str) -> Self {
        Self::Page {
            when: When::After,
            status: 200,
            content_type: "application/json".to_owned(),
            body: body.to_owned(),
        }
    }

    /// Holds the request, executed or not, until the gate opens.
    pub fn hold(when: When, gate: &Gate) -> Self {
        Self::Hold { when, gate: gate.clone() }
    }

    fn answer(when: When, status: u16, code: &str) -> Self {
        let message = "Scripted by the emulator.".to_owned();
        Self::Refuse { when, status, code: code.to_owned(), message, retry_after: None }
    }

    /// This fault or, for [`Fault::All`], those in it, in order.
    pub(super) fn flatten(self) -> Vec<Fault> {
        match self {
            Self::All { faults } => faults.into_iter().flat_map(Fault::flatten).collect(),
            single => vec![single],
        }
    }

    /// Whether it strikes before a byte is read.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self, Self::CloseUnread | Self::ResetUnread)
    }
}

/// Which requests a script is for; an absent part fits everything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// The service of the path.
    #[serde(default)]
    pub service: Option<String>,
    /// The action.
    #[serde(default)]
    pub action: Option<String>,
}

impl On {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// One action of one service.
    pub fn action(service: &str, action: &str) -> Self {
        Self { service: Some(service.to_owned()), action: Some(action.to_owned()) }
    }

    /// vm CreateInstances.
    pub fn create() -> Self {
        Self::action("vm", "CreateInstances")
    }

    fn fits(&self, service: &str, action: &str) -> bool {
        let fits = |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|text| text == given);
        fits(&self.service, service) && fits(&self.action, action)
    }
}

/// How often a script applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// To the next requests that fit, this many.
    Exactly(u32),
    /// Until the faults are cleared.
    Forever,
}

/// The scripts of an emulator.
#[derive(Debug, Default)]
pub(super) struct Scripts(Vec<(On, Fault, Times)>);

impl Scripts {
    pub(super) fn add(&mut self, on: On, fault: Fault, times: Times) {
        self.0.push((on, fault, times));
    }

    pub(super) fn clear(&mut self) {
        self.open_gates();
        self.0.clear();
    }

    /// Opens every gate that is scripted and left.
    pub(super) fn open_gates(&self) {
        for (_, fault, _) in &self.0 {
            for fault in fault.clone().flatten() {
                if let Fault::Hold { gate, .. } = fault {
                    gate.open();
                }
            }
        }
    }

    /// Scripts that still have times left.
    pub(super) fn left(&self) -> usize {
        self.0.iter().filter(|(_, _, times)| *times != Times::Exactly(0)).count()
    }

    /// The faults for a request; empty when none is scripted.
    pub(super) fn take(&mut self, service: &str, action: &str) -> Vec<Fault> {
        self.next(|on, fault| !fault.is_unread() && on.fits(service, action))
            .map_or_else(Vec::new, Fault::flatten)
    }

    /// The fault that strikes before anything is read.
    pub(super) fn take_unread(&mut self) -> Option<Fault> {
        self.next(|_, fault| fault.is_unread())
    }

    fn next(&mut self, fits: impl Fn(&On, &Fault) -> bool) -> Option<Fault> {
        let (_, fault, times) =
            self.0.iter_mut().find(|(on, fault, times)| *times != Times::Exactly(0) && fits(on, fault))?;
        if let Times::Exactly(left) = times {
            *left = left.saturating_sub(1);
        }
        Some(fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_script_that_fits_is_used_up_first() {
        let mut scripts = Scripts::default();
        scripts.add(On::create(), Fault::refuse(503, "A"), Times::Exactly(1));
        scripts.add(On::any(), Fault::refuse(429, "B"), Times::Forever);
        let code = |faults: Vec<Fault>| match faults.first() {
            Some(Fault::Refuse { code, .. }) => code.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!(code(scripts.take("vm", "DescribeZones")), "B");
        assert_eq!(code(scripts.take("vm", "CreateInstances")), "A");
        assert_eq!(code(scripts.take("vm", "CreateInstances")), "B");
        assert_eq!(scripts.left(), 1);
    }

    #[test]
    fn scripts_are_written_in_json_too() {
        let fault: Fault = serde_json::from_str(
            r#"{"kind":"all","faults":[{"kind":"hold","when":"after"},{"kind":"cut","bytes":7}]}"#,
        )
        .unwrap();
        let flat = fault.flatten();
        assert!(matches!(flat.as_slice(), [Fault::Hold { when: When::After, .. }, Fault::Cut { bytes: 7 }]));
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"cut","byte":7}"#).is_err());
    }
}
