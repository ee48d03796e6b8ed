//! What must hold between the results of two runs or more. No reference tells what they should be, so
//! these find what the library and its judge had in common.

mod independence;
mod linearity;
mod place;
mod repetition;
mod tensors;

pub(crate) use independence::{channels, clipped, images, influence};
pub(crate) use linearity::linear;
pub(crate) use place::{padded, translated};
pub(crate) use repetition::{offsets, repeated};

use crate::case::Case;
use crate::check::computed;
use crate::contract;
use crate::data::Tensors;
use crate::order;
use crate::pass::Pass;
use crate::subject::Subject;
use crate::verdict::{Evidence, Fault};

/// What a subject gives for tensors.
fn results(case: &Case, tensors: &Tensors, subject: &dyn Subject) -> Result<Vec<f32>, Fault> {
    Ok(computed(case, tensors, subject)?.results.values().to_vec())
}

/// What the runs have shown, all of them compared with the first one.
fn evidence(
    case: &Case,
    tensors: &Tensors,
    subject: &dyn Subject,
) -> Result<(Vec<f32>, Evidence), Fault> {
    let memory = computed(case, tensors, subject)?;
    let evidence = Evidence { compared: 0, ..Evidence::of(case, &memory) };
    Ok((evidence.results.clone(), evidence))
}

/// Equal, or NaN both.
fn equal(a: f32, b: f32) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// The same bits, but for those of NaN.
fn same_bits(a: f32, b: f32) -> bool {
    contract::bits(a) == contract::bits(b)
}

/// Compares two runs result by result, and counts: `what` says what the second one is.
fn compare(
    evidence: &mut Evidence,
    pairs: impl Iterator<Item = (f32, f32)>,
    alike: fn(f32, f32) -> bool,
    what: &str,
) -> Result<(), Fault> {
    for (index, (first, second)) in pairs.enumerate() {
        if !alike(first, second) {
            let reason = format!("result {index} is {first:e}, but {second:e} {what}");
            return Err(Fault::Wrong(reason));
        }
        evidence.compared += 1;
    }
    Ok(())
}

/// Calls `each` with the input element, the weight and the output element of every product of a convolution, as
/// indices.
fn products(case: &Case, mut each: impl FnMut([usize; 3])) {
    let (shape, layout) = (&case.shape, case.layout);
    for [n, o, i, j] in order::outputs(shape) {
        let y = order::output(layout, shape, [n, o, i, j]);
        for [_, _, u, v] in order::coordinates(1, 1, shape.kernel) {
            let (Some(h), Some(w)) = (shape.position(0, i, u), shape.position(1, j, v)) else {
                continue;
            };
            let x = order::input(layout, shape, [n, o / shape.multiplier, h, w]);
            each([x, order::weight(layout, shape, [o, u, v]), y]);
        }
    }
}

/// An operand of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    X,
    Weights,
    Gy,
}

impl Operand {
    const ALL: [Self; 3] = [Self::X, Self::Weights, Self::Gy];

    /// Those that a pass takes.
    fn of(pass: Pass) -> impl Iterator<Item = Self> {
        let takes = [pass.takes_x(), pass.takes_weights(), pass.takes_gy()];
        Self::ALL.into_iter().zip(takes).filter(|(_, takes)| *takes).map(|(operand, _)| operand)
    }

    fn name(self) -> &'static str {
        match self {
            Self::X => "the input",
            Self::Weights => "the weights",
            Self::Gy => "the output gradient",
        }
    }

    fn values(self, tensors: &Tensors) -> &[f32] {
        match self {
            Self::X => &tensors.x,
            Self::Weights => &tensors.weights,
            Self::Gy => &tensors.gy,
        }
    }

    fn values_mut(self, tensors: &mut Tensors) -> &mut [f32] {
        match self {
            Self::X => &mut tensors.x,
            Self::Weights => &mut tensors.weights,
            Self::Gy => &mut tensors.gy,
        }
    }
}
