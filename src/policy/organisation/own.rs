//! What teams say of their own, and what it comes to over the organisation's settings.
//!
//! There may be a hundred thousand teams, of a few kinds, and most of them ask for nothing for days. So what they say is kept as
//! text, once for all teams that say the same, and what it comes to is worked out for the first of them that asks.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::Organisation;
use crate::policy::data;

/// The own settings of some teams.
#[derive(Debug)]
pub(in crate::policy) struct Own {
    /// As JSON.
    text: String,
    /// The organisation's settings with these over them.
    resolved: OnceLock<Arc<Value>>,
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Own {
    fn over(&self, organisation: &Value) -> Arc<Value> {
        if let Some(resolved) = self.resolved.get() {
            return Arc::clone(resolved);
        }
        let mut settings = organisation.clone();
        // we wrote the text; settings that are none would refuse every request
        data::merge(&mut settings, serde_json::from_str(&self.text).unwrap_or_default());
        Arc::new(settings)
    }
}

/// Gathers what teams say.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) teams: BTreeMap<String, Arc<Own>>,
    kinds: HashMap<String, Arc<Own>>,
}

impl Gathered {
    pub(super) fn add(&mut self, team: String, settings: &Value) {
        let text = settings.to_string();
        let own = match self.kinds.get(&text) {
            Some(own) => Arc::clone(own),
            None => {
                let own = Arc::new(Own { text: text.clone(), resolved: OnceLock::new() });
                self.kinds.insert(text, Arc::clone(&own));
                own
            }
        };
        self.teams.insert(team, own);
    }
}

impl Organisation {
    /// The settings of `team`; those of the organisation for a team it does not name.
    pub fn settings(&self, team: &str) -> &Arc<Value> {
        match self.teams.get(team) {
            Some(own) => own.resolved.get_or_init(|| own.over(&self.settings)),
            None => &self.settings,
        }
    }

    /// Each team it names with what `asks` answers about the team's settings. It is asked once for teams that say the same, and
    /// nothing of what they say is worked out for good.
    pub(in crate::policy) fn each_team<T: Clone>(
        &self,
        asks: impl Fn(&Value) -> T,
    ) -> impl Iterator<Item = (&str, T)> {
        let mut answers: HashMap<usize, T> = HashMap::new();
        self.teams.iter().map(move |(team, own)| {
            let answer = answers.entry(Arc::as_ptr(own).addr());
            (team.as_str(), answer.or_insert_with(|| asks(&own.over(&self.settings))).clone())
        })
    }
}
