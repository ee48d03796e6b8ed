use core::fmt;

/// A size that a problem is described with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dimension {
    /// Number of images.
    Batch,
    /// Number of input channels.
    Channels,
    /// Output channels for each input channel.
    Multiplier,
    /// Rows of the input.
    InputHeight,
    /// Columns of the input.
    InputWidth,
    /// Rows of the kernel.
    KernelHeight,
    /// Columns of the kernel.
    KernelWidth,
    /// Step between windows, in rows.
    StrideHeight,
    /// Step between windows, in columns.
    StrideWidth,
    /// Step between the taps of a window, in rows.
    DilationHeight,
    /// Step between the taps of a window, in columns.
    DilationWidth,
    /// Rows added above and below.
    PaddingHeight,
    /// Columns added left and right.
    PaddingWidth,
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Batch => "batch",
            Self::Channels => "channels",
            Self::Multiplier => "multiplier",
            Self::InputHeight => "input height",
            Self::InputWidth => "input width",
            Self::KernelHeight => "kernel height",
            Self::KernelWidth => "kernel width",
            Self::StrideHeight => "stride in height",
            Self::StrideWidth => "stride in width",
            Self::DilationHeight => "dilation in height",
            Self::DilationWidth => "dilation in width",
            Self::PaddingHeight => "padding in height",
            Self::PaddingWidth => "padding in width",
        })
    }
}

/// Why a description is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum DescriptionError {
    /// A size that must be at least 1 is 0.
    Zero(Dimension),
    /// The dilated kernel is longer than the padded input, so there is no window.
    KernelTooLarge {
        /// The kernel's dimension.
        dimension: Dimension,
        /// Length of the dilated kernel, `(kernel − 1)·dilation + 1`.
        extent: usize,
        /// Length of the input with its padding; 0 where negative padding leaves nothing.
        padded: usize,
    },
    /// A size, or a product of sizes, is beyond what this target can address.
    TooLarge(Dimension),
    /// A clamp's bounds are NaN, or its minimum is above its maximum.
    Clamp {
        /// The lower bound.
        min: f32,
        /// The upper bound.
        max: f32,
    },
    /// The named instance does not compute this problem.
    Instance(&'static str),
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero(dimension) => write!(f, "{dimension} is 0, it must be at least 1"),
            Self::KernelTooLarge { dimension, extent, padded } => write!(
                f,
                "{dimension}: the dilated kernel has {extent} elements, the padded input only {padded}"
            ),
            Self::TooLarge(dimension) => {
                write!(f, "{dimension} makes a tensor larger than this target can address")
            }
            // Printing them takes a tenth of a lean build.
            #[cfg(depthwise_web)]
            Self::Clamp { .. } => f.write_str("the clamp's bounds are not an interval"),
            #[cfg(not(depthwise_web))]
            Self::Clamp { min, max } => write!(f, "clamp [{min}, {max}] is not an interval"),
            Self::Instance(name) => write!(f, "the instance {name} does not compute this problem"),
        }
    }
}

impl core::error::Error for DescriptionError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn refusals_say_which_size_and_why() {
        use DescriptionError::{Instance, KernelTooLarge, TooLarge, Zero};
        let dimension = Dimension::KernelWidth;
        for (error, text) in [
            (Zero(Dimension::StrideHeight), "stride in height is 0, it must be at least 1"),
            (
                KernelTooLarge { dimension, extent: 5, padded: 4 },
                "kernel width: the dilated kernel has 5 elements, the padded input only 4",
            ),
            (
                TooLarge(Dimension::Batch),
                "batch makes a tensor larger than this target can address",
            ),
            (Instance("none"), "the instance none does not compute this problem"),
        ] {
            assert_eq!(error.to_string(), text);
        }
        let clamp = DescriptionError::Clamp { min: 2.0, max: 1.0 }.to_string();
        assert!(clamp.contains("interval"), "{clamp}");
    }
}
