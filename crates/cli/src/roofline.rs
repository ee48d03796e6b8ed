//! What the machine can do at most, measured: multiply-adds in registers, and reading memory.

use std::time::Duration;

use anyhow::{Context, Result};
use depthwise::Isa;
use depthwise_limits as limits;
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
        let peak =
            limits::peak(isa, seconds).with_context(|| format!("no peak is known for {isa}"))?;
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

fn bandwidth() -> Vec<Bandwidth> {
    let [first, last] = SIZES;
    let memory = vec![1u32; last / size_of::<u32>()];
    let sizes = std::iter::successors(Some(first), |&bytes| (bytes < last).then_some(2 * bytes));
    sizes
        .map(|bytes| {
            let memory = &memory[..bytes / size_of::<u32>()];
            Bandwidth { bytes, rate: limits::bandwidth(memory, seconds) }
        })
        .collect()
}

fn seconds(subject: &mut dyn FnMut()) -> f64 {
    fastest(SAMPLE, subject)
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
}
