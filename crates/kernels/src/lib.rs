//! Depthwise convolution kernels, each written once: generic over the instruction set
//! ([`Lanes`](depthwise_lanes::Lanes)) and the tile (const parameters).
//!
//! Data flows one way: [`execute`] walks the rectangles of a
//! [`Plan`](depthwise_description::Plan), turns each into a [`Task`] — base positions, steps and
//! counts, with no trace of padding left — and calls the instance's kernel from [`table`].
//!
//! A kernel sums each result in one chain over the taps in (row, column) order, starting at the
//! bias or +0. [`reduce`] sums the gradient of a weight over a tree of [`Leaves`]. So the bits of
//! a result depend on the shape and the arithmetic contract, never on the tile.
//!
//! [`Leaves`]: depthwise_description::Leaves
#![no_std]

#[macro_use]
mod unroll;
mod channels;
mod execute;
mod nchw;
mod nhwc;
mod reduce;
pub mod table;
mod task;

pub use execute::{Tensors, execute, execute_part};
pub use reduce::{Gradient, reduce, reduce_bias};
pub use task::{Task, Walk};
