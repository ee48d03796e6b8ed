//! Channels last: lanes are channels, so every column has its own vector, no lane is ever moved,
//! and any width will do.
//!
//! Blocks marked SAFETY rely on [`Task::new`]'s promise: what the walks reach is there.

use core::ops::Range;

use depthwise_lanes::{Cursor, LANES, Lanes, copies};

use crate::channels::{
    Apart, Channels, Contiguous, Gather, LEAN, Partial, Splat, Summed, is_parted,
};
use crate::task::{Task, each_time, finish, store, store_tile};

/// Whether position `q` of a tile's window is none of those that it misses at either end: half a kernel at most, so that
/// most are there whatever is missed, which the compiler knows.
#[inline(always)]
fn is_there<const K: usize>(q: usize, window: usize, [low, high]: [usize; 2]) -> bool {
    (q >= K / 2 || q >= low) && (q + K / 2 < window || q + high < window)
}

/// Rows of results, `COLUMNS` columns of `VECTORS` vectors of channels at a time, kernel row after kernel row.
///
/// ```text
/// for each block of channels, strip of rows, tile, row, VECTORS vectors of channels
///     acc[0..VECTORS][0..COLUMNS] = bias
///     for each kernel row that the window has        (a real loop: clipped rows cost nothing)
///         for each vector
///             w[0..K] = its weights
///             for each column: acc[vector][column] += x[column·S + 0..K] · w[0..K]
///     store acc
/// ```
///
/// Each input vector of a row is loaded once and used by up to `⌈K/S⌉` columns. Results are
/// accumulated column by column, not tap by tap: that keeps only `COLUMNS + 2·K` vectors alive beside those that wait,
/// which 16 registers hold if there is one vector; 32 hold those of two, which one instruction loads and whose sums wait for each other half
/// as much. Four vectors are a cache line: each is used up while it is there, however
/// few of the columns that a window has the cache could hold, and their positions are found once. Windows may miss rows at both ends of the
/// run, and `LOW` columns on the left and `HIGH` on the right; taps there are not emitted at all. In code that all edges share (`SHARED`), both
/// are 0, and what is missed is known anew for each tile.
#[inline(always)]
pub(crate) fn row<
    L: Lanes,
    const K: usize,
    const S: usize,
    const COLUMNS: usize,
    const VECTORS: usize,
    const LOW: usize,
    const HIGH: usize,
    const SHARED: bool,
>(
    l: L,
    task: &Task<L>,
) {
    let Task { rows, columns, depth, .. } = task;
    for first in (0..depth.len).step_by(depth.block) {
        let end = (first + depth.block).min(depth.len) as isize;
        for strip in (0..rows.len).step_by(rows.strip) {
            let strip = strip..(strip + rows.strip).min(rows.len);
            let mut tile_src = task.src;
            let mut tile_dst = task.dst;
            for _ in 0..columns.len / COLUMNS {
                for row in strip.clone() {
                    let mut place = Place::new(task, [row, S], tile_src, tile_dst, first);
                    while place.channel + (VECTORS * LANES) as isize <= end {
                        tile::<L, K, S, COLUMNS, VECTORS, LOW, HIGH, SHARED>(l, task, &place);
                        place.channel += (VECTORS * LANES) as isize;
                    }
                    if VECTORS > 1 {
                        while place.channel < end {
                            tile::<L, K, S, COLUMNS, 1, LOW, HIGH, SHARED>(l, task, &place);
                            place.channel += LANES as isize;
                        }
                    }
                }
                tile_src = tile_src.step((COLUMNS * S) as isize * columns.src_tap);
                tile_dst = tile_dst.step(COLUMNS as isize * columns.dst);
            }
        }
    }
}

/// Where a tile of [`row`] is: its first channel, and its first column and the first of its kernel rows in channel 0.
struct Place<L: Lanes> {
    channel: isize,
    src: L::Src,
    weights: L::Src,
    /// Kernel rows.
    taps: usize,
    dst: L::Dst,
}

impl<L: Lanes> Place<L> {
    /// In a result row of windows so far apart, of a tile that has its first columns in the first row at `src` and `dst`.
    #[cfg_attr(depthwise_lean, inline(never))]
    #[cfg_attr(not(depthwise_lean), inline(always))]
    fn new(
        task: &Task<L>,
        [row, stride]: [usize; 2],
        src: L::Src,
        dst: L::Dst,
        channel: usize,
    ) -> Self {
        let rows = &task.rows;
        let [low, high] = rows.clips(row, stride);
        let missed = (rows.clip_low - low) as isize * rows.src_tap;
        Self {
            channel: channel as isize,
            src: src.step(row as isize * rows.src - missed),
            weights: task.weights.step(low as isize * rows.weights_tap),
            taps: rows.taps - low - high,
            dst: dst.step(row as isize * rows.dst),
        }
    }
}

/// A tile of [`row`].
#[inline(always)]
fn tile<
    L: Lanes,
    const K: usize,
    const S: usize,
    const COLUMNS: usize,
    const VECTORS: usize,
    const LOW: usize,
    const HIGH: usize,
    const SHARED: bool,
