//! Channels first: lanes are neighbouring columns, so weights are splats and each tap has its own
//! unaligned load (cheaper everywhere than shuffling neighbours, which competes with the fmas).
//!
//! Blocks marked SAFETY rely on [`Task::new`]'s promise: what the walks reach is there.

use depthwise_lanes::{Cursor, LANES, Lanes};

use crate::channels::LEAN;
use crate::task::{Finish, Task, each_time, finish, store, store_all};

/// One row of results, `VECTORS` vectors of columns at a time, kernel row after kernel row.
///
/// At an `EDGE`, the last vector may have fewer results than lanes, and windows may miss columns at
/// both ends. Loads read on into the neighbouring row there; lanes of taps that do not exist keep
/// their sum, whatever was read.
#[allow(unused_assignments, reason = "the last copy of an unrolled tap has no odd one after it")]
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
    let clip = [columns.clip_low, columns.clip_high];
    let masks =
        if EDGE { Masks::<L, K>::new(l, clip, S, columns.len, K / 2) } else { Masks::none(l) };
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
                            acc[v] = match masks.of::<VECTORS>(K / 2, v, u) {
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
                let last = if EDGE { live - (VECTORS - 1) * LANES } else { LANES };
                store(l, task, acc, tile_dst, LANES as isize, (LANES, last));
                tile_src = tile_src.step((tile * S) as isize);
                tile_dst = tile_dst.step(tile as isize);
            }
        }
    }
}

/// A strip of `VECTORS` vectors of columns, marching down the rows.
///
/// ```text
/// w = all K × K weights; acc[0..FLIGHT][0..VECTORS] = bias
/// for each source row
///     x = its columns, for each vector and tap
///     acc[age] += x · w[the kernel row that this source row is to results of that age]
///     store the oldest results, when this was their last row; all others age
/// ```
///
/// `FLIGHT` = ⌈K/S⌉ rows of results are in flight, so each vector loaded serves as many. Ageing is a
/// renaming: the loop is unrolled until every accumulator is back in its register. Source rows that do
/// not exist are passed over, so any number of them may be clipped. `EDGE` as in [`row`], but factors
/// are masked instead of sums: a column once for all results in flight, weights once for all rows.
#[inline(always)]
pub(crate) fn roll<
    L: Lanes,
    const K: usize,
    const S: usize,
    const FLIGHT: usize,
    const VECTORS: usize,
>(
    l: L,
    task: &Task<L>,
) {
    let Task { columns, depth, .. } = task;
    let width = VECTORS * LANES;
    let tiles = columns.len.div_ceil(width);
    // The first and the last tile may be at an edge, the others are not.
    let live = columns.len - (tiles - 1) * width;
    let is_last_edge = columns.clip_high > 0 || live < width;
    let (first, last) = if tiles > 1 {
        let ends = [(width, [columns.clip_low, 0]), (live, [0, columns.clip_high])];
        let [first, last] = ends.map(|(live, clip)| Masks::<L, K>::new(l, clip, S, live, K / 2));
        (first, last)
    } else {
        let clip = [columns.clip_low, columns.clip_high];
        let only = Masks::<L, K>::new(l, clip, S, live, K / 2);
        (only, only)
    };
    for plane in 0..depth.len as isize {
        let weights = Weights::<L, K>::new(l, task, plane);
        let mut tile_src = task.src.step(plane * depth.src);
        let mut tile_dst = task.dst.step(plane * depth.dst);
        for tile in 0..tiles {
            let (live, edge) = if tile + 1 == tiles {
                (live, (is_last_edge || tiles == 1 && columns.clip_low > 0).then_some(&last))
            } else {
                (width, (tile == 0 && columns.clip_low > 0).then_some(&first))
            };
            let tile = Tile { plane, src: tile_src, dst: tile_dst, live, weights: &weights };
            match edge {
                None => march::<L, K, S, FLIGHT, VECTORS, false>(l, task, &tile, &first),
                Some(masks) if LEAN && K == 3 => {
                    march_in_twos::<L, K, S, FLIGHT>(l, task, &tile, masks)
                }
                Some(masks) => match live.div_ceil(LANES) {
                    1 => march::<L, K, S, FLIGHT, 1, true>(l, task, &tile, masks),
                    2 if VECTORS == 4 => march::<L, K, S, FLIGHT, 2, true>(l, task, &tile, masks),
                    3 if VECTORS == 4 => march::<L, K, S, FLIGHT, 3, true>(l, task, &tile, masks),
                    _ => march::<L, K, S, FLIGHT, VECTORS, true>(l, task, &tile, masks),
                },
            }
            tile_src = tile_src.step((width * S) as isize);
            tile_dst = tile_dst.step(width as isize);
        }
    }
}

