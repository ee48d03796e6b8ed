//! What the demo page computes, in its workers.
//!
//! - [`teach`]: a network that learns to tell drawings apart, from strokes ([`drawing`]).
//! - [`campaign`]: the judge's random cases, with counts.
//! - [`cover`]: how a plan covers its results, as a picture's data, with the [`cost`] of each tile.
//! - [`layer`], of [`tensor`]s, and [`roofline`]: what there is to be timed, and the limits of the processor.
//!
//! All of it is plain Rust and tested as such; `bindings` gives it to JavaScript.

#[cfg(target_arch = "wasm32")]
mod bindings;
pub mod campaign;
pub mod cost;
pub mod cover;
pub mod drawing;
pub mod layer;
pub mod roofline;
pub mod teach;
pub mod tensor;
pub mod time;
