use core::ops::Range;

use depthwise_description::{
    ColumnTile, Columns, Layout, Part, Plan, Problem, Rectangle, Span,
};
use depthwise_lanes::{Bounds, Cursor, LANES, Lanes};

use crate::table;
use crate::task::{Depth, Task, Walk};

/// First elements of the tensors of a forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Tensors<L: Lanes> {
    /// `[n][h][w][c]` or `[n][c][h][w]`
    pub input: L::Src,
    /// `[kh][kw][c·m]` or `[c·m][kh][kw]`
    pub weights: L::Src,
    /// `[c·m]`
    pub bias: Option<L::Src>,
    /// `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    pub output: L::Dst,
}

/// Runs a plan.
///
/// # Safety
/// - Each tensor has the shape that the plan's problem gives it, is valid for reads (the output for
///   writes) during the call, and no other thread accesses the output.
pub unsafe fn execute<L: Lanes>(lanes: L, plan: &Plan, tensors: &Tensors<L>) {
    let problem = plan.problem();
    let bounds = problem.activation().bounds().map(|(min, max)| Bounds { min, max });
    let run = Run { lanes, plan, problem, tensors, bounds };
    for part in plan.parts() {
        match problem.layout() {
            Layout::Nhwc => run.nhwc(&part),
            Layout::Nchw => run.nchw(&part),
        }
    }
}

struct Run<'r, L: Lanes> {
    lanes: L,
    plan: &'r Plan,
    problem: &'r Problem,
    tensors: &'r Tensors<L>,
    bounds: Option<Bounds>,
}

/// Steps of a tensor, in elements. Steps that are larger than the tensor are never taken, so they
/// may wrap.
#[derive(Clone, Copy)]
struct Steps {
    row: usize,
    column: usize,
}

impl<L: Lanes> Run<'_, L> {
    fn nhwc(&self, part: &Part) {
        let channels = part.channels.clone();
        // Tiles take whole vectors of channels that have an input channel each.
        let vectors = if self.problem.multiplier() == 1 {
            channels.len() / LANES * LANES
        } else {
            0
        };
        let tail = channels.start + vectors;
        for (channels, tiles) in [(channels.start..tail, true), (tail..channels.end, false)] {
            if channels.is_empty() {
                continue;
            }
            for rectangle in self.plan.rectangles(part.rows.clone(), tiles) {
                for image in part.images.clone() {
                    self.nhwc_rectangle(&rectangle, image, &channels);
                }
            }
        }
    }

    fn nhwc_rectangle(&self, rectangle: &Rectangle, image: usize, channels: &Range<usize>) {
        let (problem, tensors) = (self.problem, self.tensors);
        let (height, width) = (problem.height(), problem.width());
        let (inputs, outputs) = (problem.channels(), problem.output_channels());
        let input = Steps { row: width.input() * inputs, column: inputs };
        let weights = Steps { row: width.kernel() * outputs, column: outputs };
        let output = Steps { row: width.output() * outputs, column: outputs };
        let Axes { src, tap, out, rows, columns } = Axes::new(rectangle, input, weights, output);
        let depth = Depth {
            len: channels.len(),
            multiplier: problem.multiplier(),
            phase: channels.start % problem.multiplier(),
            src: 1,
            weights: 1,
            dst: 1,
        };
        let src = src
            + (image * height.input() * input.row + channels.start / problem.multiplier()) as isize;
        let out = out + image * height.output() * output.row + channels.start;
        // SAFETY: the plan's spans and tiles stay inside the tensors of its problem, which the
        // description proves for every axis, and the caller of `execute` has vouched for those.
        let task = unsafe {
            Task::new(
                tensors.input.step(src),
                tensors.weights.step((tap + channels.start) as isize),
                tensors.bias.map(|bias| bias.step(channels.start as isize)),
                tensors.output.step(out as isize),
                rows,
                columns,
                depth,
                self.bounds,
            )
        };
        table::run(rectangle.instance, self.lanes, &task);
    }

    fn nchw(&self, part: &Part) {
        let multiplier = self.problem.multiplier();
        for rectangle in self.plan.rectangles(part.rows.clone(), true) {
            for image in part.images.clone() {
                if multiplier == 1 {
                    self.nchw_rectangle(&rectangle, image, part.channels.clone());
                    continue;
                }
                // Planes of one call share their source, or each has the next one.
                let mut next = part.channels.start;
                while next < part.channels.end {
                    let end = ((next / multiplier + 1) * multiplier).min(part.channels.end);
                    self.nchw_rectangle(&rectangle, image, next..end);
                    next = end;
                }
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
            Columns::Tiles(tile) if tile.clip_low > 0 || tile.clip_high > 0 || is_partial(&tile) => {
                self.overreach(&rectangle.rows, &tile, image, &planes)
            }
            _ => (false, false),
        };
        if !low && !high {
            return self.nchw_task(rectangle, image, planes);
        }
        let rows = &rectangle.rows;
        let part = |from: usize, to: usize| {
            rows.clip(from, to).map(|rows| Rectangle { rows, ..*rectangle })
        };
        let (start, end) = (rows.out, rows.out + rows.len);
        if planes.len() > 1 {
            let middle = planes.start + usize::from(low)..planes.end - usize::from(high);
            if low {
                self.nchw_rectangle(rectangle, image, planes.start..planes.start + 1);
            }
            if !middle.is_empty() {
                self.nchw_rectangle(rectangle, image, middle);
            }
            if high && planes.len() > usize::from(low) {
                self.nchw_rectangle(rectangle, image, planes.end - 1..planes.end);
            }
        } else if rows.len > 1 {
            let cut = if low { start + 1 } else { end - 1 };
            for part in [part(start, cut), part(cut, end)].into_iter().flatten() {
                self.nchw_rectangle(&part, image, planes.clone());
            }
        } else {
            self.nchw_general(rectangle, image, planes);
        }
    }

    /// The columns of a tile, by the general instance.
    fn nchw_general(&self, rectangle: &Rectangle, image: usize, planes: Range<usize>) {
        let Columns::Tiles(tile) = rectangle.columns else { return };
        let end = tile.out + tile.count * tile.columns;
        for span in self.problem.width().forward_spans() {
            if let Some(span) = span.clip(tile.out, end) {
                let columns = Columns::Span(span);
                let instance = self.plan.general();
                let rectangle = Rectangle { instance, columns, ..*rectangle };
                self.nchw_task(&rectangle, image, planes.clone());
            }
        }
    }

    /// Whether a tile's vectors reach before the start and after the end of the input.
    fn overreach(
        &self,
        rows: &Span,
        tile: &ColumnTile,
        image: usize,
        planes: &Range<usize>,
    ) -> (bool, bool) {
        if rows.taps == 0 {
            return (false, false);
        }
        let problem = self.problem;
        let (height, width) = (problem.height(), problem.width());
        let plane = |output: usize| {
            let channel = image * problem.channels() + output / problem.multiplier();
            (channel * height.input() * width.input()) as isize
        };
        let row = |row: usize| (row * width.input()) as isize;
        let first = tile.src as isize - tile.clip_low as isize;
        let lanes = tile.columns.next_multiple_of(LANES);
        let last = first + ((lanes - 1) * width.stride() + width.kernel() - 1) as isize;
        let last_row = rows.src + (rows.len - 1) * rows.src_step + (rows.taps - 1) * rows.src_tap;
        let low = plane(planes.start) + row(rows.src) + first;
        let high = plane(planes.end - 1) + row(last_row) + last;
        (low < 0, high >= problem.input_len() as isize)
    }

    fn nchw_task(&self, rectangle: &Rectangle, image: usize, planes: Range<usize>) {
        let (problem, tensors) = (self.problem, self.tensors);
        let (height, width) = (problem.height(), problem.width());
        let input = Steps { row: width.input(), column: 1 };
        let weights = Steps { row: width.kernel(), column: 1 };
        let output = Steps { row: width.output(), column: 1 };
        let mut axes = Axes::new(rectangle, input, weights, output);
        if let Columns::Tiles(tile) = rectangle.columns {
            axes.src -= tile.clip_low as isize;
        }
        let Axes { src, tap, out, rows, columns } = axes;
        let kernel = height.kernel() * width.kernel();
        let [input_plane, output_plane] =
            [height.input() * width.input(), height.output() * width.output()];
        let depth = Depth {
            len: planes.len(),
            multiplier: 1,
            phase: 0,
            src: if problem.multiplier() == 1 { input_plane as isize } else { 0 },
            weights: kernel as isize,
            dst: output_plane as isize,
        };
        let source = image * problem.channels() + planes.start / problem.multiplier();
        let result = image * problem.output_channels() + planes.start;
        // SAFETY: as for NHWC; `overreach` has kept the vectors of edge tiles inside the input.
        let task = unsafe {
            Task::new(
                tensors.input.step(src + (source * input_plane) as isize),
                tensors.weights.step((tap + planes.start * kernel) as isize),
                tensors.bias.map(|bias| bias.step(planes.start as isize)),
                tensors.output.step((out + result * output_plane) as isize),
                rows,
                columns,
                depth,
                self.bounds,
            )
        };
        table::run(rectangle.instance, self.lanes, &task);
    }
}

