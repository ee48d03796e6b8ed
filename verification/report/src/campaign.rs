//! A campaign, and what it ran on.

use std::ops::Deref;

use depthwise_campaign::Report;

/// A campaign's report, from a machine.
pub struct Campaign {
    /// What it ran on, in words.
    pub machine: String,
    /// What `depthwise verify --json` wrote.
    pub report: Report,
}

impl Deref for Campaign {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.report
    }
}

impl Campaign {
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
