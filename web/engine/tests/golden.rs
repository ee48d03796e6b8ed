//! The hashes that the page compares its own with.

use depthwise::Isa;
use depthwise_engine::campaign::Campaign;
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("../golden.json");

/// As `depthwise verify --seed SEED --cases CASES --check exact,bound,bits,guard,tiles` prints them. The
/// contract of relaxed SIMD and NEON is computed in software here.
#[test]
fn golden_hashes_are_those_of_native_code() {
    let golden: Value = serde_json::from_str(GOLDEN).expect("JSON");
    let number = |name: &str| golden[name].as_u64().expect("a number");
    let mut found = json!({});
    for isa in [Isa::Portable, Isa::PortableFused].into_iter().filter(|isa| isa.available()) {
        let mut campaign = Campaign::new(number("seed"), false).on(isa);
        campaign.run(number("cases"));
        let report = campaign.report();
        assert_eq!(report.failures, 0, "{:?}", report.findings);
        for (pass, hash) in report.hashes {
            found[isa.contract().name()][pass] = hash.into();
        }
    }
    // AArch64 has no portable kernels.
    if cfg!(not(target_arch = "aarch64")) {
        assert_eq!(golden["hashes"], found, "found {found}");
    }
}
