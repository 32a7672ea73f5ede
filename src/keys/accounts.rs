//! Which account of the cloud the calls of a key go to: the one that is for its team, or the one it names.
//!
//! A team that stands under an account belongs there: no key of it may name another one, and no key of another team may
//! name that one. Whoever reads `[accounts]` knows then whose machines are where, whatever the keys say.

use std::collections::{BTreeMap, BTreeSet};

use crate::nearest::nearest;

/// The accounts of the configuration by name, each with the teams it is for; none is whoever names it.
#[derive(Clone, Debug, Default)]
pub struct Accounts(BTreeMap<String, BTreeSet<String>>);

/// Why a key has no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAccount {
    /// None is named, and the team alone decides for none.
    #[error(
        "names no account, and none is for the team {team:?}; name one of {known}, or list the team under accounts.<name>.teams"
    )]
    Undecided {
        /// The team.
        team: String,
        /// The accounts.
        known: String,
    },
    /// The one that is named cannot be it.
    #[error("{0}")]
    Wrong(String),
}

impl FromIterator<(String, BTreeSet<String>)> for Accounts {
    fn from_iter<I: IntoIterator<Item = (String, BTreeSet<String>)>>(accounts: I) -> Self {
        Self(accounts.into_iter().collect())
    }
}

impl Accounts {
    /// The account for a key of `team` that names `named`, or none.
    ///
    /// # Errors
    /// [`NoAccount`]: what is wrong and what to do.
    pub fn choose(&self, team: &str, named: Option<&str>) -> Result<String, NoAccount> {
        let own = self.0.iter().find(|(_, teams)| teams.contains(team)).map(|(name, _)| name);
        match (named, own) {
            (None, Some(own)) => Ok(own.clone()),
            (None, None) => self.open_to_all().ok_or_else(|| NoAccount::Undecided {
                team: team.to_owned(),
                known: self.names().collect::<Vec<_>>().join(", "),
            }),
            (Some(named), _) => self.named(team, named, own).map_err(NoAccount::Wrong),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The only account that is for no team in particular.
    fn open_to_all(&self) -> Option<String> {
        let mut open = self.0.iter().filter(|(_, teams)| teams.is_empty()).map(|(name, _)| name);
        open.next().filter(|_| open.next().is_none()).cloned()
    }

    fn named(&self, team: &str, named: &str, own: Option<&String>) -> Result<String, String> {
        let Some(teams) = self.0.get(named) else {
            let remedy = match nearest(named, self.names()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("the accounts are: {}", self.names().collect::<Vec<_>>().join(", ")),
            };
            return Err(format!("no [accounts.{named}] section defines this account; {remedy}"));
        };
        match own {
            Some(own) if own != named => Err(format!(
                "is not the account of team {team:?}: accounts.{own}.teams lists it; leave account out, or take the team off that list"
            )),
            None if !teams.is_empty() => Err(format!(
                "is for the teams {} alone; name another account, or list {team:?} under accounts.{named}.teams",
                teams.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
            )),
            _ => Ok(named.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(all: &[(&str, &[&str])]) -> Accounts {
        let one = |(name, teams): &(&str, &[&str])| {
            ((*name).to_owned(), teams.iter().map(|team| (*team).to_owned()).collect())
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn a_team_decides_and_what_is_named_must_agree() {
        let all = accounts(&[("main", &[]), ("pay", &["payments", "billing"])]);
        assert_eq!(all.choose("payments", None).unwrap(), "pay");
        assert_eq!(all.choose("payments", Some("pay")).unwrap(), "pay");
        assert_eq!(all.choose("search", None).unwrap(), "main");
        assert_eq!(all.choose("search", Some("main")).unwrap(), "main");
        let said = |team, named| all.choose(team, named).unwrap_err().to_string();
        assert!(said("payments", Some("main")).contains("accounts.pay.teams"));
        assert!(said("search", Some("pay")).contains("billing, payments alone"));
        assert!(said("search", Some("mian")).contains("did you mean \"main\""));
    }

    #[test]
    fn without_a_team_the_choice_must_be_the_only_one() {
        assert_eq!(accounts(&[("main", &[])]).choose("a", None).unwrap(), "main");
        for all in [accounts(&[("one", &[]), ("two", &[])]), accounts(&[("one", &["b"])])] {
            assert!(matches!(all.choose("a", None), Err(NoAccount::Undecided { .. })));
        }
    }
}
