//! Channels first: lanes are neighbouring columns, so weights are splats and each tap has its own
//! unaligned load (cheaper everywhere than shuffling neighbours, which competes with the fmas).
//!
//! Blocks marked SAFETY rely on [`Task::new`]'s promise: what the walks reach is there.

use depthwise_lanes::{Cursor, LANES, Lanes};

use crate::task::{Task, each_time, finish};

/// One row of results, `VECTORS` vectors of columns at a time, kernel row after kernel row.
///
/// At an `EDGE`, the last vector may have fewer results than lanes, and windows may miss columns at
/// both ends. Loads read on into the neighbouring row there; lanes of taps that do not exist keep
/// their sum, whatever was read.
#[inline(always)]
pub(crate) fn row<
    L: Lanes,
    const K: usize,
    const S: usize,
    const VECTORS: usize,
    const EDGE: bool,
>(
    l: L,
    task: &Task<L>,
) {
    let Task { rows, columns, depth, .. } = task;
    let tile = VECTORS * LANES;
    let (tiles, live) = if EDGE { (1, columns.len) } else { (columns.len / tile, tile) };
    let masks = if EDGE { Masks::<L, K>::new(l, task, S, VECTORS) } else { Masks::none(l) };
    for plane in 0..depth.len as isize {
        let fresh = start(l, task, plane);
        let plane_weights = task.weights.step(plane * depth.weights);
        for row in 0..rows.len as isize {
            let mut tile_src = task.src.step(plane * depth.src + row * rows.src);
            let mut tile_dst = task.dst.step(plane * depth.dst + row * rows.dst);
            for _ in 0..tiles {
                let mut acc = [fresh; VECTORS];
                let (mut src, mut weights) = (tile_src, plane_weights);
                let mut taps = rows.taps;
                loop {
                    let mut odd = [l.zero(); VECTORS];
                    unroll!(u < K => {
                        // SAFETY: one of the kernel row's K weights.
                        let w = unsafe {
                            l.load_splat(weights.step(u as isize * columns.weights_tap))
                        };
                        unroll!(v < VECTORS => {
                            // SAFETY: the tile's vectors, to the end of the last one.
                            let x = unsafe {
                                let at = src.step((v * LANES * S + u) as isize);
                                if S == 1 {
                                    l.load(at)
                                } else if u % 2 == 1 {
                                    odd[v]
                                } else if u + 1 < K {
                                    let (even, next) = l.load_pair(at);
                                    odd[v] = next;
                                    even
                                } else {
                                    l.load_even(at)
                                }
                            };
                            acc[v] = match masks.of(v, u, VECTORS) {
                                Some(mask) if EDGE => l.fma_where(mask, acc[v], x, w),
                                _ => l.fma(acc[v], x, w),
                            };
                        });
                    });
                    taps -= 1;
                    if taps == 0 {
                        break;
                    }
                    src = src.step(rows.src_tap);
                    weights = weights.step(rows.weights_tap);
                }
                finish(l, task, &mut acc);
                unroll!(v < VECTORS => {
                    let dst = tile_dst.step((v * LANES) as isize);
                    // SAFETY: the tile's results.
                    unsafe {
                        if EDGE && v + 1 == VECTORS {
                            l.store_partial(dst, acc[v], live - v * LANES);
                        } else {
                            l.store(dst, acc[v]);
                        }
                    }
                });
                tile_src = tile_src.step((tile * S) as isize);
                tile_dst = tile_dst.step(tile as isize);
            }
        }
    }
}

/// Which lanes of an edge tile have their taps: half a kernel at most is missing at either end, so
/// only the first vector can miss columns before the input and only the last two after it.
struct Masks<L: Lanes, const K: usize> {
    /// By tap, for the first vector.
    low: [L::Mask; MOST_CLIPPED],
    /// By vector from the last and tap from the last.
    high: [[L::Mask; MOST_CLIPPED]; 2],
}

/// Half of the widest kernel.
const MOST_CLIPPED: usize = 3;

impl<L: Lanes, const K: usize> Masks<L, K> {
    #[inline(always)]
    fn none(l: L) -> Self {
        let all = l.mask(0, LANES);
        Self { low: [all; MOST_CLIPPED], high: [[all; MOST_CLIPPED]; 2] }
    }

