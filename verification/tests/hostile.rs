//! Random attacks on the planner and on the public interface, and those that a fuzzer has found.

use depthwise_verification::hostile::{self, Outcome};
use depthwise_verification::random::Random;
use depthwise_verification::{Case, Check, Kernels, bytes, campaign};

const ATTACKS: usize = 20_000;

/// Bytes of an attack.
const LENGTH: usize = 128;

/// Attacks with random bytes: how many were refused, accepted, and right.
fn attacks(attack: fn(&[u8]) -> arbitrary::Result<Outcome>) -> [usize; 3] {
    let mut random = Random::new(7);
    let mut counts = [0; 3];
    for _ in 0..ATTACKS {
        let bytes: Vec<u8> = (0..LENGTH).map(|_| random.next() as u8).collect();
        counts[attack(&bytes).expect("any bytes are an attack") as usize] += 1;
    }
    counts
}

#[test]
fn the_planner() {
    let [refused, accepted, right] = attacks(hostile::plan);
    println!("plans: {refused} refused, {accepted} accepted, {right} right");
    assert!(refused.min(accepted).min(right) > 500, "{refused} {accepted} {right}");
}

#[test]
fn the_public_interface() {
    let [refused, _, right] = attacks(hostile::api);
    println!("passes: {refused} refused, {right} right");
    assert!(refused.min(right) > 1000, "{refused} {right}");
}

/// What a fuzzer has found before.
#[test]
fn regressions() {
    let of = |text: &str| -> Vec<Vec<u8>> {
        bytes::lines(text).collect::<Result<_, _>>().expect("hexadecimal digits")
    };
    let plans = of(include_str!("../../fuzz/seeds/plan.hex"));
    plans.iter().for_each(|bytes| assert!(hostile::plan(bytes).is_ok()));
    let passes = of(include_str!("../../fuzz/seeds/api.hex"));
    passes.iter().for_each(|bytes| assert!(hostile::api(bytes).is_ok()));
    let cases = of(include_str!("../../fuzz/seeds/kernels.hex"));
    for bytes in &cases {
        let case = Case::from_bytes(bytes).expect("any bytes make a case");
        for check in Check::ALL {
            if let Err(failure) = campaign::trial(check, &Kernels(depthwise::Isa::best()), &case) {
                panic!("{failure}");
            }
        }
    }
    println!("{} plans, {} passes, {} cases", plans.len(), passes.len(), cases.len());
    assert!(plans.len().min(passes.len()).min(cases.len()) > 0);
}
