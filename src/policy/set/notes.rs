//! What is no mistake, and still what an operator should know of a set that is taken into use.

use serde_json::Value;

use super::PolicySet;

impl PolicySet {
    /// Things to know, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        self.unset_limits().into_iter().collect()
    }

    /// Where some things are limited and others are not, that they are not is a choice, and somebody should have made it.
    fn unset_limits(&self) -> Option<String> {
        if !self.rules.contains("quota") {
            return None;
        }
        let unsaid = |settings: &Value| {
            let limits = settings.pointer("/quota/limits").and_then(Value::as_object);
            limits.is_some_and(|limits| !limits.is_empty()) && settings.pointer("/quota/unset").is_none()
        };
        let whose = if unsaid(self.organisation.settings("")) {
            "the organisation".to_owned()
        } else {
            let teams = self.organisation.each_team(unsaid).filter(|(_, unsaid)| *unsaid);
            let teams: Vec<String> = teams.map(|(team, _)| format!("team `{team}`")).collect();
            if teams.is_empty() {
                return None;
            }
            teams.join(", ")
        };
        Some(format!(
            "settings.quota of {whose} sets limits and does not say what holds where none is set: add `unset: unlimited` \
             (so it is now), `zero` or `inherit`"
        ))
    }
}
