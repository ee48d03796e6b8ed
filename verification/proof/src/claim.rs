//! What is to be proven: a case, and in how many parts it is computed.

use std::collections::HashSet;
use std::fmt;
use std::mem::discriminant;
use std::str::FromStr;

use depthwise::{
    Activation, Body, INSTANCES, Instance, Layout, Leaves, Machine, Plan, Size, Tile, Update,
};

use depthwise_verification::cases::{self, ACTIVATIONS, UPDATES};
use depthwise_verification::data::Data;
use depthwise_verification::geometry::{Extent, Pads, Window};
use depthwise_verification::random::Random;
use depthwise_verification::shrink::smallest;
use depthwise_verification::{Case, Pass, Shape, panics};

use crate::proof::{Proof, prove};
use crate::tensors::Fault;

/// That the kernels compute a case as specified, whatever the data, if so many threads share it.
///
/// Prints as one line, which parses back: `threads=1 pass=forward …`. What a case says of data is of no
/// interest here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// What is computed.
    pub case: Case,
    /// Threads that share the work.
    pub threads: usize,
}

impl Claim {
    /// Proves it.
    ///
    /// # Errors
    /// A small claim that is wrong in the same way, and how.
    pub fn prove(&self) -> Result<Proof, Box<Refutation>> {
        let threads = self.threads;
        self.check().map_err(|fault| {
            let kind = discriminant(&fault);
            let again = |case: &Case| {
                prove(case, threads).err().filter(|fault| discriminant(fault) == kind)
            };
            let (case, fault) = smallest(self.case, fault, again);
            Box::new(Refutation { claim: Self { case, threads }, fault })
        })
    }

    /// Proves it, or says how it is wrong as it is.
    ///
    /// # Errors
    /// How.
    pub fn check(&self) -> Result<Proof, Fault> {
        panics::during(self.to_string(), || prove(&self.case, self.threads))
    }
}

/// A claim that is wrong. Prints as a line that says how to repeat it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refutation {
    /// The claim.
    pub claim: Claim,
    /// Why.
    pub fault: Fault,
}

impl fmt::Display for Refutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fault, self.claim)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "threads={} {}", self.threads, self.case)
    }
}

impl FromStr for Claim {
    type Err = Box<dyn std::error::Error>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (threads, case) = text.split_once(' ').ok_or("no case")?;
        let threads = threads.strip_prefix("threads=").ok_or("no threads")?;
        Ok(Self { case: case.parse()?, threads: threads.parse()? })
    }
}

fn alone(case: Case) -> Claim {
    Claim { case, threads: 1 }
}

/// All claims of a pass that are proven, each of them once.
pub fn claims(pass: Pass) -> Vec<Claim> {
    let random = &mut Random::new(2027);
    let mut claims = Vec::new();
    for case in cases::of(pass) {
        claims.push(alone(*case));
        // Far more parts than small tensors have, but for tiny caches.
        let machine = Machine { l1: 64 << random.below(5), ..case.machine };
        claims.push(Claim { case: Case { machine, ..*case }, threads: 2 });
    }
    for instance in INSTANCES.iter().filter(|instance| pass.is_computed_by(instance)) {
        claims.extend(axes(pass, instance, random).into_iter().map(alone));
    }
    claims.extend(cases::arbitrary(pass, ARBITRARY, random).into_iter().map(alone));
    claims.extend(shared(pass));
    claims.extend(many_rows_without_taps(pass));
    let mut known = HashSet::new();
    for Claim { case, .. } in &mut claims {
        // Claims that differ in data alone are one.
        (case.data, case.seed, case.offset) = (Data::Odd, 0, 0);
    }
    claims.retain(|claim| known.insert(claim.to_string()));
    claims
}

/// Few claims of a pass, made in no time: some axes of each instance, in one part and in many, with few channels and with
/// many, with many tiles, and some windows of any form.
pub fn few(pass: Pass) -> Vec<Claim> {
    let random = &mut Random::new(2028);
    let mut claims = Vec::new();
    for instance in INSTANCES.iter().filter(|instance| pass.is_computed_by(instance)) {
        let all = axes(pass, instance, random);
        claims.extend(many_channels(pass, instance, &all));
        claims.extend(many_tiles(pass, instance, random));
        claims.extend(short_strips(pass, instance, random));
        let step = all.len().div_ceil(FEW_OF_INSTANCE).max(1);
        claims.extend(all.into_iter().skip(random.below(step)).step_by(step).map(alone));
    }
    claims.extend(cases::arbitrary(pass, FEW, random).into_iter().map(alone));
    claims.extend(many_parts(pass, random));
    claims.extend(wide_rows(pass, random));
    claims.extend(many_rows_without_taps(pass));
    for index in (0..claims.len()).step_by(3) {
        let Claim { case, .. } = claims[index];
        let machine = Machine { l1: 64 << random.below(5), ..case.machine };
        claims.push(Claim { case: Case { machine, ..case }, threads: 2 });
    }
    claims
}