fn is_partial(tile: &ColumnTile) -> bool {
    tile.columns < tile.instance.tile.columns
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
    fn new(rectangle: &Rectangle, input: Steps, weights: Steps, output: Steps) -> Self {
        let rows = &rectangle.rows;
        let times = |steps: usize, size: usize| steps.wrapping_mul(size) as isize;
        let row_walk = Walk {
            len: rows.len,
            taps: rows.taps,
            src: times(rows.src_step, input.row),
            src_tap: times(rows.src_tap, input.row),
            weights_tap: rows.tap_step.wrapping_mul(weights.row as isize),
            dst: times(rows.out_step, output.row),
            clip_low: rectangle.clip_low,
            clip_high: rectangle.clip_high,
        };
        let column = Walk {
            len: 0,
            taps: 0,
            src: 0,
            src_tap: input.column as isize,
            weights_tap: weights.column as isize,
            dst: output.column as isize,
            clip_low: 0,
            clip_high: 0,
        };
        let (src, tap, out, columns) = match rectangle.columns {
            Columns::Tiles(tile) => {
                let len = tile.count * tile.columns;
                let ColumnTile { clip_low, clip_high, .. } = tile;
                (tile.src, 0, tile.out, Walk { len, clip_low, clip_high, ..column })
            }
            Columns::Span(span) => {
                let walk = Walk {
                    len: span.len,
                    taps: span.taps,
                    src: times(span.src_step, input.column),
                    src_tap: times(span.src_tap, input.column),
                    weights_tap: span.tap_step.wrapping_mul(weights.column as isize),
                    dst: times(span.out_step, output.column),
                    ..column
                };
                (span.src, span.tap, span.out, walk)
            }
        };
        Self {
            src: (rows.src * input.row + src * input.column) as isize,
            tap: rows.tap * weights.row + tap * weights.column,
            out: rows.out * output.row + out * output.column,
            rows: row_walk,
            columns,
        }
    }
}
