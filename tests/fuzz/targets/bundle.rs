//! The reader of bundles: packed files of any kind, unpacked and packed, and the check of who has signed them. What a key's
//! check lets pass is what the reader reads without it, and no file of it is unsigned.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;
use zengate::policy::source::{Overlays, Packed, Place, Source, Tree};

/// One key that signs: that of the seed `signed`.
static KEYS: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let keys = tempfile::TempDir::new().expect("a directory");
    std::fs::write(keys.path().join("fuzz.secret"), "a-secret-of-the-fuzzer").expect("a key");
    keys
});

fn read(bytes: &[u8], keys: Option<PathBuf>) -> Option<Tree> {
    let place = Place::Fetched("bundle".to_owned(), bytes.to_vec().into());
    Source::Bundle(Packed { place, keys }).read(&Overlays::default()).ok()
}

fuzz_target!(|bytes: &[u8]| {
    let tree = read(bytes, None);
    if let Some(tree) = &tree {
        assert!(tree.modules.iter().all(|module| !module.path.contains("..")));
    }
    if let Some(signed) = read(bytes, Some(KEYS.path().to_owned())) {
        assert_eq!(Some(signed), tree, "the check changes what is read");
    }
});
