//! What a run has worked out already, by place.
//!
//! There are as many places as the tree has rules, and a question visits a few of them. So what is known is a short list, and each
//! place says where in it its value stands and for which run that holds: a run begins without touching the places of all the
//! rules that it will never ask for.

use super::value::V;

/// The places, kept from one run to the next.
#[derive(Debug, Default)]
pub(super) struct Places {
    run: u64,
    /// By place: for which run it holds, and where in that run's list the value stands.
    marks: Vec<(u64, usize)>,
    /// Room for the values.
    values: Vec<Option<V<'static>>>,
}

/// The most elements for which room is kept.
const MOST_KEPT: usize = 4096;

/// The room of a list for another one: the standard library collects in place.
pub(super) fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    if list.capacity() > MOST_KEPT {
        return Vec::new();
    }
    list.clear();
    list.into_iter().filter_map(|_| None).collect()
}

/// What one run knows.
pub(super) struct Memo<'a> {
    places: Places,
    values: Vec<Option<V<'a>>>,
}

impl<'a> Memo<'a> {
    /// Nothing is known of so many places.
    pub(super) fn new(mut places: Places, count: usize) -> Self {
        places.run = places.run.wrapping_add(1);
        places.marks.resize(count, (0, 0));
        let values = emptied(std::mem::take(&mut places.values));
        Self { places, values }
    }

    /// The value of a place or that it has none, if that is known.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<Option<V<'a>>> {
        let (run, at) = *self.places.marks.get(place)?;
        if run == self.places.run { self.values.get(at).copied() } else { None }
    }

    /// Notes the value of a place.
    pub(super) fn put(&mut self, place: usize, value: Option<V<'a>>) {
        if let Some(mark) = self.places.marks.get_mut(place) {
            *mark = (self.places.run, self.values.len());
            self.values.push(value);
        }
    }

    /// The places, for the next run.
    pub(super) fn into_places(self) -> Places {
        Places { values: emptied(self.values), ..self.places }
    }
}
