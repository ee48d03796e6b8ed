//! What is timed.

use anyhow::Result;
use depthwise_verification::Pass;

/// A library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// `depthwise`
    Depthwise,
    /// burn, by its backend burn-flex
    Burn,
    /// candle
    Candle,
}

/// What a call computes.
pub type Passes = &'static [Pass];

/// The forward pass.
pub const FORWARD: Passes = &[Pass::Forward];

/// The gradient of the input.
pub const GRAD_INPUT: Passes = &[Pass::GradInput];

/// The gradient of the weights.
pub const GRAD_WEIGHT: Passes = &[Pass::GradWeight];

/// Both gradients in one call.
pub const GRADIENTS: Passes = &[Pass::GradInput, Pass::GradWeight];

/// Passes of a layer in a library.
pub struct Subject {
    /// Whose they are.
    pub library: Library,
    /// Which.
    pub passes: Passes,
    /// Computes them.
    pub call: Box<dyn FnMut() -> Result<()>>,
    /// What came of each, in NCHW order.
    pub results: Vec<Vec<f32>>,
}
