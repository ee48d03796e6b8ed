//! Prints the cases that `tests/tiny.rs` runs, on a line with commas between, for machines that can't choose them in
//! reasonable time.

use depthwise_verification::{Case, cases};

fn main() {
    let digits: Option<Vec<_>> = cases::tiny().iter().map(Case::to_hex).collect();
    println!("{}", digits.expect("tiny cases fit into bytes").join(","));
}