>(
    l: L,
    task: &Task<L>,
    &Place { channel, src, weights, mut taps, dst }: &Place<L>,
) {
    let Task { rows, columns, .. } = task;
    let window = (COLUMNS - 1) * S + K;
    let biased = each_time(&task.biased);
    let mut acc: [[_; COLUMNS]; VECTORS] = copies(copies(l.zero()));
    unroll!(c < VECTORS => {
        acc[c] = copies(start(l, task, biased, channel + (c * LANES) as isize));
    });
    let low = if SHARED { each_time(&columns.clip_low) } else { LOW };
    let high = if SHARED { each_time(&columns.clip_high) } else { HIGH };
    let has = move |q: usize| is_there::<K>(q, window, [low, high]);
    let missed = if SHARED { low as isize * columns.src_tap } else { 0 };
    let mut src = src.step(channel - missed);
    let mut weights = weights.step(channel);
    // Vectors of channels, and the two halves of a row of many taps, have a branch each, or more factors and products would wait
    // than registers hold. At stride 2, halves have too few columns of their own.
    let goes_on = || !is_parted::<L>() || each_time(&rows.taps) > 0;
    let half = const { if is_parted::<L>() && K > 3 && S == 1 { K.div_ceil(2) } else { K } };
    loop {
        let from = [src, weights];
        if VECTORS == 2 && !is_parted::<L>() {
            acc = add_row::<L, K, S, COLUMNS, VECTORS, LOW>(l, task, from, has, acc);
        } else {
            unroll!(c < VECTORS => {
                if VECTORS == 1 && half == K || goes_on() {
                    acc[c] = add_taps::<L, K, S, COLUMNS, VECTORS, LOW>(l, task, from, c, 0..half, has, acc[c]);
                }
                if half < K && goes_on() {
                    acc[c] = add_taps::<L, K, S, COLUMNS, VECTORS, LOW>(l, task, from, c, half..K, has, acc[c]);
                }
            });
        }
        src = src.step(rows.src_tap).anew();
        weights = weights.step(rows.weights_tap).anew();
        taps -= 1;
        if taps == 0 {
            break;
        }
    }
    let dst = dst.step(channel);
    unroll!(c < VECTORS => {
        let dst = dst.step((c * LANES) as isize);
        // Results have as many channels as the source, and so its step: no registers for another.
        if VECTORS == 1 {
            store_tile::<L, COLUMNS, true>(l, task, acc[c], dst, columns.src_tap, LANES);
        } else {
            // Sums that wait for each other's copies would leave their registers.
            store(l, task, acc[c], dst, columns.src_tap, (LANES, LANES));
        }
    });
}

/// Adds a kernel row to the sums of a tile's vectors, all of them at a time: what they read lies side by side. Positions as in [`add_taps`].
#[inline(always)]
fn add_row<
    L: Lanes,
    const K: usize,
    const S: usize,
    const COLUMNS: usize,
    const VECTORS: usize,
    const LOW: usize,
>(
    l: L,
    task: &Task<L>,
    [src, weights]: [L::Src; 2],
    has: impl Fn(usize) -> bool,
    mut acc: [[L::Vector; COLUMNS]; VECTORS],
) -> [[L::Vector; COLUMNS]; VECTORS] {
    let columns = &task.columns;
    let mut w: [[_; VECTORS]; K] = copies(copies(l.zero()));
    let mut weight = weights;
    unroll!(u < K => {
        if u > 0 {
            weight = weight.step(columns.weights_tap);
        }
        unroll!(c < VECTORS => {
            // SAFETY: one of the kernel row's K weights, of each of the tile's channels.
            w[u][c] = unsafe { l.load_at(weight, c * LANES) };
        });
    });
    let mut column = src;
    unroll!(i < COLUMNS => {
        unroll!(u < K => {
            let q = i * S + u;
            if has(q) && (i == 0 || u + S >= K) {
                if q > LOW {
                    column = column.step(columns.src_tap);
                }
                // At stride 2, columns are so many that LLVM runs out of registers for them: each waits for the last result that the two
                // before it have not been added to.
                if S > 1 && q > LOW + 1 {
                    column = l.after(column, &mut acc[VECTORS - 1][(q - 1).saturating_sub(K) / S]);
                }
                let mut x = [l.zero(); VECTORS];
                unroll!(c < VECTORS => {
                    // SAFETY: a column of the window that the tile does not miss, with all of its channels.
                    x[c] = unsafe { l.load_at(column, c * LANES) };
                });
                unroll!(j < COLUMNS => {
                    if j * S <= q && q - j * S < K {
                        unroll!(c < VECTORS => {
                            acc[c][j] = l.fma(acc[c][j], x[c], w[q - j * S][c]);
                        });
                    }
                });
            }
        });
    });
    acc
}

/// Adds the given taps of a kernel row to a vector's sums of a tile. The row's first column that the tile does not miss is at `src`,
/// its first weight at `weights`.
#[inline(always)]
fn add_taps<
    L: Lanes,
    const K: usize,
    const S: usize,
    const COLUMNS: usize,
    const VECTORS: usize,
    const LOW: usize,
