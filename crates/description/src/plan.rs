use core::ops::Range;

use crate::axis::{Axis, Span};
use crate::cover::{ColumnTile, ColumnTiles};
use crate::error::DescriptionError;
use crate::instance::{Body, INSTANCES, Instance, LANES};
use crate::leaves::Leaves;
use crate::machine::Machine;
use crate::problem::{Layout, Problem};
use crate::strip;
use crate::sweep::{Sweep, SweepSpans};

/// How a problem is computed: a function of its shape and of the machine, never of data.
///
/// Work is split into [`Part`]s, which are independent of each other: each result is computed by
/// one part, and its bits are the same however parts are shaped or ordered. Each part is the
/// rectangles of [`Plan::rectangles`] over its images and channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    problem: Problem,
    sweep: Sweep,
    machine: Machine,
    /// Instances of one body by falling width; empty where the general one does it all.
    family: [Option<&'static Instance>; ColumnTiles::WIDTHS],
    general: &'static Instance,
    /// The columns, cut into tiles of the family.
    tiles: Option<ColumnTiles>,
    /// Channels of a part, and the number of parts that the rows are split into.
    channel_block: usize,
    row_blocks: usize,
    /// Channels that NHWC tiles take together.
    block: usize,
    /// Channels that have all their results of a part, or all their weights' gradients, before others have any (NHWC).
    turn: usize,
    /// Rows that a tile computes before it turns to other channels or columns.
    strip: usize,
}

/// An independent share of the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Images.
    pub images: Range<usize>,
    /// Output channels.
    pub channels: Range<usize>,
    /// Rows of results.
    pub rows: Range<usize>,
}

/// What one call of an instance computes in each image and channel: rows × columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// The instance that computes it.
    pub instance: &'static Instance,
    /// Its rows: results that share their taps. Rolling instances, and rows of tiles where channels are last,
    /// take a run of rows that are clipped at its ends only; there `taps` counts those of an unclipped row, and the rows
    /// missed are `clip_low` and `clip_high`.
    pub rows: Span,
    /// Rows of the source that the first window of a run misses.
    pub clip_low: usize,
    /// Rows of the source that the last window of a run misses.
    pub clip_high: usize,
    /// Its columns.
    pub columns: Columns,
}

/// The columns of a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Tiles of a specialised instance.
    Tiles(ColumnTile),
    /// Results that share their taps, for the general instance.
    Span(Span),
}

impl Plan {
    /// The best plan for `machine`.
    #[must_use]
    pub fn new(problem: Problem, machine: Machine) -> Self {
        let (sweep, size) = (Sweep::new(&problem), problem.dtype().size());
        let crowded = |instance: &Instance| strip::is_crowded(&sweep, size, machine, instance.tile);
        // Narrow tiles read columns more often: wider kernels lose more by that than by lines that leave the cache. Lean
        // builds have no tiles for what few columns leave.
        let prefers_narrow = problem.layout() == Layout::Nhwc
            && problem.width().kernel() <= 3
            && !cfg!(depthwise_lean);
        let is_row =
            |instance: &Instance| instance.body == Body::Row && instance.computes(&problem);
        // Tiles of three columns and of two cover any width.
        let covers = |columns: usize| columns > 2 || sweep.results[1].is_multiple_of(2);
        let too_wide = |instance: &Instance| {
            let columns = instance.tile.columns;
            let gives_way = |other: &Instance| {
                is_row(other) && other.tile.columns < columns && covers(other.tile.columns)
            };
            let loses_lines = match instance.body {
                Body::Row => crowded(instance),
                // At stride 1 strips compute so long that lines may come in meanwhile.
                Body::Roll => {
                    problem.height().stride() > 1
                        && strip::loses_all(&sweep, size, machine, instance.tile)
                }
                _ => false,
            };
            prefers_narrow && loses_lines && INSTANCES.iter().any(gives_way)
        };
        let chosen = INSTANCES.iter().find(|instance| {
            instance.computes(&problem)
                && instance.suits(machine)
                && instance.body != Body::Span
                && !too_wide(instance)
                && rolls(instance, &sweep)
        });
        let general = general(&problem);
        Self::from_instance(problem, machine, chosen.unwrap_or(general))
    }

