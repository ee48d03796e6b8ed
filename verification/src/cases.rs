//! The cases that cover every instance: its interior, borders and tails.

use std::sync::OnceLock;

use depthwise::{Activation, Body, INSTANCES, Instance, Layout, Machine, Size};

use crate::case::Case;
use crate::data::Data;
use crate::geometry::{Pads, Window};
use crate::pairwise;
use crate::random::Random;
use crate::shape::Shape;

/// Activations: none, both of the usual, and clamps with one bound, both, and a negative zero.
pub const ACTIVATIONS: [Activation; 6] = [
    Activation::None,
    Activation::Relu,
    Activation::Relu6,
    Activation::Clamp { min: -0.75, max: 4099.0 },
    Activation::Clamp { min: f32::NEG_INFINITY, max: 0.5 },
    Activation::Clamp { min: -0.0, max: f32::INFINITY },
];

/// Input channels: below, at and around multiples of a vector and of several.
const CHANNELS: [usize; 12] = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 20, 66];

/// Input channels where lanes aren't channels.
const PLANES: [usize; 4] = [1, 2, 3, 5];

const MULTIPLIERS: [usize; 6] = [1, 2, 3, 4, 5, 8];

const BATCHES: usize = 3;

const OFFSETS: usize = 4;

/// Most output channels of a multiplier above 1.
const OUTPUT_CHANNELS: usize = 40;

/// Kernels of general instances, `[height, width]`.
const KERNELS: [[usize; 2]; 11] =
    [[1, 1], [1, 3], [1, 9], [3, 1], [8, 1], [2, 2], [3, 3], [4, 4], [3, 5], [7, 7], [11, 11]];

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

