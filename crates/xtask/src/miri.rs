//! `cargo xtask miri`: small cases of every kernel, interpreted: any access outside its tensor, by as little as a byte, any
//! read of what nobody wrote and any other undefined behaviour is seen, on each lane that can be interpreted.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::cargo;
use crate::setup::{self, Need};
use crate::test::Verified;

/// What to interpret.
#[derive(Args)]
pub struct Options {
    /// The lanes; all if none is named.
    lanes: Vec<Lanes>,
    /// Of the kernels of one pass, layout and body, every so many from the first on has a case: each takes a second.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    step: u16,
}

/// A target whose lanes differ from the others'.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lanes {
    /// NEON.
    Neon,
    /// Portable lanes in the vectors of x86-64.
    Portable,
    /// Portable lanes in arrays, and sizes of 32 bits.
    Portable32,
}

impl Lanes {
    fn triple(self) -> &'static str {
        match self {
            Self::Neon => "aarch64-unknown-linux-gnu",
            Self::Portable => "x86_64-unknown-linux-gnu",
            Self::Portable32 => "i686-unknown-linux-gnu",
        }
    }

    fn isas(self) -> &'static [&'static str] {
        match self {
            Self::Neon => &["neon"],
            Self::Portable | Self::Portable32 => &["portable", "portable-fused"],
        }
    }

    /// `cargo miri` on this target. Results are compared with their model, so that what Miri computes is right, too.
    fn miri(self, subcommand: &str) -> Command {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo", "miri", subcommand, "--target", self.triple()]);
        command.args(["-p", cargo::VERIFICATION]).current_dir(cargo::root());
        // What the library asks the system about its processor stays unanswered.
        let isolation = "-Zmiri-isolation-error=hide";
        command.env("MIRIFLAGS", format!("-Zmiri-env-forward={CASES} {isolation}"));
        command
    }

    /// Interprets cases: how many, on each instruction set.
    fn interpret(self, cases: &str) -> Result<()> {
        let start = Instant::now();
        let mut command = self.miri("test");
        command.args(["--test", "tiny", "--", "--nocapture"]).env(CASES, cases);
        cargo::announce(&command);
        let output = command.stderr(std::process::Stdio::inherit()).output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "`{}` failed:\n{stdout}", cargo::line(&command));
        let lines: Vec<_> = stdout.lines().filter_map(Verified::parse).flatten().collect();
        for isa in self.isas() {
            let cases: u64 =
                lines.iter().filter(|line| line.isa == *isa).map(|line| line.cases).sum();
            ensure!(cases > 0, "nothing was interpreted on {isa}");
            let (triple, seconds) = (self.triple(), start.elapsed().as_secs());
            println!("interpreted target={triple} isa={isa} cases={cases} seconds={seconds}");
        }
        Ok(())
    }

    /// Interprets a planted bug, which must be seen.
    fn trespass(self, way: &str) -> Result<()> {
        let mut command = self.miri("run");
        command.args(["--bin", "trespass", "--", way]);
        cargo::announce(&command);
        let output = command.output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(
            !output.status.success() && stderr.contains("Undefined Behavior"),
            "{way} isn't seen on {}:\n{stderr}",
            self.triple()
        );
        println!("interpreted target={} {way}: seen", self.triple());
        Ok(())
    }
}

/// The variable that tells `tests/tiny.rs` its cases.
const CASES: &str = "DEPTHWISE_TINY";

/// What interpreting takes.
const NEEDS: [Need; 3] = [Need::NIGHTLY, Need::MIRI, Need::NIGHTLY_SOURCE];

/// Interprets cases on each of the lanes.
pub fn run(options: &Options) -> Result<()> {
    setup::ensure(&NEEDS)?;
    let cases = tiny(options.step)?;
    let lanes = match options.lanes.as_slice() {
        [] => Lanes::value_variants(),
        lanes => lanes,
    };
    for lanes in lanes {
        lanes.interpret(&cases)?;
        for way in ["over-read", "under-read"] {
            lanes.trespass(way)?;
        }
    }
    Ok(())
}

/// The tiny cases, as `tests/tiny.rs` takes them.
fn tiny(step: u16) -> Result<String> {
    let mut build = cargo::command("build");
    build.args(["--release", "-p", cargo::VERIFICATION, "--bin", "tiny"]);
    let program = cargo::build_program(&mut build)?;
    let output = Command::new(program).arg(step.to_string()).output()?;
    ensure!(output.status.success(), "no tiny cases");
    let cases = String::from_utf8(output.stdout).context("hexadecimal digits")?;
    ensure!(!cases.trim().is_empty(), "there is no case");
    Ok(cases.trim().to_owned())
}
