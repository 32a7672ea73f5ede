//! The supply of policies: from their source, by way of checks and a trial, into force; and what an operator does about it.
//!
//! One task owns all of it, so that a poll, a signal and an operator never meet halfway. Good replaces good in one swap; what is bad
//! keeps the old, loudly. What is in force is kept on disk, where the configuration names a place.

mod older;
mod reader;
mod shown;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use super::candidate::Candidate;
use super::reload::{know, say_notes};
use crate::admin::Readiness;
use crate::config::{Config, Policy};
use crate::gateway::Parts;
use crate::policy::keep::{self, Kept};
use crate::policy::{LoadError, Material, PolicySet, Problem, child};
use crate::reconcile::Reconciler;
use older::not_older;
use reader::{Reader, jittered};

/// What an operator asks for.
#[derive(Debug)]
pub(crate) enum Order {
    /// Everything that the set in force is made of, for judging by it elsewhere.
    Material,
    /// The same of the candidate.
    CandidateMaterial,
    /// Look at the source now.
    Reload,
    /// Try a candidate in shadow.
    Stage(Box<Proposal>),
    /// Try none any more.
    Unstage,
    /// Put the candidate in force.
    Promote,
    /// Put the set before this one in force.
    Rollback,
}

/// A candidate. What is absent is as in the set in force.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Proposal {
    /// The files of the tree.
    pub files: Option<std::collections::BTreeMap<String, String>>,
    /// Data over the organisation's.
    pub organisation: Option<Vec<(String, String)>>,
    /// Cloud facts.
    pub facts: Option<(String, String)>,
}

/// An order, and whom to tell what became of it.
pub(crate) type Ordered = (Order, oneshot::Sender<Result<Value, String>>);

/// What the supply begins with: the reader of its source, what is kept, what is wrong with the source.
pub(super) type Found = (Reader, Kept, String);

/// What the pages of the admin listener show, as it was last.
pub(super) type Told = Arc<Mutex<Value>>;

/// What a gateway starts with.
pub(super) struct First {
    pub(super) set: PolicySet,
    reader: Reader,
    kept: Kept,
    refused: String,
}

/// Reads the source, or what is kept where that gives nothing. Without either, a gateway whose source is a server starts with no
/// policies and is not ready.
///
/// # Errors
/// What is wrong with the source.
pub(super) async fn first(config: &Config) -> Result<First, LoadError> {
    let policy = &config.policy;
    let mut reader = Reader::new(policy).map_err(|why| Problem::of("policy.remote", why))?;
    let mut kept = match policy.keep.as_deref().map(keep::load) {
        None => Kept::default(),
        Some(Ok(kept)) => kept,
        Some(Err(why)) => {
            tracing::error!(why, "the policies that were kept cannot be used");
            Kept::default()
        }
    };
    let outcome = match reader.read().await {
        Ok(material) => fit(&kept, material, policy).await,
        Err(error) => Err(error),
    };
    let trouble = match outcome {
        Ok(Some((material, set))) => {
            kept.take(material, set.revision());
            return Ok(First { set, reader, kept, refused: String::new() });
        }
        Ok(None) => LoadError { problems: Vec::new() }, // set aside: what is kept is served
        Err(error) => error,
    };
    let refused = trouble.to_string();
    if let Some(live) = kept.live.clone() {
        let set = loaded(&live, policy.trial_timeout).await?;
        if !refused.is_empty() {
            tracing::error!(problems = refused, revision = set.revision(), "the kept policy set is served");
        }
        return Ok(First { set, reader, kept, refused });
    }
    if !reader.is_remote() {
        return Err(trouble);
    }
    tracing::error!(problems = refused, "there are no policies: creates and changes are refused");
    Ok(First { set: PolicySet::absent()?, reader, kept, refused })
}

/// The set that a source's material makes; none where an operator has set it aside.
async fn fit(
    kept: &Kept,
    material: Material,
    policy: &Policy,
) -> Result<Option<(Material, PolicySet)>, LoadError> {
    if kept.set_aside.is_some() && kept.live.is_some() && kept.set_aside == Some(material.revision()) {
        return Ok(None);
    }
    not_older(kept, &material, policy)?;
    let set = loaded(&material, policy.trial_timeout).await?;
    Ok(Some((material, set)))
}

/// Tries material, first in a process of its own where others than we have written rules.
async fn loaded(material: &Material, limit: Duration) -> Result<PolicySet, LoadError> {
    if material.has_foreign_rules() {
        child::try_out(material, limit).await?;
    }
    let material = material.clone();
    let loading = tokio::task::spawn_blocking(move || material.tree().and_then(PolicySet::from_tree));
    loading.await.unwrap_or_else(|_| Err(Problem::of("zengate/rules", "loading them panicked").into()))
}

