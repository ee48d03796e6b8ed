//! Channels last: lanes are channels.

use core::ops::Range;

use depthwise_description::Leaf;
use depthwise_lanes::{Cursor, LANES, Lanes, copies};

use super::{CHAINS, Reduction, Sums, inside, position, windows};
use crate::channels::{Channels, Contiguous, Gather, LEAN, Partial, Splat, is_parted};
use crate::task::each_time;

/// A specialised kernel size and stride.
///
/// ```text
/// for each turn of channels, leaf, row of positions, ROWS rows of the taps that it has, COLUMNS positions, vector of the turn
///     acc[0..ROWS][0..K] = the sums so far
///     for each column of the windows: x = it, loaded once; g = the output gradients it meets
///         acc[0..ROWS][0..K] += x · g
/// ```
///
/// Vectors are taken `TOGETHER` where there are two of them side by side, but in parted code. `sum` is [`leaf`] for these parameters; the caller names it, so that the code of its loops is known
/// by the instance's name.
#[inline(always)]
pub(crate) fn taps<L: Lanes, const K: usize, const VECTORS: usize>(
    reduction: &Reduction<'_, L>,
    sum: impl Fn(usize, usize, &mut [Sums<L, K, K>]),
) {
    let channels = reduction.whole();
    let turn = (reduction.turn / LANES).clamp(1, VECTORS);
    for block in channels.clone().step_by(turn * LANES) {
        let vectors = ((channels.end - block) / LANES).min(turn);
        let mut sums = [[[reduction.lanes.zero(); K]; K]; VECTORS];
        let sums = &mut sums[..vectors];
        reduction.tree::<VECTORS, K, K>(sums, &|index, sums| sum(index, block, sums));
        for (vector, sums) in sums.iter().enumerate() {
            for (tap, &sum) in sums.as_flattened().iter().enumerate() {
                let channel = block + vector * LANES;
                reduction.write(tap * reduction.output_channels + channel, sum, LANES);
            }
        }
    }
}

/// The sums of one leaf, for some vectors of channels from `channel` on.
#[inline(always)]
pub(crate) fn leaf<
    L: Lanes,
    const ROWS: usize,
    const K: usize,
    const S: usize,
    const COLUMNS: usize,
    const TOGETHER: usize,
>(
    reduction: &Reduction<'_, L>,
    index: usize,
    channel: usize,
    sums: &mut [Sums<L, K, K>],
) {
    let leaf = reduction.leaves.leaf(index);
    let columns = reduction.live_columns(&leaf);
    let image = Line::<L, S>::new(reduction, &leaf, channel);
    sums.fill([[reduction.lanes.zero(); K]; K]);
    for row in leaf.rows.clone() {
        let taps = reduction.height.dense_taps(row);
        let mut tap = taps.start;
        while tap < taps.end {
            let line = image.row(row, tap);
            if tap + ROWS <= taps.end {
                line.add::<ROWS, K, COLUMNS, TOGETHER>(&columns, tap, sums);
                tap += ROWS;
            } else {
                line.add::<1, K, COLUMNS, TOGETHER>(&columns, tap, sums);
                tap += 1;
            }
        }
    }
}

/// A row of positions and the row of the input that some row of taps meets there, or the first ones of
/// an image.
#[derive(Clone, Copy)]
struct Line<L: Lanes, const S: usize> {
    lanes: L,
    /// Source of the first tap of window 0, whether or not it exists.
    input: L::Src,
    /// Output gradient of position 0.
    grad_output: L::Src,
    input_row: isize,
    input_column: isize,
    output_row: isize,
    output_column: isize,
    /// Columns of the input, and of the padding before it.
    columns: isize,
    pad_low: isize,
}

impl<L: Lanes, const S: usize> Line<L, S> {
    /// Whether all columns of a tile are looked for, in one code for all tiles: it is less of it, and branches keep sums in order.
    const PARTED: bool = is_parted::<L>();

