//! Times of things that are called again and again.

use std::time::{Duration, Instant};

use crate::threads::Pool;

/// Most samples of a subject. Many short ones, for on a busy machine each may be interrupted.
pub const ROUNDS: usize = 201;

/// Least samples of a subject, however long they take.
const LEAST_ROUNDS: usize = 11;

/// Calls before each sample. What another subject has left in the caches is not this one's, and a cache of
/// what others have evicted keeps a tensor only when it has come by a few times.
const WARM_UP: u32 = 3;

/// Seconds of one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// The median of the samples.
    pub median: f64,
    /// The fastest of the samples.
    pub least: f64,
}

/// Something to be timed.
pub struct Subject<'a> {
    /// Where it is called.
    pub pool: &'a Pool,
    /// What is called.
    pub call: Box<dyn FnMut() + Send + 'a>,
}

impl Subject<'_> {
    /// Seconds of one call, from so many after a warm-up.
    fn sample(&mut self, calls: u32) -> f64 {
        let call = &mut self.call;
        self.pool.run(|| {
            (0..WARM_UP).for_each(|_| call());
            seconds(calls, call) / f64::from(calls)
        })
    }
}

/// Times each subject for about `budget`, in rounds over all of them, so that whatever else the machine
/// does hits all alike. `step` is called after each of the [`ROUNDS`].
pub fn interleaved(subjects: &mut [Subject], budget: Duration, step: impl Fn()) -> Vec<Time> {
    let budget = budget.as_secs_f64();
    let calls: Vec<u32> = subjects
        .iter_mut()
        .map(|subject| {
            let calls = budget / ROUNDS as f64 / subject.sample(1).max(1e-9);
            (calls as u32).saturating_sub(WARM_UP).max(1)
        })
        .collect();
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); subjects.len()];
    for round in 0..ROUNDS {
        for ((subject, &calls), samples) in subjects.iter_mut().zip(&calls).zip(&mut samples) {
            let spent = samples.iter().sum::<f64>() * f64::from(calls + WARM_UP);
            if round >= LEAST_ROUNDS && spent >= budget {
                continue;
            }
            samples.push(subject.sample(calls));
        }
        step();
    }
    samples.into_iter().map(summarise).collect()
}

/// Seconds of one call of `subject`: the fastest of many samples of at least `sample`.
pub fn fastest(sample: Duration, mut subject: impl FnMut()) -> f64 {
    let mut calls = 1;
    while seconds(calls, &mut subject) < sample.as_secs_f64() && calls < u32::MAX / 2 {
        calls *= 2;
    }
    let samples = (0..LEAST_ROUNDS).map(|_| seconds(calls, &mut subject) / f64::from(calls));
    samples.fold(f64::INFINITY, f64::min)
}

fn seconds(calls: u32, subject: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| subject());
    start.elapsed().as_secs_f64()
}

fn summarise(mut samples: Vec<f64>) -> Time {
    samples.sort_by(f64::total_cmp);
    Time { median: samples[samples.len() / 2], least: samples[0] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn median_and_least() {
        let time = summarise(vec![5.0, 1.0, 9.0, 2.0, 3.0]);
        assert_eq!(time, Time { median: 3.0, least: 1.0 });
    }

    #[test]
    fn every_subject_has_its_samples() {
        let (pool, steps) = (Pool::new(1).unwrap(), Cell::new(0));
        let mut calls = 0;
        let mut subjects = [
            Subject { pool: &pool, call: Box::new(|| calls += 1) },
            Subject { pool: &pool, call: Box::new(|| ()) },
        ];
        let times = interleaved(&mut subjects, Duration::ZERO, || steps.set(steps.get() + 1));
        drop(subjects);
        assert_eq!((times.len(), steps.get()), (2, ROUNDS));
        assert_eq!(calls, (WARM_UP as usize + 1) * (1 + LEAST_ROUNDS));
        assert!(times.iter().all(|time| time.least <= time.median));
    }
}
