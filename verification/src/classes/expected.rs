//! The classes that there are, by brute force: every position of a tile, every small axis, every small
//! number of channels. No plan is asked, and no arithmetic of the library's is used: of an instance only
//! what its line of the table says.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::{Range, RangeInclusive};

use depthwise::{Body, Instance, Layout, Machine, Size};

use super::{Event, Feature, Kernel, Side, up_to};
use crate::geometry::{Extent, Window};
use crate::pass::Pass;
use crate::tree;

/// Lanes of a vector.
const LANES: usize = 4;

/// Elements off alignment, in every direction.
const OFFSETS: usize = 4;

/// All events of one side that a kernel can meet, each with something that should make it happen.
#[derive(Clone, Debug)]
pub struct Events<T> {
    known: HashSet<Event, BuildHasherDefault<Mixer>>,
    list: Vec<(Event, T)>,
}

/// A quick hash of small numbers: nobody attacks it.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32((*byte).into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(23) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<T> Default for Events<T> {
    fn default() -> Self {
        Self { known: HashSet::default(), list: Vec::new() }
    }
}

impl<T> Events<T> {
    fn add(&mut self, event: Event, witness: T) {
        if self.known.insert(event) {
            self.list.push((event, witness));
        }
    }

    /// The events and their witnesses, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &(Event, T)> {
        self.list.iter()
    }
}

/// A window and where it lies.
pub type Axis = (Window, Extent);

/// What the geometry leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Elements off alignment.
    pub offset: usize,
    /// Which machine.
    pub machine: usize,
    /// Images.
    pub batch: usize,
    /// Whether there is a bias.
    pub bias: bool,
    /// Whether results are bounded below and above.
    pub bounds: [bool; 2],
    /// Whether results are added to.
    pub accumulate: bool,
}

/// All events that a kernel can meet, by side.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Of columns.
    pub columns: Events<Axis>,
    /// Of rows.
    pub rows: Events<Axis>,
    /// Of channels: input channels and multipliers.
    pub depths: Events<[usize; 2]>,
    /// Of leaves: images, rows and columns.
    pub trees: Events<[usize; 3]>,
    /// Of calls.
    pub calls: Events<Call>,
}

impl Expected {
    /// Those of a kernel.
    pub fn of(kernel: &Kernel) -> Self {
        let mut all = Self::default();
        let (pass, layout) = (kernel.pass, kernel.layout);
        match kernel.instance.map(|instance| (instance, instance.kernel, instance.stride)) {
            None => all.bias(layout),
            Some((instance, Size::Exactly(kernel), Size::Exactly(stride))) => {
                let window = Window { kernel, stride, dilation: 1 };
                match instance.body {
                    Body::Taps => all.positions(instance, window),
                    Body::Pairs => {
                        all.pairs(instance, window);
                        all.residue_rows(window);
                    }
                    Body::Roll if layout == Layout::Nchw => {
                        all.tiles(pass, instance, window);
                        all.marched_rows(pass, window);
                    }
                    Body::Roll => {
                        all.tiles(pass, instance, window);
                        all.rolled_rows(pass, window);
                    }
                    _ => {
                        all.tiles(pass, instance, window);
                        all.tile_rows(pass, window);
                    }
                }
                all.tile_depths(pass, instance);
            }
            Some((instance, ..)) if pass == Pass::GradWeight => {
                all.any_positions(instance);
                all.any_depths(pass, layout);
            }
            Some((instance, ..)) => {
                all.spans(pass, instance);
                all.any_depths(pass, layout);
            }
        }
        if matches!(pass, Pass::GradWeight | Pass::GradBias) {
            all.trees();
        }
        all.calls(pass);
        all
    }

