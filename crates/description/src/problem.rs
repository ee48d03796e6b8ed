use core::fmt;

use crate::axis::{Axis, AxisDimensions};
use crate::error::{DescriptionError, Dimension};
use crate::padding::Padding;

/// Order of a tensor's dimensions in memory. Weights follow: `[kh][kw][channels·multiplier]` for
/// NHWC, `[channels·multiplier][kh][kw]` for NCHW.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `[n][h][w][c]`, channels last.
    #[default]
    Nhwc,
    /// `[n][c][h][w]`, channels first.
    Nchw,
}

impl Layout {
    /// Both layouts.
    pub const ALL: [Self; 2] = [Self::Nhwc, Self::Nchw];

    /// Lower-case name, as in instance names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nhwc => "nhwc",
            Self::Nchw => "nchw",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Type of the elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE 754 binary32.
    #[default]
    F32,
}

impl Dtype {
    /// Lower-case name, as in instance names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
        }
    }

    /// Bytes of an element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
        }
    }
}

/// What is computed from what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pass {
    /// The output, from input, weights and bias.
    #[default]
    Forward,
    /// The gradient of the input, from the output gradient and the weights.
    GradInput,
    /// The gradient of the weights, from the input and the output gradient.
    GradWeight,
}

impl Pass {
    /// Lower-case name, as in instance names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::GradInput => "grad_input",
            Self::GradWeight => "grad_weight",
        }
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A function of each output, applied before it is stored.
///
/// Bounds work as IEEE 754-2019 `maximum` and `minimum`: NaN stays NaN, and −0 is below +0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// The output as it is.
    #[default]
    None,
    /// `[0, ∞]`
    Relu,
    /// `[0, 6]`
    Relu6,
    /// `[min, max]`, either of which may be infinite.
    Clamp {
        /// Lower bound.
        min: f32,
        /// Upper bound.
        max: f32,
    },
}

impl Activation {
    /// The bounds `(min, max)`, or none if every output passes. Bounds that are a zero are +0.
    #[must_use]
    pub fn bounds(self) -> Option<(f32, f32)> {
        match self {
            Self::None => None,
            Self::Relu => Some((0.0, f32::INFINITY)),
            Self::Relu6 => Some((0.0, 6.0)),
            Self::Clamp { min, max } if min == f32::NEG_INFINITY && max == f32::INFINITY => None,
            // Adding +0 turns −0 into +0 and changes nothing else.
            Self::Clamp { min, max } => Some((min + 0.0, max + 0.0)),
        }
    }
}

/// A depthwise convolution, checked: every size is at least 1, every window holds at least one
/// position of the padded input, and every tensor can be addressed.
///
/// Output channel `c·multiplier + m` is input channel `c` convolved with its `m`-th kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Problem {
    batch: usize,
    channels: usize,
    multiplier: usize,
    height: Axis,
    width: Axis,
    layout: Layout,
    dtype: Dtype,
    pass: Pass,
    activation: Activation,
}

impl Problem {
    /// Starts a description: one image, one channel, 1×1 input and kernel, no padding, NHWC.
    pub fn builder() -> ProblemBuilder {
        ProblemBuilder::default()
    }

    /// The same convolution with another pass.
    #[must_use]
    pub const fn with_pass(self, pass: Pass) -> Self {
        Self { pass, ..self }
    }

    /// Images.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Input channels.
    #[must_use]
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Output channels for each input channel.
    #[must_use]
    pub const fn multiplier(&self) -> usize {
        self.multiplier
    }

    /// Output channels, `channels·multiplier`.
    #[must_use]
    pub const fn output_channels(&self) -> usize {
        self.channels * self.multiplier
    }

    /// The vertical axis.
    #[must_use]
    pub const fn height(&self) -> Axis {
        self.height
    }

    /// The horizontal axis.
    #[must_use]
    pub const fn width(&self) -> Axis {
        self.width
    }

