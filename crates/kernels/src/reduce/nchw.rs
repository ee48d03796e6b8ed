//! Channels first: lanes are columns, in four chains that are added at the end.

use core::ops::Range;

use depthwise_description::Leaf;
use depthwise_lanes::{Cursor, LANES, Lanes};

use super::{CHAINS, Reduction, Sums};

/// A specialised kernel size and stride.
///
/// ```text
/// for each leaf, plane, ROWS rows of taps
///     acc[0..ROWS][0..K] = 0
///     for each row of positions that has them, vector of its columns: g = its output gradients
///         acc[v][u] += x[v][u..] · g           (each x an unaligned load)
/// ```
///
/// Vectors of columns whose windows are whole are read as they lie. At the edges, lanes of taps that
/// do not exist keep their sum; loads read on into neighbouring rows there.
///
/// `sum` is [`leaf`] for these parameters; the caller names it, so that the code of its loops is known
/// by the instance's name.
#[inline(always)]
pub(crate) fn taps<L: Lanes, const K: usize, const S: usize, const PLANES: usize>(
    reduction: &Reduction<'_, L>,
    sum: impl Fn(Place<'_, L, K>, &mut Sums<L, PLANES, K, K>),
) {
    // Leaves are of the same columns, unless rows are pieces of several.
    let vectors = Vectors::new(reduction, &reduction.leaves.leaf(0), S);
    for first in (reduction.first..reduction.end).step_by(PLANES) {
        let planes = (reduction.end - first).min(PLANES);
        let mut sums = [[[reduction.lanes.zero(); K]; K]; PLANES];
        reduction.tree(&mut sums, &|index, sums| {
            sum(Place { index, first, planes, vectors: &vectors }, sums);
        });
        for (plane, sums) in sums.iter().enumerate().take(planes) {
            reduction.write_sums((first + plane) * K * K, sums.as_flattened());
        }
    }
}

/// What is summed together: a leaf, for some output channels from `first` on.
pub(crate) struct Place<'v, L: Lanes, const K: usize> {
    index: usize,
    first: usize,
    planes: usize,
    /// Vectors of the first leaf.
    vectors: &'v Vectors<L, K>,
}

/// The sums of one leaf.
#[inline(always)]
pub(crate) fn leaf<
    L: Lanes,
    const ROWS: usize,
    const K: usize,
    const S: usize,
    const PLANES: usize,
>(
    reduction: &Reduction<'_, L>,
    Place { index, first, planes, vectors }: Place<'_, L, K>,
    sums: &mut Sums<L, PLANES, K, K>,
) {
    let leaf = reduction.leaves.leaf(index);
    let others;
    let vectors = if leaf.columns == vectors.columns {
        vectors
    } else {
        others = Vectors::<L, K>::new(reduction, &leaf, S);
        &others
    };
    let rows_of_taps: [_; K] = core::array::from_fn(|tap| rows_of_tap(reduction, &leaf, tap, S));
    for (plane, sums) in sums.iter_mut().enumerate().take(planes) {
        let channel = first + plane;
        let plane = Plane::<L, S>::new(reduction, &leaf, channel);
        let safe = plane.safe_rows(reduction, &leaf, vectors);
        *sums = [[reduction.lanes.zero(); K]; K];
        if leaf.rows.start < safe.start {
            gather(reduction, &leaf, channel, leaf.rows.start..safe.start, sums);
        }
        let safe_rows_of_tap = |tap: usize| {
            let rows: &Range<usize> = &rows_of_taps[tap];
            let start = rows.start.max(safe.start).min(safe.end);
            start..rows.end.min(safe.end).max(start)
        };
        let (groups, rest) = sums.as_chunks_mut::<ROWS>();
        let mut tap = 0;
        for sums in groups {
            let rows = core::array::from_fn(|v| safe_rows_of_tap(tap + v));
            plane.row(tap).add::<ROWS, K>(&rows, vectors, sums);
            tap += ROWS;
        }
        for sums in rest {
            let rows = [safe_rows_of_tap(tap)];
            plane.row(tap).add::<1, K>(&rows, vectors, core::array::from_mut(sums));
            tap += 1;
        }
        if safe.end < leaf.rows.end {
            gather(reduction, &leaf, channel, safe.end..leaf.rows.end, sums);
        }
    }
}

/// Rows of a leaf whose windows have a row of taps inside the input.
#[inline(always)]
fn rows_of_tap<L: Lanes>(
    reduction: &Reduction<'_, L>,
    leaf: &Leaf,
    tap: usize,
    stride: usize,
) -> Range<usize> {
    let (height, rows) = (reduction.height, &leaf.rows);
    let before = height.pad_low() - tap as isize;
    let first_at = |position: isize| {
        let ahead = position.max(0) as usize;
        ahead.div_ceil(stride).max(rows.start).min(rows.end)
    };
    let start = first_at(before);
    start..first_at(before + height.input() as isize).max(start)
}