>(
    l: L,
    task: &Task<L>,
    [src, weights]: [L::Src; 2],
    vector: usize,
    taps: Range<usize>,
    has: impl Fn(usize) -> bool,
    mut acc: [L::Vector; COLUMNS],
) -> [L::Vector; COLUMNS] {
    let columns = &task.columns;
    // The vectors of a line share the distances of their columns.
    let next = |first: L::Src, index: usize, step: isize, previous: L::Src| {
        if VECTORS == 1 {
            first.nth(index, step, previous)
        } else {
            first.step(index as isize * step)
        }
    };
    let mut w = [l.zero(); K];
    let mut weight = weights.step(taps.start as isize * columns.weights_tap);
    unroll!(u < K => {
        if taps.contains(&u) {
            if u > taps.start {
                weight = next(weights, u, columns.weights_tap, weight);
            }
            // SAFETY: one of the kernel row's K weights, of each of the tile's channels.
            w[u] = unsafe { l.load_at(weight, vector * LANES) };
        }
    });
    let mut x = [l.zero(); MOST_COLUMNS];
    let mut column = src.step(taps.start.saturating_sub(LOW) as isize * columns.src_tap);
    unroll!(j < COLUMNS => {
        unroll!(u < K => {
            if taps.contains(&u) {
                let q = j * S + u;
                let is_new = j == 0 || u + S >= taps.end;
                if is_new && q > taps.start.max(LOW) {
                    column = next(src, q - LOW, columns.src_tap, column);
                }
                if has(q) {
                    if is_new {
                        // SAFETY: a column of the window that the tile does not miss, with all of its channels.
                        x[q] = unsafe { l.load_at(column, vector * LANES) };
                    }
                    acc[j] = l.fma(acc[j], x[q], w[u]);
                }
            }
        });
    });
    acc
}

/// One row of results of an input gradient at stride 2, in pairs of neighbours.
///
/// A window of `REACH` = ⌈K/2⌉ output gradients gives both of a pair, one by the even taps and the
/// other (the first, if `ODD`) by the odd ones: each is loaded once for the tile and used by all K taps of
/// the row. At an `EDGE`, windows may miss columns. Results may be added to what is there; no gradient is clamped. Otherwise as
/// [`row`], in ascending order of the source.
#[inline(always)]
pub(crate) fn pairs<
    L: Lanes,
    const K: usize,
    const REACH: usize,
    const PAIRS: usize,
    const VECTORS: usize,
    const ODD: bool,
    const EDGE: bool,
>(
    l: L,
    task: &Task<L>,
) {
    let Task { rows, columns, depth, .. } = task;
    for row in 0..rows.len as isize {
        let mut src = task.src.step(row * rows.src);
        let mut dst = task.dst.step(row * rows.dst);
        for _ in 0..columns.len.div_ceil(2 * PAIRS) {
            let mut channel = 0;
            while channel + (VECTORS * LANES) as isize <= depth.len as isize {
                tile_of_pairs::<L, K, REACH, PAIRS, VECTORS, ODD, EDGE>(l, task, channel, src, dst);
                channel += (VECTORS * LANES) as isize;
            }
            while VECTORS > 1 && channel < depth.len as isize {
                tile_of_pairs::<L, K, REACH, PAIRS, 1, ODD, EDGE>(l, task, channel, src, dst);
                channel += LANES as isize;
            }
            src = src.step(PAIRS as isize * columns.src_tap);
            dst = dst.step(2 * PAIRS as isize * columns.dst);
        }
    }
}

/// A tile of [`pairs`], of `VECTORS` vectors of channels from `channel` on, whose first column is at `src` and `dst` in channel 0.
#[inline(always)]
fn tile_of_pairs<
    L: Lanes,
    const K: usize,
    const REACH: usize,
    const PAIRS: usize,
    const VECTORS: usize,
    const ODD: bool,
    const EDGE: bool,