    /// Order of the dimensions.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Element type.
    #[must_use]
    pub const fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// What is computed.
    #[must_use]
    pub const fn pass(&self) -> Pass {
        self.pass
    }

    /// The function applied to each output.
    #[must_use]
    pub const fn activation(&self) -> Activation {
        self.activation
    }

    /// Shape of the input, `[n][h][w][c]` or `[n][c][h][w]`.
    #[must_use]
    pub const fn input_shape(&self) -> [usize; 4] {
        self.tensor(self.height.input(), self.width.input(), self.channels)
    }

    /// Shape of the output, `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`.
    #[must_use]
    pub const fn output_shape(&self) -> [usize; 4] {
        self.tensor(self.height.output(), self.width.output(), self.output_channels())
    }

    /// Shape of the weights, `[kh][kw][c·m]` for NHWC or `[c·m][kh][kw]` for NCHW.
    #[must_use]
    pub const fn weights_shape(&self) -> [usize; 3] {
        let (rows, columns) = (self.height.kernel(), self.width.kernel());
        match self.layout {
            Layout::Nhwc => [rows, columns, self.output_channels()],
            Layout::Nchw => [self.output_channels(), rows, columns],
        }
    }

    const fn tensor(&self, rows: usize, columns: usize, channels: usize) -> [usize; 4] {
        match self.layout {
            Layout::Nhwc => [self.batch, rows, columns, channels],
            Layout::Nchw => [self.batch, channels, rows, columns],
        }
    }

    /// Elements of the input.
    #[must_use]
    pub const fn input_len(&self) -> usize {
        self.batch * self.channels * self.height.input() * self.width.input()
    }

    /// Elements of the output.
    #[must_use]
    pub const fn output_len(&self) -> usize {
        self.batch * self.output_channels() * self.height.output() * self.width.output()
    }

    /// Elements of the weights.
    #[must_use]
    pub const fn weights_len(&self) -> usize {
        self.output_channels() * self.height.kernel() * self.width.kernel()
    }

    /// Floating-point operations as papers count them: two for each tap of each output, clipped
    /// or not. (Saturates.)
    #[must_use]
    pub const fn flops(&self) -> usize {
        let taps = self.height.kernel() * self.width.kernel();
        self.output_len().saturating_mul(taps).saturating_mul(2)
    }

    /// Multiplications that the definition has: taps in the padding are none. (Saturates.)
    #[must_use]
    pub fn products(&self) -> usize {
        let planes = self.batch * self.output_channels();
        planes.saturating_mul(self.height.products()).saturating_mul(self.width.products())
    }

    /// The least bytes that any implementation moves: each tensor once, without a bias.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        let elements = self.input_len().saturating_add(self.output_len());
        elements.saturating_add(self.weights_len()).saturating_mul(self.dtype.size())
    }
}

/// Collects the sizes of a [`Problem`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ProblemBuilder {
    batch: usize,
    channels: usize,
    multiplier: usize,
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: PaddingRule,
    layout: Layout,
    dtype: Dtype,
    pass: Pass,
    activation: Activation,
}

#[derive(Clone, Copy, Debug)]
enum PaddingRule {
    Explicit(Padding),
    SameUpper,
    SameLower,
}

impl Default for ProblemBuilder {
    fn default() -> Self {
        Self {
            batch: 1,
            channels: 1,
            multiplier: 1,
            input: [1; 2],
            kernel: [1; 2],
            stride: [1; 2],
            dilation: [1; 2],
            padding: PaddingRule::Explicit(Padding::valid()),
            layout: Layout::default(),
            dtype: Dtype::default(),
            pass: Pass::default(),
            activation: Activation::default(),
        }
    }
}

