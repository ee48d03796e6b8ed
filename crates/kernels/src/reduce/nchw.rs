//! Channels first: lanes are columns, in four chains that are added at the end.

use core::ops::Range;

use depthwise_description::{Leaf, Leaves};
use depthwise_lanes::{Cursor, LANES, Lanes};

use super::{CHAINS, Reduction, Sums, position, windows};

/// A specialised kernel size and stride.
///
/// ```text
/// for each leaf, plane, ROWS rows of taps
///     acc[0..ROWS][0..K] = 0
///     for each row of positions, one or two vectors of its columns: g = its output gradients
///         acc[v][u] += x[v][u..] · g           (each x an unaligned load)
/// ```
///
/// Vectors of columns whose windows are whole are read as they lie. At the edges, factors of taps that
/// do not exist are masked; loads read on into neighbouring rows there.
///
/// `sum` is [`leaf`] for these parameters; the caller names it, so that the code of its loops is known
/// by the instance's name.
#[inline(always)]
pub(crate) fn taps<L: Lanes, const K: usize, const S: usize, const PLANES: usize>(
    reduction: &Reduction<'_, L>,
    sum: impl Fn(Place<'_, L, K>, &mut [Sums<L, K, K>; PLANES]),
) {
    // Leaves are of the same columns, unless rows are pieces of several.
    let vectors = Vectors::new(reduction, &reduction.leaves.leaf(0), S);
    for first in (reduction.first..reduction.end).step_by(PLANES) {
        let planes = (reduction.end - first).min(PLANES);
        let mut sums = [[[reduction.lanes.zero(); K]; K]; PLANES];
        tree(reduction.lanes, 0, reduction.leaves.count(), &mut sums, &|index, onto, sums| {
            sum(Place { index, onto, first, planes, vectors: &vectors }, sums);
        });
        for (plane, sums) in sums.iter().enumerate().take(planes) {
            reduction.write_sums((first + plane) * K * K, sums.as_flattened());
        }
    }
}

/// What a leaf's sums are added to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Onto {
    /// Nothing: they replace what is there.
    Nothing,
    /// The sums that are there, of the leaves before.
    Sums,
}

/// The sum of `count` leaves from `first` on, as [`super::tree`] has it; but a leaf that follows others
/// adds its own sums from registers.
fn tree<L: Lanes, const PLANES: usize, const K: usize>(
    l: L,
    first: usize,
    count: usize,
    sums: &mut [Sums<L, K, K>; PLANES],
    leaf: &impl Fn(usize, Onto, &mut [Sums<L, K, K>; PLANES]),
) {
    if count == 1 {
        return leaf(first, Onto::Nothing, sums);
    }
    let half = Leaves::half(count);
    tree(l, first, half, sums, leaf);
    if count - half == 1 {
        return leaf(first + half, Onto::Sums, sums);
    }
    let mut rest = [[[l.zero(); K]; K]; PLANES];
    tree(l, first + half, count - half, &mut rest, leaf);
    for (sums, rest) in sums.as_flattened_mut().iter_mut().zip(rest.as_flattened()) {
        unroll!(u < K => {
            sums[u] = l.add(sums[u], rest[u]);
        });
    }
}

/// Planes that are summed together: few, so that what one leaf reads of them is still in the cache for the next.
pub(crate) const PLANES: usize = 4;

/// What is summed together: a leaf, for some output channels from `first` on.
pub(crate) struct Place<'v, L: Lanes, const K: usize> {
    index: usize,
    onto: Onto,
    first: usize,
    planes: usize,
    /// Vectors of the first leaf.
    vectors: &'v Vectors<L, K>,
}

/// Rows of taps that groups of `rows` leave.
pub(crate) const fn rest(taps: usize, rows: usize) -> usize {
    taps % rows
}

/// The sums of one leaf. `REST` are the rows of taps that groups of `ROWS` leave.
#[inline(always)]
pub(crate) fn leaf<
    L: Lanes,
    const ROWS: usize,
    const REST: usize,
    const K: usize,
    const S: usize,
    const PLANES: usize,
