//! The key file as operators write it, and the checks that turn it into a [`Keyring`].

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::value::{Datetime, Offset};

use super::words::{not_a_team, not_an_action, not_an_id};
use super::{Accounts, ActionPatterns, Key, Keyring, LastUse, LiveSecret, NoAccount, sources};
use crate::config::diagnostics::{At, Findings};
use crate::config::secret_ref::{self, RawSecretRef, SecretError, SecretRef};
use crate::secret::Secret;

/// The key file of zengate.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawKeyFile {
    /// The keys; at least one.
    pub key: Vec<At<RawKey>>,
}

/// One key.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawKey {
    /// Required: the access key id that clients use; letters, digits, `_` and `-`.
    #[schemars(with = "Option<String>")]
    pub id: Option<At<String>>,
    /// One or two live secrets by reference: two during a rotation, the old one with an `until`.
    pub secrets: At<Vec<At<RawKeySecret>>>,
    /// A bearer token by reference; short for one in `tokens`.
    pub token: Option<At<RawKeySecret>>,
    /// One or two bearer tokens by reference.
    pub tokens: At<Vec<At<RawKeySecret>>>,
    /// Required: the team that calls.
    #[schemars(with = "Option<String>")]
    pub team: Option<At<String>>,
    /// Who answers for the key.
    pub owner: Option<String>,
    /// What the key is for.
    pub purpose: Option<String>,
    /// Free labels that rules may look at.
    pub labels: BTreeMap<String, String>,
    /// The account of the configuration that the calls go to. By default the one that lists the team, or the only one
    /// that lists no teams.
    #[schemars(with = "Option<String>")]
    pub account: Option<At<String>>,
    /// The actions that the key may call, each "service Action" with `*` at the end of either part. Everything by
    /// default: rules judge what a team may do, this narrows one key.
    pub actions: Option<At<Vec<At<String>>>>,
    /// A date, which ends that day (UTC), or a time with its offset. Never by default.
    #[schemars(with = "Option<String>")]
    pub expires: Option<At<Datetime>>,
    /// False refuses the key without forgetting it.
    pub enabled: bool,
    /// The address ranges that the key may be used from; empty is anywhere.
    pub sources: Vec<At<String>>,
    /// Names of client certificates that the key may be used with (`listen.tls.clients`): alternative names as they
    /// are written there, or the common name of one without any. Empty is with any certificate or none.
    pub certificates: Vec<At<String>>,
    /// Whether its signatures must cover x-zc-action and x-zc-version. False by default: the vendor's SDKs do not.
    pub strict: bool,
}

/// A secret of a key: exactly one of `file`, `env`, `command` and `sealed`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a reference, such as { file = \"path\" } or { env = \"NAME\" }, never the secret itself"
)]
pub struct RawKeySecret {
    /// A file that only its owner can read; relative paths start at the directory of the key file.
    #[schemars(with = "Option<String>")]
    pub file: Option<At<std::path::PathBuf>>,
    /// An environment variable of the gateway's process.
    #[schemars(with = "Option<String>")]
    pub env: Option<At<String>>,
    /// A program and its arguments, run without a shell; the secret is what it writes to standard output. It is asked
    /// again at most once a minute, and at SIGHUP.
    #[schemars(with = "Option<Vec<String>>")]
    pub command: Option<At<Vec<String>>>,
    /// What `zengate secret seal` printed; `with` opens it.
    #[schemars(with = "Option<String>")]
    pub sealed: Option<At<String>>,
    /// The file of the key that opens `sealed`, made by `zengate secret new-key`.
    #[schemars(with = "Option<String>")]
    pub with: Option<At<std::path::PathBuf>>,
    /// A date, which ends that day (UTC), or a time with its offset, from which the secret no longer counts.
    #[schemars(with = "Option<String>")]
    pub until: Option<At<Datetime>>,
}

