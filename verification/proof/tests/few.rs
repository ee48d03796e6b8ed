//! Few claims, proven in no time: what kills most planted bugs (`cargo xtask mutants`).

use depthwise_proof::few;
use depthwise_verification::Pass;

fn verify(pass: Pass) {
    let claims = few(pass);
    assert!(claims.len() > 100, "only {} shapes", claims.len());
    for claim in claims {
        // What is wrong is not shrunk: there is no time for that.
        if let Err(fault) = claim.check() {
            panic!("{fault}: {claim}");
        }
    }
}

#[test]
fn forward() {
    verify(Pass::Forward);
}

#[test]
fn grad_input() {
    verify(Pass::GradInput);
}

#[test]
fn grad_weight() {
    verify(Pass::GradWeight);
}

#[test]
fn grad_bias() {
    verify(Pass::GradBias);
}
