//! Where a tree of policies comes from: the binary itself, a directory or an OPA bundle, with the operator's own data over it.

mod bundle;
mod signature;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data;
use super::problem::{LoadError, Problem};
use crate::facts::Facts;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/policies");

/// The largest file of a tree, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// The most files and directories of a tree.
const MAX_FILES: usize = 10_000;
/// The deepest directory of a tree.
const MAX_DEPTH: usize = 16;

/// Where the rules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The stock policies inside the binary.
    Embedded,
    /// A directory laid out as the stock policies are.
    Directory(PathBuf),
    /// A file that `opa build` wrote.
    Bundle(Packed),
    /// Files given in memory, by path: candidates that are tried, and tests.
    Files(BTreeMap<String, String>),
}

/// A bundle, and who may have signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Its file.
    pub place: Place,
    /// The directory of the keys of which one must have signed it; none where that is not asked for.
    pub keys: Option<PathBuf>,
}

/// Where a bundle lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On disk.
    File(PathBuf),
    /// In memory, with the name that messages use.
    Fetched(String, Bytes),
}

/// Everything that a set is made of, as text: what is tried in a process of its own, staged and kept on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// The files of the tree, by path.
    pub files: BTreeMap<String, String>,
    /// The operator's data over the organisation's, with the names that messages use.
    #[serde(default)]
    pub organisation: Vec<(String, String)>,
    /// Cloud facts over those of the tree.
    #[serde(default)]
    pub facts: Option<(String, String)>,
    /// The revision by the manifest of the bundle, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_revision: Option<String>,
    /// When the bundle says it was signed (`iat`), in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<u64>,
}

/// The operator's own data, laid over what a tree holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlays {
    /// Over `data.organisation`, in this order: maps merge, everything else replaces.
    pub organisation: Vec<PathBuf>,
    /// Over `data.facts`: what `zengate facts pull` wrote.
    pub facts: Option<PathBuf>,
}

/// One file of Rego.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegoFile {
    /// The path within the tree, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A tree as read: nothing in it has been judged yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The files that serve, by path.
    pub modules: Vec<RegoFile>,
    /// The files named `*_test.rego`, by path; never loaded for serving.
    pub tests: Vec<RegoFile>,
    /// All data files merged, overlays over `organisation`.
    pub data: Value,
    /// The start of a SHA-256 over the path and content of everything that influences decisions.
    pub revision: String,
    /// The file that messages about `data.organisation` name.
    pub organisation_file: String,
}

impl Source {
    /// Reads the tree with `overlays` over its data.
    ///
    /// # Errors
    /// Everything that cannot be read, at once.
    pub fn read(&self, overlays: &Overlays) -> Result<Tree, LoadError> {
        self.gather(overlays)?.tree()
    }

    /// Reads all files, without a look into them.
    ///
    /// # Errors
    /// Everything that cannot be read, at once.
    pub fn gather(&self, overlays: &Overlays) -> Result<Material, LoadError> {
        let mut problems = Vec::new();
        let mut material = Material::default();
        let files = &mut material.files;
        match self {
            Self::Embedded => embedded(&EMBEDDED, files),
            Self::Directory(root) => directory(root, root, 0, files, &mut problems),
            Self::Bundle(packed) => match bundle::read(packed) {
                Ok(bundle) => {
                    (*files, material.bundle_revision) = (bundle.files, bundle.revision);
                    material.signed_at = bundle.signed_at;
                }
                Err(problem) => problems.push(problem),
            },
            Self::Files(given) => files.clone_from(given),
        }
        let mut own = |path: &PathBuf| match read_text(path) {
            Ok(text) => Some((path.display().to_string(), text)),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        material.organisation = overlays.organisation.iter().filter_map(&mut own).collect();
        material.facts = overlays.facts.as_ref().and_then(own);
        if !problems.is_empty() {
            // What else is wrong is told with it.
            assemble(material.files.clone(), &material.organisation, material.facts.as_ref(), &mut problems);
        }
        LoadError::unless_none(problems).map(|()| material)
    }

    /// A bundle on disk whose signature nobody asks for.
    pub fn bundle(path: impl Into<PathBuf>) -> Self {
        Self::Bundle(Packed { place: Place::File(path.into()), keys: None })
    }
}

impl Material {
    /// The tree, data merged.
    ///
    /// # Errors
    /// Every data file that cannot be read, at once.
    pub fn tree(&self) -> Result<Tree, LoadError> {
        let mut problems = Vec::new();
        let tree = assemble(self.files.clone(), &self.organisation, self.facts.as_ref(), &mut problems);
        LoadError::unless_none(problems).map(|()| tree)
    }

    /// The revision of its tree, which is not made for that: data may be large.
    pub fn revision(&self) -> String {
        revision(&self.files, &self.organisation, self.facts.as_ref())
    }

    /// Whether it holds rules that did not come with this binary: those are tried in a process of their own before they are
    /// evaluated in this one.
    pub fn has_foreign_rules(&self) -> bool {
        let stock = |path: &str| EMBEDDED.get_file(path).and_then(|file| file.contents_utf8());
        self.files.iter().any(|(path, text)| path.ends_with(".rego") && stock(path) != Some(text))
    }
}

fn embedded(dir: &Dir<'_>, files: &mut BTreeMap<String, String>) {
    for file in dir.files() {
        if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
            files.insert(path.replace('\\', "/"), text.to_owned());
        }
    }
    for inner in dir.dirs() {
        embedded(inner, files);
    }
}

