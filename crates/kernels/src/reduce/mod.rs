//! The gradient of the weights: the taps are the results, and output positions are summed.
//!
//! [`Leaves`] fixes the order. A leaf is summed tile by tile; the tree above it is a recursion, whose
//! partial sums are on the stack: 4 KiB at most for each level, of which there are ⌈log₂ leaves⌉ + 1
//! (14 for batch 64 at 112×112).

pub(crate) mod nchw;
pub(crate) mod nhwc;

use core::ops::Range;

use depthwise_description::{Axis, Layout, Leaf, Leaves, Plan, Problem};
use depthwise_lanes::{Cursor, LANES, Lanes};

use crate::table;

/// First elements of the tensors of a weight gradient, or of a bias gradient.
#[derive(Clone, Copy, Debug)]
pub struct Gradient<L: Lanes> {
    /// `[n][h][w][c]` or `[n][c][h][w]`; the bias gradient does not read it.
    pub input: L::Src,
    /// `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    pub grad_output: L::Src,
    /// `[kh][kw][c·m]` or `[c·m][kh][kw]`, or `[c·m]` of the bias.
    pub results: L::Dst,
    /// Whether results are added to what is there.
    pub accumulate: bool,
}

/// Sums the gradient of the weights, for a range of output channels.
///
/// # Safety
/// - Each tensor has the shape that the plan's problem gives it and is valid for reads, the results
///   for writes, during the call; no other thread accesses the results of these channels.
pub unsafe fn reduce<L: Lanes>(
    lanes: L,
    plan: &Plan,
    channels: Range<usize>,
    gradient: &Gradient<L>,
) {
    let reduction = Reduction::new(lanes, plan.problem(), channels, gradient);
    let reduction = Reduction { turn: plan.turn(), ..reduction };
    table::reduce(plan.instance(), plan.general(), &reduction);
}

/// Sums the gradient of the bias, for a range of output channels.
///
/// # Safety
/// - As for [`reduce`].
pub unsafe fn reduce_bias<L: Lanes>(
    lanes: L,
    problem: &Problem,
    channels: Range<usize>,
    gradient: &Gradient<L>,
) {
    let reduction = Reduction::new(lanes, problem, channels, gradient);
    match problem.layout() {
        Layout::Nhwc => nhwc::bias(&reduction),
        Layout::Nchw => nchw::bias(&reduction),
    }
}

/// A weight gradient to be summed: tensors, steps and the channels wanted.
#[derive(Clone)]
pub struct Reduction<'r, L: Lanes> {
    pub(crate) lanes: L,
    gradient: &'r Gradient<L>,
    height: Axis,
    width: Axis,
    /// Size of the output, `[oh][ow]`.
    output_size: [usize; 2],
    leaves: Leaves,
    input_channels: usize,
    output_channels: usize,
    multiplier: usize,
    input_len: usize,
    output_len: usize,
    /// Columns whose windows are whole, and those whose windows have any tap.
    whole_windows: Range<usize>,
    live_windows: Range<usize>,
    /// Output channels wanted.
    first: usize,
    end: usize,
    /// Of these, how many are summed before others, where channels are last.
    turn: usize,
}

impl<'r, L: Lanes> Reduction<'r, L> {
    fn new(lanes: L, problem: &Problem, channels: Range<usize>, gradient: &'r Gradient<L>) -> Self {
        Self {
            lanes,
            gradient,
            height: problem.height(),
            width: problem.width(),
            output_size: [problem.height().output(), problem.width().output()],
            leaves: Leaves::new(problem),
            input_channels: problem.channels(),
            output_channels: problem.output_channels(),
            multiplier: problem.multiplier(),
            input_len: problem.input_len(),
            output_len: problem.output_len(),
            whole_windows: problem.width().whole_windows(),
            live_windows: problem.width().live_windows(),
            first: channels.start,
            end: channels.end,
            turn: channels.len(),
        }
    }

    /// The input channel of an output channel.
    #[inline(always)]
    fn source(&self, channel: usize) -> usize {
        if self.multiplier == 1 { channel } else { channel / self.multiplier }
    }

    /// The same reduction for fewer channels.
    pub(crate) fn narrowed(&self, channels: Range<usize>) -> Self {
        let mut fewer = self.clone();
        (fewer.first, fewer.end) = (channels.start, channels.end);
        fewer
    }

