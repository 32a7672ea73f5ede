//! What a plan knows of an attribute: its value, that there is none, or that the apply will tell.

use std::collections::BTreeMap;

use serde_json::Value;

/// Which attributes each resource of the configuration sets, by its address without indexes.
///
/// A plan calls an attribute unknown for two reasons: because its value comes from something that is yet to be made, or because it
/// was left out and the cloud will choose. The request carries it in the first case only, and the configuration tells which it is.
pub(super) struct Configured<'a> {
    resources: Option<BTreeMap<String, &'a Value>>,
}

impl<'a> Configured<'a> {
    pub(super) fn of(plan: &'a Value) -> Self {
        let mut resources = BTreeMap::new();
        let root = plan.pointer("/configuration/root_module");
        if let Some(root) = root {
            walk(root, "", &mut resources);
        }
        Self { resources: root.map(|_| resources) }
    }

    /// The expressions of a resource; none where the plan does not hold them.
    pub(super) fn resource(&self, address: &str) -> Option<&'a Value> {
        self.resources.as_ref()?.get(&without_indexes(address)).copied()
    }
}

fn walk<'a>(module: &'a Value, prefix: &str, resources: &mut BTreeMap<String, &'a Value>) {
    for resource in module.get("resources").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(address), Some(expressions)) =
            (resource.get("address").and_then(Value::as_str), resource.get("expressions"))
        {
            resources.insert(format!("{prefix}{address}"), expressions);
        }
    }
    for (name, call) in module.get("module_calls").and_then(Value::as_object).into_iter().flatten() {
        if let Some(inner) = call.get("module") {
            walk(inner, &format!("{prefix}module.{name}."), resources);
        }
    }
}

/// `module.a["x.y"].b.c[0]` as `module.a.b.c`.
fn without_indexes(address: &str) -> String {
    let (mut text, mut depth, mut quoted, mut escaped) = (String::new(), 0_usize, false, false);
    for letter in address.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if depth > 0 => quoted = !quoted,
            '[' if !quoted => depth = depth.saturating_add(1),
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 => text.push(letter),
            _ => {}
        }
    }
    text
}

/// What a plan says of one resource.
pub(super) struct Attributes<'a> {
    pub(super) after: &'a Value,
    pub(super) unknown: &'a Value,
    pub(super) configured: Option<&'a Value>,
}

/// What is known of one attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Known<'a> {
    /// Its value; never null.
    Value(&'a Value),
    /// It is not set.
    Unset,
    /// The apply will tell.
    Unknown,
}

impl<'a> Attributes<'a> {
    /// `computed`: whether the cloud chooses a value where none is set.
    pub(super) fn get(&self, name: &str, computed: bool) -> Known<'a> {
        match self.after.get(name) {
            Some(value) if !value.is_null() && !any_true(self.unknown.get(name)) => Known::Value(value),
            _ if any_true(self.unknown.get(name)) => match self.configured {
                Some(expressions) if expressions.get(name).is_none() => Known::Unset,
                None if computed => Known::Unset,
                _ => Known::Unknown,
            },
            _ => Known::Unset,
        }
    }
}

/// Whether a mark of `after_unknown` says that something in the value is unknown.
fn any_true(mark: Option<&Value>) -> bool {
    match mark {
        Some(Value::Bool(unknown)) => *unknown,
        Some(Value::Array(inner)) => inner.iter().any(|mark| any_true(Some(mark))),
        Some(Value::Object(inner)) => inner.values().any(|mark| any_true(Some(mark))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_lose_their_indexes_and_nothing_else() {
        for (address, plain) in [
            ("zenlayercloud_instance.a", "zenlayercloud_instance.a"),
            ("zenlayercloud_instance.a[0]", "zenlayercloud_instance.a"),
            (
                "module.x[\"a.b\"].module.y.zenlayercloud_instance.a[\"]\\\"[\"]",
                "module.x.module.y.zenlayercloud_instance.a",
            ),
        ] {
            assert_eq!(without_indexes(address), plain);
        }
    }

    #[test]
    fn what_is_left_to_the_cloud_is_not_unknown() {
        let (after, unknown) =
            (json!({"a": 1, "b": null}), json!({"b": true, "c": true, "d": [{"x": true}]}));
        let expressions = json!({"a": {}, "c": {}, "d": {}});
        let known = Attributes { after: &after, unknown: &unknown, configured: Some(&expressions) };
        assert_eq!(known.get("a", false), Known::Value(&json!(1)));
        assert_eq!(known.get("b", true), Known::Unset);
        assert_eq!((known.get("c", false), known.get("d", false)), (Known::Unknown, Known::Unknown));
        assert_eq!(known.get("e", false), Known::Unset);
        let bare = Attributes { configured: None, ..known };
        assert_eq!((bare.get("b", true), bare.get("c", false)), (Known::Unset, Known::Unknown));
    }
}
