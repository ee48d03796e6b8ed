//! Where a window lies decides nothing but what it reads.

use crate::case::Case;
use crate::data::Tensors;
use crate::order;
use crate::pass::Pass;
use crate::properties::tensors::rearranged;
use crate::properties::{compare, equal, evidence, results, same_bits};
use crate::shape::Shape;
use crate::subject::Subject;
use crate::verdict::{Evidence, Fault};

/// `index + by`, if that is below `end`.
fn moved(index: usize, by: isize, end: usize) -> Option<usize> {
    index.checked_add_signed(by).filter(|index| *index < end)
}

/// Padding is as good as zeros around the input, and negative padding as good as an input that is smaller: to what it
/// leaves out, nothing is added.
///
/// Compared by value, since a product with 0 can turn −0 into +0.
pub(crate) fn padded(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let tensors = Tensors::new(case);
    let (first, mut evidence) = evidence(case, &tensors, subject)?;
    let Shape { input, low, high, .. } = case.shape;
    let size = [0, 1].map(|axis| (input[axis] as isize + low[axis] + high[axis]) as usize);
    let shape = Shape { input: size, low: [0; 2], high: [0; 2], ..case.shape };
    let inside = |like: Pass, [n, c, h, w]: [usize; 4]| match like {
        Pass::GradInput => Some([n, c, moved(h, -low[0], input[0])?, moved(w, -low[1], input[1])?]),
        _ => Some([n, c, h, w]),
    };
    let around = |[n, c, h, w]: [usize; 4]| match case.pass {
        Pass::GradInput => Some([n, c, moved(h, low[0], size[0])?, moved(w, low[1], size[1])?]),
        _ => Some([n, c, h, w]),
    };
    let explicit = rearranged(&tensors, case, &shape, inside);
    let second = results(&Case { shape, ..*case }.or_best(), &explicit, subject)?;
    let index = |shape, at| order::result(case.pass, case.layout, shape, at);
    let pairs = order::results(case.pass, &case.shape).map(|at| {
        let own = index(&case.shape, at);
        let untouched = || tensors.before.as_ref().map_or(0.0, |before| before[own]);
        (first[own], around(at).map_or_else(untouched, |at| second[index(&shape, at)]))
    });
    compare(&mut evidence, pairs, equal, "with explicit padding")?;
    Ok(evidence)
}

/// Without its first row and column of windows, a convolution gives the others' results: the same bits forward,
/// and, on integers, the gradients of an output gradient that is 0 there.
pub(crate) fn translated(case: &Case, subject: &dyn Subject) -> Result<Evidence, Fault> {
    let (mut shape, output) = (case.shape, case.shape.output());
    let steps = [0, 1].map(|axis| usize::from(output[axis] > 1));
    for (axis, step) in steps.into_iter().enumerate() {
        shape.low[axis] -= (step * shape.stride[axis]) as isize;
    }
    let mut tensors = Tensors::new(case);
    if case.pass.takes_gy() {
        for at in order::outputs(&case.shape).filter(|[_, _, i, j]| *i < steps[0] || *j < steps[1])
        {
            tensors.gy[order::output(case.layout, &case.shape, at)] = 0.0;
        }
    }
    let first = results(case, &tensors, subject)?;
    let place = |like: Pass, [n, c, h, w]: [usize; 4]| match like {
        Pass::Forward => Some([n, c, h + steps[0], w + steps[1]]),
        _ => Some([n, c, h, w]),
    };
    let others = rearranged(&tensors, case, &shape, place);
    // Here, windows that are left out are no terms that happen to be 0.
    let (second, mut evidence) = evidence(&Case { shape, ..*case }.or_best(), &others, subject)?;
    let index = |shape, at| order::result(case.pass, case.layout, shape, at);
    let pairs = order::results(case.pass, &shape).filter_map(|at| {
        Some((first[index(&case.shape, place(case.pass, at)?)], second[index(&shape, at)]))
    });
    let alike = if case.pass == Pass::Forward { same_bits } else { equal };
    compare(&mut evidence, pairs, alike, "without the first row and column of windows")?;
    Ok(evidence)
}
