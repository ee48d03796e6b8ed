//! The public interface against the definition, on small whole numbers, which leave nothing to round.

use depthwise::{
    Activation, Argument, Builder, Conv, Error, INSTANCES, Instance, Isa, Layout, Machine, Padding,
    Pass, Update,
};

const N: usize = 2;
const C: usize = 3;
const M: usize = 2;
const INPUT: [usize; 2] = [5, 6];
const KERNEL: [usize; 2] = [3, 2];
const STRIDE: [usize; 2] = [2, 1];
const DILATION: [usize; 2] = [1, 2];
const PADDING: Padding = Padding { top: 1, bottom: 2, left: 0, right: 1 };
const OUTPUT: [usize; 2] = [3, 5];

fn builder(layout: Layout) -> Builder {
    let builder = Conv::builder().batch(N).channels(C).multiplier(M).input(INPUT).kernel(KERNEL);
    builder.stride(STRIDE).dilation(DILATION).padding(PADDING).layout(layout)
}

/// Whole numbers from −4 to 4.
fn data(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|index| ((index * 7 + seed) * 5 % 9) as f32 - 4.0).collect()
}

/// Place of an element of `[n][h][w][c]` or `[n][c][h][w]`.
fn place(layout: Layout, channels: usize, [height, width]: [usize; 2], at: [usize; 4]) -> usize {
    let [n, c, h, w] = at;
    match layout {
        Layout::Nhwc => ((n * height + h) * width + w) * channels + c,
        Layout::Nchw => ((n * channels + c) * height + h) * width + w,
    }
}

/// Calls `each` with the places of input, weight and output of every product.
fn products(layout: Layout, mut each: impl FnMut(usize, usize, usize)) {
    let pads = [PADDING.top, PADDING.left];
    let all =
        |sizes: [usize; 2]| (0..sizes[0] * sizes[1]).map(move |i| [i / sizes[1], i % sizes[1]]);
    for (n, o) in (0..N).flat_map(|n| (0..C * M).map(move |o| (n, o))) {
        for (out, tap) in all(OUTPUT).flat_map(|out| all(KERNEL).map(move |tap| (out, tap))) {
            let at = [0, 1].map(|axis| {
                let padded = out[axis] * STRIDE[axis] + tap[axis] * DILATION[axis];
                usize::try_from(padded as isize - pads[axis]).ok().filter(|at| *at < INPUT[axis])
            });
            let [Some(h), Some(w)] = at else { continue };
            each(
                place(layout, C, INPUT, [n, o / M, h, w]),
                place(layout, C * M, KERNEL, [0, o, tap[0], tap[1]]),
                place(layout, C * M, OUTPUT, [n, o, out[0], out[1]]),
            );
        }
    }
}

#[test]
fn passes_are_those_of_the_definition() {
    for layout in Layout::ALL {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.available()) {
            let conv = builder(layout).isa(isa).build().unwrap();
            let lens = (conv.problem().input_len(), conv.problem().weights_len());
            let len = conv.problem().output_len();
            let (x, weights, bias) = (data(lens.0, 1), data(lens.1, 2), data(C * M, 3));
            let gy = data(len, 4);
            let channel = |at: usize| match layout {
                Layout::Nhwc => at % (C * M),
                Layout::Nchw => at / (OUTPUT[0] * OUTPUT[1]) % (C * M),
            };
            let mut y: Vec<_> = (0..len).map(|at| bias[channel(at)]).collect();
            let (mut gx, mut gw, mut gb) = (vec![0.0; lens.0], vec![0.0; lens.1], vec![0.0; C * M]);
            products(layout, |input, weight, output| {
                y[output] += x[input] * weights[weight];
                gx[input] += gy[output] * weights[weight];
                gw[weight] += gy[output] * x[input];
            });
            gy.iter().enumerate().for_each(|(at, gy)| gb[channel(at)] += gy);

            let mut found = vec![9.0; len];
            conv.forward(&x, &weights, Some(&bias), &mut found).unwrap();
            assert_eq!(found, y);
            for (update, before) in [(Update::Overwrite, 0.0), (Update::Accumulate, 9.0)] {
                let sum = |values: &[f32]| values.iter().map(|value| value + before).collect();
                let [gx, gw, gb]: [Vec<f32>; 3] = [&gx, &gw, &gb].map(|values| sum(values));
                let mut found = vec![9.0; lens.0];
                conv.grad_input(&gy, &weights, &mut found, update).unwrap();
                assert_eq!(found, gx);
                let mut found = vec![9.0; lens.1];
                conv.grad_weight(&x, &gy, &mut found, update).unwrap();
                assert_eq!(found, gw);
                let mut found = vec![9.0; C * M];
                conv.grad_bias(&gy, &mut found, update).unwrap();
                assert_eq!(found, gb);
            }
        }
    }
}

