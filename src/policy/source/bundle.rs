//! OPA bundles: what `opa build` writes, a tree of policies in one gzipped tar file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use serde::Deserialize;

use super::{MAX_FILE, MAX_FILES, Packed, Place, influences, signature};
use crate::policy::problem::Problem;

/// The largest bundle, unpacked, in bytes: a small file can hold a very large one.
const MAX_BUNDLE: u64 = 256 << 20;

/// What a bundle holds.
pub(super) struct Bundle {
    /// The files that take part.
    pub(super) files: BTreeMap<String, String>,
    /// Its revision, by its manifest.
    pub(super) revision: Option<String>,
    /// When it was signed, by its signature.
    pub(super) signed_at: Option<u64>,
}

/// The members of `.manifest` that count here.
#[derive(Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    revision: String,
    #[serde(default)]
    roots: Option<Vec<String>>,
}

/// Reads a bundle, and its signature where one is asked for.
pub(super) fn read(packed: &Packed) -> Result<Bundle, Problem> {
    let (name, content): (String, Box<dyn Read>) = match &packed.place {
        Place::File(path) => {
            let name = path.display().to_string();
            match File::open(path) {
                Ok(file) => (name, Box::new(file)),
                Err(error) => return Err(Problem::of(name, format!("cannot be read: {error}"))),
            }
        }
        Place::Fetched(name, bytes) => (name.clone(), Box::new(bytes.as_ref())),
    };
    let bundle = unpack(content).and_then(|files| opened(files, packed.keys.as_deref()));
    bundle.map_err(|why| Problem::of(name, format!("{why}; write bundles with `opa build --bundle`")))
}

fn opened(files: BTreeMap<String, Vec<u8>>, keys: Option<&Path>) -> Result<Bundle, String> {
    let claims = keys.map(|keys| signature::verify(&files, keys)).transpose()?;
    let manifest: Manifest = match files.get(".manifest") {
        Some(text) => serde_json::from_slice(text).map_err(|error| format!("`.manifest`: {error}"))?,
        None => Manifest::default(),
    };
    let revision = Some(manifest.revision).filter(|revision| !revision.is_empty());
    if claims.is_some() && revision.is_none() {
        return Err("names no revision, so that an older one could take its place: add --revision".to_owned());
    }
    let mut texts = BTreeMap::new();
    for (path, content) in files.into_iter().filter(|(path, _)| influences(path)) {
        let text = String::from_utf8(content).map_err(|_| format!("holds `{path}`, which is not UTF-8"))?;
        texts.insert(path, text);
    }
    if let Some(roots) = &manifest.roots {
        within(roots, &texts)?;
    }
    Ok(Bundle { files: texts, revision, signed_at: claims.and_then(|claims| claims.iat) })
}

/// Data and packages must lie under the roots that the manifest claims.
fn within(roots: &[String], files: &BTreeMap<String, String>) -> Result<(), String> {
    let under = |place: &str| {
        let below = |root: &str| place.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        roots
            .iter()
            .map(|root| root.trim_matches('/'))
            .any(|root| root.is_empty() || place == root || below(root))
    };
    for (path, text) in files {
        let place = match path.strip_suffix(".rego") {
            Some(_) => {
                let mut lines = text.lines().map(str::trim_start);
                let package = lines.find_map(|line| line.strip_prefix("package ")).unwrap_or_default();
                package.split_whitespace().next().unwrap_or_default().replace('.', "/")
            }
            None => path.rsplit_once('/').map_or("", |(place, _)| place).to_owned(),
        };
        // `opa build` writes all data into one file at the top, whatever the roots are.
        if !(place.is_empty() || under(&place)) {
            return Err(format!("holds `{path}`, which lies outside of its roots ({})", roots.join(", ")));
        }
    }
    Ok(())
}

fn unpack(content: impl Read) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(GzDecoder::new(content).take(MAX_BUNDLE));
    let broken = |error: std::io::Error| format!("is no whole bundle: {error}");
    let mut seen = 0_usize;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        seen = seen.saturating_add(1);
        if seen > MAX_FILES {
            return Err(format!("has more than {MAX_FILES} files"));
        }
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let inside = inside(&entry.path().map_err(broken)?)?;
        if !entry.header().entry_type().is_file() {
            return Err(format!("holds `{inside}`, which is no plain file"));
        }
        if entry.size() > MAX_FILE {
            return Err(format!("holds `{inside}`, which is larger than {MAX_FILE} bytes"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        if files.insert(inside.clone(), bytes).is_some() {
            return Err(format!("holds `{inside}` twice"));
        }
    }
    if seen == 0 {
        return Err("is empty".to_owned());
    }
    Ok(files)
}

/// The path within the tree: OPA writes a slash in front.
fn inside(path: &Path) -> Result<String, String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => {
                parts.push(part.to_str().ok_or("holds a name that is not UTF-8")?.to_owned());
            }
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(format!("holds `{}`, which lies outside", path.display()));
            }
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn bundle(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let place = tempfile::NamedTempFile::new().unwrap();
        let packed = flate2::write::GzEncoder::new(place.reopen().unwrap(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(packed);
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            // As it is: the library itself would not write a path such as `/a` or `../a`.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(text.len() as u64);
            header.set_entry_type(tar::EntryType::Regular);
            header.set_cksum();
            archive.append(&header, text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap().flush().unwrap();
        place
    }

    fn found(place: &Path) -> Result<BTreeMap<String, String>, String> {
        let packed = Packed { place: Place::File(place.to_owned()), keys: None };
        read(&packed).map(|bundle| bundle.files).map_err(|problem| problem.to_string())
    }

    #[test]
    fn what_opa_writes_is_a_tree() {
        let place = bundle(&[
            ("/data.json", "{\"organisation\": {}}"),
            ("/rules/zones.rego", "package zengate.rules.zones"),
            ("/.manifest", "{\"revision\": \"r\"}"),
            ("/plan.json", "{}"),
        ]);
        let found = found(place.path()).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["data.json", "rules/zones.rego"]);
    }

    #[test]
    fn what_is_no_bundle_is_named() {
        for (files, says) in [
            (vec![("../out.rego", "x")], "lies outside"),
            (vec![("a.rego", "x"), ("/a.rego", "y")], "twice"),
            (vec![], "empty"),
        ] {
            let why = found(bundle(&files).path()).unwrap_err();
            assert!(why.contains(says), "{why}");
        }
        let torn = bundle(&[("a.rego", &"package a\n".repeat(9_000))]);
        let length = torn.as_file().metadata().unwrap().len();
        torn.as_file().set_len(length / 2).unwrap();
        assert!(found(torn.path()).unwrap_err().contains("no whole bundle"));
        let text = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text.path(), "package a").unwrap();
        assert!(found(text.path()).unwrap_err().contains("no whole bundle"));
        let roots = ("/.manifest", "{\"roots\": [\"zengate/rules\"]}");
        let fine = bundle(&[roots, ("/data.json", "{}"), ("/r.rego", "package zengate.rules.r # ours")]);
        assert_eq!(found(fine.path()).unwrap().len(), 2);
        for stranger in [("/r.rego", "package zengate.rulesets"), ("/other/data.json", "{}")] {
            assert!(found(bundle(&[roots, stranger]).path()).unwrap_err().contains("outside of its roots"));
        }
        assert!(found(Path::new("nowhere.tar.gz")).unwrap_err().contains("cannot be read"));
    }
}
