//! The order in which the gradients of weights and biases are summed: chains of neighbouring output
//! positions, and a tree of those.

use std::ops::Range;

use depthwise::Layout;

use crate::contract::Arithmetic;
use crate::shape::Shape;

/// Most positions of a chain.
pub const LENGTH: usize = 128;

/// Chains that a leaf has, side by side.
const CHAINS: usize = 4;

/// Output positions whose terms are summed one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Image.
    pub image: usize,
    /// Rows.
    pub rows: Range<usize>,
    /// Columns.
    pub columns: Range<usize>,
}

/// The leaves of the tree, from left to right: as many whole rows as 128 positions hold, or
/// pieces of that length of one row. The last of an image, or of a row, may be smaller.
pub fn leaves(shape: &Shape) -> Vec<Leaf> {
    let [rows, columns] = shape.output();
    let (height, width) = if columns > LENGTH { (1, LENGTH) } else { (LENGTH / columns, columns) };
    let mut leaves = Vec::new();
    for image in 0..shape.batch {
        for row in (0..rows).step_by(height) {
            for column in (0..columns).step_by(width) {
                leaves.push(Leaf {
                    image,
                    rows: row..rows.min(row + height),
                    columns: column..columns.min(column + width),
                });
            }
        }
    }
    leaves
}

/// The sum over all output positions `[n, oh, ow]`: `add` gives a chain's sum, and the next term
/// added to it. Channels-first, a leaf is four chains, of every fourth column each.
pub fn sum<A: Arithmetic>(
    arithmetic: &mut A,
    layout: Layout,
    shape: &Shape,
    mut add: impl FnMut(&mut A, A::Value, [usize; 3]) -> A::Value,
) -> A::Value {
    let chains = if layout == Layout::Nchw { CHAINS } else { 1 };
    let mut sums = Vec::new();
    for leaf in leaves(shape) {
        let mut chain = [arithmetic.zero(); CHAINS];
        for i in leaf.rows.clone() {
            for (place, j) in leaf.columns.clone().enumerate() {
                let sum = &mut chain[place % chains];
                *sum = add(arithmetic, *sum, [leaf.image, i, j]);
            }
        }
        sums.push(chain);
    }
    let [a, b, c, d] = joined(arithmetic, &sums, chains);
    if chains == 1 {
        return a;
    }
    let (left, right) = (arithmetic.add(a, b), arithmetic.add(c, d));
    arithmetic.add(left, right)
}

/// The sums, in the first `chains` chains, of a tree whose left half is as large a power of two as
/// leaves a right half.
fn joined<A: Arithmetic>(
    arithmetic: &mut A,
    sums: &[[A::Value; CHAINS]],
    chains: usize,
) -> [A::Value; CHAINS] {
    let [only] = sums else {
        let (left, right) = sums.split_at(sums.len().next_power_of_two() / 2);
        let mut sum = joined(arithmetic, left, chains);
        let right = joined(arithmetic, right, chains);
        for (sum, right) in sum.iter_mut().zip(right).take(chains) {
            *sum = arithmetic.add(*sum, right);
        }
        return sum;
    };
    *only
}

/// Most roundings that a term goes through on its way to the sum.
pub fn depth(shape: &Shape) -> usize {
    LENGTH + leaves(shape).len().next_power_of_two().ilog2() as usize + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use depthwise::Contract;

    /// The sum of numbers.
    fn sum(layout: Layout, shape: &Shape, add: impl Fn(f32, [usize; 3]) -> f32) -> f32 {
        super::sum(&mut Contract::MulAdd, layout, shape, |_, sum, at| add(sum, at))
    }

    /// A 1×1 window over `[batch, rows, columns]` positions.
    fn shape([batch, rows, columns]: [usize; 3]) -> Shape {
        Shape {
            batch,
            channels: 1,
            multiplier: 1,
            input: [rows, columns],
            kernel: [1; 2],
            stride: [1; 2],
            dilation: [1; 2],
            low: [0; 2],
            high: [0; 2],
        }
    }

    #[test]
    fn leaves_are_rows_or_pieces_of_one() {
        let count = |sizes| leaves(&shape(sizes)).len();
        assert_eq!([count([1, 128, 1]), count([1, 129, 1]), count([3, 1, 1])], [1, 2, 3]);
        assert_eq!([count([1, 11, 11]), count([1, 12, 11]), count([2, 12, 11])], [1, 2, 4]);
        assert_eq!([count([1, 2, 128]), count([1, 2, 129]), count([1, 2, 300])], [2, 4, 6]);
        let last = Leaf { image: 1, rows: 1..2, columns: 256..300 };
        assert_eq!(leaves(&shape([2, 2, 300])).last(), Some(&last));
    }

    #[test]
    fn every_position_is_added_once() {
        for sizes in [[1, 1, 1], [2, 7, 7], [1, 5, 129], [3, 2, 300], [1, 200, 1]] {
            for layout in Layout::ALL {
                let ones = sum(layout, &shape(sizes), |sum, _| sum + 1.0);
                assert_eq!(ones as usize, sizes.iter().product::<usize>());
            }
        }
    }

    /// With a huge term of each sign, what is added between them is lost.
    #[test]
    fn order_shows() {
        let terms = |values: [f32; 5]| move |sum: f32, [n, _, _]: [usize; 3]| sum + values[n];
        let five = shape([5, 1, 1]);
        let sum = |values| sum(Layout::Nhwc, &five, terms(values));
        assert_eq!(sum([1e9, -1e9, 1.0, 1.0, 1.0]), 3.0);
        // ((0 + 1) + (2 + 3)) + 4
        assert_eq!(sum([1e9, 1.0, -1e9, 1.0, 1.0]), 1.0);
        assert_eq!(sum([1e9, 1.0, 1.0, 1.0, -1e9]), 0.0);
        assert_eq!(depth(&five), 128 + 3 + 2);
    }

    #[test]
    fn channels_first_has_a_chain_for_every_fourth_column() {
        let row = shape([1, 2, 6]);
        let add = |values: [f32; 6]| move |sum: f32, [_, _, j]: [usize; 3]| sum + values[j];
        let sum = |layout, values| sum(layout, &row, add(values));
        let values = [1e9, 1.0, 0.0, 0.0, -1e9, 0.0];
        assert_eq!(sum(Layout::Nhwc, values), 0.0);
        assert_eq!(sum(Layout::Nchw, values), 2.0);
    }
}
