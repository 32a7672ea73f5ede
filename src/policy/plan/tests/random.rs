//! Rules of chance: whatever they say, a plan answers what the interpreter answers, or leaves it to the interpreter.
//!
//! `ZENGATE_PLANS=100000 cargo test --lib plan::tests::random` tries more than the usual number.

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

struct Chance {
    rng: TestRng,
    names: usize,
}

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % end
    }

    fn one<'c>(&mut self, of: &[&'c str]) -> &'c str {
        of[self.below(of.len())]
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("x{}", self.names) // not `v1`: the engine takes that for `import rego.v1`
    }

    /// An expression over the variables in `scope`.
    fn expr(&mut self, depth: usize, scope: &[String]) -> String {
        let leaf = depth == 0;
        match self.below(if leaf { 8 } else { 20 }) {
            0 => self.below(5).to_string(),
            1 => {
                self.one(&["\"a\"", "\"web-12\"", "\"\"", "\"b\"", "true", "false", "null", "1.5"]).to_owned()
            }
            2..=4 => self
                .one(&[
                    "input.n",
                    "input.s",
                    "input.list",
                    "input.words",
                    "input.map",
                    "input.mixed",
                    "input.pairs",
                    "input.tags",
                    "input.missing",
                    "input.none",
                    "input.yes",
                    "input.disks",
                    "input.map.y.z",
                    "input.list[1]",
                    "data.facts.zones",
                    "input.settings.x",
                    "input.settings.list",
                    "helper",
                    "letters",
                ])
                .to_owned(),
            5..=7 if scope.is_empty() => "input.n".to_owned(),
            5..=7 => scope[self.below(scope.len())].clone(),
            8 => format!(
                "({} {} {})",
                self.expr(depth - 1, scope),
                self.one(&["+", "-", "*"]),
                self.expr(depth - 1, scope)
            ),
            9 => format!("[{}, {}]", self.expr(depth - 1, scope), self.expr(depth - 1, scope)),
            10 => format!("{{{}, {}}}", self.expr(depth - 1, scope), self.expr(depth - 1, scope)),
            11 => {
                format!("{{\"k\": {}, \"b\": {}}}", self.expr(depth - 1, scope), self.expr(depth - 1, scope))
            }
            12 => format!(
                "{}({})",
                self.one(&[
                    "count",
                    "sum",
                    "max",
                    "is_string",
                    "is_array",
                    "type_name",
                    "sort",
                    "twice",
                    "small"
                ]),
                self.expr(depth - 1, scope)
            ),
            13 => format!(
                "object.get({}, {}, {})",
                self.one(&["input", "input.map", "input.tags"]),
                self.expr(0, scope),
                self.expr(0, scope)
            ),
            14 => format!("sprintf(\"%v-%v\", [{}, {}])", self.expr(depth - 1, scope), self.expr(0, scope)),
            15 => format!(
                "{}[{}]",
                self.one(&["input.map", "input.list", "input.tags", "letters", "input.settings.list"]),
                self.expr(depth - 1, scope)
            ),
            16 | 17 => {
                let (open, close) = if self.below(2) == 0 { ('[', ']') } else { ('{', '}') };
                let mut inner = scope.to_vec();
                let body = self.body(depth - 1, &mut inner);
                format!("{open}{} | {body}{close}", self.expr(0, &inner))
            }
            18 => {
                let mut inner = scope.to_vec();
                let body = self.body(depth - 1, &mut inner);
                format!("{{{}: {} | {body}}}", self.expr(0, &inner), self.expr(0, &inner))
            }
            _ => format!("({} in {})", self.expr(depth - 1, scope), self.expr(depth - 1, scope)),
        }
    }

    fn body(&mut self, depth: usize, scope: &mut Vec<String>) -> String {
        let many = 1 + self.below(3);
        let statements: Vec<String> = (0..many).map(|_| self.statement(depth, scope)).collect();
        statements.join("; ")
    }

    fn statement(&mut self, depth: usize, scope: &mut Vec<String>) -> String {
        match self.below(9) {
            0 => {
                let (from, name) = (self.expr(depth, scope), self.name());
                scope.push(name.clone());
                format!("some {name} in {from}")
            }
            1 => {
                let (from, key, value) = (self.expr(depth, scope), self.name(), self.name());
                scope.extend([key.clone(), value.clone()]);
                format!("some {key}, {value} in {from}")
            }
            2 | 3 => {
                let (from, name) = (self.expr(depth, scope), self.name());
                scope.push(name.clone());
                format!("{name} := {from}")
            }
            4 => format!("not {}", self.expr(depth, scope)),
            5 => {
                let (from, name) = (self.expr(depth, scope), self.name());
                let mut inner = scope.clone();
                inner.push(name.clone());
                format!("every {name} in {from} {{ {} }}", self.condition(0, &inner))
            }
            6 => {
                let name = self.name();
                let from = self.one(&["input.list", "input.map", "input.pairs", "letters"]);
                let test = format!("{from}[{name}]");
                let declared = if self.below(2) == 0 { format!("some {name}; ") } else { String::new() };
                scope.push(name);
                format!("{declared}{test} != {}", self.expr(0, scope))
            }
            _ => self.condition(depth, scope),
        }
    }

    fn condition(&mut self, depth: usize, scope: &[String]) -> String {
        let operator = self.one(&["==", "!=", "<", "<=", ">", ">="]);
        format!("{} {operator} {}", self.expr(depth, scope), self.expr(0, scope))
    }

    fn module(&mut self) -> String {
        let mut scope = Vec::new();
        let body = self.body(2, &mut scope);
        let head = match self.below(4) {
            0 => format!("r contains {}", self.expr(1, &scope)),
            1 => format!("r[{}] := {}", self.expr(0, &scope), self.expr(1, &scope)),
            2 => format!("default r := 0\nr := {}", self.expr(1, &scope)),
            _ => "r".to_owned(),
        };
        format!(
            "{head} if {{ {body} }}\n\nhelper := input.map if input.n\n\nletters contains x if some x in input.words\n\n\
             twice(x) := x * 2 if is_number(x)\n\ntwice(x) := x if is_string(x)\n\nsmall(x) if x < 2"
        )
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "what the run covered belongs beside its outcome")]
fn rules_of_chance_are_answered_alike() {
    let wanted: usize = std::env::var("ZENGATE_PLANS").map_or(1500, |text| text.parse().unwrap());
    let seed: u64 = std::env::var("ZENGATE_PLANS_SEED").map_or(1, |text| text.parse().unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut chance = Chance { rng: TestRng::from_seed(RngAlgorithm::ChaCha, &bytes), names: 0 };
    let inputs: Vec<Value> = inputs()
        .into_iter()
        .map(|mut input| {
            input["settings"] = json!({"x": 2, "list": ["a", "b", 3]});
            input
        })
        .collect();
    let (mut answered, mut stricter, mut failed, mut unplanned, mut different) = (0, 0, 0, 0, Vec::new());
    for _ in 0..wanted {
        chance.names = 0;
        let text = module(&chance.module());
        let mut engine = regorus::Engine::new();
        if engine.add_policy("t.rego".into(), text.clone()).is_err() {
            continue; // the engine reads less than OPA does
        }
        let made = plan(&text);
        let expected: Vec<Found> = inputs.iter().map(|input| interpreted(&text, &data(), input)).collect();
        if expected.iter().all(|found| matches!(found, Found::Failed(_))) {
            continue; // such rules are refused when they are tried
        }
        for (input, expected) in inputs.iter().zip(expected) {
            match planned(&made, &data(), input) {
                Err(_) => unplanned += 1,
                Ok(Found::Failed(_)) => failed += 1,
                Ok(found) => {
                    answered += 1;
                    if found != expected {
                        if matches!(expected, Found::Failed(_)) {
                            // a statement failed that the plan had no need to come to
                            stricter += 1;
                            continue;
                        }
                        different.push(format!(
                            "{text}\n  of {input}\n  plan: {found:?}\n  interpreter: {expected:?}"
                        ));
                    }
                }
            }
        }
    }
    println!(
        "{answered} answers, {stricter} where the interpreter failed, {failed} left to the interpreter, {unplanned} not planned"
    );
    assert!(answered > wanted, "{answered} answers of {wanted} rules");
    assert!(different.is_empty(), "{} differ; one of them:\n{}", different.len(), different[0]);
    assert!(stricter * 50 < answered, "{stricter} of {answered}");
}