>(
    reduction: &Reduction<'_, L>,
    Place { index, onto, first, planes, vectors }: Place<'_, L, K>,
    sums: &mut [Sums<L, K, K>; PLANES],
) {
    let leaf = reduction.leaves.leaf(index);
    let others;
    let vectors = if leaf.columns == vectors.columns {
        vectors
    } else {
        others = Vectors::<L, K>::new(reduction, &leaf, S);
        &others
    };
    let image = Image::<L, K, S>::new(reduction, &leaf, vectors, first..first + planes);
    for (channel, sums) in (first..first + planes).zip(sums) {
        let (groups, rest) = sums.as_chunks_mut::<ROWS>();
        for (tap, sums) in (0..).step_by(ROWS).zip(groups) {
            image.sum::<ROWS>(channel, tap, onto, sums);
        }
        if let Some(rest) = rest.first_chunk_mut::<REST>()
            && REST > 0
        {
            image.sum::<REST>(channel, K - REST, onto, rest);
        }
    }
}

/// The vectors of columns of a leaf, as rows take them: from left to right, two at a time where that can be.
pub(crate) struct Vectors<L: Lanes, const K: usize> {
    columns: Range<usize>,
    /// First column of the first of them, and how many there are.
    first: usize,
    count: usize,
    /// Those that miss other columns than usual padding has them miss, before all others.
    rare: [Edge<L, K>; MOST_RARE],
    rares: usize,
    head: Head,
    /// The first of the head. It has all taps of the last half of the kernel.
    low: Edge<L, K>,
    /// Pairs of vectors whose windows are whole.
    pairs: usize,
    /// Whether there is another pair, of which only the first is so.
    has_tail: bool,
    /// The second of the tail, or of a narrow head.
    high: Edge<L, K>,
    /// The last ones.
    rest: [Edge<L, K>; MOST_EDGES],
    rests: usize,
}

/// The first pair of vectors.
#[derive(Clone, Copy)]
enum Head {
    /// There is none.
    None,
    /// The windows of the second are whole.
    Wide,
    /// They are not: it is the last of the row, or the last but some of the rest.
    Narrow,
}

/// A vector at an edge: for each tap, the lanes that have it.
type Edge<L, const K: usize> = [<L as Lanes>::Mask; K];

/// Most vectors before those of usual padding: less than a kernel touches two.
const MOST_RARE: usize = 2;

/// Most vectors at edges: less than a kernel at each end touches three.
const MOST_EDGES: usize = 6;

impl<L: Lanes, const K: usize> Vectors<L, K> {
    #[inline(always)]
    fn new(reduction: &Reduction<'_, L>, leaf: &Leaf, stride: usize) -> Self {
        let (l, columns, live) = (reduction.lanes, &leaf.columns, reduction.live_columns(leaf));
        let windows = &reduction.whole_windows;
        // Vectors start at multiples of their length from the leaf's first column.
        let start = columns.start + (live.start - columns.start) / LANES * LANES;
        let whole = windows.start.min(live.end).saturating_sub(start);
        let whole = start + whole.next_multiple_of(LANES);
        let end = windows.end.min(live.end).saturating_sub(whole);
        let whole = whole..whole + end / LANES * LANES;
        let (before, after) = ((start..whole.start), (whole.end..live.end));
        let [mut before_count, after_count] =
            [&before, &after].map(|columns| columns.len().div_ceil(LANES));
        let all = [l.mask(0, LANES); K];
        let (mut edges, mut is_low) = ([all; MOST_EDGES], false);
        let columns_of_edges = before.step_by(LANES).chain(after.step_by(LANES));
        for (index, (edge, column)) in edges.iter_mut().zip(columns_of_edges).enumerate() {
            let lanes: [_; K] =
                core::array::from_fn(|tap| lanes(reduction, column, leaf.columns.end, tap, stride));
            if index + 1 == before_count {
                is_low = lanes[K / 2..].iter().all(|lanes| *lanes == (0..LANES));
            }
            *edge = lanes.map(|lanes| l.mask(lanes.start, lanes.end));
        }
        let count = before_count + whole.len() / LANES + after_count;
        let mut rares = before_count - usize::from(is_low);
        if whole.is_empty() && rares > 0 {
            (before_count, rares, is_low) = (0, 0, false);
        }
        let after = before_count..count - whole.len() / LANES;
        let low = if is_low { edges[rares] } else { all };
        // Those with all taps of the last half: pairs of them come first.
        let wide = usize::from(is_low) + whole.len() / LANES;
        let (mut rest, mut rests) = ([all; MOST_EDGES], 0);
        let mut after_edges = edges[after].iter();
        let head = match wide {
            0 => Head::None,
            1 if after_edges.len() > 0 => Head::Narrow,
            1 => {
                (rest[0], rests) = (low, 1);
                Head::None
            }
            _ => Head::Wide,
        };
        let is_odd = wide > 2 && wide % 2 == 1;
        let has_tail = is_odd && after_edges.len() > 0;
        if is_odd && !has_tail {
            rests = 1;
        }
        let mut high = all;
        if has_tail || matches!(head, Head::Narrow) {
            high = *after_edges.next().unwrap_or(&all);
        }
        for (rest, edge) in rest[rests..].iter_mut().zip(after_edges) {
            *rest = *edge;
            rests += 1;
        }
        Self {
            columns: columns.clone(),
            first: start,
            count,
            rare: [edges[0], edges[1]],
            rares,
            head,
            low,
            pairs: wide.saturating_sub(2) / 2,
            has_tail,
            high,
            rest,
            rests,
        }
    }
}

