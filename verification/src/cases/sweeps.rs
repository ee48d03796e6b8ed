//! Cases of the passes that slide a window over their source: forward and the input gradient.

use depthwise::{Activation, Body, INSTANCES, Instance, Layout, Machine, Size, Update};

use super::{ACTIVATIONS, BATCHES, KERNELS, OFFSETS, OUTPUT_CHANNELS, PLANES, UPDATES};
use crate::case::Case;
use crate::data::Data;
use crate::geometry::{Extent, Pads, Window};
use crate::pairwise;
use crate::pass::Pass;
use crate::random::Random;
use crate::shape::Shape;

/// Input channels: below, at and around multiples of a vector and of several.
pub(super) const CHANNELS: [usize; 12] = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 20, 66];

/// Fewer of them, for gradients.
pub(super) const FEW_CHANNELS: [usize; 6] = [1, 3, 4, 5, 8, 17];

const MULTIPLIERS: [usize; 6] = [1, 2, 3, 4, 5, 8];

/// Layers of real networks, `[map, kernel, stride]`.
const LAYERS: [[usize; 3]; 12] = [
    [7, 3, 1],
    [14, 3, 1],
    [14, 3, 2],
    [28, 3, 1],
    [28, 3, 2],
    [7, 5, 1],
    [14, 5, 1],
    [14, 5, 2],
    [28, 5, 2],
    [7, 7, 1],
    [14, 7, 1],
    [14, 7, 2],
];

/// The cases of a pass: those of each instance, its borders, and layers of networks.
pub(super) fn all(pass: Pass, random: &mut Random) -> Vec<Case> {
    let instances = || INSTANCES.iter().filter(|instance| pass.is_computed_by(instance));
    let mut cases: Vec<Case> = instances().flat_map(|i| of(pass, i, random)).collect();
    cases.extend(instances().flat_map(|instance| borders(pass, instance, random)));
    cases.extend(layers(pass, random));
    if pass == Pass::GradInput {
        cases.extend(residues(random));
    }
    cases
}

/// What cases of an instance differ in; each two values of different fields meet in some case.
struct Factors {
    outputs: [usize; 2],
    channels: &'static [usize],
    multipliers: &'static [usize],
    kernels: Vec<[usize; 2]>,
    strides: Vec<usize>,
    dilations: usize,
}

impl Factors {
    fn new(pass: Pass, instance: &Instance) -> Self {
        let fixed = |size, any: usize| match size {
            Size::Exactly(size) => vec![size],
            Size::Any => (1..=any).collect(),
        };
        let general = instance.body == Body::Span;
        Self {
            outputs: [2 * instance.tile.rows + 2, 2 * instance.tile.columns + 3],
            channels: match (instance.layout, pass) {
                (Layout::Nchw, _) => &PLANES,
                (Layout::Nhwc, Pass::Forward) => &CHANNELS,
                (Layout::Nhwc, _) => &FEW_CHANNELS,
            },
            multipliers: match instance.layout {
                Layout::Nchw if !general && pass == Pass::Forward => &MULTIPLIERS[..3],
                _ if general => &MULTIPLIERS,
                _ => &MULTIPLIERS[..1],
            },
            kernels: match instance.kernel {
                Size::Exactly(size) => vec![[size; 2]],
                Size::Any => KERNELS.to_vec(),
            },
            strides: fixed(instance.stride, 4),
            dilations: if general { 3 } else { 1 },
        }
    }
}

