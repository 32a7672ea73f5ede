use super::*;
use serde_json::json;

fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

#[test]
fn a_directory_is_read_as_opa_reads_a_bundle() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "rules/zones.rego", "package zengate.rules.zones");
    write(dir.path(), "rules/zones_test.rego", "package zengate_test.zones");
    write(dir.path(), "organisation/data.yaml", "settings: {zones: {allowed: [SEL-A]}}\n");
    write(dir.path(), "facts/zones/data.json", r#"{"SEL-A": {"security_groups": true}}"#);
    write(dir.path(), "schema/input.json", "{");
    write(dir.path(), ".git/config", "x");
    let overlay = dir.path().join("mine.yaml");
    std::fs::write(&overlay, "settings: {zones: {allowed: [HKG-A]}, count: {most: 3}}\n").unwrap();
    let source = Source::Directory(dir.path().into());
    let tree = source.read(&Overlays { organisation: vec![overlay], facts: None }).unwrap();
    assert_eq!(tree.modules.len(), 1);
    assert_eq!(tree.tests.len(), 1);
    assert_eq!(
        tree.data,
        json!({"organisation": {"settings": {"zones": {"allowed": ["HKG-A"]}, "count": {"most": 3}}},
               "facts": {"zones": {"SEL-A": {"security_groups": true}}}})
    );
    assert_eq!(tree.revision.len(), 12);
    assert_ne!(tree.revision, source.read(&Overlays::default()).unwrap().revision);
}

#[test]
fn the_revision_changes_with_what_decides_and_with_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.rego", "package a");
    let source = Source::Directory(dir.path().into());
    let first = source.read(&Overlays::default()).unwrap().revision;
    write(dir.path(), "a_test.rego", "package a_test");
    write(dir.path(), "README.md", "words");
    assert_eq!(source.read(&Overlays::default()).unwrap().revision, first);
    write(dir.path(), "a.rego", "package a ");
    assert_ne!(source.read(&Overlays::default()).unwrap().revision, first);
}

#[test]
fn all_that_cannot_be_read_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "x/data.json", "{\"a\": 1}");
    write(dir.path(), "x/data.yaml", "a: 2\n");
    write(dir.path(), "y/data.json", "{\n\"b\": 1, \"b\": 2}");
    let problems = Source::Directory(dir.path().into())
        .read(&Overlays { organisation: vec!["/absent.yaml".into()], facts: None })
        .unwrap_err()
        .problems;
    let listing: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 3, "{listing:?}");
    assert!(listing.iter().any(|line| line.contains("x/data.yaml: `data.x.a` is given")), "{listing:?}");
    assert!(listing.iter().any(|line| line.contains("y/data.json:2:")), "{listing:?}");
}

#[test]
fn the_embedded_tree_can_be_read() {
    Source::Embedded.read(&Overlays::default()).unwrap();
}

#[test]
fn facts_are_laid_over_those_of_the_tree_and_read_strictly() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("facts.json");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Source::Embedded.read(&Overlays { organisation: Vec::new(), facts: Some(file.clone()) })
    };
    let tree = read(r#"{"types": {"new.1c": {"vcpus": 1, "memory_gb": 2}}, "zones": {}}"#).unwrap();
    assert_eq!(tree.data["facts"]["types"]["new.1c"]["vcpus"], 1);
    assert_eq!(tree.data["facts"]["zones"]["SEL-A"]["security_groups"], true, "those of the tree stay");
    assert_ne!(tree.revision, Source::Embedded.read(&Overlays::default()).unwrap().revision);
    for wrong in [
        r#"{"types": {"x": {"vcpu": 1, "memory_gb": 2}}}"#,
        r#"{"types": {"x": {"vcpus": "1", "memory_gb": 2}}}"#,
        r#"{"zone": {}}"#,
        "[]",
        "{",
    ] {
        let problems = read(wrong).unwrap_err().problems;
        assert_eq!(problems.len(), 1, "{wrong}");
        assert!(problems[0].file.ends_with("facts.json"), "{problems:?}");
    }
}
