//! Rules as a plan: what the gateway evaluates on the path instead of walking the engine's syntax tree.
//!
//! The engine's interpreter is the reference and costs hundreds of microseconds per question; its bytecode machine is three
//! times as fast, keeps silent where the interpreter reports an error, and cannot run most of the stock rules (`every` with
//! functions, undefined results in comprehensions). A plan is made from the same syntax tree ([`lower`](mod@lower)): names are slots, rules are
//! numbers, literals are constants, loops stand before the statement that needs them, and statements are in the order in which the
//! engine would take them.
//!
//! Two things make it fast. Values live in an arena and are copied by reference ([`value`]): nothing is counted or freed while
//! rules run. And a rule that depends on nothing but data and the settings of a team is evaluated once per team and thread, not
//! once per request ([`thread`]): most of what the stock rules do is to look whether their settings make sense.
//!
//! What a plan cannot do, it does not do differently: a construct it does not know leaves its rule package to the interpreter
//! when policies are loaded ([`Unplanned`]), and a builtin that fails, a rule with two values or a number beyond 64 bits sends the
//! request there ([`Cause::Elsewhere`]). Both answers are compared when policies are loaded and on samples of live requests.

use std::collections::BTreeMap;

mod answers;
mod builtins;
#[allow(clippy::mem_forget, reason = "in what self_cell expands to")]
mod cells;
mod copies;
mod depth;
mod input;
mod lower;
mod memo;
mod run;
mod settled;
mod strings;
mod thread;
mod value;

#[cfg(test)]
mod tests;

pub(super) use builtins::Builtin;
pub(super) use depth::Depths;
use input::Section;
pub(super) use lower::lower;
pub(super) use run::{Cause, Stop};
pub(super) use thread::{OfTeam, PlanThread, Question, SCRATCH_BYTES};

/// The rules of a tree that could be planned.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Vec<Rule>,
    constants: Vec<Constant>,
    /// By path, `data.zengate.rules.zones.deny`.
    places: BTreeMap<Vec<String>, usize>,
    /// What depends on data and settings alone.
    settled: Vec<Closed>,
    /// What depends on the request too, and stands in several places.
    once: Vec<Closed>,
}

/// An expression that depends on no variable around it.
#[derive(Debug)]
struct Closed {
    expr: Expr,
    /// How many places its variables need.
    slots: usize,
}

impl Plan {
    /// The number of a rule that could be planned, with all that it needs.
    pub(super) fn rule(&self, path: &[String]) -> Result<usize, Unplanned> {
        let place = self.places.get(path).ok_or_else(|| Unplanned::new("is no rule"))?;
        match self.rules.get(*place).map(|rule| &rule.trouble) {
            Some(None) => Ok(*place),
            Some(Some(trouble)) => Err(trouble.clone()),
            None => Err(Unplanned::new("is no rule")),
        }
    }
}

/// Why a rule is left to the interpreter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unplanned(String);

impl Unplanned {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// With the place in the rules.
    fn at(self, file: &str, line: u32) -> Self {
        if self.0.contains(": ") { self } else { Self(format!("{file}:{line}: {}", self.0)) }
    }
}

/// All definitions of one name.
#[derive(Clone, Debug)]
struct Rule {
    kind: RuleKind,
    definitions: Vec<Definition>,
    default: Option<Expr>,
    /// Why it, or something that it needs, cannot be planned.
    trouble: Option<Unplanned>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RuleKind {
    /// `name := value`: one value or none.
    Complete,
    /// `name contains value`.
    Set,
    /// `name[key] := value`.
    Object,
    /// `name(parameters) := value`.
    Function,
}

/// One definition: where the body holds, the head counts.
#[derive(Clone, Debug)]
struct Definition {
    /// How many arguments it takes; they are its first variables.
    arity: usize,
    /// What arguments must be besides, by their place.
    parameters: Vec<(usize, Pattern)>,
    body: Block,
    key: Option<Expr>,
    value: Expr,
    /// The `else` that is tried where this one gives nothing.
    otherwise: Option<Box<Definition>>,
    /// How many local variables it has; on the first of a chain of `else` those of the whole chain.
    slots: usize,
}

/// Statements that must all hold, in the order in which they are taken.
type Block = Vec<Stmt>;

#[derive(Clone, Debug)]
enum Stmt {
    /// Holds where the value is there and not false.
    Test(Expr),
    /// Binds what the pattern names; holds where the rest of it is equal.
    Bind(Pattern, Expr),
    /// Holds where the block does not.
    Not(Block),
    /// For each element of a collection. `some ... in` fails on what is no collection, a reference finds nothing in it.
    Each { collection: Expr, key: Pattern, value: Pattern, some: bool },
    /// Holds where the block holds for each element.
    Every { collection: Expr, key: Pattern, value: Pattern, block: Block },
}

#[derive(Clone, Debug)]
enum Pattern {
    /// Anything.
    Any,
    /// Anything, kept under this number.
    Slot(usize),
    /// What is equal to this.
    Equal(Expr),
    /// An array of as many elements.
    Array(Vec<Pattern>),
}

#[derive(Clone, Debug)]
enum Expr {
    Constant(usize),
    Slot(usize),
    Input,
    /// A member of the input that is there for every call, or for every call of a kind.
    Section(Section),
    Data,
    /// What is worked out once per team.
    Settled(usize),
    /// What is worked out once per question.
    Once(usize),
    Rule(usize),
    /// Steps into a value.
    Path(Box<Expr>, Vec<Expr>),
    Call(usize, Vec<Expr>),
    Builtin(Builtin, Vec<Expr>),
    Array(Vec<Expr>),
    Set(Vec<Expr>),
    /// Whether its keys are written out, in order and each once.
    Object(Vec<(Expr, Expr)>, bool),
    ArrayOf(Block, Box<Expr>),
    SetOf(Block, Box<Expr>),
    ObjectOf(Block, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `key, value in collection`.
    In(Option<Box<Expr>>, Box<Expr>, Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
    NotEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    /// Of numbers, or of sets.
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// Of sets.
    Union,
    /// Of sets.
    Intersection,
}

/// A value that is written out in a rule.
#[derive(Clone, Debug, PartialEq)]
enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Array(Vec<Constant>),
    Set(Vec<Constant>),
    Object(Vec<(Constant, Constant)>),
}