    /// Every event of every side.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        let axes = self.columns.iter().chain(self.rows.iter()).map(|(event, _)| event);
        let depths = self.depths.iter().map(|(event, _)| event);
        let trees = self.trees.iter().map(|(event, _)| event);
        axes.chain(depths).chain(trees).chain(self.calls.iter().map(|(event, _)| event))
    }

    /// What the geometry leaves open. Sums over a tree have their images there.
    fn calls(&mut self, pass: Pass) {
        let forward = pass == Pass::Forward;
        let sweep = matches!(pass, Pass::Forward | Pass::GradInput);
        let machines = 0..Machine::ALL.len();
        for (offset, machine) in (0..OFFSETS).flat_map(|o| machines.clone().map(move |m| (o, m))) {
            for (batch, choice) in (1..=2).flat_map(|batch| (0..8).map(move |c| (batch, c))) {
                let [one, low, high] = [1, 2, 4].map(|bit| choice & bit > 0);
                let event = Event::of(Side::Call)
                    .number(Feature::Offset, offset)
                    .number(Feature::Machine, machine)
                    .when(sweep, |event| event.number(Feature::Batch, batch))
                    .when(forward, |event| event.flags(Feature::Bias, [one, false]))
                    .when(forward, |event| event.flags(Feature::Bounds, [low, high]))
                    .when(!forward, |event| event.flags(Feature::Accumulate, [one, false]));
                let (bias, accumulate) = (one && forward, one && !forward);
                let bounds = [low && forward, high && forward];
                self.calls.add(event, Call { offset, machine, batch, bias, bounds, accumulate });
            }
        }
    }

    /// Runs of tiles: some windows before and after them, and so many elements that the first window
    /// misses, or has to spare, and the last one.
    fn tiles(&mut self, pass: Pass, instance: &Instance, window: Window) {
        let Window { kernel, stride, .. } = window;
        let width = instance.tile.columns;
        let nchw = instance.layout == Layout::Nchw;
        let ends = || -1..=kernel as isize;
        for (run, before) in (1..=3).flat_map(|run| [0, width].map(|before| (run, before))) {
            for (low, high) in ends().flat_map(|low| ends().map(move |high| (low, high))) {
                // The last tile of a plane may be smaller.
                for live in if nchw { 1..width + 1 } else { width..width + 1 } {
                    let windows = (run - 1) * width + live;
                    let source = ((windows - 1) * stride + kernel) as isize - low - high;
                    let clip = [low.max(0) as usize, high.max(0) as usize];
                    let runs = run == 1 || (clip == [0; 2] && live == width);
                    if source < 1
                        || !runs
                        || !clip.iter().all(|clip| takes(instance, window, *clip))
                    {
                        continue;
                    }
                    let source = source as usize;
                    for (after, slack) in [0, width]
                        .into_iter()
                        .flat_map(|after| (0..stride).map(move |s| (after, s)))
                    {
                        if live < width && after > 0 {
                            continue;
                        }
                        let event = Event::of(Side::Columns)
                            .pair(Feature::Clip, clip)
                            .flags(Feature::Place, [before == 0, after == 0])
                            .number(Feature::Run, run)
                            .flags(Feature::Narrow, [source < kernel, false])
                            .when(stride > 1, |event| event.number(Feature::Slack, slack))
                            .when(nchw, |event| event.number(Feature::Live, live));
                        let low = low + (before * stride) as isize;
                        let count = before + windows + after;
                        let line = Line { source, low, count, slack };
                        self.columns.add(event, line.axis(window, pass));
                    }
                }
            }
        }
    }

    /// Runs of tiles of pairs, of an input gradient at stride 2. Of a pair, one takes the even taps of
    /// an odd kernel; where that is element `i` of the padded input, outputs from `i/2 − ⌈kernel/2⌉ + 1`
    /// to `i/2` contribute, and the other takes some of them.
    fn pairs(&mut self, instance: &Instance, window: Window) {
        let kernel = window.kernel;
        let (width, reach) = (instance.tile.columns / 2, kernel.div_ceil(2) as isize);
        let nchw = instance.layout == Layout::Nchw;
        let around: &[usize] = if nchw { &[0, width] } else { &[0, width, 1] };
        // Outputs that are missing, or to spare.
        let ends = || (-1..reach).chain((-reach..-1).rev());
        for (run, before) in (1..=3).flat_map(|run| around.iter().map(move |b| (run, *b))) {
            for (low, high) in ends().flat_map(|low| ends().map(move |high| (low, high))) {
                let clip = [low.max(0) as usize, high.max(0) as usize];
                if !clip.iter().all(|clip| takes(instance, window, *clip)) {
                    continue;
                }
                // The last tile of a plane may be smaller.
                for live in if nchw { 1..width + 1 } else { width..width + 1 } {
                    let last = reach - 1 - low;
                    let outputs = last + ((run - 1) * width + live) as isize - high;
                    for choice in 0..16 {
                        let [odd_first, lacks_last, goes_on, slack] =
                            [1, 2, 4, 8].map(|bit| choice & bit > 0);
                        let lacks = lacks_last && !goes_on;
                        let alike = clip == [0; 2] && !lacks && live == width;
                        // What no tile covers is before the last one.
                        let apart = before % width > 0;
                        if outputs < 1
                            || (run > 1 && !alike)
                            || (apart && (run > 1 || goes_on))
                            || (live < width && goes_on)
                        {
                            continue;
                        }
                        let event = Event::of(Side::Columns)
                            .pair(Feature::Clip, clip)
                            .flags(Feature::Place, [before == 0, !goes_on])
                            .number(Feature::Run, run)
                            .flags(Feature::Pairs, [odd_first, lacks])
                            .flags(Feature::Narrow, [(outputs as usize) < kernel, false])
                            .number(Feature::Slack, slack.into())
                            .when(nchw, |event| event.number(Feature::Live, live));
                        let after = if goes_on { width } else { 0 };
                        let pairs = before + (run - 1) * width + live + after;
                        let line = Line {
                            source: 2 * pairs - usize::from(lacks_last),
                            low: 2 * (last - before as isize) - isize::from(odd_first),
                            count: outputs as usize,
                            slack: slack.into(),
                        };
                        self.columns.add(event, (window, line.extent(window)));
                    }
                }
            }
        }
    }

    /// Rows of a tile that takes one of them at a time.
    fn tile_rows(&mut self, pass: Pass, window: Window) {
        let Window { kernel, stride, .. } = window;
        for line in lines(window, 1..=kernel + 3) {
            for Group { first, len, taps } in line.groups(window) {
                if taps.is_empty() {
                    continue;
                }
                let event = Event::of(Side::Rows)
                    .pair(Feature::Clip, [taps.start, kernel - taps.end])
                    .flags(Feature::Place, [first == 0, first + len == line.count])
                    .number(Feature::Run, up_to(3, len))
                    .flags(Feature::Narrow, [line.source < kernel, false])
                    .when(stride > 1, |event| event.number(Feature::Slack, line.slack));
                self.rows.add(event, line.axis(window, pass));
            }
        }
    }

    /// Rows of an input gradient at stride 2.
    fn residue_rows(&mut self, window: Window) {
        for line in lines(window, 1..=window.kernel + 3) {
            for group in line.residues(window) {
                if group.taps == 0 {
                    continue;
                }
                let event = Event::of(Side::Rows)
                    .pair(Feature::Clip, group.missing)
                    .number(Feature::Residue, group.residue)
                    .flags(Feature::Place, group.place)
                    .number(Feature::Run, up_to(3, group.len))
                    .flags(Feature::Narrow, [line.count < window.kernel, false])
                    .number(Feature::Slack, line.slack);
                self.rows.add(event, (window, line.extent(window)));
            }
        }
    }

    /// Rows that are marched down: at most half a kernel is missing at either end. A strip of some of the rows
    /// begins or ends where none are missing.
    fn rolled_rows(&mut self, pass: Pass, window: Window) {
        let Window { kernel, stride, .. } = window;
        let flight = kernel.div_ceil(stride);
        let half = (kernel / 2) as isize;
        let lens = (flight..=4 * flight).chain([MANY_ROWS]);
        for (low, high) in (-1..=half).flat_map(|low| (-1..=half).map(move |high| (low, high))) {
            for (len, slack) in lens.clone().flat_map(|len| (0..stride).map(move |s| (len, s))) {
                let source = ((len - 1) * stride + kernel) as isize - low - high;
                let Some(source) = usize::try_from(source).ok().filter(|source| *source > 0) else {
                    continue;
                };
                let clip = [low.max(0) as usize, high.max(0) as usize];
                let line = Line { source, low, count: len, slack };
                let event = |place: [bool; 2], clip| {
                    Event::of(Side::Rows)
                        .pair(Feature::Clip, clip)
                        .flags(Feature::Place, place)
                        .flags(Feature::Narrow, [source < kernel, false])
                        .when(stride > 1, |event| event.number(Feature::Slack, slack))
                };
                let axis = line.axis(window, pass);
                if len < MANY_ROWS {
                    // What is in flight between the steps has as many names.
                    let names = (kernel - 1) / stride;
                    let march = [up_to(2, (len - names) / names), (len - names) % names];
                    let event = event([true; 2], clip).pair(Feature::March, march);
                    self.rows.add(event, axis);
                    continue;
                }
                self.rows.add(event([true, false], [clip[0], 0]), axis);
                self.rows.add(event([false, true], [0, clip[1]]), axis);
                self.rows.add(event([false, false], [0, 0]), axis);
            }
        }
    }

    /// Rows that are marched down, of which any may be missing. A part of the rows begins or ends where
    /// none are.
    fn marched_rows(&mut self, pass: Pass, window: Window) {
        let Window { kernel, stride, .. } = window;
        let flight = kernel.div_ceil(stride);
        for line in lines(window, (1..=4 * flight).chain([MANY_ROWS])) {
            let Line { source, low, count, slack } = line;
            let high = ((count - 1) * stride + kernel) as isize - low - source as isize;
            let [low, high] = [low, high].map(|end| end.max(0) as usize);
            let event = |place: [bool; 2], clip| {
                Event::of(Side::Rows)
                    .pair(Feature::Clip, clip)
                    .flags(Feature::Place, place)
                    .flags(Feature::Narrow, [source < kernel, false])
                    .when(stride > 1, |event| event.number(Feature::Slack, slack))
            };
            let axis = line.axis(window, pass);
            if count < MANY_ROWS {
                let march = [up_to(2, count / flight), count % flight];
                self.rows.add(event([true; 2], [low, high]).pair(Feature::March, march), axis);
                continue;
            }
            self.rows.add(event([true, false], [low, 0]), axis);
            self.rows.add(event([false, true], [0, high]), axis);
            self.rows.add(event([false, false], [0, 0]), axis);
        }
    }

    /// Channels of tiles: most bodies take blocks of four vectors together.
    fn tile_depths(&mut self, pass: Pass, instance: &Instance) {
        let sums = pass == Pass::GradWeight;
        if instance.layout == Layout::Nchw {
            return self.planes(pass != Pass::GradInput, sums);
        }
        for channels in LANES..6 * LANES {
            let event = Event::of(Side::Depth)
                .number(Feature::Vectors, up_to(5, channels / LANES))
                .number(Feature::Tail, channels % LANES);
            self.depths.add(event, [channels, 1]);
        }
    }

    /// Planes that one call computes: of a source plane each, or some of one source plane, or sums.
    fn planes(&mut self, shared: bool, all: bool) {
        for (planes, multiplier) in (1..=4).flat_map(|p| (1..=4).map(move |m| (p, m))) {
            if multiplier > 1 && !shared && !all {
                continue;
            }
            let event = Event::of(Side::Depth)
                .number(Feature::Multiplier, up_to(3, multiplier))
                .when(multiplier == 1 || all, |e| e.number(Feature::Planes, up_to(3, planes)));
            self.depths.add(event, [planes, multiplier]);
        }
    }

    /// Channels of any multiplier.
    fn any_depths(&mut self, pass: Pass, layout: Layout) {
        if layout == Layout::Nchw {
            return self.planes(true, pass != Pass::Forward);
        }
        for (channels, multiplier) in (1..=5 * LANES).flat_map(|c| (1..=8).map(move |m| (c, m))) {
            let results = if pass == Pass::GradInput { channels } else { channels * multiplier };
            let (vectors, tail) = (results / LANES, results % LANES);
            // Channels one for one are whole vectors, and the others.
            let calls = match (multiplier, pass) {
                (1, Pass::Forward | Pass::GradInput) => [[vectors, 0], [0, tail]],
                _ => [[vectors, tail], [0, 0]],
            };
            for [vectors, tail] in calls.into_iter().filter(|call| *call != [0, 0]) {
                let event = Event::of(Side::Depth)
                    .number(Feature::Vectors, up_to(3, vectors))
                    .number(Feature::Tail, tail)
                    .number(Feature::Multiplier, up_to(5, multiplier));
                self.depths.add(event, [channels, multiplier]);
            }
        }
    }

    /// Spans of any window: forward, those of its windows; of an input gradient, those of its residue
    /// classes.
    fn spans(&mut self, pass: Pass, instance: &Instance) {
        let width = instance.tile.columns;
        let more = [(7, 3, 1), (7, 3, 2), (5, 4, 3)];
        let more = more.map(|(kernel, stride, dilation)| Window { kernel, stride, dilation });
        for window in any_window(&[1, 2, 3, 5]).chain(more) {
            // Long spans miss no taps, or all of them.
            let long = padded_lines(window, FEW_WINDOWS + 1..=2 * width + MOST_TAPS, -1..=1);
            let reach = window.extent() + window.stride;
            let empty = (1..=2 * width).map(|count| match pass {
                Pass::Forward => {
                    let low = (reach + count * window.stride) as isize;
                    Line { source: 1, low, count, slack: 0 }
                }
                _ => Line { source: reach + count * window.stride, low: 0, count: 1, slack: 0 },
            });
            for line in lines(window, 1..=FEW_WINDOWS).chain(long).chain(empty) {
                let axis = (window, line.extent(window));
                for span in line.spans(window, pass) {
                    let run = [up_to(1, span.len / width), span.len % width];
                    self.columns.add(span.event(Side::Columns, run), axis);
                    let run = [up_to(3, span.len), 0];
                    self.rows.add(span.event(Side::Rows, run), axis);
                }
            }
        }
    }

    /// Positions that a weight gradient sums, each with the taps of its window that are missing.
    fn positions(&mut self, instance: &Instance, window: Window) {
        let Window { kernel, stride, .. } = window;
        let width = instance.tile.columns;
        let nchw = instance.layout == Layout::Nchw;
        let wide = [1, 2].into_iter().flat_map(|pieces| {
            (1..=LANES).map(move |more| pieces * tree::LENGTH + more).chain([tree::LENGTH])
        });
        // First, a few windows that can miss anything at either end.
        let counts = [kernel + 2].into_iter().chain(1..=3 * width + kernel + 3).chain(wide);
        for line in lines(window, counts) {
            let groups = line.groups(window);
            let whole = groups.iter().find(|group| group.taps == (0..kernel)).map_or(0, |g| g.len);
            let pieces = line.count.div_ceil(tree::LENGTH);
            let axis = (window, line.extent(window));
            for Group { taps, .. } in groups {
                // All taps missing count as before.
                let clip = match taps.is_empty() {
                    true => [kernel, 0],
                    false => [taps.start, kernel - taps.end],
                };
                let event = |side| {
                    Event::of(side)
                        .pair(Feature::Clip, clip)
                        .flags(Feature::Narrow, [line.source < kernel, false])
                        .when(stride > 1, |event| event.number(Feature::Slack, line.slack))
                };
                let columns = event(Side::Columns)
                    .number(Feature::Pieces, up_to(3, pieces))
                    .when(pieces == 1, |event| {
                        event.pair(Feature::Whole, [up_to(2, whole / width), whole % width])
                    })
                    .when(nchw, |event| event.number(Feature::Live, line.count % LANES));
                self.columns.add(columns, axis);
                self.rows.add(event(Side::Rows), axis);
            }
        }
    }

    /// Positions of any window.
    fn any_positions(&mut self, instance: &Instance) {
        let nchw = instance.layout == Layout::Nchw;
        for window in any_window(&[1, 2, 3, 5, 8, 9]) {
            let kernel = window.kernel;
            let live = |count: usize| match nchw {
                true => count % LANES,
                false => usize::from(kernel >= 8) + usize::from(kernel > 8),
            };
            let most = if kernel > 5 { 3 } else { FEW_WINDOWS };
            for line in lines(window, 1..=most) {
                let axis = (window, line.extent(window));
                for span in line.spans(window, Pass::Forward) {
                    let run = [up_to(3, span.len), 0];
                    let columns = span.event(Side::Columns, run);
                    self.columns.add(columns.number(Feature::Live, live(line.count)), axis);
                    self.rows.add(span.event(Side::Rows, run), axis);
                }
            }
        }
    }

    /// What a bias gradient sums.
    fn bias(&mut self, layout: Layout) {
        let window = Window { kernel: 1, stride: 1, dilation: 1 };
        for count in 1..=2 * tree::LENGTH + LANES {
            let event = Event::of(Side::Columns)
                .number(Feature::Pieces, up_to(3, count.div_ceil(tree::LENGTH)))
                .when(layout == Layout::Nchw, |event| event.number(Feature::Live, count % LANES));
            self.columns.add(event, (window, window.padded(0, 0, count, 0)));
        }
        for channels in 1..=5 * LANES {
            let event = match layout {
                Layout::Nhwc => Event::of(Side::Depth)
                    .number(Feature::Vectors, up_to(3, channels / LANES))
                    .number(Feature::Tail, channels % LANES),
                Layout::Nchw => Event::of(Side::Depth).number(Feature::Planes, up_to(3, channels)),
            };
            self.depths.add(event, [channels, 1]);
        }
    }

    /// Leaves of outputs of every form.
    fn trees(&mut self) {
        for (batch, rows) in (1..=3).flat_map(|batch| (1..=16_usize).map(move |r| (batch, r))) {
            for columns in (1..=3 * tree::LENGTH).step_by(3) {
                let (height, pieces) = match columns {
                    ..=tree::LENGTH => (tree::LENGTH / columns, 1),
                    _ => (1, columns.div_ceil(tree::LENGTH)),
                };
                let leaves = batch * rows.div_ceil(height) * pieces;
                let fewer = rows > height && rows % height > 0;
                let event = Event::of(Side::Tree)
                    .number(Feature::Leaves, up_to(7, leaves))
                    .pair(Feature::LeafRows, [up_to(2, height.min(rows)), usize::from(fewer)])
                    .number(Feature::Batch, up_to(2, batch));
                self.trees.add(event, [batch, rows, columns]);
            }
        }
    }
}

