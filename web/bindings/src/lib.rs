//! The WebAssembly module of the npm package `depthwise`: tensors in linear memory and convolutions over
//! them. The package's TypeScript gives it WebNN's names, copies `Float32Array`s in and out, and
//! chooses among the builds of this crate; what a pass needs is checked here, by `depthwise`.
//!
//! Without std, so that a panic's message, which no correct program sees, takes no code.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod conv;
mod error;
mod explain;
mod options;
mod tensor;

pub use conv::{Argument, Conv, host_machine};
pub use explain::{Sweep, instance_name};
pub use options::{AutoPad, Options, Order};
pub use tensor::Tensor;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// A bug: the instance ends, with a `WebAssembly.RuntimeError` for its caller.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
