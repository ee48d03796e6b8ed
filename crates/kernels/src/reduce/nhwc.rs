//! Channels last: lanes are channels.

use core::ops::Range;

use depthwise_description::{Leaf, Span};
use depthwise_lanes::{Cursor, LANES, Lanes};

use super::{Reduction, Sums, tree};
use crate::channels::{Channels, Contiguous, Gather, Partial, Splat};

/// Vectors of channels that are summed together: a cache line.
const VECTORS: usize = 4;

/// A specialised kernel size and stride: `ROWS` rows of taps in registers, `COLUMNS` positions at a time.
///
/// ```text
/// for each cache line of channels, each ROWS rows of taps
///     for each leaf, vector of channels, row of positions
///         for each COLUMNS positions: g = the output gradients; for each row of taps
///             acc[row][0..K] += x[0..K + (COLUMNS − 1)·S], each loaded once, · g
/// ```
///
/// `sum` is [`leaf`] for these parameters; the caller names it, so that the code of its loops is known
/// by the instance's name.
#[inline(always)]
pub(crate) fn taps<L: Lanes, const ROWS: usize, const K: usize>(
    reduction: &Reduction<'_, L>,
    sum: impl Fn(Place) -> Sums<L, VECTORS, ROWS, K>,
) {
    let channels = reduction.whole();
    for block in channels.clone().step_by(VECTORS * LANES) {
        let vectors = ((channels.end - block) / LANES).min(VECTORS);
        for group in (0..K).step_by(ROWS) {
            let count = reduction.leaves.count();
            let sums = tree::<L, VECTORS, ROWS, K>(reduction.lanes, 0, count, &|index| {
                sum(Place { index, block, vectors, group })
            });
            for (vector, rows) in sums.iter().enumerate().take(vectors) {
                for (row, taps) in rows.iter().enumerate().take(K - group) {
                    for (tap, &sum) in taps.iter().enumerate() {
                        let tap = (group + row) * K + tap;
                        let channel = block + vector * LANES;
                        reduction.write(tap * reduction.output_channels + channel, sum, LANES);
                    }
                }
            }
        }
    }
}

/// What is summed together: a leaf, for some vectors of channels from `block` on and the rows of taps
/// from `group` on.
pub(crate) struct Place {
    index: usize,
    block: usize,
    vectors: usize,
    group: usize,
}

/// The sums of one leaf.
#[inline(always)]
pub(crate) fn leaf<
    L: Lanes,
    const ROWS: usize,
    const K: usize,
    const S: usize,
    const COLUMNS: usize,
>(
    reduction: &Reduction<'_, L>,
    Place { index, block, vectors, group }: Place,
) -> Sums<L, VECTORS, ROWS, K> {
    let (l, leaf) = (reduction.lanes, reduction.leaves.leaf(index));
    let mut sums = [[[l.zero(); K]; ROWS]; VECTORS];
    for (vector, sums) in sums.iter_mut().enumerate().take(vectors) {
        let channel = block + vector * LANES;
        for row in leaf.rows.clone() {
            let taps = reduction.height.dense_taps(row);
            let rows = taps.start.clamp(group, group + ROWS) - group
                ..taps.end.clamp(group, group + ROWS) - group;
            if rows.is_empty() {
                continue;
            }
            let line = Line::<L, S>::new(reduction, &leaf, row, channel, group);
            if rows.len() == ROWS {
                line.add::<ROWS, K, COLUMNS, true>(reduction, &leaf, 0..ROWS, sums);
            } else {
                line.add::<ROWS, K, COLUMNS, false>(reduction, &leaf, rows, sums);
            }
        }
    }
    sums
}

/// A row of positions, of one vector of channels.
struct Line<L: Lanes, const S: usize> {
    lanes: L,
    /// Source of the group's first tap of window 0, whether or not it exists.
    input: L::Src,
    /// Output gradient of position 0.
    grad_output: L::Src,
    input_row: isize,
    input_column: isize,
    output_column: isize,
}

