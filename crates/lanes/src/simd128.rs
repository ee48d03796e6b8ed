use core::arch::wasm32::*;

#[cfg(target_feature = "relaxed-simd")]
use crate::Fused;
use crate::cursor::{Cursor, Dst, Src};
use crate::{Bounds, LANES, Lanes, MulAdd};

/// WebAssembly's 128-bit SIMD.
#[derive(Clone, Copy, Debug)]
pub struct Simd128(());

impl Simd128 {
    /// The token: a module that contains these instructions is only instantiated by an engine that
    /// has them.
    #[must_use]
    pub const fn new() -> Option<Self> {
        Some(Self(()))
    }
}

/// WebAssembly's relaxed SIMD, on hosts where its multiply-add rounds once.
#[cfg(target_feature = "relaxed-simd")]
#[derive(Clone, Copy, Debug)]
pub struct Simd128Relaxed(());

#[cfg(target_feature = "relaxed-simd")]
impl Simd128Relaxed {
    /// The token, if this host fuses `relaxed_madd`; the specification leaves it the choice.
    #[must_use]
    pub fn new() -> Option<Self> {
        // (1 + ε)² = 1 + 2ε + ε², of which a rounded product loses the last term.
        let a = core::hint::black_box(1.0 + f32::EPSILON);
        let (product, minus) = (f32x4_splat(a), f32x4_splat(-(1.0 + 2.0 * f32::EPSILON)));
        let rest = f32x4_extract_lane::<0>(f32x4_relaxed_madd(product, product, minus));
        (rest == f32::EPSILON * f32::EPSILON).then_some(Self(()))
    }
}

