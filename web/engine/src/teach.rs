//! Teaching a network to tell drawings apart.

use depthwise::Error;
use depthwise_training::{Batch, Clock, Network, Random, Work, softmax};
use serde::Serialize;

use crate::drawing::Drawing;
use crate::time;

/// Images of a step.
const BATCH: usize = 32;

/// Steps of a training.
pub const STEPS: usize = 240;

/// Rate of learning at the first step, from which it falls to zero on a straight line.
const RATE: f32 = 0.012;

/// Steps between tests, and images of a test.
const TEST_EVERY: usize = 20;

/// A network, and what it is taught.
#[derive(Debug)]
pub struct Teacher {
    network: Network,
    random: Random,
    /// By class.
    lessons: Vec<Vec<Drawing>>,
    /// Drawings that no step uses, with their classes.
    tests: Vec<(usize, Drawing)>,
    step: usize,
    seconds: f64,
}

/// What some steps have brought.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Progress {
    /// Steps so far.
    pub step: usize,
    /// Steps of all.
    pub steps: usize,
    /// Seconds of training so far.
    pub seconds: f64,
    /// The loss of each new step.
    pub losses: Vec<f64>,
    /// Tests made meanwhile: after which step, and which share of the images was recognised.
    pub tests: Vec<(usize, f64)>,
    /// Seconds so far of depthwise forward passes, input gradients, weight gradients, and of all else.
    pub passes: [f64; 4],
}

impl Teacher {
    /// Someone to teach that many classes, with a network that knows nothing yet.
    ///
    /// # Errors
    /// No class at all.
    pub fn new(classes: usize, seed: u64) -> Result<Self, Error> {
        let mut random = Random::new(seed);
        let network = Network::new(BATCH, classes, &mut random, Clock::new(time::now))?;
        let lessons = vec![Vec::new(); classes];
        Ok(Self { network, random, lessons, tests: Vec::new(), step: 0, seconds: 0.0 })
    }

    /// Takes a drawing of a class, to be learnt from or, if `held_out`, only to be tested with. Empty ones
    /// and unknown classes are left out.
    pub fn add(&mut self, class: usize, drawing: Drawing, held_out: bool) {
        if drawing.is_empty() || class >= self.lessons.len() {
            return;
        }
        if held_out {
            self.tests.push((class, drawing));
        } else {
            self.lessons[class].push(drawing);
        }
    }

    /// Trains for about so many seconds, at least a step, at most to the end.
    ///
    /// # Errors
    /// None, once the network is made.
    pub fn train(&mut self, seconds: f64) -> Result<Progress, Error> {
        let mut progress = Progress { steps: STEPS, ..Progress::default() };
        let start = time::now();
        let taught = self.lessons.iter().any(|lessons| !lessons.is_empty());
        while taught && self.step < STEPS {
            let begun = time::now();
            self.step += 1;
            progress.losses.push(self.learn()?);
            self.seconds += time::now() - begun;
            if self.step.is_multiple_of(TEST_EVERY) && !self.tests.is_empty() {
                progress.tests.push((self.step, self.test(1)?));
            }
            if time::now() - start >= seconds {
                break;
            }
        }
        Ok(Progress { step: self.step, seconds: self.seconds, passes: self.passes(), ..progress })
    }

    /// A step; its loss.
    fn learn(&mut self) -> Result<f64, Error> {
        let Self { network, random, lessons, .. } = self;
        let taught: Vec<usize> = (0..lessons.len()).filter(|c| !lessons[*c].is_empty()).collect();
        let labels: Vec<usize> = (0..BATCH).map(|_| taught[random.below(taught.len())]).collect();
        let image = |class: &usize| {
            let lessons = &lessons[*class];
            lessons[random.below(lessons.len())].varied(random)
        };
        let images = labels.iter().flat_map(image).collect();
        let batch = Batch { images, labels };
        let score = network.forward(&batch)?;
        network.backward()?;
        network.descend(RATE * (1.0 - self.step as f32 / STEPS as f32), self.step);
        Ok(score.loss)
    }

    fn passes(&self) -> [f64; 4] {
        let of = |work| self.network.clock.seconds(work);
        let passes = [Work::Forward, Work::GradInput, Work::GradWeight].map(of);
        let rest = (self.seconds - passes.iter().sum::<f64>()).max(0.0);
        [passes[0], passes[1], passes[2], rest]
    }

