//! One plan for all rules, and one list of parts to ask per set of rules that applies to some calls.
//!
//! Rules that cannot be planned are left to the engine's interpreter, for which a small entry module per set collects what its
//! rules answer; a second one collects what those left over answer, where the others are planned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use regorus::Engine;

use super::applying::{Applying, Specimen};
use super::check::{Checked, Parts, engine_words};
use super::interpreters::Interpreters;
use super::plan::{Depths, Plan, lower};
use super::problem::Problem;

/// How deep a plan may recurse that is evaluated on an ordinary stack: a quarter of the smallest one that the gateway gives to a
/// thread, with the frames of a build without optimisation.
pub(super) const DEEPEST_QUICK: usize = 256;

/// After so many questions in a row that took long, ... One of them may only have had to wait for the processor.
const SLOW_IN_A_ROW: u32 = 3;
/// ... so many are not taken for quick.
const AFTER_SLOW_ONES: u32 = 100;

/// One set of rules, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) rules: BTreeSet<String>,
    pub(super) specimen: Specimen,
    pub(super) create: bool,
    /// Whether any rule of it patches.
    pub(super) amends: bool,
    /// Whether any rule of it denies, warns or counts.
    pub(super) decides: bool,
    /// What is asked of the plan.
    pub(super) planned: Planned,
    /// The rules that the interpreter is asked about.
    pub(super) left: BTreeSet<String>,
    /// How deep evaluating the plan may recurse.
    pub(super) depth: usize,
    distrusted: AtomicBool,
    /// How many of the last questions took long, one after the other.
    late: AtomicU32,
    /// How many questions more go to the evaluation threads, since some took long.
    slow: AtomicU32,
}

impl Group {
    /// Whether the plan is asked: it can answer something, and has never answered otherwise than the interpreter.
    pub(super) fn is_planned(&self) -> bool {
        self.left.len() < self.rules.len() && !self.distrusted.load(Ordering::Relaxed)
    }

    /// Whether the plan alone answers, as far as is known in no time.
    pub(super) fn is_quick(&self) -> bool {
        if !self.is_planned() || !self.left.is_empty() || self.depth > DEEPEST_QUICK {
            return false;
        }
        let fewer = |slow: u32| slow.checked_sub(1);
        self.slow.load(Ordering::Relaxed) == 0
            || self.slow.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_err()
    }

    /// Whether an answer took long after all. Where it does again and again, the next questions are not taken for quick ones.
    pub(super) fn took(&self, long: bool) {
        if !long {
            // Looked at first: what is written, other processors must fetch again.
            if self.late.load(Ordering::Relaxed) > 0 {
                self.late.store(0, Ordering::Relaxed);
            }
        } else if self.late.fetch_add(1, Ordering::Relaxed).saturating_add(1) >= SLOW_IN_A_ROW {
            self.late.store(0, Ordering::Relaxed);
            self.slow.store(AFTER_SLOW_ONES, Ordering::Relaxed);
        }
    }

    /// Leaves all rules of the set to the interpreter from now on.
    pub(super) fn distrust(&self) {
        self.distrusted.store(true, Ordering::Relaxed);
    }

    /// Whether it was.
    pub(super) fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::Relaxed)
    }
}

/// The parts of answers that a plan gives: the rule, and its number in the plan.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) patches: Vec<(String, usize)>,
    pub(super) deny: Vec<(String, usize)>,
    pub(super) warn: Vec<(String, usize)>,
    pub(super) quota: Vec<(String, usize)>,
}

/// What a set is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// What to add to a create.
    Amend,
    /// What is forbidden, frowned on and used up.
    Decide,
}

/// Which rules of a set the interpreter is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of them.
    All,
    /// Those that are not planned.
    Left,
}

impl Entry {
    /// The rule of a set's entry module.
    pub(super) fn rule(self, group: usize, scope: Scope) -> String {
        let name = match self {
            Self::Amend => "amend",
            Self::Decide => "decide",
        };
        format!("data.{}.{name}", scope.package(group))
    }
}

impl Scope {
    fn package(self, group: usize) -> String {
        match self {
            Self::All => format!("zengate_entry.g{group}"),
            Self::Left => format!("zengate_entry.left{group}"),
        }
    }
}

/// A compiled tree: what threads make their copies of.
pub(super) struct Compiled {
    pub(super) groups: Vec<Group>,
    /// What was planned.
    pub(super) plan: Arc<Plan>,
    /// Rules that could not be, and why.
    pub(super) unplanned: BTreeMap<String, String>,
    /// All rules and entries, for the interpreter.
    pub(super) interpreters: Arc<Interpreters>,
    /// The data rules may read.
    pub(super) data: Arc<serde_json::Value>,
    pub(super) rule_of_file: BTreeMap<String, String>,
}