/// The lanes of the vector at column `first` that have a tap: they are before `end`, and its column
/// of the input exists.
fn lanes<L: Lanes>(
    reduction: &Reduction<'_, L>,
    first: usize,
    end: usize,
    tap: usize,
    stride: usize,
) -> Range<usize> {
    // Windows of these kernels have their taps side by side.
    let position = (first * stride + tap) as isize - reduction.width.pad_low();
    let (stride, input) = (stride as isize, reduction.width.input() as isize);
    let from = (-position).max(0) as usize;
    let from = from.div_ceil(stride as usize).min(LANES);
    let inside = (input - position).max(0) as usize;
    let to = inside.div_ceil(stride as usize).min(end - first).min(LANES);
    from..to.max(from)
}

/// The planes of an image that a leaf is summed over.
struct Image<'r, L: Lanes, const K: usize, const S: usize> {
    reduction: &'r Reduction<'r, L>,
    leaf: &'r Leaf,
    vectors: &'r Vectors<L, K>,
    /// Rows of positions whose windows have all rows of taps inside the input.
    whole: Range<usize>,
    /// Whether every plane's vectors, read whole, are sure to stay inside the tensors.
    is_inside: bool,
}

impl<'r, L: Lanes, const K: usize, const S: usize> Image<'r, L, K, S> {
    #[inline(always)]
    fn new(
        reduction: &'r Reduction<'r, L>,
        leaf: &'r Leaf,
        vectors: &'r Vectors<L, K>,
        planes: Range<usize>,
    ) -> Self {
        let whole = reduction.height.whole_windows();
        let [first, last] = [planes.start, planes.end - 1].map(|channel| {
            let source = leaf.image * reduction.input_channels + reduction.source(channel);
            let result = leaf.image * reduction.output_channels + channel;
            let [rows, columns] = reduction.output_size;
            (source * reduction.height.input() * reduction.width.input(), result * rows * columns)
        });
        // A row is read beyond either end by less than a kernel and three positions without taps.
        let reach = LANES * S + K;
        let source_plane = reduction.height.input() * reduction.width.input();
        let result_plane = reduction.output_size[0] * reduction.output_size[1];
        let is_inside = first.0 >= reach
            && last.0 + source_plane + reach <= reduction.input_len
            && last.1 + result_plane + LANES <= reduction.output_len;
        Self { reduction, leaf, vectors, whole, is_inside }
    }

