//! The style that a compiler does not hold: sizes, module docs, who may import whom, who may read the time.

use std::path::{Path, PathBuf};

fn sources(root: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(root)];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources under {root}");
    found
}

fn name(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string()
}

/// Tables are data, not code: one row per action or field.
fn is_table(name: &str) -> bool {
    name.starts_with("src/api/catalog/") || name.starts_with("src/api/fields/")
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        let documented =
            text.starts_with("//!") || name(&path).ends_with("tests.rs") || name(&path).starts_with("tests/");
        assert!(documented, "{} begins without `//!`", name(&path));
    }
}

#[test]
fn files_stay_small() {
    for (path, text) in sources("src") {
        let name = name(&path);
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
        assert!(
            code <= 450 || is_table(&name) || name.ends_with("tests.rs"),
            "{name} has {code} lines: is it one idea?"
        );
        assert!(!name.ends_with("/mod.rs"), "{name}: use foo.rs beside foo/");
    }
}

#[test]
fn the_domain_knows_no_http() {
    let domain = [
        "src/api",
        "src/json",
        "src/sign",
        "src/policy",
        "src/quota",
        "src/reply",
        "src/refusal",
        "src/clock",
        "src/secret",
    ];
    let outside = ["crate::gateway", "crate::cli", "crate::server", "crate::upstream", "hyper::", "tower::"];
    for (path, text) in sources("src") {
        let name = name(&path);
        if domain.iter().any(|module| name.starts_with(module)) {
            for word in outside {
                assert!(!text.contains(word), "{name} reaches out to {word}");
            }
        }
    }
}

#[test]
fn the_emulator_shares_no_parsing_or_signing_with_the_gateway() {
    for (path, text) in sources("src/emulator") {
        for word in [
            "crate::json",
            "crate::sign",
            "crate::api",
            "crate::reply",
            "aws_lc_rs::hmac",
            "aws_lc_rs::digest",
        ] {
            assert!(!text.contains(word), "{} uses {word}", name(&path));
        }
    }
}

#[test]
fn only_the_clock_reads_the_time() {
    for (path, text) in sources("src") {
        let name = name(&path);
        if name == "src/clock.rs" {
            continue;
        }
        for word in ["SystemTime::now", "Timestamp::now", "std::time::Instant::now", "Zoned::now"] {
            assert!(!text.contains(word), "{name} uses {word}; take a Clock or a Stopwatch");
        }
    }
}

#[test]
fn tests_wait_for_conditions() {
    for (path, text) in sources("tests") {
        let name = name(&path);
        let sleeps = text.matches(concat!("sl", "eep(")).count();
        assert!(sleeps == 0, "{name} sleeps: wait for a condition instead");
    }
}

#[test]
fn the_workbench_is_not_in_the_project() {
    let out = std::process::Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let Ok(out) = out else { return };
    for file in out.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(String::from_utf8_lossy(file).as_ref());
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for word in [concat!("/work", "/"), concat!("/root", "/"), concat!("artifac", "tory")] {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}
