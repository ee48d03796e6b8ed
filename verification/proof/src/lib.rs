//! Proofs of the kernels, shape by shape, for all data.
//!
//! Kernels are generic over their lanes, and what they do never depends on data. So one run on lanes
//! whose elements are expressions shows what they compute from any data: [`prove`] runs the library's own
//! plan and kernels on [`Symbolic`] lanes, and compares each result, an expression, with the one that
//! [`depthwise_verification::model`] specifies: the same operations in the same order. Positions in tensors are numbers
//! that are checked at each access. What is proven of a shape:
//!
//! - each result is the specified expression, up to the order of two factors or two terms and to +0 added
//!   to what is never −0, which change no bit;
//! - no element outside an operand is read, none but results are written, and each of those once;
//! - a result is read only to be added to, before it is written, by the part of the work that writes it,
//!   so that parts may run at once.
//!
//! Operands are never written: lanes have no store that would take their positions.

mod arena;
mod claim;
mod lanes;
mod proof;
mod run;
mod tensors;
pub mod traffic;

pub use arena::Node;
pub use claim::{Claim, Refutation, claims, few};
pub use lanes::Symbolic;
pub use proof::{Operands, Proof, next_part, prove, prove_run};
pub use run::Counts;
pub use tensors::{Dst, Fault, Operand, Src};
