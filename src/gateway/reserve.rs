//! Around the sending: book before, settle after. The only stage with a way out of its own.
//!
//! | what happens                      | what is booked                                     |
//! |-----------------------------------|----------------------------------------------------|
//! | the ledger says no or is away     | nothing; nothing is sent                           |
//! | nothing was sent                  | void                                               |
//! | the cloud says nothing ran        | void                                               |
//! | the cloud names instances         | created, those it did not name stay held           |
//! | anything else                     | unknown: held until it is reconciled               |
//! | the ledger fails after the send   | the hold stays; the answer still goes out, recorded |

use std::sync::Arc;

use compact_str::CompactString;
use tower::{Layer, Service};

use std::task::{Context, Poll};

use super::Parts;
use super::answer::{Answer, whole};
use super::caller::Kept;
use super::decide::Allowed;
use super::release::Releasing;
use super::send::Sent;
use super::stage::{Answering, Rest, on};
use super::trail::Trail;
use crate::api::Kind;
use crate::clock::Stopwatch;
use crate::metrics::{InstanceCount, Phase};
use crate::policy::verdict::Effect;
use crate::quota::event::ClientNews;
use crate::quota::{Admission, Asker, Called, Hold, Order, Over, ReserveError, Settlement, StoredAnswer};
use crate::record::{UpstreamRecord, decision_id};
use crate::refusal::Refusal;
use crate::reply::{self, Delivery, Fate, Meaning};
use crate::upstream::{Reply, SendError};

/// An allowed request that is booked. `booked` says how old the hold is: one that rested too long is not sent.
pub(super) struct Reserved {
    pub(super) allowed: Box<Allowed>,
    pub(super) booked: Booked,
}

/// When something was booked, by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Booked {
    pub(super) watch: Stopwatch,
    pub(super) at: std::time::Duration,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Reserve(Arc<Parts>);

