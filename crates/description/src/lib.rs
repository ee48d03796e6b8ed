//! What a depthwise convolution computes, and how, as plain data.
//!
//! A 2-D convolution is the product of two 1-D axes, so all geometry lives in one 1-D type:
//! [`Axis`]. Every pass of the convolution is a list of [`Span`]s of it: runs of consecutive
//! results that use the same taps.
//!
//! - A [`Problem`] says *what*: shape, window, layout, element type and pass.
//! - An [`Instance`] is one line of the [instance table](INSTANCES): a kernel that exists.
//! - A [`Plan`] says *how*: which instance covers which span × span rectangle, and how the work
//!   splits. [`Plan::explain`] gives it as data.
//!
//! Nothing here allocates, touches a tensor or depends on one: the control flow of a convolution
//! is a function of its shape alone. All sizes, steps and positions are in elements.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod axis;
mod cover;
mod error;
mod instance;
mod leaves;
mod machine;
mod padding;
mod plan;
mod problem;
mod strip;
mod sweep;

pub use axis::{Axis, GradInputSpans, Span, Spans};
pub use cover::{ColumnTile, ColumnTiles};
pub use error::{DescriptionError, Dimension};
pub use instance::{Body, INSTANCES, Instance, Kernel, Size, Tile};
pub use leaves::{Leaf, Leaves};
pub use machine::Machine;
pub use padding::Padding;
pub use plan::{Columns, Part, Plan, Rectangle, Rectangles};
pub use problem::{Activation, Dtype, Layout, Pass, Problem, ProblemBuilder};
pub use sweep::{Sweep, SweepSpans};
