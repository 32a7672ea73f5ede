//! Every way in which the gateway says no, with its axes: status, code, whose fault, what the caller may read.
//!
//! [`Refusal::row`] is the table: an exhaustive match, so a new refusal must choose its answer. Two rules stand above
//! the rows, both from how the SDKs behave: a refusal by a rule or by quota is 403 (429, 451 and
//! `REQUEST_LIMIT_EXCEEDED` make clients repeat), and `SERVICE_TEMPORARY_UNAVAILABLE` is said only when nothing was
//! sent (Terraform repeats a create for up to 90 minutes on it).

mod outcome;
mod repeated;
mod trouble;
mod words;

use std::num::NonZeroU32;
use std::time::Duration;

pub use outcome::Outcome;
pub use words::Details;
use words::{in_rule, list_exceeded, list_mistakes, list_violations};

pub use trouble::{AuthorizationTrouble, HeadTrouble, KeyTrouble};

use crate::api::mistake::{Mistake, MistakeCode};
use crate::json::ReadError;
use crate::policy::answer::Violation;
use crate::policy::fix::Step;
use crate::quota::{Exceeded, Repeated};

/// A request that the gateway does not answer with the cloud's answer. `Display` is the caller's message.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    // -- the head ---------------------------------------------------------------------------------
    /// Another method than POST.
    #[error("the method must be POST")]
    Method,
    /// A path that is not `/api/v2/<service>`.
    #[error("no such path; use `/api/v2/<service>` with one of the services {services}{hint}")]
    Path {
        /// The known services.
        services: String,
        /// ` (did you mean ...?)`, or empty.
        hint: String,
    },
    /// A head that two readers could understand differently.
    #[error("{0}")]
    Head(#[from] HeadTrouble),
    /// A body that is not JSON by its headers.
    #[error("{0}")]
    MediaType(&'static str),
    /// A head that is no HTTP/1.1.
    #[error("the head of the request cannot be read as HTTP/1.1, or is too long (status {status})")]
    Malformed {
        /// What the reader of HTTP makes of it: 400, 414 or 431.
        status: u16,
    },
    /// No `Content-Length`.
    #[error("send the body with `Content-Length`; other framings are not accepted")]
    LengthRequired,
    /// `Expect` with something else than `100-continue`.
    #[error("`Expect` may only be `100-continue`")]
    Expectation,
    /// Too many or too long header fields.
    #[error("the header fields are too many or too long: at most {max_fields} fields and {max_bytes} bytes")]
    HeadTooLarge {
        /// The most fields.
        max_fields: usize,
        /// The most bytes.
        max_bytes: usize,
    },
    /// A body over the limit.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A body that did not arrive in `limit` or came at less than `rate` bytes a second.
    #[error("the body came too slowly: send it within {limit:?} and at {rate} bytes a second or more")]
    BodyTimeout {
        /// For the whole.
        limit: Duration,
        /// On average.
        rate: usize,
    },
    /// A body that ended early.
    #[error("the body ended before `Content-Length` bytes had arrived")]
    BodyCut,
    // -- what is asked ----------------------------------------------------------------------------
    /// An action that the catalogue does not have, to the letter.
    #[error("`{service}` has no action `{action}` that this gateway knows{hint}")]
    UnknownAction {
        /// The service.
        service: String,
        /// The action as asked for, shortened.
        action: String,
        /// `; it is spelt ...`, or empty.
        hint: String,
    },
    /// A version that the action does not have.
    #[error("`{service} {action}` has no version `{version}`; it has {known}")]
    UnknownVersion {
        /// The service.
        service: &'static str,
        /// The action.
        action: &'static str,
        /// As asked for, shortened.
        version: String,
        /// The versions there are.
        known: String,
    },
    // -- who asks ---------------------------------------------------------------------------------
    /// No credential in a form that can be checked.
    #[error("the `Authorization` header cannot be used: {0}")]
    Authorization(AuthorizationTrouble),
    /// Unknown key or wrong signature: the same answer for both.
    #[error(
        "the signature does not match: check the access key id, the secret and that the host you sign is the host you call"
    )]
    Signature,
    /// A timestamp out of the window.
    #[error("`X-ZC-Timestamp` is {offset} seconds off this gateway's clock; at most {allowed} are allowed")]
    Skew {
        /// Seconds between the timestamp and now; positive when the caller's clock is ahead.
        offset: i64,
        /// The window in seconds.
        allowed: i64,
    },
    /// A good credential that may not be used (now, from here, for this).
    #[error("{0}")]
    Key(#[from] KeyTrouble),
    // -- the body ---------------------------------------------------------------------------------
    /// Not strict JSON.
    #[error("the body is not acceptable JSON: {0}")]
    Json(#[from] ReadError),
    /// Fields that the action does not have or that have wrong values.
    #[error("{}", list_mistakes(.0))]
    Fields(Vec<Mistake>),
    // -- judgement --------------------------------------------------------------------------------
    /// Rules forbid it.
    #[error("{}", list_violations(.violations, .team, .contact.as_deref(), .fix))]
    Violations {
        /// All of them.
        violations: Vec<Violation>,
        /// The caller's team.
        team: String,
        /// Whom to ask, by the organisation's data.
        contact: Option<String>,
        /// A change of the request that was tried and would pass; empty where none was found.
        fix: Vec<Step>,
    },
    /// A rule could not be asked.
    #[error("a policy could not be evaluated, so the request is refused ({reason}{}); ask your platform team", in_rule(.rule))]
    PolicyFailed {
        /// Why, from a closed list.
        reason: &'static str,
        /// The rule, where known.
        rule: Option<String>,
    },
    /// Quota is used up.
    #[error("{}", list_exceeded(.0))]
    Quota(Vec<Exceeded>),
    /// More creates in a time than the team or the key may send.
    #[error(
        "{what} `{name}` may send {per_minute} {} a minute (at once: {burst}); nothing was sent; try again in {retry_after} s",
        if per_minute.get() == 1 { "create" } else { "creates" }
    )]
    RateLimited {
        /// `team` or `key`: whose rate it is.
        what: &'static str,
        /// Its name.
        name: String,
        /// Creates it may send, evenly spread.
        per_minute: NonZeroU32,
        /// How many of them at once.
        burst: NonZeroU32,
        /// Seconds until the next one passes, at least 1.
        retry_after: u32,
    },
    /// The same request was here before, and sending it again could make twice what was asked for once.
    #[error("{}", repeated::words(.0))]
    Repeated(Repeated),
    /// A dry run that every rule and the quota let pass: what would have been sent, and what it would have counted.
    #[error("this was a dry run: the request would pass; nothing was sent and nothing is counted")]
    DryRun(Box<serde_json::Value>),
    // -- the gateway's own state ------------------------------------------------------------------
    /// More in flight than the limit.
    #[error("the gateway is busy; try again")]
    Busy,
    /// More long answers to reads than a key's callers may take at once.
    #[error(
        "key `{key}` takes {most} long answers already, the most at once: take those faster, or ask again later"
    )]
    TooManyAnswers {
        /// The key.
        key: String,
        /// The most.
        most: usize,
    },
    /// Shutting down.
    #[error("the gateway is shutting down; nothing was sent; try again")]
    Draining,
    /// The ledger cannot book.
    #[error("the quota ledger cannot be reached; nothing was sent; try again later")]
    LedgerAway,
    /// The key is not among those that are known, and the store of the others could not be read yet.
    #[error("the gateway has not read all of its keys yet; nothing was sent; try again later")]
    KeysAway,
    /// No record of it could be written.
    #[error(
        "decisions cannot be recorded at the moment, and none is made without a record; nothing was sent; try again later"
    )]
    NoRecord,
    /// A bug.
    #[error("the gateway failed on this request; nothing was sent")]
    Panic,
    // -- the cloud --------------------------------------------------------------------------------
    /// Nothing was sent.
    #[error("the cloud cannot be reached; nothing was sent; try again later")]
    NotSent,
    /// The edge of the cloud turned the request away before anything ran.
    #[error("the edge of the cloud turned the request away (status {status}); nothing was run")]
    EdgeRefused {
        /// The status it gave.
        status: u16,
    },
    /// Sent, and nobody knows what became of it.
    #[error(
        "the request was sent but its outcome is unknown ({what}). Do not repeat it before you have looked with a \
         Describe call; the gateway keeps it booked under decision {decision}"
    )]
    OutcomeUnknown {
        /// What happened, from a closed list.
        what: &'static str,
        /// The decision to ask about.
        decision: String,
    },
    /// A read that got no usable answer.
    #[error("the cloud gave no usable answer ({what}); it is safe to try again")]
    ReadFailed {
        /// What happened, from a closed list.
        what: &'static str,
    },
    /// An error of the cloud that is not in the form that SDKs read.
    #[error("the cloud answered with status {status} and something other than its error form")]
    Unreadable {
        /// Its status, kept.
        status: u16,
    },
}