>(
    l: L,
    task: &Task<L>,
    channel: isize,
    src: L::Src,
    dst: L::Dst,
) {
    let Task { rows, columns, .. } = task;
    let window = PAIRS - 1 + REACH;
    // Which of a pair takes the even taps.
    let (even, odd) = (ODD as usize, !ODD as usize);
    let mut acc: [[[_; 2]; PAIRS]; VECTORS] = copies(copies(copies(l.zero())));
    let low = if EDGE { each_time(&columns.clip_low) } else { 0 };
    let high = if EDGE { each_time(&columns.clip_high) } else { 0 };
    let mut src = src.step(channel - low as isize * columns.src_tap);
    let mut weights = task.weights.step(channel);
    let mut taps = rows.taps;
    loop {
        let mut w: [[_; K]; VECTORS] = copies(copies(l.zero()));
        unroll!(c < VECTORS => {
            w[c] = kernel_row(l, task, weights, c);
        });
        let mut column = src;
        unroll!(q < PAIRS + REACH - 1 => {
            if q > 0 {
                column = src.nth(q, columns.src_tap, column);
            }
            if is_there::<K>(q, window, [low, high]) {
                unroll!(c < VECTORS => {
                    // SAFETY: a column of the window that the tile does not miss.
                    let x = unsafe { l.load_at(column, c * LANES) };
                    unroll!(p < PAIRS => {
                        if p <= q && q - p < REACH {
                            let tap = 2 * (REACH - 1 - (q - p));
                            let first = &mut acc[c][p][even];
                            *first = l.fma(*first, x, w[c][tap]);
                            if let Some(&w) = w[c].get(tap.wrapping_add_signed(if ODD { -1 } else { 1 })) {
                                let second = &mut acc[c][p][odd];
                                *second = l.fma(*second, x, w);
                            }
                        }
                    });
                });
            }
        });
        taps -= 1;
        if taps == 0 {
            break;
        }
        src = src.step(rows.src_tap).anew();
        weights = weights.step(rows.weights_tap).anew();
    }
    let complete = columns.len.is_multiple_of(2 * PAIRS);
    unroll!(c < VECTORS => {
        let dst = dst.step(channel + (c * LANES) as isize);
        if each_time(&task.finish.accumulate) {
            each_of_pairs::<L, PAIRS>(task, dst, complete, |p, which, dst| {
                // SAFETY: a result of the tile.
                let there = unsafe { l.reload(dst, LANES) };
                acc[c][p][which] = l.add(there, acc[c][p][which]);
            });
        }
        each_of_pairs::<L, PAIRS>(task, dst, complete, |p, which, dst| {
            // SAFETY: a result of the tile.
            unsafe { l.store(dst, acc[c][p][which]) };
        });
    });
}

/// Calls `each` with every result of a tile of pairs and its place: the last of all may be missing.
#[inline(always)]
fn each_of_pairs<L: Lanes, const PAIRS: usize>(
    task: &Task<L>,
    dst: L::Dst,
    complete: bool,
    mut each: impl FnMut(usize, usize, L::Dst),
) {
    let step = task.columns.dst;
    let mut place = dst;
    unroll!(p < PAIRS => {
        unroll!(which < 2 => {
            if p + which == 0 {
                each(0, 0, dst);
            } else if p + 1 < PAIRS || which == 0 || each_time(&complete) {
                place = dst.nth(2 * p + which, step, place);
                each(p, which, place);
            }
        });
    });
}

/// [`pairs`] of three taps whose windows have so few rows, `TAPS`, that registers hold their weights: each pair is stored before
/// the next one starts, and leaves it a column. Sums of a whole tile would leave their registers.
#[inline(always)]
pub(crate) fn pairs_in_turn<
    L: Lanes,
    const TAPS: usize,
    const PAIRS: usize,
    const ODD: bool,
    const ACCUMULATE: bool,
>(
    l: L,
    task: &Task<L>,
) {
    let Task { rows, columns, .. } = task;
    let complete = columns.len.is_multiple_of(2 * PAIRS);
    for row in 0..rows.len as isize {
        let mut tile_src = task.src.step(row * rows.src);
        let mut tile_dst = task.dst.step(row * rows.dst);
        for _ in 0..columns.len.div_ceil(2 * PAIRS) {
            for channel in (0..task.depth.len as isize).step_by(LANES) {
                let mut turn = Turn::<L, TAPS, ODD, ACCUMULATE>::new(l, task, channel, tile_src);
                let mut dst = tile_dst.step(channel);
                let mut last = turn.column();
                unroll!(p < PAIRS => {
                    let pair = if p == 0 && each_time(&columns.clip_low) > 0 {
                        turn.pair(None, Some(last))
                    } else if p + 1 == PAIRS && each_time(&columns.clip_high) > 0 {
                        turn.pair(Some(last), None)
                    } else {
                        let first = last;
                        last = turn.column();
                        turn.pair(Some(first), Some(last))
                    };
                    if p > 0 {
                        dst = dst.step(columns.dst);
                    }
                    turn.store(pair[0], dst);
                    // The last pair of all may have one result.
                    if p + 1 < PAIRS || each_time(&complete) {
                        dst = dst.step(columns.dst);
                        turn.store(pair[1], dst);
                    }
                });
            }
            tile_src = tile_src.step(PAIRS as isize * columns.src_tap);
            tile_dst = tile_dst.step(2 * PAIRS as isize * columns.dst);
        }
    }
}

/// The registers of [`pairs_in_turn`], but those of a pair and its columns.
struct Turn<L: Lanes, const TAPS: usize, const ODD: bool, const ACCUMULATE: bool> {
    lanes: L,
    weights: [[L::Vector; 3]; TAPS],
    /// Where the next column is, in each row of a window.
    src: [L::Src; TAPS],
    step: isize,
}

