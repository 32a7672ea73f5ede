//! Calls as clients send them and as nobody should: made of the field tables, of the words of the policies and their
//! settings, and of values that have hurt other parsers. What the gateway's own reading refuses is left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use zengate::api::fields::{self, Field, Shape};
use zengate::api::{Call, Kind, catalog, secrets, targets, view};
use zengate::json::{Object, read_object};
use zengate::policy::PolicySet;
use zengate::policy::input::{ActionInput, ClientInput, Input, PrincipalInput, TargetInput};

use crate::support::random::Random;

const HOSTILE: &[&str] = &[
    "",
    " ",
    "\t\n",
    "\u{a0}",
    "null",
    "true",
    "0",
    "-1",
    "%s %d %v",
    "a/b~c",
    "*",
    "vm *",
    "ÄÖÜ",
    "日本語",
    "🦀🦀",
    "e\u{301}",
    "\u{202e}x",
    "\u{200b}",
    "owner ",
    " owner",
    "OWNER",
    "..",
    "^$",
    "[",
    "a\\b",
    "\"",
    "CC-12345",
    "CC-1234",
    "CC-1234\n",
    "yes",
    "no",
    "SEL-a",
    "x-ö-1",
];

/// Numbers as text, since some are none that serde_json could hold.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "5",
    "6",
    "100",
    "1.0",
    "1.5",
    "-0.5",
    "1e2",
    "1E-2",
    "2147483647",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "12345678901234567890123",
    "0.1",
    "3.0000",
];

/// Stands for the number in a text.
const NUMBER: &str = "@number:";

pub(super) struct Generator<'a> {
    set: &'a PolicySet,
    pub(super) random: Random,
    words: Vec<String>,
    teams: Vec<String>,
    creates: Vec<Call>,
    changes: Vec<Call>,
    /// Changes that the policies name.
    named: Vec<Call>,
    /// How many documents the gateway's own reading refused.
    pub(super) refused: usize,
}

impl<'a> Generator<'a> {
    pub(super) fn new(set: &'a PolicySet, rego: &[String], seed: u64) -> Self {
        let mut words: BTreeSet<String> = set.zones().map(str::to_owned).collect();
        let mut teams: Vec<String> = set.organisation().teams().map(str::to_owned).collect();
        teams.extend(["nobody".to_owned(), String::new(), "Tëam 🦀".to_owned()]);
        teams.iter().for_each(|team| harvest(set.organisation().settings(team), &mut words));
        rego.iter().for_each(|text| words.extend(literals(text)));
        let calls = |kind: Kind| -> Vec<Call> {
            catalog::actions()
                .filter(|action| action.kind == kind)
                .flat_map(|action| {
                    action.versions.iter().filter_map(move |version| Call::new(action, Some(version)))
                })
                .collect()
        };
        let changes = calls(Kind::Change);
        let named = changes
            .iter()
            .filter(|call| {
                let full = format!("{} {}", call.action.service, call.action.name);
                call.action.service == "zrm" || words.contains(&full) || words.contains(call.action.name)
            })
            .copied()
            .collect();
        Self {
            set,
            random: Random::new(seed),
            words: words.into_iter().collect(),
            teams,
            creates: calls(Kind::Create),
            changes,
            named,
            refused: 0,
        }
    }

    /// The next call that the gateway would ask its rules about.
    pub(super) fn input(&mut self) -> Input {
        loop {
            let create = self.random.chance(60);
            let call = if create {
                *self.random.pick(&self.creates)
            } else if self.random.chance(70) {
                *self.random.pick(&self.named)
            } else {
                *self.random.pick(&self.changes)
            };
            let document = if create { self.create(&call) } else { self.change() };
            match self.read(&call, &document) {
                Some(input) => return input,
                None => self.refused += 1,
            }
        }
    }

    /// As the gateway reads it; see `gateway/parse.rs` and `gateway/amend.rs`.
    fn read(&mut self, call: &Call, document: &Value) -> Option<Input> {
        let mut text = document.to_string();
        for number in NUMBERS {
            text = text.replace(&format!("\"{NUMBER}{number}\""), number);
        }
        let mut document: Object = read_object(text.as_bytes()).ok()?;
        document.drop_nulls();
        let create = match call.action.kind {
            Kind::Create => {
                if !fields::check(call, &document, &[]).is_empty() {
                    return None;
                }
                Some(view::normalise(call, &document).ok()?)
            }
            _ => None,
        };
        let team = self.random.pick(&self.teams).clone();
        let owners = [None, Some(team.clone()), Some("another".to_owned()), Some(String::new())];
        let targets = targets::named_in(&document)
            .into_iter()
            .map(|id| TargetInput { id, team: self.random.pick(&owners).clone() })
            .collect();
        Some(Input {
            action: ActionInput {
                service: call.action.service.to_owned(),
                name: call.action.name.to_owned(),
                version: call.version.to_owned(),
                kind: call.action.kind,
            },
            principal: PrincipalInput {
                key: "ZG-1".to_owned(),
                labels: [("stage".to_owned(), self.text())].into(),
                account: "main".to_owned(),
                team: team.clone(),
            },
            request: Arc::new(secrets::without_secrets(&document)),
            targets: create.is_none().then_some(targets),
            create,
            settings: Arc::clone(self.set.organisation().settings(&team)),
            client: ClientInput {
                address: "192.0.2.7".to_owned(),
                sdk: None,
                user_agent: Some(self.text()),
                certificate: None,
            },
            now: "2026-11-23T08:00:00Z".to_owned(),
        })
    }

