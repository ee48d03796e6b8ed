//! Tensors of one shape made from those of another.

use crate::case::Case;
use crate::data::Tensors;
use crate::order;
use crate::pass::Pass;
use crate::shape::Shape;

/// The tensors of a case, of whose shape `shape` is a variant: `place` says of an element of the tensor that is shaped
/// like the results of a pass where it was, or that it is 0.
pub(super) fn rearranged(
    tensors: &Tensors,
    case: &Case,
    shape: &Shape,
    place: impl Fn(Pass, [usize; 4]) -> Option<[usize; 4]>,
) -> Tensors {
    let layout = case.layout;
    let tensor = |like: Pass, old: &Vec<f32>| {
        if old.is_empty() {
            return Vec::new();
        }
        let mut new = vec![0.0; order::count(like, shape)];
        for at in order::results(like, shape) {
            if let Some(from) = place(like, at) {
                new[order::result(like, layout, shape, at)] =
                    old[order::result(like, layout, &case.shape, from)];
            }
        }
        new
    };
    Tensors {
        x: tensor(Pass::GradInput, &tensors.x),
        weights: tensor(Pass::GradWeight, &tensors.weights),
        bias: tensors.bias.as_ref().map(|bias| tensor(Pass::GradBias, bias)),
        gy: tensor(Pass::Forward, &tensors.gy),
        before: tensors.before.as_ref().map(|before| tensor(case.pass, before)),
    }
}
