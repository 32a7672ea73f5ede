//! Values that are kept, each beside the arena it lives in.

use bumpalo::Bump;
use self_cell::self_cell;

use super::run::Known;
use super::value::V;

pub(super) struct BaseValues<'a> {
    pub(super) constants: Vec<V<'a>>,
    pub(super) data: V<'a>,
}

pub(super) struct TeamValues<'a> {
    pub(super) settings: V<'a>,
    pub(super) settled: Vec<Known<'a>>,
}

self_cell!(
    /// Constants and data.
    pub(super) struct Base {
        owner: Bump,
        #[covariant]
        dependent: BaseValues,
    }
);

self_cell!(
    /// What follows from a team's settings.
    pub(super) struct Team {
        owner: Bump,
        #[covariant]
        dependent: TeamValues,
    }
);
