//! The weight gradient of a large batch: its error grows with the depth of the tree that it is
//! summed over, and not with the number of positions.

use depthwise::{Layout, Update};
use depthwise_verification::random::Random;
use depthwise_verification::reference::{Sum, grad_bias, grad_weight};
use depthwise_verification::{Case, Pass, Shape, bound, cases, harness, order, tree};

/// 64 images of the first depthwise layer of MobileNetV2, of few channels.
const SHAPE: Shape = Shape {
    batch: 64,
    channels: 2,
    multiplier: 1,
    input: [112, 112],
    kernel: [3, 3],
    stride: [1, 1],
    dilation: [1, 1],
    low: [1, 1],
    high: [1, 1],
};

/// Products that the middle tap has.
const POSITIONS: usize = 64 * 112 * 112;

/// The reference's sums of the weight gradient, then of the bias gradient.
fn sums(layout: Layout, x: &[f32], gy: &[f32]) -> Vec<Sum> {
    let x = |at| f64::from(x[order::input(layout, &SHAPE, at)]);
    let gy = |at| f64::from(gy[order::output(layout, &SHAPE, at)]);
    [grad_weight(&SHAPE, x, gy), grad_bias(&SHAPE, gy)].concat()
}

#[test]
fn errors_grow_with_the_depth_of_the_tree() {
    // Numbers of mean ½: the sums grow with every term, and with them the roundings.
    let mut random = Random::new(64);
    let mut operand = || -> Vec<f32> {
        let len = SHAPE.channels * POSITIONS;
        (0..len).map(|_| random.signed_unit() * 0.5 + 0.5).collect()
    };
    let (x, gy) = (operand(), operand());
    let depth = tree::depth(&SHAPE);
    assert_eq!((POSITIONS, depth), (802_816, 128 + 13 + 2));
    for layout in Layout::ALL {
        let sums = sums(layout, &x, &gy);
        let results = order::results(Pass::GradWeight, &SHAPE)
            .map(|[_, o, u, v]| order::weight(layout, &SHAPE, [o, u, v]));
        let places: Vec<usize> = results.collect();
        assert!(sums.iter().any(|sum| sum.terms == POSITIONS));
        for isa in harness::isas() {
            let case =
                Case { shape: SHAPE, layout, instance: None, ..cases::of(Pass::GradWeight)[0] };
            let conv = case.conv(isa).expect("a convolution");
            let (mut gw, mut gb) = (vec![0.0; places.len()], vec![0.0; SHAPE.channels]);
            conv.grad_weight(&x, &gy, &mut gw, Update::Overwrite).expect("right lengths");
            conv.grad_bias(&gy, &mut gb, Update::Overwrite).expect("right lengths");
            let values: Vec<f32> = places.iter().map(|place| gw[*place]).chain(gb).collect();
            assert_eq!(values.len(), sums.len());
            let mut worst: f64 = 0.0;
            for (value, sum) in values.iter().zip(&sums) {
                let error = (f64::from(*value) - sum.value).abs();
                let share = error / bound::at_depth(sum, depth);
                // Not even a thousandth of what sums in any order are allowed.
                assert!(error * 1000.0 < bound::of(sum), "{isa} {layout}: {value} {sum:?}");
                assert!(share <= 1.0, "{isa} {layout}: {value} {sum:?}");
                worst = worst.max(share);
            }
            // Exact results would be those of something else.
            assert!(worst > 1e-4, "{isa} {layout}: {worst}");
            println!("{isa} {layout}: at most {worst:.4} of the bound");
        }
    }
}