impl ProblemBuilder {
    /// Images; 1 unless told.
    pub fn batch(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    /// Input channels; 1 unless told.
    #[doc(alias = "groups")]
    pub fn channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    /// Output channels for each input channel; 1 unless told.
    #[doc(alias = "depth_multiplier")]
    pub fn multiplier(self, multiplier: usize) -> Self {
        Self { multiplier, ..self }
    }

    /// Size of the input, `[h][w]`.
    pub fn input(self, input: [usize; 2]) -> Self {
        Self { input, ..self }
    }

    /// Size of the kernel, `[kh][kw]`.
    pub fn kernel(self, kernel: [usize; 2]) -> Self {
        Self { kernel, ..self }
    }

    /// Steps between windows, `[h][w]`; 1 unless told.
    pub fn stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// Steps between taps, `[h][w]`; 1 unless told.
    pub fn dilation(self, dilation: [usize; 2]) -> Self {
        Self { dilation, ..self }
    }

    /// Padding, side by side; none unless told.
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding: PaddingRule::Explicit(padding), ..self }
    }

    /// Padding by the rule of [`Padding::same_upper`].
    pub fn same_upper(self) -> Self {
        Self { padding: PaddingRule::SameUpper, ..self }
    }

    /// Padding by the rule of [`Padding::same_lower`].
    pub fn same_lower(self) -> Self {
        Self { padding: PaddingRule::SameLower, ..self }
    }

    /// Order of the dimensions; NHWC unless told.
    pub fn layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// Element type.
    pub fn dtype(mut self, dtype: Dtype) -> Self {
        self.dtype = dtype;
        self
    }

    /// What is computed; the forward pass unless told.
    pub fn pass(self, pass: Pass) -> Self {
        Self { pass, ..self }
    }

    /// Function of each output; none unless told.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// The problem, checked.
    ///
    /// # Errors
    /// Any [`DescriptionError`]: a size of 0, a kernel larger than its padded input, a tensor
    /// beyond `isize::MAX` bytes, clamp bounds that are no interval.
    pub fn build(self) -> Result<Problem, DescriptionError> {
        use Dimension::{
            Batch, Channels, InputHeight, InputWidth, KernelHeight, KernelWidth, Multiplier,
        };
        let Self { batch, channels, multiplier, input, kernel, stride, dilation, .. } = self;
        let padding = match self.padding {
            PaddingRule::Explicit(padding) => padding,
            PaddingRule::SameUpper => Padding::same_upper(input, kernel, stride, dilation),
            PaddingRule::SameLower => Padding::same_lower(input, kernel, stride, dilation),
        };
        for (size, name) in [(batch, Batch), (channels, Channels), (multiplier, Multiplier)] {
            if size == 0 {
                return Err(DescriptionError::Zero(name));
            }
        }
        let axis =
            |i: usize, pads| Axis::unchecked(input[i], kernel[i], stride[i], dilation[i], pads);
        let height = axis(0, (padding.top, padding.bottom)).checked(AxisDimensions::HEIGHT)?;
        let width = axis(1, (padding.left, padding.right)).checked(AxisDimensions::WIDTH)?;
        if let Activation::Clamp { min, max } = self.activation {
            // Written so that NaN, which is in no order, is refused.
            let interval = min <= max;
            if !interval {
                return Err(DescriptionError::Clamp { min, max });
            }
        }
        let depth = [(channels, Channels), (multiplier, Multiplier)];
        let [outputs, images] = [depth, [(1, Channels), (batch, Batch)]];
        let tensors: [[(usize, Dimension); 2]; 3] = [
            [(height.input(), InputHeight), (width.input(), InputWidth)],
            [(height.output(), InputHeight), (width.output(), InputWidth)],
            [(kernel[0], KernelHeight), (kernel[1], KernelWidth)],
        ];
        addressable(self.dtype, depth[..1].iter().chain(&tensors[0]).chain(&images))?;
        addressable(self.dtype, outputs.iter().chain(&tensors[1]).chain(&images))?;
        addressable(self.dtype, outputs.iter().chain(&tensors[2]))?;
        Ok(Problem {
            batch,
            channels,
            multiplier,
            height,
            width,
            layout: self.layout,
            dtype: self.dtype,
            pass: self.pass,
            activation: self.activation,
        })
    }
}

