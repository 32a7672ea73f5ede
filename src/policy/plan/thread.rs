//! One thread's copy of what a plan reads, and its answers.
//!
//! Threads share the plan, which nothing writes to, and nothing else. What a rule depends on besides the request is worked out once
//! per team and kept: its settings as values, and the values of the rules that depend on settings and data alone.

use std::collections::HashMap;
use std::sync::Arc;

use bumpalo::Bump;

use super::Plan;
use super::answers::{self, Answered};
use super::builtins::Regexes;
use super::cells::{Base, BaseValues, Team, TeamValues};
use super::input::Source;
use super::run::{Cause, Given, Room, Run, Stop};
use super::value::{Arena, V};
use crate::policy::evaluate::Allowance;
use crate::policy::input::Input;

/// The most an evaluation may allocate, in bytes, where nothing else is said.
pub(in crate::policy) const SCRATCH_BYTES: usize = 64 << 20;
/// The scratch space a thread keeps from one evaluation to the next, in bytes.
const KEPT_BYTES: usize = 256 << 10;
/// The most teams whose settings a thread keeps at hand. With more all are forgotten: to work one out again costs as much as a few
/// requests.
const MOST_TEAMS: usize = 1024;

/// The parts of answers that are asked for, by rule.
pub(in crate::policy) type Parts = [(String, usize)];

/// What is asked.
pub(in crate::policy) struct Question<'q> {
    /// The call.
    pub(in crate::policy) input: &'q Input,
    /// Whether its settings are those of its team under this set of policies, and will be met again.
    pub(in crate::policy) settings_last: bool,
    /// What it may use.
    pub(in crate::policy) allowance: Allowance,
}

/// What follows from a team's settings, worked out.
pub(in crate::policy) struct OfTeam {
    settings: Arc<serde_json::Value>,
    team: Team,
}

/// A thread's copy.
pub(in crate::policy) struct PlanThread {
    plan: Arc<Plan>,
    base: Base,
    /// By the address of the settings, which are kept so that it stays theirs.
    teams: HashMap<usize, OfTeam>,
    room: Room,
    scratch: Bump,
    /// The most that an evaluation may allocate.
    most: usize,
    regexes: Regexes,
}

impl PlanThread {
    /// Makes the copy. An evaluation may allocate `most` bytes.
    pub(in crate::policy) fn new(
        plan: Arc<Plan>,
        data: &serde_json::Value,
        most: usize,
    ) -> Result<Self, Stop> {
        let base = Base::try_new(Bump::new(), |bump| {
            let arena = Arena(bump);
            let constants = plan.constants.iter().map(|constant| arena.constant(constant));
            Ok(BaseValues { constants: constants.collect::<Result<_, Stop>>()?, data: arena.plain(data)? })
        })?;
        let scratch = scratch(most);
        Ok(Self {
            plan,
            base,
            teams: HashMap::new(),
            room: Room::default(),
            scratch,
            most,
            regexes: Regexes::default(),
        })
    }

    /// Asks several parts of several rules.
    pub(in crate::policy) fn ask<T>(
        &mut self,
        question: &Question<'_>,
        parts: impl FnOnce(&mut Asking<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if self.scratch.allocated_bytes() > KEPT_BYTES {
            self.scratch = scratch(self.most);
        } else {
            self.scratch.reset();
        }
        let settings = &question.input.settings;
        let own;
        let team = if question.settings_last {
            if !self.knows(settings) {
                let team = self.settle(settings, question.allowance)?;
                self.keep(team);
            }
            let Some(known) = self.teams.get(&key(settings)) else {
                return Err(Stop(&Cause::Elsewhere("no settings")));
            };
            known.team.borrow_dependent()
        } else {
            own = TeamValues {
                settings: Arena(&self.scratch).plain(&question.input.settings)?,
                settled: Vec::new(),
            };
            &own
        };
        let arena = Arena(&self.scratch);
        let base = self.base.borrow_dependent();
        let given = Given {
            plan: &self.plan,
            constants: &base.constants,
            data: base.data,
            input: Source::Call(question.input, team.settings),
            settled: &team.settled,
            arena,
            regexes: &self.regexes,
        };
        let run = Run::new(given, question.allowance, std::mem::take(&mut self.room));
        let mut asking = Asking(run);
        let outcome = parts(&mut asking);
        self.room = asking.0.into_room();
        outcome
    }

    /// Whether what follows from these settings is at hand.
    pub(in crate::policy) fn knows(&self, settings: &Arc<serde_json::Value>) -> bool {
        self.teams.contains_key(&key(settings))
    }

    /// Has at hand what follows from a team's settings.
    pub(in crate::policy) fn keep(&mut self, team: OfTeam) {
        if self.teams.len() >= MOST_TEAMS {
            self.teams.clear();
        }
        self.teams.insert(key(&team.settings), team);
    }

    /// Works out what follows from settings; any thread's copy of the same plan may keep it. A rule that fails, or takes too long,
    /// is left for the request that needs it.
    pub(in crate::policy) fn settle(
        &self,
        settings: &Arc<serde_json::Value>,
        allowance: Allowance,
    ) -> Result<OfTeam, Stop> {
        let team = self.team(settings, allowance)?;
        Ok(OfTeam { settings: Arc::clone(settings), team })
    }

    fn team(&self, settings: &serde_json::Value, allowance: Allowance) -> Result<Team, Stop> {
        let base = self.base.borrow_dependent();
        Team::try_new(Bump::new(), |bump| {
            let arena = Arena(bump);
            let settings = arena.plain(settings)?;
            let scratch = scratch(self.most);
            let input = Arena(&scratch).members(&[(V::Text("settings"), settings)])?;
            let given = Given {
                plan: &self.plan,
                constants: &base.constants,
                data: base.data,
                input: Source::Value(input),
                settled: &[],
                arena: Arena(&scratch),
                regexes: &self.regexes,
            };
            let allowance = Allowance { time: allowance.time / 4, ..allowance };
            let mut run = Run::new(given, allowance, Room::default());
            let mut settled = Vec::with_capacity(self.plan.settled.len());
            for place in 0..self.plan.settled.len() {
                settled.push(match run.settled(place) {
                    Ok(Some(value)) => Some(Some(arena.copy(value)?)),
                    Ok(None) => Some(None),
                    Err(_) => None,
                });
            }
            Ok(TeamValues { settings, settled })
        })
    }
}

fn key(settings: &Arc<serde_json::Value>) -> usize {
    Arc::as_ptr(settings).addr()
}

fn scratch(most: usize) -> Bump {
    let scratch = Bump::new();
    scratch.set_allocation_limit(Some(most));
    scratch
}

/// Rules that are being asked about one call.
pub(in crate::policy) struct Asking<'a>(Run<'a>);

impl Asking<'_> {
    /// What some rules answer, in order.
    pub(in crate::policy) fn read<T: Answered + Ord>(&mut self, parts: &Parts) -> Result<Vec<T>, Stop> {
        let mut all = Vec::new();
        for (rule, place) in parts {
            answers::read(self.0.loose(*place)?, rule, &mut all)?;
        }
        answers::sort(&mut all)?;
        Ok(all)
    }
}
