//! Channels last: lanes are channels, so every column has its own vector, no lane is ever moved,
//! and any width will do.
//!
//! Blocks marked SAFETY rely on [`Task::new`]'s promise: what the walks reach is there.

use depthwise_lanes::{Cursor, LANES, Lanes};

use crate::channels::{Channels, Contiguous, Gather, LEAN, Partial, Splat, Summed};
use crate::task::{Task, each_time, finish, store};

/// One row of results, `COLUMNS` columns at a time, kernel row after kernel row.
///
/// ```text
/// for each row, tile, vector of channels
///     acc[0..COLUMNS] = bias
///     for each kernel row that the window has        (a real loop: clipped rows cost nothing)
///         w[0..K] = its weights
///         for each column: acc[column] += x[column·S + 0..K] · w[0..K]
///     store acc
/// ```
///
/// Each input vector of a row is loaded once and used by up to `⌈K/S⌉` columns. Results are
/// accumulated column by column, not tap by tap: that keeps only `COLUMNS + 2·K` vectors alive,
/// which 16 registers hold. Windows may miss `LOW` columns on the left and `HIGH` on the right;
/// taps there are not emitted at all.
#[inline(always)]
pub(crate) fn row<
    L: Lanes,
    const K: usize,
    const S: usize,
    const COLUMNS: usize,
    const LOW: usize,
    const HIGH: usize,
>(
    l: L,
    task: &Task<L>,
) {
    let Task { rows, columns, .. } = task;
    let window = (COLUMNS - 1) * S + K;
    for row in 0..rows.len as isize {
        let mut tile_src = task.src.step(row * rows.src);
        let mut tile_dst = task.dst.step(row * rows.dst);
        for _ in 0..columns.len / COLUMNS {
            for channel in (0..task.depth.len as isize).step_by(LANES) {
                let mut acc = [start(l, task, channel); COLUMNS];
                let mut src = tile_src.step(channel);
                let mut weights = task.weights.step(channel);
                let mut taps = rows.taps;
                loop {
                    let mut w = [l.zero(); K];
                    unroll!(u < K => {
                        // SAFETY: one of the kernel row's K weights.
                        w[u] = unsafe { l.load(weights.step(u as isize * columns.weights_tap)) };
                    });
                    let mut x = [l.zero(); MOST_COLUMNS];
                    unroll!(j < COLUMNS => {
                        unroll!(u < K => {
                            let q = j * S + u;
                            if q >= LOW && q < window - HIGH {
                                if j == 0 || u + S >= K {
                                    let column = src.step((q - LOW) as isize * columns.src_tap);
                                    // SAFETY: a column of the window that the tile does not miss.
                                    x[q] = unsafe { l.load(column) };
                                }
                                acc[j] = l.fma(acc[j], x[q], w[u]);
                            }
                        });
                    });
                    taps -= 1;
                    if taps == 0 {
                        break;
                    }
                    src = src.step(rows.src_tap).anew();
                    weights = weights.step(rows.weights_tap).anew();
                }
                store(l, task, acc, tile_dst.step(channel), columns.dst, (LANES, LANES));
            }
            tile_src = tile_src.step((COLUMNS * S) as isize * columns.src_tap);
            tile_dst = tile_dst.step(COLUMNS as isize * columns.dst);
        }
    }
}

/// One row of results of an input gradient at stride 2, in pairs of neighbours.
///
/// A window of `REACH` = ⌈K/2⌉ output gradients gives both of a pair, one by the even taps and the
/// other (the first, if `ODD`) by the odd ones: each is loaded once for the tile and used by all K taps of
/// the row. At an `EDGE`, windows may miss columns. Otherwise as [`row`], in ascending order of the source.
#[inline(always)]
pub(crate) fn pairs<
    L: Lanes,
    const K: usize,
    const REACH: usize,
    const PAIRS: usize,
    const COLUMNS: usize,
    const ODD: bool,
    const EDGE: bool,