    #[inline(always)]
    fn new(reduction: &Reduction<'_, L>, leaf: &Leaf, channel: usize) -> Self {
        let (height, width) = (reduction.height, reduction.width);
        let (columns, pad_low) = (width.input() as isize, width.pad_low());
        let input_column = reduction.input_channels as isize;
        let output_column = reduction.output_channels as isize;
        let input_row = columns * input_column;
        let output_row = reduction.output_size[1] as isize * output_column;
        let top = (leaf.image * height.input()) as isize - height.pad_low();
        let input = top * input_row - pad_low * input_column + channel as isize;
        let grad_output =
            (leaf.image * reduction.output_size[0]) as isize * output_row + channel as isize;
        Self {
            lanes: reduction.lanes,
            input: reduction.gradient.input.step(input),
            grad_output: reduction.gradient.grad_output.step(grad_output),
            input_row,
            input_column,
            output_row,
            output_column,
            columns,
            pad_low,
        }
    }

    /// Row `row` of the positions, from row `tap` of the taps on.
    #[inline(always)]
    fn row(mut self, row: usize, tap: usize) -> Self {
        self.input = self.input.step((row * S + tap) as isize * self.input_row);
        self.grad_output = self.grad_output.step(row as isize * self.output_row);
        self
    }

    /// Adds the positions `columns` to the sums of `ROWS` rows of taps from `tap` on.
    #[inline(always)]
    fn add<const ROWS: usize, const K: usize, const COLUMNS: usize, const TOGETHER: usize>(
        &self,
        columns: &Range<usize>,
        tap: usize,
        sums: &mut [Sums<L, K, K>],
    ) {
        let mut column = columns.start;
        while column + COLUMNS <= columns.end {
            let start = (column * S) as isize - self.pad_low;
            let is_inside = start >= 0 && start + ((COLUMNS - 1) * S + K) as isize <= self.columns;
            if is_inside && !Self::PARTED {
                self.tile::<ROWS, K, COLUMNS, TOGETHER, false>(column, tap, sums);
            } else {
                self.tile::<ROWS, K, COLUMNS, TOGETHER, true>(column, tap, sums);
            }
            column += COLUMNS;
        }
        if column + 4 <= columns.end && !LEAN {
            self.tile::<ROWS, K, 4, TOGETHER, true>(column, tap, sums);
            column += 4;
        }
        if column + 2 <= columns.end && !LEAN {
            self.tile::<ROWS, K, 2, TOGETHER, true>(column, tap, sums);
            column += 2;
        }
        while column < columns.end {
            self.tile::<ROWS, K, 1, TOGETHER, true>(column, tap, sums);
            column += 1;
            if !LEAN {
                break;
            }
        }
    }

    /// Adds `COLUMNS` positions; at an `EDGE` their windows may miss columns at either end.
    #[inline(always)]
    fn tile<
        const ROWS: usize,
        const K: usize,
        const COLUMNS: usize,
        const TOGETHER: usize,
        const EDGE: bool,
    >(
        &self,
        column: usize,
        tap: usize,
        sums: &mut [Sums<L, K, K>],
    ) {
        let mut at = [
            self.input.step((column * S) as isize * self.input_column),
            self.grad_output.step(column as isize * self.output_column),
        ];
        let low = self.pad_low - (column * S) as isize;
        let mut sums = sums;
        // All sums of three rows of taps, twice, and their factors are more than 32 registers, unless branches part the columns.
        if TOGETHER == 2 && (ROWS == 1 || EDGE) && !Self::PARTED {
            let (pairs, rest) = sums.as_chunks_mut::<2>();
            for sums in pairs {
                self.vectors::<ROWS, K, COLUMNS, 2, EDGE>(at, low, tap, sums);
                at = at.map(|at| at.step(2 * LANES as isize).anew());
            }
            sums = rest;
        }
        let (sums, _) = sums.as_chunks_mut::<1>();
        for sums in sums {
            self.vectors::<ROWS, K, COLUMNS, 1, EDGE>(at, low, tap, sums);
            at = at.map(|at| at.step(LANES as isize).anew());
        }
    }

