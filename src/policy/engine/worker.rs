//! One evaluation thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arc_swap::ArcSwap;

use super::queue::{Done, Job, Next, Queue};
use crate::clock::Stopwatch;
use crate::policy::evaluate::{Asked, Evaluator};
use crate::policy::failure::{PolicyFailure, Reason};
use crate::policy::set::PolicySet;

/// The copies a thread keeps: of the policies in force and of those before, which requests under way still use.
const KEPT: usize = 2;

/// Works until the queue is closed. A panic outside an evaluation costs the copies, not the thread.
pub(super) fn run(queue: &Queue, current: &ArcSwap<PolicySet>) {
    while catch_unwind(AssertUnwindSafe(|| work(queue, current))).is_err() {
        queue.panicked();
    }
}

fn work(queue: &Queue, current: &ArcSwap<PolicySet>) {
    let mut copies = Copies::default();
    copies.prepare(&current.load());
    let mut version = 0;
    loop {
        match queue.next(&mut version) {
            Next::Stop => return,
            Next::Prepare => copies.prepare(&current.load()),
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

/// A thread's copies by the number of their set, newest use last.
#[derive(Default)]
struct Copies(Vec<(u64, Evaluator)>);

impl Copies {
    /// Makes the copies of a set, if there are none yet. An error shows again when they are used.
    fn prepare(&mut self, set: &PolicySet) {
        let _ = self.of(set);
    }

    fn of(&mut self, set: &PolicySet) -> Result<&mut Evaluator, PolicyFailure> {
        if let Some(place) = self.0.iter().position(|(number, _)| *number == set.number) {
            let copy = self.0.remove(place);
            self.0.push(copy);
        } else {
            let evaluator = Evaluator::new(&set.compiled)?;
            if self.0.len() >= KEPT {
                self.0.remove(0);
            }
            self.0.push((set.number, evaluator));
        }
        let newest = self.0.last_mut().map(|(_, evaluator)| evaluator);
        newest.ok_or_else(|| PolicyFailure::new(Reason::Error, "no copy of the policies"))
    }
}

/// Evaluates and replies. A panic drops the reply on its way, so the caller is told before the thread goes on.
fn evaluate(job: Job, copies: &mut Copies, queue: &Queue) {
    let Job { set, group: number, entry, input, allowance, reply } = job;
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
            evaluator.evaluate(Asked { group, number, entry, input: &input, settings_last }, allowance)
        }
        None => Err(PolicyFailure::new(Reason::Error, "no such set of rules")),
    };
    let took = watch.elapsed();
    queue.add(std::mem::take(&mut evaluator.tally));
    let _ = reply.send(Done { answer, took }); // an error only says that the caller has gone
}
