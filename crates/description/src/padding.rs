/// Rows and columns added around the input, in elements. Padding is never materialised: taps that
/// fall into it are skipped.
///
/// Negative padding crops: the window grid starts later or stops short, and the cropped elements
/// are not read.
///
/// The sides are named because lists of them are not alike: ONNX orders them
/// `[top, left, bottom, right]`, WebNN `[top, bottom, left, right]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Padding {
    /// Rows above the input.
    pub top: isize,
    /// Rows below the input.
    pub bottom: isize,
    /// Columns left of the input.
    pub left: isize,
    /// Columns right of the input.
    pub right: isize,
}

impl Padding {
    /// No padding: windows lie wholly inside the input.
    #[must_use]
    pub const fn valid() -> Self {
        Self { top: 0, bottom: 0, left: 0, right: 0 }
    }

    /// `height` rows above and below, `width` columns left and right (PyTorch, Caffe).
    #[must_use]
    pub const fn symmetric(height: isize, width: isize) -> Self {
        Self { top: height, bottom: height, left: width, right: width }
    }

    /// The padding with which the output has `⌈input / stride⌉` elements; an odd element goes to
    /// the bottom and right (TensorFlow's SAME, ONNX's `SAME_UPPER`). All `[h][w]`.
    ///
    /// Sizes of 0 give no padding; they are refused where a problem is built from them.
    #[must_use]
    pub const fn same_upper(
        input: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
    ) -> Self {
        let height = same_total(input[0], kernel[0], stride[0], dilation[0]);
        let width = same_total(input[1], kernel[1], stride[1], dilation[1]);
        Self {
            top: height / 2,
            bottom: height - height / 2,
            left: width / 2,
            right: width - width / 2,
        }
    }

    /// As [`same_upper`](Self::same_upper), but an odd element goes to the top and left (ONNX's
    /// `SAME_LOWER`).
    #[must_use]
    pub const fn same_lower(
        input: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
    ) -> Self {
        let upper = Self::same_upper(input, kernel, stride, dilation);
        Self { top: upper.bottom, bottom: upper.top, left: upper.right, right: upper.left }
    }

    /// From ONNX's order, `[top, left, bottom, right]`.
    #[must_use]
    pub const fn from_onnx(pads: [isize; 4]) -> Self {
        Self { top: pads[0], left: pads[1], bottom: pads[2], right: pads[3] }
    }

    /// From WebNN's order, `[top, bottom, left, right]`.
    #[must_use]
    pub const fn from_webnn(padding: [isize; 4]) -> Self {
        Self { top: padding[0], bottom: padding[1], left: padding[2], right: padding[3] }
    }
}

/// Total padding of TensorFlow's SAME, `max((⌈input/stride⌉ − 1)·stride + extent − input, 0)`.
const fn same_total(input: usize, kernel: usize, stride: usize, dilation: usize) -> isize {
    if input == 0 || kernel == 0 || stride == 0 {
        return 0;
    }
    let extent = (kernel - 1).saturating_mul(dilation).saturating_add(1);
    let windows = (input - 1) / stride;
    let total = (windows * stride).saturating_add(extent).saturating_sub(input);
    if total > isize::MAX as usize { isize::MAX } else { total as isize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_of_tensorflow() {
        let same = |input, kernel, stride, dilation| {
            let [i, k, s, d] = [[input; 2], [kernel; 2], [stride; 2], [dilation; 2]];
            let (upper, lower) = (Padding::same_upper(i, k, s, d), Padding::same_lower(i, k, s, d));
            assert_eq!((upper.top, upper.bottom), (upper.left, upper.right));
            assert_eq!((lower.top, lower.bottom), (upper.bottom, upper.top));
            (upper.top, upper.bottom)
        };
        assert_eq!(same(112, 3, 1, 1), (1, 1));
        assert_eq!(same(112, 3, 2, 1), (0, 1));
        assert_eq!(same(56, 5, 2, 1), (1, 2));
        assert_eq!(same(7, 3, 2, 1), (1, 1));
        assert_eq!(same(33, 3, 1, 2), (2, 2));
        assert_eq!(same(10, 1, 3, 1), (0, 0));
    }

    #[test]
    fn orders() {
        let padding = Padding { top: 1, bottom: 2, left: 3, right: 4 };
        assert_eq!(Padding::from_onnx([1, 3, 2, 4]), padding);
        assert_eq!(Padding::from_webnn([1, 2, 3, 4]), padding);
    }

    #[test]
    fn hostile_sizes_do_not_overflow() {
        let huge = [usize::MAX; 2];
        assert_eq!(Padding::same_upper([9; 2], huge, [1; 2], huge).top, isize::MAX / 2);
        for [input, kernel, stride] in [[0, 3, 1], [9, 0, 1], [9, 3, 0], [0, usize::MAX, 0]] {
            let padding = Padding::same_upper([input; 2], [kernel; 2], [stride; 2], [1; 2]);
            assert_eq!(padding, Padding::valid());
        }
    }
}
