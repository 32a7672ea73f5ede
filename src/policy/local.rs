//! Evaluation on the calling thread: no queue, no deadline. For benchmarks, which measure the engine without the hop
//! to its threads; requests are judged by [`super::Judge`] alone.

use std::time::Duration;

use super::answer::{DecideAnswer, Patch};
use super::compile::Entry;
use super::engine::Limits;
use super::evaluate::{Allowance, Evaluator, Settings};
use super::failure::{PolicyFailure, Reason};
use super::input::Input;
use super::set::PolicySet;
use super::{reading, value};

/// One thread's copy of a set.
pub struct Local(Evaluator);

impl Local {
    /// Makes the copy.
    ///
    /// # Errors
    /// When the set cannot be copied.
    pub fn new(set: &PolicySet) -> Result<Self, PolicyFailure> {
        Evaluator::new(&set.compiled, set.organisation()).map(Self)
    }

    /// The input as the engine holds it.
    pub fn input(input: &Input) -> regorus::Value {
        value::input(input)
    }

    /// As [`super::Sitting::amend`].
    ///
    /// # Errors
    /// Any failure of a rule.
    pub fn amend(&mut self, set: &PolicySet, input: &Input) -> Result<Vec<Patch>, PolicyFailure> {
        self.ask(set, Entry::Amend, input).and_then(|answer| reading::amend(&answer))
    }

    /// As [`super::Sitting::decide`].
    ///
    /// # Errors
    /// Any failure of a rule.
    pub fn decide(&mut self, set: &PolicySet, input: &Input) -> Result<DecideAnswer, PolicyFailure> {
        self.ask(set, Entry::Decide, input).and_then(|answer| reading::decide(&answer))
    }

    fn ask(&mut self, set: &PolicySet, entry: Entry, input: &Input) -> Result<regorus::Value, PolicyFailure> {
        let action = &input.action;
        let team = &input.principal.team;
        let (group, _) = set
            .group(action.kind, &action.service, &action.name, team)
            .ok_or_else(|| PolicyFailure::new(Reason::Error, "asked about a call that rules do not judge"))?;
        // Nobody waits, so the time is only there to end a rule that loops.
        let allowance =
            Allowance { time: Duration::from_secs(10), instructions: Limits::default().instructions };
        self.0.evaluate(group, entry, value::input(input), &Settings::OfTeam(team.clone()), allowance)
    }
}
