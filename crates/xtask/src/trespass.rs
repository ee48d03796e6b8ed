//! The planted bug that must be fatal: a kernel that reads beyond a tensor dies where memory ends.

use crate::isa::Target;
use crate::jobs::Done;

/// Name of the program that has the bug.
pub const PROGRAM: &str = "trespass";

/// How the program must die on `target`: before linear memory's first tensor there is no fence.
pub fn ways(target: Target) -> &'static [&'static str] {
    match target {
        Target::Host | Target::Aarch64 => &["over-read", "under-read"],
        Target::Wasm | Target::WasmRelaxed => &["over-read"],
    }
}

/// What the program, or its host, says when it dies of it: how, and the line that repeats it.
fn signs(target: Target) -> [&'static str; 2] {
    let death = match target {
        Target::Host | Target::Aarch64 => "killed by an access beyond a tensor",
        Target::Wasm | Target::WasmRelaxed => "killed by a trap, memory access out of bounds",
    };
    [death, "--check fence --case "]
}

/// Whether the program has died as it must.
///
/// # Errors
/// It has not: how it survived.
pub fn judge(target: Target, way: &str, done: &Done) -> Result<(), String> {
    if !done.succeeded && signs(target).iter().all(|sign| done.errors.contains(sign)) {
        return Ok(());
    }
    Err(format!("{way} survives on {target:?}: {}{}", done.output, done.errors))
}