/// See the module.
pub(super) struct Supply {
    config: Config,
    parts: Parts,
    reconciler: Reconciler,
    readiness: Readiness,
    reader: Reader,
    kept: Kept,
    candidate: Option<Candidate>,
    /// What is wrong with what the source holds now; empty where nothing is.
    refused: String,
    /// What was tried and refused last: it is not tried again at each poll.
    tried: Option<Material>,
    told: Told,
}

impl Supply {
    pub(super) fn new(
        first: Found,
        config: Config,
        parts: Parts,
        reconciler: Reconciler,
        readiness: Readiness,
        told: Told,
    ) -> Self {
        let (reader, kept, refused) = first;
        Self {
            config,
            parts,
            reconciler,
            readiness,
            reader,
            kept,
            candidate: None,
            refused,
            tried: None,
            told,
        }
    }

    /// Works until aborted. `now` counts the calls to look at once; `looked` is told which of them was followed last.
    pub(super) async fn work(
        mut self,
        mut now: watch::Receiver<u64>,
        looked: watch::Sender<u64>,
        mut orders: mpsc::Receiver<Ordered>,
    ) {
        if self.refused.is_empty() {
            self.parts.metrics.policies().source_read(self.parts.clock.since_epoch());
        } else {
            self.parts.metrics.reload("policy", false);
        }
        self.save().await;
        if let Some(staged) = self.kept.staged.take()
            && let Err(why) = self.stage(staged).await
        {
            tracing::error!(why, "the candidate that was staged cannot be tried any more");
        }
        loop {
            self.tell();
            let pause = jittered(self.config.policy.poll_interval);
            tokio::select! {
                () = tokio::time::sleep(pause) => self.look().await,
                Ok(()) = now.changed() => {
                    let call = *now.borrow_and_update();
                    self.look().await;
                    looked.send_replace(call);
                }
                Some((order, reply)) = orders.recv() => {
                    let outcome = self.obey(order).await;
                    self.tell();
                    let _ = reply.send(outcome); // whoever asked may have gone
                }
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<Value, String> {
        match order {
            Order::Material => {
                return self.shown(self.kept.live.as_ref().ok_or("no policies have been loaded yet")?);
            }
            Order::CandidateMaterial => {
                return self.shown(&self.candidate.as_ref().ok_or("no candidate is staged")?.material);
            }
            Order::Reload => {
                self.tried = None;
                self.look().await;
                if !self.refused.is_empty() {
                    return Err(self.refused.clone());
                }
            }
            Order::Stage(proposal) => {
                let material = self.proposed(*proposal)?;
                self.stage(material).await?;
                self.save().await;
            }
            Order::Unstage => {
                self.candidate.take().ok_or("no candidate is staged")?;
                self.kept.staged = None;
                self.save().await;
            }
            Order::Promote => self.promote().await?,
            Order::Rollback => self.roll_back().await?,
        }
        Ok(self.status())
    }

    /// Reads the source and takes what is new.
    async fn look(&mut self) {
        let outcome = match self.reader.read().await {
            Err(error) => Err(error),
            Ok(material) => {
                self.parts.metrics.policies().source_read(self.parts.clock.since_epoch());
                self.judge_source(material).await
            }
        };
        match outcome {
            Ok(false) => {}
            Ok(true) if self.refused.is_empty() => self.tried = None,
            Ok(true) => {
                self.tried = None;
                self.refused.clear(); // what was refused has been mended or taken back
                self.parts.metrics.reload("policy", true);
            }
            Err(error) => {
                let problems = error.to_string();
                if problems != self.refused {
                    self.parts.metrics.reload("policy", false);
                    tracing::error!(%problems, "the new policy set is refused; the old one stays");
                    self.refused = problems;
                }
            }
        }
    }

    /// False where the source still holds what was refused before.
    async fn judge_source(&mut self, material: Material) -> Result<bool, LoadError> {
        if self.tried.as_ref() == Some(&material) {
            return Ok(false);
        }
        // Reading is cheap, compiling is not.
        if material.revision() == self.parts.judge.current().revision() {
            return self.same_again(material).await.map(|()| true);
        }
        self.parts.metrics.policies().tried();
        match fit(&self.kept, material.clone(), &self.config.policy).await {
            Ok(None) => Ok(true),
            Ok(Some((material, set))) => {
                self.kept.take(material, set.revision());
                self.force(set).await;
                self.parts.metrics.reload("policy", true);
                Ok(true)
            }
            Err(error) => {
                self.tried = Some(material);
                Err(error)
            }
        }
    }

    /// The source holds what is in force; a bundle may say so under another revision, which counts from now on.
    async fn same_again(&mut self, material: Material) -> Result<(), LoadError> {
        not_older(&self.kept, &material, &self.config.policy)?;
        let known = self.kept.live.as_ref() == Some(&material) && self.kept.set_aside.is_none();
        if !known {
            self.kept.restate(material);
            self.save().await;
        }
        Ok(())
    }

    /// Puts a set in force that has been taken into what is kept. What is counted is counted by the new rules before they bind. A ledger that is away lets nothing
    /// pass, and prices when it is back.
    async fn force(&mut self, set: PolicySet) {
        know(&self.parts.metrics, &self.parts.keys.current(), &set, &self.parts.clock);
        let set = Arc::new(set);
        if let Err(error) = self.reconciler.reprice(&set).await
            && self.parts.ledger.counts()
        {
            tracing::warn!(%error, "what is counted could not be priced by the new rules yet");
        }
        self.save().await; // first: what somebody has seen in force is in force after a crash
        tracing::info!(revision = set.revision(), "a new policy set is in force");
        say_notes(&set);
        self.parts.judge.swap(set);
        self.readiness.release("policy");
    }

    fn proposed(&self, proposal: Proposal) -> Result<Material, String> {
        let live = self
            .kept
            .live
            .as_ref()
            .ok_or("there is no set in force that a candidate could be held against")?;
        let Proposal { files, organisation, facts } = proposal;
        Ok(Material {
            files: files.unwrap_or_else(|| live.files.clone()),
            organisation: organisation.unwrap_or_else(|| live.organisation.clone()),
            facts: facts.or_else(|| live.facts.clone()),
            bundle_revision: None,
            signed_at: None,
        })
    }

    async fn stage(&mut self, material: Material) -> Result<(), String> {
        let revision = material.tree().map_err(|error| error.to_string())?.revision;
        child::try_out(&material, self.config.policy.trial_timeout)
            .await
            .map_err(|error| error.to_string())?;
        tracing::info!(revision, "a candidate is tried in shadow");
        self.candidate = None; // its end must not undo the beginning of the next one
        self.kept.staged = Some(material.clone());
        self.candidate = Some(Candidate::start(material, revision, self.admitted(), &self.parts));
        Ok(())
    }

    async fn promote(&mut self) -> Result<(), String> {
        if self.config.policy.verify_keys.is_some() {
            return Err("only signed bundles come into force here (policy.verify_keys): sign the candidate and publish it"
                .to_owned());
        }
        let material = self.candidate.as_ref().ok_or("no candidate is staged")?.material.clone();
        self.put_over_source(material).await?;
        self.candidate = None;
        self.kept.staged = None;
        self.save().await;
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<(), String> {
        let material = self.kept.previous.clone().ok_or("there is no set before this one")?;
        self.put_over_source(material).await
    }

    /// Puts a set in force that the source does not hold. What it holds now is set aside until it holds something else.
    async fn put_over_source(&mut self, material: Material) -> Result<(), String> {
        let set =
            loaded(&material, self.config.policy.trial_timeout).await.map_err(|error| error.to_string())?;
        let source = self.reader.read().await.and_then(|source| source.tree());
        let aside =
            source.map_or_else(|_| self.parts.judge.current().revision().to_owned(), |tree| tree.revision);
        self.kept.take(material, set.revision());
        self.kept.set_aside = Some(aside);
        self.force(set).await;
        Ok(())
    }

    async fn save(&mut self) {
        let Some(directory) = self.config.policy.keep.clone() else { return };
        let kept = self.kept.clone();
        let saved = tokio::task::spawn_blocking(move || keep::save(&directory, &kept)).await;
        let failed = saved.map_err(|error| error.to_string()).and_then(|saved| saved).err();
        if let Some(why) = &failed {
            tracing::error!(why, "the policies in force could not be kept for the next start");
        }
        self.parts.metrics.reload("kept_policy", failed.is_none());
    }

    /// Shows how things stand.
    pub(super) fn tell(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = self.status();
    }

    fn status(&self) -> Value {
        let set = self.parts.judge.current();
        let now = self.parts.clock.timestamp();
        let exemptions = set.organisation().exemptions().iter().map(|one| {
            json!({
                "rule": one.rule, "team": one.team, "until": one.until.to_string(), "expired": one.until <= now,
                "reason": one.reason, "ticket": one.ticket, "owner": one.owner,
            })
        });
        json!({
            "revision": set.revision(),
            "bundle_revision": self.kept.live.as_ref().and_then(|live| live.bundle_revision.clone()),
            "source": self.reader.name(),
            "kept": self.config.policy.keep.is_some(),
            "refused": Some(&self.refused).filter(|refused| !refused.is_empty()),
            "previous": self.kept.previous_revision,
            "set_aside": self.kept.set_aside,
            "candidate": self.candidate.as_ref().map(Candidate::status),
            "exemptions": exemptions.collect::<Vec<_>>(),
        })
    }
}

impl First {
    /// Apart: the set goes to the judge, the rest to the supply.
    pub(super) fn split(self) -> (PolicySet, Found) {
        (self.set, (self.reader, self.kept, self.refused))
    }
}

/// Tells the readiness that there is nothing to judge by.
pub(super) fn hold_without(set: &PolicySet, readiness: &Readiness) {
    if set.is_absent() {
        readiness.hold("policy", "no policies have been loaded yet");
    }
}