    /// Channels that whole vectors cover, from the first.
    pub(crate) fn whole(&self) -> Range<usize> {
        self.first..self.first + (self.end - self.first) / LANES * LANES
    }

    /// The channels beyond.
    pub(crate) fn rest(&self) -> Range<usize> {
        self.whole().end..self.end
    }

    /// Writes a sum of `count` results.
    #[inline(always)]
    fn write(&self, at: usize, sum: L::Vector, count: usize) {
        let (l, dst) = (self.lanes, self.gradient.results.step(at as isize));
        // SAFETY: `reduce`'s caller has vouched for the results of the channels wanted.
        unsafe {
            let sum = if self.gradient.accumulate { l.add(l.reload(dst, count), sum) } else { sum };
            l.store_partial(dst, sum, count);
        }
    }

    /// Writes the sums of the lanes of some vectors.
    #[inline(always)]
    fn write_sums(&self, at: usize, vectors: &[L::Vector]) {
        for (chunk, vectors) in vectors.chunks(LANES).enumerate() {
            let mut four = [self.lanes.zero(); LANES];
            for (place, &vector) in four.iter_mut().zip(vectors) {
                *place = vector;
            }
            self.write(at + chunk * LANES, self.lanes.sums(four), vectors.len());
        }
    }

    /// The sums of all leaves, of `VECTORS` vectors or planes at most.
    #[inline(always)]
    fn tree<const VECTORS: usize, const ROWS: usize, const TAPS: usize>(
        &self,
        sums: &mut [Sums<L, ROWS, TAPS>],
        leaf: &impl Fn(usize, &mut [Sums<L, ROWS, TAPS>]),
    ) {
        tree::<L, VECTORS, ROWS, TAPS>(self.lanes, 0, self.leaves.count(), sums, leaf);
    }

    /// Columns of a leaf whose windows have a tap inside the input.
    #[inline(always)]
    fn live_columns(&self, leaf: &Leaf) -> Range<usize> {
        let (windows, columns) = (&self.live_windows, &leaf.columns);
        let start = windows.start.max(columns.start).min(columns.end);
        start..windows.end.min(columns.end).max(start)
    }
}

/// The windows among `all` whose tap lies in the input.
fn windows(axis: Axis, tap: usize, all: &Range<usize>) -> Range<usize> {
    let first = (tap * axis.dilation()) as isize - axis.pad_low();
    inside(first, axis.stride(), axis.input(), all)
}

/// The `i` among `all` with `first + i·step` in `0..end`.
fn inside(first: isize, step: usize, end: usize, all: &Range<usize>) -> Range<usize> {
    let up_to = |end: isize| ((end - first).max(0) as usize).div_ceil(step);
    let start = up_to(0).clamp(all.start, all.end);
    start..up_to(end as isize).clamp(start, all.end)
}

/// Where in the input a window's tap lies.
fn position(axis: Axis, window: usize, tap: usize) -> usize {
    ((window * axis.stride() + tap * axis.dilation()) as isize - axis.pad_low()) as usize
}

/// Vectors (NHWC) or planes (NCHW) that a bias gradient sums at a time, since each chain waits for its
/// last addition.
const CHAINS: usize = 8;

/// Partial sums of a vector or plane: for some rows of taps, for the taps of a row.
type Sums<L, const ROWS: usize, const TAPS: usize> = [[<L as Lanes>::Vector; TAPS]; ROWS];

/// The sum of `count` leaves from `first` on, over the tree that [`Leaves`] describes, of `VECTORS` vectors or planes at most.
fn tree<L: Lanes, const VECTORS: usize, const ROWS: usize, const TAPS: usize>(
    l: L,
    first: usize,
    count: usize,
    sums: &mut [Sums<L, ROWS, TAPS>],
    leaf: &impl Fn(usize, &mut [Sums<L, ROWS, TAPS>]),
) {
    if count == 1 {
        return leaf(first, sums);
    }
    let half = Leaves::half(count);
    tree::<L, VECTORS, ROWS, TAPS>(l, first, half, sums, leaf);
    let mut rest = [[[l.zero(); TAPS]; ROWS]; VECTORS];
    let rest = &mut rest[..sums.len().min(VECTORS)];
    tree::<L, VECTORS, ROWS, TAPS>(l, first + half, count - half, rest, leaf);
    for (sums, rest) in sums.as_flattened_mut().iter_mut().zip(rest.as_flattened()) {
        unroll!(u < TAPS => {
            sums[u] = l.add(sums[u], rest[u]);
        });
    }
}