/// The vectors of columns of a leaf.
pub(crate) struct Vectors<L: Lanes, const K: usize> {
    columns: Range<usize>,
    /// Columns of the vectors whose windows are whole.
    whole: Range<usize>,
    /// The vectors at the edges, in order, and how many of them come before the others.
    edges: [Edge<L, K>; MOST_EDGES],
    before: usize,
    count: usize,
}

/// A vector at an edge.
#[derive(Clone, Copy)]
struct Edge<L: Lanes, const K: usize> {
    /// First column.
    column: usize,
    /// Which taps may be missing in some lane.
    missing: Missing,
    /// For each tap, the lanes that have it.
    masks: [L::Mask; K],
}

/// Taps that lanes of a vector lack.
#[derive(Clone, Copy)]
enum Missing {
    /// Of the first half of the kernel alone.
    Low,
    /// Of the last half of the kernel alone.
    High,
    /// Any.
    Any,
}

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
        let none = Edge { column: 0, missing: Missing::Any, masks: [l.mask(0, 0); K] };
        let columns = columns.clone();
        let mut vectors = Self { columns, whole, edges: [none; MOST_EDGES], before: 0, count: 0 };
        let before = (start..vectors.whole.start).step_by(LANES);
        vectors.before = before.len();
        for column in before.chain((vectors.whole.end..live.end).step_by(LANES)) {
            let lanes: [_; K] =
                core::array::from_fn(|tap| lanes(reduction, column, leaf.columns.end, tap, stride));
            let full = |taps: &[Range<usize>]| taps.iter().all(|lanes| *lanes == (0..LANES));
            let missing = match (full(&lanes[K / 2..]), full(&lanes[..K.div_ceil(2)])) {
                (true, _) => Missing::Low,
                (false, true) => Missing::High,
                (false, false) => Missing::Any,
            };
            let masks = lanes.map(|lanes| l.mask(lanes.start, lanes.end));
            vectors.edges[vectors.count] = Edge { column, missing, masks };
            vectors.count += 1;
        }
        vectors
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
    let position =
        (first * stride + tap * reduction.width.dilation()) as isize - reduction.width.pad_low();
    let (stride, input) = (stride as isize, reduction.width.input() as isize);
    let from = (-position).max(0) as usize;
    let from = from.div_ceil(stride as usize).min(LANES);
    let inside = (input - position).max(0) as usize;
    let to = inside.div_ceil(stride as usize).min(end - first).min(LANES);
    from..to.max(from)
}

/// A plane, or a row of positions of it and the row of the input that a row of taps meets there.
#[derive(Clone, Copy)]
struct Plane<L: Lanes, const S: usize> {
    lanes: L,
    /// Source of the first tap of window 0, whether or not it exists.
    input: L::Src,
    /// Output gradient of position 0.
    grad_output: L::Src,
    input_row: isize,
    output_row: isize,
    /// Elements of the tensors before these two places.
    input_offset: isize,
    output_offset: isize,
}

impl<L: Lanes, const S: usize> Plane<L, S> {
    #[inline(always)]
    fn new(reduction: &Reduction<'_, L>, leaf: &Leaf, channel: usize) -> Self {
        let (height, width) = (reduction.height, reduction.width);
        let source = leaf.image * reduction.input_channels + reduction.source(channel);
        let result = leaf.image * reduction.output_channels + channel;
        let (input_row, output_row) = (width.input() as isize, reduction.output_size[1] as isize);
        let top = (source * height.input()) as isize - height.pad_low();
        let input_offset = top * input_row - width.pad_low();
        let output_offset = (result * reduction.output_size[0]) as isize * output_row;
        Self {
            lanes: reduction.lanes,
            input: reduction.gradient.input.step(input_offset),
            grad_output: reduction.gradient.grad_output.step(output_offset),
            input_row,
            output_row,
            input_offset,
            output_offset,
        }
    }