/// Whose fault a refusal is; for alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller can mend it.
    Caller,
    /// A rule or a quota says no.
    Policy,
    /// The cloud or the way to it.
    Upstream,
    /// The gateway or what it depends on.
    Gateway,
}

/// One row of the table of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// The envelope's `code`.
    pub code: &'static str,
    /// Whose fault it is.
    pub blame: Blame,
    /// The label in metrics and logs.
    pub outcome: Outcome,
}

const UNAUTHORIZED_OPERATION: &str = "AUTHFAILURE_UNAUTHORIZED_OPERATION";
const INVALID_VALUE: &str = "INVALID_PARAMETER_VALUE";
const INVALID_AUTHORIZATION: &str = "AUTHFAILURE_INVALID_AUTHORIZATION";
const EXCEED_LENGTH: &str = "INVALID_PARAMETER_EXCEED_LENGTH";
const LIMIT_EXCEEDED: &str = "REQUEST_LIMIT_EXCEEDED";
const TIMED_OUT: &str = "REQUEST_TIMED_OUT";
const TEMPORARY: &str = "SERVICE_TEMPORARY_UNAVAILABLE";

impl Refusal {
    /// The table of answers.
    pub fn row(&self) -> Row {
        use Blame::{Caller, Gateway, Policy, Upstream};
        let (status, code, blame, outcome) = match self {
            Self::Method => (405, UNAUTHORIZED_OPERATION, Caller, Outcome::BadRequest),
            Self::Path { .. } => (404, UNAUTHORIZED_OPERATION, Caller, Outcome::BadRequest),
            Self::Head(_) => (400, INVALID_VALUE, Caller, Outcome::BadRequest),
            Self::MediaType(_) => (415, INVALID_VALUE, Caller, Outcome::BadRequest),
            Self::Malformed { status: status @ (414 | 431) } => {
                (*status, EXCEED_LENGTH, Caller, Outcome::Malformed)
            }
            Self::Malformed { .. } => (400, INVALID_VALUE, Caller, Outcome::Malformed),
            Self::LengthRequired => (411, INVALID_VALUE, Caller, Outcome::BadRequest),
            Self::Expectation => (417, INVALID_VALUE, Caller, Outcome::BadRequest),
            Self::HeadTooLarge { .. } => (431, EXCEED_LENGTH, Caller, Outcome::BadRequest),
            Self::BodyTooLarge { .. } => (413, EXCEED_LENGTH, Caller, Outcome::BadRequest),
            Self::BodyTimeout { .. } => (408, TIMED_OUT, Caller, Outcome::BadRequest),
            Self::BodyCut => (400, INVALID_VALUE, Caller, Outcome::BadRequest),
            Self::UnknownAction { .. } | Self::UnknownVersion { .. } | Self::Key(_) => {
                (401, UNAUTHORIZED_OPERATION, Caller, Outcome::Unauthorized)
            }
            Self::Authorization(_) => (401, INVALID_AUTHORIZATION, Caller, Outcome::Unauthenticated),
            Self::Signature => (401, "AUTHFAILURE_SIGNATURE_FAILURE", Caller, Outcome::Unauthenticated),
            Self::Skew { .. } => (401, "AUTHFAILURE_SIGNATURE_EXPIRED", Caller, Outcome::Unauthenticated),
            Self::Json(_) => (400, "INVALID_PARAMETER_TYPE", Caller, Outcome::BadRequest),
            Self::Fields(mistakes) => (400, first_code(mistakes), Caller, Outcome::BadRequest),
            Self::Violations { .. } => {
                (403, "OPERATION_DENIED_POLICY_VIOLATION", Policy, Outcome::DeniedPolicy)
            }
            Self::PolicyFailed { .. } => {
                (403, "OPERATION_DENIED_POLICY_ERROR", Gateway, Outcome::PolicyError)
            }
            Self::Quota(_) => (403, "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED", Policy, Outcome::DeniedQuota),
            // An error, so that nobody takes it for machines that are there; a code that no client repeats.
            Self::DryRun(_) => (403, "OPERATION_DENIED_DRY_RUN", Caller, Outcome::DryRun),
            // The one 429 to a caller's own doing: that clients wait and repeat is what is wanted.
            Self::RateLimited { .. } => (429, LIMIT_EXCEEDED, Caller, Outcome::RateLimited),
            Self::Repeated(Repeated::OtherOrder { .. }) => (400, INVALID_VALUE, Caller, Outcome::BadRequest),
            Self::Repeated(Repeated::Unknown { .. }) => {
                (403, "OPERATION_DENIED_OUTCOME_UNKNOWN", Policy, Outcome::Repeated)
            }
            Self::Repeated(_) => (403, "OPERATION_DENIED_REPEATED_REQUEST", Policy, Outcome::Repeated),
            Self::Busy => (429, LIMIT_EXCEEDED, Gateway, Outcome::Overloaded),
            Self::TooManyAnswers { .. } => (429, LIMIT_EXCEEDED, Caller, Outcome::RateLimited),
            Self::Draining | Self::LedgerAway | Self::KeysAway | Self::NoRecord => {
                (503, TEMPORARY, Gateway, Outcome::Unavailable)
            }
            Self::Panic => (500, "INTERNAL_SERVER_ERROR", Gateway, Outcome::InternalError),
            Self::NotSent | Self::EdgeRefused { .. } => (503, TEMPORARY, Upstream, Outcome::CloudAway),
            Self::OutcomeUnknown { .. } => (504, TIMED_OUT, Upstream, Outcome::Unknown),
            Self::ReadFailed { .. } => (504, TIMED_OUT, Upstream, Outcome::CloudAway),
            Self::Unreadable { status } => (*status, unreadable_code(*status), Upstream, Outcome::CloudError),
        };
        Row { status, code, blame, outcome }
    }

