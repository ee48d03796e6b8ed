//! npm, in `web/`.

use std::process::Command;

use anyhow::Result;

use crate::cargo;

/// Installs exactly what the lock file says.
pub fn install() -> Result<()> {
    cargo::run(npm().args(["ci", "--no-audit", "--no-fund"]))
}

/// Runs a script of a workspace.
pub fn run(workspace: &str, script: &str) -> Result<()> {
    cargo::run(npm().args(["run", "--workspace", workspace, script]))
}

fn npm() -> Command {
    let mut command = Command::new("npm");
    command.current_dir(super::root());
    command
}
