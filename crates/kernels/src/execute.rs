use core::iter::Peekable;
use core::ops::Range;

use depthwise_description::{
    Body, ColumnTile, Columns, Instance, Layout, Part, Plan, Problem, Rectangle, Rectangles, Sweep,
};
use depthwise_lanes::{Bounds, Cursor, LANES, Lanes};

use crate::channels::LEAN;
use crate::table;
use crate::task::{Depth, Finish, Task, Walk};

/// First elements of the tensors of a sweep: of a forward pass or an input gradient.
#[derive(Clone, Copy, Debug)]
pub struct Tensors<L: Lanes> {
    /// The input, or the gradient of the output.
    pub source: L::Src,
    /// `[kh][kw][c·m]` or `[c·m][kh][kw]`
    pub weights: L::Src,
    /// `[c·m]`, for the forward pass.
    pub bias: Option<L::Src>,
    /// The output, or the gradient of the input.
    pub results: L::Dst,
    /// Whether results are added to what is there.
    pub accumulate: bool,
}

/// Runs a plan.
///
/// # Safety
/// - Each tensor has the shape that the plan's problem gives it and is valid for reads, the results
///   for writes, during the call, and no other thread accesses the results.
pub unsafe fn execute<L: Lanes>(lanes: L, plan: &Plan, tensors: &Tensors<L>) {
    for part in plan.parts() {
        // SAFETY: the caller's promise.
        unsafe { execute_part(lanes, plan, &part, tensors) };
    }
}

/// Runs a part of a plan.
///
/// # Safety
/// - As for [`execute`], but other threads may run other parts of the plan meanwhile.
pub unsafe fn execute_part<L: Lanes>(lanes: L, plan: &Plan, part: &Part, tensors: &Tensors<L>) {
    let problem = plan.problem();
    let bounds = problem.activation().bounds().map(|(min, max)| Bounds { min, max });
    let bounds = bounds.filter(|_| !plan.sweep().is_gradient());
    let finish = Finish::new(tensors.accumulate, bounds);
    let run = Run { lanes, plan, problem, sweep: plan.sweep(), tensors, finish };
    match problem.layout() {
        Layout::Nhwc => run.nhwc(part),
        Layout::Nchw => run.nchw(part),
    }
}

struct Run<'r, L: Lanes> {
    lanes: L,
    plan: &'r Plan,
    problem: &'r Problem,
    sweep: &'r Sweep,
    tensors: &'r Tensors<L>,
    finish: Finish,
}

/// Tasks that are known at a time, so that some channels can have one after the other before others do.
const FEW: usize = 8;

/// Steps of a tensor, in elements. Steps that are larger than the tensor are never taken, so they
/// may wrap.
#[derive(Clone, Copy)]
struct Steps {
    row: usize,
    column: usize,
}

