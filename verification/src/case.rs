//! Everything that a run needs, so that one line repeats it anywhere.

use depthwise::{
    Activation, Conv, DescriptionError, Error, Instance, Isa, Layout, Machine, Padding, Plan,
    Problem, Update,
};

use crate::data::Data;
use crate::pass::Pass;
use crate::shape::Shape;

/// One pass of a convolution to be run, with its data.
///
/// Prints as one line, which parses back: `pass=forward batch=1 … instance=best`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// What is computed.
    pub pass: Pass,
    /// Sizes.
    pub shape: Shape,
    /// Order of the tensors' dimensions.
    pub layout: Layout,
    /// Whether there is a bias, in a forward pass.
    pub bias: bool,
    /// What becomes of what a gradient is written to.
    pub update: Update,
    /// Function of each output; gradients don't know it.
    pub activation: Activation,
    /// Kind of numbers.
    pub data: Data,
    /// Seed of the numbers.
    pub seed: u32,
    /// Elements by which the input is off 16-byte alignment, below 4; others are one to three more off.
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
        let Some(instance) = self.instance else { return builder.build() };
        let conv = builder.instance(instance).build()?;
        // An instance of another pass makes a convolution, too.
        match self.pass.plan(&conv) {
            Some(plan) if plan.instance() == instance => Ok(conv),
            _ => Err(DescriptionError::Instance(instance.name).into()),
        }
    }

    /// What is computed, of a bias gradient what the weight's is.
    ///
    /// # Errors
    /// Whatever the builder refuses.
    pub fn problem(&self) -> Result<Problem, DescriptionError> {
        let Shape { batch, channels, multiplier, input, kernel, stride, dilation, low, high } =
            self.shape;
        let [top, left] = low;
        let [bottom, right] = high;
        Problem::builder()
            .pass(self.pass.of_plan())
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
            .build()
    }

    /// How it is computed.
    ///
    /// # Errors
    /// As for the problem, and if the instance doesn't compute it.
    pub fn plan(&self) -> Result<Plan, DescriptionError> {
        let problem = self.problem()?;
        match self.instance {
            Some(instance) => Plan::with_instance(problem, self.machine, instance),
            None => Ok(Plan::new(problem, self.machine)),
        }
    }

    /// Whether an instance can compute it.
    pub fn is_computed_by(&self, instance: &'static Instance) -> bool {
        let with = Self { instance: Some(instance), ..*self };
        self.layout == instance.layout && self.pass.is_computed_by(instance) && with.plan().is_ok()
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
fn is_misfit(error: &Error) -> bool {
    matches!(error, Error::Description(DescriptionError::Instance(_)))
}