macro_rules! simd128_lanes {
    ($token:ty, $name:literal, $contract:ty, |$acc:ident, $a:ident, $b:ident| $fma:expr,
        |$mask:ident| $fma_where:expr) => {
        impl Lanes for $token {
            const NAME: &'static str = $name;
            const NESTS: bool = true;
            type Contract = $contract;
            type Element = f32;
            type Src = Src;
            type Dst = Dst;
            type Vector = v128;
            type Mask = Mask;

            #[inline(always)]
            fn zero(self) -> v128 {
                f32x4_splat(0.0)
            }

            #[inline(always)]
            fn splat(self, element: f32) -> v128 {
                f32x4_splat(element)
            }

            #[inline(always)]
            unsafe fn load(self, src: Src) -> v128 {
                // SAFETY: the caller vouches for four elements.
                unsafe { v128_load(src.access(4).cast()) }
            }

            #[inline(always)]
            unsafe fn load_at(self, src: Src, first: usize) -> v128 {
                // SAFETY: the caller vouches for all elements up to these four, so no position wraps around: the
                // constant goes into the instruction.
                unsafe { v128_load(src.access(first + LANES).add(first).cast()) }
            }

            #[inline(always)]
            unsafe fn load_splat(self, src: Src) -> v128 {
                // SAFETY: the caller vouches for one element.
                unsafe { v128_load32_splat(src.access(1).cast()) }
            }

            #[inline(always)]
            unsafe fn load_partial(self, src: Src, count: usize) -> v128 {
                // SAFETY: the caller vouches for `count` elements.
                unsafe { load_partial(src, count) }
            }

            #[inline(always)]
            unsafe fn load_even(self, src: Src) -> v128 {
                let pointer = src.access(7);
                // SAFETY: the caller vouches for seven elements: 0..4 and 3..7.
                unsafe {
                    let low = v128_load(pointer.cast());
                    let high = v128_load(pointer.add(3).cast());
                    i32x4_shuffle::<0, 2, 5, 7>(low, high)
                }
            }

            #[inline(always)]
            unsafe fn load_pair(self, src: Src) -> (v128, v128) {
                let pointer = src.access(8);
                // SAFETY: the caller vouches for eight elements.
                unsafe {
                    let low = v128_load(pointer.cast());
                    let high = v128_load(pointer.add(4).cast());
                    (i32x4_shuffle::<0, 2, 4, 6>(low, high), i32x4_shuffle::<1, 3, 5, 7>(low, high))
                }
            }

            #[inline(always)]
            unsafe fn load_gather(self, src: Src, offsets: [usize; LANES], count: usize) -> v128 {
                // SAFETY: the caller vouches for the first `count` offsets.
                unsafe { load_gather(src, offsets, count) }
            }

            #[inline(always)]
            unsafe fn store(self, dst: Dst, vector: v128) {
                // SAFETY: the caller vouches for four elements.
                unsafe { v128_store(dst.access(4).cast(), vector) }
            }

            #[inline(always)]
            unsafe fn store_partial(self, dst: Dst, vector: v128, count: usize) {
                // SAFETY: the caller vouches for `count` elements.
                unsafe { store_partial(dst, vector, count) }
            }

            #[inline(always)]
            unsafe fn reload(self, dst: Dst, count: usize) -> v128 {
                // SAFETY: the caller vouches for `count` elements.
                unsafe { load_partial(dst.read(), count) }
            }

            #[inline(always)]
            fn lane(self, vector: v128, lane: usize) -> v128 {
                match lane {
                    0 => i32x4_shuffle::<0, 0, 0, 0>(vector, vector),
                    1 => i32x4_shuffle::<1, 1, 1, 1>(vector, vector),
                    2 => i32x4_shuffle::<2, 2, 2, 2>(vector, vector),
                    _ => i32x4_shuffle::<3, 3, 3, 3>(vector, vector),
                }
            }

            #[inline(always)]
            fn zip(self, a: v128, b: v128) -> (v128, v128) {
                (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b))
            }

            #[inline(always)]
            fn shift(self, a: v128, b: v128) -> v128 {
                i32x4_shuffle::<1, 2, 3, 4>(a, b)
            }

            #[inline(always)]
            fn add(self, a: v128, b: v128) -> v128 {
                f32x4_add(a, b)
            }

            #[inline(always)]
            fn sums(self, [a, b, c, d]: [v128; LANES]) -> v128 {
                let pairs = |low, high| {
                    let even = i32x4_shuffle::<0, 2, 4, 6>(low, high);
                    f32x4_add(even, i32x4_shuffle::<1, 3, 5, 7>(low, high))
                };
                pairs(pairs(a, b), pairs(c, d))
            }

            #[inline(always)]
            fn fma(self, $acc: v128, $a: v128, $b: v128) -> v128 {
                $fma
            }

            #[inline(always)]
            fn fma_where(self, $mask: Mask, $acc: v128, $a: v128, $b: v128) -> v128 {
                $fma_where
            }

            #[inline(always)]
            fn value_where(self, mask: Mask, vector: v128) -> v128 {
                v128_and(vector, mask.set)
            }

            #[inline(always)]
            fn weight_where(self, mask: Mask, vector: v128) -> v128 {
                v128_or(v128_and(vector, mask.set), mask.minus_zero)
            }

            #[inline(always)]
            fn mask(self, from: usize, to: usize) -> Mask {
                let lane = |lane| if from <= lane && lane < to { u32::MAX } else { 0 };
                let set = u32x4(lane(0), lane(1), lane(2), lane(3));
                Mask { set, minus_zero: v128_andnot(f32x4_splat(-0.0), set) }
            }

            #[inline(always)]
            fn clamp(self, vector: v128, bounds: &Bounds) -> v128 {
                // f32x4.max and min have these semantics but cost eight instructions on x86-64.
                let low = at_least(vector, f32x4_splat(bounds.min));
                at_most(f32x4_add(low, f32x4_splat(bounds.zero_fix())), f32x4_splat(bounds.max))
            }
        }
    };
}

/// Lanes that are all ones, and those that are −0: the others.
#[derive(Clone, Copy)]
pub struct Mask {
    set: v128,
    minus_zero: v128,
}