impl<L: Lanes, const TAPS: usize, const ODD: bool, const ACCUMULATE: bool>
    Turn<L, TAPS, ODD, ACCUMULATE>
{
    #[inline(always)]
    fn new(lanes: L, task: &Task<L>, channel: isize, src: L::Src) -> Self {
        let rows = &task.rows;
        let mut weights = [[lanes.zero(); 3]; TAPS];
        let mut src = [src.step(channel); TAPS];
        unroll!(t < TAPS => {
            let row = task.weights.step(channel + t as isize * rows.weights_tap).anew();
            weights[t] = kernel_row(lanes, task, row, 0);
            src[t] = src[t].step(t as isize * rows.src_tap).anew();
        });
        Self { lanes, weights, src, step: task.columns.src_tap }
    }

    /// The next column of a tile's windows.
    #[inline(always)]
    fn column(&mut self) -> [L::Vector; TAPS] {
        let mut x = [self.lanes.zero(); TAPS];
        unroll!(t < TAPS => {
            // SAFETY: a column of the window that the tile does not miss.
            x[t] = unsafe { self.lanes.load(self.src[t]) };
            self.src[t] = self.src[t].step(self.step);
        });
        x
    }

    /// A pair, of the columns that its window does not miss.
    #[inline(always)]
    fn pair(
        &self,
        first: Option<[L::Vector; TAPS]>,
        last: Option<[L::Vector; TAPS]>,
    ) -> [L::Vector; 2] {
        let l = self.lanes;
        let (mut even, mut odd) = (l.zero(), l.zero());
        unroll!(t < TAPS => {
            let w = &self.weights[t];
            if let Some(x) = first {
                even = l.fma(even, x[t], w[2]);
                if ODD {
                    odd = l.fma(odd, x[t], w[1]);
                }
            }
            if let Some(x) = last {
                even = l.fma(even, x[t], w[0]);
                if !ODD {
                    odd = l.fma(odd, x[t], w[1]);
                }
            }
        });
        if ODD { [odd, even] } else { [even, odd] }
    }

    #[inline(always)]
    fn store(&self, mut result: L::Vector, dst: L::Dst) {
        // SAFETY: one of the tile's results.
        unsafe {
            if ACCUMULATE {
                result = self.lanes.add(self.lanes.reload(dst, LANES), result);
            }
            self.lanes.store(dst, result);
        }
    }
}

/// The weights of a kernel row, the first of which is at `first`, for a vector of channels from there on.
#[inline(always)]
fn kernel_row<L: Lanes, const K: usize>(
    l: L,
    task: &Task<L>,
    first: L::Src,
    vector: usize,
) -> [L::Vector; K] {
    let mut w = [l.zero(); K];
    let mut weight = first;
    unroll!(u < K => {
        if u > 0 {
            weight = first.nth(u, task.columns.weights_tap, weight);
        }
        // SAFETY: one of the kernel row's K weights.
        w[u] = unsafe { l.load_at(weight, vector * LANES) };
    });
    w
}

/// Input columns of the widest tile: 8 columns of 7×7 at stride 2.
const MOST_COLUMNS: usize = 24;

/// Strips of `COLUMNS` columns, marching down the rows.
///
/// ```text
/// for each block of channels, tile, strip of rows, vector of channels
///     w = all K × K weights
///     for each input row
///         x = its columns from left to right, each loaded once
///         acc[0..=FLIGHT][0..COLUMNS] += x · w[the kernel row that this input row is to these results]
///         the oldest results are stored, when this was their last row; all others age
/// ```
///
/// `FLIGHT` = (K − 1) / S rows of results are in flight from one step of S rows to the next. Between
/// these, another row completes while the next one starts, as far behind it as a window is wide: so each
/// result leaves its register to the one that starts in its column, and 3×3 at stride 1 needs 9 + 2·COLUMNS
/// registers, and few for the input. Ageing is a renaming: the loop is unrolled until every accumulator
/// is back in its register. Rows that the windows miss at the ends of the rectangle are skipped while
/// a strip fills and drains; columns as in [`row`]. Whether there is something to `FINISH` is decided
/// beforehand: a test for each row would be a tenth of the instructions.
#[inline(always)]
pub(crate) fn roll<
    L: Lanes,
    const K: usize,
    const S: usize,
    const FLIGHT: usize,
    const COLUMNS: usize,
    const LOW: usize,
    const HIGH: usize,
    const FINISH: bool,
>(
    l: L,
    task: &Task<L>,
) {
    const { assert!(FLIGHT * S + 1 == K) };
    let Task { rows, columns, depth, .. } = task;
    let distances = Distances::new::<L, K, S, COLUMNS>(task);
    let missed = if LEAN { columns.clip_low } else { LOW + HIGH };
    let last = ((COLUMNS - 1) * S + K - 1) as isize - missed as isize;
    let strips = rows.len.div_ceil(rows.strip).min(rows.len / FLIGHT);
    // Strips are as equal as can be: so many have a row more.
    let (height, longer) = (rows.len / strips, rows.len % strips);
    for first in (0..depth.len).step_by(depth.block) {
        let channels = first as isize..(first + depth.block).min(depth.len) as isize;
        let mut tile_src = task.src.step(last * columns.src_tap);
        let mut tile_dst = task.dst.step((COLUMNS - 1) as isize * columns.dst);
        for _ in 0..columns.len / COLUMNS {
            let (mut src, mut dst) = (tile_src, tile_dst);
            for strip in 1..=strips {
                let height = height + usize::from(strip <= longer);
                // Only the first windows of all miss rows, and only the last ones.
                let low = if strip == 1 { rows.clip_low } else { 0 };
                let high = if strip == strips { rows.clip_high } else { 0 };
                let mut channel = channels.start;
                while channel < channels.end {
                    let (src, dst) = (src.step(channel), dst.step(channel));
                    let fresh = [start(l, task, task.biased, channel); 2];
                    let mut strip = Strip::<L, K, S, FLIGHT, COLUMNS, LOW, HIGH, FINISH>::new(
                        l, task, &distances, &fresh, channel, src, dst,
                    );
                    strip.fill(low);
                    strip.march(height - FLIGHT, high);
                    channel += LANES as isize;
                }
                src = src.step(height as isize * rows.src - low as isize * rows.src_tap);
                dst = dst.step(height as isize * rows.dst);
            }
            tile_src = tile_src.step((COLUMNS * S) as isize * columns.src_tap);
            tile_dst = tile_dst.step(COLUMNS as isize * columns.dst);
        }
    }
}

