//! A small depthwise-separable classifier of images that learns from scratch.
//!
//! [`depthwise`] computes its depthwise layers and their gradients; all else is plain loops. Whoever
//! trains it brings the images and the clock, so that it runs where there are neither files nor time:
//! the example `train` draws shapes, the demo page has its visitors draw.

mod clock;
mod layer;
mod network;
mod parameter;
mod random;
mod score;

pub use clock::{Clock, Work};
pub use layer::Layer;
pub use network::{BadWeights, Batch, Network, SIZE};
pub use parameter::Parameter;
pub use random::Random;
pub use score::{Score, softmax};
