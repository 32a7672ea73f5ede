//! One call on its way through the rules, step by step: the same steps for the gateway, `zengate check` and replay. Who evaluates,
//! and on which thread, is the caller's affair; what is asked and what an answer means is decided here.

use std::sync::Arc;

use jiff::Timestamp;

use super::answer::{DecideAnswer, Patch};
use super::failure::{PolicyFailure, Reason};
use super::input::{ActionInput, ClientInput, Input, PrincipalInput, TargetInput};
use super::patch::{self, Change};
use super::set::PolicySet;
use super::verdict::{self, Verdict};
use crate::api::fields::{self, AdmittedField};
use crate::api::mistake::Mistake;
use crate::api::view::{self, Create};
use crate::api::{Call, Kind, names, secrets};
use crate::json::Object;
use crate::refusal::Refusal;

/// A create or change as its caller wrote it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is called.
    pub call: Call,
    /// The body, nulls dropped.
    pub document: Object,
    /// The body without its secrets, as rules and records see it.
    shown: Arc<Object>,
    /// The normalised view; on creates.
    pub create: Option<Create>,
}

/// All that rules see of a call besides its body.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// Who asks.
    pub principal: PrincipalInput,
    /// The instances that a change names.
    pub targets: Option<Vec<TargetInput>>,
    /// Where it comes from.
    pub client: ClientInput,
    /// When.
    pub now: Timestamp,
}

/// A call that is being judged.
#[derive(Debug)]
pub struct Case {
    /// What is called.
    pub call: Call,
    /// The document: as the caller wrote it, after [`Case::patch`] as it would be sent.
    pub document: Object,
    /// What the rules see: `document` without its secrets, and on creates the view of it.
    pub input: Input,
    /// What the caller wrote, once `document` is another.
    written: Option<Object>,
    /// What rules changed.
    pub changes: Vec<Change>,
    /// What rules in shadow would have changed.
    pub shadowed: Vec<Change>,
    now: Timestamp,
}

impl Asked {
    /// Reads a document for a call: fields of the action only, and a view that rules can judge.
    ///
    /// # Errors
    /// Everything that is wrong with the document.
    pub fn read(call: Call, mut document: Object, admitted: &[AdmittedField]) -> Result<Self, Vec<Mistake>> {
        document.drop_nulls();
        let shown = Arc::new(secrets::without_secrets(&document));
        Self::read_shown(call, document, shown, admitted)
    }

    /// The same, where the nulls have been dropped and the body without its secrets is at hand.
    ///
    /// # Errors
    /// As [`Asked::read`].
    pub fn read_shown(
        call: Call,
        document: Object,
        shown: Arc<Object>,
        admitted: &[AdmittedField],
    ) -> Result<Self, Vec<Mistake>> {
        if let Some(mistake) = names::check(&document) {
            return Err(vec![mistake]);
        }
        let create = match call.action.kind {
            Kind::Create => Some(viewed(&call, &document, admitted)?),
            Kind::Change | Kind::Read => None,
        };
        Ok(Self { call, document, shown, create })
    }
}

impl Case {
    /// Opens a case under a set of policies.
    pub fn open(asked: Asked, circumstances: Circumstances, policy: &PolicySet) -> Self {
        let Asked { call, document, shown, create } = asked;
        let Circumstances { principal, targets, client, now } = circumstances;
        let input = Input {
            action: ActionInput {
                service: call.action.service.to_owned(),
                name: call.action.name.to_owned(),
                version: call.version.to_owned(),
                kind: call.action.kind,
            },
            request: shown,
            create,
            targets,
            settings: Arc::clone(policy.organisation().settings(&principal.team)),
            principal,
            client,
            now: now.to_string(),
        };
        let (changes, shadowed) = (Vec::new(), Vec::new());
        Self { call, document, written: None, input, changes, shadowed, now }
    }

    /// Whether rules are asked for patches: they add to creates only.
    pub fn is_amended(&self) -> bool {
        self.call.action.kind == Kind::Create
    }

    /// Applies the rules' patches. What the rules wrote is held to the same fields as what the caller wrote.
    ///
    /// # Errors
    /// As [`patch::apply`]; [`Reason::BadPatch`] where the result is no document of this call.
    pub fn patch(
        &mut self,
        policy: &PolicySet,
        patches: Vec<Patch>,
        admitted: &[AdmittedField],
    ) -> Result<(), PolicyFailure> {
        let team = &self.input.principal.team;
        if patches.is_empty() {
            return Ok(()); // the document is what it was
        }
        let amended = patch::apply(policy.organisation(), team, patches, &self.document)?;
        (self.changes, self.shadowed) = (amended.changes, amended.shadowed);
        self.rewrite(amended.document, admitted)
    }

    /// Puts another document in the place of this one.
    ///
    /// # Errors
    /// [`Reason::BadPatch`] where it is no document of this call.
    pub fn rewrite(&mut self, document: Object, admitted: &[AdmittedField]) -> Result<(), PolicyFailure> {
        let view = viewed(&self.call, &document, admitted).map_err(|mistakes| {
            PolicyFailure::new(Reason::BadPatch, Refusal::Fields(mistakes).to_string())
        })?;
        let before = std::mem::replace(&mut self.document, document);
        self.written.get_or_insert(before);
        self.input.request = Arc::new(secrets::without_secrets(&self.document));
        self.input.create = Some(view);
        Ok(())
    }

    /// The document as the caller wrote it, nulls dropped.
    pub fn written(&self) -> &Object {
        self.written.as_ref().unwrap_or(&self.document)
    }

    /// The same call with another document from its caller.
    ///
    /// # Errors
    /// [`Reason::BadPatch`] where it is no document of this call.
    pub fn instead(&self, document: Object, admitted: &[AdmittedField]) -> Result<Self, PolicyFailure> {
        let mut other = Self {
            call: self.call,
            document: Object::new(),
            written: None,
            input: self.input.clone(),
            changes: Vec::new(),
            shadowed: Vec::new(),
            now: self.now,
        };
        other.rewrite(document, admitted)?;
        other.written = None;
        Ok(other)
    }

    /// What the rules' answer means.
    ///
    /// # Errors
    /// As [`verdict::judge`].
    pub fn verdict(&self, policy: &PolicySet, answer: DecideAnswer) -> Result<Verdict, PolicyFailure> {
        verdict::judge(policy.organisation(), &self.input.principal.team, self.now, answer)
    }
}

fn viewed(call: &Call, document: &Object, admitted: &[AdmittedField]) -> Result<Create, Vec<Mistake>> {
    let mistakes = fields::check(call, document, admitted);
    if mistakes.is_empty() { view::normalise(call, document) } else { Err(mistakes) }
}