    /// The plan that uses the given instance, with its family where columns remain.
    ///
    /// # Errors
    /// [`DescriptionError::Instance`] if the instance does not compute the problem.
    pub fn with_instance(
        problem: Problem,
        machine: Machine,
        instance: &'static Instance,
    ) -> Result<Self, DescriptionError> {
        if !instance.computes(&problem) || !rolls(instance, &Sweep::new(&problem)) {
            return Err(DescriptionError::Instance(instance.name));
        }
        Ok(Self::from_instance(problem, machine, instance))
    }

    fn from_instance(problem: Problem, machine: Machine, chosen: &'static Instance) -> Self {
        let mut family = [None; ColumnTiles::WIDTHS];
        if chosen.body == Body::Taps {
            family[0] = Some(chosen);
        } else if chosen.body != Body::Span {
            // The chosen instance first, then narrower ones, which the table lists after it: rows of tiles
            // where a rolling instance leaves columns.
            let relatives = INSTANCES.iter().filter(|instance| {
                let narrower = instance.tile.columns < chosen.tile.columns
                    && instance.registers <= chosen.registers
                    && (instance.body == chosen.body || instance.body == Body::Row);
                instance.computes(&problem)
                    && instance.pass == chosen.pass
                    && (*instance == chosen || narrower)
            });
            for (slot, relative) in family.iter_mut().zip(relatives) {
                *slot = Some(relative);
            }
        }
        let general = general(&problem);
        let sweep = Sweep::new(&problem);
        let (channel_block, row_blocks) = blocks(&problem, &sweep, machine, chosen);
        let tiles = ColumnTiles::new(&sweep, family);
        let (mut block, mut turn, mut strip) =
            (sweep.result_channels, sweep.result_channels, sweep.results[0]);
        if problem.layout() == Layout::Nhwc {
            let size = problem.dtype().size();
            // What tiles share should stay in the cache from one to the next. Those of small kernels share little, and are done so soon
            // that calls would be dear; those of pairs have more calls, for each residue class its own.
            let shares = machine.narrow
                && sweep.results[1] > chosen.tile.columns
                && problem.width().kernel() > 3;
            match chosen.body {
                Body::Roll => {
                    (block, strip) = (CACHE_LINE, strip::rows(&sweep, size, machine, chosen));
                }
                Body::Row if shares => (block, turn) = (CACHE_LINE, CACHE_LINE),
                Body::Row if machine.narrow => block = CACHE_LINE,
                Body::Row => strip = 1,
                Body::Pairs if shares => turn = 2 * CACHE_LINE,
                // Small modules do without, as they do without turns of tiles.
                Body::Taps if machine.narrow && !cfg!(depthwise_lean) => {
                    let most = Leaves::vectors(problem.width().kernel()) * LANES / CACHE_LINE;
                    turn = CACHE_LINE * strip::lines(&sweep, size, machine, most);
                }
                _ => {}
            }
        }
        Self {
            problem,
            sweep,
            machine,
            family,
            general,
            tiles,
            channel_block,
            row_blocks,
            block,
            turn,
            strip,
        }
    }

