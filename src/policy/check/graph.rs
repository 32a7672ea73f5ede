//! Which rule refers to which: recursion is found here, and what a rule can reach.

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{Module, Rule, RulePath};
use super::spelt;
use crate::policy::problem::Problem;

/// The rules of a tree and the references between them.
pub(super) struct Graph<'a> {
    nodes: Vec<Node<'a>>,
}

struct Node<'a> {
    path: &'a RulePath,
    definitions: Vec<&'a Rule>,
    /// The nodes it refers to, with the line of the reference.
    edges: Vec<(usize, u32)>,
}

impl<'a> Graph<'a> {
    /// Links the rules of all files.
    pub(super) fn new(modules: &'a [Module]) -> Self {
        let mut by_path: BTreeMap<&RulePath, Vec<&Rule>> = BTreeMap::new();
        for rule in modules.iter().flat_map(|module| &module.rules) {
            by_path.entry(&rule.path).or_default().push(rule);
        }
        let mut nodes: Vec<Node<'a>> = by_path
            .into_iter()
            .map(|(path, definitions)| Node { path, definitions, edges: Vec::new() })
            .collect();
        let paths: Vec<&RulePath> = nodes.iter().map(|node| node.path).collect();
        for node in &mut nodes {
            let mut edges = BTreeMap::new();
            for (target, line) in node.definitions.iter().flat_map(|rule| targets(rule)) {
                for (place, path) in paths.iter().enumerate() {
                    if overlaps(path, &target) {
                        edges.entry(place).or_insert(line);
                    }
                }
            }
            node.edges = edges.into_iter().collect();
        }
        Self { nodes }
    }

    /// One problem for each circle of references.
    pub(super) fn cycles(&self) -> Vec<Problem> {
        let mut state = vec![State::New; self.nodes.len()];
        let mut problems = Vec::new();
        for start in 0..self.nodes.len() {
            self.search(start, &mut state, &mut problems);
        }
        problems
    }

    /// A depth-first search with a stack of its own: the chain of references may be as long as the tree has rules.
    fn search(&self, start: usize, state: &mut [State], problems: &mut Vec<Problem>) {
        let mut way: Vec<(usize, usize)> = Vec::new();
        let enter = |node: usize, state: &mut [State], way: &mut Vec<(usize, usize)>| {
            if let Some(slot) = state.get_mut(node) {
                *slot = State::OnTheWay;
            }
            way.push((node, 0));
        };
        if state.get(start) == Some(&State::New) {
            enter(start, state, &mut way);
        }
        while let Some((node, next)) = way.last_mut() {
            let here = *node;
            let Some(&(target, line)) = self.nodes.get(here).and_then(|one| one.edges.get(*next)) else {
                if let Some(slot) = state.get_mut(here) {
                    *slot = State::Done;
                }
                way.pop();
                continue;
            };
            *next += 1;
            match state.get(target) {
                Some(State::New) => enter(target, state, &mut way),
                Some(State::OnTheWay) => problems.extend(self.circle(&way, here, target, line)),
                _ => {}
            }
        }
    }

    fn circle(&self, way: &[(usize, usize)], from: usize, to: usize, line: u32) -> Option<Problem> {
        let circle = way.iter().skip_while(|(node, _)| *node != to).map(|(node, _)| *node).chain([to]);
        let names: Vec<String> = circle.filter_map(|node| Some(spelt(self.nodes.get(node)?.path))).collect();
        let file = &self.nodes.get(from)?.definitions.first()?.file;
        Some(Problem::at(file, line, format!("recursion is not allowed: {}", names.join(" -> "))))
    }

    /// All definitions that `path` can reach, its own included.
    pub(super) fn reachable(&self, path: &[String]) -> Vec<&'a Rule> {
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<usize> = (0..self.nodes.len())
            .filter(|place| self.nodes.get(*place).is_some_and(|node| node.path.starts_with(path)))
            .collect();
        while let Some(place) = open.pop() {
            if seen.insert(place) {
                open.extend(
                    self.nodes.get(place).into_iter().flat_map(|node| &node.edges).map(|(to, _)| *to),
                );
            }
        }
        seen.iter()
            .filter_map(|place| self.nodes.get(*place))
            .flat_map(|node| node.definitions.clone())
            .collect()
    }

    /// The paths of all rules.
    pub(super) fn paths(&self) -> impl Iterator<Item = &'a RulePath> {
        self.nodes.iter().map(|node| node.path)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnTheWay,
    Done,
}

fn targets(rule: &Rule) -> Vec<(Vec<String>, u32)> {
    let referred = rule
        .references
        .iter()
        .filter(|reference| reference.fixed().first() == Some(&"data"))
        .map(|reference| (reference.fixed().into_iter().map(str::to_owned).collect(), reference.line));
    let called = rule.calls.iter().filter_map(|call| Some((call.function.clone()?, call.line)));
    referred.chain(called).collect()
}

/// Whether a reference to `target` evaluates the rule at `path`: it lies at it, below it or above it.
fn overlaps(path: &[String], target: &[String]) -> bool {
    path.starts_with(target) || target.starts_with(path)
}
