//! The planted bug that must be fatal: a kernel that reads beyond a tensor dies where memory ends.

use anyhow::Result;

use crate::cargo;
use crate::isa::Target;

/// Runs the program `trespass` on `target` in each way that it must die, and adds to `problems` where it doesn't.
/// How many were seen to die.
pub fn check(target: Target, problems: &mut Vec<String>) -> Result<usize> {
    let mut build = target.cargo("build")?;
    build.args(["--release", "-p", cargo::VERIFICATION, "--bin", "trespass"]);
    let program = cargo::build_program(&mut build)?;
    let (ways, sign) = signs(target);
    let mut seen = 0;
    for way in ways {
        let mut command = target.run(&program);
        cargo::announce(command.arg(way));
        let output = command.output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && stderr.contains(sign) {
            println!("trespass target={target:?} {way}: died of it");
            seen += 1;
        } else {
            let stdout = String::from_utf8_lossy(&output.stdout);
            problems.push(format!("{way} survives on {target:?}: {stdout}{stderr}"));
        }
    }
    Ok(seen)
}

/// How the program must die, and what it, or the engine, then says. Before linear memory's first tensor there is
/// no fence.
fn signs(target: Target) -> (&'static [&'static str], &'static str) {
    match target {
        Target::Host | Target::Aarch64 => (&["over-read", "under-read"], "--check fence --case "),
        Target::Wasm | Target::WasmRelaxed => (&["over-read"], "memory access out of bounds"),
    }
}