/// Planes of which no window has most rows: as many as would fill the stack if each were a call within the one before.
fn many_rows_without_taps(pass: Pass) -> Option<Claim> {
    let window = Window { kernel: 3, stride: 2, dilation: 1 };
    let [rows, columns] =
        [Extent { input: 6000, low: 1, high: -5990 }, Extent { input: 40, low: 1, high: 1 }];
    let shape = map(1, 1, window, [rows, columns]);
    (pass == Pass::GradInput)
        .then(|| alone(any(pass, Layout::Nchw, shape, &mut Random::new(5), None)))
}

/// Wide rows for what has no instances: more than a leaf for the bias gradient, many vectors of columns, a step of one or two apart, for
/// the general kernels of the forward pass.
fn wide_rows(pass: Pass, random: &mut Random) -> Vec<Claim> {
    let (columns, strides) = match pass {
        Pass::Forward => (45, [1, 2].as_slice()),
        Pass::GradBias => (Leaves::POSITIONS + 5, [1].as_slice()),
        Pass::GradInput | Pass::GradWeight => return Vec::new(),
    };
    let axes = [2, columns].map(|input| Extent { input, low: 0, high: 0 });
    let windows = strides.iter().map(|&stride| Window { kernel: 2, stride, dilation: 1 });
    let shapes = windows.map(|window| map(2, 5, window, axes));
    let cases = shapes.flat_map(|shape| Layout::ALL.map(|layout| (shape, layout)));
    cases.map(|(shape, layout)| alone(any(pass, layout, shape, random, None))).collect()
}

/// Some images and channels that are cut between the result channels of a source channel.
fn many_parts(pass: Pass, random: &mut Random) -> [Claim; Layout::ALL.len()] {
    let window = Window { kernel: 3, stride: 1, dilation: 1 };
    let axes = [Extent { input: 3, low: 1, high: 1 }; 2];
    let shape = Shape { multiplier: 3, ..map(3, 17, window, axes) };
    Layout::ALL.map(|layout| Claim { case: any(pass, layout, shape, random, None), threads: 2 })
}

/// One of these cases with more channels, each with a bias of its own, than the instance computes before it turns to others:
/// nothing may be kept from one to the next.
fn many_channels(pass: Pass, instance: &Instance, cases: &[Case]) -> Option<Claim> {
    let (place, channels) = match (pass, instance.layout) {
        // The smallest map, since a block of the 3×3 instance has 96 channels.
        (Pass::GradWeight, Layout::Nhwc) => (0, 2 * 96 + 5),
        (_, Layout::Nhwc) => (cases.len() / 2, 2 * LINE + 5),
        (_, Layout::Nchw) => (cases.len() / 2, 9),
    };
    let case = cases.get(place)?;
    let shape = Shape { channels, batch: 1, ..case.shape };
    Some(alone(Case { shape, bias: pass == Pass::Forward, ..*case }))
}

/// A map of more than three tiles beside each other and below, of which at least two miss nothing, and of more channels than
/// have their turn before others; of more than two strips of rows, where there are any; of rows that are more than a leaf. And
/// one of two tiles and a column, so that the windows of two tiles miss columns after the source.
fn many_tiles(pass: Pass, instance: &'static Instance, random: &mut Random) -> Vec<Claim> {
    let (Size::Exactly(kernel), Size::Exactly(stride)) = (instance.kernel, instance.stride) else {
        return Vec::new();
    };
    let Tile { rows, columns, .. } = instance.tile;
    let many = match (instance.layout, instance.body) {
        (Layout::Nhwc, Body::Roll) => [2 * Plan::MOST_ROWS_OF_A_STRIP + 5, 3 * columns + kernel],
        (_, Body::Taps) => [rows, Leaves::POSITIONS + 3 * columns + kernel],
        _ => [3 * rows + kernel, 3 * columns + kernel],
    };
    let (window, pad) = (Window { kernel, stride, dilation: 1 }, kernel as isize / 2);
    let channels = match (instance.layout, instance.body) {
        (Layout::Nhwc, Body::Row | Body::Pairs) => LINE + 4,
        (Layout::Nhwc, _) => 4,
        (Layout::Nchw, _) => 2,
    };
    let claim = |sizes: [usize; 2]| {
        let axes = sizes.map(|size| match pass {
            Pass::GradInput => Extent { input: size, low: pad, high: pad },
            _ => window.padded(pad, pad, size, 0),
        });
        let shape = map(2, channels, window, axes);
        alone(any(pass, instance.layout, shape, random, Some(instance)))
    };
    [many, [2 * rows + 1, 2 * columns + 1]].map(claim).into()
}

/// Seven rows of a tile where the cache is so small that strips are as short as can be: fewer of them than the planner's rows to
/// a strip would make, since each has at least as many rows as are in flight.
fn short_strips(pass: Pass, instance: &'static Instance, random: &mut Random) -> Vec<Claim> {
    let (Body::Roll, Layout::Nhwc, Size::Exactly(kernel), Size::Exactly(stride)) =
        (instance.body, instance.layout, instance.kernel, instance.stride)
    else {
        return Vec::new();
    };
    let (window, pad) = (Window { kernel, stride, dilation: 1 }, kernel as isize / 2);
    let axes = [7, instance.tile.columns].map(|results| window.padded(pad, pad, results, 0));
    let caches = (9..13).map(|power| Machine { l1: 1 << power, ..Machine::ARM64 });
    let case = any(pass, Layout::Nhwc, map(1, 4, window, axes), random, Some(instance));
    caches.map(|machine| alone(Case { machine, ..case })).collect()
}

