//! Two small cases of each kernel, for interpreters: `cargo xtask miri` runs this test alone.

use std::io::{Write, stdout};

use depthwise::Isa;
use depthwise_verification::{Case, Check, Kernels, Pass, campaign, cases};

/// What [`cases::tiny`] gives; under an interpreter, what it gave outside.
fn tiny() -> Vec<Case> {
    match std::env::var("DEPTHWISE_TINY") {
        Ok(cases) => cases.split(',').map(|case| case.parse().expect("a case")).collect(),
        Err(_) => cases::tiny(),
    }
}

#[test]
fn bits() {
    let (cases, mut verified) = (tiny(), 0);
    for pass in Pass::ALL {
        let cases: Vec<Case> = cases.iter().filter(|case| case.pass == pass).copied().collect();
        assert!(cases.len() > 2, "{} cases of {}", cases.len(), pass.name());
        for isa in Isa::ALL.into_iter().filter(|isa| isa.available()) {
            let mut report = match campaign::run(Check::Bits, &Kernels(isa), &cases) {
                Ok(report) => report,
                Err(failure) => panic!("{failure}"),
            };
            report.check = format!("{}-tiny", pass.name());
            // Past the capture of the test harness: these lines are the result.
            stdout().lock().write_all(format!("{report}\n").as_bytes()).expect("stdout");
            verified += report.cases;
        }
    }
    assert!(verified >= cases.len());
}
