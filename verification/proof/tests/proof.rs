//! All claims, proven.

use std::collections::BTreeMap;
use std::time::Instant;

use depthwise::{INSTANCES, Layout};
use depthwise_proof::claims;
use depthwise_verification::{Pass, harness, test_each_pass};

/// Fewest shapes of each pass: 50,000 of all passes together.
const FEWEST: [usize; 4] = [22_000, 20_000, 10_000, 1000];

const _: () = assert!(FEWEST[0] + FEWEST[1] + FEWEST[2] + FEWEST[3] >= 50_000);

/// Fewest shapes of each instance in each pass that it computes.
const FEWEST_OF_INSTANCE: usize = 100;

fn verify(pass: Pass) {
    let (start, claims) = (Instant::now(), claims(pass));
    let mut of = BTreeMap::new();
    let [mut results, mut operations] = [0; 2];
    for claim in &claims {
        match claim.prove() {
            Ok(proof) => {
                results += proof.results;
                operations += proof.operations;
            }
            Err(refutation) => panic!("{refutation}"),
        }
        if let Some(instance) = claim.case.instance {
            *of.entry(instance.name).or_insert(0) += 1;
        }
    }
    for layout in Layout::ALL {
        let shapes = claims.iter().filter(|claim| claim.case.layout == layout).count();
        assert!(shapes * 4 > claims.len(), "only {shapes} shapes of {layout}");
    }
    for instance in INSTANCES.iter().filter(|instance| pass.is_computed_by(instance)) {
        let shapes = of.get(instance.name).copied().unwrap_or(0);
        assert!(shapes >= FEWEST_OF_INSTANCE, "only {shapes} shapes of {}", instance.name);
    }
    assert!(claims.len() >= FEWEST[pass as usize], "only {} shapes", claims.len());
    harness::print(format_args!(
        "proven pass={} shapes={} instances={} results={results} operations={operations} seconds={:.0}",
        pass.name(),
        claims.len(),
        of.len(),
        start.elapsed().as_secs_f64()
    ));
}

test_each_pass!(verify);
