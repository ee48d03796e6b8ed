//! Times of subjects, each beside the others'.

use anyhow::Result;
use serde::Serialize;

use crate::subject::Subject;

/// Samples of a subject.
const ROUNDS: usize = 21;

/// Least seconds of a sample.
const SAMPLE: f64 = 1e-3;

/// Seconds of one call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Time {
    /// The median of the samples.
    pub median: f64,
    /// The fastest of the samples.
    pub least: f64,
}

/// Times subjects in rounds over all of them, so that whatever else the machine does hits all alike. Time
/// is that of the processor where there is such a clock: on a busy machine the wall clock counts the others' turns too.
pub fn interleaved(subjects: &mut [Subject]) -> Result<Vec<Time>> {
    let mut calls = Vec::new();
    for subject in &mut *subjects {
        let once = seconds(subject, 1)?.min(seconds(subject, 1)?);
        calls.push((SAMPLE / once.max(1e-9)).ceil() as u32);
    }
    let mut samples = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for ((subject, &calls), samples) in subjects.iter_mut().zip(&calls).zip(&mut samples) {
            // What another subject has left in the caches is not this one's.
            (subject.call)()?;
            samples.push(seconds(subject, calls)? / f64::from(calls));
        }
    }
    Ok(samples.into_iter().map(summarise).collect())
}

fn seconds(subject: &mut Subject, calls: u32) -> Result<f64> {
    let start = processor_seconds();
    for _ in 0..calls {
        (subject.call)()?;
    }
    Ok(processor_seconds() - start)
}

#[cfg(not(target_family = "wasm"))]
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// WebAssembly knows the time of the wall alone.
#[cfg(target_family = "wasm")]
fn processor_seconds() -> f64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

fn summarise(mut samples: Vec<f64>) -> Time {
    samples.sort_by(f64::total_cmp);
    Time { median: samples[samples.len() / 2], least: samples[0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_least() {
        let time = summarise(vec![5.0, 1.0, 9.0, 2.0, 3.0]);
        assert_eq!(time, Time { median: 3.0, least: 1.0 });
    }
}