>(
    l: L,
    task: &Task<L>,
) {
    let Task { rows, columns, .. } = task;
    let window = PAIRS - 1 + REACH;
    // Which of a pair takes the even taps.
    let (even, odd) = (ODD as usize, !ODD as usize);
    let complete = columns.len.is_multiple_of(COLUMNS);
    for row in 0..rows.len as isize {
        let mut tile_src = task.src.step(row * rows.src);
        let mut tile_dst = task.dst.step(row * rows.dst);
        for _ in 0..columns.len.div_ceil(COLUMNS) {
            for channel in (0..task.depth.len as isize).step_by(LANES) {
                let mut acc = [l.zero(); COLUMNS];
                let low = if EDGE { each_time(columns.clip_low) } else { 0 };
                let high = if EDGE { each_time(columns.clip_high) } else { 0 };
                let mut src = tile_src.step(channel - low as isize * columns.src_tap);
                let mut weights = task.weights.step(channel);
                let mut taps = rows.taps;
                loop {
                    let mut w = [l.zero(); K];
                    unroll!(u < K => {
                        // SAFETY: one of the kernel row's K weights.
                        w[u] = unsafe { l.load(weights.step(u as isize * columns.weights_tap)) };
                    });
                    unroll!(q < PAIRS + REACH - 1 => {
                        let before = EDGE && q + 1 < REACH && q < low;
                        let after = EDGE && q + REACH > window && q + high >= window;
                        if !before && !after {
                            let column = src.step(q as isize * columns.src_tap);
                            // SAFETY: a column of the window that the tile does not miss.
                            let x = unsafe { l.load(column) };
                            unroll!(p < PAIRS => {
                                if p <= q && q - p < REACH {
                                    let tap = 2 * (REACH - 1 - (q - p));
                                    let first = &mut acc[2 * p + even];
                                    *first = l.fma(*first, x, w[tap]);
                                    if let Some(&w) = w.get(tap.wrapping_add_signed(if ODD { -1 } else { 1 })) {
                                        let second = &mut acc[2 * p + odd];
                                        *second = l.fma(*second, x, w);
                                    }
                                }
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
                let dst = tile_dst.step(channel);
                if each_time(complete) {
                    store(l, task, acc, dst, columns.dst, (LANES, LANES));
                } else {
                    unroll!(j < COLUMNS - 1 => {
                        let dst = dst.step(j as isize * columns.dst);
                        store(l, task, [acc[j]], dst, 0, (LANES, LANES));
                    });
                }
            }
            tile_src = tile_src.step(PAIRS as isize * columns.src_tap);
            tile_dst = tile_dst.step(COLUMNS as isize * columns.dst);
        }
    }
}

/// Input columns of the widest tile: 8 columns of 7×7 at stride 2.
const MOST_COLUMNS: usize = 24;

/// A strip of `COLUMNS` columns, marching down the rows.
///
/// ```text
/// w = all K × K weights; acc[0..FLIGHT][0..COLUMNS] = bias
/// for each input row
///     x = its columns, each loaded once
///     acc[age] += x · w[the kernel row that this input row is to results of that age]
///     store the oldest results, when this was their last row; all others age
/// ```
///
/// `FLIGHT` = ⌈K/S⌉ rows of results are in flight. Ageing is a renaming: the loop is unrolled
/// until every accumulator is back in its register. 3×3 needs 9 + 3·COLUMNS registers and few for
/// the input. Rows that the windows miss at the ends of the strip are skipped while it fills and
/// drains; columns as in [`row`]. Whether there is something to `FINISH` is decided beforehand: a test for
/// each row would be a tenth of the instructions.
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
    let Task { rows, columns, .. } = task;
    let mut tile_src = task.src;
    let mut tile_dst = task.dst;
    for _ in 0..columns.len / COLUMNS {
        for channel in (0..task.depth.len as isize).step_by(LANES) {
            let fresh = [start(l, task, channel); COLUMNS];
            let mut strip = Strip::<L, K, S, FLIGHT, COLUMNS, LOW, HIGH, FINISH> {
                lanes: l,
                task,
                weights: [[l.zero(); K]; K],
                acc: [fresh; FLIGHT],
                src: tile_src.step(channel),
                dst: tile_dst.step(channel),
            };
            unroll!(v < K => {
                unroll!(u < K => {
                    let offset = v as isize * rows.weights_tap + u as isize * columns.weights_tap;
                    // SAFETY: one of the K × K weights.
                    strip.weights[v][u] = unsafe { l.load(task.weights.step(channel + offset)) };
                });
            });
            // Fill: the first results start; those that would be above them do not exist.
            unroll!(j < FLIGHT - 1 => {
                unroll!(i < S => {
                    if j * S + i >= rows.clip_low {
                        strip.absorb(i, 0, j);
                    }
                });
                strip.age(fresh);
            });
            // March: each step starts one row of results and completes another.
            let steps = rows.len - (FLIGHT - 1);
            for _ in 0..steps % FLIGHT {
                strip.step(fresh);
            }
            for _ in 0..steps / FLIGHT {
                unroll!(_j < FLIGHT => {
                    strip.step(fresh);
                });
            }
            // Drain: no more results start.
            unroll!(j < FLIGHT - 1 => {
                unroll!(i < S => {
                    if (j + 1) * S + i < K && (j + 1) * S + i + rows.clip_high < K {
                        strip.absorb(i, j + 1, FLIGHT - 1);
                    }
                });
                strip.complete();
                strip.age(fresh);
            });
        }
        tile_src = tile_src.step((COLUMNS * S) as isize * columns.src_tap);
        tile_dst = tile_dst.step(COLUMNS as isize * columns.dst);
    }
}

/// The registers of [`roll`]: `acc[age]` holds the results that started `age` steps ago.
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
    weights: [[L::Vector; K]; K],
    acc: [[L::Vector; COLUMNS]; FLIGHT],
    src: L::Src,
    dst: L::Dst,
}

impl<
    L: Lanes,
    const K: usize,
    const S: usize,
    const FLIGHT: usize,
    const COLUMNS: usize,
    const LOW: usize,
    const HIGH: usize,
    const FINISH: bool,
> Strip<'_, L, K, S, FLIGHT, COLUMNS, LOW, HIGH, FINISH>
{
    /// Adds an input row, the `i`-th of its step, to the results of ages `youngest..=oldest`.
    #[inline(always)]
    fn absorb(&mut self, i: usize, youngest: usize, oldest: usize) {
        let (l, window) = (self.lanes, (COLUMNS - 1) * S + K);
        let mut x = [l.zero(); MOST_COLUMNS];
        unroll!(j < COLUMNS => {
            unroll!(u < K => {
                let q = j * S + u;
                if q >= LOW && q < window - HIGH {
                    if j == 0 || u + S >= K {
                        let column = (q - LOW) as isize * self.task.columns.src_tap;
                        // SAFETY: a column of the window that the strip does not miss.
                        x[q] = unsafe { l.load(self.src.step(column)) };
                    }
                    for age in youngest..=oldest {
                        if i + age * S < K {
                            let w = self.weights[i + age * S][u];
                            self.acc[age][j] = l.fma(self.acc[age][j], x[q], w);
                        }
                    }
                }
            });
        });
        self.src = self.src.step(self.task.rows.src_tap);
    }

    /// A step of the march.
    #[inline(always)]
    fn step(&mut self, fresh: [L::Vector; COLUMNS]) {
        unroll!(i < S => {
            self.absorb(i, 0, FLIGHT - 1);
        });
        self.complete();
        self.age(fresh);
    }

    /// Stores the oldest results.
    #[inline(always)]
    fn complete(&mut self) {
        unroll!(j < COLUMNS => {
            // Results have as many channels as the source, and so its step: no registers for another.
            let dst = self.dst.step(j as isize * self.task.columns.src_tap);
            let mut done = self.acc[FLIGHT - 1][j];
            if FINISH {
                done = finish(self.lanes, &self.task.finish, done, dst, LANES);
            }
            // SAFETY: one of the strip's results.
            unsafe { self.lanes.store(dst, done) };
        });
        self.dst = self.dst.step(self.task.rows.dst);
    }

    /// Makes all results one step older, and the youngest fresh.
    #[inline(always)]
    fn age(&mut self, fresh: [L::Vector; COLUMNS]) {
        unroll!(younger < FLIGHT - 1 => {
            let age = FLIGHT - 1 - younger;
            self.acc[age] = self.acc[age - 1];
        });
        self.acc[0] = fresh;
    }
}

/// Any window, any multiplier, any number of channels: follows the walks, eight columns at a time.
#[inline(always)]
pub(crate) fn span<L: Lanes>(l: L, task: &Task<L>) {
    let depth = task.depth;
    let mut channel = 0;
    while channel < depth.len {
        let count = (depth.len - channel).min(LANES);
        if depth.products > 1 {
            let channels = Summed { products: depth.products, count };
            span_vectors(l, task, channel, 1, channels);
        } else if depth.multiplier > 1 || (LEAN && count < LANES) {
            let source = |result: usize| {
                (depth.phase + result) / depth.multiplier - depth.phase / depth.multiplier
            };
            let first = source(channel);
            let offsets = core::array::from_fn(|lane| source(channel + lane) - first);
            let src = first as isize;
            if !LEAN && offsets[count - 1] == 0 {
                span_vectors(l, task, channel, 1, Splat { src, count });
            } else {
                span_vectors(l, task, channel, 1, Gather { src, offsets, count });
            }
        } else if count < LANES {
            span_vectors(l, task, channel, 1, Partial { count });
        } else {
            let vectors = (depth.len - channel) / LANES;
            span_vectors(l, task, channel, vectors, Contiguous);
            channel += (vectors - 1) * LANES;
        }
        channel += count;
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
    for row in 0..task.rows.len as isize {
        let (src, dst) = (task.src.step(row * task.rows.src), task.dst.step(row * task.rows.dst));
        let mut column = 0;
        while column < task.columns.len {
            let width = match task.columns.len - column {
                8.. if !(LEAN && C::RARE) => 8,
                4.. => 4,
                2.. if !(LEAN && C::RARE) => 2,
                _ => 1,
            };
            let j = column as isize;
            let src = src.step(j * task.columns.src + channels.source(channel));
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
    let fresh = if each_time(task.biased) {
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
fn start<L: Lanes>(l: L, task: &Task<L>, channel: isize) -> L::Vector {
    if each_time(task.biased) {
        // SAFETY: the biases of four channels start here.
        unsafe { l.load(task.bias.step(channel)) }
    } else {
        l.zero()
    }
}
