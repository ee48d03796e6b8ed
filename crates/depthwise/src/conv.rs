use depthwise_description::{
    Activation, DescriptionError, Instance, Layout, Machine, Padding, Pass, Plan, Problem,
    ProblemBuilder,
};
use depthwise_kernels::{Gradient, Tensors, reduce, reduce_bias};
use depthwise_lanes::{Dst, Lanes, Src};

use crate::error::{Argument, Error};
use crate::host::host_machine;
use crate::isa::{Isa, WithLanes};
use crate::parallel;

/// A depthwise convolution, checked and planned once, to be run as often as wanted.
///
/// It holds no tensor and allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv {
    plans: Plans,
    isa: Isa,
}

/// One plan for each pass.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Plans {
    forward: Plan,
    grad_input: Plan,
    grad_weight: Plan,
}

impl Plans {
    /// The best plans for a machine; those passes that `instance` computes use it.
    fn new(
        problem: Problem,
        machine: Machine,
        instance: Option<&'static Instance>,
    ) -> Result<Self, Error> {
        let plan = |pass| {
            let problem = problem.with_pass(pass);
            let chosen = instance.map(|i| Plan::with_instance(problem, machine, i));
            chosen.and_then(Result::ok).unwrap_or_else(|| Plan::new(problem, machine))
        };
        let plans = Self {
            forward: plan(Pass::Forward),
            grad_input: plan(Pass::GradInput),
            grad_weight: plan(Pass::GradWeight),
        };
        match instance {
            Some(instance) if !plans.all().iter().any(|plan| plan.instance() == instance) => {
                Err(DescriptionError::Instance(instance.name).into())
            }
            _ => Ok(plans),
        }
    }

    fn all(&self) -> [&Plan; 3] {
        [&self.forward, &self.grad_input, &self.grad_weight]
    }
}

impl Conv {
    /// Starts a description: one image, one channel, 1×1 input and kernel, no padding, NHWC.
    pub fn builder() -> Builder {
        Builder { problem: Problem::builder(), isa: None, machine: host_machine(), instance: None }
    }

