//! Measuring anew what the page shows of our kernels.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::cargo;
use crate::setup::{self, Need};

/// The benchmark in JavaScript.
const BENCH: &str = "web/bench";

/// Counts on AArch64 and times in WebAssembly.
pub fn everything() -> Result<()> {
    setup::ensure(&[Need::Node, Need::CHROMIUM])?;
    task(&["cost", "--bless"])?;
    task(&["web", "build"])?;
    in_bench("npm", &["ci", "--no-audit", "--no-fund"])?;
    in_bench("node", &["node.mjs"])?;
    in_bench("node", &["chromium.mjs"])
}

/// Runs another task.
fn task(arguments: &[&str]) -> Result<()> {
    cargo::run(Command::new(env::current_exe()?).args(arguments))
}

fn in_bench(program: &str, arguments: &[&str]) -> Result<()> {
    cargo::run(Command::new(program).args(arguments).current_dir(cargo::root().join(BENCH)))
}
