//! No way back by a signed bundle: one that is older than what was in force is a replay of rules that somebody has since mended.

use std::cmp::Ordering;

use crate::config::Policy;
use crate::policy::keep::Kept;
use crate::policy::{LoadError, Material, Problem};

/// Refuses a signed bundle that is older than one that was in force.
pub(super) fn not_older(kept: &Kept, material: &Material, policy: &Policy) -> Result<(), LoadError> {
    match older(kept, material).filter(|_| policy.verify_keys.is_some()) {
        Some(why) => Err(Problem::of("the bundle", why).into()),
        None => Ok(()),
    }
}

/// Why a bundle is older than one that was in force, if it is.
fn older(kept: &Kept, new: &Material) -> Option<String> {
    let revision = new.bundle_revision.as_deref()?;
    let live = kept.live.as_ref();
    let current = live.and_then(|live| live.bundle_revision.as_deref());
    if current != Some(revision) && kept.signed.contains_key(revision) {
        return Some(format!(
            "its revision `{revision}` was in force before and has been replaced; to go back, sign it under a new revision"
        ));
    }
    let current = current?;
    let times = live.and_then(|live| live.signed_at).zip(new.signed_at);
    let order = match times {
        Some((current, new)) => Some(new.cmp(&current)),
        None => natural(revision, current),
    };
    (order == Some(Ordering::Less))
        .then(|| format!("its revision `{revision}` is older than `{current}`, which was in force"))
}

/// The order of revisions that differ in their numbers only: `v9` before `v10`, `2026-01-31` before `2026-02-01`. Others, such as
/// hashes of commits, have none.
fn natural(one: &str, other: &str) -> Option<Ordering> {
    let (words, numbers) = parts(one);
    let (other_words, other_numbers) = parts(other);
    (words == other_words).then(|| numbers.cmp(&other_numbers))
}

fn parts(revision: &str) -> (Vec<&str>, Vec<u128>) {
    let words = revision.split(|letter: char| letter.is_ascii_digit()).filter(|word| !word.is_empty());
    let numbers = revision.split(|letter: char| !letter.is_ascii_digit()).filter(|digits| !digits.is_empty());
    (words.collect(), numbers.map(|digits| digits.parse().unwrap_or(u128::MAX)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(revision: &str, signed_at: Option<u64>) -> Material {
        Material { bundle_revision: Some(revision.to_owned()), signed_at, ..Material::default() }
    }

    #[test]
    fn what_is_older_is_told_from_what_is_new() {
        let mut kept = Kept::default();
        assert_eq!(older(&kept, &bundle("v9", None)), None);
        kept.live = Some(bundle("v10", None));
        kept.signed = [("v10".to_owned(), None), ("abc".to_owned(), None)].into();
        assert!(older(&kept, &bundle("v9", None)).unwrap().contains("older"));
        for fine in ["v10", "v11", "w1"] {
            assert_eq!(older(&kept, &bundle(fine, None)), None, "{fine}");
        }
        assert!(older(&kept, &bundle("abc", None)).unwrap().contains("in force before"));
        kept.live = Some(bundle("z", Some(100)));
        assert!(older(&kept, &bundle("y", Some(99))).is_some());
        assert_eq!(older(&kept, &bundle("a", Some(101))), None);
    }
}
