#[cfg(any(miri, test))]
mod interpreted;

use core::arch::aarch64::*;

#[cfg(miri)]
use self::interpreted::{vld2q_f32, vmaxq_f32, vminq_f32};
use crate::cursor::{Cursor, Dst, Src};
use crate::{Bounds, Fused, LANES, Lanes};

/// AArch64's Advanced SIMD, which every 64-bit ARM phone, board and computer has.
#[derive(Clone, Copy, Debug)]
pub struct Neon(());

impl Neon {
    /// The token, if this build may use the instructions.
    #[must_use]
    pub const fn new() -> Option<Self> {
        if cfg!(target_feature = "neon") { Some(Self(())) } else { None }
    }
}

impl Lanes for Neon {
    const NAME: &'static str = "neon";
    const PAIRS: bool = true;
    const REGISTERS: usize = 32;
    type Contract = Fused;
    type Element = f32;
    type Src = Src;
    type Dst = Dst;
    type Vector = float32x4_t;
    type Mask = uint32x4_t;

    #[inline(always)]
    fn zero(self) -> float32x4_t {
        self.splat(0.0)
    }

    #[inline(always)]
    fn splat(self, element: f32) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe { vdupq_n_f32(element) }
    }

    #[cfg(not(miri))]
    #[inline(always)]
    fn twice_again(self, vectors: &[float32x4_t; 2]) -> [float32x4_t; 2] {
        let (a, b);
        // SAFETY: a reference is valid for reads, and nothing else happens. That it is not `pure` says that the registers of
        // an earlier call won't do.
        unsafe {
            core::arch::asm!(
                "ldp {a:q}, {b:q}, [{vectors}]",
                a = lateout(vreg) a,
                b = lateout(vreg) b,
                vectors = in(reg) vectors,
                options(readonly, nostack, preserves_flags)
            );
        }
        [a, b]
    }

    #[inline(always)]
    unsafe fn load(self, src: Src) -> float32x4_t {
        // SAFETY: the token is the proof of NEON; the caller vouches for four elements.
        unsafe { vld1q_f32(src.access(4)) }
    }

    #[cfg(not(miri))]
    #[inline(always)]
    unsafe fn load_and_step(self, src: &mut Src, distance: isize) -> float32x4_t {
        let mut pointer = src.access(4);
        let vector;
        // SAFETY: the caller vouches for four elements, and nothing else is read.
        unsafe {
            core::arch::asm!(
                "ld1 {{ {vector:v}.4s }}, [{pointer}], {distance}",
                vector = lateout(vreg) vector,
                pointer = inout(reg) pointer,
                distance = in(reg) distance,
                options(pure, readonly, nostack, preserves_flags)
            );
        }
        *src = src.at(pointer);
        vector
    }

    #[cfg(not(miri))]
    #[inline(always)]
    fn after(self, src: Src, vector: &mut float32x4_t) -> Src {
        let mut pointer = src.access(0);
        #[allow(
            clippy::pointers_in_nomem_asm_block,
            reason = "the pointer is not followed: there is no instruction"
        )]
        // SAFETY: there is no instruction, so nothing happens but that pointer and vector may have changed, for all the compiler knows.
        unsafe {
            core::arch::asm!(
                "/* {pointer} {vector:v} */",
                pointer = inout(reg) pointer,
                vector = inout(vreg) *vector,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        src.at(pointer)
    }

    #[inline(always)]
    unsafe fn load_splat(self, src: Src) -> float32x4_t {
        // SAFETY: the token is the proof of NEON; the caller vouches for one element.
        unsafe { vld1q_dup_f32(src.access(1)) }
    }

    #[inline(always)]
    unsafe fn load_partial(self, src: Src, count: usize) -> float32x4_t {
        let pointer = src.access(count);
        // SAFETY: the token is the proof of NEON; the caller vouches for `count` elements, and no
        // arm reads more.
        unsafe {
            let zero = vdupq_n_f32(0.0);
            match count {
                1 => vld1q_lane_f32::<0>(pointer, zero),
                2 => vcombine_f32(vld1_f32(pointer), vdup_n_f32(0.0)),
                3 => {
                    let pair = vcombine_f32(vld1_f32(pointer), vdup_n_f32(0.0));
                    vld1q_lane_f32::<2>(pointer.add(2), pair)
                }
                _ => vld1q_f32(pointer),
            }
        }
    }

    #[inline(always)]
    unsafe fn load_even(self, src: Src) -> float32x4_t {
        let pointer = src.access(7);
        // SAFETY: the token is the proof of NEON; the caller vouches for seven elements, 0..4 and
        // 3..7. Rotating the second by one lane puts elements 4 and 6 where UZP1 looks.
        unsafe {
            let (low, high) = (vld1q_f32(pointer), vld1q_f32(pointer.add(3)));
            vuzp1q_f32(low, vextq_f32::<1>(high, high))
        }
    }

    #[inline(always)]
    unsafe fn load_pair(self, src: Src) -> (float32x4_t, float32x4_t) {
        let pointer = src.access(8);
        // SAFETY: the token is the proof of NEON; the caller vouches for eight elements.
        let pair = unsafe { vld2q_f32(pointer) };
        (pair.0, pair.1)
    }

    #[inline(always)]
    unsafe fn load_gather(self, src: Src, offsets: [usize; LANES], count: usize) -> float32x4_t {
        let lane = |i: usize| src.step(offsets[i] as isize).access(1);
        // SAFETY: the token is the proof of NEON; the caller vouches for the first `count` offsets.
        unsafe {
            let mut vector = vld1q_lane_f32::<0>(lane(0), vdupq_n_f32(0.0));
            if count > 1 {
                vector = vld1q_lane_f32::<1>(lane(1), vector);
            }
            if count > 2 {
                vector = vld1q_lane_f32::<2>(lane(2), vector);
            }
            if count > 3 {
                vector = vld1q_lane_f32::<3>(lane(3), vector);
            }
            vector
        }
    }

    #[inline(always)]
    unsafe fn store(self, dst: Dst, vector: float32x4_t) {
        // SAFETY: the token is the proof of NEON; the caller vouches for four elements.
        unsafe { vst1q_f32(dst.access(4), vector) }
    }

    #[cfg(not(miri))]
    #[inline(always)]
    unsafe fn store_and_step(self, dst: &mut Dst, vector: float32x4_t, distance: isize) {
        let mut pointer = dst.access(4);
        // SAFETY: the caller vouches for four elements, and nothing else is written.
        unsafe {
            core::arch::asm!(
                "st1 {{ {vector:v}.4s }}, [{pointer}], {distance}",
                vector = in(vreg) vector,
                pointer = inout(reg) pointer,
                distance = in(reg) distance,
                options(nostack, preserves_flags)
            );
        }
        *dst = dst.at(pointer);
    }

    #[inline(always)]
    unsafe fn store_partial(self, dst: Dst, vector: float32x4_t, count: usize) {
        let pointer = dst.access(count);
        // SAFETY: the token is the proof of NEON; the caller vouches for `count` elements, and no
        // arm writes more.
        unsafe {
            match count {
                1 => vst1q_lane_f32::<0>(pointer, vector),
                2 => vst1_f32(pointer, vget_low_f32(vector)),
                3 => {
                    vst1_f32(pointer, vget_low_f32(vector));
                    vst1q_lane_f32::<2>(pointer.add(2), vector);
                }
                _ => vst1q_f32(pointer, vector),
            }
        }
    }

    #[inline(always)]
    unsafe fn reload(self, dst: Dst, count: usize) -> float32x4_t {
        // SAFETY: the caller vouches for `count` elements.
        unsafe { self.load_partial(dst.read(), count) }
    }

    #[inline(always)]
    fn lane(self, vector: float32x4_t, lane: usize) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe {
            match lane {
                0 => vdupq_laneq_f32::<0>(vector),
                1 => vdupq_laneq_f32::<1>(vector),
                2 => vdupq_laneq_f32::<2>(vector),
                _ => vdupq_laneq_f32::<3>(vector),
            }
        }
    }

    #[inline(always)]
    fn zip(self, a: float32x4_t, b: float32x4_t) -> (float32x4_t, float32x4_t) {
        // SAFETY: the token is the proof of NEON.
        unsafe { (vzip1q_f32(a, b), vzip2q_f32(a, b)) }
    }

    #[inline(always)]
    fn shift(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe { vextq_f32::<1>(a, b) }
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn sums(self, [a, b, c, d]: [float32x4_t; LANES]) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe { vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)) }
    }

    #[inline(always)]
    fn fma(self, acc: float32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe { vfmaq_f32(acc, a, b) }
    }

    #[inline(always)]
    fn fma_where(
        self,
        mask: uint32x4_t,
        acc: float32x4_t,
        a: float32x4_t,
        b: float32x4_t,
    ) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe { vbslq_f32(mask, vfmaq_f32(acc, a, b), acc) }
    }

    #[inline(always)]
    fn value_where(self, mask: uint32x4_t, vector: float32x4_t) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe { vbslq_f32(mask, vector, vdupq_n_f32(0.0)) }
    }

    #[inline(always)]
    fn weight_where(self, mask: uint32x4_t, vector: float32x4_t) -> float32x4_t {
        // SAFETY: the token is the proof of NEON.
        unsafe { vbslq_f32(mask, vector, vdupq_n_f32(-0.0)) }
    }

    #[inline(always)]
    fn mask(self, from: usize, to: usize) -> uint32x4_t {
        let lanes: [u32; LANES] =
            core::array::from_fn(|lane| if from <= lane && lane < to { u32::MAX } else { 0 });
        // SAFETY: the token is the proof of NEON, and the array has four elements.
        unsafe { vld1q_u32(lanes.as_ptr()) }
    }

    #[inline(always)]
    fn clamp(self, vector: float32x4_t, bounds: &Bounds) -> float32x4_t {
        let (min, max) = (self.splat(bounds.min), self.splat(bounds.max));
        // SAFETY: the token is the proof of NEON. FMAX and FMIN are IEEE maximum and minimum.
        unsafe { vminq_f32(vmaxq_f32(vector, min), max) }
    }
}
