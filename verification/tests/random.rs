//! Every check of random cases, beyond those that are listed.

use depthwise::Isa;
use depthwise_verification::{Case, Check, Kernels};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_pass_all_checks(bytes in any::<[u8; Case::BYTES]>()) {
        let case = Case::from_bytes(&bytes).expect("any bytes make a case");
        prop_assert_eq!(case.to_string().parse(), Ok(case));
        for check in Check::ALL {
            if let Err(failure) = check.run(&case, &Kernels(Isa::best())) {
                prop_assert!(false, "{}", failure);
            }
        }
    }
}