/// How far the positions of [`roll`] are apart, hidden from the optimiser.
struct Distances {
    /// Back from a row's last column to each of those before it, the nearest one first.
    back: [isize; MOST_COLUMNS],
    /// From one row of the source to the next.
    src: isize,
    /// From one row of results to the next.
    dst: isize,
}

impl Distances {
    #[inline(always)]
    fn new<L: Lanes, const K: usize, const S: usize, const COLUMNS: usize>(task: &Task<L>) -> Self {
        let mut back = [0; MOST_COLUMNS];
        unroll!(j < COLUMNS => {
            unroll!(u < K => {
                let column = j * S + u;
                if column > 0 && (j == 0 || u + S >= K) {
                    back[column] = L::Src::distance(-(column as isize) * task.columns.src_tap);
                }
            });
        });
        let (src, dst) = (L::Src::distance(task.rows.src_tap), L::Dst::distance(task.rows.dst));
        Self { back, src, dst }
    }
}

/// The registers of [`roll`].
struct Strip<
    't,
    L: Lanes,
    const K: usize,
    const S: usize,
    const FLIGHT: usize,
    const COLUMNS: usize,
    const LOW: usize,
    const HIGH: usize,
    const FINISH: bool,
> {
    lanes: L,
    task: &'t Task<L>,
    distances: &'t Distances,
    weights: [[L::Vector; K]; K],
    /// Where results start: twice, as they do.
    fresh: &'t [L::Vector; 2],
    /// Rows of results in flight, the oldest first.
    acc: [[L::Vector; COLUMNS]; FLIGHT],
    /// The last columns of the next rows. The others are found from these, and the instructions that read or write these go on
    /// to the rows after them.
    src: L::Src,
    dst: L::Dst,
}

impl<
    't,
    L: Lanes,
    const K: usize,
    const S: usize,
    const FLIGHT: usize,
    const COLUMNS: usize,
    const LOW: usize,
    const HIGH: usize,
    const FINISH: bool,
