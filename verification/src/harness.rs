//! What tests of the judge have in common.

use std::fmt::Display;
use std::io::{Write, stdout};

use depthwise::Isa;

/// The instruction sets that this machine has.
pub fn isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.available())
}

/// Prints a line past the capture of the test harness: such lines are the result.
///
/// # Panics
/// If nothing can be printed.
pub fn print(line: impl Display) {
    // In one piece: tests run beside each other.
    stdout().lock().write_all(format!("{line}\n").as_bytes()).expect("stdout");
}

/// A test of each pass, called by its name: `$verify` of the pass.
#[macro_export]
macro_rules! test_each_pass {
    ($verify:path) => {
        #[test]
        fn forward() {
            $verify($crate::Pass::Forward);
        }

        #[test]
        fn grad_input() {
            $verify($crate::Pass::GradInput);
        }

        #[test]
        fn grad_weight() {
            $verify($crate::Pass::GradWeight);
        }

        #[test]
        fn grad_bias() {
            $verify($crate::Pass::GradBias);
        }
    };
}