    /// What is computed.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Its source and its results.
    #[must_use]
    pub const fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// What it is tuned for.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.machine
    }

    /// The instance that computes most of it.
    #[must_use]
    pub fn instance(&self) -> &'static Instance {
        self.family[0].unwrap_or(self.general)
    }

    /// The instance that computes what the specialised one leaves: columns that its tiles don't
    /// cover, and channels beyond a multiple of the vector length.
    #[must_use]
    pub const fn general(&self) -> &'static Instance {
        self.general
    }

    /// Channels whose results in a rectangle a tiled NHWC instance computes before those of others.
    #[must_use]
    pub const fn block(&self) -> usize {
        self.block
    }

    /// Channels whose results in all rectangles of a part, or whose weights' gradients, are computed before those of others, where
    /// channels are last.
    #[must_use]
    pub const fn turn(&self) -> usize {
        self.turn
    }

    /// Rows that a [strip](Self::strip) of channels-last results has at most.
    pub const MOST_ROWS_OF_A_STRIP: usize = strip::MOST_ROWS;

    /// Rows of results, at most, that an NHWC tile marches down before it turns to other channels of
    /// a [block](Self::block) or other columns. Strips of rolling instances are as equal as can be.
    #[must_use]
    pub const fn strip(&self) -> usize {
        self.strip
    }

    /// The shares of the work, image after image, block after block.
    pub fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let plan = *self;
        (0..plan.part_count()).map(move |index| plan.part(index))
    }

    /// Number of parts.
    #[must_use]
    pub fn part_count(&self) -> usize {
        self.problem.batch() * self.row_blocks * self.channel_blocks()
    }

    /// The part of that index, below [`part_count`](Self::part_count).
    #[must_use]
    pub fn part(&self, index: usize) -> Part {
        let (channels, rows) = (self.sweep.result_channels, self.sweep.results[0]);
        let (block, channel) = (index / self.channel_blocks(), index % self.channel_blocks());
        let (image, block) = (block / self.row_blocks, block % self.row_blocks);
        let (height, rest) = (rows / self.row_blocks, rows % self.row_blocks);
        let share = |block: usize| block * height + block.min(rest);
        let channel = channel * self.channel_block;
        Part {
            images: image..image + 1,
            channels: channel..(channel + self.channel_block).min(channels),
            rows: share(block)..share(block + 1),
        }
    }

    fn channel_blocks(&self) -> usize {
        self.sweep.result_channels.div_ceil(self.channel_block)
    }

    /// The same plan in parts for several threads, if its work is worth sharing. The bits of the results
    /// stay the same.
    #[must_use]
    pub fn shared(self, threads: usize) -> Self {
        if self.is_worth_sharing() { self.divided(threads) } else { self }
    }

    /// The same plan in parts for several threads, whether or not its work is worth sharing.
    #[must_use]
    pub fn divided(self, threads: usize) -> Self {
        let Self { sweep, channel_block, row_blocks, .. } = self;
        if threads < 2 {
            return self;
        }
        let images = self.problem.batch();
        let wanted = PARTS_PER_THREAD.saturating_mul(threads).div_ceil(images);
        let row_blocks = match self.problem.layout() {
            Layout::Nhwc => {
                let most = (sweep.results[0] / FEWEST_ROWS).max(1);
                row_blocks.max(wanted.min(most))
            }
            Layout::Nchw => row_blocks,
        };
        let block = self.block_of_channels(sweep.result_channels, wanted.div_ceil(row_blocks));
        Self { row_blocks, channel_block: channel_block.min(block), ..self }
    }

    /// Channels of which a thread sums the gradients of weights or biases at a time, if several threads
    /// share them: those of all images, for the sums are over them.
    #[must_use]
    pub fn shared_channels(&self, threads: usize) -> usize {
        let channels = self.problem.output_channels();
        if threads < 2 {
            return channels;
        }
        match self.problem.layout() {
            Layout::Nhwc => {
                // A thread strides over the whole tensor for its channels: memory gives it a few lines at
                // a time faster than one.
                let turns = (channels / threads / FEWEST_CHANNELS).clamp(1, PARTS_PER_THREAD);
                channels.div_ceil(threads * turns).next_multiple_of(LANES).max(CACHE_LINE)
            }
            Layout::Nchw => channels.div_ceil(PARTS_PER_THREAD.saturating_mul(threads)),
        }
    }

    /// Channels of a block, if there are to be so many: whole cache lines where they are last.
    fn block_of_channels(&self, channels: usize, blocks: usize) -> usize {
        let block = channels.div_ceil(blocks);
        match self.problem.layout() {
            Layout::Nhwc => block.next_multiple_of(CACHE_LINE),
            Layout::Nchw => block,
        }
    }

    /// Fewest floating-point operations that several threads do faster than one. They take some 40
    /// microseconds, in which a thread that sleeps can be woken.
    pub const WORTH_SHARING: usize = 1 << 20;

    /// Whether several threads are faster than one.
    #[must_use]
    pub fn is_worth_sharing(&self) -> bool {
        self.problem.flops() >= Self::WORTH_SHARING
    }

    /// The rectangles that cover the given rows: each result once.
    ///
    /// With `tiles` false, all of them belong to the general instance, as channels do that are
    /// too few for a vector.
    #[must_use]
    pub fn rectangles(&self, rows: Range<usize>, tiles: bool) -> Rectangles {
        let columns = ColumnCover::new(&self.sweep, self.tiles.filter(|_| tiles));
        Rectangles { plan: *self, rows, columns, current: None }
    }

    /// The whole plan as data: the rectangles of one image and one vector of channels, for logs,
    /// coverage counts and pictures.
    #[must_use]
    pub fn explain(&self) -> Rectangles {
        self.rectangles(0..self.sweep.results[0], true)
    }

    /// The part of a rectangle in the given rows, if it has any.
    #[must_use]
    pub fn narrowed(&self, rectangle: &Rectangle, rows: Range<usize>) -> Option<Rectangle> {
        match self.axis_of_run(rectangle.instance) {
            Some(height) => {
                let own = &rectangle.rows;
                let rows = rows.start.max(own.out)..rows.end.min(own.out + own.len);
                (!rows.is_empty()).then(|| {
                    let (rows, clip_low, clip_high) = self.run(height, &rows);
                    Rectangle { rows, clip_low, clip_high, ..*rectangle }
                })
            }
            None => {
                let rows = rectangle.rows.clip(rows.start, rows.end)?;
                Some(Rectangle { rows, ..*rectangle })
            }
        }
    }

    /// The axis of the rows of an instance that takes a run of them: each window has a row at least.
    fn axis_of_run(&self, instance: &Instance) -> Option<Axis> {
        let [height, _] = self.sweep.convolution?;
        let last = ((height.output() - 1) * height.stride()) as isize - height.pad_low();
        let has_taps =
            height.pad_low() < height.kernel() as isize && last < height.input() as isize;
        let takes_runs = match (instance.body, instance.layout) {
            (Body::Roll, _) => true,
            (Body::Row, Layout::Nhwc) => has_taps,
            _ => false,
        };
        takes_runs.then_some(height)
    }

    /// A run of rows as one rectangle.
    fn run(&self, axis: Axis, rows: &Range<usize>) -> (Span, usize, usize) {
        let (tap, tap_step) = if self.sweep.reversed { (axis.kernel() - 1, -1) } else { (0, 1) };
        let start = (rows.start * axis.stride()) as isize - axis.pad_low();
        let end = ((rows.end - 1) * axis.stride() + axis.kernel()) as isize - axis.pad_low();
        let span = Span {
            out: rows.start,
            len: rows.len(),
            out_step: 1,
            src: start.max(0) as usize,
            src_step: axis.stride(),
            src_tap: 1,
            tap,
            tap_step,
            taps: axis.kernel(),
        };
        (span, (-start).max(0) as usize, (end - axis.input() as isize).max(0) as usize)
    }
}

