//! Bad input is refused by name, and no output is touched.

use depthwise::{
    Activation, Argument, Conv, DescriptionError, Dimension, Error, INSTANCES, Instance, Isa,
    Layout, Padding,
};

/// What an output holds before and, after a refusal, still.
const BEFORE: f32 = 7.5;

/// 2 images of 3 channels, multiplier 2, 5×6 to 3×4.
fn conv(layout: Layout) -> Conv {
    let builder = Conv::builder().batch(2).channels(3).multiplier(2).input([5, 6]).kernel([3, 3]);
    builder.layout(layout).build().expect("a convolution")
}

/// Runs with lengths that are `off` more than right, in the order input, weights, bias, output.
fn refusal(conv: &Conv, off: [isize; 4]) -> Option<Error> {
    let problem = conv.problem();
    let lens = [
        problem.input_len(),
        problem.weights_len(),
        problem.output_channels(),
        problem.output_len(),
    ];
    let [x, weights, bias, mut y] = [0, 1, 2, 3].map(|argument| {
        vec![BEFORE; lens[argument].checked_add_signed(off[argument]).expect("a length")]
    });
    let result = conv.forward(&x, &weights, Some(&bias), &mut y);
    let untouched = y.iter().all(|value| *value == BEFORE);
    assert_eq!(untouched, result.is_err());
    result.err()
}

#[test]
fn lengths_are_checked_for_each_argument() {
    for layout in Layout::ALL {
        let conv = conv(layout);
        assert_eq!(refusal(&conv, [0; 4]), None);
        let arguments = [
            (Argument::Input, conv.problem().input_len()),
            (Argument::Weights, conv.problem().weights_len()),
            (Argument::Bias, conv.problem().output_channels()),
            (Argument::Output, conv.problem().output_len()),
        ];
        for (index, (argument, expected)) in arguments.into_iter().enumerate() {
            for off in [-(expected as isize), -1, 1] {
                let mut offs = [0; 4];
                offs[index] = off;
                let found = expected.checked_add_signed(off).expect("a length");
                let error = Error::Length { argument, expected, found };
                assert_eq!(refusal(&conv, offs), Some(error));
            }
        }
    }
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
    let mut refused = 0;
    for instance in INSTANCES {
        for layout in Layout::ALL {
            // No special instance has this window, and no instance both layouts.
            let builder = Conv::builder().input([5, 6]).kernel([2, 3]).layout(layout);
            let built = builder.instance(instance).build();
            if instance.kernel == depthwise::Size::Any && instance.layout == layout {
                let conv = built.expect("the general instance");
                assert_eq!(conv.plan().instance(), instance);
            } else {
                let error = DescriptionError::Instance(instance.name);
                assert_eq!(built.expect_err("refused"), Error::Description(error));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 2 * INSTANCES.len() - Layout::ALL.len());
    assert_eq!(Instance::by_name("forward_f32_nhwc_3s1_9x9x9"), None);
}
