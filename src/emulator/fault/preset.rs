//! Refusals one often wants, by name, so that nobody has to look up their status and code.

use serde::Deserialize;

use super::{Fault, When};

/// A refusal by name. The request is not executed, except by the two presets of creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The account has no money left.
    InsufficientBalance,
    /// The account may have no more machines.
    QuotaExceeded,
    /// The model is sold out.
    SoldOut,
    /// The key may not call this.
    NotAllowed,
    /// Too many requests; clients repeat the call.
    RateLimited,
    /// The service is away; the Terraform provider repeats a create.
    Unavailable,
    /// The cloud took too long; nobody knows whether the request was executed.
    TimedOut,
    /// The cloud broke.
    InternalError,
    /// The machines of a create end in CREATE_FAILED.
    CreateFails,
    /// The machines of a create disappear.
    Vanishes,
}

impl Preset {
    /// Every preset, with its name in scripts.
    pub const ALL: [(&'static str, Self); 10] = [
        ("insufficient_balance", Self::InsufficientBalance),
        ("quota_exceeded", Self::QuotaExceeded),
        ("sold_out", Self::SoldOut),
        ("not_allowed", Self::NotAllowed),
        ("rate_limited", Self::RateLimited),
        ("unavailable", Self::Unavailable),
        ("timed_out", Self::TimedOut),
        ("internal_error", Self::InternalError),
        ("create_fails", Self::CreateFails),
        ("vanishes", Self::Vanishes),
    ];

    /// What it does.
    pub fn fault(self) -> Fault {
        match self {
            Self::InsufficientBalance => Fault::insufficient_balance(),
            Self::QuotaExceeded => Fault::refuse(403, "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED"),
            Self::SoldOut => Fault::refuse(400, "RESOURCE_INSUFFICIENT_PRODUCT_SOLD_OUT"),
            Self::NotAllowed => Fault::refuse(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION"),
            Self::RateLimited => Fault::rate_limit(1),
            Self::Unavailable => Fault::refuse(503, "SERVICE_TEMPORARY_UNAVAILABLE"),
            Self::TimedOut => Fault::refuse(503, "REQUEST_TIMED_OUT"),
            Self::InternalError => Fault::refuse(500, "INTERNAL_SERVER_ERROR"),
            Self::CreateFails => Fault::CreateFails,
            Self::Vanishes => Fault::Vanishes,
        }
    }

    /// Status and code of a preset that refuses before anything is executed.
    pub fn answer(self) -> Option<(u16, String)> {
        match self.fault() {
            Fault::Refuse { when: When::Before, status, code, .. } => Some((status, code)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_by_its_name() {
        for (name, preset) in Preset::ALL {
            assert_eq!(serde_json::from_value::<Preset>(name.into()).unwrap(), preset);
        }
    }
}
