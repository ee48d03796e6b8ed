use depthwise::{Conv, Error, Update};

use crate::clock::{Clock, Work};
use crate::parameter::Parameter;
use crate::random::Random;

/// Values between two layers, and the gradient of the loss at each.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub value: Vec<f32>,
    /// Empty where nobody asks for it.
    pub grad: Vec<f32>,
}

/// A layer with weights and a bias.
#[derive(Clone, Debug)]
pub struct Layer {
    operation: Operation,
    parameters: [Parameter; 2],
    learns: bool,
}

#[derive(Clone, Debug)]
enum Operation {
    Depthwise(Box<Conv>),
    /// A 1×1 convolution, weights `[input][output]`; on one position it is the linear layer.
    Pointwise {
        relu: bool,
    },
}

impl Layer {
    pub(crate) fn depthwise(conv: Conv, random: &mut Random) -> Self {
        let [height, width, channels] = conv.weights_shape();
        // Sums of `height · width` products, with the variance of what is summed.
        let weights = random.normals(height * width * channels, 1.0 / (height * width) as f32);
        let parameters = [weights, vec![0.0; channels]].map(Parameter::new);
        Self { operation: Operation::Depthwise(Box::new(conv)), parameters, learns: true }
    }

    /// The mean of each channel is a depthwise convolution too: one window of equal weights.
    pub(crate) fn mean_pool(conv: Conv) -> Self {
        let [height, width, channels] = conv.weights_shape();
        let weights = vec![1.0 / (height * width) as f32; height * width * channels];
        let parameters = [weights, vec![0.0; channels]].map(Parameter::new);
        Self { operation: Operation::Depthwise(Box::new(conv)), parameters, learns: false }
    }

    pub(crate) fn pointwise(
        [inputs, outputs]: [usize; 2],
        relu: bool,
        random: &mut Random,
    ) -> Self {
        // He's rule: twice that, because ReLU loses half.
        let weights = random.normals(inputs * outputs, 2.0 / inputs as f32);
        let parameters = [weights, vec![0.0; outputs]].map(Parameter::new);
        Self { operation: Operation::Pointwise { relu }, parameters, learns: true }
    }

    /// Whether it is a depthwise convolution.
    #[must_use]
    pub const fn is_depthwise(&self) -> bool {
        matches!(self.operation, Operation::Depthwise(_))
    }

    /// Whether training moves its parameters.
    #[must_use]
    pub const fn learns(&self) -> bool {
        self.learns
    }

    /// Weights and bias.
    #[must_use]
    pub const fn parameters(&self) -> &[Parameter; 2] {
        &self.parameters
    }

    /// Weights and bias, to be changed.
    pub const fn parameters_mut(&mut self) -> &mut [Parameter; 2] {
        &mut self.parameters
    }

    /// Computes `y` from `x`.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        y: &mut Tensor,
        clock: &mut Clock,
    ) -> Result<(), Error> {
        let [weights, bias] = self.parameters.each_ref().map(|parameter| &parameter.value);
        match &self.operation {
            Operation::Depthwise(conv) => clock
                .time(Work::Forward, || conv.forward(&x.value, weights, Some(bias), &mut y.value)),
            Operation::Pointwise { relu } => clock.time(Work::Pointwise, || {
                y.value.chunks_exact_mut(bias.len()).for_each(|y| y.copy_from_slice(bias));
                add_product(&x.value, weights, &mut y.value, weights.len() / bias.len());
                if *relu {
                    y.value.iter_mut().for_each(|y| *y = y.max(0.0));
                }
                Ok(())
            }),
        }
    }

    /// Computes the gradients of the parameters and of `x` from that of `y`.
    pub(crate) fn backward(
        &mut self,
        x: &mut Tensor,
        y: &mut Tensor,
        clock: &mut Clock,
    ) -> Result<(), Error> {
        let [weights, bias] = &mut self.parameters;
        match &self.operation {
            Operation::Depthwise(conv) => {
                clock.time(Work::GradBias, || {
                    conv.grad_bias(&y.grad, &mut bias.grad, Update::Overwrite)
                })?;
                clock.time(Work::GradWeight, || {
                    conv.grad_weight(&x.value, &y.grad, &mut weights.grad, Update::Overwrite)
                })?;
                if x.grad.is_empty() {
                    return Ok(());
                }
                clock.time(Work::GradInput, || {
                    conv.grad_input(&y.grad, &weights.value, &mut x.grad, Update::Overwrite)
                })
            }
            Operation::Pointwise { relu } => {
                clock.time(Work::PointwiseGradients, || {
                    pointwise_gradients(*relu, weights, bias, x, y)
                });
                Ok(())
            }
        }
    }
}

fn pointwise_gradients(
    relu: bool,
    weights: &mut Parameter,
    bias: &mut Parameter,
    x: &mut Tensor,
    y: &mut Tensor,
) {
    let outputs = bias.value.len();
    let inputs = weights.value.len() / outputs;
    if relu {
        let outputs = y.grad.iter_mut().zip(&y.value);
        outputs.for_each(|(grad, y)| *grad = if *y > 0.0 { *grad } else { 0.0 });
    }
    weights.grad.fill(0.0);
    bias.grad.fill(0.0);
    for (x, gy) in x.value.chunks_exact(inputs).zip(y.grad.chunks_exact(outputs)) {
        add_product(x, gy, &mut weights.grad, 1);
        add_product(&[1.0], gy, &mut bias.grad, 1);
    }
    let column = |o| weights.value.iter().skip(o).step_by(outputs).copied();
    let transposed: Vec<f32> = (0..outputs).flat_map(column).collect();
    x.grad.fill(0.0);
    add_product(&y.grad, &transposed, &mut x.grad, outputs);
}

/// `c[i][j] += Σ a[i][k] · b[k][j]`, for `depth` values of `k`.
fn add_product(a: &[f32], b: &[f32], c: &mut [f32], depth: usize) {
    let columns = b.len() / depth;
    for (a, c) in a.chunks_exact(depth).zip(c.chunks_exact_mut(columns)) {
        for (a, b) in a.iter().zip(b.chunks_exact(columns)) {
            c.iter_mut().zip(b).for_each(|(c, b)| *c += a * b);
        }
    }
}
