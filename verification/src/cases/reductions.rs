//! Cases of the passes that sum over output positions: the gradients of weights and biases.

use depthwise::{Activation, Body, INSTANCES, Instance, Layout, Machine, Size};

use super::sweeps::FEW_CHANNELS;
use super::{BATCHES, KERNELS, OFFSETS, OUTPUT_CHANNELS, PLANES, UPDATES};
use crate::case::Case;
use crate::data::Data;
use crate::geometry::{Extent, Pads, Window};
use crate::pairwise;
use crate::pass::Pass;
use crate::random::Random;
use crate::shape::Shape;

/// Output rows of small maps.
const ROWS: usize = 5;

/// Output columns of small maps: two tiles, and what they leave.
const fn columns(instance: &Instance) -> usize {
    2 * instance.tile.columns + 3
}

const MULTIPLIERS: [usize; 5] = [1, 2, 3, 4, 5];

/// Images, output rows and columns of maps whose sums are trees of one to seven leaves: narrow ones,
/// where a leaf is many rows, and wide ones, where it is a row or a piece of one.
const TREES: [[usize; 3]; 14] = [
    [1, 128, 1],
    [1, 129, 1],
    [3, 10, 11],
    [1, 50, 11],
    [2, 30, 12],
    [1, 75, 11],
    [1, 1, 127],
    [2, 1, 127],
    [1, 1, 129],
    [3, 1, 128],
    [1, 1, 300],
    [1, 5, 128],
    [2, 1, 300],
    [1, 7, 127],
];

/// The cases of weight gradients: those of each instance, its borders, and its trees.
pub(super) fn weights(random: &mut Random) -> Vec<Case> {
    let instances = || INSTANCES.iter().filter(|i| Pass::GradWeight.is_computed_by(i));
    let mut cases: Vec<Case> = instances().flat_map(|i| small(i, random)).collect();
    cases.extend(instances().flat_map(|instance| borders(instance, random)));
    cases.extend(instances().flat_map(|instance| trees(instance, random)));
    cases.extend(instances().flat_map(|instance| blocks(instance, random)));
    cases
}

/// The cases of bias gradients, whose windows are those of a few weight gradients.
pub(super) fn biases(random: &mut Random) -> Vec<Case> {
    let general = weights(random).into_iter().filter(|case| match case.instance {
        Some(instance) => instance.body == Body::Span,
        None => false,
    });
    general.map(|case| Case { pass: Pass::GradBias, instance: None, ..case }).collect()
}

/// Any values for what the sums don't depend on.
fn case(layout: Layout, shape: Shape, random: &mut Random) -> Case {
    Case {
        pass: Pass::GradWeight,
        shape,
        layout,
        bias: false,
        update: random.pick(&UPDATES),
        activation: Activation::None,
        data: random.pick(&Data::ALL),
        seed: random.next() as u32,
        offset: random.below(OFFSETS),
        machine: random.pick(&Machine::ALL),
        instance: None,
    }
}

/// Where one window lies on both axes.
fn square(window: Window, height: Extent, width: Extent) -> Shape {
    let Window { kernel, stride, dilation } = window;
    Shape {
        batch: 1,
        channels: 1,
        multiplier: 1,
        input: [height.input, width.input],
        kernel: [kernel; 2],
        stride: [stride; 2],
        dilation: [dilation; 2],
        low: [height.low, width.low],
        high: [height.high, width.high],
    }
}