/// Where a strip of [`roll`] is.
struct Tile<'w, L: Lanes, const K: usize> {
    plane: isize,
    src: L::Src,
    dst: L::Dst,
    /// Columns of results.
    live: usize,
    weights: &'w Weights<L, K>,
}

/// A strip of [`roll`], of `live` columns.
#[inline(always)]
fn march<
    L: Lanes,
    const K: usize,
    const S: usize,
    const FLIGHT: usize,
    const VECTORS: usize,
    const EDGE: bool,
>(
    l: L,
    task: &Task<L>,
    tile: &Tile<L, K>,
    masks: &Masks<L, K>,
) {
    let Tile { plane, src, mut dst, live, weights } = *tile;
    let rows = &task.rows;
    // Rows of the windows that exist, the first of them clipped or not.
    let window = (rows.len - 1) * S + K;
    let source_rows = window.saturating_sub(rows.clip_low + rows.clip_high);
    // Steps that start a row of results. The first ones complete rows above the first, which do not
    // exist; the others store one, at once where nothing is to be done to it.
    let steps = rows.len + FLIGHT - 1;
    let at_once = if task.finish.any { steps } else { FLIGHT - 1 };
    let fresh = [start(l, task, plane); VECTORS];
    let mut strip = Strip::<L, K, S, FLIGHT, VECTORS, EDGE> {
        lanes: l,
        weights: *weights,
        masks: *masks,
        acc: [fresh; FLIGHT],
        line: Line::new(l, src),
    };
    let (mut step, mut row) = (0, 0_usize.wrapping_sub(rows.clip_low));
    loop {
        unroll!(_turn < FLIGHT => {
            unroll!(i < S => {
                if row < source_rows {
                    strip.absorb(i);
                    strip.line.next(rows.src_tap);
                }
                row = row.wrapping_add(1);
            });
            let last = if EDGE { live - (VECTORS - 1) * LANES } else { LANES };
            let is_due = step >= at_once || step + 1 >= FLIGHT && {
                strip.finish(&task.finish, dst, last);
                true
            };
            if is_due {
                strip.store(dst, last);
                dst = dst.step(rows.dst);
            }
            step += 1;
            if step == steps {
                return;
            }
            strip.age(fresh);
        });
    }
}

/// A strip of [`roll`] at an edge, two vectors at a time, in which only the first and the last one miss columns:
/// where rare cases share their code.
#[inline(always)]
fn march_in_twos<L: Lanes, const K: usize, const S: usize, const FLIGHT: usize>(
    l: L,
    task: &Task<L>,
    tile: &Tile<L, K>,
    masks: &Masks<L, K>,
) {
    let none = Masks::<L, K>::none(l);
    let mut first = 0;
    while first < tile.live {
        let live = (tile.live - first).min(2 * LANES);
        let masks = Masks {
            low: if first == 0 { masks.low } else { none.low },
            high: if first + live == tile.live { masks.high } else { none.high },
        };
        let src = tile.src.step((first * S) as isize);
        let piece = Tile { src, dst: tile.dst.step(first as isize), live, ..*tile };
        if live > LANES {
            march::<L, K, S, FLIGHT, 2, true>(l, task, &piece, &masks);
        } else {
            march::<L, K, S, FLIGHT, 1, true>(l, task, &piece, &masks);
        }
        first += live;
    }
}

/// The weights of a plane, four in a vector: multiply-adds take them from their lanes.
#[derive(Clone, Copy)]
struct Weights<L: Lanes, const K: usize> {
    lanes: L,
    vectors: [L::Vector; MOST_WEIGHTS],
}

/// Vectors that the weights of the largest kernel that rolls fill: 5 × 5.
const MOST_WEIGHTS: usize = 7;

