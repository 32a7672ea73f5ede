//! `[policy]` and `[api]`: what is allowed, and what the field tables admit.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::remote::{RawRemote, Remote};
use super::units::Time;
use crate::policy::source::{Packed, Place};
use crate::policy::{Overlays, Source};

/// The rules.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawPolicy {
    /// The directory of rules and data; absent means the stock policies inside the binary.
    #[schemars(with = "Option<String>")]
    pub directory: Option<At<PathBuf>>,
    /// An OPA bundle (`opa build`), in place of a directory.
    #[schemars(with = "Option<String>")]
    pub bundle: Option<At<PathBuf>>,
    /// A server of OPA bundles, asked every `poll_interval`, in place of both.
    pub remote: Option<At<RawRemote>>,
    /// A directory of keys (`<key id>.pem`, `<key id>.secret`): only bundles that one of them signed are taken, and none
    /// that is older than one that was in force.
    #[schemars(with = "Option<String>")]
    pub verify_keys: Option<At<PathBuf>>,
    /// A directory of the gateway's own, where it keeps the set in force: a start without the source serves that one, and
    /// promotions and rollbacks outlive a restart.
    #[schemars(with = "Option<String>")]
    pub keep: Option<At<PathBuf>>,
    /// JSON or YAML files laid over the data of the policies, in this order.
    #[schemars(with = "Vec<String>")]
    pub data: Vec<At<PathBuf>>,
    /// What the cloud offers, as `zengate facts pull` writes it; laid over the facts of the policies.
    #[schemars(with = "Option<String>")]
    pub facts: Option<At<PathBuf>>,
    /// How often the files are looked at. 5s: nobody waits longer for a rule just saved.
    pub poll_interval: At<Time>,
    /// How long the trial of new rules may take, in a process of its own. 60s: the stock rules take half a second; rules over
    /// very much data take longer.
    pub trial_timeout: At<Time>,
    /// How long both evaluations of a request may take before it is a refusal. 200ms: a hundred times the stock rules. It
    /// is time on the clock, so the pauses of a busy machine count, and they must not refuse anyone.
    pub time_limit: At<Time>,
    /// How long a request may spend in judgement all in all, waiting included. 500ms: both evaluations at their limit, and
    /// longer than that in the queue.
    pub deadline: At<Time>,
    /// How many steps one evaluation may take: statements, elements of collections and calls. 5000000: a loop over five
    /// thousand items takes some ten thousands. Rules that the interpreter answers for are limited in time alone.
    pub instruction_limit: At<usize>,
    /// Threads that evaluate; absent means one for each processor.
    pub threads: Option<At<usize>>,
    /// How many requests may wait for such a thread; more are refused at once. 256: what eight threads clear well
    /// within the deadline.
    pub queue: At<usize>,
}

impl Default for RawPolicy {
    fn default() -> Self {
        Self {
            directory: None,
            bundle: None,
            remote: None,
            verify_keys: None,
            keep: None,
            data: Vec::new(),
            facts: None,
            poll_interval: Time::seconds(5).into(),
            trial_timeout: Time::seconds(60).into(),
            time_limit: Time::millis(200).into(),
            deadline: Time::millis(500).into(),
            instruction_limit: 5_000_000.into(),
            threads: None,
            queue: 256.into(),
        }
    }
}

/// What the field tables admit beyond themselves.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawApi {
    /// Fields of creates that the cloud knows and this version of the gateway does not, each as
    /// "service Action field". None by default: no rule looks at a field that it does not know.
    pub admit_fields: Vec<At<String>>,
}

/// The checked `[policy]`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The bundle of rules, in place of a directory.
    pub bundle: Option<PathBuf>,
    /// The directory of rules; none means the stock ones.
    pub directory: Option<PathBuf>,
    /// A server of bundles, in place of both.
    pub remote: Option<Remote>,
    /// The keys of which one must have signed a bundle.
    pub verify_keys: Option<PathBuf>,
    /// Where the set in force is kept.
    pub keep: Option<PathBuf>,
    /// Data laid over theirs, in this order.
    pub data: Vec<PathBuf>,
    /// Cloud facts laid over theirs.
    pub facts: Option<PathBuf>,
    /// Between two looks at the files.
    pub poll_interval: Duration,
    /// For the trial of new rules.
    pub trial_timeout: Duration,
    /// For both evaluations of a request.
    pub time_limit: Duration,
    /// For a whole judgement.
    pub deadline: Duration,
    /// For one evaluation, in steps.
    pub instruction_limit: usize,
    /// Threads that evaluate.
    pub threads: usize,
    /// Requests waiting for one.
    pub queue: usize,
}

