//! Orders about keys by form: the same as the admin listener takes, with the secret on the page that answers and nowhere else.
//!
//! A page that answered a form is loaded again by sending the form again, which would make another key or end the secret
//! that was just handed out. So a form counts once: it repeats a number of its own, and a number that was seen is refused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use http::StatusCode;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::super::form::Fields;
use super::super::{Page, Reply, Visit, show};
use super::{one, paper};
use crate::admin::Admin;
use crate::admin::keys::carried_out;
use crate::keys::store::Order;

/// Numbers of forms that are remembered; nobody goes back that far.
const MOST: usize = 4096;
/// Of what a form said, in the audit log; in characters.
const LONGEST: usize = 128;

/// Which forms have been sent. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Mutex<VecDeque<String>>>);

impl Sent {
    /// Whether this number is a form's and comes for the first time.
    fn is_first(&self, number: &str) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if number.len() != 32 || seen.iter().any(|known| known == number) {
            return false;
        }
        if seen.len() >= MOST {
            seen.pop_front();
        }
        seen.push_back(number.to_owned());
        true
    }
}

/// The number of a form that counts once; without randomness there is none, and the form is refused.
pub(super) fn once() -> Markup {
    let mut bytes = [0_u8; 16];
    let number = SystemRandom::new().fill(&mut bytes).map(|()| hex::encode(bytes)).unwrap_or_default();
    html! { input type="hidden" name="once" value=(number); }
}

/// What a form orders.
#[derive(Clone)]
pub(crate) enum KeyOrder {
    /// A key as the form says.
    Create(Fields),
    /// Another secret for this key, as the form says.
    Rotate(String, Fields),
    Revoke(String),
    Disable(String),
    Enable(String),
    /// The whole store with its newest seal key.
    Reseal,
}

impl KeyOrder {
    /// The order that a form at this path, behind `/console/keys/`, gives.
    pub(crate) fn read(path: &str, form: &Fields) -> Option<Self> {
        if path == "new" {
            return Some(Self::Create(form.clone()));
        }
        if path == "reseal" {
            return Some(Self::Reseal);
        }
        let (id, verb) = path.split_once('/')?;
        let id = show::unescaped(id);
        Some(match verb {
            "rotate" => Self::Rotate(id, form.clone()),
            "revoke" => Self::Revoke(id),
            "disable" => Self::Disable(id),
            "enable" => Self::Enable(id),
            _ => return None,
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Rotate(..) => "rotate",
            Self::Revoke(_) => "revoke",
            Self::Disable(_) => "disable",
            Self::Enable(_) => "enable",
            Self::Reseal => "reseal",
        }
    }

    /// For the audit log. Of what was typed only what is meant to be read: a secret may stand in the wrong field.
    pub(crate) fn describe(&self) -> Value {
        let order = format!("key {}", self.word());
        match self {
            Self::Create(form) => {
                let team = form.text("team").trim();
                let team = crate::keys::not_a_team(team).is_none().then_some(team);
                json!({ "order": order, "team": team })
            }
            Self::Rotate(id, _) | Self::Revoke(id) | Self::Disable(id) | Self::Enable(id) => {
                json!({ "order": order, "id": id.chars().take(LONGEST).collect::<String>() })
            }
            Self::Reseal => json!({ "order": order }),
        }
    }
}

/// What is said on the key's page after an order.
pub(super) fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "revoke" => "The key is revoked, for ever.",
        "disable" => "The key is refused until it is enabled.",
        "enable" => "The key can be used.",
        "reseal" => "Everything in the store is sealed with its newest seal key.",
        _ => return None,
    })
}

impl Admin {
    /// Carries it out; also says what became of the key, for the audit log.
    pub(crate) async fn obey_about_key(&self, visit: &Visit, order: &KeyOrder) -> (Reply, Option<Value>) {
        if let KeyOrder::Create(form) | KeyOrder::Rotate(_, form) = order
            && !self.console.sent.is_first(form.text("once"))
        {
            let why = "This form was sent before, and what it ordered was done or refused then. If a secret was shown, it cannot be shown again: rotate the key for another one.";
            return (Page::trouble(StatusCode::CONFLICT, "Sent before", why), None);
        }
        let (id, wanted) = match order {
            KeyOrder::Create(form) => return self.make_key(visit, form).await,
            KeyOrder::Reseal => return self.seal_keys_anew().await,
            KeyOrder::Rotate(id, form) => {
                let (grace, expires) = (form.word("grace"), form.word("expires"));
                (id, Order::Rotate { id: id.clone(), grace, expires })
            }
            KeyOrder::Revoke(id) => (id, Order::Revoke(id.clone())),
            KeyOrder::Disable(id) => (id, Order::Disable(id.clone())),
            KeyOrder::Enable(id) => (id, Order::Enable(id.clone())),
        };
        match self.keys.carry_out(wanted).await {
            Ok(done) => {
                let reply = if matches!(order, KeyOrder::Rotate(..)) {
                    one::handed(&done, visit, false)
                } else {
                    Reply::Redirect(format!("{}?done={}", show::key_link(&done.key.id), order.word()))
                };
                (reply, Some(carried_out(order.word(), &done.key)))
            }
            Err((status, why)) => (one::shown(self, visit, id, Some((status, "Not done:", &why))), None),
        }
    }

    async fn make_key(&self, visit: &Visit, form: &Fields) -> (Reply, Option<Value>) {
        let carried = match paper::read(form) {
            Ok(new) => self.keys.carry_out(Order::Create(Box::new(new))).await,
            Err(why) => Err((StatusCode::BAD_REQUEST, why)),
        };
        match carried {
            Ok(done) => (one::handed(&done, visit, true), Some(carried_out("create", &done.key))),
            Err((status, why)) => (paper::shown(self, visit, form, Some((status, &why))), None),
        }
    }

    async fn seal_keys_anew(&self) -> (Reply, Option<Value>) {
        match self.keys.seal_anew().await {
            Ok(count) => {
                let did = json!({ "order": "reseal", "resealed": count });
                (Reply::Redirect(format!("{}?done=reseal", super::PATH)), Some(did))
            }
            Err((status, why)) => (Page::trouble(status, "Not sealed anew", &why), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_counts_once_and_what_is_remembered_is_bounded() {
        let sent = Sent::default();
        let number = |of: usize| format!("{of:032x}");
        assert!(sent.is_first(&number(0)) && !sent.is_first(&number(0)));
        for of in 1..=MOST {
            assert!(sent.is_first(&number(of)));
        }
        assert!(sent.0.lock().unwrap().len() <= MOST);
        assert!(!sent.is_first(&number(MOST)) && !sent.is_first(""));
    }

    #[test]
    fn an_order_is_read_from_its_path_and_its_line_repeats_no_field() {
        let form = Fields::parse(b"team=a+secret+in+the+wrong+field&owner=another-secret");
        assert!(KeyOrder::read("ZGa_1/delete", &form).is_none() && KeyOrder::read("ZGa_1", &form).is_none());
        let Some(order) = KeyOrder::read("new", &form) else { panic!("no order") };
        assert_eq!(order.describe(), json!({ "order": "key create", "team": null }));
        let Some(order) = KeyOrder::read("ZGa_1/rotate", &form) else { panic!("no order") };
        assert_eq!(order.describe(), json!({ "order": "key rotate", "id": "ZGa_1" }));
    }
}