    /// Elements of the tensors before a row's first position and the source of its first tap.
    #[inline(always)]
    fn offsets(&self, channel: usize, row: usize) -> [isize; 2] {
        let (reduction, image) = (self.reduction, self.leaf.image);
        let (height, width) = (reduction.height, reduction.width);
        let source = image * reduction.input_channels + reduction.source(channel);
        let result = image * reduction.output_channels + channel;
        let [rows, columns] = reduction.output_size;
        let (first, top) = (self.vectors.first, (row * S) as isize - height.pad_low());
        let top = (source * height.input()) as isize + top;
        let input = top * width.input() as isize - width.pad_low() + (first * S) as isize;
        [input, ((result * rows + row) * columns + first) as isize]
    }

    /// The rows of positions of a plane whose vectors, read whole, stay inside the tensors.
    #[inline(always)]
    fn safe_rows(&self, channel: usize) -> Range<usize> {
        if self.is_inside { self.leaf.rows.clone() } else { self.found_safe(channel) }
    }

    #[cold]
    #[inline(never)]
    fn found_safe(&self, channel: usize) -> Range<usize> {
        let (reduction, leaf) = (self.reduction, self.leaf);
        let columns = (self.vectors.count * LANES) as isize;
        let (height, pitch) = (reduction.height, reduction.width.input() as isize);
        let is_safe = |row: usize| {
            let [input, output] = self.offsets(channel, row);
            let first = (row * S) as isize - height.pad_low();
            // The first and the last row of the window that exist, if any do.
            let low = (-first).max(0);
            let high = (height.input() as isize - 1 - first).min(K as isize - 1);
            let reach = (columns - 1) * S as isize + K as isize;
            let starts = input + low * pitch >= 0;
            let ends = input + high * pitch + reach <= reduction.input_len as isize;
            [starts, ends && output + columns <= reduction.output_len as isize]
        };
        let mut safe = leaf.rows.clone();
        while safe.start < safe.end && !is_safe(safe.start)[0] {
            safe.start += 1;
        }
        while safe.start < safe.end && !is_safe(safe.end - 1)[1] {
            safe.end -= 1;
        }
        safe
    }

    /// The sums of a plane for some rows of taps, from row `tap` on.
    #[inline(always)]
    fn sum<const ROWS: usize>(
        &self,
        channel: usize,
        tap: usize,
        onto: Onto,
        sums: &mut [[L::Vector; K]; ROWS],
    ) {
        let Self { reduction, leaf, vectors, whole, .. } = self;
        let (l, height) = (reduction.lanes, reduction.height);
        let pitch = reduction.width.input() as isize;
        let safe = self.safe_rows(channel);
        let mut acc = [[l.zero(); K]; ROWS];
        if leaf.rows.start < safe.start {
            acc = gather(reduction, leaf, channel, leaf.rows.start..safe.start, tap, acc);
        }
        let [input, output] = self.offsets(channel, safe.start);
        let input = reduction.gradient.input.step(input + tap as isize * pitch);
        let grad_output = reduction.gradient.grad_output.step(output);
        let mut at = Columns::<L, ROWS, K, S>::new(l, input, pitch, grad_output);
        let columns = (vectors.count * LANES) as isize;
        let next_input = S as isize * (pitch - columns);
        let next_output = reduction.output_size[1] as isize - columns;
        let mut row = safe.start;
        loop {
            if whole.contains(&row) {
                let end = whole.end.min(safe.end);
                for _ in row..end {
                    at.row::<true>(ALL, vectors, &mut acc);
                    at.step(next_input, next_output);
                }
                row = end;
            }
            if row >= safe.end {
                break;
            }
            let taps = height.dense_taps(row);
            let rows = (1 << taps.end) - (1 << taps.start);
            at.row::<false>(rows >> tap, vectors, &mut acc);
            at.step(next_input, next_output);
            row += 1;
        }
        if safe.end < leaf.rows.end {
            acc = gather(reduction, leaf, channel, safe.end..leaf.rows.end, tap, acc);
        }
        if onto == Onto::Sums {
            unroll!(v < ROWS => {
                unroll!(u < K => {
                    acc[v][u] = l.add(sums[v][u], acc[v][u]);
                });
            });
        }
        *sums = acc;
    }
}

/// Bits of all rows of taps.
const ALL: usize = usize::MAX;