    /// The share of variations of the drawings held out that are recognised, of `batches` batches; NaN if
    /// none is held out.
    ///
    /// # Errors
    /// None, once the network is made.
    pub fn test(&mut self, batches: usize) -> Result<f64, Error> {
        if self.tests.is_empty() {
            return Ok(f64::NAN);
        }
        // The time of tests is not the training's.
        let clock = self.network.clock.clone();
        // The same images at each test, and none that a step has seen.
        let mut random = Random::new(0x7e57);
        let mut accuracy = 0.0;
        for _ in 0..batches {
            let chosen: Vec<_> =
                (0..BATCH).map(|_| &self.tests[random.below(self.tests.len())]).collect();
            let images =
                chosen.iter().flat_map(|(_, drawing)| drawing.varied(&mut random)).collect();
            let labels = chosen.iter().map(|(class, _)| *class).collect();
            accuracy += self.network.forward(&Batch { images, labels })?.accuracy;
        }
        self.network.clock = clock;
        Ok(accuracy / batches as f64)
    }

    /// The probability of each class.
    ///
    /// # Errors
    /// None, once the network is made.
    pub fn recognise(&self, drawing: &Drawing) -> Result<Vec<f32>, Error> {
        let mut network = self.network.with_batch(1)?;
        network.infer(&drawing.image())?;
        Ok(softmax(network.logits()))
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to be changed.
    pub const fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drawings of a line, a corner and a cross, `tilt` makes each another.
    fn drawings(tilt: f32) -> [Drawing; 3] {
        const UP: f32 = f32::NAN;
        let line = [0.1, 0.5 - tilt, 0.5, 0.5, 0.9, 0.5 + tilt].to_vec();
        let corner = [0.2, 0.1, 0.2 + tilt, 0.8, 0.9, 0.8 - tilt].to_vec();
        let cross = [0.1, 0.1 + tilt, 0.9, 0.9, UP, UP, 0.9 - tilt, 0.1, 0.1, 0.9].to_vec();
        [line, corner, cross].map(|coordinates| Drawing::from_coordinates(&coordinates))
    }

    fn teacher(seed: u64) -> Teacher {
        let mut teacher = Teacher::new(3, seed).unwrap();
        for (tilt, held_out) in [(0.0, false), (0.1, false), (-0.08, false), (0.05, true)] {
            for (class, drawing) in drawings(tilt).into_iter().enumerate() {
                teacher.add(class, drawing, held_out);
            }
        }
        teacher
    }

    /// Whole trainings are for optimised code: the page's tests make them.
    #[test]
    fn loss_falls_and_everything_is_timed() {
        let mut teacher = teacher(1);
        let mut losses = Vec::new();
        let mut last = Progress::default();
        while losses.len() < 2 * TEST_EVERY {
            last = teacher.train(0.0).unwrap();
            losses.extend(last.losses.clone());
        }
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let [before, after] = [mean(&losses[..5]), mean(&losses[losses.len() - 5..])];
        assert!(after < 0.8 * before, "{before} {after}");
        assert_eq!((last.step, last.tests.len(), last.steps), (losses.len(), 1, STEPS));
        assert!(last.passes.iter().all(|seconds| *seconds > 0.0));
        assert!(teacher.test(2).unwrap() > 0.4);
    }

    #[test]
    fn probabilities_are_of_the_network() {
        let teacher = teacher(1);
        for drawing in drawings(0.02) {
            let probabilities = teacher.recognise(&drawing).unwrap();
            assert_eq!(probabilities.len(), 3);
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn a_seed_decides_everything() {
        let weights = |slices: &[f64]| {
            let mut teacher = teacher(2);
            slices.iter().for_each(|seconds| drop(teacher.train(*seconds).unwrap()));
            teacher.network().weights()
        };
        assert_eq!(weights(&[0.0, 0.0, 0.0]), weights(&[0.0; 3]));
        assert_ne!(weights(&[0.0; 3]), weights(&[0.0; 2]));
    }

    #[test]
    fn nothing_to_learn_from() {
        let mut teacher = Teacher::new(2, 1).unwrap();
        teacher.add(0, Drawing::default(), false);
        teacher.add(7, drawings(0.0)[0].clone(), false);
        assert_eq!(teacher.train(1.0).unwrap().step, 0);
        assert!(teacher.test(1).unwrap().is_nan());
        assert!(Teacher::new(0, 1).is_err());
    }
}
