//! Trains a small depthwise-separable classifier of drawn shapes, from scratch:
//! `cargo run --release -p depthwise --example train -- --seed 1`
//!
//! Images are drawn when they are needed, so none is ever seen twice: six shapes at any place, size
//! and angle, in any stroke and contrast, under noise. [`Conv`] computes the depthwise layers and
//! their gradients; all else is plain loops. The program fails if a gradient is not the slope of
//! the loss, or if the network recognises too few new images.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use std::{env, f32::consts::TAU, fmt, ops::Range};

use depthwise::{Conv, Error, Isa, Update};
use indicatif::{ProgressBar, ProgressStyle};

const STEPS: usize = 500;
const BATCH: usize = 32;
/// Rate of learning at the first step, from which it falls to zero on a straight line.
const RATE: f32 = 0.015;
const UNSEEN_BATCHES: usize = 64;
const REQUIRED_ACCURACY: f64 = 0.95;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut random = Random(seed()?);
    let mut network = Network::new(&mut random)?;
    check_gradients(&mut network, &Batch::draw(&mut random))?;
    network.clock = Clock::default();

    let start = Instant::now();
    train(&mut network, &mut random)?;
    let time = start.elapsed();
    println!("{STEPS} steps in {:.2} s, depthwise layers on {}:", time.as_secs_f64(), Isa::best());
    network.clock.print(time);

    let accuracy = evaluate(&mut network, &mut random)?;
    println!("{:.2} % of {} unseen images recognised", 100.0 * accuracy, UNSEEN_BATCHES * BATCH);
    if accuracy > REQUIRED_ACCURACY { Ok(()) } else { Err("too few images recognised".into()) }
}

fn seed() -> Result<u64, Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => Ok(1),
        [flag, seed] if flag == "--seed" => Ok(seed.parse()?),
        _ => Err("usage: train [--seed NUMBER]".into()),
    }
}

/// Compares gradients of each depthwise layer with slopes of the loss: of all taps of the channel
/// that has the steepest one, and of the steepest bias.
fn check_gradients(network: &mut Network, batch: &Batch) -> Result<(), Failure> {
    const TOLERANCE: f32 = 0.1;
    network.forward(batch)?;
    network.backward()?;
    for layer in 0..network.layers.len() {
        let Layer { operation, parameters, learns } = &network.layers[layer];
        if !(matches!(operation, Operation::Depthwise(_)) && *learns) {
            continue;
        }
        let grads = parameters.each_ref().map(|parameter| parameter.grad.clone());
        let channels = grads[BIAS].len();
        for (which, grad) in grads.iter().enumerate() {
            let steeper = |a: &usize, b: &usize| grad[*a].abs().total_cmp(&grad[*b].abs());
            let steepest = (0..grad.len()).max_by(steeper).unwrap_or_default();
            for index in (steepest % channels..grad.len()).step_by(channels) {
                let slope = slope(network, batch, [layer, which, index])?;
                let error = (slope - grad[index]).abs() / grad[steepest].abs();
                if error.is_nan() || error > TOLERANCE {
                    let found = format!("gradient {}, slope of the loss {slope}", grad[index]);
                    return Err(format!("layer {layer}, element {index}: {found}").into());
                }
            }
        }
    }
    Ok(())
}

/// How steeply the loss rises with one element of a parameter.
fn slope(
    network: &mut Network,
    batch: &Batch,
    [layer, which, index]: [usize; 3],
) -> Result<f32, Error> {
    // Wide enough for the rounding of the loss, narrow enough for the kinks of ReLU.
    const REACH: f32 = 5e-4;
    let value = network.layers[layer].parameters[which].value[index];
    let mut loss_at = |value| {
        network.layers[layer].parameters[which].value[index] = value;
        network.forward(batch).map(|score| score.loss)
    };
    let (above, below) = (value + REACH, value - REACH);
    let rise = loss_at(above)? - loss_at(below)?;
    loss_at(value)?;
    Ok(rise as f32 / (above - below))
}

