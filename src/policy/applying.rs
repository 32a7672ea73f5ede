//! Which rules apply to a call, worked out once per load.
//!
//! The engine goes through all rules it is given, so it is given only those that apply. Every service, action and team
//! falls into a class of those that no `applies` can tell apart; a table over the classes names the set of rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::applies::Part;
use super::organisation::Organisation;
use crate::api::Kind;

/// The rules that apply to some calls of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Applying {
    pub(super) create: bool,
    pub(super) rules: BTreeSet<String>,
}

/// A call to which a set applies, for trying the set out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Specimen {
    pub(super) service: String,
    pub(super) action: String,
    pub(super) team: String,
}

/// Finds the set of rules for a call.
#[derive(Debug)]
pub(super) struct Index {
    services: Classes,
    actions: Classes,
    teams: HashMap<String, usize>,
    team_classes: usize,
    /// By kind, service, action and team.
    table: Vec<usize>,
}

/// Classes of words that a list of words and beginnings cannot tell apart.
#[derive(Debug, Default)]
struct Classes {
    words: HashMap<String, usize>,
    /// Longest first.
    prefixes: Vec<(String, usize)>,
    /// One word of each class.
    specimens: Vec<String>,
}

/// Continues a beginning to a word that nobody lists.
const UNLISTED: &str = "\u{1}";

impl Classes {
    fn new<'a>(parts: impl Iterator<Item = &'a Part>) -> Self {
        let parts: BTreeSet<&Part> = parts.collect();
        let mut classes = Self { specimens: vec![UNLISTED.to_owned()], ..Self::default() };
        for part in parts {
            let class = classes.specimens.len();
            match part {
                Part::Word(word) => {
                    classes.specimens.push(word.clone());
                    classes.words.insert(word.clone(), class);
                }
                Part::Prefix(start) => {
                    classes.specimens.push(format!("{start}{UNLISTED}"));
                    classes.prefixes.push((start.clone(), class));
                }
            }
        }
        classes.prefixes.sort_by_key(|(start, _)| std::cmp::Reverse(start.len()));
        classes
    }

    fn of(&self, word: &str) -> usize {
        self.words.get(word).copied().unwrap_or_else(|| {
            self.prefixes
                .iter()
                .find(|(start, _)| word.starts_with(start.as_str()))
                .map_or(0, |(_, class)| *class)
        })
    }
}

/// The place of a kind in the table; reads are not judged.
fn place(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Create => Some(0),
        Kind::Change => Some(1),
        Kind::Read => None,
    }
}

impl Index {
    /// Works out the distinct sets of rules, each with a call it applies to, and the table that finds them.
    pub(super) fn new(organisation: &Organisation) -> (Vec<(Applying, Specimen)>, Self) {
        let patterns =
            || organisation.rules().filter_map(|(_, setting)| setting.applies.actions.as_ref()).flatten();
        let services = Classes::new(patterns().map(|pattern| &pattern.service));
        let actions = Classes::new(patterns().map(|pattern| &pattern.action));
        let (teams, specimens) = team_classes(organisation);
        let mut sets: BTreeMap<Applying, usize> = BTreeMap::new();
        let mut found = Vec::new();
        let mut table = Vec::new();
        for kind in [Kind::Create, Kind::Change] {
            for service in &services.specimens {
                for action in &actions.specimens {
                    for team in &specimens {
                        let applying = Applying {
                            create: kind == Kind::Create,
                            rules: rules_for(organisation, kind, service, action, team),
                        };
                        let number = *sets.entry(applying.clone()).or_insert_with(|| {
                            let specimen = Specimen {
                                service: service.clone(),
                                action: action.clone(),
                                team: team.clone(),
                            };
                            found.push((applying, specimen));
                            found.len() - 1
                        });
                        table.push(number);
                    }
                }
            }
        }
        let team_classes = specimens.len();
        (found, Self { services, actions, teams, team_classes, table })
    }

    /// The number of the set for a call; none for reads.
    pub(super) fn find(&self, kind: Kind, service: &str, action: &str, team: &str) -> Option<usize> {
        let kind = place(kind)?;
        let team = self.teams.get(team).copied().unwrap_or(0);
        let row = (kind * self.services.specimens.len() + self.services.of(service))
            * self.actions.specimens.len()
            + self.actions.of(action);
        self.table.get(row * self.team_classes + team).copied()
    }
}