// Adding −0 changes nothing, and takes half the instructions that selecting does on x86-64.
simd128_lanes!(Simd128, "simd128", MulAdd, |acc, a, b| f32x4_add(acc, f32x4_mul(a, b)), |mask| {
    f32x4_add(acc, v128_or(v128_and(f32x4_mul(a, b), mask.set), mask.minus_zero))
});
#[cfg(target_feature = "relaxed-simd")]
simd128_lanes!(
    Simd128Relaxed,
    "simd128-relaxed",
    Fused,
    |acc, a, b| f32x4_relaxed_madd(a, b, acc),
    |mask| i32x4_relaxed_laneselect(f32x4_relaxed_madd(a, b, acc), acc, mask.set)
);

/// `vector < min ? min : vector`
#[cfg(not(target_feature = "relaxed-simd"))]
#[inline(always)]
fn at_least(vector: v128, min: v128) -> v128 {
    f32x4_pmax(vector, min)
}

/// `max < vector ? max : vector`
#[cfg(not(target_feature = "relaxed-simd"))]
#[inline(always)]
fn at_most(vector: v128, max: v128) -> v128 {
    f32x4_pmin(vector, max)
}

/// `vector < min ? min : vector`, in two instructions: where relaxed SIMD is enabled, LLVM 22 turns
/// pmax into relaxed_max, which may lose a NaN (llvm/llvm-project#177814).
#[cfg(target_feature = "relaxed-simd")]
#[inline(always)]
fn at_least(vector: v128, min: v128) -> v128 {
    v128_bitselect(min, vector, f32x4_lt(vector, min))
}

/// `max < vector ? max : vector`, as above.
#[cfg(target_feature = "relaxed-simd")]
#[inline(always)]
fn at_most(vector: v128, max: v128) -> v128 {
    v128_bitselect(max, vector, f32x4_lt(max, vector))
}

/// # Safety
/// - `src` is inside a tensor that is valid for reads, `count` elements or more before its end.
#[inline(always)]
unsafe fn load_partial(src: Src, count: usize) -> v128 {
    let pointer = src.access(count);
    // SAFETY: the caller vouches for `count` elements, and no arm reads more.
    unsafe {
        match count {
            1 => v128_load32_zero(pointer.cast()),
            2 => v128_load64_zero(pointer.cast()),
            3 => v128_load32_lane::<2>(v128_load64_zero(pointer.cast()), pointer.add(2).cast()),
            _ => v128_load(pointer.cast()),
        }
    }
}

/// # Safety
/// - `src` and the first `count` offsets from it are inside a tensor that is valid for reads.
#[inline(always)]
unsafe fn load_gather(src: Src, offsets: [usize; LANES], count: usize) -> v128 {
    let lane = |i: usize| src.step(offsets[i] as isize).access(1).cast::<u32>();
    // SAFETY: the caller vouches for the first `count` offsets.
    unsafe {
        let mut vector = v128_load32_zero(lane(0));
        if count > 1 {
            vector = v128_load32_lane::<1>(vector, lane(1));
        }
        if count > 2 {
            vector = v128_load32_lane::<2>(vector, lane(2));
        }
        if count > 3 {
            vector = v128_load32_lane::<3>(vector, lane(3));
        }
        vector
    }
}

/// # Safety
/// - `dst` is inside a tensor that is valid for writes, `count` elements or more before its end.
#[inline(always)]
unsafe fn store_partial(dst: Dst, vector: v128, count: usize) {
    let pointer = dst.access(count);
    // SAFETY: the caller vouches for `count` elements, and no arm writes more.
    unsafe {
        match count {
            1 => v128_store32_lane::<0>(vector, pointer.cast()),
            2 => v128_store64_lane::<0>(vector, pointer.cast()),
            3 => {
                v128_store64_lane::<0>(vector, pointer.cast());
                v128_store32_lane::<2>(vector, pointer.add(2).cast());
            }
            _ => v128_store(pointer.cast(), vector),
        }
    }
}
