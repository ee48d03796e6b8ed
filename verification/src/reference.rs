//! The definition of all passes, in f64: plain loops over every product of the convolution.
//!
//! Tensors are closures from coordinates to values, so nothing here knows an order in memory.
//! Coordinates are `[n, c, h, w]` of the input, `[n, c·m, oh, ow]` of the output and
//! `[c·m, kh, kw]` of the weights; results are listed in that order.

use crate::shape::Shape;

/// A sum of products with what its error bound needs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// The sum.
    pub value: f64,
    /// Sum of the terms' absolute values.
    pub magnitude: f64,
    /// Number of terms.
    pub terms: usize,
}

impl Sum {
    pub(crate) fn add(&mut self, term: f64) {
        self.value += term;
        self.magnitude += term.abs();
        self.terms += 1;
    }
}

/// Coordinates of one product: input element × weight, a term of one output.
struct Product {
    input: [usize; 4],
    weight: [usize; 3],
    output: [usize; 4],
}

/// Every product: output after output, its taps row by row.
fn products(shape: &Shape, mut each: impl FnMut(Product)) {
    let [rows, columns] = shape.output();
    for n in 0..shape.batch {
        for o in 0..shape.output_channels() {
            for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                for u in 0..shape.kernel[0] {
                    let Some(h) = shape.position(0, i, u) else { continue };
                    for v in 0..shape.kernel[1] {
                        let Some(w) = shape.position(1, j, v) else { continue };
                        let input = [n, o / shape.multiplier, h, w];
                        each(Product { input, weight: [o, u, v], output: [n, o, i, j] });
                    }
                }
            }
        }
    }
}

/// Index of the element at `at` in a list of `sizes`.
fn flat<const N: usize>(sizes: [usize; N], at: [usize; N]) -> usize {
    sizes.iter().zip(at).fold(0, |index, (size, at)| index * size + at)
}

/// `y = conv(x, weights) + bias`; the bias counts as a term.
pub fn forward(
    shape: &Shape,
    x: impl Fn([usize; 4]) -> f64,
    weights: impl Fn([usize; 3]) -> f64,
    bias: impl Fn(usize) -> Option<f64>,
) -> Vec<Sum> {
    let ([rows, columns], channels) = (shape.output(), shape.output_channels());
    let mut y = vec![Sum::default(); shape.batch * channels * rows * columns];
    for (index, sum) in y.iter_mut().enumerate() {
        bias(index / (rows * columns) % channels).into_iter().for_each(|bias| sum.add(bias));
    }
    let sizes = [shape.batch, channels, rows, columns];
    products(shape, |p| y[flat(sizes, p.output)].add(x(p.input) * weights(p.weight)));
    y
}

/// Gradient of the input, from the gradient of the output.
pub fn grad_input(
    shape: &Shape,
    gy: impl Fn([usize; 4]) -> f64,
    weights: impl Fn([usize; 3]) -> f64,
) -> Vec<Sum> {
    let sizes = [shape.batch, shape.channels, shape.input[0], shape.input[1]];
    let mut gx = vec![Sum::default(); sizes.iter().product()];
    products(shape, |p| gx[flat(sizes, p.input)].add(gy(p.output) * weights(p.weight)));
    gx
}

/// Gradient of the weights, from the input and the gradient of the output.
pub fn grad_weight(
    shape: &Shape,
    x: impl Fn([usize; 4]) -> f64,
    gy: impl Fn([usize; 4]) -> f64,
) -> Vec<Sum> {
    let sizes = [shape.output_channels(), shape.kernel[0], shape.kernel[1]];
    let mut gw = vec![Sum::default(); sizes.iter().product()];
    products(shape, |p| gw[flat(sizes, p.weight)].add(x(p.input) * gy(p.output)));
    gw
}

/// Gradient of the bias, from the gradient of the output.
pub fn grad_bias(shape: &Shape, gy: impl Fn([usize; 4]) -> f64) -> Vec<Sum> {
    let [rows, columns] = shape.output();
    let mut gb = vec![Sum::default(); shape.output_channels()];
    for (o, sum) in gb.iter_mut().enumerate() {
        for n in 0..shape.batch {
            for i in 0..rows {
                (0..columns).for_each(|j| sum.add(gy([n, o, i, j])));
            }
        }
    }
    gb
}
