//! A small case of each kernel, for interpreters: `cargo xtask miri` runs this test alone.

use depthwise_verification::{Case, Check, Kernels, Pass, campaign, cases, harness};

/// What [`cases::tiny`] gives; under an interpreter, what it gave outside.
fn tiny() -> Vec<Case> {
    match std::env::var("DEPTHWISE_TINY") {
        Ok(cases) => cases.split(',').map(|case| case.parse().expect("a case")).collect(),
        Err(_) => cases::tiny(1),
    }
}

#[test]
fn bits() {
    let (cases, mut verified) = (tiny(), 0);
    for pass in Pass::ALL {
        let cases: Vec<Case> = cases.iter().filter(|case| case.pass == pass).copied().collect();
        if cases.is_empty() {
            // Of a part of the cases.
            continue;
        }
        for isa in harness::isas() {
            let mut report = match campaign::run(Check::Bits, &Kernels(isa), &cases) {
                Ok(report) => report,
                Err(failure) => panic!("{failure}"),
            };
            report.check = format!("{}-tiny", pass.name());
            harness::print(&report);
            verified += report.cases;
        }
    }
    assert!(verified >= cases.len());
}
