use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use depthwise::{Error, Layout, Machine, Update, convert_weights};
use wasm_bindgen::prelude::*;

use crate::error::exception;
use crate::explain::{self, Sweep};
use crate::options::Options;
use crate::tensor::Tensor;

/// An argument of a pass.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Shaped like the input.
    Input,
    /// Shaped like the filter.
    Filter,
    /// `[c·m]`
    Bias,
    /// Shaped like the output.
    Output,
    /// Shaped like the input.
    GradInput,
    /// Shaped like the filter.
    GradWeight,
    /// `[c·m]`
    GradBias,
    /// Shaped like the output.
    GradOutput,
}

/// A convolution, checked and planned.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Conv {
    conv: depthwise::Conv,
    filter_order: Layout,
    /// The filter in the order of the kernels, where that is another.
    converted: Vec<f32>,
}

#[wasm_bindgen]
impl Conv {
    /// The convolution that the options describe.
    ///
    /// # Errors
    /// As [`depthwise::Builder::build`].
    #[wasm_bindgen(constructor)]
    pub fn new(options: &Options) -> Result<Self, JsError> {
        let conv = options.build()?;
        let filter_order = options.filter_order().into();
        let problem = conv.problem();
        let same = filter_order == problem.layout();
        let converted = vec![0.0; if same { 0 } else { problem.weights_len() }];
        Ok(Self { conv, filter_order, converted })
    }

    /// `[n, h, w, c]` of the output, in the order of the input.
    #[wasm_bindgen(getter, js_name = outputShape)]
    pub fn output_shape(&self) -> Vec<u32> {
        self.conv.output_shape().map(|size| size as u32).to_vec()
    }

    /// The rectangles that a pass consists of, as numbers.
    #[must_use]
    pub fn explain(&self, sweep: Sweep) -> Vec<i32> {
        explain::rectangles(match sweep {
            Sweep::Forward => self.conv.plan(),
            Sweep::GradInput => self.conv.grad_input_plan(),
        })
    }

    /// The instance that computes the gradient of the filter.
    #[must_use]
    #[wasm_bindgen(getter, js_name = gradWeightInstance)]
    pub fn grad_weight_instance(&self) -> usize {
        explain::index(self.conv.grad_weight_plan().instance())
    }

    /// Whether an argument of a pass has the right length, before it is copied into memory.
    ///
    /// # Errors
    /// [`depthwise::Error::Length`]
    pub fn check(&self, argument: Argument, found: usize) -> Result<(), JsError> {
        let problem = self.conv.problem();
        let (argument, expected) = match argument {
            Argument::Input => (depthwise::Argument::Input, problem.input_len()),
            Argument::Filter => (depthwise::Argument::Weights, problem.weights_len()),
            Argument::Bias => (depthwise::Argument::Bias, problem.output_channels()),
            Argument::Output => (depthwise::Argument::Output, problem.output_len()),
            Argument::GradInput => (depthwise::Argument::GradInput, problem.input_len()),
            Argument::GradWeight => (depthwise::Argument::GradWeight, problem.weights_len()),
            Argument::GradBias => (depthwise::Argument::GradBias, problem.output_channels()),
            Argument::GradOutput => (depthwise::Argument::GradOutput, problem.output_len()),
        };
        if found == expected {
            return Ok(());
        }
        Err(exception(Error::Length { argument, expected, found }))
    }

    /// The output, without a bias.
    ///
    /// # Errors
    /// As [`depthwise::Conv::forward`].
    pub fn forward(
        &mut self,
        input: &Tensor,
        filter: &Tensor,
        output: &mut Tensor,
    ) -> Result<(), JsError> {
        self.run_forward(input, filter, None, output).map_err(exception)
    }

    /// The output, with a bias for each output channel.
    ///
    /// # Errors
    /// As [`depthwise::Conv::forward`].
    #[wasm_bindgen(js_name = forwardWithBias)]
    pub fn forward_with_bias(
        &mut self,
        input: &Tensor,
        filter: &Tensor,
        bias: &Tensor,
        output: &mut Tensor,
    ) -> Result<(), JsError> {
        self.run_forward(input, filter, Some(bias.elements()), output).map_err(exception)
    }