/// Channels of a cache line, which some machines compute before others.
const LINE: usize = 16;

/// Of them, those of each instance, and windows of any form.
const FEW_OF_INSTANCE: usize = 12;
const FEW: usize = 120;

/// Maps as wide as every number of columns around an instance's tiles, missing every number of
/// columns at either end; for those that take runs of rows, as high, too.
fn axes(pass: Pass, instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let (Size::Exactly(kernel), Size::Exactly(stride)) = (instance.kernel, instance.stride) else {
        return Vec::new();
    };
    let window = Window { kernel, stride, dilation: 1 };
    let widths = extents(pass, window, 2 * instance.tile.columns + 3);
    let heights = extents(pass, window, 2 * instance.tile.rows + 3);
    let mut pairs: Vec<_> = widths.iter().map(|width| (random.pick(&heights), *width)).collect();
    if instance.body == Body::Roll
        || (instance.body == Body::Row && instance.layout == Layout::Nhwc)
    {
        pairs.extend(heights.iter().map(|height| (*height, random.pick(&widths))));
    }
    let case = |(height, width): (Extent, Extent)| {
        let batch = 1 + random.below(2);
        let channels = match instance.layout {
            Layout::Nhwc if instance.tile.vectors > 1 => random.pick(&[4, 5, LINE, LINE + 4]),
            Layout::Nhwc => random.pick(&[4, 5, 8, 12]),
            Layout::Nchw => random.pick(&[1, 2]),
        };
        let shape = map(batch, channels, window, [height, width]);
        any(pass, instance.layout, shape, random, Some(instance))
    };
    pairs.into_iter().map(case).collect()
}

/// Of maps with these axes, of windows as high as wide.
fn map(batch: usize, channels: usize, window: Window, [height, width]: [Extent; 2]) -> Shape {
    Shape {
        batch,
        channels,
        multiplier: 1,
        input: [height.input, width.input],
        kernel: [window.kernel; 2],
        stride: [window.stride; 2],
        dilation: [window.dilation; 2],
        low: [height.low, width.low],
        high: [height.high, width.high],
    }
}

/// Axes of each number of results up to `most`, each with all paddings up to a kernel or half of one.
fn extents(pass: Pass, window: Window, most: usize) -> Vec<Extent> {
    let extent = window.extent() as isize;
    let ends =
        |pads: isize| (0..=pads).flat_map(move |low| (0..=pads).map(move |high| (low, high)));
    let mut extents = Vec::new();
    for size in 1..=most {
        if pass == Pass::GradInput {
            let axes = ends(extent).map(|(low, high)| Extent { input: size, low, high });
            extents.extend(axes.filter(|e| size as isize + e.low + e.high >= extent));
        } else {
            for (low, high) in ends(extent / 2 + 1) {
                let slacks = 0..window.stride;
                extents.extend(slacks.map(|slack| window.padded(low, high, size, slack)));
            }
        }
    }
    extents
}

/// Any values for what a shape leaves open.
fn any(
    pass: Pass,
    layout: Layout,
    shape: Shape,
    random: &mut Random,
    instance: Option<&'static Instance>,
) -> Case {
    let forward = pass == Pass::Forward;
    Case {
        pass,
        shape,
        layout,
        bias: forward && random.below(2) == 0,
        update: if forward { Update::Overwrite } else { random.pick(&UPDATES) },
        activation: if forward { random.pick(&ACTIVATIONS) } else { Activation::None },
        data: Data::Odd,
        seed: 0,
        offset: 0,
        machine: random.pick(&Machine::ALL),
        instance,
    }
    .or_best()
}

/// Cases of any window, of each pass.
const ARBITRARY: usize = 2000;

/// What is worth several threads.
fn shared(pass: Pass) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (index, [batch, channels, multiplier, output, kernel, stride]) in
        SHARED.into_iter().enumerate()
    {
        let axis = Window { kernel, stride, dilation: 1 }.place(Pads::SameUpper, output, 0);
        let shape = Shape {
            batch,
            channels,
            multiplier,
            input: [axis.input; 2],
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            low: [axis.low; 2],
            high: [axis.high; 2],
        };
        for (layout, threads) in Layout::ALL.into_iter().zip([2 + index, 7 - index]) {
            let random = &mut Random::new(index as u64);
            claims.push(Claim { case: any(pass, layout, shape, random, None), threads });
        }
    }
    claims
}

/// Images, channels, multiplier, output size, kernel and stride of it.
const SHARED: [[usize; 6]; 4] =
    [[1, 37, 1, 41, 3, 1], [3, 21, 1, 31, 3, 2], [2, 20, 1, 25, 5, 1], [1, 7, 3, 23, 7, 2]];