/// The general instance of a problem's pass, type and layout; the table has one of each.
fn general(problem: &Problem) -> &'static Instance {
    let mut general = INSTANCES.iter().filter(|instance| instance.body == Body::Span);
    general.find(|instance| instance.computes(problem)).unwrap_or(&INSTANCES[0])
}

/// Whether an instance can march down a sweep's rows, if it rolls: channels last, windows must be
/// clipped at the first and last rows only, by half a kernel at most, and there must be as many rows of
/// results as are in flight.
fn rolls(instance: &Instance, sweep: &Sweep) -> bool {
    if instance.body != Body::Roll || instance.layout == Layout::Nchw {
        return true;
    }
    let Some([axis, _]) = sweep.convolution else { return false };
    let (kernel, stride) = (axis.kernel(), axis.stride());
    let (low, output) = (axis.pad_low(), axis.output());
    let high = ((output - 1) * stride + kernel) as isize - low - axis.input() as isize;
    let half = (kernel / 2) as isize;
    output >= kernel.div_ceil(stride) && low <= half && high <= half
}

/// Channels of a part and the number of row blocks: such that what a tile revisits stays in the
/// first-level cache.
fn blocks(
    problem: &Problem,
    sweep: &Sweep,
    machine: Machine,
    instance: &Instance,
) -> (usize, usize) {
    let (channels, [rows, _]) = (sweep.result_channels, sweep.results);
    let cached = machine.l1 / problem.dtype().size();
    let budget = (cached / 2).clamp(1, usize::MAX / BLOCK_OF_ROWS);
    match (problem.layout(), instance.body) {
        // A plane, or some of its rows, is done before the next one begins.
        (Layout::Nchw, Body::Roll) => (channels, rows.div_ceil(MOST_ROLLED_ROWS)),
        (Layout::Nchw, body) => {
            // The rectangles of a part revisit its planes one after another. Those of pairs have every other row of
            // results each, and windows so small that planes may fill the cache.
            let planes = [sweep.source, sweep.results].map(|[rows, columns]| rows * columns);
            let plane = planes[0].saturating_add(planes[1]);
            let planes = match body {
                Body::Pairs => cached.div_ceil(plane),
                _ => budget / plane,
            };
            (planes.clamp(1, channels), 1)
        }
        (Layout::Nhwc, Body::Roll) => (channels, 1),
        // Tiles march down all rows of a line of channels.
        (Layout::Nhwc, Body::Row) if machine.narrow => (channels, 1),
        (Layout::Nhwc, _) => {
            // Left, inner and right columns of a block of rows follow each other while it is cached.
            let source = sweep.source[0] * sweep.source[1] * sweep.source_channels;
            let blocks = source.div_ceil(BLOCK_OF_ROWS * budget);
            (channels, blocks.clamp(1, rows))
        }
    }
}