impl<L: Lanes, const K: usize> Weights<L, K> {
    #[inline(always)]
    fn new(l: L, task: &Task<L>, plane: isize) -> Self {
        let src = task.weights.step(plane * task.depth.weights);
        // Backwards, weights are a step back from each other; so are rows, for they are next to each other.
        let tap = task.columns.weights_tap;
        let offsets = core::array::from_fn(|lane| (lane as isize * tap) as usize);
        let mut vectors = [l.zero(); MOST_WEIGHTS];
        unroll!(i < MOST_WEIGHTS => {
            let left = (K * K).saturating_sub(i * LANES);
            if left > 0 {
                let src = src.step((i * LANES) as isize * tap);
                // SAFETY: some of the plane's K × K weights.
                vectors[i] = unsafe { l.load_gather(src, offsets, left.min(LANES)) };
            }
        });
        Self { lanes: l, vectors }
    }

    /// The weight of a row and column of taps in all lanes, if there is such a row.
    #[inline(always)]
    fn get(&self, row: usize, column: usize) -> Option<L::Vector> {
        let index = row * K + column;
        (row < K).then(|| self.lanes.lane(self.vectors[index / LANES], index % LANES))
    }
}

/// The registers of [`roll`]: `acc[age]` holds the results that started `age` steps ago.
struct Strip<
    L: Lanes,
    const K: usize,
    const S: usize,
    const FLIGHT: usize,
    const VECTORS: usize,
    const EDGE: bool,
> {
    lanes: L,
    weights: Weights<L, K>,
    masks: Masks<L, K>,
    acc: [[L::Vector; VECTORS]; FLIGHT],
    line: Line<L, K, S, VECTORS>,
}

impl<
    L: Lanes,
    const K: usize,
    const S: usize,
    const FLIGHT: usize,
    const VECTORS: usize,
    const EDGE: bool,
> Strip<L, K, S, FLIGHT, VECTORS, EDGE>
{
    /// Adds a source row that exists, the `i`-th of its step.
    #[inline(always)]
    fn absorb(&mut self, i: usize) {
        let l = self.lanes;
        // SAFETY: the tile's vectors, to the end of the last one.
        let columns = unsafe { self.line.load() };
        unroll!(v < VECTORS => {
            unroll!(u < K => {
                let mask = if EDGE { self.masks.of::<VECTORS>(K / 2, v, u) } else { None };
                let x = mask.map_or(columns[u][v], |mask| l.value_where(mask, columns[u][v]));
                for (age, acc) in self.acc.iter_mut().enumerate() {
                    if let Some(w) = self.weights.get(age * S + i, u) {
                        let w = mask.map_or(w, |mask| l.weight_where(mask, w));
                        acc[v] = l.fma(acc[v], x, w);
                    }
                }
            });
        });
    }

    /// Finishes the oldest results, `last` of the last vector.
    #[inline(always)]
    fn finish(&mut self, how: &Finish, dst: L::Dst, last: usize) {
        let (l, done) = (self.lanes, &mut self.acc[FLIGHT - 1]);
        if how.accumulate {
            unroll!(v < VECTORS => {
                let count = if v + 1 == VECTORS { last } else { LANES };
                // SAFETY: `Task::new` has vouched for the tile's results.
                let before = unsafe { l.reload(dst.step((v * LANES) as isize), count) };
                done[v] = l.add(before, done[v]);
            });
        }
        if let Some(bounds) = &how.bounds {
            unroll!(v < VECTORS => {
                done[v] = l.clamp(done[v], bounds);
            });
        }
    }

    /// Stores them.
    #[inline(always)]
    fn store(&self, dst: L::Dst, last: usize) {
        let (l, done) = (self.lanes, &self.acc[FLIGHT - 1]);
        unroll!(v < VECTORS => {
            let dst = dst.step((v * LANES) as isize);
            // SAFETY: `Task::new` has vouched for the tile's results.
            unsafe {
                if v + 1 < VECTORS || last == LANES {
                    l.store(dst, done[v]);
                } else {
                    l.store_partial(dst, done[v], last);
                }
            }
        });
    }

    /// Makes all results one step older, and the youngest fresh.
    #[inline(always)]
    fn age(&mut self, fresh: [L::Vector; VECTORS]) {
        unroll!(younger < FLIGHT - 1 => {
            let age = FLIGHT - 1 - younger;
            self.acc[age] = self.acc[age - 1];
        });
        self.acc[0] = fresh;
    }
}

