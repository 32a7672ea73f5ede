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
    let tree = source.read(std::slice::from_ref(&overlay)).unwrap();
    assert_eq!(tree.modules.len(), 1);
    assert_eq!(tree.tests.len(), 1);
    assert_eq!(
        tree.data,
        json!({"organisation": {"settings": {"zones": {"allowed": ["HKG-A"]}, "count": {"most": 3}}},
               "facts": {"zones": {"SEL-A": {"security_groups": true}}}})
    );
    assert_eq!(tree.revision.len(), 12);
    assert_ne!(tree.revision, source.read(&[]).unwrap().revision);
}

#[test]
fn the_revision_changes_with_what_decides_and_with_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.rego", "package a");
    let source = Source::Directory(dir.path().into());
    let first = source.read(&[]).unwrap().revision;
    write(dir.path(), "a_test.rego", "package a_test");
    write(dir.path(), "README.md", "words");
    assert_eq!(source.read(&[]).unwrap().revision, first);
    write(dir.path(), "a.rego", "package a ");
    assert_ne!(source.read(&[]).unwrap().revision, first);
}

#[test]
fn all_that_cannot_be_read_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "x/data.json", "{\"a\": 1}");
    write(dir.path(), "x/data.yaml", "a: 2\n");
    write(dir.path(), "y/data.json", "{\n\"b\": 1, \"b\": 2}");
    let problems = Source::Directory(dir.path().into()).read(&["/absent.yaml".into()]).unwrap_err().problems;
    let listing: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 3, "{listing:?}");
    assert!(listing.iter().any(|line| line.contains("x/data.yaml: `data.x.a` is given")), "{listing:?}");
    assert!(listing.iter().any(|line| line.contains("y/data.json:2:")), "{listing:?}");
}

#[test]
fn the_embedded_tree_can_be_read() {
    Source::Embedded.read(&[]).unwrap();
}