/// A field of a create that is admitted although no table knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AdmittedField {
    /// Such as `vm`.
    pub service: String,
    /// Such as `CreateInstances`.
    pub action: String,
    /// The key in the body.
    pub field: String,
}

impl RawPolicy {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Policy {
        let time_limit = checking.time(&self.time_limit);
        let deadline = checking.time(&self.deadline);
        if deadline < time_limit {
            let text = format!(
                "policy.time_limit ({}) must not be longer than policy.deadline ({}); lower it or raise the deadline",
                *self.time_limit, *self.deadline
            );
            let blamed = if self.time_limit.span().is_some() { &self.time_limit } else { &self.deadline };
            checking.findings.at(blamed, text);
        }
        let remote = self.remote.as_ref().and_then(|remote| remote.check(&["policy", "remote"], checking));
        self.check_source(remote.as_ref(), checking);
        // What is kept stands in for a source that is away.
        let kept = self.keep.is_some();
        let threads = match &self.threads {
            Some(threads) => checking.count(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        Policy {
            bundle: self.bundle.as_ref().map(|path| match kept {
                true => checking.directory.join(&**path),
                false => checking.file(path),
            }),
            directory: self.directory.as_ref().map(|path| match kept {
                true => checking.directory.join(&**path),
                false => checking.directory(path),
            }),
            remote,
            verify_keys: self.verify_keys.as_ref().map(|path| checking.directory(path)),
            keep: self.keep.as_ref().map(|path| checking.directory.join(&**path)),
            data: self.data.iter().map(|path| checking.file(path)).collect(),
            facts: self.facts.as_ref().map(|path| checking.file(path)),
            poll_interval: checking.time(&self.poll_interval),
            trial_timeout: checking.time(&self.trial_timeout),
            time_limit,
            deadline,
            instruction_limit: checking.count(&self.instruction_limit),
            threads,
            queue: checking.count(&self.queue),
        }
    }

    /// The rules come from one place, and signatures only with bundles.
    fn check_source(&self, remote: Option<&Remote>, checking: &mut Checking<'_, '_>) {
        if let (Some(bundle), Some(_)) = (&self.bundle, &self.directory) {
            let text = "policy.bundle and policy.directory both say where the rules are; keep one of them";
            checking.findings.at(bundle, text.to_owned());
        }
        if let (Some(remote), true) = (&self.remote, self.bundle.is_some() || self.directory.is_some()) {
            let text = "stands beside policy.bundle or policy.directory, which say where the rules are too; keep one";
            checking.findings.at(remote, text.to_owned());
        }
        if let (Some(raw), None) = (&self.remote, &self.verify_keys)
            && remote.is_some_and(Remote::is_in_the_clear)
        {
            let text = "would take rules from whoever is on the way: write https, or set policy.verify_keys";
            checking.findings.at(raw, text.to_owned());
        }
        if let (Some(keys), true) = (&self.verify_keys, self.bundle.is_none() && self.remote.is_none()) {
            checking
                .findings
                .at(keys, "only bundles can be signed: set policy.bundle or [policy.remote]".to_owned());
        }
    }
}

impl Policy {
    /// Where the rules come from, unless a server has them.
    pub fn source(&self) -> Source {
        match (&self.bundle, &self.directory) {
            (Some(bundle), _) => {
                let place = Place::File(bundle.clone());
                Source::Bundle(Packed { place, keys: self.verify_keys.clone() })
            }
            (None, Some(directory)) => Source::Directory(directory.clone()),
            (None, None) => Source::Embedded,
        }
    }

    /// The operator's own data, in the form in which policies are read.
    pub fn overlays(&self) -> Overlays {
        Overlays { organisation: self.data.clone(), facts: self.facts.clone() }
    }
}

impl RawApi {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Vec<AdmittedField> {
        let mut admitted = Vec::new();
        for raw in &self.admit_fields {
            match AdmittedField::parse(raw) {
                Some(field) => admitted.push(field),
                None => {
                    let text = format!(
                        "{:?} does not name a field; write \"service Action field\", e.g. \"vm CreateInstances newField\"",
                        **raw
                    );
                    checking.findings.at(raw, text);
                }
            }
        }
        admitted
    }
}

impl AdmittedField {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (service, action, field) = (words.next()?, words.next()?, words.next()?);
        let plain =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let fine = words.next().is_none() && plain(service) && plain(action) && plain(field);
        fine.then(|| Self { service: service.to_owned(), action: action.to_owned(), field: field.to_owned() })
    }
}
