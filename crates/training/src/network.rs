use std::fmt;

use depthwise::{Conv, DescriptionError, Dimension, Error, Machine};

use crate::clock::{Clock, Work};
use crate::layer::{Layer, Tensor};
use crate::random::Random;
use crate::score::{Score, cross_entropy};

/// Height and width of an image.
pub const SIZE: usize = 32;

/// Images `[n][h][w]` and the class of each.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Pixels, [`SIZE`] × [`SIZE`] for each image.
    pub images: Vec<f32>,
    /// A class for each image.
    pub labels: Vec<usize>,
}

/// A depthwise convolution, and the channels that a pointwise one makes of it.
#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Debug)]
pub struct Network {
    batch: usize,
    classes: usize,
    layers: Vec<Layer>,
    tensors: Vec<Tensor>,
    /// Where its time goes.
    pub clock: Clock,
}

impl Network {
    /// A network that knows nothing, for so many images at a time and so many classes, both at least 1.
    ///
    /// # Errors
    /// Sizes that describe no convolution, or no class.
    pub fn new(
        batch: usize,
        classes: usize,
        random: &mut Random,
        clock: Clock,
    ) -> Result<Self, Error> {
        if classes == 0 {
            // Classes are the channels of the last layer.
            return Err(DescriptionError::Zero(Dimension::Channels).into());
        }
        // Nobody asks for the gradient of the images.
        let images = Tensor { value: vec![0.0; batch * SIZE * SIZE], grad: Vec::new() };
        let (mut layers, mut tensors) = (Vec::new(), vec![images]);
        let mut push = |layer, output_len| {
            layers.push(layer);
            tensors.push(Tensor { value: vec![0.0; output_len], grad: vec![0.0; output_len] });
        };
        let (mut channels, mut input) = (1, [SIZE; 2]);
        for block in BLOCKS {
            let conv = Conv::builder()
                .batch(batch)
                .channels(channels)
                .multiplier(block.multiplier)
                .input(input)
                .kernel([block.kernel; 2])
                .stride([block.stride; 2])
                .same_upper()
                .machine(Machine::detect())
                .build()?;
            let [_, height, width, multiplied] = conv.output_shape();
            push(Layer::depthwise(conv, random), conv.problem().output_len());
            (channels, input) = (block.outputs, [height, width]);
            let pointwise = Layer::pointwise([multiplied, channels], true, random);
            push(pointwise, batch * height * width * channels);
        }
        let pool = Conv::builder().batch(batch).channels(channels).input(input).kernel(input);
        push(Layer::mean_pool(pool.build()?), batch * channels);
        push(Layer::pointwise([channels, classes], false, random), batch * classes);
        Ok(Self { batch, classes, layers, tensors, clock })
    }