impl<L: Lanes, const S: usize> Line<L, S> {
    #[inline(always)]
    fn new(
        reduction: &Reduction<'_, L>,
        leaf: &Leaf,
        row: usize,
        channel: usize,
        group: usize,
    ) -> Self {
        let (height, width) = (reduction.height, reduction.width);
        let input_column = reduction.input_channels as isize;
        let output_column = reduction.output_channels as isize;
        let input_row = width.input() as isize * input_column;
        let top =
            (row * S + group) as isize - height.pad_low() + (leaf.image * height.input()) as isize;
        let output_row = leaf.image * height.output() + row;
        let output = (output_row * width.output()) as isize * output_column;
        let input = top * input_row - width.pad_low() * input_column;
        Self {
            lanes: reduction.lanes,
            input: reduction.gradient.input.step(input + channel as isize),
            grad_output: reduction.gradient.grad_output.step(output + channel as isize),
            input_row,
            input_column,
            output_column,
        }
    }

    /// Adds the positions of the line that are in the leaf, for the rows of taps that exist
    /// (`WHOLE`: all of them).
    #[inline(always)]
    fn add<const ROWS: usize, const K: usize, const COLUMNS: usize, const WHOLE: bool>(
        &self,
        reduction: &Reduction<'_, L>,
        leaf: &Leaf,
        rows: Range<usize>,
        sums: &mut [[L::Vector; K]; ROWS],
    ) {
        let mut acc = *sums;
        let (whole, columns) = (&reduction.whole_windows, &leaf.columns);
        if whole.is_empty() {
            // Windows may miss columns at both ends.
            *sums = self.border(reduction, columns.clone(), &rows, acc);
            return;
        }
        let start = whole.start.clamp(columns.start, columns.end);
        let end = whole.end.clamp(start, columns.end);
        let low = reduction.width.pad_low().max(0) as usize;
        let left = columns.start..start;
        if left.len() == low.div_ceil(S) && low == K / 2 {
            self.left::<ROWS, K, WHOLE>(K / 2, &left, &rows, &mut acc);
        } else if S == 2 && left.len() == low.div_ceil(S) && low + 1 == K / 2 {
            self.left::<ROWS, K, WHOLE>(K / 2 - 1, &left, &rows, &mut acc);
        } else {
            acc = self.border(reduction, left, &rows, acc);
        }
        let tiles = (end - start) / COLUMNS;
        let (mut input, mut grad_output) = self.at(start);
        for _ in 0..tiles {
            self.tile::<ROWS, K, WHOLE>(COLUMNS, 0, 0, input, grad_output, &rows, &mut acc);
            input = input.step((COLUMNS * S) as isize * self.input_column).anew();
            grad_output = grad_output.step(COLUMNS as isize * self.output_column).anew();
        }
        for _ in start + tiles * COLUMNS..end {
            self.tile::<ROWS, K, WHOLE>(1, 0, 0, input, grad_output, &rows, &mut acc);
            input = input.step(S as isize * self.input_column);
            grad_output = grad_output.step(self.output_column);
        }
        let right = end..columns.end;
        let high = match right.is_empty() {
            true => 0,
            false => K - reduction.width.dense_taps(columns.end - 1).end,
        };
        if right.len() == high.div_ceil(S) && high == K / 2 {
            self.right::<ROWS, K, WHOLE>(K / 2, &right, &rows, &mut acc);
        } else if S == 2 && right.len() == high.div_ceil(S) && high + 1 == K / 2 {
            self.right::<ROWS, K, WHOLE>(K / 2 - 1, &right, &rows, &mut acc);
        } else {
            acc = self.border(reduction, right, &rows, acc);
        }
        *sums = acc;
    }

    /// The source of the first tap of a window, and its output gradient.
    #[inline(always)]
    fn at(&self, column: usize) -> (L::Src, L::Src) {
        let input = self.input.step((column * S) as isize * self.input_column);
        (input, self.grad_output.step(column as isize * self.output_column))
    }

    /// Adds the positions at the left border, where `low` (a constant) columns are missing.
    #[inline(always)]
    fn left<const ROWS: usize, const K: usize, const WHOLE: bool>(
        &self,
        low: usize,
        columns: &Range<usize>,
        rows: &Range<usize>,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        let (input, grad_output) = self.at(columns.start);
        self.tile::<ROWS, K, WHOLE>(low.div_ceil(S), low, 0, input, grad_output, rows, acc);
    }

