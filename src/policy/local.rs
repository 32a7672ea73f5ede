//! Evaluation on the calling thread: no queue, no deadline. For the command line, replay and benchmarks; requests are judged by
//! [`super::Judge`] alone. The engine recurses: call it on a thread of [`on_a_deep_stack`].

use std::time::Duration;

use super::answer::{DecideAnswer, Patch};
use super::case::{self, Case, Circumstances};
use super::compile::Entry;
use super::engine::DEFAULT_INSTRUCTIONS;
use super::evaluate::{Allowance, Answer, Asked, Evaluator};
use super::failure::{PolicyFailure, Reason};
use super::input::Input;
use super::set::PolicySet;
use super::verdict::Verdict;
use crate::api::fields::AdmittedField;

/// The stack that evaluating rules needs, in bytes.
pub const DEEP_STACK_BYTES: usize = super::engine::STACK_BYTES;

/// One thread's copy of a set.
pub struct Local(Evaluator);

impl Local {
    /// Makes the copy.
    ///
    /// # Errors
    /// When the set cannot be copied.
    pub fn new(set: &PolicySet) -> Result<Self, PolicyFailure> {
        Evaluator::new(&set.compiled).map(Self)
    }

    /// As [`super::Sitting::amend`].
    ///
    /// # Errors
    /// Any failure of a rule.
    pub fn amend(&mut self, set: &PolicySet, input: &Input) -> Result<Vec<Patch>, PolicyFailure> {
        match self.ask(set, Entry::Amend, input)? {
            Some(Answer::Patches(patches)) => Ok(patches),
            Some(Answer::Decision(_)) => {
                Err(PolicyFailure::new(Reason::Error, "an answer to another question"))
            }
            None => Ok(Vec::new()),
        }
    }

    /// As [`super::Sitting::decide`].
    ///
    /// # Errors
    /// Any failure of a rule.
    pub fn decide(&mut self, set: &PolicySet, input: &Input) -> Result<DecideAnswer, PolicyFailure> {
        match self.ask(set, Entry::Decide, input)? {
            Some(Answer::Decision(decision)) => Ok(decision),
            Some(Answer::Patches(_)) => {
                Err(PolicyFailure::new(Reason::Error, "an answer to another question"))
            }
            None => Err(PolicyFailure::new(Reason::Undefined, "no rule that judges applies to this call")),
        }
    }

    /// Judges a call from its document to its verdict, as the gateway does.
    ///
    /// # Errors
    /// Any failure of a rule.
    pub fn judge(
        &mut self,
        set: &PolicySet,
        asked: case::Asked,
        circumstances: Circumstances,
        admitted: &[AdmittedField],
    ) -> Result<(Case, Verdict), PolicyFailure> {
        let mut case = Case::open(asked, circumstances, set);
        if case.is_amended() {
            let patches = self.amend(set, &case.input)?;
            case.patch(set, patches, admitted)?;
        }
        let answer = self.decide(set, &case.input)?;
        let verdict = case.verdict(set, answer)?;
        Ok((case, verdict))
    }

    /// None where no rule that applies can say anything.
    fn ask(&mut self, set: &PolicySet, entry: Entry, input: &Input) -> Result<Option<Answer>, PolicyFailure> {
        let action = &input.action;
        let (number, group) = set
            .group(action.kind, &action.service, &action.name, &input.principal.team)
            .ok_or_else(|| PolicyFailure::new(Reason::Error, "asked about a call that rules do not judge"))?;
        let asked = match entry {
            Entry::Amend => group.amends,
            Entry::Decide => group.decides,
        };
        if !asked {
            return Ok(None);
        }
        // Nobody waits, so the time is only there to end a rule that loops.
        let allowance = Allowance { time: Duration::from_secs(10), instructions: DEFAULT_INSTRUCTIONS };
        let settings_last = set.is_settings(input);
        self.0.evaluate(Asked { group, number, entry, input, settings_last }, allowance, false).map(Some)
    }
}

/// Runs work that evaluates rules, on a thread with a stack as deep as the gateway gives to it.
///
/// # Errors
/// When there is no thread, or the work panics.
pub fn on_a_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, PolicyFailure> {
    let failed = |detail: String| PolicyFailure::new(Reason::Panic, detail);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(DEEP_STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|error| failed(format!("no thread: {error}")))?;
        thread.join().map_err(|_| failed("the evaluation panicked".to_owned()))
    })
}