    fn create(&mut self, call: &Call) -> Value {
        let table = call.fields().expect("creates have a table");
        let share = *self.random.pick(&[5, 25, 60]);
        let mut document = self.object(table.fields, share);
        if self.random.chance(3) {
            let name = self.random.pick(table.fields).name;
            document[name] = self.any(2);
        }
        document
    }

    fn object(&mut self, fields: &[Field], share: usize) -> Value {
        let mut members = Map::new();
        for field in fields {
            if self.random.chance(if field.required { 97 } else { share }) {
                members.insert(field.name.to_owned(), self.shaped(&field.shape, share));
            } else if self.random.chance(5) {
                members.insert(field.name.to_owned(), Value::Null);
            }
        }
        Value::Object(members)
    }

    fn shaped(&mut self, shape: &Shape, share: usize) -> Value {
        match shape {
            Shape::Text { max } => {
                let text = self.text();
                if text.len() <= *max { json!(text) } else { json!("x") }
            }
            Shape::Integer { min, max } => {
                let near = i64::try_from(self.random.below(12)).unwrap();
                let choices = [*min, *max, min.saturating_add(near), near, near * 10, 500, 501, 0, 1];
                json!((*self.random.pick(&choices)).clamp(*min, *max))
            }
            Shape::Decimal => self.number(),
            Shape::Flag => json!(self.random.chance(50)),
            Shape::Object(fields) => self.object(fields, share.max(40)),
            Shape::List { of, max } => {
                let length = self.length(*max);
                (0..length).map(|_| self.shaped(of, share.max(40))).collect()
            }
            Shape::Tags { max } => {
                let length = self.length(*max);
                let keys: BTreeSet<String> = (0..length).map(|_| self.text()).collect();
                let tags: Vec<Value> =
                    keys.into_iter().map(|key| json!({"key": key, "value": self.text()})).collect();
                json!({ "tags": tags })
            }
        }
    }

    fn length(&mut self, max: usize) -> usize {
        let most = if self.random.chance(5) { max } else { max.min(6) };
        self.random.below(most.min(60) + 1)
    }

    fn change(&mut self) -> Value {
        const COMMON: &[&str] =
            &["instanceIds", "instanceId", "resourceUuid", "resourceUuids", "tags", "tag"];
        let mut members = Map::new();
        for _ in 0..self.random.below(5) {
            let name =
                if self.random.chance(40) { (*self.random.pick(COMMON)).to_owned() } else { self.text() };
            members.insert(name, self.any(3));
        }
        Value::Object(members)
    }

    fn text(&mut self) -> String {
        if self.random.chance(75) && !self.words.is_empty() {
            self.random.pick(&self.words).clone()
        } else if self.random.chance(3) {
            "ab ".repeat(self.random.below(100))
        } else {
            (*self.random.pick(HOSTILE)).to_owned()
        }
    }

    fn number(&mut self) -> Value {
        json!(format!("{NUMBER}{}", self.random.pick(NUMBERS)))
    }

    fn any(&mut self, depth: usize) -> Value {
        let choice = if depth == 0 { self.random.below(6) } else { self.random.below(14) };
        match choice {
            0..=2 => json!(self.text()),
            3 => self.number(),
            4 => json!(self.random.chance(50)),
            5 => Value::Null,
            6 | 7 => (0..self.random.below(4)).map(|_| json!(self.text())).collect(),
            8 | 9 => (0..self.random.below(4)).map(|_| self.tag(depth)).collect(),
            10 => self.tag(depth),
            11 => (0..self.random.below(4)).map(|_| self.any(depth - 1)).collect(),
            _ => {
                let mut members = Map::new();
                for _ in 0..self.random.below(4) {
                    members.insert(self.text(), self.any(depth - 1));
                }
                Value::Object(members)
            }
        }
    }

    fn tag(&mut self, depth: usize) -> Value {
        let mut tag = json!({ "key": self.text(), "value": self.text() });
        if self.random.chance(20) {
            let member = *self.random.pick(&["key", "value", "more"]);
            tag[member] = self.any(depth.saturating_sub(1));
        }
        tag
    }
}

/// All strings and keys of a document.
fn harvest(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| harvest(item, into)),
        Value::Object(members) => members.iter().for_each(|(key, inner)| {
            into.insert(key.clone());
            harvest(inner, into);
        }),
        _ => {}
    }
}

/// The short strings that a file of Rego writes out, and the members of the request that it reads.
fn literals(rego: &str) -> BTreeSet<String> {
    let code: Vec<&str> = rego.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let code = code.join("\n");
    let quoted = code.split('"').skip(1).step_by(2).filter(|text| text.len() <= 40 && !text.contains('%'));
    let members = code
        .split("input.request.")
        .skip(1)
        .map(|rest| rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default());
    quoted.chain(members).map(str::to_owned).collect()
}
