//! The file that `depthwise verify --json` writes: what was run, counted and found. It is all that a killed campaign needs to go on, and
//! what pages of results are made of.

mod hex;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The form of the file.
pub const VERSION: u32 = 1;

/// What a campaign has found so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`]; another one is not read.
    pub version: u32,
    /// Version of the program.
    pub program: String,
    /// Architecture that it was compiled for.
    pub target: String,
    /// What is run.
    #[serde(rename = "campaign")]
    pub plan: Plan,
    /// Whether its goal is reached.
    pub done: bool,
    /// Cases run, each on every instruction set.
    pub cases: u64,
    /// Time taken.
    pub seconds: f64,
    /// Cases per second.
    pub rate: f64,
    /// Checks that failed.
    pub failures: u64,
    /// The first failure of each instance in each check, on each instruction set.
    pub findings: Vec<Finding>,
    /// Cases that this program can't be trusted to survive.
    pub deadly: Vec<u64>,
    /// Cases of each instance, by pass.
    pub instances: BTreeMap<String, BTreeMap<String, u64>>,
    /// Classes that were met.
    pub classes: Vec<Classes>,
    /// Counts for each instruction set and pass.
    pub verified: Vec<Verified>,
}

/// What a campaign runs, by names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Where its cases come from: `listed`, `random 7`, …
    pub source: String,
    /// Instruction sets.
    pub isas: Vec<String>,
    /// Passes.
    pub passes: Vec<String>,
    /// Checks.
    pub checks: Vec<String>,
    /// So many cases, if they have no end.
    pub goal: Option<Goal>,
}

/// Where a campaign ends, whichever is first, its earlier runs included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Cases.
    pub cases: Option<u64>,
    /// Seconds.
    pub seconds: Option<f64>,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Number of the case that it was found in.
    pub index: u64,
    /// Instruction set.
    pub isa: String,
    /// Pass.
    pub pass: String,
    /// Instance that the plan chose for the case.
    pub instance: String,
    /// Check that failed.
    pub check: String,
    /// What is wrong with the shrunk case.
    pub reason: String,
    /// The shrunk case.
    pub case: String,
    /// The command that repeats it.
    pub repeat: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FAILED {}: {}: {}", self.reason, self.case, self.repeat)
    }
}

/// Boundary classes of a kernel, and pairs of them, that were met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classes {
    /// Pass.
    pub pass: String,
    /// Instance, or the layout of a bias gradient.
    pub kernel: String,
    /// Classes met.
    pub met: usize,
    /// Classes.
    pub of: usize,
    /// Pairs met.
    pub met_pairs: usize,
    /// Pairs.
    pub of_pairs: usize,
    /// Pairs met that the model of what is possible does not have: there is none in the listed cases.
    pub unexpected_pairs: usize,
}

impl Classes {
    /// Whether nothing is left to be met.
    pub fn is_complete(&self) -> bool {
        self.met == self.of && self.met_pairs == self.of_pairs
    }
}

/// What an instruction set has passed of a pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Instruction set.
    pub isa: String,
    /// Its arithmetic contract.
    pub contract: String,
    /// Pass.
    pub pass: String,
    /// Cases.
    pub cases: u64,
    /// The hashes of all cases, joined in their order.
    #[serde(with = "hex")]
    pub hash: u64,
    /// By check.
    pub checks: Vec<Checked>,
}

/// What was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The check.
    pub check: String,
    /// Cases that passed.
    pub passed: u64,
    /// Comparisons made.
    pub compared: u64,
    /// Largest error as a share of its bound, where the check has one.
    pub worst: f64,
}

impl Report {
    /// Nothing found yet, and no case run.
    pub fn new(program: &str, target: &str, plan: Plan, verified: Vec<Verified>) -> Self {
        Self {
            version: VERSION,
            program: program.into(),
            target: target.into(),
            plan,
            done: false,
            cases: 0,
            seconds: 0.0,
            rate: 0.0,
            failures: 0,
            findings: Vec::new(),
            deadly: Vec::new(),
            instances: BTreeMap::new(),
            classes: Vec::new(),
            verified,
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// No such file, no report, or one of another version.
    pub fn load(path: &Path) -> io::Result<Self> {
        Self::parse(&fs::read(path)?)
    }

    /// Reads a report.
    ///
    /// # Errors
    /// No report, or one of another version.
    pub fn parse(json: &[u8]) -> io::Result<Self> {
        let report: Self = serde_json::from_slice(json)?;
        if report.version == VERSION {
            return Ok(report);
        }
        let reason = format!("a report of version {}, not {VERSION}", report.version);
        Err(io::Error::new(io::ErrorKind::InvalidData, reason))
    }

    /// Writes it, whole: whenever the program is killed, the file is a report.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        fs::write(&new, serde_json::to_string_pretty(self)?)?;
        fs::rename(&new, path)
    }

    /// Classes met, classes, pairs met and pairs of all kernels.
    pub fn coverage(&self) -> [usize; 4] {
        let sum = |of: fn(&Classes) -> usize| self.classes.iter().map(of).sum();
        [sum(|c| c.met), sum(|c| c.of), sum(|c| c.met_pairs), sum(|c| c.of_pairs)]
    }

    /// Largest error as a share of its bound, of all checks that have one.
    pub fn worst(&self) -> f64 {
        let checks = self.verified.iter().flat_map(|verified| &verified.checks);
        checks.map(|checked| checked.worst).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let plan = Plan {
            source: "random 7".into(),
            isas: vec!["neon".into()],
            passes: vec!["forward".into()],
            checks: vec!["bits".into()],
            goal: Some(Goal { cases: Some(7), seconds: None }),
        };
        let checked = Checked { check: "bits".into(), passed: 7, compared: 70, worst: 0.25 };
        let verified = Verified {
            isa: "neon".into(),
            contract: "fused".into(),
            pass: "forward".into(),
            cases: 7,
            hash: u64::MAX - 1,
            checks: vec![checked],
        };
        Report { done: true, cases: 7, ..Report::new("0", "aarch64", plan, vec![verified]) }
    }

    #[test]
    fn what_is_written_is_read() {
        let json = serde_json::to_string(&report()).unwrap();
        // Not a number, which readers of JSON may round.
        assert!(json.contains("\"fffffffffffffffe\""), "{json}");
        assert_eq!(Report::parse(json.as_bytes()).unwrap(), report());
    }

    #[test]
    fn other_versions_are_refused() {
        let json = serde_json::to_string(&Report { version: 2, ..report() }).unwrap();
        let error = Report::parse(json.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
