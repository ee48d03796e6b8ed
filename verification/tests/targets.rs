//! Every check of every case on every instruction set that this target has.
//!
//! Each test prints a line for each instruction set, `verified target=… isa=… contract=… check=…
//! cases=… hash=…`. Where contract, check and cases are the same, so must be the hash, on every target.

use std::io::{Write, stdout};

use depthwise::Isa;
use depthwise_verification::{Check, Kernels, Report, campaign, cases};

/// Fewest cases that count as a verification.
const CASES: usize = 4000;

/// The instruction sets that a build for this target must have.
fn expected() -> Vec<Isa> {
    if cfg!(target_arch = "aarch64") {
        vec![Isa::Neon]
    } else if cfg!(all(target_arch = "wasm32", target_feature = "relaxed-simd")) {
        vec![Isa::Simd128, Isa::Simd128Relaxed]
    } else if cfg!(target_arch = "wasm32") {
        vec![Isa::Simd128]
    } else {
        vec![Isa::Portable, Isa::PortableFused]
    }
}

/// Runs all cases on all instruction sets, and compares those of the same contract.
fn verify(check: Check) -> Vec<Report> {
    let cases = cases::all();
    assert!(cases.len() >= CASES, "only {} cases", cases.len());
    let mut reports: Vec<Report> = Vec::new();
    for isa in Isa::ALL.into_iter().filter(|isa| isa.available()) {
        let report = match campaign::run(check, &Kernels(isa), cases) {
            Ok(report) => report,
            Err(failure) => panic!("{failure}"),
        };
        // Past the capture of the test harness: these lines are the result.
        let mut stdout = stdout().lock();
        stdout.write_all(format!("{report}\n").as_bytes()).expect("stdout");
        reports.push(report);
    }
    for report in &reports {
        let alike = reports.iter().filter(|other| other.contract == report.contract);
        for other in alike {
            assert_eq!(report.hash, other.hash, "{} and {}", report.subject, other.subject);
        }
    }
    reports
}

#[test]
fn instruction_sets_are_there() {
    for isa in expected() {
        assert!(isa.available(), "{isa} is missing");
    }
}

#[test]
fn exact() {
    for report in verify(Check::Exact) {
        assert!(report.compared > 1_000_000);
    }
}

#[test]
fn bound() {
    for report in verify(Check::Bound) {
        // Results that were exact, or compared with themselves, would be far inside their bounds.
        assert!((0.1..=1.0).contains(&report.worst), "{}", report.worst);
    }
}

#[test]
fn bits() {
    for report in verify(Check::Bits) {
        assert!(report.compared > 1_000_000);
    }
}

#[test]
fn guard() {
    for report in verify(Check::Guard) {
        assert!(report.compared > 1_000_000);
    }
}

#[test]
fn tiles() {
    for report in verify(Check::Tiles) {
        // The plan's choice and the general instance, on each machine, are the least.
        assert!(report.compared > 4_000_000);
    }
}
