//! Few claims, proven in no time: what kills most planted bugs (`cargo xtask mutants`).

use depthwise_proof::few;
use depthwise_verification::{Pass, test_each_pass};

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

test_each_pass!(verify);
