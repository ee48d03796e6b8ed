//! The exact f32 models of the gradients: the order of each sum is part of the contract, and
//! what was there before is added last.

use depthwise::{Contract, Layout};

use crate::contract::step;
use crate::order;
use crate::shape::Shape;
use crate::tree;

/// Gradient of the input, in the order of [`reference::grad_input`](crate::reference::grad_input): one
/// chain from +0 over the windows that have the element, row by row, and the output channels of each.
pub fn grad_input(
    contract: Contract,
    shape: &Shape,
    gy: impl Fn([usize; 4]) -> f32,
    weights: impl Fn([usize; 3]) -> f32,
) -> Vec<f32> {
    let windows = [0, 1].map(|axis| {
        let windows = (0..shape.input[axis]).map(|position| windows(shape, axis, position));
        windows.collect::<Vec<_>>()
    });
    let chain = |[n, c, h, w]: [usize; 4]| {
        let mut sum = 0.0;
        for (i, u) in &windows[0][h] {
            for (j, v) in &windows[1][w] {
                for o in c * shape.multiplier..(c + 1) * shape.multiplier {
                    sum = step(contract, gy([n, o, *i, *j]), weights([o, *u, *v]), sum);
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
pub fn grad_weight(
    contract: Contract,
    layout: Layout,
    shape: &Shape,
    x: impl Fn([usize; 4]) -> f32,
    gy: impl Fn([usize; 4]) -> f32,
) -> Vec<f32> {
    let [rows, columns] = shape.input;
    let weight = |[_, o, u, v]: [usize; 4]| {
        tree::sum(layout, shape, |sum, [n, i, j]| {
            let h = (i * shape.stride[0] + u * shape.dilation[0]) as isize - shape.low[0];
            let w = (j * shape.stride[1] + v * shape.dilation[1]) as isize - shape.low[1];
            if h < 0 || w < 0 || h >= rows as isize || w >= columns as isize {
                return sum;
            }
            let source = [n, o / shape.multiplier, h as usize, w as usize];
            step(contract, x(source), gy([n, o, i, j]), sum)
        })
    };
    order::coordinates(1, shape.output_channels(), shape.kernel).map(weight).collect()
}

/// Gradient of the bias, summed over the [`tree`]; both contracts add alike.
pub fn grad_bias(layout: Layout, shape: &Shape, gy: impl Fn([usize; 4]) -> f32) -> Vec<f32> {
    let bias = |o| tree::sum(layout, shape, |sum, [n, i, j]| sum + gy([n, o, i, j]));
    (0..shape.output_channels()).map(bias).collect()
}
