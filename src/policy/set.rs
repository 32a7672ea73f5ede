//! A set of policies: read, checked, compiled and tried. It never changes; a new one takes its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::DecideAnswer;
use super::applying::Index;
use super::check::{Checked, check};
use super::compile::{Compiled, Group, compile};
use super::failure::PolicyFailure;
use super::input::Input;
use super::organisation::{self, Organisation};
use super::problem::{LoadError, Problem, hint};
use super::source::{Overlays, Source, Tree};
use super::verdict::{Verdict, judge};
use crate::api::Kind;

mod notes;
pub(in crate::policy) mod trial;

/// Numbers the sets of a process, so that threads know whose copies they hold.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Policies that are fit to judge.
pub struct PolicySet {
    pub(super) number: u64,
    revision: String,
    rules: BTreeSet<String>,
    zones: BTreeSet<String>,
    organisation: Organisation,
    index: Index,
    pub(super) compiled: Compiled,
}

/// The keys of `data.facts.zones`.
fn zones(tree: &Tree) -> BTreeSet<String> {
    let zones = tree.data.pointer("/facts/zones").and_then(serde_json::Value::as_object);
    zones.map(|zones| zones.keys().cloned().collect()).unwrap_or_default()
}

/// A rule that the interpreter answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// The rule.
    pub rule: String,
    /// Why it does.
    pub reason: String,
}

impl PolicySet {
    /// Reads, checks, compiles and tries a tree, with `overlays` over its data.
    ///
    /// The trial evaluates rules on a thread with a large stack; call this from where blocking is allowed.
    ///
    /// # Errors
    /// Every problem found. Nothing is evaluated of a tree that did not pass the checks.
    pub fn load(source: &Source, overlays: &Overlays) -> Result<Self, LoadError> {
        Self::from_tree(source.read(overlays)?)
    }