/// The class of every team that differs from those nobody names, which are class 0; and one team of each class.
///
/// Teams are of one class if the same rules apply to them, so a hundred thousand teams with settings of their own are as
/// many sets of rules as there are ways to differ.
fn team_classes(organisation: &Organisation) -> (HashMap<String, usize>, Vec<String>) {
    let named = organisation
        .rules()
        .flat_map(|(_, setting)| setting.applies.teams.iter().flatten().chain(&setting.applies.except_teams));
    let teams: BTreeSet<&str> = named.map(String::as_str).chain(organisation.teams()).collect();
    let to_settings = |settings: &serde_json::Value| -> Vec<bool> {
        organisation.rules().map(|(_, setting)| setting.applies.to_settings(settings)).collect()
    };
    let everybody = to_settings(organisation.settings(UNLISTED));
    let own: HashMap<&str, Vec<bool>> = organisation.each_team(to_settings).collect();
    let rules_of = |team: &str| -> Vec<bool> {
        let given = own.get(team).unwrap_or(&everybody);
        let rules = organisation.rules().zip(given);
        rules.map(|((_, setting), given)| *given && setting.applies.to_name(team)).collect()
    };
    let mut classes = HashMap::from([(rules_of(UNLISTED), 0)]);
    let mut specimens = vec![UNLISTED.to_owned()];
    let mut of_teams = HashMap::new();
    for team in teams {
        let class = *classes.entry(rules_of(team)).or_insert_with(|| {
            specimens.push(team.to_owned());
            specimens.len() - 1
        });
        if class > 0 {
            of_teams.insert(team.to_owned(), class);
        }
    }
    (of_teams, specimens)
}

fn rules_for(
    organisation: &Organisation,
    kind: Kind,
    service: &str,
    action: &str,
    team: &str,
) -> BTreeSet<String> {
    organisation
        .rules()
        .filter(|(rule, _)| organisation.applies(rule, kind, service, action, team))
        .map(|(rule, _)| rule.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::applies::{ActionPattern, Applies};
    use crate::policy::{data, organisation};
    use proptest::prelude::*;
    use std::sync::Arc;

    #[test]
    fn calls_that_differ_in_no_rule_share_a_set() {
        let value = data::read(
            "d.yaml",
            "rules: {a: {applies: {actions: ['vm Create*']}}, b: {applies: {teams: [t]}}}\nteams: {t: {}, u: {}}",
        )
        .unwrap();
        let mut problems = Vec::new();
        let packages = ["a", "b", "c"].map(str::to_owned).into();
        let organisation = organisation::read(Some(value), "d.yaml", &packages, &mut problems);
        let (sets, index) = Index::new(&organisation);
        let rules = |kind, service, action, team| {
            let set = &sets[index.find(kind, service, action, team).unwrap()].0;
            set.rules.iter().map(String::as_str).collect::<Vec<_>>().join("")
        };
        assert_eq!(rules(Kind::Create, "vm", "CreateInstances", "t"), "abc");
        assert_eq!(rules(Kind::Create, "vm", "CreateInstances", "u"), "ac");
        assert_eq!(rules(Kind::Create, "bmc", "CreateInstances", "nobody"), "c");
        assert_eq!(rules(Kind::Change, "vm", "DeleteDisk", "t"), "bc");
        assert_eq!(index.find(Kind::Read, "vm", "DescribeZones", "t"), None);
    }

    #[test]
    fn rules_without_settings_are_left_out_team_by_team() {
        let value = data::read(
            "d.yaml",
            "rules: {a: {applies: {settings: [a]}}, b: {applies: {settings: [b, other]}}}\n\
             settings: {a: {x: 1}}\n\
             teams: {t: {settings: {a: null}}, u: {settings: {other: {}}}, v: {settings: {a: null, b: {}}}, w: {}}",
        )
        .unwrap();
        let mut problems = Vec::new();
        let packages = ["a", "b", "c"].map(str::to_owned).into();
        let organisation = organisation::read(Some(value), "d.yaml", &packages, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let (sets, index) = Index::new(&organisation);
        for (team, expected) in [("nobody", "ac"), ("w", "ac"), ("t", "c"), ("u", "abc"), ("v", "bc")] {
            let set = &sets[index.find(Kind::Create, "vm", "CreateInstances", team).unwrap()].0;
            assert_eq!(set.rules.iter().map(String::as_str).collect::<String>(), expected, "{team}");
        }
    }

    fn any_part() -> impl Strategy<Value = String> {
        "[ab]{0,3}".prop_flat_map(|start| prop_oneof![Just(format!("{start}*")), Just(format!("{start}c"))])
    }

    proptest! {
        /// The table says what the patterns say.
        #[test]
        fn the_table_agrees_with_the_patterns(
            patterns in prop::collection::vec((any_part(), any_part(), prop::bool::ANY), 0..5),
            service in "[ab]{0,3}c?", action in "[ab]{0,3}c?", team in "[tu]",
        ) {
            let rules = patterns.iter().enumerate().map(|(number, (service, action, everybody))| {
                let applies = Applies {
                    actions: Some(vec![ActionPattern::parse(&format!("{service} {action}")).unwrap()]),
                    teams: (!everybody).then(|| vec!["t".to_owned()]),
                    ..Applies::default()
                };
                (format!("r{number}"), organisation::RuleSetting { applies, ..Default::default() })
            }).collect();
            let organisation = Organisation {
                rules, settings: Arc::new(serde_json::json!({})), teams: BTreeMap::new(), exemptions: Vec::new(),
                contact: None,
            };
            let (sets, index) = Index::new(&organisation);
            for kind in [Kind::Create, Kind::Change] {
                let found = index.find(kind, &service, &action, &team).unwrap();
                prop_assert_eq!(&sets[found].0.rules, &rules_for(&organisation, kind, &service, &action, &team));
            }
        }
    }
}
