//! One thread's evaluation: its own copies of data and settings, and limits on every run.
//!
//! The plan answers; what it leaves, and what it cannot answer, the interpreter does. One answer in [`COMPARED`] is asked of both:
//! should they differ, the interpreter's counts, and its set of rules is the interpreter's from then on.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use regorus::LimitError;
use regorus::utils::limits::ExecutionTimerConfig;

use super::answer::{DecideAnswer, Patch};
use super::compile::{Compiled, Entry, Group, Scope};
use super::failure::{PolicyFailure, Reason};
use super::input::Input;
use super::interpreters::Interpreters;
use super::plan::{Cause, OfTeam, PlanThread, Question, SCRATCH_BYTES, Stop};
use super::{reading, value};

/// How many steps the engine takes between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = match NonZeroU32::new(256) {
    Some(steps) => steps,
    None => NonZeroU32::MIN,
};

/// One answer in so many is asked of the interpreter too, the first of each thread among them. A comparison costs as much as
/// some fifty answers.
pub(super) const COMPARED: u64 = 1000;

/// What one evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Time, looked at between steps: a single builtin runs to its end.
    pub(super) time: Duration,
    /// Steps of the plan: statements, elements of collections and calls.
    pub(super) instructions: usize,
}

/// What rules answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// To `amend`.
    Patches(Vec<Patch>),
    /// To `decide`.
    Decision(DecideAnswer),
}

impl Answer {
    /// The rules whose part in this answer is not their part in another, but for those in `left`.
    pub(super) fn differing(&self, other: &Self, left: &BTreeSet<String>) -> BTreeSet<String> {
        let (mine, theirs) = (self.elements(), other.elements());
        let odd = mine.symmetric_difference(&theirs).map(|(rule, _)| rule.clone());
        odd.filter(|rule| !left.contains(rule)).collect()
    }

    /// Each element with its rule.
    fn elements(&self) -> BTreeSet<(String, String)> {
        match self {
            Self::Patches(patches) => {
                patches.iter().map(|patch| (patch.rule.clone(), format!("{patch:?}"))).collect()
            }
            Self::Decision(decision) => {
                let deny = decision.deny.iter().map(|one| (one.rule.clone(), format!("deny {one:?}")));
                let warn = decision.warn.iter().map(|one| (one.rule.clone(), format!("warn {one:?}")));
                let quota = decision.quota.iter().map(|one| (one.rule.to_string(), format!("{one:?}")));
                deny.chain(warn).chain(quota).collect()
            }
        }
    }
}

/// What a thread has done, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Questions that the plan answered, all rules or some of them.
    pub(super) planned: u64,
    /// Questions that went to the interpreter because a rule is not planned.
    pub(super) unplanned: u64,
    /// Questions that the plan could not answer.
    pub(super) elsewhere: u64,
    /// Answers that were compared.
    pub(super) compared: u64,
    /// Answers that differed.
    pub(super) differed: u64,
    /// Lines that rules printed; they are dropped.
    pub(super) prints: u64,
}

impl Tally {
    /// Both together.
    pub(super) fn and(self, more: Self) -> Self {
        Self {
            planned: self.planned.saturating_add(more.planned),
            unplanned: self.unplanned.saturating_add(more.unplanned),
            elsewhere: self.elsewhere.saturating_add(more.elsewhere),
            compared: self.compared.saturating_add(more.compared),
            differed: self.differed.saturating_add(more.differed),
            prints: self.prints.saturating_add(more.prints),
        }
    }
}

/// One thread's copy of a compiled tree.
pub(super) struct Evaluator {
    interpreters: Arc<Interpreters>,
    plan: PlanThread,
    rule_of_file: std::collections::BTreeMap<String, String>,
    questions: u64,
    pub(super) tally: Tally,
}

/// A question to a set of rules.
#[derive(Clone, Copy)]
pub(super) struct Asked<'q> {
    /// The set.
    pub(super) group: &'q Group,
    /// Its number.
    pub(super) number: usize,
    /// What it is asked.
    pub(super) entry: Entry,
    /// About which call.
    pub(super) input: &'q Input,
    /// Whether its settings are those of the team in the set of policies.
    pub(super) settings_last: bool,
}

impl Evaluator {
    /// Copies everything that evaluation touches.
    pub(super) fn new(compiled: &Compiled) -> Result<Self, PolicyFailure> {
        let plan =
            PlanThread::new(Arc::clone(&compiled.plan), &compiled.data, SCRATCH_BYTES).map_err(failed)?;
        let rule_of_file = compiled.rule_of_file.clone();
        let interpreters = Arc::clone(&compiled.interpreters);
        Ok(Self { interpreters, plan, rule_of_file, questions: 0, tally: Tally::default() })
    }

    /// Asks one set of rules; `compare` asks the interpreter too.
    pub(super) fn evaluate(
        &mut self,
        asked: Asked<'_>,
        allowance: Allowance,
        compare: bool,
    ) -> Result<Answer, PolicyFailure> {
        if !asked.group.is_planned() {
            self.tally.unplanned += 1;
            return self.interpret(asked, Scope::All, allowance);
        }
        let answer = match self.planned(asked, allowance) {
            Ok(answer) => answer,
            Err(Stop(Cause::Elsewhere(_))) => {
                self.tally.elsewhere += 1;
                return self.interpret(asked, Scope::All, allowance);
            }
            Err(stop) => return Err(failed(stop)),
        };
        self.tally.planned += 1;
        let answer = if asked.group.left.is_empty() {
            answer
        } else {
            self.tally.unplanned += 1;
            joined(answer, self.interpret(asked, Scope::Left, allowance)?)
        };
        let compared = compare || self.questions.is_multiple_of(COMPARED);
        self.questions += 1;
        if compared { self.compared(asked, answer, allowance) } else { Ok(answer) }
    }

