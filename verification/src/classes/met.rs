//! The classes that a case meets, as the library's plans tell: the calls that a plan's parts and
//! rectangles make, or the leaves and windows of a reduction.

use depthwise::{
    Axis, Body, Columns, Instance, Layout, Leaves, Machine, Plan, Problem, Rectangle, Size, Span,
    Update,
};

use super::{Event, Feature, Kernel, Side, up_to};
use crate::case::Case;
use crate::pass::Pass;

/// Lanes of a vector.
const LANES: usize = 4;

/// Calls `each` with every kernel that a case runs, and what that meets.
///
/// # Panics
/// If the case can't be run.
pub fn each(case: &Case, mut each: impl FnMut(&Kernel, &Event)) {
    let plan = match case.plan() {
        Ok(plan) => plan,
        Err(error) => panic!("{error}: {case}"),
    };
    let call = call(case);
    let mut with_call = |instance: Option<&'static Instance>, event: Event| {
        let kernel = Kernel { pass: case.pass, layout: case.layout, instance };
        each(&kernel, &event.and(&call));
    };
    match case.pass {
        Pass::GradBias => bias(plan.problem(), &mut |event| with_call(None, event)),
        Pass::GradWeight => reduction(&plan, &mut with_call),
        Pass::Forward | Pass::GradInput => Sweep::new(&plan).each(&mut with_call),
    }
}

/// What the geometry leaves open.
fn call(case: &Case) -> Event {
    let forward = case.pass == Pass::Forward;
    let sweep = matches!(case.pass, Pass::Forward | Pass::GradInput);
    let machine = Machine::ALL.iter().position(|machine| machine.name == case.machine.name);
    let (min, max) = case.activation.bounds().unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
    let bounded = [min > f32::NEG_INFINITY, max < f32::INFINITY];
    Event::of(Side::Call)
        .number(Feature::Offset, case.offset)
        .number(Feature::Machine, machine.unwrap_or(Machine::ALL.len()))
        .when(sweep, |call| call.number(Feature::Batch, up_to(2, case.shape.batch)))
        .when(forward, |call| call.flags(Feature::Bias, [case.bias, false]))
        .when(forward, |call| call.flags(Feature::Bounds, bounded))
        .when(!forward, |call| {
            call.flags(Feature::Accumulate, [case.update == Update::Accumulate, false])
        })
}

/// Windows along an axis.
fn window(axis: &Axis) -> (usize, usize, usize) {
    (axis.kernel(), axis.stride(), axis.dilation())
}

/// Elements of the input after the last window.
fn slack(axis: &Axis) -> usize {
    let padded = axis.input() as isize + axis.pad_low() + axis.pad_high();
    (padded as usize - axis.extent()) % axis.stride()
}

/// A forward pass or an input gradient.
struct Sweep<'p> {
    plan: &'p Plan,
    problem: Problem,
    gradient: bool,
    /// Kernel, stride and dilation of each axis.
    windows: [(usize, usize, usize); 2],
    slack: [usize; 2],
    sources: [usize; 2],
    results: [usize; 2],
}

impl<'p> Sweep<'p> {
    fn new(plan: &'p Plan) -> Self {
        let axes = [plan.problem().height(), plan.problem().width()];
        let sweep = plan.sweep();
        Self {
            plan,
            problem: *plan.problem(),
            gradient: sweep.is_gradient(),
            windows: axes.map(|axis| window(&axis)),
            slack: axes.map(|axis| slack(&axis)),
            sources: sweep.source,
            results: sweep.results,
        }
    }

