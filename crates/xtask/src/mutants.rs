//! `cargo xtask mutants`: bugs are planted in index arithmetic, planner, kernels and the public checks, one at a time, and the
//! fastest checks must see each of them.
//!
//! What can't be seen is listed with its reason in `.cargo/mutants.toml`. Bugs that the fastest checks don't see are planted
//! once more for slower ones.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::cargo;
use crate::setup::{self, Need};

/// Where to plant bugs.
#[derive(Args)]
pub struct Options {
    /// The crates; all if none is named.
    crates: Vec<Mutated>,
    /// One share of the bugs: K/N, K from 0.
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// Only in what this diff changes.
    #[arg(long, value_name = "FILE")]
    in_diff: Option<PathBuf>,
    /// Only those whose names match: `crates/description/src/axis.rs:134:36: replace < with <= in Axis::check`.
    #[arg(long, value_name = "REGEX")]
    re: Option<String>,
    /// Programs that are compiled and run at once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: u16,
    /// Only say which bugs there are.
    #[arg(long)]
    list: bool,
}

/// A crate that bugs are planted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mutated {
    /// All index arithmetic, and the planner.
    Description,
    /// The generic kernels.
    Kernels,
    /// What the public interface refuses.
    Depthwise,
}

impl Mutated {
    fn package(self) -> &'static str {
        match self {
            Self::Description => "depthwise-description",
            Self::Kernels => "depthwise-kernels",
            Self::Depthwise => cargo::PUBLIC,
        }
    }

    /// The checks that see its bugs, from the fastest on.
    fn killers(self) -> &'static [Killers] {
        match self {
            Self::Description => &[UNITS, OWN, FEW],
            Self::Kernels => &[SAMPLED, FEW, LEAN, ALL],
            Self::Depthwise => &[CALLS, FEW],
        }
    }
}

/// Checks that see bugs.
struct Killers {
    packages: &'static [&'static str],
    /// Which of their tests.
    tests: &'static [&'static str],
    build: Build,
}

/// How code with a bug is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    /// Hardly optimised.
    Fast,
    /// So, and with one instance of each body or two: most bugs in a body show in any of its instances.
    Sampled,
    /// So, as the small modules for browsers are built, which take other ways here and there.
    Lean,
    /// As it is tested.
    Tested,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Self::Fast | Self::Sampled | Self::Lean => "mutants",
            Self::Tested => cargo::TESTED[1],
        }
    }

    /// Seconds of a processor after which a test is stopped, so that a loop without end counts as seen on a busy
    /// machine as well as on an idle one: several times what it takes.
    fn limit(self) -> u32 {
        match self {
            Self::Sampled => 20,
            Self::Fast | Self::Lean => 60,
            Self::Tested => 200,
        }
    }

    /// Tells `command` of it.
    fn apply(self, command: &mut Command) {
        command.args(["--profile", self.profile()]);
        match self {
            Self::Fast | Self::Tested => {}
            Self::Sampled => _ = command.env("RUSTFLAGS", "--cfg depthwise_sampled"),
            Self::Lean => _ = command.env("RUSTFLAGS", "--cfg depthwise_lean"),
        }
        if setup::find("prlimit").is_some() {
            // The variable of each host's runner: only that of this one is read.
            for triple in ["X86_64_UNKNOWN_LINUX_GNU", "AARCH64_UNKNOWN_LINUX_GNU"] {
                let runner = format!("CARGO_TARGET_{triple}_RUNNER");
                command.env(runner, format!("prlimit --cpu={} --", self.limit()));
            }
        }
    }
}

/// One program to be compiled: half of what all take.
const UNITS: Killers =
    Killers { packages: &["depthwise-description"], tests: &["--lib"], build: Build::Fast };

/// Seconds of arithmetic, without any kernel.
const OWN: Killers = Killers {
    packages: &["depthwise-description"],
    tests: &["--lib", "--tests"],
    build: Build::Fast,
};

/// Calls of the public interface, on small whole numbers.
const CALLS: Killers =
    Killers { packages: &[cargo::PUBLIC], tests: &["--lib", "--tests"], build: Build::Lean };

/// The proof of few shapes, with few instances: a third of the time.
const SAMPLED: Killers =
    Killers { packages: &[PROOF], tests: &["--test", "few"], build: Build::Sampled };

/// The same proof of what small modules do otherwise.
const LEAN: Killers = Killers { build: Build::Lean, ..SAMPLED };

