//! One request from its arrival to the bytes of its answer, with the scripted faults where they strike.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answer::{Answer, request_id};
use super::call::Reply;
use super::fault::{Fault, When};
use super::http::Request;
use super::life::Fate;
use super::problem::Problem;
use super::record::{Seen, Verdict};
use super::shared::Shared;
use super::{control, route, signature};

/// What goes back on the wire.
pub(super) enum Finish {
    /// Bytes; `after` says what becomes of the connection.
    Send { bytes: Vec<u8>, drip: Option<(usize, Duration)>, after: After },
    /// FIN without an answer.
    Close,
    /// RST without an answer.
    Reset,
}

/// What becomes of a connection that got its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    Close,
}

/// Answers one request.
pub(super) async fn exchange(shared: &Shared, connection: u64, request: &Request) -> Finish {
    let after = if request.keep_alive { After::Keep } else { After::Close };
    if control::is_control(&request.target) {
        return send(&control::answer(shared, request), after);
    }
    let now = shared.options.clock.unix_seconds();
    let number = shared.arrive(Seen::new(connection, request, now));
    let id = request_id();
    let (keys, tokens) = (&shared.options.keys, &shared.options.tokens);
    let let_in = route::check(request).and_then(|()| signature::check(request, keys, tokens, now));
    if let Err(problem) = let_in {
        shared.settle(number, refused(&problem));
        return send(&Answer::refusal(&id, &problem), after);
    }
    let service = route::service(&request.target).unwrap_or_default();
    let action = request.single("x-zc-action").ok().flatten().unwrap_or_default();
    let faults = shared.lock().scripts.take(service, action);
    let attempt = Attempt { shared, request, number, id, faults, after };
    attempt.run().await
}

fn send(answer: &Answer, after: After) -> Finish {
    Finish::Send { bytes: answer.to_bytes(after == After::Close), drip: None, after }
}

fn refused(problem: &Problem) -> Verdict {
    Verdict::Refused { status: problem.status, code: problem.code.clone().into_owned() }
}

/// A request that was let in, with the faults scripted for it.
struct Attempt<'a> {
    shared: &'a Shared,
    request: &'a Request,
    number: u64,
    id: String,
    faults: Vec<Fault>,
    after: After,
}

/// What the faults of one side of the execution ask for.
enum Struck {
    Nothing,
    Answer(Answer),
    Close,
    Reset,
}

