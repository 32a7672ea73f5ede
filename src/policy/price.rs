//! What a machine uses, by the quota rules: a machine found in the cloud is asked about like a create of one.
//!
//! Quota rules read nothing but the view, the team and the settings (checked at load), so the rest of the input may be bare. What other
//! rules say to it does not matter; that they fail does.

use std::sync::Arc;

use super::failure::PolicyFailure;
use super::input::{ActionInput, ClientInput, Input, PrincipalInput};
use super::verdict::{self, JudgedClaim};
use super::{Judge, PolicySet};
use crate::api::Kind;
use crate::api::view::Create;
use crate::json::Object;

impl Judge {
    /// What a machine of `team` uses by `set`, with the limits of `now`.
    ///
    /// # Errors
    /// A rule failed.
    pub async fn price(
        &self,
        set: &Arc<PolicySet>,
        team: &str,
        view: &Create,
        now: jiff::Timestamp,
    ) -> Result<Vec<JudgedClaim>, PolicyFailure> {
        let answer = self.open_with(Arc::clone(set)).decide(&bare(set, team, view, now)).await?;
        Ok(verdict::judge(set.organisation(), team, now, answer)?.claims)
    }
}

fn bare(set: &PolicySet, team: &str, view: &Create, now: jiff::Timestamp) -> Input {
    Input {
        action: ActionInput {
            service: "vm".to_owned(),
            name: "CreateInstances".to_owned(),
            version: "2026-04-01".to_owned(),
            kind: Kind::Create,
        },
        principal: PrincipalInput {
            key: String::new(),
            team: team.to_owned(),
            labels: std::collections::BTreeMap::new(),
            account: String::new(),
        },
        request: Arc::new(Object::default()),
        create: Some(view.clone()),
        targets: None,
        settings: Arc::clone(set.organisation().settings(team)),
        client: ClientInput { address: String::new(), sdk: None, user_agent: None, certificate: None },
        now: now.to_string(),
    }
}

impl PolicySet {
    /// The one team to whose machines this resource group belongs: by the default of its own settings, else by what it is allowed.
    /// None where no team or more than one names it.
    pub fn team_of_group(&self, group: &str) -> Option<&str> {
        let organisation = self.organisation();
        let named = |member: &str| {
            let holds = |settings: &serde_json::Value| match settings
                .get("resource_group")
                .and_then(|own| own.get(member))
            {
                Some(serde_json::Value::String(text)) => text == group,
                Some(serde_json::Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(group)),
                _ => false,
            };
            let mut teams = organisation.each_team(holds).filter(|(_, holds)| *holds);
            let first = teams.next().map(|(team, _)| team);
            if teams.next().is_some() { None } else { first }
        };
        named("default").or_else(|| named("allowed"))
    }
}