    /// The calls of the first image; those of the others are alike.
    fn each(&self, each: &mut impl FnMut(Option<&'static Instance>, Event)) {
        let multiplier = self.problem.multiplier();
        for part in self.plan.parts().take_while(|part| part.images.start == 0) {
            let channels = part.channels.len();
            let vectors = if multiplier == 1 { channels / LANES } else { 0 };
            let calls = match self.problem.layout() {
                Layout::Nhwc => vec![(vectors * LANES, true), (channels - vectors * LANES, false)],
                Layout::Nchw if multiplier > 1 && !self.gradient => vec![(multiplier, true)],
                Layout::Nchw => vec![(channels, true)],
            };
            for (channels, tiles) in calls.into_iter().filter(|(channels, _)| *channels > 0) {
                for rectangle in self.plan.rectangles(part.rows.clone(), tiles) {
                    if self.is_handed_over(&rectangle, channels) {
                        continue;
                    }
                    for piece in self.pieces(rectangle) {
                        each(Some(piece.instance), self.event(&piece, channels));
                    }
                }
            }
        }
    }

    /// What a rectangle is computed in where channels are last: rows of a run that share their taps, or the strips of a
    /// rolling instance.
    fn pieces(&self, rectangle: Rectangle) -> Vec<Rectangle> {
        let Rectangle { instance, rows, .. } = rectangle;
        match (instance.layout, instance.body) {
            (Layout::Nhwc, Body::Roll) => self.strips(rectangle),
            (Layout::Nhwc, Body::Row) => {
                let alike = |span: Span| span.clip(rows.out, rows.out + rows.len);
                let piece = |rows| Rectangle { rows, clip_low: 0, clip_high: 0, ..rectangle };
                self.plan.sweep().rows().filter_map(alike).map(piece).collect()
            }
            _ => vec![rectangle],
        }
    }

    /// The strips of a rolling instance's rectangle: at least the rows that are in flight, as equal as can be.
    fn strips(&self, rectangle: Rectangle) -> Vec<Rectangle> {
        let ((kernel, stride, _), rows) = (self.windows[0], rectangle.rows);
        let count = rows.len.div_ceil(self.plan.strip()).min(rows.len / ((kernel - 1) / stride));
        let (len, longer) = (rows.len / count, rows.len % count);
        let strip = |index: usize| {
            let first = index * len + index.min(longer);
            let len = len + usize::from(index < longer);
            Rectangle {
                rows: Span { out: rows.out + first, len, ..rows },
                clip_low: if index == 0 { rectangle.clip_low } else { 0 },
                clip_high: if index + 1 == count { rectangle.clip_high } else { 0 },
                ..rectangle
            }
        };
        (0..count).map(strip).collect()
    }

    fn event(&self, rectangle: &Rectangle, channels: usize) -> Event {
        let instance = rectangle.instance;
        if instance.body == Body::Span {
            // Under tiles whose rows have no taps, columns are only written.
            let columns = match &rectangle.columns {
                Columns::Tiles(_) => Event::of(Side::Columns),
                Columns::Span(span) => self.span(Side::Columns, span, instance),
            };
            let rows = self.span(Side::Rows, &rectangle.rows, instance);
            return columns.and(&rows).and(&self.depth(channels));
        }
        let depth = self.tile_depth(channels);
        self.tile(rectangle).and(&self.tile_rows(rectangle)).and(&depth)
    }

    fn tile(&self, rectangle: &Rectangle) -> Event {
        let Columns::Tiles(tile) = &rectangle.columns else {
            return Event::of(Side::Columns);
        };
        let instance = rectangle.instance;
        let (kernel, stride, _) = self.windows[1];
        let end = tile.out + tile.count * tile.columns;
        let pairs = instance.body == Body::Pairs;
        let lacks_last = tile.columns % 2 == 1;
        Event::of(Side::Columns)
            .pair(Feature::Clip, [tile.clip_low, tile.clip_high])
            .flags(Feature::Place, [tile.out == 0, end == self.results[1]])
            .number(Feature::Run, up_to(3, tile.count))
            .flags(Feature::Narrow, [self.sources[1] < kernel, false])
            .when(stride > 1, |event| event.number(Feature::Slack, self.slack[1]))
            .when(pairs, |event| event.flags(Feature::Pairs, [tile.odd_first, lacks_last]))
            .when(instance.layout == Layout::Nchw, |event| {
                event.number(Feature::Live, tile.columns.div_ceil(if pairs { 2 } else { 1 }))
            })
    }

    fn tile_rows(&self, rectangle: &Rectangle) -> Event {
        let Rectangle { instance, rows, .. } = rectangle;
        let (kernel, stride, _) = self.windows[0];
        let narrow = self.sources[0] < kernel;
        let begins = rows.out < rows.out_step;
        let ends = rows.out + rows.len * rows.out_step >= self.results[0];
        let event = Event::of(Side::Rows)
            .flags(Feature::Place, [begins, ends])
            .flags(Feature::Narrow, [narrow, false])
            .when(stride > 1, |event| event.number(Feature::Slack, self.slack[0]));
        if instance.body == Body::Roll {
            // Channels last, rows that fill and drain what is in flight are no steps of a march.
            let (flight, steps) = match instance.layout {
                Layout::Nhwc => ((kernel - 1) / stride, rows.len - (kernel - 1) / stride),
                Layout::Nchw => (kernel.div_ceil(stride), rows.len),
            };
            return event
                .pair(Feature::Clip, [rectangle.clip_low, rectangle.clip_high])
                .when(begins && ends, |event| {
                    event.pair(Feature::March, [up_to(2, steps / flight), steps % flight])
                });
        }
        // Taps of the residue class, of which a forward pass has one; gradients read it backwards.
        let period = if self.gradient { stride } else { 1 };
        let residue = if self.gradient { rows.tap % period } else { 0 };
        let taps = (kernel - residue).div_ceil(period);
        let first = rows.tap / period;
        let low = if self.gradient { taps - 1 - first } else { first };
        event
            .pair(Feature::Clip, [low, taps - low - rows.taps])
            .number(Feature::Run, up_to(3, rows.len))
            .when(instance.body == Body::Pairs, |event| event.number(Feature::Residue, residue))
    }

    fn tile_depth(&self, channels: usize) -> Event {
        let depth = Event::of(Side::Depth);
        match self.problem.layout() {
            Layout::Nhwc => depth
                .number(Feature::Vectors, up_to(5, channels / LANES))
                .number(Feature::Tail, self.problem.channels() % LANES),
            Layout::Nchw => self.depth(channels),
        }
    }

    fn depth(&self, channels: usize) -> Event {
        let multiplier = self.problem.multiplier();
        let depth = Event::of(Side::Depth);
        match self.problem.layout() {
            Layout::Nhwc => depth
                .number(Feature::Vectors, up_to(3, channels / LANES))
                .number(Feature::Tail, channels % LANES)
                .number(Feature::Multiplier, up_to(5, multiplier)),
            Layout::Nchw => depth
                .number(Feature::Multiplier, up_to(3, multiplier))
                .when(multiplier == 1 || self.gradient, |event| {
                    event.number(Feature::Planes, up_to(3, channels))
                }),
        }
    }

    fn span(&self, side: Side, span: &Span, instance: &Instance) -> Event {
        let (kernel, ..) = self.windows[usize::from(side == Side::Columns)];
        let width = instance.tile.columns;
        let run = match side {
            Side::Columns => [up_to(1, span.len / width), span.len % width],
            _ => [up_to(3, span.len), 0],
        };
        let missing = if self.gradient {
            // Taps of the residue class, read backwards.
            let period = span.tap_step.unsigned_abs();
            let taps = (kernel - span.tap % period).div_ceil(period);
            let low = taps - 1 - span.tap / period;
            [low > 0, low + span.taps < taps]
        } else {
            [span.tap > 0, span.tap + span.taps < kernel]
        };
        Event::of(side)
            .pair(Feature::Run, run)
            .number(Feature::Taps, up_to(3, span.taps))
            .when(span.taps > 0, |event| event.flags(Feature::Missing, missing))
            .pair(
                Feature::Steps,
                [
                    if span.len > 1 && span.taps > 0 { up_to(3, span.src_step) } else { 0 },
                    if span.taps > 1 { up_to(3, span.src_tap) } else { 0 },
                ],
            )
            .when(span.len > 1, |event| event.number(Feature::Apart, up_to(3, span.out_step)))
    }

    /// Whether all of a rectangle is rows of one plane that a tile would leave: the general
    /// instance takes over.
    fn is_handed_over(&self, rectangle: &Rectangle, planes: usize) -> bool {
        let Columns::Tiles(tile) = &rectangle.columns else { return false };
        let Rectangle { instance, rows, .. } = rectangle;
        if instance.layout == Layout::Nhwc || instance.body == Body::Span {
            return false;
        }
        if planes > 1 || (rows.len > 1 && instance.body != Body::Roll) {
            return false;
        }
        let ((kernel, stride, _), width) = (self.windows[1], self.sources[1] as isize);
        let first = tile.src as isize - tile.clip_low as isize;
        let (windows, reach) = match instance.body {
            Body::Pairs => (tile.columns.div_ceil(2), kernel.div_ceil(2) - 1),
            _ => (tile.columns, kernel - 1),
        };
        let step = if self.gradient { 1 } else { stride };
        let last = first + ((windows.next_multiple_of(LANES) - 1) * step + reach) as isize;
        let source_planes = (self.plan.sweep().source_channels * self.problem.batch()) as isize;
        let height = self.sources[0] as isize;
        // Whether it leaves every row of results.
        (0..rows.len).all(|row| {
            let top = (rows.src + row * rows.src_step) as isize - rectangle.clip_low as isize;
            let bottom = top + ((rows.taps - 1) * rows.src_tap) as isize;
            let (top, bottom) = (top.max(0), bottom.min(height - 1));
            let before = top * width + first < 0;
            top <= bottom && (before || bottom * width + last >= height * width * source_planes)
        })
    }
}

/// A weight gradient.
fn reduction(plan: &Plan, each: &mut impl FnMut(Option<&'static Instance>, Event)) {
    let problem = plan.problem();
    let (instance, general) = (plan.instance(), plan.general());
    let channels = problem.output_channels();
    let whole = match (instance.body, instance.layout) {
        (Body::Span, _) | (_, Layout::Nchw) => channels,
        _ => channels / LANES * LANES,
    };
    let calls = [(instance, whole), (general, channels - whole)];
    let tree = tree(problem);
    for (instance, channels) in calls.into_iter().filter(|(_, channels)| *channels > 0) {
        let depth = reduced_depth(problem, instance, channels);
        let events = |axis: Axis, side| match instance.kernel {
            Size::Exactly(_) => positions(problem, instance, &axis, side),
            Size::Any => any_positions(instance, &axis, side),
        };
        let columns = events(problem.width(), Side::Columns);
        for rows in events(problem.height(), Side::Rows) {
            for columns in &columns {
                each(Some(instance), columns.and(&rows).and(&depth).and(&tree));
            }
        }
    }
}

fn reduced_depth(problem: &Problem, instance: &Instance, channels: usize) -> Event {
    let depth = Event::of(Side::Depth);
    let multiplier = problem.multiplier();
    match (instance.layout, instance.body) {
        (Layout::Nchw, _) => depth
            .number(Feature::Multiplier, up_to(3, multiplier))
            .number(Feature::Planes, up_to(3, problem.channels())),
        (Layout::Nhwc, Body::Span) => depth
            .number(Feature::Vectors, up_to(3, channels / LANES))
            .number(Feature::Tail, channels % LANES)
            .number(Feature::Multiplier, up_to(5, multiplier)),
        (Layout::Nhwc, _) => depth
            .number(Feature::Vectors, up_to(5, channels / LANES))
            .number(Feature::Tail, problem.output_channels() % LANES),
    }
}

/// Pieces that leaves cut a row of the output into.
fn pieces(problem: &Problem) -> usize {
    problem.width().output().div_ceil(Leaves::new(problem).leaf(0).columns.len())
}

/// Windows of a specialised instance.
fn positions(problem: &Problem, instance: &Instance, axis: &Axis, side: Side) -> Vec<Event> {
    let (kernel, width) = (axis.kernel(), instance.tile.columns);
    let whole = axis.whole_windows().len();
    let pieces = pieces(problem);
    let mut events = Vec::new();
    for window in 0..axis.output() {
        let taps = axis.dense_taps(window);
        let clip = match taps.is_empty() {
            true => [kernel, 0],
            false => [taps.start, kernel - taps.end],
        };
        let event = Event::of(side)
            .pair(Feature::Clip, clip)
            .flags(Feature::Narrow, [axis.input() < kernel, false])
            .when(axis.stride() > 1, |event| event.number(Feature::Slack, slack(axis)))
            .when(side == Side::Columns, |event| {
                event
                    .number(Feature::Pieces, up_to(3, pieces))
                    .when(pieces == 1, |event| {
                        event.pair(Feature::Whole, [up_to(2, whole / width), whole % width])
                    })
                    .when(instance.layout == Layout::Nchw, |event| {
                        event.number(Feature::Live, axis.output() % LANES)
                    })
            });
        if events.last() != Some(&event) {
            events.push(event);
        }
    }
    events
}

/// Spans of the general instance.
fn any_positions(instance: &Instance, axis: &Axis, side: Side) -> Vec<Event> {
    let (kernel, stride, dilation) = window(axis);
    let live = match instance.layout {
        Layout::Nchw => axis.output() % LANES,
        Layout::Nhwc => usize::from(kernel >= 8) + usize::from(kernel > 8),
    };
    let event = |span: Span| {
        let missing = [span.tap > 0, span.tap + span.taps < kernel];
        Event::of(side)
            .number(Feature::Run, up_to(3, span.len))
            .number(Feature::Taps, up_to(3, span.taps))
            .when(span.taps > 0, |event| event.flags(Feature::Missing, missing))
            .pair(
                Feature::Steps,
                [
                    if span.len > 1 && span.taps > 0 { up_to(3, stride) } else { 0 },
                    if span.taps > 1 { up_to(3, dilation) } else { 0 },
                ],
            )
            .when(span.len > 1, |event| event.number(Feature::Apart, span.out_step))
            .when(side == Side::Columns, |event| event.number(Feature::Live, live))
    };
    axis.forward_spans().map(event).collect()
}

/// The leaves that a sum has.
fn tree(problem: &Problem) -> Event {
    let leaves = Leaves::new(problem);
    let [first, last] = [0, leaves.count() - 1].map(|index| leaves.leaf(index).rows.len());
    Event::of(Side::Tree)
        .number(Feature::Leaves, up_to(7, leaves.count()))
        .pair(Feature::LeafRows, [up_to(2, first), usize::from(last < first)])
        .number(Feature::Batch, up_to(2, problem.batch()))
}

/// A bias gradient.
fn bias(problem: &Problem, each: &mut impl FnMut(Event)) {
    let (channels, columns) = (problem.output_channels(), problem.width().output());
    let nchw = problem.layout() == Layout::Nchw;
    let depth = Event::of(Side::Depth);
    let depth = match nchw {
        true => depth.number(Feature::Planes, up_to(3, channels)),
        false => depth
            .number(Feature::Vectors, up_to(3, channels / LANES))
            .number(Feature::Tail, channels % LANES),
    };
    let columns = Event::of(Side::Columns)
        .number(Feature::Pieces, up_to(3, pieces(problem)))
        .when(nchw, |event| event.number(Feature::Live, columns % LANES));
    each(columns.and(&depth).and(&tree(problem)));
}
