//! Bad input is refused by name, and no output is touched.

use depthwise::{
    Activation, Argument, Conv, DescriptionError, Dimension, Error, INSTANCES, Instance, Isa,
    Layout, Padding, Update,
};
use depthwise_verification::Pass;

/// What an output holds before and, after a refusal, still.
const BEFORE: f32 = 7.5;

/// 2 images of 3 channels, multiplier 2, 5×6 to 3×4.
fn conv(layout: Layout) -> Conv {
    let builder = Conv::builder().batch(2).channels(3).multiplier(2).input([5, 6]).kernel([3, 3]);
    builder.layout(layout).build().expect("a convolution")
}

/// The arguments of a pass with their lengths, the results last.
fn arguments(conv: &Conv, pass: Pass) -> Vec<(Argument, usize)> {
    let problem = conv.problem();
    let (x, weights) = (problem.input_len(), problem.weights_len());
    let (bias, y) = (problem.output_channels(), problem.output_len());
    match pass {
        Pass::Forward => vec![
            (Argument::Input, x),
            (Argument::Weights, weights),
            (Argument::Bias, bias),
            (Argument::Output, y),
        ],
        Pass::GradInput => {
            vec![(Argument::GradOutput, y), (Argument::Weights, weights), (Argument::GradInput, x)]
        }
        Pass::GradWeight => {
            vec![(Argument::Input, x), (Argument::GradOutput, y), (Argument::GradWeight, weights)]
        }
        Pass::GradBias => vec![(Argument::GradOutput, y), (Argument::GradBias, bias)],
    }
}

/// Runs a pass with slices of these lengths.
fn refusal(conv: &Conv, pass: Pass, lens: &[usize], update: Update) -> Option<Error> {
    let slices: Vec<_> = lens.iter().map(|len| vec![BEFORE; *len]).collect();
    let (operands, results) = slices.split_at(slices.len() - 1);
    let mut results = results[0].clone();
    let result = match (pass, operands) {
        (Pass::Forward, [x, weights, bias]) => conv.forward(x, weights, Some(bias), &mut results),
        (Pass::GradInput, [gy, weights]) => conv.grad_input(gy, weights, &mut results, update),
        (Pass::GradWeight, [x, gy]) => conv.grad_weight(x, gy, &mut results, update),
        (Pass::GradBias, [gy]) => conv.grad_bias(gy, &mut results, update),
        _ => panic!("{} operands of {pass:?}", operands.len()),
    };
    let untouched = results.iter().all(|value| *value == BEFORE);
    assert_eq!(untouched, result.is_err());
    result.err()
}