    /// Adds the positions at the right border, where `high` (a constant) columns are missing.
    #[inline(always)]
    fn right<const ROWS: usize, const K: usize, const WHOLE: bool>(
        &self,
        high: usize,
        columns: &Range<usize>,
        rows: &Range<usize>,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        let (input, grad_output) = self.at(columns.start);
        self.tile::<ROWS, K, WHOLE>(high.div_ceil(S), 0, high, input, grad_output, rows, acc);
    }

    /// Adds `columns` positions, whose windows miss `low` columns before the input and `high` after it:
    /// three constants, 4 at most, that are folded into the code.
    #[allow(clippy::too_many_arguments, reason = "three of them are constants")]
    #[inline(always)]
    fn tile<const ROWS: usize, const K: usize, const WHOLE: bool>(
        &self,
        columns: usize,
        low: usize,
        high: usize,
        input: L::Src,
        grad_output: L::Src,
        rows: &Range<usize>,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        const MOST: usize = 4;
        let (l, window) = (self.lanes, columns.saturating_sub(1) * S + K);
        let mut g = [l.zero(); MOST];
        unroll!(j < MOST => {
            if j < columns {
                // SAFETY: `reduce`'s caller has vouched for the output gradient.
                g[j] = unsafe { l.load(grad_output.step(j as isize * self.output_column)) };
            }
        });
        unroll!(v < ROWS => {
            if WHOLE || rows.contains(&v) {
                let row = input.step(v as isize * self.input_row);
                let mut x = [l.zero(); 16];
                unroll!(j < MOST => {
                    unroll!(u < K => {
                        let q = j * S + u;
                        if j < columns && q >= low && q < window - high {
                            if j == 0 || u + S >= K {
                                // SAFETY: this row of the windows exists, and so does this column.
                                x[q] = unsafe { l.load(row.step(q as isize * self.input_column)) };
                            }
                            acc[v][u] = l.fma(acc[v][u], x[q], g[j]);
                        }
                    });
                });
            }
        });
    }

    /// Adds positions whose windows miss columns in any other way. The sums are passed by value: a
    /// reference to them would keep them out of registers everywhere.
    #[cold]
    #[inline(never)]
    fn border<const ROWS: usize, const K: usize>(
        &self,
        reduction: &Reduction<'_, L>,
        columns: Range<usize>,
        rows: &Range<usize>,
        mut acc: [[L::Vector; K]; ROWS],
    ) -> [[L::Vector; K]; ROWS] {
        let l = self.lanes;
        for column in columns {
            let taps = reduction.width.dense_taps(column);
            let (input, grad_output) = self.at(column);
            // SAFETY: `reduce`'s caller has vouched for the output gradient.
            let g = unsafe { l.load(grad_output) };
            for v in rows.clone() {
                let row = input.step(v as isize * self.input_row);
                for u in taps.clone() {
                    // SAFETY: this tap of the window exists.
                    let x = unsafe { l.load(row.step(u as isize * self.input_column)) };
                    acc[v][u] = l.fma(acc[v][u], x, g);
                }
            }
        }
        acc
    }
}

/// Any window and multiplier: eight taps of a row at a time, following the spans.
#[inline(always)]
pub(crate) fn span<L: Lanes>(reduction: &Reduction<'_, L>) {
    let multiplier = reduction.multiplier;
    for channel in (reduction.first..reduction.end).step_by(LANES) {
        let count = (reduction.end - channel).min(LANES);
        let source = |lane: usize| (channel + lane) / multiplier;
        let first = source(0);
        let offsets = core::array::from_fn(|lane| source(lane) - first);
        if multiplier == 1 && count == LANES {
            span_vector(reduction, channel, first, Contiguous);
        } else if multiplier == 1 {
            span_vector(reduction, channel, first, Partial { count });
        } else if offsets[count - 1] == 0 {
            span_vector(reduction, channel, first, Splat { src: 0, count });
        } else {
            span_vector(reduction, channel, first, Gather { src: 0, offsets, count });
        }
    }
}

/// Taps of a row that are summed together.
const TAPS: usize = 8;