/// The cases of one instance. Where it doesn't compute a window, the case stays, without the instance.
fn of(pass: Pass, instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let f = Factors::new(pass, instance);
    let forward = pass == Pass::Forward;
    let (pads, strides) = (Pads::ALL.len(), f.strides.len());
    let slacks = f.strides[strides - 1];
    let levels = [
        f.outputs[0],
        f.outputs[1],
        pads,
        pads,
        strides,
        strides,
        f.dilations,
        f.dilations,
        slacks,
        slacks,
        f.kernels.len(),
        f.channels.len(),
        f.multipliers.len(),
        BATCHES,
        [false, true].len(),
        if forward { ACTIVATIONS.len() } else { 1 },
        Data::ALL.len(),
        OFFSETS,
        Machine::ALL.len(),
    ];
    let rows = pairwise::rows(levels, random);
    let mut case = |row: [usize; 19]| {
        let [rows, columns, top, left, down, right, tall, wide, below, beyond, ..] = row;
        let [.., kernel, channels, multiplier, batch, other, activation, data, offset, machine] =
            row;
        let kernel = f.kernels[kernel];
        let stride = [f.strides[down], f.strides[right]];
        let dilation = [tall + 1, wide + 1];
        let axis = |axis: usize, outputs: usize, pads: usize, slack: usize| {
            let [kernel, stride, dilation] = [kernel[axis], stride[axis], dilation[axis]];
            let window = Window { kernel, stride, dilation };
            let pads = Pads::ALL[pads];
            let placed = window.place(pads, outputs + 1, slack % stride);
            match (pass, stride) {
                (Pass::GradInput, 1) => placed.adjoint(window),
                (Pass::GradInput, _) if instance.body != Body::Span => {
                    window.over(pads, outputs + 1)
                }
                _ => placed,
            }
        };
        let [height, width] = [axis(0, rows, top, below), axis(1, columns, left, beyond)];
        let multiplier = f.multipliers[multiplier];
        let most = if multiplier == 1 { usize::MAX } else { OUTPUT_CHANNELS / multiplier };
        Case {
            pass,
            shape: Shape {
                batch: batch + 1,
                channels: f.channels[channels].min(most),
                multiplier,
                input: [height.input, width.input],
                kernel,
                stride,
                dilation,
                low: [height.low, width.low],
                high: [height.high, width.high],
            },
            layout: instance.layout,
            bias: forward && other == 1,
            update: if forward { Update::Overwrite } else { UPDATES[other] },
            activation: ACTIVATIONS[activation],
            data: Data::ALL[data],
            seed: random.next() as u32,
            offset,
            machine: Machine::ALL[machine],
            instance: Some(instance),
        }
        .or_best()
    };
    rows.into_iter().map(&mut case).collect()
}

/// An axis whose input gradient slides over the output, `stride` results at a time: so many windows,
/// which miss `low` and `high` elements of the output, and of whose results the first few and the
/// last few lack.
fn sliding(
    window: Window,
    [low, high]: [isize; 2],
    windows: usize,
    lacking: [usize; 2],
) -> Option<Extent> {
    let reach = window.kernel.div_ceil(window.stride) as isize;
    let output = windows as isize + reach - 1 - low - high;
    let output = usize::try_from(output).ok().filter(|output| *output > 0)?;
    let input = windows * window.stride - lacking[0] - lacking[1];
    let low = (reach - 1 - low) * window.stride as isize + lacking[0] as isize;
    let padded = (output - 1) * window.stride + window.extent();
    (input > 0).then(|| Extent { input, low, high: padded as isize - input as isize - low })
}

/// Maps of one tile and of two, with each pair of paddings up to half a kernel and one more, so
/// that each tile is clipped by each amount at either end, and at both.
fn borders(pass: Pass, instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let (Size::Exactly(kernel), Size::Exactly(stride)) = (instance.kernel, instance.stride) else {
        return Vec::new();
    };
    let window = Window { kernel, stride, dilation: 1 };
    let pads = kernel as isize / 2 + 2;
    let pairs: Vec<_> = (0..pads).flat_map(|low| (0..pads).map(move |high| [low, high])).collect();
    let axis = |[low, high]: [isize; 2], size: usize, lacking| match pass {
        Pass::GradInput => sliding(window, [low, high], size.div_ceil(stride), lacking),
        _ => Some(window.padded(low, high, size, 0)),
    };
    let mut cases = Vec::new();
    for (pair, tiles) in pairs.iter().flat_map(|pair| [(pair, 1), (pair, 2)]) {
        let size = [2 * instance.tile.rows + tiles - 1, tiles * instance.tile.columns];
        let rows = pairs.iter().filter_map(|rows| axis(*rows, size[0], [0, 0]));
        let mut rows: Vec<Extent> = rows.collect();
        // Rolling instances have rows that are clipped within a tile, too.
        if instance.body != Body::Roll {
            rows = vec![random.pick(&rows)];
        }
        // Of residue classes side by side, any may begin and end the row.
        let lacking: &[_] = match (pass, stride) {
            (Pass::GradInput, 2) => &[[tiles - 1, 0], [2 - tiles, 1]],
            _ => &[[0, 0]],
        };
        let widths = lacking.iter().filter_map(|lacking| axis(*pair, size[1], *lacking));
        for (height, width) in widths.flat_map(|width| rows.iter().map(move |row| (row, width))) {
            cases.push(
                Case {
                    pass,
                    shape: Shape {
                        batch: 1,
                        channels: 3 + tiles,
                        multiplier: 1,
                        input: [height.input, width.input],
                        kernel: [kernel; 2],
                        stride: [stride; 2],
                        dilation: [1; 2],
                        low: [height.low, width.low],
                        high: [height.high, width.high],
                    },
                    layout: instance.layout,
                    bias: pass == Pass::Forward && random.below(2) == 0,
                    update: if pass == Pass::Forward {
                        Update::Overwrite
                    } else {
                        random.pick(&UPDATES)
                    },
                    activation: activation(pass, random.pick(&ACTIVATIONS[..2])),
                    data: random.pick(&Data::ALL),
                    seed: random.next() as u32,
                    offset: random.below(OFFSETS),
                    machine: random.pick(&Machine::ALL),
                    instance: Some(instance),
                }
                .or_best(),
            );
        }
    }
    cases
}

