//! The answer for people, a line for each thing.

use std::fmt::Write as _;

use serde_json::Value;

/// A dossier, as the gateway or the command line made it, in words.
pub fn words(dossier: &Value) -> String {
    let mut text = format!("instance {}\n", plain(dossier.get("instance")));
    match dossier.get("created").filter(|story| !story.is_null()) {
        Some(story) => tell(&mut text, "created", story),
        None => text.push_str("\ncreated: not known\n"),
    }
    for story in list(dossier, "later") {
        tell(&mut text, &plain(story.get("how")), story);
    }
    if let Some(ledger) = dossier.get("ledger") {
        text.push_str("\nledger\n");
        let standing = ledger.as_array().map(Vec::as_slice).unwrap_or_default();
        if standing.is_empty() {
            text.push_str("  not counted now: never was, or given back\n");
        }
        for one in standing {
            let _ = writeln!(
                text,
                "  {}",
                pairs(
                    one,
                    &["state", "team", "account", "service", "zone", "type", "since", "decision", "note"]
                )
            );
        }
    }
    for note in list(dossier, "notes") {
        let _ = writeln!(text, "\nnote: {}", plain(Some(note)));
    }
    text
}

fn tell(text: &mut String, how: &str, story: &Value) {
    let at = |place: &str| plain(story.pointer(place));
    let _ = writeln!(text, "\n{how} {} by decision {}", at("/time"), at("/decision"));
    let _ = writeln!(text, "  asked     {}", at("/action"));
    let caller = story.get("caller").unwrap_or(&Value::Null);
    let _ = writeln!(
        text,
        "  caller    {}",
        pairs(caller, &["key", "team", "owner", "account", "address", "sdk", "user_agent"])
    );
    let certificate = caller.pointer("/certificate/names");
    if let Some(names) = certificate {
        let _ = writeln!(text, "  proved    certificate {}", plain(Some(names)));
    }
    let policy = story.get("policy").unwrap_or(&Value::Null);
    let _ = writeln!(text, "  policy    {}", pairs(policy, &["revision", "since", "by", "order"]));
    for change in list(story, "changes") {
        let of = |name: &str| plain(change.get(name));
        let _ = writeln!(
            text,
            "  changed   {}: {} -> {} ({}, {})",
            of("path"),
            of("before"),
            of("after"),
            of("rule"),
            of("op")
        );
    }
    for finding in list(story, "findings") {
        let of = |name: &str| plain(finding.get(name));
        let _ = writeln!(
            text,
            "  found     {} ({}, {}): {}",
            of("rule"),
            of("mode"),
            of("effect"),
            of("message")
        );
    }
    for exemption in story.get("exemptions").and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(
            text,
            "  exempted  {}",
            pairs(exemption, &["rule", "owner", "ticket", "reason", "until"])
        );
    }
    for claim in list(story, "claims") {
        let _ = writeln!(text, "  booked    {}", pairs(claim, &["scope", "resource", "amount"]));
    }
    let cloud = story.get("cloud").unwrap_or(&Value::Null);
    if cloud.is_null() {
        text.push_str("  cloud     was not asked\n");
    } else {
        let _ = writeln!(
            text,
            "  cloud     {}",
            pairs(cloud, &["status", "code", "request_id", "instance_ids", "fate", "failure"])
        );
    }
    let _ = writeln!(text, "  outcome   {}", at("/outcome"));
    if story.get("refusal").is_some_and(|refusal| !refusal.is_null()) {
        let _ = writeln!(text, "  refusal   {}", at("/refusal"));
    }
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The members that are there, as `name value`.
fn pairs(value: &Value, names: &[&str]) -> String {
    let given =
        names.iter().filter_map(|name| Some((name, value.get(*name).filter(|value| !value.is_null())?)));
    let all: Vec<String> = given.map(|(name, value)| format!("{name} {}", plain(Some(value)))).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

/// A value in one line, and nothing that a terminal would obey.
fn plain(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| plain(Some(item))).collect::<Vec<_>>().join(" "),
        Some(other) => other.to_string(),
    };
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
