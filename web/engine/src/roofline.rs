//! What one core can do at most, measured: multiply-adds in registers, and reading memory.

use std::hint::black_box;

use depthwise::Isa;
use depthwise_lanes::{LANES, Lanes};
#[cfg(not(target_arch = "wasm32"))]
use depthwise_lanes::{MulAdd, Portable};

use crate::time;

/// Least seconds of a sample: browsers round the time to a tenth of a millisecond.
const SAMPLE: f64 = 5e-3;

/// Samples, of which the fastest counts.
const SAMPLES: usize = 7;

/// Floating-point operations in a second with the fastest instruction set here, two for each multiply-add.
#[must_use]
pub fn peak() -> f64 {
    match Isa::best() {
        #[cfg(target_arch = "wasm32")]
        Isa::Simd128 => depthwise_lanes::Simd128::new().map_or(0.0, best),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::Simd128Relaxed => depthwise_lanes::Simd128Relaxed::new().map_or(0.0, best),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => depthwise_lanes::Neon::new().map_or(0.0, best),
        #[cfg(not(target_arch = "wasm32"))]
        _ => best(Portable::<MulAdd>::new()),
        #[cfg(target_arch = "wasm32")]
        _ => 0.0,
    }
}

/// The best rate over numbers of independent chains: enough of them to hide the latency, few enough
/// for the registers.
fn best<L: Lanes<Element = f32>>(lanes: L) -> f64 {
    [rate::<L, 8>(lanes), rate::<L, 12>(lanes), rate::<L, 14>(lanes), rate::<L, 24>(lanes)]
        .into_iter()
        .fold(0.0, f64::max)
}

fn rate<L: Lanes<Element = f32>, const CHAINS: usize>(lanes: L) -> f64 {
    const STEPS: usize = 1000;
    let seconds = fastest(|| chains::<L, CHAINS>(lanes, STEPS));
    (2 * LANES * CHAINS * STEPS) as f64 / seconds
}

/// `CHAINS` vectors v, each replaced by v + v·factor, `steps` times.
#[inline(never)]
fn chains<L: Lanes<Element = f32>, const CHAINS: usize>(lanes: L, steps: usize) {
    let factor = lanes.splat(black_box(0.0));
    let mut vectors = [lanes.splat(black_box(1.0)); CHAINS];
    for _ in 0..steps {
        for vector in &mut vectors {
            *vector = lanes.fma(*vector, *vector, factor);
        }
    }
    black_box(vectors);
}

/// Bytes in a second, of reading so many bytes again and again.
#[must_use]
pub fn bandwidth(bytes: usize) -> f64 {
    let memory = vec![1u32; bytes / size_of::<u32>()];
    let seconds = fastest(|| {
        black_box(sum(black_box(&memory)));
    });
    size_of_val(&memory[..]) as f64 / seconds
}

/// The sum of `memory`, in as many lanes as it takes to be limited by nothing but reading.
#[inline(never)]
fn sum(memory: &[u32]) -> u32 {
    let mut sums = [0u32; 16];
    let (chunks, _) = memory.as_chunks::<16>();
    for chunk in chunks {
        for (sum, element) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*element);
        }
    }
    sums.into_iter().fold(0, u32::wrapping_add)
}

/// Seconds of one call of `subject`: of the fastest of some samples, all long enough for the clock.
fn fastest(mut subject: impl FnMut()) -> f64 {
    let mut seconds = |calls: u32| {
        let start = time::now();
        (0..calls).for_each(|_| subject());
        time::now() - start
    };
    let mut calls = 1;
    loop {
        let samples = (0..SAMPLES).map(|_| seconds(calls));
        let least = samples.fold(f64::INFINITY, f64::min);
        if least >= SAMPLE || calls > u32::MAX / 64 {
            return least / f64::from(calls);
        }
        // A little more than would do.
        calls *= (1.2 * SAMPLE / least).clamp(2.0, 32.0) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_numbers() {
        assert_eq!(sum(&vec![3; 4096]), 3 * 4096);
        let [peak, bandwidth] = [peak(), bandwidth(16 << 10)];
        assert!(peak.is_finite() && peak > 1e7 && bandwidth.is_finite() && bandwidth > 1e7);
    }
}
