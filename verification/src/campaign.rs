//! Cases through a check: all that are listed, or random ones without end.

use std::fmt;

use depthwise::Contract;

use crate::case::Case;
use crate::check::Check;
use crate::contract;
use crate::panics;
use crate::pass::Pass;
use crate::random::Random;
use crate::shrink::shrink;
use crate::subject::Subject;
use crate::verdict::{self, Evidence, Failure, Fault};

/// A check that all cases passed. Prints as one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Name of the check, after its pass.
    pub check: String,
    /// Name of what passed it.
    pub subject: String,
    /// Its arithmetic contract.
    pub contract: Contract,
    /// Cases run.
    pub cases: usize,
    /// Comparisons made.
    pub compared: usize,
    /// Largest error as a share of its bound, where the check has one.
    pub worst: f64,
    /// [`Digest`] of all results, in the order of the cases.
    pub hash: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, subject, contract, cases, hash, .. } = self;
        let target = std::env::consts::ARCH;
        write!(f, "verified target={target} isa={subject} contract={contract} ")?;
        write!(f, "check={check} cases={cases} hash={hash:016x}")
    }
}

/// FNV-1a of the bits of results; all NaNs are alike.
#[derive(Clone, Copy, Debug)]
pub struct Digest(pub u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Takes in more results.
    pub fn add(&mut self, results: &[f32]) {
        results.iter().for_each(|value| self.add_bytes(&contract::bits(*value).to_le_bytes()));
    }

    /// Takes in more bytes.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Case `index` of a random campaign: the same on every target, whichever cases were run before.
pub fn random(seed: u64, index: u64, pass: Pass) -> Case {
    let start = Random::new(seed).next() ^ Random::new(!index).next();
    let mut random = Random::new(start);
    loop {
        let mut bytes = [0; Case::BYTES];
        bytes.fill_with(|| random.next() as u8);
        if let Ok(case) = Case::from_bytes(&bytes)
            && case.pass == pass
        {
            return case;
        }
    }
}

/// Puts a case through a check.
///
/// # Errors
/// The failure, as it is; a panic is one.
pub fn trial(check: Check, subject: &dyn Subject, case: &Case) -> Result<Evidence, Box<Failure>> {
    let (name, copy) = (subject.name(), *case);
    let line = move || verdict::repeat(check, &name, &copy);
    panics::caught(line, || check.run(case, subject)).unwrap_or_else(|panic| {
        let (subject, fault) = (subject.name(), Fault::Panicked(panic));
        Err(Box::new(Failure { check, subject, case: *case, fault }))
    })
}

/// Puts cases of one pass through a check.
///
/// # Errors
/// The first failure, shrunk.
pub fn run(check: Check, subject: &dyn Subject, cases: &[Case]) -> Result<Report, Box<Failure>> {
    let mut all = Evidence::default();
    let mut hash = Digest::default();
    for case in cases {
        let evidence = trial(check, subject, case).map_err(|failure| shrink(failure, subject))?;
        hash.add(&evidence.results);
        all.compared += evidence.compared;
        all.lively += evidence.lively;
        all.zero += evidence.zero;
        all.worst = all.worst.max(evidence.worst);
    }
    if let (Some(reason), Some(case)) = (all.shortfall(), cases.last()) {
        let fault = Fault::Wrong(format!("in all cases up to this, {reason}"));
        return Err(Box::new(Failure { check, subject: subject.name(), case: *case, fault }));
    }
    let pass = cases.first().map_or("", |case| case.pass.name());
    Ok(Report {
        check: format!("{pass}-{}", check.name()),
        subject: subject.name(),
        contract: subject.contract(),
        cases: cases.len(),
        compared: all.compared,
        worst: all.worst,
        hash: hash.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_cases_differ_by_seed_and_index() {
        for pass in Pass::ALL {
            let cases = [(1, 0), (1, 1), (2, 0), (2, 1)].map(|(s, i)| random(s, i, pass));
            for (index, case) in cases.iter().enumerate() {
                assert_eq!(case.pass, pass);
                assert!(!cases[..index].contains(case));
            }
            assert_eq!(random(2, 1, pass), cases[3]);
        }
    }
}