/// Small maps; each two values of different factors meet in some case.
fn small(instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let general = instance.body == Body::Span;
    let (kernels, strides) = match (instance.kernel, instance.stride) {
        (Size::Exactly(kernel), Size::Exactly(stride)) => (vec![[kernel; 2]], vec![stride]),
        _ => (KERNELS.to_vec(), vec![1, 2, 3, 4]),
    };
    let nhwc = instance.layout == Layout::Nhwc;
    let channels: &[_] = if nhwc { &FEW_CHANNELS } else { &PLANES };
    let multipliers = if general || !nhwc { &MULTIPLIERS[..] } else { &MULTIPLIERS[..1] };
    let dilations = if general { 3 } else { 1 };
    let (pads, slacks) = (Pads::ALL.len(), strides[strides.len() - 1]);
    let levels = [
        ROWS,
        columns(instance),
        pads,
        pads,
        strides.len(),
        strides.len(),
        dilations,
        dilations,
        slacks,
        kernels.len(),
        channels.len(),
        multipliers.len(),
        BATCHES,
        UPDATES.len(),
        Data::ALL.len(),
        OFFSETS,
        Machine::ALL.len(),
    ];
    let rows = pairwise::rows(levels, random);
    let mut of = |row: [usize; 17]| {
        let [rows, columns, top, left, down, right, tall, wide, slack, ..] = row;
        let [.., kernel, depth, multiplier, batch, update, data, offset, machine] = row;
        let (kernel, stride) = (kernels[kernel], [strides[down], strides[right]]);
        let dilation = [tall + 1, wide + 1];
        let axis = |axis: usize, outputs: usize, pads: usize| {
            let [kernel, stride, dilation] = [kernel[axis], stride[axis], dilation[axis]];
            let window = Window { kernel, stride, dilation };
            window.place(Pads::ALL[pads], outputs + 1, slack % stride)
        };
        let [height, width] = [axis(0, rows, top), axis(1, columns, left)];
        let multiplier = multipliers[multiplier];
        let most = if multiplier == 1 { usize::MAX } else { OUTPUT_CHANNELS / multiplier };
        let shape = Shape {
            batch: batch + 1,
            channels: channels[depth].min(most),
            multiplier,
            input: [height.input, width.input],
            kernel,
            stride,
            dilation,
            low: [height.low, width.low],
            high: [height.high, width.high],
        };
        Case {
            update: UPDATES[update],
            data: Data::ALL[data],
            offset,
            machine: Machine::ALL[machine],
            instance: Some(instance),
            ..case(instance.layout, shape, random)
        }
        .or_best()
    };
    rows.into_iter().map(&mut of).collect()
}

/// Small maps with each pair of paddings up to half a kernel and one more: of one tile and of two.
fn borders(instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let (Size::Exactly(kernel), Size::Exactly(stride)) = (instance.kernel, instance.stride) else {
        return Vec::new();
    };
    let window = Window { kernel, stride, dilation: 1 };
    let (pads, tile) = (kernel as isize / 2 + 2, instance.tile.columns);
    let pairs = (0..pads).flat_map(|low| (0..pads).map(move |high| (low, high)));
    let cases = pairs.flat_map(|(low, high)| [(low, high, 1), (low, high, tile)]);
    let mut case = |(low, high, columns): (isize, isize, usize)| {
        let (rows, columns) = (2 + random.below(4), columns + random.below(tile + 2));
        let height = window.padded(high, low, rows, random.below(stride));
        let width = window.padded(low, high, columns, random.below(stride));
        let shape = Shape { channels: 5, ..square(window, height, width) };
        Case { instance: Some(instance), ..case(instance.layout, shape, random) }
    };
    cases.map(&mut case).collect()
}

/// Trees of one to seven leaves.
fn trees(instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    for [batch, rows, columns] in TREES {
        let mut size = |size: Size, most: usize| match size {
            Size::Exactly(size) => size,
            Size::Any => 1 + random.below(most),
        };
        let (kernel, stride) = (size(instance.kernel, 5), size(instance.stride, 3));
        let window = Window { kernel, stride, dilation: 1 };
        let mut axis = |outputs: usize| {
            let pads = [Pads::Valid, Pads::Half, Pads::SameUpper, Pads::Full];
            window.place(random.pick(&pads), outputs, 0)
        };
        let (height, width) = (axis(rows), axis(columns));
        // A vector and one channel more, or two planes.
        let channels = if instance.layout == Layout::Nhwc { 5 } else { 2 };
        let shape = Shape { batch, channels, ..square(window, height, width) };
        let case = case(instance.layout, shape, random);
        cases.push(Case { instance: Some(instance), ..case });
    }
    cases
}

/// More channels than any instance sums together, of maps with two leaves.
fn blocks(instance: &'static Instance, random: &mut Random) -> Vec<Case> {
    let (Size::Exactly(kernel), Size::Exactly(stride)) = (instance.kernel, instance.stride) else {
        return Vec::new();
    };
    let window = Window { kernel, stride, dilation: 1 };
    let [height, width] = [3, 2].map(|outputs| window.place(Pads::Half, outputs, 0));
    let channels = if instance.layout == Layout::Nhwc { BLOCKS.map(|b| 4 * b + 1) } else { BLOCKS };
    let cases = channels.map(|channels| {
        let shape = Shape { channels, batch: 2, ..square(window, height, width) };
        Case { instance: Some(instance), ..case(instance.layout, shape, random) }
    });
    cases.into()
}

/// Vectors of channels, or planes: one more than some instance sums together.
const BLOCKS: [usize; 4] = [5, 9, 25, 50];
