//! Which builtins rules may call, and how.

use serde_json::Value;

use super::ast::{Call, Module};
use crate::policy::problem::{Problem, hint};

/// Builtins that rules may call: those of the engine as it is built here, less the ones below. What a rule decides must
/// follow from its input and its data alone, in bounded time and space.
const ALLOWED: &[&str] = &[
    "abs",
    "array.concat",
    "array.reverse",
    "array.slice",
    "base64.decode",
    "base64.encode",
    "base64.is_valid",
    "base64url.decode",
    "base64url.encode",
    "base64url.encode_no_pad",
    "bits.and",
    "bits.lsh",
    "bits.negate",
    "bits.or",
    "bits.rsh",
    "bits.xor",
    "ceil",
    "concat",
    "contains",
    "count",
    "endswith",
    "floor",
    "format_int",
    "glob.match",
    "glob.quote_meta",
    "graph.reachable",
    "hex.decode",
    "hex.encode",
    "indexof",
    "indexof_n",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "json.filter",
    "json.is_valid",
    "json.marshal",
    "json.marshal_with_options",
    "json.patch",
    "json.remove",
    "json.unmarshal",
    "lower",
    "max",
    "min",
    "net.cidr_contains",
    "net.cidr_is_valid",
    "numbers.range",
    "numbers.range_step",
    "object.filter",
    "object.get",
    "object.keys",
    "object.remove",
    "object.subset",
    "object.union",
    "object.union_n",
    "print",
    "product",
    "regex.find_all_string_submatch_n",
    "regex.find_n",
    "regex.is_valid",
    "regex.match",
    "regex.replace",
    "regex.split",
    "regex.template_match",
    "replace",
    "round",
    "semver.compare",
    "semver.is_valid",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "strings.reverse",
    "substring",
    "sum",
    "time.add_date",
    "time.clock",
    "time.date",
    "time.diff",
    "time.format",
    "time.parse_duration_ns",
    "time.parse_ns",
    "time.parse_rfc3339_ns",
    "time.weekday",
    "to_number",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "units.parse",
    "units.parse_bytes",
    "upper",
    "urlquery.decode",
    "urlquery.decode_object",
    "urlquery.encode",
    "urlquery.encode_object",
    "uuid.parse",
    "walk",
];

/// Builtins that rules may not call, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("http.send", "rules decide on their input alone; put what they need into data"),
    ("net.lookup_ip_addr", "rules decide on their input alone; put what they need into data"),
    ("net.cidr_expand", "its answer can be as large as the address space; use net.cidr_contains"),
    ("graph.reachable_paths", "there may be exponentially many paths; use graph.reachable"),
    ("strings.replace_n", "its answer can be as large as the product of its arguments; use replace"),
    ("opa.runtime", "rules may not look at the process"),
    ("rand.intn", "the same request must get the same answer"),
    ("uuid.rfc4122", "the same request must get the same answer"),
    ("time.now_ns", "the time of the call is `input.now`"),
    ("trace", "use print while testing"),
];

/// Arguments that must be written out, because they set how much is computed: a builtin runs to its end whatever the
/// time limit. Measured on regorus 0.14.1: `numbers.range(1, 1e15)` ends the process, `units.parse("1e99999999")` takes 52 s,
/// a `sprintf` width of eleven digits panics.
const WRITTEN_OUT: &[(&str, &[usize])] = &[
    ("numbers.range", &[0, 1]),
    ("numbers.range_step", &[0, 1, 2]),
    ("bits.lsh", &[1]),
    ("sprintf", &[0]),     // the widths of its verbs
    ("units.parse", &[0]), // the exponent
    ("units.parse_bytes", &[0]),
    // An object that the engine takes for a number with a billion digits. `to_number` reads JSON too, but not what was packed:
    // what callers write is looked at before rules see it (`crate::api::names`).
    ("json.unmarshal", &[0]),
    ("json.is_valid", &[0]),
    ("concat", &[0]),  // once per element
    ("replace", &[2]), // both texts long: the product of their lengths
    ("regex.replace", &[2]),
];

/// The greatest number that may be written out for an argument that sets how much is computed.
const LARGEST: f64 = 100_000.0;
/// The most digits of a width in a format.
const WIDTH_DIGITS: usize = 3;

/// Checks every call.
pub(super) fn check(modules: &[Module]) -> Vec<Problem> {
    let known: Vec<String> = modules
        .iter()
        .flat_map(|module| &module.rules)
        .filter(|rule| rule.shape == super::ast::Shape::Function)
        .map(|rule| rule.path.join("."))
        .collect();
    modules
        .iter()
        .flat_map(|module| module.rules.iter().map(move |rule| (module, rule)))
        .flat_map(|(module, rule)| rule.calls.iter().map(move |call| (module, call)))
        .filter_map(|(module, call)| {
            trouble(call, &known).map(|message| Problem::at(&module.file, call.line, message))
        })
        .collect()
}

fn trouble(call: &Call, known: &[String]) -> Option<String> {
    if let Some(function) = &call.function {
        let path = function.join(".");
        let near = || hint(&path, known.iter().map(String::as_str));
        return (!known.contains(&path)).then(|| format!("there is no function `{path}`{}", near()));
    }
    let name = call.name.as_str();
    if let Some((_, why)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
        return Some(format!("`{name}` may not be called: {why}"));
    }
    if !ALLOWED.contains(&name) {
        return Some(format!("there is no builtin `{name}`{}", hint(name, ALLOWED.iter().copied())));
    }
    let (_, places) = WRITTEN_OUT.iter().find(|(size, _)| *size == name)?;
    places.iter().find_map(|place| {
        let argument = place + 1;
        match call.arguments.get(*place).and_then(Option::as_ref) {
            None => Some(format!(
                "argument {argument} of `{name}` must be written out: it sets how much is computed"
            )),
            Some(written) if too_large(written) => {
                Some(format!("argument {argument} of `{name}` is too large"))
            }
            Some(_) => None,
        }
    })
}

fn too_large(written: &Value) -> bool {
    match written {
        Value::String(text) => text.split('%').skip(1).any(|verb| {
            let width = verb.trim_start_matches('.');
            width.chars().take_while(char::is_ascii_digit).count() > WIDTH_DIGITS
        }),
        number => number.as_f64().is_none_or(|number| number.abs() > LARGEST),
    }
}