    /// The gradient of the input.
    ///
    /// # Errors
    /// As [`depthwise::Conv::grad_input`].
    #[wasm_bindgen(js_name = gradInput)]
    pub fn grad_input(
        &mut self,
        grad_output: &Tensor,
        filter: &Tensor,
        grad_input: &mut Tensor,
        accumulate: bool,
    ) -> Result<(), JsError> {
        let (conv, weights) = self.with_weights(filter).map_err(exception)?;
        let results = grad_input.elements_mut();
        let done = conv.grad_input(grad_output.elements(), weights, results, update(accumulate));
        done.map_err(exception)
    }

    /// The gradient of the filter.
    ///
    /// # Errors
    /// As [`depthwise::Conv::grad_weight`].
    #[wasm_bindgen(js_name = gradWeight)]
    pub fn grad_weight(
        &mut self,
        input: &Tensor,
        grad_output: &Tensor,
        grad_weight: &mut Tensor,
        accumulate: bool,
    ) -> Result<(), JsError> {
        self.run_grad_weight(input, grad_output, grad_weight, update(accumulate)).map_err(exception)
    }

    /// The gradient of the bias.
    ///
    /// # Errors
    /// As [`depthwise::Conv::grad_bias`].
    #[wasm_bindgen(js_name = gradBias)]
    pub fn grad_bias(
        &self,
        grad_output: &Tensor,
        grad_bias: &mut Tensor,
        accumulate: bool,
    ) -> Result<(), JsError> {
        let results = grad_bias.elements_mut();
        let done = self.conv.grad_bias(grad_output.elements(), results, update(accumulate));
        done.map_err(exception)
    }
}

impl Conv {
    fn run_forward(
        &mut self,
        input: &Tensor,
        filter: &Tensor,
        bias: Option<&[f32]>,
        output: &mut Tensor,
    ) -> Result<(), Error> {
        let (conv, weights) = self.with_weights(filter)?;
        conv.forward(input.elements(), weights, bias, output.elements_mut())
    }

    fn run_grad_weight(
        &mut self,
        input: &Tensor,
        grad_output: &Tensor,
        grad_weight: &mut Tensor,
        update: Update,
    ) -> Result<(), Error> {
        let (input, grad_output) = (input.elements(), grad_output.elements());
        let results = grad_weight.elements_mut();
        if self.converted.is_empty() {
            return self.conv.grad_weight(input, grad_output, results, update);
        }
        if update == Update::Accumulate {
            self.convert(results)?;
        }
        self.conv.grad_weight(input, grad_output, &mut self.converted, update)?;
        let problem = self.conv.problem();
        let kernel = [problem.height().kernel(), problem.width().kernel()];
        let from = (self.converted.as_slice(), problem.layout());
        convert_weights(from, (results, self.filter_order), kernel, problem.output_channels())
    }

    /// The convolution, and the filter in the order of the kernels.
    fn with_weights<'a>(
        &'a mut self,
        filter: &'a Tensor,
    ) -> Result<(&'a depthwise::Conv, &'a [f32]), Error> {
        if self.converted.is_empty() {
            return Ok((&self.conv, filter.elements()));
        }
        self.convert(filter.elements())?;
        Ok((&self.conv, &self.converted))
    }

    fn convert(&mut self, filter: &[f32]) -> Result<(), Error> {
        let problem = self.conv.problem();
        let kernel = [problem.height().kernel(), problem.width().kernel()];
        let to = (self.converted.as_mut_slice(), problem.layout());
        convert_weights((filter, self.filter_order), to, kernel, problem.output_channels())
    }
}

/// The machine that tiles are chosen for unless told: the host, by name.
#[wasm_bindgen(js_name = hostMachine)]
#[must_use]
pub fn host_machine() -> String {
    Machine::detect().name.into()
}

fn update(accumulate: bool) -> Update {
    if accumulate { Update::Accumulate } else { Update::Overwrite }
}
