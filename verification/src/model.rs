//! The exact model of all passes: the order of each sum is part of the contract. In any
//! [`Arithmetic`], so that one text is the model of numbers and of expressions.

use depthwise::{Activation, Layout};

use crate::contract::{self, Arithmetic};
use crate::order;
use crate::shape::Shape;
use crate::tree;

/// The results in the order of [`reference::forward`](crate::reference::forward): of each, one chain
/// over the taps in (row, column) order, from the bias or +0.
pub fn forward<A: Arithmetic>(
    arithmetic: &mut A,
    shape: &Shape,
    x: impl Fn([usize; 4]) -> A::Value,
    weights: impl Fn([usize; 3]) -> A::Value,
    bias: impl Fn(usize) -> Option<A::Value>,
    activation: Activation,
) -> Vec<A::Value> {
    let (low, high) = contract::bounds(activation);
    let chain = |[n, o, i, j]: [usize; 4]| {
        let mut sum = bias(o).unwrap_or(arithmetic.zero());
        for u in 0..shape.kernel[0] {
            let Some(h) = place(shape, 0, i, u) else { continue };
            for v in 0..shape.kernel[1] {
                let Some(w) = place(shape, 1, j, v) else { continue };
                let source = x([n, o / shape.multiplier, h, w]);
                sum = arithmetic.step(source, weights([o, u, v]), sum);
            }
        }
        if low > f32::NEG_INFINITY || high < f32::INFINITY {
            sum = arithmetic.clamp(sum, low, high);
        }
        sum
    };
    order::outputs(shape).map(chain).collect()
}

/// The input position of a tap of a window, unless it is in the padding.
fn place(shape: &Shape, axis: usize, window: usize, tap: usize) -> Option<usize> {
    let padded = (window * shape.stride[axis] + tap * shape.dilation[axis]) as isize;
    let position = padded - shape.low[axis];
    (0..shape.input[axis] as isize).contains(&position).then_some(position as usize)
}

/// Gradient of the input, in the order of [`reference::grad_input`](crate::reference::grad_input): one
/// chain from +0 over the windows that have the element, row by row, and the output channels of each.
pub fn grad_input<A: Arithmetic>(
    arithmetic: &mut A,
    shape: &Shape,
    gy: impl Fn([usize; 4]) -> A::Value,
    weights: impl Fn([usize; 3]) -> A::Value,
) -> Vec<A::Value> {
    let windows = [0, 1].map(|axis| {
        let windows = (0..shape.input[axis]).map(|position| windows(shape, axis, position));
        windows.collect::<Vec<_>>()
    });
    let chain = |[n, c, h, w]: [usize; 4]| {
        let mut sum = arithmetic.zero();
        for (i, u) in &windows[0][h] {
            for (j, v) in &windows[1][w] {
                for o in c * shape.multiplier..(c + 1) * shape.multiplier {
                    sum = arithmetic.step(gy([n, o, *i, *j]), weights([o, *u, *v]), sum);
                }
            }
        }
        sum
    };
    order::coordinates(shape.batch, shape.channels, shape.input).map(chain).collect()
}

/// The windows that have the input element at `position`, in order, each with its tap there.
fn windows(shape: &Shape, axis: usize, position: usize) -> Vec<(usize, usize)> {
    let padded = position as isize + shape.low[axis];
    let tap = |window: usize| {
        let distance = usize::try_from(padded - (window * shape.stride[axis]) as isize).ok()?;
        let tap = distance / shape.dilation[axis];
        let exact = distance % shape.dilation[axis] == 0 && tap < shape.kernel[axis];
        exact.then_some((window, tap))
    };
    (0..shape.output()[axis]).filter_map(tap).collect()
}

/// Gradient of the weights, in the order of [`reference::grad_weight`](crate::reference::grad_weight),
/// summed over the [`tree`].
pub fn grad_weight<A: Arithmetic>(
    arithmetic: &mut A,
    layout: Layout,
    shape: &Shape,
    x: impl Fn([usize; 4]) -> A::Value,
    gy: impl Fn([usize; 4]) -> A::Value,
) -> Vec<A::Value> {
    let weight = |[_, o, u, v]: [usize; 4]| {
        tree::sum(arithmetic, layout, shape, |arithmetic, sum, [n, i, j]| {
            match (place(shape, 0, i, u), place(shape, 1, j, v)) {
                (Some(h), Some(w)) => {
                    arithmetic.step(x([n, o / shape.multiplier, h, w]), gy([n, o, i, j]), sum)
                }
                _ => sum,
            }
        })
    };
    order::coordinates(1, shape.output_channels(), shape.kernel).map(weight).collect()
}

/// Gradient of the bias, summed over the [`tree`]; both contracts add alike.
pub fn grad_bias<A: Arithmetic>(
    arithmetic: &mut A,
    layout: Layout,
    shape: &Shape,
    gy: impl Fn([usize; 4]) -> A::Value,
) -> Vec<A::Value> {
    let bias = |o| {
        let add =
            |arithmetic: &mut A, sum, [n, i, j]: [usize; 3]| arithmetic.add(sum, gy([n, o, i, j]));
        tree::sum(arithmetic, layout, shape, add)
    };
    (0..shape.output_channels()).map(bias).collect()
}
