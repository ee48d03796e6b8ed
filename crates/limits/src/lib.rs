//! What one core can do at most, measured: multiply-adds in registers, and reading memory. These are the two lines of a
//! roofline (Williams, Waterman and Patterson, Roofline, 2009).
//!
//! How time is taken is the caller's: natively and in browsers, clocks differ in what they resolve. It is a function that
//! gives the seconds of one call of what it is given, after as many calls as its clock takes.

use std::hint::black_box;

use depthwise::Isa;
use depthwise_lanes::{LANES, Lanes, MulAdd, Portable, PortableFused};

/// The most floating-point operations in a second with an instruction set, two for each multiply-add, if this build and
/// machine have it.
pub fn peak(isa: Isa, seconds: impl Fn(&mut dyn FnMut()) -> f64) -> Option<f64> {
    match isa {
        Isa::Portable => Some(best(Portable::<MulAdd>::new(), seconds)),
        Isa::PortableFused => Some(best(PortableFused::new(), seconds)),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => depthwise_lanes::Neon::new().map(|lanes| best(lanes, seconds)),
        #[cfg(target_arch = "wasm32")]
        Isa::Simd128 => depthwise_lanes::Simd128::new().map(|lanes| best(lanes, seconds)),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::Simd128Relaxed => {
            depthwise_lanes::Simd128Relaxed::new().map(|lanes| best(lanes, seconds))
        }
        _ => None,
    }
}

/// The best rate over numbers of independent chains: enough of them to hide the latency, few enough
/// for the registers.
fn best<L: Lanes<Element = f32>>(lanes: L, seconds: impl Fn(&mut dyn FnMut()) -> f64) -> f64 {
    let rates = [
        rate::<L, 8>(lanes, &seconds),
        rate::<L, 12>(lanes, &seconds),
        rate::<L, 14>(lanes, &seconds),
        rate::<L, 24>(lanes, &seconds),
    ];
    rates.into_iter().fold(0.0, f64::max)
}

fn rate<L: Lanes<Element = f32>, const CHAINS: usize>(
    lanes: L,
    seconds: impl Fn(&mut dyn FnMut()) -> f64,
) -> f64 {
    const STEPS: usize = 1000;
    let seconds = seconds(&mut || chains::<L, CHAINS>(lanes, STEPS));
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

/// Bytes in a second, of reading this memory again and again.
pub fn bandwidth(memory: &[u32], seconds: impl Fn(&mut dyn FnMut()) -> f64) -> f64 {
    let seconds = seconds(&mut || {
        black_box(sum(black_box(memory)));
    });
    size_of_val(memory) as f64 / seconds
}

/// The sum of `memory`, in as many lanes as it takes to be limited by nothing but reading. (With
/// more, compilers stop keeping them in registers.)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn seconds(subject: &mut dyn FnMut()) -> f64 {
        let start = Instant::now();
        subject();
        start.elapsed().as_secs_f64()
    }

    #[test]
    fn a_sum_reads_everything() {
        assert_eq!(sum(&vec![3; 4096]), 3 * 4096);
    }

    #[test]
    fn limits_are_numbers() {
        let peak = peak(Isa::best(), seconds).unwrap();
        assert!(peak.is_finite() && peak > 1e6, "{peak}");
        let bandwidth = bandwidth(&vec![1; 4096], seconds);
        assert!(bandwidth.is_finite() && bandwidth > 1e6, "{bandwidth}");
    }

    #[test]
    fn what_is_not_built_has_no_peak() {
        if cfg!(not(target_arch = "wasm32")) {
            assert_eq!(peak(Isa::Simd128, seconds), None);
        }
    }
}
