//! Gradients of weights and biases whose sums are trees of every form, and of many channels.

use depthwise::{Activation, Body, INSTANCES, Instance, Layout, Machine, Size};

use super::{OFFSETS, UPDATES};
use crate::case::Case;
use crate::data::Data;
use crate::geometry::{Extent, Pads, Window};
use crate::pass::Pass;
use crate::random::Random;
use crate::shape::Shape;

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

/// The cases of weight gradients.
pub(super) fn weights(random: &mut Random) -> Vec<Case> {
    let instances = || INSTANCES.iter().filter(|i| Pass::GradWeight.is_computed_by(i));
    let mut cases: Vec<Case> = instances().flat_map(|i| trees(i, random)).collect();
    cases.extend(instances().flat_map(|instance| blocks(instance, random)));
    cases
}

/// The cases of bias gradients, whose windows are those of a few weight gradients.
pub(super) fn biases(random: &mut Random) -> Vec<Case> {
    let general = INSTANCES.iter().filter(|instance| instance.body == Body::Span);
    let general = general.filter(|instance| Pass::GradWeight.is_computed_by(instance));
    let cases = general.flat_map(|instance| trees(instance, random));
    cases.map(|case| Case { pass: Pass::GradBias, instance: None, ..case }).collect()
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