fn train(network: &mut Network, random: &mut Random) -> Result<(), Failure> {
    let style = "{bar:40} {pos}/{len} steps  {per_sec}  {msg}";
    let bar = ProgressBar::new(STEPS as u64).with_style(ProgressStyle::with_template(style)?);
    let mut recent = Score { loss: (Shape::ALL.len() as f64).ln(), accuracy: 0.0 };
    for step in 1..=STEPS {
        let batch = network.clock.time("drawing", || Batch::draw(random));
        let score = network.forward(&batch)?;
        network.backward()?;
        network.descend(step);

        // Single batches are too small to show where the loss is going.
        recent.loss += (score.loss - recent.loss) / 32.0;
        recent.accuracy += (score.accuracy - recent.accuracy) / 32.0;
        bar.set_message(recent.to_string());
        bar.inc(1);
        if step % 100 == 0 {
            bar.suspend(|| println!("step {step}: {recent}"));
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// The accuracy on images that no step has used.
fn evaluate(network: &mut Network, random: &mut Random) -> Result<f64, Error> {
    let mut accuracy = 0.0;
    for _ in 0..UNSEEN_BATCHES {
        accuracy += network.forward(&Batch::draw(random))?.accuracy;
    }
    Ok(accuracy / UNSEEN_BATCHES as f64)
}

/// A depthwise convolution that multiplies the channels, then a pointwise one that mixes them.
struct Block {
    kernel: usize,
    stride: usize,
    multiplier: usize,
    outputs: usize,
}

const BLOCKS: [Block; 4] = [
    Block { kernel: 5, stride: 2, multiplier: 8, outputs: 16 },
    Block { kernel: 3, stride: 1, multiplier: 1, outputs: 32 },
    Block { kernel: 3, stride: 2, multiplier: 1, outputs: 32 },
    Block { kernel: 3, stride: 1, multiplier: 1, outputs: 64 },
];

/// The layers in order: layer `i` computes tensor `i + 1` from tensor `i`. The first tensor holds
/// the images, the last one the logits `[n][class]`.
struct Network {
    layers: Vec<Layer>,
    tensors: Vec<Tensor>,
    clock: Clock,
}

impl Network {
    fn new(random: &mut Random) -> Result<Self, Error> {
        // Nobody asks for the gradient of the images.
        let images = Tensor { value: vec![0.0; BATCH * SIZE * SIZE], grad: Vec::new() };
        let (mut layers, mut tensors) = (Vec::new(), vec![images]);
        let mut push = |layer, output_len| {
            layers.push(layer);
            tensors.push(Tensor { value: vec![0.0; output_len], grad: vec![0.0; output_len] });
        };
        let (mut channels, mut input) = (1, [SIZE; 2]);
        for block in BLOCKS {
            let conv = Conv::builder()
                .batch(BATCH)
                .channels(channels)
                .multiplier(block.multiplier)
                .input(input)
                .kernel([block.kernel; 2])
                .stride([block.stride; 2])
                .same_upper()
                .build()?;
            let [_, height, width, multiplied] = conv.output_shape();
            push(Layer::depthwise(conv, random), conv.problem().output_len());
            (channels, input) = (block.outputs, [height, width]);
            let pointwise = Layer::pointwise([multiplied, channels], true, random);
            push(pointwise, BATCH * height * width * channels);
        }
        let pool = Conv::builder().batch(BATCH).channels(channels).input(input).kernel(input);
        push(Layer::mean_pool(pool.build()?), BATCH * channels);
        let linear = Layer::pointwise([channels, Shape::ALL.len()], false, random);
        push(linear, BATCH * Shape::ALL.len());
        Ok(Self { layers, tensors, clock: Clock::default() })
    }

    /// Computes all tensors from the images, and the gradient of the loss at the logits.
    fn forward(&mut self, batch: &Batch) -> Result<Score, Error> {
        self.tensors[0].value.copy_from_slice(&batch.images);
        for (i, layer) in self.layers.iter().enumerate() {
            let (inputs, outputs) = self.tensors.split_at_mut(i + 1);
            layer.forward(&inputs[i], &mut outputs[0], &mut self.clock)?;
        }
        Ok(cross_entropy(&mut self.tensors[self.layers.len()], &batch.labels))
    }

    /// Computes all gradients from that at the logits.
    fn backward(&mut self) -> Result<(), Error> {
        for (i, layer) in self.layers.iter_mut().enumerate().rev() {
            let (inputs, outputs) = self.tensors.split_at_mut(i + 1);
            layer.backward(&mut inputs[i], &mut outputs[0], &mut self.clock)?;
        }
        Ok(())
    }

    /// Moves the parameters against their gradients.
    fn descend(&mut self, step: usize) {
        let rate = RATE * (1.0 - step as f32 / STEPS as f32);
        let learning = self.layers.iter_mut().filter(|layer| layer.learns);
        let parameters = learning.flat_map(|layer| &mut layer.parameters);
        self.clock.time("Adam", || parameters.for_each(|p| p.descend(rate, step as i32)));
    }
}

/// Values between two layers, and the gradient of the loss at each.
struct Tensor {
    value: Vec<f32>,
    grad: Vec<f32>,
}

const BIAS: usize = 1;

struct Layer {
    operation: Operation,
    /// Weights and, at [`BIAS`], bias.
    parameters: [Parameter; 2],
    learns: bool,
}

enum Operation {
    Depthwise(Box<Conv>),
    /// A 1×1 convolution, weights `[input][output]`; on one position it is the linear layer.
    Pointwise {
        relu: bool,
    },
}

impl Layer {
    fn depthwise(conv: Conv, random: &mut Random) -> Self {
        let [height, width, channels] = conv.weights_shape();
        // Sums of `height · width` products, with the variance of what is summed.
        let weights = random.normals(height * width * channels, 1.0 / (height * width) as f32);
        let parameters = [weights, vec![0.0; channels]].map(Parameter::new);
        Self { operation: Operation::Depthwise(Box::new(conv)), parameters, learns: true }
    }

    /// The mean of each channel is a depthwise convolution too: one window of equal weights.
    fn mean_pool(conv: Conv) -> Self {
        let [height, width, channels] = conv.weights_shape();
        let weights = vec![1.0 / (height * width) as f32; height * width * channels];
        let parameters = [weights, vec![0.0; channels]].map(Parameter::new);
        Self { operation: Operation::Depthwise(Box::new(conv)), parameters, learns: false }
    }

    fn pointwise([inputs, outputs]: [usize; 2], relu: bool, random: &mut Random) -> Self {
        // He's rule: twice that, because ReLU loses half.
        let weights = random.normals(inputs * outputs, 2.0 / inputs as f32);
        let parameters = [weights, vec![0.0; outputs]].map(Parameter::new);
        Self { operation: Operation::Pointwise { relu }, parameters, learns: true }
    }

    fn forward(&self, x: &Tensor, y: &mut Tensor, clock: &mut Clock) -> Result<(), Error> {
        let [weights, bias] = self.parameters.each_ref().map(|parameter| &parameter.value);
        match &self.operation {
            Operation::Depthwise(conv) => clock.time("depthwise forward", || {
                conv.forward(&x.value, weights, Some(bias), &mut y.value)
            }),
            Operation::Pointwise { relu } => clock.time("pointwise forward", || {
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
    fn backward(&mut self, x: &mut Tensor, y: &mut Tensor, clock: &mut Clock) -> Result<(), Error> {
        let [weights, bias] = &mut self.parameters;
        match &self.operation {
            Operation::Depthwise(conv) => {
                clock.time("depthwise grad_bias", || {
                    conv.grad_bias(&y.grad, &mut bias.grad, Update::Overwrite)
                })?;
                clock.time("depthwise grad_weight", || {
                    conv.grad_weight(&x.value, &y.grad, &mut weights.grad, Update::Overwrite)
                })?;
                if x.grad.is_empty() {
                    return Ok(());
                }
                clock.time("depthwise grad_input", || {
                    conv.grad_input(&y.grad, &weights.value, &mut x.grad, Update::Overwrite)
                })
            }
            Operation::Pointwise { relu } => {
                let outputs = bias.value.len();
                let inputs = weights.value.len() / outputs;
                clock.time("pointwise grad_weight, grad_bias", || {
                    if *relu {
                        let outputs = y.grad.iter_mut().zip(&y.value);
                        outputs.for_each(|(grad, y)| *grad = if *y > 0.0 { *grad } else { 0.0 });
                    }
                    weights.grad.fill(0.0);
                    bias.grad.fill(0.0);
                    for (x, gy) in x.value.chunks_exact(inputs).zip(y.grad.chunks_exact(outputs)) {
                        add_product(x, gy, &mut weights.grad, 1);
                        add_product(&[1.0], gy, &mut bias.grad, 1);
                    }
                });
                clock.time("pointwise grad_input", || {
                    let column = |o| weights.value.iter().skip(o).step_by(outputs).copied();
                    let transposed: Vec<f32> = (0..outputs).flat_map(column).collect();
                    x.grad.fill(0.0);
                    add_product(&y.grad, &transposed, &mut x.grad, outputs);
                });
                Ok(())
            }
        }
    }
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

/// What is learnt, with its gradient and Adam's running mean and square of it.
#[derive(Clone)]
struct Parameter {
    value: Vec<f32>,
    grad: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Parameter {
    fn new(value: Vec<f32>) -> Self {
        let [grad, mean, square] = [(); 3].map(|()| vec![0.0; value.len()]);
        Self { value, grad, mean, square }
    }

    fn descend(&mut self, rate: f32, step: i32) {
        const DECAY: [f32; 2] = [0.9, 0.99];
        // The running means start at zero: so far they have this share of their weight.
        let [mean_share, square_share] = DECAY.map(|decay| 1.0 - decay.powi(step));
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((value, grad), (mean, square)) in self.value.iter_mut().zip(&self.grad).zip(moments) {
            *mean += (1.0 - DECAY[0]) * (grad - *mean);
            *square += (1.0 - DECAY[1]) * (grad * grad - *square);
            *value -= rate * (*mean / mean_share) / ((*square / square_share).sqrt() + 1e-8);
        }
    }
}

/// The mean over a batch.
struct Score {
    loss: f64,
    accuracy: f64,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.3}, accuracy {:.1} %", self.loss, 100.0 * self.accuracy)
    }
}

/// Softmax and cross-entropy: the score of the logits, and the gradient of the loss at each.
fn cross_entropy(logits: &mut Tensor, labels: &[usize]) -> Score {
    let (mut loss, mut correct) = (0.0, 0);
    let rows = logits.value.chunks_exact(Shape::ALL.len());
    let grads = logits.grad.chunks_exact_mut(Shape::ALL.len());
    for ((row, grad), &label) in rows.zip(grads).zip(labels) {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|logit| (logit - max).exp()).sum();
        for (class, (grad, logit)) in grad.iter_mut().zip(row).enumerate() {
            let wanted = if class == label { 1.0 } else { 0.0 };
            *grad = ((logit - max).exp() / sum - wanted) / BATCH as f32;
        }
        loss += f64::from(sum.ln() + max - row[label]);
        // A tie is no answer.
        correct += usize::from(row.iter().filter(|logit| **logit >= row[label]).count() == 1);
    }
    Score { loss: loss / BATCH as f64, accuracy: correct as f64 / BATCH as f64 }
}

/// Images `[n][h][w]` and the shape that each shows, as an index of [`Shape::ALL`].
struct Batch {
    images: Vec<f32>,
    labels: Vec<usize>,
}

impl Batch {
    fn draw(random: &mut Random) -> Self {
        let labels: Vec<usize> = (0..BATCH).map(|_| random.below(Shape::ALL.len())).collect();
        let images = labels.iter().flat_map(|&label| Shape::ALL[label].draw(random)).collect();
        Self { images, labels }
    }
}

/// Height and width of an image.
const SIZE: usize = 32;

#[derive(Clone, Copy)]
enum Shape {
    Disc,
    Ring,
    Square,
    Triangle,
    Cross,
    Stripes,
}

impl Shape {
    const ALL: [Self; 6] =
        [Self::Disc, Self::Ring, Self::Square, Self::Triangle, Self::Cross, Self::Stripes];

    fn draw(self, random: &mut Random) -> Vec<f32> {
        let radius = random.uniform(6.0..12.0);
        let [row, column] = [(); 2].map(|()| random.uniform(radius..SIZE as f32 - radius));
        let (sin, cos) = random.uniform(0.0..TAU).sin_cos();
        let stroke = random.uniform(0.12..0.25);
        let contrast = random.uniform(0.5..1.0);
        let noise = random.uniform(0.05..0.2);
        let pixel = |i| {
            let (y, x) = ((i / SIZE) as f32 - row, (i % SIZE) as f32 - column);
            let place = [(cos * x + sin * y) / radius, (cos * y - sin * x) / radius];
            let coverage = (0.5 - radius * self.distance(place, stroke)).clamp(0.0, 1.0);
            contrast * coverage + noise * random.normal()
        };
        (0..SIZE * SIZE).map(pixel).collect()
    }

    /// How far a place is outside of the shape of radius 1, or if negative, inside of it.
    fn distance(self, [x, y]: [f32; 2], stroke: f32) -> f32 {
        let (radius, x, y) = (x.hypot(y), x.abs(), y);
        let (longer, shorter) = (x.max(y.abs()), x.min(y.abs()));
        match self {
            Self::Disc => radius - 1.0,
            Self::Ring => (radius - 1.0 + stroke).abs() - stroke,
            Self::Square => longer - 0.8,
            Self::Triangle => (0.75_f32.sqrt() * x + 0.5 * y).max(-y) - 0.5,
            Self::Cross => (longer - 1.0).max(shorter - stroke),
            Self::Stripes => {
                let from_stripe = x - 0.75 * (x / 0.75).round();
                (longer - 1.0).max(from_stripe.abs() - stroke)
            }
        }
    }
}

/// SplitMix64: small, and good enough for drawing.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    fn uniform(&mut self, range: Range<f32>) -> f32 {
        let fraction = (self.bits() >> 40) as f32 / (1 << 24) as f32;
        range.start + fraction * (range.end - range.start)
    }

    /// Nearly normal, of variance 1: a sum of four uniform numbers.
    fn normal(&mut self) -> f32 {
        let bits = self.bits();
        let sum: u64 = [0, 16, 32, 48].map(|shift| bits >> shift & 0xffff).iter().sum();
        (sum as f32 / 65536.0 - 2.0) * 3.0_f32.sqrt()
    }

    fn normals(&mut self, len: usize, variance: f32) -> Vec<f32> {
        (0..len).map(|_| variance.sqrt() * self.normal()).collect()
    }
}

/// Where the time goes.
#[derive(Default)]
struct Clock(BTreeMap<&'static str, Duration>);

impl Clock {
    fn time<T>(&mut self, work: &'static str, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = run();
        *self.0.entry(work).or_default() += start.elapsed();
        result
    }

    fn print(&self, total: Duration) {
        for (work, time) in &self.0 {
            let share = 100.0 * time.as_secs_f64() / total.as_secs_f64();
            println!("{share:6.1} %  {work}");
        }
    }
}