#[inline(always)]
fn span_vector<L: Lanes, C: Channels<L>>(
    reduction: &Reduction<'_, L>,
    channel: usize,
    source: usize,
    channels: C,
) {
    let (l, count) = (reduction.lanes, reduction.leaves.count());
    let (rows, columns) = (reduction.height.kernel(), reduction.width.kernel());
    for row in 0..rows {
        for first in (0..columns).step_by(TAPS) {
            let taps = first..(first + TAPS).min(columns);
            let [[sums]] = tree::<L, 1, 1, TAPS>(l, 0, count, &|index| {
                let leaf = reduction.leaves.leaf(index);
                let mut acc = [l.zero(); TAPS];
                for rows in reduction.row_spans(&leaf) {
                    if !(rows.tap..rows.tap + rows.taps).contains(&row) {
                        continue;
                    }
                    for j in 0..rows.len {
                        let source_row =
                            rows.src + j * rows.src_step + (row - rows.tap) * rows.src_tap;
                        let place = (rows.out + j, source_row);
                        for span in reduction.column_spans(&leaf) {
                            span_line(
                                reduction,
                                &leaf,
                                place,
                                &span,
                                &taps,
                                (channel, source),
                                channels,
                                &mut acc,
                            );
                        }
                    }
                }
                [[acc]]
            });
            for (tap, &sum) in taps.clone().zip(&sums) {
                let tap = row * columns + tap;
                reduction.write(tap * reduction.output_channels + channel, sum, channels.count());
            }
        }
    }
}

/// Adds a span of positions of a row.
#[allow(clippy::too_many_arguments, reason = "a line of positions has a place in three tensors")]
#[inline(always)]
fn span_line<L: Lanes, C: Channels<L>>(
    reduction: &Reduction<'_, L>,
    leaf: &Leaf,
    (row, source_row): (usize, usize),
    span: &Span,
    taps: &Range<usize>,
    (channel, source): (usize, usize),
    channels: C,
    acc: &mut [L::Vector; TAPS],
) {
    let l = reduction.lanes;
    let (height, width) = (reduction.height, reduction.width);
    let here = span.tap.max(taps.start)..(span.tap + span.taps).min(taps.end);
    let output = (leaf.image * height.output() + row) * width.output() + span.out;
    let output = output * reduction.output_channels + channel;
    let line = (leaf.image * height.input() + source_row) * width.input();
    let mut grad_output = reduction.gradient.grad_output.step(output as isize);
    for j in 0..span.len {
        // SAFETY: `reduce`'s caller has vouched for the output gradient of `count` channels.
        let g = unsafe { channels.load_weights(l, grad_output) };
        let position = span.src + j * span.src_step;
        unroll!(u < TAPS => {
            let tap = taps.start + u;
            if here.contains(&tap) {
                let column = position + (tap - span.tap) * span.src_tap;
                let at = (line + column) * reduction.input_channels + source;
                // SAFETY: the span has this tap, so its source exists.
                let x = unsafe { channels.load(l, reduction.gradient.input.step(at as isize)) };
                acc[u] = l.fma(acc[u], x, g);
            }
        });
        grad_output = grad_output.step(reduction.output_channels as isize);
    }
}

/// The gradient of the bias.
pub(crate) fn bias<L: Lanes>(reduction: &Reduction<'_, L>) {
    let (l, width) = (reduction.lanes, reduction.width.output());
    for channel in (reduction.first..reduction.end).step_by(LANES) {
        let count = (reduction.end - channel).min(LANES);
        let [[[sum]]] = tree::<L, 1, 1, 1>(l, 0, reduction.leaves.count(), &|index| {
            let leaf = reduction.leaves.leaf(index);
            let mut acc = l.zero();
            for row in leaf.rows.clone() {
                let row = (leaf.image * reduction.height.output() + row) * width;
                for column in leaf.columns.clone() {
                    let at = (row + column) * reduction.output_channels + channel;
                    let g = reduction.gradient.grad_output.step(at as isize);
                    // SAFETY: `reduce_bias`'s caller has vouched for `count` channels here.
                    acc = l.add(acc, unsafe { l.load_partial(g, count) });
                }
            }
            [[[acc]]]
        });
        reduction.write(channel, sum, count);
    }
}
