//! What the process takes from itself before it holds a secret: it leaves no core file, and no other process of its user
//! can attach to it or read its memory (prctl(2), PR_SET_DUMPABLE; root still can).

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Call it before secrets are read. The answer is what the system did not grant, to be logged; the process runs all the same.
pub fn close_memory() -> Vec<String> {
    let mut refused = Vec::new();
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        refused.push(format!("the process cannot be closed to debuggers ({error})"));
    }
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        refused.push(format!("core files cannot be switched off ({error})"));
    }
    refused
}