impl Attempt<'_> {
    async fn run(self) -> Finish {
        match self.strike(When::Before).await {
            Struck::Nothing => {}
            struck => {
                self.shared.settle(self.number, Verdict::FaultBefore);
                return self.finish(struck);
            }
        }
        let reply = self.execute();
        let verdict = reply.as_ref().err().map_or(Verdict::Executed, refused);
        let executed = verdict == Verdict::Executed;
        self.shared.settle(self.number, verdict);
        let struck = self.strike(When::After).await;
        if executed && self.harms() {
            self.shared.settle(self.number, Verdict::FaultAfter);
        }
        match struck {
            Struck::Nothing => {
                let answer = self.answer(reply);
                self.finish(Struck::Answer(answer))
            }
            struck => self.finish(struck),
        }
    }

    /// Whether the client will not get the good answer as it should be.
    fn harms(&self) -> bool {
        self.faults.iter().any(|fault| {
            !matches!(
                fault,
                Fault::Delay { .. }
                    | Fault::Hold { .. }
                    | Fault::CreateFails
                    | Fault::Vanishes
                    | Fault::Drip { .. }
            )
        })
    }

    /// Waits where a fault says so; the first one that ends the request decides how.
    async fn strike(&self, side: When) -> Struck {
        for fault in &self.faults {
            match fault {
                Fault::Delay { when, millis } if *when == side => {
                    tokio::time::sleep(Duration::from_millis(*millis)).await;
                }
                Fault::Hold { when, gate } if *when == side => gate.pass().await,
                Fault::Close { when } if *when == side => return Struck::Close,
                Fault::Reset { when } if *when == side => return Struck::Reset,
                other => {
                    if let Some(answer) = self.scripted_answer(other, side) {
                        return Struck::Answer(answer);
                    }
                }
            }
        }
        Struck::Nothing
    }

    fn scripted_answer(&self, fault: &Fault, side: When) -> Option<Answer> {
        match fault {
            Fault::Refuse { when, status, code, message, retry_after } if *when == side => {
                let problem =
                    Problem { status: *status, code: code.clone().into(), message: message.clone() };
                let mut answer = Answer::refusal(&self.id, &problem);
                answer
                    .headers
                    .extend(retry_after.map(|seconds| ("Retry-After".to_owned(), seconds.to_string())));
                Some(answer)
            }
            Fault::Page { when, status, content_type, body } if *when == side => {
                Some(Answer::new(*status, content_type, body.as_bytes()))
            }
            Fault::Redirect { when, status, location } if *when == side => {
                let mut answer = Answer::new(*status, "text/html", "");
                answer.headers.push(("Location".to_owned(), location.clone()));
                Some(answer)
            }
            _ => None,
        }
    }

    fn execute(&self) -> Reply {
        let routed = route::action(self.request)?;
        let body = route::body(self.request)?;
        let fate = self.faults.iter().find_map(|fault| match fault {
            Fault::CreateFails => Some(Fate::Fails),
            Fault::Vanishes => Some(Fate::Vanishes),
            _ => None,
        });
        self.shared.execute(&routed, &body, fate.unwrap_or_default())
    }

    /// The envelope of the reply, bent by the faults that bend good answers.
    fn answer(&self, reply: Reply) -> Answer {
        let mut result = match reply {
            Ok(result) => result,
            Err(problem) => return Answer::refusal(&self.id, &problem),
        };
        for fault in &self.faults {
            bend(&mut result, fault);
        }
        if self.faults.iter().any(|fault| matches!(fault, Fault::NullResponse)) {
            return Answer::json(200, &json!({ "requestId": self.id, "response": null }));
        }
        if self.faults.iter().any(|fault| matches!(fault, Fault::NoRequestId)) {
            return Answer::json(200, &json!({ "response": result }));
        }
        Answer::success(&self.id, result)
    }

    /// From answer to bytes, bent by the faults that bend the wire.
    fn finish(&self, struck: Struck) -> Finish {
        let answer = match struck {
            Struck::Answer(answer) => answer,
            Struck::Reset => return Finish::Reset,
            Struck::Close | Struck::Nothing => return Finish::Close,
        };
        let mut after = self.after;
        let mut bytes = answer.to_bytes(after == After::Close);
        let mut drip = None;
        for fault in &self.faults {
            match fault {
                Fault::Cut { bytes: length } => {
                    bytes.truncate(*length);
                    after = After::Close;
                }
                Fault::SpareBytes { text } => bytes.extend_from_slice(text.as_bytes()),
                Fault::SecondAnswer => bytes.extend_from_within(..),
                Fault::Drip { bytes, millis } => drip = Some((*bytes, Duration::from_millis(*millis))),
                Fault::CloseAfterAnswer => after = After::Close,
                _ => {}
            }
        }
        Finish::Send { bytes, drip, after }
    }
}

/// Changes the result of a create, or makes any result large.
fn bend(result: &mut Map<String, Value>, fault: &Fault) {
    if let Fault::Huge { bytes } = fault {
        result.insert("padding".to_owned(), Value::String("x".repeat(*bytes)));
    }
    let Some(Value::Array(ids)) = result.get_mut("instanceIdSet") else { return };
    match fault {
        Fault::FewerIds { missing } => ids.truncate(ids.len().saturating_sub(*missing)),
        Fault::RepeatedIds => {
            if let Some(first) = ids.first().cloned() {
                ids.fill(first);
            }
        }
        Fault::NoIds => {
            result.remove("instanceIdSet");
        }
        _ => {}
    }
    // The same machines are named a second time beside their disks.
    match fault {
        Fault::FewerIds { missing } => {
            if let Some(Value::Array(instances)) = result.get_mut("instances") {
                instances.truncate(instances.len().saturating_sub(*missing));
            }
        }
        Fault::NoIds => {
            result.remove("instances");
        }
        _ => {}
    }
}
