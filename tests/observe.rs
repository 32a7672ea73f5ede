//! What watches the gateway: metrics on their page, rules and alerts, the runbook, the dashboard.

mod live;
mod pages;
mod prometheus;

use serde_json::Value;

/// A file of `deploy/`.
fn read(name: &str) -> String {
    let path = format!("{}/deploy/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A rule: what it is called, whether it alerts, what it asks, and all of it.
struct Rule {
    name: String,
    alerts: bool,
    expression: String,
    whole: Value,
}

/// Recording rules and alerts, in their order.
fn rules() -> Vec<Rule> {
    let files = ["observe/rules.yaml", "observe/alerts.yaml"].map(|name| {
        let document: Value = yaml_serde::from_str(&read(name)).unwrap();
        document
    });
    let groups = files.iter().flat_map(|file| file["groups"].as_array().unwrap());
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules
        .map(|rule| Rule {
            name: rule["alert"].as_str().or(rule["record"].as_str()).unwrap().to_owned(),
            alerts: rule["alert"].is_string(),
            expression: rule["expr"].as_str().unwrap().to_owned(),
            whole: rule.clone(),
        })
        .collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&read("observe/dashboard.json")).unwrap()
}

/// The queries of the dashboard by the title of their panel.
fn queries() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push((
                panel["title"].as_str().unwrap().to_owned(),
                target["expr"].as_str().unwrap().to_owned(),
            ));
        }
    }
    for note in dashboard["annotations"]["list"].as_array().unwrap() {
        queries.push((note["name"].as_str().unwrap().to_owned(), note["expr"].as_str().unwrap().to_owned()));
    }
    queries
}
