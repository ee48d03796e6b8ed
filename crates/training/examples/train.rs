//! Trains a small depthwise-separable classifier of drawn shapes, from scratch:
//! `cargo run --release -p depthwise-training --example train -- --seed 1`
//!
//! Images are drawn when they are needed, so none is ever seen twice: six shapes at any place, size
//! and angle, in any stroke and contrast, under noise. The program fails if a gradient is not the slope of
//! the loss, or if the network recognises too few new images.

use std::sync::LazyLock;
use std::time::Instant;
use std::{env, f32::consts::TAU};

use depthwise::{Error, Isa};
use depthwise_training::{Batch, Clock, Network, Random, SIZE, Score, Work};
use indicatif::{ProgressBar, ProgressStyle};

const STEPS: usize = 500;
const BATCH: usize = 32;
/// Rate of learning at the first step, from which it falls to zero on a straight line.
const RATE: f32 = 0.015;
const UNSEEN_BATCHES: usize = 64;
const REQUIRED_ACCURACY: f64 = 0.95;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut random = Random::new(seed()?);
    let mut network = Network::new(BATCH, Shape::ALL.len(), &mut random, clock())?;
    check_gradients(&mut network, &draw_batch(&mut random))?;
    network.clock = clock();

    let start = Instant::now();
    train(&mut network, &mut random)?;
    let time = start.elapsed();
    println!("{STEPS} steps in {:.2} s, depthwise layers on {}:", time.as_secs_f64(), Isa::best());
    for work in Work::ALL {
        let share = 100.0 * network.clock.seconds(work) / time.as_secs_f64();
        println!("{share:6.1} %  {work}");
    }

    let accuracy = evaluate(&mut network, &mut random)?;
    println!("{:.2} % of {} unseen images recognised", 100.0 * accuracy, UNSEEN_BATCHES * BATCH);
    if accuracy > REQUIRED_ACCURACY { Ok(()) } else { Err("too few images recognised".into()) }
}

fn clock() -> Clock {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Clock::new(|| START.elapsed().as_secs_f64())
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
    for index in 0..network.layers().len() {
        let layer = &network.layers()[index];
        if !(layer.is_depthwise() && layer.learns()) {
            continue;
        }
        let grads = layer.parameters().each_ref().map(|parameter| parameter.grad.clone());
        let channels = grads[1].len();
        for (which, grad) in grads.iter().enumerate() {
            let steeper = |a: &usize, b: &usize| grad[*a].abs().total_cmp(&grad[*b].abs());
            let steepest = (0..grad.len()).max_by(steeper).unwrap_or_default();
            for element in (steepest % channels..grad.len()).step_by(channels) {
                let slope = slope(network, batch, [index, which, element])?;
                let error = (slope - grad[element]).abs() / grad[steepest].abs();
                if error.is_nan() || error > TOLERANCE {
                    let found = format!("gradient {}, slope of the loss {slope}", grad[element]);
                    return Err(format!("layer {index}, element {element}: {found}").into());
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
    let value = network.layers()[layer].parameters()[which].value[index];
    let mut loss_at = |value| {
        network.layers_mut()[layer].parameters_mut()[which].value[index] = value;
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
        let batch = network.clock.time(Work::Drawing, || draw_batch(random));
        let score = network.forward(&batch)?;
        network.backward()?;
        network.descend(RATE * (1.0 - step as f32 / STEPS as f32), step);

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
        accuracy += network.forward(&draw_batch(random))?.accuracy;
    }
    Ok(accuracy / UNSEEN_BATCHES as f64)
}

fn draw_batch(random: &mut Random) -> Batch {
    let labels: Vec<usize> = (0..BATCH).map(|_| random.below(Shape::ALL.len())).collect();
    let images = labels.iter().flat_map(|&label| Shape::ALL[label].draw(random)).collect();
    Batch { images, labels }
}

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
