//! Who calls: a gateway-issued key that signed the raw bytes, or a bearer token.
//!
//! What a signature covers is narrow (see [`crate::sign`]), so it proves "this body, for this host, in this minute" and
//! not the action. An unknown key and a wrong signature get the same answer after the same work. The one exception: a
//! client that waits for `100 Continue` is told at once when its key is unknown, because the alternative is to take in
//! a megabyte from anybody.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, header};

use super::Parts;
use super::limit::Head;
use super::room::Place;
use super::route::{Routed, text};
use super::signatures::{Meeting, SWAP_WINDOW, Signatures};
use super::stage::Stage;
use super::trail::Trail;
use crate::account::Account;
use crate::api::{Call, catalog};
use crate::keys::{Key, KeyRefusal};
use crate::metrics::Phase;
use crate::quota::{Called, Marks};
use crate::refusal::{AuthorizationTrouble, HeadTrouble, KeyTrouble, Refusal};
use crate::secret::Secret;
use crate::sign::{
    ALGORITHM, ALGORITHM_OLD_SPELLING, Authorization, Canonical, PayloadHash, Signature, SigningKey,
    StringToSign, WINDOW_SECONDS,
};

/// Who a request is from; only from its credential, never from a header of the client's choice.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) key: String,
    pub(super) team: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) account: Arc<Account>,
}

/// A request whose caller is known and may call its action.
pub(super) struct Verified {
    pub(super) call: Call,
    pub(super) principal: Principal,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    pub(super) hash: PayloadHash,
    pub(super) marks: Marks,
    pub(super) place: Place,
    pub(super) trail: Trail,
}

/// See the module.
pub(super) struct Authenticate {
    parts: Arc<Parts>,
    /// Stands in for the secret of an unknown key, so that both cost the same.
    nobody: SigningKey,
    signatures: Arc<Signatures>,
}

impl Authenticate {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        let nobody = SigningKey::new(&Secret::new("the secret of no key at all"));
        Self { parts: Arc::clone(parts), nobody, signatures: Arc::clone(&parts.signatures) }
    }
}

impl Stage for Authenticate {
    type In = Routed;
    type Out = Verified;

    async fn apply(&self, routed: Routed) -> Result<Verified, Refusal> {
        let Routed { call, host, head, body, trail } = routed;
        let credential = Credential::read(&head.headers, &host)?;
        // As early as it can be known: what breaks off later is not what this request is a reaction to.
        let signature = credential.signature().map(Signature::to_hex);
        let closed = |signature: &String| self.parts.callers.closed(signature);
        let closed_before = signature.as_ref().map(closed).unwrap_or_default();
        let looked = i64::try_from(self.parts.clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
        let keyring = self.parts.keys.current();
        let claimed = match &credential {
            Credential::Bearer(token) => Some(
                keyring.by_token(token, self.parts.clock.timestamp()).ok_or_else(|| self.no_such_token())?,
            ),
            Credential::Signed(signed) => {
                signed.check_time(self.parts.clock.unix_seconds())?;
                keyring.by_id(&signed.authorization.credential)
            }
        };
        if claimed.is_none() && !self.parts.keys.are_known() {
            return Err(Refusal::KeysAway);
        }
        if claimed.is_none() && body.waits() {
            return Err(Refusal::Signature);
        }
        let (bytes, place) = body.receive(&trail).await?;
        let watch = crate::clock::Stopwatch::start();
        let hash = PayloadHash::of(&bytes);
        if let Credential::Signed(signed) = &credential {
            let settings = self.parts.settings.load();
            let aliases = &settings.host_aliases;
            let now = self.parts.clock.timestamp();
            let secrets: Vec<SigningKey> = match claimed {
                Some(key) => key.secrets_at(now).map(SigningKey::new).collect(),
                None => vec![self.nobody.clone()],
            };
            let good = signed.verifies(&head, aliases, &hash, &secrets)?;
            if !good || claimed.is_none() {
                return Err(Refusal::Signature);
            }
        }
        let key = claimed.ok_or(Refusal::Signature)?;
        let principal = self.admit(key, &credential, call, &trail)?;
        let idempotency_key = Self::said(&credential, &head.headers, &trail)?;
        if let (Some(bytes), Some(hex)) = (credential.signature(), &signature) {
            self.meet(bytes.to_bytes(), hex, &principal, &call, &trail)?;
        }
        let marks = Marks { signature, idempotency_key, closed_before, looked, ..Marks::default() };
        trail.took(Phase::Authenticate, watch.elapsed());
        Ok(Verified { call, principal, headers: head.headers, bytes, hash, marks, place, trail })
    }
}

impl Authenticate {
    /// While nobody knows which keys there are, a good one must not be told that it is bad.
    fn no_such_token(&self) -> Refusal {
        match self.parts.keys.are_known() {
            true => Refusal::Authorization(AuthorizationTrouble::Token),
            false => Refusal::KeysAway,
        }
    }