/// Where in a row of positions the next columns are, and in the rows of the input that some rows of
/// taps meet there.
#[derive(Clone, Copy)]
struct Columns<L: Lanes, const ROWS: usize, const K: usize, const S: usize> {
    lanes: L,
    /// The first column of each row and tap: if all were steps from one position, vectors that lie
    /// next to each other could not be told to be pairs, which one instruction loads. Without registers for
    /// that, those of the first tap alone.
    input: [[L::Src; K]; ROWS],
    grad_output: L::Src,
}

impl<L: Lanes, const ROWS: usize, const K: usize, const S: usize> Columns<L, ROWS, K, S> {
    /// Whether there are registers for a position of each tap.
    const ARE_SPLIT: bool = L::PAIRS && S == 1 && ROWS * K <= 9;

    #[inline(always)]
    fn new(lanes: L, first: L::Src, pitch: isize, grad_output: L::Src) -> Self {
        let mut input = [[first; K]; ROWS];
        unroll!(v < ROWS => {
            unroll!(u < K => {
                input[v][u] = first.step(v as isize * pitch + u as isize);
            });
        });
        Self { lanes, input, grad_output }.anew()
    }

    /// Hides that positions are steps from each other.
    #[inline(always)]
    fn anew(mut self) -> Self {
        if L::PAIRS {
            unroll!(v < ROWS => {
                unroll!(u < K => {
                    if u == 0 || Self::ARE_SPLIT {
                        self.input[v][u] = self.input[v][u].anew();
                    }
                });
            });
        }
        self
    }

    /// Moves on.
    #[inline(always)]
    fn step(&mut self, input: isize, output: isize) {
        self.grad_output = self.grad_output.step(output);
        unroll!(v < ROWS => {
            unroll!(u < K => {
                self.input[v][u] = self.input[v][u].step(input);
            });
        });
    }

    /// Adds a row to the rows of taps that `rows` has bits for (`WHOLE`: to all of them).
    #[inline(always)]
    fn row<const WHOLE: bool>(
        &mut self,
        rows: usize,
        vectors: &Vectors<L, K>,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        for edge in vectors.rare.iter().take(vectors.rares) {
            let mut first = [self.grad_output; ROWS];
            unroll!(v < ROWS => {
                first[v] = self.input[v][0];
            });
            *acc = Self::rare(self.lanes, first, self.grad_output, edge, rows, *acc);
            self.step((LANES * S) as isize, LANES as isize);
        }
        match vectors.head {
            Head::None => {}
            Head::Wide => self.add::<2, WHOLE>(rows, [Some((&vectors.low, K / 2)), None], acc),
            Head::Narrow => {
                let masks = [Some((&vectors.low, K / 2)), Some((&vectors.high, K))];
                self.add::<2, WHOLE>(rows, masks, acc);
            }
        }
        for _ in 0..vectors.pairs {
            self.add::<2, WHOLE>(rows, [None, None], acc);
        }
        if vectors.has_tail {
            self.add::<2, WHOLE>(rows, [None, Some((&vectors.high, K))], acc);
        }
        for edge in vectors.rest.iter().take(vectors.rests) {
            self.add::<1, WHOLE>(rows, [Some((edge, K))], acc);
        }
    }

    /// Adds a vector that misses what few do.
    #[cold]
    #[inline(never)]
    fn rare(
        lanes: L,
        first: [L::Src; ROWS],
        grad_output: L::Src,
        edge: &Edge<L, K>,
        rows: usize,
        mut acc: [[L::Vector; K]; ROWS],
    ) -> [[L::Vector; K]; ROWS] {
        let mut at = Self { lanes, input: first.map(|first| [first; K]), grad_output };
        for taps in &mut at.input {
            for (u, tap) in taps.iter_mut().enumerate() {
                *tap = tap.step(u as isize);
            }
        }
        at.add::<1, false>(rows, [Some((edge, K))], &mut acc);
        acc
    }