    /// The same network for another number of images at a time.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_batch(&self, batch: usize) -> Result<Self, Error> {
        let mut other = Self::new(batch, self.classes, &mut Random::new(0), self.clock.clone())?;
        for (to, from) in other.layers.iter_mut().zip(&self.layers) {
            to.parameters_mut().clone_from(from.parameters());
        }
        Ok(other)
    }

    /// Images at a time.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Classes.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// Its layers, from the images to the logits.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Its layers, to be changed.
    pub fn layers_mut(&mut self) -> &mut [Layer] {
        &mut self.layers
    }

    /// The logits of the last forward pass, `[n][class]`.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        self.tensors.last().map_or(&[], |tensor| &tensor.value)
    }

    /// Computes all tensors from the images, `[n][h][w]`.
    ///
    /// # Errors
    /// Another number of images than a batch.
    pub fn infer(&mut self, images: &[f32]) -> Result<(), Error> {
        // A depthwise layer refuses an input of a wrong length.
        self.tensors[0].value.clear();
        self.tensors[0].value.extend_from_slice(images);
        for (i, layer) in self.layers.iter().enumerate() {
            let (inputs, outputs) = self.tensors.split_at_mut(i + 1);
            layer.forward(&inputs[i], &mut outputs[0], &mut self.clock)?;
        }
        Ok(())
    }

    /// Computes all tensors from the images, and the gradient of the loss at the logits.
    ///
    /// # Errors
    /// Another number of images than a batch.
    pub fn forward(&mut self, batch: &Batch) -> Result<Score, Error> {
        self.infer(&batch.images)?;
        Ok(cross_entropy(&mut self.tensors[self.layers.len()], &batch.labels))
    }

    /// Computes all gradients from that at the logits.
    ///
    /// # Errors
    /// None, after a forward pass.
    pub fn backward(&mut self) -> Result<(), Error> {
        for (i, layer) in self.layers.iter_mut().enumerate().rev() {
            let (inputs, outputs) = self.tensors.split_at_mut(i + 1);
            layer.backward(&mut inputs[i], &mut outputs[0], &mut self.clock)?;
        }
        Ok(())
    }

    /// Moves the parameters against their gradients: step number `step`, from 1.
    pub fn descend(&mut self, rate: f32, step: usize) {
        let learning = self.layers.iter_mut().filter(|layer| layer.learns());
        let parameters = learning.flat_map(Layer::parameters_mut);
        self.clock.time(Work::Descent, || parameters.for_each(|p| p.descend(rate, step as i32)));
    }

    /// All that it has learnt, layer by layer.
    #[must_use]
    pub fn weights(&self) -> Vec<f32> {
        let learning = self.layers.iter().filter(|layer| layer.learns());
        learning.flat_map(Layer::parameters).flat_map(|p| &p.value).copied().collect()
    }

    /// Makes it know what another network has learnt.
    ///
    /// # Errors
    /// Not so many numbers as [`weights`](Self::weights) gives; the network stays as it is.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), BadWeights> {
        let learning = self.layers.iter().filter(|layer| layer.learns());
        let expected = learning.flat_map(Layer::parameters).map(|p| p.value.len()).sum();
        if weights.len() != expected {
            return Err(BadWeights { expected, found: weights.len() });
        }
        let mut rest = weights;
        let learning = self.layers.iter_mut().filter(|layer| layer.learns());
        for parameter in learning.flat_map(Layer::parameters_mut) {
            let (these, those) = rest.split_at(parameter.value.len());
            parameter.value.copy_from_slice(these);
            rest = those;
        }
        Ok(())
    }
}

/// Another number of weights than the network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadWeights {
    /// Weights of the network.
    pub expected: usize,
    /// Weights given.
    pub found: usize,
}

impl fmt::Display for BadWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are {} weights, expected {}", self.found, self.expected)
    }
}

impl std::error::Error for BadWeights {}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(batch: usize) -> Network {
        Network::new(batch, 3, &mut Random::new(1), Clock::new(|| 0.0)).unwrap()
    }

    #[test]
    fn the_batch_changes_no_logit() {
        let images = Random::new(2).normals(2 * SIZE * SIZE, 1.0);
        let (mut both, mut one) = (network(2), network(2).with_batch(1).unwrap());
        both.infer(&images).unwrap();
        for (image, logits) in images.chunks(SIZE * SIZE).zip(both.logits().chunks(3)) {
            one.infer(image).unwrap();
            assert_eq!(one.logits(), logits);
        }
        assert!(one.infer(&images).is_err());
    }

    #[test]
    fn weights_come_back() {
        let (from, mut to) = (network(1), network(4));
        let weights: Vec<f32> = from.weights().iter().map(|weight| weight + 1.0).collect();
        assert!(weights.len() > 4000);
        to.set_weights(&weights).unwrap();
        assert_eq!(to.weights(), weights);
        let error = to.set_weights(&weights[1..]).unwrap_err();
        assert_eq!(error, BadWeights { expected: weights.len(), found: weights.len() - 1 });
    }

    #[test]
    fn loss_falls() {
        let mut network = network(3);
        let images = Random::new(3).normals(3 * SIZE * SIZE, 1.0);
        let batch = Batch { images, labels: vec![0, 1, 2] };
        let before = network.forward(&batch).unwrap();
        for step in 1..=20 {
            network.forward(&batch).unwrap();
            network.backward().unwrap();
            network.descend(0.01, step);
        }
        assert!(network.forward(&batch).unwrap().loss < before.loss / 2.0);
    }
}
