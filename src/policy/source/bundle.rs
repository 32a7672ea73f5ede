//! OPA bundles: what `opa build` writes, a tree of policies in one gzipped tar file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path};

use flate2::read::GzDecoder;

use super::{MAX_FILE, MAX_FILES, influences};
use crate::policy::problem::Problem;

/// The largest bundle, unpacked, in bytes: a small file can hold a very large one.
const MAX_BUNDLE: u64 = 256 << 20;

/// Reads the files of a bundle that take part.
pub(super) fn read(path: &Path, files: &mut BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    let name = path.display().to_string();
    if let Err(why) = unpack(path, files) {
        problems.push(Problem::of(name, format!("{why}; write bundles with `opa build --bundle`")));
    }
}

fn unpack(path: &Path, files: &mut BTreeMap<String, String>) -> Result<(), String> {
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut archive = tar::Archive::new(GzDecoder::new(file).take(MAX_BUNDLE));
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
        if !influences(&inside) {
            continue;
        }
        if entry.size() > MAX_FILE {
            return Err(format!("holds `{inside}`, which is larger than {MAX_FILE} bytes"));
        }
        let mut text = String::new();
        entry.read_to_string(&mut text).map_err(broken)?;
        if files.insert(inside.clone(), text).is_some() {
            return Err(format!("holds `{inside}` twice"));
        }
    }
    if seen == 0 {
        return Err("is empty".to_owned());
    }
    Ok(())
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
        let mut files = BTreeMap::new();
        unpack(place, &mut files).map(|()| files)
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
        assert!(found(Path::new("nowhere.tar.gz")).unwrap_err().contains("cannot be read"));
    }
}
