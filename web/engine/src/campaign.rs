//! The judge's random cases, one after another: the same cases, checks and hashes as the program `depthwise`
//! has for them.

use depthwise::Isa;
use depthwise_verification::campaign::{Digest, random, trial};
use depthwise_verification::classes::Coverages;
use depthwise_verification::shrink::shrink;
use depthwise_verification::{Case, Check, Kernels, Pass};
use serde::Serialize;

/// What each case goes through.
pub const CHECKS: [Check; 5] =
    [Check::Exact, Check::Bound, Check::Bits, Check::Guard, Check::Tiles];

/// Findings that are kept; more are only counted.
const FINDINGS: usize = 20;

/// A campaign that is running.
#[derive(Debug)]
pub struct Campaign {
    seed: u64,
    isa: Isa,
    /// Classes met; counting them is left out where only hashes are wanted.
    coverages: Option<Vec<Coverages>>,
    report: Report,
    /// By pass.
    hashes: [Digest; Pass::ALL.len()],
}

/// What a campaign has counted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Cases run.
    pub cases: u64,
    /// Checks made: five of each case.
    pub checks: u64,
    /// Comparisons of a result with what it must be.
    pub compared: u64,
    /// Checks that failed.
    pub failures: u64,
    /// Largest error as a share of its bound.
    pub worst: f64,
    /// Classes met, classes, pairs met and pairs, of all kernels.
    pub coverage: [usize; 4],
    /// The hash of all results of each pass, as `depthwise verify` prints it.
    pub hashes: Vec<(&'static str, String)>,
    /// What was found, each with the command that repeats it.
    pub findings: Vec<Finding>,
    /// The last case, in a line.
    pub last: String,
    /// The command that does the same, and prints the same hashes.
    pub command: String,
}

/// A failure, shrunk.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub reason: String,
    /// The command that repeats it.
    pub repeat: String,
}

impl Campaign {
    /// The campaign of a seed, on the fastest instruction set here.
    #[must_use]
    pub fn new(seed: u64, count_classes: bool) -> Self {
        let coverages = count_classes.then(|| Pass::ALL.map(Coverages::of).into());
        let hashes = [Digest::default(); Pass::ALL.len()];
        Self { seed, isa: Isa::best(), coverages, report: Report::default(), hashes }
    }

    /// The campaign on another instruction set.
    #[must_use]
    pub fn on(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }

    /// Case number `index`.
    #[must_use]
    pub fn case(&self, index: u64) -> Case {
        let count = Pass::ALL.len() as u64;
        random(self.seed, index / count, Pass::ALL[(index % count) as usize])
    }

    /// Runs so many more cases.
    pub fn run(&mut self, cases: u64) {
        for _ in 0..cases {
            let case = self.case(self.report.cases);
            self.judge(&case);
            self.report.cases += 1;
        }
    }

    fn judge(&mut self, case: &Case) {
        let pass = case.pass as usize;
        if let Some(coverages) = &mut self.coverages {
            coverages[pass].meet(case);
        }
        for check in CHECKS {
            self.report.checks += 1;
            match trial(check, &Kernels(self.isa), case) {
                Ok(evidence) => {
                    let mut hash = Digest::default();
                    hash.add(&evidence.results);
                    self.hashes[pass].add_bytes(&hash.0.to_le_bytes());
                    self.report.compared += evidence.compared as u64;
                    self.report.worst = self.report.worst.max(evidence.worst);
                }
                Err(failure) => {
                    self.report.failures += 1;
                    if self.report.findings.len() < FINDINGS {
                        let small = shrink(failure, &Kernels(self.isa));
                        let (reason, repeat) = (small.fault.to_string(), small.repeat());
                        self.report.findings.push(Finding { reason, repeat });
                    }
                }
            }
        }
    }

    fn command(&self) -> String {
        let checks = CHECKS.map(Check::name).join(",");
        let Self { seed, report: Report { cases, .. }, .. } = self;
        format!("depthwise verify --seed {seed} --cases {cases} --check {checks}")
    }

    /// What has been counted so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut coverage = [0; 4];
        for (.., met) in self.coverages.iter().flatten().flat_map(Coverages::iter) {
            coverage.iter_mut().zip(met.counts()).for_each(|(sum, count)| *sum += count);
        }
        let hashes = Pass::ALL.iter().zip(self.hashes);
        let last = self.report.cases.checked_sub(1).map(|index| self.case(index).to_string());
        Report {
            coverage,
            hashes: hashes.map(|(pass, hash)| (pass.name(), format!("{:016x}", hash.0))).collect(),
            last: last.unwrap_or_default(),
            command: self.command(),
            ..self.report.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_hashes() {
        let mut campaign = Campaign::new(7, true);
        campaign.run(24);
        let report = campaign.report();
        assert_eq!((report.cases, report.checks, report.failures), (24, 120, 0));
        assert!(report.compared > 1000 && report.worst > 0.0 && report.worst < 1.0);
        let [classes, all_classes, pairs, all_pairs] = report.coverage;
        assert!(classes > 0 && classes < all_classes && pairs > 0 && pairs < all_pairs);
        // In slices, and without counting classes.
        let mut slices = Campaign::new(7, false);
        slices.run(5);
        slices.run(19);
        assert_eq!(slices.report().hashes, report.hashes);
        let mut other = Campaign::new(8, false);
        other.run(24);
        assert_ne!(other.report().hashes, report.hashes);
    }
}
