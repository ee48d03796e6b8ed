//! What a campaign has found so far: all that is needed to continue it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use depthwise::Isa;
use depthwise_verification::campaign::Digest;
use depthwise_verification::{Check, Pass};
use serde::{Deserialize, Serialize};

use crate::verify::cases::Source;
use crate::verify::hex;

/// The form of this file.
const VERSION: u32 = 1;

/// What a campaign runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// Cases.
    pub source: Source,
    /// On these.
    pub isas: Vec<Isa>,
    /// Of these passes.
    pub passes: Vec<Pass>,
    /// Through these checks.
    pub checks: Vec<Check>,
    /// So many, if they have no end.
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

/// What a campaign has found.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    version: u32,
    /// Of the program.
    program: String,
    target: String,
    /// What is run.
    #[serde(with = "names")]
    pub campaign: Campaign,
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
    /// Nothing found yet.
    pub fn new(campaign: Campaign) -> Self {
        let checked = |check: &Check| {
            let check = check.name().into();
            Checked { check, passed: 0, compared: 0, worst: 0.0 }
        };
        let verified = |isa: Isa, pass: &Pass| Verified {
            isa: isa.name().into(),
            contract: isa.contract().to_string(),
            pass: pass.name().into(),
            cases: 0,
            hash: Digest::default().0,
            checks: campaign.checks.iter().map(checked).collect(),
        };
        let passes =
            |isa: &Isa| campaign.passes.iter().map(|p| verified(*isa, p)).collect::<Vec<_>>();
        Self {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            target: std::env::consts::ARCH.into(),
            done: false,
            cases: 0,
            seconds: 0.0,
            rate: 0.0,
            failures: 0,
            findings: Vec::new(),
            deadly: Vec::new(),
            instances: BTreeMap::new(),
            classes: Vec::new(),
            verified: campaign.isas.iter().flat_map(passes).collect(),
            campaign,
        }
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// No such file, or one of another program.
    pub fn load(path: &Path) -> Result<Self> {
        let name = || path.display().to_string();
        let report: Self =
            serde_json::from_slice(&fs::read(path).with_context(name)?).with_context(name)?;
        let this = Self::new(report.campaign.clone());
        let of = |report: &Self| (report.version, report.program.clone(), report.target.clone());
        ensure!(
            of(&report) == of(&this) && report.verified.len() == this.verified.len(),
            "{} is of depthwise {} on {}: what was counted there can't be continued here",
            path.display(),
            report.program,
            report.target
        );
        Ok(report)
    }

    /// Writes it, whole: whenever the program is killed, the file is a report.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let write = || -> Result<()> {
            fs::write(&new, serde_json::to_string_pretty(self)?)?;
            Ok(fs::rename(&new, path)?)
        };
        write().with_context(|| path.display().to_string())
    }

    /// Classes met, classes, pairs met and pairs of all kernels.
    pub fn coverage(&self) -> [usize; 4] {
        let sum = |of: fn(&Classes) -> usize| self.classes.iter().map(of).sum();
        [sum(|c| c.met), sum(|c| c.of), sum(|c| c.met_pairs), sum(|c| c.of_pairs)]
    }
}

/// A line for each instruction set and pass, and one in all.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Verified { isa, contract, pass, cases, hash, .. } in &self.verified {
            if *cases > 0 {
                let (target, name) = (&self.target, self.campaign.source.name());
                write!(f, "verified target={target} isa={isa} contract={contract} ")?;
                writeln!(f, "check={name}-{pass} cases={cases} hash={hash:016x}")?;
            }
        }
        let [met, of, met_pairs, of_pairs] = self.coverage();
        let checks = self.verified.iter().flat_map(|verified| &verified.checks);
        let worst = checks.map(|checked| checked.worst).fold(0.0, f64::max);
        writeln!(
            f,
            "{} cases in {:.1} s, {:.0} a second; {met} of {of} classes, {met_pairs} of {of_pairs} pairs; \
             worst error {:.0} % of its bound; {} checks failed",
            self.cases,
            self.seconds,
            self.rate,
            100.0 * worst,
            self.failures
        )
    }
}

/// A campaign with names for what it runs.
mod names {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    use super::{Campaign, Check, Goal, Isa, Pass, Source};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Named {
        source: Source,
        isas: Vec<String>,
        passes: Vec<String>,
        checks: Vec<String>,
        goal: Option<Goal>,
    }

    pub fn serialize<S: Serializer>(campaign: &Campaign, serializer: S) -> Result<S::Ok, S::Error> {
        let Campaign { source, isas, passes, checks, goal } = campaign;
        Named {
            source: source.clone(),
            isas: isas.iter().map(|isa| isa.name().into()).collect(),
            passes: passes.iter().map(|pass| pass.name().into()).collect(),
            checks: checks.iter().map(|check| check.name().into()).collect(),
            goal: *goal,
        }
        .serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Campaign, D::Error> {
        let Named { source, isas, passes, checks, goal } = Named::deserialize(deserializer)?;
        fn found<T: Copy, E: Error>(
            all: impl IntoIterator<Item = T> + Clone,
            name: fn(T) -> &'static str,
            names: &[String],
        ) -> Result<Vec<T>, E> {
            let find = |wanted: &String| all.clone().into_iter().find(|one| name(*one) == wanted);
            let all: Option<Vec<T>> = names.iter().map(find).collect();
            all.ok_or_else(|| E::custom(format!("not all of {names:?} are known")))
        }
        let every: Vec<_> = Check::every().collect();
        Ok(Campaign {
            source,
            isas: found(Isa::ALL, Isa::name, &isas)?,
            passes: found(Pass::ALL, Pass::name, &passes)?,
            checks: found(every, Check::name, &checks)?,
            goal,
        })
    }
}
