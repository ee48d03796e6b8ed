//! What one core can do at most, measured: multiply-adds in registers, and reading memory.

use depthwise::Isa;
use depthwise_limits as limits;

use crate::time;

/// Least seconds of a sample: browsers round the time to a tenth of a millisecond.
const SAMPLE: f64 = 5e-3;

/// Samples, of which the fastest counts.
const SAMPLES: usize = 7;

/// Floating-point operations in a second with the fastest instruction set here, two for each multiply-add.
#[must_use]
pub fn peak() -> f64 {
    limits::peak(Isa::best(), fastest).unwrap_or(0.0)
}

/// Bytes in a second, of reading so many bytes again and again.
#[must_use]
pub fn bandwidth(bytes: usize) -> f64 {
    limits::bandwidth(&vec![1; bytes / size_of::<u32>()], fastest)
}

/// Seconds of one call of `subject`: of the fastest of some samples, all long enough for the clock.
fn fastest(subject: &mut dyn FnMut()) -> f64 {
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
        let [peak, bandwidth] = [peak(), bandwidth(16 << 10)];
        assert!(peak.is_finite() && peak > 1e7 && bandwidth.is_finite() && bandwidth > 1e7);
    }
}
