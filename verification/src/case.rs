//! Everything that a run needs, so that one line repeats it anywhere.

use depthwise::{
    Activation, Conv, DescriptionError, Error, Instance, Isa, Layout, Machine, Padding,
};

use crate::data::Data;
use crate::shape::Shape;

/// One convolution to be run, with its data.
///
/// Prints as one line, which parses back: `batch=1 channels=3 … instance=best`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Sizes.
    pub shape: Shape,
    /// Order of the tensors' dimensions.
    pub layout: Layout,
    /// Whether there is a bias.
    pub bias: bool,
    /// Function of each output.
    pub activation: Activation,
    /// Kind of numbers.
    pub data: Data,
    /// Seed of the numbers.
    pub seed: u32,
    /// Elements by which the input is off 16-byte alignment, below 4; weights, bias and output are one
    /// more off each.
    pub offset: usize,
    /// What the plan is made for.
    pub machine: Machine,
    /// The instance to run; the plan's choice if none.
    pub instance: Option<&'static Instance>,
}

impl Case {
    /// The convolution on `isa`.
    ///
    /// # Errors
    /// Whatever the builder refuses.
    pub fn conv(&self, isa: Isa) -> Result<Conv, Error> {
        let Shape { batch, channels, multiplier, input, kernel, stride, dilation, low, high } =
            self.shape;
        let [top, left] = low;
        let [bottom, right] = high;
        let builder = Conv::builder()
            .batch(batch)
            .channels(channels)
            .multiplier(multiplier)
            .input(input)
            .kernel(kernel)
            .stride(stride)
            .dilation(dilation)
            .padding(Padding { top, bottom, left, right })
            .layout(self.layout)
            .activation(self.activation)
            .isa(isa)
            .machine(self.machine);
        match self.instance {
            Some(instance) => builder.instance(instance),
            None => builder,
        }
        .build()
    }

    /// The case itself, or with the plan's choice if the instance doesn't compute it.
    #[must_use]
    pub fn or_best(self) -> Self {
        match self.conv(Isa::best()) {
            Err(error) if is_misfit(&error) => Self { instance: None, ..self },
            _ => self,
        }
    }
}

/// Whether an error says that an instance doesn't compute a problem.
pub fn is_misfit(error: &Error) -> bool {
    matches!(error, Error::Description(DescriptionError::Instance(_)))
}
