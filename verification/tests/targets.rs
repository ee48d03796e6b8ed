//! Every check of every case on every instruction set that this target has.
//!
//! Each test prints a line for each instruction set, `verified target=… isa=… contract=… check=…
//! cases=… hash=…`. Where contract, check and cases are the same, so must be the hash, on every target.

use depthwise::Isa;
use depthwise_verification::fence::Fence;
use depthwise_verification::{Check, Kernels, Pass, Report, campaign, cases, harness};

/// Fewest cases of a pass, and fewest of their results, that count as a verification.
fn fewest(pass: Pass) -> [usize; 2] {
    match pass {
        Pass::Forward => [4000, 1_000_000],
        Pass::GradInput => [2000, 500_000],
        Pass::GradWeight => [2000, 200_000],
        Pass::GradBias => [200, 2000],
    }
}

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

/// Runs all cases of a pass on all instruction sets, and compares those of the same contract.
fn verify(pass: Pass, check: Check) -> Vec<Report> {
    let (cases, [fewest, results]) = (cases::of(pass), fewest(pass));
    assert!(cases.len() >= fewest, "only {} cases", cases.len());
    let mut reports: Vec<Report> = Vec::new();
    for isa in harness::isas() {
        let report = match campaign::run(check, &Kernels(isa), cases) {
            Ok(report) => report,
            Err(failure) => panic!("{failure}"),
        };
        harness::print(&report);
        reports.push(report);
    }
    for report in &reports {
        assert!(report.compared >= results, "only {} results", report.compared);
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

macro_rules! passes {
    ($($name:ident: $pass:ident,)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn exact() {
                verify(Pass::$pass, Check::Exact);
            }

            #[test]
            fn bound() {
                for report in verify(Pass::$pass, Check::Bound) {
                    // Results that were exact, or compared with themselves, would be far inside.
                    assert!((0.1..=1.0).contains(&report.worst), "{}", report.worst);
                }
            }

            #[test]
            fn bits() {
                verify(Pass::$pass, Check::Bits);
            }

            #[test]
            fn guard() {
                verify(Pass::$pass, Check::Guard);
            }

            #[test]
            fn fence() {
                for report in verify(Pass::$pass, Check::Fence) {
                    assert!(report.compared >= Fence::ALL.len() * fewest(Pass::$pass)[1]);
                }
            }

            #[test]
            fn tiles() {
                for report in verify(Pass::$pass, Check::Tiles) {
                    // The plan's choice and the general instance, on each machine, are the least.
                    let instances = if Pass::$pass == Pass::GradBias { 2 } else { 4 };
                    assert!(report.compared >= instances * fewest(Pass::$pass)[1]);
                }
            }
        }
    )*};
}

passes! {
    forward: Forward,
    grad_input: GradInput,
    grad_weight: GradWeight,
    grad_bias: GradBias,
}
