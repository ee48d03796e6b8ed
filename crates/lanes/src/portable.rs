use core::marker::PhantomData;

use crate::cursor::{Cursor, Dst, Src};
use crate::{Bounds, Contract, Fused, LANES, Lanes, MulAdd};

/// Any processor, in either contract. On x86-64, whose baseline has vectors of four lanes, it uses
/// them; elsewhere vectors are arrays.
#[derive(Clone, Copy, Debug)]
pub struct Portable<C = MulAdd>(PhantomData<C>);

/// Any processor, with one rounding in each multiply-accumulate, computed in software.
pub type PortableFused = Portable<Fused>;

impl<C> Portable<C> {
    /// Every processor will do.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C> Default for Portable<C> {
    fn default() -> Self {
        Self::new()
    }
}

/// `acc + a·b`, rounded once.
///
/// The product of two `f32` is exact in `f64`. Their sum with a third is rounded to odd, which
/// makes a second rounding to `f32` harmless (Boldo and Melquiond, "Emulation of a FMA and
/// correctly rounded sums", IEEE TC 57(4), 2008).
#[inline(always)]
fn fused(acc: f32, a: f32, b: f32) -> f32 {
    let (product, acc) = (f64::from(a) * f64::from(b), f64::from(acc));
    let sum = product + acc;
    // Knuth's TwoSum: sum + error is the exact sum.
    let from_acc = sum - product;
    let error = (product - (sum - from_acc)) + (acc - from_acc);
    let bits = sum.to_bits();
    // An inexact sum with an even last bit moves to its odd neighbour on the side of the error.
    let inexact = error.abs() > 0.0;
    let towards = if (error > 0.0) == (sum > 0.0) { 1 } else { u64::MAX };
    let odd = if inexact && bits & 1 == 0 { bits.wrapping_add(towards) } else { bits };
    f64::from_bits(odd) as f32
}