/// The proof of few shapes, and bad input.
const FEW: Killers = Killers {
    packages: &[PROOF, cargo::VERIFICATION],
    tests: &["--test", "few", "--test", "refusals"],
    build: Build::Fast,
};

/// The proof of all shapes, and what they load.
const ALL: Killers = Killers {
    packages: &[PROOF],
    tests: &["--test", "proof", "--test", "traffic"],
    build: Build::Tested,
};

const PROOF: &str = "depthwise-proof";

/// Seconds after which a bug counts as seen where no processor's time can be limited.
const TIMEOUT_SECONDS: &str = "600";

/// cargo-mutants's code for bugs that were missed, or that only a timeout saw.
const MISSED: i32 = 2;
const TIMEOUT: i32 = 3;

/// Plants bugs crate by crate.
pub fn run(options: &Options) -> Result<()> {
    setup::ensure(&[Need::CARGO_MUTANTS])?;
    let crates = match options.crates.as_slice() {
        [] => Mutated::value_variants(),
        crates => crates,
    };
    let mut missed = Vec::new();
    for mutated in crates {
        if options.list {
            cargo::run(command(*mutated, options)?.arg("--list"))?;
        } else if !plant(*mutated, options)? {
            missed.push(mutated.package());
        }
    }
    ensure!(missed.is_empty(), "bugs were missed in {}: see missed.txt there", missed.join(", "));
    Ok(())
}

/// Plants the bugs of a crate for its checks, and those that are missed for the next ones. Whether all were seen.
fn plant(mutated: Mutated, options: &Options) -> Result<bool> {
    let mut missed: Vec<String> = Vec::new();
    for Killers { packages, tests, build } in mutated.killers() {
        // Checks that fail anyway would see every bug. cargo-mutants would only try those of the crate itself.
        let mut unmutated = cargo::command("test");
        build.apply(&mut unmutated);
        unmutated.arg("--quiet").args(cargo::select(packages));
        cargo::run(unmutated.args(*tests))?;
        let mut command = match missed.as_slice() {
            [] => command(mutated, options)?,
            missed => again(mutated, missed)?,
        };
        build.apply(&mut command);
        command.args(["--no-shuffle", "--colors", "never", "--no-times", "--baseline", "skip"]);
        command.args(["--timeout", TIMEOUT_SECONDS]);
        command.args(["--jobs", &options.jobs.to_string()]);
        command.args(packages.iter().flat_map(|package| ["--test-package", package]));
        command.args(tests.iter().map(|test| format!("--cargo-arg={test}")));
        cargo::announce(&command);
        let status = command.status().context("cannot start cargo")?;
        match status.code() {
            Some(0 | TIMEOUT) => return Ok(true),
            Some(MISSED) => {}
            _ => anyhow::bail!("`{}` failed", cargo::line(&command)),
        }
        let names = std::fs::read_to_string(folder(mutated)?.join("mutants.out/missed.txt"))?;
        let left = names.lines().map(str::to_owned);
        // cargo-mutants deletes fields of structures whatever names it is given: those may have been seen before.
        missed = left.filter(|name| missed.is_empty() || missed.contains(name)).collect();
        if missed.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `cargo mutants` of a crate, or of the share of it that is asked for.
fn command(mutated: Mutated, options: &Options) -> Result<Command> {
    let mut command = in_folder(mutated)?;
    // A share has some of every file.
    let shard = |shard| ["--sharding", "round-robin", "--shard", shard];
    command.args(options.shard.iter().flat_map(|share| shard(share)));
    command.args(options.re.iter().flat_map(|re| ["--re", re]));
    if let Some(diff) = &options.in_diff {
        command.arg("--in-diff").arg(std::path::absolute(diff)?);
    }
    Ok(command)
}

/// `cargo mutants` of these bugs alone, by name: a share of what is left would be a share of others.
fn again(mutated: Mutated, missed: &[String]) -> Result<Command> {
    let mut command = in_folder(mutated)?;
    for name in missed {
        command.arg("--re").arg(format!("^{}$", regex_syntax::escape(name)));
    }
    Ok(command)
}

/// `cargo mutants` of a crate, with a folder of its own for what it finds.
fn in_folder(mutated: Mutated) -> Result<Command> {
    let mut command = cargo::command("mutants");
    command.args(["--package", mutated.package()]);
    let folder = folder(mutated)?;
    std::fs::create_dir_all(&folder)?;
    command.arg("--output").arg(folder);
    Ok(command)
}

fn folder(mutated: Mutated) -> Result<PathBuf> {
    Ok(cargo::target_directory()?.join("mutants").join(mutated.package()))
}
