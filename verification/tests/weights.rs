//! Weights between layouts.

use depthwise::{Argument, Error, Layout, convert_weights};
use depthwise_verification::{Pass, cases, order};

#[test]
fn every_weight_finds_its_place() {
    let mut moved = 0;
    for case in cases::of(Pass::Forward) {
        let (shape, channels) = (&case.shape, case.shape.output_channels());
        let len = channels * shape.kernel[0] * shape.kernel[1];
        let from: Vec<f32> = (0..len).map(|index| index as f32).collect();
        for layout in Layout::ALL {
            let mut to = vec![f32::NAN; len];
            let (source, target) = ((&*from, case.layout), (&mut *to, layout));
            convert_weights(source, target, shape.kernel, channels).expect("right lengths");
            for [_, o, u, v] in order::coordinates(1, channels, shape.kernel) {
                let at = |layout| order::weight(layout, shape, [o, u, v]);
                assert_eq!(from[at(case.layout)], to[at(layout)]);
                moved += 1;
            }
        }
    }
    assert!(moved > 100_000);
}

#[test]
fn wrong_lengths_are_refused_by_name() {
    let convert = |from: usize, to: usize, kernel, channels| {
        let (from, mut to) = (vec![1.0; from], vec![2.0; to]);
        let result =
            convert_weights((&from, Layout::Nhwc), (&mut to, Layout::Nchw), kernel, channels);
        assert!(result.is_ok() || to.iter().all(|value| *value == 2.0));
        result
    };
    let refused = |argument, expected, found| Err(Error::Length { argument, expected, found });
    assert_eq!(convert(12, 12, [2, 3], 2), Ok(()));
    assert_eq!(convert(11, 12, [2, 3], 2), refused(Argument::Weights, 12, 11));
    assert_eq!(convert(12, 13, [2, 3], 2), refused(Argument::Output, 12, 13));
    // Sizes whose product overflows are those of no slice, unless one of them is 0.
    let huge = usize::MAX;
    assert_eq!(convert(4, 4, [huge, 4], 3), refused(Argument::Weights, huge, 4));
    assert_eq!(convert(0, 0, [huge, 2], 0), Ok(()));
}