/// A tile's part of a source row.
struct Line<L: Lanes, const K: usize, const S: usize, const VECTORS: usize> {
    lanes: L,
    /// The first column of each tap: if all were one position's, vectors that lie next to each other could
    /// not be told to be pairs, which one instruction loads.
    taps: [L::Src; K],
}

impl<L: Lanes, const K: usize, const S: usize, const VECTORS: usize> Line<L, K, S, VECTORS> {
    #[inline(always)]
    fn new(lanes: L, src: L::Src) -> Self {
        let tap = |u: usize| if S == 1 && u > 0 { src.step(u as isize).anew() } else { src };
        Self { lanes, taps: core::array::from_fn(tap) }
    }

    /// The columns of each tap and vector.
    ///
    /// # Safety
    /// - All of them are inside a tensor that is valid for reads.
    #[inline(always)]
    unsafe fn load(&self) -> [[L::Vector; VECTORS]; K] {
        let l = self.lanes;
        let mut x = [[l.zero(); VECTORS]; K];
        unroll!(v < VECTORS => {
            unroll!(u < K => {
                let at = self.taps[u].step((v * LANES * S) as isize);
                // SAFETY: the caller's promise.
                unsafe {
                    if S == 1 {
                        x[u][v] = l.load(at);
                    } else if u % 2 == 0 && u + 1 < K {
                        (x[u][v], x[u + 1][v]) = l.load_pair(at.step(u as isize));
                    }
                }
            });
        });
        if S == 2 {
            // The last tap's are those of the tap before the last but one, a lane on.
            let end = self.taps[0].step((VECTORS * LANES * S + K - 3) as isize);
            // SAFETY: the caller's promise, for the last vector's last lane.
            let end = unsafe { l.load_splat(end) };
            unroll!(v < VECTORS => {
                let after = if v + 1 < VECTORS { x[K - 3][v + 1] } else { end };
                x[K - 1][v] = l.shift(x[K - 3][v], after);
            });
        }
        x
    }

    /// Moves to the next row.
    #[inline(always)]
    fn next(&mut self, row: isize) {
        self.taps = self.taps.map(|tap| tap.step(row));
    }
}

/// One row of results of an input gradient at stride 2, in pairs of neighbours: `VECTORS` vectors of pairs
/// at a time, kernel row after kernel row.
///
/// A window of `REACH` = ⌈K/2⌉ output gradients gives both of a pair, one by the even taps and the
/// other (the first, if `ODD`) by the odd ones. Lanes are pairs, so the results of a vector are zipped
/// before they are stored. `EDGE` as in [`row`].
#[inline(always)]
pub(crate) fn pairs<
    L: Lanes,
    const K: usize,
    const REACH: usize,
    const VECTORS: usize,
    const ODD: bool,
    const EDGE: bool,