fn directory(
    root: &Path,
    here: &Path,
    depth: usize,
    files: &mut BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    let name = here.display().to_string();
    let entries = match std::fs::read_dir(here).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => return problems.push(Problem::of(name, format!("cannot be read: {error}"))),
    };
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue; // editors and mounted volumes leave such beside the files they stand for
        }
        if path.is_dir() {
            if depth >= MAX_DEPTH {
                problems.push(Problem::of(path.display().to_string(), "lies too deep"));
            } else {
                directory(root, &path, depth + 1, files, problems);
            }
            continue;
        }
        let Some(inside) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
            problems.push(Problem::of(path.display().to_string(), "the name is not UTF-8"));
            continue;
        };
        let inside = inside.replace('\\', "/");
        if !influences(&inside) {
            continue;
        }
        if files.len() >= MAX_FILES {
            return problems.push(Problem::of(name, format!("the tree has more than {MAX_FILES} files")));
        }
        match read_text(&path) {
            Ok(text) => {
                files.insert(inside, text);
            }
            Err(problem) => problems.push(problem),
        }
    }
}

fn read_text(path: &Path) -> Result<String, Problem> {
    let name = || path.display().to_string();
    let size = std::fs::metadata(path)
        .map_err(|error| Problem::of(name(), format!("cannot be read: {error}")))?
        .len();
    if size > MAX_FILE {
        return Err(Problem::of(name(), format!("{size} bytes are more than the {MAX_FILE} allowed")));
    }
    std::fs::read_to_string(path).map_err(|error| Problem::of(name(), format!("cannot be read: {error}")))
}

fn is_data(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("data.json" | "data.yaml" | "data.yml"))
}

/// Whether a file takes part: Rego and data; schemas, manifests and notes do not.
fn influences(path: &str) -> bool {
    path.ends_with(".rego") || is_data(path)
}

fn assemble(
    files: BTreeMap<String, String>,
    overlays: &[(String, String)],
    facts: Option<&(String, String)>,
    problems: &mut Vec<Problem>,
) -> Tree {
    let mut tree = Tree {
        modules: Vec::new(),
        tests: Vec::new(),
        data: Value::Object(serde_json::Map::new()),
        revision: revision(&files, overlays, facts),
        organisation_file: "organisation/data.yaml".to_owned(),
    };
    for (path, text) in files.into_iter().filter(|(path, _)| influences(path)) {
        if path.ends_with("_test.rego") {
            tree.tests.push(RegoFile { path, text });
            continue;
        }
        if path.ends_with(".rego") {
            tree.modules.push(RegoFile { path, text });
        } else {
            add_data(&mut tree, &path, &text, problems);
        }
    }
    for (path, text) in overlays {
        match data::read(path, text) {
            Ok(over @ Value::Object(_)) => {
                tree.organisation_file.clone_from(path);
                data::merge(&mut tree.data, data::nest(&["organisation"], over));
            }
            Ok(_) => problems.push(Problem::of(path, "must hold an object")),
            Err(problem) => problems.push(problem),
        }
    }
    if let Some((path, text)) = facts {
        match read_facts(path, text) {
            Ok(facts) => data::merge(&mut tree.data, data::nest(&["facts"], facts)),
            Err(problem) => problems.push(problem),
        }
    }
    tree
}

/// The start of a SHA-256 over everything that influences decisions.
fn revision(
    files: &BTreeMap<String, String>,
    overlays: &[(String, String)],
    facts: Option<&(String, String)>,
) -> String {
    let mut digest = Digest::new();
    for (path, text) in files.iter().filter(|(path, _)| influences(path) && !path.ends_with("_test.rego")) {
        digest.add(path, text);
    }
    for (number, (_, text)) in overlays.iter().enumerate() {
        // the place in the order decides, not the path: the same files elsewhere decide the same
        digest.add(&format!("overlay/{number}"), text);
    }
    if let Some((_, text)) = facts {
        digest.add("facts", text);
    }
    digest.short()
}

/// Facts, strictly: a misspelt member would be a fact that no rule finds.
fn read_facts(path: &str, text: &str) -> Result<Value, Problem> {
    let value = data::read(path, text)?;
    if !value.is_object() {
        return Err(Problem::of(path, "must hold an object"));
    }
    // Written back from the type, so that what rules see is what was understood.
    match serde_json::from_value::<Facts>(value).and_then(serde_json::to_value) {
        Ok(facts) => Ok(facts),
        Err(error) => Err(Problem::of(path, format!("{error}; write it with `zengate facts pull`"))),
    }
}

fn add_data(tree: &mut Tree, path: &str, text: &str, problems: &mut Vec<Problem>) {
    let mut place: Vec<&str> = path.split('/').collect();
    place.pop();
    if place == ["organisation"] {
        path.clone_into(&mut tree.organisation_file);
    }
    match data::read(path, text) {
        Ok(value @ Value::Object(_)) => {
            if let Err(twice) = data::join(&mut tree.data, data::nest(&place, value)) {
                problems.push(Problem::of(path, format!("`data{twice}` is given by another file already")));
            }
        }
        Ok(_) => problems.push(Problem::of(path, "must hold an object")),
        Err(problem) => problems.push(problem),
    }
}

/// A digest over (path, content) pairs that no other pairs share: lengths come first.
struct Digest(aws_lc_rs::digest::Context);

impl Digest {
    fn new() -> Self {
        Self(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256))
    }

    fn add(&mut self, path: &str, text: &str) {
        for part in [path, text] {
            self.0.update(&(part.len() as u64).to_be_bytes());
            self.0.update(part.as_bytes());
        }
    }

    fn short(self) -> String {
        hex::encode(self.0.finish().as_ref()).chars().take(12).collect()
    }
}

#[cfg(test)]
mod tests;
