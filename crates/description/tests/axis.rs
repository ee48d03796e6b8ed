//! Axes by brute force: what each window reads, counted window by window and tap by tap.

use depthwise_description::{Axis, DescriptionError, Dimension};

/// All small axes that have a window.
fn axes() -> impl Iterator<Item = Axis> {
    let sizes = (1..=7).flat_map(|input| (1..=5).map(move |kernel| (input, kernel)));
    let steps =
        sizes.flat_map(|sizes| (1..=3).flat_map(move |s| (1..=2).map(move |d| (sizes, s, d))));
    let pads = || (-3..=5).flat_map(|low| (-2..=3).map(move |high| (low, high)));
    let all = steps.flat_map(move |steps| pads().map(move |pads| (steps, pads)));
    all.filter_map(|(((input, kernel), stride, dilation), (low, high))| {
        Axis::new(input, kernel, stride, dilation, low, high).ok()
    })
}

/// Where a window puts a tap, if that is in the input.
fn position(axis: &Axis, window: usize, tap: usize) -> Option<usize> {
    let padded = (window * axis.stride() + tap * axis.dilation()) as isize;
    usize::try_from(padded - axis.pad_low()).ok().filter(|at| *at < axis.input())
}

/// Taps of a window that are in the input.
fn taps(axis: &Axis, window: usize) -> usize {
    (0..axis.kernel()).filter(|tap| position(axis, window, *tap).is_some()).count()
}

/// Windows with so many taps in the input, which follow each other.
fn windows(axis: &Axis, which: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..axis.output()).filter(|window| which(taps(axis, *window))).collect()
}

#[test]
fn there_are_axes_of_every_kind() {
    assert!(axes().count() > 5000);
}

#[test]
fn sizes_are_given_back() {
    let axis = Axis::new(19, 5, 2, 3, 4, -6).unwrap();
    assert_eq!((axis.input(), axis.kernel(), axis.stride(), axis.dilation()), (19, 5, 2, 3));
    assert_eq!((axis.pad_low(), axis.pad_high(), axis.extent(), axis.output()), (4, -6, 13, 3));
}

#[test]
fn the_last_window_is_the_last_that_fits() {
    for axis in axes() {
        let padded = axis.input() as isize + axis.pad_low() + axis.pad_high();
        let end = |windows: usize| ((windows - 1) * axis.stride() + axis.extent()) as isize;
        assert!(end(axis.output()) <= padded && end(axis.output() + 1) > padded, "{axis:?}");
    }
}

#[test]
fn live_windows_have_a_tap() {
    for axis in axes().filter(|axis| axis.dilation() == 1) {
        assert_eq!(
            axis.live_windows().collect::<Vec<_>>(),
            windows(&axis, |taps| taps > 0),
            "{axis:?}"
        );
    }
}

#[test]
fn whole_windows_have_every_tap() {
    for axis in axes() {
        let whole = windows(&axis, |taps| taps == axis.kernel());
        assert_eq!(axis.whole_windows().collect::<Vec<_>>(), whole, "{axis:?}");
    }
}

#[test]
fn products_are_taps_in_the_input() {
    for axis in axes() {
        let products: usize = (0..axis.output()).map(|window| taps(&axis, window)).sum();
        assert_eq!(axis.products(), products, "{axis:?}");
    }
}

#[test]
fn dense_taps_are_those_in_the_input() {
    for axis in axes().filter(|axis| axis.dilation() == 1) {
        for window in 0..axis.output() {
            let inside = |tap: &usize| position(&axis, window, *tap).is_some();
            let inside: Vec<_> = (0..axis.kernel()).filter(inside).collect();
            assert_eq!(axis.dense_taps(window).collect::<Vec<_>>(), inside, "{axis:?}");
        }
    }
}

#[test]
fn pairs_hold_what_both_take() {
    let mut pairs = 0;
    for axis in axes() {
        let Some(found) = axis.pairs() else {
            let odd = axis.kernel() % 2 == 1;
            assert!(axis.stride() != 2 || axis.dilation() != 1 || !odd, "{axis:?}");
            continue;
        };
        let windows = found.windows;
        assert_eq!((windows.input(), windows.output()), (axis.output(), axis.input().div_ceil(2)));
        for window in 0..axis.output() {
            for tap in 0..axis.kernel() {
                let Some(at) = position(&axis, window, tap) else { continue };
                let element = window as isize + windows.pad_low() - (at / 2) as isize;
                assert!((0..windows.kernel() as isize).contains(&element), "{axis:?}");
                let even = 2 * (windows.kernel() as isize - 1 - element);
                let odd = if found.odd_first { even - 1 } else { even + 1 };
                let first = at % 2 == 0;
                assert_eq!(
                    tap as isize,
                    if first == found.odd_first { odd } else { even },
                    "{axis:?}"
                );
                pairs += 1;
            }
        }
    }
    assert!(pairs > 1000);
}

#[test]
fn limits_are_where_they_are_said_to_be() {
    const LIMIT: usize = isize::MAX as usize / 8;
    let far = LIMIT as isize;
    assert!(Axis::new(LIMIT, 1, LIMIT, LIMIT, far, far).is_ok());
    assert!(Axis::new(LIMIT, LIMIT, 1, 1, 0, 0).is_ok());
    assert!(Axis::new(LIMIT, 2, 1, LIMIT - 1, 0, 0).is_ok());
    let too_large = |axis: Result<Axis, DescriptionError>, dimension| {
        assert_eq!(axis, Err(DescriptionError::TooLarge(dimension)));
    };
    too_large(Axis::new(LIMIT + 1, 1, 1, 1, 0, 0), Dimension::InputHeight);
    too_large(Axis::new(1, LIMIT + 1, 1, 1, 0, 0), Dimension::KernelHeight);
    too_large(Axis::new(1, 1, LIMIT + 1, 1, 0, 0), Dimension::StrideHeight);
    too_large(Axis::new(1, 1, 1, LIMIT + 1, 0, 0), Dimension::DilationHeight);
    too_large(Axis::new(1, 1, 1, 1, far + 1, 0), Dimension::PaddingHeight);
    too_large(Axis::new(1, 1, 1, 1, 0, -far - 1), Dimension::PaddingHeight);
    too_large(Axis::new(LIMIT, 2, 1, LIMIT, 0, 0), Dimension::KernelHeight);
    too_large(Axis::new(LIMIT, LIMIT, 1, LIMIT, 0, 0), Dimension::KernelHeight);
}
