//! Signed bundles, as `opa sign` and `opa build --signing-key` write them: `.signatures.json` holds a JWS whose payload lists every
//! file with its digest (OPA documentation, "Bundles", section "Signing").
//!
//! The keys are files of one directory, read anew with each bundle, so that a key is added by putting it there: `<key id>.pem` holds
//! a public key (RSA, P-256, P-384 or Ed25519), `<key id>.secret` a shared secret (HS256 and its kin). Which algorithms pass is decided
//! by the kind of key, never by the signature alone.

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, SHA512_256, digest};
use jsonwebtoken::{Algorithm as Jws, DecodingKey, Validation};
use serde::Deserialize;

use crate::json::{self, Value};

/// The file of the signatures.
pub(super) const FILE: &str = ".signatures.json";

#[derive(Deserialize)]
struct Signatures {
    signatures: Vec<String>,
}

/// What was signed.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Claims {
    files: Vec<FileClaim>,
    /// When, in seconds since 1970.
    #[serde(default)]
    pub(super) iat: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
struct FileClaim {
    name: String,
    hash: String,
    #[serde(default)]
    algorithm: Option<String>,
}

/// Checks that one of the keys signed exactly these files.
pub(super) fn verify(files: &BTreeMap<String, Vec<u8>>, keys: &Path) -> Result<Claims, String> {
    let signatures = files.get(FILE).ok_or("is not signed, and only signed bundles are taken")?;
    let Signatures { signatures } =
        serde_json::from_slice(signatures).map_err(|error| format!("{FILE} cannot be read: {error}"))?;
    // OPA writes one; more would leave open which of them counts.
    let [token] = signatures.as_slice() else {
        return Err(format!("{FILE} must hold exactly one signature"));
    };
    let claims = opened(token, keys)?;
    for claim in &claims.files {
        let content = files
            .get(claim.name.trim_start_matches('/'))
            .ok_or_else(|| format!("lacks `{}`, which was signed", claim.name))?;
        let hash = hash(&claim.name, content, claim.algorithm.as_deref().unwrap_or("SHA-256"))?;
        if !hash.eq_ignore_ascii_case(&claim.hash) {
            return Err(format!("holds another `{}` than the one that was signed", claim.name));
        }
    }
    let signed = |name: &str| claims.files.iter().any(|claim| claim.name.trim_start_matches('/') == name);
    match files.keys().find(|name| *name != FILE && !signed(name)) {
        Some(name) => Err(format!("holds `{name}`, which was not signed")),
        None => Ok(claims),
    }
}

/// The payload, once a key has opened the signature.
fn opened(token: &str, keys: &Path) -> Result<Claims, String> {
    let header =
        jsonwebtoken::decode_header(token).map_err(|error| format!("has a broken signature: {error}"))?;
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_aud = false;
    let entries = std::fs::read_dir(keys)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("cannot be verified: {}: {error}", keys.display()))?;
    let mut tried = 0_usize;
    let mut expired = false;
    for entry in entries {
        let path = entry.path();
        let Some(key) = key(&path, header.alg)? else { continue };
        tried = tried.saturating_add(1);
        match jsonwebtoken::decode::<Claims>(token, &key, &validation) {
            Ok(token) => return Ok(token.claims),
            Err(error) => {
                expired |= matches!(error.kind(), jsonwebtoken::errors::ErrorKind::ExpiredSignature)
            }
        }
    }
    Err(match (tried, expired) {
        (_, true) => "has a signature that has expired".to_owned(),
        (0, _) => format!("is signed with {:?}, and {} holds no key for that", header.alg, keys.display()),
        _ => format!("is not signed by any of the keys in {}", keys.display()),
    })
}

/// The key in a file, if it is one for this algorithm.
fn key(path: &Path, algorithm: Jws) -> Result<Option<DecodingKey>, String> {
    let read =
        || std::fs::read(path).map_err(|error| format!("cannot be verified: {}: {error}", path.display()));
    let shared = matches!(algorithm, Jws::HS256 | Jws::HS384 | Jws::HS512);
    Ok(match path.extension().and_then(|end| end.to_str()) {
        Some("secret") if shared => {
            let secret = read()?;
            let secret = secret.trim_ascii();
            (!secret.is_empty()).then(|| DecodingKey::from_secret(secret))
        }
        Some("pem") if !shared => {
            let pem = read()?;
            match algorithm {
                Jws::ES256 | Jws::ES384 => DecodingKey::from_ec_pem(&pem).ok(),
                Jws::EdDSA => DecodingKey::from_ed_pem(&pem).ok(),
                _ => DecodingKey::from_rsa_pem(&pem).ok(),
            }
        }
        _ => None,
    })
}

/// The digest of a file. Data and manifests are digested by what they say, not by how it is written: OPA's canonical form.
fn hash(name: &str, content: &[u8], algorithm: &str) -> Result<String, String> {
    let algorithm: &Algorithm = match algorithm {
        "SHA-256" => &SHA256,
        "SHA-384" => &SHA384,
        "SHA-512" => &SHA512,
        "SHA-512-256" => &SHA512_256,
        other => return Err(format!("is signed over {other} digests; use SHA-256, SHA-384 or SHA-512")),
    };
    let last = name.rsplit('/').next().unwrap_or(name);
    let value = match last {
        "data.json" | ".manifest" => {
            let object = json::read_object(content).map_err(|error| format!("`{name}`: {error}"))?;
            Some(Value::Object(object))
        }
        "data.yaml" | "data.yml" => {
            let plain: serde_json::Value =
                yaml_serde::from_slice(content).map_err(|error| format!("`{name}`: {error}"))?;
            Some(Value::from(&plain))
        }
        _ => None,
    };
    let digested = match value {
        None => digest(algorithm, content),
        Some(value) => {
            let mut text = String::new();
            canonical(&value, &mut text);
            digest(algorithm, text.as_bytes())
        }
    };
    Ok(hex::encode(digested))
}

/// Members sorted by key, no spaces, numbers as written, strings as Go writes them.
fn canonical(value: &Value, text: &mut String) {
    let join = |text: &mut String, place: usize| {
        if place > 0 {
            text.push(',');
        }
    };
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&str, &Value> = members.iter().collect();
            text.push('{');
            for (place, (key, inner)) in sorted.into_iter().enumerate() {
                join(text, place);
                string(key, text);
                text.push(':');
                canonical(inner, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                join(text, place);
                canonical(item, text);
            }
            text.push(']');
        }
        Value::String(plain) => string(plain, text),
        other => text.push_str(&other.to_text()),
    }
}

fn string(plain: &str, text: &mut String) {
    let quoted = serde_json::Value::from(plain).to_string();
    text.push_str(&quoted.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"));
}