/// Whether an instance has tiles whose windows miss so many source elements at one end: what padding that
/// keeps the size of the map makes them miss, or anything less where lanes can be masked.
pub(super) fn takes(
    instance: &Instance,
    Window { kernel, stride, .. }: Window,
    clip: usize,
) -> bool {
    let half = kernel / 2;
    match (instance.body, instance.layout) {
        (Body::Pairs, _) => clip <= half,
        (_, Layout::Nhwc) => [0, half].contains(&clip) || (stride > 1 && clip + 1 == half),
        (_, Layout::Nchw) => clip <= half,
    }
}

/// Rows that every plan splits in three parts or more.
const MANY_ROWS: usize = 57;

/// Windows of an axis that is tried with all paddings.
const FEW_WINDOWS: usize = 6;

/// Elements that a full window has beyond one.
const MOST_TAPS: usize = 12;

/// Windows of these kernels, with strides and dilations up to three.
fn any_window(kernels: &[usize]) -> impl Iterator<Item = Window> {
    let windows = kernels.iter().flat_map(|kernel| (1..=3).map(move |stride| (*kernel, stride)));
    windows.flat_map(|(kernel, stride)| {
        (1..=3).map(move |dilation| Window { kernel, stride, dilation })
    })
}

/// All axes of so many windows whose paddings are between two elements less than nothing and two more
/// than the extent of a window.
fn lines(window: Window, counts: impl Iterator<Item = usize>) -> impl Iterator<Item = Line> {
    padded_lines(window, counts, -2..=window.extent() as isize + 2)
}