impl<L: Lanes> Run<'_, L> {
    /// Result channels of each source channel, and source channels of each result channel.
    fn multipliers(&self) -> (usize, usize) {
        let multiplier = self.problem.multiplier();
        if self.sweep.is_gradient() { (1, multiplier) } else { (multiplier, 1) }
    }

    fn nhwc(&self, part: &Part) {
        let channels = part.channels.clone();
        // Tiles take whole vectors of channels that have a source channel each.
        let vectors =
            if self.problem.multiplier() == 1 { channels.len() / LANES * LANES } else { 0 };
        let tail = channels.start + vectors;
        for (channels, tiles) in [(channels.start..tail, true), (tail..channels.end, false)] {
            if channels.is_empty() {
                continue;
            }
            for image in part.images.clone() {
                let rectangles = self.plan.rectangles(part.rows.clone(), tiles);
                let tasks = rectangles.map(|rectangle| {
                    (rectangle.instance, self.nhwc_task(&rectangle, image, &channels))
                });
                // Small modules do without: lines leave the cache, bits stay the same.
                if !LEAN && tiles && self.plan.turn() < channels.len() {
                    self.in_turns(tasks, channels.len());
                } else {
                    tasks.for_each(|(instance, task)| table::run(instance, self.lanes, &task));
                }
            }
        }
    }

    /// Runs tasks of so many channels: all of them for some channels, then for others.
    fn in_turns(
        &self,
        mut tasks: impl Iterator<Item = (&'static Instance, Task<L>)>,
        channels: usize,
    ) {
        let turn = self.plan.turn();
        loop {
            let mut few: [_; FEW] = core::array::from_fn(|_| tasks.next());
            if few[0].is_none() {
                break;
            }
            for left in (1..=channels).rev().step_by(turn) {
                for (instance, task) in few.iter_mut().flatten() {
                    task.depth.len = left.min(turn);
                    table::run(instance, self.lanes, task);
                    task.go_on(turn);
                }
            }
        }
    }

    fn nhwc_task(&self, rectangle: &Rectangle, image: usize, channels: &Range<usize>) -> Task<L> {
        let (sweep, tensors) = (self.sweep, self.tensors);
        let (multiplier, products) = self.multipliers();
        let (sources, results) = (sweep.source_channels, sweep.result_channels);
        let weight_channels = self.problem.output_channels();
        let source = Steps { row: sweep.source[1] * sources, column: sources };
        let weights =
            Steps { row: self.problem.width().kernel() * weight_channels, column: weight_channels };
        let result = Steps { row: sweep.results[1] * results, column: results };
        let Axes { src, tap, out, mut rows, columns } =
            Axes::new(rectangle, source, weights, result);
        rows.strip = self.plan.strip();
        let depth = Depth {
            len: channels.len(),
            block: self.plan.block(),
            multiplier,
            phase: channels.start % multiplier,
            products,
            product_src: 1,
            product_weights: 1,
            src: 1,
            weights: 1,
            dst: 1,
        };
        let first_source = channels.start / multiplier * products;
        let src = src + (image * sweep.source[0] * source.row + first_source) as isize;
        let out = out + image * sweep.results[0] * result.row + channels.start;
        // SAFETY: the plan's spans and tiles stay inside the tensors of its problem, which the
        // description proves for every axis, and the caller of `execute` has vouched for those.
        unsafe {
            Task::new(
                tensors.source.step(src),
                tensors.weights.step((tap + channels.start * products) as isize),
                tensors.bias.map(|bias| bias.step(channels.start as isize)),
                tensors.results.step(out as isize),
                rows,
                columns,
                depth,
                self.finish,
            )
        }
    }

    fn nchw(&self, part: &Part) {
        let rectangles = self.plan.rectangles(part.rows.clone(), true);
        if self.plan.instance().body == Body::Roll {
            Merged::new(rectangles).for_each(|rectangle| self.nchw_planes(&rectangle, part));
        } else {
            rectangles.for_each(|rectangle| self.nchw_planes(&rectangle, part));
        }
    }

    /// A rectangle of the planes of a part.
    fn nchw_planes(&self, rectangle: &Rectangle, part: &Part) {
        let (multiplier, _) = self.multipliers();
        for image in part.images.clone() {
            if multiplier == 1 {
                self.nchw_rectangle(rectangle, image, part.channels.clone());
                continue;
            }
            // Planes of one call share their source, or each has the next one.
            let mut next = part.channels.start;
            while next < part.channels.end {
                let end = ((next / multiplier + 1) * multiplier).min(part.channels.end);
                self.nchw_rectangle(rectangle, image, next..end);
                next = end;
            }
        }
    }

    /// A rectangle of the given planes. Tiles at an edge read past their rows; where that would be
    /// past the tensor, the general instance takes over, for as few planes and rows as can be.
    fn nchw_rectangle(&self, rectangle: &Rectangle, image: usize, planes: Range<usize>) {
        if planes.is_empty() {
            return;
        }
        let (low, high) = match rectangle.columns {
            // Rows without taps read nothing, however many they are.
            Columns::Tiles(tile) if rectangle.rows.taps > 0 => {
                self.overreach(rectangle, &tile, image, &planes)
            }
            _ => (false, false),
        };
        if !low && !high {
            return self.nchw_task(rectangle, image, planes);
        }
        let rows = &rectangle.rows;
        if planes.len() > 1 {
            // The first or last plane alone, and the others.
            let cut = if low { planes.start + 1 } else { planes.end - 1 };
            self.nchw_rectangle(rectangle, image, planes.start..cut);
            self.nchw_rectangle(rectangle, image, cut..planes.end);
        } else if is_merged(&rectangle.columns) {
            for one in self.plan.rectangles(rows.out..rows.out + rows.len, true) {
                if holds(&rectangle.columns, &one.columns) {
                    self.nchw_rectangle(&one, image, planes.clone());
                }
            }
        } else if rows.len > 1 {
            let end = rows.out + (rows.len - 1) * rows.out_step + 1;
            let cut = if low { rows.out + 1 } else { end - 1 };
            for rows in [rows.out..cut, cut..end] {
                if let Some(rectangle) = self.plan.narrowed(rectangle, rows) {
                    self.nchw_rectangle(&rectangle, image, planes.clone());
                }
            }
        } else {
            self.nchw_general(rectangle, image, planes);
        }
    }

    /// A row of a tile's columns, by the general instance.
    fn nchw_general(&self, rectangle: &Rectangle, image: usize, planes: Range<usize>) {
        let Columns::Tiles(tile) = rectangle.columns else { return };
        let (row, end) = (rectangle.rows.out, tile.out + tile.count * tile.columns);
        let (instance, clip_low, clip_high) = (self.plan.general(), 0, 0);
        for rows in self.sweep.rows().filter_map(|span| span.clip(row, row + 1)) {
            for span in self.sweep.columns().filter_map(|span| span.clip(tile.out, end)) {
                let columns = Columns::Span(span);
                let rectangle = Rectangle { instance, rows, clip_low, clip_high, columns };
                self.nchw_task(&rectangle, image, planes.clone());
            }
        }
    }

    /// Whether a tile's vectors reach before the start and after the end of the source.
    fn overreach(
        &self,
        rectangle: &Rectangle,
        tile: &ColumnTile,
        image: usize,
        planes: &Range<usize>,
    ) -> (bool, bool) {
        let (sweep, Rectangle { rows, clip_low, clip_high, .. }) = (self.sweep, rectangle);
        // Rows of the windows that exist; a tile's taps are neighbours.
        let window = (rows.len - 1) * rows.src_step + rows.taps;
        let source_rows = window.saturating_sub(clip_low + clip_high);
        let Some((windows, unit)) = sweep.column_windows().filter(|_| source_rows > 0) else {
            return (false, false);
        };
        let (multiplier, _) = self.multipliers();
        let plane = |result: usize| {
            let channel = image * sweep.source_channels + result / multiplier;
            (channel * sweep.source[0] * sweep.source[1]) as isize
        };
        let row = |row: usize| (row * sweep.source[1]) as isize;
        let first = tile.src as isize - tile.clip_low as isize;
        let lanes = tile.columns.div_ceil(unit).next_multiple_of(LANES);
        let last = first + ((lanes - 1) * windows.stride() + windows.kernel() - 1) as isize;
        let last_row = rows.src + source_rows - 1;
        let len = self.problem.batch() * sweep.source_channels * sweep.source[0] * sweep.source[1];
        let low = plane(planes.start) + row(rows.src) + first;
        let high = plane(planes.end - 1) + row(last_row) + last;
        (low < 0, high >= len as isize)
    }

    fn nchw_task(&self, rectangle: &Rectangle, image: usize, planes: Range<usize>) {
        let (problem, sweep, tensors) = (self.problem, self.sweep, self.tensors);
        let (multiplier, products) = self.multipliers();
        let source = Steps { row: sweep.source[1], column: 1 };
        let weights = Steps { row: problem.width().kernel(), column: 1 };
        let result = Steps { row: sweep.results[1], column: 1 };
        let mut axes = Axes::new(rectangle, source, weights, result);
        if let Columns::Tiles(tile) = rectangle.columns {
            axes.src -= tile.clip_low as isize;
        }
        let Axes { src, tap, out, rows, columns } = axes;
        let kernel = problem.height().kernel() * problem.width().kernel();
        let [source_plane, result_plane] =
            [sweep.source, sweep.results].map(|[rows, columns]| rows * columns);
        let depth = Depth {
            len: planes.len(),
            block: planes.len(),
            multiplier: 1,
            phase: 0,
            products,
            product_src: source_plane as isize,
            product_weights: kernel as isize,
            src: if multiplier == 1 { (source_plane * products) as isize } else { 0 },
            weights: (kernel * products) as isize,
            dst: result_plane as isize,
        };
        let first_source = image * sweep.source_channels + planes.start / multiplier * products;
        let first_result = image * sweep.result_channels + planes.start;
        // SAFETY: as for NHWC; `overreach` has kept the vectors of edge tiles inside the source.
        let task = unsafe {
            Task::new(
                tensors.source.step(src + (first_source * source_plane) as isize),
                tensors.weights.step((tap + planes.start * products * kernel) as isize),
                tensors.bias.map(|bias| bias.step(planes.start as isize)),
                tensors.results.step((out + first_result * result_plane) as isize),
                rows,
                columns,
                depth,
                self.finish,
            )
        };
        table::run(rectangle.instance, self.lanes, &task);
    }
}

