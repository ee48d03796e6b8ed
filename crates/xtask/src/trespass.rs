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

/// What the program, or the engine, says when it dies of it.
fn sign(target: Target) -> &'static str {
    match target {
        Target::Host | Target::Aarch64 => "--check fence --case ",
        Target::Wasm | Target::WasmRelaxed => "memory access out of bounds",
    }
}

/// Whether the program has died as it must.
///
/// # Errors
/// It has not: how it survived.
pub fn judge(target: Target, way: &str, done: &Done) -> Result<(), String> {
    if !done.succeeded && done.errors.contains(sign(target)) {
        return Ok(());
    }
    Err(format!("{way} survives on {target:?}: {}{}", done.output, done.errors))
}
