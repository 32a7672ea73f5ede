//! Why a judgement could not be made. Every one of these is a refusal: a rule that failed allowed nothing.

/// A judgement that failed. `Display` is for the operator; a caller is told [`PolicyFailure::reason`] and the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {detail}", .reason.as_str(), rule_words(.rule.as_deref()))]
pub struct PolicyFailure {
    /// What happened, as a closed label for metrics, records and the caller.
    pub reason: Reason,
    /// The rule it happened in, where known.
    pub rule: Option<String>,
    /// The particulars, the engine's words among them: for the operator, never for the caller.
    pub detail: String,
}

fn rule_words(rule: Option<&str>) -> String {
    rule.map_or_else(String::new, |rule| format!(" in rule `{rule}`"))
}

impl PolicyFailure {
    /// A failure whose rule is not known.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, rule: None, detail: detail.into() }
    }

    /// The same failure, found in `rule`.
    #[must_use]
    pub fn in_rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// The closed label.
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A rule gave no answer at all.
    Undefined,
    /// A rule failed: a builtin refused its arguments, or the like.
    Error,
    /// One rule has two values, or two rules want different things at one place.
    Conflict,
    /// The evaluation took too long.
    TimeLimit,
    /// The evaluation took too many steps.
    InstructionLimit,
    /// The evaluation panicked.
    Panic,
    /// The answer is not of the agreed shape.
    BadAnswer,
    /// More is being judged than the threads can take.
    Busy,
    /// A patch to a place that the data does not grant to its rule.
    UngrantedPatch,
    /// A patch that cannot be applied to this request.
    BadPatch,
}

impl Reason {
    /// All of them, for metrics.
    pub const ALL: [Self; 10] = [
        Self::Undefined,
        Self::Error,
        Self::Conflict,
        Self::TimeLimit,
        Self::InstructionLimit,
        Self::Panic,
        Self::BadAnswer,
        Self::Busy,
        Self::UngrantedPatch,
        Self::BadPatch,
    ];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Error => "error",
            Self::Conflict => "conflict",
            Self::TimeLimit => "time_limit",
            Self::InstructionLimit => "instruction_limit",
            Self::Panic => "panic",
            Self::BadAnswer => "bad_answer",
            Self::Busy => "busy",
            Self::UngrantedPatch => "ungranted_patch",
            Self::BadPatch => "bad_patch",
        }
    }
}