    /// What a good credential may still not do.
    fn admit(
        &self,
        key: &Key,
        credential: &Credential,
        call: Call,
        trail: &Trail,
    ) -> Result<Principal, Refusal> {
        trail.note(|facts| {
            facts.key = Some(key.id.clone());
            facts.team = Some(key.team.clone());
            facts.owner.clone_from(&key.owner);
            facts.account = Some(key.account.clone());
        });
        let from = trail.peer();
        let names = from.certificate.as_ref().map(|certificate| certificate.names.as_slice());
        let now = self.parts.clock.timestamp();
        key.usable(now, from.address.ip(), names).map_err(|refusal| match refusal {
            KeyRefusal::Revoked => KeyTrouble::Revoked,
            KeyRefusal::Disabled => KeyTrouble::Disabled,
            KeyRefusal::Expired => KeyTrouble::Expired,
            KeyRefusal::Source => KeyTrouble::Source,
            KeyRefusal::Certificate => KeyTrouble::Certificate,
        })?;
        key.used.note(now);
        if key.strict && !credential.binds_action() {
            return Err(KeyTrouble::NotStrict.into());
        }
        // Every key may ask what it may still do.
        if !catalog::is_own(call.action) && !key.permits(call.action.service, call.action.name) {
            return Err(KeyTrouble::Action(format!("{} {}", call.action.service, call.action.name)).into());
        }
        // The keys were checked against the accounts when they were loaded.
        let account = self.parts.accounts.get(&key.account).ok_or(Refusal::Signature)?;
        Ok(Principal {
            key: key.id.clone(),
            team: key.team.clone(),
            labels: key.labels.clone(),
            account: Arc::clone(account),
        })
    }
}

impl Authenticate {
    /// What the caller says of the request beside it: that it is only to be told what would happen, and by what name it is known
    /// again.
    fn said(credential: &Credential, headers: &HeaderMap, trail: &Trail) -> Result<Option<String>, Refusal> {
        let covers = |name: &str| match credential {
            Credential::Bearer(_) => true,
            Credential::Signed(signed) => {
                signed.authorization.signed_headers.iter().any(|listed| listed == name)
            }
        };
        if super::dry::asked(headers, covers(super::dry::DRY_RUN))? {
            trail.note(|facts| facts.dry_run = true);
        }
        match headers.get(IDEMPOTENCY_KEY) {
            Some(_) if covers(IDEMPOTENCY_KEY) => {
                Ok(Some(idempotency_key(headers).ok_or(HeadTrouble::Value("idempotency-key"))?))
            }
            _ => Ok(None),
        }
    }

    /// Refuses a signature that was meant for something else.
    fn meet(
        &self,
        bytes: [u8; 32],
        hex: &str,
        principal: &Principal,
        call: &Call,
        trail: &Trail,
    ) -> Result<(), Refusal> {
        let (from, now) = (trail.peer().address.ip(), self.parts.clock.since_epoch().as_millis());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let called = Called::of(call);
        let before = match self.signatures.meet(bytes, call, from, now) {
            Meeting::Refused(first) => {
                Some(format!("{} {}", first.call.action.service, first.call.action.name))
            }
            Meeting::Swapped => {
                trail.metrics().quota().signature_reuse("swapped");
                None
            }
            // What came before a restart, or through another replica, is in the ledger.
            Meeting::Same => self
                .parts
                .ledger
                .read(|book| {
                    let other = book.used_for_another(&principal.key, hex, &called)?;
                    let honest = other.asker.address == from.to_string()
                        && now.abs_diff(other.at) <= SWAP_WINDOW.unsigned_abs();
                    (!honest).then(|| format!("{} {}", other.call.service, other.call.action))
                })
                .flatten(),
        };
        match before {
            None => Ok(()),
            Some(first) => {
                trail.metrics().quota().signature_reuse("refused");
                Err(KeyTrouble::Reused(first).into())
            }
        }
    }
}

/// How a client calls an order of its own; counts only where nobody else can have written it.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    text(headers, IDEMPOTENCY_KEY)
        .filter(|key| (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()))
        .map(str::to_owned)
}

