//! `cargo xtask careful`: the libraries' tests and the tiny cases with a standard library that checks what its unsafe functions
//! ask for: on this machine, and where NEON is. A planted bug must be seen, too.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::isa::Target;
use crate::setup::{self, Need};
use crate::test::Verified;
use crate::trespass::PROGRAM;

/// What it takes, beside what running the tests does.
const NEEDS: [Need; 3] = [Need::NIGHTLY, Need::NIGHTLY_SOURCE, Need::CARGO_CAREFUL];

/// Runs the tests on each target that has a standard library to build.
pub fn run() -> Result<()> {
    let targets = [Target::Host, Target::Aarch64];
    let mut needs = NEEDS.to_vec();
    needs.extend(targets.into_iter().flat_map(Target::needs));
    setup::ensure(&needs)?;
    targets.into_iter().try_for_each(|target| {
        test(target)?;
        trespass(target)
    })
}

/// `cargo careful` on a target.
fn careful(subcommand: &str, target: Target) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "careful", subcommand]).current_dir(cargo::root());
    command.args(target.triple().into_iter().flat_map(|triple| ["--target", triple]));
    command
}

fn test(target: Target) -> Result<()> {
    let start = Instant::now();
    let mut command = careful("test", target);
    command.args(cargo::select(&cargo::LIBRARIES)).args(["-p", cargo::VERIFICATION]);
    // Other tests of the judge would take hours without optimisation.
    command.args(["--lib", "--test", "tiny", "--", "--nocapture"]);
    cargo::announce(&command);
    let output = command.stderr(std::process::Stdio::inherit()).output().context("no rustup")?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "`{}` failed:\n{stdout}", cargo::line(&command));
    let lines: Vec<_> = stdout.lines().filter_map(Verified::parse).flatten().collect();
    ensure!(!lines.is_empty(), "nothing was verified on {target:?}");
    for line in lines {
        println!(
            "careful target={} isa={} check={} cases={} seconds={}",
            line.target,
            line.isa,
            line.check,
            line.cases,
            start.elapsed().as_secs()
        );
    }
    Ok(())
}

/// Runs a planted bug, which must be seen.
fn trespass(target: Target) -> Result<()> {
    let mut command = careful("run", target);
    command.args(["-p", cargo::VERIFICATION, "--bin", PROGRAM, "--", "unchecked"]);
    cargo::announce(&command);
    let output = command.output().context("no rustup")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let seen = !output.status.success() && stderr.contains("unsafe precondition");
    ensure!(seen, "an unchecked index isn't seen on {target:?}:\n{stderr}");
    println!("careful target={target:?} unchecked: seen");
    Ok(())
}
