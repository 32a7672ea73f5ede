use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::verify::{Report, files};
use super::*;

fn key() -> Key {
    Key::new(Some(&Secret::new("the-key-of-an-audit-log")))
}

fn opened(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

fn write(path: &Path, key: &Key, lines: &[&str]) {
    let mut chain = Chained::new(path, key.clone(), Heads::default());
    for line in lines {
        chain.append(&mut opened(path), &[(*line).to_owned()]).unwrap();
    }
}

fn verify(path: &Path, key: &Key) -> Report {
    files(&[path.to_owned()], key, None).unwrap()
}

fn some(at: &TempDir, key: &Key, lines: usize) -> (PathBuf, Vec<u8>) {
    let path = at.path().join("a.jsonl");
    let objects: Vec<String> = (0..lines).map(|number| format!("{{\"what\":\"act {number}\"}}")).collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    write(&path, key, &objects);
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn lines_are_objects_and_go_on_after_a_restart_and_in_the_next_file() {
    let at = TempDir::new().unwrap();
    let path = at.path().join("a.jsonl");
    write(&path, &Key::default(), &["{\"a\":1}", "{}"]);
    write(&path, &Key::default(), &["{\"a\":{\"chain\":{\"seq\":7}}}"]);
    let older = at.path().join("a.jsonl.20260101");
    std::fs::rename(&path, &older).unwrap();
    write(&path, &Key::default(), &["{\"b\":2}"]);
    let lines = std::fs::read_to_string(&older).unwrap();
    for (line, seq) in lines.lines().zip(1..) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["chain"]["seq"], seq);
    }
    // In whichever order they are named.
    for order in [[&path, &older], [&older, &path]] {
        let report = files(&order.map(Clone::clone), &Key::default(), None).unwrap();
        assert!(report.is_whole(), "{report:?}");
        assert_eq!((report.lines, report.first, report.head.unwrap().seq), (4, Some(1), 4));
    }
    let report = verify(&path, &Key::default());
    assert!(report.is_whole() && report.first == Some(4), "{report:?}");
}

#[test]
fn the_end_that_was_cut_is_missed() {
    let at = TempDir::new().unwrap();
    let (path, bytes) = some(&at, &key(), 3);
    let text = String::from_utf8(bytes).unwrap();
    let kept: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    let head = verify(&path, &key()).head.unwrap().hash;
    std::fs::write(&path, &kept).unwrap();
    assert!(verify(&path, &key()).is_whole(), "a chain that is shorter is whole by itself");
    let with_head = files(std::slice::from_ref(&path), &key(), Some(&head)).unwrap();
    assert!(!with_head.is_whole() && with_head.head_found == Some(false));
    // The writer knows where it had ended.
    write(&path, &key(), &["{\"later\":true}"]);
    let report = verify(&path, &key());
    assert!(report.problems[0].why.contains("1 taken out"), "{report:?}");
}

#[test]
fn half_a_line_and_older_lines_are_noted_and_stay_what_they_were() {
    let at = TempDir::new().unwrap();
    let path = at.path().join("a.jsonl");
    std::fs::write(&path, "{\"from\":\"before\"}\n").unwrap();
    write(&path, &key(), &["{\"a\":1}"]);
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"cut\":\"sho")).unwrap();
    write(&path, &key(), &["{\"b\":2}", "{\"c\":3}"]);
    let report = verify(&path, &key());
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.lines, report.noted.len(), report.noted[1].line), (3, 2, 3));
    for (from, to) in [("before", "befora"), ("sho\n", "shu\n"), ("{\"cut\":\"sho\n", "")] {
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(from, to)).unwrap();
        assert!(!verify(&path, &key()).is_whole(), "{from}");
        std::fs::write(&path, text).unwrap();
    }
}

#[test]
fn without_the_key_nobody_makes_a_line_that_fits() {
    let at = TempDir::new().unwrap();
    let (path, _) = some(&at, &Key::default(), 2);
    let report = verify(&path, &key());
    assert!(report.problems[0].why.contains("another one"), "{report:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_byte_that_is_changed_is_found(place in 0_usize..1000, bit in 0_u8..8, keyed in any::<bool>()) {
        let at = TempDir::new().unwrap();
        let key = if keyed { key() } else { Key::default() };
        let (path, mut bytes) = some(&at, &key, 4);
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(!verify(&path, &key).is_whole(), "byte {place}");
    }

    #[test]
    fn any_line_that_is_taken_out_moved_or_doubled_is_found(one in 0_usize..6, other in 0_usize..6, how in 0..4) {
        let at = TempDir::new().unwrap();
        let (path, bytes) = some(&at, &Key::default(), 6);
        let text = String::from_utf8(bytes).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        let head = verify(&path, &Key::default()).head.unwrap().hash;
        match how {
            0 => drop(lines.remove(one)),
            1 if one == other => return Ok(()),
            1 => lines.swap(one, other),
            2 => lines.insert(other, lines[one]),
            _ => lines.insert(other, "{\"put\":\"in\"}"),
        }
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let report = files(&[path], &Key::default(), Some(&head)).unwrap();
        // The first lines may be in a file that is not here: then the chain begins later, which is told.
        prop_assert!(!report.is_whole() || report.first == Some(2) && how == 0 && one == 0, "{report:?}");
    }
}