    /// The rows of positions of a leaf whose vectors, read whole, stay inside the tensors.
    #[inline(always)]
    fn safe_rows<const K: usize>(
        &self,
        reduction: &Reduction<'_, L>,
        leaf: &Leaf,
        vectors: &Vectors<L, K>,
    ) -> Range<usize> {
        let edges = &vectors.edges[..vectors.count];
        let column = |edge: Option<&Edge<L, K>>| edge.map_or(0, |edge| edge.column);
        let last_whole = vectors.whole.end.saturating_sub(LANES);
        let (first, last) = (column(edges.first()), column(edges.last()).max(last_whole));
        let reach = (last + LANES - 1) * S + K - 1;
        let top = reduction.height.pad_low();
        let bottom = top + reduction.height.input() as isize - 1;
        let source = |row: isize| self.input_offset + row * self.input_row;
        let starts_inside =
            |row: usize| source(top.max((row * S) as isize)) + (first * S) as isize >= 0;
        let ends_inside = |row: usize| {
            let end = source(bottom.min((row * S + K - 1) as isize)) + reach as isize;
            let output = self.output_offset + row as isize * self.output_row;
            end < reduction.input_len as isize
                && output + ((last + LANES) as isize) <= reduction.output_len as isize
        };
        let mut safe = leaf.rows.clone();
        while safe.start < safe.end && !starts_inside(safe.start) {
            safe.start += 1;
        }
        while safe.start < safe.end && !ends_inside(safe.end - 1) {
            safe.end -= 1;
        }
        safe
    }

    /// The plane from row `tap` of the taps on.
    #[inline(always)]
    fn row(mut self, tap: usize) -> Self {
        self.input = self.input.step(tap as isize * self.input_row);
        self
    }

    /// Adds positions to the sums of some rows of taps, of each those rows of positions that have it.
    #[inline(always)]
    fn add<const ROWS: usize, const K: usize>(
        &self,
        rows: &[Range<usize>; ROWS],
        vectors: &Vectors<L, K>,
        sums: &mut [[L::Vector; K]; ROWS],
    ) {
        let start = rows.iter().map(|rows| rows.start).fold(usize::MAX, usize::min);
        let end = rows.iter().map(|rows| rows.end).fold(0, usize::max);
        let mut line = *self;
        line.input = self.input.step((start * S) as isize * self.input_row);
        line.grad_output = self.grad_output.step(start as isize * self.output_row);
        let mut acc = *sums;
        for row in start..end {
            if ROWS == 1 || rows.iter().all(|rows| rows.contains(&row)) {
                line.add_row::<ROWS, K, true>(row, rows, vectors, &mut acc);
            } else {
                line.add_row::<ROWS, K, false>(row, rows, vectors, &mut acc);
            }
            line.input = line.input.step(S as isize * self.input_row);
            line.grad_output = line.grad_output.step(self.output_row);
        }
        *sums = acc;
    }

    /// Adds a row of positions, to the rows of taps that it has (`WHOLE`: all of them).
    #[inline(always)]
    fn add_row<const ROWS: usize, const K: usize, const WHOLE: bool>(
        &self,
        row: usize,
        rows: &[Range<usize>; ROWS],
        vectors: &Vectors<L, K>,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        let has = |v: usize| WHOLE || rows[v].contains(&row);
        let (before, after) = vectors.edges[..vectors.count].split_at(vectors.before);
        for edge in before {
            match edge.missing {
                Missing::Low => self.edge::<ROWS, K>(edge, 0..K / 2, has, acc),
                _ => self.edge::<ROWS, K>(edge, 0..K, has, acc),
            }
        }
        for column in vectors.whole.clone().step_by(LANES) {
            self.vector::<ROWS, K>(column, None, 0..0, has, acc);
        }
        for edge in after {
            match edge.missing {
                Missing::High => self.edge::<ROWS, K>(edge, K.div_ceil(2)..K, has, acc),
                _ => self.edge::<ROWS, K>(edge, 0..K, has, acc),
            }
        }
    }

    /// Adds a vector at an edge, where the taps of a constant range may be missing.
    #[inline(always)]
    fn edge<const ROWS: usize, const K: usize>(
        &self,
        edge: &Edge<L, K>,
        missing: Range<usize>,
        has: impl Fn(usize) -> bool,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        self.vector::<ROWS, K>(edge.column, Some(&edge.masks), missing, has, acc);
    }

    /// Adds a vector of columns; the taps of a constant range only in the lanes of their masks.
    #[allow(
        unused_assignments,
        reason = "the last copy of an unrolled tap has no odd one after it"
    )]
    #[inline(always)]
    fn vector<const ROWS: usize, const K: usize>(
        &self,
        column: usize,
        masks: Option<&[L::Mask; K]>,
        masked: Range<usize>,
        has: impl Fn(usize) -> bool,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        let l = self.lanes;
        // SAFETY: `safe_rows` has found the whole vector in the tensor.
        let g = unsafe { l.load(self.grad_output.step(column as isize)) };
        unroll!(v < ROWS => {
            if has(v) {
                let input = self.input.step((column * S) as isize + v as isize * self.input_row);
                let mut odd = l.zero();
                unroll!(u < K => {
                    let at = input.step(u as isize);
                    // SAFETY: as for the output gradient; the row of the input exists.
                    let x = unsafe {
                        if S == 1 {
                            l.load(at)
                        } else if u % 2 == 1 {
                            odd
                        } else if u + 1 < K {
                            let (even, next) = l.load_pair(at);
                            odd = next;
                            even
                        } else {
                            l.load_even(at)
                        }
                    };
                    acc[v][u] = match masks {
                        Some(masks) if masked.start <= u && u < masked.end => {
                            l.fma_where(masks[u], acc[v][u], x, g)
                        }
                        _ => l.fma(acc[v][u], x, g),
                    };
                });
            }
        });
    }
}