impl Reserve {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl<Inner> Layer<Inner> for Reserve {
    type Service = ReserveService<Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        ReserveService { parts: Arc::clone(&self.0), inner }
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct ReserveService<Inner> {
    parts: Arc<Parts>,
    inner: Inner,
}

impl<Inner> Service<Box<Allowed>> for ReserveService<Inner>
where
    Inner: Rest<Reserved, Response = Sent>,
{
    type Response = Answer;
    type Error = Refusal;
    type Future = Answering<Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut allowed: Box<Allowed>) -> Self::Future {
        let (parts, inner) = (Arc::clone(&self.parts), self.inner.clone());
        Box::pin(async move {
            let mut about = About::of(&mut allowed);
            // From before it is booked: however long that took, what is too old is not sent.
            let booked = Booked { watch: Stopwatch::start(), at: parts.clock.since_epoch() };
            // From before it is booked, too: an equal order may be judged right after.
            let kept = parts.callers.keep(
                allowed.trail.uuid(),
                allowed.trail.caller(),
                allowed.marks.signature.clone(),
            );
            let admission =
                about.trail.timed(Phase::Reserve, parts.ledger.reserve(order(&mut allowed))).await;
            let hold = match admission.map_err(|error| about.not_booked(error))? {
                Admission::Booked { hold, over } => {
                    about.told_over(&over);
                    hold
                }
                Admission::Joined { first, answer } => {
                    about.trail.metrics().quota().joined();
                    about.trail.note(|facts| facts.joined = Some(decision_id(&first)));
                    follow(&parts, &about, first, kept);
                    return Ok(about.stored(answer));
                }
            };
            if about.kind == Kind::Create {
                follow(&parts, &about, hold.id(), kept);
            }
            let releasing = Releasing::of(&allowed);
            // What is below gives an error only before it sends: how sending went is in what it gives.
            let sent = on(&inner, Reserved { allowed, booked }).await.unwrap_or_else(Sent::Never);
            let (settlement, result) = about.outcome(sent);
            let answer = result.as_ref().ok().and_then(|(_, stored)| stored.clone());
            settle(&parts, &about.trail, hold, settlement, answer).await;
            let status = result.as_ref().ok().map(|(answer, _)| answer.status);
            releasing.done(&parts, &about.trail, status).await;
            result.map(|(answer, _)| answer)
        })
    }
}

/// Takes what is booked and not sent: nothing below asks for it.
fn order(allowed: &mut Allowed) -> Order {
    let instances = allowed.create.as_ref().map_or(0, |create| create.count);
    Order {
        id: allowed.trail.uuid(),
        asker: Asker {
            team: allowed.principal.team.clone(),
            key: allowed.principal.key.clone(),
            address: allowed.trail.peer().address.ip().to_string(),
            go_sdk: allowed.trail.is_go_sdk(),
        },
        account: allowed.principal.account.name.clone(),
        call: Called::of(&allowed.call),
        instances,
        claims: std::mem::take(&mut allowed.claims),
        view: allowed.create.take().map(Arc::new),
        marks: allowed.marks.clone(),
        left: false,
    }
}

/// Writes down what becomes of a create's caller: the same request sent again means something else after each. Where nothing is
/// counted, nothing tells the same request from another.
fn follow(parts: &Parts, about: &About, booking: uuid::Uuid, kept: Kept) {
    if !parts.ledger.counts() {
        return;
    }
    about.trail.follow();
    let (ledger, trail) = (parts.ledger.clone(), about.trail.clone());
    let (caller, request, go) = (trail.caller().clone(), trail.uuid(), trail.is_go_sdk());
    tokio::spawn(async move {
        let delivered = caller.end().await;
        let news = if delivered { ClientNews::Delivered } else { ClientNews::Left };
        trail.metrics().quota().answered(delivered);
        // The caller is kept until the ledger knows.
        ledger.client(booking, request, news).await;
        if delivered && go {
            // The Go SDK sends its signed bytes again after a failure that only it has seen.
            if tokio::time::timeout(GO_RETRIES, caller.hung_up()).await.is_ok_and(|hung_up| hung_up) {
                ledger.client(booking, request, ClientNews::Closed).await;
            }
        }
        drop(kept);
    });
}

/// Longer than a signature of the Go SDK can be sent again: 300 s on either side of its second.
const GO_RETRIES: std::time::Duration = std::time::Duration::from_secs(600);

async fn settle(
    parts: &Parts,
    trail: &Trail,
    hold: Hold,
    settlement: Settlement,
    answer: Option<StoredAnswer>,
) {
    let settled = trail.timed(Phase::Settle, parts.ledger.settle(hold, settlement, answer)).await;
    if let Err(error) = settled {
        // The answer goes out all the same; its ids are in the decision record and the hold stays counted.
        tracing::error!(request_id = trail.id(), %error, "a booking could not be settled and stays held");
    }
}

/// Answers of creates are short; a longer one is not kept.
const LONGEST_STORED: usize = 64 * 1024;

/// What is needed to understand an answer, kept while the request itself moves on.
struct About {
    kind: Kind,
    service: &'static str,
    team: String,
    zone: Option<CompactString>,
    asked: u32,
    warnings: Vec<String>,
    added: Vec<String>,
    trail: Trail,
}

impl About {
    fn of(allowed: &mut Allowed) -> Self {
        Self {
            kind: allowed.call.action.kind,
            service: allowed.call.action.service,
            team: allowed.principal.team.clone(),
            zone: allowed.create.as_ref().and_then(|create| create.zone.clone()),
            asked: allowed.create.as_ref().map_or(0, |create| create.count),
            warnings: std::mem::take(&mut allowed.warnings),
            added: std::mem::take(&mut allowed.added),
            trail: allowed.trail.clone(),
        }
    }

    fn not_booked(&self, error: ReserveError) -> Refusal {
        match error {
            ReserveError::Exceeded(exceeded) => Refusal::Quota(exceeded),
            ReserveError::Away(_) => Refusal::LedgerAway,
            ReserveError::Busy => Refusal::Busy,
            ReserveError::Repeated(repeated) => Refusal::Repeated(repeated),
            ReserveError::NoStore => {
                self.trail.detail(error);
                Refusal::PolicyFailed { reason: "quota_without_store", rule: None }
            }
        }
    }

    /// What is booked and what the caller gets.
    fn outcome(&self, sent: Sent) -> (Settlement, Result<(Answer, Option<StoredAnswer>), Refusal>) {
        match sent {
            Sent::Never(refusal) => (Settlement::Void, Err(refusal)),
            Sent::Tried(Ok(reply)) => self.understand(reply),
            Sent::Tried(Err(SendError::NotSent(error))) => {
                self.failure("not_sent", "not_run");
                self.trail.detail(chain(&error));
                (Settlement::Void, Err(Refusal::NotSent))
            }
            Sent::Tried(Err(SendError::Lost(lost))) => {
                self.failure(lost.as_str(), "unknown");
                (Settlement::Unknown, Err(self.unknown(lost.as_str())))
            }
        }
    }

