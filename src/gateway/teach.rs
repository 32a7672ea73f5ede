//! A refusal says how the request would pass, where that was tried and did.

use std::sync::Arc;

use crate::api::fields::AdmittedField;
use crate::policy::Sitting;
use crate::policy::answer::Violation;
use crate::policy::case::Case;
use crate::policy::fix::{self, Step};
use crate::policy::verdict::Verdict;

/// A small change that the rules would let pass, tried against them within the time that the request has left; nothing where there
/// is none. A refused create costs one more judgement at most.
pub(super) async fn fix(
    case: &Case,
    violations: &[Violation],
    sitting: &mut Sitting,
    admitted: &[AdmittedField],
) -> Vec<Step> {
    tried(case, violations, sitting, admitted).await.unwrap_or_default()
}

async fn tried(
    case: &Case,
    violations: &[Violation],
    sitting: &mut Sitting,
    admitted: &[AdmittedField],
) -> Option<Vec<Step>> {
    if !case.is_amended() {
        return None;
    }
    let (document, steps) = fix::candidate(case.written(), violations)?;
    let mut other = case.instead(document, admitted).ok()?;
    let patches = sitting.amend(&other.input).await.ok()?;
    let policy = Arc::clone(sitting.set());
    other.patch(&policy, patches, admitted).ok()?;
    let answer = sitting.decide(&other.input).await.ok()?;
    other.verdict(&policy, answer).ok().filter(Verdict::passes).map(|_| steps)
}