/// Refuses a tensor of more than `isize::MAX` bytes, naming the dimension that goes too far.
fn addressable<'a>(
    dtype: Dtype,
    dimensions: impl Iterator<Item = &'a (usize, Dimension)>,
) -> Result<(), DescriptionError> {
    let mut bytes = dtype.size();
    for &(size, name) in dimensions {
        bytes = bytes
            .checked_mul(size)
            .filter(|&bytes| bytes <= isize::MAX as usize)
            .ok_or(DescriptionError::TooLarge(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mobilenet() -> ProblemBuilder {
        Problem::builder().batch(2).channels(32).input([112, 110]).kernel([3, 5])
    }

    #[test]
    fn shapes() {
        let problem = mobilenet().multiplier(2).stride([2, 1]).same_upper().build().unwrap();
        assert_eq!(problem.input_shape(), [2, 112, 110, 32]);
        assert_eq!(problem.output_shape(), [2, 56, 110, 64]);
        assert_eq!(problem.weights_shape(), [3, 5, 64]);
        assert_eq!(problem.flops(), 2 * 15 * problem.output_len());
        assert!(problem.products() < problem.flops() / 2);
        let nchw = mobilenet().layout(Layout::Nchw).build().unwrap();
        assert_eq!(nchw.input_shape(), [2, 32, 112, 110]);
        assert_eq!(nchw.output_shape(), [2, 32, 110, 106]);
        assert_eq!(nchw.weights_shape(), [32, 3, 5]);
        assert_eq!(nchw.products() * 2, nchw.flops());
    }

    #[test]
    fn what_is_asked_for_is_described() {
        let activation = Activation::Clamp { min: -1.0, max: 2.0 };
        let asked = Problem::builder()
            .batch(2)
            .channels(3)
            .multiplier(5)
            .input([17, 19])
            .kernel([3, 4])
            .stride([5, 6])
            .dilation([2, 1])
            .padding(Padding { top: 1, bottom: 2, left: -3, right: 4 })
            .layout(Layout::Nchw)
            .pass(Pass::GradInput)
            .activation(activation);
        let problem = asked.build().unwrap();
        let of = |axis: Axis| {
            let sizes = [axis.input(), axis.kernel(), axis.stride(), axis.dilation()];
            (sizes, [axis.pad_low(), axis.pad_high()])
        };
        assert_eq!(of(problem.height()), ([17, 3, 5, 2], [1, 2]));
        assert_eq!(of(problem.width()), ([19, 4, 6, 1], [-3, 4]));
        let channels = [problem.channels(), problem.multiplier(), problem.output_channels()];
        assert_eq!((problem.batch(), channels), (2, [3, 5, 15]));
        assert_eq!((problem.layout(), problem.pass()), (Layout::Nchw, Pass::GradInput));
        assert_eq!(problem.activation(), activation);
        let other = problem.with_pass(Pass::GradWeight);
        assert_eq!(other.pass(), Pass::GradWeight);
        assert_eq!(other.with_pass(Pass::GradInput), problem);
    }

    #[test]
    fn lengths_and_bytes_are_of_the_shapes() {
        for layout in Layout::ALL {
            let problem = mobilenet().multiplier(3).stride([1, 2]).layout(layout).build().unwrap();
            let input: usize = problem.input_shape().iter().product();
            let output: usize = problem.output_shape().iter().product();
            let weights: usize = problem.weights_shape().iter().product();
            let lengths = [problem.input_len(), problem.output_len(), problem.weights_len()];
            assert_eq!(lengths, [input, output, weights]);
            assert_eq!(problem.bytes(), 4 * (input + output + weights));
        }
    }

    #[test]
    fn same_paddings_differ_in_the_side_of_an_odd_element() {
        let pads = |builder: ProblemBuilder| {
            let problem = builder.stride([2, 2]).build().unwrap();
            [problem.height(), problem.width()].map(|axis| [axis.pad_low(), axis.pad_high()])
        };
        assert_eq!(pads(mobilenet().same_upper()), [[0, 1], [1, 2]]);
        assert_eq!(pads(mobilenet().same_lower()), [[1, 0], [2, 1]]);
    }

    #[test]
    fn a_type_leaves_the_sizes_as_they_are() {
        let problem = mobilenet().dtype(Dtype::F32).build().unwrap();
        assert_eq!(problem.dtype(), Dtype::F32);
        assert_eq!(Ok(problem), mobilenet().build());
    }

    #[test]
    fn activations_are_bounds() {
        use Activation::{Clamp, None, Relu, Relu6};
        const INFINITY: f32 = f32::INFINITY;
        let bits = |activation: Activation| {
            let bounds = activation.bounds();
            bounds.map(|(min, max)| [min.to_bits(), max.to_bits()])
        };
        let bounds = |min: f32, max: f32| Some([min.to_bits(), max.to_bits()]);
        assert_eq!(bits(None), Option::None);
        assert_eq!(bits(Relu), bounds(0.0, INFINITY));
        assert_eq!(bits(Relu6), bounds(0.0, 6.0));
        assert_eq!(bits(Clamp { min: -INFINITY, max: INFINITY }), Option::None);
        for (min, max) in [(-INFINITY, 2.0), (-1.5, INFINITY), (-1.5, 2.0), (INFINITY, INFINITY)] {
            assert_eq!(bits(Clamp { min, max }), bounds(min, max));
        }
        assert_eq!(bits(Clamp { min: -0.0, max: -0.0 }), bounds(0.0, 0.0));
    }

    #[test]
    fn refusals_name_the_dimension() {
        use DescriptionError::{Clamp, KernelTooLarge, TooLarge, Zero};
        let refused = |builder: ProblemBuilder| builder.build().expect_err("refused");
        assert_eq!(refused(mobilenet().batch(0)), Zero(Dimension::Batch));
        assert_eq!(refused(mobilenet().channels(0)), Zero(Dimension::Channels));
        assert_eq!(refused(mobilenet().multiplier(0)), Zero(Dimension::Multiplier));
        assert_eq!(refused(mobilenet().input([3, 0])), Zero(Dimension::InputWidth));
        assert_eq!(refused(mobilenet().stride([1, 0])), Zero(Dimension::StrideWidth));
        assert_eq!(refused(mobilenet().dilation([0, 1])), Zero(Dimension::DilationHeight));
        assert_eq!(
            refused(mobilenet().input([3, 4])),
            KernelTooLarge { dimension: Dimension::KernelWidth, extent: 5, padded: 4 }
        );
        assert_eq!(
            refused(mobilenet().padding(Padding { left: -109, ..Padding::valid() })),
            KernelTooLarge { dimension: Dimension::KernelWidth, extent: 5, padded: 1 }
        );
        assert_eq!(refused(mobilenet().batch(usize::MAX / 4)), TooLarge(Dimension::Batch));
        assert_eq!(
            refused(mobilenet().multiplier(usize::MAX / 99)),
            TooLarge(Dimension::Multiplier)
        );
        let nan = Activation::Clamp { min: f32::NAN, max: 1.0 };
        assert!(matches!(refused(mobilenet().activation(nan)), Clamp { .. }));
        let (min, max) = (1.0, -1.0);
        assert_eq!(
            refused(mobilenet().activation(Activation::Clamp { min, max })),
            Clamp { min, max }
        );
    }

    #[test]
    fn the_output_alone_may_be_too_large() {
        // A small input under an enormous padding.
        let huge = isize::MAX / 16;
        let problem = Problem::builder().padding(Padding::symmetric(huge, huge)).build();
        assert_eq!(problem, Err(DescriptionError::TooLarge(Dimension::InputWidth)));
    }
}