/// Parts for each thread: a few even out what else runs on the machine.
const PARTS_PER_THREAD: usize = 3;

/// Fewest rows of a part: windows read the rows between parts twice.
const FEWEST_ROWS: usize = 4;

/// Fewest channels of which a thread sums gradients, where they are last and there are enough: four cache
/// lines.
const FEWEST_CHANNELS: usize = 64;

/// Size of a block of rows, in halves of the first-level cache: a part of any second-level one.
const BLOCK_OF_ROWS: usize = 8;

/// Elements of a cache line.
const CACHE_LINE: usize = 16;

/// Rows that a rolling NCHW instance marches before it turns to other planes.
const MOST_ROLLED_ROWS: usize = 28;

/// The columns of a plan from left to right.
#[derive(Clone, Debug)]
struct ColumnCover {
    tiles: Option<ColumnTiles>,
    /// The next tile, once the columns before it are done.
    pending: Option<ColumnTile>,
    /// Spans, to be clipped to the columns between tiles; residue classes interleave, so each gap
    /// takes all of them.
    every: SweepSpans,
    spans: SweepSpans,
    next: usize,
    end: usize,
}

impl ColumnCover {
    fn new(sweep: &Sweep, mut tiles: Option<ColumnTiles>) -> Self {
        let (every, spans) = (sweep.columns(), sweep.columns());
        let pending = tiles.as_mut().and_then(Iterator::next);
        Self { tiles, pending, every, spans, next: 0, end: sweep.results[1] }
    }
}

impl Iterator for ColumnCover {
    type Item = Columns;

    fn next(&mut self) -> Option<Columns> {
        let end = self.pending.map_or(self.end, |tile| tile.out);
        if self.next < end {
            for span in &mut self.spans {
                if let Some(part) = span.clip(self.next, end) {
                    return Some(Columns::Span(part));
                }
            }
            self.spans = self.every.clone();
            self.next = end;
        }
        let tile = self.pending?;
        self.next = tile.out + tile.count * tile.columns;
        self.pending = self.tiles.as_mut().and_then(Iterator::next);
        Some(Columns::Tiles(tile))
    }
}