/// Adds rows of positions that are too near the ends of the tensors to be read in whole vectors.
#[cold]
#[inline(never)]
fn gather<L: Lanes, const K: usize>(
    reduction: &Reduction<'_, L>,
    leaf: &Leaf,
    channel: usize,
    rows: Range<usize>,
    sums: &mut [[L::Vector; K]; K],
) {
    let leaf = Leaf { rows, ..leaf.clone() };
    for (row_tap, sums) in sums.iter_mut().enumerate() {
        for (tap, sum) in sums.iter_mut().enumerate() {
            *sum = add_tap(reduction, &leaf, channel, (row_tap, tap), *sum);
        }
    }
}

/// Any window and multiplier: tap after tap.
#[inline(always)]
pub(crate) fn span<L: Lanes>(reduction: &Reduction<'_, L>) {
    let (height, width) = (reduction.height, reduction.width);
    for channel in reduction.first..reduction.end {
        for row_tap in 0..height.kernel() {
            for tap in 0..width.kernel() {
                let mut sum = [[[reduction.lanes.zero()]]];
                reduction.tree(&mut sum, &|index, sum| {
                    let (leaf, zero) = (reduction.leaves.leaf(index), reduction.lanes.zero());
                    *sum = [[[add_tap(reduction, &leaf, channel, (row_tap, tap), zero)]]];
                });
                let at = (channel * height.kernel() + row_tap) * width.kernel() + tap;
                reduction.write_sums(at, sum.as_flattened().as_flattened());
            }
        }
    }
}

/// Adds a leaf to the sum of one tap.
#[inline(always)]
fn add_tap<L: Lanes>(
    reduction: &Reduction<'_, L>,
    leaf: &Leaf,
    channel: usize,
    (row_tap, tap): (usize, usize),
    mut sum: L::Vector,
) -> L::Vector {
    for rows in reduction.row_spans(leaf) {
        if !(rows.tap..rows.tap + rows.taps).contains(&row_tap) {
            continue;
        }
        for j in 0..rows.len {
            let source = rows.src + j * rows.src_step + (row_tap - rows.tap) * rows.src_tap;
            for first in leaf.columns.clone().step_by(LANES) {
                let lanes =
                    lanes(reduction, first, leaf.columns.end, tap, reduction.width.stride());
                let (place, column) = ((rows.out + j, source), (first, tap));
                sum = add_lanes(reduction, leaf.image, channel, place, column, lanes, sum);
            }
        }
    }
    sum
}

/// Adds the lanes of a vector of columns that have a tap.
#[inline(always)]
fn add_lanes<L: Lanes>(
    reduction: &Reduction<'_, L>,
    image: usize,
    channel: usize,
    (row, source_row): (usize, usize),
    (first, tap): (usize, usize),
    lanes: Range<usize>,
    acc: L::Vector,
) -> L::Vector {
    if lanes.is_empty() {
        return acc;
    }
    let (l, height, width) = (reduction.lanes, reduction.height, reduction.width);
    let source = image * reduction.input_channels + reduction.source(channel);
    let result = image * reduction.output_channels + channel;
    let line = (source * height.input() + source_row) * width.input();
    let column = |lane: usize| {
        let window = (first + lane) * width.stride() + tap * width.dilation();
        (window as isize - width.pad_low()) as usize
    };
    // Lanes outside the range read what its first lane reads.
    let lane = |i: usize| if lanes.contains(&i) { i } else { lanes.start };
    let [inputs, outputs] = [
        core::array::from_fn(|i| column(lane(i)) - column(lanes.start)),
        core::array::from_fn(|i| lane(i) - lanes.start),
    ];
    let input = line + column(lanes.start);
    let [rows, columns] = reduction.output_size;
    let output = (result * rows + row) * columns + first + lanes.start;
    // SAFETY: `lanes` has found the sources of its lanes in the input.
    let (x, g) = unsafe {
        (
            l.load_gather(reduction.gradient.input.step(input as isize), inputs, LANES),
            l.load_gather(reduction.gradient.grad_output.step(output as isize), outputs, LANES),
        )
    };
    l.fma_where(l.mask(lanes.start, lanes.end), acc, x, g)
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
    reduction.tree(&mut sums, &|index, sums| {
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
        *sums = acc.map(|sum| [[sum]]);
    });
    reduction.write_sums(channel, sums.as_flattened().as_flattened());
    PLANES
}
