//! Smaller cases that fail alike.

use std::mem::discriminant;

use depthwise::{Activation, Update};

use crate::campaign::trial;
use crate::case::Case;
use crate::data::Data;
use crate::subject::Subject;
use crate::verdict::Failure;

/// The smallest failure of the same check and kind that halving one size after the other leads to.
pub fn shrink(failure: Box<Failure>, subject: &dyn Subject) -> Box<Failure> {
    let (kind, check, case) = (discriminant(&failure.fault), failure.check, failure.case);
    let again = |case: &Case| {
        let smaller = trial(check, subject, case).err()?;
        (discriminant(&smaller.fault) == kind).then_some(smaller)
    };
    smallest(case, failure, again).1
}

/// The smallest case that halving one size after the other leads to while something is found `again`,
/// and what was found there.
pub fn smallest<T>(mut case: Case, mut found: T, again: impl Fn(&Case) -> Option<T>) -> (Case, T) {
    let smaller = |case: &Case| {
        let possible =
            candidates(case).into_iter().filter(|other| other.shape.is_possible() && other != case);
        possible.map(|other| (other, again(&other))).find_map(|(case, found)| Some((case, found?)))
    };
    while let Some((less, again)) = smaller(&case) {
        (case, found) = (less, again);
    }
    (case, found)
}

/// The case with one thing halved, one less or left out, largest step first. Sizes may be impossible.
fn candidates(case: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut other = *case;
        change(&mut other);
        cases.push(other);
    };
    let steps: [fn(usize) -> usize; 2] = [|size| size / 2, |size| size.saturating_sub(1)];
    for smaller in steps {
        with(&|c| c.shape.batch = smaller(c.shape.batch));
        with(&|c| c.shape.channels = smaller(c.shape.channels));
        with(&|c| c.shape.multiplier = smaller(c.shape.multiplier));
        for axis in 0..2 {
            with(&|c| c.shape.input[axis] = smaller(c.shape.input[axis]));
            with(&|c| c.shape.kernel[axis] = smaller(c.shape.kernel[axis]));
            with(&|c| c.shape.stride[axis] = smaller(c.shape.stride[axis]));
            with(&|c| c.shape.dilation[axis] = smaller(c.shape.dilation[axis]));
        }
    }
    for axis in 0..2 {
        with(&|c| c.shape.low[axis] /= 2);
        with(&|c| c.shape.high[axis] /= 2);
    }
    with(&|c| c.bias = false);
    with(&|c| c.update = Update::Overwrite);
    with(&|c| c.activation = Activation::None);
    with(&|c| c.offset = 0);
    with(&|c| c.instance = None);
    with(&|c| c.seed = 0);
    if case.data == Data::Special {
        with(&|c| c.data = Data::Normal);
    }
    cases
}
