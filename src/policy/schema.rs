//! The JSON Schemas of what rules see and may answer, made from the types themselves.
//!
//! They lie in `policies/schema` for those who write rules; a test holds file and type together
//! (`ZENGATE_BLESS=1 cargo test` writes the files anew).

use serde_json::{Value, json};

use super::answer::{AmendAnswer, DecideAnswer};
use super::input::Input;

/// The schema of `input`.
pub fn input() -> Value {
    schemars::schema_for!(Input).to_value()
}

/// The schema of both answers: `amend` and `decide`.
pub fn answer() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Answer",
        "type": "object",
        "properties": {
            "amend": inner(schemars::schema_for!(AmendAnswer).to_value()),
            "decide": inner(schemars::schema_for!(DecideAnswer).to_value()),
        },
        "additionalProperties": false,
        "$defs": definitions(),
    })
}

/// A schema without what belongs at the root of a file.
fn inner(mut schema: Value) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.remove("$schema");
        map.remove("$defs");
    }
    schema
}

fn definitions() -> Value {
    let mut all = serde_json::Map::new();
    for schema in
        [schemars::schema_for!(AmendAnswer).to_value(), schemars::schema_for!(DecideAnswer).to_value()]
    {
        all.extend(schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default());
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_files_follow_from_the_types() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/schema");
        for (name, schema) in
            [("input.json", input()), ("answer.json", answer()), ("record.json", crate::record::schema())]
        {
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            let file = folder.join(name);
            if std::env::var_os("ZENGATE_BLESS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &text).unwrap();
            }
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(written == text, "{name} is out of date: run the tests with ZENGATE_BLESS=1");
        }
    }
}