    /// Adds some vectors of columns to the rows of taps that `rows` has bits for, and moves on. A vector with
    /// masks adds its first so many taps, a constant, in the lanes of these alone.
    #[inline(always)]
    fn add<const VECTORS: usize, const WHOLE: bool>(
        &mut self,
        rows: usize,
        masks: [Option<(&Edge<L, K>, usize)>; VECTORS],
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        let l = self.lanes;
        let mask = |j: usize, u: usize| {
            masks[j].and_then(|(masks, taps): (&Edge<L, K>, usize)| (u < taps).then(|| masks[u]))
        };
        let mut g = [l.zero(); VECTORS];
        unroll!(j < VECTORS => {
            // SAFETY: `safe_rows` has found the whole vector in the tensor.
            g[j] = unsafe { l.load(self.grad_output.step((j * LANES) as isize)) };
        });
        let has = |v: usize| WHOLE || (rows >> v) & 1 == 1;
        if S == 1 && WHOLE {
            // Tap after tap, whose output gradients are masked once for all rows.
            unroll!(u < K => {
                let g = Self::masked(l, &g, |j| mask(j, u));
                unroll!(v < ROWS => {
                    // SAFETY: as for the output gradient; the row of the input exists.
                    let x = unsafe { self.load::<VECTORS>(v, u, &mut Taps::none(l)) };
                    unroll!(j < VECTORS => {
                        let x = mask(j, u).map_or(x[j], |mask| l.value_where(mask, x[j]));
                        acc[v][u] = l.fma(acc[v][u], x, g[j]);
                    });
                });
            });
        } else if ROWS * K <= 9 {
            // There are registers for those of all taps.
            let mut g_of = [g; K];
            unroll!(u < K => {
                g_of[u] = Self::masked(l, &g, |j| mask(j, u));
            });
            unroll!(v < ROWS => {
                if has(v) {
                    let mut taps = Taps::<L, VECTORS>::none(l);
                    unroll!(u < K => {
                        // SAFETY: as above.
                        let x = unsafe { self.load::<VECTORS>(v, u, &mut taps) };
                        unroll!(j < VECTORS => {
                            let x = mask(j, u).map_or(x[j], |mask| l.value_where(mask, x[j]));
                            acc[v][u] = l.fma(acc[v][u], x, g_of[u][j]);
                        });
                    });
                }
            });
        } else {
            unroll!(v < ROWS => {
                if has(v) {
                    let mut taps = Taps::<L, VECTORS>::none(l);
                    unroll!(u < K => {
                        // SAFETY: as above.
                        let x = unsafe { self.load::<VECTORS>(v, u, &mut taps) };
                        unroll!(j < VECTORS => {
                            acc[v][u] = match mask(j, u) {
                                Some(mask) => l.fma_where(mask, acc[v][u], x[j], g[j]),
                                None => l.fma(acc[v][u], x[j], g[j]),
                            };
                        });
                    });
                }
            });
        }
        self.step((VECTORS * LANES * S) as isize, (VECTORS * LANES) as isize);
        *self = self.anew();
    }

    /// Output gradients with −0 in the lanes that have no tap.
    #[inline(always)]
    fn masked<const VECTORS: usize>(
        l: L,
        g: &[L::Vector; VECTORS],
        mask: impl Fn(usize) -> Option<L::Mask>,
    ) -> [L::Vector; VECTORS] {
        let mut masked = *g;
        unroll!(j < VECTORS => {
            masked[j] = mask(j).map_or(g[j], |mask| l.weight_where(mask, g[j]));
        });
        masked
    }