/// Rectangles, of which those of rolling tiles side by side are one, if only the first of them misses
/// columns before the source and only the last is not full or misses any after it. A kernel then
/// goes from tile to tile within a plane, which stays in the cache.
struct Merged {
    rectangles: Peekable<Rectangles>,
}

impl Merged {
    fn new(rectangles: Rectangles) -> Self {
        Self { rectangles: rectangles.peekable() }
    }
}

impl Iterator for Merged {
    type Item = Rectangle;

    fn next(&mut self) -> Option<Rectangle> {
        let mut first = self.rectangles.next()?;
        while let Some(tile) = self.rectangles.peek().and_then(|next| beside(&first, next)) {
            first.columns = Columns::Tiles(tile);
            self.rectangles.next();
        }
        Some(first)
    }
}

/// The tiles of two rectangles as one, if they can be merged: a tile that others are beside is full, and only the first
/// misses columns before the source, since tiles are wider than kernels.
fn beside(first: &Rectangle, next: &Rectangle) -> Option<ColumnTile> {
    let (Columns::Tiles(tile), Columns::Tiles(more)) = (&first.columns, &next.columns) else {
        return None;
    };
    let columns = tile.count * tile.columns;
    (tile.clip_high == 0 && more.out == tile.out + columns).then(|| ColumnTile {
        columns: columns + more.count * more.columns,
        count: 1,
        clip_high: more.clip_high,
        ..*tile
    })
}