/// Compiles the sets. Rules in `differing` are not planned, for the reason given.
pub(super) fn compile(
    checked: &Checked,
    data: &serde_json::Value,
    sets: Vec<(Applying, Specimen)>,
    differing: &BTreeMap<String, String>,
) -> Result<Compiled, Problem> {
    let plan = lower(&checked.trees);
    let mut parts = BTreeMap::new();
    let mut unplanned = differing.clone();
    for (rule, defined) in &checked.rules {
        match planned(&plan, rule, defined) {
            Ok(planned) if !differing.contains_key(rule) => drop(parts.insert(rule.clone(), planned)),
            Ok(_) => {}
            Err(why) => drop(unplanned.insert(rule.clone(), why)),
        }
    }
    let mut engine = Engine::new();
    engine.set_gather_prints(true); // or a rule that prints its input would write to the process's stderr
    let mut add = |path: &str, text: &str| {
        engine.add_policy(path.to_owned(), text.to_owned()).map(drop).map_err(|error| {
            let (line, message) = engine_words(&error.to_string());
            Problem { file: path.to_owned(), line, message }
        })
    };
    for file in &checked.modules {
        add(&file.path, &file.text)?;
    }
    let mut groups = Vec::new();
    let mut depths = Depths::new(&plan);
    for (number, (applying, specimen)) in sets.into_iter().enumerate() {
        let group = group(applying, specimen, checked, &parts, &mut depths);
        for (scope, rules) in [(Scope::All, &group.rules), (Scope::Left, &group.left)] {
            let text = entry_module(&scope.package(number), rules, group.create, checked);
            add(&format!("{}.rego", scope.package(number).replace('.', "/")), &text)?;
        }
        groups.push(group);
    }
    let mut data = data.clone();
    if let Some(map) = data.as_object_mut() {
        map.remove("organisation"); // rules read the settings of the caller's team, not everybody's
    }
    let (plan, data) = (Arc::new(plan), Arc::new(data));
    let interpreters = Arc::new(Interpreters::new(engine, &data));
    Ok(Compiled { groups, plan, unplanned, interpreters, data, rule_of_file: checked.rule_of_file.clone() })
}

/// The numbers of the parts that a rule defines, in the order patches, deny, warn, quota.
type Numbers = [Option<usize>; 4];

fn planned(plan: &Plan, rule: &str, defined: &Parts) -> Result<Numbers, String> {
    let number = |part: &str, is_defined: bool| {
        let path = ["data", "zengate", "rules", rule, part].map(str::to_owned);
        is_defined.then(|| plan.rule(&path)).transpose().map_err(|why| why.to_string())
    };
    Ok([
        number("patches", defined.patches)?,
        number("deny", defined.deny)?,
        number("warn", defined.warn)?,
        number("quota", defined.quota)?,
    ])
}

fn group(
    applying: Applying,
    specimen: Specimen,
    checked: &Checked,
    parts: &BTreeMap<String, Numbers>,
    depths: &mut Depths<'_>,
) -> Group {
    let Applying { create, rules } = applying;
    let defines =
        |want: fn(&Parts) -> bool| rules.iter().filter_map(|rule| checked.rules.get(rule)).any(want);
    let mut asked = Planned::default();
    for (rule, [patches, deny, warn, quota]) in parts.iter().filter(|(rule, _)| rules.contains(*rule)) {
        let add = |into: &mut Vec<(String, usize)>, number: &Option<usize>| {
            into.extend(number.map(|number| (rule.clone(), number)));
        };
        if create {
            add(&mut asked.patches, patches);
            add(&mut asked.quota, quota);
        }
        add(&mut asked.deny, deny);
        add(&mut asked.warn, warn);
    }
    let all = [&asked.patches, &asked.deny, &asked.warn, &asked.quota];
    let depth = all.into_iter().flatten().map(|(_, number)| depths.of(*number)).max().unwrap_or_default();
    Group {
        amends: create && defines(|parts| parts.patches),
        decides: defines(|parts| parts.deny || parts.warn) || (create && defines(|parts| parts.quota)),
        left: rules.iter().filter(|rule| !parts.contains_key(*rule)).cloned().collect(),
        planned: asked,
        rules,
        specimen,
        create,
        depth,
        distrusted: AtomicBool::new(false),
        late: AtomicU32::new(0),
        slow: AtomicU32::new(0),
    }
}

/// The module that collects what some rules answer. A part that a rule does not define is left out, so that "undefined" can
/// only mean that something is wrong.
fn entry_module(package: &str, rules: &BTreeSet<String>, create: bool, checked: &Checked) -> String {
    let collect = |part: &str, wanted: &dyn Fn(&Parts) -> bool| {
        let members: Vec<String> = rules
            .iter()
            .filter(|rule| checked.rules.get(*rule).is_some_and(wanted))
            .map(|rule| {
                let name = serde_json::Value::from(rule.as_str());
                format!("{name}: data.zengate.rules[{name}].{part}")
            })
            .collect();
        // A line per rule: the engine refuses lines of more than 1,024 characters.
        format!("{{{}}}", members.join(",\n\t"))
    };
    format!(
        "package {package}\n\nimport rego.v1\n\namend := {}\n\ndecide := {{\"deny\": {}, \"warn\": {}, \"quota\": {}}}\n",
        collect("patches", &|parts| create && parts.patches),
        collect("deny", &|parts| parts.deny),
        collect("warn", &|parts| parts.warn),
        collect("quota", &|parts| create && parts.quota),
    )
}
