//! "Did you mean": the known word nearest to a misspelt one, for keys of requests, of files and of policy data.

/// Longer words are no misspelling of anything, and comparing them would cost more than the hint is worth.
const LONGEST: usize = 64;

/// The candidate that is fewest edits away, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let (best, distance) = candidates
        .into_iter()
        .map(|candidate| (candidate, distance(word, candidate)))
        .min_by_key(|(_, distance)| *distance)?;
    // A third of the longer word: `zone` is `zoneId`, but `colour` is not `file`.
    (distance <= (word.chars().count().max(best.chars().count()) / 3).max(1)).then_some(best)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other; case is free.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (i, a) in left.to_lowercase().chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut cost =
                (cell(&row, j) + usize::from(a != *b)).min(cell(&row, j + 1) + 1).min(cell(&next, j) + 1);
            let swapped = j > 0 && last == Some(*b) && right.get(j - 1) == Some(&a);
            if swapped {
                cost = cost.min(cell(&before, j - 1) + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(a);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("adress", "address"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("flie", "file"), 1);
        assert_eq!(distance("URL", "url"), 0);
    }

    #[test]
    fn names_only_what_is_near() {
        assert_eq!(nearest("adress", ["address", "host_aliases"]), Some("address"));
        assert_eq!(nearest("colour", ["file", "env"]), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(nearest("moed", ["mode", "modes", "grants"]), Some("mode"));
        assert_eq!(nearest("zone", ["zoneId", "imageId", "nic"]), Some("zoneId"));
        assert_eq!(nearest("instance_count", ["instanceType", "instanceCount"]), Some("instanceCount"));
        assert_eq!(nearest("", ["nic"]), None);
        assert_eq!(nearest(&"k".repeat(65), ["k"]), None);
    }
}
