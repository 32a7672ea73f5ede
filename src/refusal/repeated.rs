//! Words for requests that were here before.

use compact_str::CompactString;

use crate::quota::Repeated;
use crate::record::decision_id;

/// What was before, and what to do now.
pub(super) fn words(repeated: &Repeated) -> String {
    let made = |ids: &[CompactString]| {
        if ids.is_empty() { String::new() } else { format!("; it made {}", ids.join(", ")) }
    };
    match repeated {
        Repeated::Unknown { first } => format!(
            "an equal create (decision {}) ended with an outcome that nobody knows yet, so this one was not sent: it could be the \
             second of two. Ask the platform team, or wait until it is reconciled",
            decision_id(first)
        ),
        Repeated::Answered { first, ids } => format!(
            "this very request was answered before (decision {}{}); it was not sent again. For another order sign a new request",
            decision_id(first),
            made(ids)
        ),
        Repeated::Twins => {
            "too many requests with this very signature are on their way; sign each request anew".to_owned()
        }
        Repeated::Overtaken { by } => format!(
            "the client closed its connection before this was sent, and an equal request (decision {}) took its place",
            decision_id(by)
        ),
        Repeated::OtherOrder { first } => format!(
            "this Idempotency-Key was used for another request (decision {}); use a new one for a new order",
            decision_id(first)
        ),
        Repeated::AnswerLost { first, ids } => format!(
            "this request was run before (decision {}{}), and its answer is not kept any more; it was not sent again",
            decision_id(first),
            made(ids)
        ),
    }
}
