//! The sizes of a convolution.

/// Sizes of a convolution, in elements. Pairs are `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub batch: usize,
    /// Input channels.
    pub channels: usize,
    /// Output channels for each input channel.
    pub multiplier: usize,
    /// Input size.
    pub input: [usize; 2],
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub stride: [usize; 2],
    /// Steps between taps.
    pub dilation: [usize; 2],
    /// Padding above and left; negative crops.
    pub low: [isize; 2],
    /// Padding below and right; negative crops.
    pub high: [isize; 2],
}

impl Shape {
    /// Output size, `[oh, ow]`.
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let padded = self.input[axis] as isize + self.low[axis] + self.high[axis];
            let extent = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            (padded as usize - extent) / self.stride[axis] + 1
        })
    }

    /// Output channels.
    pub fn output_channels(&self) -> usize {
        self.channels * self.multiplier
    }

    /// Where window `result` puts tap `tap`, unless that is padding.
    pub(crate) fn position(&self, axis: usize, result: usize, tap: usize) -> Option<usize> {
        let padded = result * self.stride[axis] + tap * self.dilation[axis];
        usize::try_from(padded as isize - self.low[axis]).ok().filter(|&i| i < self.input[axis])
    }

    /// Number of taps that window `result` has inside the input.
    pub fn taps(&self, axis: usize, result: usize) -> usize {
        (0..self.kernel[axis]).filter_map(|tap| self.position(axis, result, tap)).count()
    }

    /// Whether every size is at least 1 and there is a window.
    pub fn is_possible(&self) -> bool {
        let Self { batch, channels, multiplier, input, kernel, stride, dilation, low, high } = self;
        let windows = (0..2).all(|axis| {
            let padded = input[axis] as isize + low[axis] + high[axis];
            let sizes = [input[axis], kernel[axis], stride[axis], dilation[axis]];
            !sizes.contains(&0) && padded > ((kernel[axis] - 1) * dilation[axis]) as isize
        });
        ![batch, channels, multiplier].contains(&&0) && windows
    }
}