> Strip<'t, L, K, S, FLIGHT, COLUMNS, LOW, HIGH, FINISH>
{
    /// Input columns of the strip's windows.
    const WINDOW: usize = (COLUMNS - 1) * S + K;

    /// The last one that is read.
    const LAST: usize = Self::WINDOW - 1 - HIGH;

    #[inline(always)]
    fn new(
        lanes: L,
        task: &'t Task<L>,
        distances: &'t Distances,
        fresh: &'t [L::Vector; 2],
        channel: isize,
        src: L::Src,
        dst: L::Dst,
    ) -> Self {
        let mut weights = [[lanes.zero(); K]; K];
        unroll!(v < K => {
            let row = task.weights.step(channel + v as isize * task.rows.weights_tap).anew();
            unroll!(u < K => {
                let weight = row.step(u as isize * task.columns.weights_tap);
                // SAFETY: one of the K × K weights.
                weights[v][u] = unsafe { lanes.load(weight) };
            });
        });
        let acc = copies(copies(fresh[0]));
        Self { lanes, task, distances, weights, fresh, acc, src, dst }
    }

    /// The first results start. Those that would be above them do not exist, and windows miss `clip` rows,
    /// half a kernel at most.
    #[inline(always)]
    fn fill(&mut self, clip: usize) {
        let exists = |row: usize| is_there::<K>(row, K, [clip, 0]);
        unroll!(j < FLIGHT => {
            if exists(j * S) {
                self.absorb(S, FLIGHT - j, true, false);
            }
            unroll!(i < S => {
                if i > 0 && exists(j * S + i) {
                    self.absorb(i, FLIGHT - 1 - j, false, false);
                }
            });
        });
    }

    /// Each step completes one row of results and starts another. In the end, those in flight are drained from
    /// the registers in which they happen to be (or, where rare cases share their code, after a move).
    #[inline(always)]
    fn march(&mut self, steps: usize, clip_high: usize) {
        let mut left = steps as isize;
        'march: loop {
            unroll!(j < FLIGHT => {
                // One subtraction for all rows of a turn: those that are left fall short of it.
                if j == 0 && left == 0 || j > 0 && left <= j as isize - FLIGHT as isize {
                    if LEAN {
                        break 'march;
                    }
                    return self.drain(clip_high);
                }
                if j == 0 {
                    left -= FLIGHT as isize;
                }
                self.absorb(S, 0, true, true);
                unroll!(i < S => {
                    if i > 0 {
                        self.absorb(i, 0, false, false);
                    }
                });
            });
        }
        self.drain(clip_high);
    }

    /// No more results start. The last windows miss `clip` rows, half a kernel at most.
    #[inline(always)]
    fn drain(&mut self, clip: usize) {
        let exists = |row: usize| is_there::<K>(row, K, [0, clip]);
        unroll!(j < FLIGHT => {
            let row = (j + 1) * S;
            if exists(row) {
                self.absorb(row, j, false, true);
            } else {
                self.complete(j);
            }
            unroll!(i < S => {
                if i > 0 && j + 1 < FLIGHT && exists(row + i) {
                    self.absorb(row + i, j + 1, false, false);
                }
            });
        });
    }

    /// Adds an input row to the results from `acc[oldest]` on, as kernel row `youngest` of the youngest.
    /// The oldest may complete with it, and with its first kernel row the next results start.
    #[inline(always)]
    fn absorb(&mut self, youngest: usize, oldest: usize, starts: bool, completes: bool) {
        let (l, columns) = (self.lanes, &self.task.columns);
        let (low, high) =
            if LEAN { each_time(&(columns.clip_low, columns.clip_high)) } else { (LOW, HIGH) };
        let has = |q: usize| is_there::<K>(q, Self::WINDOW, [low, high]);
        let mut x = [l.zero(); MOST_COLUMNS];
        let mut young = copies(self.fresh[0]);
        let (mut column, mut place) = (self.src, self.dst);
        unroll!(j < COLUMNS => {
            unroll!(u < K => {
                let q = j * S + u;
                if j == 0 || u + S >= K {
                    if q >= LOW && q < Self::LAST {
                        let back = self.distances.back[Self::LAST - q];
                        column = if q == LOW {
                            self.src.apart(back)
                        } else {
                            self.src.far(back, columns.src_tap, column)
                        };
                    }
                    if has(q) {
                        // SAFETY: a column of the window that the strip does not miss.
                        x[q] = unsafe {
                            if q == Self::LAST {
                                l.load_and_step(&mut self.src, self.distances.src)
                            } else {
                                l.load(column)
                            }
                        };
                        unroll!(k < FLIGHT => {
                            let v = youngest + (FLIGHT - 1 - k) * S;
                            if k >= oldest && v < K {
                                Self::add(l, &mut self.acc[k], &x, q, &self.weights[v]);
                            }
                        });
                    } else if q == Self::LAST {
                        self.src = self.src.apart(self.distances.src).anew();
                    }
                    if completes && u + 1 == K {
                        self.store(self.acc[oldest][j], j, &mut place);
                    }
                    // Two start at a time, in the registers that two have left.
                    if starts && u + 1 == K && (j % 2 == 1 || j + 1 == COLUMNS) {
                        let first = j - j % 2;
                        let two = l.twice_again(self.fresh);
                        young[first..=j].copy_from_slice(&two[..=j % 2]);
                        unroll!(c < 2 => {
                            unroll!(i < S => {
                                let q = (first + c) * S + i;
                                if first + c <= j && q + 1 >= S && has(q + 1 - S) {
                                    Self::add(l, &mut young, &x, q + 1 - S, &self.weights[0]);
                                }
                            });
                        });
                    }
                }
            });
        });
        if starts {
            unroll!(u < K => {
                if u > 0 && has(Self::WINDOW - K + u) {
                    Self::add(l, &mut young, &x, Self::WINDOW - K + u, &self.weights[0]);
                }
            });
            unroll!(k < FLIGHT - 1 => {
                self.acc[k] = self.acc[k + 1];
            });
            self.acc[FLIGHT - 1] = young;
        }
    }

    /// Adds column `q` of an input row to the results whose windows have it.
    #[inline(always)]
    fn add(
        l: L,
        acc: &mut [L::Vector; COLUMNS],
        x: &[L::Vector; MOST_COLUMNS],
        q: usize,
        weights: &[L::Vector; K],
    ) {
        unroll!(j < COLUMNS => {
            if j * S <= q && q - j * S < K {
                acc[j] = l.fma(acc[j], x[q], weights[q - j * S]);
            }
        });
    }

    /// Stores a row of results.
    #[inline(always)]
    fn complete(&mut self, row: usize) {
        let mut place = self.dst;
        unroll!(j < COLUMNS => {
            self.store(self.acc[row][j], j, &mut place);
        });
    }

    /// Stores the result of column `j`, at the `place` beside the one before it.
    #[inline(always)]
    fn store(&mut self, mut result: L::Vector, j: usize, place: &mut L::Dst) {
        // Results have as many channels as the source, and so its step: no registers for another.
        let back = self.distances.back[COLUMNS - 1 - j];
        *place = match j {
            _ if j + 1 == COLUMNS => self.dst,
            0 => self.dst.apart(back),
            _ => self.dst.far(back, self.task.columns.src_tap, *place),
        };
        let is_due = if LEAN { each_time(&self.task.finish.any) } else { FINISH };
        if is_due {
            result = finish(self.lanes, &self.task.finish, result, *place, LANES);
        }
        // SAFETY: `Task::new` has vouched for four results here.
        unsafe {
            if j + 1 == COLUMNS {
                self.lanes.store_and_step(&mut self.dst, result, self.distances.dst);
            } else {
                self.lanes.store(*place, result);
            }
        }
    }
}

