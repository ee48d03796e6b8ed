//! Layers of real networks, and input gradients of every stride.

use depthwise::{Activation, Layout, Machine, Update};

use super::{OFFSETS, UPDATES};
use crate::case::Case;
use crate::data::Data;
use crate::geometry::{Pads, Window};
use crate::pass::Pass;
use crate::random::Random;
use crate::shape::Shape;

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

/// Layers of networks with few channels, as the plan would run them.
pub(super) fn layers(pass: Pass, random: &mut Random) -> Vec<Case> {
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
                    offset: random.below(OFFSETS),
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
pub(super) fn residues(random: &mut Random) -> Vec<Case> {
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
                    // In turns, so that none is rare.
                    multiplier: 1 + cases.len() % 5,
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
