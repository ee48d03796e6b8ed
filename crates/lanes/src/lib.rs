//! `core::arch` and nothing else: vectors of four lanes, behind one small trait.
//!
//! A [`Lanes`] type is a zero-sized token. Constructing one is the proof that the processor has
//! its instructions, so every method may use them. A kernel is written once, generic over the
//! token; besides the instruction sets here, an implementation may trace, count or prove what a
//! kernel does, since element, pointer and vector are associated types.
//!
//! The arithmetic [`Contract`] is part of the type. Two tokens of the same contract give the same
//! bits, whatever the instruction set.
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(all(target_arch = "wasm32", not(target_feature = "simd128")))]
compile_error!(
    "without simd128 every vector operation becomes a call through memory: \
     build for wasm32 with RUSTFLAGS=\"-C target-feature=+simd128\""
);

mod copies;
mod cursor;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "wasm32")]
mod simd128;

pub use copies::copies;
pub use cursor::{Cursor, Dst, Src};
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use portable::{Portable, PortableFused};
#[cfg(target_arch = "wasm32")]
pub use simd128::Simd128;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub use simd128::Simd128Relaxed;

/// How a multiply-accumulate rounds.
pub trait Contract: Copy + core::fmt::Debug + Send + Sync + 'static {
    /// Name in reports.
    const NAME: &'static str;
    /// Whether the product is added before it is rounded.
    const FUSED: bool;
}

/// `acc + a·b` with one rounding, IEEE 754's `fusedMultiplyAdd`.
#[derive(Clone, Copy, Debug)]
pub struct Fused;

/// `acc + a·b` with two: the product is rounded, then the sum.
#[derive(Clone, Copy, Debug)]
pub struct MulAdd;

impl Contract for Fused {
    const NAME: &'static str = "fused";
    const FUSED: bool = true;
}

impl Contract for MulAdd {
    const NAME: &'static str = "mul-add";
    const FUSED: bool = false;
}

/// Lanes of a vector.
pub const LANES: usize = 4;