    /// Asks the interpreter too.
    fn compared(
        &mut self,
        asked: Asked<'_>,
        answer: Answer,
        allowance: Allowance,
    ) -> Result<Answer, PolicyFailure> {
        let expected = match self.interpret(asked, Scope::All, allowance) {
            // It is slower: that it ran out of time says nothing about the answer.
            Err(failure) if failure.reason == Reason::TimeLimit => return Ok(answer),
            expected => expected,
        };
        self.tally.compared += 1;
        if expected.as_ref().is_ok_and(|expected| *expected == answer) {
            return expected;
        }
        self.tally.differed += 1;
        asked.group.distrust();
        tracing::error!(
            rules = ?asked.group.rules,
            action = %asked.input.action.name,
            "the plan of these rules answers otherwise than the interpreter; from now on the interpreter is asked. Please report this"
        );
        expected
    }

    /// What follows from a team's settings, for another copy of the plan.
    pub(super) fn settle(&self, settings: &Arc<serde_json::Value>, allowance: Allowance) -> Option<OfTeam> {
        self.plan.settle(settings, allowance).ok()
    }

    /// Asks the plan; what is left over is not asked.
    pub(super) fn planned(&mut self, asked: Asked<'_>, allowance: Allowance) -> Result<Answer, Stop> {
        planned(&mut self.plan, asked, allowance)
    }

    /// Asks the interpreter, whatever the plan could do.
    pub(super) fn interpret(
        &mut self,
        asked: Asked<'_>,
        scope: Scope,
        allowance: Allowance,
    ) -> Result<Answer, PolicyFailure> {
        let timer = ExecutionTimerConfig { limit: allowance.time, check_interval: CHECK_INTERVAL };
        let mut engine = self.interpreters.take()?;
        engine.set_execution_timer_config(timer);
        engine.set_input(value::input(asked.input));
        let answer = engine.eval_rule(asked.entry.rule(asked.number, scope));
        engine.set_input(regorus::Value::Null); // nothing of a request outlives it
        let printed = engine.take_prints().map_or(0, |lines| lines.len());
        self.interpreters.give_back(engine);
        self.tally.prints = self.tally.prints.saturating_add(u64::try_from(printed).unwrap_or(u64::MAX));
        let answer = match answer {
            Ok(regorus::Value::Undefined) => {
                return Err(PolicyFailure::new(Reason::Undefined, "the rules gave no answer"));
            }
            Ok(answer) => answer,
            Err(error) => return Err(self.failure(&error.to_string(), error.downcast_ref::<LimitError>())),
        };
        match asked.entry {
            Entry::Amend => reading::amend(&answer).map(Answer::Patches),
            Entry::Decide => reading::decide(&answer).map(Answer::Decision),
        }
    }

    fn failure(&self, text: &str, limit: Option<&LimitError>) -> PolicyFailure {
        let (line, message) = super::check::engine_words(text);
        let file = text
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("--> "))
            .and_then(|place| place.rsplitn(3, ':').nth(2));
        let reason = match limit {
            Some(LimitError::TimeLimitExceeded { .. }) => Reason::TimeLimit,
            _ if text.contains("exceeded time limit") => Reason::TimeLimit,
            _ if message.contains("multiple outputs") || message.contains("conflicts with") => {
                Reason::Conflict
            }
            _ => Reason::Error,
        };
        let place = file.zip(line).map_or_else(String::new, |(file, line)| format!("{file}:{line}: "));
        let rule = file.and_then(|file| self.rule_of_file.get(file)).cloned();
        PolicyFailure { reason, rule, detail: format!("{place}{message}") }
    }
}

/// Asks a plan; what is left over is not asked.
pub(super) fn planned(plan: &mut PlanThread, asked: Asked<'_>, allowance: Allowance) -> Result<Answer, Stop> {
    let question = Question { input: asked.input, settings_last: asked.settings_last, allowance };
    let parts = &asked.group.planned;
    match asked.entry {
        Entry::Amend => plan.ask(&question, |asking| asking.read(&parts.patches)).map(Answer::Patches),
        Entry::Decide => plan
            .ask(&question, |asking| {
                Ok(DecideAnswer {
                    deny: asking.read(&parts.deny)?,
                    warn: asking.read(&parts.warn)?,
                    quota: asking.read(&parts.quota)?,
                })
            })
            .map(Answer::Decision),
    }
}

fn failed(stop: Stop) -> PolicyFailure {
    match *stop.0 {
        Cause::Time => PolicyFailure::new(Reason::TimeLimit, "the rules take too long"),
        Cause::Steps => PolicyFailure::new(Reason::InstructionLimit, "the rules take too many steps"),
        Cause::Memory => PolicyFailure::new(Reason::Error, "the rules use too much memory"),
        Cause::Elsewhere(why) => PolicyFailure::new(Reason::Error, why),
    }
}

fn sorted(mut answer: DecideAnswer) -> DecideAnswer {
    answer.deny.sort();
    answer.warn.sort();
    answer.quota.sort();
    answer
}

/// The answers of two groups of rules to one question.
fn joined(one: Answer, other: Answer) -> Answer {
    match (one, other) {
        (Answer::Patches(mut all), Answer::Patches(more)) => {
            all.extend(more);
            all.sort();
            Answer::Patches(all)
        }
        (Answer::Decision(mut all), Answer::Decision(more)) => {
            all.deny.extend(more.deny);
            all.warn.extend(more.warn);
            all.quota.extend(more.quota);
            Answer::Decision(sorted(all))
        }
        (one, _) => one,
    }
}