/// All axes of so many windows with paddings in a range.
fn padded_lines(
    window: Window,
    counts: impl Iterator<Item = usize>,
    pads: RangeInclusive<isize>,
) -> impl Iterator<Item = Line> {
    counts.flat_map(move |count| {
        let highs = pads.clone();
        let ends = pads.clone().flat_map(move |low| highs.clone().map(move |high| (low, high)));
        ends.flat_map(move |(low, high)| {
            (0..window.stride).filter_map(move |slack| {
                let padded = (count - 1) * window.stride + slack + window.extent();
                let source = usize::try_from(padded as isize - low - high).ok();
                let source = source.filter(|source| *source > 0)?;
                Some(Line { source, low, count, slack })
            })
        })
    })
}

/// An axis: elements of a source, elements of padding before it, windows, and elements that are left over
/// after the last one.
#[derive(Clone, Copy, Debug)]
struct Line {
    source: usize,
    low: isize,
    count: usize,
    slack: usize,
}

/// Windows next to each other that have the same taps.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    /// First window, and number of windows.
    first: usize,
    len: usize,
    /// The taps; none are an empty range from 0.
    taps: Range<usize>,
}

/// Positions of a residue class of an input gradient, next to each other in the class, that have the
/// same taps; ascending outputs, so falling taps.
struct Residues {
    /// First tap of the class.
    residue: usize,
    /// Whether these are the first of their class, and the last.
    place: [bool; 2],
    len: usize,
    /// Taps of the class that are missing before the first output, and after the last.
    missing: [usize; 2],
    taps: usize,
    /// Outputs from one tap to the next.
    spread: usize,
}

