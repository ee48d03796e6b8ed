use depthwise_lanes::{Bounds, Cursor, LANES, Lanes};

use crate::channels::{LEAN, is_parted};

/// Steps along one axis of a rectangle, in elements of the tensors they move in.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// Results.
    pub len: usize,
    /// Taps of each result; only the general kernels take 0.
    pub taps: usize,
    /// Source, from one result to the next.
    pub src: isize,
    /// Source, from one tap to the next.
    pub src_tap: isize,
    /// Weights, from one tap to the next.
    pub weights_tap: isize,
    /// Destination, from one result to the next.
    pub dst: isize,
    /// Results that are computed before those of other channels or columns (channels last), at least as many as are in flight.
    pub strip: usize,
    /// Source positions that the first window misses (runs of rows) or that the first tile's
    /// windows do (tiles of columns).
    pub clip_low: usize,
    /// Source positions that the last windows miss.
    pub clip_high: usize,
    /// Whether the first result of each pair takes the odd taps (tiles of pairs).
    pub odd_first: bool,
}

impl Walk {
    /// Taps that the window of result `index` of a run misses at either end, where windows are `stride` source positions apart.
    #[inline(always)]
    pub(crate) fn clips(&self, index: usize, stride: usize) -> [usize; 2] {
        let low = self.clip_low.saturating_sub(index * stride);
        let high = self.clip_high.saturating_sub((self.len - 1 - index) * stride);
        [low, high]
    }
}

/// What one call of a kernel computes: a rectangle of results, over vectors of channels (NHWC) or
/// planes (NCHW), as base positions, steps and counts.
///
/// `bias` is somewhere in the weights where there is none, so that `biased` is the only choice.
#[derive(Clone, Copy, Debug)]
pub struct Task<L: Lanes> {
    pub(crate) src: L::Src,
    pub(crate) weights: L::Src,
    pub(crate) bias: L::Src,
    pub(crate) biased: bool,
    pub(crate) dst: L::Dst,
    pub(crate) rows: Walk,
    pub(crate) columns: Walk,
    pub(crate) depth: Depth,
    pub(crate) finish: Finish,
}

/// The channels of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// Result channels.
    pub len: usize,
    /// Channels of which the whole rectangle is computed before those of others (tiles of NHWC).
    pub block: usize,
    /// Result channels of each source channel, and how many of them come before the first: fewer than all.
    pub multiplier: usize,
    pub phase: usize,
    /// Source channels that each result channel sums over, and the steps between them (NCHW).
    pub products: usize,
    pub product_src: isize,
    pub product_weights: isize,
    /// Steps from one channel to the next; of the source, between source channels.
    pub src: isize,
    pub weights: isize,
    pub dst: isize,
}

impl Depth {
    /// Whether each result channel has a source channel of its own.
    pub fn is_one_for_one(&self) -> bool {
        self.multiplier == 1 && self.products == 1
    }

    /// The first source channel of a vector of result channels that begins at `channel`, and how far behind it those of
    /// its lanes are.
    #[inline(always)]
    pub fn sources(&self, channel: usize) -> (isize, [usize; LANES]) {
        let source = |result: usize| (self.phase + result) / self.multiplier * self.products;
        let first = source(channel);
        (first as isize, core::array::from_fn(|lane| source(channel + lane) - first))
    }
}

/// What happens to a result between its sum and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish {
    /// Whether anything does.
    pub any: bool,
    /// It is added to what is there.
    pub accumulate: bool,
    /// It is clamped.
    pub bounds: Option<Bounds>,
}

impl Finish {
    pub(crate) fn new(accumulate: bool, bounds: Option<Bounds>) -> Self {
        Self { any: accumulate || bounds.is_some(), accumulate, bounds }
    }
}

impl<L: Lanes> Task<L> {
    /// # Safety
    /// - Every source, weight and bias position that the walks and the depth reach lies in a tensor
    ///   that is valid for reads as long as the task is used, and so for every destination position
    ///   and writes; no other thread accesses those meanwhile.
    /// - For kernels whose vectors run over columns (NCHW tiles): so does every source position up
    ///   to the end of a tile's last vector, and back to the first tap of its first, clipped or not.
    #[allow(clippy::too_many_arguments, reason = "a task is these eight facts")]
    pub(crate) unsafe fn new(
        src: L::Src,
        weights: L::Src,
        bias: Option<L::Src>,
        dst: L::Dst,
        rows: Walk,
        columns: Walk,
        depth: Depth,
        finish: Finish,
    ) -> Self {
        let (bias, biased) = (bias.unwrap_or(weights), bias.is_some());
        Self { src, weights, bias, biased, dst, rows, columns, depth, finish }
    }

