//! Channels first: lanes are columns, in four chains that are added at the end.

use core::ops::Range;

use depthwise_description::Leaf;
use depthwise_lanes::{Cursor, LANES, Lanes};

use super::{Reduction, Sums, tree};

/// A specialised kernel size and stride: `ROWS` rows of taps in registers.
///
/// Vectors of columns whose windows are whole are read as they lie. At the edges, lanes of taps that
/// do not exist keep their sum; loads read on into neighbouring rows there, or gather where those
/// are not in the tensor.
///
/// `sum` is [`leaf`] for these parameters; the caller names it, so that the code of its loops is known
/// by the instance's name.
#[inline(always)]
pub(crate) fn taps<L: Lanes, const ROWS: usize, const K: usize>(
    reduction: &Reduction<'_, L>,
    sum: impl Fn(Place) -> Sums<L, 1, ROWS, K>,
) {
    let (l, count) = (reduction.lanes, reduction.leaves.count());
    for channel in reduction.first..reduction.end {
        for group in (0..K).step_by(ROWS) {
            let [sums] =
                tree::<L, 1, ROWS, K>(l, 0, count, &|index| sum(Place { index, channel, group }));
            for (row, taps) in sums.iter().enumerate().take(K - group) {
                for (tap, &sum) in taps.iter().enumerate() {
                    let at = (channel * K + group + row) * K + tap;
                    reduction.write(at, l.sum(sum), 1);
                }
            }
        }
    }
}

/// What is summed together: a leaf, for one output channel and the rows of taps from `group` on.
pub(crate) struct Place {
    index: usize,
    channel: usize,
    group: usize,
}

/// The sums of one leaf.
#[inline(always)]
pub(crate) fn leaf<L: Lanes, const ROWS: usize, const K: usize, const S: usize>(
    reduction: &Reduction<'_, L>,
    Place { index, channel, group }: Place,
) -> Sums<L, 1, ROWS, K> {
    let (l, leaf) = (reduction.lanes, reduction.leaves.leaf(index));
    let mut acc = [[l.zero(); K]; ROWS];
    let edges = Edges::<L, K>::new(reduction, &leaf, S);
    for row in leaf.rows.clone() {
        let taps = reduction.height.dense_taps(row);
        let rows = taps.start.clamp(group, group + ROWS) - group
            ..taps.end.clamp(group, group + ROWS) - group;
        if rows.is_empty() {
            continue;
        }
        let line = Line::<L, S>::new(reduction, &leaf, row, channel, group);
        if rows.len() == ROWS {
            line.add::<ROWS, K, true>(&leaf, &edges, 0..ROWS, &mut acc);
        } else {
            line.add::<ROWS, K, false>(&leaf, &edges, rows, &mut acc);
        }
    }
    [acc]
}

/// Vectors of a leaf's columns at its edges, and which of their lanes have their taps.
struct Edges<L: Lanes, const K: usize> {
    /// Columns of the vectors whose windows are whole.
    whole: Range<usize>,
    /// By edge vector, in order of columns, and tap.
    masks: [[L::Mask; K]; MOST_EDGES],
}

/// Most vectors with a column at an edge: half a kernel at each end touches one or two, and the last
/// may be incomplete.
const MOST_EDGES: usize = 5;

impl<L: Lanes, const K: usize> Edges<L, K> {
    #[inline(always)]
    fn new(reduction: &Reduction<'_, L>, leaf: &Leaf, stride: usize) -> Self {
        let (l, columns) = (reduction.lanes, leaf.columns.clone());
        let windows = reduction.whole_windows.clone();
        let start = windows.start.clamp(columns.start, columns.end) - columns.start;
        let start = columns.start + start.next_multiple_of(LANES).min(columns.len());
        let end = windows.end.clamp(start, columns.end.max(start)) - start;
        let whole = start..start + end / LANES * LANES;
        let mut masks = [[l.mask(0, 0); K]; MOST_EDGES];
        let edges = vectors(columns.start..whole.start).chain(vectors(whole.end..columns.end));
        for (first, masks) in edges.zip(&mut masks) {
            for (tap, mask) in masks.iter_mut().enumerate() {
                let lanes = lanes(reduction, first, columns.end, tap, stride);
                *mask = l.mask(lanes.start, lanes.end);
            }
        }
        Self { whole, masks }
    }
}