/// Any window, any multiplier, any number of channels: follows the walks, eight columns at a time.
#[inline(always)]
pub(crate) fn span<L: Lanes>(l: L, task: &Task<L>) {
    let depth = task.depth;
    let vectors = depth.len / LANES;
    if depth.is_one_for_one() && vectors > 0 {
        // Tasks have whole vectors, or fewer channels than one: not both.
        return span_vectors(l, task, 0, vectors, Contiguous);
    }
    for channel in (0..depth.len).step_by(LANES) {
        let count = (depth.len - channel).min(LANES);
        if LEAN {
            span_vectors(l, task, channel, 1, Apart::new(&depth, channel, count));
        } else if depth.is_one_for_one() {
            span_vectors(l, task, channel, 1, Partial { count });
        } else {
            let (src, offsets) = depth.sources(channel);
            if depth.products > 1 {
                let products = depth.products;
                span_vectors(l, task, channel, 1, Summed { src, products, count });
            } else if offsets[count - 1] == 0 {
                span_vectors(l, task, channel, 1, Splat { src, count });
            } else {
                span_vectors(l, task, channel, 1, Gather { src, offsets, count });
            }
        }
    }
}

/// `vectors` vectors of channels from `channel` on.
#[inline(always)]
fn span_vectors<L: Lanes, C: Channels<L>>(
    l: L,
    task: &Task<L>,
    channel: usize,
    vectors: usize,
    channels: C,
) {
    let most = if LEAN && C::RARE { 1 } else { 8 };
    for row in 0..task.rows.len as isize {
        let (src, dst) = (task.src.step(row * task.rows.src), task.dst.step(row * task.rows.dst));
        let mut column = 0;
        while column < task.columns.len {
            let width = match (task.columns.len - column).min(most) {
                8 => 8,
                4.. => 4,
                2.. => 2,
                _ => 1,
            };
            let j = column as isize;
            let src = src.step(j * task.columns.src + channels.source());
            let dst = dst.step(j * task.columns.dst + channel as isize);
            for v in (0..(vectors * LANES) as isize).step_by(LANES) {
                let (src, dst, first) = (src.step(v), dst.step(v), channel as isize + v);
                let weights = task.weights.step(channels.weights(channel) + v);
                match width {
                    8 => span_columns::<L, C, 8>(l, task, src, weights, dst, first, channels),
                    4 => span_columns::<L, C, 4>(l, task, src, weights, dst, first, channels),
                    2 => span_columns::<L, C, 2>(l, task, src, weights, dst, first, channels),
                    _ => span_columns::<L, C, 1>(l, task, src, weights, dst, first, channels),
                }
            }
            column += width;
        }
    }
}

/// `COLUMNS` columns of one row, for one vector of channels: each weight is loaded once for all of
/// them.
#[inline(always)]
fn span_columns<L: Lanes, C: Channels<L>, const COLUMNS: usize>(
    l: L,
    task: &Task<L>,
    src: L::Src,
    weights: L::Src,
    dst: L::Dst,
    channel: isize,
    channels: C,
) {
    let Task { rows, columns, .. } = task;
    let count = channels.count();
    let fresh = if each_time(&task.biased) {
        // SAFETY: the biases of `count` channels start here.
        unsafe { l.load_partial(task.bias.step(channel), count) }
    } else {
        l.zero()
    };
    let mut acc = [fresh; COLUMNS];
    let (mut row_src, mut row_weights) = (src, weights);
    for _ in 0..rows.taps {
        let (mut tap_src, mut tap_weights) = (row_src, row_weights);
        for _ in 0..columns.taps {
            for product in 0..channels.products() {
                // SAFETY: a weight of this tap.
                let w = unsafe { channels.load_weights(l, tap_weights.step(product)) };
                unroll!(j < COLUMNS => {
                    let column = tap_src.step(product + j as isize * columns.src);
                    // SAFETY: the source of this tap of column j.
                    let x = unsafe { channels.load(l, column) };
                    acc[j] = l.fma(acc[j], x, w);
                });
            }
            tap_src = tap_src.step(columns.src_tap);
            tap_weights = tap_weights.step(columns.weights_tap);
        }
        row_src = row_src.step(rows.src_tap);
        row_weights = row_weights.step(rows.weights_tap);
    }
    store(l, task, acc, dst, columns.dst, (count, count));
}

/// Where accumulators start: at the bias, or at +0.
#[inline(always)]
fn start<L: Lanes>(l: L, task: &Task<L>, biased: bool, channel: isize) -> L::Vector {
    if biased {
        // SAFETY: the biases of four channels start here.
        unsafe { l.load(task.bias.step(channel)) }
    } else {
        l.zero()
    }
}