/// The rectangles of a part: for each stretch of columns, its rows.
#[derive(Clone, Debug)]
pub struct Rectangles {
    plan: Plan,
    rows: Range<usize>,
    columns: ColumnCover,
    current: Option<(Columns, &'static Instance, SweepSpans)>,
}

impl Iterator for Rectangles {
    type Item = Rectangle;

    fn next(&mut self) -> Option<Rectangle> {
        loop {
            if let Some((columns, instance, spans)) = &mut self.current {
                for span in spans {
                    if let Some(rows) = span.clip(self.rows.start, self.rows.end) {
                        let (clip_low, clip_high) = (0, 0);
                        let (columns, mut instance) = (*columns, *instance);
                        if rows.taps == 0 {
                            instance = self.plan.general;
                        }
                        return Some(Rectangle { instance, rows, clip_low, clip_high, columns });
                    }
                }
                self.current = None;
            }
            let columns = self.columns.next()?;
            let instance = match columns {
                Columns::Tiles(tile) => tile.instance,
                Columns::Span(_) => self.plan.general,
            };
            if let Some(height) = self.plan.axis_of_run(instance) {
                let (rows, clip_low, clip_high) = self.plan.run(height, &self.rows);
                return Some(Rectangle { instance, rows, clip_low, clip_high, columns });
            }
            let spans = self.plan.sweep.rows();
            self.current = Some((columns, instance, spans));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::padding::Padding;
    use crate::problem::Pass;
    use std::{vec, vec::Vec};

    fn problem(channels: usize, size: usize, layout: Layout, pass: Pass) -> Problem {
        let problem = Problem::builder().batch(2).channels(channels).input([size; 2]);
        problem.kernel([5; 2]).same_upper().layout(layout).pass(pass).build().unwrap()
    }

    #[test]
    fn a_machine_without_cache_has_plans() {
        let machine = Machine { l1: 0, ..Machine::ARM64 };
        for pass in [Pass::Forward, Pass::GradInput, Pass::GradWeight] {
            for layout in [Layout::Nhwc, Layout::Nchw] {
                let problem = Problem::builder().channels(9).input([9, 9]).kernel([3, 3]);
                let problem = problem.pass(pass).layout(layout).build().unwrap();
                assert!(Plan::new(problem, machine).parts().count() > 0);
            }
        }
    }

    #[test]
    fn an_instance_that_computes_something_else_is_refused() {
        let instance = |name| Instance::by_name(name).unwrap();
        let with = |height, name| {
            let problem = Problem::builder().channels(4).input([height, 9]).kernel([3; 2]);
            let problem = problem.same_upper().build().unwrap();
            Plan::with_instance(problem, Machine::ARM64, instance(name)).map(|plan| plan.instance())
        };
        let roll = "forward_f32_nhwc_3s1_3x7x1";
        let other = "forward_f32_nhwc_5s1_1x7x1";
        if !cfg!(depthwise_lean) {
            assert_eq!(with(3, roll), Ok(instance(roll)));
        }
        // Too few rows to roll down, and another kernel.
        assert_eq!(with(2, roll), Err(DescriptionError::Instance(roll)));
        assert_eq!(with(3, other), Err(DescriptionError::Instance(other)));
    }

    #[test]
    fn rows_are_clipped_by_half_a_kernel_at_most() {
        let roll = Instance::by_name("forward_f32_nhwc_3s1_3x7x1").unwrap();
        for (kernel, most) in [(3, 1), (5, 2), (7, 3)] {
            let rolls = |top, bottom| {
                let padding = Padding { top, bottom, left: 0, right: 0 };
                let problem = Problem::builder().input([20; 2]).kernel([kernel; 2]);
                rolls(roll, &Sweep::new(&problem.padding(padding).build().unwrap()))
            };
            assert!(rolls(0, 0) && rolls(most, most));
            assert!(!rolls(most + 1, 0) && !rolls(0, most + 1));
        }
    }

    /// 512 channels are 2 KiB, of which 2 sets of 64 have every line of a vector; a tile of 7 reads 3 × 15 lines of
    /// these at stride 2 and 3 × 9 at stride 1, one of 4 with four vectors 9 and 6. 256 channels have 4 sets.
    #[test]
    fn columns_that_crowd_the_cache_are_few_at_a_time() {
        let columns = |channels, size, kernel, stride: usize, machine| {
            let problem =
                Problem::builder().channels(channels).input([size; 2]).kernel([kernel; 2]);
            let problem = problem.stride([stride; 2]).same_upper().build().unwrap();
            Plan::new(problem, machine).instance().tile.columns
        };
        let x86 = Machine::X86_64;
        for (stride, few) in [(1, [7, 7, 4, 7, 4]), (2, [7, 4, 4, 7, 4])] {
            let few = if cfg!(depthwise_lean) { [7; 5] } else { few };
            let channels = [128, 256, 512, 576, 1024];
            assert_eq!(channels.map(|channels| columns(channels, 28, 3, stride, x86)), few);
        }
        // Four columns of 1024 channels would be 9 lines of a set of four.
        let small = Machine { l1: 16 * 1024, ways: 4, ..x86 };
        // Two columns would leave one of seven.
        let few = if cfg!(depthwise_lean) { [7; 2] } else { [2, 3] };
        assert_eq!([28, 14].map(|size| columns(1024, size, 3, 2, small)), few);
        assert_eq!(columns(512, 28, 5, 2, x86), 7);
        // Strips, but where the shortest one loses all lines at stride 2.
        let arm = |channels, stride| columns(channels, 28, 3, stride, Machine::ARM64);
        let few = if cfg!(depthwise_lean) { 7 } else { 4 };
        assert_eq!([arm(512, 1), arm(512, 2), arm(576, 2)], [7, few, 7]);
    }

    #[test]
    fn parts_have_every_result_once() {
        for machine in Machine::ALL {
            for (channels, size) in [(3, 5), (20, 60), (37, 33), (100, 31), (444, 7)] {
                for (layout, pass) in
                    Layout::ALL.iter().flat_map(|l| [(*l, Pass::Forward), (*l, Pass::GradInput)])
                {
                    let plan = Plan::new(problem(channels, size, layout, pass), machine);
                    for threads in 1..9 {
                        let shared = plan.shared(threads);
                        let mut seen = vec![0; 2 * channels * size];
                        for part in shared.parts() {
                            let [n, c] = [part.images, part.channels].map(Vec::from_iter);
                            for (n, c) in n.iter().flat_map(|n| c.iter().map(move |c| (n, c))) {
                                part.rows
                                    .clone()
                                    .for_each(|h| seen[(n * channels + c) * size + h] += 1);
                            }
                        }
                        assert!(seen.iter().all(|times| *times == 1));
                    }
                }
            }
        }
    }

    /// Small maps have few rows, but many channels; others have a cache line of channels, but many rows.
    #[test]
    fn what_is_worth_sharing_has_a_part_for_each_thread() {
        for (channels, size) in [(16, 64), (32, 112), (144, 56), (384, 14), (960, 7), (1152, 7)] {
            for layout in Layout::ALL {
                let plan =
                    Plan::new(problem(channels, size, layout, Pass::Forward), Machine::target());
                assert!(plan.is_worth_sharing());
                for threads in 2..=4 {
                    assert!(plan.shared(threads).part_count() >= 2 * threads);
                    let blocks = channels.div_ceil(plan.shared_channels(threads));
                    assert!(blocks >= threads.min(channels / CACHE_LINE));
                    assert!(layout == Layout::Nchw || channels < 384 || blocks % threads == 0);
                }
                assert_eq!(plan.shared(1), plan);
                assert_eq!(plan.shared_channels(1), channels);
            }
        }
    }

    #[test]
    fn little_work_is_not_shared() {
        let plan = Plan::new(problem(16, 7, Layout::Nhwc, Pass::Forward), Machine::target());
        assert_eq!((plan.is_worth_sharing(), plan.shared(8)), (false, plan));
    }
}
