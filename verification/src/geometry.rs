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

impl Extent {
    /// The axis whose results are this one's, turned round: its forward pass at stride 1 is the input
    /// gradient of this one, and the other way round.
    pub fn adjoint(self, window: Window) -> Self {
        let full = window.extent() as isize - 1;
        let output = self.input as isize + self.low + self.high - full;
        Self { input: output as usize, low: full - self.low, high: full - self.high }
    }
}

impl Window {
    /// Elements that a window spans.
    pub fn extent(self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// An axis of `output` windows, or the fewest more that its padding makes of a single element.
    /// `slack` elements, less than the stride, are beyond the last window.
    pub fn place(self, pads: Pads, output: usize, slack: usize) -> Extent {
        match self.pads(pads) {
            Some([low, high]) => self.padded(low, high, output, slack),
            None => self.same(pads, output, slack),
        }
    }

    /// An axis of `input` elements, with what more padding its high side needs for a window.
    pub fn over(self, pads: Pads, input: usize) -> Extent {
        let Some([low, high]) = self.pads(pads) else {
            let output = input.div_ceil(self.stride);
            return self.same(pads, output, output * self.stride - input);
        };
        let missing = self.extent() as isize - input as isize - low - high;
        Extent { input, low, high: high + missing.max(0) }
    }

    /// Padding that doesn't depend on the input's size.
    fn pads(self, pads: Pads) -> Option<[isize; 2]> {
        let extent = self.extent() as isize;
        Some(match pads {
            Pads::Valid => [0, 0],
            Pads::Half => [extent / 2, extent / 2],
            Pads::SameUpper | Pads::SameLower => return None,
            Pads::Full => [extent - 1, extent - 1],
            Pads::Beyond => [extent + 1, extent + 2],
            Pads::Crop => [-1, -2],
        })
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
    fn the_adjoint_of_the_adjoint_is_the_axis() {
        let window = Window { kernel: 3, stride: 1, dilation: 2 };
        for pads in Pads::ALL {
            let axis = window.place(pads, 6, 0);
            assert_eq!(axis.adjoint(window).adjoint(window), axis);
        }
        let axis = Extent { input: 6, low: 1, high: 0 };
        assert_eq!(axis.adjoint(window), Extent { input: 3, low: 3, high: 4 });
    }

    #[test]
    fn inputs_are_as_asked_for() {
        let window = Window { kernel: 5, stride: 2, dilation: 1 };
        for (input, pads) in (1..20).flat_map(|input| Pads::ALL.map(move |pads| (input, pads))) {
            let Extent { input: size, low, high } = window.over(pads, input);
            assert!(size == input && Axis::new(input, 5, 2, 1, low, high).is_ok());
        }
        let placed = window.place(Pads::SameUpper, 4, 1);
        assert_eq!(window.over(Pads::SameUpper, 7), placed);
    }

    #[test]
    fn same_is_tensorflows() {
        let window = Window { kernel: 3, stride: 2, dilation: 1 };
        assert_eq!(window.place(Pads::SameUpper, 56, 0), Extent { input: 112, low: 0, high: 1 });
        assert_eq!(window.place(Pads::SameLower, 56, 0), Extent { input: 112, low: 1, high: 0 });
        assert_eq!(window.place(Pads::SameUpper, 4, 1), Extent { input: 7, low: 1, high: 1 });
    }
}