/// Results next to each other that have the same taps, of either.
struct Span {
    len: usize,
    taps: usize,
    missing: [bool; 2],
    /// Source elements from one result to the next, and from one tap to the next.
    steps: [usize; 2],
    /// Results from one to the next.
    apart: usize,
}

impl Span {
    fn event(&self, side: Side, run: [usize; 2]) -> Event {
        let Self { len, taps, missing, steps: [step, spread], apart } = *self;
        let steps = [
            if len > 1 && taps > 0 { up_to(3, step) } else { 0 },
            if taps > 1 { up_to(3, spread) } else { 0 },
        ];
        Event::of(side)
            .pair(Feature::Run, run)
            .number(Feature::Taps, up_to(3, taps))
            .pair(Feature::Steps, steps)
            .when(taps > 0, |event| event.flags(Feature::Missing, missing))
            .when(len > 1, |event| event.number(Feature::Apart, up_to(3, apart)))
    }
}

impl Line {
    fn extent(&self, window: Window) -> Extent {
        let padded = (self.count - 1) * window.stride + self.slack + window.extent();
        let high = padded as isize - self.low - self.source as isize;
        Extent { input: self.source, low: self.low, high }
    }

    /// The axis of a convolution that has this line's windows: an input gradient's is turned round.
    fn axis(&self, window: Window, pass: Pass) -> Axis {
        let extent = self.extent(window);
        let turned = pass == Pass::GradInput;
        (window, if turned { extent.adjoint(window) } else { extent })
    }