    /// The caller's message, cut where a body full of nonsense would make it as long as the body.
    pub fn message(&self) -> String {
        const LONGEST: usize = 8192;
        let text = self.to_string();
        if text.len() <= LONGEST {
            return text;
        }
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}... (cut)", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }

    /// Whether the connection cannot be used further: how much of it belongs to this request is in doubt.
    pub fn closes_connection(&self) -> bool {
        match self {
            Self::Malformed { .. }
            | Self::LengthRequired
            | Self::BodyTooLarge { .. }
            | Self::HeadTooLarge { .. }
            | Self::BodyTimeout { .. }
            | Self::BodyCut
            | Self::Expectation
            | Self::Draining => true,
            // Another reader may have seen another request, and what is behind this one as a part of it.
            Self::Head(_) | Self::Method | Self::Path { .. } => true,
            _ => false,
        }
    }

    /// Seconds for `Retry-After`; only where nothing was run.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy | Self::TooManyAnswers { .. } => Some(1),
            Self::RateLimited { retry_after, .. } => Some(*retry_after),
            Self::Draining | Self::LedgerAway | Self::KeysAway | Self::NoRecord | Self::NotSent => Some(5),
            _ => None,
        }
    }

    /// For the envelope's `fix`, a JSON Patch (RFC 6902) to the request as it was sent.
    pub fn fix(&self) -> Option<&[Step]> {
        match self {
            Self::Violations { fix, .. } if !fix.is_empty() => Some(fix),
            _ => None,
        }
    }

    /// What a dry run tells, under `dryRun` in the envelope.
    pub fn dry_run(&self) -> Option<&serde_json::Value> {
        match self {
            Self::DryRun(told) => Some(told),
            _ => None,
        }
    }

    /// What stands beside the message for programs, under `violations` in the envelope.
    pub fn violations(&self) -> Option<Details<'_>> {
        match self {
            Self::Violations { violations, .. } => Some(Details::Violations(violations)),
            Self::Quota(exceeded) => Some(Details::Exceeded(exceeded)),
            Self::Fields(mistakes) => Some(Details::Mistakes(mistakes)),
            _ => None,
        }
    }
}

/// The code for an answer of the cloud that is not in its own form: nothing that makes a client repeat a change.
fn unreadable_code(status: u16) -> &'static str {
    match status {
        429 => LIMIT_EXCEEDED,
        401 | 403 => UNAUTHORIZED_OPERATION,
        400..=499 => INVALID_VALUE,
        _ => "INTERNAL_SERVER_ERROR",
    }
}

fn first_code(mistakes: &[Mistake]) -> &'static str {
    mistakes.first().map_or(MistakeCode::Type, |mistake| mistake.code).as_str()
}

#[cfg(test)]
mod tests;
