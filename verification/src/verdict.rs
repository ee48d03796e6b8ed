//! What checks find.

use std::fmt;

use depthwise::{Activation, Error};

use crate::case::Case;
use crate::check::Check;
use crate::data::Data;
use crate::memory::Memory;
use crate::order;

/// What a check saw where it found nothing wrong.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The results, in the layout's order.
    pub results: Vec<f32>,
    /// Comparisons made.
    pub compared: usize,
    /// Results that have a term and no activation, and so should hardly ever be 0.
    pub lively: usize,
    /// How many of them are 0.
    pub zero: usize,
    /// Largest error as a share of its bound.
    pub worst: f64,
}

/// What is wrong with a case.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The subject refused it.
    Refused(Error),
    /// The check found this.
    Wrong(String),
    /// The subject, or the check, panicked so.
    Panicked(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::Wrong(reason) => f.write_str(reason),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
        }
    }
}

/// The command that repeats a check of a case.
pub fn repeat(check: Check, subject: &str, case: &Case) -> String {
    // Cases that are too large for bytes are still a line of text.
    let text = case.to_hex().unwrap_or_else(|| format!("'{case}'"));
    format!("depthwise verify --isa {subject} --check {} --case {text}", check.name())
}

/// A check that failed. Prints as a line that says how to repeat it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The check.
    pub check: Check,
    /// Name of what failed it.
    pub subject: String,
    /// The case.
    pub case: Case,
    /// Why.
    pub fault: Fault,
}

impl Failure {
    /// The command that repeats it.
    pub fn repeat(&self) -> String {
        repeat(self.check, &self.subject, &self.case)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.fault, self.case, self.repeat())
    }
}

/// Fewest results whose zeros are more than chance.
const FEW: usize = 16;

impl Evidence {
    /// What a run's memory shows.
    pub(crate) fn of(case: &Case, memory: &Memory) -> Self {
        let results = memory.results.values().to_vec();
        let mut evidence = Self { compared: results.len(), results, ..Self::default() };
        // Special values make zeros on purpose: zeros among them, and products that underflow.
        if case.activation == Activation::None && case.data != Data::Special {
            let Case { pass, layout, shape, .. } = case;
            let [rows, columns] = pass.reached(shape);
            for at in order::results(*pass, shape) {
                if rows[at[2]] && columns[at[3]] {
                    let value = evidence.results[order::result(*pass, *layout, shape, at)];
                    evidence.lively += 1;
                    evidence.zero += usize::from(value == 0.0);
                }
            }
        }
        evidence
    }

    /// Whether too little was compared, or too many zeros, to show anything.
    pub fn shortfall(&self) -> Option<String> {
        if self.compared == 0 {
            return Some("nothing was compared".into());
        }
        let mute = self.lively >= FEW && self.zero * 10 > self.lively * 9;
        mute.then(|| format!("{} of {} results are 0", self.zero, self.lively))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_compared_is_a_failure() {
        assert!(Evidence::default().shortfall().is_some());
        let compared = Evidence { compared: 1, ..Evidence::default() };
        assert_eq!(compared.shortfall(), None);
    }

    #[test]
    fn zeros_are_a_failure_unless_they_are_few() {
        let zeros = |zero| Evidence { compared: 99, lively: 20, zero, ..Evidence::default() };
        assert_eq!(zeros(18).shortfall(), None);
        assert_eq!(zeros(19).shortfall(), Some("19 of 20 results are 0".into()));
    }
}
