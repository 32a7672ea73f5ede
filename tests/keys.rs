//! Keys that are made by order: their lives, their limits, where their secrets are and where not, and the accounts they lead to.

mod accounts;
mod command;
mod kept;
mod life;
mod replicas;

use serde_json::{Value, json};

use crate::support::world::Setup;
use crate::support::{Answer, Call, Gateway, World};

/// A key that seals; any 32 bytes are one.
pub(crate) const SEAL: &str = "zgsk1.QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

/// The usual world with a key store in a file.
pub(crate) fn stored() -> Setup {
    with_store(Setup::default(), "")
}

/// With lines more for `[keys.store]`.
pub(crate) fn with_store(mut setup: Setup, more: &str) -> Setup {
    setup.config.push_str(&format!(
        "[keys]\nfile = \"keys.toml\"\npoll_interval = \"50ms\"\n[keys.store]\nseal = {{ file = \"seal.key\" }}\n{more}"
    ));
    setup.files.push(("seal.key".to_owned(), SEAL.to_owned()));
    setup
}

pub(crate) fn post(gateway: &Gateway, path: &str, document: &Value) -> Answer {
    Call::new("", "").unsigned().target(path).json(document).send(gateway.admin_address())
}

/// A key made by order.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) shown: Value,
}

#[track_caller]
pub(crate) fn order(gateway: &Gateway, path: &str, document: &Value) -> Made {
    let answer = post(gateway, path, document);
    assert_eq!(answer.status, 200, "{path}: {}", answer.json());
    made(&answer.json())
}

pub(crate) fn made(answer: &Value) -> Made {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Made {
        id: text(&answer["key"]["id"]),
        secret: text(&answer["secret"]),
        token: text(&answer["token"]),
        shown: answer["key"].clone(),
    }
}

pub(crate) fn read() -> Call {
    Call::new("vm", "DescribeInstances")
}

/// What a read with this key is answered.
pub(crate) fn status(gateway: &Gateway, id: &str, secret: &str) -> u16 {
    read().key(id, secret).send(gateway.address()).status
}

/// Everything about a key that is shown.
pub(crate) fn shown(gateway: &Gateway, id: &str) -> Value {
    let answer = gateway.admin_page(&format!("/keys/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()["key"].clone()
}

/// A key of the team `payments` and nothing else.
pub(crate) fn plain(world: &World) -> Made {
    order(&world.gateway, "/keys", &json!({ "team": "payments" }))
}
