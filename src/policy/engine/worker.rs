//! One evaluation thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arc_swap::ArcSwap;

use super::copies::Copies;
use super::queue::{Done, Job, Next, Queue};
use super::seat::Seat;
use crate::clock::Stopwatch;
use crate::policy::evaluate::{Asked, Evaluator};
use crate::policy::failure::{PolicyFailure, Reason};
use crate::policy::set::PolicySet;

/// Works until the queue is closed. A panic outside an evaluation costs the copies, not the thread.
pub(super) fn run(queue: &Queue, current: &ArcSwap<PolicySet>, seat: &Seat) {
    while catch_unwind(AssertUnwindSafe(|| work(queue, current, seat))).is_err() {
        queue.panicked();
    }
}

fn work(queue: &Queue, current: &ArcSwap<PolicySet>, seat: &Seat) {
    let mut copies = Copies::default();
    let prepare = |copies: &mut Copies<Evaluator>| {
        let set = current.load();
        seat.prepare(&set);
        // An error shows again when they are used.
        let _ = copies.of(&set);
    };
    prepare(&mut copies);
    let mut version = 0;
    loop {
        match queue.next(&mut version) {
            Next::Stop => return,
            Next::Prepare => prepare(&mut copies),
            Next::Job(job) if job.reply.is_closed() => {} // its caller has gone
            Next::Job(job) => {
                queue.started();
                let outcome = catch_unwind(AssertUnwindSafe(|| evaluate(*job, &mut copies, queue)));
                queue.ended();
                if outcome.is_err() {
                    queue.panicked();
                    copies = Copies::default(); // in what state the panic left them nobody knows
                }
            }
        }
    }
}

impl Copies<Evaluator> {
    fn of(&mut self, set: &PolicySet) -> Result<&mut Evaluator, PolicyFailure> {
        if self.get(set).is_none() {
            self.put(set, Evaluator::new(&set.compiled)?);
        }
        self.get(set).ok_or_else(|| PolicyFailure::new(Reason::Error, "no copy of the policies"))
    }
}

/// Evaluates and replies. A panic drops the reply on its way, so the caller is told before the thread goes on.
fn evaluate(job: Job, copies: &mut Copies<Evaluator>, queue: &Queue) {
    let Job { set, group: number, entry, input, allowance, compare, seat, reply } = job;
    let evaluator = match copies.of(&set) {
        Ok(evaluator) => evaluator,
        Err(failure) => {
            let _ = reply.send(Done { answer: Err(failure), took: std::time::Duration::ZERO });
            return;
        }
    };
    let watch = Stopwatch::start();
    #[cfg(test)]
    super::tests::panic_if_asked(&input);
    let answer = match set.compiled.groups.get(number) {
        Some(group) => {
            let settings_last = set.is_settings(&input);
            evaluator.evaluate(
                Asked { group, number, entry, input: &input, settings_last },
                allowance,
                compare,
            )
        }
        None => Err(PolicyFailure::new(Reason::Error, "no such set of rules")),
    };
    let took = watch.elapsed();
    queue.add(std::mem::take(&mut evaluator.tally));
    let _ = reply.send(Done { answer, took }); // an error only says that the caller has gone
    if let Some(seat) = seat.filter(|seat| set.is_settings(&input) && seat.wants(&set, &input.settings))
        && let Some(team) = evaluator.settle(&input.settings, allowance)
    {
        seat.keep(&set, team);
    }
}
