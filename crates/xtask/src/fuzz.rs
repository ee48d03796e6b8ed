//! `cargo xtask fuzz`: every fuzz target for a while, from the seeds in the repository.
//!
//! `fuzz/seeds/TARGET.hex` has a line of hexadecimal digits for each seed; cargo-fuzz wants a file for each,
//! in `fuzz/corpus/TARGET`, where it leaves what it finds. A seed with a remark found a bug once: such lines stay when
//! seeds are made anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::cargo;
use crate::setup::{self, Need};

/// What to fuzz, and how.
#[derive(Args)]
pub struct Options {
    /// The targets; all if none is named.
    targets: Vec<Target>,
    /// Seconds for each target.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
    /// The sanitizer of the build; with `address` the kernels take minutes to build.
    #[arg(long, default_value = "none")]
    sanitizer: String,
    /// Make the seeds of the targets anew, from a minimised corpus, instead of fuzzing.
    #[arg(long)]
    seeds: bool,
}

/// A fuzz target.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    /// The planner, with hostile sizes.
    Plan,
    /// The public interface, with hostile shapes and slices.
    Api,
    /// The kernels, in every check.
    Kernels,
    /// The reader of case folders.
    CaseFolder,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Api => "api",
            Self::Kernels => "kernels",
            Self::CaseFolder => "case_folder",
        }
    }

    /// The fuzzer's options, `-NAME=VALUE`, from the file that ClusterFuzzLite reads, too.
    fn options(self) -> Result<Vec<String>> {
        let path = cargo::root().join("fuzz/options").join(self.name()).with_extension("options");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let options = text.lines().filter_map(|line| line.split_once('='));
        Ok(options.map(|(name, value)| format!("-{}={}", name.trim(), value.trim())).collect())
    }

    fn seeds(self) -> PathBuf {
        cargo::root().join("fuzz/seeds").join(self.name()).with_extension("hex")
    }

    fn corpus(self) -> PathBuf {
        cargo::root().join("fuzz/corpus").join(self.name())
    }

    /// Puts each seed into a file of the corpus.
    fn sow(self) -> Result<()> {
        let (seeds, corpus) = (self.seeds(), self.corpus());
        let text = fs::read_to_string(&seeds).with_context(|| seeds.display().to_string())?;
        fs::create_dir_all(&corpus)?;
        for (index, seed) in parse(&text).enumerate() {
            let seed = seed.with_context(|| seeds.display().to_string())?;
            fs::write(corpus.join(format!("seed-{index:04}")), seed)?;
        }
        Ok(())
    }

    /// Writes the corpus as seeds, below the lines with remarks.
    fn harvest(self) -> Result<()> {
        let path = self.seeds();
        let found = fs::read_dir(self.corpus())?.map(|entry| Ok(digits(&fs::read(entry?.path())?)));
        let found: Vec<_> = found.collect::<Result<_>>()?;
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, merged(&text, found)).with_context(|| path.display().to_string())
    }

    /// Where the fuzzer leaves inputs that found a bug.
    fn artifacts(self) -> PathBuf {
        cargo::root().join("fuzz/artifacts").join(self.name())
    }

    /// Inputs that found a bug, as lines of seeds.
    fn found(self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.artifacts()).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some(digits(&fs::read(entry.path()).ok()?))).collect()
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of a file of seeds: its lines with remarks, and all others replaced by those of a corpus.
fn merged(text: &str, mut corpus: Vec<String>) -> String {
    let kept: Vec<_> = text.lines().filter(|line| line.contains('#')).map(str::to_owned).collect();
    let known: Vec<_> = kept.iter().filter_map(|line| line.split('#').next()).collect();
    corpus.retain(|line| !line.is_empty() && !known.iter().any(|digits| digits.trim() == line));
    corpus.sort();
    [kept, corpus].concat().join("\n") + "\n"
}

/// The bytes of each line, without remarks after a `#`.
fn parse(text: &str) -> impl Iterator<Item = Result<Vec<u8>>> {
    let digits = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    digits.filter(|digits| !digits.is_empty()).map(|digits| {
        ensure!(digits.is_ascii() && digits.len().is_multiple_of(2), "{digits} is no whole bytes");
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16);
        let bytes: Result<Vec<u8>, _> = (0..digits.len()).step_by(2).map(byte).collect();
        Ok(bytes?)
    })
}

/// What fuzzing takes.
const NEEDS: [Need; 2] = [Need::NIGHTLY, Need::CARGO_FUZZ];

/// Fuzzes each target, up to the first that finds something.
pub fn run(options: &Options) -> Result<()> {
    setup::ensure(&NEEDS)?;
    let targets = match options.targets.as_slice() {
        [] => Target::value_variants(),
        targets => targets,
    };
    for &target in targets {
        target.sow()?;
        if options.seeds {
            cargo::run(&mut command(target, "cmin", options)?)?;
            target.harvest()?;
        } else {
            let mut fuzz = command(target, "run", options)?;
            fuzz.arg("--").args(target.options()?);
            fuzz.arg(format!("-max_total_time={}", options.seconds));
            let before = target.found();
            let done = cargo::run(&mut fuzz);
            for line in target.found().difference(&before) {
                eprintln!("to keep this in {}:\n{line} # what it found", target.seeds().display());
            }
            done?;
        }
    }
    Ok(())
}

/// `cargo fuzz SUBCOMMAND TARGET`, on a nightly compiler whichever runs this.
fn command(target: Target, subcommand: &str, options: &Options) -> Result<Command> {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "fuzz", subcommand, target.name()]);
    command.args(["--sanitizer", &options.sanitizer, "--target-dir"]);
    command.arg(cargo::target_directory()?.join("fuzz")).current_dir(cargo::root());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_digits_and_remarks() {
        let seeds: Vec<_> = parse("# two\n00ff # one\n\n12").map(Result::unwrap).collect();
        assert_eq!(seeds, [vec![0, 255], vec![18]]);
        for wrong in ["0", "0g", "é"] {
            assert!(parse(wrong).any(|seed| seed.is_err()), "{wrong}");
        }
    }

    #[test]
    fn what_found_a_bug_stays() {
        let text = "# Cases.\n00ff # an overflow\n12\n";
        let corpus = ["34", "00ff", "", "0a"].map(str::to_owned).into();
        assert_eq!(merged(text, corpus), "# Cases.\n00ff # an overflow\n0a\n34\n");
    }

    #[test]
    fn every_target_has_seeds_and_is_built() {
        let manifest = fs::read_to_string(cargo::root().join("fuzz/Cargo.toml")).unwrap();
        for target in Target::value_variants() {
            let text = fs::read_to_string(target.seeds()).unwrap();
            assert!(parse(&text).all(|seed| seed.is_ok()));
            assert!(parse(&text).count() > 0, "{target:?}");
            assert!(manifest.contains(&format!("name = \"{}\"", target.name())));
            let options = target.options().unwrap();
            assert!(options.iter().any(|option| option.starts_with("-max_len=")), "{options:?}");
        }
    }
}