/// An instruction set that we have proof of, with vectors of [`LANES`] elements.
///
/// Loads and stores touch exactly the elements that they name, never one more.
pub trait Lanes: Copy + core::fmt::Debug + Send + Sync + 'static {
    /// Name of the instruction set, as in instance names.
    const NAME: &'static str;
    /// Whether one instruction loads two vectors that lie next to each other.
    const PAIRS: bool = false;
    /// Vector registers that compilers may count on.
    const REGISTERS: usize = 16;
    /// Whether LLVM nests each sum between two branches, and computes it whole before the next, whatever the order of the code: so it makes
    /// WebAssembly of what is used once. The factors of all sums have to be in registers then, unless branches part them.
    const NESTS: bool = false;
    /// How it multiplies and adds.
    type Contract: Contract;
    /// Element of a tensor.
    type Element: Copy;
    /// Position in a tensor that is read.
    type Src: Cursor;
    /// Position in the tensor that is written.
    type Dst: Cursor;
    /// Four elements.
    type Vector: Copy;
    /// Four choices.
    type Mask: Copy;

    /// Four times +0.
    fn zero(self) -> Self::Vector;

    /// A vector that is there twice, in two other registers. Where a copy would take a turn of the multiply-adders and a load
    /// would not, both come from memory.
    #[inline(always)]
    fn twice_again(self, vectors: &[Self::Vector; 2]) -> [Self::Vector; 2] {
        *vectors
    }

    /// Four times `element`.
    fn splat(self, element: Self::Element) -> Self::Vector;

    /// Elements `0..4`.
    ///
    /// # Safety
    /// - `src` is inside a tensor that is valid for reads, 4 elements or more before its end.
    unsafe fn load(self, src: Self::Src) -> Self::Vector;

    /// Elements `first..first + 4`: with a constant for `first`, vectors that lie next to each other share what it takes
    /// to find them.
    ///
    /// # Safety
    /// - `src` is inside a tensor that is valid for reads, `first + 4` elements or more before its end.
    #[inline(always)]
    unsafe fn load_at(self, src: Self::Src, first: usize) -> Self::Vector {
        // SAFETY: the caller vouches for the four elements there.
        unsafe { self.load(src.step(first as isize)) }
    }

    /// Elements `0..4`, from where the position goes on by a [`distance`](Cursor::distance): one instruction for both, where there is one.
    ///
    /// # Safety
    /// - `src` is inside a tensor that is valid for reads, 4 elements or more before its end.
    #[inline(always)]
    unsafe fn load_and_step(self, src: &mut Self::Src, distance: isize) -> Self::Vector {
        // SAFETY: the caller vouches for the four elements.
        let vector = unsafe { self.load(*src) };
        *src = src.apart(distance).anew();
        vector
    }

    /// The same position, found by the optimiser once it has the vector: it would load all that a block of code reads first, and registers
    /// would not do. There is no instruction for it, and processors load ahead nevertheless.
    #[inline(always)]
    #[must_use]
    fn after(self, src: Self::Src, vector: &mut Self::Vector) -> Self::Src {
        let _ = vector;
        src
    }

    /// Element 0, four times.
    ///
    /// # Safety
    /// - `src` is inside a tensor that is valid for reads.
    unsafe fn load_splat(self, src: Self::Src) -> Self::Vector;

    /// Elements `0..count`; the other lanes are +0. `count` is 1, 2, 3 or 4.
    ///
    /// # Safety
    /// - `src` is inside a tensor that is valid for reads, `count` elements or more before its end.
    unsafe fn load_partial(self, src: Self::Src, count: usize) -> Self::Vector;

    /// Elements 0, 2, 4 and 6.
    ///
    /// # Safety
    /// - `src` is inside a tensor that is valid for reads, 7 elements or more before its end.
    unsafe fn load_even(self, src: Self::Src) -> Self::Vector;

    /// Elements 0, 2, 4, 6 and elements 1, 3, 5, 7.
    ///
    /// # Safety
    /// - `src` is inside a tensor that is valid for reads, 8 elements or more before its end.
    unsafe fn load_pair(self, src: Self::Src) -> (Self::Vector, Self::Vector);

    /// The elements at `offsets[..count]`; the other lanes are +0. `count` is 1, 2, 3 or 4.
    ///
    /// # Safety
    /// - `src` and the `count` offsets from it are inside a tensor that is valid for reads.
    unsafe fn load_gather(
        self,
        src: Self::Src,
        offsets: [usize; LANES],
        count: usize,
    ) -> Self::Vector;

    /// Writes elements `0..4`.
    ///
    /// # Safety
    /// - `dst` is inside a tensor that is valid for writes, 4 elements or more before its end.
    unsafe fn store(self, dst: Self::Dst, vector: Self::Vector);

    /// Writes elements `0..4`, from where the position goes on by a [`distance`](Cursor::distance), as with
    /// [`load_and_step`](Self::load_and_step).
    ///
    /// # Safety
    /// - `dst` is inside a tensor that is valid for writes, 4 elements or more before its end.
    #[inline(always)]
    unsafe fn store_and_step(self, dst: &mut Self::Dst, vector: Self::Vector, distance: isize) {
        // SAFETY: the caller vouches for the four elements.
        unsafe { self.store(*dst, vector) };
        *dst = dst.apart(distance).anew();
    }

    /// Writes elements `0..count`. `count` is 1, 2, 3 or 4.
    ///
    /// # Safety
    /// - `dst` is inside a tensor that is valid for writes, `count` elements or more before its end.
    unsafe fn store_partial(self, dst: Self::Dst, vector: Self::Vector, count: usize);

    /// Elements `0..count` of the tensor that is written, for results that are added to; the other
    /// lanes are +0. `count` is 1, 2, 3 or 4.
    ///
    /// # Safety
    /// - `dst` is inside a tensor that is valid for reads, `count` elements or more before its end.
    unsafe fn reload(self, dst: Self::Dst, count: usize) -> Self::Vector;

    /// The given lane, four times.
    fn lane(self, vector: Self::Vector, lane: usize) -> Self::Vector;

    /// Lanes 0 of both, lanes 1, and so on: `[a0, b0, a1, b1]` and `[a2, b2, a3, b3]`.
    fn zip(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);

    /// A lane on: `[a1, a2, a3, b0]`.
    fn shift(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a + b`, rounded.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `(lane 0 + lane 1) + (lane 2 + lane 3)` of each of four vectors.
    fn sums(self, vectors: [Self::Vector; LANES]) -> Self::Vector;

    /// `acc + a·b`, rounded as the contract says.
    fn fma(self, acc: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `acc + a·b` where the mask is set, `acc` elsewhere, whatever `a` and `b` hold there.
    fn fma_where(
        self,
        mask: Self::Mask,
        acc: Self::Vector,
        a: Self::Vector,
        b: Self::Vector,
    ) -> Self::Vector;

    /// The vector where the mask is set, +0 elsewhere.
    ///
    /// A multiply-add of this and of [`weight_where`](Self::weight_where) is `fma_where`: it adds
    /// +0 · −0 = −0, which changes nothing.
    fn value_where(self, mask: Self::Mask, vector: Self::Vector) -> Self::Vector;

    /// The vector where the mask is set, −0 elsewhere.
    fn weight_where(self, mask: Self::Mask, vector: Self::Vector) -> Self::Vector;

    /// The mask of lanes `from..to`, both at most 4.
    fn mask(self, from: usize, to: usize) -> Self::Mask;

    /// IEEE 754-2019 `minimum(maximum(vector, min), max)`: NaN stays NaN and −0 is below +0.
    /// Bounds that are a zero must be +0.
    fn clamp(self, vector: Self::Vector, bounds: &Bounds) -> Self::Vector;
}

/// An interval for [`Lanes::clamp`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lower bound, not −0.
    pub min: f32,
    /// Upper bound, not −0.
    pub max: f32,
}

impl Bounds {
    /// What compare-and-select leaves to be added, for it keeps −0 above a minimum of +0: adding
    /// +0 turns −0 into +0, adding −0 changes nothing.
    #[cfg_attr(
        target_arch = "aarch64",
        allow(dead_code, reason = "NEON has IEEE maximum and minimum")
    )]
    fn zero_fix(&self) -> f32 {
        if self.min == 0.0 { 0.0 } else { -0.0 }
    }
}
