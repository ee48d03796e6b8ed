use core::fmt;

use crate::isa::Isa;
use depthwise_description::DescriptionError;

/// An argument of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Argument {
    /// `[n][h][w][c]` or `[n][c][h][w]`
    Input,
    /// `[kh][kw][c·m]` or `[c·m][kh][kw]`
    Weights,
    /// `[c·m]`
    Bias,
    /// `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    Output,
    /// The gradient of the input, shaped like it.
    GradInput,
    /// The gradient of the weights, shaped like them.
    GradWeight,
    /// The gradient of the bias, shaped like it.
    GradBias,
    /// The gradient of the output, shaped like it.
    GradOutput,
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Weights => "weights",
            Self::Bias => "bias",
            Self::Output => "output",
            Self::GradInput => "grad_input",
            Self::GradWeight => "grad_weight",
            Self::GradBias => "grad_bias",
            Self::GradOutput => "grad_output",
        })
    }
}

/// Why a convolution is refused. No tensor has been touched.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The sizes describe no convolution.
    Description(DescriptionError),
    /// A slice has another number of elements than the problem's tensor.
    Length {
        /// Which slice.
        argument: Argument,
        /// Elements of the tensor.
        expected: usize,
        /// Elements of the slice.
        found: usize,
    },
    /// An array has another size than the problem's tensor.
    Shape {
        /// Which array.
        argument: Argument,
        /// Which of its dimensions, from 0.
        dimension: usize,
        /// Size of the tensor there.
        expected: usize,
        /// Size of the array there.
        found: usize,
    },
    /// An array's elements do not lie in memory in the order of its dimensions.
    Strides(Argument),
    /// This build, or this processor, does not have the instruction set.
    Unavailable(Isa),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Description(error) => error.fmt(f),
            Self::Length { argument, expected, found } => {
                write!(f, "{argument} has {found} elements, expected {expected}")
            }
            Self::Shape { argument, dimension, expected, found } => write!(
                f,
                "dimension {dimension} of {argument} has size {found}, expected {expected}"
            ),
            Self::Strides(argument) => write!(f, "{argument} is not in standard (C) order"),
            Self::Unavailable(isa) => write!(f, "the instruction set {isa} is not available here"),
        }
    }
}

impl core::error::Error for Error {}

impl From<DescriptionError> for Error {
    fn from(error: DescriptionError) -> Self {
        Self::Description(error)
    }
}
