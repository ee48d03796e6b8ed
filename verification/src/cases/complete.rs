//! Cases for a kernel that meet every class that it can meet, and every two that it can meet together.

use std::collections::BTreeSet;

use depthwise::{Activation, Machine, Update};

use super::ACTIVATIONS;
use crate::case::Case;
use crate::classes::expected::{Axis, Call, Events};
use crate::classes::{Class, Coverage, Event, Expected, Feature, Kernel, Side, met};
use crate::contract;
use crate::data::Data;
use crate::random::Random;
use crate::shape::Shape;

/// Cases of a kernel for what `coverage` still misses of what is expected.
pub(super) fn complete(
    kernel: Kernel,
    expected: &Expected,
    coverage: &mut Coverage,
    random: &mut Random,
) -> Vec<Case> {
    let Some(pieces) = Pieces::new(kernel, expected, coverage.anew()) else { return Vec::new() };
    let missing: Vec<(Class, Class)> = coverage.missing().collect();
    let mut cases = Vec::new();
    for pair in missing {
        for attempt in 0..ATTEMPTS {
            if !coverage.misses(pair.0, pair.1) {
                break;
            }
            let Some(case) = pieces.case(pair, attempt, coverage, random) else { break };
            let events = events(&kernel, &case);
            if events.iter().any(|event| event.has(pair.0) && event.has(pair.1)) {
                events.iter().for_each(|event| coverage.meet(event));
                cases.push(case);
            }
        }
    }
    cases
}

/// Cases that are tried for a pair of classes.
const ATTEMPTS: u32 = 32;

/// What a case makes a kernel meet.
fn events(kernel: &Kernel, case: &Case) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    met::each(case, |other, event| {
        if other == kernel && !events.contains(event) {
            events.push(*event);
        }
    });
    events
}

/// A part of a case, and the events of its side that it makes happen.
struct Piece<T> {
    value: T,
    events: Vec<Event>,
    /// Places of their classes.
    places: BTreeSet<usize>,
    /// What it adds to the size of a case, as a factor.
    size: usize,
}

impl<T> Piece<T> {
    fn new(value: T, size: usize, events: Vec<Event>, coverage: &Coverage) -> Self {
        let places = coverage.places(events.iter().flat_map(Event::classes).copied());
        Self { value, events, places, size }
    }

    /// Whether an event has those of two classes that are of this side.
    fn has(&self, side: Side, (a, b): (Class, Class)) -> bool {
        let has = |event: &Event, class: Class| class.side != side || event.has(class);
        let wanted = a.side == side || b.side == side;
        !wanted || self.events.iter().any(|event| has(event, a) && has(event, b))
    }
}

/// The parts that cases of a kernel are put together from: enough of each side for its own pairs.
struct Pieces {
    kernel: Kernel,
    plain: Parts,
    columns: Vec<Piece<Axis>>,
    rows: Vec<Piece<Axis>>,
    depths: Vec<Piece<[usize; 2]>>,
    trees: Vec<Piece<[usize; 3]>>,
    calls: Vec<Piece<Call>>,
}

/// What a case is put together from.
#[derive(Clone, Copy)]
struct Parts {
    columns: Axis,
    rows: Axis,
    depth: [usize; 2],
    call: Call,
}

impl Parts {
    /// The first witnesses, whose windows miss nothing, and a few rows.
    fn plain(expected: &Expected) -> Option<Self> {
        let (_, columns) = expected.columns.iter().next()?;
        let (_, call) = expected.calls.iter().next()?;
        let few = |class: &Class| class.feature == Feature::Run && class.value[0] == 3;
        let rows = expected.rows.iter().find(|(event, _)| event.classes().iter().any(few));
        // Rows have no classes where all of them are alike.
        let (window, _) = columns;
        let alike = (*window, window.padded(0, 0, 1, 0));
        let rows = rows.or(expected.rows.iter().next()).map_or(alike, |(_, axis)| *axis);
        Some(Self { columns: *columns, rows, depth: [4, 1], call: *call })
    }

    /// As many images, rows and columns, none of them clipped.
    fn with_tree(self, [batch, rows, columns]: [usize; 3]) -> Self {
        let along = |(window, _): Axis, windows| (window, window.padded(0, 0, windows, 0));
        let call = Call { batch, ..self.call };
        let (rows, columns) = (along(self.rows, rows), along(self.columns, columns));
        Self { columns, rows, call, ..self }
    }

    /// The case of these parts, if it is one that the kernel computes.
    fn case(&self, kernel: &Kernel, random: &mut Random) -> Option<Case> {
        let Self { columns: (wide, width), rows: (tall, height), depth, call } = *self;
        let shape = Shape {
            batch: call.batch,
            channels: depth[0],
            multiplier: depth[1],
            input: [height.input, width.input],
            kernel: [tall.kernel, wide.kernel],
            stride: [tall.stride, wide.stride],
            dilation: [tall.dilation, wide.dilation],
            low: [height.low, width.low],
            high: [height.high, width.high],
        };
        let [below, above] = call.bounds;
        let has = |activation: &Activation| {
            let (min, max) = contract::bounds(*activation);
            (min > f32::NEG_INFINITY, max < f32::INFINITY) == (below, above)
        };
        let activations: Vec<_> = ACTIVATIONS.into_iter().filter(has).collect();
        let case = Case {
            pass: kernel.pass,
            shape,
            layout: kernel.layout,
            bias: call.bias,
            update: if call.accumulate { Update::Accumulate } else { Update::Overwrite },
            activation: random.pick(&activations),
            data: random.pick(&Data::ALL),
            seed: random.next() as u32,
            offset: call.offset,
            machine: Machine::ALL[call.machine],
            instance: kernel.instance,
        };
        (shape.is_possible() && case.plan().is_ok()).then_some(case)
    }
}

