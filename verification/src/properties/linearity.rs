//! Linear in each operand.

use crate::case::Case;
use crate::data::Tensors;
use crate::properties::{Operand, compare, equal, evidence, results};
use crate::subject::Subject;
use crate::verdict::{Evidence, Fault};

/// On odd integers, the results of the sum of an operand and itself read backwards are the sum of the results.
///
/// All is exact: a sum of two odd numbers is even, and so has a bit less than its magnitude takes.
pub(crate) fn linear(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let (first, mut evidence) = evidence(case, &tensors, subject)?;
    for operand in Operand::of(case.pass) {
        let (mut backwards, mut sum) = (tensors.clone(), tensors.clone());
        operand.values_mut(&mut backwards).reverse();
        backwards.bias.iter_mut().chain(&mut backwards.before).for_each(|values| values.reverse());
        add(operand.values_mut(&mut sum), operand.values(&backwards));
        let affine = sum.bias.iter_mut().chain(&mut sum.before);
        affine
            .zip(backwards.bias.iter().chain(&backwards.before))
            .for_each(|(sum, other)| add(sum, other));
        let second = results(case, &backwards, subject)?;
        let both = results(case, &sum, subject)?;
        let pairs = first.iter().zip(second).map(|(first, second)| first + second).zip(both);
        let what = format!("of the sum: not linear in {}", operand.name());
        compare(&mut evidence, pairs, equal, &what)?;
    }
    Ok(evidence)
}

fn add(sum: &mut [f32], other: &[f32]) {
    sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
}
