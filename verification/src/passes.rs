//! What each pass gives for the tensors of a case.

use crate::bound;
use crate::case::Case;
use crate::contract::Arithmetic;
use crate::data::Tensors;
use crate::model;
use crate::order;
use crate::pass::Pass;
use crate::reference::{self, Sum};
use crate::tree;

/// The reference's sums, in the order of [`order::results`].
pub fn sums(case: &Case, tensors: &Tensors) -> Vec<Sum> {
    let (shape, layout) = (&case.shape, case.layout);
    let x = |at| f64::from(tensors.x[order::input(layout, shape, at)]);
    let gy = |at| f64::from(tensors.gy[order::output(layout, shape, at)]);
    let weights = |at| f64::from(tensors.weights[order::weight(layout, shape, at)]);
    let bias = |o| tensors.bias.as_ref().map(|bias: &Vec<f32>| f64::from(bias[o]));
    let mut sums = match case.pass {
        Pass::Forward => reference::forward(shape, x, weights, bias),
        Pass::GradInput => reference::grad_input(shape, gy, weights),
        Pass::GradWeight => reference::grad_weight(shape, x, gy),
        Pass::GradBias => reference::grad_bias(shape, gy),
    };
    if let Some(before) = &tensors.before {
        for (sum, at) in sums.iter_mut().zip(order::results(case.pass, shape)) {
            sum.add(before[order::result(case.pass, layout, shape, at)].into());
        }
    }
    sums
}

/// The results of an arithmetic, a contract's numbers or expressions, in the order of [`order::results`].
pub fn model<A: Arithmetic>(
    mut arithmetic: A,
    case: &Case,
    tensors: &Tensors<A::Value>,
) -> Vec<A::Value> {
    let (shape, layout) = (&case.shape, case.layout);
    let x = |at| tensors.x[order::input(layout, shape, at)];
    let gy = |at| tensors.gy[order::output(layout, shape, at)];
    let weights = |at| tensors.weights[order::weight(layout, shape, at)];
    let bias = |o: usize| tensors.bias.as_ref().map(|bias| bias[o]);
    let a = &mut arithmetic;
    let mut results = match case.pass {
        Pass::Forward => model::forward(a, shape, x, weights, bias, case.activation),
        Pass::GradInput => model::grad_input(a, shape, gy, weights),
        Pass::GradWeight => model::grad_weight(a, layout, shape, x, gy),
        Pass::GradBias => model::grad_bias(a, layout, shape, gy),
    };
    if let Some(before) = &tensors.before {
        for (result, at) in results.iter_mut().zip(order::results(case.pass, shape)) {
            *result = a.add(before[order::result(case.pass, layout, shape, at)], *result);
        }
    }
    results
}

/// How far each result may be from the reference's sum.
pub fn bound(case: &Case) -> impl Fn(&Sum) -> f64 {
    let depth = match case.pass {
        Pass::Forward | Pass::GradInput => usize::MAX,
        // What is accumulated to is added with one more rounding.
        Pass::GradWeight | Pass::GradBias => tree::depth(&case.shape) + 1,
    };
    move |sum| bound::at_depth(sum, depth)
}