/// Out of line, since its forty instructions in the place of each multiply-accumulate make kernels
/// that are too large to compile in reasonable time.
#[inline(never)]
fn fused_lanes(acc: [f32; LANES], a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
    core::array::from_fn(|i| fused(acc[i], a[i], b[i]))
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use core::arch::x86_64::*;

    use super::{Bounds, fused_lanes};

    pub type Vector = __m128;

    /// Lanes that are all ones, and those that are −0: the others.
    #[derive(Clone, Copy)]
    pub struct Mask {
        set: __m128,
        minus_zero: __m128,
    }

    #[inline(always)]
    pub fn from_array(lanes: [f32; 4]) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { _mm_set_ps(lanes[3], lanes[2], lanes[1], lanes[0]) }
    }

    #[inline(always)]
    pub fn to_array(vector: Vector) -> [f32; 4] {
        let mut lanes = [0.0; 4];
        // SAFETY: SSE2 is part of the x86-64 baseline, and `lanes` holds four elements.
        unsafe { _mm_storeu_ps(lanes.as_mut_ptr(), vector) };
        lanes
    }

    #[inline(always)]
    pub fn splat(element: f32) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { _mm_set1_ps(element) }
    }

    /// # Safety
    /// - `pointer` is valid for reading four elements.
    #[inline(always)]
    pub unsafe fn load(pointer: *const f32) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline; the caller vouches for the pointer.
        unsafe { _mm_loadu_ps(pointer) }
    }

    /// # Safety
    /// - `pointer` is valid for writing four elements.
    #[inline(always)]
    pub unsafe fn store(pointer: *mut f32, vector: Vector) {
        // SAFETY: SSE2 is part of the x86-64 baseline; the caller vouches for the pointer.
        unsafe { _mm_storeu_ps(pointer, vector) }
    }

    /// Elements 0, 2, 4, 6 and 1, 3, 5, 7 of eight.
    #[inline(always)]
    pub fn unzip(low: Vector, high: Vector) -> (Vector, Vector) {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe {
            (_mm_shuffle_ps::<0b10_00_10_00>(low, high), _mm_shuffle_ps::<0b11_01_11_01>(low, high))
        }
    }

    /// Elements 0 of both, 1 of both; 2 of both, 3 of both.
    #[inline(always)]
    pub fn zip(a: Vector, b: Vector) -> (Vector, Vector) {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b)) }
    }

    /// Elements 0, 2 of `low` and 1, 3 of `high`.
    #[inline(always)]
    pub fn even_odd(low: Vector, high: Vector) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { _mm_shuffle_ps::<0b11_01_10_00>(low, high) }
    }

    /// Elements 1, 2, 3 of `a` and 0 of `b`.
    #[inline(always)]
    pub fn shift(a: Vector, b: Vector) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe {
            let first_of_b = _mm_move_ss(a, b);
            _mm_shuffle_ps::<0b00_11_10_01>(first_of_b, first_of_b)
        }
    }

    #[inline(always)]
    pub fn add(a: Vector, b: Vector) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { _mm_add_ps(a, b) }
    }

    #[inline(always)]
    pub fn fma<const FUSED: bool>(acc: Vector, a: Vector, b: Vector) -> Vector {
        if FUSED {
            return from_array(fused_lanes(to_array(acc), to_array(a), to_array(b)));
        }
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { _mm_add_ps(acc, _mm_mul_ps(a, b)) }
    }

    #[inline(always)]
    pub fn mask(lanes: [bool; 4]) -> Mask {
        Mask {
            set: from_array(lanes.map(|set| if set { f32::from_bits(u32::MAX) } else { 0.0 })),
            minus_zero: from_array(lanes.map(|set| if set { 0.0 } else { -0.0 })),
        }
    }

    #[inline(always)]
    pub fn select(mask: Mask, yes: Vector, no: Vector) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe { _mm_or_ps(_mm_and_ps(mask.set, yes), _mm_andnot_ps(mask.set, no)) }
    }

    /// Adds −0 where the mask is not set, which changes nothing: two instructions, where selecting
    /// takes four.
    #[inline(always)]
    pub fn add_where(mask: Mask, acc: Vector, a: Vector, b: Vector) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe {
            let product = _mm_and_ps(_mm_mul_ps(a, b), mask.set);
            _mm_add_ps(acc, _mm_or_ps(product, mask.minus_zero))
        }
    }

    #[inline(always)]
    pub fn clamp(vector: Vector, bounds: &Bounds) -> Vector {
        // SAFETY: SSE2 is part of the x86-64 baseline. Of a NaN and a number, MAXPS and MINPS take
        // the second operand.
        unsafe {
            let low = _mm_max_ps(splat(bounds.min), vector);
            _mm_min_ps(splat(bounds.max), _mm_add_ps(low, splat(bounds.zero_fix())))
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod vector {
    use super::{Bounds, fused_lanes};

    pub type Vector = [f32; 4];
    pub type Mask = [bool; 4];

    #[inline(always)]
    pub fn from_array(lanes: [f32; 4]) -> Vector {
        lanes
    }

    #[inline(always)]
    pub fn to_array(vector: Vector) -> [f32; 4] {
        vector
    }

    #[inline(always)]
    pub fn splat(element: f32) -> Vector {
        [element; 4]
    }

    /// # Safety
    /// - `pointer` is valid for reading four elements.
    #[inline(always)]
    pub unsafe fn load(pointer: *const f32) -> Vector {
        // SAFETY: the caller vouches for the pointer.
        unsafe { pointer.cast::<[f32; 4]>().read() }
    }

    /// # Safety
    /// - `pointer` is valid for writing four elements.
    #[inline(always)]
    pub unsafe fn store(pointer: *mut f32, vector: Vector) {
        // SAFETY: the caller vouches for the pointer.
        unsafe { pointer.cast::<[f32; 4]>().write(vector) }
    }

    /// Elements 0, 2, 4, 6 and 1, 3, 5, 7 of eight.
    #[inline(always)]
    pub fn unzip(low: Vector, high: Vector) -> (Vector, Vector) {
        ([low[0], low[2], high[0], high[2]], [low[1], low[3], high[1], high[3]])
    }

    /// Elements 0 of both, 1 of both; 2 of both, 3 of both.
    #[inline(always)]
    pub fn zip(a: Vector, b: Vector) -> (Vector, Vector) {
        ([a[0], b[0], a[1], b[1]], [a[2], b[2], a[3], b[3]])
    }

    /// Elements 0, 2 of `low` and 1, 3 of `high`.
    #[inline(always)]
    pub fn even_odd(low: Vector, high: Vector) -> Vector {
        [low[0], low[2], high[1], high[3]]
    }

    /// Elements 1, 2, 3 of `a` and 0 of `b`.
    #[inline(always)]
    pub fn shift(a: Vector, b: Vector) -> Vector {
        [a[1], a[2], a[3], b[0]]
    }

    #[inline(always)]
    pub fn add(a: Vector, b: Vector) -> Vector {
        core::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    pub fn fma<const FUSED: bool>(acc: Vector, a: Vector, b: Vector) -> Vector {
        if FUSED {
            return fused_lanes(acc, a, b);
        }
        core::array::from_fn(|i| acc[i] + a[i] * b[i])
    }

    #[inline(always)]
    pub fn mask(lanes: [bool; 4]) -> Mask {
        lanes
    }

    #[inline(always)]
    pub fn select(mask: Mask, yes: Vector, no: Vector) -> Vector {
        core::array::from_fn(|i| if mask[i] { yes[i] } else { no[i] })
    }

    #[inline(always)]
    pub fn add_where(mask: Mask, acc: Vector, a: Vector, b: Vector) -> Vector {
        select(mask, fma::<false>(acc, a, b), acc)
    }

    #[inline(always)]
    pub fn clamp(vector: Vector, bounds: &Bounds) -> Vector {
        vector.map(|lane| {
            let low = if bounds.min > lane { bounds.min } else { lane } + bounds.zero_fix();
            if bounds.max < low { bounds.max } else { low }
        })
    }
}

impl<C: Contract> Lanes for Portable<C> {
    const NAME: &'static str = if C::FUSED { "portable-fused" } else { "portable" };
    type Contract = C;
    type Element = f32;
    type Src = Src;
    type Dst = Dst;
    type Vector = vector::Vector;
    type Mask = vector::Mask;

    #[inline(always)]
    fn zero(self) -> Self::Vector {
        vector::splat(0.0)
    }

    #[inline(always)]
    fn splat(self, element: f32) -> Self::Vector {
        vector::splat(element)
    }

    #[inline(always)]
    unsafe fn load(self, src: Src) -> Self::Vector {
        // SAFETY: the caller vouches for four elements.
        unsafe { vector::load(src.access(4)) }
    }

    #[inline(always)]
    unsafe fn load_splat(self, src: Src) -> Self::Vector {
        // SAFETY: the caller vouches for one element.
        vector::splat(unsafe { *src.access(1) })
    }

    #[inline(always)]
    unsafe fn load_partial(self, src: Src, count: usize) -> Self::Vector {
        let pointer = src.access(count);
        // SAFETY: the caller vouches for `count` elements, and only lanes below it are read.
        let lane = |i| if i < count { unsafe { *pointer.add(i) } } else { 0.0 };
        vector::from_array([lane(0), lane(1), lane(2), lane(3)])
    }

    #[inline(always)]
    unsafe fn load_even(self, src: Src) -> Self::Vector {
        let pointer = src.access(7);
        // SAFETY: the caller vouches for seven elements: 0..4 and 3..7.
        unsafe { vector::even_odd(vector::load(pointer), vector::load(pointer.add(3))) }
    }

    #[inline(always)]
    unsafe fn load_pair(self, src: Src) -> (Self::Vector, Self::Vector) {
        let pointer = src.access(8);
        // SAFETY: the caller vouches for eight elements.
        unsafe { vector::unzip(vector::load(pointer), vector::load(pointer.add(4))) }
    }

    #[inline(always)]
    unsafe fn load_gather(self, src: Src, offsets: [usize; LANES], count: usize) -> Self::Vector {
        let lane = |i: usize| {
            // SAFETY: the caller vouches for the first `count` offsets.
            if i < count { unsafe { *src.step(offsets[i] as isize).access(1) } } else { 0.0 }
        };
        vector::from_array([lane(0), lane(1), lane(2), lane(3)])
    }

    #[inline(always)]
    unsafe fn store(self, dst: Dst, vector: Self::Vector) {
        // SAFETY: the caller vouches for four elements.
        unsafe { vector::store(dst.access(4), vector) }
    }

    #[inline(always)]
    unsafe fn store_partial(self, dst: Dst, vector: Self::Vector, count: usize) {
        let pointer = dst.access(count);
        for (i, lane) in vector::to_array(vector).into_iter().enumerate().take(count) {
            // SAFETY: the caller vouches for `count` elements.
            unsafe { *pointer.add(i) = lane };
        }
    }

    #[inline(always)]
    unsafe fn reload(self, dst: Dst, count: usize) -> Self::Vector {
        // SAFETY: the caller vouches for `count` elements.
        unsafe { self.load_partial(dst.read(), count) }
    }

    #[inline(always)]
    fn lane(self, vector: Self::Vector, lane: usize) -> Self::Vector {
        vector::splat(vector::to_array(vector)[lane])
    }

    #[inline(always)]
    fn zip(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector) {
        vector::zip(a, b)
    }

    #[inline(always)]
    fn shift(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        vector::shift(a, b)
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        vector::add(a, b)
    }

    #[inline(always)]
    fn sums(self, [a, b, c, d]: [Self::Vector; LANES]) -> Self::Vector {
        let pairs = |low, high| {
            let (even, odd) = vector::unzip(low, high);
            vector::add(even, odd)
        };
        pairs(pairs(a, b), pairs(c, d))
    }

    #[inline(always)]
    fn fma(self, acc: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        if C::FUSED { vector::fma::<true>(acc, a, b) } else { vector::fma::<false>(acc, a, b) }
    }

    #[inline(always)]
    fn fma_where(
        self,
        mask: Self::Mask,
        acc: Self::Vector,
        a: Self::Vector,
        b: Self::Vector,
    ) -> Self::Vector {
        if C::FUSED {
            vector::select(mask, self.fma(acc, a, b), acc)
        } else {
            vector::add_where(mask, acc, a, b)
        }
    }

    #[inline(always)]
    fn value_where(self, mask: Self::Mask, vector: Self::Vector) -> Self::Vector {
        vector::select(mask, vector, vector::splat(0.0))
    }

    #[inline(always)]
    fn weight_where(self, mask: Self::Mask, vector: Self::Vector) -> Self::Vector {
        vector::select(mask, vector, vector::splat(-0.0))
    }

    #[inline(always)]
    fn mask(self, from: usize, to: usize) -> Self::Mask {
        vector::mask(core::array::from_fn(|lane| from <= lane && lane < to))
    }

    #[inline(always)]
    fn clamp(self, vector: Self::Vector, bounds: &Bounds) -> Self::Vector {
        vector::clamp(vector, bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_fma_is_the_processors() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 32) as u32
        };
        // Exponents near each other make the rounding of the sum hard; the extremes make it rare.
        let mut element = |round: u32| {
            let bits = random();
            let exponent = match round % 4 {
                0 => 127,
                1 => 100 + bits % 50,
                2 => bits >> 24,
                _ => bits % 4,
            };
            f32::from_bits((bits & 0x807f_ffff) | (exponent.min(255) << 23))
        };
        for round in 0..2_000_000 {
            let (acc, a, b) = (element(round), element(round / 4), element(round / 16));
            let (ours, theirs) = (fused(acc, a, b), a.mul_add(b, acc));
            assert!(
                ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan()),
                "{a:e} · {b:e} + {acc:e}: {ours:e}, {theirs:e}"
            );
        }
    }
}