    fn groups(&self, window: Window) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for index in 0..self.count {
            let exists = |tap: &usize| {
                let position = (index * window.stride + tap * window.dilation) as isize - self.low;
                (0..self.source as isize).contains(&position)
            };
            let first = (0..window.kernel).find(exists).unwrap_or(0);
            let taps = first..first + (0..window.kernel).filter(exists).count();
            match groups.last_mut() {
                Some(group) if group.taps == taps => group.len += 1,
                _ => groups.push(Group { first: index, len: 1, taps }),
            }
        }
        groups
    }

    /// The groups of the input gradient's residue classes, where the source is the input.
    fn residues(&self, Window { kernel, stride, dilation }: Window) -> Vec<Residues> {
        let mut groups: Vec<Residues> = Vec::new();
        for class in 0..stride.min(self.source) {
            // Outputs that have the class's first position, each under a tap, whether or not they exist.
            let distance = |tap: usize| class as isize + self.low - (tap * dilation) as isize;
            let on_class = |tap: &usize| distance(*tap).rem_euclid(stride as isize) == 0;
            let taps: Vec<usize> = (0..kernel).rev().filter(on_class).collect();
            let output = |tap: usize| distance(tap).div_euclid(stride as isize);
            let spread = match taps[..] {
                [one, next, ..] => (output(next) - output(one)) as usize,
                _ => 0,
            };
            let mut fresh = true;
            for (step, position) in (class..self.source).step_by(stride).enumerate() {
                let at = |tap: &usize| output(*tap) + step as isize;
                let before = taps.iter().filter(|tap| at(tap) < 0).count();
                let after = taps.iter().filter(|tap| at(tap) >= self.count as isize).count();
                let number = taps.len() - before - after;
                let missing = if number == 0 { [0; 2] } else { [before, after] };
                let end = position + stride >= self.source;
                match groups.last_mut() {
                    Some(group) if !fresh && (group.missing, group.taps) == (missing, number) => {
                        group.len += 1;
                        group.place[1] = end;
                    }
                    _ => groups.push(Residues {
                        residue: taps.last().copied().unwrap_or(0),
                        place: [fresh, end],
                        len: 1,
                        missing,
                        taps: number,
                        spread,
                    }),
                }
                fresh = false;
            }
        }
        groups
    }

    fn spans(&self, window: Window, pass: Pass) -> Vec<Span> {
        let Window { kernel, stride, dilation } = window;
        if pass == Pass::GradInput {
            let span = |group: Residues| Span {
                len: group.len,
                taps: group.taps,
                missing: group.missing.map(|missing| missing > 0),
                steps: [1, group.spread],
                apart: stride,
            };
            return self.residues(window).into_iter().map(span).collect();
        }
        let span = |Group { len, taps, .. }: Group| Span {
            len,
            taps: taps.len(),
            missing: [taps.start > 0, taps.end < kernel],
            steps: [stride, dilation],
            apart: 1,
        };
        self.groups(window).into_iter().map(span).collect()
    }
}
