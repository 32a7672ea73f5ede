//! Which known key a misspelt one was meant to be.

/// Longer keys are no misspelling of any field, and comparing them would cost more than the hint is worth.
const LONGEST: usize = 64;

/// The known key nearest to `key`: the one that differs by case alone, else the one at the smallest edit distance if that
/// is at most a third of its length.
pub(super) fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if key.len() > LONGEST {
        return None;
    }
    let folded = key.to_ascii_lowercase();
    known
        .map(|name| (distance(&folded, &name.to_ascii_lowercase()), name))
        .filter(|(steps, name)| *steps <= name.len() / 3)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein distance in bytes.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left_byte) in left.bytes().enumerate() {
        let mut diagonal = line;
        let mut previous = line + 1;
        if let Some(first) = row.first_mut() {
            *first = previous;
        }
        for (cell, right_byte) in row.iter_mut().skip(1).zip(right.bytes()) {
            let replaced = diagonal + usize::from(left_byte != right_byte);
            diagonal = *cell;
            previous = replaced.min(diagonal + 1).min(previous + 1);
            *cell = previous;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        for (left, right, steps) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)]
        {
            assert_eq!(distance(left, right), steps, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_is_found_only_when_it_is_near() {
        let known = || ["zoneId", "imageId", "instanceType", "instanceCount", "nic"].into_iter();
        assert_eq!(nearest("InstanceCount", known()), Some("instanceCount"));
        assert_eq!(nearest("instance_count", known()), Some("instanceCount"));
        assert_eq!(nearest("zone", known()), Some("zoneId"));
        assert_eq!(nearest("nik", known()), Some("nic"));
        assert_eq!(nearest("x", known()), None);
        assert_eq!(nearest("", known()), None);
        assert_eq!(nearest(&"i".repeat(65), known()), None);
    }
}
