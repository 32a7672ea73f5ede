//! Names fit together: what rules, dashboard and pages speak of is in the code, with those labels and values.

use std::collections::{BTreeMap, BTreeSet};

use super::{dashboard, queries, read, rules};

/// The metrics of `METRICS.md`, which a unit test holds against the code: labels by name, and each label's values.
struct Known {
    metrics: BTreeMap<String, BTreeSet<String>>,
    values: BTreeMap<String, BTreeSet<String>>,
}

fn ticked(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

impl Known {
    fn read() -> Self {
        let (mut metrics, mut values) = (BTreeMap::new(), BTreeMap::new());
        for line in read("METRICS.md").lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.split(" | ").collect();
            let name = cells[0].trim_matches(['|', ' ', '`']).to_owned();
            if cells.len() == 5 {
                metrics.insert(name, ticked(cells[3]));
            } else {
                values.insert(name, ticked(cells[1]));
            }
        }
        assert!(metrics.len() > 50 && values.len() > 20, "{} and {}", metrics.len(), values.len());
        for rule in rules().iter().filter(|rule| !rule.alerts) {
            // A rule records series under its name; its labels are those it sums by, which Prometheus itself checks.
            let all = metrics.values().flatten().cloned().collect();
            metrics.insert(rule.name.clone(), all);
        }
        metrics.insert("up".to_owned(), BTreeSet::new());
        Self { metrics, values }
    }

    /// The metrics that an expression names, each with the matchers in its braces.
    fn check(&self, place: &str, expression: &str) -> usize {
        let mut seen = 0;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
        let mut rest = expression;
        while let Some(start) = rest.find(|letter: char| is_name(letter) || letter == '"') {
            rest = &rest[start..];
            if let Some(text) = rest.strip_prefix('"') {
                rest = text.split_once('"').unwrap().1;
                continue;
            }
            let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            // A name that is cut short (`zengate_upstream_(open|...)`) stands for several.
            if word.ends_with('_')
                || !(word.contains("zengate_") || word.starts_with("process_") || word == "up")
            {
                continue;
            }
            seen += 1;
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            let labels = self.metrics.get(word).or_else(|| self.metrics.get(base.unwrap_or_default()));
            let labels = labels.unwrap_or_else(|| panic!("{place}: there is no metric {word}"));
            let Some(inside) = after.strip_prefix('{').and_then(|inside| inside.split_once('}')) else {
                continue;
            };
            for matcher in inside.0.split(", ").flat_map(|some| some.split(',')) {
                // Pages name labels without a value.
                let (label, value) = matcher.split_once('=').unwrap_or((matcher, "$any"));
                let label = label.trim().trim_end_matches('!');
                let own = labels.contains(label) || ["job", "instance", "le"].contains(&label);
                assert!(own, "{place}: {word} has no label {label}");
                let value = value.trim_start_matches('~').trim_matches('"');
                let known = self.values.get(label).filter(|known| !known.is_empty());
                for one in
                    value.split('|').filter(|_| !["status", "code", "job", "instance"].contains(&label))
                {
                    let fits = one.starts_with('$') || known.is_none_or(|known| known.contains(one));
                    assert!(fits, "{place}: {label} is never {one:?}");
                }
            }
        }
        seen
    }
}

#[test]
fn every_metric_of_rules_and_dashboard_is_in_the_code_with_those_labels() {
    let known = Known::read();
    for rule in rules() {
        assert!(known.check(&rule.name, &rule.expression) > 0, "{}", rule.name);
    }
    for (panel, expression) in queries() {
        assert!(known.check(&panel, &expression) > 0, "{panel}");
    }
    for page in ["README.md", "GUIDE.md", "RUNBOOK.md", "SECURITY.md", "FAULTS.md"] {
        for code in ticked(&read(page))
            .iter()
            .filter(|code| code.starts_with("zengate_") || code.contains("zengate_"))
        {
            known.check(page, code);
        }
    }
}

#[test]
#[should_panic(expected = "there is no metric zengate_request_total")]
fn a_misspelt_metric_is_found() {
    Known::read().check("here", "sum(rate(zengate_request_total{class=\"read\"}[5m]))");
}

#[test]
#[should_panic(expected = "outcome is never \"unavailabel\"")]
fn a_misspelt_value_is_found() {
    Known::read().check("here", "zengate_requests_total{outcome=~\"ok|unavailabel\"}");
}

#[test]
fn every_alert_has_its_section_in_the_runbook_and_every_section_its_alert() {
    let runbook = read("RUNBOOK.md");
    let sections: Vec<(&str, &str)> =
        runbook.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap()).collect();
    let names: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    let alerts: Vec<_> = rules().into_iter().filter(|rule| rule.alerts).collect();
    assert_eq!(alerts.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), names);
    for (name, text) in sections {
        for part in ["Means", "Users", "Look", "Mend", "Over"] {
            assert!(text.contains(&format!("- **{part}.** ")), "{name} says nothing of {part}");
        }
    }
    for alert in alerts {
        let notes = &alert.whole["annotations"];
        let anchor = format!("RUNBOOK.md#{}", alert.name.to_lowercase());
        assert!(notes["runbook_url"].as_str().unwrap().ends_with(&anchor), "{}", alert.name);
        assert!(notes["summary"].is_string() && notes["description"].is_string(), "{}", alert.name);
        let severity = alert.whole["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{}", alert.name);
    }
}

#[test]
fn the_panels_that_the_runbook_names_are_there() {
    let dashboard = dashboard();
    let titles: Vec<&str> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|panel| panel["title"].as_str().unwrap())
        .collect();
    let runbook = read("RUNBOOK.md").replace("\n  ", " ");
    for line in runbook.lines().filter(|line| line.starts_with("- **Look.** ")) {
        for name in line.split('*').skip(5).step_by(2).filter(|name| !name.is_empty()) {
            let page = read("README.md").contains(&format!("# {name}\n"));
            assert!(
                page || titles.iter().any(|title| title.starts_with(name)),
                "no panel and no section {name}"
            );
        }
    }
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut places: BTreeSet<(u64, u64)> = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title} sticks out");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(places.insert((x, y)), "{title} lies over another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            panel["description"].as_str().is_some_and(|text| text.len() > 10),
            "{title} is not described"
        );
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let mut references = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(references.insert(target["refId"].as_str().unwrap().to_owned()), "{title}");
        }
        assert!(!references.is_empty(), "{title} asks nothing");
    }
    let variables: Vec<&str> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(variables, ["datasource", "job", "instance", "team"]);
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut links = 0;
    for page in ["README.md", "GUIDE.md", "RUNBOOK.md", "METRICS.md", "SECURITY.md", "FAULTS.md"] {
        let text = read(page);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            if file.starts_with("http") {
                continue;
            }
            links += 1;
            let file = if file.is_empty() { page } else { file };
            let path = format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"));
            assert!(std::path::Path::new(&path).exists(), "{page}: there is no {file}");
            if !section.is_empty() {
                let target = std::fs::read_to_string(&path).unwrap();
                let headings = target.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(|line| anchor(line.trim_start_matches(['#', ' '])));
                assert!(anchors.any(|anchor| anchor == section), "{page}: {file} has no section {section}");
            }
        }
    }
    assert!(links > 30, "{links}");
}
