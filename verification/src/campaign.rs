//! All cases through one check.

use std::fmt;

use depthwise::Contract;

use crate::case::Case;
use crate::check::Check;
use crate::contract;
use crate::panics;
use crate::shrink::shrink;
use crate::subject::Subject;
use crate::verdict::{Evidence, Failure, Fault};

/// A check that all cases passed. Prints as one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The check.
    pub check: Check,
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
    /// FNV-1a of all output bits, in the order of the cases; all NaNs are alike.
    pub hash: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, contract, cases, hash, .. } = self;
        let (target, check) = (std::env::consts::ARCH, self.check.name());
        write!(f, "verified target={target} isa={subject} contract={contract} ")?;
        write!(f, "check={check} cases={cases} hash={hash:016x}")
    }
}

/// Puts cases through a check.
///
/// # Errors
/// The first failure, shrunk.
pub fn run(check: Check, subject: &dyn Subject, cases: &[Case]) -> Result<Report, Box<Failure>> {
    let mut all = Evidence::default();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for case in cases {
        let evidence = panics::during(check, subject, case, || check.run(case, subject))
            .map_err(|failure| shrink(failure, subject))?;
        for byte in evidence.output.iter().flat_map(|value| contract::bits(*value).to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        all.compared += evidence.compared;
        all.lively += evidence.lively;
        all.zero += evidence.zero;
        all.worst = all.worst.max(evidence.worst);
    }
    if let (Some(reason), Some(case)) = (all.shortfall(), cases.last()) {
        let fault = Fault::Wrong(format!("in all cases up to this, {reason}"));
        return Err(Box::new(Failure { check, subject: subject.name(), case: *case, fault }));
    }
    Ok(Report {
        check,
        subject: subject.name(),
        contract: subject.contract(),
        cases: cases.len(),
        compared: all.compared,
        worst: all.worst,
        hash,
    })
}
