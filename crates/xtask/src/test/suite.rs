//! What is built and run for a target.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo;
use crate::isa::Target;
use crate::jobs::Done;
use crate::trespass;

/// Random cases of the campaign that every target runs.
const CAMPAIGN: [&str; 4] = ["--seed", "1", "--cases", "400"];

/// The tests of a target, built.
pub struct Suite {
    /// The target; none for the tests of the workspace, which are this machine's.
    pub target: Option<Target>,
    /// How long building took.
    building: Duration,
    /// How long its commands took, beside others.
    pub running: Duration,
    /// Where the programs are: `depthwise`, and the one that must die.
    programs: Option<[PathBuf; 2]>,
}

impl Suite {
    /// Builds the tests of the workspace but for the verification, with debug assertions.
    pub fn of_workspace() -> Result<Self> {
        let start = Instant::now();
        cargo::run(workspace().arg("--no-run"))?;
        Ok(Self {
            target: None,
            building: start.elapsed(),
            running: Duration::ZERO,
            programs: None,
        })
    }

    /// Builds the verification for `target`, and the programs that it runs there.
    pub fn of(target: Target) -> Result<Self> {
        let start = Instant::now();
        cargo::run(verification(target)?.arg("--no-run"))?;
        // Together, so that all libraries have the features that the tests give them.
        let mut build = target.cargo("build")?;
        build.args(cargo::TESTED).args(cargo::select(&[cargo::PROGRAM, cargo::VERIFICATION]));
        cargo::announce(build.arg("--bins"));
        let programs = cargo::build_programs(&mut build)?;
        let program =
            |name: &str| programs.get(name).cloned().with_context(|| format!("no {name}"));
        let programs = [program("depthwise")?, program(trespass::PROGRAM)?];
        Ok(Self {
            target: Some(target),
            building: start.elapsed(),
            running: Duration::ZERO,
            programs: Some(programs),
        })
    }

    /// What is run, always in the same order.
    pub fn commands(&self) -> impl Iterator<Item = Command> {
        let (target, programs) = (self.target, self.programs.as_ref());
        let Some((target, [program, trespass])) = target.zip(programs) else {
            return vec![workspace()].into_iter();
        };
        let mut tests = verification(target).expect("it was built before");
        tests.args(["--", "--nocapture"]);
        if matches!(target, Target::Wasm | Target::WasmRelaxed) {
            tests.arg("--test-threads=1");
        }
        // As people run it, on random cases and on those that a fuzzer has found.
        let seeds = cargo::root().join("fuzz/seeds/kernels.hex");
        let campaigns =
            [CAMPAIGN.map(OsStr::new).to_vec(), vec!["--corpus".as_ref(), seeds.as_ref()]];
        let campaigns = campaigns.into_iter().map(|campaign| {
            let mut command = target.run(program);
            command.arg("verify").args(campaign);
            command
        });
        let deaths = trespass::ways(target).iter().map(|way| {
            let mut command = target.run(trespass);
            command.arg(way);
            command
        });
        [tests].into_iter().chain(campaigns).chain(deaths).collect::<Vec<_>>().into_iter()
    }

    /// Adds what went wrong to `problems`; how many planted bugs were fatal, as they must be.
    pub fn judge(&self, done: &[Done], problems: &mut Vec<String>) -> usize {
        let ways = self.target.map_or(&[][..], trespass::ways);
        let (runs, deaths) = done.split_at(done.len() - ways.len());
        for (command, _) in self.commands().zip(runs).filter(|(_, done)| !done.succeeded) {
            problems.push(format!("`{}` failed", cargo::line(&command)));
        }
        let mut died = 0;
        for (way, done) in ways.iter().zip(deaths) {
            match self.target.map(|target| trespass::judge(target, way, done)) {
                Some(Err(problem)) => problems.push(problem),
                _ => died += 1,
            }
        }
        died
    }
}

/// The tests of the workspace, but for the verification; of arrays, too.
fn workspace() -> Command {
    let mut command = cargo::command("test");
    command.args(["--workspace", "--exclude", cargo::VERIFICATION]);
    command.args(["--features", "depthwise/ndarray", "--no-fail-fast"]);
    command
}

/// The verification on `target`, as released.
fn verification(target: Target) -> Result<Command> {
    let mut command = target.cargo("test")?;
    command.args(cargo::TESTED).args(["--no-fail-fast", "-p", cargo::VERIFICATION]);
    if target != Target::Host {
        // On the host, the libraries' own tests are in the workspace's, with debug assertions.
        command.arg("--tests").args(cargo::select(&cargo::LIBRARIES));
    }
    Ok(command)
}

/// How long everything took, as text.
pub fn times(suites: &[Suite], whole: Duration) -> String {
    let row = |name: &str, building: &str, running: &str| {
        format!("{name:<12} {building:>9} {running:>9}\n")
    };
    let seconds = |time: Duration| format!("{:.0} s", time.as_secs_f64());
    let rows = suites.iter().map(|suite| {
        let name =
            suite.target.map_or("workspace".into(), |target| format!("{target:?}").to_lowercase());
        row(&name, &seconds(suite.building), &seconds(suite.running))
    });
    let sum = |of: fn(&Suite) -> Duration| seconds(suites.iter().map(of).sum());
    let all = row("all", &sum(|suite| suite.building), &sum(|suite| suite.running));
    let head = row("tests of", "building", "running");
    let whole = format!("{} together, each run beside others\n", seconds(whole));
    [head].into_iter().chain(rows).chain([all, whole]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(target: Option<Target>) -> Suite {
        let programs = Some(["depthwise".into(), "trespass".into()]);
        Suite {
            target,
            building: Duration::from_secs(2),
            running: Duration::from_secs(3),
            programs,
        }
    }

    fn done(succeeded: bool, errors: &str) -> Done {
        let (output, time) = (String::new(), Duration::ZERO);
        Done { output, errors: errors.into(), succeeded, time }
    }

    #[test]
    fn planted_bugs_must_be_fatal_and_nothing_else_may() {
        let host = suite(Some(Target::Host));
        let right = || done(true, "");
        let died = || done(false, "killed by an access beyond a tensor: --check fence --case 00");
        let judged = |all: [Done; 5]| {
            let mut problems = Vec::new();
            (host.judge(&all, &mut problems), problems.len())
        };
        assert_eq!(host.commands().count(), 5);
        assert_eq!(judged([right(), right(), right(), died(), died()]), (2, 0));
        assert_eq!(judged([right(), done(false, ""), right(), died(), died()]), (2, 1));
        assert_eq!(judged([right(), right(), right(), right(), died()]), (1, 1));
        assert_eq!(judged([right(), right(), right(), done(false, "killed"), died()]), (1, 1));
    }

    #[test]
    fn times_are_added_up() {
        let text = times(&[suite(None), suite(Some(Target::Wasm))], Duration::from_secs(6));
        assert_eq!(text.lines().nth(1), Some("workspace          2 s       3 s"));
        assert!(
            text.contains(
                "wasm               2 s       3 s\nall                4 s       6 s\n6 s"
            )
        );
    }
}
