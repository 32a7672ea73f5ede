//! Why a run has no answer.

/// A run without an answer. A reference, so that the results that carry it are no larger than values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Stop(pub(in crate::policy) &'static Cause);

impl Stop {
    pub(in crate::policy::plan) const TIME: Self = Self(&Cause::Time);
    pub(in crate::policy::plan) const STEPS: Self = Self(&Cause::Steps);
    pub(in crate::policy::plan) const MEMORY: Self = Self(&Cause::Memory);
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Cause {
    /// The interpreter must be asked: something failed, or is not done here.
    Elsewhere(&'static str),
    /// It took too long.
    Time,
    /// It took too many steps.
    Steps,
    /// It used too much memory.
    Memory,
}