    /// The convolution of a problem on the fastest instruction set here. All passes are planned,
    /// whichever the problem names.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        let plan = |pass| Plan::new(problem.with_pass(pass), host_machine());
        let plans = Plans {
            forward: plan(Pass::Forward),
            grad_input: plan(Pass::GradInput),
            grad_weight: plan(Pass::GradWeight),
        };
        Self { plans, isa: Isa::best() }
    }

    /// What is computed.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        self.plans.forward.problem()
    }

    /// How the forward pass is computed.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plans.forward
    }

    /// How the input gradient is computed.
    #[must_use]
    pub const fn grad_input_plan(&self) -> &Plan {
        &self.plans.grad_input
    }

    /// How the weight gradient is computed.
    #[must_use]
    pub const fn grad_weight_plan(&self) -> &Plan {
        &self.plans.grad_weight
    }

    /// What runs it.
    #[must_use]
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    /// Shape of the input, `[n][h][w][c]` or `[n][c][h][w]`.
    #[must_use]
    pub const fn input_shape(&self) -> [usize; 4] {
        self.problem().input_shape()
    }

    /// Shape of the weights, `[kh][kw][c·m]` or `[c·m][kh][kw]`.
    #[must_use]
    pub const fn weights_shape(&self) -> [usize; 3] {
        self.problem().weights_shape()
    }

    /// Shape of the output, `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`.
    #[must_use]
    pub const fn output_shape(&self) -> [usize; 4] {
        self.problem().output_shape()
    }

    /// The output, from the input, the weights and a bias for each output channel.
    ///
    /// - `input`: `[n][h][w][c]` or `[n][c][h][w]`
    /// - `weights`: `[kh][kw][c·m]` or `[c·m][kh][kw]`
    /// - `bias`: `[c·m]`
    /// - `output`: `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`; it is written, never read
    ///
    /// # Errors
    /// [`Error::Length`] for a slice of another length than the shape; the output is untouched.
    #[doc(alias = "conv2d")]
    #[doc(alias = "depthwise_conv2d")]
    #[doc(alias = "fprop")]
    pub fn forward(
        &self,
        input: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        output: &mut [f32],
    ) -> Result<(), Error> {
        let problem = self.problem();
        check(Argument::Input, input.len(), problem.input_len())?;
        check(Argument::Weights, weights.len(), problem.weights_len())?;
        if let Some(bias) = bias {
            check(Argument::Bias, bias.len(), problem.output_channels())?;
        }
        check(Argument::Output, output.len(), problem.output_len())?;
        let plan = &self.plans.forward;
        let sweep = SweepCall {
            plan,
            source: input,
            weights,
            bias,
            results: output,
            update: Update::Overwrite,
        };
        self.isa.with(sweep).ok_or(Error::Unavailable(self.isa))
    }

    /// The gradient of the input, from the gradient of the output and the weights: the transposed
    /// convolution. (The activation is not part of it: `grad_output` is the gradient of what the
    /// activation is applied to.)
    ///
    /// - `grad_output`: `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    /// - `weights`: `[kh][kw][c·m]` or `[c·m][kh][kw]`
    /// - `grad_input`: `[n][h][w][c]` or `[n][c][h][w]`
    ///
    /// Each element is one chain over the output positions that it contributed to, in ascending
    /// (oh, ow) order, and over the output channels of its channel at each, from +0; to accumulate,
    /// that sum is added to what is there.
    ///
    /// # Errors
    /// [`Error::Length`] for a slice of another length than the shape; `grad_input` is untouched.
    #[doc(alias = "backward_data")]
    #[doc(alias = "bwd_data")]
    #[doc(alias = "conv_backward")]
    #[doc(alias = "dgrad")]
    #[doc(alias = "conv_transpose")]
    pub fn grad_input(
        &self,
        grad_output: &[f32],
        weights: &[f32],
        grad_input: &mut [f32],
        update: Update,
    ) -> Result<(), Error> {
        let problem = self.problem();
        check(Argument::GradOutput, grad_output.len(), problem.output_len())?;
        check(Argument::Weights, weights.len(), problem.weights_len())?;
        check(Argument::GradInput, grad_input.len(), problem.input_len())?;
        let plan = &self.plans.grad_input;
        let (source, results) = (grad_output, grad_input);
        let sweep = SweepCall { plan, source, weights, bias: None, results, update };
        self.isa.with(sweep).ok_or(Error::Unavailable(self.isa))
    }

    /// The gradient of the weights, from the input and the gradient of the output.
    ///
    /// - `input`: `[n][h][w][c]` or `[n][c][h][w]`
    /// - `grad_output`: `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    /// - `grad_weight`: `[kh][kw][c·m]` or `[c·m][kh][kw]`
    ///
    /// Each element is summed over the tree that [`Leaves`](crate::Leaves) describes, so that its bits
    /// depend on the shape alone and its error grows with the logarithm of the number of positions;
    /// to accumulate, that sum is added to what is there. Partial sums are on the stack, 4 KiB at most for
    /// each doubling of the positions beyond 128.
    ///
    /// # Errors
    /// [`Error::Length`] for a slice of another length than the shape; `grad_weight` is untouched.
    #[doc(alias = "backward_weights")]
    #[doc(alias = "backward_filter")]
    #[doc(alias = "bwd_filter")]
    #[doc(alias = "conv_backward")]
    #[doc(alias = "wgrad")]
    pub fn grad_weight(
        &self,
        input: &[f32],
        grad_output: &[f32],
        grad_weight: &mut [f32],
        update: Update,
    ) -> Result<(), Error> {
        let problem = self.problem();
        check(Argument::Input, input.len(), problem.input_len())?;
        check(Argument::GradOutput, grad_output.len(), problem.output_len())?;
        check(Argument::GradWeight, grad_weight.len(), problem.weights_len())?;
        let plan = &self.plans.grad_weight;
        let (input, results) = (Some(input), grad_weight);
        let call = ReduceCall { plan, input, grad_output, results, update };
        self.isa.with(call).ok_or(Error::Unavailable(self.isa))
    }

    /// The gradient of the bias, from that of the output.
    ///
    /// - `grad_output`: `[n][oh][ow][c·m]` or `[n][c·m][oh][ow]`
    /// - `grad_bias`: `[c·m]`
    ///
    /// Summed as [`grad_weight`](Self::grad_weight) is.
    ///
    /// # Errors
    /// [`Error::Length`] for a slice of another length than the shape; `grad_bias` is untouched.
    #[doc(alias = "backward_bias")]
    #[doc(alias = "bgrad")]
    #[doc(alias = "conv_backward")]
    pub fn grad_bias(
        &self,
        grad_output: &[f32],
        grad_bias: &mut [f32],
        update: Update,
    ) -> Result<(), Error> {
        let problem = self.problem();
        check(Argument::GradOutput, grad_output.len(), problem.output_len())?;
        check(Argument::GradBias, grad_bias.len(), problem.output_channels())?;
        let plan = &self.plans.grad_weight;
        let call = ReduceCall { plan, input: None, grad_output, results: grad_bias, update };
        self.isa.with(call).ok_or(Error::Unavailable(self.isa))
    }
}

/// A weight gradient, or without `input` a bias gradient, its slices checked.
struct ReduceCall<'a> {
    plan: &'a Plan,
    input: Option<&'a [f32]>,
    grad_output: &'a [f32],
    results: &'a mut [f32],
    update: Update,
}

impl WithLanes for ReduceCall<'_> {
    type Output = ();

    fn run<L: Lanes<Element = f32, Src = Src, Dst = Dst>>(self, lanes: L) {
        let gradient = Gradient::<L> {
            input: Src::new(self.input.unwrap_or_default()),
            grad_output: Src::new(self.grad_output),
            results: Dst::new(self.results),
            accumulate: self.update == Update::Accumulate,
        };
        let (plan, is_bias) = (self.plan, self.input.is_none());
        let problem = plan.problem();
        let flops = if is_bias { parallel::bias_flops(problem) } else { problem.flops() };
        // SAFETY: `Conv` has compared every length with the plan's problem; the borrows outlive the
        // call, that of the results is exclusive, and different channels are different results.
        unsafe {
            parallel::reductions(plan, &gradient, flops, |channels, gradient| {
                if is_bias {
                    reduce_bias(lanes, problem, channels, gradient);
                } else {
                    reduce(lanes, plan, channels, gradient);
                }
            });
        }
    }
}