    fn understand(&self, reply: Reply) -> (Settlement, Result<(Answer, Option<StoredAnswer>), Refusal>) {
        let status = reply.status.as_u16();
        let meaning = reply::classify(&reply::Facts {
            kind: self.kind,
            asked: self.asked,
            status,
            challenged: reply.headers.contains_key("cf-mitigated"),
            body: &reply.body,
        });
        self.trail.metrics().upstream(
            self.service,
            self.kind,
            status,
            reply::code_label(meaning.code.as_deref()),
        );
        self.note(&meaning, status);
        let result = match meaning.delivery {
            Delivery::Verbatim => {
                let stored = self.to_store(&reply, &meaning.fate);
                Ok((self.answer(reply), stored))
            }
            Delivery::OutcomeUnknown(what) => Err(self.unknown(what)),
            Delivery::EdgeRefused => Err(Refusal::EdgeRefused { status }),
            Delivery::Rewritten => Err(Refusal::Unreadable { status }),
        };
        let settlement = match meaning.fate {
            Fate::NotRun => Settlement::Void,
            Fate::Unknown => Settlement::Unknown,
            Fate::Ran { ids, missing } => {
                let made = u64::try_from(ids.len()).unwrap_or(u64::MAX);
                if self.kind == Kind::Create {
                    let metrics = self.trail.metrics();
                    metrics.instances(InstanceCount::Created, &self.team, self.zone.as_deref(), made);
                    if made != u64::from(self.asked) {
                        tracing::error!(
                            request_id = self.trail.id(),
                            asked = self.asked,
                            made,
                            "the cloud made another number of instances than asked"
                        );
                    }
                }
                Settlement::Created { ids, missing }
            }
        };
        (settlement, result)
    }

    /// The answer of a create that ran, for a client that may have to be given it again. Answers of creates hold no secrets.
    fn to_store(&self, reply: &Reply, fate: &Fate) -> Option<StoredAnswer> {
        let worth = self.kind == Kind::Create && matches!(fate, Fate::Ran { .. });
        if !worth || reply.body.len() > LONGEST_STORED {
            return None;
        }
        let body = String::from_utf8(reply.body.to_vec()).ok()?;
        Some(StoredAnswer { status: reply.status.as_u16(), body })
    }

    /// Limits that the request exceeds without being refused for it.
    fn told_over(&mut self, over: &[Over]) {
        for over in over {
            self.trail.metrics().quota().over_limit(&over.rule, over.effect);
            if over.effect == Effect::Warned {
                self.warnings.push(format!("{}: quota exceeded: {}", over.rule, over.exceeded));
            }
        }
    }

    fn answer(&self, reply: Reply) -> Answer {
        Answer {
            status: reply.status,
            length: u64::try_from(reply.body.len()).ok(),
            body: whole(reply.body),
            encoding: None,
            warnings: self.warnings.clone(),
            added: self.added.clone(),
        }
    }

    /// The answer of an earlier create, which this request is the same as.
    fn stored(&self, answer: StoredAnswer) -> Answer {
        Answer {
            status: http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::OK),
            length: u64::try_from(answer.body.len()).ok(),
            body: whole(answer.body),
            encoding: None,
            warnings: self.warnings.clone(),
            added: self.added.clone(),
        }
    }

    fn unknown(&self, what: &'static str) -> Refusal {
        Refusal::OutcomeUnknown { what, decision: self.trail.id().to_owned() }
    }

    fn note(&self, meaning: &Meaning, status: u16) {
        let (fate, ids) = match &meaning.fate {
            Fate::Ran { ids, .. } => ("ran", ids.clone()),
            Fate::NotRun => ("not_run", Vec::new()),
            Fate::Unknown => ("unknown", Vec::new()),
        };
        self.trail.note(|facts| {
            facts.upstream = Some(UpstreamRecord {
                status: Some(status),
                code: meaning.code.clone(),
                request_id: meaning.request_id.clone(),
                instance_ids: ids,
                failure: None,
                fate: Some(fate),
            });
        });
    }

    fn failure(&self, reason: &'static str, fate: &'static str) {
        self.trail.metrics().upstream_failure(self.kind, reason);
        self.trail.note(|facts| {
            facts.upstream =
                Some(UpstreamRecord { failure: Some(reason), fate: Some(fate), ..UpstreamRecord::default() });
        });
    }
}

/// An error with its causes, for the operator's log.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
