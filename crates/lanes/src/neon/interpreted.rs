//! Twins of the instructions that Miri can't interpret, by names and results the same.

use core::arch::aarch64::{
    float32x4_t, float32x4x2_t, vld1q_f32, vst1q_f32, vuzp1q_f32, vuzp2q_f32,
};

use crate::LANES;

/// # Safety
/// - `pointer` is valid for reading eight elements.
pub unsafe fn vld2q_f32(pointer: *const f32) -> float32x4x2_t {
    // SAFETY: NEON is part of the targets that this is compiled for; the caller vouches for eight elements.
    unsafe {
        let (low, high) = (vld1q_f32(pointer), vld1q_f32(pointer.add(4)));
        float32x4x2_t(vuzp1q_f32(low, high), vuzp2q_f32(low, high))
    }
}

/// # Safety
/// - None but the instruction's own: the processor has NEON.
pub unsafe fn vmaxq_f32(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    lane_by_lane(a, b, maximum)
}

/// # Safety
/// - None but the instruction's own: the processor has NEON.
pub unsafe fn vminq_f32(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    lane_by_lane(a, b, |a, b| -maximum(-a, -b))
}

/// Of two numbers; −0 is below +0.
fn maximum(a: f32, b: f32) -> f32 {
    if a == b { f32::from_bits(a.to_bits() & b.to_bits()) } else { a.max(b) }
}

/// NaN where either lane is, and `choose` elsewhere, which is told of no NaN.
fn lane_by_lane(a: float32x4_t, b: float32x4_t, choose: fn(f32, f32) -> f32) -> float32x4_t {
    let array = |vector| {
        let mut lanes = [0.0; LANES];
        // SAFETY: as above, and the array has four elements.
        unsafe { vst1q_f32(lanes.as_mut_ptr(), vector) };
        lanes
    };
    let (a, b): ([f32; LANES], [f32; LANES]) = (array(a), array(b));
    let lanes: [f32; LANES] = core::array::from_fn(|lane| match (a[lane], b[lane]) {
        (a, b) if a.is_nan() || b.is_nan() => f32::NAN,
        (a, b) => choose(a, b),
    });
    // SAFETY: as above.
    unsafe { vld1q_f32(lanes.as_ptr()) }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use core::arch::aarch64 as processor;
    use core::mem::transmute;

    use super::*;

    fn bits(vector: float32x4_t) -> [u32; LANES] {
        // SAFETY: both are 16 bytes, and any bits are integers.
        let lanes: [f32; LANES] = unsafe { transmute(vector) };
        lanes.map(|lane| if lane.is_nan() { f32::NAN.to_bits() } else { lane.to_bits() })
    }

    #[test]
    fn twins_give_the_processors_bits() {
        let values =
            [0.0, -0.0, 1.0, -1.5, 1e-40, f32::MAX, f32::INFINITY, -f32::INFINITY, f32::NAN];
        for a in values {
            for b in values.as_chunks::<LANES>().0 {
                // SAFETY: NEON is part of the target, and the array has four elements.
                let (a, b) = unsafe { (processor::vdupq_n_f32(a), vld1q_f32(b.as_ptr())) };
                // SAFETY: NEON is part of the target.
                unsafe {
                    let max = bits(processor::vmaxq_f32(a, b));
                    let min = bits(processor::vminq_f32(a, b));
                    assert_eq!([bits(vmaxq_f32(a, b)), bits(vmaxq_f32(b, a))], [max; 2]);
                    assert_eq!([bits(vminq_f32(a, b)), bits(vminq_f32(b, a))], [min; 2]);
                }
            }
        }
        let eight: [f32; 8] = core::array::from_fn(|index| index as f32);
        // SAFETY: the array has eight elements.
        let (twin, pair) =
            unsafe { (vld2q_f32(eight.as_ptr()), processor::vld2q_f32(eight.as_ptr())) };
        assert_eq!([bits(twin.0), bits(twin.1)], [bits(pair.0), bits(pair.1)]);
    }
}
