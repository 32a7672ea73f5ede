//! What is checked of a tree before any of it is evaluated.
//!
//! The engine aborts the process on recursion, finds an unknown builtin only when it stumbles over it, lets one builtin
//! run or allocate without end, and takes a misspelt reference for "undefined": a rule that never fires. None of these
//! may reach evaluation.

use std::collections::BTreeMap;

use serde_json::Value;

use super::engine::STACK_BYTES;
use super::problem::{LoadError, Problem};
use super::source::{RegoFile, Tree};

pub(super) mod ast;
mod builtins;
mod graph;
mod packages;
mod references;
mod shadowed;
mod walk;

use ast::{Module, RulePath};
pub(super) use packages::Parts;

/// The package that gives the gateway's answer under plain OPA; the gateway itself only checks that it parses.
const MAIN: &[&str] = &["data", "zengate"];

/// The most threads that read files.
const MOST_READERS: usize = 4;

/// What is known of a tree that passed.
#[derive(Debug, Clone, Default)]
pub(super) struct Checked {
    /// The files to load, `main.rego` left out.
    pub(super) modules: Vec<RegoFile>,
    /// The rules and what each defines of `patches`, `deny`, `warn` and `quota`.
    pub(super) rules: BTreeMap<String, Parts>,
    /// The members of `input.settings` that some rule reads, and whether one reads them under a computed name.
    pub(super) settings_read: references::SettingsRead,
    /// The syntax trees of the files to load.
    pub(super) trees: Vec<(String, Value)>,
    /// Which rule (or none: shared code) a file belongs to, for naming failures.
    pub(super) rule_of_file: BTreeMap<String, String>,
}

/// Parses and checks a tree.
///
/// # Errors
/// Every problem at once; files that do not parse are left out of the other checks.
pub(super) fn check(tree: &Tree) -> Result<Checked, LoadError> {
    let mut problems = Vec::new();
    let mut trees = trees(&tree.modules, &mut problems);
    let modules = ast::modules(&trees);
    let serving: Vec<Module> = modules.into_iter().filter(|module| module.package != MAIN).collect();
    let graph = graph::Graph::new(&serving);
    problems.extend(shadowed::check(&trees));
    problems.extend(graph.cycles());
    problems.extend(builtins::check(&serving));
    let rules = packages::check(&serving, &mut problems);
    let settings_read = references::check(&serving, &graph, &tree.data, &mut problems);
    LoadError::unless_none(problems)?;
    let kept: Vec<&str> = serving.iter().map(|module| module.file.as_str()).collect();
    trees.retain(|(file, _)| kept.contains(&file.as_str()));
    Ok(Checked {
        modules: tree.modules.iter().filter(|file| kept.contains(&file.path.as_str())).cloned().collect(),
        rule_of_file: serving
            .iter()
            .filter_map(|module| Some((module.file.clone(), packages::rule_of(&module.package)?)))
            .collect(),
        rules,
        settings_read,
        trees,
    })
}

/// Parses files one by one, so that each mistake is told.
pub(super) fn parse(files: &[RegoFile], problems: &mut Vec<Problem>) -> Vec<Module> {
    ast::modules(&trees(files, problems))
}

/// The engine's syntax trees, by file. Reading them is more than half of what loading takes, so
/// several threads do it.
fn trees(files: &[RegoFile], problems: &mut Vec<Problem>) -> Vec<(String, Value)> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_READERS);
    let share = files.len().div_ceil(threads).max(1);
    let all = |files: &[RegoFile]| files.iter().map(tree).collect::<Vec<_>>();
    let read = std::thread::scope(|scope| {
        let deep = || std::thread::Builder::new().stack_size(STACK_BYTES);
        let parts = files.chunks(share).map(|part| (part, deep().spawn_scoped(scope, || all(part))));
        let parts: Vec<_> = parts.collect();
        let read = parts.into_iter().map(|(part, thread)| match thread.map(|thread| thread.join()) {
            Ok(Ok(read)) => read,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => all(part), // no thread to be had
        });
        read.collect::<Vec<_>>()
    });
    let mut raw = Vec::new();
    for one in read.into_iter().flatten() {
        match one {
            Ok(tree) => raw.push(tree),
            Err(problem) => problems.push(problem),
        }
    }
    raw
}

/// The engine's syntax tree of a file.
fn tree(file: &RegoFile) -> Result<(String, Value), Problem> {
    let mut engine = regorus::Engine::new();
    engine
        .add_policy(file.path.clone(), file.text.clone())
        .map_err(|error| parse_problem(&file.path, &error.to_string()))?;
    let json = engine.get_ast_as_json().ok();
    let ast = json.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    ast.map(|ast| (file.path.clone(), ast))
        .ok_or_else(|| Problem::of(&file.path, "an expression nests too deep to be checked"))
}

/// One problem for each circle of references.
pub(super) fn recursion(modules: &[Module]) -> Vec<Problem> {
    graph::Graph::new(modules).cycles()
}

/// The engine says `\n--> <file>:<line>:<column>\n ... error: <message>`.
fn parse_problem(file: &str, text: &str) -> Problem {
    let (line, message) = engine_words(text);
    Problem { file: file.to_owned(), line, message }
}

/// The line and the message in the engine's words.
pub(super) fn engine_words(text: &str) -> (Option<u32>, String) {
    let place = text.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
    let line = place.and_then(|place| place.rsplit(':').nth(1)).and_then(|line| line.trim().parse().ok());
    let message = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("error: "))
        .or_else(|| text.lines().rfind(|line| !line.trim().is_empty()))
        .unwrap_or("cannot be parsed");
    (line, message.trim().to_owned())
}

/// `data.a.b["c d"]`, as Rego writes a path.
pub(super) fn spelt(path: &RulePath) -> String {
    path.join(".")
}

#[cfg(test)]
mod tests;