impl Pieces {
    fn new(kernel: Kernel, expected: &Expected, mut coverage: Coverage) -> Option<Self> {
        let plain = Parts::plain(expected)?;
        let random = &mut Random::new(0);
        let mut gather = Gather { kernel: &kernel, coverage: &mut coverage, random };
        let columns = gather.pieces(
            &expected.columns,
            |axis| Parts { columns: *axis, ..plain },
            |(_, extent)| extent.input,
        );
        let rows = gather.pieces(
            &expected.rows,
            |axis| Parts { rows: *axis, ..plain },
            |(_, extent)| extent.input,
        );
        let depths = gather.pieces(
            &expected.depths,
            |depth| Parts { depth: *depth, ..plain },
            |[channels, multiplier]| channels * multiplier,
        );
        let trees = gather.pieces(
            &expected.trees,
            |tree| plain.with_tree(*tree),
            |[batch, rows, columns]| batch * rows * columns,
        );
        let calls = gather.pieces(
            &expected.calls,
            |call| Parts { call: *call, ..plain },
            |call| call.batch,
        );
        Some(Self { kernel, plain, columns, rows, depths, trees, calls })
    }

    /// A case that should meet two classes, and as many other pairs as its size is worth; each attempt
    /// chooses less, since the best may leave a tile without a row of its own.
    fn case(
        &self,
        pair: (Class, Class),
        attempt: u32,
        coverage: &Coverage,
        random: &mut Random,
    ) -> Option<Case> {
        let (classes, few) = (coverage.places([pair.0, pair.1]), FEW >> attempt);
        let mut chosen = Chosen { pair, classes, size: 1, few, coverage, random };
        let mut parts = self.plain;
        if pair.0.side == Side::Tree || pair.1.side == Side::Tree {
            parts = parts.with_tree(chosen.of(&self.trees, Side::Tree)?);
        } else {
            parts.columns = chosen.of(&self.columns, Side::Columns)?;
            if !self.rows.is_empty() {
                parts.rows = chosen.of(&self.rows, Side::Rows)?;
            }
        }
        parts.depth = chosen.of(&self.depths, Side::Depth)?;
        let call = chosen.of(&self.calls, Side::Call)?;
        // Sums over a tree have their images from there.
        let batch = if self.trees.is_empty() { call.batch } else { parts.call.batch };
        parts.call = Call { batch, ..call };
        parts.case(&self.kernel, random)
    }
}

/// Tries witnesses.
struct Gather<'g> {
    kernel: &'g Kernel,
    coverage: &'g mut Coverage,
    random: &'g mut Random,
}

impl Gather<'_> {
    /// The pieces of a side that make something new happen, each tried with `parts` around it.
    fn pieces<T: Copy>(
        &mut self,
        events: &Events<T>,
        parts: impl Fn(&T) -> Parts,
        size: impl Fn(&T) -> usize,
    ) -> Vec<Piece<T>> {
        let mut pieces = Vec::new();
        for (event, witness) in events.iter() {
            if self.coverage.gain(event) == 0 {
                continue;
            }
            let Some(case) = parts(witness).case(self.kernel, self.random) else { continue };
            let events = self::events(self.kernel, &case);
            let events: Vec<Event> = events.iter().map(|other| other.on(event.side())).collect();
            let gain: usize = events.iter().map(|event| self.coverage.gain(event)).sum();
            if gain > 0 {
                events.iter().for_each(|event| self.coverage.meet(event));
                pieces.push(Piece::new(*witness, size(witness), events, self.coverage));
            }
        }
        pieces
    }
}

/// The pieces that have been chosen for a case.
struct Chosen<'c> {
    pair: (Class, Class),
    /// Places of their classes.
    classes: BTreeSet<usize>,
    size: usize,
    /// Pieces that are compared, at least one.
    few: usize,
    coverage: &'c Coverage,
    random: &'c mut Random,
}

impl Chosen<'_> {
    /// Of the pieces that have what the pair wants of their side, the one of a few that adds the most
    /// missing pairs for its size.
    fn of<T: Copy>(&mut self, pieces: &[Piece<T>], side: Side) -> Option<T> {
        let able: Vec<&Piece<T>> =
            pieces.iter().filter(|piece| piece.has(side, self.pair)).collect();
        if able.is_empty() {
            return None;
        }
        let few: Vec<_> = (0..self.few.max(1)).map(|_| self.random.pick(&able)).collect();
        let worth = |piece: &&Piece<T>| {
            let gain = 1 + self.coverage.gain_with(&self.classes, &piece.places);
            PRECISION * gain / (WORTH + self.size * piece.size)
        };
        let best = few.into_iter().max_by_key(worth)?;
        self.size *= best.size;
        self.classes.extend(&best.places);
        Some(best.value)
    }
}

/// Pieces that a first attempt compares.
const FEW: usize = 16;

/// Elements that halve what a case is worth.
const WORTH: usize = 64;

/// Makes quotients integers.
const PRECISION: usize = 1 << 20;
