//! The one reading of the body. Reads keep their bytes; creates and changes become the document that everything below
//! works on and that is written upstream.

use bytes::Bytes;
use http::HeaderMap;

use super::Parts;
use super::authenticate::{Principal, Verified};
use super::limit::Place;
use super::stage::{Stage, Way};
use super::trail::Trail;
use crate::api::view::{self, Create};
use crate::api::{Call, Kind, fields, secrets};
use crate::clock::Stopwatch;
use crate::json::{self, Object};
use crate::metrics::{InstanceCount, Phase};
use crate::quota::Marks;
use crate::refusal::Refusal;

/// A read, strictly parsed, to be forwarded byte for byte.
pub(super) struct Read {
    pub(super) call: Call,
    pub(super) principal: Principal,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    pub(super) place: Place,
    pub(super) trail: Trail,
}

/// A create or change as its caller wrote it.
pub(super) struct Proposed {
    pub(super) call: Call,
    pub(super) principal: Principal,
    pub(super) headers: HeaderMap,
    pub(super) document: Object,
    /// The normalised view; on creates.
    pub(super) create: Option<Create>,
    pub(super) marks: Marks,
    pub(super) place: Place,
    pub(super) trail: Trail,
}

/// See the module.
pub(super) struct Parse(Parts);

impl Parse {
    pub(super) fn new(parts: &Parts) -> Self {
        Self(parts.clone())
    }
}

impl Stage for Parse {
    type In = Verified;
    type Out = Way<Read, Proposed>;

    async fn apply(&self, verified: Verified) -> Result<Self::Out, Refusal> {
        let watch = Stopwatch::start();
        let Verified { call, principal, headers, bytes, mut marks, place, trail } = verified;
        let mut document = json::read_object(&bytes)?;
        if call.action.kind == Kind::Read {
            trail.took(Phase::Parse, watch.elapsed());
            return Ok(Way::Aside(Read { call, principal, headers, bytes, place, trail }));
        }
        document.drop_nulls();
        trail.note(|facts| facts.request = Some(secrets::without_secrets(&document)));
        let create = match call.action.kind {
            Kind::Create => Some(self.create(&call, &document)?),
            Kind::Change | Kind::Read => None,
        };
        if create.is_some() {
            let account = &principal.account;
            let fingerprint = account.marks.fingerprint(&account.name, &principal.team, &call, &document);
            marks.fingerprint = Some(fingerprint);
        }
        if let Some(create) = &create {
            let count = u64::from(create.count);
            trail.metrics().instances(InstanceCount::Asked, &principal.team, create.zone.as_deref(), count);
        }
        trail.took(Phase::Parse, watch.elapsed());
        Ok(Way::On(Proposed { call, principal, headers, document, create, marks, place, trail }))
    }
}

impl Parse {
    fn create(&self, call: &Call, document: &Object) -> Result<Create, Refusal> {
        let mistakes = fields::check(call, document, &self.0.settings.admitted_fields);
        if !mistakes.is_empty() {
            return Err(Refusal::Fields(mistakes));
        }
        view::normalise(call, document).map_err(Refusal::Fields)
    }
}
