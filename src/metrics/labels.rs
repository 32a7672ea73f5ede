//! What may stand in a label: closed lists and known sets, so that the number of series is bounded.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use prometheus::core::{MetricVec, MetricVecBuilder};

use super::{OTHER, Phase};
use crate::api::Kind;

/// A metric with one label.
pub(super) trait Labelled {
    /// One of its series.
    type Series: Clone;

    /// The series with this label.
    fn series(&self, label: &str) -> Self::Series;
}

impl<B: MetricVecBuilder<M: Clone>> Labelled for MetricVec<B> {
    type Series = B::M;

    fn series(&self, label: &str) -> B::M {
        self.with_label_values(&[label])
    }
}

/// A metric with one label of a closed list of `N`. Each series is looked up once: hashing a label, taking a lock and walking a
/// table cost more than counting, and a request counts twenty times.
pub(super) struct ByOne<V: Labelled, const N: usize> {
    all: V,
    series: [OnceLock<V::Series>; N],
}

impl<V: Labelled, const N: usize> ByOne<V, N> {
    pub(super) fn new(all: V) -> Self {
        Self { all, series: [const { OnceLock::new() }; N] }
    }

    /// The series whose label is the `place`th of the list.
    fn at(&self, place: usize, label: &'static str) -> V::Series {
        let look_up = || self.all.series(label);
        self.series.get(place).map_or_else(look_up, |known| known.get_or_init(look_up).clone())
    }
}

/// A metric by the class of an action.
pub(super) type ByClass<V> = ByOne<V, 4>;

impl<V: Labelled> ByClass<V> {
    pub(super) fn of(&self, kind: Option<Kind>) -> V::Series {
        let place = match kind {
            None => 0,
            Some(Kind::Read) => 1,
            Some(Kind::Create) => 2,
            Some(Kind::Change) => 3,
        };
        self.at(place, class(kind))
    }
}

/// A metric by the phase of a request.
pub(super) type ByPhase<V> = ByOne<V, 8>;

impl<V: Labelled> ByPhase<V> {
    pub(super) fn during(&self, phase: Phase) -> V::Series {
        self.at(phase as usize, phase.as_str())
    }
}

pub(super) fn class(kind: Option<Kind>) -> &'static str {
    kind.map_or("none", Kind::as_str)
}

/// A status as label; only those that HTTP has, so that at most 500 series exist.
pub(super) fn status_label(status: u16) -> String {
    if (100..=599).contains(&status) { status.to_string() } else { OTHER.to_owned() }
}

pub(super) fn within<'a>(known: &BTreeSet<String>, value: &'a str) -> &'a str {
    if known.contains(value) { value } else { OTHER }
}
