//! What this gateway lets pass although something is missing or not enforced: said at the start and shown on `/status`,
//! so that nobody finds out on the day it matters. Creates and changes have no such choice where their judgement, their
//! record in the ledger or their key is concerned; they are refused.

use crate::config::{Config, QuotaStore};
use crate::policy::PolicySet;
use crate::policy::organisation::{Mode, RuleSetting};
use crate::record::{Target, WhenFull};

/// Everything, in sentences.
pub(super) fn all(config: &Config, set: &PolicySet) -> Vec<String> {
    let mut found = vec![];
    match &config.quota.store {
        QuotaStore::None => found.push("nothing is counted: quota.store is \"none\"".to_owned()),
        _ => found.push("reads pass while the ledger is away".to_owned()),
    }
    match (&config.records.target, config.records.when_full) {
        (Target::None, _) => found.push("no decision record is kept: records.to is \"none\"".to_owned()),
        (_, WhenFull::Drop) => found.push(
            "decisions go on without a record while records cannot be written: records.when_full is \"drop\""
                .to_owned(),
        ),
        (_, WhenFull::Block) => {}
    }
    if !config.admin.is_closed() {
        found.push(
            "whoever is on this machine may give orders: admin.tokens and admin.users are empty".to_owned(),
        );
    }
    found.extend(set.organisation().rules().filter_map(|(rule, setting)| softened(rule, setting)));
    found
}

/// A rule that is not enforced for everybody.
fn softened(rule: &str, setting: &RuleSetting) -> Option<String> {
    let teams = setting.modes.iter().filter(|(_, mode)| **mode != Mode::Enforce);
    let teams: Vec<String> = teams.map(|(team, mode)| format!("{team}: {}", mode.as_str())).collect();
    let of_all = setting.mode != Mode::Enforce;
    match (of_all, teams.is_empty()) {
        (false, true) => None,
        (true, true) => Some(format!("the rule {rule} is not enforced: {}", setting.mode.as_str())),
        (false, false) => Some(format!("the rule {rule} is not enforced for {}", teams.join(", "))),
        (true, false) => {
            Some(format!("the rule {rule} is not enforced: {}; {}", setting.mode.as_str(), teams.join(", ")))
        }
    }
}
