//! How requests end.

/// How a request ended, as metrics and logs count it: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The cloud answered 200.
    Ok,
    /// The cloud answered with an error, which was passed on.
    CloudError,
    /// No request could be read.
    Malformed,
    /// The request was read and is a bad one.
    BadRequest,
    /// The credential was not good.
    Unauthenticated,
    /// The key may not do this, or nobody knows this action.
    Unauthorized,
    /// A rule said no.
    DeniedPolicy,
    /// Quota said no.
    DeniedQuota,
    /// More creates in a time than the team may send; no denial, since it passes later.
    RateLimited,
    /// Only to be told what would happen, by the caller's wish.
    DryRun,
    /// The same create was here before.
    Repeated,
    /// A rule failed.
    PolicyError,
    /// Shed.
    Overloaded,
    /// Nothing sent because something of the gateway's own was away, or it was ending.
    Unavailable,
    /// The cloud could not be reached, or gave a read no answer.
    CloudAway,
    /// Sent, outcome unknown.
    Unknown,
    /// A bug.
    InternalError,
    /// The client left before its answer.
    ClientGone,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Ok,
        Self::CloudError,
        Self::Malformed,
        Self::BadRequest,
        Self::Unauthenticated,
        Self::Unauthorized,
        Self::DeniedPolicy,
        Self::DeniedQuota,
        Self::RateLimited,
        Self::DryRun,
        Self::Repeated,
        Self::PolicyError,
        Self::Overloaded,
        Self::Unavailable,
        Self::CloudAway,
        Self::Unknown,
        Self::InternalError,
        Self::ClientGone,
    ];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::CloudError => "cloud_error",
            Self::Malformed => "malformed",
            Self::BadRequest => "bad_request",
            Self::Unauthenticated => "unauthenticated",
            Self::Unauthorized => "unauthorized",
            Self::DeniedPolicy => "denied_policy",
            Self::DeniedQuota => "denied_quota",
            Self::RateLimited => "rate_limited",
            Self::DryRun => "dry_run",
            Self::Repeated => "repeated",
            Self::PolicyError => "policy_error",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::CloudAway => "cloud_away",
            Self::Unknown => "unknown",
            Self::InternalError => "internal_error",
            Self::ClientGone => "client_gone",
        }
    }
}
