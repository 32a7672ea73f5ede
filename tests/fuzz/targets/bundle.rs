//! The reader of bundles: packed files of any kind, unpacked and packed.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zengate::policy::source::{Overlays, Source};

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("the file is written");
    if let Ok(tree) = Source::bundle(file.path()).read(&Overlays::default()) {
        assert!(tree.modules.iter().all(|module| !module.path.contains("..")));
    }
});
