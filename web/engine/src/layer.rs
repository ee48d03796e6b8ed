//! A layer of a network, to be checked and timed.

use depthwise::{Activation, Conv, Error, Isa, Layout, Machine, Padding, Update};
use depthwise_training::Random;
use depthwise_verification::data::Data;
use depthwise_verification::{Case, Check, Kernels, Pass, Shape};
use serde::{Deserialize, Serialize};

use crate::tensor::Tensor;

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
    /// The convolution for each machine whose tiles differ, that of the host first, for each pass.
    plans: [Vec<Conv>; 3],
    /// Which of them each pass runs.
    chosen: [usize; 3],
    /// `[h][w][c]`
    input: Tensor,
    /// `[kh][kw][c]`
    weights: Tensor,
    /// `[oh][ow][c]`, also the output gradient.
    output: Tensor,
    /// `[h][w][c]`
    grad_input: Tensor,
    /// `[kh][kw][c]`
    grad_weight: Tensor,
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
    /// The machine that the tiles of each pass are for.
    pub machines: [&'static str; 3],
    /// Largest error of each pass as a share of its bound, against the reference in f64.
    pub worst: [f64; 3],
    /// `[oh][ow]`
    pub output: [usize; 2],
}

/// The passes that are timed, in this order everywhere.
pub const PASSES: [Pass; 3] = [Pass::Forward, Pass::GradInput, Pass::GradWeight];

/// Channels that a check computes: kernels treat all vectors of them alike.
const CHECKED_CHANNELS: usize = 8;

impl Sizes {
    /// The convolution, with tiles for `machine`.
    fn conv(&self, machine: Machine) -> Result<Conv, Error> {
        let [top, bottom, left, right] = self.padding;
        Conv::builder()
            .channels(self.channels)
            .input(self.input)
            .kernel(self.kernel)
            .stride(self.stride)
            .dilation(self.dilation)
            .padding(Padding { top, bottom, left, right })
            .machine(machine)
            .build()
    }
}

impl Layer {
    /// The layer, with random tensors.
    ///
    /// # Errors
    /// Sizes that describe no convolution.
    pub fn new(sizes: Sizes) -> Result<Self, Error> {
        let host = sizes.conv(Machine::detect())?;
        let problem = host.problem();
        let mut random = Random::new(1);
        let lens = [problem.input_len(), problem.weights_len(), problem.output_len()];
        let mut place = 0..;
        let mut tensor = |elements: &[f32]| Tensor::new(place.next().unwrap_or(0), elements);
        let [input, weights, output] = lens.map(|len| tensor(&random.normals(len, 1.0)));
        let [grad_input, grad_weight] =
            [&input, &weights].map(|shape| tensor(&vec![0.0; shape.len()]));
        let others = Machine::ALL.iter().map(|machine| sizes.conv(*machine));
        let others = others.collect::<Result<Vec<_>, _>>()?;
        let mut plans = [const { Vec::new() }; 3];
        for (plans, pass) in plans.iter_mut().zip(PASSES) {
            plans.push(host);
            for &conv in &others {
                if plans.iter().all(|other| instance(other, pass) != instance(&conv, pass)) {
                    plans.push(conv);
                }
            }
        }
        Ok(Self { sizes, plans, chosen: [0; 3], input, weights, output, grad_input, grad_weight })
    }

    /// Plans that a pass can choose among.
    #[must_use]
    pub fn alternatives(&self, pass: Pass) -> usize {
        self.plans[index(pass)].len()
    }

    /// Has a pass run by one of its [`alternatives`](Self::alternatives).
    pub fn choose(&mut self, pass: Pass, alternative: usize) {
        self.chosen[index(pass)] = alternative.min(self.alternatives(pass) - 1);
    }

    /// What runs a pass.
    fn conv(&self, pass: Pass) -> &Conv {
        &self.plans[index(pass)][self.chosen[index(pass)]]
    }

    /// Checks every pass against the reference in f64, and tells what there is to be known.
    ///
    /// # Errors
    /// What the check found, and the command that repeats it.
    pub fn check(&self) -> Result<Facts, String> {
        let mut worst = [0.0; 3];
        for (worst, pass) in worst.iter_mut().zip(PASSES) {
            let subject = Kernels(self.isa());
            let evidence = Check::Bound.run(&self.case(pass), &subject);
            *worst = evidence.map_err(|failure| failure.to_string())?.worst;
        }
        let conv = self.conv(Pass::Forward);
        let problem = conv.problem();
        let [_, height, width, _] = conv.output_shape();
        Ok(Facts {
            flops: 2 * problem.products(),
            bytes: problem.bytes(),
            instances: PASSES.map(|pass| instance(self.conv(pass), pass)),
            machines: PASSES.map(|pass| self.conv(pass).plan().machine().name),
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
            machine: self.conv(pass).plan().machine(),
            instance: None,
        }
    }

    /// Runs a pass so many times.
    ///
    /// # Errors
    /// None, once the layer is made.
    pub fn run(&mut self, pass: Pass, calls: usize) -> Result<(), Error> {
        let Self { plans, chosen, input, weights, output, grad_input, grad_weight, .. } = self;
        let conv = &plans[index(pass)][chosen[index(pass)]];
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
    pub fn isa(&self) -> Isa {
        self.conv(Pass::Forward).isa()
    }
}

/// Where a pass is among those that are timed; the gradient of biases is not.
fn index(pass: Pass) -> usize {
    PASSES.iter().position(|timed| *timed == pass).unwrap_or(0)
}

/// The instance that computes most of a pass.
fn instance(conv: &Conv, pass: Pass) -> &'static str {
    let plan = match pass {
        Pass::GradInput => conv.grad_input_plan(),
        Pass::GradWeight => conv.grad_weight_plan(),
        Pass::Forward | Pass::GradBias => conv.plan(),
    };
    plan.instance().name
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

    #[test]
    fn each_pass_may_have_the_tiles_of_another_machine() {
        let text = r#"{"channels": 12, "input": [14, 15], "kernel": [3, 3], "stride": [1, 1],
            "dilation": [1, 1], "padding": [1, 1, 1, 1]}"#;
        let mut layer = Layer::new(serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(PASSES.map(|pass| layer.alternatives(pass)), [2, 2, 2]);
        let host = layer.check().unwrap();
        layer.run(Pass::GradInput, 1).unwrap();
        let before = layer.grad_input.to_vec();
        layer.choose(Pass::GradInput, 1);
        let facts = layer.check().unwrap();
        assert_eq!(facts.instances[0], host.instances[0]);
        assert_ne!(facts.instances[1], host.instances[1]);
        assert_ne!(facts.machines[1], host.machines[1]);
        layer.grad_input.fill(7.0);
        layer.run(Pass::GradInput, 1).unwrap();
        assert!(*layer.grad_input == before);
    }
}
