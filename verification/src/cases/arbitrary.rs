//! Cases of any window.

use crate::case::Case;
use crate::pass::Pass;
use crate::random::Random;

/// So many cases of a pass, as random bytes make them.
pub fn arbitrary(pass: Pass, count: usize, random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    while cases.len() < count {
        let mut bytes = [0; Case::BYTES];
        // The highest bytes begin large sizes, beyond those of the classes.
        bytes.fill_with(|| random.below(254) as u8);
        let Ok(case) = Case::from_bytes(&bytes) else { continue };
        let (images, channels, [rows, columns]) = case.pass.results(&case.shape);
        let results = images * channels * rows * columns;
        if case.pass == pass && results * pass.terms(&case.shape) <= MOST_PRODUCTS {
            cases.push(case);
        }
    }
    cases
}

/// Most products of such a case.
const MOST_PRODUCTS: usize = 1 << 15;
