//! The order in which the statements of a body are taken: the engine's, so that a statement that fails does so in both, or in none.

use std::collections::BTreeSet;

/// What a statement has to do with the variables of its body.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Those it gives a value.
    pub(super) gives: BTreeSet<String>,
    /// Those that must have one before.
    pub(super) needs: BTreeSet<String>,
    /// Whether it is `some ... in`, which the engine takes as early as what gives nothing.
    pub(super) early: bool,
}

/// The places of the statements in order; none where some wait for one another.
///
/// As in the engine: first whatever gives nothing, then name by name in the order of the alphabet, and after each name again
/// whatever gives nothing and can be taken by now.
pub(super) fn order(links: &[Link]) -> Option<Vec<usize>> {
    let mut taken =
        Taken { links, known: BTreeSet::new(), order: Vec::new(), done: vec![false; links.len()] };
    let names: BTreeSet<&String> = links.iter().flat_map(|link| &link.gives).collect();
    taken.take(|link| link.early || link.gives.is_empty());
    loop {
        let before = taken.order.len();
        for name in &names {
            if taken.take(|link| link.gives.contains(*name)) {
                taken.take(|link| link.early || link.gives.is_empty());
            }
        }
        if taken.order.len() == before {
            break;
        }
    }
    (taken.order.len() == links.len()).then_some(taken.order)
}

struct Taken<'l> {
    links: &'l [Link],
    known: BTreeSet<&'l String>,
    order: Vec<usize>,
    done: Vec<bool>,
}

impl Taken<'_> {
    /// Takes what is wanted and can be taken; whether anything was.
    fn take(&mut self, wanted: impl Fn(&Link) -> bool) -> bool {
        let mut any = false;
        for ((place, link), done) in self.links.iter().enumerate().zip(&mut self.done) {
            if !*done && wanted(link) && link.needs.iter().all(|name| self.known.contains(name)) {
                *done = true;
                any = true;
                self.order.push(place);
                self.known.extend(&link.gives);
            }
        }
        any
    }
}