/// First columns of the vectors that cover `columns`.
fn vectors(columns: Range<usize>) -> impl Iterator<Item = usize> {
    columns.step_by(LANES)
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

/// A row of positions of one plane.
struct Line<L: Lanes, const S: usize> {
    lanes: L,
    /// Source of the group's first tap of window 0, whether or not it exists.
    input: L::Src,
    grad_output: L::Src,
    input_row: isize,
    /// Elements of the input before and after that source, and of the output gradient after its
    /// first.
    before: isize,
    after: isize,
    output_after: isize,
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
        let source = leaf.image * reduction.input_channels + channel / reduction.multiplier;
        let result = leaf.image * reduction.output_channels + channel;
        let top =
            (row * S + group) as isize - height.pad_low() + (source * height.input()) as isize;
        let input = top * width.input() as isize - width.pad_low();
        let output = ((result * height.output() + row) * width.output()) as isize;
        Self {
            lanes: reduction.lanes,
            input: reduction.gradient.input.step(input),
            grad_output: reduction.gradient.grad_output.step(output),
            input_row: width.input() as isize,
            before: input,
            after: reduction.input_len as isize - input,
            output_after: reduction.output_len as isize - output,
        }
    }

    #[inline(always)]
    fn add<const ROWS: usize, const K: usize, const WHOLE: bool>(
        &self,
        leaf: &Leaf,
        edges: &Edges<L, K>,
        rows: Range<usize>,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        let mut edge = edges.masks.iter();
        for first in vectors(leaf.columns.start..edges.whole.start) {
            if let Some(masks) = edge.next() {
                self.edge::<ROWS, K, WHOLE>(first, leaf.columns.end, masks, &rows, acc);
            }
        }
        let mut sums = *acc;
        for first in vectors(edges.whole.clone()) {
            let input = self.input.step((first * S) as isize);
            // SAFETY: `reduce`'s caller has vouched for the output gradient.
            let g = unsafe { self.lanes.load(self.grad_output.step(first as isize)) };
            unroll!(v < ROWS => {
                if WHOLE || rows.contains(&v) {
                    unroll!(u < K => {
                        // SAFETY: the windows are whole, and this row of them exists.
                        let x = unsafe { self.load(input.step(v as isize * self.input_row), u) };
                        sums[v][u] = self.lanes.fma(sums[v][u], x, g);
                    });
                }
            });
        }
        *acc = sums;
        for first in vectors(edges.whole.end..leaf.columns.end) {
            if let Some(masks) = edge.next() {
                self.edge::<ROWS, K, WHOLE>(first, leaf.columns.end, masks, &rows, acc);
            }
        }
    }

    /// The sources of tap `u` of four windows.
    ///
    /// # Safety
    /// - They exist.
    #[inline(always)]
    unsafe fn load(&self, input: L::Src, u: usize) -> L::Vector {
        // SAFETY: the caller's promise.
        unsafe {
            match S {
                1 => self.lanes.load(input.step(u as isize)),
                _ => self.lanes.load_even(input.step(u as isize)),
            }
        }
    }

    /// Adds a vector of which some lanes do not exist, or miss taps.
    #[inline(always)]
    fn edge<const ROWS: usize, const K: usize, const WHOLE: bool>(
        &self,
        first: usize,
        end: usize,
        masks: &[L::Mask; K],
        rows: &Range<usize>,
        acc: &mut [[L::Vector; K]; ROWS],
    ) {
        let (l, count) = (self.lanes, (end - first).min(LANES));
        let start = (first * S) as isize;
        let top = start + rows.start as isize * self.input_row;
        let bottom = start + (rows.end as isize - 1) * self.input_row;
        let reach = ((LANES - 1) * S + K - 1) as isize;
        let inside = self.before + top >= 0 && bottom + reach < self.after;
        let grad_output = self.grad_output.step(first as isize);
        // SAFETY: `reduce`'s caller has vouched for the output gradient, of which `count` lanes
        // exist here, or as many as the tensor still has.
        let g = unsafe {
            if (first + LANES) as isize <= self.output_after {
                l.load(grad_output)
            } else {
                l.load_partial(grad_output, count)
            }
        };
        unroll!(v < ROWS => {
            if WHOLE || rows.contains(&v) {
                let row = v as isize * self.input_row;
                let input = self.input.step(start + row);
                unroll!(u < K => {
                    let x = if inside {
                        // SAFETY: from the first tap of the first row to the last of the last, all is
                        // in the tensor.
                        unsafe { self.load(input, u) }
                    } else {
                        self.gather(input, start + row + u as isize, u)
                    };
                    acc[v][u] = l.fma_where(masks[u], acc[v][u], x, g);
                });
            }
        });
    }

    /// The sources of tap `u` as far as they are in the tensor; elsewhere its nearest element, which
    /// no mask lets through.
    #[cold]
    #[inline(never)]
    fn gather(&self, input: L::Src, at: isize, u: usize) -> L::Vector {
        let (low, high) = (-self.before, self.after - 1);
        let first = at.clamp(low, high);
        let offsets = core::array::from_fn(|lane| {
            ((at + (lane * S) as isize).clamp(low, high) - first) as usize
        });
        let src = input.step(u as isize + first - at);
        // SAFETY: all of them have been moved into the tensor.
        unsafe { self.lanes.load_gather(src, offsets, LANES) }
    }
}