    /// The columns of a row and tap. Taps are loaded in ascending order: at stride 2 each odd one comes with the
    /// even one before it, and the last is the even one before it, a lane on.
    ///
    /// # Safety
    /// - They are inside a tensor that is valid for reads.
    #[inline(always)]
    unsafe fn load<const VECTORS: usize>(
        &self,
        v: usize,
        u: usize,
        taps: &mut Taps<L, VECTORS>,
    ) -> [L::Vector; VECTORS] {
        let l = self.lanes;
        let tap =
            if Self::ARE_SPLIT { self.input[v][u] } else { self.input[v][0].step(u as isize) };
        let at = |j: usize| tap.step((j * LANES * S) as isize);
        let mut x = [l.zero(); VECTORS];
        if S == 1 {
            unroll!(j < VECTORS => {
                // SAFETY: the caller's promise.
                x[j] = unsafe { l.load(at(j)) };
            });
        } else if u % 2 == 1 {
            x = taps.odd;
        } else if u + 1 < K {
            unroll!(j < VECTORS => {
                // SAFETY: the caller's promise.
                (x[j], taps.odd[j]) = unsafe { l.load_pair(at(j)) };
            });
            taps.even = x;
        } else {
            // SAFETY: the caller's promise, for the last vector's last lane.
            let end = unsafe { l.load_partial(at(VECTORS).step(-2), 1) };
            unroll!(j < VECTORS => {
                let after = if j + 1 < VECTORS { taps.even[j + 1] } else { end };
                x[j] = l.shift(taps.even[j], after);
            });
        }
        x
    }
}

/// The columns of the last even and odd taps at stride 2.
struct Taps<L: Lanes, const VECTORS: usize> {
    even: [L::Vector; VECTORS],
    odd: [L::Vector; VECTORS],
}

impl<L: Lanes, const VECTORS: usize> Taps<L, VECTORS> {
    #[inline(always)]
    fn none(l: L) -> Self {
        Self { even: [l.zero(); VECTORS], odd: [l.zero(); VECTORS] }
    }
}

/// Adds rows of positions that are too near the ends of the tensors to be read in whole vectors.
#[cold]
#[inline(never)]
fn gather<L: Lanes, const ROWS: usize, const K: usize>(
    reduction: &Reduction<'_, L>,
    leaf: &Leaf,
    channel: usize,
    rows: Range<usize>,
    first: usize,
    mut sums: [[L::Vector; K]; ROWS],
) -> [[L::Vector; K]; ROWS] {
    let leaf = Leaf { rows, ..leaf.clone() };
    for (row_tap, sums) in (first..).zip(&mut sums) {
        for (tap, sum) in sums.iter_mut().enumerate() {
            *sum = add_tap(reduction, &leaf, channel, (row_tap, tap), *sum);
        }
    }
    sums
}

/// Any window and multiplier: tap after tap.
#[inline(always)]
pub(crate) fn span<L: Lanes>(reduction: &Reduction<'_, L>) {
    let (height, width) = (reduction.height, reduction.width);
    for channel in reduction.first..reduction.end {
        for row_tap in 0..height.kernel() {
            for tap in 0..width.kernel() {
                let mut sum = [[[reduction.lanes.zero()]]];
                reduction.tree::<1, 1, 1>(&mut sum, &|index, sum| {
                    let (leaf, zero) = (reduction.leaves.leaf(index), reduction.lanes.zero());
                    sum.fill([[add_tap(reduction, &leaf, channel, (row_tap, tap), zero)]]);
                });
                let at = (channel * height.kernel() + row_tap) * width.kernel() + tap;
                reduction.write_sums(at, sum.as_flattened().as_flattened());
            }
        }
    }
}

/// Adds a leaf to the sum of one tap: vectors whose lanes all have it as they lie, if that can be, others lane by lane.
#[inline(always)]
fn add_tap<L: Lanes>(
    reduction: &Reduction<'_, L>,
    leaf: &Leaf,
    channel: usize,
    (row_tap, tap): (usize, usize),
    mut sum: L::Vector,
) -> L::Vector {
    let (l, height, width) = (reduction.lanes, reduction.height, reduction.width);
    let (rows, columns) =
        (windows(height, row_tap, &leaf.rows), windows(width, tap, &leaf.columns));
    if columns.is_empty() {
        return sum;
    }
    let [output_rows, output_columns] = reduction.output_size;
    let source = leaf.image * reduction.input_channels + reduction.source(channel);
    let result = leaf.image * reduction.output_channels + channel;
    // Vectors start at multiples of their length from the leaf's first column.
    let first = leaf.columns.start + (columns.start - leaf.columns.start) / LANES * LANES;
    for row in rows {
        let line = (source * height.input() + position(height, row, row_tap)) * width.input();
        let input = reduction.gradient.input.step(line as isize);
        let line = (result * output_rows + row) * output_columns;
        let grad_output = reduction.gradient.grad_output.step(line as isize);
        for vector in (first..columns.end).step_by(LANES) {
            let lanes = vector.max(columns.start)..columns.end.min(vector + LANES);
            let input = input.step(position(width, lanes.start, tap) as isize);
            let grad_output = grad_output.step(lanes.start as isize);
            // SAFETY: `windows` has found the sources of these lanes in the input.
            sum = unsafe {
                match (lanes.len(), width.stride()) {
                    (LANES, 1) => l.fma(sum, l.load(input), l.load(grad_output)),
                    (LANES, 2) => l.fma(sum, l.load_even(input), l.load(grad_output)),
                    _ => {
                        let lanes = lanes.start - vector..lanes.end - vector;
                        add_lanes(reduction, (input, grad_output), lanes, sum)
                    }
                }
            };
        }
    }
    sum
}