    /// Adds the positions of a tile to the sums of `VECTORS` vectors of channels. Its first column is at `input`, the first tap of the first
    /// window whether or not it exists, and at `grad_output`; the input starts `low` columns on.
    #[inline(always)]
    fn vectors<
        const ROWS: usize,
        const K: usize,
        const COLUMNS: usize,
        const VECTORS: usize,
        const EDGE: bool,
    >(
        &self,
        [input, grad_output]: [L::Src; 2],
        low: isize,
        tap: usize,
        sums: &mut [Sums<L, K, K>; VECTORS],
    ) {
        let l = self.lanes;
        // Known anew each time, or the loop would be copied for each way to be clipped.
        let low = if EDGE { each_time(&low) } else { 0 };
        let inside = low..low + self.columns;
        let mut acc: [[[_; K]; ROWS]; VECTORS] = copies(copies(copies(l.zero())));
        // A row that is there, which the compiler knows.
        let tap = tap.min(K - ROWS);
        unroll!(c < VECTORS => {
            unroll!(v < ROWS => {
                acc[c][v] = sums[c][tap + v];
            });
        });
        let mut g: [[_; VECTORS]; COLUMNS] = copies(copies(l.zero()));
        let (mut at, mut position) = (input, grad_output);
        unroll!(j < COLUMNS => {
            if j > 0 {
                position = grad_output.nth(j, self.output_column, position);
            }
            unroll!(c < VECTORS => {
                // SAFETY: `reduce`'s caller has vouched for the output gradient.
                g[j][c] = unsafe { l.load_at(position, c * LANES) };
            });
            unroll!(i < S => {
                let q = j * S + i;
                if q > 0 {
                    at = input.nth(q, self.input_column, at);
                }
                self.column::<ROWS, K, COLUMNS, VECTORS, EDGE>(q, at, &inside, &g, &mut acc);
            });
        });
        unroll!(i < K - S => {
            let q = COLUMNS * S + i;
            at = input.nth(q, self.input_column, at);
            self.column::<ROWS, K, COLUMNS, VECTORS, EDGE>(q, at, &inside, &g, &mut acc);
        });
        unroll!(c < VECTORS => {
            unroll!(v < ROWS => {
                sums[c][tap + v] = acc[c][v];
            });
        });
    }