    #[inline(always)]
    fn new(l: L, task: &Task<L>, stride: usize, vectors: usize) -> Self {
        let columns = &task.columns;
        // Columns of the window that exist, counted from its first, clipped or not.
        let end = (columns.len - 1) * stride + K - columns.clip_high;
        let mut masks = Self::none(l);
        for tap in 0..K / 2 {
            let first = columns.clip_low.saturating_sub(tap).div_ceil(stride);
            masks.low[tap] = l.mask(first.min(LANES), LANES);
            let lanes = end.saturating_sub(K - 1 - tap).div_ceil(stride);
            for (vector, masks) in masks.high.iter_mut().enumerate().take(vectors) {
                let before = (vectors - 1 - vector) * LANES;
                masks[tap] = l.mask(0, lanes.saturating_sub(before).min(LANES));
            }
        }
        masks
    }

    /// The mask of a vector and tap, if it can miss a column.
    #[inline(always)]
    fn of(&self, vector: usize, tap: usize, vectors: usize) -> Option<L::Mask> {
        let (half, from_last) = (K / 2, vectors - 1 - vector);
        if vector == 0 && tap < half {
            Some(self.low[tap])
        } else if tap + half >= K && from_last < half.min(2) {
            Some(self.high[from_last][K - 1 - tap])
        } else {
            None
        }
    }
}

/// Any window: follows the walks, up to four vectors of columns at a time.
#[inline(always)]
pub(crate) fn span<L: Lanes>(l: L, task: &Task<L>) {
    match task.columns.src {
        1 => span_stepping::<L, 1>(l, task),
        2 => span_stepping::<L, 2>(l, task),
        _ => span_stepping::<L, ANY_STEP>(l, task),
    }
}

/// Columns whose step is known only at run time.
const ANY_STEP: usize = 0;

#[inline(always)]
fn span_stepping<L: Lanes, const STEP: usize>(l: L, task: &Task<L>) {
    for plane in 0..task.depth.len as isize {
        for row in 0..task.rows.len as isize {
            let src = task.src.step(plane * task.depth.src + row * task.rows.src);
            let dst = task.dst.step(plane * task.depth.dst + row * task.rows.dst);
            let mut column = 0;
            while column < task.columns.len {
                let left = task.columns.len - column;
                let src = src.step(column as isize * task.columns.src);
                let dst = dst.step(column as isize);
                column += if left >= 4 * LANES {
                    span_vectors::<L, STEP, 4>(l, task, plane, src, dst, LANES)
                } else if left >= LANES {
                    span_vectors::<L, STEP, 1>(l, task, plane, src, dst, LANES)
                } else {
                    span_vectors::<L, STEP, 1>(l, task, plane, src, dst, left)
                };
            }
        }
    }
}

/// `VECTORS` vectors of columns with `count` results each; returns the number of columns.
#[inline(always)]
fn span_vectors<L: Lanes, const STEP: usize, const VECTORS: usize>(
    l: L,
    task: &Task<L>,
    plane: isize,
    src: L::Src,
    dst: L::Dst,
    count: usize,
) -> usize {
    let Task { rows, columns, depth, .. } = task;
    let mut acc = [start(l, task, plane); VECTORS];
    let step = columns.src as usize;
    let offsets = core::array::from_fn(|lane| if lane < count { lane * step } else { 0 });
    let (mut row_src, mut row_weights) = (src, task.weights.step(plane * depth.weights));
    for _ in 0..rows.taps {
        let (mut tap_src, mut tap_weights) = (row_src, row_weights);
        for _ in 0..columns.taps {
            // SAFETY: one of the window's weights.
            let w = unsafe { l.load_splat(tap_weights) };
            unroll!(v < VECTORS => {
                let src = tap_src.step((v * LANES) as isize * columns.src);
                // SAFETY: the sources of this tap, `count` of them, a step apart.
                let x = unsafe {
                    match STEP {
                        1 if count == LANES => l.load(src),
                        1 => l.load_partial(src, count),
                        2 if count == LANES => l.load_even(src),
                        _ => l.load_gather(src, offsets, count),
                    }
                };
                acc[v] = l.fma(acc[v], x, w);
            });
            tap_src = tap_src.step(columns.src_tap);
            tap_weights = tap_weights.step(columns.weights_tap);
        }
        row_src = row_src.step(rows.src_tap);
        row_weights = row_weights.step(rows.weights_tap);
    }
    finish(l, task, &mut acc);
    unroll!(v < VECTORS => {
        let dst = dst.step((v * LANES) as isize);
        // SAFETY: `count` results start here.
        unsafe {
            if count == LANES { l.store(dst, acc[v]) } else { l.store_partial(dst, acc[v], count) }
        }
    });
    VECTORS * count
}

/// Where accumulators start: at the plane's bias, or at +0.
#[inline(always)]
fn start<L: Lanes>(l: L, task: &Task<L>, plane: isize) -> L::Vector {
    match each_time(&task.bias) {
        // SAFETY: the plane's bias.
        Some(bias) => unsafe { l.load_splat(bias.step(plane)) },
        None => l.zero(),
    }
}