/// Whether these are several tiles as one.
fn is_merged(columns: &Columns) -> bool {
    matches!(columns, Columns::Tiles(tile) if tile.columns > tile.instance.tile.columns)
}

/// Whether merged tiles have others among them.
fn holds(merged: &Columns, tiles: &Columns) -> bool {
    match (merged, tiles) {
        (Columns::Tiles(merged), Columns::Tiles(tiles)) => {
            (merged.out..merged.out + merged.columns).contains(&tiles.out)
        }
        _ => false,
    }
}

/// A rectangle in elements of its tensors.
struct Axes {
    src: isize,
    tap: usize,
    out: usize,
    rows: Walk,
    columns: Walk,
}

impl Axes {
    fn new(rectangle: &Rectangle, source: Steps, weights: Steps, result: Steps) -> Self {
        let rows = &rectangle.rows;
        let times = |steps: usize, size: usize| steps.wrapping_mul(size) as isize;
        let row_walk = Walk {
            len: rows.len,
            taps: rows.taps,
            src: times(rows.src_step, source.row),
            src_tap: times(rows.src_tap, source.row),
            weights_tap: rows.tap_step.wrapping_mul(weights.row as isize),
            dst: times(rows.out_step, result.row),
            strip: rows.len,
            clip_low: rectangle.clip_low,
            clip_high: rectangle.clip_high,
            odd_first: false,
        };
        let (src, tap, out, column_walk) = match rectangle.columns {
            Columns::Tiles(tile) => {
                let walk = Walk {
                    len: tile.count * tile.columns,
                    taps: 0,
                    src: 0,
                    src_tap: source.column as isize,
                    weights_tap: tile.tap_step * weights.column as isize,
                    dst: result.column as isize,
                    strip: 0,
                    clip_low: tile.clip_low,
                    clip_high: tile.clip_high,
                    odd_first: tile.odd_first,
                };
                (tile.src, tile.tap, tile.out, walk)
            }
            Columns::Span(span) => {
                let walk = Walk {
                    len: span.len,
                    taps: span.taps,
                    src: times(span.src_step, source.column),
                    src_tap: times(span.src_tap, source.column),
                    weights_tap: span.tap_step.wrapping_mul(weights.column as isize),
                    dst: times(span.out_step, result.column),
                    strip: 0,
                    clip_low: 0,
                    clip_high: 0,
                    odd_first: false,
                };
                (span.src, span.tap, span.out, walk)
            }
        };
        Self {
            src: (rows.src * source.row + src * source.column) as isize,
            tap: rows.tap * weights.row + tap * weights.column,
            out: rows.out * result.row + out * result.column,
            rows: row_walk,
            columns: column_walk,
        }
    }
}
