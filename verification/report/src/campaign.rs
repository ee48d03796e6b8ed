//! What `depthwise verify --json` writes, as far as the page shows it.

use anyhow::{Result, ensure};
use serde::Deserialize;

/// The form of the file that is understood here.
const VERSION: u32 = 1;

/// A campaign's report.
#[derive(Clone, Debug, Deserialize)]
pub struct Campaign {
    version: u32,
    /// What it ran on, in words.
    #[serde(skip)]
    pub machine: String,
    /// What was run.
    #[serde(rename = "campaign")]
    pub plan: Plan,
    /// Whether its goal is reached.
    pub done: bool,
    /// Cases run, each on every instruction set.
    pub cases: u64,
    /// Time taken.
    pub seconds: f64,
    /// The first failure of each kind.
    pub findings: Vec<Finding>,
    /// Classes met, by kernel.
    pub classes: Vec<Classes>,
    /// Counts, by instruction set and pass.
    pub verified: Vec<Verified>,
}

/// What a campaign runs.
#[derive(Clone, Debug, Deserialize)]
pub struct Plan {
    /// Where its cases come from: `listed`, `random 7`, …
    pub source: String,
}

/// A failure.
#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    /// What is wrong.
    pub reason: String,
    /// The command that repeats it.
    pub repeat: String,
}

/// Boundary classes of a kernel, and pairs of them.
#[derive(Clone, Debug, Deserialize)]
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
}

impl Classes {
    /// Whether nothing is left to be met.
    pub fn is_complete(&self) -> bool {
        self.met == self.of && self.met_pairs == self.of_pairs
    }
}

/// What an instruction set has passed of a pass.
#[derive(Clone, Debug, Deserialize)]
pub struct Verified {
    /// Instruction set.
    pub isa: String,
    /// Its arithmetic contract.
    pub contract: String,
    /// Pass.
    pub pass: String,
    /// Cases.
    pub cases: u64,
    /// The hashes of all cases, joined.
    pub hash: String,
    /// By check.
    pub checks: Vec<Checked>,
}

/// What was checked.
#[derive(Clone, Debug, Deserialize)]
pub struct Checked {
    /// The check.
    pub check: String,
    /// Comparisons made.
    pub compared: u64,
    /// Largest error as a share of its bound.
    pub worst: f64,
}

impl Campaign {
    /// Reads the report of a campaign on `machine`.
    ///
    /// # Errors
    /// No report, or one of another version.
    pub fn parse(json: &[u8], machine: &str) -> Result<Self> {
        let report: Self = serde_json::from_slice(json)?;
        ensure!(report.version == VERSION, "a report of version {}", report.version);
        Ok(Self { machine: machine.into(), ..report })
    }

    /// Whether its cases are those that meet every class.
    pub fn is_listed(&self) -> bool {
        self.plan.source == "listed"
    }

    /// The instruction sets that it ran on.
    pub fn isas(&self) -> Vec<&str> {
        let mut isas: Vec<_> = self.verified.iter().map(|verified| verified.isa.as_str()).collect();
        isas.dedup();
        isas
    }
}
