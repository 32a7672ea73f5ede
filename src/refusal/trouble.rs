//! The particulars of refusals: what is wrong with a head, a credential, a key.

use crate::sign::AuthorizationError;

/// What can be wrong with a head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadTrouble {
    /// A header that may appear once is there more often.
    #[error("the header `{0}` is repeated")]
    Repeated(&'static str),
    /// A header that must be there is not.
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    /// A header that the gateway does not accept.
    #[error("the header `{0}` is not accepted")]
    Forbidden(&'static str),
    /// A value that is not plain visible ASCII or not of the form that is due.
    #[error("the value of the header `{0}` is not acceptable")]
    Value(&'static str),
    /// A header that counts only where the signature covers it.
    #[error(
        "the header `{0}` must be listed in `SignedHeaders`: on its way it could be lost, and the request would be carried out"
    )]
    Unsigned(&'static str),
    /// A header name with an underscore: some servers read it as a dash.
    #[error("header names with `_` are not accepted")]
    Underscore,
    /// A query string, which no signature covers.
    #[error("a query string is not accepted")]
    Query,
    /// A target with scheme and host.
    #[error("the request target must be a path")]
    AbsoluteTarget,
    /// `X-ZC-Service` names another service than the path.
    #[error("`X-ZC-Service` names another service than the path")]
    ServiceMismatch,
    /// HTTP/1.0 and older.
    #[error("use HTTP/1.1 or HTTP/2")]
    OldProtocol,
}

/// Why the `Authorization` header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationTrouble {
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// It does not follow the scheme.
    #[error(transparent)]
    Malformed(#[from] AuthorizationError),
    /// `X-ZC-Signature-Method` names another algorithm.
    #[error("`X-ZC-Signature-Method` must be `ZC2-HMAC-SHA256`")]
    Method,
    /// The timestamp is missing or no decimal number of seconds.
    #[error("`X-ZC-Timestamp` must hold the seconds since 1970 in decimal")]
    Timestamp,
    /// A signed header is not in the request, or more than once.
    #[error("a header listed in `SignedHeaders` is missing or repeated")]
    SignedHeader,
    /// A bearer token that no key has.
    #[error("the bearer token is not valid")]
    Token,
}

/// Why a good credential may not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTrouble {
    /// Taken back for ever.
    #[error("this gateway key has been revoked")]
    Revoked,
    /// Switched off.
    #[error("this gateway key is disabled")]
    Disabled,
    /// Past its end.
    #[error("this gateway key has expired")]
    Expired,
    /// From an address outside the key's source ranges.
    #[error("this gateway key may not be used from this address")]
    Source,
    /// Without one of the client certificates that it is bound to.
    #[error("this gateway key may only be used over a connection with its client certificate")]
    Certificate,
    /// An action that is not among the key's.
    #[error("this gateway key may not call `{0}`")]
    Action(String),
    /// A signature that was used for another action before.
    #[error(
        "this signature was used for `{0}` before; sign each request anew, and if you did not send that one, someone else has your \
         request"
    )]
    Reused(String),
    /// A key that must sign the action and version.
    #[error("this gateway key must list `x-zc-action` and `x-zc-version` in `SignedHeaders`")]
    NotStrict,
}
