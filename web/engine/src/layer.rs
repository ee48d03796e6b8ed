//! A layer of a network, to be checked and timed.

use depthwise::{Activation, Conv, Error, Isa, Layout, Machine, Padding, Update};
use depthwise_training::Random;
use depthwise_verification::data::Data;
use depthwise_verification::{Case, Check, Kernels, Pass, Shape};
use serde::{Deserialize, Serialize};

/// Sizes of a layer, as the page has them.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Sizes {
    /// Channels.
    pub channels: usize,
    /// `[h][w]`
    pub input: [usize; 2],
    /// `[kh][kw]`
    pub kernel: [usize; 2],
    /// `[h][w]`
    pub stride: [usize; 2],
    /// `[h][w]`
    pub dilation: [usize; 2],
    /// `[top, bottom, left, right]`
    pub padding: [isize; 4],
}

/// A convolution with its tensors, channels last, batch 1.
#[derive(Debug)]
pub struct Layer {
    sizes: Sizes,
    conv: Conv,
    /// `[h][w][c]`
    input: Vec<f32>,
    /// `[kh][kw][c]`
    weights: Vec<f32>,
    /// `[oh][ow][c]`, also the output gradient.
    output: Vec<f32>,
    /// `[h][w][c]`
    grad_input: Vec<f32>,
    /// `[kh][kw][c]`
    grad_weight: Vec<f32>,
}

/// What there is to be known of a layer before it runs.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// Floating-point operations of a pass, two for each multiply-add.
    pub flops: usize,
    /// Bytes of the three tensors of a pass.
    pub bytes: usize,
    /// The instance that computes most of each pass.
    pub instances: [&'static str; 3],
    /// Largest error of each pass as a share of its bound, against the reference in f64.
    pub worst: [f64; 3],
    /// `[oh][ow]`
    pub output: [usize; 2],
}

/// The passes that are timed, in this order everywhere.
pub const PASSES: [Pass; 3] = [Pass::Forward, Pass::GradInput, Pass::GradWeight];

/// Channels that a check computes: kernels treat all vectors of them alike.
const CHECKED_CHANNELS: usize = 8;

impl Layer {
    /// The layer, with random tensors.
    ///
    /// # Errors
    /// Sizes that describe no convolution.
    pub fn new(sizes: Sizes) -> Result<Self, Error> {
        let [top, bottom, left, right] = sizes.padding;
        let conv = Conv::builder()
            .channels(sizes.channels)
            .input(sizes.input)
            .kernel(sizes.kernel)
            .stride(sizes.stride)
            .dilation(sizes.dilation)
            .padding(Padding { top, bottom, left, right })
            .machine(Machine::detect())
            .build()?;
        let problem = conv.problem();
        let mut random = Random::new(1);
        let mut numbers = |len| random.normals(len, 1.0);
        Ok(Self {
            sizes,
            input: numbers(problem.input_len()),
            weights: numbers(problem.weights_len()),
            output: numbers(problem.output_len()),
            grad_input: vec![0.0; problem.input_len()],
            grad_weight: vec![0.0; problem.weights_len()],
            conv,
        })
    }

    /// Checks every pass against the reference in f64, and tells what there is to be known.
    ///
    /// # Errors
    /// What the check found, and the command that repeats it.
    pub fn check(&self) -> Result<Facts, String> {
        let mut worst = [0.0; 3];
        for (worst, pass) in worst.iter_mut().zip(PASSES) {
            let subject = Kernels(self.conv.isa());
            let evidence = Check::Bound.run(&self.case(pass), &subject);
            *worst = evidence.map_err(|failure| failure.to_string())?.worst;
        }
        let Self { conv, .. } = self;
        let problem = conv.problem();
        let [_, height, width, _] = conv.output_shape();
        let plans = [conv.plan(), conv.grad_input_plan(), conv.grad_weight_plan()];
        Ok(Facts {
            flops: 2 * problem.products(),
            bytes: problem.bytes(),
            instances: plans.map(|plan| plan.instance().name),
            worst,
            output: [height, width],
        })
    }

    fn case(&self, pass: Pass) -> Case {
        let Sizes { channels, input, kernel, stride, dilation, padding } = self.sizes;
        let [top, bottom, left, right] = padding;
        let channels = channels.min(CHECKED_CHANNELS);
        let (low, high) = ([top, left], [bottom, right]);
        let (batch, multiplier) = (1, 1);
        Case {
            pass,
            shape: Shape {
                batch,
                channels,
                multiplier,
                input,
                kernel,
                stride,
                dilation,
                low,
                high,
            },
            layout: Layout::Nhwc,
            bias: false,
            update: Update::Overwrite,
            activation: Activation::None,
            data: Data::Normal,
            seed: 1,
            offset: 0,
            machine: self.conv.plan().machine(),
            instance: None,
        }
    }

    /// Runs a pass so many times.
    ///
    /// # Errors
    /// None, once the layer is made.
    pub fn run(&mut self, pass: Pass, calls: usize) -> Result<(), Error> {
        let Self { conv, input, weights, output, grad_input, grad_weight, .. } = self;
        for _ in 0..calls {
            match pass {
                Pass::Forward => conv.forward(input, weights, None, output)?,
                Pass::GradInput => {
                    conv.grad_input(output, weights, grad_input, Update::Overwrite)?;
                }
                Pass::GradWeight => {
                    conv.grad_weight(input, output, grad_weight, Update::Overwrite)?;
                }
                Pass::GradBias => {}
            }
        }
        Ok(())
    }

    /// Input, weights and output, for those who compute the layer beside.
    #[must_use]
    pub fn tensors(&self) -> [&[f32]; 3] {
        [&self.input, &self.weights, &self.output]
    }

    /// The instruction set that runs it.
    #[must_use]
    pub const fn isa(&self) -> Isa {
        self.conv.isa()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_checked_and_run() {
        let text = r#"{"channels": 12, "input": [14, 15], "kernel": [3, 5], "stride": [2, 1],
            "dilation": [1, 2], "padding": [0, 1, 4, 4]}"#;
        let mut layer = Layer::new(serde_json::from_str(text).unwrap()).unwrap();
        let facts = layer.check().unwrap();
        assert_eq!(facts.output, [7, 15]);
        assert!(facts.worst.iter().all(|worst| (0.0..1.0).contains(worst) && *worst > 0.0));
        for pass in PASSES {
            layer.run(pass, 2).unwrap();
        }
        let zeros = |numbers: &[f32]| numbers.iter().filter(|number| **number == 0.0).count();
        assert_eq!(zeros(&layer.output) + zeros(&layer.grad_input) + zeros(&layer.grad_weight), 0);
    }
}
