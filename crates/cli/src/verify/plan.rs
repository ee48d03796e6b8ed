//! What a campaign runs: in the program's types, and by the names that its report has.

use anyhow::{Context, Result};
use depthwise::Isa;
use depthwise_campaign::{Checked, Goal, Plan, Report, Verified};
use depthwise_verification::campaign::Digest;
use depthwise_verification::{Check, Pass};

use crate::verify::cases::Source;

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

impl Campaign {
    /// What a report says.
    ///
    /// # Errors
    /// A name that this program doesn't have.
    pub fn of(plan: &Plan) -> Result<Self> {
        let every: Vec<_> = Check::every().collect();
        Ok(Self {
            source: plan.source.parse()?,
            isas: found(&Isa::ALL, Isa::name, &plan.isas)?,
            passes: found(&Pass::ALL, Pass::name, &plan.passes)?,
            checks: found(&every, Check::name, &plan.checks)?,
            goal: plan.goal,
        })
    }

    /// By names.
    pub fn plan(&self) -> Plan {
        Plan {
            source: self.source.to_string(),
            isas: self.isas.iter().map(|isa| isa.name().into()).collect(),
            passes: self.passes.iter().map(|pass| pass.name().into()).collect(),
            checks: self.checks.iter().map(|check| check.name().into()).collect(),
            goal: self.goal,
        }
    }

    /// A report of this program with nothing found yet.
    pub fn report(&self) -> Report {
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
            checks: self.checks.iter().map(checked).collect(),
        };
        let passes = |isa: &Isa| self.passes.iter().map(|p| verified(*isa, p)).collect::<Vec<_>>();
        let verified = self.isas.iter().flat_map(passes).collect();
        Report::new(env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, self.plan(), verified)
    }
}

/// Those of `all` that have these names.
fn found<T: Copy>(all: &[T], name: fn(T) -> &'static str, names: &[String]) -> Result<Vec<T>> {
    let find = |wanted: &String| all.iter().copied().find(|one| name(*one) == wanted);
    let found: Option<Vec<T>> = names.iter().map(find).collect();
    found.with_context(|| format!("not all of {names:?} are known"))
}