/// All cases, the same on every target: those of each instance, its borders, and layers of networks.
pub fn all() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let random = &mut Random::new(2026);
        let mut cases: Vec<Case> = INSTANCES.iter().flat_map(|i| of(i, random)).collect();
        cases.extend(INSTANCES.iter().flat_map(|instance| borders(instance, random)));
        cases.extend(layers(random));
        cases
    })
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
    fn new(instance: &Instance) -> Self {
        let fixed = |size, any: usize| match size {
            Size::Exactly(size) => vec![size],
            Size::Any => (1..=any).collect(),
        };
        let general = instance.body == Body::Span;
        Self {
            outputs: [2 * instance.tile.rows + 2, 2 * instance.tile.columns + 3],
            channels: if instance.layout == Layout::Nhwc { &CHANNELS } else { &PLANES },
            multipliers: match instance.layout {
                Layout::Nhwc if !general => &MULTIPLIERS[..1],
                Layout::Nchw if !general => &MULTIPLIERS[..3],
                _ => &MULTIPLIERS,
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
fn of(instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let f = Factors::new(instance);
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
        ACTIVATIONS.len(),
        Data::ALL.len(),
        OFFSETS,
        Machine::ALL.len(),
    ];
    let rows = pairwise::rows(levels, random);
    let mut case = |row: [usize; 19]| {
        let [rows, columns, top, left, down, right, tall, wide, below, beyond, ..] = row;
        let [.., kernel, channels, multiplier, batch, bias, activation, data, offset, machine] =
            row;
        let kernel = f.kernels[kernel];
        let stride = [f.strides[down], f.strides[right]];
        let dilation = [tall + 1, wide + 1];
        let axis = |axis: usize, outputs: usize, pads: usize, slack: usize| {
            let [kernel, stride, dilation] = [kernel[axis], stride[axis], dilation[axis]];
            let window = Window { kernel, stride, dilation };
            window.place(Pads::ALL[pads], outputs + 1, slack % stride)
        };
        let [height, width] = [axis(0, rows, top, below), axis(1, columns, left, beyond)];
        let multiplier = f.multipliers[multiplier];
        let most = if multiplier == 1 { usize::MAX } else { OUTPUT_CHANNELS / multiplier };
        Case {
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
            bias: bias == 1,
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

/// Maps of one tile and of two, with each pair of paddings up to half a kernel and one more, so
/// that each tile is clipped by each amount at either end, and at both.
fn borders(instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let (Size::Exactly(kernel), Size::Exactly(stride)) = (instance.kernel, instance.stride) else {
        return Vec::new();
    };
    let window = Window { kernel, stride, dilation: 1 };
    let pads = kernel as isize / 2 + 2;
    let pairs: Vec<_> = (0..pads).flat_map(|low| (0..pads).map(move |high| (low, high))).collect();
    let mut cases = Vec::new();
    for ((low, high), tiles) in pairs.iter().flat_map(|pair| [(pair, 1), (pair, 2)]) {
        // Rolling instances have rows that are clipped within a tile, too.
        let rows = match instance.body {
            Body::Roll => pairs.clone(),
            Body::Row | Body::Span => vec![random.pick(&pairs)],
        };
        for (above, below) in rows {
            let width = window.padded(*low, *high, tiles * instance.tile.columns, 0);
            let height = window.padded(above, below, 2 * instance.tile.rows + tiles - 1, 0);
            cases.push(
                Case {
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
                    bias: random.below(2) == 0,
                    activation: random.pick(&ACTIVATIONS[..2]),
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
fn layers(random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    for layout in Layout::ALL {
        for machine in Machine::ALL {
            for [map, kernel, stride] in LAYERS {
                let window = Window { kernel, stride, dilation: 1 };
                let pads = if stride == 1 { Pads::Half } else { random.pick(&Pads::ALL[1..3]) };
                let axis = window.place(pads, map / stride, 0);
                cases.push(Case {
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
                    bias: true,
                    activation: Activation::Relu6,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn count(which: impl Fn(&Case) -> bool) -> usize {
        all().iter().filter(|case| which(case)).count()
    }

    #[test]
    fn every_instance_has_cases_on_every_machine() {
        for instance in INSTANCES {
            for machine in Machine::ALL {
                let cases = count(|c| c.instance == Some(instance) && c.machine == machine);
                assert!(cases >= 30, "{cases} cases of {} on {}", instance.name, machine.name);
            }
        }
    }

    #[test]
    fn every_instance_has_its_tails_and_borders() {
        for instance in INSTANCES {
            let any = |which: &dyn Fn(&Shape) -> bool| {
                count(|case| case.instance == Some(instance) && which(&case.shape)) > 0
            };
            for columns in 1..=2 * instance.tile.columns + 3 {
                assert!(any(&|s| s.output()[1] == columns), "{} {columns}", instance.name);
            }
            let channels: &[_] = if instance.layout == Layout::Nhwc { &CHANNELS } else { &PLANES };
            assert!(channels.iter().all(|c| any(&|s| s.channels == *c)));
            assert!(any(&|s| s.low[1] > s.high[1]) && any(&|s| s.low[1] < s.high[1]));
            assert!(any(&|s| s.low[1] < 0));
            assert!(any(&|s| s.low[1] > s.kernel[1] as isize));
            assert!(
                any(&|s| s.low[1] > 0 && s.kernel[1] > s.input[1]) || instance.kernel == Size::Any
            );
        }
    }

    #[test]
    fn windows_are_clipped_on_both_sides() {
        for (kernel, map) in [(5, 3), (7, 3), (7, 5)] {
            assert!(count(|c| c.shape.kernel == [kernel; 2] && c.shape.input.contains(&map)) > 0);
        }
        assert!(count(|c| c.shape.input[0] == 1) > 100);
        assert!(count(|c| c.shape.input[1] == 1) > 100);
    }

    #[test]
    fn cases_can_be_run_and_are_small() {
        let mut products = 0;
        for case in all() {
            assert!(case.shape.is_possible());
            let conv = case.conv(depthwise::Isa::best()).unwrap();
            assert_eq!(conv.problem().height().output(), case.shape.output()[0]);
            assert_eq!(conv.problem().width().output(), case.shape.output()[1]);
            products += conv.problem().products();
        }
        let mean = products / all().len();
        assert!((1000..40_000).contains(&mean), "{mean} products a case");
    }
}