#[test]
fn lengths_are_checked_for_each_argument() {
    let mut refused = 0;
    for (layout, pass) in Layout::ALL.into_iter().flat_map(|l| Pass::ALL.map(|pass| (l, pass))) {
        let conv = conv(layout);
        let arguments = arguments(&conv, pass);
        let lens: Vec<_> = arguments.iter().map(|(_, len)| *len).collect();
        for update in [Update::Overwrite, Update::Accumulate] {
            assert_eq!(refusal(&conv, pass, &lens, update), None);
            for (index, (argument, expected)) in arguments.iter().copied().enumerate() {
                for found in [0, expected - 1, expected + 1] {
                    let mut lens = lens.clone();
                    lens[index] = found;
                    let error = Error::Length { argument, expected, found };
                    assert_eq!(refusal(&conv, pass, &lens, update), Some(error));
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(refused, 2 * (4 + 3 + 3 + 2) * 2 * 3);
}

#[test]
fn zero_sizes_are_refused_by_name() {
    let builder = || Conv::builder().input([5, 6]).kernel([3, 2]);
    let refused = [
        (builder().batch(0), Dimension::Batch),
        (builder().channels(0), Dimension::Channels),
        (builder().multiplier(0), Dimension::Multiplier),
        (builder().input([0, 6]), Dimension::InputHeight),
        (builder().input([5, 0]), Dimension::InputWidth),
        (builder().kernel([0, 2]), Dimension::KernelHeight),
        (builder().kernel([3, 0]), Dimension::KernelWidth),
        (builder().stride([0, 1]), Dimension::StrideHeight),
        (builder().stride([1, 0]), Dimension::StrideWidth),
        (builder().dilation([0, 1]), Dimension::DilationHeight),
        (builder().dilation([1, 0]), Dimension::DilationWidth),
    ];
    for (builder, dimension) in refused {
        let error = builder.build().expect_err("refused");
        assert_eq!(error, Error::Description(DescriptionError::Zero(dimension)));
        assert!(error.to_string().contains(&dimension.to_string()), "{error}");
    }
}

#[test]
fn kernels_larger_than_the_padded_input_are_refused() {
    let builder = || Conv::builder().input([5, 6]).kernel([3, 3]);
    let padding = Padding { left: -2, right: -2, ..Padding::valid() };
    let refused = [
        (builder().kernel([6, 3]), Dimension::KernelHeight, 6, 5),
        (builder().kernel([3, 7]), Dimension::KernelWidth, 7, 6),
        (builder().dilation([3, 1]), Dimension::KernelHeight, 7, 5),
        (builder().padding(padding), Dimension::KernelWidth, 3, 2),
        (builder().padding(Padding::symmetric(-9, 0)), Dimension::KernelHeight, 3, 0),
    ];
    for (builder, dimension, extent, padded) in refused {
        let error = DescriptionError::KernelTooLarge { dimension, extent, padded };
        assert_eq!(builder.build().expect_err("refused"), Error::Description(error));
    }
}

/// No size makes an overflow, a panic or a small tensor of a large one.
#[test]
fn sizes_beyond_the_address_space_are_refused() {
    let builder = || Conv::builder().input([5, 6]).kernel([3, 3]);
    let mut refused = 0;
    for huge in [usize::MAX, usize::MAX / 2, usize::MAX / 4, 1 << (usize::BITS / 2)] {
        let pad = (huge / 2) as isize;
        for builder in [
            builder().batch(huge).channels(huge),
            builder().channels(huge).multiplier(huge),
            builder().input([huge, huge]),
            builder().input([huge, 6]).batch(huge),
            builder().padding(Padding::symmetric(pad, pad)),
            builder().kernel([huge, huge]),
            builder().dilation([huge, huge]),
            builder().channels(3).multiplier(usize::MAX / 3 + 1),
        ] {
            let error = builder.build().expect_err("refused");
            assert!(
                matches!(
                    error,
                    Error::Description(
                        DescriptionError::TooLarge(_) | DescriptionError::KernelTooLarge { .. }
                    )
                ),
                "{error}"
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 32);
    assert!(Conv::builder().stride([usize::MAX / 16; 2]).build().is_ok());
}

#[test]
fn clamps_that_are_no_interval_are_refused() {
    for (min, max) in [(1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::NAN)] {
        let error = Conv::builder().activation(Activation::Clamp { min, max }).build();
        let error = error.expect_err("refused");
        assert!(matches!(error, Error::Description(DescriptionError::Clamp { .. })), "{error}");
    }
}

#[test]
fn instruction_sets_that_are_not_there_are_refused() {
    let mut refused = 0;
    for isa in Isa::ALL {
        let built = Conv::builder().isa(isa).build();
        match built {
            Ok(conv) => assert!(isa.available() && conv.isa() == isa),
            Err(error) => {
                assert_eq!(error, Error::Unavailable(isa));
                assert!(!isa.available() && error.to_string().contains(isa.name()), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    assert!(Isa::best().available());
    assert!("abacus".parse::<Isa>().is_err());
}

#[test]
fn instances_that_do_not_fit_are_refused_by_name() {
    let (mut refused, mut taken) = (0, 0);
    for instance in INSTANCES {
        for layout in Layout::ALL {
            // No special instance has this window, and no instance both layouts.
            let builder = Conv::builder().input([5, 6]).kernel([2, 3]).layout(layout);
            let built = builder.instance(instance).build();
            if instance.kernel == depthwise::Size::Any && instance.layout == layout {
                let conv = built.expect("a general instance");
                let plans = [conv.plan(), conv.grad_input_plan(), conv.grad_weight_plan()];
                assert!(plans.iter().any(|plan| plan.instance() == instance));
                taken += 1;
            } else {
                let error = DescriptionError::Instance(instance.name);
                assert_eq!(built.expect_err("refused"), Error::Description(error));
                refused += 1;
            }
        }
    }
    // A sweep and a reduction for each layout are the least.
    assert!(taken >= 4 && taken + refused == 2 * INSTANCES.len());
    assert_eq!(Instance::by_name("forward_f32_nhwc_3s1_9x9x9"), None);
}
