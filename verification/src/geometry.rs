//! One axis of a case, made from the output size that it shall have.

/// Sizes along one axis that decide the input's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Kernel size.
    pub kernel: usize,
    /// Steps between windows.
    pub stride: usize,
    /// Steps between taps.
    pub dilation: usize,
}

/// How an axis is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pads {
    /// Not at all.
    Valid,
    /// Half the kernel on both sides; small maps have windows clipped on both.
    Half,
    /// TensorFlow's SAME: an odd element goes to the high side.
    SameUpper,
    /// ONNX's SAME_LOWER: an odd element goes to the low side.
    SameLower,
    /// All but one element of the kernel.
    Full,
    /// More than the kernel, so that some windows have no tap.
    Beyond,
    /// Negative.
    Crop,
}

impl Pads {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Valid,
        Self::Half,
        Self::SameUpper,
        Self::SameLower,
        Self::Full,
        Self::Beyond,
        Self::Crop,
    ];
}

/// Input size and padding of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Input size.
    pub input: usize,
    /// Padding before.
    pub low: isize,
    /// Padding after.
    pub high: isize,
}

impl Window {
    /// Elements that a window spans.
    pub fn extent(self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// An axis of `output` windows, or the fewest more that its padding makes of a single element.
    /// `slack` elements, less than the stride, are beyond the last window.
    pub fn place(self, pads: Pads, output: usize, slack: usize) -> Extent {
        let extent = self.extent() as isize;
        let (low, high) = match pads {
            Pads::Valid => (0, 0),
            Pads::Half => (extent / 2, extent / 2),
            Pads::SameUpper | Pads::SameLower => return self.same(pads, output, slack),
            Pads::Full => (extent - 1, extent - 1),
            Pads::Beyond => (extent + 1, extent + 2),
            Pads::Crop => (-1, -2),
        };
        self.padded(low, high, output, slack)
    }

    /// As [`place`](Self::place), with the padding itself.
    pub fn padded(self, low: isize, high: isize, output: usize, slack: usize) -> Extent {
        let padded = (output - 1) * self.stride + self.extent() + slack;
        let input = (padded as isize - low - high).max(1) as usize;
        Extent { input, low, high }
    }

    fn same(self, pads: Pads, output: usize, slack: usize) -> Extent {
        let input = output * self.stride - slack;
        let total = ((output - 1) * self.stride + self.extent()).saturating_sub(input) as isize;
        let (small, large) = (total / 2, total - total / 2);
        match pads {
            Pads::SameLower => Extent { input, low: large, high: small },
            _ => Extent { input, low: small, high: large },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use depthwise::Axis;

    #[test]
    fn outputs_are_as_asked_for() {
        for (kernel, stride, dilation) in [(1, 1, 1), (3, 2, 1), (4, 3, 2), (7, 1, 1), (5, 4, 3)] {
            let window = Window { kernel, stride, dilation };
            for (output, slack) in (1..20).flat_map(|o| (0..stride).map(move |s| (o, s))) {
                for pads in Pads::ALL {
                    let Extent { input, low, high } = window.place(pads, output, slack);
                    let axis = Axis::new(input, kernel, stride, dilation, low, high).unwrap();
                    assert!(axis.output() == output || (input == 1 && axis.output() > output));
                }
            }
        }
    }

    #[test]
    fn same_is_tensorflows() {
        let window = Window { kernel: 3, stride: 2, dilation: 1 };
        assert_eq!(window.place(Pads::SameUpper, 56, 0), Extent { input: 112, low: 0, high: 1 });
        assert_eq!(window.place(Pads::SameLower, 56, 0), Extent { input: 112, low: 1, high: 0 });
        assert_eq!(window.place(Pads::SameUpper, 4, 1), Extent { input: 7, low: 1, high: 1 });
    }
}