/// Layers of networks with few channels, as the plan would run them.
fn layers(pass: Pass, random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    for layout in Layout::ALL {
        for machine in Machine::ALL {
            for [map, kernel, stride] in LAYERS {
                let window = Window { kernel, stride, dilation: 1 };
                let pads = if stride == 1 { Pads::Half } else { random.pick(&Pads::ALL[1..3]) };
                let axis = window.place(pads, map / stride, 0);
                cases.push(Case {
                    pass,
                    shape: Shape {
                        batch: 1,
                        channels: 4 + random.below(5),
                        multiplier: 1,
                        input: [axis.input; 2],
                        kernel: [kernel; 2],
                        stride: [stride; 2],
                        dilation: [1; 2],
                        low: [axis.low; 2],
                        high: [axis.high; 2],
                    },
                    layout,
                    bias: pass == Pass::Forward,
                    update: Update::Overwrite,
                    activation: activation(pass, Activation::Relu6),
                    data: random.pick(&Data::ALL),
                    seed: random.next() as u32,
                    offset: random.below(4),
                    machine,
                    instance: None,
                });
            }
        }
    }
    cases
}

/// The activation of a forward pass; gradients have none.
fn activation(pass: Pass, activation: Activation) -> Activation {
    if pass == Pass::Forward { activation } else { Activation::None }
}

/// Small input gradients of every residue class: each kernel with each stride and dilation, where
/// the first window starts before the input and where the element that it starts at is another.
fn residues(random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    let steps = (2..=4).flat_map(|stride| (1..=3).map(move |dilation| (stride, dilation)));
    for (kernel, (stride, dilation)) in
        [1, 2, 3, 4, 5, 7].into_iter().flat_map(|kernel| steps.clone().map(move |s| (kernel, s)))
    {
        let window = Window { kernel, stride, dilation };
        let half = window.extent() as isize / 2;
        for (layout, shift) in Layout::ALL.into_iter().flat_map(|l| [(l, 0), (l, 1)]) {
            let mut axis = || {
                let (outputs, slack) = (1 + random.below(5), random.below(stride));
                window.padded(half - shift, half, outputs, slack)
            };
            let [height, width] = [axis(), axis()];
            cases.push(Case {
                pass: Pass::GradInput,
                shape: Shape {
                    batch: 1 + random.below(2),
                    channels: random.pick(&[1, 3, 5, 7]),
                    multiplier: 1 + random.below(5),
                    input: [height.input, width.input],
                    kernel: [kernel; 2],
                    stride: [stride; 2],
                    dilation: [dilation; 2],
                    low: [height.low, width.low],
                    high: [height.high, width.high],
                },
                layout,
                bias: false,
                update: random.pick(&UPDATES),
                activation: Activation::None,
                data: random.pick(&Data::ALL),
                seed: random.next() as u32,
                offset: random.below(OFFSETS),
                machine: random.pick(&Machine::ALL),
                instance: None,
            });
        }
    }
    cases
}
