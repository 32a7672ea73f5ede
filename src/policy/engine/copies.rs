//! What is kept of policies for evaluating them: of those in force and of those before, which requests under way still use.

use crate::policy::set::PolicySet;

/// How many sets of policies are kept.
const KEPT: usize = 2;

/// Copies by the number of their set, newest use last.
pub(super) struct Copies<T>(Vec<(u64, T)>);

impl<T> Default for Copies<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Copies<T> {
    /// What is kept of a set.
    pub(super) fn get(&mut self, set: &PolicySet) -> Option<&mut T> {
        let place = self.0.iter().position(|(number, _)| *number == set.number)?;
        if place + 1 < self.0.len() {
            let copy = self.0.remove(place);
            self.0.push(copy);
        }
        self.0.last_mut().map(|(_, copy)| copy)
    }

    /// Keeps something of a set, in the place of what was used least of late.
    pub(super) fn put(&mut self, set: &PolicySet, copy: T) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push((set.number, copy));
    }
}