/// Adds the lanes of a vector of columns that have a tap, from where the first of them lies in the input and in the
/// output gradient.
///
/// # Safety
/// - There are such lanes, and they lie in the tensors.
#[inline(always)]
unsafe fn add_lanes<L: Lanes>(
    reduction: &Reduction<'_, L>,
    (input, grad_output): (L::Src, L::Src),
    lanes: Range<usize>,
    sum: L::Vector,
) -> L::Vector {
    let (l, stride) = (reduction.lanes, reduction.width.stride());
    // Lanes outside the range read what its first lane reads.
    let outputs: [_; LANES] =
        core::array::from_fn(|i| if lanes.contains(&i) { i - lanes.start } else { 0 });
    // SAFETY: the caller's promise.
    let (x, g) = unsafe {
        (
            l.load_gather(input, outputs.map(|lane| lane * stride), LANES),
            l.load_gather(grad_output, outputs, LANES),
        )
    };
    l.fma_where(l.mask(lanes.start, lanes.end), sum, x, g)
}

/// The gradient of the bias.
pub(crate) fn bias<L: Lanes>(reduction: &Reduction<'_, L>) {
    let mut channel = reduction.first;
    while channel < reduction.end {
        channel += if reduction.end - channel >= CHAINS {
            bias_of::<L, CHAINS>(reduction, channel)
        } else {
            bias_of::<L, 1>(reduction, channel)
        };
    }
}

/// The gradient of the bias of `PLANES` channels; returns their number.
#[inline(always)]
fn bias_of<L: Lanes, const PLANES: usize>(reduction: &Reduction<'_, L>, channel: usize) -> usize {
    let (l, [rows, columns]) = (reduction.lanes, reduction.output_size);
    let plane = (rows * columns) as isize;
    let mut sums = [[[l.zero()]]; PLANES];
    reduction.tree::<PLANES, 1, 1>(&mut sums, &|index, sums| {
        let leaf = reduction.leaves.leaf(index);
        let (vectors, left) = (leaf.columns.len() / LANES, leaf.columns.len() % LANES);
        let mut acc = [l.zero(); PLANES];
        for row in leaf.rows.clone() {
            let first = (leaf.image * reduction.output_channels + channel) * rows + row;
            let at = first * columns + leaf.columns.start;
            let mut g = reduction.gradient.grad_output.step(at as isize);
            for _ in 0..vectors {
                unroll!(p < PLANES => {
                    // SAFETY: `reduce_bias`'s caller has vouched for this row of the plane.
                    acc[p] = l.add(acc[p], unsafe { l.load(g.step(p as isize * plane)) });
                });
                g = g.step(LANES as isize);
            }
            if left > 0 {
                unroll!(p < PLANES => {
                    // SAFETY: as above. Missing lanes are +0, and no sum that starts at +0 is −0.
                    let g = unsafe { l.load_partial(g.step(p as isize * plane), left) };
                    acc[p] = l.add(acc[p], g);
                });
            }
        }
        for (sum, acc) in sums.iter_mut().zip(acc) {
            *sum = [[acc]];
        }
    });
    reduction.write_sums(channel, sums.as_flattened().as_flattened());
    PLANES
}
