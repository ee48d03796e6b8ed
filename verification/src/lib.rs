//! The judge of `depthwise`.
//!
//! A [`Case`] is everything that one run needs, in one printable line. [`cases::all`] makes the
//! cases that cover every instance's interior, borders and tails. A [`Check`] compares what a
//! [`Subject`] computes for a case with what it must compute:
//!
//! - [`mod@reference`] is the definition in f64, with the sums that error bounds need.
//! - [`mod@model`] and [`contract`] are the exact f32 model: the order of summation and each rounding.
//! - [`bound`] says how far f32 may be from f64.
//!
//! None of them shares code with the crates they judge. [`classes`] says what there is to meet at borders, and what
//! the cases meet of it: all, and all of it together. [`campaign::run`] puts all cases through a check
//! and hashes the results, so that targets with the same arithmetic contract can be compared.

pub mod bound;
pub mod bytes;
pub mod campaign;
pub mod case;
pub mod cases;
pub mod check;
pub mod classes;
pub mod contract;
pub mod data;
pub mod fence;
pub mod geometry;
pub mod harness;
pub mod hostile;
pub mod memory;
pub mod model;
pub mod order;
pub mod panics;
pub mod pass;
pub mod passes;
pub mod random;
pub mod reference;
pub mod shape;
pub mod shrink;
pub mod subject;
pub mod tree;
pub mod verdict;

mod properties;
mod text;

pub use campaign::Report;
pub use case::Case;
pub use check::Check;
pub use pass::Pass;
pub use shape::Shape;
pub use subject::{Kernels, Subject};
pub use text::ParseError;
pub use verdict::{Evidence, Failure, Fault};