    /// Checks, compiles and tries a tree that has been read; otherwise as [`PolicySet::load`].
    ///
    /// # Errors
    /// As [`PolicySet::load`].
    pub fn from_tree(mut tree: Tree) -> Result<Self, LoadError> {
        let (checked, mut problems) = match check(&tree) {
            Ok(checked) => (checked, Vec::new()),
            Err(error) => return Err(error),
        };
        let packages: BTreeSet<String> = checked.rules.keys().cloned().collect();
        // taken out: rules read the settings of the caller's team, not everybody's
        let raw = tree.data.as_object_mut().and_then(|data| data.remove("organisation"));
        let organisation = organisation::read(raw, &tree.organisation_file, &packages, &mut problems);
        if packages.is_empty() {
            problems
                .push(Problem::of("zengate/rules", "the tree holds no rule: everything would be allowed"));
        }
        unread_settings(&tree, &checked, &organisation, &mut problems);
        unknown_conditions(&tree, &checked, &organisation, &mut problems);
        LoadError::unless_none(problems)?;
        let (sets, index) = Index::new(&organisation);
        let compiled = trial::tried(&checked, &tree.data, sets, &organisation)?;
        Ok(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            zones: zones(&tree),
            rules: packages,
            revision: tree.revision,
            organisation,
            index,
            compiled,
        })
    }

    /// No policies at all: every create and change is refused, for no rule allows it. What a gateway begins with when its source
    /// has never answered.
    ///
    /// # Errors
    /// Never in practice: there is nothing to compile.
    pub fn absent() -> Result<Self, LoadError> {
        let mut problems = Vec::new();
        let none = BTreeSet::new();
        let organisation = organisation::read(None, "none", &none, &mut problems);
        LoadError::unless_none(problems)?;
        let (sets, index) = Index::new(&organisation);
        let compiled = compile(&Checked::default(), &serde_json::json!({}), sets, &BTreeMap::new())?;
        Ok(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            revision: "none".to_owned(),
            rules: none.clone(),
            zones: none,
            organisation,
            index,
            compiled,
        })
    }

    /// Whether these are no policies at all.
    pub fn is_absent(&self) -> bool {
        self.rules.is_empty()
    }

    /// The start of a SHA-256 over everything that influences decisions.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The names of its rules.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(String::as_str)
    }

    /// The zones that its cloud facts know.
    pub fn zones(&self) -> impl Iterator<Item = &str> {
        self.zones.iter().map(String::as_str)
    }

    /// What the organisation has decided in data.
    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// The rules that apply to a call; none to a read.
    pub fn applying(&self, kind: Kind, service: &str, action: &str, team: &str) -> Vec<&str> {
        self.group(kind, service, action, team)
            .map_or_else(Vec::new, |(_, group)| group.rules.iter().map(String::as_str).collect())
    }

    /// The rules that the interpreter answers for instead of the plan, and why.
    pub fn fallbacks(&self) -> Vec<Fallback> {
        let mut all: BTreeMap<&str, &str> = BTreeMap::new();
        for rule in
            self.compiled.groups.iter().filter(|group| group.is_distrusted()).flat_map(|group| &group.rules)
        {
            all.insert(rule, "a plan that it belongs to answered otherwise than the interpreter");
        }
        all.extend(self.compiled.unplanned.iter().map(|(rule, why)| (rule.as_str(), why.as_str())));
        all.into_iter()
            .map(|(rule, reason)| Fallback { rule: rule.to_owned(), reason: reason.to_owned() })
            .collect()
    }

    /// Whether the settings of an input are those that its team has here.
    pub(super) fn is_settings(&self, input: &Input) -> bool {
        Arc::ptr_eq(&input.settings, self.organisation.settings(&input.principal.team))
    }

    /// What an answer of these policies means for `team` at `now`.
    ///
    /// # Errors
    /// As [`judge`].
    pub fn verdict(
        &self,
        team: &str,
        now: jiff::Timestamp,
        answer: DecideAnswer,
    ) -> Result<Verdict, PolicyFailure> {
        judge(&self.organisation, team, now, answer)
    }

    pub(super) fn group(
        &self,
        kind: Kind,
        service: &str,
        action: &str,
        team: &str,
    ) -> Option<(usize, &Group)> {
        let number = self.index.find(kind, service, action, team)?;
        Some((number, self.compiled.groups.get(number)?))
    }
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicySet")
            .field("number", &self.number)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// Whether a setting of this name means something to a rule: it is read by that name, or, where names are worked out while
/// a rule runs, it is named like a rule.
fn is_setting(checked: &Checked, name: &str) -> bool {
    checked.settings_read.names.contains(name)
        || (checked.settings_read.any && checked.rules.contains_key(name))
}

/// A setting that no rule reads is misspelt: a limit that nobody enforces.
fn unread_settings(tree: &Tree, checked: &Checked, organisation: &Organisation, problems: &mut Vec<Problem>) {
    for name in organisation.setting_names() {
        if !is_setting(checked, &name) {
            let known = checked.settings_read.names.iter().chain(checked.rules.keys());
            let near = hint(&name, known.map(String::as_str));
            let message = format!("settings.{name}: no rule reads it{near}");
            problems.push(Problem::of(&tree.organisation_file, message));
        }
    }
}

/// A rule that waits for a setting that no rule has would never be asked.
fn unknown_conditions(
    tree: &Tree,
    checked: &Checked,
    organisation: &Organisation,
    problems: &mut Vec<Problem>,
) {
    for (rule, setting) in organisation.rules() {
        for name in setting.applies.settings.iter().flatten().filter(|name| !is_setting(checked, name)) {
            let near = hint(name, checked.rules.keys().map(String::as_str));
            let message = format!("rules.{rule}.applies.settings: no rule has settings `{name}`{near}");
            problems.push(Problem::of(&tree.organisation_file, message));
        }
    }
}

#[cfg(test)]
pub(crate) fn sample_create() -> crate::api::view::Create {
    trial::sparse()
}

#[cfg(test)]
mod tests;