impl Default for RawKey {
    fn default() -> Self {
        Self {
            id: None,
            secrets: At::default(),
            token: None,
            tokens: At::default(),
            team: None,
            owner: None,
            purpose: None,
            labels: BTreeMap::new(),
            account: None,
            actions: None,
            expires: None,
            enabled: true,
            sources: Vec::new(),
            certificates: Vec::new(),
            strict: false,
        }
    }
}

/// The most secrets or tokens of a key: the new one and the one it replaces.
const MOST_LIVE: usize = 2;

/// Reads one key file.
pub(super) struct Reading<'r, 's> {
    pub(super) directory: &'r Path,
    pub(super) accounts: &'r Accounts,
    pub(super) findings: &'r mut Findings<'s>,
    pub(super) resolve: &'r mut dyn FnMut(&SecretRef) -> Result<Secret, SecretError>,
}

impl Reading<'_, '_> {
    /// Checks every key, also after one has failed.
    pub(super) fn keyring(&mut self, raw: &RawKeyFile) -> Keyring {
        if raw.key.is_empty() {
            self.findings.missing(&["key"], "at least one [[key]] with id, secrets, team and account");
        }
        let mut ring = Keyring::default();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (index, raw) in raw.key.iter().enumerate() {
            if let Some(id) = &raw.id
                && let Some(line) = seen.insert(id, self.findings.line(id))
            {
                self.findings
                    .at(id, format!("{:?} is the id of the key in line {line} too; give each its own", **id));
            }
            let tokens = self.tokens(raw);
            let ends = tokens.iter().map(|(token, _)| token.until).collect();
            let Some(key) = self.key(raw, index, ends) else { continue };
            let at = ring.add(key);
            for (token, raw) in &tokens {
                if let Err(other) = ring.add_token(token, at) {
                    let text = format!(
                        "is the same token as one of key {other:?}; a token must say who calls, so give each its own"
                    );
                    self.findings.at(*raw, text);
                }
            }
        }
        ring
    }

    fn key(&mut self, raw: &RawKey, index: usize, tokens: Vec<Option<Timestamp>>) -> Option<Key> {
        let place = index.to_string();
        let id = self.id(raw, &place);
        let team = self.team(raw, &place);
        let account = self.account(raw, team.as_deref().unwrap_or_default(), &place);
        let secrets: Vec<LiveSecret> = self.live(&raw.secrets).into_iter().map(|(live, _)| live).collect();
        if raw.secrets.is_empty() && raw.token.is_none() && raw.tokens.is_empty() {
            let write = "e.g. secrets = [{ file = \"payments.secret\" }]";
            self.findings.missing(&["key", &place, "secrets"], write);
        }
        let actions = self.actions(raw);
        let expires = raw.expires.as_ref().and_then(|expires| self.moment(expires));
        let sources = raw.sources.iter().filter_map(|range| self.range(range)).collect();
        if secrets.is_empty() && tokens.is_empty() {
            return None; // every way to use it was wrong, and has been noted
        }
        Some(Key {
            id: id?,
            secrets,
            tokens,
            team: team?,
            owner: raw.owner.clone(),
            purpose: raw.purpose.clone(),
            labels: raw.labels.clone(),
            account: account?,
            actions,
            expires,
            enabled: raw.enabled,
            revoked: false,
            sources,
            certificates: raw.certificates.iter().map(|name| (**name).clone()).collect(),
            strict: raw.strict,
            used: LastUse::default(),
        })
    }

    fn id(&mut self, raw: &RawKey, place: &str) -> Option<String> {
        let Some(id) = &raw.id else {
            self.findings.missing(&["key", place, "id"], "the access key id that clients use");
            return None;
        };
        if let Some(trouble) = not_an_id(id) {
            self.findings.at(id, trouble);
        }
        Some((**id).clone())
    }

    fn team(&mut self, raw: &RawKey, place: &str) -> Option<String> {
        let Some(team) = &raw.team else {
            self.findings.missing(&["key", place, "team"], "the team that calls, e.g. team = \"payments\"");
            return None;
        };
        if let Some(trouble) = not_a_team(team) {
            self.findings.at(team, trouble);
        }
        Some((**team).clone())
    }