/// Any window and multiplier: tap after tap.
#[inline(always)]
pub(crate) fn span<L: Lanes>(reduction: &Reduction<'_, L>) {
    let (l, count) = (reduction.lanes, reduction.leaves.count());
    let (height, width) = (reduction.height, reduction.width);
    let stride = width.stride();
    for channel in reduction.first..reduction.end {
        for row_tap in 0..height.kernel() {
            for tap in 0..width.kernel() {
                let [[[sum]]] = tree::<L, 1, 1, 1>(l, 0, count, &|index| {
                    let leaf = reduction.leaves.leaf(index);
                    let mut acc = l.zero();
                    for rows in reduction.row_spans(&leaf) {
                        if !(rows.tap..rows.tap + rows.taps).contains(&row_tap) {
                            continue;
                        }
                        for j in 0..rows.len {
                            let source_row =
                                rows.src + j * rows.src_step + (row_tap - rows.tap) * rows.src_tap;
                            for first in vectors(leaf.columns.clone()) {
                                let lanes = lanes(reduction, first, leaf.columns.end, tap, stride);
                                let place = (rows.out + j, source_row);
                                acc = span_vector(
                                    reduction,
                                    leaf.image,
                                    channel,
                                    place,
                                    (first, tap),
                                    lanes,
                                    acc,
                                );
                            }
                        }
                    }
                    [[[acc]]]
                });
                let at = (channel * height.kernel() + row_tap) * width.kernel() + tap;
                reduction.write(at, l.sum(sum), 1);
            }
        }
    }
}

/// Adds the lanes of a vector of columns that have a tap.
#[inline(always)]
fn span_vector<L: Lanes>(
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
    let source = image * reduction.input_channels + channel / reduction.multiplier;
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
    let output = (result * height.output() + row) * width.output() + first + lanes.start;
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
    let (l, height, width) = (reduction.lanes, reduction.height.output(), reduction.width.output());
    for channel in reduction.first..reduction.end {
        let [[[sum]]] = tree::<L, 1, 1, 1>(l, 0, reduction.leaves.count(), &|index| {
            let leaf = reduction.leaves.leaf(index);
            let plane = leaf.image * reduction.output_channels + channel;
            let mut acc = l.zero();
            for row in leaf.rows.clone() {
                for first in vectors(leaf.columns.clone()) {
                    let at = (plane * height + row) * width + first;
                    let g = reduction.gradient.grad_output.step(at as isize);
                    let count = (leaf.columns.end - first).min(LANES);
                    // SAFETY: `reduce_bias`'s caller has vouched for `count` columns here. Missing
                    // lanes are +0, and no sum that starts at +0 is −0.
                    acc = l.add(acc, unsafe { l.load_partial(g, count) });
                }
            }
            [[[acc]]]
        });
        reduction.write(channel, l.sum(sum), 1);
    }
}