/// What a request offers to prove who it is from.
enum Credential {
    Bearer(String),
    Signed(Box<Signed>),
}

struct Signed {
    authorization: Authorization,
    /// The signed headers with their values as received, trimmed.
    values: Vec<(String, String)>,
    timestamp: String,
    seconds: i64,
}

impl Credential {
    fn read(headers: &HeaderMap, host: &str) -> Result<Self, Refusal> {
        use AuthorizationTrouble::{Malformed, Method, Missing, SignedHeader, Timestamp, Token};
        let value = text(headers, header::AUTHORIZATION.as_str()).ok_or(Refusal::Authorization(Missing))?;
        if let Some(token) = value.strip_prefix("Bearer ") {
            let token = token.trim();
            let plain = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
            return if plain {
                Ok(Self::Bearer(token.to_owned()))
            } else {
                Err(Refusal::Authorization(Token))
            };
        }
        let authorization =
            Authorization::parse(value).map_err(|error| Refusal::Authorization(Malformed(error)))?;
        if text(headers, "x-zc-signature-method")
            .is_some_and(|method| method != ALGORITHM && method != ALGORITHM_OLD_SPELLING)
        {
            return Err(Refusal::Authorization(Method));
        }
        let timestamp = text(headers, "x-zc-timestamp").unwrap_or_default();
        let decimal =
            (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = timestamp.parse().ok().filter(|_| decimal).ok_or(Refusal::Authorization(Timestamp))?;
        let values = authorization
            .signed_headers
            .iter()
            .map(|name| signed_value(headers, host, name).map(|value| (name.clone(), value)))
            .collect::<Option<_>>()
            .ok_or(Refusal::Authorization(SignedHeader))?;
        Ok(Self::Signed(Box::new(Signed { authorization, values, timestamp: timestamp.to_owned(), seconds })))
    }

    /// The signature, where there is one.
    fn signature(&self) -> Option<Signature> {
        match self {
            Self::Bearer(_) => None,
            Self::Signed(signed) => Some(signed.authorization.signature),
        }
    }

    /// Whether the credential covers the action and version. A bearer token covers nothing and so fails a strict key.
    fn binds_action(&self) -> bool {
        match self {
            Self::Bearer(_) => false,
            Self::Signed(signed) => ["x-zc-action", "x-zc-version"]
                .iter()
                .all(|name| signed.authorization.signed_headers.iter().any(|listed| listed == name)),
        }
    }
}

/// The value of a signed header, if it is there exactly once.
fn signed_value(headers: &HeaderMap, host: &str, name: &str) -> Option<String> {
    if name == "host" {
        return Some(host.to_owned());
    }
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    std::str::from_utf8(value.as_bytes()).ok().map(|value| value.trim().to_owned())
}

impl Signed {
    fn check_time(&self, now: i64) -> Result<(), Refusal> {
        let offset = self.seconds.saturating_sub(now);
        if offset.abs() > WINDOW_SECONDS {
            return Err(Refusal::Skew { offset, allowed: WINDOW_SECONDS });
        }
        Ok(())
    }

    /// Tries each form that a client may have signed: the host as received or under an alias, values as received or in
    /// lower case (the vendor's page asks for that, no SDK does it).
    fn verifies(
        &self,
        head: &Head,
        aliases: &[String],
        payload: &PayloadHash,
        secrets: &[SigningKey],
    ) -> Result<bool, Refusal> {
        debug_assert!(head.method == http::Method::POST, "the canonical text says POST");
        let received =
            self.values.iter().find(|(name, _)| name == "host").map_or("", |(_, value)| value.as_str());
        let mut good = false;
        for host in std::iter::once(received).chain(aliases.iter().map(String::as_str)) {
            for lower in [false, true] {
                let values: Vec<(&str, Cow<'_, str>)> = self
                    .values
                    .iter()
                    .map(|(name, value)| (name.as_str(), if name == "host" { host } else { value.as_str() }))
                    .map(|(name, value)| {
                        (name, if lower { value.to_ascii_lowercase().into() } else { value.into() })
                    })
                    .collect();
                let pairs: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, &**value)).collect();
                let string_to_sign = StringToSign::new(&self.timestamp, &Canonical::new(&pairs, payload));
                for secret in secrets {
                    good |= secret.verifies(&string_to_sign, &self.authorization.signature);
                }
                if good || pairs.iter().all(|(_, value)| !value.bytes().any(|byte| byte.is_ascii_uppercase()))
                {
                    break;
                }
            }
            if good {
                break;
            }
        }
        Ok(good)
    }
}