/// What becomes of the elements that a gradient is written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Update {
    /// They are replaced, and not read.
    #[default]
    Overwrite,
    /// The gradient is added to them.
    Accumulate,
}

fn check(argument: Argument, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { argument, expected, found }) }
}

/// A forward pass or an input gradient, its slices checked.
struct SweepCall<'a> {
    plan: &'a Plan,
    source: &'a [f32],
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    results: &'a mut [f32],
    update: Update,
}

impl WithLanes for SweepCall<'_> {
    type Output = ();

    fn run<L: Lanes<Element = f32, Src = Src, Dst = Dst>>(self, lanes: L) {
        let tensors = Tensors::<L> {
            source: Src::new(self.source),
            weights: Src::new(self.weights),
            bias: self.bias.map(Src::new),
            results: Dst::new(self.results),
            accumulate: self.update == Update::Accumulate,
        };
        // SAFETY: `Conv` has compared every length with the plan's problem; the borrows outlive the
        // call, and that of the results is exclusive.
        unsafe { parallel::sweep(lanes, self.plan, &tensors) }
    }
}

/// Collects the sizes of a [`Conv`], as [`ProblemBuilder`] does, and optionally how to run it.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Builder {
    problem: ProblemBuilder,
    isa: Option<Isa>,
    machine: Machine,
    instance: Option<&'static Instance>,
}

impl Builder {
    /// Images; 1 unless told.
    pub fn batch(self, batch: usize) -> Self {
        Self { problem: self.problem.batch(batch), ..self }
    }

    /// Input channels; 1 unless told.
    #[doc(alias = "groups")]
    pub fn channels(self, channels: usize) -> Self {
        Self { problem: self.problem.channels(channels), ..self }
    }

    /// Output channels for each input channel; 1 unless told.
    #[doc(alias = "depth_multiplier")]
    pub fn multiplier(self, multiplier: usize) -> Self {
        Self { problem: self.problem.multiplier(multiplier), ..self }
    }

    /// Size of the input, `[h][w]`.
    pub fn input(self, input: [usize; 2]) -> Self {
        Self { problem: self.problem.input(input), ..self }
    }

    /// Size of the kernel, `[kh][kw]`.
    pub fn kernel(self, kernel: [usize; 2]) -> Self {
        Self { problem: self.problem.kernel(kernel), ..self }
    }

    /// Steps between windows, `[h][w]`; 1 unless told.
    pub fn stride(self, stride: [usize; 2]) -> Self {
        Self { problem: self.problem.stride(stride), ..self }
    }

    /// Steps between taps, `[h][w]`; 1 unless told.
    pub fn dilation(self, dilation: [usize; 2]) -> Self {
        Self { problem: self.problem.dilation(dilation), ..self }
    }

    /// Padding, side by side; none unless told.
    pub fn padding(self, padding: Padding) -> Self {
        Self { problem: self.problem.padding(padding), ..self }
    }

    /// Padding by the rule of [`Padding::same_upper`].
    pub fn same_upper(self) -> Self {
        Self { problem: self.problem.same_upper(), ..self }
    }

    /// Padding by the rule of [`Padding::same_lower`].
    pub fn same_lower(self) -> Self {
        Self { problem: self.problem.same_lower(), ..self }
    }

    /// Order of the dimensions; NHWC unless told.
    pub fn layout(self, layout: Layout) -> Self {
        Self { problem: self.problem.layout(layout), ..self }
    }

    /// Function of each output; none unless told.
    pub fn activation(self, activation: Activation) -> Self {
        Self { problem: self.problem.activation(activation), ..self }
    }

    /// The instruction set; the fastest one here unless told.
    pub fn isa(self, isa: Isa) -> Self {
        Self { isa: Some(isa), ..self }
    }

    /// The machine that tiles are chosen for; this one ([`host_machine`]) unless told.
    pub fn machine(self, machine: Machine) -> Self {
        Self { machine, ..self }
    }

    /// The instance to use; the best one for the machine unless told.
    pub fn instance(self, instance: &'static Instance) -> Self {
        Self { instance: Some(instance), ..self }
    }

    /// The convolution, checked and planned.
    ///
    /// # Errors
    /// [`Error::Description`] for sizes that describe no convolution or an instance that does not
    /// compute it, [`Error::Unavailable`] for an instruction set that is not here.
    pub fn build(self) -> Result<Conv, Error> {
        let problem = self.problem.build()?;
        let isa = self.isa.unwrap_or_else(Isa::best);
        if !isa.available() {
            return Err(Error::Unavailable(isa));
        }
        Ok(Conv { plans: Plans::new(problem, self.machine, self.instance)?, isa })
    }
}
