//! What is kept on disk of the policies: the set in force and the one before, so that a start without the source of the policies
//! serves what was served last, and a promotion or a rollback outlives a restart.
//!
//! One file, written whole beside itself and renamed: a crash leaves the old one or the new one. A digest over it tells a file that
//! the disk has damaged; such a file is not used.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::source::Material;

/// The file in the directory.
const FILE: &str = "policy.json";

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The set in force.
    pub live: Option<Material>,
    /// Its revision.
    pub revision: Option<String>,
    /// The one before.
    pub previous: Option<Material>,
    /// Its revision.
    pub previous_revision: Option<String>,
    /// The candidate that is tried in shadow.
    pub staged: Option<Material>,
    /// The revision of the source that an operator has set aside, by a promotion or a rollback. Another one from there is taken.
    pub set_aside: Option<String>,
    /// Revisions of signed bundles that were in force, with the time of their signature: none of them is taken again.
    pub signed: BTreeMap<String, Option<u64>>,
}

impl Kept {
    /// Another set comes into force.
    pub fn take(&mut self, material: Material, revision: &str) {
        self.remember(&material);
        if self.live.as_ref() != Some(&material) {
            self.previous = self.live.replace(material);
            self.previous_revision = self.revision.replace(revision.to_owned());
        }
        self.set_aside = None;
    }

    /// The set in force comes under another name: the same rules and data in another bundle.
    pub fn restate(&mut self, material: Material) {
        self.remember(&material);
        self.live = Some(material);
        self.set_aside = None;
    }

    fn remember(&mut self, material: &Material) {
        if let Some(revision) = &material.bundle_revision {
            self.signed.insert(revision.clone(), material.signed_at);
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: String,
    kept: Box<serde_json::value::RawValue>,
}

/// Reads what is kept in a directory.
///
/// # Errors
/// When there is something that cannot be used.
pub fn load(directory: &Path) -> Result<Kept, String> {
    let path = directory.join(FILE);
    let failed = |why: String| format!("{}: {why}", path.display());
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(failed(error.to_string())),
    };
    let sealed: Sealed = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
    if digest(sealed.kept.get()) != sealed.sha256 {
        return Err(failed("is damaged: its digest is another".to_owned()));
    }
    serde_json::from_str(sealed.kept.get()).map_err(|error| failed(error.to_string()))
}

/// Replaces what is kept.
///
/// # Errors
/// What the file system says. What was kept before stays then.
pub fn save(directory: &Path, kept: &Kept) -> Result<(), String> {
    let path = directory.join(FILE);
    write(directory, &path, kept).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(directory: &Path, path: &Path, kept: &Kept) -> std::io::Result<()> {
    let kept = serde_json::value::to_raw_value(kept)?;
    let sealed = Sealed { sha256: digest(kept.get()), kept };
    fs::create_dir_all(directory)?;
    let new: PathBuf = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec(&sealed)?)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(directory)?.sync_all()
}

fn digest(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_does_not() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("new");
        assert_eq!(load(&directory).unwrap(), Kept::default());
        let files = [("a.rego".to_owned(), "package a".to_owned())].into();
        let kept = Kept { live: Some(Material { files, ..Material::default() }), ..Kept::default() };
        save(&directory, &kept).unwrap();
        assert_eq!(load(&directory).unwrap(), kept);
        let path = directory.join(FILE);
        let damaged = fs::read_to_string(&path).unwrap().replace("package a", "package b");
        fs::write(&path, damaged).unwrap();
        assert!(load(&directory).unwrap_err().contains("damaged"));
    }
}
