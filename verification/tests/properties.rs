//! What must hold between several runs, on every instruction set that this target has.
//!
//! Each test prints a line for each pass and instruction set, `verified target=… isa=… contract=… check=…
//! cases=… hash=…`. Where contract, check and cases are the same, so must be the hash, on every target.

use depthwise_verification::{Case, Check, Kernels, Pass, campaign, cases, harness};

/// Of a pass's cases, every so many: a property takes up to nine runs.
const STEP: usize = 5;

/// Fewest cases of a pass, and fewest comparisons, that count as a verification.
fn fewest(pass: Pass) -> [usize; 2] {
    let [cases, compared] = match pass {
        Pass::Forward => [4000, 1_000_000],
        Pass::GradInput => [2000, 500_000],
        Pass::GradWeight => [2000, 200_000],
        Pass::GradBias => [200, 2000],
    };
    // Some results have nothing that they could be compared with.
    [cases / STEP, compared / (2 * STEP)]
}

fn verify(check: Check) {
    let mut verified = 0;
    for pass in Pass::ALL {
        let cases: Vec<Case> = cases::of(pass).iter().step_by(STEP).copied().collect();
        let [fewest, compared] = fewest(pass);
        assert!(cases.len() >= fewest, "only {} cases", cases.len());
        for isa in harness::isas() {
            let report = match campaign::run(check, &Kernels(isa), &cases) {
                Ok(report) => report,
                Err(failure) => panic!("{failure}"),
            };
            assert!(report.compared >= compared, "only {} results", report.compared);
            harness::print(&report);
            verified += 1;
        }
    }
    assert!(verified >= Pass::ALL.len());
}

macro_rules! properties {
    ($($name:ident: $check:ident,)*) => {
        /// None is left out.
        const TESTED: &[Check] = &[$(Check::$check),*];

        $(
            #[test]
            fn $name() {
                verify(Check::$check);
            }
        )*
    };
}

properties! {
    linear: Linear,
    images: Images,
    channels: Channels,
    influence: Influence,
    clipped: Clipped,
    padded: Padded,
    translated: Translated,
    offsets: Offsets,
    repeated: Repeated,
}

#[test]
fn every_property_is_tested() {
    assert_eq!(TESTED, Check::PROPERTIES);
}
