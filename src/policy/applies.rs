//! For which calls a rule applies: kinds, actions and teams, from data.

use serde_json::Value;

use crate::api::Kind;

/// When a rule applies. All that is given must match; what is absent matches all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applies {
    /// The kinds of action; creates and changes unless said otherwise.
    pub kinds: Vec<Kind>,
    /// The actions; `None` is every one.
    pub actions: Option<Vec<ActionPattern>>,
    /// The teams; `None` is every one.
    pub teams: Option<Vec<String>>,
    /// The teams left out.
    pub except_teams: Vec<String>,
    /// Only teams for which at least one of these settings is given, by the organisation or the team itself; `None` is
    /// every one. A rule that restricts nothing without settings need not be evaluated for those who have none.
    pub settings: Option<Vec<String>>,
}

impl Default for Applies {
    fn default() -> Self {
        Self {
            kinds: vec![Kind::Create, Kind::Change],
            actions: None,
            teams: None,
            except_teams: Vec::new(),
            settings: None,
        }
    }
}

impl Applies {
    /// Whether the rule applies to this action, whoever calls.
    pub fn to_action(&self, kind: Kind, service: &str, action: &str) -> bool {
        self.kinds.contains(&kind)
            && self.actions.as_ref().is_none_or(|list| list.iter().any(|one| one.matches(service, action)))
    }

    /// Whether the rule applies to this team, whatever it calls; `settings` are the team's, resolved.
    pub fn to_team(&self, team: &str, settings: &Value) -> bool {
        self.to_name(team) && self.to_settings(settings)
    }

    /// Whether it lets a team of this name in.
    pub fn to_name(&self, team: &str) -> bool {
        self.teams.as_ref().is_none_or(|list| list.iter().any(|one| one == team))
            && !self.except_teams.iter().any(|one| one == team)
    }

    /// Whether it lets a team with these settings in.
    pub fn to_settings(&self, settings: &Value) -> bool {
        let given = |name: &String| settings.get(name).is_some_and(|value| !value.is_null());
        self.settings.as_ref().is_none_or(|names| names.iter().any(given))
    }
}

/// `<service> <Action>`; either part may end in `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPattern {
    /// The service.
    pub service: Part,
    /// The action.
    pub action: Part,
}

/// A word, or the beginning of words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// This word.
    Word(String),
    /// Every word that begins so.
    Prefix(String),
}

impl ActionPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (service, action) = text
            .split_once(' ')
            .filter(|(service, action)| !service.is_empty() && !action.is_empty() && !action.contains(' '))
            .ok_or_else(|| format!("`{text}` is not `<service> <Action>`"))?;
        Ok(Self { service: Part::parse(service)?, action: Part::parse(action)? })
    }

    /// Whether it names this action.
    pub fn matches(&self, service: &str, action: &str) -> bool {
        self.service.matches(service) && self.action.matches(action)
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_suffix('*') {
            Some(rest) if !rest.contains('*') => Ok(Self::Prefix(rest.to_owned())),
            None if !text.contains('*') => Ok(Self::Word(text.to_owned())),
            _ => Err(format!("`{text}`: `*` may stand at the end only")),
        }
    }

    fn matches(&self, word: &str) -> bool {
        match self {
            Self::Word(mine) => mine == word,
            Self::Prefix(start) => word.starts_with(start.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_match_whole_words_and_beginnings() {
        let all = ActionPattern::parse("* Create*").unwrap();
        assert!(all.matches("vm", "CreateInstances") && !all.matches("vm", "DeleteDisk"));
        let one = ActionPattern::parse("vm CreateInstances").unwrap();
        assert!(one.matches("vm", "CreateInstances") && !one.matches("vm", "CreateInstancesX"));
        for wrong in ["vm", "vm ", "vm Create Instances", "v*m Create", "vm *Create"] {
            assert!(ActionPattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_that_is_given_must_match() {
        let applies = Applies {
            kinds: vec![Kind::Create],
            actions: Some(vec![ActionPattern::parse("vm *").unwrap()]),
            teams: Some(vec!["payments".into(), "web".into()]),
            except_teams: vec!["web".into()],
            settings: Some(vec!["zones".into(), "count".into()]),
        };
        assert!(applies.to_action(Kind::Create, "vm", "CreateInstances"));
        assert!(!applies.to_action(Kind::Change, "vm", "CreateInstances"));
        assert!(!applies.to_action(Kind::Create, "bmc", "CreateInstances"));
        let given = json!({"count": {}, "zones": null});
        assert!(applies.to_team("payments", &given));
        assert!(!applies.to_team("web", &given));
        assert!(!applies.to_team("other", &given));
        assert!(!applies.to_team("payments", &json!({"count": null, "names": {}})));
        assert!(!applies.to_team("payments", &json!({})));
        assert!(!Applies::default().to_action(Kind::Read, "vm", "DescribeZones"));
        assert!(Applies::default().to_team("web", &json!({})));
    }
}
