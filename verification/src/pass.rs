//! What is computed of a case.

use depthwise::{Conv, Instance, Plan, Size};

use crate::shape::Shape;

/// A pass, from its operands to its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The output, from input, weights and bias.
    Forward,
    /// The gradient of the input, from the output gradient and the weights.
    GradInput,
    /// The gradient of the weights, from the input and the output gradient.
    GradWeight,
    /// The gradient of the bias, from the output gradient.
    GradBias,
}

impl Pass {
    /// All passes.
    pub const ALL: [Self; 4] = [Self::Forward, Self::GradInput, Self::GradWeight, Self::GradBias];

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::GradInput => "grad_input",
            Self::GradWeight => "grad_weight",
            Self::GradBias => "grad_bias",
        }
    }

    /// Whether it reads the input.
    pub fn takes_x(self) -> bool {
        matches!(self, Self::Forward | Self::GradWeight)
    }

    /// Whether it reads the weights.
    pub fn takes_weights(self) -> bool {
        matches!(self, Self::Forward | Self::GradInput)
    }

    /// Whether it reads the output gradient.
    pub fn takes_gy(self) -> bool {
        self != Self::Forward
    }

    /// Sizes of its results: images, channels, height and width. Those of weights and biases are one
    /// image, as high and wide as the kernel, or as one element.
    pub fn results(self, shape: &Shape) -> (usize, usize, [usize; 2]) {
        let channels = shape.output_channels();
        match self {
            Self::Forward => (shape.batch, channels, shape.output()),
            Self::GradInput => (shape.batch, shape.channels, shape.input),
            Self::GradWeight => (1, channels, shape.kernel),
            Self::GradBias => (1, channels, [1, 1]),
        }
    }

    /// Most terms that a result has, but for a bias or what is accumulated to.
    pub fn terms(self, shape: &Shape) -> usize {
        let ([rows, columns], [height, width]) = (shape.output(), shape.kernel);
        match self {
            Self::Forward => height * width,
            Self::GradInput => height * width * shape.multiplier,
            Self::GradWeight | Self::GradBias => shape.batch * rows * columns,
        }
    }

    /// Which rows, then columns, of the results have any term.
    pub fn reached(self, shape: &Shape) -> [Vec<bool>; 2] {
        let (_, _, sizes) = self.results(shape);
        [0, 1].map(|axis| {
            let mut reached = vec![self == Self::GradBias; sizes[axis]];
            for result in 0..shape.output()[axis] {
                for tap in 0..shape.kernel[axis] {
                    let Some(input) = shape.position(axis, result, tap) else { continue };
                    match self {
                        Self::Forward => reached[result] = true,
                        Self::GradInput => reached[input] = true,
                        Self::GradWeight => reached[tap] = true,
                        Self::GradBias => {}
                    }
                }
            }
            reached
        })
    }

    /// The pass whose plan runs it.
    pub fn of_plan(self) -> depthwise::Pass {
        match self {
            Self::Forward => depthwise::Pass::Forward,
            Self::GradInput => depthwise::Pass::GradInput,
            Self::GradWeight | Self::GradBias => depthwise::Pass::GradWeight,
        }
    }

    /// Its plan; the bias gradient has none.
    pub fn plan(self, conv: &Conv) -> Option<&Plan> {
        match self {
            Self::Forward => Some(conv.plan()),
            Self::GradInput => Some(conv.grad_input_plan()),
            Self::GradWeight => Some(conv.grad_weight_plan()),
            Self::GradBias => None,
        }
    }

    /// Whether an instance computes it, for some window: input gradients are forward passes, too,
    /// where the stride is 1 or any.
    pub fn is_computed_by(self, instance: &Instance) -> bool {
        match (self, instance.pass) {
            (Self::Forward, pass) => pass == depthwise::Pass::Forward,
            (Self::GradInput, depthwise::Pass::Forward) => {
                instance.stride == Size::Any || instance.stride == Size::Exactly(1)
            }
            (Self::GradInput, pass) => pass == depthwise::Pass::GradInput,
            (Self::GradWeight, pass) => pass == depthwise::Pass::GradWeight,
            (Self::GradBias, _) => false,
        }
    }
}
