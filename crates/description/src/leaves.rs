use core::ops::Range;

use crate::problem::Problem;

/// How the gradient of a weight is summed: over leaves of a few output positions each, and then over a
/// tree of the leaves. It is a function of the output's size alone, so the bits of the sum never
/// depend on tiles or threads, and its error grows with the depth of the tree, not with the number
/// of positions.
///
/// A leaf is a group of whole rows of one image, or a piece of one row, of at most
/// [`POSITIONS`](Self::POSITIONS) positions, summed in ascending (h, w) order from +0; for NCHW in four
/// such chains, by column modulo 4 within the leaf, which are added at the very end as
/// `(0 + 1) + (2 + 3)`. The sum of `n` leaves, in (image, row, column) order, is that of the first `p`
/// plus that of the others, where `p` is the largest power of two below `n`.
///
/// With `n` products, `|error| ≤ (POSITIONS + ⌈log₂ leaves⌉ + 2)·u·Σ|x·gy|`, `u = 2⁻²⁴`, to first order
/// (Higham, Accuracy and Stability of Numerical Algorithms, 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaves {
    images: usize,
    rows: usize,
    columns: usize,
}

/// Output positions that are summed in one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Image.
    pub image: usize,
    /// Rows of the output.
    pub rows: Range<usize>,
    /// Columns of the output.
    pub columns: Range<usize>,
}

impl Leaves {
    /// Most positions of a leaf.
    pub const POSITIONS: usize = 128;

    /// The leaves of a problem's output.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        let (rows, columns) = (problem.height().output(), problem.width().output());
        Self { images: problem.batch(), rows, columns }
    }

    /// Rows of a group.
    fn group(&self) -> usize {
        (Self::POSITIONS / self.columns).max(1)
    }

    /// Groups of rows of an image, and pieces of a row.
    fn split(&self) -> (usize, usize) {
        (self.rows.div_ceil(self.group()), self.columns.div_ceil(Self::POSITIONS))
    }

    /// Number of leaves, at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        let (groups, pieces) = self.split();
        self.images * groups * pieces
    }

    /// One of them.
    #[must_use]
    pub fn leaf(&self, index: usize) -> Leaf {
        let (groups, pieces) = self.split();
        let (row, piece) = (index / pieces, index % pieces);
        let part = |start: usize, size: usize, end: usize| start..(start + size).min(end);
        Leaf {
            image: row / groups,
            rows: part(row % groups * self.group(), self.group(), self.rows),
            columns: part(piece * Self::POSITIONS, Self::POSITIONS, self.columns),
        }
    }

    /// Vectors of channels that are summed together at most where channels are last, for a kernel of `kernel` × `kernel` taps: whole
    /// cache lines, as many as make 3 KiB of sums, since the tree keeps one set of them for each of its levels.
    #[must_use]
    pub const fn vectors(kernel: usize) -> usize {
        (208 / (kernel * kernel)).next_multiple_of(4)
    }

    /// Where a tree of `count` leaves is split: the largest power of two below it.
    #[must_use]
    pub const fn half(count: usize) -> usize {
        1 << (count - 1).ilog2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    #[test]
    fn leaves_cover_each_position_once_in_order() {
        for (images, rows, columns) in
            [(1, 1, 1), (2, 7, 7), (1, 14, 14), (2, 3, 128), (1, 5, 129), (3, 2, 1000), (1, 200, 1)]
        {
            let leaves = Leaves { images, rows, columns };
            let mut next = vec![(0, 0); images * rows];
            for index in 0..leaves.count() {
                let leaf = leaves.leaf(index);
                assert!(leaf.rows.len() * leaf.columns.len() <= Leaves::POSITIONS);
                assert!(leaf.columns.start.is_multiple_of(4));
                for row in leaf.rows.clone() {
                    let (end, last) = &mut next[leaf.image * rows + row];
                    assert_eq!(*end, leaf.columns.start);
                    assert!(*last <= index);
                    (*end, *last) = (leaf.columns.end, index);
                }
            }
            assert!(next.iter().all(|&(end, _)| end == columns));
        }
    }

    #[test]
    fn leaves_are_as_large_as_can_be() {
        for ([rows, columns], leaf, count) in [
            ([7, 7], [7, 7], 2),
            ([14, 14], [9, 14], 4),
            ([3, 64], [2, 64], 4),
            ([3, 65], [1, 65], 6),
            ([2, 129], [1, 128], 8),
        ] {
            let leaves = Leaves { images: 2, rows, columns };
            let first = leaves.leaf(0);
            assert_eq!(([first.rows.len(), first.columns.len()], leaves.count()), (leaf, count));
        }
    }

    #[test]
    fn halves() {
        let halves: Vec<_> = (2..10).map(Leaves::half).collect();
        assert_eq!(halves, [1, 2, 2, 4, 4, 4, 4, 8]);
    }
}
