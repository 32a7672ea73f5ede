//! A large organisation: the stock rules beside a thousand more, none of which applies to the create at hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use zengate::policy::PolicySet;
use zengate::policy::source::{Overlays, Source};

use crate::fixture::ORGANISATION;

/// How many rules are bound to other actions, and as many to other teams.
const EACH: usize = 500;
/// How many other actions and teams share them.
const OTHERS: usize = 10;

/// The set; made once, by the first case that wants it.
pub fn set() -> Arc<PolicySet> {
    static SET: OnceLock<Arc<PolicySet>> = OnceLock::new();
    Arc::clone(SET.get_or_init(|| Arc::new(load())))
}

fn load() -> PolicySet {
    let mut files = BTreeMap::new();
    let stock = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    gather(&stock, &stock, &mut files);
    let mut rules = String::from("rules:\n");
    for number in 0..EACH {
        let other = number % OTHERS;
        for (kind, applies) in [
            ("action", format!("{{actions: ['vm Other{other}']}}")),
            ("team", format!("{{teams: [other-{other}]}}")),
        ] {
            let name = format!("{kind}_{number}");
            rules.push_str(&format!("  {name}: {{mode: enforce, applies: {applies}}}\n"));
            files.insert(format!("rules/many/{name}.rego"), rule(&name, number));
        }
    }
    let directory = tempfile::TempDir::new().unwrap();
    let overlay = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let organisation = vec![overlay("organisation.yaml", ORGANISATION), overlay("many.yaml", &rules)];
    PolicySet::load(&Source::Files(files), &Overlays { organisation, facts: None }).unwrap()
}

/// One rule with a rule of its own to ask, as most have.
fn rule(name: &str, number: usize) -> String {
    format!(
        r#"package zengate.rules.{name}

import rego.v1

most := {number}

too_many if input.create.count > most

deny contains {{"rule": "{name}", "message": "too many", "field": "/instanceCount", "remedy": "ask for less"}} if too_many
"#
    )
}

fn gather(root: &Path, directory: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            gather(root, &path, files);
        } else if ["rego", "yaml", "json"].iter().any(|end| path.extension().is_some_and(|it| it == *end))
            && !name.starts_with("schema")
            && !name.ends_with("_test.rego")
        {
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}