    /// Adds column `q` of a tile's windows, a constant, whose first row is `at`, to the sums of the taps that meet it. At an
    /// `EDGE` only the columns `inside` are in the input.
    #[inline(always)]
    fn column<
        const ROWS: usize,
        const K: usize,
        const COLUMNS: usize,
        const VECTORS: usize,
        const EDGE: bool,
    >(
        &self,
        q: usize,
        mut at: L::Src,
        inside: &Range<isize>,
        g: &[[L::Vector; VECTORS]; COLUMNS],
        acc: &mut [[[L::Vector; K]; ROWS]; VECTORS],
    ) {
        let (l, window) = (self.lanes, (COLUMNS - 1) * S + K);
        // Each window has a tap inside, so the first and last K − 1 columns alone may be missing.
        let before = EDGE && q + 1 < K && (q as isize) < inside.start;
        let after = EDGE && (Self::PARTED || q + K > window) && q as isize >= inside.end;
        if before || after {
            return;
        }
        if VECTORS > 1 && ROWS > 1 && q > 1 {
            // A column waits for the one before it: registers hold no more.
            at = l.after(at, &mut acc[VECTORS - 1][0][q % S]);
        }
        unroll!(v < ROWS => {
            let row = at.step(v as isize * self.input_row);
            unroll!(c < VECTORS => {
                // SAFETY: this row of the windows exists, and so does this column.
                let x = unsafe { l.load_at(row, c * LANES) };
                unroll!(u < K => {
                    if u <= q && (q - u).is_multiple_of(S) && (q - u) / S < COLUMNS {
                        acc[c][v][u] = l.fma(acc[c][v][u], x, g[(q - u) / S][c]);
                    }
                });
            });
        });
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
        } else if !LEAN && multiplier == 1 {
            span_vector(reduction, channel, first, Partial { count });
        } else if !LEAN && offsets[count - 1] == 0 {
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
    let l = reduction.lanes;
    let (rows, columns) = (reduction.height.kernel(), reduction.width.kernel());
    for row in 0..rows {
        for first in (0..columns).step_by(TAPS) {
            let taps = first..(first + TAPS).min(columns);
            let mut sums = [[[l.zero(); TAPS]; 1]; 1];
            reduction.tree::<1, 1, TAPS>(&mut sums, &|index, sums| {
                let leaf = reduction.leaves.leaf(index);
                let place = (channel, source);
                sums.fill([span_leaf(reduction, &leaf, row, taps.clone(), place, channels)]);
            });
            for (tap, &sum) in taps.clone().zip(sums.as_flattened().as_flattened()) {
                let tap = row * columns + tap;
                reduction.write(tap * reduction.output_channels + channel, sum, channels.count());
            }
        }
    }
}

/// The sums of a leaf for some taps of a row.
#[inline(always)]
fn span_leaf<L: Lanes, C: Channels<L>>(
    reduction: &Reduction<'_, L>,
    leaf: &Leaf,
    row_tap: usize,
    taps: Range<usize>,
    (channel, source): (usize, usize),
    channels: C,
) -> [L::Vector; TAPS] {
    let (l, height, width) = (reduction.lanes, reduction.height, reduction.width);
    let tensors = reduction.gradient;
    let tap_step = (width.dilation() * reduction.input_channels) as isize;
    let mut acc = [l.zero(); TAPS];
    for row in windows(height, row_tap, &leaf.rows) {
        let line = (leaf.image * height.input() + position(height, row, row_tap)) * width.input();
        let input = tensors.input.step((line * reduction.input_channels + source) as isize);
        let line = (leaf.image * height.output() + row) * width.output();
        for column in leaf.columns.clone() {
            let output = (line + column) * reduction.output_channels + channel;
            // SAFETY: `reduce`'s caller has vouched for the output gradient of `count` channels.
            let g = unsafe { channels.load_weights(l, tensors.grad_output.step(output as isize)) };
            // Of the first of the taps, whether or not it exists.
            let first = (column * width.stride() + taps.start * width.dilation()) as isize;
            let first = first - width.pad_low();
            let mut here = 0..taps.len();
            if !reduction.whole_windows.contains(&column) {
                here = inside(first, width.dilation(), width.input(), &here);
            }
            let first = first * reduction.input_channels as isize;
            unroll!(u < TAPS => {
                if here.contains(&u) {
                    let input = input.step(first + u as isize * tap_step);
                    // SAFETY: the window has this tap, so its source exists.
                    let x = unsafe { channels.load(l, input) };
                    acc[u] = l.fma(acc[u], x, g);
                }
            });
        }
    }
    acc
}

/// The gradient of the bias.
pub(crate) fn bias<L: Lanes>(reduction: &Reduction<'_, L>) {
    let mut channel = reduction.first;
    while channel < reduction.end {
        let left = reduction.end - channel;
        channel += if left >= CHAINS * LANES {
            bias_of::<L, CHAINS>(reduction, channel, LANES)
        } else {
            bias_of::<L, 1>(reduction, channel, left.min(LANES))
        };
    }
}

/// The gradient of the bias of `VECTORS` vectors of `count` channels; returns the number of channels.
#[inline(always)]
fn bias_of<L: Lanes, const VECTORS: usize>(
    reduction: &Reduction<'_, L>,
    channel: usize,
    count: usize,
) -> usize {
    let l = reduction.lanes;
    let [rows, columns] = reduction.output_size;
    let mut sums = [[[l.zero()]]; VECTORS];
    reduction.tree::<VECTORS, 1, 1>(&mut sums, &|index, sums| {
        let leaf = reduction.leaves.leaf(index);
        // A leaf is whole rows, or a piece of one: positions that follow each other.
        let first = (leaf.image * rows + leaf.rows.start) * columns + leaf.columns.start;
        let at = first * reduction.output_channels + channel;
        let mut g = reduction.gradient.grad_output.step(at as isize);
        let mut acc = [l.zero(); VECTORS];
        for _ in 0..leaf.rows.len() * leaf.columns.len() {
            unroll!(v < VECTORS => {
                let g = g.step((v * LANES) as isize);
                // SAFETY: `reduce_bias`'s caller has vouched for the channels of this position.
                let g = unsafe { if count == LANES { l.load(g) } else { l.load_partial(g, count) } };
                acc[v] = l.add(acc[v], g);
            });
            g = g.step(reduction.output_channels as isize);
        }
        for (sum, acc) in sums.iter_mut().zip(acc) {
            *sum = [[acc]];
        }
    });
    for (vector, sum) in sums.as_flattened().as_flattened().iter().enumerate() {
        reduction.write(channel + vector * LANES, *sum, count);
    }
    (VECTORS - 1) * LANES + count
}