>(
    l: L,
    task: &Task<L>,
) {
    let Task { rows, columns, depth, .. } = task;
    let tile = VECTORS * 2 * LANES;
    let (tiles, live) = if EDGE { (1, columns.len) } else { (columns.len / tile, tile) };
    let clip = [columns.clip_low, columns.clip_high];
    let masks = if EDGE {
        Masks::<L, REACH>::new(l, clip, 1, columns.len.div_ceil(2), REACH - 1)
    } else {
        Masks::none(l)
    };
    for plane in 0..depth.len as isize {
        let plane_weights = task.weights.step(plane * depth.weights);
        for row in 0..rows.len as isize {
            let mut tile_src = task.src.step(plane * depth.src + row * rows.src);
            let mut tile_dst = task.dst.step(plane * depth.dst + row * rows.dst);
            for _ in 0..tiles {
                let mut even = [l.zero(); VECTORS];
                let mut odd = [l.zero(); VECTORS];
                let (mut src, mut weights) = (tile_src, plane_weights);
                let mut taps = rows.taps;
                loop {
                    unroll!(r < REACH => {
                        let tap = 2 * (REACH - 1 - r);
                        let odd_tap = tap.wrapping_add_signed(if ODD { -1 } else { 1 });
                        let weight = |tap: usize| {
                            // SAFETY: one of the kernel row's K weights.
                            unsafe { l.load_splat(weights.step(tap as isize * columns.weights_tap)) }
                        };
                        let w = weight(tap);
                        let odd_w = if odd_tap < K { weight(odd_tap) } else { w };
                        unroll!(v < VECTORS => {
                            // SAFETY: the tile's vectors, to the end of the last one.
                            let x = unsafe { l.load(src.step((v * LANES + r) as isize)) };
                            let fma = |acc, w| match masks.of::<VECTORS>(REACH - 1, v, r) {
                                Some(mask) if EDGE => l.fma_where(mask, acc, x, w),
                                _ => l.fma(acc, x, w),
                            };
                            even[v] = fma(even[v], w);
                            if odd_tap < K {
                                odd[v] = fma(odd[v], odd_w);
                            }
                        });
                    });
                    taps -= 1;
                    if taps == 0 {
                        break;
                    }
                    src = src.step(rows.src_tap);
                    weights = weights.step(rows.weights_tap);
                }
                let mut results = [[l.zero(); 2]; VECTORS];
                unroll!(v < VECTORS => {
                    let (first, second) = if ODD { (odd[v], even[v]) } else { (even[v], odd[v]) };
                    let (low, high) = l.zip(first, second);
                    results[v] = [low, high];
                });
                // Where a vector's pairs go, and how many there are of its two vectors.
                let place = |v: usize| {
                    let left = live - v * 2 * LANES;
                    let last = if v + 1 == VECTORS { left.min(2 * LANES) } else { 2 * LANES };
                    let counts = [last.min(LANES), last.saturating_sub(LANES)];
                    (tile_dst.step((v * 2 * LANES) as isize), counts)
                };
                if each_time(&task.finish.any) {
                    unroll!(v < VECTORS => {
                        let (dst, counts) = place(v);
                        unroll!(half < 2 => {
                            let dst = dst.step((half * LANES) as isize);
                            if counts[half] > 0 {
                                results[v][half] =
                                    finish(l, &task.finish, results[v][half], dst, counts[half]);
                            }
                        });
                    });
                }
                unroll!(v < VECTORS => {
                    let (dst, [first, last]) = place(v);
                    if last == 0 {
                        store_all(l, [results[v][0]], dst, 0, (first, first));
                    } else {
                        store_all(l, results[v], dst, LANES as isize, (LANES, last));
                    }
                });
                tile_src = tile_src.step((VECTORS * LANES) as isize);
                tile_dst = tile_dst.step(tile as isize);
            }
        }
    }
}

/// Which lanes of an edge tile have their taps. Fewer than a kernel are missing at either end, so
/// only the first vector can miss columns before the source and only the last two after it.
#[derive(Clone, Copy)]
struct Masks<L: Lanes, const K: usize> {
    /// By tap, for the first vector.
    low: [L::Mask; MOST_CLIPPED],
    /// By vector from the last and tap from the last.
    high: [[L::Mask; MOST_CLIPPED]; 2],
}

/// Most columns that windows miss at either end: half of the widest kernel, or all but one of a pair's.
const MOST_CLIPPED: usize = 3;

impl<L: Lanes, const K: usize> Masks<L, K> {
    #[inline(always)]
    fn none(l: L) -> Self {
        let all = l.mask(0, LANES);
        Self { low: [all; MOST_CLIPPED], high: [[all; MOST_CLIPPED]; 2] }
    }

    /// The masks of `windows` windows that miss so many columns, at most `most`, at either end.
    #[inline(always)]
    fn new(l: L, clip: [usize; 2], stride: usize, windows: usize, most: usize) -> Self {
        // Columns of the windows that exist, counted from the first, clipped or not.
        let [start, end] = [clip[0], (windows - 1) * stride + K - clip[1]];
        let vectors = windows.div_ceil(LANES);
        let lanes = |vector: usize, tap: usize| {
            let first = |column: usize| {
                let window = column.saturating_sub(tap).div_ceil(stride);
                window.saturating_sub(vector * LANES).min(LANES)
            };
            l.mask(first(start), first(end))
        };
        let mut masks = Self::none(l);
        for tap in 0..most {
            masks.low[tap] = lanes(0, tap);
            for (vector, high) in masks.high.iter_mut().enumerate().take(vectors) {
                high[tap] = lanes(vectors - 1 - vector, K - 1 - tap);
            }
        }
        masks
    }

