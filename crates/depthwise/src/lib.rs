//! Depthwise convolution for AArch64 NEON, WebAssembly SIMD128 and portable code: direct
//! algorithms, implicit padding, zero scratch memory, any kernel, stride, dilation, padding and
//! channel multiplier.
//!
//! ```
//! use depthwise::{Activation, Conv, Padding};
//!
//! # fn main() -> Result<(), depthwise::Error> {
//! // The second depthwise layer of MobileNetV1: 64 channels, 112×112 to 56×56.
//! let conv = Conv::builder()
//!     .channels(64)
//!     .input([112, 112])
//!     .kernel([3, 3])
//!     .stride([2, 2])
//!     .padding(Padding { top: 0, bottom: 1, left: 0, right: 1 })
//!     .activation(Activation::Relu6)
//!     .build()?;
//! let x = vec![1.0; 112 * 112 * 64]; // [n][h][w][c]
//! let weights = vec![0.5; 3 * 3 * 64]; // [kh][kw][c·m]
//! let bias = vec![0.25; 64]; // [c·m]
//! let mut y = vec![0.0; 56 * 56 * 64]; // [n][oh][ow][c·m]
//! conv.forward(&x, &weights, Some(&bias), &mut y)?;
//! assert_eq!(y[0], 9.0 * 0.5 + 0.25);
//! # Ok(())
//! # }
//! ```
//!
//! # What is computed
//!
//! `y[n, c·m + j, oh, ow] = activation(bias[c·m + j] + Σ x[n, c, oh·sₕ − top + kh·dₕ, ow·s_w − left + kw·d_w] ·
//! weights[c·m + j, kh, kw])`, over the taps (kh, kw) that lie inside the input.
//!
//! - Padding contributes nothing: taps in it are skipped, so an infinite weight there does not leak.
//!   A window that lies wholly in padding gives the bias.
//! - The sum is one chain in (kh, kw) order that starts at the bias, or at +0. With the arithmetic
//!   [`Contract`] of the instruction set that fixes every bit of the result: it never depends on
//!   tile, machine or address.
//! - Denormals are kept, infinities and NaNs propagate; which NaN is not specified.
//! - No byte outside the given slices is read or written.
//!
//! # Features
//!
//! - `std` (default): for programs that have it; without it the crate is `no_std` and needs no
//!   allocator.
//! - `ndarray`: all passes over array views (`forward_array` and its sisters).
//! - `threads`: all passes on the threads of the current rayon pool, where that pays; the same bits.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "std", test))]
extern crate std;

mod conv;
mod error;
mod host;
mod isa;
#[cfg(feature = "ndarray")]
mod ndarray;
mod parallel;
mod weights;

pub use conv::{Builder, Conv, Update};
pub use depthwise_description::{
    Activation, Axis, Body, ColumnTile, Columns, DescriptionError, Dimension, Dtype, INSTANCES,
    Instance, Issue, Layout, Leaf, Leaves, Machine, Padding, Part, Pass, Plan, Problem,
    ProblemBuilder, Rectangle, Size, Span, Tile,
};
pub use error::{Argument, Error};
pub use host::host_machine;
pub use isa::{Contract, Isa, UnknownIsa};
pub use weights::convert_weights;