    fn account(&mut self, raw: &RawKey, team: &str, place: &str) -> Option<String> {
        let named = raw.account.as_ref();
        match (self.accounts.choose(team, named.map(|named| named.as_str())), named) {
            (Ok(account), _) => return Some(account),
            (Err(NoAccount::Wrong(wrong)), Some(named)) => self.findings.at(named, wrong),
            (Err(trouble), _) => self.findings.missing(
                &["key", place, "account"],
                &format!("the name of an [accounts.<name>] section: the key {trouble}"),
            ),
        }
        None
    }

    fn actions(&mut self, raw: &RawKey) -> ActionPatterns {
        let Some(list) = &raw.actions else { return ActionPatterns::default() };
        if list.is_empty() {
            self.findings.at(list, "is empty, so the key may call nothing; leave it out, or disable the key with enabled = false");
        }
        let mut actions = ActionPatterns::none();
        for text in list.iter() {
            if !actions.add(text) {
                self.findings.at(text, not_an_action(text));
            }
        }
        actions
    }

    fn range(&mut self, raw: &At<String>) -> Option<ipnet::IpNet> {
        sources::parse(raw).map_err(|wrong| self.findings.at(raw, wrong)).ok()
    }

    fn tokens<'a>(&mut self, raw: &'a RawKey) -> Vec<(LiveSecret, &'a At<RawKeySecret>)> {
        let mut tokens = self.live(&raw.tokens);
        if let Some(token) = &raw.token {
            if !raw.tokens.is_empty() {
                self.findings.at(token, "stands beside tokens; write both into tokens = [...]");
            }
            tokens.extend(self.secret(token).map(|live| (live, token)));
        }
        tokens
    }

    fn live<'a>(&mut self, raw: &'a At<Vec<At<RawKeySecret>>>) -> Vec<(LiveSecret, &'a At<RawKeySecret>)> {
        if raw.len() > MOST_LIVE {
            self.findings.at(
                raw,
                format!("holds {}; at most two can be live, the new one and the one it replaces", raw.len()),
            );
        }
        raw.iter().filter_map(|raw| Some((self.secret(raw)?, raw))).collect()
    }

    fn secret(&mut self, raw: &At<RawKeySecret>) -> Option<LiveSecret> {
        let reference = raw.reference();
        let until = raw.until.as_ref().and_then(|until| self.moment(until));
        let found = secret_ref::resolve_with(&reference, self.directory, self.findings, self.resolve)?;
        secret_ref::single_line(&reference, &found, self.findings)
            .then_some(LiveSecret { secret: found.secret, until })
    }

    fn moment(&mut self, raw: &At<Datetime>) -> Option<Timestamp> {
        let moment = moment(raw);
        if moment.is_none() {
            let text = format!(
                "{} says no moment; write a date, such as 2027-01-31, or a time with its offset, such as 2027-01-31T12:00:00Z",
                **raw
            );
            self.findings.at(raw, text);
        }
        moment
    }
}

impl At<RawKeySecret> {
    fn reference(&self) -> At<RawSecretRef> {
        self.with(RawSecretRef {
            file: self.file.clone(),
            env: self.env.clone(),
            command: self.command.clone(),
            sealed: self.sealed.clone(),
            with: self.with.clone(),
        })
    }
}

/// The first moment after a date, or the moment itself.
fn moment(raw: &Datetime) -> Option<Timestamp> {
    match (raw.date, raw.time, raw.offset) {
        (Some(date), None, None) => {
            let date =
                Date::new(date.year.try_into().ok()?, date.month.try_into().ok()?, date.day.try_into().ok()?);
            let next = date.ok()?.tomorrow().ok()?;
            Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp())
        }
        (Some(_), Some(_), Some(Offset::Z | Offset::Custom { .. })) => raw.to_string().parse().ok(),
        _ => None,
    }
}
