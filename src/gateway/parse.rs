//! The one reading of the body. Reads keep their bytes; creates and changes become the document that everything below
//! works on and that is written upstream.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::Parts;
use super::authenticate::{Principal, Verified};
use super::judged;
use super::room::Place;
use super::stage::{Stage, Way};
use super::trail::Trail;
use crate::api::{Call, Kind, secrets};
use crate::clock::Stopwatch;
use crate::json;
use crate::metrics::{InstanceCount, Phase};
use crate::policy::case::Asked;
use crate::quota::Marks;
use crate::refusal::Refusal;
use crate::sign::PayloadHash;

/// A read, strictly parsed, to be forwarded byte for byte.
pub(super) struct Read {
    pub(super) call: Call,
    pub(super) principal: Principal,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    pub(super) hash: PayloadHash,
    pub(super) place: Place,
    pub(super) trail: Trail,
}

/// A create or change as its caller wrote it.
pub(super) struct Proposed {
    pub(super) asked: Asked,
    pub(super) principal: Principal,
    pub(super) headers: HeaderMap,
    pub(super) marks: Marks,
    pub(super) place: Place,
    pub(super) trail: Trail,
}

/// See the module.
pub(super) struct Parse(Arc<Parts>);

impl Parse {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl Stage for Parse {
    type In = Verified;
    type Out = Way<Read, Proposed>;

    async fn apply(&self, verified: Verified) -> Result<Self::Out, Refusal> {
        let watch = Stopwatch::start();
        let Verified { call, principal, headers, bytes, hash, marks, place, trail } = verified;
        let mut document = json::read_message(&bytes)?;
        trail.note(|facts| facts.body_sha256 = judged::shown(&document, hash));
        if call.action.kind == Kind::Read {
            trail.took(Phase::Parse, watch.elapsed());
            return Ok(Way::Aside(Read { call, principal, headers, bytes, hash, place, trail }));
        }
        document.drop_nulls();
        trail.promise_record()?;
        let shown = Arc::new(secrets::without_secrets(&document));
        trail.note(|facts| facts.request = Some(Arc::clone(&shown)));
        let asked = Asked::read_shown(call, document, shown, &self.0.settings.load().admitted_fields)
            .map_err(Refusal::Fields)?;
        if let Some(create) = &asked.create {
            let count = u64::from(create.count);
            if !trail.is_dry() {
                trail.metrics().instances(
                    InstanceCount::Asked,
                    &principal.team,
                    create.zone.as_deref(),
                    count,
                );
            }
        }
        trail.took(Phase::Parse, watch.elapsed());
        Ok(Way::On(Proposed { asked, principal, headers, marks, place, trail }))
    }
}