    /// The mask of a vector and tap, if it can miss a column where windows miss at most `most`.
    #[inline(always)]
    fn of<const VECTORS: usize>(&self, most: usize, vector: usize, tap: usize) -> Option<L::Mask> {
        let from_last = VECTORS - 1 - vector;
        if vector == 0 && tap < most {
            Some(self.low[tap])
        } else if tap + most >= K && from_last < most.min(2) {
            Some(self.high[from_last][K - 1 - tap])
        } else {
            None
        }
    }
}

/// Any window: follows the walks, up to four vectors of columns at a time.
#[inline(always)]
pub(crate) fn span<L: Lanes>(l: L, task: &Task<L>) {
    match (task.columns.src, LEAN) {
        (1, false) => span_stepping::<L, 1>(l, task),
        (2, false) => span_stepping::<L, 2>(l, task),
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
                let dst = dst.step(column as isize * task.columns.dst);
                column += if LEAN {
                    match task.columns.src {
                        1 if left >= 4 * LANES => {
                            span_vectors::<L, 1, 4>(l, task, plane, src, dst, LANES)
                        }
                        2 if left >= 4 * LANES => {
                            span_vectors::<L, 2, 4>(l, task, plane, src, dst, LANES)
                        }
                        1 if left >= LANES => {
                            span_vectors::<L, 1, 1>(l, task, plane, src, dst, LANES)
                        }
                        2 if left >= LANES => {
                            span_vectors::<L, 2, 1>(l, task, plane, src, dst, LANES)
                        }
                        _ => span_vectors::<L, STEP, 1>(l, task, plane, src, dst, left.min(LANES)),
                    }
                } else if left >= 4 * LANES {
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
    // Past the count, offsets may be any: they are not used.
    let offsets = core::array::from_fn(|lane| lane.wrapping_mul(columns.src as usize));
    let (mut row_src, mut row_weights) = (src, task.weights.step(plane * depth.weights));
    for _ in 0..rows.taps {
        let (mut tap_src, mut tap_weights) = (row_src, row_weights);
        for _ in 0..columns.taps {
            for product in 0..depth.products as isize {
                // SAFETY: one of the window's weights.
                let w = unsafe { l.load_splat(tap_weights.step(product * depth.product_weights)) };
                unroll!(v < VECTORS => {
                    let vector = (v * LANES) as isize * columns.src;
                    let src = tap_src.step(vector + product * depth.product_src);
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
            }
            tap_src = tap_src.step(columns.src_tap);
            tap_weights = tap_weights.step(columns.weights_tap);
        }
        row_src = row_src.step(rows.src_tap);
        row_weights = row_weights.step(rows.weights_tap);
    }
    if columns.dst == 1 {
        store(l, task, acc, dst, LANES as isize, (count, count));
    } else {
        unroll!(v < VECTORS => {
            store_apart(l, task, acc[v], dst.step((v * LANES) as isize * columns.dst), count);
        });
    }
    VECTORS * count
}

/// Finishes and stores a vector of results that lie apart, as those of a residue class do.
#[inline(always)]
fn store_apart<L: Lanes>(l: L, task: &Task<L>, results: L::Vector, dst: L::Dst, count: usize) {
    for lane in 0..count {
        let dst = dst.step(lane as isize * task.columns.dst);
        let result = l.lane(results, lane);
        let result = finish(l, &task.finish, result, dst, 1);
        // SAFETY: one of the results.
        unsafe { l.store_partial(dst, result, 1) };
    }
}

/// Where accumulators start: at the plane's bias, or at +0.
#[inline(always)]
fn start<L: Lanes>(l: L, task: &Task<L>, plane: isize) -> L::Vector {
    if each_time(&task.biased) {
        // SAFETY: the plane's bias.
        unsafe { l.load_splat(task.bias.step(plane)) }
    } else {
        l.zero()
    }
}
