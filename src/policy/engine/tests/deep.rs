//! Rules as deep as those may be that are evaluated on an ordinary stack, on half of one: whoever writes a rule can end no process.

use super::*;

/// Half of what an async thread has.
const STACK_BYTES: usize = 1 << 20;

/// Each family is a chain of rules; how one of them asks for the next. (Expressions within one another make the engine's parser
/// take twice as long for each step.)
const FAMILIES: &[(&str, &str, &str)] = &[
    ("plain", "r$ := ~", "input.action.name"),
    ("arrays", "r$ := [~]", "input.action.name"),
    ("objects", "r$ := {\"a\": ~}", "input.action.name"),
    ("sums", "r$ := 1 + ~", "input.create.count"),
    ("builtins", "r$ := upper(~)", "input.action.name"),
    ("comprehensions", "r$ := [x | some x in [~]]", "input.action.name"),
    ("sets", "r$ := {x | x := ~}", "input.action.name"),
    ("objects made", "r$ := {x: 1 | some x in [~]}", "input.action.name"),
    ("partial sets", "r$ contains x if some x in [~]", "{input.action.name}"),
    ("loops", "r$ := x if { some a in [1]; some b in [a]; b == 1; x := ~ }", "input.action.name"),
    ("negations", "r$ := true if not ~ == 1", "input.action.name"),
    ("every", "r$ := true if every x in [1] { ~ != x }", "input.action.name"),
    ("functions", "r$ := f$(~)\n\nf$(x) := y if y := [x]", "input.action.name"),
    ("otherwise", "r$ := 1 if { input.create.count == 1000 } else := ~", "input.action.name"),
];

fn text(family: (&str, &str), steps: usize) -> String {
    let (link, end) = family;
    let links = (0..steps)
        .map(|step| link.replace('$', &step.to_string()).replace('~', &format!("r{}", step + 1)) + "\n\n");
    let links: String = links.collect();
    format!(
        "package zengate.rules.deep\n\nimport rego.v1\n\ndeny contains {{\"rule\": \"deep\", \"message\": \"m\", \"field\": \"\", \"remedy\": \"r\"}} if {{\n\t\
         r0 != \"nothing\"\n}}\n\n{links}r{steps} := {end}\n"
    )
}

/// The deepest set of a family that is still evaluated where it is asked.
fn deepest(family: (&str, &str)) -> PolicySet {
    let depth = |steps: usize| {
        let set = set(&[&text(family, steps)], "{}");
        let depth = set.compiled.groups.iter().map(|group| group.depth).max().unwrap();
        (set, depth)
    };
    let ((_, few), (_, more)) = (depth(4), depth(8));
    let by_step = ((more - few) / 4).max(1);
    let steps = 4 + (crate::policy::compile::DEEPEST_QUICK - few) / by_step;
    (0..4)
        .map(|less| depth(steps - less))
        .find(|(_, depth)| *depth <= crate::policy::compile::DEEPEST_QUICK)
        .unwrap()
        .0
}

#[test]
fn rules_as_deep_as_they_may_be_fit_on_half_a_stack() {
    for (name, link, end) in FAMILIES {
        let set = deepest((link, end));
        assert_eq!(set.fallbacks(), [], "{name}");
        let judge = Judge::start(set, Limits { threads: 1, ..limits() }).unwrap();
        let asking = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for _ in 0..4 {
                    assert_eq!(decide(&judge, "web").await.unwrap().deny.len(), 1);
                }
            });
            judge.0.seats.counts().0.planned
        });
        let here = asking.unwrap().join().unwrap();
        assert!(here > 0, "{name}: none was evaluated where it was asked");
    }
}