#[test]
fn what_is_asked_for_is_planned() {
    let activation = Activation::Clamp { min: -1.0, max: 2.0 };
    for machine in Machine::ALL {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.available()) {
            let asked = builder(Layout::Nchw).activation(activation);
            let conv = asked.isa(isa).machine(machine).build().unwrap();
            let plans = [conv.plan(), conv.grad_input_plan(), conv.grad_weight_plan()];
            assert_eq!(
                plans.map(|plan| plan.problem().pass()),
                [Pass::Forward, Pass::GradInput, Pass::GradWeight]
            );
            assert!(plans.iter().all(|plan| plan.machine() == machine));
            assert_eq!((conv.isa(), conv.problem().activation()), (isa, activation));
        }
    }
    let conv = builder(Layout::Nchw).build().unwrap();
    assert_eq!(conv.isa(), Isa::best());
    assert_eq!(conv.input_shape(), [N, C, 5, 6]);
    assert_eq!(conv.weights_shape(), [C * M, 3, 2]);
    assert_eq!(conv.output_shape(), [N, C * M, 3, 5]);
    let same = |builder: Builder| {
        let conv = builder.dilation([1; 2]).kernel([3, 4]).build().unwrap();
        let width = conv.problem().width();
        [width.pad_low(), width.pad_high()]
    };
    assert_eq!(same(builder(Layout::Nhwc).same_upper()), [1, 2]);
    assert_eq!(same(builder(Layout::Nhwc).same_lower()), [2, 1]);
}

#[test]
fn an_instance_is_used_by_the_passes_that_it_computes() {
    let square = Conv::builder().channels(4).input([9; 2]).kernel([3; 2]);
    let instance = |name| Instance::by_name(name).unwrap();
    let [row, taps] =
        ["forward_f32_nhwc_3s1_1x4x4", "grad_weight_f32_nhwc_any_1x1x1"].map(instance);
    let plans = |conv: &Conv| {
        [conv.plan(), conv.grad_input_plan(), conv.grad_weight_plan()].map(|plan| plan.instance())
    };
    let conv = square.instance(row).build().unwrap();
    let [forward, grad_input, grad_weight] = plans(&conv);
    assert_eq!([forward, grad_input], [row; 2]);
    assert_ne!(grad_weight, taps);
    let conv = square.instance(taps).build().unwrap();
    assert_eq!(plans(&conv)[2], taps);
    let other = INSTANCES.iter().find(|i| i.layout == Layout::Nchw).unwrap();
    let refused = square.instance(other).build().unwrap_err();
    assert!(refused.to_string().contains(other.name), "{refused}");
}

#[test]
fn refusals_name_the_argument() {
    let conv = builder(Layout::Nhwc).build().unwrap();
    let (x, weights) = (data(2 * 3 * 30, 0), data(36, 0));
    let mut y = [7.0; 3];
    let expected = conv.problem().output_len();
    let refused = conv.forward(&x, &weights, None, &mut y).unwrap_err();
    assert_eq!(refused, Error::Length { argument: Argument::Output, expected, found: 3 });
    assert_eq!(refused.to_string(), "output has 3 elements, expected 180");
    assert_eq!(y, [7.0; 3]);
    let missing = Isa::ALL.into_iter().find(|isa| !isa.available()).unwrap();
    let refused = builder(Layout::Nhwc).isa(missing).build().unwrap_err();
    assert_eq!(refused, Error::Unavailable(missing));
    assert!(refused.to_string().contains(missing.name()), "{refused}");
    let refused = builder(Layout::Nhwc).batch(0).build().unwrap_err();
    assert_eq!(refused.to_string(), "batch is 0, it must be at least 1");
}
