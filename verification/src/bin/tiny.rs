//! `tiny STEP` prints the cases of `tests/tiny.rs`, of every STEPth kernel of a family, on a line with commas between, for
//! machines that can't choose them in reasonable time.

use depthwise_verification::{Case, cases};

fn main() {
    let step = std::env::args().nth(1).and_then(|step| step.parse().ok()).unwrap_or(1);
    let digits: Option<Vec<_>> = cases::tiny(step).iter().map(Case::to_hex).collect();
    println!("{}", digits.expect("tiny cases fit into bytes").join(","));
}
