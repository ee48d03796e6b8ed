//! What the machine can do at most, measured: multiply-adds in registers, and reading memory.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, Result};
use depthwise::Isa;
use depthwise_lanes::{LANES, Lanes, MulAdd, Portable, PortableFused};
use serde::Serialize;

use crate::timing::fastest;

/// Length of a sample.
const SAMPLE: Duration = Duration::from_millis(1);

/// Sizes of the memory that is read, in bytes: powers of two from the first to the last.
const SIZES: [usize; 2] = [16 << 10, 64 << 20];

/// The rate of reading memory of some size again and again.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bandwidth {
    /// Bytes of the memory that is read.
    pub bytes: usize,
    /// Bytes that are read in a second.
    pub rate: f64,
}

/// The limits of one core of a machine.
#[derive(Clone, Debug, Serialize)]
pub struct Roofline {
    /// Floating-point operations in a second with the instruction set, two for each multiply-add.
    pub peak: f64,
    /// How fast memory is read, by growing size of it.
    pub bandwidth: Vec<Bandwidth>,
}

impl Roofline {
    /// Measures this machine with instruction set `isa`.
    pub fn measure(isa: Isa) -> Result<Self> {
        let peak = peak(isa).with_context(|| format!("no peak is known for {isa}"))?;
        Ok(Self { peak, bandwidth: bandwidth() })
    }

    /// The rate at which tensors of `bytes` in total are read, again and again.
    pub fn rate(&self, bytes: usize) -> f64 {
        let larger = self.bandwidth.iter().find(|bandwidth| bandwidth.bytes >= bytes);
        larger.or(self.bandwidth.last()).map_or(f64::INFINITY, |bandwidth| bandwidth.rate)
    }

    /// The least seconds that so many operations on tensors of `bytes` in total can take: at the peak
    /// rate, or the tensors once through memory that holds them, whichever is longer.
    pub fn least_time(&self, flops: usize, bytes: usize) -> f64 {
        (flops as f64 / self.peak).max(bytes as f64 / self.rate(bytes))
    }
}

/// The most operations in a second, if this build has the instruction set here.
fn peak(isa: Isa) -> Option<f64> {
    match isa {
        Isa::Portable => Some(best(Portable::<MulAdd>::new())),
        Isa::PortableFused => Some(best(PortableFused::new())),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => depthwise_lanes::Neon::new().map(best),
        #[cfg(target_arch = "wasm32")]
        Isa::Simd128 => depthwise_lanes::Simd128::new().map(best),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Isa::Simd128Relaxed => depthwise_lanes::Simd128Relaxed::new().map(best),
        _ => None,
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
    let time = fastest(SAMPLE, || chains::<L, CHAINS>(lanes, STEPS));
    (2 * LANES * CHAINS * STEPS) as f64 / time
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

fn bandwidth() -> Vec<Bandwidth> {
    let [first, last] = SIZES;
    let memory = vec![1u32; last / size_of::<u32>()];
    let sizes = std::iter::successors(Some(first), |&bytes| (bytes < last).then_some(2 * bytes));
    sizes
        .map(|bytes| {
            let memory = &memory[..bytes / size_of::<u32>()];
            let time = fastest(SAMPLE, || {
                black_box(sum(black_box(memory)));
            });
            Bandwidth { bytes, rate: bytes as f64 / time }
        })
        .collect()
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

    #[test]
    fn the_longer_of_compute_and_memory() {
        let small = Bandwidth { bytes: 1 << 11, rate: 1e9 };
        let large = Bandwidth { bytes: 1 << 20, rate: 1e8 };
        let roofline = Roofline { peak: 1e9, bandwidth: vec![small, large] };
        assert_eq!(
            (roofline.rate(2048), roofline.rate(2049), roofline.rate(1 << 30)),
            (1e9, 1e8, 1e8)
        );
        assert_eq!(roofline.least_time(13_000, 2000), 13e-6);
        assert_eq!(roofline.least_time(600, 4000), 40e-6);
    }

    #[test]
    fn a_sum_reads_everything() {
        assert_eq!(sum(&vec![3; 4096]), 3 * 4096);
    }
}