    /// Goes on to the channels that are so many further on, where channels are last and one for one.
    pub(crate) fn go_on(&mut self, channels: usize) {
        let channels = channels as isize;
        self.src = self.src.step(channels);
        self.weights = self.weights.step(channels);
        self.bias = self.bias.step(channels);
        self.dst = self.dst.step(channels);
    }
}

/// Finishes and stores results that lie `step` apart, `count` elements of each vector but `last` of
/// the last one, where `counts` are these two.
#[inline(always)]
pub(crate) fn store<L: Lanes, const N: usize>(
    l: L,
    task: &Task<L>,
    mut results: [L::Vector; N],
    dst: L::Dst,
    step: isize,
    counts: (usize, usize),
) {
    if LEAN {
        return store_tile::<L, N, false>(l, task, results, dst, step, counts.1);
    }
    if each_time(&task.finish.any) {
        finish_all(l, task, &mut results, dst, step, counts);
    }
    store_all(l, results, dst, step, counts);
}

/// As [`store`], for the tiles in which networks spend their time, with `count` elements of each vector. In WebAssembly, what is
/// done to results that are not sums alone is out of the way of those that are, for engines would keep bounds in registers that
/// loops need. What a layer's activation does is done on the spot, if it `CLAMPS`.
#[inline(always)]
pub(crate) fn store_tile<L: Lanes, const N: usize, const CLAMPS: bool>(
    l: L,
    task: &Task<L>,
    mut results: [L::Vector; N],
    dst: L::Dst,
    step: isize,
    count: usize,
) {
    if each_time(&task.finish.any) {
        match &task.finish.bounds {
            _ if !is_parted::<L>() => {
                finish_all(l, task, &mut results, dst, step, (count, count));
            }
            // Those of the forward pass alone, which has nothing to add to.
            Some(bounds) if CLAMPS => {
                let bounds = each_time(bounds);
                unroll!(j < N => {
                    results[j] = l.clamp(results[j], &bounds);
                });
            }
            _ => {
                // A copy: what a call takes by address would never leave memory.
                let copy = core::hint::black_box(results);
                return store_finished(l, task, &copy, dst, step, count);
            }
        }
    }
    store_all(l, results, dst, step, (count, count));
}

/// Stores results that are not sums alone, `count` elements of each vector: out of the way of those that are, and one loop for
/// all tiles. Only kernels that small modules don't have store fewer elements of the last vector.
#[cold]
#[inline(never)]
fn store_finished<L: Lanes>(
    l: L,
    task: &Task<L>,
    results: &[L::Vector],
    mut dst: L::Dst,
    step: isize,
    count: usize,
) {
    for &result in results {
        let result = finish(l, &task.finish, result, dst, count);
        // SAFETY: `Task::new` has vouched for `count` results here.
        unsafe { l.store_partial(dst, result, count) };
        dst = dst.step(step);
    }
}

#[inline(always)]
fn finish_all<L: Lanes, const N: usize>(
    l: L,
    task: &Task<L>,
    results: &mut [L::Vector; N],
    dst: L::Dst,
    step: isize,
    (count, last): (usize, usize),
) {
    unroll!(j < N => {
        let count = if j + 1 == N { last } else { count };
        results[j] = finish(l, &task.finish, results[j], dst.step(j as isize * step), count);
    });
}

/// Stores results as they are: [`store`]'s.
#[inline(always)]
pub(crate) fn store_all<L: Lanes, const N: usize>(
    l: L,
    results: [L::Vector; N],
    dst: L::Dst,
    step: isize,
    (count, last): (usize, usize),
) {
    let mut place = dst;
    unroll!(j < N => {
        if j > 0 {
            place = dst.nth(j, step, place);
        }
        let count = if j + 1 == N { last } else { count };
        // SAFETY: `Task::new` has vouched for `count` results here.
        unsafe {
            if count == LANES {
                l.store(place, results[j]);
            } else {
                l.store_partial(place, results[j], count);
            }
        }
    });
}

/// A result as it is to be stored.
#[inline(always)]
pub(crate) fn finish<L: Lanes>(
    l: L,
    finish: &Finish,
    mut result: L::Vector,
    dst: L::Dst,
    count: usize,
) -> L::Vector {
    if finish.accumulate {
        // SAFETY: `Task::new` has vouched for `count` results here.
        result = l.add(unsafe { l.reload(dst, count) }, result);
    }
    if let Some(bounds) = &finish.bounds {
        result = l.clamp(result, bounds);
    }
    result
}

/// What choices depend on that are the same for a whole task, to be made anew for each tile: if the
/// optimiser knew that it stays the same, it would copy every loop for each of its cases. It is read from where
/// it is, which takes no store as `black_box` does.
#[inline(always)]
pub(crate) fn each_time<T: Copy>(choice: &T) -> T {
    // SAFETY: a reference is valid for reads.
    unsafe { core::ptr::from_ref(choice).read_volatile() }
}
